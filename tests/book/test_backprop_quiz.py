"""The numbers in the answers of the chapter's quiz."""

import numpy as np

PAGE = "backprop/quiz"


def test_roads_of_the_first_question(says):
    w, h = 3.0, 1e-6

    def f(w):
        return 2 * w + 2 * w * w**2

    slope = (f(w + h) - f(w - h)) / (2 * h)
    says(PAGE, f"{{dropdown}} (a) {slope:.0f} **Right.**".replace(" **", "\n**"))
    a, b = 2 * w, w**2
    says(PAGE, rf"(b) {b * 2 + a * 2 * w:.0f}")
    says(PAGE, rf"(c) {1 * 2 + a * 2 * w:.0f}")
    says(PAGE, rf"(d) {(1 + b) * 2:.0f}")
    says(PAGE, rf"another {a * 2 * w:.0f}.")


def test_rounding_at_a_step_that_is_too_small():
    steps = 10.0 ** -np.arange(11.5, 12.5, 0.1)
    errors = [abs((np.sin(1 + h) - np.sin(1 - h)) / (2 * h) / np.cos(1) - 1) for h in steps]
    assert 1e-5 < np.median(errors) < 1e-3
    assert abs((np.sin(1 + 1e-5) - np.sin(1 - 1e-5)) / 2e-5 / np.cos(1) - 1) < 1e-9


def test_checkpoints_of_the_sixth_question(says):
    says(PAGE, f"(a) At most {100 // 10 + 10 - 1} inputs are in memory in place of 100")


def test_fifty_relu_layers(says):
    says(PAGE, rf"$(1/\sqrt2)^{{50}} \approx {0.5**25 * 1e8:.0f} \cdot 10^{{-8}}$")
