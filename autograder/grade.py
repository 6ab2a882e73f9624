"""`grade(assignment, folder, student) -> Result`: one submission in, one verdict out, nothing else touched.

Behind it, each worker keeps an examiner for each assignment: a process of its own, with a warm sandbox. An examiner
that is harmed is replaced, and the submission tried once more.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import struct
import subprocess
import sys
import threading
from pathlib import Path

from nbformat import NotebookNode

from autograder.engine.sandbox import Limits, SandboxError
from autograder.verdict import Assignment, Result, without_verdict

GRACE_SECONDS = 60.0  # over what a submission may take, for restarts and a loaded machine
_mine = threading.local()


def grade(assignment: Assignment, folder: Path, student: str) -> Result:
    """Grade the notebook in one student's folder.

    A submission that cannot be read is `unreadable`. One that brings down two examiners is `refused`. Raises
    SandboxError where there is no sandbox.
    """
    try:
        return _ask(assignment, "grade", folder, student)
    except _Harmed as harm:
        return _refused(assignment, student, harm)


def execute(assignment: Assignment, folder: Path, student: str) -> tuple[Result, NotebookNode | None]:
    """The same, and the notebook as it was run, with what the student's cells printed; None where it was refused.

    The notebook holds the hidden tests: it is not for students.
    """
    try:
        return _ask(assignment, "execute", folder, student)
    except _Harmed as harm:
        return _refused(assignment, student, harm), None


def _ask(assignment: Assignment, method: str, folder: Path, student: str):
    """Ask this thread's examiner, and where that harms it, another one."""
    for last in (False, True):
        examiner = _examiner(assignment)
        try:
            return examiner.ask(method, folder, student)
        except _Harmed:
            examiner.close()
            if last:
                raise


def _refused(assignment: Assignment, student: str, harm: _Harmed) -> Result:
    return without_verdict(assignment, student, "refused", f"the examiner was brought down twice: {harm}")


class _Harmed(Exception):
    """An examiner died, or did not answer in time."""


class _Examiner:
    """An examiner process, as its worker sees it."""

    def __init__(self, assignment: Assignment, limits: Limits):
        parts, tests = len(assignment.master.parts), len(assignment.master.graded)
        self.longest = (
            limits.submission_seconds + parts * limits.cell_seconds + tests * limits.late_seconds + GRACE_SECONDS
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autograder.engine.examiner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._send((assignment, limits))
        try:
            ready = self._receive(120.0)
        except _Harmed as harm:
            raise SandboxError(f"the examiner did not start: {harm}") from harm
        if isinstance(ready, SandboxError):
            self.close()
            raise ready

    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, method: str, folder: Path, student: str):
        self._send((method, folder.resolve(), student))
        answer = self._receive(self.longest)
        if isinstance(answer, SandboxError):
            raise answer
        return answer

    def close(self) -> None:
        """End the process: by hanging up, so that it can tidy up behind itself, and by force if that does not help."""
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _send(self, value: object) -> None:
        body = pickle.dumps(value)
        try:
            self.process.stdin.write(struct.pack("<I", len(body)) + body)
            self.process.stdin.flush()
        except OSError as error:
            raise _Harmed("it ended") from error

    def _receive(self, seconds: float):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise _Harmed(f"no answer within {seconds:.0f} s")
        header = self.process.stdout.read(4)
        if len(header) < 4:
            raise _Harmed("it ended")
        return pickle.loads(self.process.stdout.read(struct.unpack("<I", header)[0]))


def _examiner(assignment: Assignment) -> _Examiner:
    """This thread's examiner for an assignment; a new one where there is none, or where it has ended."""
    if not hasattr(_mine, "examiners"):
        _mine.examiners = {}
    examiner = _mine.examiners.get(assignment)
    if examiner is None or not examiner.alive():
        examiner = _mine.examiners[assignment] = _Examiner(assignment, Limits())
        atexit.register(examiner.close)
    return examiner
