"""What the tests share: repeatable property tests, and a browser for pages, and what checks them."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

# The same examples every time, and no limit of time for one: whoever has changed nothing gets the same answer again.
# `pytest --hypothesis-profile default` looks at new examples instead.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, the system's own."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("no Chromium found; install it with: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        # a container often runs as root, where Chromium's own sandbox cannot start; the pages are ours
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


TOOLS = Path(__file__).resolve().parents[1] / "_build" / "browser" / "node_modules"


@pytest.fixture(scope="session")
def browser_tools() -> Path:
    """The folder with axe-core and Lighthouse, as tests/book/package-lock.json names them."""
    if not (TOOLS / "axe-core").exists():
        pytest.fail(f"{TOOLS} holds no axe-core; run `make browser-tools` first")
    return TOOLS


@pytest.fixture(scope="session")
def violations(browser_tools):
    """`violations(page)`: what axe-core finds on the open page: rule, element, and what to do."""
    axe = (browser_tools / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def look(at) -> list[str]:
        if not at.evaluate("'axe' in window"):
            at.evaluate(axe)
        found = at.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{rule['id']}: {node['html'][:120]} ({node.get('failureSummary', '')})"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    return look
