"""The answer key: `load("momentum")` gives a module with the functions of that chapter's exercise."""

import contextlib
import types
from functools import cache

from autograder.course import Course
from autograder.master import answer_source, read


@cache
def load(chapter: str) -> types.ModuleType:
    """A module with the answer key's functions and what the exercise provides; graded and showcase cells do not run.

    Provided cells see the chapter's folder as their working directory, as they do beside a student's notebook.
    Raises CourseError for an unknown chapter and MasterError for a master that breaks a rule.
    """
    path = Course().master(chapter)
    module = types.ModuleType(f"solutions.{chapter}.{chapter}")
    module.__file__ = str(path)
    with contextlib.chdir(path.parent):
        exec(compile(answer_source(read(path)), str(path), "exec"), module.__dict__)
    return module
