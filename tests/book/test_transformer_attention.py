"""The numbers on the page `transformer/attention`, computed again."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/attention"
key = runs.key


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_the_example_by_hand(says):
    q, keys, values = (
        np.array([2, 0, 2, 0]),
        np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1]]),
        np.array([10, 20, 30]),
    )
    shares = softmax(keys @ q / 2)
    for place, (k, share, value) in enumerate(zip(keys, shares, values, strict=True), 1):
        row = f"| {place} | $({', '.join(map(str, k))})$ | {k @ q} | {k @ q / 2:.0f} | {share:.2f} | {value} |"
        says(PAGE, row)
    says(PAGE, f"$0.67 \\cdot 10 + 0.24 \\cdot 20 + 0.09 \\cdot 30 = {shares @ values:.1f}$")
    # and the answer key gives the same, with the query in the last place
    k, v = keys[None, None].astype(float), values[None, None, :, None].astype(float)
    out, weights = key.causal_attention(np.repeat(q[None, None, None], 3, axis=2).astype(float), k, v)
    np.testing.assert_allclose(weights[0, 0, 2], shares)
    assert out[0, 0, 2, 0] == pytest.approx(shares @ values)


def test_why_the_root_of_d(says):
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((400, 1, 256)), rng.standard_normal((400, 64, 256))
    products = (q * k).sum(axis=-1)
    assert products.var() == pytest.approx(256, rel=0.1)
    plain, scaled = softmax(products), softmax(products / 16)
    says(PAGE, f"At $d = 256$ the largest share is {plain.max(axis=1).mean():.2f} without the division")
    says(PAGE, f"With it, the largest share is {scaled.max(axis=1).mean():.2f}")
    passed = [(a * (1 - a)).sum(axis=1).mean() for a in (plain, scaled)]
    says(PAGE, f"goes from {passed[0]:.2f} to {passed[1]:.2f}")


@pytest.mark.parametrize("place", range(10))
def test_no_earlier_output_moves(place):
    w = key.initial_weights(runs.TEXT_MODEL, dtype=np.float64)
    one = key.encode("for i in x")[None]
    other = one.copy()
    other[0, place] = (other[0, place] + 7) % 96
    moved = np.abs(key.forward(w, one, runs.TEXT_MODEL)[0] - key.forward(w, other, runs.TEXT_MODEL)[0]).max(axis=-1)[0]
    assert (moved[:place] == 0).all()
    assert (moved[place:] > 1e-6).all()


def test_one_block_without_positions_is_blind_to_order(says):
    model = key.Model(96, 64, 64, 4, 1)
    texts = [key.encode(text)[None] for text in ("print(ab)", "print(ba)")]
    gaps = []
    for factor in (0, 1):
        w = key.initial_weights(model, dtype=np.float64)
        key.unpack(w, model)["position"][:] *= factor
        a, b = (key.forward(w, text, model)[0][0, -1] for text in texts)
        gaps.append(np.abs(a - b).max())
    assert gaps[0] < 1e-12 < 1e-4 < gaps[1]
    says(
        PAGE, "One block without positions gives the two texts the same scores for the next character, up to rounding."
    )


def test_a_deeper_stack_is_not_quite_as_blind(says):
    says(PAGE, "Deeper stacks are not quite as blind")
    w = key.initial_weights(runs.TEXT_MODEL, dtype=np.float64)
    key.unpack(w, runs.TEXT_MODEL)["position"][:] = 0
    a, b = (key.forward(w, key.encode(text)[None], runs.TEXT_MODEL)[0][0, -1] for text in ("print(ab)", "print(ba)"))
    assert np.abs(a - b).max() > 1e-9


def test_shapes_and_the_price(says):
    model, B, T = runs.TEXT_MODEL, runs.TEXT_BATCH, runs.CONTEXT
    d = model.width // model.heads
    says(PAGE, f"| vectors in | $(BT, D)$ | ({B * T}, {model.width}) |")
    says(PAGE, f"| queries, keys, values, dealt out | $(B, h, T, d)$ each | ({B}, {model.heads}, {T}, {d}) |")
    rows = np.arange(B * T * model.width, dtype=float).reshape(B * T, model.width)
    assert key.split_heads(rows, B, model.heads).shape == (B, model.heads, T, d)
    says(PAGE, f"$64 \\cdot 64 = {64 * 64:,}$ for each of {B * model.heads} heads".replace(",", "{,}", 1))
    assert T * T * B * model.heads * 4 == 2**20  # "a megabyte in 32 bits"
    says(PAGE, "$6.7 \\cdot 10^7$ entries")
    assert pytest.approx(6.7e7, rel=0.01) == 8192**2
    assert pytest.approx(0.27, abs=0.01) == 8192**2 * 4 / 1e9  # "a quarter of a gigabyte"
