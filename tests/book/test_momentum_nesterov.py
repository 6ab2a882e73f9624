"""The numbers on the page `momentum/nesterov`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "momentum/nesterov"
key = solutions.load("momentum")
LAM = np.geomspace(1, 100, 20)
ROOT = np.sqrt(301)
USUAL, TUNED = (1 / 100, 9 / 11), (4 / 301, (ROOT - 2) / (ROOT + 2))


def rate(x, beta):
    return np.abs(np.roots([1, -(1 + beta) * (1 - x), beta * (1 - x)])).max()


def run(lam, lr, beta, start, steps, nesterov=True):
    w, v, path = start, np.zeros(len(start)), [start]
    for _ in range(steps):
        v = beta * v + lam * (w - lr * beta * v if nesterov else w)
        w = w - lr * v
        path.append(w)
    return np.linalg.norm(path, axis=1) / np.linalg.norm(start)


def test_three_forms_take_one_path():
    def slope(u):
        return u + np.sin(3 * u)

    new = y = spot = seen = 3.0
    move = memory = 0.0
    for _ in range(40):
        old, new = new, y - 0.2 * slope(y)
        y = new + 0.9 * (new - old)
        move = 0.9 * move - 0.2 * slope(spot + 0.9 * move)
        spot = spot + move
        memory = 0.9 * memory + slope(seen)
        seen = seen - 0.2 * (slope(seen) + 0.9 * memory)
        assert y == pytest.approx(spot + 0.9 * move, abs=1e-9) == pytest.approx(seen, abs=1e-9)


def test_the_growing_beta_of_1983(says):
    a, betas = 1.0, []
    for _ in range(4):
        following = (1 + np.sqrt(4 * a * a + 1)) / 2
        betas.append((a - 1) / following)
        a = following
    says(PAGE, f"$0, {betas[1]:.2f}, {betas[2]:.2f}, {betas[3]:.2f}, \\dots$")


def test_the_matrix():
    rng = np.random.default_rng(1)
    for _ in range(10):
        c, lr, beta, w, v = rng.uniform(0.1, 2, 5)
        x = lr * c
        M = np.array([[1 - x, -lr * beta * (1 - x)], [c, beta * (1 - x)]])
        new_w, new_v = key.nesterov_step(np.array([w]), np.array([v]), lambda u, c=c: c * u, lr, beta)
        np.testing.assert_allclose(M @ [w, v], [new_w[0], new_v[0]], rtol=1e-12)
        assert np.abs(np.linalg.eigvals(M)).max() == pytest.approx(rate(x, beta))


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_the_border_is_nearer(says, beta):
    border = (2 + 2 * beta) / (1 + 2 * beta)
    assert rate(border - 1e-4, beta) < 1 < rate(border + 1e-4, beta)
    if beta == 0.9:
        says(PAGE, f"Below 2: at {border:.2f}.")
        says(PAGE, f"Heavy ball with $\\beta = 0.9$ is stable up to $\\eta\\lambda = {2 + 2 * beta:.1f}$")
        says(PAGE, f"rises steeply through 1 at {border:.2f}")


def test_the_race(says):
    ones, steepest = np.ones(20), np.eye(20)[-1]
    usual, tuned = (np.argmax(run(LAM, *p, ones, 400) < 1e-6) for p in (USUAL, TUNED))
    pair = key.optimal_heavy_ball(1.0, 100.0)
    heavy = np.argmax(run(LAM, *pair, ones, 400, False) < 1e-6)
    plain = np.argmax(run(LAM, 2 / 101, 0.0, ones, 800, False) < 1e-6)
    says(PAGE, f"Nesterov needs {usual} steps or, tuned, {tuned}, against heavy ball's {heavy}.")
    says(PAGE, f"gradient descent needs {plain}.")
    says(PAGE, f"heavy ball climbs to {run(LAM, *pair, steepest, 100, False).max():.2f} times the distance")
    assert run(LAM, *USUAL, steepest, 100).max() == run(LAM, *TUNED, steepest, 100).max() == 1
    assert max(rate(c * USUAL[0], USUAL[1]) for c in LAM) == pytest.approx(0.9, abs=1e-6)
    assert max(rate(c * TUNED[0], TUNED[1]) for c in LAM) == pytest.approx(1 - 2 / ROOT, abs=1e-6)


def bent(u):
    return 25 * u if u < 1 else u + 24 if u < 2 else 25 * u - 24


def walk(start, lr, beta, nesterov=False, steps=200):
    w, v = start, 0.0
    path = [w]
    for _ in range(steps):
        v = beta * v + bent(w - lr * beta * v if nesterov else w)
        w = w - lr * v
        path.append(w)
    return np.array(path)


def test_the_circle_of_lessard_recht_and_packard(says):
    assert key.optimal_heavy_ball(1.0, 25.0) == pytest.approx((1 / 9, 4 / 9))
    points = sorted(walk(3.3, 1 / 9, 4 / 9)[-3:])
    np.testing.assert_allclose(points, np.array([-2208, 792, 2592]) / 1225, rtol=1e-9)
    says(PAGE, f"these are {points[1]:.6f}, −{-points[0]:.6f} and {points[2]:.6f}")
    says(PAGE, f"at {points[2]:.2f} the slope is {bent(points[2]):.1f}, where the bowl would have {25 * points[2]:.1f}")
    says(PAGE, f"shrinks by {2 / 3:.3f} a step")
    # "a small disturbance does not free the run"
    w, v, path = 3.3, 0.0, []
    for step in range(400):
        v = 4 / 9 * v + bent(w)
        w = w - v / 9 + (0.02 if step == 200 else 0)
        path.append(w)
    np.testing.assert_allclose(sorted(path[-3:]), points, rtol=1e-9)


def test_which_starts_are_caught(says):
    starts = np.linspace(-5, 5, 1001)
    caught = np.array([abs(walk(s, 1 / 9, 4 / 9)[-1]) > 0.1 for s in starts])
    says(PAGE, f"From {caught.mean():.0%}".replace("%", " %") + " of all starts between −5 and 5")
    assert (np.diff(caught.astype(int)) == 1).sum() == 6
    says(PAGE, "six intervals that make up 12 percent")
    assert all(abs(walk(s, 1 / 25, 2 / 3, True)[-1]) < 1e-9 for s in starts[::10])
    assert walk(3.3, 1 / 25, 2 / 3, True)[2] == pytest.approx(0, abs=1e-12)


def test_a_pair_belongs_to_its_method(says):
    assert abs(walk(3.3, 1 / 9, 4 / 9, True)[-1]) > 1e6
    says(PAGE, f"$\\eta\\lambda = {25 / 9:.2f}$, beyond its border at {(2 + 8 / 9) / (1 + 8 / 9):.2f}")
