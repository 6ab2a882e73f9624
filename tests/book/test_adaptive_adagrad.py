"""The numbers on the page `adaptive/adagrad`, computed again."""

import numpy as np
import pytest

PAGE = "adaptive/adagrad"
RANK = np.arange(1, 501)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(56)
    truth = 5 * rng.choice([-1, 1], 500) * np.minimum(1, RANK / 20)
    texts = (rng.random((2000, 500)) < np.minimum(0.5, 1 / RANK)) * 1.0
    return truth, texts, (rng.random(2000) < 1 / (1 + np.exp(-texts @ truth))) * 1.0


def read(problem, rate, adaptive):
    _, texts, kinds = problem
    w, s, total = np.zeros(500), np.zeros(500), 0.0
    for x, y in zip(texts, kinds, strict=True):
        z = x @ w
        total += np.logaddexp(0, z) - y * z
        g = (1 / (1 + np.exp(-z)) - y) * x
        s += g * g
        w = w - rate * g / (np.sqrt(s) + 1e-10 if adaptive else 1)
    return w, total / len(kinds)


def test_adagrad_reads_better_and_most_so_the_rare_words(says, problem):
    truth, learnt, losses = problem[0], {}, {}
    for adaptive, best_rate in ((False, 0.25), (True, 0.5)):
        found = {rate: read(problem, rate, adaptive) for rate in 2.0 ** np.arange(-5, 4)}
        rate = min(found, key=lambda rate: found[rate][1])
        assert rate == best_rate
        w, losses[adaptive] = found[rate]
        bands = ((1, 20), (21, 50), (51, 100), (101, 500))
        inside = [np.isin(RANK, range(low, high + 1)) for low, high in bands]
        learnt[adaptive] = [100 * (w[b] @ truth[b]) / (truth[b] @ truth[b]) for b in inside]
    says(PAGE, f"AdaGrad reads at {losses[True]:.3f} and the best single rate at {losses[False]:.3f}.")
    says(PAGE, f"best at 0.25 with {losses[False]:.3f}, AdaGrad at 0.5 with {losses[True]:.3f}")
    assert 1 - losses[True] / losses[False] == pytest.approx(1 / 9, abs=0.01)
    says(PAGE, "AdaGrad's best is lower by a ninth")
    assert round(learnt[False][0]) == round(learnt[True][0]) == 25
    says(PAGE, "both have come 25 percent of the way")
    says(PAGE, f"gradient descent has come {learnt[False][3]:.0f} percent, AdaGrad {learnt[True][3]:.0f}")
    shares = np.array(learnt[True]) / learnt[False]
    assert np.all(np.diff(shares) > 0), "the rarer the word, the larger the difference"


def test_how_far_it_reaches(says):
    moved = np.cumsum(1 / np.sqrt(np.arange(1, 10_001)))
    says(PAGE, f"That is {moved[99]:.2f} after 100 steps and {moved[-1]:.2f} after 10,000.")
    assert moved[-1] == pytest.approx(2 * 100 - 1.46, abs=0.01)
    assert round((moved[-1] - moved[99]) / moved[99]) == 10
    says(PAGE, "the last 9,900 steps have brought only ten times as much as the first hundred")
