"""What tests of the site and of formgrader share: a browser."""

import shutil

import pytest
from playwright.sync_api import sync_playwright


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
