"""What goes into grading and what comes out: an Assignment, and for each submission a Result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from autograder import bank as banks
from autograder import master as masters
from autograder.bank import Mistake
from autograder.course import Course
from autograder.master import Cell, Master

SEED = 20261122
MAX_MESSAGE = 600


@dataclass(frozen=True)
class Assignment:
    """What a worker needs to grade one chapter: the master, the files that students got beside it, known mistakes."""

    master: Master
    data_files: tuple[Path, ...]
    mistakes: tuple[Mistake, ...] = ()
    seed: int = SEED

    @classmethod
    def load(cls, course: Course, chapter: str) -> Assignment:
        return cls(
            masters.read(course.master(chapter)),
            tuple(course.data_files(chapter)),
            tuple(banks.load(chapter, course).mistakes),
        )

    @property
    def name(self) -> str:
        return self.master.chapter


@dataclass(frozen=True)
class CellResult:
    """The verdict on one graded cell. `outcome`: passed, failed, error, timeout, memory, crashed or missing."""

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
    verdict, and the reason is ours). `fingerprint` stands for what was graded and by what: equal ones, equal verdicts.
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
    fingerprint: str | None = None

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Result:
        cells = tuple(CellResult(**cell) for cell in data["cells"])
        return cls(**{**data, "cells": cells, "notes": tuple(data["notes"])})


def graded(
    assignment: Assignment, student: str, seconds: float, cells: list[CellResult], notes: tuple[str, ...]
) -> Result:
    """The result of a submission that was graded."""
    return Result(
        assignment=assignment.name,
        student=student,
        status="graded",
        score=sum(cell.points for cell in cells),
        max_score=assignment.master.max_score,
        seconds=round(seconds, 3),
        seed=assignment.seed,
        reason=None,
        cells=tuple(cells),
        notes=notes,
    )


def without_verdict(assignment: Assignment, student: str, status: str, reason: str) -> Result:
    """The result of a submission that was not graded: no points, and the reason."""
    return Result(
        assignment=assignment.name,
        student=student,
        status=status,
        score=0.0,
        max_score=assignment.master.max_score,
        seconds=0.0,
        seed=assignment.seed,
        reason=reason,
        cells=tuple(CellResult(cell.grade_id, 0.0, cell.points, "missing") for cell in assignment.master.graded),
    )


def message_for_student(cell: Cell, outcome: str, error_name: str, text: str) -> str:
    """What a student is told of a test that did not pass: a visible test's own words, and never a hidden one's."""
    if cell.is_hidden:
        kind = "gives a wrong answer" if outcome == "failed" else f"raises {error_name}"
        return f"On inputs you have not seen, your function {kind}."
    return f"{error_name}: {text}".strip()[:MAX_MESSAGE]
