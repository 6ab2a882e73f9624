"""The numbers of the pages `quiz` and `exercise`, computed again."""

import numpy as np
import pytest

import solutions

QUIZ, EXERCISE = "adaptive/quiz", "adaptive/exercise"
key = solutions.load("adaptive")


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


def test_the_seven_facts(says):
    t = np.arange(1, 3001)
    says(EXERCISE, f"up to {((1 - 0.9**t) / np.sqrt(1 - 0.999**t)).max():.1f} times too long")
    says("adaptive/fair_comparison", "a factor of 17")
    says(EXERCISE, "Adam is 17 times better than momentum")
