"""The examiner: runs the tests in a process in which no student code ever runs, and decides.

For each submission it asks the sandbox for a new stem, has it run the student's cells in order, and at each test cell
talks to a fork of the stem made at that place. The names that the student had to define are bound to stand-ins: a call
sends its arguments over and gets values back. The tests are the master's own, as their author wrote them.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from types import CodeType

import nbformat
import numpy as np

from autograder.bank import Mistake
from autograder.diagnosis import MAX_ENTRIES, Trace, diagnose, plain
from autograder.engine import sandbox
from autograder.engine.channel import Channel, ChannelError, Handle, Peer
from autograder.engine.sandbox import Limits, SandboxError
from autograder.master import Cell, Part
from autograder.submission import Rebuilt, Unreadable, find, read, rebuild
from autograder.verdict import Assignment, CellResult, Result, graded, message_for_student, without_verdict

TEST_BUDGET = 256 * 2**20  # bytes that one test may take from a student's process
INTERRUPT_SECONDS = 1.0
ORDER_SECONDS = 30.0  # for what takes a millisecond, on a machine that may be busy with other things
MAX_RESTARTS = 20
MAX_PRINTED = 500_000  # characters of a whole notebook's outputs
ENDED = "Python ended in this cell. What follows was run without it."


class Examiner:
    """Grades submissions to one assignment, one after the other, with a warm sandbox of its own."""

    def __init__(self, assignment: Assignment, limits: Limits | None = None):
        self.assignment = assignment
        self.limits = replace(limits or Limits(), uid=64_000 + os.getpid() % 100_000)
        self.compiled: dict[str, CodeType] = {}
        self.warm: subprocess.Popen | None = None
        self.traces: dict[str, dict[str, dict[str, Trace]]] = {}  # of the known mistakes, by part
        self.proxies = {part.name: _special_methods(part.solution.source) for part in assignment.master.parts}

    def grade(self, folder: Path, student: str) -> Result:
        """The verdict on one student's folder; raises SandboxError where there is no sandbox."""
        return self.execute(folder, student, whole=False)[0]

    def execute(self, folder: Path, student: str, whole: bool = True) -> tuple[Result, nbformat.NotebookNode]:
        """The verdict, and the notebook as it was run, with what the student's cells printed.

        The notebook is `rebuild`'s: it holds the hidden tests. Of an unreadable submission it has no answers.
        """
        started = time.monotonic()
        try:
            submitted = read(find(folder, self.assignment.name))
        except Unreadable as error:
            result = without_verdict(self.assignment, student, "unreadable", str(error))
            return result, rebuild(self.assignment.master, [], whole).notebook
        rebuilt = rebuild(self.assignment.master, submitted, whole)
        verdicts, traces = self._examine(rebuilt)
        cells = []
        for part in self.assignment.master.parts:
            mistake = None if part.name in rebuilt.unanswered else self._diagnose(part, verdicts, traces)
            for cell in part.tests:
                outcome, message = verdicts[cell.grade_id]
                diagnosis = None
                if outcome != "passed" and part.name in rebuilt.unanswered:
                    outcome, message = "missing", "Not answered yet."
                elif outcome != "passed" and mistake is not None:
                    message, diagnosis = f"{mistake.says} ({message})", mistake.name
                points = cell.points if outcome == "passed" else 0.0
                cells.append(CellResult(cell.grade_id, points, cell.points, outcome, message, diagnosis))
        result = graded(self.assignment, student, time.monotonic() - started, cells, rebuilt.notes)
        return result, rebuilt.notebook

    def close(self) -> None:
        if self.warm is not None:
            self.control.close()
            self.warm.kill()
            self.warm.wait()
            self.warm = None

    # ---- one submission -----------------------------------------------------------------------------------------

    def _examine(self, rebuilt: Rebuilt) -> tuple[dict[str, tuple[str, str | None]], dict[str, Trace]]:
        """Outcome and message, and the trace, by grade id. A cell that ends the stem is left out in a second run."""
        tests = {cell.grade_id: cell for cell in self.assignment.master.graded}
        deadline = time.monotonic() + self.limits.submission_seconds
        verdicts: dict[str, tuple[str, str | None]] = {}
        traces: dict[str, Trace] = {}
        fatal: dict[int | str, str] = {}  # index of a cell that ended the stem, or grade id of a test: how
        for _ in range(MAX_RESTARTS + 1):
            with contextlib.closing(Sitting(self, deadline)) as sitting:
                ended = self._run(sitting, rebuilt, tests, verdicts, traces, fatal)
            if not ended:
                break
        for index in fatal:
            if isinstance(index, int) and index >= 0:
                rebuilt.notebook.cells[index].outputs = _outputs([("error", ENDED)])
        late = time.monotonic() > deadline
        missed = (
            ("timeout", "The notebook as a whole took too long.") if late else ("crashed", "Python ended too often.")
        )
        for grade_id in tests:
            verdicts.setdefault(grade_id, missed)
        return verdicts, traces

    def _run(
        self, sitting: Sitting, rebuilt: Rebuilt, tests: dict[str, Cell], verdicts: dict, traces: dict, fatal: dict
    ) -> bool:
        """Go through the notebook once; returns whether a cell ended the stem (it is then in `fatal`)."""
        before = -1  # the last cell that ran in the stem
        room = MAX_PRINTED
        for index, cell in enumerate(rebuilt.notebook.cells):
            if "shown" in cell.metadata:
                continue
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if "provided" in cell.metadata:
                exec(self._compile(cell.source, "provided"), sitting.names)
                sitting.bind()
            if grade_id in verdicts or index in fatal:
                continue
            if time.monotonic() > sitting.deadline:
                return False
            try:
                if not sitting.stem.channel.is_quiet():  # left there by the cell before, or the stem has ended
                    fatal[before] = "violation"
                    return True
                if grade_id is None:
                    cell.outputs = _outputs(sitting.run(cell.source), room)
                    room -= sum(len("".join(out.get("traceback", out.get("text")))) for out in cell.outputs)
                    before = index
                else:
                    verdicts[grade_id] = self._test(sitting, tests[grade_id])
                    traces[grade_id] = sitting.trace
            except ChannelError as error:
                if grade_id is None:
                    fatal[index] = error.kind
                elif grade_id in fatal:  # in a new stem too, there could be no fork
                    verdicts[grade_id] = self._limit_hit(error)
                else:
                    fatal[grade_id] = error.kind
                return True
        return False

    def _test(self, sitting: Sitting, cell: Cell) -> tuple[str, str | None]:
        random.seed(self.assignment.seed)
        np.random.seed(self.assignment.seed)
        with sitting.fork() as names:
            try:
                with _alarm(self.limits.cell_seconds):
                    exec(self._compile(cell.source, cell.grade_id), names)
                sitting.raise_swallowed()
            except ChannelError as error:
                return self._limit_hit(error)
            except Exception as error:
                outcome = "failed" if isinstance(error, AssertionError) else "error"
                if isinstance(error, MemoryError):
                    outcome = "memory"
                return outcome, message_for_student(cell, outcome, type(error).__name__, str(error))
        return "passed", None

    def _diagnose(self, part: Part, verdicts: dict[str, tuple], traces: dict[str, Trace]) -> Mistake | None:
        """The known mistake that behaves as this answer does."""
        failed = {cell.grade_id for cell in part.tests if verdicts[cell.grade_id][0] in ("failed", "error")}
        known = {mistake.name: mistake for mistake in self.assignment.mistakes if mistake.part == part.name}
        if not failed or not known:
            return None
        if part.name not in self.traces:
            self.traces[part.name] = {name: self._trace(part, mistake) for name, mistake in known.items()}
        found = diagnose(
            {cell.grade_id: traces[cell.grade_id] for cell in part.tests if cell.grade_id in traces},
            failed,
            self.traces[part.name],
        )
        return known.get(found)

    def _trace(self, part: Part, mistake: Mistake) -> dict[str, Trace]:
        """What the part's tests see of a known mistake, which sits the examination alone."""
        traces: dict[str, Trace] = {}
        with contextlib.closing(Sitting(self, time.monotonic() + self.limits.submission_seconds)) as sitting:
            try:
                for cell in self.assignment.master.cells:
                    if cell is part.solution:
                        sitting.run(mistake.source)
                    elif cell.is_provided:
                        exec(self._compile(cell.source, "provided"), sitting.names)
                        sitting.bind()
                        sitting.run(cell.source)
                    elif cell in part.tests:
                        self._test(sitting, cell)
                        traces[cell.grade_id] = sitting.trace
            except ChannelError:  # a mistake may be one that ends Python
                pass
        return traces

    def _limit_hit(self, error: ChannelError) -> tuple[str, str]:
        if error.kind == "timeout":
            return "timeout", f"No answer within {self.limits.cell_seconds:g} s: is there a loop that never ends?"
        if error.kind == "crashed":
            return "crashed", "Python ended while your code ran: it was told to exit, or used more than it may."
        return "error", f"What your function returned could not be read: {error}."

    def _compile(self, source: str, name: str) -> CodeType:
        """Compiled once; lines for IPython alone (`%matplotlib inline`) mean nothing here."""
        if source not in self.compiled:
            lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
            self.compiled[source] = compile("\n".join(lines), f"<{name}>", "exec")
        return self.compiled[source]

    # ---- the sandbox --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the warm interpreter if it does not run; raises SandboxError."""
        if self.warm is not None and self.warm.poll() is None:
            return
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = sandbox.command(list(self.assignment.data_files), theirs.fileno(), self.limits)
        self.warm = subprocess.Popen(
            argv,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self.control.settimeout(120)
        if self.control.recv(16) != b"ready":
            _, stderr = self.warm.communicate(timeout=10)
            raise SandboxError(sandbox.explain(stderr.decode(errors="replace")))


class Sitting:
    """One stem: a student's notebook, running."""

    def __init__(self, examiner: Examiner, deadline: float):
        examiner.start()
        self.examiner, self.deadline = examiner, deadline
        self.names: dict = {"__name__": "__main__"}
        self.peer: Peer | None = None  # the fork that answers at the moment
        self.broken: ChannelError | None = None
        self.trace: Trace = []  # of the test that runs
        self.classes: dict[str, type] = {}
        self.owner: str | None = None
        self.orders, reaper_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stem, stem_end = socket.socketpair()
        self.door, door_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = {"limits": asdict(examiner.limits), "seed": examiner.assignment.seed}
        ends = [reaper_end, stem_end, door_end]
        socket.send_fds(examiner.control, [json.dumps(settings).encode()], [end.fileno() for end in ends])
        for end in ends:
            end.close()
        self.orders.settimeout(ORDER_SECONDS)
        self.stem = Peer(Channel(stem), {}.__getitem__, _refuse)
        self.bind()

    def close(self) -> None:
        """Hang up; the reaper ends, and the kernel ends everything with it."""
        for sock in (self.orders, self.door, self.stem.channel):
            sock.close()

    def run(self, source: str) -> object:
        """Have the stem run one of the student's cells; what the cell raises is the student's affair.

        Returns what the stem says that it printed (`_outputs` reads it).
        """
        self.stem.channel.limit(max(0.01, min(self.examiner.limits.cell_seconds, self.deadline - time.monotonic())))
        try:
            return self.stem.call("run", source)
        except ChannelError as error:
            if error.kind != "timeout":
                raise
            self._order(b"i")  # as a person would press stop
            self.stem.channel.limit(INTERRUPT_SECONDS)
            try:
                return self.stem.await_reply()
            except Exception as late:
                raise ChannelError("violation", f"the notebook's process answered {late!r}") from late
        except Exception as error:  # the stem's loop is trusted, its answers are not
            raise ChannelError("violation", f"the notebook's process answered {error!r}") from error

    @contextlib.contextmanager
    def fork(self):
        """A fork of the stem, and the names a test sees; the fork and all it started are gone afterwards."""
        ours, theirs = socket.socketpair()
        self.stem.channel.limit(ORDER_SECONDS)
        try:
            socket.send_fds(self.door, [b"f"], [theirs.fileno()])
            theirs.close()
            self.stem.call("fork")
        except Exception as error:
            raise ChannelError("crashed", f"no fork: {error}") from error
        channel = Channel(ours)
        left = max(0.01, self.deadline - time.monotonic())
        channel.limit(min(self.examiner.limits.cell_seconds, left), TEST_BUDGET)
        self.peer = Peer(channel, {}.__getitem__, self._adopt)
        self.broken = None
        self.trace = []
        try:
            yield self.names
        finally:
            channel.close()
            self._order(b"c")

    def raise_swallowed(self) -> None:
        """A test that caught a ChannelError has not passed."""
        if self.broken is not None:
            raise self.broken

    def _order(self, letter: bytes) -> None:
        try:
            self.orders.send(letter)
            if self.orders.recv(1) != b"k":
                raise ChannelError("crashed", "the sandbox ended")
        except OSError as error:
            raise ChannelError("crashed", "the sandbox ended") from error

    def bind(self) -> None:
        """Bind the names that students define, and only those, to stand-ins."""
        for part in self.examiner.assignment.master.parts:
            special = self.examiner.proxies[part.name]
            self.names[part.name] = self._function(part.name) if special is None else self._class(part.name, special)

    def _function(self, target, name: str | None = None, owner: str | None = None):
        """A stand-in for a function; `owner` is the class whose objects it may return."""

        def function(*args, **kwargs):
            return self.ask(owner, self.peer.call, target, *args, **kwargs)

        function.__name__ = name or str(target)
        if isinstance(target, Handle):
            function._handle = target
        return function

    def ask(self, owner: str | None, question, *args, **kwargs):
        """Ask the fork something; once it has broken off, every further question breaks off too.

        Only what a class of the student's gives may be an object with the operators of that class (`owner`): any other
        function could answer with one that is equal to everything.
        """
        if self.broken is not None:
            raise self.broken
        self.owner = owner
        try:
            result = question(*args, **kwargs)
        except ChannelError as error:
            self.broken = error
            raise
        except Exception as error:
            self._note(("raised", type(error).__name__, str(error)[:200]))
            raise
        self._note(("returned", plain(result), plain(self.peer.changes)))
        return result

    def _note(self, entry: tuple) -> None:
        if len(self.trace) < MAX_ENTRIES:
            self.trace.append(entry)

    def _class(self, name: str, special: frozenset[str]):
        """A stand-in for a class that the student writes: calling it makes an object on the other side."""
        proxy = type(name, (_Object,), {method: _forward(method) for method in special})
        self.classes[name] = proxy

        def new(cls, *args, **kwargs):
            made = self.ask(name, self.peer.call, name, *args, **kwargs)
            if not isinstance(made, proxy):
                raise TypeError(f"{name}(...) did not make an object of class {name}")
            return made

        proxy.__new__ = new
        proxy.__init__ = lambda *args, **kwargs: None
        return proxy

    def _adopt(self, peer: Peer, handle: Handle):
        """A stand-in for an object of the student's."""
        if handle.kind == "function":
            return self._function(handle, handle.name, self.owner)
        kind = {"iterator": _Iterator, "iterable": _Iterable}.get(handle.kind, _Object)
        if kind is _Object and handle.name == self.owner:
            kind = self.classes.get(self.owner, _Object)
        stand_in = object.__new__(kind)
        object.__setattr__(stand_in, "_handle", handle)
        object.__setattr__(stand_in, "_sitting", self)
        return stand_in


class _Object:
    """Stands for an object of the student's; its attributes and methods are asked for on the other side."""

    def __getattr__(self, name: str):
        if name.startswith("__") or name == "_handle":
            raise AttributeError(name)
        return self._sitting.ask(type(self).__name__, self._sitting.peer.operate, "get", self._handle, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._sitting.ask(None, self._sitting.peer.operate, "set", self._handle, name, value)


class _Iterator(_Object):
    """Stands for a generator or another iterator of the student's."""

    def __iter__(self):
        return self

    def __next__(self):
        return self._sitting.ask(None, self._sitting.peer.operate, "__next__", self._handle)


class _Iterable(_Object):
    """Stands for an object of the student's that can be iterated over."""

    def __iter__(self):
        return self._sitting.ask(None, self._sitting.peer.operate, "iter", self._handle)


# what the interpreter itself insists on, whatever the student returns
_RESULT_TYPES = {"__len__": int, "__float__": float, "__int__": int, "__bool__": bool, "__str__": str, "__repr__": str}


def _forward(method: str):
    def forward(self, *args):
        sitting = self._sitting
        result = sitting.ask(type(self).__name__, sitting.peer.operate, method, self._handle, *args)
        wanted = _RESULT_TYPES.get(method)
        if wanted is not None and type(result) is not wanted:
            raise TypeError(f"{method} returned {type(result).__name__}, expected {wanted.__name__}")
        return result

    forward.__name__ = method
    return forward


def _special_methods(source: str) -> frozenset[str] | None:
    """The special methods that the answer key's class defines; None where the part is a function."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            defined = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            aliases = {
                t.id
                for item in node.body
                if isinstance(item, ast.Assign)
                for t in item.targets
                if isinstance(t, ast.Name)
            }
            special = {name for name in defined | aliases if name.startswith("__") and name.endswith("__")}
            return frozenset(special - {"__init__", "__new__", "__init_subclass__", "__getattr__", "__setattr__"})
    return None


def _outputs(printed: object, room: int = MAX_PRINTED) -> list[nbformat.NotebookNode]:
    """What a cell printed, as a notebook holds it. It comes from the student's process: text is text, all else is left
    out, and so is what goes beyond `room` characters.
    """
    outputs = []
    for part in printed if type(printed) is list else ():
        if type(part) is not tuple or len(part) != 2 or not all(type(one) is str for one in part):
            continue
        kind, text = part[0], part[1][: max(0, room)]
        room -= len(text)
        if text and kind == "error":
            outputs.append(nbformat.v4.new_output("error", ename="", evalue="", traceback=[text]))
        elif text and kind in ("stdout", "stderr"):
            outputs.append(nbformat.v4.new_output("stream", name=kind, text=text))
    return outputs


def _refuse(peer: Peer, handle: Handle):
    raise ChannelError("violation", "the notebook's process sent an object")


@contextlib.contextmanager
def _alarm(seconds: float):
    """Break off what runs in the examiner itself, a little after every deadline on the channel has passed."""

    def ring(*_):
        raise ChannelError("timeout", "the test took too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- the examiner as a process of its own ---------------------------------------------------------------------------


def main() -> None:
    """Read an assignment and then folders from standard input, write results to standard output, all length-prefixed.

    What travels here is pickled: both ends are ours, and no student code runs at either.
    """
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a test that prints must not write into the replies
    warnings.simplefilter("ignore")  # a test that meets an overflow says so by failing
    assignment, limits = _receive(requests)
    examiner = Examiner(assignment, limits)
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder, contextlib.closing(examiner):
        for data in assignment.data_files:
            shutil.copy(data, folder)
        os.chdir(folder)  # provided cells load their data from here, as they do beside a student's notebook
        try:
            examiner.start()
            _send(replies, "ready")
            while (request := _receive(requests)) is not None:
                method, *arguments = request
                _send(replies, getattr(examiner, method)(*arguments))
        except SandboxError as error:
            _send(replies, error)


def _receive(stream):
    header = stream.read(4)
    return pickle.loads(stream.read(struct.unpack("<I", header)[0])) if len(header) == 4 else None


def _send(stream, value) -> None:
    body = pickle.dumps(value)
    stream.write(struct.pack("<I", len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
