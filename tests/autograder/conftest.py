"""A tiny course of our own, so that these tests do not depend on what the real chapters say."""

import copy
import itertools
import json
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psycopg
import pytest
import sqlalchemy
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SourceCell,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder import batch, cli, master, record
from autograder.course import Course
from autograder.engine.sandbox import SandboxError
from autograder.record import Record
from autograder.verdict import Assignment, CellResult, Result

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

"""


def meta(**settings) -> str:
    return "nbgrader=" + json.dumps({"schema_version": 3, **settings})


def solution(name: str) -> str:
    return "# %% " + meta(grade=False, grade_id=name, locked=False, solution=True)


def test(name: str, points=1) -> str:
    return "# %% " + meta(grade=True, grade_id=name, locked=True, solution=False, points=points)


test.__test__ = False  # pytest: not a test

TINY = f'''{HEADER}# %% [markdown]
"""
# Tiny

Three small parts.
"""

# %%
import numpy as np

{solution("double")}
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    twice_of_the_number = x + x
    return twice_of_the_number
    ### END SOLUTION


{test("double_visible", 1)}
assert double(2) == 4, "two and two make four"

{test("double_hidden", 2)}
### BEGIN HIDDEN TESTS
assert double(-3.5) == -7.0, "the secret input is minus three and a half"
assert np.array_equal(double(np.ones(2)), np.full(2, 2.0))
### END HIDDEN TESTS

# %% [markdown]
"""
A file lies beside this notebook.
"""

{solution("first_number")}
def first_number():
    """The number in table.txt."""
    ### BEGIN SOLUTION
    with open("table.txt") as file:
        return float(file.read())
    ### END SOLUTION


{test("first_number_visible", 0.5)}
assert first_number() == 17.0

# %% tags=["showcase"]
raise RuntimeError("a showcase cell ran")

{solution("Stack")}
class Stack:
    """What came last leaves first."""

    def __init__(self):
        """An empty stack."""
        ### BEGIN SOLUTION
        self.things = []
        ### END SOLUTION

    def push(self, thing):
        """Put one thing on top."""
        ### BEGIN SOLUTION
        self.things.append(thing)
        ### END SOLUTION

    def pop(self):
        """Take the top thing off."""
        ### BEGIN SOLUTION
        return self.things.pop()
        ### END SOLUTION


{test("Stack_hidden", 1.5)}
### BEGIN HIDDEN TESTS
pile = Stack()
pile.push("concealed-first")
pile.push("concealed-second")
assert pile.pop() == "concealed-second"
### END HIDDEN TESTS
'''

MISTAKES = """\
from autograder.bank import Bank

bank = Bank("tiny")


@bank.mistake("squares", says="You square x.", fails=["double_hidden"])
def double(x):
    return x**2


@bank.mistake(
    "adds-three",
    says="You add three.",
    fails=[
        "double_visible",
        "double_hidden",
    ],
    reference="Example (2020)",
)
def double(x):
    return x + 3


@bank.variation("multiplies")
def double(x):
    return 2 * x


@bank.mistake("zero", says="You give zero.", fails=["first_number_visible"])
def first_number():
    return 0.0
"""


@pytest.fixture
def make_course(tmp_path):
    """`make_course(master=..., mistakes=..., data=..., chapter=...)` writes a course below tmp_path."""

    def make(master=TINY, mistakes=MISTAKES, data=None, chapter="tiny", root=tmp_path / "course") -> Course:
        return write_course(root, master, mistakes, {"table.txt": "17\n"} if data is None else data, chapter)

    return make


def write_course(root: Path, master: str, mistakes: str | None, data: dict, chapter: str = "tiny") -> Course:
    folder = root / "solutions" / chapter
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{chapter}.py").write_text(master, encoding="utf-8")
    if mistakes is not None:
        (folder / "mistakes.py").write_text(mistakes, encoding="utf-8")
    for name, text in data.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Course(root)


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Course:
    """The tiny course, with a hand-out that looks like nbgrader's. Shared: never write to it."""
    course = write_course(tmp_path_factory.mktemp("tiny"), TINY, MISTAKES, {"table.txt": "17\n"})
    write_handout(course)
    return course


def write_handout(course: Course, chapter: str = "tiny") -> None:
    folder = course.exercises / chapter
    folder.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(hand_out(master.read(course.master(chapter))))
    (folder / f"{chapter}.ipynb").write_text(text + "\n", encoding="utf-8")


def hand_out(tiny: master.Master) -> nbformat.NotebookNode:
    notebook = tiny.notebook()
    for made, cell in zip(notebook.cells, tiny.cells, strict=True):
        made.source = cell.stub
    return notebook


@pytest.fixture(scope="session")
def tiny(course) -> master.Master:
    return master.read(course.master("tiny"))


@pytest.fixture(scope="session")
def assignment(course) -> Assignment:
    return Assignment.load(course, "tiny")


@pytest.fixture
def handed_out(tiny) -> nbformat.NotebookNode:
    """The notebook that a student downloads; a fresh one for each test, to be changed at will."""
    return copy.deepcopy(hand_out(tiny))


@pytest.fixture(scope="session")
def key(tiny) -> dict[str, str]:
    """The answer key: the right source for each part."""
    return {part.name: master.answer(part) for part in tiny.parts}


@pytest.fixture(scope="session")
def at():
    """`at(notebook, grade_id)` is the index of that cell."""

    def find(notebook: nbformat.NotebookNode, grade_id: str) -> int:
        ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
        return ids.index(grade_id)

    return find


@pytest.fixture(scope="session")
def fill(at):
    """`fill(notebook, {"double": "def double…"})` writes answers into a notebook and returns it."""

    def write(notebook: nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
        for name, source in answers.items():
            notebook.cells[at(notebook, name)].source = source
        return notebook

    return write


@pytest.fixture
def hand_in(tmp_path):
    """`hand_in(notebook or text or bytes)` gives a student's folder with `tiny.ipynb` in it."""

    def write(content, student="s-001", name="tiny.ipynb", root=tmp_path / "class") -> Path:
        folder = root / "submitted" / student / "tiny"
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(content, nbformat.NotebookNode):
            content = nbformat.writes(content)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture(scope="session")
def result():
    """`result("s-001", double_hidden=0.0, ...)`: a graded Result by hand; what is not named passed."""
    full = {"double_visible": 1.0, "double_hidden": 2.0, "first_number_visible": 0.5, "Stack_hidden": 1.5}

    def make(student="s-001", status="graded", reason=None, outcomes=None, messages=None, notes=(), **points) -> Result:
        assert points.keys() <= full.keys()
        outcomes, messages = outcomes or {}, messages or {}
        if status != "graded":
            points = dict.fromkeys(full, 0.0)
        cells = tuple(
            CellResult(
                name,
                points.get(name, most),
                most,
                outcomes.get(name, "passed" if points.get(name, most) == most else "failed"),
                messages.get(name),
            )
            for name, most in full.items()
        )
        return Result(
            "tiny", student, status, sum(c.points for c in cells), 5.0, 0.1, 20261122, reason, cells, tuple(notes)
        )

    return make


@pytest.fixture(scope="session")
def sandboxing() -> list[str]:
    """What to add to `autograder grade` here: nothing, or the flag to do without where there is no sandbox."""
    try:
        cli.sandbox.check()
    except SandboxError:
        return ["--dangerously-without-sandbox"]
    return []


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory, sandboxing) -> SimpleNamespace:
    """The whole way, once, with real student code: release, simulate 8 students (the last one's file broken), grade."""
    root = tmp_path_factory.mktemp("whole")
    course = write_course(root / "course", TINY, MISTAKES, {"table.txt": "17\n"})
    folder = root / "class"
    prefix = ["--course", str(course.root)]
    codes = SimpleNamespace()
    codes.release = cli.main([*prefix, "release"])
    simulating = ["simulate", "--students", "8", "--seed", "5", "--broken", "1", "--out", str(folder)]
    codes.simulate = cli.main([*prefix, *simulating])
    untouched = snapshot(folder / "submitted")
    codes.grade = cli.main([*prefix, "grade", str(folder), "--workers", "2", *sandboxing])
    return SimpleNamespace(
        course=course, folder=folder, prefix=prefix, codes=codes, untouched=untouched, sandboxing=sandboxing
    )


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory, course) -> Path:
    """A class folder as `Record` leaves it, gradebook without students included; nbgrader takes seconds for it."""
    folder = tmp_path_factory.mktemp("prepared")
    with Record(folder, course, {"tiny": Assignment.load(course, "tiny")}):
        pass
    return folder


@pytest.fixture
def class_folder(_prepared, tmp_path) -> Path:
    """A class folder of this test's own, in which `Record` finds nbgrader's part done."""
    folder = tmp_path / "class"
    shutil.copytree(_prepared, folder, dirs_exist_ok=True)
    return folder


class Server:
    """A PostgreSQL server of our own on the loopback, and its databases. It refuses to run as root."""

    def __init__(self, folder: Path):
        found = [shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
        programs = [Path(path).resolve().parent for path in found if path]
        if not programs:
            pytest.fail("no PostgreSQL found; install it with: sudo apt-get install postgresql")
        self.programs, self.folder = programs[-1], folder
        self.user = {}
        if os.getuid() == 0:
            name = next(name for name in ("postgres", "nobody") if name in {one.pw_name for one in pwd.getpwall()})
            self.user = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
            shutil.chown(folder, name)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self._call("initdb", "-D", folder / "data", "-U", "grader", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        self.start()
        self._prepared = itertools.count()

    def start(self) -> None:
        options = (
            f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        )
        self._call("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o", options, "start")

    @property
    def stopping(self) -> str:
        """The shell command that stops the server at once, as a failing machine does."""
        return shlex.join(map(str, [self.programs / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop"]))

    def stop(self) -> None:
        subprocess.run(self.stopping, shell=True, check=False, capture_output=True, **self.user, cwd="/")

    def database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of another one."""
        name = f"class{next(self._prepared)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql://grader@127.0.0.1:{self.port}/{name}"

    def _call(self, program: str, *arguments) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], capture_output=True, text=True, check=False, cwd="/", **self.user
        )
        if done.returncode:
            pytest.fail(f"{program}: {done.stderr or done.stdout}")


@pytest.fixture(scope="session")
def postgres():
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _prepared_database(postgres, course, tmp_path_factory) -> str:
    """The name of a PostgreSQL database as `Record` leaves it, without students."""
    url = postgres.database()
    with Record(tmp_path_factory.mktemp("prepared"), course, {"tiny": Assignment.load(course, "tiny")}, url):
        pass
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request, class_folder) -> str:
    """The URL of this test's gradebook, in which nbgrader's part is done; once for each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{class_folder}/gradebook.db"
    return request.getfixturevalue("postgres").database(request.getfixturevalue("_prepared_database"))


@pytest.fixture(scope="session")
def contents():
    """`contents(url)`: all that a gradebook says, without the ids that nbgrader draws at random."""
    return _contents


def _contents(url: str) -> dict:
    with Gradebook(record.database(Path("/nonexistent"), url)[0]) as book:
        found = {"students": sorted((s.id, s.last_name, s.first_name, s.email, s.lms_user_id) for s in book.students)}
        for a in book.assignments:
            cells = [(c.name, c.cell_type, c.source, c.locked) for n in a.notebooks for c in n.source_cells]
            grade_cells = [(c.name, c.max_score) for n in a.notebooks for c in n.grade_cells]
            found[a.name] = (a.duedate, sorted(cells), sorted(grade_cells))
            for one in a.submissions:
                (notebook,) = one.notebooks
                found[a.name, one.student_id] = (
                    one.timestamp, one.score, one.needs_manual_grade,
                    notebook.late_submission_penalty, notebook.flagged,
                    sorted((g.name, g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades),
                    sorted((c.name, c.auto_comment or "", c.manual_comment or "") for c in notebook.comments),
                )  # fmt: skip
        # nothing that belongs to nobody, and the version that nbgrader's own tools look for
        found["rows"] = {
            table.__tablename__: book.db.query(table).count()
            for table in (Notebook, BaseCell, SourceCell, SubmittedAssignment, SubmittedNotebook, Grade, Comment)
        }
        found["version"] = book.db.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).all()
    return found


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def bytes_below():
    """`bytes_below(folder)`: every file below it and what is in it."""
    return snapshot


class Threads:
    """Workers that are threads of this process and grade with a function of the test's own."""

    def __init__(self, assignments, grade):
        self.assignments, self.grade = assignments, grade

    def __enter__(self):
        self.executor = ThreadPoolExecutor(2)
        return self

    def __exit__(self, *error):
        self.executor.shutdown(cancel_futures=True)

    def width(self):
        return 4

    def submit(self, one):
        return self.executor.submit(lambda: (self.grade(self.assignments[one.assignment], None, one.student), "{}"))

    def renew(self):
        raise AssertionError("a thread is not lost")


@pytest.fixture(scope="session")
def threads():
    """`threads(assignments, grade)`: workers for `batch.run`, see Threads."""
    return Threads


@pytest.fixture
def in_threads(monkeypatch):
    """Batches run in this process, so that a test can put its own function in the place of `grade`."""

    def use(grade) -> None:
        monkeypatch.setattr(cli.sandbox, "check", lambda: None)
        monkeypatch.setattr(batch, "LocalWorkers", lambda assignments, workers=None: Threads(assignments, grade))

    return use


@pytest.fixture(scope="session")
def percent():
    """Pieces to build a master from, line by line: `percent.solution("f")`, `percent.test("f_hidden", points)`."""
    return SimpleNamespace(header=HEADER, tiny=TINY, mistakes=MISTAKES, solution=solution, test=test, meta=meta)
