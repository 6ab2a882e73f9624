"""Every number that the page `arrays` states, computed again."""

import math

import numpy as np
import pytest

import solutions

PAGE = "backprop/arrays"


@pytest.fixture(scope="module")
def key():
    return solutions.load("backprop")


def test_the_jacobian_of_one_product(says):
    numbers = 2048 * 12288
    entries = numbers**2
    terabytes = 2 * entries / 1e12
    says(PAGE, rf"$2048 \cdot 12288 \approx {numbers / 1e7:.1f} \cdot 10^7$")
    says(PAGE, rf"$J$ has ${entries / 1e14:.1f} \cdot 10^{{14}}$ entries. That is {terabytes:,.0f} terabytes")
    says(PAGE, f"{math.ceil(terabytes / 20)} disks")


def test_the_share_of_entries_that_are_not_zero(says):
    # by structure: a third of the blocks; one column in two; half of a diagonal (counted); a third of the blocks
    rng = np.random.default_rng(2)
    for shape in ((3, 3), (3, 2), 2):
        rng.standard_normal(shape)
    gates = rng.standard_normal((3, 6)) > 0
    shares = [3 * (2 * 3) / (6 * 9), 3 * 2 * 3 / (6 * 6), gates.sum() / 18**2, 3 * (4 * 4) / 12**2]
    text = ", ".join(f"{100 * share:.0f}" for share in shares[:3]) + f" and {100 * shares[3]:.0f} percent"
    says(PAGE, f"The share of entries that are not zero is {text}")


def test_three_products_of_the_same_size(key):
    rng = np.random.default_rng(0)
    X, W, up = rng.standard_normal((5, 3)), rng.standard_normal((3, 4)), rng.standard_normal((5, 4))
    to_X, to_W, to_b = key.affine_backward(up, X, W)
    np.testing.assert_allclose(to_W, [[sum(X[n, d] * up[n, m] for n in range(5)) for m in range(4)] for d in range(3)])
    np.testing.assert_allclose(to_X, [[sum(up[n, m] * W[d, m] for m in range(4)) for d in range(3)] for n in range(5)])
    np.testing.assert_allclose(to_b, [sum(up[n, m] for n in range(5)) for m in range(4)])


def test_twelve_slopes_come_back(says, key):
    back = key.unbroadcast(np.arange(24.0).reshape(3, 2, 4), (2, 1))
    says(PAGE, f"added: {back[0, 0]:.0f} and {back[1, 0]:.0f}.")
    says(PAGE, f"used {24 // 2} times")


def test_blame_among_five_words(says, key):
    blames = {}
    for name, scores in (("unsure", [0] * 5), ("right", [0, 5, 0, 0, 0]), ("wrong", [0, 0, 0, 5, 0])):
        blames[name] = key.softmax_cross_entropy(np.array([scores], dtype=float), np.array([1]))[1][0]
        assert blames[name].sum() == pytest.approx(0, abs=1e-12)
    says(PAGE, f"slopes +{blames['unsure'][0]:.1f} for four words and {blames['unsure'][1]:.1f} for the right one")
    says(PAGE, f"+{blames['wrong'][3]:.2f} on the favoured word, {blames['wrong'][1]:.2f} on the right one")
    assert np.abs(blames["right"]).max() < 0.03
