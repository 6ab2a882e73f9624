"""Student code that reaches for what is not its own. A part whose way out leads somewhere says so by failing."""

import os
import socket
import textwrap
import threading
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

ANSWER = """
import ctypes, glob, os, signal, socket, stat, struct
ROOT, MASTER, PORT, ABSTRACT = {places!r}
libc = ctypes.CDLL(None, use_errno=True)

def tried(call, *args):
    try:
        return call(*args)
    except OSError:
        return None

def reach():
    {reach}

def mean(values):
    found = tried(reach)
    assert not found, f"reached: {{found!r}}"
    return sum(values) / len(values)
"""

# name: (what it tries, the body of a function that gives something true where it got there)
REACHES = {
    "answer-key": ("the answer key, by its path on the grader's machine", "return open(MASTER).read()"),
    "gradebook": (
        "the gradebook, to write into it",
        "return open(ROOT + '/gradebook.db', 'ab').write(b'20')",
    ),
    "other-submission": (
        "another student's work",
        """
        return [path for path in (ROOT, ROOT + "/submitted", ROOT + "/submitted/s-other") if os.path.exists(path)]
        """,
    ),
    "home": (
        "the grader's accounts and folders",
        """
        places = "/etc/shadow", "/etc/passwd", "/root/.bashrc", "/root/.ssh", "/home", "/var", "/run", "/sys", "/boot"
        return [path for path in places if os.path.exists(path)]
        """,
    ),
    "environment": (
        "the grader's environment variables",
        """
        texts = [repr(dict(os.environ)).encode()]
        for path in glob.glob("/proc/[0-9]*/environ"):
            texts.append(tried(lambda: open(path, "rb").read()) or b"")
        return any(b"GRADERS_SECRET" in text for text in texts)
        """,
    ),
    "processes": (
        "processes outside the sandbox",
        """
        names = [open(path).read() for path in glob.glob("/proc/[0-9]*/cmdline")]
        return [name for name in names if name and "autograder.engine.student" not in name]
        """,
    ),
    "reaper-memory": (
        "the memory and the files of the process that watches over it",
        """
        read = lambda name: open("/proc/1/" + name, "rb").read(1)
        found = [tried(read, name) for name in ("mem", "environ", "maps", "fd/0", "root/etc/shadow")]
        return [one for one in found if one] + (tried(os.listdir, "/proc/1/fd") or [])
        """,
    ),
    "network": ("a server on the grader's machine", "return socket.create_connection(('127.0.0.1', PORT), timeout=1)"),
    "abstract-socket": (
        "a socket without a file on the grader's machine",
        """
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(chr(0) + ABSTRACT)
        return True
        """,
    ),
    "raw-socket": (
        "a raw socket, and one for packets",
        """
        kinds = (socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)
        return [kind for kind in kinds if tried(socket.socket, *kind)]
        """,
    ),
    "descriptors": (
        "files that it inherited",
        """
        links = [tried(os.readlink, "/proc/self/fd/" + name) or "" for name in os.listdir("/proc/self/fd")]
        known = "socket:", "/dev/null", "/proc", "/dev/urandom"
        return [link for link in links if link and not link.startswith(known)]
        """,
    ),
    "installed-packages": (
        "the environment that the next submission will import",
        """
        ours = np.__file__, "/engine/autograder/engine/student.py", "/usr/lib/x", "/bin/x", "/handout/x", "/x", "/tmp/x"
        return [path for path in ours if tried(open, path, "a")]
        """,
    ),
    "handout": (
        "the data that all students get",
        """
        deleted = tried(lambda: os.unlink("/handout/numbers.txt") or True)
        return deleted or tried(open, "/handout/numbers.txt", "w")
        """,
    ),
    "signals": (
        "signals to every process that can be named",
        """
        tried(os.kill, 1, signal.SIGKILL), tried(os.kill, 1, signal.SIGSTOP)
        return os.getppid() == 0
        """,
    ),
    "trace": (
        "ptrace, and the memory of another process",
        """
        attached = [libc.ptrace(16, pid, 0, 0) == 0 for pid in (1, os.getppid())]
        return any(attached) or libc.syscall(310, 1, 0, 0, 0, 0, 0) >= 0
        """,
    ),
    "namespaces": (
        "namespaces of its own, in which it would be root",
        "return [flag for flag in (1 << 28, 1 << 17, 1 << 29, 1 << 30, 1 << 25) if libc.unshare(flag) == 0]",
    ),
    "clone": (
        "a child in namespaces of its own, by clone and by clone3",
        """
        asked = struct.pack("<8Q", 1 << 28, 0, 0, 0, 17, 0, 0, 0)
        for number, args in ((56, (1 << 28 | 17, 0, 0, 0, 0)), (435, (asked, len(asked)))):
            pid = libc.syscall(number, *args)
            if pid == 0:
                os._exit(0)
            if pid > 0:
                return True
        """,
    ),
    "mounts": (
        "mounts, and a root of its own",
        """
        return 0 in [
            libc.mount(b"proc", b"/scratch", b"proc", 0, None), libc.umount2(b"/proc", 2), libc.chroot(b"/scratch"),
            libc.mount(None, b"/", None, 32, None),
        ]
        """,
    ),
    "devices": (
        "devices, found and made",
        """
        disks = [name for name in os.listdir("/dev") if stat.S_ISBLK(os.lstat("/dev/" + name).st_mode)]
        made = tried(lambda: os.mknod("/scratch/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)) or True)
        return disks or made or [name for name in ("mem", "kmsg", "kvm", "fuse") if os.path.exists("/dev/" + name)]
        """,
    ),
    "privileges": (
        "the rights of root",
        """
        tried(os.setuid, 0), tried(os.setgid, 0)
        status = {line.partition(":")[0]: line.partition(":")[2].strip() for line in open("/proc/self/status")}
        held = [name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
        return held or status["NoNewPrivs"] != "1" or status["Seccomp"] != "2"
        """,
    ),
    "terminal": (
        "the grader's terminal, to type into it",
        """
        import fcntl, termios
        with open("/dev/tty", "w") as tty:
            fcntl.ioctl(tty, termios.TIOCSTI, b"x")
        return True
        """,
    ),
    "kernel": (
        "system calls that have been ways out: keys, bpf, perf, userfaultfd, io_uring, modules, nameless files",
        """
        numbers = 248, 250, 321, 298, 323, 425, 175, 319, 29, 304, 246, 101
        def allowed(number):
            ctypes.set_errno(0)
            return libc.syscall(number, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() not in (1, 38)
        return [number for number in numbers if os.uname().machine == "x86_64" and allowed(number)]
        """,
    ),
    "climbing": (
        "paths and links that climb out of the scratch folder",
        """
        ways = "../../../.." + ROOT, "/proc/self/root" + ROOT, "/scratch/.." + ROOT
        tried(os.symlink, ROOT + "/gradebook.db", "link")
        return [way for way in ways if os.path.exists(way)] or open("link").read()
        """,
    ),
}


@pytest.fixture(scope="module")
def places(graded, exercise):
    """What a student would like to reach, all of it there: a server, a socket, files."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        name = f"autograder-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
        with socket.create_connection(server.getsockname(), timeout=5):
            pass  # it is there
        yield str(graded.root), str(exercise.master.path), server.getsockname()[1], name


def _accept(server):
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.mark.parametrize("name", REACHES)
def test_nothing_is_in_reach(attack, places, name):
    tries, code = REACHES[name]
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ").strip()
    answers = {"mean": ANSWER.format(places=places, reach=body)}
    result = attack("reach", name, tries, answers)
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []


LITTER = """
import os, pathlib, subprocess, sys
installed = os.path.dirname(np.__file__)
for folder in ("/tmp", "/var/tmp", "/dev/shm", "/scratch", "/handout", "/engine", installed, "/dev", "/"):
    for name in ("numpy.py", "sitecustomize.py", "usercustomize.py", "left"):
        try:
            pathlib.Path(folder, name).write_text("raise SystemExit")
        except OSError:
            pass
os.makedirs(".ipython/profile_default/startup", exist_ok=True)
pathlib.Path(".ipython/profile_default/startup/00.py").write_text("x = 1")
if os.fork() == 0:
    os.setsid()
    while True: pass
subprocess.Popen(["sleep", "600"])
np.random.seed(5); np.set_printoptions(precision=1); np.seterr(all="raise")
"""
FOUND = """
import os
left = [os.path.join(f, n) for f in ("/tmp", "/var/tmp", "/dev/shm", "/scratch", "/dev") if os.path.isdir(f)
        for n in os.listdir(f) if "left" in n or n.endswith("custom.py") or n == ".ipython"]
assert "sleep" not in "".join(open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit())
assert np.geterr()["over"] == "warn" and np.get_printoptions()["precision"] == 8
assert left == []
clean = True
"""


def test_nothing_is_left_for_the_next_submission(attack, graded, honest):
    attack("reach", "litter", "files, processes and settings left for the next student", {}, cells=(LITTER,))
    looking = honest(mean="def mean(values):\n    return sum(values) / len(values) if clean else 0.0")
    looking.cells.insert(2, nbformat.v4.new_code_cell(FOUND))
    result = graded(looking, "s-next")
    assert result.score == result.max_score


@pytest.mark.parametrize("kind", ["symlink", "fifo", "device"])
def test_a_notebook_that_is_no_file_is_not_read(graded, exercise, table, kind, honest):
    from autograder.grade import grade

    folder = graded.root / "submitted" / f"s-{kind}" / "exercise"
    folder.mkdir(parents=True)
    path = folder / "exercise.ipynb"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else exercise.master.path)
    result = grade(exercise, folder, f"s-{kind}")
    path.unlink()
    assert result.status == "unreadable" and result.score == 0.0 and "no notebook" in result.reason
    table.here("reach", f"notebook-is-{kind}", "a notebook that is a link or a pipe to something else", result)
    assert Path(exercise.master.path).exists()
    assert graded(honest(), "s-next").score == 14.0
