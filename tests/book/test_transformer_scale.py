"""The numbers on the page `transformer/scale`, computed again."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/scale"
key = runs.key


def weights(layers, width, vocabulary):
    return 12 * layers * width**2 + vocabulary * width


def test_weights(says):
    exact = key.initial_weights(runs.TEXT_MODEL).size
    says(PAGE, f"Counted exactly, ours has {exact:,}.")
    says(PAGE, "The formula misses nearly 6,000")
    assert 5_800 < exact - weights(2, 64, 96) < 6_000
    says(PAGE, f"For GPT-2 small it gives {weights(12, 768, 50257) / 1e6:.1f} million")
    says(PAGE, f"for GPT-3, {weights(96, 12288, 50257) / 1e9:.1f} billion")


def test_attention_beside_the_weights(says):
    for name, N, layers, width, context, promised in (
        ("ours", 110_336, 2, 64, 64, "| ours | 220,000 | 33,000 | 13 % |"),
        ("GPT-3", 174.6e9, 96, 12288, 2048, "| GPT-3 | 349 billion | 9.7 billion | 3 % |"),
    ):
        own = 4 * context * width * layers
        share = own / (own + 2 * N)
        says(PAGE, promised)
        assert f"{share:.0%}".replace("%", " %") in promised, name
        assert own / (2 * N) == pytest.approx(context / (6 * width), rel=0.15)
    assert pytest.approx(1.7, abs=0.05) == 128_000 / (6 * 12288)
    says(PAGE, "at $T = 128{,}000$ and the width of GPT-3 it would be 1.7")


def test_operations_and_days(says):
    ours = 3 * (2 * 110_336 + 4 * 2 * 64 * 64) * 1024
    says(PAGE, f"$2{{,}}000 \\cdot {ours / 1e9:.2f} \\cdot 10^9 = {2000 * ours / 1e12:.1f} \\cdot 10^{{12}}$")
    llama = 6 * 405e9 * 15.6e12
    says(PAGE, f"= {llama / 1e25:.1f} \\cdot 10^{{25}}")
    year = 365.25 * 86400
    assert llama / 2e10 / year / 1e6 == pytest.approx(60, rel=0.01)
    assert llama / 4e14 / year == pytest.approx(3000, rel=0.01)
    says(PAGE, f"16,000 of them need {llama / 4e14 / 16000 / 86400:.0f} days")
    says(
        PAGE, f"By that rule ours wants {20 * 110_336 / 1e6:.1f} million tokens. It got {2000 * 1024 / 1e6:.2f} million"
    )


def test_bytes(says):
    says(
        PAGE,
        f"For 405 billion weights that is {405e9 * 16 / 1e12:.1f} terabytes, or {405e9 * 16 / 80e9:.0f} accelerators",
    )
    assert 2 + 2 + 4 + 4 + 4 == 4 + 4 + 4 + 4 == 16


def test_formats(says):
    assert np.finfo(np.float16).smallest_subnormal == pytest.approx(6e-8, rel=0.01)
    assert np.finfo(np.float16).max == 65504
    assert np.finfo(np.float16).eps == pytest.approx(0.001, rel=0.03)
    says(PAGE, "| float16 | 5 | 10 | $6 \\cdot 10^{-8}$ | 65,504 | 1.001 |")
    one = np.array([1.0], dtype=np.float32)
    assert runs.to_bfloat16(one + 0.003) == 1.0 and runs.to_bfloat16(one + 0.005) == np.float32(1 + 2**-7)
    says(PAGE, "A weight of 1.0 to which 0.003 is added is still 1.0.")
    says(PAGE, "between 1 and 2 it knows only 128 numbers")
    between = runs.to_bfloat16(np.linspace(1, 2, 100_001, dtype=np.float32)[:-1])
    assert len(np.unique(between[between < 2])) == 128


def test_rounding_to_bfloat16_keeps_signs_and_the_nearest():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    rounded = runs.to_bfloat16(x)
    assert (np.abs(rounded / x - 1) <= 2**-8).all()
    assert (rounded.view(np.uint32) & 0xFFFF == 0).all()
    np.testing.assert_array_equal(runs.to_bfloat16(rounded), rounded)


@pytest.mark.slow
def test_a_float32_copy_of_the_weights_is_needed(says):
    plain = runs.small_run(96, "adam", 1e-3, 0, 400)["held_out"]
    says(PAGE, "With a float32 copy nothing is lost, to two decimals.")
    assert abs(runs.rounded_run(True) - plain) < 0.02
    says(PAGE, "Without it a tenth of a nat is gone")
    assert 0.05 < runs.rounded_run(False) - plain < 0.2


@pytest.mark.slow
def test_float16_loses_the_small_slopes(says):
    learn, _ = runs.characters()
    w = runs.text_run()["snapshots"][runs.TEXT_STEPS]
    windows = key.random_windows(learn, 16, 65, np.random.default_rng(0))
    logits, _ = key.forward(w, windows[:, :-1], runs.TEXT_MODEL)
    slopes = np.abs(key.next_token_loss(logits.astype(np.float64), windows)[1])
    lost = np.mean(slopes.astype(np.float16) == 0), np.mean((slopes * 1024 / 4e6).astype(np.float16) == 0)
    says(PAGE, "nearly all of it is lost")
    assert 0.02 < lost[0] < 0.6 and lost[1] > 0.8
