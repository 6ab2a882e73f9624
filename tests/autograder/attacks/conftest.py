"""An exercise with one part for each way in which a value can cross, and what it takes to attack its grader.

An attack is a row of a table: what it tries, and the answers that try it. The other parts are answered rightly, and
must keep their points. `_build/attacks.md` is written from what came out.
"""

import itertools
import json
import logging
import time
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder import grade as grading
from autograder.course import ROOT, Course
from autograder.engine.sandbox import Limits
from autograder.master import answer
from autograder.release import generate
from autograder.verdict import Assignment

SECRETS = ("0.8125", "hidden-marker")  # stand in hidden tests, and nowhere else

EXERCISE = {
    "mean": (
        """
def mean(values):
    ### BEGIN SOLUTION
    return sum(values) / len(values)
    ### END SOLUTION
""",
        """
found = mean([1.0, 2.0, 6.0])
assert isinstance(found, float), f"expected a float, found {type(found).__name__}"
np.testing.assert_allclose(found, 3.0)
""",
        """
marker, expected = "hidden-marker", 0.8125
assert all(map(lambda one: mean(one[0]) == one[1], (([0.8125, 0.8125], expected), ([4.0], 4.0), ([1.0, 2.0], 1.5))))
assert np.allclose(mean([0.5, 1.5]), 1.0) and not np.allclose(mean([3.0]), 1.0)
assert abs(mean([2.5, 3.5]) - 3.0) < 1e-9
""",
    ),
    "scaled": (
        """
def scaled(w, factor):
    ### BEGIN SOLUTION
    return w * factor
    ### END SOLUTION
""",
        """
w = np.array([1.0, -2.0])
np.testing.assert_allclose(scaled(w, 3.0), [3.0, -6.0])
assert np.array_equal(w, [1.0, -2.0]), "w was changed"
assert np.array_equal(scaled(np.array([True, False]), True), [True, False])
""",
        """
rng = np.random.default_rng(7)
for n in (1, 4, 9):
    w = rng.standard_normal(n)
    before = w.copy()
    found = scaled(w, 0.8125)
    assert type(found) is np.ndarray and found.shape == (n,)
    np.testing.assert_allclose(found, [0.8125 * one for one in before])
    assert np.array_equal(w, before)
""",
    ),
    "slope": (
        """
def slope(f, x):
    ### BEGIN SOLUTION
    return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    ### END SOLUTION
""",
        """
key = "hidden-from-students"
assert abs(slope(lambda x: x * x, 3.0) - 6.0) < 1e-6
""",
        """
asked = []

def curve(x):
    asked.append(x)
    return 0.8125 * x**3

np.testing.assert_allclose(slope(curve, 2.0), 0.8125 * 12, rtol=1e-6)
assert 1 <= len(asked) <= 4 and all(abs(x - 2.0) < 0.1 for x in asked)
""",
    ),
    "noisy": (
        """
def noisy(w, rng):
    ### BEGIN SOLUTION
    return w + rng.standard_normal(w.shape)
    ### END SOLUTION
""",
        """
np.testing.assert_allclose(noisy(np.zeros(2), np.random.default_rng(1)), np.random.default_rng(1).standard_normal(2))
""",
        """
rng, twin = np.random.default_rng(8125), np.random.default_rng(8125)
for _ in range(3):
    w = rng.standard_normal(3)
    np.testing.assert_array_equal(w, twin.standard_normal(3))
    np.testing.assert_allclose(noisy(w, rng), w + twin.standard_normal(3))
""",
    ),
    "batches": (
        """
def batches(X, size):
    ### BEGIN SOLUTION
    for start in range(0, len(X), size):
        yield X[start : start + size]
    ### END SOLUTION
""",
        """
X = np.arange(5.0)
assert [len(one) for one in batches(X, 2)] == [2, 2, 1]
assert np.array_equal(X, np.arange(5.0)), "X was changed"
""",
        """
X = np.arange(7.0) + 0.8125
found = list(batches(X, 3))
assert np.array_equal(X, np.arange(7.0) + 0.8125)
assert len(found) == 3 and np.array_equal(np.concatenate(found), X)
""",
    ),
    "Vector": (
        """
class Vector:
    def __init__(self, x, y):
        ### BEGIN SOLUTION
        self.x, self.y = float(x), float(y)
        ### END SOLUTION

    def __add__(self, other):
        ### BEGIN SOLUTION
        return Vector(self.x + other.x, self.y + other.y)
        ### END SOLUTION

    def __eq__(self, other):
        ### BEGIN SOLUTION
        return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)
        ### END SOLUTION

    def __len__(self):
        ### BEGIN SOLUTION
        return 2
        ### END SOLUTION

    def norm(self):
        ### BEGIN SOLUTION
        return (self.x**2 + self.y**2) ** 0.5
        ### END SOLUTION
""",
        """
v = Vector(3, 4)
assert isinstance(v, Vector) and len(v) == 2
assert v.x == 3.0 and v.norm() == 5.0, "x, and the norm of (3, 4)"
total = v + Vector(1, 1)
assert isinstance(total, Vector) and total.x == 4.0
""",
        """
v = Vector(0.8125, -2)
assert v.x == 0.8125 and v.y == -2.0 and Vector(6, 8).norm() == 10.0
assert v == Vector(0.8125, -2) and not v == Vector(1, 1)
total = v + v
assert total.x == 1.625 and (total + v).y == -6.0 and v.x == 0.8125
""",
    ),
    "root": (
        """
def root(x):
    ### BEGIN SOLUTION
    if x < 0:
        raise ValueError("x is negative")
    return x**0.5
    ### END SOLUTION
""",
        """
assert root(9.0) == 3.0
""",
        """
assert root(0.8125**2) == 0.8125
try:
    root(-1.0)
except ValueError:
    pass
else:
    raise AssertionError("no error for a negative number")
""",
    ),
}
WRONG = {name: f"def {name}(*args):\n    return 'wrong'" for name in EXERCISE}


@pytest.fixture(scope="package")
def exercise(tmp_path_factory, percent) -> Assignment:
    """Seven parts, each with a visible test and a hidden one, a point each."""
    cells = [percent.header + '# %% [markdown]\n"""\n# Exercise\n"""\n\n# %%\nimport numpy as np\n']
    for name, (source, visible, hidden) in EXERCISE.items():
        hidden = f"### BEGIN HIDDEN TESTS\n{hidden.strip()}\n### END HIDDEN TESTS\n"
        cells += [
            f"{percent.solution(name)}\n{source.strip()}\n\n",
            f"{percent.test(name + '_visible')}\n{visible.strip()}\n",
        ]
        cells.append(f"{percent.test(name + '_hidden')}\n{hidden}")
    root = tmp_path_factory.mktemp("attacked")
    folder = root / "course" / "solutions" / "exercise"
    folder.mkdir(parents=True)
    (folder / "exercise.py").write_text("\n".join(cells), encoding="utf-8")
    (folder / "numbers.txt").write_text("1 2 3\n")
    return Assignment.load(Course(root / "course"), "exercise")


@pytest.fixture(scope="package")
def nbgrader_course(exercise, tmp_path_factory) -> Path:
    """A course folder of nbgrader's, with the exercise released."""
    folder = tmp_path_factory.mktemp("nbgrader")
    generate(Course(exercise.master.path.parents[2]), exercise.master, folder)
    return folder


@pytest.fixture(scope="package")
def honest(exercise, nbgrader_course):
    """`honest(mean="def mean…")`: the released notebook with everything answered rightly but what is named."""
    released = (nbgrader_course / "release" / "exercise" / "exercise.ipynb").read_text()

    def make(**answers) -> nbformat.NotebookNode:
        notebook = nbformat.reads(released, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in EXERCISE:
                cell.source = answers.get(name) or answer(exercise.master.part(name))
        return notebook

    return make


@pytest.fixture(scope="package")
def stock(nbgrader_course):
    """`stock(name, notebook)`: points by graded cell that `nbgrader autograde` gives, as installed; None for none."""

    numbers = itertools.count(1)

    def run(name: str, notebook) -> dict[str, float] | None:
        name = f"{name}-{next(numbers)}"  # two tables may have a row of the same name
        folder = nbgrader_course / "submitted" / name / "exercise"
        folder.mkdir(parents=True)
        (folder / "exercise.ipynb").write_text(json.dumps(notebook))
        config = Config()
        config.CourseDirectory.root = str(nbgrader_course)
        config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = "exercise", name
        config.CourseDirectory.db_url = url = f"sqlite:///{nbgrader_course / 'gradebook.db'}"
        config.Execute.timeout, config.Execute.extra_arguments = 15, ["--HistoryManager.hist_file=:memory:"]
        converter = Autograde(coursedir=CourseDirectory(config=config), config=config)
        converter.log = logging.Logger("nbgrader", level=logging.CRITICAL)
        try:
            converter.start()
            with Gradebook(url) as book:
                (graded,) = book.find_submission("exercise", name).notebooks
                return {grade.name: grade.auto_score or 0.0 for grade in graded.grades}
        except (NbGraderException, SystemExit):
            return None

    return run


@pytest.fixture(scope="package")
def graded(exercise, sandboxing, tmp_path_factory):
    """`graded(notebook or bytes)` hands in beside another student and a gradebook, and gives the Result of `grade`.

    Limits are small, so that hitting one takes a second or two. Afterwards nothing but the warm sandbox may run, and
    every file must be as it was.
    """
    if sandboxing:
        pytest.skip("there is no sandbox here")
    root = tmp_path_factory.mktemp("class")
    (root / "gradebook.db").write_bytes(b"SQLite format 3\x00 with the grades of all")
    (root / "submitted" / "s-other" / "exercise").mkdir(parents=True)
    (root / "submitted" / "s-other" / "exercise" / "exercise.ipynb").write_text("the work of another student")
    folder = root / "submitted" / "s-hostile" / "exercise"
    folder.mkdir(parents=True)
    limits = Limits(
        cell_seconds=2.0, submission_seconds=6.0, memory_mb=300, total_mb=400, processes=40, file_mb=8, scratch_mb=16
    )

    def run(handed_in, student: str = "s-hostile"):
        if isinstance(handed_in, nbformat.NotebookNode):
            handed_in = json.dumps(handed_in)
        (folder / "exercise.ipynb").write_bytes(handed_in.encode() if isinstance(handed_in, str) else handed_in)
        before = _files(root, exercise.master.path.parent)
        result = grading.grade(exercise, folder, student)
        assert _files(root, exercise.master.path.parent) == before
        assert _left_running(run.examiner()) == [], "processes are left"
        return result

    run.root, run.folder, run.limits = root, folder, limits
    run.examiner = lambda: grading._mine.examiners[exercise].process.pid
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "Limits", lambda: limits)
        patch.setenv("GRADERS_SECRET", "hidden-marker")
        yield run
        for examiner in getattr(grading._mine, "examiners", {}).values():
            examiner.close()


@pytest.fixture(scope="package")
def attack(graded, honest, table):
    """`attack(kind, name, tries, answers)` grades the attack and then an honest notebook, which must get everything."""

    def run(kind: str, name: str, tries: str, answers: dict[str, str], cells: tuple[str, ...] = ()):
        notebook = honest(**answers)
        for source in reversed(cells):
            notebook.cells.insert(2, nbformat.v4.new_code_cell(source))
        result = graded(notebook)
        told = " ".join(str(cell.message) for cell in result.cells)
        assert not any(secret in told for secret in SECRETS), told
        after = graded(honest(), "s-next")
        assert after.score == after.max_score == 14.0, "the next submission was harmed"
        table.here(kind, name, tries, result)
        return result

    return run


def _files(*roots: Path) -> dict:
    return {
        path: (path.read_bytes(), path.stat().st_mode) for root in roots for path in root.rglob("*") if path.is_file()
    }


def _left_running(examiner: int) -> list[str]:
    """Processes below the examiner but bubblewrap and the warm interpreter; waits a little for them to go."""
    for _ in range(100):
        children: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] not in (b"Z", b"X"):
                children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        below, todo = [], [(examiner, 0)]
        while todo:
            pid, depth = todo.pop()
            todo += [(child, depth + 1) for child in children.get(pid, ())]
            below.append((pid, depth))
        left = [pid for pid, depth in below if depth > 3]
        # examiner, bubblewrap outside, bubblewrap inside, warm interpreter
        if not left and len(below) <= 4:
            return []
        time.sleep(0.05)
    return [Path(f"/proc/{pid}/cmdline").read_text() for pid in left]


class Table:
    """Rows of `_build/attacks.md`: what was tried, what nbgrader gave for it, and what came out here."""

    def __init__(self):
        self.rows: dict[str, dict] = {}

    def here(self, kind: str, name: str, tries: str, result) -> None:
        said = result.reason or ", ".join(
            f"{cell.grade_id}: {cell.outcome}" for cell in result.cells if cell.outcome != "passed"
        )
        points = f"{result.score:g} of {result.max_score:g}"
        self.rows.setdefault(name, {}).update(kind=kind, tries=tries, here=f"{points}; {said or 'nothing gained'}")

    def nbgrader(self, name: str, points: dict[str, float] | None, wrong: set[str]) -> float:
        """Write down what a forgery got from nbgrader; returns what it got for parts that are `wrong`."""
        gained = sum(one for grade_id, one in (points or {}).items() if grade_id.rpartition("_")[0] in wrong)
        most = 2.0 * len(wrong)
        said = "not graded" if points is None else f"{gained:g} of {most:g} points for wrong answers"
        self.rows.setdefault(name, {}).update(nbgrader=said)
        return gained


@pytest.fixture(scope="package")
def table():
    table, file = Table(), ROOT / "_build" / "attacks.json"
    yield table
    known = json.loads(file.read_text()) if file.exists() else {}
    for name, row in table.rows.items():
        known[name] = known.get(name, {}) | row
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(known, indent=1))
    lines = ["| kind | attack | what it tries | nbgrader | here |", "|---|---|---|---|---|"]
    for name, row in sorted(known.items(), key=lambda one: (one[1].get("kind", ""), one[0])):
        cells = [row.get("kind", ""), name, row.get("tries", ""), row.get("nbgrader", "not run"), row.get("here", "")]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    file.with_suffix(".md").write_text("\n".join(lines) + "\n")
