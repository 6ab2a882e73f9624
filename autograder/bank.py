"""The bank of an exercise: known wrong answers and correct variations, each a function that runs.

A chapter's `mistakes.py` makes one Bank and decorates functions with it:

    bank = Bank("gradient_descent")

    @bank.mistake("climbs", says="Your step adds the gradient …", fails=["gradient_descent_visible"])
    def gradient_descent(grad, w0, lr, steps): ...

    @bank.variation("appends-copies")
    def gradient_descent(grad, w0, lr, steps): ...

The function's name is the part it answers. Its source stands on its own, with the exercise's provided cells around
it, since it takes the place of a student's solution cell.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autograder.course import Course, CourseError


@dataclass(frozen=True)
class Mistake:
    """A wrong answer. `says` is the sentence a student gets; `fails` names the graded cells that notice it."""

    name: str
    part: str
    says: str
    fails: tuple[str, ...]
    source: str
    reference: str | None = None


@dataclass(frozen=True)
class Variation:
    """A correct answer that is written differently from the answer key."""

    name: str
    part: str
    source: str


class Bank:
    """All known answers to the parts of one chapter. Names are unique within a chapter."""

    def __init__(self, chapter: str):
        self.chapter = chapter
        self.mistakes: list[Mistake] = []
        self.variations: list[Variation] = []

    def mistake(self, name: str, *, says: str, fails: Iterable[str], reference: str | None = None) -> Callable:
        """Decorator: record a wrong answer. `reference` says where it is known from, if anywhere."""

        def record(answer):
            self._check_new(name)
            part, source = answer.__name__, _source(answer, sys._getframe(1))
            self.mistakes.append(Mistake(name, part, says, tuple(fails), source, reference))
            return answer

        return record

    def variation(self, name: str) -> Callable:
        """Decorator: record a correct answer."""

        def record(answer):
            self._check_new(name)
            self.variations.append(Variation(name, answer.__name__, _source(answer, sys._getframe(1))))
            return answer

        return record

    def of(self, part: str) -> tuple[list[Mistake], list[Variation]]:
        """The mistakes and the variations of one part."""
        return [m for m in self.mistakes if m.part == part], [v for v in self.variations if v.part == part]

    def _check_new(self, name: str) -> None:
        if name in {known.name for known in [*self.mistakes, *self.variations]}:
            raise CourseError(f"the bank of {self.chapter!r} has two entries named {name!r}; names must differ")


def load(chapter: str, course: Course | None = None) -> Bank:
    """Read `solutions/<chapter>/mistakes.py`; a chapter without that file has an empty bank."""
    path = (course or Course()).master(chapter).with_name("mistakes.py")
    if not path.exists():
        return Bank(chapter)
    spec = importlib.util.spec_from_file_location(f"solutions.{chapter}.mistakes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not isinstance(getattr(module, "bank", None), Bank):
        raise CourseError(f"{path} must define `bank = Bank({chapter!r})`")
    return module.bank


@functools.lru_cache(maxsize=4)
def _decorated(text: str) -> list[ast.FunctionDef | ast.ClassDef]:
    """Every decorated function and class of a file."""
    definitions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return [node for node in definitions if node.decorator_list]


def _source(answer: Callable | type, frame) -> str:
    """The source of a decorated function or class, without its decorators.

    `frame` is where it is being decorated. `inspect.getsource` cannot be used: it finds no class in a module that is
    not in sys.modules, and before Python 3.13 not the right one of two classes with the same name.
    """
    lines = inspect.findsource(frame)[0]
    inside = [
        node for node in _decorated("".join(lines)) if node.decorator_list[0].lineno <= frame.f_lineno <= node.lineno
    ]
    if not inside:
        raise CourseError(f"{frame.f_code.co_filename}:{frame.f_lineno}: the file changed while it was read; try again")
    node = min(inside, key=lambda node: node.lineno - frame.f_lineno)
    return textwrap.dedent("".join(lines[node.lineno - 1 : node.end_lineno])).rstrip()
