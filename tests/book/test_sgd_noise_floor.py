"""The numbers on the page `sgd/noise_floor`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "sgd/noise_floor"
key = solutions.load("sgd")


def mean_loss(plan, curvature=(1.0, 0.02), start=(3.0, 20.0), kick=4.0, steps=1000):
    """Mean loss at each step, from the mean square: shrink, and add."""
    losses = np.zeros(steps + 1)
    for lam, w in zip(curvature, start, strict=True):
        square = w * w
        for t in range(steps + 1):
            losses[t] += lam * square / 2
            square = (1 - plan(t) * lam) ** 2 * square + plan(t) ** 2 * kick
    return losses


def test_the_floor_is_where_shrinking_and_kicking_balance(says):
    for lam, lr, B in ((1.0, 0.1, 1), (4.0, 0.3, 8), (0.2, 2.0, 3)):
        assert mean_loss(lambda t, lr=lr: lr, (lam,), (0.0,), 2.0 / B)[-1] == pytest.approx(
            key.noise_floor(lam, lr, 2.0, B)
        )
    low, high = key.noise_floor(1, 0.1, 1, 1), key.noise_floor(1, 1, 1, 1)
    says(PAGE, f"The floor at $\\eta = 0.1$ is about {low:.3f}")
    says(PAGE, f"the formula gives {high:.4f} against {low:.4f}")
    assert high / low == pytest.approx(19)
    says(PAGE, "Nineteen times as high")
    says(PAGE, f"at 1.9 it is {key.noise_floor(1, 1.9, 1, 1):.1f}")


def test_measured_floors():
    rng = np.random.default_rng(4)
    for lr in (0.1, 1.0, 1.7):
        w, losses = np.zeros(400), []
        for _ in range(400):
            w = w - lr * (w + rng.standard_normal(400) / 2)
            losses.append(np.mean(w**2) / 2)
        assert np.mean(losses[200:]) == pytest.approx(key.noise_floor(1, lr, 1, 4), rel=0.06)


def test_slow_and_low_or_fast_and_high(says):
    slow, fast = key.noise_floor(1, 0.02, 1, 1), key.noise_floor(1, 0.5, 1, 1)
    longer = np.log(0.5) / np.log(0.98)
    says(
        PAGE, f"the floor is {fast / slow:.0f} times lower than at 0.5, and the way there is {longer:.0f} times longer"
    )
    says(PAGE, f"within 10 steps to a floor of {fast:.2f}, rate 0.1 within 40 steps to 0.026")


def test_robbins_and_monro(says):
    assert np.prod(1 - 1 / np.arange(2, 10**6, dtype=float) ** 2) == pytest.approx(0.5, abs=1e-5)
    says(PAGE, "this product is exactly one half")
    root = mean_loss(lambda t: (t + 1) ** -0.5, (1.0,), (1.0,), 1.0, 20_000)
    assert root[20_000] < 0.02 and root[20_000] < 0.5 * root[4000] * 1.1
    for share, exponent in ((1.0, 1.0), (0.1, 0.2)):
        square, at = 1.0, {}
        for t in range(100_000):
            lr = share / (t + 1)
            square = (1 - lr) ** 2 * square + lr**2
            at[t + 1] = square
        assert np.log10(at[10_000] / at[100_000]) == pytest.approx(exponent, abs=0.01)
    says(PAGE, "with a tenth it falls like $t^{-0.2}$ and would need $10^5$ times as many steps")


def test_the_table_of_schedules(says):
    ends = {
        "fixed 0.5": mean_loss(lambda t: 0.5),
        "fixed 0.02": mean_loss(lambda t: 0.02),
        "step decay, ×0.2 every 250": mean_loss(lambda t: key.step_decay(t, 0.5, 0.2, 250)),
        "inverse time, $d = 0.01$": mean_loss(lambda t: key.inverse_time(t, 0.5, 0.01)),
        "inverse time, $d = 0.05$": mean_loss(lambda t: key.inverse_time(t, 0.5, 0.05)),
        "cosine to 0": mean_loss(lambda t: key.cosine_with_warmup(t, 0.5, 0, 1000) if t < 1000 else 0),
        "warm-up over 50 steps, then cosine": mean_loss(
            lambda t: key.cosine_with_warmup(t, 0.5, 50, 1000) if t < 1000 else 0
        ),
    }
    for name, losses in ends.items():
        says(PAGE, f"| {name} | {losses[-1]:.3f} |")
    for rate in ("0.5", "0.02"):
        assert f"{ends[f'fixed {rate}'][-1]:.2f}" in {"0.5": "1.17", "0.02": "1.83"}[rate]
    says(PAGE, "The fixed rate 0.5 stops at 1.17, the fixed rate 0.02 reaches 1.83")
    stairs = ends["step decay, ×0.2 every 250"]
    says(PAGE, f"the loss falls from {stairs[250]:.2f} to {stairs[350]:.2f}")
    early, late = ends["inverse time, $d = 0.05$"][-1], ends["inverse time, $d = 0.01$"][-1]
    says(PAGE, f"With five times the decay it ends {early / late:.1f} times as high, above every other schedule")
    assert early == sorted(losses[-1] for name, losses in ends.items() if "fixed" not in name)[-1]
    assert late == min(losses[-1] for losses in ends.values())
    fixed = ends["fixed 0.5"]
    assert fixed[300] == pytest.approx(fixed[-1], rel=0.01) and fixed[200] > 1.04 * fixed[-1]
    middle = [losses[500] for name, losses in ends.items() if "fixed" not in name]
    assert late == min(losses[-1] for losses in ends.values()) and ends["inverse time, $d = 0.01$"][500] == min(middle)
    assert ends["warm-up over 50 steps, then cosine"][-1] > ends["cosine to 0"][-1]
