"""The numbers on the page `momentum/index`, computed again."""

import numpy as np

PAGE = "momentum/index"
CURVATURE = np.array([1.0, 100.0])


def loss_after_100_steps(beta):
    w, v = np.array([-2.0, 0.4]), np.zeros(2)
    for _ in range(100):
        v = beta * v + CURVATURE * w
        w = w - 0.018 * v
    return 0.5 * (CURVATURE * w**2).sum()


def test_two_people_in_one_ravine(says):
    plain, heavy = loss_after_100_steps(0), loss_after_100_steps(0.8)
    says(PAGE, f"a loss of {plain:.3f}. The second reads {heavy:.10f}.")
    says(PAGE, f"after 100 steps {plain:.3f} and {heavy:.1e}".replace("e-0", "e-"))
    says(PAGE, f"after 100 steps the loss is {plain / heavy / 1e6:.0f} million times as small")


def test_nine_tenths_would_have_been_worse(says):
    orders = np.log10(loss_after_100_steps(0.9) / loss_after_100_steps(0.8))
    assert 4 < orders < 5
    says(PAGE, "0.9 is more than four orders of magnitude worse than 0.8 after 100 steps")
