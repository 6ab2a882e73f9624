"""The numbers on the page `sgd/batch_size`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "sgd/batch_size"
key = solutions.load("sgd")
SIZES = np.array([4, 8, 16, 32, 64, 128, 256, 512, 1024])
TARGETS = (0.4, 0.3, 0.2, 0.15)


class Digits:
    """Softmax regression on the 1,297 training digits, many models at a time."""

    def __init__(self):
        with np.load(Path(solutions.__file__).parent / "sgd" / "digits.npz") as data:
            images, labels = data["images"].astype(float), data["labels"].astype(int)
        train = np.random.default_rng(0).permutation(len(labels))[:1297]
        self.X = np.column_stack([(images - images[train].mean(axis=0)) / 16, np.ones(len(labels))])[train]
        self.y = labels[train]
        self.Y = np.eye(10)[self.y]

    def losses(self, W):
        z = self.X @ W
        z = z - z.max(axis=-1, keepdims=True)
        return np.mean(np.log(np.exp(z).sum(axis=-1)) - z[:, np.arange(1297), self.y], axis=1)

    def slopes(self, W, rows):
        X = self.X[rows]
        odds = np.exp(X @ W - (X @ W).max(axis=-1, keepdims=True))
        return X.transpose(0, 2, 1) @ (odds / odds.sum(axis=-1, keepdims=True) - self.Y[rows]) / rows.shape[1]

    def steps(self, B, runs=6):
        """Mean steps to each target with the best of six rates; that rate for 0.2."""
        rates = 36 / (1 + 48 / B) * 2.0 ** np.array([-0.75, -0.5, -0.25, 0, 0.25, 0.5])
        rng, lr = np.random.default_rng(B), np.repeat(rates, runs)[:, None, None]
        W, hit = np.zeros((6 * runs, 65, 10)), np.full((4, 6 * runs), np.inf)
        every, t = max(1, 100 // B), 0
        while np.isfinite(hit[-1].reshape(6, runs)).all(axis=1).sum() < 2:
            t += 1
            W = W - lr * self.slopes(W, rng.integers(1297, size=(6 * runs, B)))
            if t % every == 0:
                hit[(self.losses(W) <= np.array(TARGETS)[:, None]) & np.isinf(hit)] = t
        means = hit.reshape(4, 6, runs).mean(axis=2)
        return means.min(axis=1), rates[means[2].argmin()]

    def path(self, lr, target):
        """Weights and votes at each point of full-batch descent until the target."""
        W = np.zeros((65, 10))
        while self.losses(W[None])[0] > target:
            odds = np.exp(self.X @ W - (self.X @ W).max(axis=1, keepdims=True))
            P = odds / odds.sum(axis=1, keepdims=True)
            yield P, np.einsum("nd,nc->ndc", self.X, P - self.Y)
            W = W - lr * self.X.T @ (P - self.Y) / 1297


@pytest.fixture(scope="module")
def digits():
    return Digits()


@pytest.fixture(scope="module")
def measured(digits):
    found = [digits.steps(B) for B in SIZES]
    return np.array([steps for steps, _ in found]), np.array([lr for _, lr in found])


def hyperbola(steps):
    s, e = np.meshgrid(np.geomspace(0.5, 20, 300), np.geomspace(80, 3000, 300), indexing="ij")
    error = sum((np.log(s + e / B) - np.log(k)) ** 2 for B, k in zip(SIZES, steps, strict=True))
    at = np.unravel_index(error.argmin(), error.shape)
    return s[at], e[at]


def simple(votes):
    g = votes.mean(axis=0)
    return np.mean(np.sum((votes - g) ** 2, axis=(1, 2))) / np.sum(g**2)


def test_linear_scaling_holds_and_breaks(says, digits):
    ends, rates = {}, {B: key.linear_scaling(1.0, 4, B) for B in (4, 64, 256, 1024)}
    for B, lr in rates.items():
        rng, W, ends[B] = np.random.default_rng(B), np.zeros((8, 65, 10)), []
        for _ in range(4096 // B):
            W = W - lr * digits.slopes(W, rng.integers(1297, size=(8, B)))
            ends[B].append(np.mean(digits.losses(W)) if B > 4 else 0)
        ends[B][-1] = np.mean(digits.losses(W))
    assert ends[64][-1] == pytest.approx(ends[4][-1], rel=0.1)
    assert min(ends[1024]) > 2 and min(ends[256][:3]) > 0.9 and ends[256][-1] < 1.1 * ends[4][-1]
    says(PAGE, f"At 256 the rate is {rates[256]:.0f}")
    says(PAGE, f"asks for a rate of {rates[1024]:.0f}")
    says(PAGE, "The curve for 1,024 stays above 2.")
    says(PAGE, "to use 64 costs nothing and saves 15 of 16 steps")


def test_the_prediction_of_the_box(says):
    E = (10_000 - 6_000) / (1 / 100 - 1 / 200)
    S = 10_000 - E / 100
    says(PAGE, f"$E_{{\\min}} = {E:,.0f}$, $S_{{\\min}} = {S:,.0f}$".replace(",", "{,}").replace("{,} $", ", $"))
    says(PAGE, f"the critical batch is {E / S:.0f}. At 800 it needs {S + E / 800:,.0f} steps")


def test_steps_against_examples(says, measured):
    steps, rates = measured
    s, e = hyperbola(steps[:, 2])
    off = steps[:, 2] / (s + e / SIZES)
    assert np.abs(off - 1).max() < 0.2
    says(PAGE, "The hyperbola passes within a fifth of each of the nine dots")
    says(PAGE, f"at $B = 64$ the runs do better than the fit by {100 * (1 - off[4]):.0f} %")
    says(PAGE, f"from {steps[0, 2]:.0f} steps at batch 4 to about {steps[4, 2]:.0f} at 64")
    says(PAGE, f"then level off at {steps[-1, 2]:.1f}")
    says(PAGE, f"A batch of 64 needs {steps[4, 2]:.1f} steps, within a factor of two of what 1,024 needs")
    assert steps[4, 2] < 2 * steps[-1, 2]
    assert round(1024 * steps[-1, 2] / (64 * steps[4, 2])) == 9
    says(PAGE, "and reads a ninth of the images")
    assert rates[3] / rates[0] == pytest.approx(8, rel=0.35) and rates[-1] < 2 * rates[5]
    assert SIZES[4] * steps[4, 2] < 1.15 * SIZES[0] * steps[0, 2]
    says(PAGE, f"{len(SIZES) * 36} training runs")


def test_the_noise_scale_knows_within_a_factor_of_two(says, digits, measured):
    factors, ends = [], []
    for k, target in enumerate(TARGETS):
        predicted = np.mean([simple(votes) for _, votes in digits.path(32, target)])
        s, e = hyperbola(measured[0][:, k])
        factors.append(e / s / predicted)
        ends.append((predicted, e / s))
    growth = np.divide(ends[-1], ends[0])
    assert (growth > 1.8).all() and (growth < 2.3).all()
    says(PAGE, "From the first target to the last both about double")
    says(PAGE, f"low by a factor between {min(factors):.1f} and {max(factors):.1f}")
    says(PAGE, f"at a batch of about {np.divide(*hyperbola(measured[0][:, 2])[::-1]):.0f}")
    start = next(digits.path(32, 0.4))[1]
    says(PAGE, f"{simple(start):.0f} at the start of the digits")
    timid = np.mean([simple(votes) for _, votes in digits.path(4, 0.2)])
    says(PAGE, f"the mean up to a loss of 0.2 is {timid:.0f}, three times too much")
    assert round(timid / np.divide(*hyperbola(measured[0][:, 2])[::-1])) == 3


def test_the_exact_noise_scale_does_worse(says, digits):
    scales = []
    for P, votes in digits.path(32, 0.2):
        g = votes.mean(axis=0)

        def curvature(d, P=P):
            """d . H d for each of the directions d (k, 65, 10)."""
            u = digits.X @ d
            return ((P * u**2).sum(axis=-1) - (P * u).sum(axis=-1) ** 2).mean(axis=1)

        total = sum(curvature(votes[i : i + 100] - g).sum() for i in range(0, 1297, 100))
        scales.append(total / 1297 / curvature(g[None])[0])
    says(PAGE, f"does *worse* here: {np.mean(scales):.0f} for that run")


def test_kaplans_fit(says):
    at = [2e8 * loss**-4.76 / 1e6 for loss in (3, 2.5)]
    assert round(1 / 0.21, 1) == 4.8
    says(PAGE, f"{at[0]:.0f} million tokens at a loss of 3, and {at[1]:.1f} million at 2.5")
    says(PAGE, f"A batch of {64 * 256:,}".replace("A batch of", "With a batch of"))
