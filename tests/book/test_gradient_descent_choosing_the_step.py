"""Every number that the page `choosing_the_step` states, computed again."""

import math

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/choosing_the_step"
EIGENVALUES = np.geomspace(1, 100, 20)
L, TARGET = 100, 1e-6


@pytest.fixture(scope="module")
def key():
    return solutions.load("gradient_descent")


def search_run(key, scale):
    """(steps, evaluations, accepted rates) of backtracking that starts each search at twice the last rate."""
    calls, rates, w, lr = [0], [], np.ones(20), 1.0

    def f(w):
        calls[0] += 1
        return scale * np.sum(EIGENVALUES * w**2) / 2

    start = np.sum(EIGENVALUES)
    while np.sum(EIGENVALUES * w**2) > TARGET * start:
        g = scale * EIGENVALUES * w
        lr = key.backtracking_line_search(f, w, g, lr=lr)
        rates.append(lr)
        w, lr = w - lr * g, 2 * lr
    return len(rates), calls[0], np.array(rates)


def fixed_run(lr):
    """Steps of a fixed rate, from the closed form of each component."""
    steps = 0
    while np.sum(EIGENVALUES * (1 - lr * EIGENVALUES) ** (2 * steps)) > TARGET * np.sum(EIGENVALUES):
        steps += 1
    return steps


def test_the_example_of_a_search(says, key):
    def f(w):
        return 0.5 * 1.2 * w @ w

    w = np.array([1.0])
    assert key.backtracking_line_search(f, w, 1.2 * w, lr=3.0, c=0.3) == 0.75
    says(PAGE, f"from {f(w):.2f} to {f(w - 1.5 * 1.2 * w):.2f}, and is still rejected")
    crossing = 2 * (1 - 0.3) / 1.2
    says(PAGE, f"crosses it at a rate of about {crossing:.2f}")


def test_the_floor(says, key):
    floor = 0.5 * 2 * (1 - 1e-4)
    says(PAGE, f"${floor:.4f}/L$")
    rates = search_run(key, 1.0)[2]
    assert (rates * L >= floor).all()
    assert (rates * L > 2).any()
    says(PAGE, f"${rates.min() * L:.2f}/L$ and ${rates.max() * L:.2f}/L$")
    says(PAGE, f"jumps between {rates.min() * L:.2f} and {rates[:60].max() * L:.1f}")


def test_the_same_steps_at_every_scale(says, key):
    steps = {k: search_run(key, 10.0**k)[0] for k in range(-6, 7)}
    says(PAGE, f"between {min(steps.values())} and {max(steps.values())} steps")
    says(PAGE, f"takes {steps[0]} steps to lower the loss by a factor of a million")
    says(PAGE, f"{steps[4]}, almost the same")


def test_a_fixed_rate_suits_one_scale(says):
    says(PAGE, f"A fixed rate of 0.01 needs {fixed_run(0.01)} steps at scale 1")
    assert 9.9 < fixed_run(0.001) / fixed_run(0.01) < 10.1
    assert 0.01 * 10 * L > 2


def test_the_bill_of_backtracking(says, key):
    steps, calls, _ = search_run(key, 1.0)
    best = fixed_run(key.best_fixed_lr(EIGENVALUES))
    says(PAGE, f"needs {best} steps on this bowl. Backtracking, which knows nothing, needs {steps}")
    says(PAGE, f"the {steps} steps cost {calls} evaluations")
    says(PAGE, f"so {calls - steps} are extra")
    says(PAGE, rf"3 \cdot {steps} + {calls - steps} = {3 * steps + calls - steps}$ passes")
    says(PAGE, rf"$3 \cdot {best} = {3 * best}$")


def test_newton_doubles_the_digits(says):
    w, distances = 1.0, []
    for _ in range(5):
        distances.append(abs(w - math.log(2)))
        w = w - 1 + 2 * math.exp(-w)
    exponents = [-math.floor(math.log10(d)) for d in distances]
    says(PAGE, f"Read the exponents: {', '.join(map(str, exponents))}")
    last, new = distances[3], distances[4]
    assert new == pytest.approx(last**2 / 2, rel=0.01)
    says(PAGE, rf"half of $({last * 1e7:.1f} \cdot 10^{{-7}})^2$ is indeed ${new * 1e14:.1f} \cdot 10^{{-14}}$")


def test_gradient_descent_adds_the_same_digits(says):
    w = 1.0
    for _ in range(4):
        w = w - 0.4 * (math.exp(w) - 2)
    says(PAGE, rf"after four steps it is ${abs(w - math.log(2)) * 1e4:.1f} \cdot 10^{{-4}}$")


def slope(w):
    return np.array([-2 * (1 - w[0]) - 400 * w[0] * (w[1] - w[0] ** 2), 200 * (w[1] - w[0] ** 2)])


def curvature(w):
    return np.array([[2 - 400 * w[1] + 1200 * w[0] ** 2, -400 * w[0]], [-400 * w[0], 200]])


def valley(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def newton_path(key, w, steps, slope, curvature):
    path = [w]
    for _ in range(steps):
        path.append(key.newton_step(path[-1], slope(path[-1]), curvature(path[-1])))
    return np.array(path)


def test_newton_on_rosenbrock(says, key):
    path = newton_path(key, np.array([-1.2, 1.0]), 6, slope, curvature)
    distances = np.linalg.norm(path - 1, axis=1)
    assert distances[5] > 1e-6 > 1e-10 > distances[6]
    says(PAGE, f"Newton needs {np.argmax(distances < 1e-6)} steps")
    says(PAGE, f"from {valley(path[1]):.1f} to {valley(path[2]):,.0f}")
    says(PAGE, f"({path[2][0]:.2f}, {path[2][1]:.1f}), back up to ({path[3][0]:.2f}, {path[3][1]:.2f})")
    plain = key.gradient_descent(slope, path[0], 0.0015, 23000)
    steps = np.argmax(np.linalg.norm(plain - 1, axis=1) < 1e-6)
    says(PAGE, f"gradient descent with rate 0.0015 needs {steps:,}")


def test_newton_does_not_notice_coordinates(says, key):
    A = np.array([[3, 1], [0.5, 0.02]])
    says(PAGE, r"A = \begin{pmatrix} 3 & 1 \\ 0.5 & 0.02\end{pmatrix}")
    start = np.array([-1.2, 1.0])
    w = newton_path(key, start, 6, slope, curvature)
    u = newton_path(
        key, np.linalg.solve(A, start), 6, lambda u: A.T @ slope(A @ u), lambda u: A.T @ curvature(A @ u) @ A
    )
    assert np.abs(u @ A.T - w).max() < 1e-9
    says(PAGE, "agree to within $10^{-9}$")
    other = key.gradient_descent(lambda u: A.T @ slope(A @ u), np.linalg.solve(A, start), 1e-4, 6)
    assert np.abs(other @ A.T - key.gradient_descent(slope, start, 1e-4, 6)).max() > 0.1


def wells_slope(w):
    return np.array([w[0], w[1] ** 3 - w[1]])


def wells_curvature(w):
    return np.diag([1, 3 * w[1] ** 2 - 1])


def test_newton_walks_to_a_saddle(says, key):
    path = newton_path(key, np.array([1.2, 0.42]), 5, wells_slope, wells_curvature)
    says(PAGE, f"jumps to (0, {path[1, 1]:.2f}), then (0, {path[2, 1]:.2f})")
    decimals = -math.ceil(math.log10(abs(path[5, 1])))
    says(PAGE, f"to {decimals} decimal places after five steps")


def test_how_often_newton_ends_on_the_saddle(says, key):
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (1000, 2))
    ends = [newton_path(key, w, 60, wells_slope, wells_curvature)[-1] for w in starts]
    count = sum(abs(w[1]) < 1e-6 for w in ends)
    says(PAGE, f"Newton ends on the saddle in {count} cases and gradient descent in none")
    y = starts[:, 1].copy()  # gradient descent: the second weight alone decides
    for _ in range(500):
        y = y - 0.1 * (y**3 - y)
    assert (np.abs(np.abs(y) - 1) < 1e-6).all()


def test_the_price_of_newton(says):
    operations = {d: 2 * d**3 / 3 for d in (10**3, 10**6, 10**9)}
    seconds = {d: n / 1e15 for d, n in operations.items()}
    says(PAGE, f"| $10^3$ | 4 kB | 4 MB | {seconds[10**3] * 1e6:.1f} microseconds |")
    says(PAGE, f"| $10^6$ | 4 MB | 4 TB | {seconds[10**6] / 60:.0f} minutes |")
    years = seconds[10**9] / (365.25 * 24 * 3600)
    says(PAGE, f"| $10^9$ | 4 GB | {4 * 10**18 / 10**12 / 1e6:.0f} million TB | {years / 1000:.0f} thousand years |")
