"""Every number that the page `deep_products` states, computed again."""

import numpy as np
import pytest

from autograder.course import Course

PAGE = "backprop/deep_products"
ROOT2 = np.sqrt(2)


def shrinkage(kind, s, seed, layers=50, n=256, examples=16):
    """Length of a random slope after the walk back through the layers, with length 1 at the start."""
    rng = np.random.default_rng(seed)
    x, jacobians = rng.standard_normal((examples, n)), []
    for _ in range(layers):
        W = rng.standard_normal((n, n)) * s / np.sqrt(n)
        if kind == "residual":
            gate = x > 0
            jacobians.append(lambda up, W=W, gate=gate: up + gate * (up @ W.T))
            x = x + np.maximum(x, 0) @ W
            continue
        z = x @ W
        x, slope = {
            "linear": lambda z: (z, 1.0),
            "relu": lambda z: (np.maximum(z, 0), z > 0),
            "tanh": lambda z: (np.tanh(z), 1 / np.cosh(z) ** 2),
            "sigmoid": lambda z: (1 / (1 + np.exp(-z)), 1 / (2 + 2 * np.cosh(z))),
        }[kind](z)
        jacobians.append(lambda up, W=W, slope=slope: (up * slope) @ W.T)
    up = rng.standard_normal(x.shape)
    start = np.linalg.norm(up)
    for jacobian in reversed(jacobians):
        up = jacobian(up)
    return np.linalg.norm(up) / start


def mean_shrinkage(kind, s):
    return np.exp(np.mean([np.log(shrinkage(kind, s, seed)) for seed in range(4)]))


def test_fifty_factors(says):
    says(PAGE, f"Multiply 0.9 by itself 50 times: {0.9**50:.4f}. Multiply 1.1 by itself 50 times: {1.1**50:.0f}.")
    assert 20_000 < (1.1 / 0.9) ** 50 < 25_000
    says(PAGE, "20,000 times apart")
    says(PAGE, rf"$4^{{-20}} \approx {4.0**-20 * 1e13:.0f} \cdot 10^{{-13}}$")


def test_the_predicted_factor_holds(says):
    cases = [("linear", s, s) for s in (0.9, 1, 1.1)] + [("relu", s, s / ROOT2) for s in (1, ROOT2, 2)]
    misses = [abs(mean_shrinkage(kind, s) ** 0.02 - factor) for kind, s, factor in cases]
    assert 0.002 < max(misses) < 0.003
    says(PAGE, "The prediction holds to within 0.003")
    says(PAGE, rf"by ${mean_shrinkage('relu', 2) / 1e7:.0f} \cdot 10^7$ over fifty")


def test_the_curves_that_squash(says):
    assert mean_shrinkage("sigmoid", 1) ** 0.02 < 0.245
    tanh = mean_shrinkage("tanh", 1)
    says(PAGE, f"it loses {100 * (1 - tanh**0.02):.0f} % a layer")
    assert 0.09 < tanh < 0.12
    says(PAGE, "after fifty layers a tenth is left")


def train(s, residual, steps=200, layers=20, n=64):
    digits = np.load(Course().master("backprop").with_name("digits.npz"))
    X, labels = digits["images"] / 8.0 - 1, digits["labels"].astype(int)
    rng = np.random.default_rng(0)
    enter = rng.standard_normal((64, n)) / 8
    blocks = [rng.standard_normal((n, n)) * s / np.sqrt(n) for _ in range(layers)]
    leave = rng.standard_normal((n, 10)) / 8
    losses = []
    for _ in range(steps):
        pick = rng.integers(0, 1400, 128)
        stream = [X[pick] @ enter]
        for W in blocks:
            stream.append(residual * stream[-1] + np.maximum(stream[-1], 0) @ W)
        scores = stream[-1] @ leave
        scores = scores - scores.max(axis=1, keepdims=True)
        logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        losses.append(-logp[np.arange(128), labels[pick]].mean())
        up = (np.exp(logp) - np.eye(10)[labels[pick]]) / 128
        new_leave, up = leave - 0.01 * stream[-1].T @ up, up @ leave.T
        for k in reversed(range(layers)):
            change = np.maximum(stream[k], 0).T @ up
            up = residual * up + (stream[k] > 0) * (up @ blocks[k].T)
            blocks[k] = blocks[k] - 0.01 * change
        enter, leave = enter - 0.01 * X[pick].T @ up, new_leave
    return np.array(losses)


def test_three_beginnings_and_a_residual_network(says):
    stuck = train(1.0, 0)
    assert np.abs(stuck - np.log(10)).max() < 1e-3
    says(PAGE, f"$\\\\ln 10 = {np.log(10):.3f}$")
    plain, added = (train(s, r)[-20:].mean() for s, r in ((ROOT2, 0), (np.sqrt(2 / 20), 1)))
    says(PAGE, f"reaches a loss of {added:.3f} where the plain one with the best $s$ stands at {plain:.3f}")
    with np.errstate(all="ignore"):
        exploded = train(2.0, 0, steps=4)
    says(PAGE, f"it begins at a loss of {exploded[0]:.0f} and overflows within three steps")
    assert np.isfinite(exploded[:3]).all() and not np.isfinite(exploded[3])


def test_directions_are_lost(says):
    spread = {}
    for depth in (1, 2, 8, 32):
        rng = np.random.default_rng(1)
        product = np.eye(100)
        for _ in range(depth):
            product = product @ rng.standard_normal((100, 100)) / 10
        spread[depth] = np.sqrt(np.maximum(np.linalg.eigvalsh(product @ product.T)[::-1], 0))
        assert np.mean(spread[depth] ** 2) == pytest.approx(1, abs=0.05)
    left = int(np.sum(spread[32] > 0.1 * spread[32][0]))
    assert left == 9
    says(PAGE, f"nine directions are within a tenth of the largest, and the other {100 - left} are lost")
    says(PAGE, f"Thirty-two: from {spread[32][0]:.1f} straight down, with only {left} directions")


def test_residual_branches(says):
    assert mean_shrinkage("residual", ROOT2) == pytest.approx(ROOT2**50, rel=0.3)
    alpha = 1 / np.sqrt(50)
    predicted, measured = (1 + alpha**2) ** 25, mean_shrinkage("residual", ROOT2 * alpha)
    says(PAGE, f"Predicted {predicted:.2f} over fifty layers, measured {measured:.2f}.")
    assert np.e > (1 + 1 / 1000) ** 1000
