"""Two ways of holding a page to account: what it says against what a test computes, and the built site in a browser."""

from __future__ import annotations

import functools
import gzip
import http.server
import mimetypes
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

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


class _Published(http.server.BaseHTTPRequestHandler):
    """Serves a folder as a host of static pages does: from the sub-path /course, compressed, connections kept open."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments, folder: Path):
        self.folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.folder / unquote(urlsplit(self.path).path).removeprefix("/course").lstrip("/")
        if path.is_dir():
            path /= "index.html"
        found = path.is_file()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        text = kind.startswith("text/") or kind.endswith(("javascript", "json", "svg+xml"))
        body = path.read_bytes() if found else b""
        self.send_response(200 if found else 404)
        if found and text:
            body = _compressed(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if text else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        pass


@functools.cache
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body)


def publish(folder: Path) -> tuple[http.server.HTTPServer, str]:
    """A running server for the folder, and the address of its sub-path."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Published, folder=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/course"


@pytest.fixture(scope="session")
def site_url(html: Path) -> str:
    """Address of a local server for the site."""
    server, address = publish(html)
    yield address
    server.shutdown()


# Adds up how far things jump while a page loads, as the field's measure does (cumulative layout shift).
_WATCH_SHIFTS = """
window.layoutShift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


class Visit:
    """An open page, everything that went wrong while it loaded, and what it weighed."""

    def __init__(self, browser, base: str, **context):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.add_init_script(_WATCH_SHIFTS)
        self.problems: list[str] = []
        self.bytes = 0  # over the wire, headers included
        self.page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.page.on("console", lambda m: self.problems.append(f"console: {m.text}"))
        self.page.on("response", lambda r: r.status >= 400 and self.problems.append(f"{r.status}: {r.url}"))
        self.page.on("request", lambda r: r.url.startswith((base, "data:", "file:")) or self.problems.append(r.url))
        network = self.context.new_cdp_session(self.page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", self._count)

    def _count(self, event: dict) -> None:
        self.bytes += event["encodedDataLength"]

    def goto(self, url: str):
        self.page.goto(url)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def read_to_the_end(self) -> None:
        """Scroll down, as a reader does, so that everything that loads late has loaded."""
        self.page.evaluate(
            """async () => {
              for (let y = 0; y < document.body.scrollHeight; y += 600) {
                scrollTo(0, y);
                await new Promise(requestAnimationFrame);
              }
            }"""
        )
        self.page.wait_for_function("[...document.images].every(i => i.complete || !i.checkVisibility())")
        self.page.wait_for_load_state("networkidle")


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


@pytest.fixture
def build_site(tmp_path):
    """`build_site(repository={...})` builds a few pages that run no code, `_config.yml` so changed; its folder."""

    def build(**changes) -> Path:
        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
        for section, change in changes.items():
            config[section] = _changed(config[section], change)
        (tmp_path / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        pages = [{"file": f"book/{name}"} for name in ("sgd/exercise", "changelog", "bibliography")]
        toc = {"format": "jb-book", "root": "book/how_to_use", "chapters": pages}
        (tmp_path / "toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
        command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "--path-output", tmp_path, "-q"]
        command += ["--config", tmp_path / "config.yml", "--toc", tmp_path / "toc.yml"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return tmp_path / "_build" / "html"

    return build


def _changed(settings: dict, change: dict) -> dict:
    """The settings with those in `change` in their place, level by level."""
    nested = {key: _changed(settings[key], value) for key, value in change.items() if isinstance(value, dict)}
    return settings | change | nested
