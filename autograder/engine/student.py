"""Inside the sandbox: a warm interpreter, and for each submission a reaper, a stem and, where needed, its forks.

warm interpreter     imports NumPy, Matplotlib and IPython once, and forks
  └ reaper           first process of new namespaces; runs no student code; ends all others when told, and at the end;
      │              puts back what tests have written, and ends what takes too much memory
      └ stem         without privileges; runs the student's cells, one after the other, and answers the calls of tests
          └ fork     answers the calls of tests with everything as it was at their place, where that may have changed
"""

from __future__ import annotations

import ast
import contextlib
import gc
import io
import json
import os
import random
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from autograder.engine import sandbox, scratch
from autograder.engine.channel import Channel, ChannelError, Handle, Peer

MAX_PRINTED = 10_000  # characters kept of what one cell prints
RUN = "%run"  # no name of a function
WATCH_SECONDS = 0.05  # between two looks at the memory that a submission takes
WRITABLE = (sandbox.SCRATCH, "/dev/shm")


def main() -> None:
    """Run the warm interpreter: read lines of settings, each with three sockets, and fork a submission for each."""
    control = socket.socket(fileno=int(sys.argv[1]))
    shell = _warm_shell()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A collection writes to every object that it looks at, and so would copy this whole memory in every child.
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _submission(shell, json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _warm_shell():
    import matplotlib
    import matplotlib.pyplot as plt
    import numpy as np
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    matplotlib.use("agg")
    plt.rcParams["figure.max_open_warning"] = 0
    np.linalg.solve(np.eye(2), np.ones(2))  # loads what would otherwise be loaded once a submission
    np.random.default_rng(0).standard_normal(2)
    config = Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}})
    shell = InteractiveShell.instance(config=config)
    # nobody looks at the figures: `%matplotlib inline` and its kin leave the backend alone
    shell.enable_gui = lambda gui=None: None
    shell.enable_matplotlib = lambda gui=None: (gui or "agg", "agg")
    shell._tee = lambda channel: contextlib.nullcontext()  # it would keep all that a cell prints in memory
    shell.transform_cell = _only_where_needed(shell.transform_cell)
    shell.displayhook.write_output_prompt = lambda: None
    shell.run_cell("pass", store_history=False)
    return shell


def _only_where_needed(transform):
    """IPython's translation of magics to Python, left out for what is Python already: it takes longer than the rest."""

    def transform_cell(source: str) -> str:
        try:
            ast.parse(source)
        except (SyntaxError, ValueError):
            return transform(source)
        return source if source.endswith("\n") else source + "\n"

    return transform_cell


def _submission(shell, settings: dict, descriptors: list[int]) -> None:
    """In a child of the warm interpreter: enter new namespaces and become the parent of the reaper. Never returns."""
    limits = sandbox.Limits(**settings["limits"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sandbox.separate()
    if os.fork():
        os._exit(0)
    status = 1
    try:
        sandbox.mount_own(limits)
        stem = os.fork()
        if stem == 0:
            os.close(descriptors[0])
            _stem(shell, settings, limits, descriptors[1:])
        sandbox.hide()
        os.close(descriptors[1])
        os.close(descriptors[2])
        _Reaper(socket.socket(fileno=descriptors[0]), stem, limits).serve()
        status = 0
    finally:
        os._exit(status)  # the kernel ends every process that is left in this namespace


class _Reaper:
    """Carries out orders until the examiner hangs up; each is a letter, some with a number behind it.

    The answer is k, or m where something had to be ended since the last order for the memory it took.

    i     interrupt the stem, as a person would press stop
    s     a test comes: end what the cells have left running, and save what they have written
    c     the tests of a fork are over: end it and all it started, and put back what was saved
    k N   stop the fork and all it started, put back what was saved, and set both aside under that number
    e     the notebook is over: end all but the forks that were set aside
    r N   run the fork of that number: put back what was saved for it
    """

    def __init__(self, orders: socket.socket, stem: int, limits: sandbox.Limits):
        self.orders, self.stem, self.limits = orders, stem, limits
        self.written: scratch.Saved = {}
        self.aside: dict[int, tuple[set[int], scratch.Saved]] = {}
        self.has_ended_something = False  # for its memory, since the last order
        orders.settimeout(WATCH_SECONDS)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans that have ended are gone by themselves

    def serve(self) -> None:
        while True:
            try:
                order = self.orders.recv(16)
            except TimeoutError:
                self._watch_memory()
                continue
            if not order:
                return
            letter, number = order[:1], int(order[1:] or 0)
            if letter == b"i":
                _kill([self.stem], signal.SIGINT)
            elif letter == b"s":
                self._end(self._others())
                self.written = scratch.save(WRITABLE, self.written)
            elif letter == b"c":
                _kill([self.stem], signal.SIGCONT)  # a fork may have stopped it
                self._end(self._others())
                self.written = scratch.restore(WRITABLE, self.written)
            elif letter == b"k":
                self.aside[number] = self._stop(), self.written
                self.written = scratch.restore(WRITABLE, self.written)
            elif letter == b"e":
                self._end([self.stem, *self._others()])
                self.stem = 1
            elif letter == b"r":
                pids, self.written = self.aside.pop(number)
                self.written = scratch.restore(WRITABLE, self.written)
                _kill(pids, signal.SIGCONT)
            self.orders.send(b"m" if self.has_ended_something else b"k")
            self.has_ended_something = False

    def _others(self) -> list[int]:
        """Every living process but this one, the stem and what was set aside."""
        known = {1, self.stem}.union(*(pids for pids, _ in self.aside.values()))
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in known and _lives(name)]

    def _stop(self) -> set[int]:
        """Stop every process of a fork; returns them."""
        stopped: set[int] = set()
        while new := set(self._others()) - stopped:  # one may have started another meanwhile
            _kill(new, signal.SIGSTOP)
            stopped |= new
        return stopped

    def _end(self, pids: list[int]) -> None:
        while pids:
            _kill(pids, signal.SIGKILL)
            for pid in pids:
                _await_end(pid)
            pids = self._others()

    def _watch_memory(self) -> None:
        """End what runs, where all processes together take more than they may."""
        others = self._others()
        most = self.limits.total_mb * 2**20
        if _memory([self.stem, *others], exact=False) <= most or _memory([self.stem, *others], exact=True) <= most:
            return
        self.has_ended_something = True
        self._end(others)
        if _memory([self.stem], exact=True) > most:
            _kill([self.stem], signal.SIGKILL)


def _kill(pids: Iterable[int], which: signal.Signals) -> None:
    for pid in pids:
        if pid != 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)


def _await_end(pid: int) -> None:
    """Wait until a process that was killed has given its memory back, which takes it about a millisecond."""
    with contextlib.suppress(ProcessLookupError):
        ending = os.pidfd_open(pid)
        select.select([ending], [], [], 0.1)
        os.close(ending)


def _lives(pid: str) -> bool:
    """Whether a process has not ended; one that has waits for its parent, and does no harm."""
    try:
        return Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _memory(pids: Iterable[int], exact: bool) -> int:
    """Bytes in memory; pages that processes share count once where it is to be exact, which takes longer."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            if exact:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
            else:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def _stem(shell, settings: dict, limits: sandbox.Limits, descriptors: list[int]) -> None:
    """Run the student's cells as they are asked for, and fork for each test. Never returns."""
    os.chdir(sandbox.SCRATCH)
    sys.path.insert(0, "")  # as in a notebook
    for data in Path(sandbox.HANDOUT).iterdir():
        shutil.copy(data, sandbox.SCRATCH)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    door = socket.socket(fileno=descriptors[1])
    if os.getuid() == 0:
        for path in Path(sandbox.SCRATCH).iterdir():
            os.chown(path, limits.uid, limits.uid)
    sandbox.confine(limits)
    seeded = _seed(settings["seed"])
    channel = Channel(socket.socket(fileno=descriptors[0]))
    names = shell.user_ns
    forks: list[int] = []
    printed = Printed()
    sys.stdout, sys.stderr = printed.stream("stdout", 1), printed.stream("stderr", 2)
    shell._showtraceback = lambda kind, error, lines: printed.add("error", "\n".join(lines))

    def run(source: str) -> list[tuple[str, str]]:
        """Run one cell; returns what it printed, and the traceback where an exception ended it."""
        printed.start()
        shell.run_cell(source, store_history=False)
        return printed.parts

    def answer(test: socket.socket) -> None:
        """Answer the calls of a test until it hangs up."""
        with contextlib.closing(test), contextlib.suppress(ChannelError):
            Peer(
                Channel(test),
                lambda name: run if name == RUN else names[name],
                _adopt,
                trusting=True,
                class_name=class_name,
            ).serve()

    def here() -> None:
        """Let a test ask this process itself."""
        _, received, _, _ = socket.recv_fds(door, 1, 1)
        before = _generators()
        _set_generators(seeded)
        answer(socket.socket(fileno=received[0]))
        _set_generators(before)

    def fork() -> None:
        """Let tests ask a copy of this process."""
        _, received, _, _ = socket.recv_fds(door, 1, 1)
        for pid in list(forks):
            with contextlib.suppress(ChildProcessError):  # a student's code may have waited for it
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            forks.remove(pid)
        if pid := os.fork():
            forks.append(pid)
            os.close(received[0])
            return
        door.close()
        channel.close()
        _set_generators(seeded)
        answer(socket.socket(fileno=received[0]))
        os._exit(0)

    def class_name(value: object) -> str | None:
        """The class of the exercise that an object is of: the student's own name for it may be another."""
        for name in settings["classes"]:
            if names.get(name) in type(value).__mro__:
                return name
        return None

    with contextlib.suppress(ChannelError):
        Peer(channel, {RUN: run, "here": here, "fork": fork}.__getitem__, _adopt, trusting=True).serve()
    os._exit(0)


class Printed:
    """What one cell prints, in order: pairs of "stdout", "stderr" or "error" and a text. Past a limit it is let go."""

    def __init__(self):
        self.start()

    def start(self) -> None:
        self.parts: list[tuple[str, str]] = []
        self.left = MAX_PRINTED

    def add(self, kind: str, text: str) -> None:
        if self.left < 0 or not text:
            return
        kept = text[: self.left]
        self.left -= len(text)  # below zero from the first character on that is let go
        text = kept if self.left >= 0 else kept + "\n[more was printed]"
        if self.parts and self.parts[-1][0] == kind != "error":
            text = self.parts.pop()[1] + text
        self.parts.append((kind, text))

    def stream(self, kind: str, descriptor: int) -> io.TextIOWrapper:
        """A standard stream that adds to this; its descriptor is that of the real one, which leads nowhere."""
        return io.TextIOWrapper(_Stream(self, kind, descriptor), encoding="utf-8", errors="replace", write_through=True)


class _Stream(io.RawIOBase):
    def __init__(self, printed: Printed, kind: str, descriptor: int):
        self.printed, self.kind, self.descriptor = printed, kind, descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def write(self, data) -> int:
        if self.printed.left >= 0:  # a character has four bytes at most
            self.printed.add(self.kind, bytes(data[: 4 * self.printed.left + 4]).decode("utf-8", "replace"))
        return len(data)


class _Iterator:
    """Stands for a generator or another iterator of a test's."""

    def __init__(self, peer: Peer, handle: Handle):
        self._peer, self._handle = peer, handle

    def __iter__(self):
        return self

    def __next__(self):
        return self._peer.operate("__next__", self._handle)


def _seed(seed: int) -> tuple:
    """Seed the generators that everybody shares; returns their states."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    return _generators()


def _generators() -> tuple:
    import numpy as np

    return random.getstate(), np.random.get_state()


def _set_generators(states: tuple) -> None:
    import numpy as np

    random.setstate(states[0])
    np.random.set_state(states[1])


def _adopt(peer: Peer, handle: Handle):
    """A stand-in for what a test passes as an argument and cannot be copied: a function or an iterator."""
    if handle.kind == "iterator":
        return _Iterator(peer, handle)

    def function(*args, **kwargs):
        return peer.call(handle, *args, **kwargs)

    function._handle = handle
    function.__name__ = handle.name
    return function


if __name__ == "__main__":
    main()
