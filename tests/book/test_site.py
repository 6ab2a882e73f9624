"""The built site as a reader meets it: in Chromium, light and dark, wide and narrow, with nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pypdf
import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def toc_pages() -> list[str]:
    """Every page that `_toc.yml` names, without its ending."""

    def walk(node) -> list[str]:
        if isinstance(node, dict):
            own = [node[key] for key in ("root", "file") if key in node]
            return own + [page for value in node.values() for page in walk(value)]
        return [page for item in node for page in walk(item)] if isinstance(node, list) else []

    return walk(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))


PAGES = toc_pages()
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}


@pytest.mark.parametrize("page", PAGES)
def test_page_loads_clean_and_complete(visit, page):
    opened = visit(page, viewport={"width": 1300, "height": 900})
    at = opened.page
    title = at.title()
    assert len(title) > len("The Engine of Deep Learning"), f"title {title!r} names no page"
    description = at.locator("meta[name=description]").get_attribute("content")
    assert 50 <= len(description) <= 170, f"description has {len(description)} characters: {description!r}"
    assert at.locator("h1:visible").count() == 1
    without_alt = at.eval_on_selector_all("main img", "all => all.filter(i => !(i.alt || '').trim()).map(i => i.src)")
    assert without_alt == [], "figures without alt text"
    without_size = "all => all.filter(i => !i.getAttribute('width') || !i.getAttribute('height')).map(i => i.src)"
    assert at.eval_on_selector_all("main img", without_size) == [], "figures without width and height"
    assert at.locator("main .math:not(:has(mjx-container))").count() == 0, "TeX not typeset"
    opened.read_to_the_end()
    assert opened.bytes <= 600_000, f"the page weighs {opened.bytes / 1000:.0f} KB"
    shift = at.evaluate("layoutShift")
    assert shift < 0.02, f"things jump while the page loads: layout shift {shift:.3f}"
    assert opened.problems == []


@pytest.mark.parametrize("page", PAGES)
def test_page_fits_a_phone(visit, page):
    opened = visit(page, **PHONE)
    width = opened.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"the page is {width} pixels wide on a screen of 390"
    shift = opened.page.evaluate("layoutShift")
    assert shift < 0.02, f"things jump while the page loads: layout shift {shift:.3f}"
    assert opened.problems == []


@pytest.mark.parametrize("scripts", [True, False], ids=["", "without scripts"])
@pytest.mark.parametrize("page", ["book/adaptive/index", "book/momentum/damping"])
def test_figures_on_a_phone_scroll_in_their_frame(visit, page, scripts):
    """Their lettering is readable; the caption says that there is more, and stays where it is."""
    at = visit(page, java_script_enabled=scripts, **PHONE).page
    for figure in at.locator(".cell_output figure").all():
        image = figure.locator("img:visible")
        if image.count() == 0:
            continue  # a figure that moves has taken its place
        assert image.bounding_box()["width"] > 500
        caption = figure.locator("figcaption")
        before = caption.bounding_box()["x"]
        assert before >= 0 and before + caption.bounding_box()["width"] <= 390
        figure.evaluate("e => { e.scrollLeft = 100 }")
        assert image.bounding_box()["x"] < 0 and caption.bounding_box()["x"] == before
        assert "swipe" in caption.evaluate("e => getComputedStyle(e, '::before').content")
    assert at.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme, shown, hidden", [("light", "light", "dark"), ("dark", "dark", "light")])
def test_figures_follow_the_theme(visit, scheme, shown, hidden):
    at = visit("book/gradient_descent/bowls", color_scheme=scheme).page
    assert at.locator("html").get_attribute("data-theme") == scheme
    still = ":not(.interactive *)"  # where a figure moves, its picture gives way
    pictures = at.locator(f"img.figure-{shown}{still}")
    assert pictures.locator("visible=true").count() == pictures.count() > 0
    assert at.locator(f"img.figure-{hidden}:visible").count() == 0
    captions = at.locator("main figure figcaption")
    assert captions.count() == captions.locator("visible=true").count() > 0


def test_only_the_shown_figures_are_fetched(visit):
    opened = visit("book/gradient_descent/bowls", color_scheme="light")
    fetched = opened.page.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert [name for name in fetched if name.endswith("-dark.svg")] == []


def test_theme_switch_changes_the_figures(visit):
    at = visit("book/gradient_descent/bowls", color_scheme="light", viewport={"width": 1300, "height": 900}).page
    for _ in range(3):
        at.locator(".theme-switch-button:visible").first.click()
        if at.locator("html").get_attribute("data-theme") == "dark":
            break
    assert at.locator("html").get_attribute("data-theme") == "dark"
    assert at.locator("img.figure-dark:visible").count() > 0


def test_next_leads_through_the_whole_course(visit, site_url):
    at = visit(PAGES[0], viewport={"width": 1300, "height": 900}).page
    seen = []
    for _ in range(len(PAGES)):
        seen.append(urlsplit(at.url).path.removeprefix("/course/").removesuffix(".html"))
        following = at.locator("a.right-next")
        if following.count() == 0:
            break
        at.goto(f"{site_url}/{seen[-1]}.html".rsplit("/", 1)[0] + "/" + following.get_attribute("href"))
    assert seen == PAGES


@pytest.mark.parametrize(
    "query, page",
    [
        ("saddle", "gradient_descent/not_a_bowl"),
        ("Armijo", "gradient_descent/choosing_the_step"),
        ("Jacobian", "backprop/arrays"),
        ("schedule", "sgd/noise_floor"),
        ("Nesterov", "momentum/nesterov"),
        ("epsilon", "conventions"),
        ("fork", "instructors"),
    ],
)
def test_search_finds_what_it_should(visit, site_url, query, page):
    opened = visit("book/index")
    at = opened.goto(f"{site_url}/search.html?q={query}")
    at.wait_for_selector("#search-results li a")
    found = at.eval_on_selector_all("#search-results li a", "links => links.map(a => a.getAttribute('href'))")
    assert any(page in link for link in found[:8]), found
    assert opened.problems == []


def test_search_by_keyboard(visit):
    at = visit("book/index", viewport={"width": 1300, "height": 900}).page
    at.keyboard.press("Control+k")
    at.keyboard.type("ravine")
    at.keyboard.press("Enter")
    at.wait_for_selector("#search-results li a")
    assert "q=ravine" in at.url


def test_works_from_a_folder(visit, html):
    opened = visit(html.joinpath("book/gradient_descent/bowls.html").as_uri())
    assert opened.page.locator("main .math mjx-container").count() > 0
    assert opened.page.locator("img.figure-light:visible").count() > 0
    assert opened.problems == []
    at = opened.goto(html.joinpath("search.html").as_uri() + "?q=saddle")
    at.wait_for_selector("#search-results li a")


def test_a_printed_page_is_the_text_and_nothing_else(visit, tmp_path):
    at = visit("book/sgd/noise_floor").page
    paper = tmp_path / "page.pdf"
    at.pdf(path=paper, format="A4")
    sheets = [sheet.extract_text() for sheet in pypdf.PdfReader(paper).pages]
    text = " ".join(" ".join(sheets).split())
    assert 3 <= len(sheets) <= 12
    assert all(len(sheet) > 100 or k == len(sheets) - 1 for k, sheet in enumerate(sheets)), "an empty sheet"
    assert "How far away does SGD live in the long run?" in text and "Does that matter?" in text
    assert "Nineteen times as high" in text, "what is folded away on the screen is missing on paper"
    for furniture in ("Skip to main content", "Ctrl", "Cite this page", "Back to top"):
        assert furniture not in text


def test_readable_without_javascript(visit):
    at = visit("book/gradient_descent/bowls", java_script_enabled=False).page
    assert at.locator("img.figure-light:visible").count() > 0
    assert at.locator("img.figure-dark:visible").count() == 0
    assert at.locator("main .math > mjx-container").count() > 0
    assert at.locator("main .math mjx-container:visible").count() > 0
    assert at.locator(".bd-header").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    at = visit("book/gradient_descent/quiz", java_script_enabled=False).page
    first = at.locator("main details").first
    first.locator("summary").click()
    assert first.get_attribute("open") is not None


def test_downloads_are_the_exercises(html):
    for notebook in ROOT.glob("exercises/*/*.ipynb"):
        copies = list(html.glob(f"_downloads/*/{notebook.name}"))
        assert copies and all(copy.read_bytes() == notebook.read_bytes() for copy in copies), notebook.name


def test_no_page_sources_are_published(html):
    assert not (html / "_sources").exists()
    assert list(html.rglob("*.md")) == []


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.update(filter(None, (found.get("id"), found.get("name"))))
        self.links += [found[key] for key in ("href", "src") if found.get(key)]


def test_every_internal_link_and_anchor_exists(html):
    parsed = {}
    for path in html.rglob("*.html"):
        if "_static" not in path.parts:
            parser = _Links()
            parser.feed(path.read_text(encoding="utf-8"))
            parsed[path] = parser
    broken = []
    for path, parser in parsed.items():
        for link in parser.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.relative_to(html)}: {link}")
            elif parts.fragment and target in parsed and unquote(parts.fragment) not in parsed[target].ids:
                broken.append(f"{path.relative_to(html)}: {link} (no such anchor)")
    assert broken == []


def test_every_page_is_in_the_table_of_contents():
    written = {str(path.relative_to(ROOT).with_suffix("")) for path in Path(ROOT, "book").rglob("*.md")}
    assert written == set(PAGES)


def test_nothing_on_the_site_names_another_host_for_a_resource(html):
    """Links may lead away; what a page loads by itself may not."""
    loading = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]+"')
    found = []
    for path in html.rglob("*.html"):
        if "_static" not in path.parts:
            text = path.read_text(encoding="utf-8")
            found += [f"{path.name}: {match.group()}" for match in loading.finditer(text)]
    assert found == []
