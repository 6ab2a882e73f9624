"""Where student code runs: what it can see and what it may use.

**Promise.** Student code sees the Python environment (read-only), the hand-out data, and a scratch folder of its own.
No network, no process but its own, no file of anyone else; and every resource has a limit.

| what | limit | how |
|---|---|---|
| files | the Python environment and `/handout`, read-only; a new `/scratch` | bubblewrap's mounts, a tmpfs |
| network, other processes, shared memory | none | namespaces, new for each submission |
| privileges | none, and none to gain | own uid or user namespace, no capabilities, no_new_privs, seccomp |
| memory | `memory_mb` over what the environment takes, each process | RLIMIT_AS |
| memory | `total_mb`, all processes together | watched by the reaper, twenty times a second |
| processes | `processes` | RLIMIT_NPROC |
| files written | `file_mb` each, `scratch_mb` in all | RLIMIT_FSIZE, size of the tmpfs |
| time | see `examiner.py` | deadlines outside, RLIMIT_CPU inside |

This module is imported on both sides: outside to start the sandbox, inside to close it behind a submission.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

# of the processes that run no student code: to make namespaces, to see to every file in scratch, to measure memory
_CAPABILITIES = ("SYS_ADMIN", "SETPCAP", "DAC_OVERRIDE", "FOWNER", "SYS_PTRACE")
HANDOUT, SCRATCH, ENGINE = "/handout", "/scratch", "/engine"


class SandboxError(Exception):
    """The sandbox cannot be set up; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell_seconds: float = 30.0
    submission_seconds: float = 120.0  # for all the cells of a notebook; tests come on top
    late_seconds: float = 5.0  # for a test, where another one of its part has run out of time
    memory_mb: int = 1024
    total_mb: int = 1536
    processes: int = 64
    file_mb: int = 64
    scratch_mb: int = 128
    uid: int = 64_000  # used where root grades; each examiner takes one of its own, since processes are counted by uid


def command(handout: list[Path], control_fd: int, limits: Limits) -> list[str]:
    """The bubblewrap command that starts the warm interpreter of `student.py` with `control_fd` open."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError("bubblewrap is missing, without which no submission is run: sudo apt-get install bubblewrap")
    arguments = [
        bwrap,
        "--new-session",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ]
    if os.getuid() == 0:
        # real root: each submission gets a uid of its own, so that the limit on processes counts
        for capability in (*_CAPABILITIES, "SETUID", "SETGID", "CHOWN", "KILL"):
            arguments += ["--cap-add", f"CAP_{capability}"]
    else:
        arguments.append("--unshare-user")
        for capability in _CAPABILITIES:
            arguments += ["--cap-add", f"CAP_{capability}"]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/tmp"]
    made: set[str] = set()

    def folder(path: Path) -> None:
        """Parents that bubblewrap makes by itself are closed to other uids, so each is made by name."""
        for parent in [*reversed(path.parents), path]:
            if str(parent) not in made and str(parent) != "/":
                made.add(str(parent))
                arguments.extend(["--perms", "0755", "--dir", str(parent)])

    def bind(source: Path, target: Path) -> None:
        folder(target.parent)
        arguments.extend(["--ro-bind", str(source), str(target)])

    for system in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        path = Path(system)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), system]
        elif path.exists():
            bind(path, path)
    for name in ("ld.so.cache", "localtime", "alternatives", "fonts"):
        if Path("/etc", name).exists():
            bind(Path("/etc", name), Path("/etc", name))
    for prefix in dict.fromkeys(map(os.path.abspath, (sys.base_prefix, sys.prefix))):
        if not prefix.startswith("/usr"):
            bind(Path(prefix), Path(prefix))
    here = Path(__file__).parent
    folder(Path(ENGINE, "autograder", "engine"))
    for name in ("__init__.py", "channel.py", "randomness.py", "sandbox.py", "scratch.py", "student.py"):
        bind(here / name, Path(ENGINE, "autograder", "engine", name))
    bind(here.parent / "__init__.py", Path(ENGINE, "autograder", "__init__.py"))
    for shared in (HANDOUT, SCRATCH):
        folder(Path(shared))
    for data in handout:
        bind(data.resolve(), Path(HANDOUT, data.name))
    # what one submission writes, the next must not find: only /scratch is writable, and each has its own
    arguments += ["--tmpfs", SCRATCH, "--remount-ro", "/", "--remount-ro", "/dev", "--clearenv"]
    for key, value in {
        "PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin",
        "HOME": SCRATCH,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{SCRATCH}/.matplotlib",
        "IPYTHONDIR": f"{SCRATCH}/.ipython",
        "PYTHONPATH": ENGINE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # the order of a set of words is the same in every examiner
        "NBGRADER_EXECUTION": "autograde",
        # no thread may exist when the interpreter forks
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }.items():
        arguments += ["--setenv", key, value]
    for inherited in ("OPENBLAS_CORETYPE", "LD_LIBRARY_PATH"):
        if inherited in os.environ:
            arguments += ["--setenv", inherited, os.environ[inherited]]
    arguments += [
        "--chdir",
        "/",
        "--",
        os.path.abspath(sys.executable),
        "-m",
        "autograder.engine.student",
        str(control_fd),
    ]
    return arguments


def explain(stderr: str) -> str:
    """What bubblewrap's complaint means, and what to do about it."""
    if "user namespace" in stderr or "uid map" in stderr or "Operation not permitted" in stderr:
        return (
            "this system does not let bubblewrap make namespaces. On Ubuntu 24.04 and later, allow it with "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` or an AppArmor profile for bwrap; on older "
            "Debian with `sudo sysctl kernel.unprivileged_userns_clone=1`; in a container, run it with "
            f"`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`. bubblewrap said: {stderr.strip()}"
        )
    return f"the sandbox did not start: {stderr.strip() or 'no reason given'}"


def check() -> None:
    """Raise SandboxError, with the remedy, where a sandbox cannot be set up."""
    if sys.platform != "linux":
        raise SandboxError(f"the sandbox needs Linux, found {sys.platform}: grade in a Linux container or machine")
    argv = command([], 0, Limits())
    argv = [*argv[: argv.index("--") + 1], "/bin/true"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise SandboxError(explain(done.stderr))


# ---- inside -------------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEW = {"ns": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000}
_ANY_CLONE_NEW = 0x7E020080  # the above, and user, cgroup and time namespaces
_MS_REC_PRIVATE, _MS_NOSUID_NODEV = 0x44000, 0x6


def separate() -> None:
    """Leave the warm interpreter's namespaces; processes forked from now on are in new ones."""
    flags = sum(_CLONE_NEW.values())
    _checked("unshare", _libc.unshare(flags))


def mount_own(limits: Limits) -> None:
    """As the first process of the new namespaces: mount a /proc that shows only them, and an empty scratch folder."""
    _checked("mount /", _libc.mount(None, b"/", None, _MS_REC_PRIVATE, None))
    _checked("mount /proc", _libc.mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV, None))
    options = f"size={limits.scratch_mb}m,mode=0700,nr_inodes=10000".encode()
    shared = f"size={limits.file_mb}m,mode=1777".encode()
    _checked("mount shared memory", _libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", _MS_NOSUID_NODEV, shared))
    _checked("mount scratch", _libc.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", _MS_NOSUID_NODEV, options))
    if os.getuid() == 0:
        os.chown(SCRATCH, limits.uid, limits.uid)


def hide() -> None:
    """Keep this process from being read or traced by others of its uid."""
    _checked("prctl", _libc.prctl(4, 0, 0, 0, 0))  # PR_SET_DUMPABLE


def confine(limits: Limits) -> None:
    """Give up every privilege and set every limit, for good. The next line may be student code."""
    for capability in range(64):
        if _libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP; fails beyond the last capability
            break
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(limits.uid, limits.uid, limits.uid)
        os.setresuid(limits.uid, limits.uid, limits.uid)
    header = struct.pack("<II", 0x20080522, 0)
    _checked("capset", _libc.capset(header, bytes(24)))
    _checked("no_new_privs", _libc.prctl(38, 1, 0, 0, 0))
    megabyte = 2**20
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for what, limit in (
        (resource.RLIMIT_AS, used + limits.memory_mb * megabyte),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_mb * megabyte),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(limits.submission_seconds) + 5),
    ):
        resource.setrlimit(what, (limit, limit))
    _filter_system_calls()


def _checked(what: str, result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


# System calls that no student's program needs and that have been ways out of sandboxes, by machine.
_BLOCKED = {
    "x86_64": (
        0xC000003E,
        56,
        (
            29,
            101,
            155,
            161,
            165,
            166,
            175,
            176,
            246,
            248,
            249,
            250,
            272,
            298,
            304,
            308,
            310,
            311,
            312,
            313,
            319,
            321,
            323,
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (39, 40, 41, 51, 97, 104, 105, 106, 117, 194, 217, 218, 219, 241, 265, 268, 270, 271, 272, 273, 279, 280, 282),
    ),
}
# newer calls have one number everywhere: io_uring, the mount API, pidfd_getfd, clone3
_BLOCKED_EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442)
_CLONE3 = 435


def _filter_system_calls() -> None:
    """A seccomp filter: no namespaces, mounts, tracing, keys, kernel modules, BPF, io_uring or memory without an owner.

    Blocked calls fail with EPERM. clone3, whose flags a filter cannot see, fails with ENOSYS, upon which the C library
    uses clone.
    """
    if platform.machine() not in _BLOCKED:
        raise OSError(f"no list of system calls for {platform.machine()}; known: {', '.join(_BLOCKED)}")
    arch, clone, blocked = _BLOCKED[platform.machine()]
    allow, kill, eperm, enosys = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code: list[tuple[int, int, int, int]] = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, kill), (load, 0, 0, 0)]
    code += [(at_least, 0, 1, 0x40000000), (give, 0, 0, kill)]  # the x32 calls
    for number in (*blocked, *_BLOCKED_EVERYWHERE):
        code += [(equal, 0, 1, number), (give, 0, 0, eperm)]
    code += [(equal, 0, 1, _CLONE3), (give, 0, 0, enosys)]
    code += [(equal, 0, 3, clone), (load, 0, 0, 16), (any_bit, 0, 1, _ANY_CLONE_NEW), (give, 0, 0, eperm)]
    code += [(give, 0, 0, allow)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
    header = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(program))
    _checked("seccomp", _libc.prctl(22, 2, header, 0, 0))
