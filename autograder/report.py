"""A page for the instructor: how the class did, part by part and student by student. One file without scripts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2

from autograder.verdict import Assignment, Result

BANDS = 10


@dataclass(frozen=True)
class Band:
    """A bar of the score distribution: how many students got from `low` to below `high` points."""

    low: float
    high: float
    students: int
    share: float  # of the longest bar, 0 to 1


@dataclass(frozen=True)
class PartRow:
    name: str
    points: float
    passed: int  # students with all points
    some: int  # students with some
    missing: int  # students who did not answer
    graded: int


@dataclass(frozen=True)
class Summary:
    """What the page says about one assignment."""

    assignment: str
    max_score: float
    students: int
    unreadable: list[Result]
    refused: list[Result]
    mean: float
    median: float
    bands: list[Band]
    parts: list[PartRow]
    results: list[Result]


def summarise(assignment: Assignment, results: list[Result]) -> Summary:
    """Counts for one assignment; unreadable submissions count in the list of students but not in the averages."""
    graded = [result for result in results if result.status == "graded"]
    scores = sorted(result.score for result in graded)
    middle = len(scores) // 2
    median = 0.0 if not scores else scores[middle] if len(scores) % 2 else (scores[middle - 1] + scores[middle]) / 2
    maximum = assignment.master.max_score
    counts = Counter(min(int(score / maximum * BANDS), BANDS - 1) for score in scores)
    longest = max(counts.values(), default=1)
    bands = [Band(maximum * i / BANDS, maximum * (i + 1) / BANDS, counts[i], counts[i] / longest) for i in range(BANDS)]
    parts = []
    for part in assignment.master.parts:
        ids = {cell.grade_id for cell in part.tests}
        earned = [sum(c.points for c in result.cells if c.grade_id in ids) for result in graded]
        missing = [any(c.outcome == "missing" for c in result.cells if c.grade_id in ids) for result in graded]
        parts.append(
            PartRow(
                part.name,
                part.points,
                passed=sum(points == part.points for points in earned),
                some=sum(0 < points < part.points for points in earned),
                missing=sum(missing),
                graded=len(graded),
            )
        )
    return Summary(
        assignment.name,
        maximum,
        len(results),
        [result for result in results if result.status == "unreadable"],
        [result for result in results if result.status == "refused"],
        sum(scores) / len(scores) if scores else 0.0,
        median,
        bands,
        parts,
        sorted(results, key=lambda result: result.student),
    )


def write(path: Path, assignments: dict[str, Assignment], results: list[Result]) -> None:
    """Write the report for all assignments that have results."""
    summaries = [
        summarise(assignment, [result for result in results if result.assignment == name])
        for name, assignment in assignments.items()
    ]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("autograder").joinpath("templates/report.html").read_text(encoding="utf-8")
    )
    # a file name need not be UTF-8
    path.write_text(template.render(summaries=summaries), encoding="utf-8", errors="backslashreplace")
