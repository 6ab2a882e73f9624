"""Many submissions: which there are, what of them is graded already, and grading the rest side by side.

What travels to a worker: once, the assignments (master, hand-out data, known mistakes, seed); for each submission, the
bytes of its notebook and the student's name. Back comes a Result, and the notebook for formgrader. A worker needs this
package and a sandbox, and no folder of the class.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
import os
import platform
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import numpy as np

from autograder import grade as sandboxed
from autograder import submission as submissions
from autograder import unsandboxed
from autograder.converter import autograded
from autograder.course import Course, CourseError
from autograder.engine import sandbox
from autograder.engine.sandbox import SandboxError
from autograder.verdict import Assignment, Result, without_verdict

MAX_NAME = 128  # characters of a student's id in nbgrader's gradebook
ATTEMPTS = 3  # of a submission whose worker was lost


@dataclass(frozen=True)
class Handed:
    """One student's folder for one assignment, in nbgrader's layout `submitted/<student>/<assignment>/`."""

    student: str
    assignment: str
    folder: Path


def find(folder: Path, course: Course, chapters: list[str] | None = None) -> list[Handed]:
    """Everything handed in below `folder/submitted`, ordered by assignment and student.

    Raises CourseError when there is no such folder, or nothing in it that could be graded.
    """
    submitted = folder / "submitted"
    if not submitted.is_dir():
        raise CourseError(f"expected submissions in {submitted}/<student>/<chapter>/, found no folder {submitted}")
    known = chapters or course.chapters()
    found = [
        Handed(student.name.encode("utf-8", "backslashreplace").decode(), assignment.name, assignment)
        for student in submitted.iterdir()
        if student.is_dir() and not student.name.startswith(".")
        for assignment in student.iterdir()
        if assignment.is_dir() and assignment.name in known
    ]
    if not found:
        raise CourseError(
            f"{submitted} holds no submission to {' or '.join(known)}; expected <student>/<chapter>/ in it"
        )
    return sorted(found, key=lambda handed: (handed.assignment, handed.student))


# ---- fingerprints ---------------------------------------------------------------------------------------------------


@functools.cache
def judge() -> str:
    """A digest of what decides besides the assignment: the grading code and what it runs on."""
    package = Path(__file__).parent
    names = (
        "grade.py",
        "converter.py",
        "unsandboxed.py",
        "submission.py",
        "diagnosis.py",
        "verdict.py",
        "master.py",
        "engine/*.py",
    )
    digest = hashlib.sha256(f"{platform.python_version()} {np.__version__}".encode())
    for path in sorted(path for name in names for path in package.glob(f"{name}.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(assignment: Assignment, graders: str = "") -> str:
    """A digest of everything that a verdict on this assignment depends on, apart from the submission."""
    mistakes = [(one.name, one.part, one.says, one.source) for one in assignment.mistakes]
    data = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in assignment.data_files]
    cells = [(cell.cell_type, cell.source, cell.tags, cell.grade_id, cell.points) for cell in assignment.master.cells]
    told = json.dumps([judge(), graders, assignment.name, assignment.seed, cells, data, mistakes])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


# ---- one submission, at a worker ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """What travels for one submission; `assignment` is the fingerprint of one that the worker has been given."""

    assignment: str
    student: str
    notebook: bytes
    sandboxed: bool = True


_given: dict[str, Assignment] = {}


def give(assignments: dict[str, Assignment]) -> None:
    """Give this process the assignments, by fingerprint, that its work will name."""
    _given.update(assignments)


def work(one: Work) -> tuple[Result, str | None]:
    """Grade one submission in this process: the verdict, and the notebook for formgrader, None where it was refused.

    Raises SandboxError where there is no sandbox.
    """
    assignment = _given[one.assignment]
    with tempfile.TemporaryDirectory(prefix="autograder-") as name:
        folder = Path(name)
        (folder / f"{assignment.name}.ipynb").write_bytes(one.notebook)
        if one.sandboxed:
            result, executed = sandboxed.execute(assignment, folder, one.student)
            return result, _for_formgrader(assignment, result, executed) if executed else None
        result = unsandboxed.grade(assignment, folder, one.student)
        cells = [] if result.status == "unreadable" else submissions.read(folder / f"{assignment.name}.ipynb")
        return result, _for_formgrader(assignment, result, _as_handed_in(assignment, cells))


def _for_formgrader(assignment: Assignment, result: Result, executed: nbformat.NotebookNode) -> str:
    return nbformat.v4.writes(autograded(assignment.master, result, executed)) + "\n"


def _as_handed_in(assignment: Assignment, cells: list[submissions.SubmittedCell]) -> nbformat.NotebookNode:
    """A submission on its master that was not run, or not in a way that can be shown."""
    return submissions.rebuild(assignment.master, cells, whole=True).notebook


# ---- who works ------------------------------------------------------------------------------------------------------


class LocalWorkers:
    """Processes on this machine, one a core unless told otherwise. Use it as a context manager.

    They are spawned, since a kernel client has threads. Each ends when this process does, whatever ends it.
    """

    def __init__(self, assignments: dict[str, Assignment], workers: int | None = None):
        self.assignments, self.count = assignments, workers or os.cpu_count() or 1

    def __enter__(self) -> LocalWorkers:
        self._start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self._writer.close()  # end now: nobody waits for what is under way
        self.executor.shutdown(wait=True, cancel_futures=True)
        self._writer.close()

    def width(self) -> int:
        """How many submissions to have under way: one for each worker, and one in the queue."""
        return 2 * self.count

    def submit(self, one: Work) -> Future:
        return self.executor.submit(work, one)

    def renew(self) -> None:
        """Start anew after a worker was lost, which ends the others too."""
        self._writer.close()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        reader, self._writer = context.Pipe(duplex=False)
        self.executor: Executor = ProcessPoolExecutor(
            self.count, mp_context=context, initializer=_begin, initargs=(self.assignments, reader)
        )


def _begin(assignments: dict[str, Assignment], life_line) -> None:
    """A local worker's start: out of the terminal's reach, so that Ctrl-C is the parent's to handle."""
    os.setsid()

    def follow() -> None:
        with contextlib.suppress(EOFError, OSError):
            life_line.recv_bytes()
        os.killpg(0, signal.SIGKILL)  # its examiners too, before they find nobody to report to, and complain

    threading.Thread(target=follow, daemon=True).start()
    give(assignments)


class Cluster:
    """The workers of a Dask cluster, which may come and go. Use it as a context manager.

    Raises CourseError where no scheduler answers, or where a worker could not grade as this machine would.
    """

    ANSWER_SECONDS = 30

    def __init__(self, assignments: dict[str, Assignment], address: str):
        self.assignments, self.address = assignments, address

    def __enter__(self) -> Cluster:
        import distributed

        try:
            self.client = distributed.Client(self.address, timeout=self.ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(
                f"expected a Dask scheduler at {self.address}, found none ({error}); start one with `dask scheduler`"
            ) from error
        try:
            self.client.wait_for_workers(1, timeout=self.ANSWER_SECONDS)
            problems = self.client.run(_problem, judge())
            for worker, problem in problems.items():
                if problem:
                    raise CourseError(f"the worker {worker} cannot grade: {problem}")
            self.client.register_plugin(_plugin(self.assignments))
        except TimeoutError as error:
            self.client.close()
            raise CourseError(
                f"the scheduler at {self.address} has no workers; start some with `dask worker {self.address}`"
            ) from error
        except BaseException:
            self.client.close()
            raise
        self.executor = self.client.get_executor(pure=False, retries=0)
        self._asked = 0.0
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.executor.shutdown(wait=kind is None)
        self.client.close()

    def width(self) -> int:
        if time.monotonic() > self._asked + 2.0:
            self._asked = time.monotonic()
            self._width = 2 * max(1, sum(self.client.nthreads().values()))
        return self._width

    def submit(self, one: Work) -> Future:
        try:
            return self.executor.submit(work, one)
        except RuntimeError as error:  # the client is closed
            raise CourseError(
                f"the scheduler at {self.address} was lost; run the same command again to go on"
            ) from error

    def renew(self) -> None:
        """Nothing to do: Dask gives a lost worker's work to others by itself."""


def _problem(expected: str) -> str | None:
    """Why this process cannot grade as the one that asks would."""
    if judge() != expected:
        return (
            f"its copy of the autograder, Python ({platform.python_version()}) or NumPy ({np.__version__}) is another "
            "than here; install the same ones"
        )
    try:
        sandbox.check()
    except SandboxError as error:
        return str(error)
    return None


def _plugin(assignments: dict[str, Assignment]):
    """A Dask plug-in that gives every worker, present and future, the assignments and their hand-out data."""
    from distributed import WorkerPlugin

    data = {key: {path.name: path.read_bytes() for path in one.data_files} for key, one in assignments.items()}

    class Give(WorkerPlugin):
        name = "autograder"

        def setup(self, worker) -> None:
            self.folder = tempfile.TemporaryDirectory(prefix="autograder-handout-")
            here = {}
            for key, assignment in assignments.items():
                place = Path(self.folder.name) / key
                place.mkdir()
                for name, content in data[key].items():
                    (place / name).write_bytes(content)
                here[key] = replace(assignment, data_files=tuple(place / name for name in data[key]))
            give(here)

        def teardown(self, worker) -> None:
            self.folder.cleanup()

    return Give()


# ---- all of them ----------------------------------------------------------------------------------------------------


def run(
    workers: LocalWorkers | Cluster,
    assignments: dict[str, Assignment],
    handed: Iterable[tuple[Handed, str]],
    sandboxed: bool = True,
) -> Iterator[tuple[Result, str | None]]:
    """Grade everything, yielding results, and notebooks for formgrader, as they come; few are under way at a time.

    `handed` are submissions with the fingerprint of their assignment; `assignments` go by name. Where grading itself
    fails, the result is `refused`. What a lost worker had is given to others; a submission that loses its worker
    ATTEMPTS times, the last times alone, is `refused` too. Raises SandboxError where a worker has no sandbox.
    """
    fresh, suspects = iter(handed), deque()
    pending: dict[Future, tuple] = {}

    def submit(one: Handed, key: str, notebook: bytes, attempts: int) -> None:
        try:
            future = workers.submit(Work(key, one.student, notebook, sandboxed))
        except BrokenExecutor as error:  # found out only now
            future = Future()
            future.set_exception(error)
        pending[future] = (one, key, notebook, attempts)

    while True:
        while not suspects and len(pending) < workers.width():
            one, key = next(fresh, (None, None))
            if one is None:
                break
            if len(one.student) > MAX_NAME:
                reason = (
                    f"the folder's name has {len(one.student)} characters, nbgrader's limit is {MAX_NAME}: rename it"
                )
                yield without_verdict(assignments[one.assignment], one.student, "refused", reason), None
                continue
            try:
                notebook = load(one)
            except submissions.Unreadable as error:
                assignment = assignments[one.assignment]
                result = without_verdict(assignment, one.student, "unreadable", str(error))
                shown = _for_formgrader(assignment, result, _as_handed_in(assignment, []))
                yield replace(result, fingerprint=_digest(key, error)), shown
            else:
                submit(one, key, notebook, 0)
        if suspects and not pending:  # one of these may have ended its worker: each alone, to see which
            submit(*suspects.popleft())
        if not pending:
            return
        broken = False
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            one, key, notebook, attempts = pending.pop(future)
            try:
                result, shown = future.result()
                yield replace(result, fingerprint=_digest(key, notebook) if shown else None), shown
                continue
            except SandboxError:
                raise
            except CancelledError as error:
                raise CourseError("the cluster cancelled the work; run the same command again to go on") from error
            except BrokenExecutor as error:
                broken = True
                if attempts + 1 < ATTEMPTS:
                    suspects.append((one, key, notebook, attempts + 1))
                    continue
                reason = f"its worker was lost {ATTEMPTS} times ({error})"
            except Exception as error:
                reason = f"grading stopped unexpectedly ({type(error).__name__}: {error})"
            yield without_verdict(assignments[one.assignment], one.student, "refused", reason), None
        if broken:
            workers.renew()


def load(one: Handed) -> bytes:
    """The bytes of a submission's notebook; raises Unreadable."""
    path = submissions.find(one.folder, one.assignment)
    try:
        if path.stat().st_size > submissions.MAX_BYTES:
            submissions.read(path)  # says so
        return path.read_bytes()
    except OSError as error:
        raise submissions.Unreadable(f"the file cannot be read: {error.strerror}") from error


def submission_fingerprint(one: Handed, assignment: str) -> str:
    """The fingerprint that the verdict on a submission has: of its assignment, given, and of what was handed in."""
    try:
        return _digest(assignment, load(one))
    except submissions.Unreadable as error:
        return _digest(assignment, error)


def _digest(assignment: str, content: bytes | submissions.Unreadable) -> str:
    if not isinstance(content, bytes):
        content = b"unreadable: " + str(content).encode("utf-8", "backslashreplace")
    return hashlib.sha256(assignment.encode() + content).hexdigest()[:16]


# ---- what is graded already -----------------------------------------------------------------------------------------


class Results:
    """The results file of a class, one object a line, and beside it the journal of a run that has not ended yet.

    A result is in the journal before anything else is done with it. Ending a run puts both into one file in order.
    Memory holds a line's place, not the line. Use it as a context manager; without `write` nothing is changed.
    """

    def __init__(self, path: Path, write: bool = True):
        self.writable = write
        self.path, self.journal = path, path.with_name(f"{path.name}.part")
        # path, offset, fingerprint and status of the last verdict on each submission, and of the last finished run's
        self._places: dict[tuple[str, str], tuple[Path, int, str | None, str]] = {}
        self._former: dict[tuple[str, str], tuple[Path, int, str | None, str]] = {}

    def __enter__(self) -> Results:
        for path in (self.path, self.journal):
            if path.exists():
                self._index(path)
        if self.writable:
            self._file = self.journal.open("ab", buffering=0)
        return self

    def __exit__(self, *error) -> None:
        if self.writable:
            self._file.close()

    def fingerprint(self, assignment: str, student: str) -> str | None:
        """The fingerprint of the last verdict on this submission, if there is one."""
        return self._places.get((assignment, student), (None,) * 4)[2]

    def status(self, assignment: str, student: str) -> str:
        """The status of the last verdict on this submission; KeyError where there is none."""
        return self._places[assignment, student][3]

    def assignments(self) -> list[str]:
        """The assignments that there are verdicts on."""
        return sorted({assignment for assignment, _ in self._places})

    def read(self, assignment: str, student: str) -> Result:
        """The last verdict on this submission; KeyError where there is none."""
        return _read(self._places[assignment, student])

    def changes(self) -> Iterator[tuple[Result, Result]]:
        """Where points or status differ from the last finished run: the verdict before and now. Ask before `finish`."""
        for key in sorted(self._former):
            before, now = _read(self._former[key]), _read(self._places[key])
            if "refused" not in (before.status, now.status) and _points(before) != _points(now):
                yield before, now

    def add(self, result: Result) -> None:
        """Write one result to the journal, whole or not at all."""
        line = json.dumps(result.to_json()).encode() + b"\n"
        start = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(line)
            while left:  # a write may take a part
                left = left[self._file.write(left) :]
        except OSError:
            with contextlib.suppress(OSError):  # the next run cuts off what is not a whole line, too
                self._file.truncate(start)
            raise
        self._remember(self.journal, start, result)

    def finish(self) -> None:
        """Write the results file anew, ordered by assignment and student, and end the journal."""
        new = self.path.with_name(f"{self.path.name}.new")
        with contextlib.ExitStack() as stack:
            sources = {path: stack.enter_context(path.open("rb")) for path in {one[0] for one in self._places.values()}}
            target = stack.enter_context(new.open("wb"))
            for place in (self._places[key] for key in sorted(self._places)):
                source = sources[place[0]]
                source.seek(place[1])
                target.write(source.readline())
            target.flush()
            os.fsync(target.fileno())
        new.replace(self.path)
        self._file.close()
        self.journal.unlink(missing_ok=True)
        self._places.clear()
        self._former.clear()
        self._index(self.path)

    def __iter__(self) -> Iterator[Result]:
        """Every last verdict, ordered by assignment and student."""
        for assignment, student in sorted(self._places):
            yield self.read(assignment, student)

    def _index(self, path: Path) -> None:
        """Learn what is in a file. A last line without its end was cut off by whatever ended that run: it goes."""
        with path.open("r+b" if self.writable else "rb") as file:
            offset = 0
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    if self.writable:
                        file.truncate(offset)
                    break
                try:
                    self._remember(path, offset, Result.from_json(json.loads(line)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise CourseError(
                        f"{path}:{number}: expected a result as `autograder grade` writes it, found {error!r}; move "
                        "the file away to grade everything anew"
                    ) from error
                offset += len(line)

    def _remember(self, path: Path, offset: int, result: Result) -> None:
        key = (result.assignment, result.student)
        if path == self.journal and key in self._places and self._places[key][0] == self.path:
            self._former[key] = self._places[key]
        self._places[key] = (path, offset, result.fingerprint, result.status)


def _read(place: tuple) -> Result:
    with place[0].open("rb") as file:
        file.seek(place[1])
        return Result.from_json(json.loads(file.readline()))


def _points(result: Result) -> tuple:
    return result.status, [(cell.grade_id, cell.points) for cell in result.cells]
