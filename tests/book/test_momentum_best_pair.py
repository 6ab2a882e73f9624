"""The numbers on the page `momentum/best_pair`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "momentum/best_pair"
key = solutions.load("momentum")
LAM = np.geomspace(1, 100, 20)


def pair(mu, L):
    return (2 / (np.sqrt(L) + np.sqrt(mu))) ** 2, ((np.sqrt(L / mu) - 1) / (np.sqrt(L / mu) + 1)) ** 2


def rate(lam, lr, beta):
    return max(np.abs(np.roots([1, -(1 + beta - lr * c), beta])).max() for c in lam)


def count(lam, lr, beta):
    w, v, k = np.ones(len(lam)), np.zeros(len(lam)), 0
    while np.linalg.norm(w) > 1e-6 * np.sqrt(len(lam)):
        v = beta * v + lam * w
        w = w - lr * v
        k += 1
    return k


def test_all_directions_shrink_alike(says):
    rates = [rate([c], *pair(1, 100)) for c in LAM]
    assert np.allclose(rates, 9 / 11, atol=1e-6)
    assert pair(1, 100) == pytest.approx(key.optimal_heavy_ball(1.0, 100.0))
    says(PAGE, f"all twenty shrink by {rates[0]:.3f}")
    says(PAGE, f"bars from {99 / 101:.3f} for the flattest")


def test_no_pair_is_better():
    lrs, betas = np.linspace(0.001, 0.08, 300), np.linspace(0, 0.99, 300)
    assert key.convergence_map(LAM, lrs, betas).min() >= 9 / 11 - 1e-9


def test_steps_against_condition_number(says):
    heavy = {k: count(np.array([1.0, k]), *pair(1.0, k)) for k in (2, 10, 100, 1000, 10_000)}
    plain = {k: k / 2 * np.log(1e6) for k in heavy}
    assert count(np.array([1.0, 100.0]), 2 / 101, 0) == round(plain[100])
    says(
        PAGE,
        f"At $\\kappa = 100$ it is {heavy[100]} steps against {plain[100]:.0f}, at 10,000 it is "
        f"{heavy[10_000]:,} against {plain[10_000]:,.0f}",
    )
    says(PAGE, f"The ratio at the end is {plain[10_000] / heavy[10_000]:.0f}, not 100")
    says(PAGE, f"= {np.log(1e6) / np.log(101 / 99):.0f}$, a hundredth. But measured it is {heavy[10_000]:,}.")
    says(PAGE, f"of slope one half, from {heavy[2]} to {heavy[10_000]:,}")
    ratio = (heavy[10_000] / heavy[10]) ** (1 / 3)
    says(PAGE, f"about {ratio:.1f} times for heavy ball")


@pytest.mark.parametrize("kappa", [10.0, 100.0, 1000.0])
def test_the_exact_solution_with_its_factor_t(kappa):
    lr, beta = pair(1.0, kappa)
    rho, t = np.sqrt(beta), np.arange(81)
    for c, factor in ((kappa, 1 + rho), (1.0, 1 - rho)):
        w = np.abs(key.momentum_descent(lambda w, c=c: c * w, np.array([1.0]), lr, beta, 80)[:, 0])
        np.testing.assert_allclose(w, (1 + factor * t) * rho**t, rtol=1e-5, atol=1e-12)


def test_it_gets_worse_before_it_gets_better(says):
    peaks = {}
    for kappa in (100.0, 1000.0, 10_000.0):
        lr, beta = pair(1.0, kappa)
        w = np.abs(key.momentum_descent(lambda w, c=kappa: c * w, np.array([1.0]), lr, beta, 200)[:, 0])
        peaks[kappa] = w.max(), w.argmax()
    says(
        PAGE,
        f"rises to {peaks[100][0]:.2f} times the start, at step {peaks[100][1]}. For 10,000 it rises to "
        f"{peaks[1e4][0]:.1f} times, at step {peaks[1e4][1]}.",
    )
    says(PAGE, f"grows {peaks[1e4][0]:.0f}-fold and the loss {peaks[1e4][0] ** 2:,.0f}-fold")
    says(PAGE, f"it rises to {peaks[100][0]:.1f} and {peaks[1000][0]:.1f} before it falls")
    for kappa, (peak, _) in peaks.items():
        assert peak == pytest.approx(np.sqrt(kappa) / np.e, rel=0.01)


def test_wrong_numbers(says):
    steps = {believed: count(LAM, *pair(believed, 100.0)) for believed in (1 / 16, 16.0)}
    descent = count(LAM, 2 / 101, 0.0)
    says(PAGE, f"with {steps[1 / 16]} or {steps[16.0]} steps, is still ahead of gradient descent's {descent}")
    lr, beta = pair(1.0, 100.0)
    says(
        PAGE,
        f"{100 * (1 - lr / (2 * (1 + beta) / 100)):.0f} % below the border: a learning rate 2 % too high, and "
        f"the run diverges",
    )
    assert rate(LAM, 1.02 * lr, beta) > 1 > rate(LAM, 0.95 * lr, beta)
    assert lr * 100 > 2  # fatal without its memory


def test_the_chain(says):
    mu, L, D, rho = 1.0, 100.0, 400, 9 / 11
    A = (L - mu) / 4 * (2 * np.eye(D) - np.eye(D, k=1) - np.eye(D, k=-1)) + mu * np.eye(D)
    lam = np.linalg.eigvalsh(A)
    assert mu <= lam[0] and lam[-1] <= L
    pull = np.zeros(D)
    pull[0] = (L - mu) / 4
    minimum = rho ** np.arange(1, D + 1)
    np.testing.assert_allclose(A @ minimum, pull, atol=1e-12)
    heavy = key.momentum_descent(lambda w: A @ w - pull, np.zeros(D), *pair(mu, L), 100)
    plain = key.momentum_descent(lambda w: A @ w - pull, np.zeros(D), 2 / (mu + L), 0.0, 100)
    whole = np.linalg.norm(minimum)
    for t in (10, 50, 100):
        assert np.count_nonzero(heavy[t]) == np.count_nonzero(plain[t]) == t  # news travels one weight a step
        np.testing.assert_allclose(heavy[t, :t], minimum[:t], rtol=1e-9)
        assert np.linalg.norm(heavy[t] - minimum) / whole == pytest.approx(rho**t, rel=1e-9)
    floor, descent = 1e5 * rho**50, np.linalg.norm(plain[50] - minimum) / whole
    says(
        PAGE,
        f"the floor is at ${floor:.2f} \\cdot 10^{{-5}}$ of the start. Heavy ball is at ${floor:.2f} \\cdot "
        f"10^{{-5}}$, gradient descent at {descent:.3f}.",
    )
    says(
        PAGE,
        f"gradient descent falls to {np.linalg.norm(plain[100] - minimum) / whole:.2f}; heavy ball falls "
        f"along the edge",
    )
