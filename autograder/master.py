"""The master of an exercise: a percent-format notebook, read as cells, parts, tests and points.

A master uses nbgrader's own cell metadata. What the keys must be is checked here, so that an author learns of a slip
from a line number and not from a student. On top of nbgrader's rules there is one of our own: each solution cell
defines exactly one function or class, and its `grade_id` is that name. The graded cells that follow it, up to the
next solution cell, are its tests; together they are a *part* of the exercise.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
_MARKS = (BEGIN_SOLUTION, END_SOLUTION, BEGIN_HIDDEN, END_HIDDEN)
STUB = "raise NotImplementedError  # replace this line with your answer"
SHOWCASE = "showcase"
KERNEL = {  # the metadata of each of our notebooks
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

_CELL_MARKER = re.compile(r"^# %%( |$)")
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARK = re.compile(r"(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)")  # what nbgrader looks for, anywhere in a line


class MasterError(Exception):
    """A master that breaks a rule. The message starts with `path:line:` so that editors can jump to it."""

    def __init__(self, path: Path, line: int, message: str):
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line = path, line


@dataclass(frozen=True)
class Cell:
    """One cell of a master. `line` is the line of the master on which its source begins."""

    cell_type: str
    source: str
    line: int
    tags: tuple[str, ...] = ()
    grade_id: str | None = None
    points: float | None = None
    is_grade: bool = False
    is_solution: bool = False
    is_locked: bool = False

    @property
    def is_showcase(self) -> bool:
        """Long or pretty, ungraded: students run it, grading skips it."""
        return SHOWCASE in self.tags

    @property
    def is_provided(self) -> bool:
        """Code that students get and that everything else may rely on: imports, data, helpers."""
        return self.cell_type == "code" and not (self.is_grade or self.is_solution or self.is_showcase)

    @property
    def is_hidden(self) -> bool:
        """Whether it holds tests that students do not get."""
        return BEGIN_HIDDEN in self.source

    @cached_property
    def stub(self) -> str:
        """The source that students get: solution regions replaced, hidden tests removed."""
        text = _replace_regions(self.source, BEGIN_SOLUTION, END_SOLUTION, STUB)
        return _replace_regions(text, BEGIN_HIDDEN, END_HIDDEN, None)

    def metadata(self) -> dict:
        """The metadata of the cell in a notebook: its tags, and nbgrader's settings."""
        metadata: dict = {"tags": list(self.tags)} if self.tags else {}
        if self.grade_id:
            metadata["nbgrader"] = {
                "grade": self.is_grade,
                "grade_id": self.grade_id,
                "locked": self.is_locked,
                "schema_version": 3,
                "solution": self.is_solution,
                "task": False,
            }
            if self.is_grade:
                metadata["nbgrader"]["points"] = self.points
        return metadata

    @property
    def cell_id(self) -> str:
        """Stable id: the grade id, or a digest of the text, so that no id changes without cause."""
        return self.grade_id or hashlib.sha256(f"{self.cell_type}\n{self.source}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Part:
    """A function or class that students write, and the graded cells that test it."""

    name: str
    solution: Cell
    tests: tuple[Cell, ...]

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.tests)


@dataclass(frozen=True)
class Master:
    """A whole exercise, as its author wrote it."""

    path: Path
    cells: tuple[Cell, ...] = field(repr=False)

    @property
    def chapter(self) -> str:
        return self.path.stem

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        solutions = [i for i, cell in enumerate(self.cells) if cell.is_solution]
        ends = [*solutions[1:], len(self.cells)]
        return tuple(
            Part(
                self.cells[start].grade_id,
                self.cells[start],
                tuple(cell for cell in self.cells[start:end] if cell.is_grade),
            )
            for start, end in zip(solutions, ends, strict=True)
        )

    def part(self, name: str) -> Part:
        """The part of that name; KeyError where there is none."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    @property
    def graded(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.is_grade)

    @property
    def max_score(self) -> float:
        return sum(cell.points for cell in self.graded)

    def notebook(self) -> nbformat.NotebookNode:
        """The nbgrader source notebook: answers and hidden tests included, ids derived from the cells."""
        notebook = nbformat.v4.new_notebook(metadata=nbformat.from_dict(KERNEL))
        notebook.cells = [_to_nbformat(cell) for cell in self.cells]
        return notebook


def read(path: Path) -> Master:
    """Read and check a master. Raises MasterError with the line of the first rule it breaks."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, start=1) if _CELL_MARKER.match(line)]
    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except Exception as error:  # jupytext raises many kinds, none with a line
        raise MasterError(path, 1, f"not a percent-format notebook: {error}") from error
    if not starts or len(starts) != len(notebook.cells):
        raise MasterError(
            path,
            starts[0] if starts else 1,
            f"expected one cell for each line that starts with '# %%', found {len(starts)} such lines and "
            f"{len(notebook.cells)} cells; put a '# %%' line before the first cell",
        )
    for start, raw in zip(starts, notebook.cells, strict=True):
        if "nbgrader" in lines[start - 1] and "nbgrader" not in raw.metadata:
            raise MasterError(path, start, "the metadata of this cell cannot be read: is a bracket or a quote missing?")
    cells = tuple(_cell(path, start, raw) for start, raw in zip(starts, notebook.cells, strict=True))
    _check_ids(path, cells)
    master = Master(path, cells)
    for cell in cells:
        if cell.cell_type == "code":
            _check_code(path, cell)
        if cell.is_solution:
            _check_solution(path, cell)
    first_solution = next((i for i, cell in enumerate(cells) if cell.is_solution), len(cells))
    for cell in cells[:first_solution]:
        if cell.is_grade:
            raise MasterError(path, cell.line, f"graded cell {cell.grade_id!r} comes before any solution cell")
    for part in master.parts:
        if not part.tests:
            raise MasterError(path, part.solution.line, f"{part.name!r} has no graded cell after it")
    return master


def answer_source(master: Master) -> str:
    """Python source with the answer key's functions and what they rely on, on the lines where the master has them.

    Provided and solution cells are kept; graded and showcase cells are left out.
    """
    lines: list[str] = []
    for cell in master.cells:
        if cell.is_provided or cell.is_solution:
            lines += [""] * (cell.line - 1 - len(lines))
            lines += _python(cell.source).splitlines()
    return "\n".join(lines) + "\n"


def answer(part: Part) -> str:
    """The answer key's source of one part, as a student would write it: without the lines that mark a solution."""
    marks = {BEGIN_SOLUTION, END_SOLUTION}
    return "\n".join(line for line in part.solution.source.splitlines() if line.strip() not in marks)


def _cell(path: Path, marker_line: int, raw: nbformat.NotebookNode) -> Cell:
    settings = raw.metadata.get("nbgrader", {})
    line = marker_line + 1
    grade, solution = bool(settings.get("grade")), bool(settings.get("solution"))
    grade_id, points = settings.get("grade_id"), settings.get("points")
    if raw.cell_type not in ("code", "markdown"):
        raise MasterError(path, marker_line, f"expected a code or a markdown cell, found {raw.cell_type!r}")
    for number, text in enumerate(raw.source.splitlines(), start=line):
        if _MARK.search(text) and text.strip() not in _MARKS:
            raise MasterError(path, number, f"nbgrader takes {text.strip()!r} for a mark; write one of {_MARKS}")
    if settings and not grade_id:
        raise MasterError(path, marker_line, 'a cell with nbgrader metadata needs a grade_id: add "grade_id": "name"')
    if grade_id and not (isinstance(grade_id, str) and _GRADE_ID.fullmatch(grade_id)):
        raise MasterError(
            path, marker_line, f"grade_id {grade_id!r} may hold 1 to 64 letters, digits, '_' and '-' only"
        )
    if grade and not (isinstance(points, int | float) and not isinstance(points, bool) and points > 0):
        raise MasterError(
            path,
            marker_line,
            f'graded cell {grade_id!r} needs points above 0, found {points!r}: add "points": 1',
        )
    if grade and solution:
        raise MasterError(path, marker_line, f"{grade_id!r} is graded and a solution at once; use one cell for each")
    if grade and raw.cell_type != "code":
        raise MasterError(path, marker_line, f"graded cell {grade_id!r} must be a code cell")
    if not settings and (BEGIN_SOLUTION in raw.source or BEGIN_HIDDEN in raw.source):
        raise MasterError(
            path, marker_line, "a solution or hidden test in a cell without nbgrader metadata would be lost"
        )
    tags = tuple(raw.metadata.get("tags", ()))
    if SHOWCASE in tags and (grade or solution):
        raise MasterError(path, marker_line, f"a showcase cell cannot be graded or a solution: {grade_id!r}")
    return Cell(
        raw.cell_type,
        raw.source,
        line,
        tags=tags,
        grade_id=grade_id,
        points=float(points) if grade else None,
        is_grade=grade,
        is_solution=solution,
        is_locked=bool(settings.get("locked", grade)),
    )


def _check_ids(path: Path, cells: tuple[Cell, ...]) -> None:
    seen: dict[str, Cell] = {}
    for cell in cells:
        if cell.cell_id in seen:
            first = seen[cell.cell_id]
            what = f"grade_id {cell.grade_id!r}" if cell.grade_id else "the same text"
            raise MasterError(path, cell.line - 1, f"{what} is used twice, first on line {first.line - 1}")
        seen[cell.cell_id] = cell


def _python(source: str) -> str:
    """The source without the lines that only IPython understands, on the same lines."""
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in source.splitlines())


def _check_code(path: Path, cell: Cell) -> None:
    try:
        ast.parse(_python(cell.source))
    except SyntaxError as error:
        line = cell.line + (error.lineno or 1) - 1
        raise MasterError(path, line, f"syntax error in cell {cell.grade_id or cell.cell_id!r}: {error.msg}") from error
    for begin, end in ((BEGIN_SOLUTION, END_SOLUTION), (BEGIN_HIDDEN, END_HIDDEN)):
        opened = 0
        for number, text in enumerate(cell.source.splitlines(), start=cell.line):
            opened += (text.strip() == begin) - (text.strip() == end)
            if opened not in (0, 1):
                raise MasterError(path, number, f"{begin!r} and {end!r} do not pair up")
        if opened:
            raise MasterError(path, cell.line, f"{begin!r} without {end!r} in cell {cell.grade_id!r}")


def _check_solution(path: Path, cell: Cell) -> None:
    """The stub has to define what the solution defines: one name, with the same signature and docstring."""
    if BEGIN_SOLUTION not in cell.source:
        raise MasterError(path, cell.line, f"solution cell {cell.grade_id!r} has no {BEGIN_SOLUTION!r}")
    try:
        stub = _definitions(cell.stub)
    except SyntaxError as error:
        raise MasterError(path, cell.line, f"the stub of {cell.grade_id!r} is no valid Python: {error.msg}") from error
    solution = _definitions(cell.source)
    if set(solution) != {cell.grade_id}:
        found = ", ".join(sorted(solution)) or "nothing"
        raise MasterError(
            path, cell.line, f"solution cell {cell.grade_id!r} must define that name alone, found {found}"
        )
    if stub != solution:
        raise MasterError(
            path,
            cell.line,
            f"the stub of {cell.grade_id!r} differs from its solution in signature or docstring: keep the 'def' line "
            f"and the docstring outside {BEGIN_SOLUTION!r}, and define it once",
        )


def _definitions(source: str) -> dict[str, list[tuple[str, str | None]]]:
    """Top-level names with every signature and docstring they are given, methods of classes included.

    Private helpers of a class may be part of the answer, so only public methods and dunder methods count.
    """
    found: dict[str, list[tuple[str, str | None]]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault(node.name, []).append(_interface(node))
    return found


def _interface(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, str | None]:
    if isinstance(node, ast.ClassDef):
        inner = [item for item in node.body if isinstance(item, ast.FunctionDef) and not _is_private(item.name)]
        signature = f"class({', '.join(map(ast.unparse, node.bases))}) {[_interface(item) for item in inner]}"
    else:
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        signature = f"{node.name}({ast.unparse(node.args)}){returns}"
    return signature, ast.get_docstring(node)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _replace_regions(source: str, begin: str, end: str, replacement: str | None) -> str:
    kept, inside = [], False
    for line in source.splitlines():
        if line.strip() == begin:
            inside = True
            if replacement is not None:
                kept.append(line[: len(line) - len(line.lstrip())] + replacement)
        elif line.strip() == end:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _to_nbformat(cell: Cell) -> nbformat.NotebookNode:
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}[cell.cell_type]
    return make(cell.source, id=cell.cell_id, metadata=cell.metadata())
