"""Every number that the page `trust_but_verify` states, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "backprop/trust_but_verify"
LEVEL = 0.7343469699579425


def f(x):
    return np.exp(x) * np.sin(x) / (1 + x**2)


def error(slope):
    return abs(slope / LEVEL - 1)


def one_side(h):
    return error((f(1 + h) - f(1)) / h)


def two_sides(h):
    return error((f(1 + h) - f(1 - h)) / (2 * h))


def test_the_slope_by_the_rules_of_school(says):
    slope = np.e * ((np.sin(1) + np.cos(1)) / 2 - 2 * np.sin(1) / 4)
    assert slope == pytest.approx(LEVEL, rel=1e-15)
    says(PAGE, "right = 0.7343469699579425")


def test_one_side_is_a_v(says):
    says(PAGE, f"The error is {one_side(1e-3):.5f} of the slope for $h = 10^{{-3}}$")
    says(PAGE, f"At $10^{{-15}}$ the slope is off by {100 * one_side(1e-15):.0f} %")
    steps = 10.0 ** -np.arange(1, 16)
    best = min(steps, key=one_side)
    assert best == pytest.approx(1e-8)
    assert 1e-9 < one_side(best) < 1e-7
    says(PAGE, r"that is $h \approx 10^{-8}$, and the error there is about $10^{-8}$ too")
    for h in (1e-3, 1e-5):  # each digit of h buys a digit
        assert one_side(h) / one_side(h / 10) == pytest.approx(10, rel=0.02)


def test_two_sides_are_better(says):
    best = min(10.0 ** -np.arange(1, 16), key=two_sides)
    assert best == pytest.approx(1e-5)
    assert 3e-12 < two_sides(best) < 3e-11
    says(PAGE, r"gives $h \approx 10^{-5}$, with an error of about $10^{-11}$")
    assert two_sides(1e-2) / two_sides(1e-3) == pytest.approx(100, rel=0.02)
    assert 2 < np.log10(one_side(1e-8) / two_sides(1e-5)) < 3.5
    says(PAGE, "Three more digits")


def test_the_complex_step_never_climbs():
    for exponent in range(8, 200, 16):
        h = 10.0**-exponent
        assert error(np.imag(f(1 + 1j * h)) / h) < 1e-14


def test_single_precision(says):
    def single(x):
        x = np.float32(x)
        return (np.exp(x) * np.sin(x) / (np.float32(1) + x * x)).astype(np.float32)

    def miss(h):
        h = np.float32(h)
        return error(float(single(np.float32(1) + h) - single(np.float32(1) - h)) / (2 * float(h)))

    says(PAGE, f"at $h = 10^{{-5}}$ the answer is off by {100 * miss(1e-5):.0f} %")
    near = np.median([miss(h) for h in np.geomspace(3e-3, 2e-2, 15)])
    assert 1e-6 < near < 5e-5
    says(PAGE, "In float32 the best step lies near $10^{-2}$ and leaves about five digits")


def test_the_kink(says):
    x, h = 0.1, 1.0
    estimate = (max(x + h, 0) - max(x - h, 0)) / (2 * h)
    assert estimate == pytest.approx((x + h) / (2 * h))
    says(PAGE, rf"at $x = 0.1\\,h$ it says {estimate:.2f}")


def test_the_sum_of_probabilities_has_no_slope():
    scores = np.random.default_rng(0).standard_normal(5)
    p = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose((np.diag(p) - np.outer(p, p)).sum(axis=1), 0, atol=1e-15)


def layer(fault, up, X, W, b):
    y = np.tanh(X @ W + b)
    if fault == "upstream":
        up = np.ones_like(up)
    back = up * (1 - (y if fault == "tanh" else y**2))
    other = W if fault == "transpose" else W.T
    to_W, to_b = X.T @ back / (len(X) if fault == "mean" else 1), back[0] if fault == "bias" else back.sum(axis=0)
    if fault == "half":
        to_W = to_W.astype(np.float16)
    return back @ other, to_W, to_b


@pytest.mark.parametrize(
    "check, blind",
    [
        ("ones", {"upstream"}),
        ("single example", {"mean", "bias"}),
        ("zero", {"tanh"}),
        ("identity", {"transpose"}),
        ("loose", {"half"}),
        ("random", set()),
    ],
)
def test_each_convenient_check_is_blind_to_some_fault(check, blind):
    faults = {"upstream", "mean", "bias", "tanh", "transpose", "half"}
    rng = np.random.default_rng(1)
    N, D, M = {"single example": (1, 3, 4), "identity": (5, 4, 4)}.get(check, (5, 3, 4))
    X, W, b, up = (rng.standard_normal(shape) for shape in ((N, D), (D, M), (M,), (N, M)))
    if check == "ones":
        up = np.ones((N, M))
    if check == "zero":
        W, b = 0 * W, 0 * b
    if check == "identity":
        W = np.eye(4)
    right = layer(None, up, X, W, b)
    passes = set()
    for fault in faults:
        if fault == "transpose" and D != M:
            continue  # an error, which is as good as caught
        found = layer(fault, up, X, W, b)
        tolerance = 1e-2 if check == "loose" else 1e-6
        if all(np.abs(p - q).max() <= tolerance * max(1, np.abs(q).max()) for p, q in zip(found, right, strict=True)):
            passes.add(fault)
    assert passes == blind


def test_one_direction(says):
    key = solutions.load("backprop")
    rng = np.random.default_rng(5)
    shapes = {"W1": (64, 32), "b1": (32,), "W2": (32, 10), "b2": (10,)}
    weights = sum(int(np.prod(shape)) for shape in shapes.values())
    says(PAGE, f"that is {2 * weights:,} forward passes")
    says(PAGE, f"one wrong sign among {weights:,} slopes")
    params = {name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()}
    X, labels = rng.uniform(0, 1, (20, 64)), rng.integers(0, 10, 20)
    grads = key.mlp_loss_and_grad(params, X, labels)[1]
    v = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    ends = [key.mlp_loss_and_grad({n: params[n] + h * v[n] for n in params}, X, labels)[0] for h in (1e-6, -1e-6)]
    nudged = (ends[0] - ends[1]) / 2e-6

    def miss(claim):
        return abs(sum((claim[n] * v[n]).sum() for n in claim) / nudged - 1)

    assert miss(grads) < 1e-8
    says(PAGE, f"{miss(grads | {'b2': 0 * grads['b2']}):.3f} for a bias that is not there at all")
    wrong = grads["W1"].copy()
    wrong.flat[700] *= -1
    assert miss(grads | {"W1": wrong}) > 1e-3
