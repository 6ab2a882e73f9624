"""Grading without a sandbox, as nbgrader does it: for systems that cannot have one, and students whom you trust.

The rebuilt notebook, tests included, runs in a Jupyter kernel with the rights of whoever grades, through nbgrader's
Execute preprocessor, and `determine_grade` reads the points off its outputs. A student who wants to can read hidden
tests, change files and forge points. `grade.py` is the safe way.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade

from autograder import submission as submissions
from autograder.master import Cell
from autograder.verdict import Assignment, CellResult, Result, graded, message_for_student, without_verdict

CELL_SECONDS = 30
SUBMISSION_SECONDS = 120


def grade(assignment: Assignment, folder: Path, student: str) -> Result:
    """The same as `autograder.grade.grade`, without its promises."""
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
    return graded(assignment, student, time.monotonic() - started, cells, rebuilt.notes)


class _Execute(Execute):
    """Marks the cells that ran to their end: one in which the kernel died has an execution count, and no error."""

    def on_cell_executed(self, **kwargs):
        super().on_cell_executed(**kwargs)
        kwargs["cell"].metadata["finished"] = True


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
        execute = _Execute(
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

    if "finished" not in executed.metadata:
        if death == "timeout":
            return result(0.0, "timeout", f"The notebook took longer than {SUBMISSION_SECONDS} s in all.")
        return result(
            0.0,
            "crashed",
            "The kernel ended in this test or before it: your code ended Python or ran out of memory.",
        )
    # NumPy's warnings go to stderr, which determine_grade would take for a failure
    executed.outputs = [out for out in executed.outputs if not (out.output_type == "stream" and out.name == "stderr")]
    points, _ = determine_grade(executed)
    errors = [out for out in executed.outputs if out.output_type == "error"]
    # after a timeout the kernel is interrupted, which leaves a KeyboardInterrupt as well
    error = next((out for out in errors if out.ename == "CellTimeoutError"), errors[0] if errors else None)
    if error is None:
        return result(float(points), "passed" if points == original.points else "failed")
    if error.ename == "CellTimeoutError":
        return result(0.0, "timeout", f"No answer within {CELL_SECONDS} s: is there a loop that never ends?")
    outcome = "failed" if error.ename == "AssertionError" else "error"
    return result(0.0, outcome, message_for_student(original, outcome, error.ename, error.evalue))
