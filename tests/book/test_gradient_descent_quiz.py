"""The numbers of the pages `quiz` and `exercise`, computed again or read from the master of the exercise."""

import re
from pathlib import Path

import numpy as np

import solutions

QUIZ, EXERCISE = "gradient_descent/quiz", "gradient_descent/exercise"
MASTER = Path(solutions.__file__).parent / "gradient_descent" / "gradient_descent.py"


def test_question_1_the_factors(says):
    factors = [1 - 0.03 * curvature for curvature in (1, 10, 100)]
    first, second, third = (f"{factor:.2f}".rstrip("0").rstrip(".").replace("-", "−") for factor in factors)
    says(QUIZ, f"here {first}, {second} and {third}")
    key = solutions.load("gradient_descent")
    says(QUIZ, f"The border is $2/100 = {key.max_stable_lr(np.array([1.0, 10, 100])):.2f}$")


def test_question_2_a_sum_for_a_mean():
    key = solutions.load("gradient_descent")
    curvature = np.array([1.0, 10])
    lr = key.best_fixed_lr(curvature)
    mean = key.gradient_descent(lambda w: curvature * w, np.ones(2), lr, 20)
    total = key.gradient_descent(lambda w: 100 * curvature * w, np.ones(2), lr / 100, 20)
    np.testing.assert_allclose(mean, total, atol=1e-12)
    assert lr * 100 > key.max_stable_lr(100 * curvature)
    for ratio in (1, 3, 1000):
        pair = np.array([1.0, ratio])
        assert 0.5 <= key.best_fixed_lr(pair) / key.max_stable_lr(pair) < 1


def test_question_5_newtons_step(says):
    key = solutions.load("gradient_descent")
    step = key.newton_step(np.zeros(2), np.ones(2), np.diag([2.0, -1]))
    says(QUIZ, "**Right.** It solves $Hd = -g$")
    says(QUIZ, f"(b) By $({step[0]:g}, {step[1]:+g})$")


def test_question_6_the_lines(says):
    says(QUIZ, f"settled at a sharpness of {2 / 0.1:.0f}")
    says(QUIZ, f"The line moves to $2/0.05 = {2 / 0.05:.0f}$")


def test_question_7_millimetres(says):
    key = solutions.load("gradient_descent")
    X = np.random.default_rng(0).standard_normal((200, 4))
    metres = key.max_stable_lr(np.linalg.eigvalsh(2 / 200 * X.T @ X))
    X[:, 1] *= 1000
    millimetres = key.max_stable_lr(np.linalg.eigvalsh(2 / 200 * X.T @ X))
    assert 5e5 < metres / millimetres < 2e6
    says(QUIZ, "falls about a million-fold")


def test_the_quiz_has_one_right_answer_a_question():
    page = (Path(__file__).resolve().parents[2] / "book" / f"{QUIZ}.md").read_text(encoding="utf-8")
    questions = re.split(r"^\*\*\d\. ", page, flags=re.MULTILINE)[1:]
    assert len(questions) == 7
    for question in questions:
        assert question.count("::::{dropdown}") == 4
        assert len(re.findall(r"^\*\*Right", question, re.MULTILINE)) == 1
        assert len(re.findall(r"^\*\*Wrong", question, re.MULTILINE)) == 3


def test_the_table_of_parts_is_that_of_the_exercise(says):
    parts = re.split(r"^## (?=\d+ · )", MASTER.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(parts) == 12
    minutes, points = 0, 0.0
    for number, part in enumerate(parts, 1):
        level, time, promised = re.search(r"\*Level: ([\w-]+) · (\d+) minutes · (\d) points?\*", part).groups()
        name = re.search(r'"grade_id": "(\w+)", "locked": false', part).group(1)
        worth = sum(map(float, re.findall(r'"points": ([\d.]+)', part)))
        row = re.search(rf"^\| {number} \| .* `(\w+)`: .*$", page(EXERCISE), re.MULTILINE)
        assert row.group(1) == name
        assert float(promised) == worth
        assert row.group().startswith(f"| {number} | {worth:g} | {time} | `")
        assert row.group().endswith(f"| {level} |")
        minutes, points = minutes + int(time), points + worth
    says(EXERCISE, f"**{points:g}** | **{minutes}**")


def page(name):
    return (Path(__file__).resolve().parents[2] / "book" / f"{name}.md").read_text(encoding="utf-8")
