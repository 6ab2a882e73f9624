"""From a master to what students get: through nbgrader, into `exercises/`, the same bytes each time."""

from __future__ import annotations

import logging
import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder import master as masters
from autograder.course import Course, CourseError
from autograder.master import Master

# An assignment refers to a course in the gradebook. PostgreSQL checks that, and nbgrader adds none without a name.
COURSE_ID = "default_course"


def generate(course: Course, master: Master, folder: Path, db_url: str | None = None) -> Path:
    """Let nbgrader make the release version of a master, with `folder` as nbgrader's course folder.

    Writes `source/<chapter>/` and `release/<chapter>/` there and the assignment into the gradebook, `gradebook.db`
    unless `db_url` names another; returns the release folder. Raises CourseError with nbgrader's own words when it
    refuses.
    """
    put_scripts_on_path()
    source = folder / "source" / master.chapter
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    nbformat.write(master.notebook(), source / f"{master.chapter}.ipynb")
    for data in course.data_files(master.chapter):
        shutil.copy(data, source)

    config = Config()
    config.CourseDirectory.root = str(folder.resolve())
    config.CourseDirectory.assignment_id = master.chapter
    config.CourseDirectory.course_id = COURSE_ID
    config.CourseDirectory.db_url = db_url or f"sqlite:///{(folder / 'gradebook.db').resolve()}"
    config.ClearSolutions.code_stub = {"python": masters.STUB}
    config.BaseConverter.force = True
    messages: list[str] = []
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log = _collecting_logger(messages)
    try:
        converter.start()
    except (NbGraderException, SystemExit) as error:
        raise CourseError(f"nbgrader cannot release {master.chapter!r}: {' '.join(messages) or error}") from error
    return folder / "release" / master.chapter


def release(course: Course, chapters: list[str]) -> list[Path]:
    """Write `exercises/<chapter>/` anew for each chapter; returns the files whose bytes changed or that went away."""
    changed = []
    for chapter in chapters:
        wanted = _released_files(course, chapter)
        for path in _differences(course, chapter, wanted):
            changed.append(path)
            if path.name in wanted:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wanted[path.name])
            else:
                path.unlink()
    return changed


def check(course: Course, chapters: list[str]) -> list[Path]:
    """The files in `exercises/` that are not byte for byte what a release would write; empty when all is well."""
    return [path for chapter in chapters for path in _differences(course, chapter, _released_files(course, chapter))]


def _released_files(course: Course, chapter: str) -> dict[str, bytes]:
    master = masters.read(course.master(chapter))
    with tempfile.TemporaryDirectory(prefix="autograder-release-") as folder:
        released = generate(course, master, Path(folder))
        return {path.name: path.read_bytes() for path in sorted(released.iterdir()) if path.is_file()}


def _differences(course: Course, chapter: str, wanted: dict[str, bytes]) -> list[Path]:
    folder = course.exercises / chapter
    present = {path.name for path in folder.iterdir() if path.is_file()} if folder.exists() else set()
    return [
        folder / name
        for name in sorted(present | wanted.keys())
        if name not in present or name not in wanted or (folder / name).read_bytes() != wanted[name]
    ]


def put_scripts_on_path() -> None:
    """nbgrader starts `alembic` by name, which fails when the environment was not activated."""
    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])


def _collecting_logger(messages: list[str]) -> logging.Logger:
    """A logger that keeps nbgrader's errors for our own message and shows nothing else."""

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    logger = logging.Logger("nbgrader-release", level=logging.ERROR)
    logger.addHandler(Collect())
    return logger
