"""The numbers on the page `gradient_descent/not_a_bowl`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/not_a_bowl"
key = solutions.load("gradient_descent")


def product_gradient(w):
    a, b = w
    return (a * b - 1) * np.array([b, a])


def rosenbrock_gradient(w):
    u, v = w
    return np.array([-2 * (1 - u) - 400 * u * (v - u**2), 200 * (v - u**2)])


def steps_off_the_saddle(start, until=0.1):
    history = key.gradient_descent(product_gradient, np.array([start, start]), 0.1, 300)
    return np.argmax(history[:, 0] >= until)


def steps_down_the_plateau(start, squared, lr=0.5):
    w, k = float(start), 0
    while w > 0:
        p = 1 / (1 + np.exp(-w))
        w -= lr * (2 * p * p * (1 - p) if squared else p)
        k += 1
    return k


def test_the_saddle_curves_up_and_down(says):
    assert np.allclose(np.linalg.eigvalsh([[0.0, -1.0], [-1.0, 0.0]]), [-1, 1])
    for i, e in enumerate(np.eye(2)):  # that matrix is the Hessian at the origin
        difference = (product_gradient(1e-5 * e) - product_gradient(-1e-5 * e)) / 2e-5
        assert np.allclose(difference, [[0, -1], [-1, 0]][i])
    says(PAGE, "has the eigenvalues $+1$ and $-1$")


def test_steps_off_a_saddle_grow_with_the_logarithm_of_the_distance(says):
    measured = {start: steps_off_the_saddle(start) for start in (1e-2, 1e-4, 1e-6, 1e-8)}
    for start, k in measured.items():
        assert 0 <= k - np.log(0.1 / start) / np.log(1.1) < 1
    assert np.ptp(np.diff(list(measured.values()))) <= 1
    says(PAGE, f"starting at $a = b = 0.01$ takes {measured[1e-2]} steps until both weights exceed 0.1")
    says(PAGE, f"not a million times as many steps but {measured[1e-8] - measured[1e-2]} more")
    says(PAGE, f"Each factor of 100 costs another {np.log(100) / np.log(1.1):.0f}.")
    says(PAGE, f"stays on it {np.log(100) / np.log(1.1):.0f} steps longer")
    says(PAGE, f"{np.log(100) / np.log(1.1):.0f} steps longer than the one before")


def test_rounding_errors_leave_the_ridge_after_some_400_steps(says):
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])

    def gradient(w):
        u, v = turn.T @ w
        return turn @ np.array([u, v**3 - v])

    history = key.gradient_descent(gradient, turn @ np.array([1.0, 0.0]), 0.1, 600) @ turn
    away = np.argmax(np.abs(history[:, 1]) > 0.5)
    assert 350 < away < 450  # rounding is not the same on every machine
    assert round(np.log(0.5 / 1e-17) / np.log(1.1)) == 403
    says(PAGE, "The run leaves after some 400 steps")


def test_a_nudge_leaves_the_saddle_sooner(says):
    start = np.array([1e-8, 1e-8])
    plain = np.argmax(key.gradient_descent(product_gradient, start, 0.1, 300).prod(axis=1) > 0.5)
    nudged = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        history = key.perturbed_gradient_descent(product_gradient, start, 0.1, 300, 1e-3, 0.01, rng)
        nudged.append(np.argmax(history.prod(axis=1) > 0.5))
    says(PAGE, f"plain descent takes {plain} steps, the nudged one {np.median(nudged):.0f} (the median of 100")


def test_zeros_never_leave():
    assert not key.gradient_descent(product_gradient, np.zeros(2), 0.1, 1000).any()


def test_steps_down_a_plateau_grow_exponentially(says):
    measured = steps_down_the_plateau(10, squared=True)
    says(PAGE, f"it takes {measured:,} steps to undo one wrong opinion; the rule says {np.exp(10):,.0f}.")
    ratios = [steps_down_the_plateau(w + 2, True) / steps_down_the_plateau(w, True) for w in (6, 8)]
    assert ratios == pytest.approx([np.exp(2)] * 2, rel=0.05)
    says(PAGE, f"$e^2 \\\\approx {np.exp(2):.0f}$ times as long")
    few = [float(f"{steps_down_the_plateau(w, True):.2g}") for w in (4, 6, 8, 10)]
    says(PAGE, "fall after about {:,.0f}, {:,.0f}, {:,.0f} and {:,.0f} steps".format(*few))


def test_the_cross_entropy_has_no_plateau(says):
    steps = [steps_down_the_plateau(w, squared=False) for w in (4, 6, 8, 10)]
    says(PAGE, f"from $w_0 = 10$ it takes {steps[-1]} steps")
    says(PAGE, f"all four are down within {max(steps)} steps")
    says(PAGE, f"all four have fallen within {max(steps)} steps")


def test_rosenbrock_converges_at_the_rate_of_its_hessian(says):
    hessian = np.array([[802.0, -400.0], [-400.0, 200.0]])
    for i, e in enumerate(np.eye(2)):
        one = np.ones(2)
        difference = (rosenbrock_gradient(one + 1e-5 * e) - rosenbrock_gradient(one - 1e-5 * e)) / 2e-5
        assert np.allclose(difference, hessian[i])
    lam = np.linalg.eigvalsh(hessian)
    says(PAGE, f"The condition number is {lam[1] / lam[0]:,.0f}.")
    says(PAGE, f"At the minimum $2/L = {key.max_stable_lr(lam):.6f}$")
    history = key.gradient_descent(rosenbrock_gradient, np.array([-1.2, 1.0]), 0.001, 20000)
    measured = key.measured_rate(history, np.ones(2), 1000)
    assert f"{measured:.7f}" == f"{key.predicted_rate(lam, 0.001):.7f}"
    says(PAGE, f"the rate should be {measured:.7f}, and it is measured as exactly that in all seven decimals")
    distance = np.linalg.norm(history - 1, axis=1)
    per_digit = np.argmax(distance < 0.001) - np.argmax(distance < 0.01)
    says(PAGE, f"Every further digit costs about {round(per_digit, -1):,} steps")


def test_above_the_border_rosenbrock_does_not_blow_up(says):
    def sharpness(w):
        u, v = w
        return np.linalg.eigvalsh([[2 + 1200 * u**2 - 400 * v, -400 * u], [-400 * u, 200.0]])[1]

    ends = {}
    for lr in (0.0019, 0.0023, 0.003):
        ends[lr] = key.gradient_descent(rosenbrock_gradient, np.array([-1.2, 1.0]), lr, 20000)[-2:]
    assert np.linalg.norm(ends[0.0019][-1] - 1) < 1e-4
    for lr in (0.0023, 0.003):
        low, high = sorted(sharpness(w) for w in ends[lr])
        assert low < 2 / lr < high
    says(PAGE, "At $\\eta = 0.0019$ the run converges. At 0.0023 and 0.003 it settles further up the valley")
    says(PAGE, "one sharper than $2/\\eta$, one less sharp")


def test_shares_of_the_basins(says):
    centres = np.array([[-1.5, 1.2], [1.6, 1.0], [0.3, -1.6]])
    depths = np.array([1.0, 0.7, 0.85])
    p = np.stack(np.meshgrid(np.linspace(-3.6, 3.6, 145), np.linspace(-2.7, 2.7, 109)), axis=-1)
    for _ in range(150):
        offset = p[..., None, :] - centres
        wells = depths * np.exp(-(offset**2).sum(axis=-1) / 1.28)
        p = p - 0.3 * (0.1 * p + (wells[..., None] * offset).sum(axis=-2) / 0.64)
    ends = np.linalg.norm(p[..., None, :] - centres, axis=-1).argmin(axis=-1)
    share = [np.mean(ends == k) for k in range(3)]
    text = f"The deepest hollow gets only {share[0]:.0%} of the starts, the shallowest {share[1]:.0%}."
    says(PAGE, text.replace("%", " %"))
    squared = ((p[..., None, :] - centres) ** 2).sum(axis=-1)
    loss = 1 + 0.05 * (p**2).sum(axis=-1) - (depths * np.exp(-squared / 1.28)).sum(axis=-1)
    lowest = [loss[ends == k].min() for k in range(3)]
    says(PAGE, "A (loss {:.2f}), B ({:.2f}), C ({:.2f})".format(*lowest))


def test_random_symmetric_matrices_are_seldom_all_positive(says):
    rng = np.random.default_rng(0)
    shares = []
    for D in range(1, 6):
        M = rng.standard_normal((100_000, D, D))
        shares.append(np.mean(np.linalg.eigvalsh(M + M.transpose(0, 2, 1))[:, 0] > 0))
        assert shares[-1] < 1.01 * 2.0**-D
    assert shares[1] == pytest.approx((2 - np.sqrt(2)) / 4, rel=0.03)  # the exact value in two dimensions
    says(
        PAGE,
        f"In two dimensions {100 * shares[1]:.0f} % of the random points are minima, in four {100 * shares[3]:.1f} %.",
    )


@pytest.mark.parametrize(("width", "alt"), [(2, "{} percent with 2 units"), (8, "rising to {} percent with 8")])
def test_wide_networks_learn_xor_from_more_starts(says, width, alt):
    inputs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1.0]])
    targets = np.array([-1, 1, 1, -1.0])[:, None]
    rng = np.random.default_rng(0)
    W1, b1 = 0.7 * rng.standard_normal((200, 2, width)), 0.7 * rng.standard_normal((200, 1, width))
    W2, b2 = 0.7 * rng.standard_normal((200, width, 1)) / np.sqrt(width), np.zeros((200, 1, 1))
    for _ in range(6000):
        z = inputs @ W1 + b1
        h = np.maximum(z, 0)
        miss = h @ W2 + b2 - targets
        up = miss / 2
        back = (up @ W2.transpose(0, 2, 1)) * (z > 0)
        W2, b2 = W2 - 0.03 * h.transpose(0, 2, 1) @ up, b2 - 0.03 * up.sum(axis=1, keepdims=True)
        W1, b1 = W1 - 0.03 * inputs.T @ back, b1 - 0.03 * back.sum(axis=1, keepdims=True)
    solved = np.mean((miss**2).mean(axis=(1, 2)) < 0.01)
    says(PAGE, alt.format(round(100 * solved)))
    if width == 8:
        assert solved == 1
        says(PAGE, "With eight, none of 200 did")
