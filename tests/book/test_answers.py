"""The answers are on the pages of the exercises when one switch says so, and nowhere otherwise."""

from __future__ import annotations

import html as markup
import re
from pathlib import Path

import pytest
import yaml

from autograder import master
from autograder.course import Course
from book import answers

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("chapter", Course().chapters())
def test_the_section_holds_every_answer_and_no_hidden_test(chapter):
    text = answers.section(chapter)
    read = master.read(Course().master(chapter))
    for part in read.parts:
        assert master.answer(part).strip() in text
        for line in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END", part.tests[-1].source, re.S)[:1]:
            assert line.strip().splitlines()[0] not in text
    assert "###" not in text


def test_the_switch_is_off():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["sphinx"]["config"]["publish_solutions"] is False


@pytest.mark.slow
def test_the_switch_puts_the_answers_on_the_page(build_site, html):
    on = build_site(sphinx={"config": {"publish_solutions": True}})
    off = html / "book" / "sgd" / "exercise.html"
    shown = re.sub(r"<[^>]+>", "", (on / "book/sgd/exercise.html").read_text(encoding="utf-8"))
    telling = [
        line.strip()
        for line in master.answer(master.read(Course().master("sgd")).part("cosine_with_warmup")).splitlines()
        if "return" in line
    ]
    assert telling and all(line in markup.unescape(shown) for line in telling)
    assert "The answers" not in off.read_text(encoding="utf-8")
