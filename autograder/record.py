"""The one writer into nbgrader's gradebook."""

from __future__ import annotations

import csv
import warnings
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.course import Course
from autograder.release import generate
from autograder.verdict import Assignment, Result

_CONFIG = '''"""nbgrader's settings for this class, so that `nbgrader formgrader` opens it."""

c = get_config()  # noqa: F821
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {db!r}
'''

_COLUMNS = [
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


class Record:
    """A class folder's gradebook, open for writing. Use it as a context manager.

    Grading again replaces: every graded cell of a submission gets its new automatic score, and a submission that can no
    longer be read gets none. Scores and comments that a person gave by hand stay.
    """

    def __init__(self, folder: Path, course: Course, assignments: dict[str, Assignment]):
        self.folder = folder
        self.db_url = f"sqlite:///{(folder / 'gradebook.db').resolve()}"
        for assignment in assignments.values():
            generate(course, assignment.master, folder)
        config = _CONFIG.format(root=str(folder.resolve()), db=self.db_url)
        path = folder / "nbgrader_config.py"
        if not path.exists() or path.read_text(encoding="utf-8").startswith(_CONFIG.partition("\n")[0]):
            path.write_text(config, encoding="utf-8")  # settings that someone else wrote stay

    def __enter__(self) -> Record:
        self.gradebook = Gradebook(self.db_url)
        return self

    def __exit__(self, *exc) -> None:
        self.gradebook.close()

    def write(self, result: Result) -> None:
        """Put one result into the gradebook, in place of what was there; a refused one changes nothing."""
        if result.status == "refused":
            return
        book, notebook = self.gradebook, result.assignment
        book.update_or_create_student(result.student)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader adds new rows in an order that SQLAlchemy 2 dislikes
            submission = book.update_or_create_submission(
                result.assignment, result.student, timestamp=_timestamp(self.folder, result)
            )
        for cell in result.cells:
            grade = book.find_grade(cell.grade_id, notebook, result.assignment, result.student)
            grade.auto_score = cell.points
            grade.needs_manual_grade = grade.manual_score is not None
        for notebook in submission.notebooks:
            notebook.failed_tests = any(cell.outcome != "passed" for cell in result.cells)
        book.db.commit()

    def export_csv(self, path: Path) -> None:
        """The gradebook in the columns in which nbgrader exports it, and quoted: one line a student and assignment."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            for assignment in self.gradebook.assignments:
                submissions = {one.student_id: one for one in assignment.submissions}
                for student in self.gradebook.students:
                    one = submissions.get(student.id)
                    penalty = one.late_submission_penalty if one else 0.0
                    writer.writerow(
                        {
                            "assignment": assignment.name,
                            "duedate": assignment.duedate,
                            "timestamp": one.timestamp if one else None,
                            "student_id": student.id,
                            "last_name": student.last_name,
                            "first_name": student.first_name,
                            "email": student.email,
                            "raw_score": one.score if one else 0.0,
                            "late_submission_penalty": penalty,
                            "score": max(0.0, one.score - penalty) if one else 0.0,
                            "max_score": assignment.max_score,
                        }
                    )


def _timestamp(folder: Path, result: Result) -> datetime | None:
    """When it was handed in, as nbgrader's `timestamp.txt` says, if it does."""
    path = folder / "submitted" / result.student / result.assignment / "timestamp.txt"
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8").strip().removesuffix(" UTC"))
    except (OSError, ValueError):
        return None
