"""The examiner: runs the tests in a process in which no student code ever runs, and decides.

For each submission it asks the sandbox for a new stem, has it run the student's cells in order, and at each test cell
talks to the stem or to a fork of it made at that place. The names that the student had to define are bound to
stand-ins: a call sends its arguments over and gets values back. The tests are the master's own, as their author wrote
them.

**Promise.** No student code that has seen an input of a hidden test runs before the last visible test in its sandbox is
over: hidden tests run at the end, and two sandboxes share nothing. So nothing that a student is told, beyond how a
hidden test ended, can depend on a hidden input, by whatever way one process might leave word for another.

**Place.** What a test sees is what the notebook has defined at its place. Where later cells could change that, each
part has a fork for its tests, made at their place; the hidden tests' is stopped and kept for the end. Most notebooks
only add definitions (see `definitions.py`). Their tests ask the stem itself, the hidden ones at the end, which saves
most of the time that grading takes. But there, one part could harm another. So once a test breaks off (it ran too long,
or Python ended), all that is left is done with forks, and so is what fails and looks like no known mistake.

**Time.** A cell has `cell_seconds`, the cells of a notebook together `submission_seconds`, a test `cell_seconds`. Where
one test of a part ran out of time, the part's others have `late_seconds`. So one question costs no other its time.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import itertools
import json
import os
import pickle
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import weakref
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import CodeType

import nbformat
import numpy as np

from autograder.bank import Mistake
from autograder.diagnosis import MAX_ENTRIES, Trace, call_as_text, diagnose, first_difference, plain
from autograder.engine import sandbox
from autograder.engine.channel import Channel, ChannelError, Handle, Peer
from autograder.engine.definitions import only_adds
from autograder.engine.sandbox import Limits, SandboxError
from autograder.engine.student import RUN
from autograder.master import Cell, Part, answer
from autograder.submission import Rebuilt, Unreadable, find, read, rebuild
from autograder.verdict import Assignment, CellResult, Result, graded, message_for_student, without_verdict

TEST_BUDGET = 256 * 2**20  # bytes that one test may take from a student's process
INTERRUPT_SECONDS = 1.0
ORDER_SECONDS = 30.0  # for what takes a millisecond, on a machine that may be busy with other things
MAX_RESTARTS = 20
MAX_PRINTED = 500_000  # characters of a whole notebook's outputs
ENDED = "Python ended in this cell. What follows was run without it."
TRACE_BYTES, TRACE_VALUES = 64 * 2**20, 500_000  # what a trace keeps; what comes later adds nothing
EXAMINER_BYTES = 4 * 2**30  # of memory, over what it starts with; no test needs a tenth of it


class Examiner:
    """Grades submissions to one assignment, one after the other, with a warm sandbox of its own."""

    def __init__(self, assignment: Assignment, limits: Limits | None = None):
        self.assignment = assignment
        self.limits = replace(limits or Limits(), uid=64_000 + os.getpid() % 100_000)
        self.compiled: dict[str, CodeType] = {}
        self.warm: subprocess.Popen | None = None
        self.traces: dict[str, dict[str, dict[str, Trace]]] = {}  # of the known mistakes, by part
        self.right: dict[str, dict[str, tuple[Trace, list[str]]]] = {}  # of the answer key, with its calls, by part
        self.special = {part.name: _special_methods(part.solution.source) for part in assignment.master.parts}
        self.part_of = {cell.grade_id: part for part in assignment.master.parts for cell in part.tests}

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
                elif outcome == "failed":
                    message = f"{message}\n{self._difference(part, cell, traces[cell.grade_id])}".strip()
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
        record = Record(in_place=self._only_adds(rebuilt))
        left = self.limits.submission_seconds
        for _ in range(MAX_RESTARTS + 1):
            with contextlib.closing(Sitting(self, left)) as sitting:
                ended = self._run(sitting, rebuilt, tests, record)
            if record.in_place:
                ended |= self._doubt(rebuilt, record)
            left = self.limits.submission_seconds if record.in_place else sitting.left
            record.in_place = False
            if not ended:
                break
        for index in record.fatal:
            if isinstance(index, int) and index >= 0:
                rebuilt.notebook.cells[index].outputs = _outputs([("error", ENDED)])
        missed = (
            ("timeout", f"The cells of the notebook took longer than {self.limits.submission_seconds:g} s in all.")
            if left <= 0
            else ("crashed", "Python ended too often.")
        )
        for grade_id in tests:
            record.verdicts.setdefault(grade_id, missed)
        return record.verdicts, record.traces

    def _only_adds(self, rebuilt: Rebuilt) -> bool:
        cells = [cell for cell in rebuilt.notebook.cells if cell.cell_type == "code" and "shown" not in cell.metadata]
        return only_adds(
            [
                (cell.source, "provided" in cell.metadata)
                for cell in cells
                if not cell.metadata.get("nbgrader", {}).get("grade")
            ],
            self.special.keys(),
        )

    def _doubt(self, rebuilt: Rebuilt, record: Record) -> bool:
        """Take back what was found in place of parts that fail for no known reason; returns whether there are any.

        The tests of another part may have left something behind that makes them fail.
        """
        any_doubts = False
        for part in self.assignment.master.parts:
            found = [record.verdicts[cell.grade_id][0] for cell in part.tests if cell.grade_id in record.verdicts]
            if part.name in rebuilt.unanswered or all(one in ("passed", "timeout") for one in found):
                continue
            is_whole = len(found) == len(part.tests)
            if not (is_whole and self._diagnose(part, record.verdicts, record.traces)):
                any_doubts = True
                for cell in part.tests:
                    record.verdicts.pop(cell.grade_id, None)
                    record.traces.pop(cell.grade_id, None)
        return any_doubts

    def _run(self, sitting: Sitting, rebuilt: Rebuilt, tests: dict[str, Cell], record: Record) -> bool:
        """Run the notebook in order, and then the hidden tests; returns whether something is left for another stem."""
        aside: list[Fork] = []
        try:
            ended = self._go_through(sitting, rebuilt, tests, record, aside)
            if ended and record.in_place:
                return True  # the stem is of no use any more
            # a part that is out of time already does not keep the others waiting
            aside.sort(key=lambda fork: self._seconds(fork.waiting[0], record) < self.limits.cell_seconds)
            if not record.in_place:
                sitting.order(b"e")
            for fork in aside:
                if not fork.is_stem:
                    first = fork.waiting[0].grade_id
                    if fork.peer.channel.has_ended() and record.lost[first] == 0:
                        record.lost[first] += 1  # another of the student's processes ended it before its time
                        ended = True
                        continue
                    sitting.order(b"r%d" % fork.number)
                for cell in fork.waiting:
                    if fork.is_over:
                        ended = True  # it is left for another stem
                        break
                    self._test(sitting, cell, fork, record)
                if fork.is_over and fork.is_stem:
                    return True
                if not fork.is_over:
                    sitting.end(fork)
        except ChannelError:
            return True
        return ended

    def _go_through(
        self, sitting: Sitting, rebuilt: Rebuilt, tests: dict[str, Cell], record: Record, aside: list[Fork]
    ) -> bool:
        """Run cells and visible tests, and set hidden ones aside; returns whether a cell ended the stem."""
        before = -1  # the last cell that ran in the stem
        room = MAX_PRINTED
        fork: Fork | None = None  # of the test before, while nothing else has run

        def leave(fork: Fork | None) -> None:
            if fork is not None and fork.waiting:
                sitting.set_aside(fork)
                aside.append(fork)
            elif fork is not None:
                sitting.end(fork)

        for index, cell in enumerate(rebuilt.notebook.cells):
            if "shown" in cell.metadata:
                continue
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            is_done = grade_id in record.verdicts or index in record.fatal
            if fork is not None and not (is_done or fork.takes(tests.get(grade_id), self.part_of.get(grade_id))):
                fork = leave(fork)
            if "provided" in cell.metadata:
                exec(self._compile(cell.source, "provided"), sitting.names)
                sitting.bind()
            if is_done:
                continue
            if sitting.left <= 0:
                return False
            try:
                if not sitting.stem.channel.is_quiet():  # left there by the cell before, or the stem has ended
                    if not record.in_place:
                        record.fatal[before] = "violation"
                    return True
                if grade_id is None:
                    cell.outputs = _outputs(sitting.run(cell.source), room)
                    room -= sum(len("".join(out.get("traceback", out.get("text")))) for out in cell.outputs)
                    before = index
                    continue
                test = tests[grade_id]
                if fork is None:
                    fork = sitting.fork(self.part_of[grade_id], record.in_place)
                if test.is_hidden:
                    fork.waiting.append(test)
                    continue
                self._test(sitting, test, fork, record)
                if fork.is_over and fork.is_stem:
                    return True
                if fork.is_over:
                    fork = None
                if sitting.stem.channel.has_ended():  # the test's doing, and it has its verdict
                    return True
            except ChannelError as error:
                if record.in_place:
                    return True  # a test before it may have done it
                if grade_id is None:
                    record.fatal[index] = error.kind
                elif grade_id in record.fatal:  # in a new stem too, there could be no fork
                    record.verdicts[grade_id] = self._limit_hit(error, self.limits.cell_seconds)
                else:
                    record.fatal[grade_id] = error.kind
                return True
        leave(fork)
        return False

    def _test(self, sitting: Sitting, cell: Cell, fork: Fork, record: Record) -> None:
        """Run a test on a fork, and write down how it ended. A test that breaks off ends its fork."""
        if fork.is_stem:
            sitting.enter(fork)
        verdict = self._judge(sitting, cell, fork, self._seconds(cell, record))
        record.traces[cell.grade_id] = sitting.trace
        record.verdicts[cell.grade_id] = verdict
        if sitting.broken is not None or verdict[0] == "memory":
            fork.is_over = True
            if sitting.end(fork) and verdict[0] == "crashed":
                record.verdicts[cell.grade_id] = self._out_of_memory(self.limits.total_mb)
        elif fork.is_stem:
            sitting.leave(fork)

    def _judge(self, sitting: Sitting, cell: Cell, fork: Fork, seconds: float) -> tuple[str, str | None]:
        random.seed(self.assignment.seed)
        np.random.seed(self.assignment.seed)
        sitting.talk_to(fork, seconds)
        try:
            with _alarm(seconds, sitting):
                exec(self._compile(cell.source, cell.grade_id), fork.names)
            sitting.raise_swallowed()
        except ChannelError as error:
            return self._limit_hit(error, seconds)
        except MemoryError:
            return self._out_of_memory(self.limits.memory_mb)
        except Exception as error:
            outcome = "failed" if isinstance(error, AssertionError) else "error"
            return outcome, message_for_student(cell, outcome, type(error).__name__, _text(error))
        return "passed", None

    def _seconds(self, cell: Cell, record: Record) -> float:
        part = self.part_of[cell.grade_id]
        late = any(record.verdicts.get(other.grade_id, ("",))[0] == "timeout" for other in part.tests)
        return min(self.limits.late_seconds, self.limits.cell_seconds) if late else self.limits.cell_seconds

    def _diagnose(self, part: Part, verdicts: dict[str, tuple], traces: dict[str, Trace]) -> Mistake | None:
        """The known mistake that behaves as this answer does."""
        failed = {cell.grade_id for cell in part.tests if verdicts[cell.grade_id][0] in ("failed", "error")}
        known = {mistake.name: mistake for mistake in self.assignment.mistakes if mistake.part == part.name}
        if not failed or not known:
            return None
        if part.name not in self.traces:
            self.traces[part.name] = self._traces(part, {name: mistake.source for name, mistake in known.items()})
        found = diagnose(
            {cell.grade_id: traces[cell.grade_id] for cell in part.tests if cell.grade_id in traces},
            failed,
            self.traces[part.name],
        )
        return known.get(found)

    def _difference(self, part: Part, cell: Cell, trace: Trace) -> str:
        """Where an answer that no known mistake explains first differs from the answer key's, in a student's words.

        Of a hidden test nothing is told but a wrong kind of value.
        """
        if part.name not in self.right:
            labels: dict[str, list[str]] = {}
            traces = self._traces(part, {part.name: answer(part)}, labels)
            self.right[part.name] = {one: (traces[part.name][one], labels[one]) for one in traces[part.name]}
        expected, labels = self.right[part.name].get(cell.grade_id, ((), ()))
        return first_difference(trace, expected, None if cell.is_hidden else labels)

    def _traces(
        self, part: Part, answers: dict[str, str], labels: dict[str, list[str]] | None = None
    ) -> dict[str, dict[str, Trace]]:
        """What the part's tests see of known answers, by name; for each, one stem is forked as for a submission.

        Into `labels` go the calls that led to the entries of the last answer's traces, as text.
        """
        records = {name: Record() for name in answers}
        with contextlib.closing(Sitting(self, self.limits.submission_seconds)) as sitting:
            code = [cell for cell in self.assignment.master.cells if cell.cell_type == "code"]
            for is_test, cells in itertools.groupby(code, lambda cell: cell in part.tests):
                if not is_test:
                    for cell in filter(lambda cell: cell.is_provided, cells):
                        exec(self._compile(cell.source, "provided"), sitting.names)
                        sitting.bind()
                        sitting.run(cell.source)
                    continue
                tests = list(cells)
                for name, source in answers.items():
                    fork = None
                    for cell in tests:
                        if fork is None or fork.is_over:
                            fork = self._fork_with(sitting, part, source)
                        sitting.labels = [] if labels is not None else None
                        self._test(sitting, cell, fork, records[name])
                        if labels is not None:
                            labels[cell.grade_id] = sitting.labels
                    if not fork.is_over:
                        sitting.end(fork)
        return {name: record.traces for name, record in records.items()}

    def _fork_with(self, sitting: Sitting, part: Part, source: str) -> Fork:
        """A fork in which a known answer has run."""
        fork = sitting.fork(part)
        fork.names = dict(sitting.names)
        sitting.talk_to(fork, self.limits.cell_seconds)
        with contextlib.suppress(ChannelError):  # it may be one that ends Python, and then its tests say so
            fork.peer.call(RUN, source)
        return fork

    def _out_of_memory(self, limit: int) -> tuple[str, str]:
        return "memory", f"Your code asked for more than the {limit} MB of memory that it may use."

    def _limit_hit(self, error: ChannelError, seconds: float) -> tuple[str, str]:
        if error.kind == "timeout":
            return "timeout", f"No answer within {seconds:g} s: is there a loop that never ends?"
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


class Record:
    """What is known of a submission so far, by grade id, over all the stems that it took."""

    def __init__(self, in_place: bool = False):
        self.in_place = in_place  # whether tests may ask the stem itself: see definitions.py
        self.verdicts: dict[str, tuple[str, str | None]] = {}  # outcome and message
        self.traces: dict[str, Trace] = {}
        self.fatal: dict[int | str, str] = {}  # index of a cell that ended the stem, or grade id of a test: how
        self.lost: Counter[str] = Counter()  # forks that ended before their time


@dataclass(eq=False)
class Fork:
    """A fork of the stem, made at a test's place in the notebook, and the names that its tests see."""

    number: int  # 0 where it is the stem itself
    part: Part
    peer: Peer | None
    names: dict
    waiting: list[Cell] = field(default_factory=list)  # hidden tests that it will run at the end
    is_over: bool = False

    @property
    def is_stem(self) -> bool:
        return self.number == 0

    def takes(self, test: Cell | None, part: Part | None) -> bool:
        """Whether a cell is one that this fork may still run: no visible test comes after a hidden one."""
        return test is not None and part is self.part and not (self.waiting and not test.is_hidden)


class Sitting:
    """One stem: a student's notebook, running. `left` is how many seconds its cells may still take."""

    def __init__(self, examiner: Examiner, left: float):
        examiner.start()
        self.examiner, self.left = examiner, left
        self.names: dict = {"__name__": "__main__"}
        self.peer: Peer | None = None  # the fork that answers at the moment
        self.broken: ChannelError | None = None
        self.trace: Trace = []  # of the test that runs
        self.labels: list[str] | None = None  # the calls behind its entries, where somebody will read them
        self.label = ""
        self.stand_ins: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()  # by number
        self.owner: str | None = None
        self.forks = 0
        special = examiner.special
        self.classes = {name: self._class(name, methods) for name, methods in special.items() if methods is not None}
        self.bound = {name: self.classes.get(name) or self._function(name) for name in special}
        self.orders, reaper_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stem, stem_end = socket.socketpair()
        self.door, door_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = {
            "limits": asdict(examiner.limits),
            "seed": examiner.assignment.seed,
            "classes": list(self.classes),
        }
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

    def bind(self) -> None:
        """Bind the names that students define, and only those, to stand-ins."""
        self.names.update(self.bound)

    def run(self, source: str) -> object:
        """Have the stem run one of the student's cells; what the cell raises is the student's affair.

        Returns what the stem says that it printed (`_outputs` reads it).
        """
        started = time.monotonic()
        self.stem.channel.limit(max(0.01, min(self.examiner.limits.cell_seconds, self.left)))
        try:
            return self.stem.call(RUN, source)
        except ChannelError as error:
            if error.kind != "timeout":
                raise
            self.order(b"i")  # as a person would press stop
            self.stem.channel.limit(INTERRUPT_SECONDS)
            try:
                return self.stem.await_reply()
            except Exception as late:
                raise ChannelError("violation", f"the notebook's process answered {late!r}") from late
        except Exception as error:  # the stem's loop is trusted, its answers are not
            raise ChannelError("violation", f"the notebook's process answered {error!r}") from error
        finally:
            self.left -= time.monotonic() - started

    def fork(self, part: Part, in_place: bool = False) -> Fork:
        """A fork of the stem as it is now; whatever the cells have left running ends first.

        `in_place` is the stem itself, which each test enters and leaves.
        """
        if in_place:
            return Fork(0, part, None, self.names)
        self.order(b"s")
        peer = self._open_door()
        try:
            self.stem.call("fork")
        except Exception as error:
            raise ChannelError("crashed", f"no fork: {error}") from error
        self.forks += 1
        return Fork(self.forks, part, peer, self.names)

    def _open_door(self) -> Peer:
        """Hand the stem one end of a new conversation; returns the other."""
        ours, theirs = socket.socketpair()
        self.stem.channel.limit(ORDER_SECONDS)
        try:
            socket.send_fds(self.door, [b"f"], [theirs.fileno()])
        except OSError as error:
            raise ChannelError("crashed", "the notebook's process ended") from error
        finally:
            theirs.close()
        return Peer(Channel(ours), {}.__getitem__, self._adopt)

    def enter(self, fork: Fork) -> None:
        """Begin a test's conversation with the stem itself."""
        fork.peer = self._open_door()
        self.stem.begin("here")

    def leave(self, fork: Fork) -> None:
        """End a test's conversation with the stem itself."""
        fork.peer.channel.close()
        self.stem.channel.limit(ORDER_SECONDS)
        try:
            self.stem.await_reply()
        except Exception as error:
            raise ChannelError("violation", f"the notebook's process answered {error!r}") from error

    def set_aside(self, fork: Fork) -> None:
        """Keep a fork for the end, with the names as they are now."""
        if not fork.is_stem:
            self.order(b"k%d" % fork.number)
        fork.names = dict(self.names)

    def talk_to(self, fork: Fork, seconds: float) -> None:
        """Let the stand-ins ask this fork, for that long."""
        fork.peer.channel.limit(seconds, TEST_BUDGET)
        self.peer, self.broken, self.owner, self.trace = fork.peer, None, None, []
        self.stand_ins.clear()

    def end(self, fork: Fork) -> bool:
        """End a fork and all that it started, and put the scratch folder back; whether it had taken too much memory."""
        if fork.is_stem and not fork.is_over:
            return False
        fork.peer.channel.close()
        return self.order(b"c")

    def raise_swallowed(self) -> None:
        """A test that caught a ChannelError has not passed."""
        if self.broken is not None:
            raise self.broken

    def order(self, letters: bytes) -> bool:
        """Give the reaper an order (see student.py); whether it had to end something for its memory."""
        try:
            self.orders.send(letters)
            said = self.orders.recv(1)
            if said not in (b"k", b"m"):
                raise ChannelError("crashed", "the sandbox ended")
            return said == b"m"
        except OSError as error:
            raise ChannelError("crashed", "the sandbox ended") from error

    def _function(self, target, name: str | None = None, owner: str | None = None):
        """A stand-in for a function; `owner` is the class whose objects it may return."""

        def function(*args, **kwargs):
            if self.labels is not None:
                self.label = call_as_text(function.__name__, args, kwargs)
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
        asking, self.owner = self.owner, owner
        try:
            result = question(*args, **kwargs)
        except ChannelError as error:
            self.broken = error
            raise
        except Exception as error:
            self._note(("raised", type(error).__name__, str(error)[:200]))
            raise
        finally:
            self.owner = asking  # what is answered after a call back belongs to the question before it
        self._note(("returned", result, self.peer.changes))
        return result

    def _note(self, entry: tuple) -> None:
        channel = self.peer.channel
        if len(self.trace) < MAX_ENTRIES and channel.received < TRACE_BYTES and channel.values < TRACE_VALUES:
            self.trace.append(tuple(map(plain, entry)))
            if self.labels is not None:
                self.labels.append(self.label)

    def _class(self, name: str, special: dict[str, object]):
        """A stand-in for a class that the student writes: calling it makes an object on the other side."""
        sitting = self

        class Meta(type):
            def __getattr__(cls, attribute: str):
                if attribute.startswith("__"):
                    raise AttributeError(attribute)
                return sitting.ask(name, sitting.peer.operate, "get", name, attribute)

        def new(cls, *args, **kwargs):
            if sitting.labels is not None:
                sitting.label = call_as_text(name, args, kwargs)
            made = sitting.ask(name, sitting.peer.call, name, *args, **kwargs)
            if not isinstance(made, proxy):
                raise TypeError(f"{name}(...) did not make an object of class {name}")
            return made

        methods = {method: _forward(method) if value is _METHOD else value for method, value in special.items()}
        proxy = Meta(name, (_Object,), {**methods, "__new__": new, "__init__": lambda *args, **kwargs: None})
        return proxy

    def _adopt(self, peer: Peer, handle: Handle):
        """The stand-in for an object of the student's: always the same one for the same object."""
        known = self.stand_ins.get(handle.number)
        if known is not None:
            return known
        if handle.kind == "function":
            stand_in = self._function(handle, handle.name, self.owner)
        else:
            kind = {"iterator": _Iterator, "iterable": _Iterable, "sequence": _Sequence}.get(handle.kind, _Object)
            if kind is _Object and handle.name == self.owner:
                kind = self.classes.get(self.owner, _Object)
            stand_in = object.__new__(kind)
            for name, value in (("_handle", handle), ("_sitting", self), ("_owner", self.owner)):
                object.__setattr__(stand_in, name, value)
        self.stand_ins[handle.number] = stand_in
        return stand_in


class _Object:
    """Stands for an object of the student's; its attributes and methods are asked for on the other side."""

    def __getattr__(self, name: str):
        if name.startswith("__") or name in ("_handle", "_sitting", "_owner"):
            raise AttributeError(name)
        return self._sitting.ask(self._owner, self._sitting.peer.operate, "get", self._handle, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._sitting.ask(None, self._sitting.peer.operate, "set", self._handle, name, value)

    def __reduce_ex__(self, protocol):
        raise TypeError("an object of the student's cannot be copied")


class _Iterable(_Object):
    """Stands for an object of the student's that can be iterated over."""

    def __iter__(self):
        return self._sitting.ask(self._owner, self._sitting.peer.operate, "iter", self._handle)


class _Iterator(_Iterable):
    """Stands for a generator or another iterator of the student's."""

    def __iter__(self):
        return self

    def __next__(self):
        return self._sitting.ask(self._owner, self._sitting.peer.operate, "__next__", self._handle)


# what the interpreter itself insists on, whatever the student returns
_RESULT_TYPES = {"__len__": int, "__float__": float, "__int__": int, "__bool__": bool, "__str__": str, "__repr__": str}
_COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
_BINARY = "add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor"
_OTHERS = (
    "neg pos abs invert round trunc floor ceil complex index bytes format hash array "
    "call getitem setitem delitem contains iter next reversed enter exit"
)
# What is forwarded, where the author's class defines it. Not __array_function__: NumPy's checks would be the student's.
_FORWARDED = (
    _COMPARISONS
    | _RESULT_TYPES.keys()
    | {f"__{before}{name}__" for name in _BINARY.split() for before in ("", "r", "i")}
    | {f"__{name}__" for name in _OTHERS.split()}
)
_METHOD = object()  # stands in a class for a method that is forwarded


def _forward(method: str):
    def forward(self, *args, **kwargs):
        # a number that a student hands out as an object must not decide what it is equal to
        if method in _COMPARISONS and not isinstance(args[0], _Object):
            return NotImplemented
        sitting = self._sitting
        verb, rest = ("call", kwargs) if method == "__call__" else (method, {})
        question = sitting.peer.call if verb == "call" else functools.partial(sitting.peer.operate, verb)
        result = sitting.ask(self._owner, question, self._handle, *args, **rest)
        wanted = _RESULT_TYPES.get(method)
        if wanted is not None and type(result) is not wanted:
            raise TypeError(f"{method} returned {type(result).__name__}, expected {wanted.__name__}")
        return result

    forward.__name__ = method
    return forward


class _Sequence(_Iterable):
    """Stands for an object of the student's that has a length and places."""

    __len__, __getitem__ = _forward("__len__"), _forward("__getitem__")


def _special_methods(source: str) -> dict[str, object] | None:
    """What the answer key's class defines for operators: methods, and constants such as `__hash__ = None`.

    None where the part is a function.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            special: dict[str, object] = {}
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    special[item.name] = _METHOD
                elif isinstance(item, ast.Assign):
                    value = item.value.value if isinstance(item.value, ast.Constant) else _METHOD
                    special |= {target.id: value for target in item.targets if isinstance(target, ast.Name)}
            constants = {"__hash__", "__array_ufunc__", "__array_priority__"}
            return {
                name: value
                for name, value in special.items()
                if (name in _FORWARDED and value is _METHOD) or (name in constants and value is not _METHOD)
            }
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
            outputs.append(nbformat.NotebookNode(output_type="error", ename="", evalue="", traceback=[text]))
        elif text and kind in ("stdout", "stderr"):
            outputs.append(nbformat.NotebookNode(output_type="stream", name=kind, text=text))
    return outputs


def _refuse(peer: Peer, handle: Handle):
    raise ChannelError("violation", "the notebook's process sent an object")


@contextlib.contextmanager
def _alarm(seconds: float, sitting: Sitting):
    """Break off what runs in the examiner itself, a little after every deadline on the channel has passed."""

    def ring(*_):
        sitting.broken = ChannelError("timeout", "the test took too long")
        raise sitting.broken

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2.0, 1.0)  # again and again: the first may ring where nobody listens
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # the text holds an object of the student's that cannot be written
        return ""


# ---- the examiner as a process of its own ---------------------------------------------------------------------------


def main() -> None:
    """Read an assignment and then folders from standard input, write results to standard output, all length-prefixed.

    What travels here is pickled: both ends are ours, and no student code runs at either.
    """
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a test that prints must not write into the replies
    warnings.simplefilter("ignore")  # a test that meets an overflow says so by failing
    # a student's values, and what the tests make of them, must not take the machine's memory
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + EXAMINER_BYTES, resource.RLIM_INFINITY))
    assignment, limits = _receive(requests)
    examiner = Examiner(assignment, limits)
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder, contextlib.closing(examiner):
        for data in assignment.data_files:
            shutil.copy(data, folder)
        os.chdir(folder)  # provided cells load their data from here, as they do beside a student's notebook
        try:
            examiner.start()
            gc.collect()
            gc.freeze()  # what is here now stays: no need to look at it again after every few submissions
            _send(replies, "ready")
            while (request := _receive(requests)) is not None:
                method, *arguments = request
                _send(replies, getattr(examiner, method)(*arguments))
        except SandboxError as error:
            _send(replies, error)
        except BrokenPipeError:  # whoever asked has ended
            with contextlib.suppress(BrokenPipeError):
                replies.close()


def _receive(stream):
    """What was asked next; None where whoever asks has ended, in the middle of a question or before."""
    header = stream.read(4)
    size = struct.unpack("<I", header)[0] if len(header) == 4 else -1
    body = stream.read(max(size, 0))
    return pickle.loads(body) if len(body) == size else None


def _send(stream, value) -> None:
    body = pickle.dumps(value)
    stream.write(struct.pack("<I", len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
