"""The page on conventions: each conversion on its own, in three dimensions, over many steps with changing gradients.

Every test runs both forms on their own weights, each form as its source writes it, and compares all weights on the way.
"""

import contextlib
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest

STEPS, DIM = 120, 3
RNG = np.random.default_rng(2026)
CURVATURE = np.array([0.3, 2.0, 5.0])
KICKS = RNG.standard_normal((STEPS + 2, DIM))
START = np.array([2.0, -1.0, 0.5])
LR, BETA = 0.05, 0.9


def gradient(w, t):
    """A bowl with another kick at each step: no two gradients are alike."""
    return CURVATURE * w + KICKS[t]


def ours(lr=LR, beta=BETA):
    """Weights after each step of this course's momentum, (STEPS + 1, DIM); lr may be a schedule."""
    rates = np.broadcast_to(lr, STEPS)
    w, v, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        v = beta * v + gradient(w, t)
        w = w - rates[t] * v
        path.append(w)
    return np.array(path)


def same(left, right):
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12)


def differ(left, right):
    assert np.abs(np.asarray(left) - np.asarray(right)).max() > 1e-3


def averaged(lr):
    w, m, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        m = BETA * m + (1 - BETA) * gradient(w, t)
        w = w - lr * m
        path.append(w)
    return path


def signed_velocity(rates, betas):
    w, u, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        u = betas[t] * u - rates[t] * gradient(w, t)
        w = w + u
        path.append(w)
    return path


def test_averaged_momentum_needs_the_rate_over_one_minus_beta(says):
    same(ours(), averaged(LR / (1 - BETA)))
    differ(ours(), averaged(LR))
    assert math.isclose(1 / (1 - BETA), 10)
    says("conventions", r"With $\beta = 0.9$, the averaged form needs ten times our rate")


def test_the_velocities_convert_as_the_table_says():
    w, v, m, u, before = START, np.zeros(DIM), np.zeros(DIM), np.zeros(DIM), START
    for t in range(STEPS):
        g = gradient(w, t)
        v = BETA * v + g
        m = BETA * m + (1 - BETA) * g
        u = BETA * u - LR * g
        before, w = w, w - LR * v
        same(m, (1 - BETA) * v)
        same(u, -LR * v)
        same(w - before, -LR * v)


def test_signed_velocity_takes_the_same_rate():
    same(ours(), signed_velocity([LR] * STEPS, [BETA] * STEPS))


def test_signed_velocity_on_a_schedule_needs_a_corrected_beta():
    rates = 0.05 * np.cos(np.linspace(0, 1.4, STEPS)) ** 2
    before = np.concatenate([rates[:1], rates[:-1]])
    same(ours(rates), signed_velocity(rates, BETA * rates / before))
    differ(ours(rates), signed_velocity(rates, [BETA] * STEPS))


@pytest.mark.parametrize("scheduled", [False, True])
def test_two_points_behave_like_the_signed_velocity(scheduled):
    rates = np.linspace(0.05, 0.001, STEPS) if scheduled else np.full(STEPS, LR)
    path = [START, START]  # w_{-1} = w_0
    for t in range(STEPS):
        path.append(path[-1] - rates[t] * gradient(path[-1], t) + BETA * (path[-1] - path[-2]))
    same(signed_velocity(rates, [BETA] * STEPS), path[1:])


@pytest.mark.parametrize("dampening", [0.0, 0.3, 0.9])
def test_dampening_divides_the_rate(dampening):
    w, b, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        b = BETA * b + (1 - dampening) * gradient(w, t)
        w = w - LR / (1 - dampening) * b
        path.append(w)
    same(ours(), path)


@pytest.mark.parametrize("dampening", [0.0, 0.3, 0.9])
def test_pytorch_counts_the_first_gradient_more_when_it_dampens(dampening):
    w, b, theirs = START, None, [START]
    x, v, mine = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        g = gradient(w, t)
        b = g if b is None else BETA * b + (1 - dampening) * g
        w = w - LR / (1 - dampening) * b
        theirs.append(w)
        v = BETA * v + gradient(x, t) * (1 / (1 - dampening) if t == 0 else 1)
        x = x - LR * v
        mine.append(x)
    same(mine, theirs)


def nesterov():
    """Weights and velocities of this course's Nesterov momentum."""
    w, v, path, velocities = START, np.zeros(DIM), [START], [np.zeros(DIM)]
    for t in range(STEPS):
        v = BETA * v + gradient(w - LR * BETA * v, t)
        w = w - LR * v
        path.append(w)
        velocities.append(v)
    return np.array(path), np.array(velocities)


def test_nesterov_with_signed_velocity():
    w, u, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        u = BETA * u - LR * gradient(w + BETA * u, t)
        w = w + u
        path.append(w)
    same(nesterov()[0], path)
    differ(nesterov()[0], ours())


def test_nesterov_in_two_points():
    w, y, path = START, START, [START]
    for t in range(STEPS):
        new = y - LR * gradient(y, t)
        y = new + BETA * (new - w)
        w = new
        path.append(w)
    same(nesterov()[0], path)


def test_nesterov_shifted_stores_the_point_of_the_next_gradient():
    w, v = nesterov()
    y, b, pytorch = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        g = gradient(y, t)
        b = BETA * b + g
        y = y - LR * (g + BETA * b)
        pytorch.append(y)
    same(w - LR * BETA * v, pytorch)
    x, u, cs231n = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        before, u = u, BETA * u - LR * gradient(x, t)
        x = x - BETA * before + (1 + BETA) * u
        cs231n.append(x)
    same(pytorch, cs231n)
    differ(w, pytorch)


def adam(divide, lr=LR, beta1=0.9, beta2=0.99, scale=1.0):
    """Adam whose step is `divide(m, s, t, lr)`; `scale` multiplies every gradient."""
    w, m, s, path = START, np.zeros(DIM), np.zeros(DIM), [START]
    for t in range(1, STEPS + 1):
        g = scale * gradient(w, t)
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        w = w - divide(m, s, t, lr)
        path.append(w)
    return path


def kingma_algorithm_1(eps):
    return lambda m, s, t, lr: lr * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.99**t)) + eps)


def test_epsilon_before_the_correction_converts_with_a_growing_epsilon():
    def end_of_section_2(m, s, t, lr):
        return lr * math.sqrt(1 - 0.99**t) / (1 - 0.9**t) * m / (np.sqrt(s) + 0.1 * math.sqrt(1 - 0.99**t))

    def unconverted(m, s, t, lr):
        return lr * math.sqrt(1 - 0.99**t) / (1 - 0.9**t) * m / (np.sqrt(s) + 0.1)

    same(adam(kingma_algorithm_1(0.1)), adam(end_of_section_2))
    differ(adam(kingma_algorithm_1(0.1)), adam(unconverted))


def test_epsilon_inside_the_root_converts_only_with_a_value_for_every_weight():
    eps = 0.1

    def inside(extra):
        def step(m, s, t, lr):
            s_hat = s / (1 - 0.99**t)
            return lr * (m / (1 - 0.9**t)) / np.sqrt(s_hat + extra(s_hat))

        return step

    same(adam(kingma_algorithm_1(eps)), adam(inside(lambda s: eps**2 + 2 * eps * np.sqrt(s))))
    differ(adam(kingma_algorithm_1(eps)), adam(inside(lambda s: eps**2)))


def test_epsilon_squared_inside_makes_steps_longer_by_root_two_at_most(says):
    roots = np.concatenate([[0.0], np.geomspace(1e-8, 1e4, 20001)])
    eps = 1e-3
    ratio = (roots + eps) / np.sqrt(roots**2 + eps**2)
    assert ratio[0] == 1 and abs(ratio[-1] - 1) < 1e-6
    assert math.isclose(ratio.max(), math.sqrt(2), rel_tol=1e-6)
    assert math.isclose(roots[ratio.argmax()], eps, rel_tol=1e-2)
    says("conventions", r"by a factor of $\sqrt 2$ at most, where $\sqrt s = \varepsilon$")
    assert math.isclose(math.sqrt(1e-8), 1e-4)
    says("conventions", "$10^{-8}$ inside the root acts like $10^{-4}$ outside")


def test_decay_of_the_schedule_only_form_is_divided_by_the_base_rate(says):
    alpha, theirs, schedule = 0.05, 0.002, np.linspace(1, 0.01, STEPS)

    def run(step):
        w, v, path = START, np.zeros(DIM), [START]
        for t in range(STEPS):
            v = BETA * v + gradient(w, t)
            w = step(w, v, schedule[t])
            path.append(w)
        return path

    paper = run(lambda w, v, s: w - s * (alpha * v + theirs * w))
    same(run(lambda w, v, s: w - s * alpha * (theirs / alpha) * w - s * alpha * v), paper)
    differ(run(lambda w, v, s: w - s * alpha * theirs * w - s * alpha * v), paper)
    assert math.isclose(1e-4 / 1e-3, 0.1)
    says("conventions", r"With the usual $\alpha = 10^{-3}$, a paper's $\lambda' = 10^{-4}$ is our 0.1.")


def decay(coupled, method, factor=1.0, lam=0.1):
    """Weights under decay: coupled ones get it through the gradient, multiplied by `factor`."""
    w, v, s, path = START, np.zeros(DIM), np.zeros(DIM), [START]
    for t in range(1, STEPS + 1):
        g = gradient(w, t) + (factor * lam * w if coupled else 0)
        if method == "plain":
            step = g
        elif method == "momentum":
            v = BETA * v + g
            step = v
        else:
            v, s = 0.9 * v + 0.1 * g, 0.99 * s + 0.01 * g**2
            step = (v / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.99**t)) + 1e-8)
        w = w - LR * step - (0 if coupled else LR * lam * w)
        path.append(w)
    return path


def test_coupled_decay_is_the_same_for_plain_descent_and_nothing_else():
    same(decay(False, "plain"), decay(True, "plain"))
    for method in ("momentum", "adam"):
        for lam in np.geomspace(1e-3, 1, 13):
            difference = np.abs(np.array(decay(False, method)) - np.array(decay(True, method, lam=lam))).max()
            assert difference > 1e-3, (method, lam)


def decay_beside(step):
    """Weights under momentum and decay; `step(w, v)` is the form."""
    w, v, path = START, np.zeros(DIM), [START]
    for t in range(STEPS):
        v = BETA * v + gradient(w, t)
        w = step(w, v)
        path.append(w)
    return path


def test_decay_after_the_step_takes_its_share_of_the_step():
    lam = 0.5
    after = decay_beside(lambda w, v: (1 - LR * lam) * (w - LR * v))
    same(decay_beside(lambda w, v: w - LR * lam * w - LR * (1 - LR * lam) * v), after)
    differ(decay_beside(lambda w, v: w - LR * lam * w - LR * v), after)
    same(decay_beside(lambda w, v: (1 - LR * lam) * w - LR * v), decay_beside(lambda w, v: w - LR * lam * w - LR * v))


def amsgrad(form, first, beta2=0.99, count=3 * STEPS):
    """Steps of AMSGrad over their rate in three forms, for slopes of which the first is `first` times as large."""
    m = v = top = np.zeros(DIM)
    steps = []
    for t in range(1, count + 1):
        g = KICKS[t % STEPS] * (first if t == 1 else 1.0)
        m, v = 0.9 * m + 0.1 * g, beta2 * v + (1 - beta2) * g * g
        if form == "of the corrected":
            top = np.maximum(top, v / (1 - beta2**t))
            steps.append(m / (1 - 0.9**t) / np.sqrt(top))
        else:
            top = np.maximum(top, v)
            plain = form == "without corrections"
            steps.append(m / np.sqrt(top) if plain else m / (1 - 0.9**t) / np.sqrt(top / (1 - beta2**t)))
    return np.array(steps)


def test_forms_of_amsgrad_agree_late_or_never():
    ours, paper, slip = (amsgrad(form, 10.0) for form in ("ours", "without corrections", "of the corrected"))
    differ(ours[:20], paper[:20])
    np.testing.assert_allclose(ours[-1], paper[-1], rtol=0.02)
    assert np.all(np.abs(slip[-1]) < 0.5 * np.abs(ours[-1])), "one large first slope rules for the rest of the run"


def test_amsgrad_without_corrections_takes_longer_steps_for_thousands_of_steps(says):
    ours, paper = (amsgrad(form, 10.0, 0.999, 5000) for form in ("ours", "without corrections"))
    longer = paper / ours
    t = np.arange(1, 5001)
    same(longer, np.tile((1 - 0.9**t) / np.sqrt(1 - 0.999**t), (DIM, 1)).T)
    longer = longer[:, 0]
    says("conventions", r"without corrections a step is $(1-\beta_1^t)/\sqrt{1-\beta_2^t}$ times as long")
    says("conventions", f"With 0.9 and 0.999 that is {longer[0]:.1f} times at the first step")
    says("conventions", f"{longer.max():.1f} times at step {longer.argmax() + 1}")
    says("conventions", f"still {longer[999]:.2f} times at step 1,000")
    late = np.flatnonzero(longer >= 1.01)[-1] + 2  # steps count from 1
    says("conventions", f"only from step {late:,} on is the difference less than a hundredth")


def orth(matrix):
    U, _, Vt = np.linalg.svd(matrix, full_matrices=False)
    return U @ Vt


def test_muon_steps_alike_with_a_sum_and_a_mean_and_with_the_transposed_matrix():
    W = X = np.arange(6.0).reshape(2, 3) - np.eye(2, 3)
    M, B = np.zeros((2, 3)), np.zeros((3, 2))
    Y = W.T
    for t in range(30):
        kick = KICKS[t][0] * np.eye(2, 3)
        slope = 2 * W + kick
        M = BETA * M + slope
        W = W - 0.02 * np.sqrt(max(1, 3 / 2)) * orth(slope + BETA * M)
        G = (2 * Y.T + kick).T  # rows are outputs here
        B = BETA * B + (1 - BETA) * G
        Y = Y - 0.02 * np.sqrt(max(1, Y.shape[0] / Y.shape[1])) * orth((1 - BETA) * G + BETA * B)
        np.testing.assert_allclose(Y.T, W, atol=1e-10)
    assert np.abs(W - X).max() > 0.1


def test_the_penalty_without_the_half_doubles_the_decay():
    w, lam, h = np.array([0.7, -2.0, 3.0]), 0.1, 1e-6
    for penalty, slope in ((lambda w: lam / 2 * w @ w, lam * w), (lambda w: lam * w @ w, 2 * lam * w)):
        measured = [(penalty(w + h * e) - penalty(w - h * e)) / (2 * h) for e in np.eye(DIM)]
        np.testing.assert_allclose(measured, slope, rtol=1e-6)


def test_decay_alone_leaves_what_the_page_says(says):
    lr, lam, beta, steps = 0.05, 0.1, 0.9, 100
    left = (1 - lr * lam) ** steps
    matrix = np.array([[1 - lr * lam, -lr * beta], [lam, beta]])  # (w, v) -> (w, v) of coupled decay with momentum
    w, _ = np.linalg.matrix_power(matrix, steps) @ [1.0, 0.0]
    says("conventions", f"After 100 steps {left:.4f} of the weight is left with the first two.")
    assert w < 0
    says("conventions", f"swung through zero, to −{abs(w):.4f}.")


def test_bias_correction_in_its_other_forms():
    m = running = np.zeros(DIM)
    for t in range(1, STEPS + 1):
        g = KICKS[t]
        m = BETA * m + (1 - BETA) * g
        share = BETA * (1 - BETA ** (t - 1)) / (1 - BETA**t)
        running = share * running + (1 - share) * g
        weights = (1 - BETA) * BETA ** np.arange(t)[::-1]  # of g_1 ... g_t in m
        assert math.isclose(weights.sum(), 1 - BETA**t)
        expected = weights @ KICKS[1 : t + 1] / weights.sum()
        same(m / (1 - BETA**t), expected)
        same(running, expected)
        from_zero = t - 1
        same(m / (1 - BETA ** (from_zero + 1)), expected)
    assert BETA * (1 - BETA**0) / (1 - BETA) == 0


def batch_descent(loss_scale, update):
    """Descend a linear model on batches of 8; its mean gradient is multiplied by `loss_scale`."""
    rng = np.random.default_rng(5)
    data, targets = rng.standard_normal((64, DIM)), rng.standard_normal(64)
    w, state, path = START, (np.zeros(DIM), np.zeros(DIM)), [START]
    for t in range(1, STEPS + 1):
        rows = rng.integers(64, size=8)
        mean = 2 / 8 * (data[rows] @ w - targets[rows]) @ data[rows]
        w, state = update(w, loss_scale * mean, state, t)
        path.append(w)
    return path


B = 8


def momentum_update(lr, lam=0.0, clip=math.inf):
    def update(w, g, state, t):
        g = g * min(1, clip / np.linalg.norm(g))
        v = BETA * state[0] + g
        return w - lr * lam * w - lr * v, (v, state[1])

    return update


def adaptive_update(method, lr, eps, lam=0.0):
    def update(w, g, state, t):
        m, s = state
        if method == "adagrad":
            s = s + g**2
            step = g / (np.sqrt(s) + eps)
        elif method == "rmsprop":
            s = 0.99 * s + 0.01 * g**2
            step = g / (np.sqrt(s) + eps)
        else:
            m, s = 0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g**2
            step = (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.99**t)) + eps)
        return w - lr * lam * w - lr * step, (m, s)

    return update


def test_sum_over_the_batch_divides_the_rate_and_multiplies_decay_and_clipping():
    mean = batch_descent(1, momentum_update(0.02, lam=0.1, clip=0.7))
    same(mean, batch_descent(B, momentum_update(0.02 / B, lam=0.1 * B, clip=0.7 * B)))
    differ(mean, batch_descent(B, momentum_update(0.02 / B, lam=0.1, clip=0.7 * B)))
    differ(mean, batch_descent(B, momentum_update(0.02 / B, lam=0.1 * B, clip=0.7)))
    differ(mean, batch_descent(1, momentum_update(0.02, lam=0.1)))  # the threshold was reached


@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
def test_sum_over_the_batch_keeps_the_rate_of_adaptive_methods_and_multiplies_epsilon(method):
    mean = batch_descent(1, adaptive_update(method, 0.02, eps=0.1, lam=0.1))
    same(mean, batch_descent(B, adaptive_update(method, 0.02, eps=0.1 * B, lam=0.1)))
    differ(mean, batch_descent(B, adaptive_update(method, 0.02, eps=0.1, lam=0.1)))


def test_mean_of_means_is_the_mean_only_for_equal_sizes():
    values = np.arange(12.0) ** 2
    assert math.isclose(np.mean([values[:6].mean(), values[6:].mean()]), values.mean())
    assert abs(np.mean([values[:3].mean(), values[3:].mean()]) - values.mean()) > 1


def test_half_the_squared_error_doubles_the_rate(says):
    rng = np.random.default_rng(8)
    N = 20
    inputs, targets = rng.standard_normal((N, DIM)), rng.standard_normal(N)
    losses = {
        "ours": (lambda w: np.mean((inputs @ w - targets) ** 2), 0.05),
        "half the mean": (lambda w: np.mean((inputs @ w - targets) ** 2) / 2, 0.05 * 2),
        "half the sum": (lambda w: np.sum((inputs @ w - targets) ** 2) / 2, 0.05 * 2 / N),
    }
    paths, borders = {}, {}
    for name, (loss, lr) in losses.items():
        basis = np.eye(DIM)
        # for a quadratic, central differences are exact up to rounding
        w, path = START, [START]
        for _ in range(STEPS):
            w = w - lr * np.array([(loss(w + e) - loss(w - e)) / 2 for e in basis])
            path.append(w)
        paths[name] = path
        hessian = [[loss(a + b) - loss(a) - loss(b) + loss(0 * a) for b in basis] for a in basis]
        borders[name] = lr * np.linalg.eigvalsh(hessian).max()
    same(paths["ours"], paths["half the mean"])
    same(paths["ours"], paths["half the sum"])
    np.testing.assert_allclose([*borders.values()], borders["ours"])  # the rate stands equally far from its border
    says("conventions", "double the rate for half the mean, and multiply it by $2/N$ for half the sum")


def test_the_cells_of_the_page_run_and_every_gap_they_print_is_rounding():
    page = Path(__file__).resolve().parents[2] / "book" / "conventions.md"
    cells = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("\n".join(cells), str(page), "exec"), {})
    gaps = [float(gap) for gap in re.findall(r"largest gap (\S+)", printed.getvalue())]
    assert len(gaps) == 10
    assert max(gaps) < 1e-14
    for cell in cells:
        assert len(cell.strip().splitlines()) <= 12
