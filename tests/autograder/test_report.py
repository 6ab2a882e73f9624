import re
from html.parser import HTMLParser

import pytest

from autograder import report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that every tag is closed, and collects tags, attributes and text."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path, assignment):
    def write(*results, assignments=None) -> Page:
        path = tmp_path / "report.html"
        report.write(path, {"tiny": assignment} if assignments is None else assignments, list(results))
        page = Page(path.read_text(encoding="utf-8"))
        page.html = path.read_text(encoding="utf-8")
        return page

    return write


def summary(assignment, *results):
    return report.summarise(assignment, list(results))


@pytest.mark.parametrize(
    ("scores", "median", "mean"),
    [
        ([], 0.0, 0.0),
        ([2.0], 2.0, 2.0),
        ([0.0, 2.0], 1.0, 1.0),
        ([2.0, 0.0, 0.5], 0.5, 2.5 / 3),
        ([2.0, 0.5, 0.0, 1.5], 1.0, 1.0),
    ],
)
def test_median_and_mean(assignment, result, scores, median, mean):
    zero = {"double_visible": 0.0, "first_number_visible": 0.0, "Stack_hidden": 0.0}
    made = [result(f"s-{i}", **zero, double_hidden=score) for i, score in enumerate(scores)]
    found = summary(assignment, *made)
    assert (found.median, found.mean) == (median, pytest.approx(mean))
    assert found.students == len(scores) and found.max_score == 5.0


def test_counts_of_parts(assignment, result):
    found = summary(
        assignment,
        result("a"),
        result("b", double_hidden=0.0),
        result("c", double_visible=0.0, double_hidden=0.0, first_number_visible=0.0,
               outcomes={"first_number_visible": "missing", "double_visible": "missing", "double_hidden": "missing"}),
        result("d", status="unreadable", reason="torn"),
    )  # fmt: skip
    rows = [(row.name, row.points, row.passed, row.some, row.missing, row.graded) for row in found.parts]
    assert rows == [("double", 3.0, 1, 1, 1, 3), ("first_number", 0.5, 2, 0, 1, 3), ("Stack", 1.5, 3, 0, 0, 3)]
    assert found.students == 4 and [one.student for one in found.unreadable] == ["d"]


def test_bands_hold_every_student_once(assignment, result):
    made = [result("best"), result("b", double_hidden=0.0), result("c", first_number_visible=0.0)]
    made.append(result("none", double_visible=0.0, double_hidden=0.0, first_number_visible=0.0, Stack_hidden=0.0))
    found = summary(assignment, *made)
    assert len(found.bands) == report.BANDS and sum(band.students for band in found.bands) == 4
    assert found.bands[0].low == 0.0 and found.bands[-1].high == 5.0
    assert found.bands[-1].students == 2  # 5.0 and 4.5: the full score belongs to the last band
    assert found.bands[0].students == 1 and found.bands[6].students == 1
    assert found.bands[-1].share == 1.0 and found.bands[0].share == 0.5


def test_unreadable_ones_do_not_count_in_the_averages(assignment, result):
    found = summary(assignment, result("a"), result("b", status="unreadable", reason="torn"))
    assert found.mean == found.median == 5.0


def test_students_are_in_order(assignment, result):
    assert [one.student for one in summary(assignment, result("b"), result("c"), result("a")).results] == [
        "a",
        "b",
        "c",
    ]


def test_page_is_html_without_script_or_foreign_host(page, result):
    made = page(result("s-001", double_hidden=0.0), result("s-002", status="unreadable", reason="torn"))
    assert made.html.lower().startswith("<!doctype html>") and 'lang="en"' in made.html
    assert "script" not in made.tags
    assert not re.search(r"https?://|//[a-z]|@import|url\(", made.html)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in made.attributes)
    assert "s-001" in made.text and "torn" in made.text and "double_hidden" in made.text


def test_what_students_write_is_escaped(page, result):
    evil = "<b>x</b><script>alert(1)</script>"
    made = page(
        result(evil, double_hidden=0.0, messages={"double_hidden": evil + "&amp;"}, notes=[evil]),
        result(evil + "2", status="unreadable", reason=evil),
    )
    assert "script" not in made.tags and "b" not in made.tags
    assert made.text.count(evil) == 5
    assert evil + "&amp;" in made.text


def test_numbers_on_the_page(page, result):
    made = page(result("a"), result("b", double_hidden=0.0), result("c", status="unreadable", reason="torn"))
    text = re.sub(r"\s+", " ", made.text)
    assert "3 handed in; mean 4.0, median 4.0 of 5 points" in text
    assert "1 could not be read" in text
    assert "b: 3 of 5" in text


def test_empty_class(page):
    assert "0 handed in" in page().text
    assert page(assignments={}).text.count("Class report") == 2


def test_a_refused_one_is_not_called_unreadable(page, result):
    made = page(result("a"), result("b", status="refused", reason="the machine is full"))
    assert "the machine is full" in made.text
    assert "could not be read" not in made.text.lower()


def test_names_that_are_no_utf8(page, result):
    name = b"caf\xe9.ipynb".decode("utf-8", "surrogateescape")
    made = page(result("a", status="unreadable", reason=f"expected tiny.ipynb, found {name}"))
    assert "caf" in made.text
