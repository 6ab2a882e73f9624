"""Submissions that are no notebook, or an odd one: a clear reason, or all points; never anything of the student's own
but the text of answers and of added cells."""

import copy
import json

import nbformat
import pytest

from autograder.grade import grade

pytestmark = pytest.mark.slow


def ids(notebook):
    return {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}


def settings(cell):
    return cell.metadata["nbgrader"]


# ---- what cannot be read: name -> (what it is, the file, a word of the reason)


def _bomb() -> bytes:
    """As many small objects as fit into a file of the size that is allowed."""
    return b'{"nbformat": 4, "cells": [' + b"[]," * (10 * 2**20) + b"[]]}"


UNREADABLE = {
    "empty-file": ("an empty file", lambda: b"", "not a notebook"),
    "not-json": ("a text that is no JSON", lambda: b"def mean(values): ...", "not a notebook"),
    "cut-off": ("a notebook that ends in the middle", lambda: b'{"nbformat": 4, "cells": [{"cell_', "JSON"),
    "binary": ("a picture under the notebook's name", lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), "UTF-8"),
    "utf-16": ("a notebook saved as UTF-16", lambda: '{"nbformat": 4, "cells": []}'.encode("utf-16"), "UTF-8"),
    "list": ("JSON that is no object", lambda: b"[1, 2, 3]", "no object"),
    "no-cells": ("a notebook without a list of cells", lambda: b'{"nbformat": 4, "cells": {}}', "no list of cells"),
    "format-2": ("notebook format 2", lambda: b'{"nbformat": 2, "cells": []}', "expected notebook format 4"),
    "format-text": ("a format that is no number", lambda: b'{"nbformat": {"4": 4}, "cells": []}', "expected notebook"),
    "deep-json": ("JSON nested 100,000 deep", lambda: b'{"cells": ' + b"[" * 10**5, "not a notebook"),
    "deep-objects": ("objects nested 100,000 deep", lambda: b'{"a": ' * 10**5, "not a notebook"),
    "long-number": ("a number of a million digits", lambda: b'{"nbformat": ' + b"4" * 10**6 + b"}", "not a notebook"),
    "million-cells": ("ten million cells", _bomb, "cells; the limit is"),
    "too-big": ("a file of 40 MB", lambda: b" " * (40 * 2**20), "the limit is 32 MB"),
    "escapes": ("nothing but escapes", lambda: b'"' + b"\\u0000" * 10**6 + b'"', "no object"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_has_a_status_and_a_reason(graded, table, honest, name):
    tries, make, reason = UNREADABLE[name]
    result = graded(make())
    assert (result.status, result.score, result.max_score) == ("unreadable", 0.0, 14.0)
    assert reason in result.reason and len(result.reason) < 300
    assert all(cell.outcome == "missing" for cell in result.cells)
    table.here("form", name, tries, result)
    assert graded(honest(), "s-next").score == 14.0


@pytest.mark.parametrize(
    "name, files, reason",
    [
        ("nothing", {}, "found no notebook"),
        ("two-notebooks", {"a.ipynb": b"{}", "b.ipynb": b"{}"}, "found a.ipynb, b.ipynb"),
        ("other-name", {"exercise (1).py": b"x = 1"}, "found no notebook"),
    ],
)
def test_a_folder_without_the_notebook(graded, exercise, table, name, files, reason):
    folder = graded.root / "submitted" / f"s-{name}" / "exercise"
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    result = grade(exercise, folder, f"s-{name}")
    assert result.status == "unreadable" and reason in result.reason
    table.here("form", name, "a folder without the notebook that is wanted", result)


@pytest.mark.parametrize("student", ["a b", "o'brien", 'qu"ote', "new\nline", "../../etc", "-rf", "ü", "x" * 300, ""])
def test_any_name_of_a_student_is_only_a_name(graded, honest, student):
    result = graded(honest(), student)
    assert result.student == student and result.score == 14.0


# ---- what tries to earn by its form: name -> (what it does, a change of a notebook in which `mean` is wrong)

WRONG = "def mean(values):\n    return 0.0\n"


def _each_test(change):
    def apply(notebook):
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                change(cell)

    return apply


def _skip(cell):
    cell.metadata["tags"] = ["skip-execution", "raises-exception"]


def _solution(cell):
    settings(cell).update(solution=True, grade=True, locked=False)


def _points(cell):
    settings(cell)["points"] = 1000


def _empty(cell):
    cell.source = "pass"


def _markdown(cell):
    cell.cell_type = "markdown"
    cell.pop("outputs", None)
    cell.pop("execution_count", None)


def _full_output(cell):
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1.0"}, execution_count=1)]


def _remove_tests(notebook):
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]


def _double_tests(notebook):
    doubles = [copy.deepcopy(cell) for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    for cell in doubles:
        cell.source, cell.id = "pass", f"{cell.id}-2"
    notebook.cells += doubles


def _take_over(notebook):
    """The cell of another part's answer is given this part's name."""
    settings(ids(notebook)["scaled_visible"])["grade_id"] = "mean_visible"


def _other_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}


def _unknown_grade(notebook):
    cell = copy.deepcopy(ids(notebook)["mean_visible"])
    settings(cell).update(grade_id="bonus", points=100)
    cell.id, cell.source = "bonus", "pass"
    notebook.cells.append(cell)


def _manual(cell):
    settings(cell).update(task=True, grade=True, solution=True, locked=False, cell_type="markdown")


BY_FORM = {
    "skip-execution": ("a tag that keeps the test cells from running", _each_test(_skip)),
    "flipped-solution": ("test cells marked as answers, to be graded by hand", _each_test(_solution)),
    "many-points": ("test cells worth 1000 points", _each_test(_points)),
    "emptied-tests": ("test cells replaced by `pass`", _each_test(_empty)),
    "markdown-tests": ("test cells turned into prose", _each_test(_markdown)),
    "saved-outputs": ("outputs saved that look like full marks", _each_test(_full_output)),
    "task-cells": ("test cells turned into tasks", _each_test(_manual)),
    "deleted-tests": ("test cells deleted", _remove_tests),
    "doubled-tests": ("test cells that occur twice, the second one empty", _double_tests),
    "taken-id": ("a test cell with another one's name", _take_over),
    "bash-kernel": ("another language's kernel", _other_kernel),
    "bonus": ("a test cell of the student's own, worth 100 points", _unknown_grade),
}


@pytest.mark.parametrize("name", BY_FORM)
def test_form_earns_nothing(graded, table, honest, name):
    tries, change = BY_FORM[name]
    notebook = honest(mean=WRONG)
    change(notebook)
    result = graded(notebook)
    assert result.score == 12.0 and result.max_score == 14.0
    assert [cell.grade_id for cell in result.cells if cell.outcome != "passed"] == ["mean_visible", "mean_hidden"]
    assert len(result.cells) == 14
    table.here("form", name, tries, result)


def test_nbgrader_gives_points_for_some_forms(stock, table, honest):
    gained = {}
    for name, (_, change) in BY_FORM.items():
        notebook = honest(mean=WRONG)
        change(notebook)
        gained[name] = table.nbgrader(name, stock(f"form-{name}", notebook), {"mean"})
    assert gained["skip-execution"] > 0, gained


# ---- what is odd and honest keeps its points: name -> (what it is, a change of a right notebook, or the file's bytes)


def _odd_metadata(notebook):
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" not in cell.metadata:
            cell["metadata"] = [None, [], "x", 7, {"tags": "x", "nbgrader": 3}][number % 5]
    notebook["metadata"] = ["odd"]


def _odd_settings(notebook):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["nbgrader"] = {"grade_id": ["a"], "points": "many", "grade": "yes"}


def _colliding(notebook):
    for cell in notebook.cells:
        cell["id"] = "same"


def _no_ids(notebook):
    for cell in notebook.cells:
        cell.pop("id", None)


def _reversed(notebook):
    notebook.cells.reverse()


def _surrogates(notebook):
    notebook.cells.insert(1, nbformat.v4.new_code_cell("text = '\ud800'  # \udfff"))


def _garbage(notebook):
    notebook.cells[1:1] = [None, 7, "cell", [], {}, {"cell_type": 3}, {"cell_type": "code", "source": {"a": 1}}]


HONEST = {
    "odd-metadata": ("metadata of the wrong type everywhere", _odd_metadata),
    "odd-settings": ("test cells whose settings make no sense", _odd_settings),
    "colliding-ids": ("cells that all have the same id", _colliding),
    "no-ids": ("cells without ids", _no_ids),
    "reversed": ("all cells in reverse order", _reversed),
    "surrogates": ("half characters that are no Unicode", _surrogates),
    "garbage-cells": ("cells that are no cells", _garbage),
}


@pytest.mark.parametrize("name", HONEST)
def test_odd_form_costs_nothing(graded, table, honest, name):
    tries, change = HONEST[name]
    notebook = honest()
    change(notebook)
    result = graded(json.dumps(notebook))
    assert [(cell.grade_id, cell.message) for cell in result.cells if cell.outcome != "passed"] == []
    table.here("form", name, tries, result)
