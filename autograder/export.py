"""Grades as tables for other programs: nbgrader's CSV, and what Canvas and Moodle import.

Canvas and Moodle recognise a student by their own number, which `autograder collect` has noted. Given the file that the
system itself exports (Canvas: the gradebook; Moodle: the grading worksheet), its rows and columns stay as they are and
the grades are filled in.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path

from autograder.course import CourseError

FORMS = ("nbgrader", "canvas", "moodle")
_CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
_MOODLE = ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Last modified (grade)",
           "Feedback comments"]  # fmt: skip


def canvas(
    rows: Iterable[dict], people: dict[str, dict], chapters: list[str], template: Path | None = None
) -> tuple[list[list[str]], list[str]]:
    """Canvas's gradebook, a column a chapter, and the students who have no row in the template.

    Raises CourseError where the template is no such table, or has no column for a chapter.
    """
    grades, most = _by_student(rows, chapters)
    if template is None:
        table = [
            [*_CANVAS, *chapters],
            ["    Points Possible", "", "", "", "", *(_number(most[one]) for one in chapters)],
        ]
        for student, scores in grades.items():
            person = people.get(student, {})
            name = ", ".join(filter(None, (person.get("last_name"), person.get("first_name")))) or student
            number = person.get("lms_user_id") or student
            table.append([name, number, "", "", "", *(_number(scores.get(one)) for one in chapters)])
        return table, []
    table = _read(template, "ID")
    header = next(row for row in table if "ID" in row)
    columns = {one: _column(header, one, template) for one in chapters}
    place = header.index("ID")
    numbers = {person.get("lms_user_id"): student for student, person in people.items() if person.get("lms_user_id")}
    return table, _fill(table, place, numbers, grades, lambda row, scores: _put(row, columns, scores))


def moodle(
    rows: Iterable[dict],
    participants: dict[str, str],
    people: dict[str, dict],
    chapter: str,
    template: Path | None = None,
) -> tuple[list[list[str]], list[str]]:
    """Moodle's grading worksheet for one chapter, and the students who have no row in the template.

    `participants` are the students' numbers in this assignment. Raises CourseError where the template is no worksheet.
    """
    grades, most = _by_student(rows, [chapter])
    if template is None:
        table = [_MOODLE]
        for student, scores in grades.items():
            number, email = participants.get(student), people.get(student, {}).get("email") or ""
            identifier = f"Participant {number}" if number else student
            name = re.sub(r" \(\d+\)$", "", student)
            table.append([identifier, name, email, _number(scores.get(chapter)), _number(most[chapter]), "-", ""])
        return table, []
    table = _read(template, "Identifier")
    header = next(row for row in table if "Identifier" in row)
    columns = {chapter: _column(header, "Grade", template)}
    numbers = {f"Participant {number}": student for student, number in participants.items()}
    place = header.index("Identifier")
    return table, _fill(table, place, numbers, grades, lambda row, scores: _put(row, columns, scores))


def participants(folder: Path, chapter: str) -> dict[str, str]:
    """Moodle's numbers of students in one assignment, as `autograder collect` noted them."""
    path = folder / "collected" / f"{chapter}.json"
    if not path.exists():
        return {}
    students = json.loads(path.read_text(encoding="utf-8"))["students"]
    return {student: person["participant"] for student, person in students.items() if "participant" in person}


def write(path: Path, table: list[list[str]]) -> None:
    """Write a table as CSV, whole or not at all. With a byte-order mark, by which spreadsheets know UTF-8."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(table)
    new.replace(path)


def _by_student(rows: Iterable[dict], chapters: list[str]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Scores by student and chapter, after penalties, of those who handed in; and the most that each chapter gives."""
    grades: dict[str, dict[str, float]] = {}
    most = dict.fromkeys(chapters, 0.0)
    for row in rows:
        if row["assignment"] in most:
            most[row["assignment"]] = row["max_score"]
            scores = grades.setdefault(row["student_id"], {})
            if row["handed_in"]:
                scores[row["assignment"]] = row["score"]
    return grades, most


def _read(path: Path, needed: str) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV table: {error}") from error
    if not any(needed in row for row in table):
        raise CourseError(f"{path} has no column {needed!r}; expected the file that the system itself exports")
    return table


def _column(header: list[str], name: str, path: Path) -> int:
    """The column of that name; Canvas writes its own number behind it."""
    for place, title in enumerate(header):
        if re.fullmatch(rf"{re.escape(name)}(?: \(\d+\))?", title.strip(), re.IGNORECASE):
            return place
    raise CourseError(f"{path} has no column {name!r}; it has {', '.join(filter(None, header))}")


def _fill(table: list[list[str]], place: int, numbers: dict, grades: dict, put) -> list[str]:
    """Fill in the rows of those who are in it; returns the students who are not."""
    missing = set(grades)
    for row in table:
        if place < len(row):
            student = numbers.get(row[place], row[place])
            if student in grades:
                put(row, grades[student])
                missing.discard(student)
    return sorted(missing)


def _put(row: list[str], columns: dict[str, int], scores: dict[str, float]) -> None:
    for chapter, place in columns.items():
        row.extend([""] * (place + 1 - len(row)))
        if chapter in scores:
            row[place] = _number(scores[chapter])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
