"""A student's notebook, read as untrusted data and rebuilt on its master.

From the student we take the text of the answers and of the cells they added, and nothing else: no metadata, no tags, no
outputs, no kernel. Everything that judges comes from the master.
"""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.master import KERNEL, Cell, Master

MAX_BYTES = 32 * 2**20
MAX_CELLS = 2_000


class Unreadable(Exception):
    """A submission that holds no notebook we can read; the message is the reason a student is given."""


@dataclass(frozen=True)
class SubmittedCell:
    cell_type: str
    source: str
    grade_id: str | None
    cell_id: str | None


@dataclass(frozen=True)
class Rebuilt:
    """A submission on its master: trusted cells and student code in the order in which they run.

    `notes` says what was odd and how it was mended; `unanswered` names the parts without an answer. Cells marked
    `shown` in their metadata are there to be read; they are not run. Prose of the student's comes as raw cells.
    """

    notebook: NotebookNode
    notes: tuple[str, ...] = ()
    unanswered: frozenset[str] = field(default_factory=frozenset)


def find(folder: Path, chapter: str) -> Path:
    """The notebook in a student's folder: `<chapter>.ipynb`, or the only notebook there. Raises Unreadable."""
    wanted = folder / f"{chapter}.ipynb"
    notebooks = sorted(path for path in folder.glob("[!.]*.ipynb") if path.is_file() and not path.is_symlink())
    if wanted in notebooks:
        return wanted
    if len(notebooks) == 1:
        return notebooks[0]
    found = ", ".join(path.name for path in notebooks) or "no notebook"
    raise Unreadable(f"expected {wanted.name}, found {found}")


def read(path: Path) -> list[SubmittedCell]:
    """The cells of a notebook file. Raises Unreadable for anything that is not a notebook of bearable size."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unreadable(
                f"the file has {size / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB. Clear the outputs"
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"not a notebook: the file is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from error
    try:
        raw = json.loads(text)
    except RecursionError as error:
        raise Unreadable("not a notebook: its JSON is nested too deeply") from error
    except MemoryError as error:
        raise Unreadable("not a notebook: its JSON holds too much") from error
    except ValueError as error:
        raise Unreadable(f"not a notebook: its JSON ends or breaks unexpectedly ({error})") from error
    cells = _raw_cells(raw)
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"the notebook has {len(cells)} cells; the limit is {MAX_CELLS}")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def rebuild(master: Master, submitted: list[SubmittedCell], whole: bool = False) -> Rebuilt:
    """Put a student's answers and added cells into the master's notebook, in the master's order.

    The last of several cells with one grade id is the answer, as it would be in a running notebook; the others run as
    added cells. An edited provided cell runs after the original. Prose and unchanged showcase cells are left out,
    unless the notebook is to be `whole`, for someone who reads it.
    """
    notes: list[str] = []
    by_grade_id = {cell.grade_id: index for index, cell in enumerate(master.cells) if cell.grade_id}
    by_cell_id = {cell.cell_id: index for index, cell in enumerate(master.cells) if not cell.grade_id}
    by_source = {
        cell.stub: index for index, cell in enumerate(master.cells) if cell.cell_type == "code" and cell.stub.strip()
    }
    answers: dict[int, SubmittedCell] = {}
    added: dict[int, list[SubmittedCell]] = {}  # index of the master's cell they follow; -1 for the top
    seen: set[int] = set()
    places = [
        by_grade_id.get(cell.grade_id, by_cell_id.get(cell.cell_id, by_source.get(cell.source))) for cell in submitted
    ]
    # an added cell runs behind what stands above it, but never behind an answer or a test that stands below it
    bound, bounds = len(master.cells), []
    for number in reversed(range(len(places))):
        bounds.append(bound - 1)
        index = places[number]
        if index is not None and index not in places[:number] and not master.cells[index].is_provided:
            bound = min(bound, index)
    bounds.reverse()
    position = -1
    for cell, index, bound in zip(submitted, places, bounds, strict=True):
        if index is None:
            if cell.grade_id:
                notes.append(
                    f"cell {cell.grade_id!r} is not part of this exercise; it was run as a cell of the student's own"
                )
            added.setdefault(min(position, bound), []).append(cell)
            continue
        original, position = master.cells[index], max(position, index)
        if index in seen:
            notes.append(f"cell {original.cell_id!r} appears more than once; the last one counts")
        if original.is_solution:
            if cell.cell_type != "code":
                notes.append(f"answer cell {original.grade_id!r} was turned into {cell.cell_type}; it was run as code")
            if index in answers:
                added.setdefault(index - 1, []).append(answers[index])
            answers[index] = cell
        elif original.is_grade:
            if _normal(cell.source) != _normal(original.stub):
                notes.append(f"test cell {original.grade_id!r} was edited; the original was run")
        elif _normal(cell.source) != _normal(original.source):
            added.setdefault(index, []).append(cell)
        seen.add(index)

    cells: list[NotebookNode] = []
    unanswered = set()

    def run(source: str, original: Cell | None = None) -> None:
        cell = make_cell("code", source, execution_count=None, outputs=[])
        if original is not None and original.is_provided:
            cell.metadata["provided"] = True
        if original is not None and original.is_solution:
            cell.metadata["answer"] = original.grade_id
        if original is not None and original.is_grade:
            cell.metadata["nbgrader"] = {
                "grade": True, "grade_id": original.grade_id, "points": original.points,
                "locked": True, "solution": False, "schema_version": 3, "task": False,
            }  # fmt: skip
        cells.append(cell)

    def show(cell: NotebookNode) -> None:
        if whole:
            cell.metadata["shown"] = True
            cells.append(cell)

    def run_added(index: int) -> None:
        for cell in added.get(index, ()):
            if cell.cell_type == "code":
                run(cell.source)
            elif cell.source.strip():
                show(make_cell("raw", cell.source))

    run_added(-1)
    for index, original in enumerate(master.cells):
        if original.is_solution:
            answer = answers.get(index)
            if answer is None:
                notes.append(f"answer cell {original.grade_id!r} is missing")
            if answer is None or _normal(answer.source) in (_normal(original.stub), ""):
                unanswered.add(original.grade_id)
            if answer is not None:
                run(answer.source, original)
            else:  # a cell that the student added may define the name: no stub over it
                show(make_cell("code", "", {"answer": original.grade_id}, execution_count=None, outputs=[]))
        elif original.is_grade or original.is_provided:
            run(original.source, original)
        elif original.cell_type == "code":
            show(make_cell("code", original.source, {"tags": list(original.tags)}, execution_count=None, outputs=[]))
        else:
            show(make_cell("markdown", original.source))
        run_added(index)
    return Rebuilt(make_notebook(cells), tuple(notes), frozenset(unanswered))


def make_cell(cell_type: str, source: str, metadata: dict | None = None, **more) -> NotebookNode:
    """A cell as nbformat makes it, without its check against a schema: that would take longer than to run the cell."""
    return NotebookNode(cell_type=cell_type, source=source, metadata=nbformat.from_dict(metadata or {}), **more)


def make_notebook(cells: list[NotebookNode]) -> NotebookNode:
    """A notebook of such cells."""
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return NotebookNode(cells=cells, metadata=nbformat.from_dict(KERNEL), nbformat=4, nbformat_minor=5)


def _raw_cells(raw: object) -> list:
    if not isinstance(raw, dict):
        raise Unreadable("not a notebook: its JSON is no object")
    version = raw.get("nbformat")
    if version == 4:
        cells = raw.get("cells")
    elif version == 3:
        sheets = raw.get("worksheets")
        cells = sheets[0].get("cells") if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict) else None
    else:
        raise Unreadable(f"expected notebook format 4, found {reprlib.repr(version)}")
    if not isinstance(cells, list):
        raise Unreadable("not a notebook: it has no list of cells")
    return cells


def _cell(raw: dict) -> SubmittedCell:
    metadata = raw.get("metadata")
    settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = settings.get("grade_id") if isinstance(settings, dict) else None
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return SubmittedCell(
        cell_type=raw.get("cell_type") if isinstance(raw.get("cell_type"), str) else "raw",
        # a lone surrogate can be no part of a Python program, and would stop the kernel's messages
        source=source.encode("utf-8", "replace").decode("utf-8") if isinstance(source, str) else "",
        grade_id=grade_id if isinstance(grade_id, str) else None,
        cell_id=raw.get("id") if isinstance(raw.get("id"), str) else None,
    )


def _normal(source: str) -> str:
    """Source without what an editor may change by itself: line endings and white space at the ends of lines."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
