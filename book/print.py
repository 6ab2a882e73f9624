"""The whole course as one PDF, printed by Chromium from the built site: `python -m book.print [FILE]`.

All pages are put into one document in the order of _toc.yml, so that links between them, numbers of figures and the
outline hold. The style sheet is the site's own, with what paper needs. Chromium is found on the machine, as in the
tests.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "the-engine-of-deep-learning.pdf"

_PAPER = """
@page { size: A4; margin: 20mm 18mm 22mm; }
html { font-size: 10.5pt; }
body { background: white; }
main { display: block; margin: 0; padding: 0; }
article.bd-article { break-before: page; padding: 0; width: 100%; }
article.bd-article :last-child { margin-bottom: 0; }
h1, h2, h3, h4, summary { break-after: avoid; }
figure, .admonition, .sd-col > .sd-card, .math, mjx-container, tr { break-inside: avoid; }
pre { white-space: pre-wrap !important; }
.figure-dark, .headerlink, .copybtn, .ways-in, .sd-summary-state-marker { display: none !important; }
figure img { max-width: 100%; }
table { font-size: 0.92em; }
.interactive-controls, .interactive-presets { display: none !important; }
.sheet-title { break-after: page; padding-top: 60mm; text-align: center; }
.sheet-title h1 { border: 0; font-size: 30pt; }
.sheet-contents ol { list-style: none; padding-left: 0; }
.sheet-contents li.part { font-weight: 700; margin-top: 0.8em; }
.sheet-contents li.page { padding-left: 1.2em; }
.sheet-contents li.section { padding-left: 2.4em; }
"""


def order(toc: dict) -> list[tuple[str, str]]:
    """What _toc.yml lists, from first to last, as (kind, name): part captions, pages, and the sections of a chapter."""
    found = [("page", toc["root"])]
    for part in toc["parts"]:
        found.append(("part", part["caption"]))
        for chapter in part["chapters"]:
            found.append(("page", chapter["file"]))
            found += [("section", section["file"]) for section in chapter.get("sections", ())]
    return found


def _anchor(page: str, fragment: str = "") -> str:
    return re.sub(r"\W", "-", page) + (f"--{fragment}" if fragment else "")


def document(site: Path = HTML) -> str:
    """One HTML document with every page of the course in it; what it loads, it names by its place on this machine."""
    listed = order(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    pages = [name for kind, name in listed if kind != "part"]
    root = site.resolve().as_uri()
    articles, titles, styles, sheets = [], {}, {}, {}
    for page in pages:
        soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        folder = PurePosixPath(page).parent
        for link in soup.select('head link[rel="stylesheet"]'):
            sheets[f"{root}/{_from_root(folder, link['href'].partition('?')[0])}"] = None
        for style in soup.select("style#formulas"):
            for rule in re.findall(r"(?:@font-face)?[^{}]*\{[^{}]*\}", style.get_text()):
                styles[re.sub(r'url\("?(?:\.\./)*([^")]+)"?\)', rf'url("{root}/\1")', rule.strip())] = None
        article = soup.select_one("article.bd-article")
        titles[page] = re.sub(r"\s*#$", "", article.h1.get_text().strip())
        articles.append(str(_merged(article, page, root, set(pages))))
    rows = []
    for kind, name in listed[1:]:
        text = name if kind == "part" else f'<a href="#{_anchor(name)}">{titles[name]}</a>'
        rows.append(f'<li class="{kind}">{text}</li>')
    title = titles[pages[0]]
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>
{"".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets)}
<style>{"".join(styles)}{_PAPER}</style></head><body><main>
<section class="sheet-title"><h1>{title}</h1>
<p>A course on backpropagation and gradient descent, from the chain rule to a trained Transformer</p></section>
<section class="sheet-contents"><h2>Contents</h2><ol>{"".join(rows)}</ol></section>
{"".join(articles)}</main></body></html>"""


def _from_root(folder: PurePosixPath, address: str) -> str:
    """A relative address on a page in `folder`, as seen from the root of the site."""
    parts: list[str] = []
    for part in (folder / address).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _merged(article, page: str, root: str, pages: set[str]):
    """The article with ids, links and images that are right in the one document, and nothing folded away."""
    folder = PurePosixPath(page).parent
    for element in article.select("[id]"):
        element["id"] = _anchor(page, element["id"])
    article["id"] = _anchor(page)
    for image in article.select("img"):
        image["src"] = f"{root}/{_from_root(folder, image['src'])}"
        image["loading"] = "eager"
    for unseen in article.select(".figure-dark, script"):
        unseen.decompose()
    for details in article.select("details"):
        details["open"] = ""
    for link in article.select("a[href]"):
        address, _, fragment = link["href"].partition("#")
        if re.match(r"\w+:", address):
            continue
        target = _from_root(folder, address).removesuffix(".html") if address else page
        if target in pages:
            link["href"] = "#" + _anchor(target, fragment)
        else:  # downloads and the like are not on paper
            del link["href"]
    return article


def chromium() -> str:
    """The machine's Chromium; raises FileNotFoundError that says how to get one."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise FileNotFoundError("no Chromium found; install it with: sudo apt-get install chromium")
    return found


def write(pdf: Path = PDF, site: Path = HTML) -> None:
    """Print the course into `pdf`, with an outline and page numbers."""
    from playwright.sync_api import sync_playwright

    number = '<span class="pageNumber"></span>'
    with tempfile.TemporaryDirectory() as folder:
        bound = Path(folder, "course.html")
        bound.write_text(document(site), encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page(color_scheme="light")
            page.set_default_timeout(300_000)
            page.goto(bound.as_uri())
            page.evaluate("document.fonts.ready")
            page.wait_for_function("[...document.images].every(image => image.complete)")
            page.pdf(
                path=pdf,
                format="A4",
                prefer_css_page_size=True,
                print_background=True,
                outline=True,
                tagged=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=f'<div style="width:100%;text-align:center;font-size:8pt">{number}</div>',
            )
            browser.close()


if __name__ == "__main__":
    if not (HTML / "index.html").exists():
        sys.exit(f"{HTML} holds no site; run `make site` first")
    try:
        write(Path(sys.argv[1]) if len(sys.argv) > 1 else PDF)
    except FileNotFoundError as error:
        sys.exit(str(error))
