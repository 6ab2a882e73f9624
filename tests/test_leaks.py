"""Nothing that students read holds a line of a solution or of a hidden test."""

import html
import json
import re
from pathlib import Path

import pytest

from autograder import master
from autograder.course import Course
from autograder.master import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION

COURSE = Course()
SITE = COURSE.root / "_build" / "html"
needs_site = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the site is not built (run `make`)")


def squeeze(text: str) -> str:
    """Without any white space, so that neither indentation nor wrapping nor a formatter hides a line."""
    return re.sub(r"\s+", "", text)


# what every second program has: a name set to 0, a loop over a range
IDIOM = re.compile(r"[\w.]+ = ([01](\.0)?|\[\]|\(\)|\{\}|None|True|False)|for \w+ in range\([\w.]+\):")


def is_telling(line: str) -> bool:
    """Long enough to give something away, and no idiom: `else:`, `return x` and `velocity = 0.0` are not telling."""
    line = re.sub(r"\s+", " ", line.strip())
    return len(line) >= 12 and re.search("[A-Za-z]", line) is not None and not IDIOM.fullmatch(line)


def regions(source: str) -> list[str]:
    """The lines inside solution and hidden-test regions."""
    found, inside = [], False
    for line in source.splitlines():
        if line.strip() in (BEGIN_SOLUTION, BEGIN_HIDDEN):
            inside = True
        elif line.strip() in (END_SOLUTION, END_HIDDEN):
            inside = False
        elif inside:
            found.append(line)
    return found


def secrets(course: Course) -> dict[str, str]:
    """Squeezed secret line -> where it stands, for every chapter; lines that the same exercise shows are no secret."""
    found = {}
    for chapter in course.chapters():
        cells = master.read(course.master(chapter)).cells
        public = squeeze("\n".join(cell.stub for cell in cells))
        for cell in cells:
            for line in regions(cell.source):
                code = re.sub(r"\s+#.*", "", line)  # with and without the comment behind it
                for text in {line, code}:
                    if is_telling(text) and squeeze(text) not in public:
                        found[squeeze(text)] = f"solutions/{chapter}/{chapter}.py, {cell.grade_id}: {text.strip()}"
    return found


def leaks(known: dict[str, str], texts: dict[str, str]) -> list[str]:
    """Which secrets each text holds."""
    return [
        f"{name} holds a line of {where}"
        for name, text in texts.items()
        for squeezed in [squeeze(text)]
        for secret, where in known.items()
        if secret in squeezed
    ]


def handed_out(course: Course) -> dict[str, str]:
    """Every file of exercises/ as text: of notebooks all strings in them; what is no text is left out."""
    found = {}
    for path in sorted(course.exercises.rglob("*")):
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.suffix == ".ipynb":
            text = "\n".join(strings(json.loads(text)))
        found[str(path.relative_to(course.root))] = text
    return found


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in strings(part)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def visible_code(page: str) -> str:
    """The code of a page that its readers see: code cells without a tag that removes them, and plain blocks."""
    found: list[str] = []
    fence, code = None, []
    for line in page.splitlines():
        if fence is None:
            opened = re.match(
                r"\s*(`{3,}|~{3,})\s*(?:\{code-cell\}|\{code-block\}|\{literalinclude\}|python|py\b|ipython)", line
            )
            if opened:
                fence, code = opened[1], []
        elif line.strip() == fence:
            fence = None
            text = "\n".join(code)
            options = re.match(r"\s*---\n.*?\n\s*---(?:\n|$)|(?:\s*:[\w-]+:.*(?:\n|$))+", text, re.DOTALL)
            if not (options and re.search("remove-(?:input|cell)", options[0])):
                found.append(text)
        else:
            code.append(line)
    return "\n".join(found)


def pages(course: Course) -> dict[str, str]:
    return {
        str(path.relative_to(course.root)): visible_code(path.read_text(encoding="utf-8"))
        for path in sorted((course.root / "book").rglob("*.md"))
    }


def built(site: Path) -> dict[str, str]:
    """The text of every built page, and the index of the search."""
    found = {}
    for path in sorted(site.rglob("*.html")):
        text = re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))
        found[str(path.relative_to(site))] = html.unescape(text)
    index = site / "searchindex.js"
    if index.exists():
        found[index.name] = index.read_text(encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return secrets(COURSE)


def test_exercises_hold_no_secret(known):
    assert leaks(known, handed_out(COURSE)) == []


def test_code_on_the_pages_holds_no_secret(known):
    assert leaks(known, pages(COURSE)) == []


@needs_site
def test_the_site_holds_no_secret(known):
    assert leaks(known, built(SITE)) == []


@needs_site
def test_the_site_publishes_no_page_sources():
    assert not (SITE / "_sources").exists()


# --- and would they be found? ----------------------------------------------------------------------------------------

MASTER = '''\
# %% [markdown]
"""
The rule is `shown = rule + rule`.
"""

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "solution": true}
def double(number):
    """Twice a number."""
    ### BEGIN SOLUTION
    shown = rule + rule
    twice = number + number  # the whole secret
    accumulated = 0.0
    for _ in range(10):
        pass
    return twice
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "double_hidden", "locked": true, "points": 1, "solution": false}
### BEGIN HIDDEN TESTS
assert double('<&">') == '<&"><&">'
### END HIDDEN TESTS
'''


@pytest.fixture
def planted(tmp_path) -> Course:
    for folder in ("solutions/tiny", "exercises/tiny", "book/tiny", "site"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "solutions/tiny/tiny.py").write_text(MASTER)
    return Course(tmp_path)


def test_what_is_secret(planted):
    found = {where.rpartition(": ")[2] for where in secrets(planted).values()}
    assert found == {
        "twice = number + number  # the whole secret",
        "twice = number + number",
        "return twice",
        "assert double('<&\">') == '<&\"><&\">'",
    }


@pytest.mark.parametrize("text", ["twice=number+number", "\n    twice =  number\n+ number\n", "x\treturn  twice # y"])
def test_planted_in_the_exercises(planted, text):
    notebook = planted.exercises / "tiny" / "tiny.ipynb"
    (planted.exercises / "tiny" / "table.npz").write_bytes(b"\xff\xfe\x00")
    clean = {"cells": [{"source": ["twice = number\n", "shown = rule + rule"], "metadata": {}}], "nbformat": 4}
    notebook.write_text(json.dumps(clean))
    assert leaks(secrets(planted), handed_out(planted)) == []
    for place in (
        {"source": [text]},
        {"outputs": [{"text": text}]},
        {"metadata": {text: 1}},
        {"attachments": {"a": text}},
    ):
        notebook.write_text(json.dumps({**clean, "cells": [place]}))
        assert leaks(secrets(planted), handed_out(planted))
    notebook.write_text(json.dumps(clean))
    (planted.exercises / "tiny" / "notes.txt").write_text(f"do this: {text}")
    assert (
        "notes.txt holds a line of solutions/tiny/tiny.py, double: " in leaks(secrets(planted), handed_out(planted))[0]
    )


@pytest.mark.parametrize(
    ("block", "visible"),
    [
        ("```{code-cell} ipython3\n@\n```", True),
        ("```{code-cell}\n:tags: [hide-input]\n@\n```", True),
        ("```{code-cell}\n---\ntags: [hide-input]\n---\n@\n# remove-input\n```", True),
        ("````{admonition} Look\n```{code-cell}\n@\n```\n````", True),
        ("```python\n@\n```", True),
        ("~~~python\n@\n~~~", True),
        ("```{code-cell} ipython3\n:tags: [remove-input]\n\n@\n```", False),
        ("```{code-cell} ipython3\n:tags: [remove-cell]\n@\n```", False),
        ("```{code-cell}\n---\nmystnb:\n  figure: {}\ntags: [remove-input]\n---\n@\n```", False),
        ("```{code-cell}\n---\ntags:\n  - remove-cell\n---\n@\n```", False),
    ],
)
def test_planted_on_a_page(planted, block, visible):
    other = "```{code-cell}\n:tags: [remove-input]\npass\n```\n"
    page = other + block.replace("@", "import numpy as np\ntwice = number + number\nprint(1)") + "\n" + other
    (planted.root / "book/tiny/page.md").write_text(f"# Page\n\n{page}\nText.\n")
    assert bool(leaks(secrets(planted), pages(planted))) == visible


@pytest.mark.parametrize(
    "text",
    [
        '<span class="n">twice</span> <span class="o">=</span> <span class="n">number</span> + number',
        "assert double(&#39;&lt;&amp;&quot;&gt;&#39;) == &#39;&lt;&amp;&quot;&gt;&lt;&amp;&quot;&gt;&#39;",
    ],
)
def test_planted_on_the_site(planted, text):
    site = planted.root / "site"
    (site / "page.html").write_text("<html><p>shown = rule + rule</p></html>")
    assert leaks(secrets(planted), built(site)) == []
    (site / "page.html").write_text(f"<html><pre>\n{text}\n</pre></html>")
    assert leaks(secrets(planted), built(site))
    (site / "page.html").unlink()
    (site / "searchindex.js").write_text('Search.setIndex({"titles":["return twice"]})')
    assert leaks(secrets(planted), built(site))
