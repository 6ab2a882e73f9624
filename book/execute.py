"""Execute the pages that need it, on all cores: `python -m book.execute`. The site is built from what they displayed.

The cache of jupyter-book knows a page by its own code alone. What that code imports counts as well: the answer key and
the data of its chapter, and modules of this package. Their fingerprint is kept with the page. So pages are executed
again that import what has changed, and no others.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import os
import platform
import re
import sys
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_cache.readers import get_reader

from autograder.course import ROOT, Course
from autograder.master import answer_source, read

BOOK, CACHE, DOCTREES = ROOT / "book", ROOT / "_build" / ".jupyter_cache", ROOT / "_build" / ".doctrees"
TIMEOUT = 600  # seconds a cell may take
Pool = multiprocessing.get_context("spawn").Pool
# A minute or more each. They start first, so that no core is left with one of them when the others have nothing to do.
LONGEST = ("transformer/sgd_against_adam", "transformer/recipe", "transformer/first_run")
_MODULES = re.compile(r"^from book import ([\w, ]+)$", re.MULTILINE)
_CHAPTERS = re.compile(r"""\b(?:solutions\.load|Course\(\)\.master)\("(\w+)"\)""")


def pages() -> list[Path]:
    """The pages that have code, in the order in which they start."""
    found = [p for p in sorted(BOOK.rglob("*.md")) if re.search(r"^kernelspec:", p.read_text(encoding="utf-8"), re.M)]
    first = [BOOK / f"{name}.md" for name in LONGEST]
    return first + [page for page in found if page not in first]


def modules(text: str) -> set[Path]:
    """The modules of this package that code imports, and those that they import in turn."""
    names = {name.strip() for line in _MODULES.findall(text) for name in line.split(",")}
    own = {BOOK / f"{name}.py" for name in names}
    return own.union(*(modules(path.read_text(encoding="utf-8")) for path in own))


def chapters(page: Path) -> set[str]:
    """The chapters whose answers or data a page may use: its own, and those that it or its modules load."""
    texts = [path.read_text(encoding="utf-8") for path in (page, *modules(page.read_text(encoding="utf-8")))]
    named = {name for text in texts for name in _CHAPTERS.findall(text)}
    return named | ({page.parent.name} & set(Course().chapters()))


@functools.cache
def of_chapter(chapter: str) -> bytes:
    """What pages see of a chapter: its answers and its data. The prose and the tests of its master are not among it."""
    master = Course().master(chapter)
    data = [p for p in sorted(master.parent.iterdir()) if p.is_file() and p.suffix != ".py"]
    return b"\n".join([answer_source(read(master)).encode(), *(path.read_bytes() for path in data)])


def fingerprint(page: Path) -> str:
    """A digest of everything but its own code that a page's outputs depend on."""
    files = [ROOT / "constraints.txt", ROOT / "solutions" / "__init__.py", BOOK / "__init__.py"]
    files += sorted(modules(page.read_text(encoding="utf-8")))
    parts = [path.read_bytes() for path in files] + [of_chapter(chapter) for chapter in sorted(chapters(page))]
    return hashlib.sha256(b"\0".join([platform.python_version().encode(), *parts])).hexdigest()


def executed(page: Path, cache) -> bool:
    """Whether the cache holds the page as it is now. What it holds of it from before is thrown away."""
    try:
        record = cache.match_cache_notebook(_read(page))
    except KeyError:
        return False
    if record.data.get("fingerprint") == fingerprint(page):
        return True
    cache.remove_cache(record.pk)
    return False


def execute(page: Path) -> tuple[Path, float, str | None]:
    """Execute a page and keep what it displays: (page, seconds, what went wrong)."""
    before = fingerprint(page)
    done = single_nb_execution(
        notebook := _read(page),
        cwd=str(page.parent),
        timeout=TIMEOUT,
        allow_errors=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # else each kernel warns that its sockets are not encrypted
    )
    if done.err is None:
        data = {"execution_seconds": done.time, "fingerprint": before}
        get_cache(CACHE).cache_notebook_bundle(
            CacheBundleIn(notebook, str(page), data=data), check_validity=False, overwrite=True
        )
        # Sphinx reads a page again when its text has changed, or when what it has made of it is not there
        (DOCTREES / page.relative_to(ROOT)).with_suffix(".doctree").unlink(missing_ok=True)
    return page, done.time, done.exc_string


def _read(page: Path):
    return get_reader({"name": "myst_nb_md", "type": "plugin"})(str(page))


def main() -> int:
    cache = get_cache(CACHE)
    waiting = [page for page in pages() if not executed(page, cache)]
    if not waiting:
        return 0
    cores = min(len(os.sched_getaffinity(0)), len(waiting))
    print(f"executing {len(waiting)} pages of the book, {cores} at a time (all of them take minutes, the first time)")
    failed = 0
    with Pool(cores) as pool:
        for count, (page, seconds, error) in enumerate(pool.imap_unordered(execute, waiting), start=1):
            name = page.relative_to(BOOK).with_suffix("")
            print(f"{count:4} of {len(waiting)}  {name}  {seconds:.0f} s" + (", failed" if error else ""), flush=True)
            if error:
                failed += 1
                print(f"{page}:\n{error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
