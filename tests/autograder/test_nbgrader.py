"""The engine through nbgrader: its own commands, its gradebook, its feedback and its formgrader, on a small course."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder import cli, converter
from autograder.verdict import Assignment

HIDDEN = ("secret input", "-3.5", "concealed")  # words of the tiny course's hidden tests
NOISY = """\
import sys, warnings
from IPython.display import HTML, display
print("loaded")
print("a warning of mine", file=sys.stderr)
display(HTML("<script>alert('output')</script>"))
def double(x):
    print("called", "with", x)
    warnings.warn("deprecated")
    np.log(np.zeros(1))
    return x + x
"""
FULL = {"double_visible": 1.0, "double_hidden": 2.0, "first_number_visible": 0.5, "Stack_hidden": 1.5}
NOTHING = dict.fromkeys(FULL, 0.0)


def nbgrader(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run nbgrader's own command in a course's folder, as an instructor would."""
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


class CourseFolder:
    """An nbgrader course and what was handed in to it."""

    def __init__(self, folder: Path, handed_out: nbformat.NotebookNode, key: dict[str, str], fill):
        self.folder, self.handed_out, self.key, self.fill = folder, handed_out, key, fill

    def notebook(self, **answers: str) -> nbformat.NotebookNode:
        copy = nbformat.from_dict(json.loads(nbformat.writes(self.handed_out)))
        return self.fill(copy, {**self.key, **answers})

    def hand_in(self, student: str, content, name="tiny.ipynb", when: str | None = "2026-11-20 12:00:00 UTC") -> Path:
        """Hand in a notebook or a text, or nothing (None), in place of what was there."""
        folder = self.folder / "submitted" / student / "tiny"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if content is not None:
            text = nbformat.writes(content) if isinstance(content, nbformat.NotebookNode) else content
            (folder / name).write_text(text, encoding="utf-8")
        if when is not None:
            (folder / "timestamp.txt").write_text(when + "\n")
        return folder

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}")

    def points(self, student: str) -> dict[str, float | None]:
        """Automatic points, part by part, as they stand in nbgrader's gradebook."""
        with self.gradebook() as book:
            submission = book.find_submission("tiny", student)
            return {grade.name: grade.auto_score for book_ in submission.notebooks for grade in book_.grades}

    def autograded(self, student: str) -> nbformat.NotebookNode:
        return nbformat.read(self.folder / "autograded" / student / "tiny" / "tiny.ipynb", as_version=4)

    def outputs(self, student: str, grade_id: str) -> str:
        """All that is shown below one cell of the autograded notebook."""
        cells = self.autograded(student).cells
        (cell,) = (one for one in cells if one.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
        return "".join("".join(out.get("traceback", [out.get("text", "")])) for out in cell.outputs)


@pytest.fixture(scope="module")
def empty_course(tmp_path_factory, course, tiny, key, fill, sandboxing):
    """A course as `autograder nbgrader-course` makes it. Shared: copy it before writing."""
    if sandboxing:
        pytest.skip("there is no sandbox here")
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    assert cli.main(["--course", str(course.root), "nbgrader-course", str(folder)]) == 0
    handed_out = nbformat.read(folder / "release" / "tiny" / "tiny.ipynb", as_version=4)
    return CourseFolder(folder, handed_out, key, fill)


@pytest.fixture
def small(empty_course, tmp_path) -> CourseFolder:
    """A course of this test's own."""
    folder = tmp_path / "course"
    shutil.copytree(empty_course.folder, folder)
    return CourseFolder(folder, empty_course.handed_out, empty_course.key, empty_course.fill)


@pytest.fixture(scope="module")
def graded(tmp_path_factory, empty_course, at):
    """A class of honest, odd, broken and hostile submissions, graded by `nbgrader autograde`, feedback generated."""
    folder = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(empty_course.folder, folder)
    these = CourseFolder(folder, empty_course.handed_out, empty_course.key, empty_course.fill)

    noisy = these.notebook(double=NOISY)
    noisy.cells.insert(1, nbformat.v4.new_code_cell("1 / 0"))
    noisy.cells.insert(1, nbformat.v4.new_markdown_cell("Mine: <script>alert('prose')</script> ``` and `code`"))
    noisy.cells.insert(1, nbformat.v4.new_raw_cell("<script>alert('raw')</script>"))
    outside = tmp_path_factory.mktemp("elsewhere") / "grades.txt"
    outside.write_text("not for you")
    (these.hand_in("s-001", noisy) / "notes.txt").symlink_to(outside)
    these.hand_in("s-002", these.notebook(double="def double(x):\n    return x**2"))
    these.hand_in("s-003", '{"nbformat": 4, "cel')
    these.hand_in("s-004", None)
    these.hand_in("s-005", these.notebook(), name="my answers.ipynb")

    duplicated = these.notebook()
    for grade_id in ("double", "double_visible", "double_hidden"):
        cell = duplicated.cells[at(duplicated, grade_id)]
        duplicated.cells.append(nbformat.from_dict({**cell, "id": f"again-{grade_id}".replace("_", "-")}))
    these.hand_in("s-006", duplicated)

    forged = these.notebook(double="def double(x):\n    return 0")
    for cell in forged.cells:
        cell.metadata["tags"] = ["skip-execution"]
    forged.cells[at(forged, "double_hidden")].source = "pass"
    forged.cells[at(forged, "Stack_hidden")].metadata.nbgrader["points"] = 100
    forged.cells.insert(0, nbformat.v4.new_code_cell("import os; os._exit(0)"))
    unknown = nbformat.v4.new_code_cell("print('mine')")
    unknown.metadata["nbgrader"] = {
        "grade": True, "grade_id": "bonus", "points": 50, "locked": True, "solution": False,
        "schema_version": 3, "task": False,
    }  # fmt: skip
    forged.cells.append(unknown)
    these.hand_in("s-007", forged)

    unanswered = these.notebook()
    del unanswered.cells[at(unanswered, "Stack")]
    these.hand_in("s-008", unanswered, when="the day before yesterday")
    these.hand_in("s[9]", these.notebook(), when=None)
    these.hand_in("two\nlines", these.notebook())
    these.run = nbgrader(folder, "autograde", "tiny")
    these.feedback = nbgrader(folder, "generate_feedback", "tiny")
    return these


# --- grading ---------------------------------------------------------------------------------------------------------

WRONG_DOUBLE = {**FULL, "double_visible": 0.0, "double_hidden": 0.0}
EXPECTED = {
    "s-001": FULL,  # NumPy's warnings, prints, stderr, an error in a cell of one's own: nothing costs a point
    "s-002": {**FULL, "double_hidden": 0.0},
    "s-003": NOTHING,
    "s-004": NOTHING,
    "s-005": FULL,
    "s-006": FULL,
    "s-007": WRONG_DOUBLE,
    "s-008": {**FULL, "Stack_hidden": 0.0},
    "s[9]": FULL,
}


@pytest.mark.slow
def test_every_submission_is_graded_whatever_the_others_are(graded):
    assert graded.run.returncode == 0, graded.run.stderr
    assert {student: graded.points(student) for student in EXPECTED} == EXPECTED
    assert sorted(path.name for path in (graded.folder / "autograded").iterdir()) == sorted(EXPECTED)
    assert "two\\nlines" in graded.run.stderr and "rename it" in graded.run.stderr


@pytest.mark.slow
def test_autograded_notebooks_show_what_was_printed_and_why_points_were_lost(graded):
    assert graded.outputs("s-001", "double").startswith("loaded\na warning of mine\n")
    assert any("ZeroDivisionError" in json.dumps(cell.get("outputs", "")) for cell in graded.autograded("s-001").cells)
    assert graded.outputs("s-001", "double_hidden") == ""
    told = graded.outputs("s-002", "double_hidden")
    assert "You square x." in told and "Known mistake: squares" in told
    assert "AssertionError: two and two make four" in graded.outputs("s-007", "double_visible")
    assert "Not answered yet." in graded.outputs("s-008", "Stack_hidden")
    assert "two and two" not in graded.outputs("s-007", "double_hidden")
    for cell in graded.autograded("s-003").cells[:1] + graded.autograded("s-004").cells[:1]:
        assert "could not be read" in cell.source


@pytest.mark.slow
def test_the_autograded_notebook_is_the_masters_with_the_students_answers(graded, tiny):
    notebook = graded.autograded("s-007")
    nbformat.validate(notebook)
    settings = {
        cell.metadata.nbgrader["grade_id"]: dict(cell.metadata.nbgrader)
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    wanted = {
        cell.metadata.nbgrader["grade_id"]: dict(cell.metadata.nbgrader)
        for cell in tiny.notebook().cells
        if "nbgrader" in cell.metadata
    }
    assert settings == wanted
    sources = [cell.source for cell in notebook.cells]
    assert set(cell.source for cell in tiny.cells if cell.cell_type == "markdown") <= set(sources)
    assert "def double(x):\n    return 0" in sources
    ids = [
        cell.metadata.nbgrader["grade_id"] for cell in graded.autograded("s-008").cells if cell.metadata.get("nbgrader")
    ]
    assert ids == list(wanted), "a missing answer has its place all the same"


@pytest.mark.slow
def test_no_hidden_test_comes_out(graded):
    assert graded.feedback.returncode == 0, graded.feedback.stderr
    pages = list((graded.folder / "feedback").rglob("*.html"))
    assert len(pages) == len(EXPECTED) - 1  # nbgrader's own command passes over a name with a bracket
    for path in [*pages, *(graded.folder / "autograded").rglob("*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in HIDDEN if word in text], path
        assert "called with" not in text, f"{path}: what a function prints may quote a hidden test"
    page = next(path for path in pages if "s-002" in path.parts).read_text(encoding="utf-8")
    assert "You square x." in page and "Score: 3.0 / 5.0" in page


@pytest.mark.slow
def test_nothing_of_a_students_runs_in_the_browser_of_who_reads_it(graded):
    for path in [*(graded.folder / "feedback").rglob("*.html")]:
        assert "<script>alert" not in path.read_text(encoding="utf-8")
    notebook = graded.autograded("s-001")
    assert {cell.cell_type for cell in notebook.cells} == {"code", "markdown"}
    typed = next(cell.source for cell in notebook.cells if "alert('prose')" in cell.source)
    assert typed.startswith("````text\n") and typed.endswith("\n````")
    assert {out.output_type for cell in notebook.cells for out in cell.get("outputs", [])} == {"stream", "error"}


@pytest.mark.slow
def test_links_are_not_followed(graded):
    beside = {path.name for path in (graded.folder / "autograded" / "s-001" / "tiny").iterdir()}
    assert beside == {"tiny.ipynb", "table.txt", "timestamp.txt"}
    assert "not for you" not in "".join(
        path.read_text(encoding="utf-8") for path in (graded.folder / "autograded" / "s-001").rglob("*.*")
    )


# --- grading again ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_regrade_replaces_scores_and_keeps_what_a_person_wrote(small):
    wrong = small.notebook(double="def double(x):\n    return x**2")
    small.hand_in("s-001", wrong)
    for student in ("s-002", "s-003", "s-004", "s-005"):
        small.hand_in(student, small.notebook())
    assert nbgrader(small.folder, "autograde", "tiny").returncode == 0
    assert small.points("s-002") == small.points("s-003") == small.points("s-005") == FULL
    with small.gradebook() as book:
        grade = book.find_grade("double_hidden", "tiny", "tiny", "s-001")
        grade.manual_score, grade.extra_credit = 1.5, 0.25
        book.find_comment("double", "tiny", "tiny", "s-001").manual_comment = "nearly"
        book.db.commit()

    later = "2026-11-21 12:00:00 UTC"
    small.hand_in("s-001", wrong, when=later)
    small.hand_in("s-002", '{"nbformat": 4', when=later)
    small.hand_in("s-003", None, when=later)
    small.hand_in("s-004", small.notebook(double="import os; os._exit(1)"), when=later)
    untouched = small.folder / "autograded" / "s-005"
    before = {path: path.stat().st_mtime_ns for path in untouched.rglob("*")}
    done = nbgrader(small.folder, "autograde", "tiny")
    assert done.returncode == 0, done.stderr
    assert small.points("s-002") == small.points("s-003") == NOTHING
    assert small.points("s-004") == WRONG_DOUBLE
    assert {path: path.stat().st_mtime_ns for path in untouched.rglob("*")} == before, "as nbgrader: only what is newer"
    with small.gradebook() as book:
        grade = book.find_grade("double_hidden", "tiny", "tiny", "s-001")
        assert (grade.auto_score, grade.score, grade.needs_manual_grade) == (0.0, 1.75, True)
        assert book.find_comment("double", "tiny", "tiny", "s-001").comment == "nearly"
        assert book.find_submission("tiny", "s-001").timestamp.day == 21

    assert nbgrader(small.folder, "autograde", "tiny", "--force", "--student", "s-001").returncode == 0
    with small.gradebook() as book:
        assert book.find_grade("double_hidden", "tiny", "tiny", "s-001").score == 1.75


@pytest.mark.slow
def test_killed_and_started_again_everyone_is_graded(small):
    students = [f"s-{number:03d}" for number in range(1, 21)]
    for student in students:
        small.hand_in(student, small.notebook())
    running = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", "autograde", "tiny"], cwd=small.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(small.folder.glob("autograded/*/tiny"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert 0 < len(list(small.folder.glob("autograded/*/tiny"))) < len(students)
    assert nbgrader(small.folder, "autograde", "tiny").returncode == 0
    assert [small.points(student) for student in students] == [FULL] * len(students)
    assert all(small.autograded(student).cells for student in students)


# --- refusing --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_sandbox_nothing_is_run(small):
    small.hand_in("s-001", small.notebook(double="open('/tmp/it-ran', 'w')"))
    before = (small.folder / "gradebook.db").read_bytes()
    done = nbgrader(small.folder, "autograde", "tiny", PATH=str(Path(sys.executable).parent))
    assert done.returncode == 1
    assert "sudo apt-get install bubblewrap" in done.stderr
    assert not (small.folder / "autograded").exists() and not Path("/tmp/it-ran").exists()
    assert (small.folder / "gradebook.db").read_bytes() == before


def convert(small: CourseFolder, name: str = "tiny", **settings) -> converter.EngineAutograde:
    """The converter as nbgrader's commands make it from the course's settings, in this process."""
    config = Config()
    runpy.run_path(str(small.folder / "nbgrader_config.py"), {"get_config": lambda: config})
    config.CourseDirectory.assignment_id = name
    config.EngineAutograde.update(settings)
    return converter.EngineAutograde(coursedir=CourseDirectory(config=config), config=config)


@pytest.fixture
def stock_restored(monkeypatch):
    """`use_engine` puts our class into nbgrader's modules; take it out again."""
    import nbgrader.apps.api
    import nbgrader.apps.autogradeapp
    import nbgrader.converters

    for module in (nbgrader.converters, nbgrader.apps.autogradeapp, nbgrader.apps.api):
        monkeypatch.setattr(module, "Autograde", module.Autograde)


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_an_assignment_without_a_master_is_refused_unless_the_danger_is_named(small):
    with pytest.raises(NbGraderException, match=r"unknown chapter 'essay'.*dangerously_without_sandbox = \['essay'\]"):
        convert(small, "essay").start()
    with pytest.raises(NbGraderException, match="No notebooks were matched"):  # nbgrader's own words
        convert(small, "essay", dangerously_without_sandbox=["essay"]).start()


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_a_source_that_is_not_the_masters_is_refused(small, course):
    small.hand_in("s-001", small.notebook())
    path = small.folder / "source" / "tiny" / "tiny.ipynb"
    path.write_text(path.read_text().replace("two and two make four", "easy"))
    with pytest.raises(NbGraderException, match=r"The master decides.*autograder nbgrader-course .* tiny"):
        convert(small).start()
    assert cli.main(["--course", str(course.root), "nbgrader-course", str(small.folder)]) == 0
    assert "easy" in (small.folder / "source" / "tiny.ipynb.old").read_text(), "someone's changes are not lost"
    convert(small).start()
    assert small.points("s-001") == FULL


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_another_gradebook_than_the_courses_is_refused(small, tmp_path):
    small.hand_in("s-001", small.notebook())
    elsewhere = convert(small)
    elsewhere.coursedir.db_url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    with pytest.raises(NbGraderException, match=r"elsewhere\.db, and the course's is .*Leave out --db"):
        elsewhere.start()
    assert not (small.folder / "autograded").exists() and not (tmp_path / "elsewhere.db").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_the_gradebook_is_opened_a_few_times_a_batch_not_nine_times_a_submission(small, monkeypatch):
    opened = []
    original = Gradebook.__init__
    monkeypatch.setattr(Gradebook, "__init__", lambda self, *a, **k: opened.append(a) or original(self, *a, **k))
    small.hand_in("s-000", small.notebook())
    convert(small).start()
    for_one = len(opened)
    for number in range(1, 6):
        small.hand_in(f"s-{number:03d}", small.notebook())
    convert(small).start()
    assert small.points("s-005") == FULL
    assert len(opened) - for_one - 1 == for_one, "one more is this test's own"


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_a_submission_without_a_verdict_keeps_no_old_score_and_stops_nobody(small, monkeypatch):
    for student in ("s-001", "s-002"):
        small.hand_in(student, small.notebook())
    convert(small).start()
    execute = converter.grade.execute

    def harmed(assignment, folder, student):
        if student == "s-001":
            return converter.grade._refused(assignment, student, RuntimeError("it ended")), None
        return execute(assignment, folder, student)

    monkeypatch.setattr(converter.grade, "execute", harmed)
    again = convert(small)
    again.force = True
    with pytest.raises(NbGraderException):
        again.start()
    assert small.points("s-001") == dict.fromkeys(FULL) and small.points("s-002") == FULL
    with small.gradebook() as book:
        assert book.find_submission("tiny", "s-001").score == 0.0
        assert book.find_submission("tiny", "s-001").needs_manual_grade
    assert not (small.folder / "autograded" / "s-001" / "tiny").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("stock_restored")
def test_students_who_are_not_enrolled(small):
    small.hand_in("s-001", small.notebook())
    one = convert(small)
    one.create_student = False
    with pytest.raises(NbGraderException):
        one.start()
    assert not (small.folder / "autograded").exists()


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_settings_of_a_course(small, monkeypatch):
    path = small.folder / "nbgrader_config.py"
    monkeypatch.setitem(sys.modules, "autograder.converter", None)  # as where the package is not installed
    with pytest.raises(SystemExit, match="pip install -e"):
        runpy.run_path(str(path), {"get_config": Config})


@pytest.mark.usefixtures("stock_restored")
def test_settings_are_written_once_and_others_stay(tmp_path, course, capsys):
    folder = tmp_path / "new" / "course"
    assert converter.settle(folder, course)
    config = Config()
    runpy.run_path(str(folder / "nbgrader_config.py"), {"get_config": lambda: config})
    assert config.CourseDirectory.root == str(folder) and config.EngineAutograde.course == str(course.root)
    mine = folder / "nbgrader_config.py"
    mine.write_text("c = get_config()\nc.CourseDirectory.course_id = 'mine'\n")
    assert not converter.settle(folder, course)
    assert "'mine'" in mine.read_text() and "use_engine" not in mine.read_text()


@pytest.mark.usefixtures("stock_restored")
def test_courses_that_do_not_ask_for_the_engine_have_nbgraders_own(tmp_path):
    converter.use_engine(Config(), tmp_path)
    config = Config()  # another course's, in the same Jupyter server
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.assignment_id = "tiny"
    one = converter.EngineAutograde(coursedir=CourseDirectory(config=config), config=config)
    with pytest.raises(NbGraderException, match="No notebooks were matched"):
        one.start()
    assert one.assignment is None


# --- what is shown, without running anything -------------------------------------------------------------------------


def test_text_is_shown_as_typed_whatever_is_in_it():
    assert converter._as_typed("a `b` ```` c") == "`````text\na `b` ```` c\n`````"


def test_a_verdict_is_told_in_words(assignment: Assignment):
    one = SimpleNamespace(outcome="failed", message="You square x. (…)", diagnosis="squares")
    (told,) = converter._told(one)
    assert told.evalue == "You square x. (…)\nKnown mistake: squares" and told.ename == "failed"
    assert converter._told(SimpleNamespace(outcome="passed", message=None, diagnosis=None)) == []
