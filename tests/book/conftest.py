"""Claims on the pages: a test computes a number, then checks that the page says the same."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture
def says():
    """`says("gradient_descent/bowls", "0.017")` fails unless that page's source holds the text, white space aside."""

    def check(page: str, text: str) -> None:
        source = re.sub(r"\s+", " ", (BOOK / f"{page}.md").read_text(encoding="utf-8"))
        assert re.sub(r"\s+", " ", text) in source, f"book/{page}.md does not say {text!r}"

    return check
