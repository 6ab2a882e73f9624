"""The answer key on the page of each exercise, when `publish_solutions` in _config.yml says so."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from autograder import master
from autograder.course import Course


def section(chapter: str) -> str:
    """The answers of an exercise as MyST text: one folded block a part, without hidden tests."""
    parts = master.read(Course().master(chapter)).parts
    folded = [
        f":::{{dropdown}} {number} · `{part.name}`\n```python\n{master.answer(part).strip()}\n```\n:::\n"
        for number, part in enumerate(parts, start=1)
    ]
    return "\n## The answers\n\nOpen one when yours is done: each is one way among several.\n\n" + "\n".join(folded)


def add(app: Sphinx, docname: str, source: list[str]) -> None:
    found = re.fullmatch(r"book/(\w+)/exercise", docname)
    if found and app.config.publish_solutions:
        source[0] += section(found[1])


def setup(app: Sphinx) -> None:
    app.add_config_value("publish_solutions", False, "env", [bool])
    app.connect("source-read", add)
