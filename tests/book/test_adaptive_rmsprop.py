"""The numbers on the page `adaptive/rmsprop`, computed again."""

import numpy as np
import pytest

PAGE = "adaptive/rmsprop"


def test_the_cliff_is_remembered_for_ever_or_for_916_steps(says):
    says(PAGE, f"Ten squares of 100 make {10 * 100**2:,}, and its root is {np.sqrt(10 * 100**2):.0f}.")
    wait = np.log(100**2) / -np.log(0.99)
    says(PAGE, f"-\\ln 0.99}} = {wait:.0f} .")
    total, mean, ada, rms = 0.0, 0.0, [], []
    for t in range(2000):
        g = 100.0 if t < 10 else 1.0
        total, mean = total + g * g, 0.99 * mean + 0.01 * g * g
        ada.append(g / np.sqrt(total))
        rms.append(g / np.sqrt(mean))
    says(PAGE, f"it takes {rms[10]:.4f} of a full step.")
    says(PAGE, f"After {wait:.0f} steps AdaGrad has come to {ada[926]:.4f} and RMSprop to {rms[926]:.4f}.")
    assert rms[0] == pytest.approx(10)
    says(PAGE, "On its first step RMSprop moves by $10\\,\\eta$")
    says(PAGE, f"AdaGrad stays at {ada[1000]:.3f}")
    says(PAGE, f"drops to {rms[10]:.2f} after the cliff")


def test_adagrad_needs_another_100_000_steps_until_its_sum_is_twice_as_large(says):
    after_the_cliff = 10 * 100**2
    steps = next(k for k in range(200_000) if after_the_cliff + k >= 2 * after_the_cliff)
    says(PAGE, f"it takes another {steps:,} steps until it is twice as large")


@pytest.mark.parametrize("lr", [0.1, 0.05, 0.025])
def test_rmsprop_hovers_at_its_floor(lr):
    rng, w, v, losses = np.random.default_rng(4), np.full(500, 3.0), np.zeros(500), []
    for t in range(4000):
        g = w + rng.standard_normal(500)
        v = 0.99 * v + 0.01 * g * g
        w = w - lr * g / (np.sqrt(v) + 1e-8)
        if t >= 3000:
            losses.append(np.mean(w**2) / 2)
    assert np.mean(losses) == pytest.approx(lr / 4, rel=0.05)
