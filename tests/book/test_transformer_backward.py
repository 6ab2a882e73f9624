"""The numbers on the page `transformer/backward`, computed again."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/backward"
key = runs.key


def test_a_normalised_row_has_no_slope_along_two_directions(says):
    rng = np.random.default_rng(0)
    x, dout, gain = rng.standard_normal((50, 8)), rng.standard_normal((50, 8)), rng.standard_normal(8)
    _, normal, inverse = key.layer_norm(x, gain, np.zeros(8), eps=0.0)
    dx, _, _ = key.layer_norm_backward(dout, normal, inverse, gain)
    np.testing.assert_allclose(dx.sum(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose((dx * normal).sum(axis=1), 0, atol=1e-13)
    u = dout * gain
    along = u - u.mean(axis=1, keepdims=True) - normal * (u * normal).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(dx, inverse * along, atol=1e-13)
    says(PAGE, "The true $\\bar x$ must be at right angles to both.")


def test_with_eps_the_plain_means_are_exact_and_one_right_angle_is_not(says):
    rng = np.random.default_rng(4)
    x, dout, gain = *rng.standard_normal((2, 4, 8)), rng.standard_normal(8)
    eps, step = 0.1, 1e-6
    _, normal, inverse = key.layer_norm(x, gain, np.zeros(8), eps)
    assert np.all((normal**2).mean(axis=1) < 1)
    u = dout * gain
    plain = inverse * (u - u.mean(axis=1, keepdims=True) - normal * (u * normal).mean(axis=1, keepdims=True))
    nudged = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = step
        ahead, behind = (np.sum(dout * key.layer_norm(at, gain, np.zeros(8), eps)[0]) for at in (x + nudge, x - nudge))
        nudged[index] = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(plain, nudged, atol=1e-8)
    np.testing.assert_allclose(plain.sum(axis=1), 0, atol=1e-13)
    assert np.abs((plain * normal).sum(axis=1)).max() > 0.01
    says(
        PAGE,
        "The formula then holds as it stands, with plain means, and only the right angle to $\\hat x$ is no longer",
    )


def test_a_share_as_good_as_the_mean_gets_no_slope(says):
    """Upstream slopes that are alike for all values leave queries and keys alone."""
    rng = np.random.default_rng(1)
    q, k = rng.standard_normal((2, 1, 1, 5, 4))
    v = np.ones((1, 1, 5, 4))  # every value serves equally well
    dout = rng.standard_normal((1, 1, 5, 4))
    _, weights = key.causal_attention(q, k, v)
    dq, dk, dv = key.causal_attention_backward(dout, q, k, v, weights)
    np.testing.assert_allclose(dq, 0, atol=1e-14)
    np.testing.assert_allclose(dk, 0, atol=1e-14)
    assert np.abs(dv).max() > 0.1
    says(PAGE, "A share that does *exactly as well as that mean* gets no slope")


def test_gelu_dips(says):
    x = np.linspace(-4, 4, 80001)
    value, tanh = key.gelu(x)
    slope = key.gelu_backward(np.ones_like(x), x, tanh)
    says(PAGE, f"dips to minus {-value.min():.2f} at x = minus {-x[value.argmin()]:.2f}")
    says(PAGE, f"through minus {-slope.min():.2f} and 0.5 at zero to {slope.max():.2f}")
    np.testing.assert_allclose(slope[1:-1], (value[2:] - value[:-2]) / (x[2] - x[0]), atol=1e-6)


def test_spaces_in_a_batch(says):
    learn, _ = runs.characters()
    says(PAGE, "the space stands some 250 times, and the letter `q` perhaps once")
    counts = np.bincount(learn, minlength=96) / len(learn) * 1024
    assert abs(counts[key.encode(" ")[0]] - 250) < 60
    assert 0.3 < counts[key.encode("q")[0]] < 2.5


@pytest.mark.parametrize(("shortcut", "low", "high"), [(1, 0.4, 2.5), (0, 0, 1e-8)])
def test_the_shortcut_carries_the_slope_through_48_layers(shortcut, low, high, says):
    rng = np.random.default_rng(3)
    x, ways = rng.standard_normal((16, 64)), []
    for _ in range(48):
        A = rng.normal(0, 64**-0.5, (64, 256))
        B = rng.normal(0, (256 * (96 if shortcut else 1)) ** -0.5, (256, 64))
        up = x @ A
        hidden, tanh = key.gelu(up)
        x = hidden @ B + shortcut * x
        ways.append((A, B, up, tanh))
    dx = rng.standard_normal((16, 64))
    first = np.linalg.norm(dx)
    for A, B, up, tanh in reversed(ways):
        dx = key.gelu_backward(dx @ B.T, up, tanh) @ A.T + shortcut * dx
    assert low < np.linalg.norm(dx) / first < high
    says(
        PAGE, "Without shortcuts less than a hundred-millionth arrives. With them the slope arrives at about the length"
    )


@pytest.fixture(scope="module")
def errors():
    return {fault: runs.gradient_errors(fault) for fault in runs.FAULTS}


def test_every_array_of_weights_has_the_right_slope(errors, says):
    assert max(errors["none"].values()) < 1e-6
    says(PAGE, "Every layer agrees with the differences to eight digits or more")


def test_errors_begin_at_the_fault_and_spread_downwards_only(errors, says):
    says(PAGE, "**Errors begin at the fault and spread downwards only**")
    wrong = {fault: {name for name, error in found.items() if error > 1e-6} for fault, found in errors.items()}
    assert not wrong["none"]
    assert wrong["embedding: assigned, not added"] == {"table"}
    above_attention = {
        f"block1.{name}" for name in ("mix", "mix_bias", "norm2_gain", "up", "up_bias", "down", "down_bias")
    }
    for fault in ("attention: shares do not add up to 1", "attention: root of d forgotten"):
        assert not wrong[fault] & above_attention
        assert {"block1.qkv", "block0.down", "table", "position"} <= wrong[fault]
    for fault in set(runs.FAULTS) - {"none"}:
        assert "norm_gain" not in wrong[fault] and "table" in wrong[fault]
    assert "block1.up" in wrong["layer norm: mean and deviation taken as fixed"]
    assert "block1.mix" in wrong["residual: shortcut forgotten"]
    assert "block1.up" not in wrong["residual: shortcut forgotten"]


@pytest.mark.slow
def test_four_of_five_faulty_gradients_learn(says):
    losses = {fault: runs.faulty_run(fault) for fault in runs.FAULTS}
    bigram = key.bigram_loss(*runs.characters(), 96)
    says(PAGE, "One of the five gets nowhere")
    assert losses["attention: shares do not add up to 1"] > 4
    says(PAGE, "after 400 steps the model is above 4, behind a count of single characters")
    says(PAGE, "The other four *learn*. The loss falls from 4.6 to between 2.3 and 2.9")
    for fault in set(runs.FAULTS) - {"attention: shares do not add up to 1"}:
        assert 2.2 < losses[fault] < 3.05
    says(PAGE, "With the root of $d$ forgotten the run is within 0.1 of the right one")
    assert abs(losses["attention: root of d forgotten"] - losses["none"]) < 0.15
    assert losses["embedding: assigned, not added"] > losses["none"] + 0.03
    assert min(losses["attention: root of d forgotten"], losses["none"]) < bigram
