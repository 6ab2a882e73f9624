"""What the tests share: repeatable property tests, and a browser for the site and formgrader."""

import shutil

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
