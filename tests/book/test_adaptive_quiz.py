"""The numbers of the pages `quiz` and `exercise`, computed again or read from the master of the exercise."""

import re
from pathlib import Path

import numpy as np
import pytest

import solutions

QUIZ, EXERCISE = "adaptive/quiz", "adaptive/exercise"
BOOK = Path(__file__).resolve().parents[2] / "book"
MASTER = Path(solutions.__file__).parent / "adaptive" / "adaptive.py"
key = solutions.load("adaptive")


def page(name):
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


def test_question_1_units():
    """A weight on w -> (1000 w): the parabola's curvature, and with it the best rate, change by a million."""
    curvature = [((c * 1e-3) ** 2 - 0) / 1e-6 for c in (1.0, 1000.0)]
    assert curvature[1] / curvature[0] == pytest.approx(1e6)


def test_question_2_the_hundredth_slope():
    w, s = np.zeros(1), np.zeros(1)
    for _ in range(100):
        before = w
        w, s = key.adagrad_step(w, np.array([5.0]), s, lr=1.0)
    assert (before - w)[0] == pytest.approx(0.1)


def test_question_3_forgotten_corrections(says):
    t = np.arange(1, 3001)
    factor = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    says(QUIZ, f"up to {factor.max():.1f} times, and it takes more than a thousand steps to fade")
    says(QUIZ, f"The worst is at step {t[factor.argmax()]}, and at step {t[factor > 1.1][-1]:,} a tenth is left.")


def test_question_5_a_token_that_never_occurs(says):
    w, m, v = np.ones(1), np.zeros(1), np.zeros(1)
    for t in range(1, 1001):
        w, m, v = key.adam_step(w, 0.1 * w, m, v, t, 1e-3)
    says(QUIZ, f"{w[0]:.2f} is left.")
    says(QUIZ, f"$(1 - 0.0001)^{{1000}} = {(1 - 1e-4) ** 1000:.3f}$")


def test_question_6_without_a_first_moment_but_with_a_long_memory():
    memory = [np.zeros(1)] * 2

    def step(w, g, t, rate):
        nonlocal memory
        w, *memory = key.adam_step(np.array([w]), np.array([g]), *memory, t, rate, 0.0, 0.999)
        return w[0]

    assert key.reddi_game(step, 6000)[-1] < -0.98


def test_the_quiz_has_one_right_answer_a_question():
    questions = re.split(r"^\*\*\d\. ", page(QUIZ), flags=re.MULTILINE)[1:]
    assert len(questions) == 7
    for question in questions:
        assert question.count("::::{dropdown}") == 4
        assert len(re.findall(r"^\*\*Right", question, re.MULTILINE)) == 1
        assert len(re.findall(r"^\*\*Wrong", question, re.MULTILINE)) == 3


def test_the_table_of_parts_is_that_of_the_exercise(says):
    parts = re.split(r"^## (?=\d+ · )", MASTER.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(parts) == 11
    minutes, points = 0, 0.0
    for number, part in enumerate(parts, 1):
        level, time, promised = re.search(r"\*Level: ([\w-]+) · (\d+) minutes · (\d) points?\*", part).groups()
        name = re.search(r'"grade_id": "(\w+)", "locked": false', part).group(1)
        worth = sum(map(float, re.findall(r'"points": ([\d.]+)', part)))
        assert float(promised) == worth
        row = re.search(rf"^\| {number} \| .* `(\w+)`: .*$", page(EXERCISE), re.MULTILINE)
        assert row.group(1) == name
        assert row.group().startswith(f"| {number} | {worth:g} | {time} | `")
        assert row.group().endswith(f"| {level} |")
        minutes, points = minutes + int(time), points + worth
    says(EXERCISE, f"**{points:g}** | **{minutes}**")
    assert minutes == 150
    for name in (EXERCISE, "adaptive/index"):
        says(name, "The exercise takes two and a half hours for the parts, three with the pictures.")


def test_each_part_of_the_exercise_names_a_page_that_there_is():
    named = set(re.findall(r"· Page: \*(.+)\*$", MASTER.read_text(encoding="utf-8"), re.MULTILINE))
    titles = {
        re.search(r"^# (.+)$", p.read_text(encoding="utf-8"), re.MULTILINE)[1] for p in (BOOK / "adaptive").glob("*.md")
    }
    assert len(named) >= 6 and named <= titles


def test_the_seven_facts(says):
    t = np.arange(1, 3001)
    says(EXERCISE, f"up to {((1 - 0.9**t) / np.sqrt(1 - 0.999**t)).max():.1f} times too long")
    says("adaptive/fair_comparison", "a factor of 17")
    says(EXERCISE, "Adam is 17 times better than momentum")
