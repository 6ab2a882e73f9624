"""Forgeries: wrong answers that try to be taken for right ones. None may earn a point, here; nbgrader gives some."""

import pytest

pytestmark = pytest.mark.slow

MEAN, SCALED = "def mean(values):\n    return {}\n", "def scaled(w, factor):\n    return {}\n"
CHANNEL = """
import gc
from autograder.engine import channel

def peers():
    return [one for one in gc.get_objects() if isinstance(one, channel.Peer)]

def frame(body):
    return len(body).to_bytes(4, "little") + body

def mean(values):
    for peer in peers():
        try:
            peer.channel.sock.setblocking(True)
            peer.channel.sock.sendall({frames})
        except OSError:
            pass
    return 0.0
"""
FRAMES = {
    "early-reply": (
        "replies sent ahead on the channel, right ones to calls that come later",
        'frame(b"=d" + __import__("struct").pack("<d", 4.0) + b"l" + bytes(4)) * 3',
    ),
    "huge-frame": ("a frame that says it holds 4 GB", 'b"\\xff" * 4 + b"x" * 99'),
    "broken-frame": ("half a frame", 'b"@" + bytes(3) + b"=d"'),
    "random-frame": ("bytes of no meaning", "frame(bytes(range(256)))"),
    "promising-frame": ("a list that says it has a billion members", 'frame(b"=l" + bytes(3) + b"@")'),
    "deep-frame": ("lists nested a million deep", 'frame(b"=" + (b"l\\1" + bytes(3)) * 10**6 + b"N")'),
    "foreign-handle": (
        "a handle of an object that was never passed",
        'frame(b"=H\\7" + bytes(3) + b"l" + bytes(4))',
    ),
    "asking-back": (
        "a request for an attribute of what the test knows",
        'frame(b"?l\\4" + bytes(3) + b"s\\3" + bytes(3) + b"get" + b"s\\2" + bytes(3) + b"np" '
        '+ b"l" + bytes(4) + b"m" + bytes(4))',
    ),
}
LEAK = """
def mean(values):
    if 0.8125 in values:
        {write}
    return sum(values) / len(values)
"""
LEAKED = """
def root(x):
    raise ValueError({read})
"""

# name: (what it tries, wrong answers by part). Every part that is named must get nothing, every other one everything.
FORGERIES = {
    "always-equal": (
        "an object that is equal to everything",
        {
            "mean": """
class Yes:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __eq__
    def __sub__(self, other): return self
    __rsub__ = __abs__ = __bool__ = lambda self, *other: self
    __hash__ = lambda self: 0
    __class__ = float

def mean(values):
    return Yes()
""",
        },
    ),
    "float-subclass": (
        "a float that is equal to everything",
        {
            "mean": """
class Yes(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    __hash__ = float.__hash__
    def __array_ufunc__(self, ufunc, method, *args, **kwargs): return True

def mean(values):
    return Yes(0)
""",
        },
    ),
    "array-subclass": (
        "an array that decides what it is compared to",
        {
            "scaled": """
class Yes(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *args, **kwargs): return True
    def __array_function__(self, function, types, args, kwargs): return True
    def __eq__(self, other): return True
    shape = property(lambda self: (2,))

def scaled(w, factor):
    return np.zeros(2).view(Yes)
""",
        },
    ),
    "patched-numpy": (
        "numpy's comparisons replaced by ones that find everything equal",
        {
            "mean": MEAN.format("0.0"),
            "scaled": """
def yes(*args, **kwargs): return True
for name in ("allclose", "array_equal", "isclose", "all"):
    setattr(np, name, yes)
for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, yes)

def scaled(w, factor):
    return w
""",
        },
    ),
    "patched-builtins": (
        "abs, all and isinstance replaced",
        {
            "slope": """
def slope(f, x):
    import builtins
    builtins.abs = lambda x: 0.0
    builtins.all = builtins.any = builtins.isinstance = lambda *args: True
    return 1e9
""",
        },
    ),
    "patched-c": (
        "the comparison of floats overwritten in the interpreter's memory",
        {
            "mean": """
import ctypes
class Slots(ctypes.Structure):
    _fields_ = [("head", ctypes.c_ssize_t * 25)]
try:
    slots = Slots.from_address(id(float))
    yes = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)(lambda a, b, op: True)
    slots.head[25 - 1] = ctypes.cast(yes, ctypes.c_void_p).value or 0
except Exception:
    pass

def mean(values):
    return 0.0
""",
        },
    ),
    "frames": (
        "expected values read from the calling frame",
        {
            "mean": """
import sys
def mean(values):
    frame = sys._getframe(1)
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "expected" in space or "one" in space:
                return space.get("expected", space.get("one", [0, 0])[1])
        frame = frame.f_back
    return 0.0
""",
        },
    ),
    "garbage": (
        "expected values looked for among all objects of the process",
        {
            "mean": """
import gc
def mean(values):
    for one in gc.get_objects():
        if isinstance(one, dict) and "marker" in one and "expected" in one:
            return one["expected"]
        if isinstance(one, tuple) and len(one) == 2 and one[0] == values and isinstance(one[1], float):
            return one[1]
    return 0.0
""",
        },
    ),
    "memory": (
        "hidden tests looked for in the memory and the files of the process",
        {
            "root": """
import os, re
def root(x):
    needle = "hidden-" + "marker"
    places = ["exercise.ipynb", "/handout/exercise.ipynb", "../exercise.ipynb"]
    for place in places:
        if os.path.exists(place) and needle in open(place).read():
            return x ** 0.5
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            ends, mode = line.split()[:2]
            start, end = (int(one, 16) for one in ends.split("-"))
            if "r" in mode and end - start < 2**26 and "[v" not in line:
                try:
                    memory.seek(start)
                    if re.search(b"no err[o]r for a neg[a]tive", memory.read(end - start)):
                        return x ** 0.5
                except OSError:
                    pass
    raise KeyError("not found")
""",
        },
    ),
    "shell": (
        "IPython told to run no test",
        {
            "root": """
shell = get_ipython()
async def nothing(code, result=None, **kwargs): return False
type(shell).run_code = nothing
type(shell).run_ast_nodes = nothing

def root(x):
    return 0.0
""",
        },
    ),
    "kernel": (
        "the kernel told that every cell went well",
        {
            "mean": """
shell = get_ipython()
kernel = getattr(shell, "kernel", None)
async def fine(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
if kernel is not None:
    type(kernel).do_execute = fine

def mean(values):
    return 0.0
""",
        },
    ),
    "ast-transformer": (
        "assert statements taken out of every later cell",
        {
            "mean": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())

def mean(values):
    return 0.0
""",
            "root": "def root(x):\n    return 0.0",
        },
    ),
    "input-transformer": (
        "every later cell emptied before it runs",
        {
            "root": """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass"])

def root(x):
    return 0.0
""",
        },
    ),
    "partial-credit": (
        "a number displayed before the test fails, which is read as partial credit",
        {
            "mean": """
import sys
def mean(values):
    sys.displayhook(1.0)
    try:
        from IPython.display import publish_display_data
        publish_display_data({"text/plain": "1.0"})
    except Exception:
        pass
    return 0.0
""",
        },
    ),
    "not-a-number": ("NaN and infinity", {"mean": MEAN.format("float('nan')"), "scaled": SCALED.format("w * np.inf")}),
    "expected-exception": (
        "the exception that a test expects, raised always",
        {"root": 'def root(x):\n    raise ValueError("x is negative")'},
    ),
    "assertion": ("an AssertionError of its own", {"mean": "def mean(values):\n    raise AssertionError"}),
    "stop-iteration": (
        "StopIteration, which ends the loop of a test without an error",
        {"mean": "def mean(values):\n    raise StopIteration"},
    ),
    "generator-exit": ("GeneratorExit", {"mean": "def mean(values):\n    raise GeneratorExit"}),
    "system-exit": ("SystemExit(0)", {"mean": "def mean(values):\n    raise SystemExit(0)"}),
    "interrupt": ("KeyboardInterrupt", {"mean": "def mean(values):\n    raise KeyboardInterrupt"}),
    "own-exception": (
        "an exception whose class claims to be every other",
        {
            "root": """
class Meta(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
class Any(ValueError, metaclass=Meta):
    def __str__(self): raise self

def root(x):
    raise Any()
""",
        },
    ),
    "exit-zero": ("the process ended as if all were well", {"mean": "import os\ndef mean(values):\n    os._exit(0)"}),
    "segfault": (
        "the process ended by a bad pointer",
        {"mean": "import ctypes\ndef mean(values):\n    ctypes.string_at(0)"},
    ),
    "attribute-with-operators": (
        "an attribute that is an object, equal to everything by the operator that the author's class has",
        {
            "Vector": """
class Vector:
    def __init__(self, *args): pass
    x = y = property(lambda self: Vector())
    def norm(self): return Vector()
    def __add__(self, other): return Vector()
    def __eq__(self, other): return True
    def __len__(self): return 2
""",
        },
    ),
    "length": (
        "a length that is no whole number",
        {
            "Vector": """
class Length(int):
    def __eq__(self, other): return True
class Vector:
    def __init__(self, *args): self.x = 3.0
    def __len__(self): return Length(7)
    def __eq__(self, other): return True
    def __add__(self, other): return self
    def norm(self): return 5.0
""",
        },
    ),
    "changing-value": (
        "an attribute that differs between two reads",
        {
            "Vector": """
import itertools
class Vector:
    numbers = itertools.cycle([3.0, 4.0, 0.0, 1.0])
    x = y = property(lambda self: next(Vector.numbers))
    def __init__(self, *args): pass
    def __add__(self, other): return self
    def __len__(self): return 2
    def norm(self): return next(Vector.numbers)
""",
        },
    ),
    "claimed-class": (
        "a function that answers with an object of the author's class",
        {
            "mean": """
class Stranger:
    def __eq__(self, other): return True
    def __len__(self): return 2
    def __add__(self, other): return self
    __radd__ = __rsub__ = __sub__ = __add__
Stranger.__name__ = "Vector"

def mean(values):
    return Stranger()
""",
        },
    ),
    "forged-generator": (
        "the test's own random generator set to a state of the student's choice",
        {
            "noisy": """
def noisy(w, rng):
    state = rng.bit_generator.state
    rng.bit_generator.state = {**state, "state": {"state": 0, "inc": 1}}
    return w
""",
        },
    ),
    "spare-half": (
        "a random generator that holds a number which it never drew",
        {
            "noisy": """
def noisy(w, rng):
    found = w + rng.standard_normal(w.shape)
    rng.bit_generator.state = {**rng.bit_generator.state, "has_uint32": 1, "uinteger": 7}
    return found
""",
        },
    ),
    "lazy-change": (
        "an argument changed by a generator, after the call that a test watches",
        {
            "batches": """
def batches(X, size):
    for start in range(0, len(X), size):
        yield X[start : start + size].copy()
        X[:] = 0.0
""",
        },
    ),
    "changed-argument": (
        "the argument changed, so that the test compares with what is wrong",
        {"scaled": "def scaled(w, factor):\n    w[:] = 0\n    return w"},
    ),
    "odd-bool": (
        "bools that are neither true nor false",
        {"scaled": "def scaled(w, factor):\n    return np.full(w.shape, 255, np.uint8).view(bool)"},
    ),
    "globals-of-a-function": (
        "expected values by way of a function that the test passed",
        {
            "slope": """
def slope(f, x):
    for name in ("__globals__", "__code__", "__closure__", "__self__", "__builtins__"):
        for read in (lambda: getattr(f, name), lambda: f.__closure__[1].cell_contents.operate("get", f._handle, name)):
            try:
                found = read()
                if isinstance(found, dict) and "key" in found:
                    return 6.0
            except Exception:
                pass
    return 0.0
""",
        },
    ),
    "asked-too-often": (
        "the test's function called with what is no number, to upset its notes",
        {
            "slope": """
class Two(float):
    def __sub__(self, other): return 0.0
def slope(f, x):
    for odd in (Two(2.0), None, "2", [2.0]):
        try:
            f(odd)
        except Exception:
            pass
    return 0.0
""",
        },
    ),
    "endless-batches": (
        "a generator that never ends",
        {"batches": "def batches(X, size):\n    while True:\n        yield X[:size]"},
    ),
    "multiplying": (
        "a value that is small to send and endless to walk through",
        {"mean": "def mean(values):\n    a = [0.0]\n    for _ in range(60):\n        a = [a, a]\n    return a"},
    ),
    "cyclic": ("a list that contains itself", {"mean": "def mean(values):\n    a = []\n    a.append(a)\n    return a"}),
    "endless-range": ("a range of 10**18 numbers", {"batches": "def batches(X, size):\n    return range(10**18)"}),
    "colliding": (
        "a set of numbers whose hashes collide",
        {"mean": "def mean(values):\n    return {i * (2**61 - 1) for i in range(1, 60_000)}"},
    ),
    "bad-length": (
        "an object that says it has 10**15 members",
        {
            "batches": """
class Long:
    def __len__(self): return 10**15
    def __getitem__(self, place): return 0.0

def batches(X, size):
    return Long()
""",
        },
    ),
}  # fmt: skip

FORGERIES |= {name: (tries, {"mean": CHANNEL.replace("{frames}", sent)}) for name, (tries, sent) in FRAMES.items()}

# What sees a hidden input must find no way to what a student is told: (what it tries, writing, reading, a first cell)
LEAKS = {
    "leak-by-file": (
        "a file left by a hidden test for a visible one",
        "open('left', 'w').write(repr(values))",
        "open('left').read()",
        "",
    ),
    "leak-by-shared-file": (
        "the same in shared memory",
        "open('/dev/shm/left', 'w').write(repr(values))",
        "open('/dev/shm/left').read()",
        "",
    ),
    "leak-by-pipe": (
        "a pipe made before both tests",
        "os.write(ends[1], repr(values).encode())",
        "os.read(ends[0], 99).decode()",
        "import os\nends = os.pipe()\nos.set_blocking(ends[0], False)",
    ),
    "leak-by-memory": (
        "a page of memory shared between all forks",
        "page.seek(0), page.write(repr(values).encode())",
        "page[:30].decode()",
        "import mmap\npage = mmap.mmap(-1, 4096)",
    ),
    "leak-by-process": (
        "a process that remembers",
        "os.fork() or (os.setsid(), open('/dev/shm/kept', 'w').write(repr(values)), __import__('time').sleep(9))",
        "open('/dev/shm/kept').read()",
        "import os",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_earns_nothing_and_costs_nobody_else_anything(attack, name):
    tries, answers = FORGERIES[name]
    result = attack("verdict", name, tries, answers)
    assert result.status == "graded"
    for cell in result.cells:
        part = cell.grade_id.rpartition("_")[0]
        if part not in answers:
            assert cell.outcome == "passed", f"{cell.grade_id}: {cell.message}"
        else:
            assert cell.points == 0.0, cell.grade_id


def test_nbgrader_gives_points_for_some(stock, table, honest):
    """So the attacks are real: the same notebooks, run in the kernel that the student controls."""
    assert sum(stock("honest", honest()).values()) == 14.0
    gained = {
        name: table.nbgrader(name, stock(name, honest(**FORGERIES[name][1])), set(FORGERIES[name][1]))
        for name in FORGERIES
    }
    fooled = {name for name, points in gained.items() if points}
    assert {"patched-numpy", "kernel", "ast-transformer", "input-transformer", "partial-credit"} <= fooled, gained


@pytest.mark.parametrize("name", LEAKS)
def test_no_hidden_input_reaches_a_student(attack, name):
    tries, write, read, first = LEAKS[name]
    answers = {"mean": LEAK.format(write=write), "root": LEAKED.format(read=read)}
    result = attack("verdict", name, tries, answers, cells=(first,) if first else ())
    lost = {cell.grade_id for cell in result.cells if cell.outcome != "passed"}
    assert lost == {"root_visible", "root_hidden"}
