"""A page for each student: points, what went wrong and why, a hint, and where the book explains it.

One HTML file without scripts, which loads nothing. It says what a student may know: no hidden test, no solution, and
nothing of anyone else. The folder is nbgrader's, so `nbgrader release_feedback` can hand the pages out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jinja2
import markupsafe

from autograder.course import Course
from autograder.master import Part
from autograder.verdict import Assignment, CellResult, Result

RECEIPT = ("timestamp.txt", "submission_secret.txt")
_PAGE = re.compile(r"Page: \*(.+?)\*")
_HEADING = re.compile(r"^#{1,3} (?:\d+ · )?(.+)$", re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_HINTS = {
    "missing": "Nothing to mark yet. The docstring says what goes in and what has to come out; begin with the smallest "
    "case that you can work out by hand.",
    "timeout": "Look for a loop that does not end, or that takes every element one by one where one NumPy call would "
    "do. Try it with a small input first.",
    "memory": "Look for an array that grows with every step, or with a shape that you did not mean: print the shapes "
    "for a small input.",
    "crashed": "Python itself ended. Look for exit(), for a recursion without an end, and for very large arrays.",
    "error": "Run the cell in a fresh kernel (Restart and run all), and read the last line of the traceback first.",
    "visible": "The test is in your notebook: run it, and compare what you get with what it expects, by hand.",
    "hidden": "The visible tests pass, so it is about inputs that they do not try: other shapes, one element, zeros, "
    "negative numbers, several steps in a row. See too that nothing you are given is changed in place.",
}


@dataclass(frozen=True)
class ByHand:
    """What a person has added in the gradebook: scores and comments by grade id, and what lateness costs."""

    scores: dict[str, float] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0


@dataclass(frozen=True)
class Test:
    name: str
    outcome: str
    points: float
    max_points: float
    by_hand: bool


@dataclass(frozen=True)
class PartFeedback:
    """What a student is told of one part."""

    name: str
    title: str
    points: float
    max_points: float
    tests: list[Test]
    messages: list[str]
    comment: str | None
    hint: str | None
    page: str | None  # the title of the page of the book
    link: str | None


class Pages:
    """Where the book explains what a part asks for: the exercise names the page, the book has the file."""

    def __init__(self, course: Course, site: str | None = None):
        self.site = site.rstrip("/") if site else None
        self.files = {}
        for path in sorted((course.root / "book").rglob("*.md")):
            if title := _TITLE.search(path.read_text(encoding="utf-8")):
                self.files.setdefault(title[1].strip(), path.relative_to(course.root).with_suffix(".html").as_posix())

    def link(self, page: str | None) -> str | None:
        """The address of a page, where the site's is known and it has that page."""
        return f"{self.site}/{self.files[page]}" if self.site and page in self.files else None


def parts(assignment: Assignment, result: Result, pages: Pages, by_hand: ByHand) -> list[PartFeedback]:
    """What a student is told of each part of an exercise."""
    verdicts = {cell.grade_id: cell for cell in result.cells}
    told = []
    for part in assignment.master.parts:
        prose = _prose_before(assignment, part)
        heading = _HEADING.findall(prose)
        cells = [verdicts[cell.grade_id] for cell in part.tests if cell.grade_id in verdicts]
        tests = [
            Test(
                cell.grade_id,
                cell.outcome,
                by_hand.scores.get(cell.grade_id, cell.points),
                cell.max_points,
                cell.grade_id in by_hand.scores,
            )
            for cell in cells
        ]
        page = page_of(assignment, part.name)
        told.append(
            PartFeedback(
                part.name,
                heading[-1].strip() if heading else part.name,
                sum(test.points for test in tests),
                part.points,
                tests,
                _messages(assignment, cells),
                by_hand.comments.get(part.name),
                _hint(part, cells) if result.status == "graded" else None,
                page,
                pages.link(page),
            )
        )
    return told


def write(
    folder: Path, assignment: Assignment, result: Result, pages: Pages, by_hand: ByHand | None = None
) -> Path | None:
    """Write one student's page; returns its path, None where there is no verdict."""
    if result.status == "refused":
        return None
    by_hand = by_hand or ByHand()
    told = parts(assignment, result, pages, by_hand)
    score = sum(part.points for part in told)
    page = template("feedback.html").render(
        assignment=assignment.name,
        title=_title(assignment),
        result=result,
        parts=told,
        score=score,
        final=max(0.0, score - by_hand.penalty),
        penalty=by_hand.penalty,
        max_score=result.max_score,
        done=sum(part.points >= part.max_points for part in told),
    )
    place = folder / "feedback" / result.student / assignment.name
    place.mkdir(parents=True, exist_ok=True)
    path, new = place / f"{assignment.name}.html", place / ".new"
    new.write_text(page, encoding="utf-8", errors="backslashreplace")
    keep_receipt(folder / "submitted" / result.student / assignment.name, place)
    return new.replace(path)


def keep_receipt(handed_in: Path, place: Path) -> None:
    """Copy the time of handing in and nbgrader's secret of a submission, which `nbgrader release_feedback` asks for."""
    for name in RECEIPT:
        source = handed_in / name
        if source.is_symlink() or not source.is_file():
            continue
        with source.open("rb") as file:
            text = file.read(1000).decode("utf-8", "replace")
        (place / name).write_text(text, encoding="utf-8")


def template(name: str) -> jinja2.Template:
    """One of the package's templates for a page. The filter `breaking` lets a long name break at its underscores."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breaking"] = lambda name: markupsafe.escape(name).replace("_", markupsafe.Markup("_<wbr>"))
    return environment.from_string(files("autograder").joinpath(f"templates/{name}").read_text(encoding="utf-8"))


def _title(assignment: Assignment) -> str:
    text = next((cell.source for cell in assignment.master.cells if cell.cell_type == "markdown"), "")
    title = _TITLE.search(text)
    return title[1].strip() if title else assignment.name


def page_of(assignment: Assignment, part: str) -> str | None:
    """The title of the page of the book that explains a part, as the exercise names it."""
    page = _PAGE.search(_prose_before(assignment, assignment.master.part(part)))
    return page[1] if page else None


def _prose_before(assignment: Assignment, part: Part) -> str:
    """The markdown that introduces a part: the nearest one above its answer cell."""
    cells = assignment.master.cells
    place = cells.index(part.solution)
    return next((cell.source for cell in reversed(cells[:place]) if cell.cell_type == "markdown"), "")


def _messages(assignment: Assignment, cells: list[CellResult]) -> list[str]:
    """What is known of a mistake, once, and then what each test said."""
    says = {mistake.name: mistake.says for mistake in assignment.mistakes}
    told = []
    for cell in cells:
        if cell.outcome == "passed" or not cell.message:
            continue
        message, known = cell.message, says.get(cell.diagnosis or "")
        if known and message.startswith(f"{known} (") and message.endswith(")"):
            told.insert(0, known)
            message = message[len(known) + 2 : -1]
        told.append(message)
    return list(dict.fromkeys(told))


def _hint(part: Part, cells: list[CellResult]) -> str | None:
    """What to do next; a known mistake says that itself."""
    missed = {cell.grade_id: cell for cell in cells if cell.outcome != "passed"}
    if not missed or any(cell.diagnosis for cell in missed.values()):
        return None
    for outcome in ("missing", "timeout", "memory", "crashed", "error"):
        if any(cell.outcome == outcome for cell in missed.values()):
            return _HINTS[outcome]
    hidden = all(cell.is_hidden for cell in part.tests if cell.grade_id in missed)
    return _HINTS["hidden" if hidden else "visible"]
