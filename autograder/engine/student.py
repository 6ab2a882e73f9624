"""Inside the sandbox: a warm interpreter, and for each submission a reaper, a stem and one fork for each test.

warm interpreter     imports NumPy, Matplotlib and IPython once, and forks
  └ reaper           first process of new namespaces; runs no student code; ends all others when told, and at the end
      └ stem         without privileges; runs the student's cells, one after the other
          └ fork     answers the calls of one test, at that test's place in the notebook
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path

from autograder.engine import sandbox
from autograder.engine.channel import Channel, ChannelError, Handle, Peer

MAX_PRINTED = 10_000  # characters kept of what one cell prints


def main() -> None:
    """Run the warm interpreter: read lines of settings, each with three sockets, and fork a submission for each."""
    control = socket.socket(fileno=int(sys.argv[1]))
    shell = _warm_shell()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
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
    shell.displayhook.write_output_prompt = lambda: None
    shell.run_cell("pass", store_history=False)
    return shell


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
        _reap(socket.socket(fileno=descriptors[0]), stem)
        status = 0
    finally:
        os._exit(status)  # the kernel ends every process that is left in this namespace


def _reap(orders: socket.socket, stem: int) -> None:
    """Carry out one-letter orders until the examiner hangs up: clear the forks away, or interrupt the stem."""
    while order := orders.recv(1):
        if order == b"i":
            with contextlib.suppress(ProcessLookupError):
                os.kill(stem, signal.SIGINT)
        elif order == b"c":
            with contextlib.suppress(ProcessLookupError):
                os.kill(stem, signal.SIGCONT)  # a fork may have stopped it
            while others := [pid for pid in _living() if pid not in (1, stem)]:
                for pid in others:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:  # orphans that have ended
                    pass
        orders.send(b"k")


def _living() -> list[int]:
    """Every process of this namespace that has not ended; one that has waits for its parent, and does no harm."""
    living = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                state = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[0]
                if state not in (b"Z", b"X"):
                    living.append(int(name))
    return living


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
    _seed(settings["seed"])
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

    def fork() -> None:
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
        _seed(settings["seed"])
        with contextlib.suppress(ChannelError):
            Peer(Channel(socket.socket(fileno=received[0])), names.__getitem__, _adopt, trusting=True).serve()
        os._exit(0)

    with contextlib.suppress(ChannelError):
        Peer(channel, {"run": run, "fork": fork}.__getitem__, _adopt, trusting=True).serve()
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


def _seed(seed: int) -> None:
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)


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
