import json
import shutil

import nbformat
import pytest

from autograder import cli, release
from autograder.course import Course, CourseError
from autograder.master import Master

pytestmark = pytest.mark.slow  # nbgrader takes two seconds for a release


@pytest.fixture(scope="module")
def released(tmp_path_factory, course) -> Course:
    """The tiny course released by nbgrader, beside a second chapter that nobody asked for."""
    root = tmp_path_factory.mktemp("released")
    shutil.copytree(course.solutions, root / "solutions")
    mine = Course(root)
    (mine.exercises / "other").mkdir(parents=True)
    (mine.exercises / "other" / "notes.txt").write_text("leave me alone")
    (mine.exercises / "README.md").write_text("me too")
    changed = release.release(mine, ["tiny"])
    assert sorted(path.name for path in changed) == ["table.txt", "tiny.ipynb"]
    return mine


@pytest.fixture
def copy(released, tmp_path) -> Course:
    shutil.copytree(released.root, tmp_path / "copy")
    return Course(tmp_path / "copy")


def released_notebook(course: Course) -> nbformat.NotebookNode:
    return nbformat.read(course.exercises / "tiny" / "tiny.ipynb", as_version=4)


def test_no_secret_is_released(released):
    text = (released.exercises / "tiny" / "tiny.ipynb").read_text(encoding="utf-8")
    for secret in ("twice_of_the_number", "self.things", "secret input", "-3.5", "concealed", "SOLUTION", "HIDDEN"):
        assert secret not in text
    assert sorted(path.name for path in (released.exercises / "tiny").iterdir()) == ["table.txt", "tiny.ipynb"]


def test_cells_are_those_of_the_master(released, tiny: Master):
    notebook = released_notebook(released)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == [cell.stub for cell in tiny.cells]
    assert [cell.id for cell in notebook.cells] == [cell.cell_id for cell in tiny.cells]
    assert [cell.cell_type for cell in notebook.cells] == [cell.cell_type for cell in tiny.cells]
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells)


def test_graded_cells_are_locked_and_keep_their_points(released, tiny: Master):
    by_id = {cell.id: cell.metadata for cell in released_notebook(released).cells}
    for cell in tiny.graded:
        settings = by_id[cell.grade_id].nbgrader
        assert settings.grade and settings.locked and settings.points == cell.points
        assert by_id[cell.grade_id].editable is False and by_id[cell.grade_id].deletable is False
    assert by_id["double"].nbgrader.solution and not by_id["double"].nbgrader.locked
    assert by_id["double"].get("editable", True)


def test_data_files_are_copied(released):
    assert (released.exercises / "tiny" / "table.txt").read_text() == "17\n"


def test_the_hand_made_hand_out_of_the_other_tests_is_like_the_real_one(released, handed_out):
    real = released_notebook(released)
    for made, cell in zip(handed_out.cells, real.cells, strict=True):
        assert (made.id, made.source, made.cell_type) == (cell.id, cell.source, cell.cell_type)
        assert made.metadata.get("tags") == cell.metadata.get("tags")


def test_stubs_run_and_say_that_an_answer_is_missing(released):
    namespace = {}
    for cell in released_notebook(released).cells[1:3]:
        exec(cell.source, namespace)
    with pytest.raises(NotImplementedError):
        namespace["double"](1)


def test_released_again_byte_for_byte(copy, released, bytes_below, capsys):
    before = bytes_below(copy.exercises)
    shutil.rmtree(copy.exercises / "tiny")
    assert cli.main(["--course", str(copy.root), "release", "tiny"]) == 0
    assert "2 files changed" in capsys.readouterr().out
    assert bytes_below(copy.exercises) == before == bytes_below(released.exercises)


def test_check_after_edit_deletion_and_addition(copy, bytes_below, capsys, monkeypatch):
    monkeypatch.setattr(release, "_released_files", _once(release._released_files))
    check = ["--course", str(copy.root), "release", "--check"]
    notebook, table = (copy.exercises / "tiny" / name for name in ("tiny.ipynb", "table.txt"))
    before = bytes_below(copy.exercises)
    assert cli.main(check) == 0
    assert "up to date: tiny" in capsys.readouterr().out

    notebook.write_text(notebook.read_text().replace("Three small parts", "Three tiny parts"))
    assert cli.main(check) == 1
    message = capsys.readouterr().err
    assert "tiny.ipynb" in message and "table.txt" not in message and "autograder release" in message

    notebook.write_bytes(before["tiny/tiny.ipynb"])
    table.unlink()
    assert cli.main(check) == 1
    message = capsys.readouterr().err
    assert "table.txt" in message and "tiny.ipynb" not in message

    table.write_bytes(before["tiny/table.txt"].replace(b"\n", b"\r\n"))
    assert cli.main(check) == 1
    assert "table.txt" in capsys.readouterr().err

    table.write_bytes(before["tiny/table.txt"])
    (copy.exercises / "tiny" / "answers.txt").write_text("")
    assert cli.main(check) == 1
    assert "answers.txt" in capsys.readouterr().err
    assert bytes_below(copy.exercises).keys() == before.keys() | {"tiny/answers.txt"}  # a check changes nothing

    assert cli.main(["--course", str(copy.root), "release"]) == 0
    assert "removed" in capsys.readouterr().out
    assert bytes_below(copy.exercises) == before


def _once(function):
    kept = {}
    return lambda course, chapter: (
        kept.setdefault(chapter, None) or kept.__setitem__(chapter, function(course, chapter)) or kept[chapter]
    )


def test_release_touches_nothing_else(copy, bytes_below):
    before = bytes_below(copy.root)
    (copy.exercises / "tiny" / "tiny.ipynb").unlink()
    (copy.exercises / "tiny" / ".ipynb_checkpoints").mkdir()
    release.release(copy, ["tiny"])
    assert bytes_below(copy.root) == before


def test_what_nbgrader_refuses_leaves_the_exercises_alone(copy, monkeypatch, bytes_below):
    before = bytes_below(copy.root)

    def broken(self):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\n1")])
        return notebook

    monkeypatch.setattr(Master, "notebook", broken)
    with pytest.raises(CourseError, match="nbgrader cannot release 'tiny'"):
        release.release(copy, ["tiny"])
    assert bytes_below(copy.root) == before


def test_the_environment_need_not_be_activated(copy, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert release.check(copy, ["tiny"]) == []


def test_unknown_chapter_names_those_there_are(copy, capsys, bytes_below):
    before = bytes_below(copy.root)
    for arguments in (["tinny"], ["tiny", "tinny"], ["tinny", "--check"], ["../tiny"], [""]):
        assert cli.main(["--course", str(copy.root), "release", *arguments]) == 1
        message = capsys.readouterr().err
        assert "unknown chapter" in message and "Known chapters: tiny" in message
    assert bytes_below(copy.root) == before


def test_a_master_with_a_slip_is_reported_with_its_line(copy, capsys):
    path = copy.solutions / "tiny" / "tiny.py"
    path.write_text(path.read_text().replace('"points": 2', '"points": 0'))
    assert cli.main(["--course", str(copy.root), "release"]) == 1
    message = capsys.readouterr().err
    line = 1 + next(i for i, text in enumerate(path.read_text().splitlines()) if '"points": 0}' in text)
    assert f"{path}:{line}: " in message and "double_hidden" in message


def test_the_notebook_ends_with_a_newline_and_has_sorted_keys(released):
    text = (released.exercises / "tiny" / "tiny.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n") or text.endswith("}")
    assert "\r" not in text and json.loads(text)["nbformat"] == 4
