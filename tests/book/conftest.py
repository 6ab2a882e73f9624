"""Two ways of holding a page to account: what it says against what a test computes, and the built site in a browser."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"


@pytest.fixture
def says():
    """`says("gradient_descent/bowls", "0.017")` fails unless that page's source holds the text, white space aside."""

    def check(page: str, text: str) -> None:
        source = re.sub(r"\s+", " ", (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8"))
        assert re.sub(r"\s+", " ", text) in source, f"book/{page}.md does not say {text!r}"

    return check


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built site."""
    if not (HTML / "index.html").exists():
        pytest.fail(f"{HTML} holds no site; run `make site` first")
    return HTML


@pytest.fixture(scope="session")
def site_url(html: Path) -> str:
    """Address of a local server for the site, which answers from a sub-path as GitHub Pages does."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            return super().translate_path(path.removeprefix("/course"))

        def log_message(self, *arguments) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/course"
    server.shutdown()


class Visit:
    """An open page, and everything that went wrong while it loaded."""

    def __init__(self, browser, base: str, **context):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.page.on("console", lambda m: self.problems.append(f"console: {m.text}"))
        self.page.on("response", lambda r: r.status >= 400 and self.problems.append(f"{r.status}: {r.url}"))
        self.page.on("request", lambda r: r.url.startswith((base, "data:", "file:")) or self.problems.append(r.url))

    def goto(self, url: str):
        self.page.goto(url)
        self.page.wait_for_load_state("networkidle")
        return self.page


@pytest.fixture
def visit(browser, site_url):
    """`visit(path, **context_options)` opens a page of the site and returns a Visit."""
    visits = []

    def open_page(path: str, **context) -> Visit:
        one = Visit(browser, site_url, **context)
        visits.append(one)
        one.goto(path if "://" in path else f"{site_url}/{path}.html")
        return one

    yield open_page
    for one in visits:
        one.context.close()
