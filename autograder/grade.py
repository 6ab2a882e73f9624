"""`grade(assignment, submission) -> Result`: one notebook in, one verdict out, nothing else touched.

This is the seam at which the way of executing a submission can be exchanged. Here the rebuilt notebook runs in a
kernel of its own through nbgrader's Execute preprocessor, and `determine_grade` reads the points off its outputs.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade

from autograder import master as masters
from autograder import submission as submissions
from autograder.course import Course
from autograder.master import BEGIN_HIDDEN, Cell, Master

SEED = 20261122
CELL_SECONDS = 30
SUBMISSION_SECONDS = 120


@dataclass(frozen=True)
class Assignment:
    """What a worker needs to grade one chapter: the master and the files that students got beside it."""

    master: Master
    data_files: tuple[Path, ...]
    seed: int = SEED

    @classmethod
    def load(cls, course: Course, chapter: str) -> Assignment:
        return cls(masters.read(course.master(chapter)), tuple(course.data_files(chapter)))

    @property
    def name(self) -> str:
        return self.master.chapter


@dataclass(frozen=True)
class CellResult:
    """The verdict on one graded cell. `outcome`: passed, failed, error, timeout, crashed or missing."""

    grade_id: str
    points: float
    max_points: float
    outcome: str
    message: str | None = None
    diagnosis: str | None = None


@dataclass(frozen=True)
class Result:
    """The verdict on one submission.

    `status`: graded; unreadable (no points, and the reason is the submission's); refused (grading itself failed: no
    verdict, and the reason is ours).
    """

    assignment: str
    student: str
    status: str
    score: float
    max_score: float
    seconds: float
    seed: int
    reason: str | None
    cells: tuple[CellResult, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Result:
        cells = tuple(CellResult(**cell) for cell in data["cells"])
        return cls(**{**data, "cells": cells, "notes": tuple(data["notes"])})


def grade(assignment: Assignment, folder: Path, student: str) -> Result:
    """Grade the notebook in one student's folder. What raises here is a fault of the machinery, not of the student."""
    started = time.monotonic()
    try:
        submitted = submissions.read(submissions.find(folder, assignment.name))
    except submissions.Unreadable as error:
        return without_verdict(assignment, student, "unreadable", str(error))
    rebuilt = submissions.rebuild(assignment.master, submitted)
    death = _execute(rebuilt.notebook, assignment)
    executed = {
        cell.metadata.nbgrader["grade_id"]: cell for cell in rebuilt.notebook.cells if "nbgrader" in cell.metadata
    }
    cells = []
    for part in assignment.master.parts:
        for original in part.tests:
            verdict = _verdict(original, executed[original.grade_id], death)
            if verdict.outcome != "passed" and part.name in rebuilt.unanswered:
                verdict = replace(verdict, outcome="missing", message="Not answered yet.")
            cells.append(verdict)
    return Result(
        assignment=assignment.name,
        student=student,
        status="graded",
        score=sum(cell.points for cell in cells),
        max_score=assignment.master.max_score,
        seconds=round(time.monotonic() - started, 3),
        seed=assignment.seed,
        reason=None,
        cells=tuple(cells),
        notes=rebuilt.notes,
    )


def without_verdict(assignment: Assignment, student: str, status: str, reason: str) -> Result:
    """The result of a submission that was not graded: no points, and the reason."""
    return Result(
        assignment.name, student, status, 0.0, assignment.master.max_score, 0.0, assignment.seed, reason,
        tuple(CellResult(cell.grade_id, 0.0, cell.points, "missing") for cell in assignment.master.graded),
    )  # fmt: skip


def _execute(notebook: nbformat.NotebookNode, assignment: Assignment) -> str | None:
    """Run the notebook in place, beside copies of its data files; returns why the kernel died, if it did."""
    deadline = time.monotonic() + SUBMISSION_SECONDS
    seeding = (
        f"import random as _r, numpy as _n; _r.seed({assignment.seed}); _n.random.seed({assignment.seed}); del _r, _n"
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(seeding))
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        for data in assignment.data_files:
            shutil.copy(data, folder)
        os.environ["NBGRADER_EXECUTION"] = "autograde"  # stock nbgrader sets it too: showcase cells look at it
        execute = Execute(
            timeout_func=lambda cell: max(1, min(CELL_SECONDS, int(deadline - time.monotonic()))),
            error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": ["no answer in time"]},
            extra_arguments=["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=ERROR"],
        )
        execute.log = logging.getLogger("autograder.execute")
        try:
            execute.preprocess(notebook, {"metadata": {"path": folder}})
        except DeadKernelError:
            return "crashed"
        except CellTimeoutError:
            return "timeout"
    return None


def _verdict(original: Cell, executed: nbformat.NotebookNode, death: str | None) -> CellResult:
    def result(points: float, outcome: str, message: str | None = None) -> CellResult:
        return CellResult(original.grade_id, points, original.points, outcome, message)

    if executed.execution_count is None and not executed.outputs:
        if death == "timeout":
            return result(0.0, "timeout", f"The notebook took longer than {SUBMISSION_SECONDS} s in all.")
        return result(
            0.0,
            "crashed",
            "The kernel ended before this test: a cell above it ended Python or ran out of memory.",
        )
    # NumPy's warnings go to stderr, which determine_grade would take for a failure
    executed.outputs = [out for out in executed.outputs if not (out.output_type == "stream" and out.name == "stderr")]
    points, _ = determine_grade(executed)
    error = next((out for out in executed.outputs if out.output_type == "error"), None)
    if error is None:
        return result(float(points), "passed" if points == original.points else "failed")
    if error.ename == "CellTimeoutError":
        return result(0.0, "timeout", f"No answer within {CELL_SECONDS} s: is there a loop that never ends?")
    outcome = "failed" if error.ename == "AssertionError" else "error"
    if BEGIN_HIDDEN in original.source:
        kind = "gives a wrong answer" if outcome == "failed" else f"raises {error.ename}"
        return result(0.0, outcome, f"On inputs you have not seen, your function {kind}.")
    return result(0.0, outcome, f"{error.ename}: {error.evalue}".strip()[:600])
