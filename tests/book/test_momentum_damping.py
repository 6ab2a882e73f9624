"""The numbers on the page `momentum/damping`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "momentum/damping"
key = solutions.load("momentum")


def rate(x, beta):
    return np.abs(np.roots([1, -(1 + beta - x), beta])).max()


def measured(x, beta, first=200, last=600):
    w, v, sizes = 1.0, 0.0, []
    for _ in range(last):
        v = beta * v + x * w
        w = w - v
        sizes.append(np.hypot(w, v))
    return (sizes[-1] / sizes[first - 1]) ** (1 / (last - first))


def test_three_kinds_of_run(says):
    rates = [rate(0.09, beta) for beta in (0.2, 0.49, 0.9)]
    says(PAGE, f"the predicted rates {rates[0]:.3f}, {rates[1]:.3f} and {rates[2]:.3f}")
    assert [key.damping_regime(1.0, 0.09, beta) for beta in (0.2, 0.49, 0.9)] == [
        "overdamped",
        "critical",
        "underdamped",
    ]


def test_the_product_of_the_eigenvalues_is_beta():
    rng = np.random.default_rng(0)
    for _ in range(20):
        curvature, lr, beta = rng.uniform(0.1, 5), rng.uniform(0.01, 1), rng.uniform(0, 0.99)
        M = np.array([[1 - lr * curvature, -lr * beta], [curvature, beta]])
        assert np.prod(np.linalg.eigvals(M)).real == pytest.approx(beta)
        assert np.linalg.eigvals(M).sum().real == pytest.approx(1 + beta - lr * curvature)


def test_where_the_two_eigenvalues_meet(says):
    says(PAGE, f"meet at {1 - np.sqrt(0.09):.1f} where beta is {(1 - np.sqrt(0.09)) ** 2:.2f}")
    says(PAGE, f"meet at minus {np.sqrt(2.5) - 1:.2f} where beta is {(1 - np.sqrt(2.5)) ** 2:.2f}")
    best = [(1 - np.sqrt(x)) ** 2 for x in (0.01, 0.09, 0.5, 2.5)]
    says(PAGE, "at beta " + ", ".join(f"{b:.2f}" for b in best[:3]) + f" and {best[3]:.2f}")


def test_memory_brings_a_diverging_run_to_order(says):
    says(PAGE, "is brought to order beyond $\\\\beta = 0.25$.")
    assert rate(2.5, 0.249) > 1 > rate(2.5, 0.251)


def test_prediction_against_measurement(says):
    for x, beta in ((0.09, 0.2), (0.5, 0.9), (2.5, 0.9), (2.5, 0.2)):
        assert f"{measured(x, beta):.3f}" == f"{rate(x, beta):.3f}"
    says(PAGE, f"reads {measured(0.09, 0.9):.3f} for {rate(0.09, 0.9):.3f}")
    says(PAGE, f"The critical run reads {measured(0.09, 0.49):.3f} for {rate(0.09, 0.49):.3f}")


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_the_border(says, beta):
    says(PAGE, "0 < \\eta\\lambda < 2 + 2\\beta")
    border = 2 + 2 * beta
    assert rate(border - 1e-3, beta) < 1 < rate(border + 1e-3, beta)
    assert key.max_stable_lr(np.array([1.0]), beta) == pytest.approx(border)
    # a tighter limit of 1 would be safe and not the border
    assert all(rate(x, beta) < 1 for x in np.linspace(0.01, border - 0.01, 200))


def test_a_span_of_curvatures_with_one_rate(says):
    low, high = (1 - np.sqrt(0.9)) ** 2, (1 + np.sqrt(0.9)) ** 2
    says(PAGE, f"from $\\eta\\lambda = {low:.4f}$ to {high:.2f}")
    says(
        PAGE,
        f"$\\sqrt{{0.9}} = {np.sqrt(0.9):.3f}$ a step, although the curvatures differ by a factor of {high / low:,.0f}",
    )
    for x in np.linspace(low * 1.01, high * 0.999, 50):
        assert rate(x, 0.9) == pytest.approx(np.sqrt(0.9))
