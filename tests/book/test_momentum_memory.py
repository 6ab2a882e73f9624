"""The numbers on the page `momentum/memory`, computed again."""

import numpy as np
import pytest

PAGE = "momentum/memory"
LAM, LR = np.array([1.0, 20.0]), 0.09


def slopes(steps):
    return LAM * np.array([-2.0, 0.5]) * (1 - LR * LAM) ** np.arange(steps)[:, None]


def distance(beta, steps=100):
    w, v = np.array([-2.0, 0.5]), np.zeros(2)
    for _ in range(steps):
        v = beta * v + LAM * w
        w = w - LR * v
    return np.linalg.norm(w)


def test_the_small_slope_wins(says):
    factors = 1 - LR * LAM
    says(PAGE, f"{factors[0]:.2f} along the floor, ${factors[1]:.1f}$ across")
    along, across = slopes(6).sum(axis=0)
    says(PAGE, f"along, the sum is −{-along:.1f}; across, it is {across:.1f}.")


def test_the_sums_in_the_figure(says):
    total, sums = np.zeros(2), []
    for g in slopes(31):
        total = 0.9 * total + g
        sums.append(total)
    sums = np.array(sums)
    says(PAGE, f"the sum along has grown to minus {-sums[:, 0].min():.1f}.")
    says(PAGE, "they add up, to four times the largest single slope")
    assert round(sums[:, 0].min() / -2) == 4
    assert sums[:, 1].max() == 10 and sums[:10, 1].min() == pytest.approx(1)


def test_steady_and_alternating(says):
    steady, alternating = sum(0.9**k for k in range(500)), sum((-0.9) ** k for k in range(500))
    assert steady == pytest.approx(10)
    says(
        PAGE, f"Ten times and {alternating:.3f} times. A steady slope has gained a factor of {steady / alternating:.0f}"
    )


def test_how_far_back(says):
    halves = [np.log(0.5) / np.log(beta) for beta in (0.5, 0.9, 0.99)]
    says(PAGE, f"the half-life: {halves[0]:.0f} and {halves[1]:.1f} steps, and {halves[2]:.0f} beyond the edge")
    assert 0.99 ** np.floor(halves[2]) > 0.5 > 0.99 ** np.ceil(halves[2])


def test_the_memory_of_seven_billion_weights(says):
    says(PAGE, f"seven billion weights, kept in four bytes each, that is {7 * 4} gigabytes")


def test_there_is_a_best_memory(says):
    grid = np.linspace(0, 0.99, 199)
    ends = np.array([distance(beta) for beta in grid])
    assert grid[ends.argmin()] == pytest.approx(0.5, abs=0.02)
    says(
        PAGE,
        f"it falls from {ends[0]:.0e} to {ends.min():.0e} at 0.5 and rises again to {ends[-1]:.2f} at 0.99".replace(
            "e-04", "e-4"
        ),
    )


def test_the_friction_of_the_ball(says):
    frictions = [0.1 / np.sqrt(lr) for lr in (1, 0.01, 0.0001)]
    says(PAGE, f"it is {frictions[0]:g} at $\\eta = 1$, {frictions[1]:g} at $\\eta = 0.01$, and {frictions[2]:g} at")


def walk(lr, beta, steps):
    w, v, path = 1.0, 0.0, [1.0]
    for _ in range(steps):
        v = beta * v + w
        w = w - lr * v
        path.append(w)
    return np.array(path)


def test_the_ball_is_right_for_small_steps_and_wrong_for_large_ones(says):
    # the exact solution for friction 1: e^(-t/2) (cos rt + sin rt / 2r), r = sqrt(3)/2
    time, r = np.sqrt(0.01) * np.arange(71), np.sqrt(0.75)
    ball = np.exp(-time / 2) * (np.cos(r * time) + np.sin(r * time) / (2 * r))
    says(PAGE, f"the picture holds, to within {np.abs(walk(0.01, 0.9, 70) - ball).max():.2f}")
    says(PAGE, "with $\\eta\\lambda = 3.9$ and $\\beta = 0.9$ it flies apart")
    assert np.abs(walk(3.9, 0.9, 12)[-1]) > 10


def test_honey_is_gradient_descent(says):
    method, descent = walk(1e-4, 0.9, 400), (1 - 1e-3) ** np.arange(401)
    says(PAGE, f"the two are never more than {np.abs(method - descent).max():.4f} apart")
    says(PAGE, f"creep from 1 to {method[-1]:.2f} in 400 steps")
