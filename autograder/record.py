"""The one writer into nbgrader's gradebook.

Results are written in groups, each in a transaction of its own, and a row is touched only where it changes. So writing
the same results again changes nothing, and a run that was killed is made whole by running it again.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbgrader.api import (
    Assignment as AssignmentRow,
)
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    get_alembic_version,
    new_uuid,
)
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from sqlalchemy import URL, func, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from traitlets.config import Config, PyFileConfigLoader

from autograder.course import ROOT, Course, CourseError
from autograder.release import COURSE_ID, generate, put_scripts_on_path
from autograder.verdict import Assignment, Result

CONFIG = "nbgrader_config.py"
GROUP = 200  # results a transaction
LOCK_SECONDS = 30  # to wait for another program's transaction

SETTINGS = '''"""nbgrader's settings for this class; `autograder` reads them too. Grading happens in its sandbox."""

import sys
from pathlib import Path

COURSE = {course!r}  # the repository with the masters of the exercises
try:
    from autograder.converter import use_engine
except ImportError as error:  # nbgrader would go on without these settings, and run student code with your rights
    sys.exit(f"{{__file__}}: {{error}}. Install the autograder here: {{sys.executable}} -m pip install -e {root}")

c = get_config()  # noqa: F821
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = "{course_id}"
c.CourseDirectory.db_url = {db}
# What lateness costs: "none", or "zero" for no points at all; or a plug-in of your own (see nbgrader's documentation).
# c.LateSubmissionPlugin.penalty_method = "zero"
use_engine(c, COURSE)
'''
_OWN_DATABASE = '"sqlite:///" + str(Path(__file__).resolve().parent / "gradebook.db")'

COLUMNS = [
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
]


class RecordError(CourseError):
    """The gradebook cannot be read or written; what was written before is whole."""


def database(folder: Path, db_url: str | None = None) -> tuple[str, Config]:
    """The URL of a class's gradebook, and nbgrader's settings for the class.

    The URL is `db_url`, or else what `nbgrader_config.py` in the folder says, or else SQLite in the folder.
    """
    config = Config()
    if (folder / CONFIG).exists():
        try:
            config = PyFileConfigLoader(CONFIG, path=str(folder.resolve())).load_config()
        except (Exception, SystemExit) as error:
            raise CourseError(f"{folder / CONFIG} cannot be read: {type(error).__name__}: {error}") from error
    said = config.CourseDirectory.db_url if "db_url" in config.CourseDirectory else None
    return _normal(db_url or said or f"sqlite:///{(folder / 'gradebook.db').resolve()}"), config


def settings(course: Course, db: str = _OWN_DATABASE) -> str:
    """The text of `nbgrader_config.py` for a class; `db` is the Python expression for the gradebook's URL."""
    return SETTINGS.format(course=str(course.root), root=ROOT, db=db, course_id=COURSE_ID)


def shown(db_url: str) -> str:
    """A gradebook's URL for people to see: the path for SQLite, and never a password."""
    url = make_url(db_url)
    return url.database if url.drivername == "sqlite" else url.render_as_string(hide_password=True)


def _without_password(db_url: str) -> URL:
    return make_url(db_url)._replace(password=None)


def _normal(db_url: str) -> str:
    try:
        url = make_url(db_url)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername.partition("+")[0] not in ("sqlite", "postgresql"):
            raise CourseError(
                f"expected a gradebook at sqlite:///FILE or postgresql://USER@HOST/NAME, found {url.drivername}"
            )
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise CourseError(f"{db_url!r} is no database URL that this installation can open: {error}") from error
    return url.render_as_string(hide_password=False)


class Record:
    """A class's gradebook, open for writing. Use it as a context manager; one at a time for a class.

    Grading again replaces: every graded cell of a submission gets its new automatic score, and a submission that can no
    longer be read gets none. Scores and comments that a person gave by hand stay, and where an automatic score changes
    under one, nbgrader asks for a second look. Raises RecordError when the database cannot be written.
    """

    def __init__(self, folder: Path, course: Course, assignments: dict[str, Assignment], db_url: str | None = None):
        self.folder, self.course, self.assignments = folder, course, assignments
        self.db_url, self.config = database(folder, db_url)
        self._settle(db_url)
        self._waiting: dict[tuple[str, str], Result] = {}
        self._second_look: dict[tuple[str, str], bool] = {}
        self._people: dict[str, dict[str, str]] = {}
        self._cells: dict[str, SimpleNamespace] = {}

    def __enter__(self) -> Record:
        self._lock = (self.folder / ".autograder.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise RecordError(
                f"another `autograder grade` is writing into {self.folder}; wait for it, or stop it, and try again"
            ) from error
        try:
            self.gradebook = open_gradebook(self.db_url)
            for assignment in self.assignments.values():
                with self._transaction():
                    generated = self._is_generated(assignment)
                if not generated:
                    self._generate(assignment)
        except BaseException:
            self._close()
            raise
        self._late = AssignLatePenalties(config=self.config)
        self._late.log = logging.getLogger("autograder.late")  # a line for each late student otherwise
        self._late.init_plugin()
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None or not issubclass(kind, RecordError):
                self.flush()
        finally:
            self._close()

    def write(self, result: Result, second_look: bool = False) -> None:
        """Put one result into the gradebook, in place of what was there; a refused one changes nothing.

        `second_look`: as nbgrader does, ask for a second look at every score by hand, not only where the automatic
        score under it changes.
        """
        if result.status != "refused":
            self._waiting[result.assignment, result.student] = result
            self._second_look[result.assignment, result.student] = second_look
            if len(self._waiting) >= GROUP:
                self.flush()

    def know(self, people: dict[str, dict[str, str]]) -> None:
        """What is known of students: `first_name`, `last_name`, `email`, `lms_user_id`, written with their results."""
        self._people.update(people)

    def due(self, assignment: str, when: datetime) -> None:
        """Set an assignment's due date, in UTC."""
        with self._transaction():
            self.gradebook.db.execute(
                update(AssignmentRow).where(AssignmentRow.name == assignment).values(duedate=when)
            )

    def flush(self) -> None:
        """Write what is waiting, all of it or nothing."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        with self._transaction():
            for name in {assignment for assignment, _ in waiting}:
                self._write(
                    name, {student: one for (assignment, student), one in waiting.items() if assignment == name}
                )

    def export_csv(self, path: Path) -> None:
        """The gradebook in the columns in which nbgrader exports it, and quoted: one line a student and assignment."""
        self.flush()
        with self._transaction():
            write_csv(path, COLUMNS, rows(self.gradebook))

    # ---- one group --------------------------------------------------------------------------------------------------

    def _write(self, name: str, results: dict[str, Result]) -> None:
        db, cells = self.gradebook.db, self._layout(name)
        self._write_students(results)
        submissions = self._submissions(cells, results)
        for_notebook = {one.notebook_id: results[student] for student, one in submissions.items()}
        self._insert_missing(Grade, for_notebook, cells.grade)
        self._insert_missing(Comment, for_notebook, cells.solution)

        points = {key: {c.grade_id: c.points for c in one.cells} for key, one in for_notebook.items()}
        scores, grades = dict.fromkeys(for_notebook, 0.0), []
        rows = select(Grade.id, Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score,
                      Grade.extra_credit, Grade.needs_manual_grade)  # fmt: skip
        for row in db.execute(rows.where(_of(Grade, for_notebook, cells.grade))):
            auto = points[row.notebook_id].get(cells.names.get(row.cell_id))
            scores[row.notebook_id] += (row.manual_score if row.manual_score is not None else auto or 0.0) + (
                row.extra_credit or 0.0
            )
            by_hand = row.manual_score is not None
            look = (
                by_hand
                and not row.needs_manual_grade
                and self._second_look[name, for_notebook[row.notebook_id].student]
            )
            if auto is None or (row.auto_score == auto and not look):
                continue
            grades.append({"id": row.id, "auto_score": auto, "needs_manual_grade": by_hand})
        _update(db, Grade, grades)

        comments = []
        told = {key: _comments(self.assignments[name], one) for key, one in for_notebook.items()}
        rows = select(Comment.id, Comment.notebook_id, Comment.cell_id, Comment.auto_comment)
        for row in db.execute(rows.where(_of(Comment, for_notebook, cells.solution))):
            says = told[row.notebook_id].get(cells.names.get(row.cell_id))
            if row.auto_comment != says:
                comments.append({"id": row.id, "auto_comment": says})
        _update(db, Comment, comments)

        changed = []
        for student, one in submissions.items():
            penalty = self._penalty(student, scores[one.notebook_id], one, cells.duedate)
            if penalty != one.penalty:
                changed.append({"id": one.notebook_id, "late_submission_penalty": penalty})
        _update(db, SubmittedNotebook, changed)

    def _write_students(self, results: dict[str, Result]) -> None:
        db, fields = self.gradebook.db, ("first_name", "last_name", "email", "lms_user_id")
        rows = select(Student.id, *(getattr(Student, field) for field in fields)).where(Student.id.in_(results))
        known = {row.id: row._asdict() for row in db.execute(rows)}
        new = [
            {"id": one, **{f: self._people.get(one, {}).get(f) for f in fields}} for one in results if one not in known
        ]
        if new:
            db.execute(insert(Student), new)
        for student in known.keys() & self._people.keys():
            values = {
                key: value for key, value in self._people[student].items() if value and known[student][key] is None
            }
            if values:  # what someone wrote into the gradebook stays
                db.execute(update(Student).where(Student.id == student).values(**values))

    def _submissions(self, cells: SimpleNamespace, results: dict[str, Result]) -> dict[str, SimpleNamespace]:
        """The rows of these students' submissions, made where there are none: one notebook each."""
        db = self.gradebook.db
        rows = (
            select(SubmittedAssignment.id, SubmittedAssignment.student_id, SubmittedAssignment.timestamp,
                   SubmittedAssignment.extension, SubmittedNotebook.id.label("notebook_id"),
                   SubmittedNotebook.late_submission_penalty.label("penalty"))
            .outerjoin(SubmittedNotebook, (SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                       & (SubmittedNotebook.notebook_id == cells.notebook))
            .where(SubmittedAssignment.assignment_id == cells.assignment, SubmittedAssignment.student_id.in_(results))
        )  # fmt: skip
        found = {row.student_id: SimpleNamespace(**row._asdict()) for row in db.execute(rows)}
        new, notebooks, times = [], [], []
        for student, result in results.items():
            handed_in = handed_in_at(self.folder / "submitted" / result.student / result.assignment)
            one = found.get(student)
            if one is None:
                one = found[student] = SimpleNamespace(
                    id=new_uuid(),
                    student_id=student,
                    timestamp=handed_in,
                    extension=None,
                    notebook_id=None,
                    penalty=None,
                )
                new.append(
                    {"id": one.id, "assignment_id": cells.assignment, "student_id": student, "timestamp": handed_in}
                )
            elif one.timestamp != handed_in:
                one.timestamp = handed_in
                times.append({"id": one.id, "timestamp": handed_in})
            if one.notebook_id is None:
                one.notebook_id = new_uuid()
                notebooks.append(
                    {"id": one.notebook_id, "assignment_id": one.id, "notebook_id": cells.notebook, "flagged": False}
                )
        for table, values in ((SubmittedAssignment, new), (SubmittedNotebook, notebooks)):
            if values:
                db.execute(insert(table), values)
        _update(db, SubmittedAssignment, times)
        return found

    def _insert_missing(self, table: type, notebooks: dict[str, Result], cells: dict[str, str]) -> None:
        """Make the rows of `table` for each notebook and cell that lacks them, as nbgrader makes them."""
        db = self.gradebook.db
        rows = select(table.notebook_id, table.cell_id).where(_of(table, notebooks, cells))
        there = {tuple(row) for row in db.execute(rows)}
        extra = {"needs_manual_grade": False} if table is Grade else {}
        new = [
            {"id": new_uuid(), "notebook_id": notebook, "cell_id": cell, **extra}
            for notebook in notebooks
            for cell in cells.values()
            if (notebook, cell) not in there
        ]
        if new:
            db.execute(insert(table), new)

    def _penalty(self, student: str, score: float, one: SimpleNamespace, due: datetime | None) -> float | None:
        """What lateness costs, as nbgrader's AssignLatePenalties and its plug-in decide."""
        if one.timestamp is None or due is None:
            return None
        seconds = (one.timestamp - due - (one.extension or timedelta())).total_seconds()
        if seconds <= 0:
            return None
        penalty = self._late.plugin_inst.late_submission_penalty(student, score, seconds)
        return None if penalty is None else self._late._check_late_penalty(SimpleNamespace(score=score), penalty)

    def _layout(self, name: str) -> SimpleNamespace:
        """The ids of an assignment, its notebook and its cells."""
        if name not in self._cells:
            db = self.gradebook.db
            row = db.execute(
                select(AssignmentRow.id, AssignmentRow.duedate, Notebook.id.label("notebook"))
                .join(Notebook, Notebook.assignment_id == AssignmentRow.id)
                .where(AssignmentRow.name == name, Notebook.name == name)
            ).one()
            kinds = {}
            for table in (GradeCell, SolutionCell):
                cells = select(table.name, table.id).where(table.notebook_id == row.notebook)
                kinds[table] = {grade_id: key for grade_id, key in db.execute(cells)}
            self._cells[name] = SimpleNamespace(
                assignment=row.id, duedate=row.duedate, notebook=row.notebook,
                grade=kinds[GradeCell], solution=kinds[SolutionCell],
                names={key: grade_id for kind in kinds.values() for grade_id, key in kind.items()},
            )  # fmt: skip
        return self._cells[name]

    # ---- the class's folder -----------------------------------------------------------------------------------------

    def _settle(self, db_url: str | None) -> None:
        """Write the settings where there are none; settings that someone wrote stay, and have the last word."""
        path, url = self.folder / CONFIG, _without_password(self.db_url)
        own = url.drivername == "sqlite" and Path(url.database).resolve() == (self.folder / "gradebook.db").resolve()
        # the password stays out of the file: libpq finds it in ~/.pgpass or in PGPASSWORD
        told = _OWN_DATABASE if own else repr(url.render_as_string(hide_password=False))
        if not path.exists():
            _write_whole(path, settings(self.course, told))
        elif db_url is not None and "db_url" in self.config.CourseDirectory:
            said = self.config.CourseDirectory.db_url
            if _without_password(_normal(said)) == url:
                return
            text, line = path.read_text(encoding="utf-8"), "c.CourseDirectory.db_url = {}\n"
            ours = [line.format(one) for one in (_OWN_DATABASE, repr(said)) if line.format(one) in text]
            if not ours:
                raise CourseError(
                    f"{path} names the gradebook {shown(said)}, --db another; change db_url there, or leave --db out"
                )
            _write_whole(path, text.replace(ours[0], line.format(told)))

    def _is_generated(self, assignment: Assignment) -> bool:
        """Whether nbgrader has been given this very assignment: it takes seconds, and does not bear being killed."""
        name, db = assignment.name, self.gradebook.db
        release = self.folder / "release" / name / f"{name}.ipynb"
        source = self.folder / "source" / name
        try:
            if not release.is_file() or (source / f"{name}.ipynb").read_text(encoding="utf-8") != _source(assignment):
                return False
            if any((source / path.name).read_bytes() != path.read_bytes() for path in assignment.data_files):
                return False
        except OSError:
            return False
        here = select(Notebook.id).join(AssignmentRow).where(AssignmentRow.name == name, Notebook.name == name)

        def stored(table, *columns) -> list:
            return db.execute(select(*columns).where(table.notebook_id.in_(here))).all()

        found = dict(stored(GradeCell, GradeCell.name, GradeCell.max_score))
        solutions = {name for (name,) in stored(SolutionCell, SolutionCell.name)}
        sources = dict(stored(SourceCell, SourceCell.name, SourceCell.source))
        tests = assignment.master.graded
        return (
            found == {cell.grade_id: float(cell.points) for cell in tests}
            and solutions == {part.name for part in assignment.master.parts}
            and all(sources.get(cell.grade_id) == cell.source for cell in tests)
        )

    def _generate(self, assignment: Assignment) -> None:
        try:
            generate(self.course, assignment.master, self.folder, self.db_url)
        except CourseError as error:
            if "OperationalError" in str(error):
                raise RecordError(
                    f"the gradebook {shown(self.db_url)} cannot be written: {_last_line(str(error))}"
                ) from error
            raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        db = self.gradebook.db
        with reporting(self.db_url):
            try:
                yield
                db.commit()
            except BaseException:
                db.rollback()
                raise

    def _close(self) -> None:
        if hasattr(self, "gradebook"):
            with contextlib.suppress(DBAPIError):
                self.gradebook.close()
        self._lock.close()


# ---- the database ---------------------------------------------------------------------------------------------------


def open_gradebook(db_url: str) -> Gradebook:
    """Open a gradebook, and make one where there is none. Raises RecordError where that cannot be.

    nbgrader makes the tables and then notes their version; killed in between, it leaves a gradebook that its own tools
    refuse. So the version is noted here where it is missing.
    """
    put_scripts_on_path()
    with reporting(db_url):
        patient = make_url(db_url)
        if patient.drivername == "sqlite":
            folder = Path(patient.database).parent
            if not folder.is_dir():
                raise RecordError(f"expected a folder for the gradebook, found no {folder}")
            patient = patient.update_query_dict({"timeout": str(LOCK_SECONDS)})
        else:
            patient = patient.update_query_dict({"connect_timeout": patient.query.get("connect_timeout", "10")})
        gradebook = Gradebook(patient.render_as_string(hide_password=False), COURSE_ID)
        try:
            with gradebook.engine.begin() as connection:
                if "alembic_version" not in inspect(connection).get_table_names():
                    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
                if connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 0:
                    version = {"version": get_alembic_version()}
                    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), version)
        except BaseException:
            gradebook.close()
            raise
        return gradebook


@contextlib.contextmanager
def reporting(db_url: str) -> Iterator[None]:
    """Say in words what went wrong with the database."""
    try:
        yield
    except DBAPIError as error:
        said = _last_line(str(error.orig))
        if "locked" in said:
            said = f"another program has kept it locked for {LOCK_SECONDS} s; close what else has it open"
        elif "full" in said or "disk I/O" in said:
            said += "; free some space"
        elif make_url(db_url).drivername != "sqlite":
            said += "; see that the server runs, and that the address and the rights are right"
        raise RecordError(
            f"the gradebook {shown(db_url)} cannot be used: {said}. Nothing half-written is in it: run the same "
            "command again to go on"
        ) from error


def rows(gradebook: Gradebook) -> Iterator[dict]:
    """One row a student and assignment, in nbgrader's columns and order; a student who handed in nothing has 0."""
    db = gradebook.db
    scores = (
        select(SubmittedNotebook.assignment_id, func.sum(Grade.score))
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .group_by(SubmittedNotebook.assignment_id)
    )
    penalties = (
        select(SubmittedNotebook.assignment_id, func.sum(SubmittedNotebook.late_submission_penalty))
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .group_by(SubmittedNotebook.assignment_id)
    )
    students = sorted(gradebook.students, key=lambda one: (one.last_name or "", one.first_name or "", one.id))
    submitted = select(SubmittedAssignment.id, SubmittedAssignment.student_id, SubmittedAssignment.timestamp)
    for assignment in gradebook.assignments:
        this = SubmittedAssignment.assignment_id == assignment.id
        submissions = {one.student_id: one for one in db.execute(submitted.where(this))}
        raw, late = (dict(db.execute(one.where(this)).all()) for one in (scores, penalties))
        maximum = assignment.max_score
        for student in students:
            one = submissions.get(student.id)
            score, penalty = (raw.get(one.id) or 0.0, late.get(one.id) or 0.0) if one else (0.0, 0.0)
            yield {
                "assignment": assignment.name,
                "duedate": assignment.duedate,
                "timestamp": one.timestamp if one else None,
                "student_id": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
                "raw_score": score,
                "late_submission_penalty": penalty,
                "score": max(0.0, score - penalty),
                "max_score": maximum,
                "handed_in": one is not None,
            }


def by_hand(gradebook: Gradebook, assignment: str) -> dict[str, tuple[dict[str, float], dict[str, str], float]]:
    """What people have added, by student: scores by grade id, comments by part, and what lateness costs."""
    db, found = gradebook.db, {}
    rows = (
        select(SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty)
        .join(AssignmentRow, AssignmentRow.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .where(AssignmentRow.name == assignment)
    )

    def of(student: str) -> tuple[dict[str, float], dict[str, str], float]:
        return found.setdefault(student, ({}, {}, 0.0))

    changed = (Grade.manual_score.is_not(None)) | (Grade.extra_credit.is_not(None))
    cells = rows.with_only_columns(SubmittedAssignment.student_id, BaseCell.name, Grade.score)
    cells = cells.join(Grade, Grade.notebook_id == SubmittedNotebook.id).join(BaseCell, BaseCell.id == Grade.cell_id)
    for student, grade_id, score in db.execute(cells.where(changed)):
        of(student)[0][grade_id] = score
    cells = rows.with_only_columns(SubmittedAssignment.student_id, BaseCell.name, Comment.manual_comment)
    cells = cells.join(Comment, Comment.notebook_id == SubmittedNotebook.id)
    cells = cells.join(BaseCell, BaseCell.id == Comment.cell_id)
    for student, part, comment in db.execute(cells.where(Comment.manual_comment.is_not(None))):
        of(student)[1][part] = comment
    for student, penalty in db.execute(rows.where(SubmittedNotebook.late_submission_penalty.is_not(None))):
        found[student] = (*of(student)[:2], penalty)
    return found


def write_csv(path: Path, columns: list[str], lines: Iterator[dict]) -> None:
    """A CSV file, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    new.replace(path)


def _of(table: type, notebooks: dict[str, Result], cells: dict[str, str]):
    """The rows of these cells in these notebooks; named in this way the database finds them by its index."""
    return table.cell_id.in_(cells.values()) & table.notebook_id.in_(notebooks)


def _update(db, table: type, rows: list[dict]) -> None:
    if rows:
        db.execute(update(table), rows)


def _comments(assignment: Assignment, result: Result) -> dict[str, str]:
    """What formgrader shows beside each answer: why its tests did not pass."""
    cells = {cell.grade_id: cell for cell in result.cells}
    says = {}
    for part in assignment.master.parts:
        messages = [cells[test.grade_id].message for test in part.tests if cells[test.grade_id].outcome != "passed"]
        if result.status == "unreadable":
            messages = [f"The notebook could not be read: {result.reason}"]
        if messages := list(dict.fromkeys(filter(None, messages))):
            # no database takes a NUL or half a character
            text = "\n\n".join(messages).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
            says[part.name] = text
    return says


def handed_in_at(folder: Path) -> datetime | None:
    """When a submission was handed in, in UTC, as nbgrader's `timestamp.txt` beside it says; None where it does not."""
    path = folder / "timestamp.txt"
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open(encoding="utf-8") as file:
            return parse_utc(file.read(100).strip())
    except (OSError, ValueError, OverflowError):
        return None


def _source(assignment: Assignment) -> str:
    text = nbformat.writes(assignment.master.notebook())
    return text if text.endswith("\n") else text + "\n"


def _write_whole(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line or "FATAL" in line), lines[0] if lines else "")
