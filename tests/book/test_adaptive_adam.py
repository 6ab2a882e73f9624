"""The numbers on the page `adaptive/adam`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "adaptive/adam"
key = solutions.load("adaptive")


def test_the_correction_is_what_is_missing():
    rng, v = np.random.default_rng(8), np.zeros(4000)
    for t in range(1, 301):
        v = 0.999 * v + 0.001 * rng.standard_normal(4000) ** 2
        if t in (1, 30, 300):
            assert v.mean() / (1 - 0.999**t) == pytest.approx(1, abs=0.06)


def test_without_correction_the_first_steps_are_too_long(says):
    t = np.arange(1, 5001)
    factor = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    says(PAGE, f"so the step is {factor[0]:.1f} times too long")
    says(PAGE, f"At step {t[factor.argmax()]} the steps are {factor.max():.1f} times too long")
    last = t[factor > 1.1][-1]
    says(PAGE, f"within a tenth of right only after {last:,}.")
    assert 1 / np.sqrt(0.001) == pytest.approx(32, abs=0.5)
    says(PAGE, "$\\sqrt v$ a thirty-second")


def test_the_first_step_is_the_sign():
    g = np.array([1e-5, -3.0, 1e5])
    w, _, _ = key.adam_step(np.zeros(3), g, np.zeros(3), np.zeros(3), 1, 0.5)
    np.testing.assert_allclose(w, -0.5 * np.sign(g), rtol=2e-3)


@pytest.mark.parametrize("mu, sigma", [(1, 1), (1, 3), (1, 10)])
def test_a_step_is_a_signal_to_noise_number(mu, sigma):
    rng, w, m, v = np.random.default_rng(9), np.zeros(300), np.zeros(300), np.zeros(300)
    for t in range(1, 5001):
        if t == 4001:
            start = w
        w, m, v = key.adam_step(w, mu + sigma * rng.standard_normal(300), m, v, t, 1.0)
    assert np.mean(start - w) / 1000 == pytest.approx(mu / np.hypot(mu, sigma), rel=0.05)


def test_a_lone_slope_after_a_long_silence(says):
    w, m, _ = key.adam_step(np.zeros(1), np.ones(1), np.zeros(1), np.zeros(1), 10**6, 1.0)
    says(PAGE, f"the step is $0.1/\\sqrt{{0.001}} = {-w[0]:.2f}$ times")
    assert m[0] == pytest.approx(0.1)


@pytest.mark.parametrize("eps", [1e-12, 1e-8, 1e-4])
def test_epsilon_is_a_floor(eps):
    sizes, zero = np.array([eps / 100, eps, 100 * eps]), np.zeros(3)
    w, _, _ = key.adam_step(zero, sizes, zero, zero, 1, 1.0, eps=eps)
    np.testing.assert_allclose(-w, [1 / 101, 1 / 2, 100 / 101], rtol=1e-6)


def walk(gradient, start):
    w, m, v, path = start, np.zeros(2), np.zeros(2), [start]
    for t in range(1, 61):
        w, m, v = key.adam_step(w, gradient(w), m, v, t, lr=0.1, eps=1e-30)
        path.append(w)
    return np.array(path)


def test_what_adam_cannot_see_and_what_it_can():
    H, start, c = np.diag([1.0, 50.0]), np.array([2.0, 1.0]), np.sqrt(0.5)
    turn, plain = np.array([[c, -c], [c, c]]), walk(lambda w: H @ w, start)
    np.testing.assert_allclose(walk(lambda w: 1000 * H @ w, start), plain, atol=1e-12)
    np.testing.assert_allclose(walk(lambda w: np.array([0.01, 100]) * (H @ w), start), plain, atol=1e-12)
    assert np.abs(walk(lambda w: turn @ H @ turn.T @ w, turn @ start) @ turn - plain).max() > 1
    # the unit of a weight: w becomes 10 w, g becomes g/10, and the path is not ten times the old one
    scale = np.array([10.0, 1.0])
    other = walk(lambda w: H @ (w / scale) / scale, scale * start)
    assert np.abs(other / scale - plain).max() > 0.5


def test_the_memory_of_seven_billion_weights(says):
    says(PAGE, f"takes {7 * 4} gigabytes for itself, and {2 * 7 * 4} for $m$ and $v$")
