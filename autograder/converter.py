"""nbgrader's `Autograde` with this engine in it, for instructors who work with `nbgrader autograde` and formgrader.

It is switched on in a course's `nbgrader_config.py`, which `autograder nbgrader-course` writes. nbgrader has no setting
for the class of its converter, so `use_engine` puts ours where nbgrader's commands look for theirs.

What stays as in nbgrader: the folders, `--force`, `--student`, the gradebook, late penalties, grades and comments that
were given by hand. What differs: a submission is read as data and run in the sandbox; one that cannot be read, or has
no notebook, gets no points and a notebook that says why; `autograded/` holds no hidden test, so feedback shows none.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_output
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from sqlalchemy import make_url
from traitlets import List, Unicode
from traitlets.config import Config

from autograder import grade
from autograder.course import ROOT, Course, CourseError
from autograder.engine import sandbox
from autograder.engine.sandbox import SandboxError
from autograder.feedback import keep_receipt
from autograder.master import STUB, Master, MasterError
from autograder.record import Record, handed_in_at, settings
from autograder.submission import make_cell, make_notebook
from autograder.verdict import Assignment, CellResult, Result


def use_engine(config: Config, course: str | os.PathLike = ROOT) -> None:
    """Have `nbgrader autograde` and formgrader grade in the sandbox. `course` is the repository with the masters."""
    import nbgrader.apps.api
    import nbgrader.apps.autogradeapp
    import nbgrader.converters

    config.EngineAutograde.course = str(Path(course).resolve())
    config.ClearSolutions.code_stub = {"python": STUB}  # `nbgrader generate_assignment` gives what we release
    for module in (nbgrader.converters, nbgrader.apps.autogradeapp, nbgrader.apps.api):
        module.Autograde = EngineAutograde


def settle(folder: Path, course: Course) -> bool:
    """Write a course's settings where there are none; returns whether those that are there switch the engine on."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nbgrader_config.py"
    if not path.exists():
        path.write_text(settings(course), encoding="utf-8")
    return "use_engine(" in path.read_text(encoding="utf-8")


def keep_changes(folder: Path, assignment: Assignment) -> Path | None:
    """Keep a copy of a source notebook that is about to be replaced by another; returns where, if there is one."""
    path = folder / "source" / assignment.name / f"{assignment.name}.ipynb"
    if not path.is_file() or _is_masters(path, assignment.master):
        return None
    kept = folder / "source" / f"{path.name}.old"  # beside the folders, which nbgrader takes for assignments
    shutil.copy(path, kept)
    return kept


def _is_masters(path: Path, master: Master) -> bool:
    """Whether a source notebook has the cells of the master."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, nbformat.ValidationError):
        return False
    return [cell.source for cell in cells] == [cell.source for cell in master.cells]


class EngineAutograde(Autograde):
    """Grades submissions with `autograder.grade`. In a course that does not ask for it, it is nbgrader's own."""

    course = Unicode("", help="The repository with the masters of the exercises; empty: grade as nbgrader does.").tag(
        config=True
    )
    dangerously_without_sandbox = List(
        Unicode(),
        help="Assignments that nbgrader itself is to run, with your own rights: for students whom you trust.",
    ).tag(config=True)

    assignment: Assignment | None = None  # what is being graded; None: nbgrader grades

    def start(self) -> None:
        """Grade what was handed in; raises NbGraderException, with the remedy, where that cannot be done safely."""
        name = self.coursedir.assignment_id
        if not self.course or name in self.dangerously_without_sandbox:
            return super().start()
        course = Course(Path(self.course))
        try:
            try:
                self.assignment = Assignment.load(course, name)
            except CourseError as error:
                raise CourseError(
                    f"{error}. To have nbgrader run it with your own rights, add to nbgrader_config.py: "
                    f"c.EngineAutograde.dangerously_without_sandbox = [{name!r}]"
                ) from error
            self._check_source()
            sandbox.check()
            record = Record(Path(self.coursedir.root), course, {name: self.assignment})
            if _place(record.db_url) != _place(self.coursedir.db_url):
                raise CourseError(
                    f"nbgrader was told to use the gradebook {self.coursedir.db_url}, and the course's is "
                    f"{record.db_url}. Leave out --db, or set c.CourseDirectory.db_url in nbgrader_config.py"
                )
            with record as self.record:
                super().start()
        except (CourseError, MasterError, SandboxError) as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def _check_source(self) -> None:
        """What students were given has to be what is graded."""
        name = self.assignment.name
        folder = self.coursedir.format_path(self.coursedir.source_directory, ".", name)
        path = Path(folder, f"{name}.ipynb")
        remedy = f"run `autograder nbgrader-course {self.coursedir.root} {name}`"
        if not path.is_file():
            raise CourseError(f"expected {path}, found no such file: {remedy}")
        if not _is_masters(path, self.assignment.master):
            raise CourseError(
                f"{path} is not what {self.assignment.master.path} makes. The master decides: if you have edited the "
                f"notebook, make the same changes there; then {remedy}"
            )

    # ---- nbgrader's steps -------------------------------------------------------------------------------------------

    def init_notebooks(self) -> None:
        """Every folder that was handed in counts, whatever is or is not in it; nbgrader would pass some over."""
        if self.assignment is None:
            return super().init_notebooks()
        name = self.assignment.name
        pattern = self._format_source(name, self.coursedir.student_id)
        place = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        self.assignments = {}
        if fnmatch.fnmatch(name, self.coursedir.notebook_id):
            for folder in glob.glob(pattern) or glob.glob(glob.escape(pattern)):
                if not re.match(place, folder):  # nbgrader would stop here, with everyone behind it ungraded
                    self.log.error("%r is no name for a student's folder; rename it. It was not graded", folder)
                elif os.path.isdir(folder):
                    self.assignments[folder] = [os.path.join(folder, f"{name}.ipynb")]
        if not self.assignments:
            message = f"No submissions were matched by {pattern!r}"
            self.log.error(message)
            raise NbGraderException(message)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to grade this one. Where nbgrader cannot read a timestamp it fails; we grade."""
        if self.assignment is not None:
            folder = Path(self._format_source(assignment_id, student_id))
            if (folder / "timestamp.txt").exists() and handed_in_at(folder) is None:
                self.log.warning(
                    "%s: %s cannot be read as a time, and is ignored", student_id, folder / "timestamp.txt"
                )
                return True
        return super().init_destination(assignment_id, student_id)

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Nothing is copied yet: whoever finds the folder in `autograded/` finds it complete."""
        if self.assignment is None:
            return super().init_assignment(assignment_id, student_id)
        if not self.create_student:
            try:
                self.record.gradebook.find_student(student_id)
            except MissingEntry as error:
                raise NbGraderException(f"No student with ID {student_id!r} exists in the database") from error

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Grade one submission, record its points, and put the notebook where formgrader looks for it."""
        if self.assignment is None:
            return super().convert_single_notebook(notebook_filename)
        resources = self.init_single_notebook_resources(notebook_filename)
        folder, student = Path(notebook_filename).parent, resources["nbgrader"]["student"]
        result, executed = grade.execute(self.assignment, folder, student.encode("utf-8", "backslashreplace").decode())
        if executed is None:
            self._withdraw(result)
            raise NbGraderException(result.reason)
        for remark in (*filter(None, [result.reason]), *result.notes):
            self.log.warning("%s: %s", result.student, remark)
        self.record.write(result, second_look=True)
        self.record.flush()  # before there is a notebook, which tells nbgrader that this one is done
        self.log.info("%s: %g of %g points", result.student, result.score, result.max_score)
        notebook = autograded(self.assignment.master, result, executed)
        self._put(Path(self._format_dest(self.assignment.name, student)), folder, notebook)

    def _put(self, target: Path, folder: Path, notebook: nbformat.NotebookNode) -> None:
        """Put the notebook, the hand-out data and what releasing feedback needs there, all at once.

        Nothing else that the student handed in is copied: a link could lead anywhere.
        """
        new = target.with_name(f".{target.name}.new")
        for path in (new, target):
            shutil.rmtree(path, ignore_errors=True)
        new.mkdir(parents=True)
        for data in self.assignment.data_files:
            shutil.copy(data, new)
        keep_receipt(folder, new)
        if handed_in_at(folder) is None:  # what cannot be read as a time is ignored
            (new / "timestamp.txt").unlink(missing_ok=True)
        text = nbformat.v4.writes(
            notebook
        )  # nbformat.write checks it against a schema, which takes a tenth of a second
        (new / f"{self.assignment.name}.ipynb").write_text(text + "\n", encoding="utf-8")
        new.rename(target)

    def _withdraw(self, result: Result) -> None:
        """There is no verdict on this submission, and that of an earlier one must not stand for it."""
        book = self.record.gradebook
        try:
            submission = book.find_submission(result.assignment, result.student)
        except MissingEntry:
            return
        for notebook in submission.notebooks:
            for row in notebook.grades:
                row.auto_score, row.needs_manual_grade = None, True
        book.db.commit()


def _place(db_url: str) -> tuple:
    """Where a database is, however its URL is written."""
    url = make_url(db_url)
    if url.drivername.startswith("sqlite"):
        return ("sqlite", os.path.realpath(url.database))
    return (url.drivername.partition("+")[0], url.host, url.port, url.database)


# ---- the notebook that formgrader shows -----------------------------------------------------------------------------


def autograded(master: Master, result: Result, executed: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook for formgrader and for feedback: answers, what they printed, and at each test what came of it.

    It holds no hidden test, and nothing of the student's that a browser would take for more than text: whoever opens it
    in formgrader is logged in to a Jupyter server.
    """
    settings = {cell.grade_id: cell.metadata() for cell in master.cells if cell.grade_id}
    stubs = {cell.grade_id: cell.stub for cell in master.graded}
    verdicts = {cell.grade_id: cell for cell in result.cells}
    skipped = [new_output("stream", text="This cell is for looking at; grading leaves it out.\n")]
    cells = []

    def code(source: str, outputs: list, metadata: dict | None = None) -> nbformat.NotebookNode:
        return make_cell("code", source, metadata, execution_count=None, outputs=outputs)

    remarks = [f"This submission could not be read: {result.reason}"] if result.reason else []
    if remarks := [*remarks, *result.notes]:
        cells.append(make_cell("markdown", "**Remarks of the autograder**\n\n" + _as_typed("\n".join(remarks))))
    for cell in executed.cells:
        graded = cell.metadata.get("nbgrader", {}).get("grade_id")
        if graded:
            made = code(stubs[graded], _told(verdicts[graded]), settings[graded])
        elif cell.cell_type == "raw":
            made = make_cell("markdown", _as_typed(cell.source))
        elif cell.cell_type == "markdown":
            made = make_cell("markdown", cell.source)
        elif "answer" in cell.metadata:
            made = code(cell.source, cell.outputs, settings[cell.metadata["answer"]])
        else:
            made = code(cell.source, skipped if "shown" in cell.metadata else cell.outputs)
        cells.append(made)
    return make_notebook(cells)


def put(folder: Path, result: Result, notebook: str) -> None:
    """Put a notebook for formgrader into a course's folder, whole or not at all."""
    place = folder / "autograded" / result.student / result.assignment
    place.mkdir(parents=True, exist_ok=True)
    new = place / f".{result.assignment}.new"
    new.write_text(notebook, encoding="utf-8", errors="backslashreplace")
    keep_receipt(folder / "submitted" / result.student / result.assignment, place)
    new.replace(place / f"{result.assignment}.ipynb")


def _told(verdict: CellResult) -> list[nbformat.NotebookNode]:
    """What is shown at a test cell: nothing where it passed."""
    if verdict.outcome == "passed":
        return []
    text = verdict.message or "Not graded."
    if verdict.diagnosis:
        text += f"\nKnown mistake: {verdict.diagnosis}"
    return [new_output("error", ename=verdict.outcome, evalue=text, traceback=[f"\x1b[0;31m{text}\x1b[0m"])]


def _as_typed(text: str) -> str:
    """Markdown that shows a text as it is, whatever is in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
