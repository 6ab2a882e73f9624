"""The numbers of the pages `quiz` and `exercise`, computed again or read from the master of the exercise."""

import re
from pathlib import Path

import numpy as np

import solutions

QUIZ, EXERCISE = "transformer/quiz", "transformer/exercise"
MASTER = Path(solutions.__file__).parent / "transformer" / "transformer.py"


def page(name):
    return (Path(__file__).resolve().parents[2] / "book" / f"{name}.md").read_text(encoding="utf-8")


def test_question_1_the_loss_at_birth(says):
    says(QUIZ, f"$\\ln 50{{,}}000 = {np.log(50_000):.1f}$")
    assert np.log(50_000) < 27


def test_question_3_the_spread_of_the_scores(says):
    says(QUIZ, f"The scores have a spread of {256**0.5:.0f}.")


def test_question_8_operations_and_bytes(says):
    says(QUIZ, f"= {6 * 7e9 * 1.4e11 / 1e21:.1f} \\cdot 10^{{21}}$")
    says(QUIZ, f"(a) $6 \\cdot 10^{{21}}$ operations and {16 * 7:.0f} gigabytes.")
    assert round(2 * 7e9 * 1.4e11 / 1e21) == 2 and round(7e9 * 1.4e11 / 1e21) == 1


def test_the_quiz_has_one_right_answer_a_question():
    questions = re.split(r"^\*\*\d\. ", page(QUIZ), flags=re.MULTILINE)[1:]
    assert len(questions) == 8
    for question in questions:
        assert question.count("::::{dropdown}") == 4
        assert len(re.findall(r"^\*\*Right", question, re.MULTILINE)) == 1
        assert len(re.findall(r"^\*\*Wrong", question, re.MULTILINE)) == 3


def test_the_table_of_parts_is_that_of_the_exercise(says):
    parts = re.split(r"^## (?=\d+ · )", MASTER.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(parts) == 12
    minutes, points = 0, 0.0
    for number, part in enumerate(parts, 1):
        level, time, promised = re.search(r"\*Level: ([\w-]+) · (\d+) minutes · ([\d.]+) points?\*", part).groups()
        name = re.search(r'"grade_id": "(\w+)", "locked": false', part).group(1)
        worth = sum(map(float, re.findall(r'"points": ([\d.]+)', part)))
        assert float(promised) == worth
        row = re.search(rf"^\| {number} \| .* `(\w+)`: .*$", page(EXERCISE), re.MULTILINE)
        assert row.group(1) == name
        assert row.group().startswith(f"| {number} | {worth:g} | {time} | `")
        assert row.group().endswith(f"| {level} |")
        minutes, points = minutes + int(time), points + worth
    says(EXERCISE, f"**{points:g}** | **{minutes}**")
    says(EXERCISE, "About three and a half hours for the parts.")
    says("transformer/index", "three and a half hours for the parts")
    assert 200 <= minutes <= 230
