"""The numbers on the pages `gradient_descent/index` and `gradient_descent/landscapes`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/landscapes"
key = solutions.load("gradient_descent")

x = np.array([0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
t = np.array([0.2, 0.7, 0.6, 1.4, 1.3, 2.0])
X = np.stack([x, np.ones(6)], axis=1)  # (6, 2)

CENTRES = np.array([[-1.5, 1.2], [1.6, 1.0], [0.3, -1.6]])
DEPTHS = np.array([1.0, 0.7, 0.85])


def line_loss(w):
    return np.mean((X @ w - t) ** 2)


def line_gradient(w):
    return 2 * X.T @ (X @ w - t) / 6


def hollows(p):
    return 1 + 0.05 * p @ p - DEPTHS @ np.exp(-((p - CENTRES) ** 2).sum(axis=1) / 1.28)


def hollows_gradient(p):
    wells = DEPTHS * np.exp(-((p - CENTRES) ** 2).sum(axis=1) / 1.28)
    return 0.1 * p + wells @ (p - CENTRES) / 0.64


def end_on_hollows(start, lr=0.1, steps=400):
    return key.gradient_descent(hollows_gradient, np.array(start), lr, steps)[-1]


@pytest.mark.parametrize(("lr", "places"), [(0.19, 10), (0.21, 0), (0.01, 2)])
def test_three_learning_rates_on_one_bowl(says, lr, places):
    curvature = np.array([1.0, 10.0])
    history = key.gradient_descent(lambda w: curvature * w, np.array([-2.0, 1.0]), lr, 100)
    loss = 0.5 * (curvature * history**2).sum(axis=1)
    assert loss[0] == 7
    says("gradient_descent/index", "where the loss is 7")
    says("gradient_descent/index", f"{loss[-1]:,.{places}f}")


def test_the_two_runs_end_seventeen_powers_of_ten_apart(says):
    curvature = np.array([1.0, 10.0])
    ends = [(0.5 * curvature * (np.array([-2.0, 1.0]) * (1 - lr * curvature) ** 100) ** 2).sum() for lr in (0.19, 0.21)]
    assert int(np.log10(ends[1] / ends[0])) == 17
    assert key.max_stable_lr(curvature) == pytest.approx(0.2)
    says("gradient_descent/index", "end seventeen powers of ten apart")
    says(
        "gradient_descent/index",
        f"at 0.27, at {ends[0]:.1e} and at {ends[1]:.1e}".replace("e-09", "e-9").replace("e+08", "e8"),
    )
    says("gradient_descent/index", "lies at exactly 0.2")


def test_the_losses_of_the_three_lines(says):
    history = key.gradient_descent(lambda w: key.mean_squared_error(w, X, t)[1], np.zeros(2), 0.2, 100)
    losses = [line_loss(history[k]) for k in (0, 1, 100)]
    says(PAGE, f"where the loss is {losses[0]:.3f}.")
    says(PAGE, f"its loss is {losses[1]:.3f}.")
    says(PAGE, f"with a loss of {losses[2]:.3f}.")
    best = np.linalg.lstsq(X, t, rcond=None)[0]
    assert losses[2] == pytest.approx(line_loss(best), abs=5e-4)
    says(PAGE, f"the best fit with slope {best[0]:.2f}")


def test_sixty_degrees_off_leaves_half_the_descent(says):
    g, c, s = line_gradient(np.zeros(2)), 0.5, np.sqrt(0.75)
    turned = np.array([[c, -s], [s, c]]) @ -g * 1e-7
    gain = line_loss(np.zeros(2)) - line_loss(turned)
    assert gain == pytest.approx(0.5 * 1e-7 * g @ g, rel=1e-4)
    says(PAGE, "$\\cos 60° = 0.5$")


def test_short_steps_follow_the_cosine_and_long_ones_gain_less_in_every_direction():
    g, loss = line_gradient(np.zeros(2)), line_loss(np.zeros(2))
    for length, tolerance in ((0.02, 0.03), (0.3, None)):
        for angle in np.linspace(-np.pi, np.pi, 37):
            c, s = np.cos(angle), np.sin(angle)
            d = length * np.array([[c, -s], [s, c]]) @ -g / np.linalg.norm(g)
            change = (line_loss(d) - loss) / (length * np.linalg.norm(g))
            if tolerance:
                assert abs(change + c) < tolerance
            else:
                assert change > -c


def test_a_random_direction_gets_one_over_the_root_of_the_dimension(says):
    rng = np.random.default_rng(0)
    for D in (2, 100, 10_000):
        d = rng.standard_normal((500, D))
        share = np.sqrt(np.mean((d[:, 0] / np.linalg.norm(d, axis=1)) ** 2))
        assert share == pytest.approx(D**-0.5, rel=0.1)
    says(PAGE, f"In 10,000 dimensions a random step gets {100 * 10_000**-0.5:.0f} % of what the gradient gets")
    says(PAGE, f"With a hundred billion weights it is {100 * 1e11**-0.5:.4f} %")


def test_the_promise_of_a_small_step_and_its_error(says):
    g = line_gradient(np.zeros(2))
    promised = {lr: lr * g @ g for lr in (0.1, 0.01, 0.001)}
    error = {lr: promised[lr] - (line_loss(np.zeros(2)) - line_loss(-lr * g)) for lr in promised}
    assert error[0.1] / error[0.01] == pytest.approx(100)
    assert error[0.01] / error[0.001] == pytest.approx(100)
    says(PAGE, "The error falls by a factor of 100 in each row")
    says(PAGE, f"At $\\eta = 0.001$ the promise is right to {error[0.001] / promised[0.001]:.1%}".replace("%", " %"))
    says(PAGE, f"already loses {error[0.1] / promised[0.1]:.0%}".replace("%", " %") + " of what was promised")


@pytest.mark.parametrize(
    ("start", "hollow"),
    [
        ((-2.9, -1.3), 0),
        ((-2.9, -2.0), 2),
        ((-0.4, 2.4), 0),
        ((0.0, 0.45), 0),
        ((0.2, 0.45), 1),
        ((2.9, -0.7), 1),
    ],
)
def test_six_starts_end_in_three_hollows(says, start, hollow):
    end = end_on_hollows(start)
    assert np.linalg.norm(end - CENTRES, axis=1).argmin() == hollow
    says(PAGE, f'"{hollows(end):.2f}"')
    says(PAGE, "Two starts that are 0.2 apart, (0, 0.45) and (0.2, 0.45), end in different places")


def test_steepest_depends_on_the_ruler():
    g = np.array([-3.0, -1.5])
    d = np.random.default_rng(0).standard_normal((100_000, 2))
    for length, best in [
        (np.linalg.norm(d, axis=1), -g / np.linalg.norm(g)),
        (np.abs(d).max(axis=1), -np.sign(g)),
        (np.abs(d).sum(axis=1), np.array([1.0, 0.0])),
    ]:
        drops = (d / length[:, None]) @ g
        assert drops.min() >= best @ g - 1e-12
        assert drops.min() == pytest.approx(best @ g, rel=1e-3)
