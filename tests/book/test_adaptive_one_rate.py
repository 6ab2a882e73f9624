"""The numbers on the pages `adaptive/index` and `adaptive/one_rate`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

INDEX, PAGE = "adaptive/index", "adaptive/one_rate"
key = solutions.load("adaptive")


def test_the_scene_on_the_front_page(says):
    steep, w, m, v = np.array([1.0, 1000.0]), np.array([-1.0, 1.0]), np.zeros(2), np.zeros(2)
    for t in range(1, 101):
        w, m, v = key.adam_step(w, steep * w, m, v, t, lr=0.1)
        assert w[0] == pytest.approx(-w[1], abs=1e-6), "both weights move by the same amounts"
    says(INDEX, f"Adam: {0.5 * steep @ w**2:.4f} at the end")
    left = (1 - 0.001) ** 100
    says(INDEX, f"gradient descent: {0.5 * left**2:.2f}")
    assert 1 - left == pytest.approx(0.1, abs=0.01)
    says(INDEX, "after 100 steps the gentle weight has covered a tenth of its way")
    says(INDEX, "the largest rate that does not swing, 0.001")


def usual_sizes():
    """Root mean square of each weight's gradient over 200 batches, written with loops over examples."""
    with np.load(Path(solutions.__file__).parent / "adaptive" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"].astype(int)
    train = np.random.default_rng(0).permutation(len(labels))[:1297]
    pixels = (images - images[train].mean(axis=0)) / 16
    init = np.random.default_rng(2)
    W1, W2 = init.standard_normal((64, 32)) / 8, init.standard_normal((32, 10)) / np.sqrt(32)
    rng, total1, total2 = np.random.default_rng(100), np.zeros((64, 32)), np.zeros((32, 10))
    for _ in range(200):
        rows = train[rng.integers(0, 1297, 32)]
        h = np.tanh(pixels[rows] @ W1)
        p = np.exp(h @ W2)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(32), labels[rows]] -= 1
        total1 += (np.einsum("ni,nj->ij", pixels[rows], (p @ W2.T) * (1 - h**2)) / 32) ** 2
        total2 += (np.einsum("ni,nj->ij", h, p) / 32) ** 2
    return np.sqrt(np.concatenate([total1.ravel(), total2.ravel()]) / 200)


def test_gradients_differ_two_thousandfold(says):
    usual = usual_sizes()
    alive = usual[usual > 0]
    low, high = np.percentile(alive, [1, 99])
    assert round(high / low, -3) == 2000
    says(PAGE, f"{len(usual):,} weights of one small network")
    says(PAGE, "lies a factor of about 2,000")
    says(PAGE, "move two thousand times as far")
    says(PAGE, f"For {len(usual) - len(alive)} of the weights there is no bar: they have no gradient at all")


def condition(degrees):
    angle = np.deg2rad(degrees)
    a, c = np.cos(angle) ** 2 + 100 * np.sin(angle) ** 2, np.sin(angle) ** 2 + 100 * np.cos(angle) ** 2
    b = -99 * np.sin(angle) * np.cos(angle)
    r = abs(b) / np.sqrt(a * c)  # scaled to a diagonal of ones, the eigenvalues are 1 + r and 1 - r
    return (1 + r) / (1 - r)


def test_what_rates_for_single_weights_mend(says):
    assert condition(0) == pytest.approx(1) and condition(45) == pytest.approx(100)
    says(PAGE, f"At 5 degrees it is {condition(5):.1f}, at 15 degrees already {condition(15):.0f}.")
    says(PAGE, f"{condition(5):.1f} at 5, {condition(15):.0f} at 15, {condition(30):.0f} at 30 and 100 at 45 degrees")


def test_signs_count_votes(says):
    np.testing.assert_allclose(0.1 * 9 + 0.9 * -1, 0, atol=1e-12)
    says(PAGE, f"The mean sign is ${0.1 * 1 + 0.9 * -1:.1f}$")
    slopes = np.where(np.random.default_rng(0).random(10_000) < 0.1, 9.0, -1.0)
    assert abs(slopes.mean()) < 0.1 and abs(np.sign(slopes).mean() + 0.8) < 0.02
