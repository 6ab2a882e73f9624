"""Many submissions: which there are, and grading them side by side."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.grade import grade
from autograder.verdict import Assignment, Result, without_verdict


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


def local_executor(workers: int | None = None) -> Executor:
    """Processes on this machine, one a core unless told otherwise. They are spawned: a kernel client has threads."""
    return ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))


def run(
    executor: Executor,
    assignments: dict[str, Assignment],
    handed: Iterable[Handed],
    grade: Callable[[Assignment, Path, str], Result] = grade,
) -> Iterator[Result]:
    """Grade everything, yielding results as they come. Where grading itself fails, the result is `refused`."""
    futures = {executor.submit(grade, assignments[one.assignment], one.folder, one.student): one for one in handed}
    for future in as_completed(futures):
        one = futures[future]
        try:
            yield future.result()
        except Exception as error:
            reason = f"grading stopped unexpectedly ({type(error).__name__}: {error})"
            yield without_verdict(assignments[one.assignment], one.student, "refused", reason)
