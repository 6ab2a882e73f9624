"""The digit with which the chapter opens, trained and mended again without the answer key."""

import numpy as np
import pytest

from autograder.course import Course

PAGE = "backprop/index"


def forward(weights, x):
    W1, b1, W2, b2 = weights
    hidden = np.maximum(x @ W1 + b1, 0)
    scores = hidden @ W2 + b2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, e / e.sum(axis=1, keepdims=True)


def slopes(weights, x, labels):
    hidden, p = forward(weights, x)
    back = (p - np.eye(10)[labels]) / len(x)
    inner = back @ weights[2].T * (hidden > 0)
    return [x.T @ inner, inner.sum(axis=0), hidden.T @ back, back.sum(axis=0)]


@pytest.fixture(scope="module")
def story():
    digits = np.load(Course().master("backprop").with_name("digits.npz"))
    rng = np.random.default_rng(0)
    order = rng.permutation(1797)
    pixels, labels = digits["images"][order] / 16.0, digits["labels"][order].astype(int)
    first = rng.standard_normal((64, 32)) * np.sqrt(2 / 64)
    weights = [first, np.zeros(32), rng.standard_normal((32, 10)) * np.sqrt(2 / 32), np.zeros(10)]
    for _ in range(600):
        pick = rng.integers(0, 1400, 100)
        weights = [w - 0.2 * g for w, g in zip(weights, slopes(weights, pixels[pick], labels[pick]), strict=True)]
    blame = slopes(weights, pixels[1679:1680], labels[1679:1680])
    mended = [w - 0.02 * g for w, g in zip(weights, blame, strict=True)]

    def reads(weights):
        return np.mean(forward(weights, pixels[1400:])[1].argmax(axis=1) == labels[1400:])

    before, after = (forward(w, pixels[1679:1680])[1][0] for w in (weights, mended))
    sizes = np.sort(np.abs(np.concatenate([g.ravel() for g in blame])))[::-1]
    return labels[1679], before, after, sizes, reads(weights), reads(mended)


def test_the_digit_is_misread(says, story):
    digit, before, _, _, right, _ = story
    assert digit == 6 and before.argmax() == 8
    says(PAGE, f"It reads {100 * right:.0f} of 100 that it has never seen")
    says(PAGE, f"is {100 * before[8]:.0f} % sure that it is an 8")
    says(PAGE, f"{100 * before[8]:.0f} percent for an 8 and {100 * before[6]:.0f} percent for a 6")


def test_the_blame(says, story):
    sizes = story[3]
    half = np.argmax(np.cumsum(sizes) >= sizes.sum() / 2) + 1
    says(PAGE, f"It has {len(sizes):,} weights")
    says(PAGE, f"a forward pass for each weight: {len(sizes) + 1:,} passes")
    says(
        PAGE, f"Of {len(sizes):,} weights, {np.sum(sizes == 0):,} have none at all for this digit, and {half} have half"
    )
    says(PAGE, f"sorted: {np.sum(sizes > 0)} have some, falling from {sizes[0]:.1f}")


def test_one_step_mends_it_and_harms_others(says, story):
    _, _, after, _, right, right_after = story
    assert after.argmax() == 6
    says(PAGE, f"after one step, {100 * after[6]:.0f} percent for the 6")
    says(PAGE, f"from {100 * right:.1f} % to {100 * right_after:.1f} %")
