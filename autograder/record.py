"""The one writer into nbgrader's gradebook."""

from __future__ import annotations

import logging
import warnings
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy.exc import SAWarning

from autograder.course import Course
from autograder.release import generate
from autograder.verdict import Assignment, Result

_CONFIG = '''"""nbgrader's settings for this class, so that `nbgrader formgrader` opens it."""

c = get_config()  # noqa: F821
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {db!r}
'''


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
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")

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
        """The gradebook as nbgrader writes it: one line a student and assignment."""
        exporter = CsvExportPlugin()
        exporter.log = logging.getLogger("autograder.record")
        exporter.to = str(path)
        exporter.export(self.gradebook)


def _timestamp(folder: Path, result: Result) -> datetime | None:
    """When it was handed in, as nbgrader's `timestamp.txt` says, if it does."""
    path = folder / "submitted" / result.student / result.assignment / "timestamp.txt"
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8").strip().removesuffix(" UTC"))
    except (OSError, ValueError):
        return None
