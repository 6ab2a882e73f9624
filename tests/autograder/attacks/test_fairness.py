"""Honest but unusual work keeps all its points, and gets part by part what stock nbgrader gives.

The code stands in honest_code.txt; where nbgrader is wrong, in nbgrader_is_wrong.txt.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow


def _read(name: str) -> dict[str, list[tuple[str, str]]]:
    """Submissions by name, each a list of pairs: the part that is answered, or "cell", and the source."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    entries = {}
    for entry in re.split(r"^=== ", text, flags=re.M)[1:]:
        title, *blocks = re.split(r"^--- ", entry, flags=re.M)
        entries[title.strip()] = [tuple(block.rstrip().split("\n", 1)) for block in blocks]
    return entries


CODE, NBGRADER_IS_WRONG = _read("honest_code.txt"), _read("nbgrader_is_wrong.txt")


@pytest.mark.parametrize("name", [*CODE, *NBGRADER_IS_WRONG])
def test_honest_code_keeps_all_its_points(graded, honest, name):
    result = graded(_notebook(honest, name))
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []
    assert result.score == result.max_score == 14.0


def test_nbgrader_gives_the_same(stock, honest):
    points = {name: stock(name, _notebook(honest, name)) for name in CODE}
    assert {name: one for name, one in points.items() if one is None or set(one.values()) != {1.0}} == {}


def test_where_nbgrader_is_wrong(stock, honest):
    for name in NBGRADER_IS_WRONG:
        points = stock(name, _notebook(honest, name))
        assert points is None or sum(points.values()) < 14.0, f"{name}: nbgrader has learnt"


def _notebook(honest, name):
    blocks = (CODE | NBGRADER_IS_WRONG)[name]
    notebook = honest(**{part: source for part, source in blocks if part != "cell"})
    notebook.cells[2:2] = [nbformat.v4.new_code_cell(source) for part, source in blocks if part == "cell"]
    return notebook


# ---- the form of the file


def _by_id(notebook):
    return {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}


def _edited_test(notebook):
    _by_id(notebook)["mean_visible"].source = "print(mean([1.0, 2.0]))"


def _split_answer(notebook):
    """The answer in a cell of the student's own, the answer's cell deleted."""
    cell = _by_id(notebook)["mean"]
    cell.metadata = {}
    cell["id"] = "mine"


def _answer_twice(notebook):
    cell = _by_id(notebook)["mean"]
    first = nbformat.from_dict({**cell, "id": "first", "source": "def mean(values):\n    return None"})
    notebook.cells.insert(notebook.cells.index(cell), first)


def _raw_answer(notebook):
    cell = _by_id(notebook)["mean"]
    cell.cell_type = "raw"
    cell.pop("outputs", None)
    cell.pop("execution_count", None)


def _tests_first(notebook):
    notebook.cells.sort(key=lambda cell: not cell.metadata.get("nbgrader", {}).get("grade", False))


def _old_metadata(notebook):
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = 1
    notebook.metadata["celltoolbar"] = "Create Assignment"
    notebook.nbformat_minor = 1


def _outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=["Traceback"])]


FORM = {
    "edited-test": _edited_test,
    "answer-in-own-cell": _split_answer,
    "answer-twice": _answer_twice,
    "answer-as-raw": _raw_answer,
    "tests-first": _tests_first,
    "old-metadata": _old_metadata,
    "saved-errors": _outputs,
}


@pytest.mark.parametrize("name", FORM)
def test_an_odd_notebook_keeps_all_its_points(graded, honest, name):
    notebook = honest()
    FORM[name](notebook)
    result = graded(notebook)
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []


def _crlf(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


def _format_3(notebook):
    cells = []
    for cell in notebook.cells:
        text = {"input": cell.source} if cell.cell_type == "code" else {"source": cell.source}
        cells.append(
            {"cell_type": cell.cell_type, "metadata": cell.metadata, "language": "python", "outputs": [], **text}
        )
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()


FILES = {
    "byte-order-mark": lambda notebook: b"\xef\xbb\xbf" + nbformat.writes(notebook).encode(),
    "crlf": _crlf,
    "nbformat-3": _format_3,
    "one-line": lambda notebook: json.dumps(notebook).encode(),
    "source-as-lines": lambda notebook: nbformat.writes(notebook).encode(),
    "escaped": lambda notebook: json.dumps(notebook, ensure_ascii=True).encode(),
    "unknown-keys": lambda notebook: json.dumps({**notebook, "jupytext": 1, "cells2": []}).encode(),
    "nan-in-metadata": lambda notebook: json.dumps({**notebook, "metadata": {"x": float("nan")}}).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_an_odd_file_keeps_all_its_points(graded, honest, name):
    result = graded(FILES[name](honest()))
    assert result.status == "graded", result.reason
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []
