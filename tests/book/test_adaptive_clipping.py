"""The numbers on the page `adaptive/clipping`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "adaptive/clipping"
key = solutions.load("adaptive")


def slope(w):
    return 2 * (w**50 - 0.5) * 50 * w**49


def test_the_cliff(says):
    h = 1e-6
    f = [(w**50 - 0.5) ** 2 for w in (1.1 - h, 1.1 + h)]
    assert slope(1.1) == pytest.approx((f[1] - f[0]) / (2 * h), rel=1e-5)
    assert slope(1.1) > 1e6 and abs(slope(0.8)) < 1e-3
    says(PAGE, "At 1.1 the slope is over a million.")
    says(PAGE, f"Without it the first step leads to −{0.001 * slope(1.1) - 1.1:,.0f}.")
    says(PAGE, f"a wall on the right that reaches {round((1.1**50 - 0.5) ** 2, -2):,.0f}.")


def test_with_a_limit_the_run_settles(says):
    w, reached = 1.1, None
    for t in range(60):
        g = slope(w)
        w -= 0.001 * np.clip(g, -10, 10)
        if reached is None and abs(w - 2 ** (-1 / 50)) < 0.005:
            reached = t + 1
    assert w == pytest.approx(2 ** (-1 / 50), abs=1e-6)
    says(PAGE, f"$2^{{-1/50}} = {w:.3f}$")
    says(PAGE, f"settles at 0.986 after about {reached} steps")


def test_what_turns_the_gradient(says):
    g = [np.array([30.0, 4.0]), np.array([0.3])]
    flat = np.concatenate(g)

    def angle(other):
        return np.degrees(np.arccos(min(1.0, flat @ other / np.linalg.norm(flat) / np.linalg.norm(other))))

    whole = np.concatenate(key.clip_by_global_norm(g, 1.0)[0])
    each = np.concatenate([a * min(1, 1 / np.linalg.norm(a)) for a in g])
    assert angle(whole) < 1e-5
    says(
        PAGE,
        f"Array by array it is turned by {angle(each):.1f} degrees, and entry by entry by "
        f"{angle(np.clip(flat, -1, 1)):.1f}.",
    )


def spike(limit, steps=8000):
    m = v = 0.0
    moves = []
    for t in range(1, steps + 1):
        g = min(100.0 if t == 1000 else 1.0, limit)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        moves.append(m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    return np.array(moves)


def test_a_spike_in_adam(says):
    free = spike(np.inf)
    slow = np.flatnonzero(free[1100:] > 0.9)[0] + 100
    says(
        PAGE,
        f"the step jumps to {free.max():.2f} and then falls to {free[1000:].min():.2f}, and it takes {slow:,} steps",
    )
    share = 1 - 0.999**1000
    says(PAGE, f"a $v$ that has come to {share:.2f} by then")
    says(
        PAGE,
        f"Corrected, these are {10 / share:.1f} and 1, so $\\sqrt{{\\hat v}}$ jumps to {np.sqrt(10 / share + 1):.1f}",
    )
    held = spike(2.0)
    assert held.max() < 1.15 and held[1100:].min() > 0.99
