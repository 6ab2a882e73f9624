"""Which pages are executed again when something changes, and that what they displayed is kept."""

from __future__ import annotations

import re
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_cache import get_cache

from autograder.course import Course
from book import execute

ROOT = Path(__file__).resolve().parents[2]
PAGE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
# A page

```{code-cell} ipython3
CODE
```
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of what pages are and import; everything in `execute` points to it."""
    for folder in ("book", "solutions"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    monkeypatch.setattr(execute, "BOOK", tmp_path / "book")
    monkeypatch.setattr(execute, "CACHE", tmp_path / "_build" / ".jupyter_cache")
    monkeypatch.setattr(execute, "DOCTREES", tmp_path / "_build" / ".doctrees")
    monkeypatch.setattr(execute, "Course", lambda: Course(tmp_path))
    return tmp_path


def fingerprints() -> dict[str, str]:
    execute.of_chapter.cache_clear()
    return {str(page.relative_to(execute.BOOK).with_suffix("")): execute.fingerprint(page) for page in execute.pages()}


@pytest.mark.parametrize(
    "file, line, stale",
    [
        ("solutions/momentum/momentum.py", "\n# %%\nA_CONSTANT_OF_THE_EXERCISE = 1\n", "momentum/"),
        ("solutions/momentum/momentum.py", "\n# %% [markdown]\n# A last word.\n", None),
        ("solutions/sgd/digits.npz", "", "sgd/"),
        ("solutions/sgd/mistakes.py", "\n# another mistake\n", None),
        ("book/runs.py", "\nANOTHER_RUN = 1\n", "transformer/"),
        ("book/film.py", "\nANOTHER_FRAME = 1\n", "transformer/sampling"),
        ("book/figures.py", "\nANOTHER_COLOUR = 1\n", ""),
        ("book/theme.py", "\nANOTHER_ICON = 1\n", None),
        ("constraints.txt", "another-package==1\n", ""),
    ],
)
def test_a_change_makes_stale_the_pages_that_import_it(course, file, line, stale):
    before = fingerprints()
    path = course / file
    path.write_bytes(path.read_bytes()[:-1] if not line else path.read_bytes() + line.encode())
    after = fingerprints()
    changed = {page for page in before if before[page] != after[page]}
    # the page about conventions draws no figure, and imports nothing of the course
    wanted = {p for p in before if stale is not None and p.startswith(stale)} - {"conventions"}
    assert changed - {"conventions"} == wanted
    assert bool(changed) == (stale is not None)


def test_every_import_of_pages_and_modules_is_understood():
    """A form of import that `modules` and `chapters` do not know would leave pages as they were."""
    forms = r"from book import [\w, ]+|import solutions|from autograder\.\w+ import [\w, ]+"
    code = [page.read_text(encoding="utf-8") for page in execute.pages()]
    code += [path.read_text(encoding="utf-8") for text in code for path in execute.modules(text)]
    for line in re.findall(r"^ *(?:import|from) (?:book|solutions|autograder)\b.*$", "\n".join(code), re.MULTILINE):
        assert re.fullmatch(forms, line), line
    assert execute.chapters(ROOT / "book" / "transformer" / "sampling.md") == {"transformer"}
    assert execute.chapters(ROOT / "book" / "engine.md") == set()


def test_the_longest_pages_start_first():
    pages = execute.pages()
    assert [str(page.relative_to(execute.BOOK).with_suffix("")) for page in pages[:3]] == list(execute.LONGEST)
    assert len(pages) == len(set(pages)) > 40


@pytest.mark.slow
def test_only_what_is_stale_is_executed(course, monkeypatch, capfd):
    shutil.rmtree(course / "book")
    for name in ("momentum/one", "sgd/two"):
        path = course / "book" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.replace("CODE", f"print('{name} was here')"), encoding="utf-8")
    (course / "book" / "__init__.py").touch()
    monkeypatch.setattr(execute, "LONGEST", ())
    # one after the other: other processes would not see the changed folders
    monkeypatch.setattr(execute, "Pool", lambda cores: nullcontext(SimpleNamespace(imap_unordered=map)))

    def run() -> tuple[int, list[str]]:
        execute.of_chapter.cache_clear()
        code = execute.main()
        return code, sorted(re.findall(r"of \d+  (\S+)", capfd.readouterr().out))

    assert run() == (0, ["momentum/one", "sgd/two"])
    assert run() == (0, [])
    doctree = course / "_build" / ".doctrees" / "book" / "sgd" / "two.doctree"
    doctree.parent.mkdir(parents=True)
    doctree.touch()
    data = course / "solutions" / "sgd" / "digits.npz"
    data.write_bytes(data.read_bytes() + b"\0")
    assert run() == (0, ["sgd/two"])
    assert not doctree.exists(), "Sphinx would not read the page again"
    kept = [get_cache(execute.CACHE).get_cache_bundle(r.pk).nb for r in get_cache(execute.CACHE).list_cache_records()]
    assert sorted(nb.cells[0].outputs[0].text for nb in kept) == ["momentum/one was here\n", "sgd/two was here\n"]

    broken = course / "book" / "sgd" / "two.md"
    broken.write_text(PAGE.replace("CODE", "1 / 0"), encoding="utf-8")
    assert execute.main() == 1
    said = capfd.readouterr()
    assert "sgd/two" in said.out and "failed" in said.out and "ZeroDivisionError" in said.err
    assert execute.main() == 1, "a page that failed is tried again"
