"""The numbers on the page `adaptive/when_adam_fails`, computed again."""

import numpy as np

PAGE = "adaptive/when_adam_fails"


def round_of_three(beta2, C=3.0):
    """The three steps of a settled round in units of the rate."""
    v, moves = 0.0, []
    for t in range(30_000):
        g = C if t % 3 == 0 else -1.0
        v = beta2 * v + (1 - beta2) * g * g
        moves.append(-g / np.sqrt(v))
    return np.array(moves[-3:])


def test_three_steps_by_hand(says):
    steps = round_of_three(0.1)
    says(PAGE, f"its step is ${steps[0]:.2f}$")
    says(PAGE, f"their steps are $+{steps[1]:.2f}$ and $+{steps[2]:.2f}$")
    says(PAGE, f"Each round moves the weight by $+{steps.sum():.2f}\\,\\eta$, uphill.")


def test_where_it_turns(says):
    low, high = 0.1, 0.9
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if round_of_three(middle).sum() > 0 else (low, middle)
    says(PAGE, f"The turn is at {low:.4f}.")
    says(PAGE, f"through zero at {low:.3f} to minus {-round_of_three(0.999).sum():.2f}.")
    assert round_of_three(0.3).sum() > 0 > round_of_three(0.5).sum()


def play(beta1, beta2, keep_largest=False, plain=False):
    """The game of Reddi, Kale and Kumar with C = 3 and the rate 0.5/sqrt(t), written with numbers alone."""
    w = m = v = top = 0.0
    path = []
    for t in range(1, 20_001):
        g = 3.0 if t % 3 == 1 else -1.0
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        top = max(top, v) if keep_largest else v
        step = g if plain else m / (1 - beta1**t) / (np.sqrt(top / (1 - beta2**t)) + 1e-8)
        w = min(1.0, max(-1.0, w - 0.5 / np.sqrt(t) * step))
        path.append(w)
    return np.array(path)


def test_the_game_to_its_end(says):
    says(PAGE, "$\\beta_2 = 1/(1+C^2)$, which is 0.1 for $C = 3$")
    adam = play(0.0, 0.1)
    assert adam[-1] > 0.99
    assert adam[50:].min() > 0.9
    says(PAGE, "is at $+1$ after 50 steps and never leaves")
    for path in (play(0.0, 0.1, keep_largest=True), play(0.0, 0.1, plain=True), play(0.9, 0.999)):
        assert path[-1] < -0.99
    says(PAGE, "Gradient descent, AMSGrad, and Adam with its default betas go to $-1$")


def test_a_long_memory_holds_the_mean_square(says):
    says(PAGE, f"A memory of a thousand squares holds {1000 // 3} rounds")
    says(PAGE, "it stays near the mean square $(9+1+1)/3 = 11/3$")
    v, seen = 0.0, []
    for t in range(30_000):
        v = 0.999 * v + 0.001 * (9 if t % 3 == 0 else 1)
        seen.append(v)
    np.testing.assert_allclose(seen[-9:], 11 / 3, rtol=2e-3)


def test_corrected_a_rate_under_the_maximum_still_grows_at_the_start(says):
    v = top = 0.0
    corrected, plain = [], []
    for t in range(1, 2001):
        v = 0.999 * v + 0.001 * (100 if t == 1 else 0.01)
        top = max(top, v)
        corrected.append(1 / np.sqrt(top / (1 - 0.999**t)))
        plain.append(1 / np.sqrt(top))
    assert np.all(np.diff(plain) <= 0) and np.all(np.diff(corrected) > 0) and top == 0.001 * 100
    says(PAGE, "In the paper there are no corrections, and then no rate ever grows.")
    says(PAGE, f"The rate begins at ${corrected[0]:.2f}\\,\\eta$")
    says(PAGE, f"is ${corrected[-1]:.2f}\\,\\eta$ after 2,000 steps, where $v_{{\\max}}$ has not moved.")
