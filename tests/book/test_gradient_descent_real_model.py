"""Every number that the page `real_model` states, computed again."""

import math
from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/real_model"


class Digits:
    """The page's data and model, written anew: softmax regression on the digits in one of several scalings."""

    def __init__(self):
        with np.load(Path(solutions.__file__).parent / "gradient_descent" / "digits.npz") as data:
            ink, labels = data["images"].astype(float), data["labels"]
        order = np.random.default_rng(0).permutation(len(labels))
        self.train, self.held = order[:1297], order[1297:]
        self.labels, self.Y = labels, np.eye(10)[labels[self.train]]
        mean, spread = ink[self.train].mean(axis=0), ink[self.train].std(axis=0)
        self.blank = spread == 0
        spoiled = ink / 16
        spoiled[:, 20] *= 100
        self.scalings = {
            "ink": ink,
            "unit": ink / 16,
            "centred": (ink - mean) / 16,
            "standardised": (ink - mean) / np.where(spread > 0, spread, 1),
            "spoiled": spoiled,
        }

    def X(self, scaling, rows):
        pixels = self.scalings[scaling][rows]
        return np.hstack([pixels, np.ones((len(pixels), 1))])

    def spectrum(self, scaling):
        X = self.X(scaling, self.train)
        return np.linalg.eigvalsh(X.T @ X / len(X))

    def run(self, scaling, times_top, steps):
        """Losses (steps + 1,) and weights (steps + 1, 65, 10) with the rate times_top / lambda_max."""
        X, lr = self.X(scaling, self.train), times_top / self.spectrum(scaling)[-1]
        W, losses, history = np.zeros((65, 10)), [], []
        for _ in range(steps + 1):
            loss, slope = loss_and_slope(W, X, self.Y)
            losses.append(loss)
            history.append(W)
            W = W - lr * slope
        return np.array(losses), np.array(history)

    def accuracy(self, scaling, W):
        return np.mean(np.argmax(self.X(scaling, self.held) @ W, axis=1) == self.labels[self.held])


def loss_and_slope(W, X, Y):
    Z = X @ W
    Z = Z - Z.max(axis=1, keepdims=True)
    total = np.exp(Z).sum(axis=1, keepdims=True)
    return np.mean(np.log(total[:, 0]) - (Z * Y).sum(axis=1)), X.T @ (np.exp(Z) / total - Y) / len(X)


@pytest.fixture(scope="module")
def digits():
    return Digits()


@pytest.fixture(scope="module")
def key():
    return solutions.load("gradient_descent")


@pytest.fixture(scope="module")
def centred(digits):
    return digits.run("centred", 4, 1000)


def test_the_data(says, digits):
    says(PAGE, f"{len(digits.labels):,} handwritten digits")
    says(PAGE, f"We train on {len(digits.train):,} of them and keep {len(digits.held)} aside")


def test_the_bound_of_boehning_holds_for_any_probabilities():
    rng = np.random.default_rng(0)
    worst = 0
    for _ in range(300):
        p = rng.dirichlet(np.full(10, 0.2))
        worst = max(worst, np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))[-1])
    p = np.array([0.5, 0.5] + 8 * [0])
    assert worst <= 0.5 == pytest.approx(np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))[-1])


def test_the_two_borders(says, digits):
    top = digits.spectrum("unit")[-1]
    says(PAGE, f"$X^\\top X / N$ is {top:.2f}")
    says(PAGE, f"$2/L = 4/{top:.2f} = {4 / top:.2f}$")
    says(PAGE, f"at $20/{top:.2f} = {20 / top:.2f}$")
    says(PAGE, f"And at {40 / top:.2f}, twice that?")


def sharpness(key, digits, scaling, W, steps=60):
    X = digits.X(scaling, digits.train)

    def hvp(v):
        return key.hessian_vector_product(
            lambda w: loss_and_slope(w.reshape(65, 10), X, digits.Y)[1].ravel(), W.ravel(), v
        )

    return key.top_hessian_eigenvalue(hvp, np.random.default_rng(3).standard_normal(650), steps)


def test_the_sharpness_at_the_start_is_a_tenth(says, key, digits):
    share = sharpness(key, digits, "unit", np.zeros((65, 10))) / digits.spectrum("unit")[-1]
    says(PAGE, f"the sharpness is {share:.4f} times")


def test_the_sharpness_rises_a_little_and_falls(says, key, digits):
    history = digits.run("unit", 20, 1000)[1]
    first = sharpness(key, digits, "unit", history[0])
    early = max(sharpness(key, digits, "unit", history[t], 40) for t in range(1, 12))
    says(PAGE, f"starts at {first:.2f}, rises to about {early:.1f}")
    assert sharpness(key, digits, "unit", history[1000]) < 0.3
    says(PAGE, f"the bound is at {digits.spectrum('unit')[-1] / 2:.1f}")


def test_what_happens_at_and_beyond_the_border(says, digits):
    losses = {k: digits.run("unit", k, 1000)[0] for k in (4, 20, 40)}
    assert (np.diff(losses[4]) < 0).all() and (np.diff(losses[20]) < 0).all()
    rises = np.flatnonzero(np.diff(losses[40]) > 0)
    says(PAGE, f"goes up {len(rises)} times within the first {rises[-1] + 1} steps")
    assert losses[40][-1] < losses[20][-1] < losses[4][-1]
    top = digits.spectrum("unit")[-1]
    assert (np.diff(digits.run("unit", 2.1 * top, 100)[0]) < 0).all()
    assert (np.diff(digits.run("unit", 2.2 * top, 100)[0]) > 0).any()
    says(PAGE, "The first rate at which the loss rises anywhere lies near 2.2")
    # eighty over lambda_max is twenty times the guaranteed rate
    eighty = digits.run("unit", 80, 1000)[0]
    assert eighty[-1] < losses[40][-1]
    says(PAGE, "the best rate is more than ten times larger")


def test_learning_to_read(says, digits, centred):
    losses, history = centred
    says(PAGE, rf"$\ln 10 = {math.log(10):.2f}$")
    assert losses[0] == pytest.approx(math.log(10))
    says(
        PAGE,
        f"from {losses[0]:.2f} to {losses[10]:.2f} after 10 steps, "
        f"{losses[300]:.2f} after 300 and {losses[1000]:.2f} after 1,000",
    )
    shares = {t: f"{100 * digits.accuracy('centred', history[t]):.1f}" for t in (1, 10, 300)}
    says(PAGE, f"accuracy to {shares[1]} %")
    says(PAGE, f"Ten steps make {shares[10]} %, 300 steps {shares[300]} %")
    assert digits.accuracy("centred", history[1000]) <= digits.accuracy("centred", history[300])


def test_what_the_weights_show(says, digits, centred):
    W = centred[1][300][:64]
    row, column = divmod(int(W[:, 0].argmin()), 8)
    assert row in (3, 4) and column in (3, 4)
    says(PAGE, "The strongest weight against a 0 is in its middle")
    assert (W[digits.blank] == 0).all() and digits.blank.sum() == 3
    says(PAGE, "Three pixels were never inked in training, and their weights never moved from zero")


def kappa(spectrum):
    reached = spectrum[spectrum > 1e-9 * spectrum[-1]]
    return reached[-1] / reached[0]


def test_the_table_of_scalings(says, digits):
    tops = {name: digits.spectrum(name)[-1] for name in digits.scalings}
    kappas = {name: kappa(digits.spectrum(name)) for name in digits.scalings}
    steps = {n: int(np.argmax(digits.run(n, 4, 600)[0] < 0.2)) for n in ("ink", "unit", "centred", "standardised")}
    rates = {name: 4 / top for name, top in tops.items()}
    says(PAGE, f"| {tops['ink']:,.0f} | {rates['ink']:.4f} | {round(kappas['ink'] / 1e4) * 10**4:,} | {steps['ink']} |")
    says(
        PAGE,
        f"| {tops['unit']:.2f} | {rates['unit']:.2f} | {round(kappas['unit'] / 1e4) * 10**4:,} | {steps['unit']} |",
    )
    says(
        PAGE,
        f"| {tops['centred']:.2f} | {rates['centred']:.1f} | {round(kappas['centred'] / 1e3) * 1000:,} "
        f"| {steps['centred']} |",
    )
    name = "standardised"
    says(PAGE, f"| {tops[name]:.2f} | {rates[name]:.2f} | {kappas[name]:.0f} | {steps[name]} |")
    left = digits.run("spoiled", 4, 2000)[0][-1]
    says(PAGE, f"| {tops['spoiled']:,.0f} | {rates['spoiled']:.4f} | – | over 2,000 |")
    says(PAGE, f"after 2,000 steps the loss is still {left:.2f}")
    says(PAGE, f"a factor of {steps['unit'] / steps['centred']:.0f} in steps")
    says(PAGE, rf"$\lambda_{{\max}}$ falls {tops['unit'] / tops['centred']:.0f}-fold")
    says(PAGE, f"$\\kappa$ falls {round(kappas['centred'] / kappas[name] / 100) * 100:,}-fold")
    says(PAGE, f"from {steps['centred']} to {steps[name]}")


def test_what_one_step_costs(says, centred):
    says(PAGE, rf"{6 * 650 * 1297 / 1e6:.1f} \text{{ million operations}}")
    operations = 6 * 175e9 * 300e9
    says(PAGE, rf"{operations / 1e23:.1f} \cdot 10^{{23}} \text{{ operations}}")
    seconds = operations / 1e15
    says(PAGE, f"that is {seconds / (365.25 * 86400):.0f} years")
    days = seconds / 1000 / 86400
    says(PAGE, f"it is {days:.1f} days")
    needed = int(np.argmax(centred[0] < 0.2))
    says(PAGE, f"{needed} steps that our digits needed would take {needed * days:.0f} days")
    says(PAGE, f"about {300e9 / 3.2e6 / 1000:.0f},000 steps")


def test_a_small_batch_points_nearly_the_same_way_at_first(says, digits, centred):
    X, history = digits.X("centred", digits.train), centred[1]

    def mean_cosine(W):
        full = loss_and_slope(W, X, digits.Y)[1].ravel()
        rng, cosines = np.random.default_rng(1), []
        for _ in range(2000):
            rows = rng.choice(len(X), 64, replace=False)
            part = loss_and_slope(W, X[rows], digits.Y[rows])[1].ravel()
            cosines.append(part @ full / np.linalg.norm(part) / np.linalg.norm(full))
        return np.mean(cosines)

    says(PAGE, f"a cosine of {mean_cosine(history[0]):.2f} with")
    says(PAGE, f"After 50 steps the cosine is {mean_cosine(history[50]):.2f}")
    assert pytest.approx(20, abs=0.5) == 1297 / 64
    says(PAGE, "at a twentieth of the price")
