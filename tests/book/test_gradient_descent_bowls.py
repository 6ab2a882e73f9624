"""The numbers on the page `gradient_descent/bowls`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/bowls"
key = solutions.load("gradient_descent")
LAM = np.arange(1.0, 21.0)


def steps_to(lam, lr, accuracy=1e-6, weights=None):
    """Steps, one by one, until the root of sum(weights * c**2) has shrunk to `accuracy`; every c_i starts at 1."""
    c, weights, k = np.ones(len(lam)), np.ones(len(lam)) if weights is None else weights, 0
    target = accuracy * np.sqrt(weights.sum())
    while np.sqrt(weights @ c**2) > target:
        c = c * (1 - lr * lam)
        k += 1
    return k


@pytest.fixture(scope="module")
def tilted():
    rng = np.random.default_rng(0)
    Q, _ = np.linalg.qr(rng.standard_normal((20, 20)))
    minimum = rng.standard_normal(20)
    return (Q * LAM) @ Q.T, minimum, minimum + Q @ np.ones(20)


def history_on(tilted, lr, steps=200):
    A, minimum, start = tilted
    return key.gradient_descent(lambda w: A @ (w - minimum), start, lr, steps)


def test_just_below_and_just_above_the_border_of_a_parabola(says):
    assert key.max_stable_lr(np.array([5.0])) == pytest.approx(0.4)
    ends = {lr: abs(1 - 5 * lr) ** 50 for lr in (0.39, 0.40, 0.41)}
    assert ends[0.40] == pytest.approx(1)
    says(PAGE, "here 0.4. At 0.39")
    says(PAGE, f"the weight has shrunk to {ends[0.39]:.3f}.")
    says(PAGE, f"At 0.41 it has grown {ends[0.41]:.0f}-fold")


def test_a_tilted_bowl_multiplies_each_coordinate_by_its_own_factor(says):
    c, s = np.cos(np.radians(25)), np.sin(np.radians(25))
    Q, lam = np.array([[c, -s], [s, c]]), np.array([1.0, 14.0])
    A = Q @ np.diag(lam) @ Q.T
    history = key.gradient_descent(lambda w: A @ w, Q @ np.array([-2.2, 0.8]), 0.12, 25) @ Q
    factors = history[1:] / history[:-1]
    assert np.allclose(factors, 1 - 0.12 * lam)
    says(PAGE, f"$|c_1|$: factor {factors[0, 0]:.2f}")
    says(PAGE, f"$|c_2|$: factor −{-factors[0, 1]:.2f}")


def test_the_bars(says):
    assert key.max_stable_lr(LAM) == pytest.approx(0.1)
    factors = np.abs(1 - 0.102 * LAM)
    assert (factors > 1).sum() == 1 and factors.argmax() == 19
    says(PAGE, f"one grows by only {factors[-1] - 1:.0%}".replace("%", " %") + " a step")
    says(PAGE, f"the last bar, {factors[-1]:.2f}, alone")
    says(PAGE, f"At {key.best_fixed_lr(LAM):.4f} they fall from {key.predicted_rate(LAM, 2 / 21):.3f} to 0")
    says(PAGE, "nineteen of the twenty directions converge")
    says(PAGE, f"At learning rate 0.05 the bars fall from {key.predicted_rate(LAM, 0.05):.2f} to 0")


def test_a_diverging_run_goes_well_at_first(says):
    steps = np.arange(101)[:, None]
    loss = 0.5 * (LAM * (1 - 0.102 * LAM) ** (2 * steps)).sum(axis=1)
    back = np.flatnonzero(loss > loss[0])[0]
    says(PAGE, f"from {loss[0]:.0f} to {loss.min():.1f} in {loss.argmin()} steps")
    says(PAGE, f"and is back where it began only at step {back}.")


def test_rates_are_measured_as_predicted(says, tilted):
    for lr in (0.02, 0.03, 0.05, 0.07, 0.09, 2 / 21, 0.099, 0.1, 0.101, 0.103):
        measured = key.measured_rate(history_on(tilted, lr), tilted[1], 50)
        assert measured == pytest.approx(np.abs(1 - lr * LAM).max(), abs=5e-4)
    for lr in (0.05, 2 / 21, 0.103):
        measured = key.measured_rate(history_on(tilted, lr), tilted[1], 50)
        assert f"{measured:.5f}" == f"{np.abs(1 - lr * LAM).max():.5f}"
    small = key.measured_rate(history_on(tilted, 0.005), tilted[1], 50)
    assert f"{small:.5f}" != f"{1 - 0.005:.5f}"
    says(PAGE, "Three of the four agree in every decimal shown. The first does not")


def test_the_best_rate_is_the_lowest_point_of_the_v(says):
    grid = np.linspace(0.001, 0.12, 100_001)
    rates = np.abs(1 - grid[:, None] * LAM[[0, -1]]).max(axis=1)
    assert grid[rates.argmin()] == pytest.approx(key.best_fixed_lr(LAM), abs=1e-5)
    assert rates.min() == pytest.approx(19 / 21, abs=1e-4)
    says(PAGE, f"best: 2/($\\\\mu$+$L$) = {grid[rates.argmin()]:.4f}\\nrate {rates.min():.3f}")
    says(PAGE, f"its minimum at $2/(\\\\mu+L) = {2 / 21:.4f}$")


def test_for_a_condition_number_of_100_the_best_rate_is_one_percent_below_the_border(says):
    below = 1 - key.best_fixed_lr(np.array([1.0, 100.0])) / key.max_stable_lr(np.array([1.0, 100.0]))
    says(PAGE, f"for $\\kappa = 100$ it is {100 * below:.0f} % below a cliff")


def test_half_the_rate_takes_about_twice_the_steps():
    assert steps_to(LAM, 0.025) / steps_to(LAM, 0.05) == pytest.approx(2, abs=0.06)


@pytest.mark.parametrize("kappa", [10, 100, 1000, 10_000])
def test_steps_grow_like_half_the_condition_number(kappa):
    lam = np.array([1.0, kappa])
    assert abs(steps_to(lam, key.best_fixed_lr(lam)) - kappa / 2 * np.log(1e6)) <= 1


def test_steps_at_a_condition_number_of_100(says):
    lam = np.geomspace(1, 100, 20)
    worst = steps_to(lam[[0, -1]], 2 / 101)
    mixed = steps_to(lam, 2 / 101)
    assert (worst, mixed, steps_to(lam, 1 / 100)) == (691, 634, 1226)
    says(PAGE, f"goes through {worst} steps at condition number 100")
    says(PAGE, f"it needs {1 - mixed / worst:.0%}".replace("%", " %") + " fewer steps at $\\kappa = 100$")


def test_the_loss_converges_with_the_square_of_the_rate(says, tilted):
    A, minimum, _ = tilted
    from_minimum = history_on(tilted, 2 / 21) - minimum
    losses = 0.5 * ((from_minimum @ A) * from_minimum).sum(axis=1)
    distances = np.linalg.norm(from_minimum, axis=1)
    assert losses[-1] / losses[-2] == pytest.approx((19 / 21) ** 2, rel=1e-6)
    assert distances[-1] / distances[-2] == pytest.approx(19 / 21, rel=1e-6)
    by_loss, by_distance = np.argmax(losses < 1e-6 * losses[0]), np.argmax(distances < 1e-6 * distances[0])
    assert by_loss == steps_to(LAM, 2 / 21, accuracy=1e-3, weights=LAM)
    says(PAGE, f"The loss is below a millionth of its start after {by_loss} steps; the distance takes {by_distance},")


def test_units_decide_the_condition_number(says):
    x = np.array([0.0, 0.4, 0.8, 1.2, 1.6, 2.0])

    def kappa(inputs):
        X = np.stack([inputs, np.ones(6)], axis=1)
        lam = np.linalg.eigvalsh(X.T @ X / 3)
        return lam[1] / lam[0]

    metres, centimetres = kappa(x), kappa(100 * x)
    says(PAGE, f"$\\kappa$ from {metres:.1f} to {round(centimetres, -2):,.0f}")
    rule = np.log(1e6) / 2
    says(PAGE, f"from about {metres * rule:.0f} to about {round(centimetres * rule, -3):,.0f}")
    assert kappa((x - x.mean()) / x.std()) == pytest.approx(1)
