"""The numbers on the page `adaptive/weight_decay`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "adaptive/weight_decay"
key = solutions.load("adaptive")


def left(sigma, coupled, wd=0.1, steps=3000, runs=200):
    """The mean over weights without a signal that started at 1."""
    rng, w, m, v = np.random.default_rng(3), np.ones(runs), np.zeros(runs), np.zeros(runs)
    for t in range(1, steps + 1):
        g = sigma * rng.standard_normal(runs) + (wd * w if coupled else 0)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = w - 1e-3 * step - (0 if coupled else 1e-3 * wd * w)
    return w.mean()


def test_the_penalty_depends_on_the_noise(says):
    ends = {sigma: left(sigma, True) for sigma in (10.0, 1.0, 0.1)}
    assert ends[10.0] == pytest.approx(np.exp(-0.03), abs=0.005)
    assert ends[1.0] == pytest.approx(np.exp(-0.3), abs=0.005)
    says(PAGE, f"after 3,000 steps {ends[10.0]:.2f}, {ends[1.0]:.2f} and {ends[0.1]:.2f} are left")
    decayed = (1 - 1e-4) ** 3000
    says(PAGE, f"^{{3000}} = {decayed:.2f}$")
    says(PAGE, f"taken {100 * (1 - ends[10.0]):.0f} % off the weight where AdamW has taken {100 * (1 - decayed):.0f} %")


@pytest.mark.parametrize("sigma", [10.0, 1.0, 0.1, 0.0])
def test_decay_on_its_own_does_not(sigma):
    assert left(sigma, False) == pytest.approx((1 - 1e-4) ** 3000, abs=0.005)


def test_without_a_gradient_the_strength_of_the_penalty_has_no_effect(says):
    ends = [left(0.0, True, wd, 500, 1) for wd in (1e-4, 1e-2, 1.0)]
    says(PAGE, f"The penalty leaves {ends[0]:.3f}, {ends[1]:.3f} and {ends[2]:.3f}.")
    says(PAGE, "with 0.0001, or with 1")
    assert left(0.0, True, steps=2000, runs=1) < 0.05


def test_the_word_of_caution(says):
    with np.load(Path(solutions.__file__).parent / "adaptive" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"].astype(int)
    order = np.random.default_rng(0).permutation(len(labels))
    X = (images - images[order[:1297]].mean(axis=0)) / 16
    few, unseen, y = order[:200], order[1297:], np.eye(10)[labels]

    def held_out(lr, wd, coupled):
        W = m = v = np.zeros((64, 10))
        for t in range(1, 301):
            p = np.exp(X[few] @ W)
            g = X[few].T @ (p / p.sum(axis=1, keepdims=True) - y[few]) / 200
            if coupled:
                W, m, v = key.adam_step(W, g + wd * W, m, v, t, lr)
            else:
                W, m, v = key.adamw_step(W, g, m, v, t, lr, wd=wd)
        z = X[unseen] @ W
        return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(500), labels[unseen]])

    rates = (0.01, 0.03, 0.1, 0.3)
    penalty = min(held_out(lr, wd, True) for lr in rates for wd in (0, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2))
    decay = min(held_out(lr, wd, False) for lr in rates for wd in (0, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0))
    says(PAGE, f"the penalty is the better of the two, {penalty:.3f} against {decay:.3f}")


def test_how_long_decay_remembers(says):
    says(PAGE, f"with $\\eta = 0.001$ and $\\lambda = 0.1$ that is {1 / (0.001 * 0.1):,.0f} steps")
