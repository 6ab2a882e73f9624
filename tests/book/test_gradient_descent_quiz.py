"""The numbers of the page `quiz`, computed again."""

import numpy as np

import solutions

QUIZ = "gradient_descent/quiz"


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
