"""Every page against axe-core's rules, best practices included: in light and dark, wide and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

TOC = Path(__file__).resolve().parents[2].joinpath("_toc.yml").read_text(encoding="utf-8")
PAGES = [token.value for token in yaml.scan(TOC) if getattr(token, "value", "").startswith("book/")]
WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 390, "height": 800}


def violations(at, axe: str) -> list[str]:
    """What axe finds on the open page: rule, element, and what to do."""
    if not at.evaluate("'axe' in window"):
        at.evaluate(axe)
    found = at.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['html'][:120]} ({node.get('failureSummary', '')})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.fixture(scope="session")
def axe(browser_tools) -> str:
    return (browser_tools / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_no_rule_of_axe_is_broken(visit, axe, page):
    at = visit(page, viewport=WIDE, color_scheme="light", reduced_motion="reduce").page
    found = {f"light: {one}" for one in violations(at, axe)}
    at.emulate_media(color_scheme="dark")
    at.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    at.wait_for_timeout(350)  # the theme fades its colours
    found |= {f"dark: {one}" for one in violations(at, axe)}
    at.set_viewport_size(PHONE)
    at.wait_for_timeout(600)  # and sees late that a table now scrolls
    found |= {f"dark, phone: {one}" for one in violations(at, axe)}
    assert found == set()


def test_axe_does_find_a_fault(visit, axe):
    at = visit("book/notation").page
    at.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"x.png\">')")
    assert any(one.startswith("image-alt") for one in violations(at, axe))
