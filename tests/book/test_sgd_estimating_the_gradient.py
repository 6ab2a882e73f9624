"""The numbers on the page `sgd/estimating_the_gradient`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "sgd/estimating_the_gradient"
key = solutions.load("sgd")


def probabilities(W, X):
    odds = np.exp(X @ W - (X @ W).max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def votes():
    """votes[t]: every example's gradient (1297, 650) after t steps of full-batch descent on the digits, rate 4."""
    with np.load(Path(solutions.__file__).parent / "sgd" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"]
    train = np.random.default_rng(0).permutation(len(labels))[:1297]
    pixels = (images - images[train].mean(axis=0))[train] / 16
    X, Y = np.hstack([pixels, np.ones((1297, 1))]), np.eye(10)[labels[train]]
    W, found = np.zeros((65, 10)), {}
    for t in range(301):
        errors = probabilities(W, X) - Y
        if t in (0, 50, 300):
            found[t] = np.einsum("nd,nc->ndc", X, errors).reshape(1297, 650)
        W = W - 4 * X.T @ errors / 1297
    return found


def signal_and_noise(G):
    g = G.mean(axis=0)
    return g @ g, np.mean(np.sum((G - g) ** 2, axis=1))


def test_a_poll_of_a_thousand(says):
    assert round(100 * 1.96 * np.sqrt(0.25 / 1000)) == 3
    says(PAGE, "give or take three points")
    says(PAGE, f"asks the other {80_000_000 - 1000:,}")


def test_a_quarter_seen_is_a_quarter_of_the_variance_gone(says):
    numbers = np.random.default_rng(5).standard_normal((1000, 1))
    numbers = (numbers - numbers.mean()) / numbers.std()
    again, once = (key.minibatch_variance(numbers, 250, flag) for flag in (True, False))
    says(PAGE, f"With replacement $1/250 = {again:.5f}$. Without, $0.00400 \\cdot 750/999 = {once:.5f}$")
    rng = np.random.default_rng(0)
    draws = [rng.permutation(numbers[:, 0])[:250].mean() for _ in range(3000)]
    assert np.var(draws) == pytest.approx(once, rel=0.08)


def test_the_variance_of_the_votes(says, votes):
    says(PAGE, f"$\\sigma^2 = {signal_and_noise(votes[50])[1]:.3f}$")


@pytest.mark.parametrize("B", [4, 64, 512, 1200])
def test_predicted_and_measured_errors_agree(votes, B):
    G = votes[50]
    g, rng = G.mean(axis=0), np.random.default_rng(1)
    errors = [np.sum((G[rng.permutation(1297)[:B]].mean(axis=0) - g) ** 2) for _ in range(150 if B > 100 else 800)]
    assert np.mean(errors) == pytest.approx(key.minibatch_variance(G, B, False), rel=0.15)


def test_the_finite_population_factor(says):
    says(PAGE, f"At $B = 64$ the factor is {1233 / 1296:.3f}")
    says(PAGE, f"At $B = 900$ it is {397 / 1296:.3f}")
    assert f"{1 - 16e6 / 15e12:.5f}" == "1.00000"
    says(PAGE, "the factor is 1 to five decimals")
    assert round(1297 / 100) == 13
    says(PAGE, "to a batch of 13 the price falls 100-fold")


def test_the_cosines_of_the_last_chapter_are_predicted(says, votes):
    ratios = {t: np.divide(*signal_and_noise(votes[t])[::-1]) for t in (0, 50, 300)}
    says(PAGE, f"$\\sigma^2/\\lVert g\\rVert^2 = {ratios[0]:.1f}$, after 50 steps it is {ratios[50]:.0f}")
    cosines = {t: 1 / np.sqrt(1 + ratios[t] * (1233 / 1296) / 64) for t in (0, 50)}
    says(PAGE, f"it says {cosines[0]:.2f} and {cosines[50]:.2f}")
    says("gradient_descent/real_model", "a cosine of 0.86 with the gradient")
    says("gradient_descent/real_model", "After 50 steps the cosine is 0.27")
    says(PAGE, "0.86 at the start of training and 0.27 after 50 steps")
    says(PAGE, f"A cosine of 0.26 is an angle of {np.degrees(np.arccos(cosines[50])):.0f} degrees.")
    single = np.degrees(np.arccos(1 / np.sqrt(1 + ratios[50])))
    says(PAGE, f"With a single image it is {single:.0f} degrees: in squared length,")
    says(PAGE, f"its vote is {ratios[50]:.0f} times as much noise as signal")
    says(PAGE, "is 921 parts noise and one part signal")
    says(PAGE, f"Their disagreement, {ratios[0]:.0f} times the signal at the start, is {ratios[300]:,.0f} times")
    ends = [signal_and_noise(votes[t]) for t in (0, 300)]
    says(PAGE, f"falls from {ends[0][0]:.1f} to {ends[1][0]:.6f}")
    says(PAGE, f"falls only from {ends[0][1]:.1f} to {ends[1][1]:.2f}")


def test_nearly_every_vote_points_downhill(says, votes):
    G = votes[50]
    g = G.mean(axis=0)
    along = G @ g / np.linalg.norm(g)
    uphill = np.sum(along < 0)
    assert uphill == 5
    says(PAGE, f"Five of 1,297, or {uphill / 1297:.1%}".replace("%", " %"))
    share = along.var() / signal_and_noise(G)[1]
    says(PAGE, f"Of the squared noise, {100 * share:.2f} % lies along the gradient")
    says(PAGE, f"it has {G.shape[1] - 1} directions at a right angle")
