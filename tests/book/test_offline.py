"""The site as an archive that works anywhere, and the course as a PDF."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pypdf
import pytest
import yaml

from book import offline
from book import print as paper

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_the_archive_works_where_it_is_unpacked(html, tmp_path, visit):
    archive = tmp_path / "course.zip"
    offline.write(archive)
    assert archive.stat().st_size < 30_000_000
    elsewhere = tmp_path / "a folder with ümlauts and spaces"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(elsewhere)
    (top,) = elsewhere.iterdir()
    opened = visit((top / "index.html").as_uri())
    at = opened.page
    at.wait_for_url("**/book/index.html")
    at.get_by_role("link", name="Start with the engine").or_(at.locator("a[href='engine.html']")).first.click(
        force=True
    )
    at.wait_for_url("**/book/engine.html")
    assert at.locator("main .math mjx-container").count() > 0
    opened.read_to_the_end()
    loaded = "all => all.filter(i => i.checkVisibility() && !i.naturalWidth).map(i => i.src)"
    assert at.eval_on_selector_all("main img", loaded) == []
    at = opened.goto((top / "search.html").as_uri() + "?q=ravine")
    at.wait_for_selector("#search-results li a")
    assert opened.problems == []


def test_the_same_site_gives_the_same_archive(html, tmp_path):
    for name in ("one.zip", "two.zip"):
        offline.write(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_every_link_of_the_bound_course_has_its_target(html):
    text = paper.document()
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    dangling = {link for link in re.findall(r'href="#([^"]+)"', text) if link not in ids}
    assert dangling == set()
    listed = paper.order(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    assert text.count('class="bd-article"') == sum(kind != "part" for kind, _ in listed)
    for image in set(re.findall(r'src="([^"]+)"', text)):
        assert Path(unquote(urlsplit(image).path)).is_file(), image


def test_the_course_prints_as_one_pdf_with_outline_figures_and_formulas(html, tmp_path):
    done = subprocess.run([sys.executable, "-m", "book.print", tmp_path / "course.pdf"], cwd=ROOT)
    assert done.returncode == 0
    read = pypdf.PdfReader(tmp_path / "course.pdf")
    sheets = [sheet.extract_text() for sheet in read.pages]
    assert 150 <= len(sheets) <= 600
    empty = [number for number, text in enumerate(sheets, start=1) if len(text.strip()) < 3]
    assert empty == []

    def titles(outline) -> list[str]:
        return [title for one in outline for title in (titles(one) if isinstance(one, list) else [one.title])]

    found = " | ".join(titles(read.outline))
    for title in ("The noise floor", "Bowls", "The best pair", "Glossary"):
        assert title in found
    formulas = read.pages[next(n for n, text in enumerate(sheets) if "A parabola that is shaken" in text)]
    fonts = [font.get_object() for font in formulas["/Resources"]["/Font"].values()]
    # the site's small fonts of formulas have no name that a PDF could give: their glyphs are drawn one by one
    assert any(font["/Subtype"] == "/Type3" for font in fonts), "formulas need their own fonts"
