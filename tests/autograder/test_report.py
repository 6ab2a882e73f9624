import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from autograder import feedback, report
from book import figures

VOID = {"meta", "link", "br", "img", "hr", "input", "source"}


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
    text = re.sub(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", "data:", made.html)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", text)
    assert not any(name.startswith("on") or name == "href" for name, _ in made.attributes)
    assert all(value.startswith("data:image/svg") for name, value in made.attributes if name in ("src", "srcset"))
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


def test_mistakes_are_counted_once_a_student_with_what_to_teach(page, assignment, result):
    made = [result(f"s-{n}", double_visible=0.0, double_hidden=0.0) for n in range(3)]
    made = [
        replace(
            one, cells=tuple(replace(cell, diagnosis="adds-three") if not cell.points else cell for cell in one.cells)
        )
        for one in made
    ]
    (mistake,) = summary(assignment, *made, result("good")).mistakes
    assert (mistake.name, mistake.part, mistake.students, mistake.says) == ("adds-three", "double", 3, "You add three.")
    assert "3 (75 %)" in page(*made, result("good")).text and "You add three." in page(*made).text


def test_parts_that_tell_nobody_apart(assignment, result):
    zero = {"double_visible": 0.0, "double_hidden": 0.0}
    class_ = [result(f"s-{n:02d}", first_number_visible=0.0, **(zero if n % 2 else {})) for n in range(20)]
    rows = {row.name: row for row in summary(assignment, *class_).parts}
    assert "nearly everyone" in rows["Stack"].remark and "nearly nobody" in rows["first_number"].remark
    assert rows["double"].remark == "" and rows["double"].discrimination is None  # the others are the same for all
    class_ = [
        result(
            f"s-{n:02d}",
            first_number_visible=0.5 * (n % 3 == 0),
            Stack_hidden=1.5 * (n % 2 == 0),
            **(zero if n % 2 == 0 else {}),
        )
        for n in range(20)
    ]
    rows = {row.name: row for row in summary(assignment, *class_).parts}
    assert rows["Stack"].discrimination < -0.5 and "does no better here" in rows["Stack"].remark
    assert all(row.remark == "" for row in summary(assignment, *class_[:9]).parts)  # too few to say


def test_limits_that_were_hit(page, assignment, result):
    outcomes = {"double_hidden": "timeout", "Stack_hidden": "crashed"}
    class_ = [result("a", double_hidden=0.0, Stack_hidden=0.0, outcomes=outcomes), result("b")]
    assert set(summary(assignment, *class_).limits) == {("took too long", "double", 1), ("ended Python", "Stack", 1)}
    assert "took too long" in page(*class_).text


def test_as_long_for_many_as_for_few(page, result):
    def length(count):
        results = [result(f"s-{n:05d}", double_hidden=0.0) for n in range(count)]
        results += [result(f"u-{n:05d}", status="unreadable", reason="torn") for n in range(count)]
        made = page(*results)
        assert f"{2 * count} handed in" in re.sub(r"\s+", " ", made.text)
        return len(made.html)

    few, many = length(100), length(2000)
    assert many < 1.1 * few


def test_figures_are_in_the_books_colours_light_and_dark(page, result):
    made = page(result("a"), result("b", double_hidden=0.0))
    images = [value for name, value in made.attributes if name in ("src", "srcset")]
    assert len(images) == 6 and [name for name, _ in made.attributes].count("alt") == 3
    dark, light = (base64.b64decode(one.partition(",")[2]).decode() for one in images[:2])
    assert figures.to_dark(light) == dark != light and figures.colour("gd") in light


def test_times_are_plain_numbers(page, result):
    made = page(*(replace(result(f"s-{n}"), seconds=0.02 * 3**n) for n in range(5)))
    text = base64.b64decode([v for name, v in made.attributes if name == "src"][2].partition(",")[2]).decode()
    labels = re.findall(r">([^<>]+)</text>", text) or re.findall(r"<!-- (.+?) -->", text)
    assert {"0.02", "0.1", "0.5", "1"} <= set(labels) and not any("10" in label for label in labels)


def narrow(browser, violations, path, scheme) -> list[str]:
    """What is wrong with a page on a phone: rules of axe, and whether one has to scroll sideways to read it."""
    at = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    at.goto(path.as_uri())
    at.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = violations(at)
    if at.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page is wider than the screen")
    words = """(() => {
      const found = []
      for (const cell of document.querySelectorAll('td, th')) {
        for (const node of cell.childNodes) {
          if (node.nodeType !== Node.TEXT_NODE || !/^\\w{2,12}$/.test(node.data.trim())) continue
          const range = document.createRange()
          range.selectNodeContents(node)
          if (new Set([...range.getClientRects()].map(one => one.top)).size > 1) found.push(node.data)
        }
      }
      return found
    })()"""
    found += [f"a word is cut in two: {one}" for one in at.evaluate(words)]
    at.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_on_a_phone(browser, violations, page, assignment, course, result, tmp_path, scheme):
    message = "For a list of three numbers your function returns the first of them, and not what was asked for."
    one = result("Ada Lovelace", double_hidden=0.0, messages={"double_hidden": message}, notes=["A cell was deleted."])
    cells = tuple(replace(c, diagnosis="squares") if c.grade_id == "double_hidden" else c for c in one.cells)
    one = replace(one, cells=cells)
    slow = result("b", Stack_hidden=0.0, outcomes={"Stack_hidden": "timeout"})
    page(one, slow, result("c" * 100, status="unreadable", reason="torn"), result("d", status="refused", reason="lost"))
    written = feedback.write(
        tmp_path, assignment, one, feedback.Pages(course), feedback.ByHand(comments={"double": message})
    )
    for path in (tmp_path / "report.html", written):
        assert narrow(browser, violations, path, scheme) == []
