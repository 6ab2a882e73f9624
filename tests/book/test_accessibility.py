"""Every page against axe-core's rules, best practices included: in light and dark, wide and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

TOC = Path(__file__).resolve().parents[2].joinpath("_toc.yml").read_text(encoding="utf-8")
PAGES = [token.value for token in yaml.scan(TOC) if getattr(token, "value", "").startswith("book/")]
WIDE, PHONE = {"width": 1300, "height": 900}, {"width": 390, "height": 800}


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_no_rule_of_axe_is_broken(visit, violations, page):
    at = visit(page, viewport=WIDE, color_scheme="light", reduced_motion="reduce").page
    found = {f"light: {one}" for one in violations(at)}
    at.emulate_media(color_scheme="dark")
    at.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    at.wait_for_timeout(350)  # the theme fades its colours
    found |= {f"dark: {one}" for one in violations(at)}
    at.set_viewport_size(PHONE)
    at.wait_for_timeout(600)  # and sees late that a table now scrolls
    found |= {f"dark, phone: {one}" for one in violations(at)}
    assert found == set()


def test_axe_does_find_a_fault(visit, violations):
    at = visit("book/notation").page
    at.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"x.png\">')")
    assert any(one.startswith("image-alt") for one in violations(at))
