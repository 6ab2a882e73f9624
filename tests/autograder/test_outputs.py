"""The notebook as it was run: what a student's cells printed, and nothing that a test said."""

import contextlib
import json

import nbformat
import pytest

from autograder.engine.examiner import Examiner, _outputs
from autograder.engine.sandbox import Limits
from autograder.engine.student import MAX_PRINTED


@pytest.fixture(scope="module")
def examiner(assignment, sandboxing):
    if sandboxing:
        pytest.skip("there is no sandbox here")
    with contextlib.closing(Examiner(assignment, Limits(cell_seconds=4.0))) as one:
        yield one


@pytest.fixture
def printed(examiner, handed_out, hand_in):
    """`printed(*sources)` puts cells on top of the notebook, runs it, and returns the outputs of each."""

    def run(*sources: str) -> list[list]:
        handed_out.cells[:0] = map(nbformat.v4.new_code_cell, sources)
        result, notebook = examiner.execute(hand_in(handed_out), "s-001")
        assert result.status == "graded" and [cell.source for cell in notebook.cells[: len(sources)]] == list(sources)
        return [cell.outputs for cell in notebook.cells[: len(sources)]]

    return run


def text(outputs: list, name: str = "stdout") -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == name)


@pytest.mark.slow
def test_what_cells_print_is_kept_in_order(printed):
    one, two, three, silent = printed(
        "import sys\nprint('first'); print('second', file=sys.stderr); print('third', flush=True)",
        "!echo from the shell\n6 * 7",
        "from IPython.display import HTML, display\nsys.stdout.buffer.write(b'raw bytes \\xff\\n')\n"
        "display(HTML('<script>alert(1)</script>'))\nassert sys.stdout.fileno() == 1 and not sys.stdout.isatty()",
        "x = 1",
    )
    assert [(out.name, out.text) for out in one] == [
        ("stdout", "first\n"), ("stderr", "second\n"), ("stdout", "third\n"),
    ]  # fmt: skip
    assert "from the shell" in text(two) and text(two).endswith("42\n")
    assert "raw bytes" in text(three) and "<script>" not in text(three)
    assert all(out.output_type == "stream" for out in three)
    assert silent == []


@pytest.mark.slow
def test_errors_are_shown_and_the_rest_still_runs(printed):
    division, syntax, ended, late, after = printed(
        "1 / 0", "def f(:", "import os; os._exit(3)", "while True: pass", "print('still here')"
    )
    assert "ZeroDivisionError" in division[0].traceback[0] and division[0].output_type == "error"
    assert "SyntaxError" in syntax[0].traceback[0]
    assert "Python ended in this cell" in ended[0].traceback[0]
    assert "KeyboardInterrupt" in late[0].traceback[0]
    assert text(after) == "still here\n"


@pytest.mark.slow
def test_a_flood_is_cut_and_costs_nothing(printed):
    much, little, huge = printed("for i in range(5_000): print(i)", "print('short')", "print('x' * 5_000_000)")
    for flood in (much, huge):
        assert len(text(flood)) < MAX_PRINTED + 50 and text(flood).endswith("[more was printed]")
    assert text(little) == "short\n"


@pytest.mark.slow
def test_what_a_function_prints_in_a_test_stays_unseen(examiner, handed_out, hand_in, fill, at):
    fill(handed_out, {"double": "print('loaded')\ndef double(x):\n    print('called with', x)\n    return 2 * x"})
    result, notebook = examiner.execute(hand_in(handed_out), "s-001")
    assert next(cell for cell in result.cells if cell.grade_id == "double_hidden").outcome == "passed"
    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "loaded" in outputs and "called with" not in outputs and "-3.5" not in outputs


@pytest.mark.slow
def test_an_unreadable_submission_gives_an_empty_notebook(examiner, hand_in, tiny):
    result, notebook = examiner.execute(hand_in('{"nbformat": 4, "cel'), "s-001")
    assert result.status == "unreadable"
    assert len(notebook.cells) == len(tiny.cells)
    assert [cell.source for cell in notebook.cells if "answer" in cell.metadata] == [""] * len(tiny.parts)


def test_what_the_students_process_says_of_its_output_is_not_trusted():
    assert _outputs("text") == _outputs(None) == _outputs([("stdout",), ["stdout", "x"], ("html", "<b>"), (1, 2)]) == []
    (kept,) = _outputs([("stdout", "abc"), ("stderr", "def")], room=3)
    assert kept.text == "abc"
    (error,) = _outputs([("error", "\n" * 10)], room=4)
    assert error.traceback == ["\n" * 4]
    assert _outputs([("stdout", "abc")], room=-1) == []
