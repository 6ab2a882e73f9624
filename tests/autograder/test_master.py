import ast
import copy
import subprocess
import sys
import traceback
import types
from pathlib import Path

import nbformat
import pytest

from autograder import master
from autograder.master import MasterError

STUB = "raise NotImplementedError  # replace this line with your answer"


def read(tmp_path: Path, text: str) -> master.Master:
    path = tmp_path / "chapter.py"
    path.write_text(text, encoding="utf-8")
    return master.read(path)


def refused(tmp_path: Path, text: str, *words: str, line: str | int) -> None:
    """Reading fails on that line of the master (a number, or the text of the line), and says these words."""
    number = line if isinstance(line, int) else 1 + next(i for i, one in enumerate(text.splitlines()) if line in one)
    with pytest.raises(MasterError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'chapter.py'}:{number}: "), message
    assert caught.value.line == number
    for word in words:
        assert word in message, message


@pytest.fixture
def text(percent):
    """A small master that keeps every rule; tests break one rule each with `str.replace`."""
    return f'''{percent.header}# %% [markdown]
"""
# Chapter
"""

# %%
import math

{percent.solution("area")}
def area(radius: float, *, scale=1.0) -> float:
    """The area of a circle."""
    ### BEGIN SOLUTION
    squared = radius**2
    return scale * math.pi * squared
    ### END SOLUTION


{percent.test("area_visible", 1)}
assert round(area(1.0), 3) == 3.142

{percent.test("area_hidden", 2)}
### BEGIN HIDDEN TESTS
assert area(0.0) == 0.0
### END HIDDEN TESTS
'''


def test_a_master_that_keeps_every_rule(tmp_path, text):
    chapter = read(tmp_path, text)
    assert chapter.chapter == "chapter"
    assert [cell.cell_type for cell in chapter.cells] == ["markdown", "code", "code", "code", "code"]
    assert [part.name for part in chapter.parts] == ["area"]
    assert [cell.grade_id for cell in chapter.parts[0].tests] == ["area_visible", "area_hidden"]
    assert chapter.part("area").points == chapter.max_score == 3.0
    with pytest.raises(KeyError):
        chapter.part("volume")


def test_lines_are_those_of_the_file(tmp_path, text):
    lines = text.splitlines()
    for cell in read(tmp_path, text).cells:
        if cell.cell_type == "code":
            assert lines[cell.line - 1] == cell.source.splitlines()[0]


def test_stub_has_the_interface_and_nothing_else(tmp_path, text):
    chapter = read(tmp_path, text)
    stub = chapter.part("area").solution.stub
    assert STUB in stub and '"""The area of a circle."""' in stub and "scale=1.0" in stub
    assert "squared" not in stub and "SOLUTION" not in stub
    assert stub.count(STUB) == 1
    ast.parse(stub)
    hidden = chapter.part("area").tests[1]
    assert "area(0.0)" in hidden.source
    assert "area(0.0)" not in hidden.stub and "HIDDEN" not in hidden.stub


def test_stub_keeps_what_surrounds_regions(tmp_path, text):
    hidden = "### BEGIN HIDDEN TESTS\nassert area(0.0) == 0.0\n### END HIDDEN TESTS"
    two = text.replace(
        hidden, f"assert area(2.0) > 12\n{hidden}\nassert area(3.0) > 28\n{hidden.replace('0.0', '9.0')}"
    )
    assert read(tmp_path, two).graded[1].stub == "assert area(2.0) > 12\nassert area(3.0) > 28"


def test_stub_of_a_class_keeps_every_method(tiny):
    stub = tiny.part("Stack").solution.stub
    assert stub.count(STUB) == 3
    assert "self.things" not in stub
    namespace = {}
    exec(stub, namespace)
    with pytest.raises(NotImplementedError):
        namespace["Stack"]()


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", ["0", "-1", "true", "null", '"2"', "NaN", "[1]"])
def test_points_have_to_be_a_number_above_zero(tmp_path, text, points):
    refused(tmp_path, text.replace('"points": 1', f'"points": {points}'), "area_visible", "points", line="area_visible")


def test_graded_cell_without_points(tmp_path, text):
    refused(tmp_path, text.replace(', "points": 1', ""), "area_visible", '"points": 1', line="area_visible")


def test_metadata_without_grade_id(tmp_path, text):
    wrong = text.replace('"grade_id": "area_visible", ', "")
    refused(tmp_path, wrong, "grade_id", line='"points": 1')


def test_empty_grade_id(tmp_path, text):
    refused(tmp_path, text.replace('"area_visible"', '""'), "grade_id", line='"points": 1')


@pytest.mark.parametrize("name", ["area visible", "area/visible", "flächen", "a.b", "x" * 65, "é"])
def test_grade_id_with_bad_characters(tmp_path, text, name):
    refused(tmp_path, text.replace("area_visible", name), "letters, digits", line='"points": 1')


@pytest.mark.parametrize("name", ['"area_visible\\n"', "7"], ids=["newline", "number"])
def test_grade_id_that_no_notebook_may_have(tmp_path, text, name):
    refused(tmp_path, text.replace('"area_visible"', name), "grade_id", line='"points": 1')


def test_grade_id_used_twice(tmp_path, text):
    wrong = text.replace('"area_hidden"', '"area_visible"')
    first = 1 + next(i for i, line in enumerate(text.splitlines()) if '"area_visible"' in line)
    refused(tmp_path, wrong, "'area_visible'", "twice", f"line {first}", line='"points": 2')


def test_same_text_twice(tmp_path, text):
    wrong = text + "\n# %%\nimport math\n"
    first = 1 + text.splitlines().index("import math") - 1
    refused(tmp_path, wrong, "same text", f"first on line {first}", line=len(text.splitlines()) + 2)


def test_syntax_error_names_its_own_line(tmp_path, text):
    refused(tmp_path, text.replace("squared = radius**2", "squared = radius**"), "syntax", "area", line="radius**")
    third = text.splitlines().index("import math") + 3
    refused(tmp_path, text.replace("import math", "import math\n\nimport"), "syntax error", line=third)


@pytest.mark.parametrize("mark", ["### BEGIN SOLUTION", "### END SOLUTION", "### BEGIN HIDDEN", "### END HIDDEN"])
def test_half_a_pair_of_marks(tmp_path, text, mark):
    wrong = "\n".join("    pass" if line.strip().startswith(mark) else line for line in text.splitlines())
    wrong = wrong.replace("    pass\nassert", "assert").replace("== 0.0\n    pass", "== 0.0")
    with pytest.raises(MasterError, match=r"chapter\.py:\d+: "):
        read(tmp_path, wrong)


def test_end_without_begin_names_its_line(tmp_path, text):
    wrong = text.replace("### BEGIN HIDDEN TESTS\n", "")
    refused(tmp_path, wrong, "pair up", line="### END HIDDEN TESTS")


def test_begin_twice_names_the_second(tmp_path, text):
    wrong = text.replace("    squared = radius**2", "    ### BEGIN SOLUTION\n    squared = radius**2")
    first = 1 + next(i for i, line in enumerate(text.splitlines()) if "BEGIN SOLUTION" in line)
    refused(tmp_path, wrong, "pair up", line=first + 1)


def test_begin_without_end_says_which_cell(tmp_path, text):
    refused(tmp_path, text.replace("### END HIDDEN TESTS\n", ""), "without", "area_hidden", line="### BEGIN HIDDEN")


def test_solution_cell_without_region(tmp_path, text):
    wrong = text.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    refused(tmp_path, wrong, "area", "### BEGIN SOLUTION", line="def area")


def test_docstring_inside_the_region(tmp_path, text):
    doc, begin = '    """The area of a circle."""\n', "    ### BEGIN SOLUTION\n"
    refused(tmp_path, text.replace(doc + begin, begin + doc), "docstring", line="def area")


def test_def_line_inside_the_region(tmp_path, text):
    wrong = text.replace("    ### BEGIN SOLUTION\n", "").replace("def area", "### BEGIN SOLUTION\ndef area")
    wrong = wrong.replace("    ### END SOLUTION", "### END SOLUTION")
    refused(tmp_path, wrong, "signature", line="### BEGIN SOLUTION")


def test_second_definition_inside_the_region(tmp_path, text):
    again = '    pass\n\n\ndef area(r):\n    """The area of a circle."""\n    return 3 * r * r\n### END SOLUTION'
    refused(tmp_path, text.replace("    ### END SOLUTION", again), "signature", line="def area")


def test_public_method_inside_the_region(tmp_path, percent):
    method = "\n    def peek(self):\n        return self.things[-1]\n"
    wrong = percent.tiny.replace("        return self.things.pop()\n", f"        return self.things.pop()\n{method}")
    refused(tmp_path, wrong, "Stack", "signature", line="class Stack")


def test_private_method_inside_the_region_is_fine(tmp_path, percent):
    method = "\n    def _peek(self):\n        return self.things[-1]\n"
    right = percent.tiny.replace("        return self.things.pop()\n", f"        return self.things.pop()\n{method}")
    assert "_peek" not in read(tmp_path, right).part("Stack").solution.stub


def test_region_that_leaves_no_valid_python(tmp_path, text):
    wrong = text.replace("    squared = radius**2", "    if radius:\n    ### END SOLUTION\n        squared = radius**2")
    wrong = wrong.replace("    ### END SOLUTION\n\n", "\n")
    refused(tmp_path, wrong, "stub", "no valid Python", line="def area")


def test_solution_of_another_name(tmp_path, text):
    refused(tmp_path, text.replace("def area", "def surface"), "'area'", "surface", line="def surface")


def test_solution_of_several_names(tmp_path, text):
    wrong = text.replace("def area", "def helper():\n    pass\n\n\ndef area")
    refused(tmp_path, wrong, "alone", "area, helper", line="def helper")


def test_solution_of_no_name(tmp_path, text):
    start = text.index("def area")
    end = text.index("# %%", start)
    wrong = text[:start] + "### BEGIN SOLUTION\nradius = 1\n### END SOLUTION\n\n" + text[end:]
    refused(tmp_path, wrong, "found nothing", line="### BEGIN SOLUTION")


def test_graded_cell_before_any_solution(tmp_path, text, percent):
    wrong = text.replace("# %%\nimport math", f"{percent.test('early')}\nimport math")
    refused(tmp_path, wrong, "early", "before any solution", line="import math")


def test_part_without_tests(tmp_path, text, percent):
    wrong = (
        text + f'\n{percent.solution("idle")}\ndef idle():\n    """."""\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n'
    )
    refused(tmp_path, wrong, "'idle'", "no graded cell", line="def idle")


@pytest.mark.parametrize("which", ["area", "area_visible"])
def test_showcase_that_counts(tmp_path, text, which):
    wrong = "\n".join(
        line.replace("# %% nbgrader", '# %% tags=["showcase"] nbgrader') if f'"{which}"' in line else line
        for line in text.splitlines()
    )
    assert wrong != text
    refused(tmp_path, wrong, "showcase", which, line='tags=["showcase"]')


def test_graded_and_solution_at_once(tmp_path, text):
    wrong = text.replace('"solution": false, "points": 1', '"solution": true, "points": 1')
    refused(tmp_path, wrong, "area_visible", "at once", line="area_visible")


def test_graded_markdown(tmp_path, text):
    wrong = text.replace(
        '# %% nbgrader={"schema_version": 3, "grade": true', '# %% [markdown] nbgrader={"grade": true', 1
    )
    refused(tmp_path, wrong, "area_visible", "code cell", line="area_visible")


@pytest.mark.parametrize("mark", ["SOLUTION", "HIDDEN TESTS"])
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_secrets_in_a_plain_cell(tmp_path, text, kind, mark):
    region = f"### BEGIN {mark}\n42\n### END {mark}"
    plain = f'\n# %% [markdown]\n"""\n{region}\n"""\n' if kind == "markdown" else f"\n# %%\n{region}\n"
    refused(tmp_path, text + plain, "would be lost", line=len(text.splitlines()) + 2)


@pytest.mark.parametrize(
    "wrong",
    ["", "x = 1\n", '"""Only a docstring."""\n\n\ndef f():\n    pass\n'],
    ids=["empty", "python", "docstring"],
)
def test_not_a_percent_file(tmp_path, wrong):
    refused(tmp_path, wrong, "'# %%'", line=1)


def test_code_before_the_first_cell(tmp_path, text):
    refused(tmp_path, text.replace("# %% [markdown]", "import os\n\n# %% [markdown]"), "before the first", line=11)


def test_broken_metadata(tmp_path, text):
    with pytest.raises(MasterError, match=r"chapter\.py:\d+: "):
        read(tmp_path, text.replace('"points": 1}', '"points": 1'))


@pytest.mark.parametrize("mark", ["# BEGIN HIDDEN TESTS", "###BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TESTS (slow)"])
def test_marks_that_only_nbgrader_sees(tmp_path, text, mark):
    end = mark.replace("BEGIN", "END")
    wrong = text.replace("### BEGIN HIDDEN TESTS", mark).replace("### END HIDDEN TESTS", end)
    with pytest.raises(MasterError):
        read(tmp_path, wrong)


def test_raw_cells_are_refused_or_released(tmp_path, text):
    wrong = text + "\n# %% [raw]\n# as it is\n"
    try:
        chapter = read(tmp_path, wrong)
    except MasterError:
        return
    chapter.notebook()


# --- what is made of it ----------------------------------------------------------------------------------------------


def test_traceback_from_the_answer_key_points_at_the_master(tmp_path, text):
    wrong = text.replace("    squared = radius**2", "    squared = radius ** undefined_name")
    chapter = read(tmp_path, wrong)
    module = types.ModuleType("chapter")
    exec(compile(master.answer_source(chapter), str(chapter.path), "exec"), module.__dict__)
    try:
        module.area(1.0)
    except NameError as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
    assert wrong.splitlines()[last.lineno - 1].strip() == "squared = radius ** undefined_name"
    assert last.filename == str(chapter.path)
    assert last.line == "squared = radius ** undefined_name"


def test_answer_key_runs_neither_tests_nor_showcase(tiny):
    namespace = {}
    exec(master.answer_source(tiny), namespace)
    assert namespace["double"](4) == 8
    assert "pile" not in namespace
    assert "concealed" not in master.answer_source(tiny)


def test_answer_source_of_every_line_is_in_place(tiny):
    original = tiny.path.read_text(encoding="utf-8").splitlines()
    for mine, theirs in zip(master.answer_source(tiny).splitlines(), original, strict=False):
        assert mine in ("", theirs)


def test_answer_source_of_a_master_with_a_magic(tmp_path, text):
    chapter = read(tmp_path, text.replace("import math", "import math\n# %matplotlib inline\n# !ls"))
    assert "%matplotlib inline" in chapter.cells[1].source
    compile(master.answer_source(chapter), "chapter.py", "exec")


def test_answer_is_what_a_student_would_write(tiny):
    source = master.answer(tiny.part("double"))
    assert "SOLUTION" not in source and "NotImplementedError" not in source
    assert "twice_of_the_number = x + x" in source
    namespace = {}
    exec(source, namespace)
    assert namespace["double"](3) == 6


def test_notebook_is_valid_and_the_same_each_time(tmp_path, text):
    chapter = read(tmp_path, text)
    notebook = chapter.notebook()
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) == nbformat.writes(read(tmp_path, text).notebook())
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_ids_change_only_where_the_text_changed(tmp_path, text):
    before = [cell.id for cell in read(tmp_path, text).notebook().cells]
    changed = text.replace("import math", "import math  # π").replace("return scale", "return 1.0 * scale")
    after = [cell.id for cell in read(tmp_path, changed).notebook().cells]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True, True]
    inserted = text.replace("# %%\nimport math", '# %% [markdown]\n"""\nMore.\n"""\n\n# %%\nimport math')
    assert set(before) < {cell.id for cell in read(tmp_path, inserted).notebook().cells}


def test_notebook_metadata_is_nbgraders(tiny):
    by_id = {cell.id: cell for cell in tiny.notebook().cells}
    assert by_id["double"].metadata.nbgrader == {
        "grade": False, "grade_id": "double", "locked": False, "schema_version": 3, "solution": True, "task": False,
    }  # fmt: skip
    assert by_id["double_hidden"].metadata.nbgrader == {
        "grade": True, "grade_id": "double_hidden", "locked": True, "points": 2.0, "schema_version": 3,
        "solution": False, "task": False,
    }  # fmt: skip
    assert [c.metadata.tags for c in tiny.notebook().cells if "tags" in c.metadata] == [["showcase"]]
    assert tiny.notebook().metadata.kernelspec.name == "python3"


def test_kinds_of_cells(tiny):
    kinds = [(cell.is_provided, cell.is_solution, cell.is_grade, cell.is_showcase) for cell in tiny.cells]
    assert [kind for kind in kinds if kind[0]] == [(True, False, False, False)]
    assert all(sum(kind) <= 1 for kind in kinds)
    assert all(cell.is_locked for cell in tiny.graded)


def test_a_master_can_be_copied_to_another_process(tiny):
    tiny.parts  # noqa: B018 — cached on the instance
    again = copy.deepcopy(tiny)
    assert again == tiny and again.parts == tiny.parts


def test_reading_a_master_compiles_no_grammar():
    """Every command, every worker and every page of the book would wait a second for it."""
    asked = "import sys, autograder.master; print('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True).stdout == "False\n"
