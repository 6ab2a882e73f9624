"""Every mistake of every bank is called by its name, no right answer is, and the rest is told where it went wrong."""

import contextlib
import json
from itertools import zip_longest

import numpy as np
import pytest

from autograder import bank as banks
from autograder.course import Course
from autograder.diagnosis import call_as_text, diagnose, first_difference, kind_of
from autograder.engine.examiner import Examiner
from autograder.master import answer
from autograder.verdict import Assignment

CHAPTERS = Course().chapters()


@pytest.fixture(scope="module")
def examined(sandboxing, tmp_path_factory):
    """`examined(chapter)`: a function that grades answers by part, all others being the answer key's."""
    if sandboxing:
        pytest.skip("there is no sandbox here")
    stack = contextlib.ExitStack()

    def begin(chapter):
        assignment = Assignment.load(Course(), chapter)
        examiner = stack.enter_context(contextlib.closing(Examiner(assignment)))
        folder = tmp_path_factory.mktemp(chapter)

        def grade(answers: dict[str, str]):
            notebook = assignment.master.notebook()
            for cell, original in zip(notebook.cells, assignment.master.cells, strict=True):
                cell.source = original.stub
                if original.is_solution:
                    cell.source = answers.get(original.grade_id) or answer(assignment.master.part(original.grade_id))
            (folder / f"{chapter}.ipynb").write_text(json.dumps(notebook))
            with contextlib.chdir(Course().master(chapter).parent):
                return assignment, examiner.grade(folder, "s-001")

        return grade

    with stack:
        yield begin


def rows(chapter, entries):
    """All entries of a bank, one of each part at a time: parts do not depend on each other."""
    by_part = {}
    for entry in entries:
        by_part.setdefault(entry.part, []).append(entry)
    for row in zip_longest(*by_part.values()):
        yield {entry.part: entry for entry in row if entry is not None}


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_mistakes_are_called_by_their_names(examined, chapter):
    grade, mistakes = examined(chapter), banks.load(chapter).mistakes
    named, others = [], []
    for row in rows(chapter, mistakes):
        assignment, result = grade({part: mistake.source for part, mistake in row.items()})
        for part, mistake in row.items():
            cells = [
                cell
                for cell in result.cells
                if cell.grade_id in {t.grade_id for t in assignment.master.part(part).tests}
            ]
            said = {cell.diagnosis for cell in cells if cell.outcome != "passed"}
            assert {cell.grade_id for cell in cells if cell.outcome != "passed"} == set(mistake.fails), mistake.name
            (named if said == {mistake.name} else others).append((mistake.name, said))
    assert len(named) >= 0.95 * len(mistakes), others
    assert all(said == {None} for _, said in others), f"called by a wrong name: {others}"


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_right_answer_is_called_a_mistake(examined, chapter):
    grade = examined(chapter)
    for row in [{}, *rows(chapter, banks.load(chapter).variations)]:
        _, result = grade({part: variation.source for part, variation in row.items()})
        assert result.score == result.max_score, [cell for cell in result.cells if cell.outcome != "passed"]
        assert all(cell.diagnosis is None and cell.message is None for cell in result.cells)


@pytest.mark.slow
def test_an_unknown_mistake_is_told_where_it_differs(examined):
    """The kind of a value where that is wrong, else the call of a visible test whose result is; no hidden input."""
    grade = examined("momentum")
    _, result = grade(
        {
            "heavy_ball_step": "def heavy_ball_step(w, v, g, lr, beta):\n    return w[:1] * 0 + 17.125, v[:1] * 0",
            "spectral_radius": "def spectral_radius(matrix):\n    return np.array([[1.23456]])",
        }
    )
    by_id = {cell.grade_id: cell for cell in result.cells}
    told = by_id["heavy_ball_step_visible"].message
    assert "The first result that differs is that of heavy_ball_step([1., 2.], [10., -10.], [1., 4.], 0.1, 0.5)" in told
    assert "gives an array of shape (1, 1); expected a number" in by_id["spectral_radius_visible"].message
    assert "It gives an array with 2 axes; expected a number." in by_id["spectral_radius_hidden"].message
    assert by_id["heavy_ball_step_hidden"].message == "On inputs you have not seen, your function gives a wrong answer."


def returned(*values):
    return [("returned", value, []) for value in values]


def test_the_first_difference():
    calls = ["f(1)", "f(2)"]
    assert (
        first_difference(returned(1.0, 2.0), returned(1.0, 3.0), calls)
        == "The first result that differs is that of f(2)."
    )
    assert first_difference(returned(None), returned(3.0), calls) == "f(1) gives None; expected a number."
    assert first_difference(returned(None), returned(3.0), None) == "It gives None; expected a number."
    assert first_difference(returned(2.0), returned(3.0), None) == ""
    assert first_difference(returned(1.0), returned(1.0), calls) == ""
    assert first_difference([("raised", "ValueError", "")], returned(1.0), calls) == ""


@pytest.mark.parametrize(
    "value, said, without_sizes",
    [
        (np.zeros((3, 1)), "an array of shape (3, 1)", "an array with 2 axes"),
        (np.zeros(2, bool), "an array of shape (2,) and type bool", "an array with 1 axes and type bool"),
        ([1, 2], "a list of 2", "a list"),
        ((1, 2), "a tuple of 2", "a tuple of 2"),
        (("object", "Value"), "an object of class Value", "an object of class Value"),
        (1, "a number", "a number"),
        (np.float32(1), "a number", "a number"),
        (1j, "a complex number", "a complex number"),
        (True, "True or False", "True or False"),
        (None, "None", "None"),
        ("x", "a text", "a text"),
    ],
)
def test_kinds_in_a_students_words(value, said, without_sizes):
    assert (kind_of(value), kind_of(value, with_sizes=False)) == (said, without_sizes)


def test_a_call_as_a_student_would_write_it():
    text = call_as_text("f", (np.array([1.0, 2.5]), np.zeros((30, 30)), lambda x: x, "a"), {"lr": 0.1})
    assert text == "f([1. , 2.5], array of shape (30, 30), function, 'a', lr=0.1)"


def test_equal_traces_equal_mistake():
    mistakes = {"two": {"a": returned(2.0)}, "three": {"a": returned(3.0)}}
    assert diagnose({"a": returned(3.0 + 1e-12)}, {"a"}, mistakes) == "three"
    assert diagnose({"a": returned(4.0)}, {"a"}, mistakes) is None
    assert diagnose({"a": [("raised", "NameError", "")]}, {"a"}, {"none": {"a": [("raised", "NameError", "")]}}) is None
