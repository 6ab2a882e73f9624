"""Student code that takes more than it may: it costs the cell in which it happens, and nobody else."""

import time

import pytest

pytestmark = pytest.mark.slow

MEAN = "def mean(values):\n    {}\n    return sum(values) / len(values)\n"

# name: (what it tries, code in the function `mean`, outcomes that it may have in its tests)
IN_A_FUNCTION = {
    "loop": ("a loop that never ends", "while True: pass", {"timeout"}),
    "loop-in-c": ("a loop inside one call that no signal interrupts", "sum(range(10**12))", {"timeout"}),
    "deaf": (
        "a loop that ignores every signal",
        "import signal\n    for n in range(1, 64):\n        try: signal.signal(n, signal.SIG_IGN)\n"
        "        except (OSError, ValueError): pass\n    while True: pass",
        {"timeout"},
    ),
    "swallow": (
        "a loop that catches every exception",
        "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        {"timeout"},
    ),
    "sleep": ("a long sleep", "__import__('time').sleep(1000)", {"timeout"}),
    "stop": ("its own process stopped", "__import__('os').kill(__import__('os').getpid(), 19)", {"timeout"}),
    "stop-all": (
        "every other process of its own stopped",
        "import os\n    try: os.kill(-1, 19)\n    except OSError: pass",
        {"passed"},
    ),
    "kill-all": (
        "every other process of its own ended",
        "import os\n    try: os.kill(-1, 9)\n    except OSError: pass",
        {"passed"},
    ),
    "memory-at-once": ("8 GB in one piece", "np.ones(2**30)", {"memory"}),
    "memory-bit-by-bit": (
        "memory in small pieces, without end",
        "kept = []\n    while True: kept.append(bytes(10**6))",
        {"memory", "crashed", "error"},
    ),
    "memory-of-many": (
        "memory in many processes, each within its limit",
        "import os, time\n    for _ in range(8):\n        if os.fork() == 0:\n"
        "            kept = bytearray(b'x') * (120 * 2**20)\n            time.sleep(60)\n    time.sleep(60)",
        {"memory", "timeout"},
    ),
    "fork-bomb": (
        "processes that make processes",
        "import os\n    while True:\n        try: os.fork()\n        except OSError: pass",
        {"timeout", "crashed"},
    ),
    "thread-bomb": (
        "threads without end",
        "import threading, time\n    while True: threading.Thread(target=time.sleep, args=(60,)).start()",
        {"error", "timeout", "memory"},
    ),
    "daemons": (
        "children that outlive their parent",
        "import os, time\n    for _ in range(2):\n        if os.fork() == 0:\n            os.setsid()\n"
        "            if os.fork() == 0: time.sleep(600)\n            os._exit(0)",
        {"passed"},
    ),
    "full-disk": (
        "files until the disk is full",
        "n = 0\n    while True:\n        n += 1\n        open(f'f{n}', 'wb').write(bytes(10**6))",
        {"error"},
    ),
    "big-file": ("one file without end", "f = open('f', 'wb')\n    while True: f.write(bytes(10**6))", {"error"}),
    "many-files": ("a million small files", "for n in range(10**6): open(f'f{n}', 'w').close()", {"error", "timeout"}),
    "open-files": ("a million open files", "kept = [open('/dev/null') for _ in range(10**6)]", {"error"}),
    "output": ("output without end", "while True: print('x' * 10**6)", {"timeout"}),
    "recursion": ("recursion without end", "f = lambda: f()\n    f()", {"error"}),
    "deep-recursion": (
        "recursion until the stack bursts",
        "import sys\n    sys.setrecursionlimit(10**9)\n    f = lambda: f()\n    f()",
        {"crashed", "memory", "error", "timeout"},
    ),
    "regex": ("a search that takes ages", "__import__('re').match('(a+)+$', 'a' * 60 + 'b')", {"timeout"}),
    "big-number": ("a power that takes ages", "3 ** 10**10", {"timeout", "memory"}),
    "big-result": ("a result of 100 MB", "return np.zeros(13 * 10**6)", {"memory", "error"}),
    "many-values": ("a result of a million values", "return [0.0] * 10**6", {"error"}),
    "long-message": ("an exception whose message has 100 MB", "raise ValueError('x' * 10**8)", {"error", "memory"}),
}

# name: (what it tries, a cell of the student's own)
IN_A_CELL = {
    "cell-loop": ("a loop that never ends, in a cell", "while True: pass"),
    "cell-deaf": (
        "a cell that cannot be interrupted",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    ),
    "cell-exit": ("the process ended in a cell", "import os\nos._exit(1)"),
    "cell-kill": ("every process ended in a cell", "import os\nos.kill(-1, 9)"),
    "cell-memory": ("8 GB in a cell", "kept = np.ones(2**30)"),
    "cell-shell": ("a shell line that never ends", "!sleep 1000"),
    "cell-input": ("a question to somebody who is not there", "answer = input('your grade? ')"),
    "cell-background": (
        "processes left running by a cell",
        "import subprocess\n[subprocess.Popen(['sleep', '99']) for _ in range(9)]",
    ),
    "cell-output": ("output without end, a million characters at a time", "while True: print('x' * 10**6)"),
    "cell-disk": ("a full disk", "for n in range(99): open(f'f{n}', 'wb').write(bytes(10**6))"),
    "cell-close": ("every file closed, the grader's channels among them", "import os\nos.closerange(3, 256)"),
}


@pytest.mark.parametrize("name", IN_A_FUNCTION)
def test_a_limit_costs_the_part_in_which_it_is_hit(attack, name):
    tries, code, expected = IN_A_FUNCTION[name]
    started = time.monotonic()
    result = attack("resources", name, tries, {"mean": MEAN.format(code)})
    assert time.monotonic() - started < 60
    for cell in result.cells:
        if cell.grade_id.startswith("mean"):
            assert cell.outcome in expected, f"{cell.grade_id}: {cell.outcome}, {cell.message}"
        else:
            assert cell.outcome == "passed", f"{cell.grade_id}: {cell.outcome}, {cell.message}"


@pytest.mark.parametrize("name", IN_A_CELL)
def test_a_limit_hit_in_a_cell_costs_no_part(attack, name):
    tries, cell = IN_A_CELL[name]
    result = attack("resources", name, tries, {}, cells=(cell,))
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []


def test_the_limit_is_named(attack):
    answers = {"mean": MEAN.format("while True: pass"), "scaled": "def scaled(w, factor):\n    return np.ones(2**30)"}
    result = attack("resources", "two-limits", "time and memory, one after the other", answers)
    by_id = {cell.grade_id: cell for cell in result.cells}
    assert "No answer within 2 s" in by_id["mean_visible"].message
    for name in ("scaled_visible", "scaled_hidden"):
        assert by_id[name].outcome == "memory" and "300 MB" in by_id[name].message


def test_many_endless_parts_leave_the_others_their_time(attack):
    """Each of them runs into its limit; together they take longer than a submission's cells may."""
    endless = "def {}(*args):\n    while True: pass"
    answers = {name: endless.format(name) for name in ("mean", "scaled", "slope", "noisy", "batches")}
    result = attack("resources", "many-loops", "loops without end in five of seven parts", answers)
    for cell in result.cells:
        part = cell.grade_id.rpartition("_")[0]
        assert cell.outcome == ("timeout" if part in answers else "passed"), cell
