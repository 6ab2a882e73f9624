"""The numbers of the page `quiz`, computed again."""

import numpy as np
import pytest

import solutions

QUIZ = "momentum/quiz"
key = solutions.load("momentum")


def test_question_1_what_adds_up(says):
    steady = sum(2 * 0.75**k for k in range(200))
    alternating = sum(2 * (-0.75) ** k for k in range(200))
    says(QUIZ, f"(a) {steady:.0f} for the steady one, about ±{alternating:.2f} for the alternating one.")
    assert steady / alternating == pytest.approx(7)
    says(QUIZ, "now moves seven times as far")


def test_question_2_beyond_the_critical_beta(says):
    rates = [key.spectral_radius(key.iteration_matrix(1.0, 0.04, beta)) for beta in (0.64, 0.81)]
    says(QUIZ, f"from {rates[0]:.1f} to {rates[1]:.1f} a step")
    says(QUIZ, f"That is $(1-\\sqrt{{0.04}})^2 = {key.critical_beta(1.0, 0.04):.2f}$")


def test_question_3_the_border(says):
    says(QUIZ, "(c) For $\\beta$ between 0.5 and 1.")
    assert key.max_stable_lr(np.array([10.0]), 0.5) == pytest.approx(0.3)
    says(QUIZ, f"With $\\beta = 0.2$ the border is at {10 * key.max_stable_lr(np.array([10.0]), 0.2):.1f}")


def test_question_4_the_root(says):
    def count(kappa):
        lam, (lr, beta) = np.array([1.0, kappa]), key.optimal_heavy_ball(1.0, kappa)
        w, v, k = np.ones(2), np.zeros(2), 0
        while np.linalg.norm(w) > 1e-6 * np.sqrt(2):
            v = beta * v + lam * w
            w = w - lr * v
            k += 1
        return k

    says(QUIZ, f"makes it {count(40_000.0) / count(400.0):.0f} or so at a millionth")


def test_question_5_the_peak(says):
    lr, beta = key.optimal_heavy_ball(1.0, 1e4)
    w = np.abs(key.momentum_descent(lambda w: 1e4 * w, np.array([1.0]), lr, beta, 100)[:, 0])
    says(QUIZ, f"That is {w.max():.0f} for the distance, and over a thousand for the loss")
    assert w.max() ** 2 > 1000 and 45 < w.argmax() <= 50


def test_question_6_the_nearer_border(says):
    says(QUIZ, f"**Right.** $3.8/2.8 = {3.8 / 2.8:.2f}$")


def test_question_7_the_effective_rate(says):
    before, after = key.effective_lr(0.05, 0.9), key.effective_lr(0.05, 0.98)
    says(QUIZ, f"from {before:.1f} to {after:.1f}. With $\\eta = 0.01$ it is {key.effective_lr(0.01, 0.98):.1f} again.")
