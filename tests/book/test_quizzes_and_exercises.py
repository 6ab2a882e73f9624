"""Of every chapter: a question of the quiz has one right answer, and the exercise's page says what the exercise is."""

import re

import pytest

from autograder.course import ROOT, Course

CHAPTERS = Course().chapters()
NUMBERS = {10: "ten", 11: "eleven", 12: "twelve"}
# minutes that the parts take, as both pages say it
HOURS = {150: "two and a half hours", 185: "three hours", 220: "three and a half hours"}


def page(name: str) -> str:
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def parts(chapter) -> list[str]:
    """The sections of the exercise that have a number."""
    text = Course().master(chapter).read_text(encoding="utf-8")
    return re.split(r"^## (?=\d+ · )", text, flags=re.MULTILINE)[1:]


def test_every_question_has_one_right_answer(chapter):
    questions = re.split(r"^\*\*(\d+)\. ", page(f"{chapter}/quiz"), flags=re.MULTILINE)[1:]
    assert [int(number) for number in questions[::2]] == list(range(1, len(questions) // 2 + 1))
    assert len(questions) >= 2 * 6
    for question in questions[1::2]:
        assert question.count("::::{dropdown}") == 4
        assert len(re.findall(r"^\*\*Right", question, re.MULTILINE)) == 1
        assert len(re.findall(r"^\*\*Wrong", question, re.MULTILINE)) == 3


def test_the_table_of_parts_is_that_of_the_exercise(chapter, parts, says):
    minutes, points = 0, 0.0
    for number, part in enumerate(parts, 1):
        level, time, promised = re.search(r"\*Level: ([\w-]+) · (\d+) minutes · ([\d.]+) points?\*", part).groups()
        name = re.search(r'"grade_id": "(\w+)", "locked": false', part).group(1)
        worth = sum(map(float, re.findall(r'"points": ([\d.]+)', part)))
        assert float(promised) == worth
        row = re.search(rf"^\| {number} \| .* `(\w+)`: .*$", page(f"{chapter}/exercise"), re.MULTILINE)
        assert row.group(1) == name
        assert row.group().startswith(f"| {number} | {worth:g} | {time} | `")
        assert row.group().endswith(f"| {level} |")
        minutes, points = minutes + int(time), points + worth
    assert points == 20 and 8 <= len(parts) <= 14
    says(f"{chapter}/exercise", f"| | **{points:g}** | **{minutes}** | **all {NUMBERS[len(parts)]}** | |")
    for name in ("index", "exercise"):
        says(f"{chapter}/{name}", HOURS[minutes])


def test_each_part_names_a_page_that_there_is(chapter):
    text = Course().master(chapter).read_text(encoding="utf-8")
    named = set(re.findall(r"· Page: \*(.+)\*$", text, re.MULTILINE))
    titles = {
        re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)[1]
        for path in (ROOT / "book").rglob("*.md")
    }
    assert len(named) >= 3 and named <= titles
