import copy
import json
from dataclasses import replace

import nbformat
import pytest

from autograder import bank, simulate, submission
from autograder.course import CourseError
from autograder.simulate import differences


def make(course, out, students=12, seed=1, broken=0) -> dict:
    path = simulate.simulate(course, ["tiny"], students, seed, out, broken)
    assert path == out / "truth.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_layout(course, tmp_path):
    make(course, tmp_path / "class", 3)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == [
        f"class/submitted/s-00{n}/tiny/{name}" for n in (1, 2, 3) for name in ("timestamp.txt", "tiny.ipynb")
    ] + ["class/truth.json"]


def test_same_seed_same_bytes(course, tmp_path, bytes_below):
    make(course, tmp_path / "a", broken=2)
    make(course, tmp_path / "b", broken=2)
    make(course, tmp_path / "c", seed=2, broken=2)
    assert bytes_below(tmp_path / "a") == bytes_below(tmp_path / "b")
    assert bytes_below(tmp_path / "a") != bytes_below(tmp_path / "c")


def test_a_larger_class_begins_with_the_same_students(course, tmp_path, bytes_below):
    make(course, tmp_path / "a", students=3)
    make(course, tmp_path / "b", students=5)
    small, large = bytes_below(tmp_path / "a/submitted"), bytes_below(tmp_path / "b/submitted")
    assert small.items() <= large.items()


def test_students_differ(course, tmp_path):
    truth = make(course, tmp_path / "class", 40)
    scores = [one["tiny"]["score"] for one in truth["students"].values()]
    answers = {part["answer"] for one in truth["students"].values() for part in one["tiny"]["parts"].values()}
    names = {part["name"] for one in truth["students"].values() for part in one["tiny"]["parts"].values()}
    assert len(set(scores)) > 3
    assert answers == {"right", "mistake", "none"}
    assert {"answer key", "multiplies", "squares", "adds-three", "zero"} <= names


def test_truth_adds_up(course, tmp_path, tiny):
    known = {m.name: m for m in bank.load("tiny", course).mistakes}
    truth = make(course, tmp_path / "class", 30, broken=3)
    assert truth["seed"] == 1 and len(truth["students"]) == 30
    points = {cell.grade_id: cell.points for cell in tiny.graded}
    for one in truth["students"].values():
        one = one["tiny"]
        assert one["max_score"] == 5.0 and one["score"] == sum(one["cells"].values())
        assert one["cells"].keys() == points.keys() and one["parts"].keys() == {part.name for part in tiny.parts}
        if one["status"] == "unreadable":
            assert one["score"] == 0.0
            continue
        for part in tiny.parts:
            answer = one["parts"][part.name]
            for cell in part.tests:
                fails = answer["answer"] == "none" or (
                    answer["answer"] == "mistake" and cell.grade_id in known[answer["name"]].fails
                )
                assert one["cells"][cell.grade_id] == (0.0 if fails else cell.points)


def test_notebooks_hold_what_the_truth_says(course, tmp_path, tiny, key):
    truth = make(course, tmp_path / "class", 30)
    entries = bank.load("tiny", course)
    sources = {one.name: one.source for one in [*entries.mistakes, *entries.variations]}
    for student, one in truth["students"].items():
        path = tmp_path / "class/submitted" / student / "tiny/tiny.ipynb"
        nbformat.validate(nbformat.read(path, as_version=4))
        cells = {cell.grade_id: cell.source for cell in submission.read(path)}
        for part, answer in one["tiny"]["parts"].items():
            stub = tiny.part(part).solution.stub
            assert cells[part] == sources.get(answer["name"], key[part] if answer["answer"] == "right" else stub)


def test_the_last_ones_hand_in_a_broken_file(course, tmp_path):
    truth = make(course, tmp_path / "class", 6, broken=2)
    for number, (student, one) in enumerate(truth["students"].items(), start=1):
        path = tmp_path / "class/submitted" / student / "tiny/tiny.ipynb"
        assert one["tiny"]["status"] == ("unreadable" if number > 4 else "graded")
        if number > 4:
            with pytest.raises(submission.Unreadable):
                submission.read(path)


def test_refuses_to_write_over_a_class(course, tmp_path, bytes_below):
    make(course, tmp_path / "class", 2)
    before = bytes_below(tmp_path)
    with pytest.raises(CourseError, match=r"exists already; choose another --out"):
        make(course, tmp_path / "class", 2, seed=9)
    assert bytes_below(tmp_path) == before


@pytest.mark.parametrize("broken", [-1, 4])
def test_more_broken_ones_than_students(course, tmp_path, broken):
    with pytest.raises(CourseError, match=f"between 0 and 3 broken submissions, found {broken}"):
        make(course, tmp_path / "class", 3, broken=broken)
    assert not (tmp_path / "class").exists()


def test_nothing_released_yet(make_course, tmp_path):
    with pytest.raises(CourseError, match=r"tiny\.ipynb does not exist; run `autograder release tiny` first"):
        make(make_course(), tmp_path / "class")
    assert not (tmp_path / "class").exists()


# --- differences -----------------------------------------------------------------------------------------------------


@pytest.fixture
def truth() -> dict:
    cells = {"double_visible": 1.0, "double_hidden": 2.0, "first_number_visible": 0.5, "Stack_hidden": 1.5}
    good = {"status": "graded", "score": 5.0, "max_score": 5.0, "cells": cells, "parts": {}}
    bad = {**good, "status": "unreadable", "score": 0.0, "cells": dict.fromkeys(cells, 0.0)}
    return copy.deepcopy({"seed": 1, "students": {"s-001": {"tiny": good}, "s-002": {"tiny": bad}}})


@pytest.fixture
def right(result):
    return [result("s-001"), result("s-002", status="unreadable", reason="torn")]


def test_no_difference(truth, right):
    assert differences(truth, right) == []


def test_wrong_points_are_named(truth, right, result):
    right[0] = result("s-001", double_hidden=0.0, messages={"double_hidden": "why"})
    (line,) = differences(truth, right)
    assert line == "s-001 tiny double_hidden: expected 2.0 points, found 0.0 (failed: why)"


def test_too_many_points_are_a_difference(truth, right):
    truth["students"]["s-001"]["tiny"]["cells"]["double_hidden"] = 0.0
    (line,) = differences(truth, right)
    assert "expected 0.0 points, found 2.0" in line


def test_wrong_status_is_named(truth, right, result):
    right[1] = result("s-002", status="refused", reason="no room")
    (line,) = differences(truth, right)
    assert line == "s-002 tiny: expected unreadable, found refused: no room"


def test_missing_and_superfluous_results(truth, right, result):
    lines = differences(truth, [right[0], result("s-003")])
    assert lines == ["s-002 tiny: no result", "s-003 tiny: a result for a student who handed in nothing"]


def test_a_result_without_its_cells(truth, right):
    assert differences(truth, [replace(right[0], cells=right[0].cells[1:]), right[1]])


def test_a_result_with_another_cell(truth, right):
    cells = (*right[0].cells, replace(right[0].cells[0], grade_id="bonus"))
    assert "bonus" in differences(truth, [replace(right[0], cells=cells), right[1]])[0]


@pytest.mark.parametrize("change", [{"score": 4.0}, {"max_score": 6.0}])
def test_a_score_that_is_not_the_sum(truth, right, change):
    assert differences(truth, [replace(right[0], **change), right[1]])


def test_two_results_for_one_submission(truth, right, result):
    assert differences(truth, [result("s-001", double_hidden=0.0), *right])
