"""Edit, report, cite, open elsewhere: shown when _config.yml names a repository, and not otherwise."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from book import feedback

ROOT = Path(__file__).resolve().parents[2]
GITHUB = "https://github.com/someone/a-fork"


def test_links_need_a_repository():
    assert feedback.links("", "main", "book/engine", "The engine") == {}
    assert feedback.elsewhere("", "main", "sgd") == {}


def test_links_of_a_page_on_github_and_gitlab():
    found = feedback.links(GITHUB, "main", "book/engine", "The engine")
    assert found["edit"] == f"{GITHUB}/edit/main/book/engine.md"
    assert unquote(found["report"]) == f"{GITHUB}/issues/new?title=The+engine+(book/engine)"
    found = feedback.links("https://gitlab.com/some/one", "dev", "book/engine", "The engine")
    assert found["edit"] == "https://gitlab.com/some/one/-/edit/dev/book/engine.md"


def test_an_exercise_opens_elsewhere_at_a_notebook_that_exists():
    found = feedback.elsewhere(GITHUB, "main", "sgd")
    notebook = "exercises/sgd/sgd.ipynb"
    assert (ROOT / notebook).is_file()
    assert found["Colab"] == f"https://colab.research.google.com/github/someone/a-fork/blob/main/{notebook}"
    assert unquote(found["Binder"]) == f"https://mybinder.org/v2/gh/someone/a-fork/main?labpath={notebook}"
    assert feedback.elsewhere("https://gitlab.com/some/one", "main", "sgd") == {}


def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.slow
def test_without_a_repository_no_link_to_one_is_shown(html):
    for page in ("book/engine", "book/sgd/exercise"):
        shown = read(html / f"{page}.html").select_one(".page-feedback")
        assert [link.text for link in shown.select("a")] == ["What is new"]
        assert "version 0.1.0" in shown.details.p.text and "@incollection{" in shown.details.pre.text
    ways = read(html / "book/sgd/exercise.html").select(".ways-in a")
    assert [way.text for way in ways] == ["Download it all (zip)"]


@pytest.mark.slow
def test_with_a_repository_each_page_can_be_edited_and_each_exercise_opened(build_site):
    site = build_site(repository={"url": GITHUB}, html={"baseurl": "https://course.example/"})
    shown = read(site / "book/sgd/exercise.html")
    links = {link.text: link["href"] for link in shown.select(".page-feedback a")}
    assert links["Edit this page"] == f"{GITHUB}/edit/main/book/sgd/exercise.md"
    assert links["Report a mistake"].startswith(f"{GITHUB}/issues/new?title=")
    assert "https://course.example/book/sgd/exercise.html" in shown.select_one(".page-feedback details").text
    ways = [way.text for way in shown.select(".ways-in a")]
    assert ways == ["Download it all (zip)", "Open in Colab", "Open in Binder"]
    assert "digits.npz" in shown.select_one(".ways-in + p").text


@pytest.mark.slow
def test_each_exercise_is_one_download_with_all_its_files(html):
    for folder in (ROOT / "exercises").iterdir():
        packed = zipfile.ZipFile(io.BytesIO((html / "_downloads" / f"{folder.name}.zip").read_bytes()))
        files = {f"{folder.name}/{path.name}": path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert {name: packed.read(name) for name in packed.namelist()} == files
        assert json.loads(packed.read(f"{folder.name}/{folder.name}.ipynb"))["nbformat"] == 4
