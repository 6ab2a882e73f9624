import contextlib
import json
import pickle

import nbformat
import numpy as np
import pytest

from autograder import unsandboxed
from autograder.engine.examiner import Examiner
from autograder.engine.sandbox import Limits
from autograder.verdict import SEED, Assignment, Result, message_for_student


@pytest.fixture(scope="module", params=["sandbox", "kernel"])
def verdict(request, assignment, sandboxing, tmp_path_factory):
    """`verdict(notebook)` grades it, with a second for each cell; the folder handed in stays on `verdict.folder`."""

    def run(notebook, student="s-001") -> Result:
        folder = run.folder = tmp_path_factory.mktemp("submitted")
        (folder / "tiny.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        return run.grade(folder, student)

    run.kind = request.param
    if run.kind == "kernel":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NBGRADER_EXECUTION", "")  # so that it is put back
            patch.setattr(unsandboxed, "CELL_SECONDS", 2)
            run.grade = lambda folder, student: unsandboxed.grade(assignment, folder, student)
            yield run
    else:
        if sandboxing:
            pytest.skip("there is no sandbox here")
        with contextlib.closing(Examiner(assignment, Limits(cell_seconds=2.0))) as examiner:
            run.grade = examiner.grade
            yield run


def outcomes(result: Result) -> dict[str, str]:
    return {cell.grade_id: cell.outcome for cell in result.cells}


def messages(result: Result) -> str:
    return json.dumps([cell.message for cell in result.cells])


ALL = ["double_visible", "double_hidden", "first_number_visible", "Stack_hidden"]


# --- without a kernel ------------------------------------------------------------------------------------------------


def test_unreadable_submissions_get_no_points_and_the_reason(assignment, hand_in, bytes_below):
    folder = hand_in('{"nbformat": 4, "cel')
    before = bytes_below(folder)
    result = unsandboxed.grade(assignment, folder, "s-001")
    assert (result.status, result.score, result.max_score) == ("unreadable", 0.0, 5.0)
    assert "JSON" in result.reason and result.seed == SEED
    assert outcomes(result) == dict.fromkeys(ALL, "missing")
    assert [cell.max_points for cell in result.cells] == [1.0, 2.0, 0.5, 1.5]
    assert all(cell.points == 0.0 for cell in result.cells)
    assert bytes_below(folder) == before


def test_a_result_is_the_json_that_was_promised(result):
    one = result("s-017", double_hidden=0.0, messages={"double_hidden": "…"}, notes=["odd"])
    data = json.loads(json.dumps(one.to_json()))
    assert list(data)[:9] == [
        "assignment", "student", "status", "score", "max_score", "seconds", "seed", "reason", "cells",
    ]  # fmt: skip
    assert list(data["cells"][0]) == ["grade_id", "points", "max_points", "outcome", "message", "diagnosis"]
    assert Result.from_json(data) == one


def test_an_assignment_travels_to_a_worker(assignment):
    again = pickle.loads(pickle.dumps(assignment))
    assert again == assignment and again.name == "tiny"


def test_an_assignment_has_the_data_files_and_no_secret_ones(assignment):
    assert [path.name for path in assignment.data_files] == ["table.txt"]


@pytest.mark.parametrize("name", ["tiny.py~", "tiny.py.orig", ".tiny.py.swp", ".DS_Store", "tiny.ipynb"])
def test_backups_of_the_master_are_no_data(make_course, name):
    course = make_course(data={"table.txt": "17\n", name: "the answer key"})
    assert [path.name for path in Assignment.load(course, "tiny").data_files] == ["table.txt"]


@pytest.mark.parametrize(("outcome", "name"), [("failed", "AssertionError"), ("error", "KeyError")])
def test_messages_of_hidden_tests_quote_nothing(tiny, outcome, name):
    visible, hidden, *_ = tiny.graded
    message = message_for_student(hidden, outcome, name, "the secret input is minus three and a half")
    assert "secret" not in message and "-3.5" not in message
    assert ("wrong answer" if outcome == "failed" else "KeyError") in message
    assert message_for_student(visible, outcome, name, "two and two").startswith(f"{name}: two and two")
    assert len(message_for_student(visible, outcome, name, "x" * 10_000)) <= 600


# --- with one --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(verdict, tiny, fill, key):
    """Everything right, with all the noise that honest work makes."""
    first = np.random.RandomState(SEED).random_sample()
    answers = {
        "double": f"""\
import os, sys, warnings
def double(x):
    "Twice x, and a lot of noise."
    print("called")
    print("look here", file=sys.stderr)
    warnings.warn("this is deprecated")
    np.log(np.zeros(2))
    assert FIRST == {first!r}, "the generator was not seeded"
    assert os.environ["NBGRADER_EXECUTION"] == "autograde"
    return helper(x, 2)
""",
        "Stack": key["Stack"] + "\n    def __len__(self):\n        return len(self.things)",
        "first_number": key["first_number"] + "\nopen('table.txt').read()",
    }
    notebook = fill(_fresh(tiny), answers)
    notebook.cells.insert(
        2, nbformat.v4.new_code_cell("FIRST = np.random.random_sample()\nhelper = lambda a, b: a * b")
    )
    notebook.cells.insert(3, nbformat.v4.new_code_cell("1 / 0  # a scratch cell"))
    notebook.cells.insert(4, nbformat.v4.new_code_cell("!echo hello\nopen('table.txt', 'a').write('')"))
    return verdict(notebook), verdict.folder


def _fresh(tiny) -> nbformat.NotebookNode:
    notebook = tiny.notebook()
    for made, cell in zip(notebook.cells, tiny.cells, strict=True):
        made.source = cell.stub
    return notebook


@pytest.mark.slow
def test_honest_work_gets_all_points(honest):
    result, _ = honest
    assert result.status == "graded" and result.reason is None
    assert outcomes(result) == dict.fromkeys(ALL, "passed")
    assert result.score == result.max_score == 5.0
    assert all(cell.message is None and cell.diagnosis is None for cell in result.cells)
    assert result.assignment == "tiny" and result.student == "s-001" and result.seconds > 0


@pytest.mark.slow
def test_the_seed_is_recorded(honest):
    assert honest[0].seed == SEED  # and the answer above fails where the generators are not seeded with it


@pytest.mark.slow
def test_the_folder_handed_in_stays_as_it_was(honest):
    _, folder = honest
    assert [path.name for path in folder.iterdir()] == ["tiny.ipynb"]
    notebook = nbformat.read(folder / "tiny.ipynb", as_version=4)
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells)


@pytest.mark.slow
def test_the_hand_out_data_stays_as_it_was(honest, course):
    assert (course.solutions / "tiny" / "table.txt").read_text() == "17\n"


@pytest.fixture(scope="module")
def mixed(verdict, tiny, fill):
    """A wrong answer, no answer, and one that raises."""
    raising = "class Stack:\n    def push(self, thing):\n        raise KeyError(thing)\n"
    return verdict(fill(_fresh(tiny), {"double": "def double(x):\n    return x * x", "Stack": raising}))


@pytest.mark.slow
def test_each_kind_of_failure_has_its_outcome(mixed):
    assert outcomes(mixed) == {
        "double_visible": "passed",
        "double_hidden": "failed",
        "first_number_visible": "missing",
        "Stack_hidden": "error",
    }
    assert [cell.points for cell in mixed.cells] == [1.0, 0.0, 0.0, 0.0]
    assert mixed.score == 1.0 and mixed.status == "graded"


@pytest.mark.slow
def test_messages_say_what_went_wrong_and_quote_no_hidden_test(mixed):
    text = messages(mixed)
    for secret in ("secret input", "-3.5", "-7.0", "concealed", "pile", "np.full"):
        assert secret not in text
    by_id = {cell.grade_id: cell.message for cell in mixed.cells}
    assert "wrong answer" in by_id["double_hidden"]
    assert "KeyError" in by_id["Stack_hidden"]
    assert "Not answered" in by_id["first_number_visible"]


@pytest.fixture(scope="module")
def looping(verdict, tiny, fill, key):
    endless = "def double(x):\n    while True:\n        pass\n"
    visible = "def first_number():\n    return 18.0"
    return verdict(fill(_fresh(tiny), {**key, "double": endless, "first_number": visible}))


@pytest.mark.slow
def test_an_endless_loop_costs_its_own_tests_alone(looping):
    assert [cell.points for cell in looping.cells] == [0.0, 0.0, 0.0, 1.5]
    assert looping.score == 1.5 and looping.status == "graded"


@pytest.mark.slow
def test_an_endless_loop_is_called_one(looping):
    assert [cell.outcome for cell in looping.cells] == ["timeout", "timeout", "failed", "passed"]
    assert "No answer within 2 s" in looping.cells[0].message


@pytest.mark.slow
def test_a_visible_test_is_quoted(looping):
    visible = next(cell for cell in looping.cells if cell.grade_id == "first_number_visible")
    assert visible.message.startswith("AssertionError")


@pytest.mark.slow
def test_ending_python_in_a_cell_costs_what_comes_after(verdict, tiny, fill, key):
    result = verdict(fill(_fresh(tiny), {**key, "first_number": key["first_number"] + "\nimport os\nos._exit(3)"}))
    assert result.status == "graded"
    assert [cell.points for cell in result.cells[:3]] == [1.0, 2.0, 0.0]
    if verdict.kind == "kernel":
        assert [cell.outcome for cell in result.cells[2:]] == ["crashed", "crashed"]
        assert "ended" in result.cells[-1].message
    else:
        assert result.cells[3].outcome == "passed"  # one question's failure is no other's


@pytest.mark.slow
def test_a_function_that_ends_python_gets_nothing(verdict, tiny, fill, key):
    deadly = (
        "import os, time\ndef double(x):\n    time.sleep(0.5)  # as one does that fills the memory\n    os._exit(0)"
    )
    result = verdict(fill(_fresh(tiny), {**key, "double": deadly}))
    others = "crashed" if verdict.kind == "kernel" else "passed"  # a kernel cannot go on after it
    assert [cell.outcome for cell in result.cells] == ["crashed", "crashed", others, others]
    assert result.score == sum(cell.points for cell in result.cells if cell.outcome == "passed")


@pytest.mark.slow
def test_odd_text_in_messages_can_be_written(verdict, tiny, fill, key):
    odd = 'def first_number():\n    raise ValueError("\\ud800 \\x00 <b> " + "x" * 100_000)'
    result = verdict(fill(_fresh(tiny), {**key, "first_number": odd}))
    cell = result.cells[2]
    assert cell.outcome == "error" and cell.points == 0.0 and len(cell.message) <= 600
    cell.message.encode("utf-8")
    assert result.score == 4.5


@pytest.mark.slow
def test_answers_still_count_when_the_student_took_the_notebook_apart(verdict, tiny, fill, key):
    notebook = fill(_fresh(tiny), key)
    cells = notebook.cells
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in cells}
    loose = nbformat.v4.new_code_cell("raise SystemExit")
    notebook.cells = [by_id["Stack"], by_id["first_number"], loose, by_id["double"], cells[0], by_id["Stack_hidden"]]
    result = verdict(notebook)
    assert outcomes(result) == dict.fromkeys(ALL, "passed")
