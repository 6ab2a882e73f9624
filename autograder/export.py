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
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import CourseError

FORMS = ("nbgrader", "canvas", "moodle")
_CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
# no column for feedback: Moodle would put an empty one in the place of comments that are there
_MOODLE = ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Last modified (grade)"]


@dataclass(frozen=True)
class Table:
    """What to write, and what to say about it: students who have no row in the template, and other remarks."""

    rows: list[list[str]]
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    delimiter: str = ","


def canvas(
    rows: Iterable[dict],
    people: dict[str, dict],
    chapters: list[str],
    template: Path | None = None,
    column: str | None = None,
) -> Table:
    """Canvas's gradebook, a column a chapter; `column` is the title of the only chapter's, where it is not its name.

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
        return Table(table)
    table, delimiter = _read(template, "ID")
    header = next(row for row in table if "ID" in row)
    columns = {one: _column(header, column or one, template) for one in chapters}
    place = header.index("ID")
    numbers = {person.get("lms_user_id"): student for student, person in people.items() if person.get("lms_user_id")}
    missing = _fill(table, place, numbers, grades, lambda row, scores: _put(row, columns, scores))
    top = next((row for row in table if row and row[0].strip() == "Points Possible"), [])
    remarks = [_other_points(one, most[one], top[at : at + 1], template) for one, at in columns.items()]
    return Table(table, missing, list(filter(None, remarks)), delimiter)


def moodle(
    rows: Iterable[dict],
    participants: dict[str, str],
    people: dict[str, dict],
    chapter: str,
    template: Path | None = None,
) -> Table:
    """Moodle's grading worksheet for one chapter.

    `participants` are the students' numbers in this assignment. Raises CourseError where the template is no worksheet.
    """
    grades, most = _by_student(rows, [chapter])
    if template is None:
        table = [_MOODLE]
        for student, scores in grades.items():
            number, email = participants.get(student), people.get(student, {}).get("email") or ""
            identifier = f"Participant {number}" if number else student
            name = re.sub(r" \(\d+\)$", "", student)
            table.append([identifier, name, email, _number(scores.get(chapter)), _number(most[chapter]), "-"])
        return Table(table)
    table, delimiter = _read(template, "Identifier")
    header = next(row for row in table if "Identifier" in row)
    columns = {chapter: _column(header, "Grade", template)}
    numbers = {f"Participant {number}": student for student, number in participants.items()}
    missing = _fill(table, header.index("Identifier"), numbers, grades, lambda row, scores: _put(row, columns, scores))
    title = next((place for place, name in enumerate(header) if name.strip().lower() == "maximum grade"), len(header))
    said = [row[title] for row in table[table.index(header) + 1 :] if title < len(row)]
    remark = _other_points(chapter, most[chapter], said[:1], template)
    return Table(table, missing, [remark] if remark else [], delimiter)


def participants(folder: Path, chapter: str) -> dict[str, str]:
    """Moodle's numbers of students in one assignment, as `autograder collect` noted them."""
    path = folder / "collected" / f"{chapter}.json"
    if not path.exists():
        return {}
    students = json.loads(path.read_text(encoding="utf-8"))["students"]
    return {student: person["participant"] for student, person in students.items() if "participant" in person}


def write(path: Path, table: Table) -> None:
    """Write a table as CSV, whole or not at all. With a byte-order mark, by which spreadsheets know UTF-8."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=table.delimiter).writerows(table.rows)
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


def _read(path: Path, needed: str) -> tuple[list[list[str]], str]:
    """A table, and what separates its columns: in some countries' settings that is a semicolon."""
    try:
        for delimiter in (",", ";"):
            with path.open(newline="", encoding="utf-8-sig") as file:
                table = list(csv.reader(file, delimiter=delimiter))
            if any(needed in row for row in table):
                return table, delimiter
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV table: {error}") from error
    raise CourseError(
        f"{path} has no column {needed!r}; expected the file that the system itself exports, with its titles in English"
    )


def _column(header: list[str], name: str, path: Path) -> int:
    """The column of that name, however its words are joined; Canvas writes its own number behind it."""

    def plain(title: str) -> str:
        return re.sub(r"[\s_-]+", " ", title).strip().lower()

    for place, title in enumerate(header):
        if plain(name) in (plain(title), plain(re.sub(r" \(\d+\)\s*$", "", title))):
            return place
    raise CourseError(
        f"{path} has no column {name!r}; it has {', '.join(filter(None, header))}. Say with --column which it is"
    )


def _other_points(chapter: str, most: float, said: list[str], path: Path) -> str | None:
    """That a template allows another number of points than the exercise gives, if it does."""
    try:
        found = [float(text.replace(",", ".")) for text in said]
    except ValueError:
        return None
    if not found or found[0] == most:
        return None
    return f"{path} has {found[0]:g} points at most for {chapter}, the exercise {most:g}: set it so before you import"


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
