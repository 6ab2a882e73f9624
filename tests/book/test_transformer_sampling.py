"""The claims of the page `transformer/sampling`, from the trained models."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/sampling"
key = runs.key


def soft(z, temperature):
    e = np.exp((z - z.max()) / temperature)
    return e / e.sum()


def test_temperature_between_greedy_and_even(says):
    z = np.random.default_rng(0).standard_normal(96)
    says(PAGE, "Towards 0 the largest score takes everything")
    assert soft(z, 1e-3).max() > 0.99 and soft(z, 1e-3).argmax() == z.argmax()
    says(PAGE, "all characters are alike")
    np.testing.assert_allclose(soft(z, 1e6), 1 / 96, rtol=1e-4)


def test_a_gumbel_draw_is_a_draw_from_the_softmax():
    """The page writes many texts side by side with it."""
    rng, z = np.random.default_rng(1), np.array([0.0, 1.0, 2.5])
    drawn = (z / 0.8 + rng.gumbel(size=(40_000, 3))).argmax(axis=1)
    np.testing.assert_allclose(np.bincount(drawn) / 40_000, soft(z, 0.8), atol=0.01)


def written(w, tau, texts=12, length=150):
    rng, rows = np.random.default_rng(9), np.tile(key.encode("\n    def "), (texts, 1))
    for _ in range(length):
        z = key.forward(w, rows[:, -runs.CONTEXT :], runs.TEXT_MODEL)[0][:, -1].astype(float)
        rows = np.hstack([rows, (z / tau + rng.gumbel(size=z.shape)).argmax(axis=1)[:, None]])
    return rows[:, -length:]


def repeated(rows, size=20):
    pieces = [tuple(row[i : i + size]) for row in rows for i in range(len(row) - size + 1)]
    return 1 - sum(pieces.count(piece) == 1 for piece in pieces) / len(pieces)


@pytest.mark.slow
def test_cold_text_is_too_easy_and_repeats_itself(says):
    w = runs.text_run()["snapshots"][runs.TEXT_STEPS]
    learn, held_out = runs.characters()
    pair = np.bincount(learn[:-1] * 96 + learn[1:], minlength=96**2).reshape(96, 96) + 0.1
    pair /= pair.sum(axis=1, keepdims=True)

    def surprise(rows):
        return -np.log(pair[rows[:, :-1], rows[:, 1:]]).mean()

    real = runs.windows_for_test(held_out, 149, 12)
    cold, mild, hot = (written(w, tau) for tau in (0.1, 1.0, 1.5))
    says(PAGE, "Every colder text is too easy.")
    assert surprise(cold) < surprise(mild) - 0.3 and surprise(cold) < surprise(real) - 0.3
    says(PAGE, "At $\\tau = 1$ the table is as surprised as by real code")
    assert abs(surprise(mild) - surprise(real)) < 0.4
    assert surprise(hot) > surprise(real) + 0.5
    assert repeated(cold) > 0.4 > 0.1 > repeated(hot)


@pytest.mark.slow
def test_one_head_does_the_work_and_another_only_looks(says):
    run, words, answer = runs.reversal_run(), runs.new_words(300), np.arange(12)
    maps = key.forward(run["w"], words[:, :-1], runs.REVERSAL_MODEL)[1].attention
    looked, left = {}, {}
    for block in range(2):
        for head in range(4):
            looked[block, head] = maps[block][:, head, 12 + answer, 11 - answer].mean()
            w = run["w"].copy()
            key.unpack(w, runs.REVERSAL_MODEL)[f"block{block}.mix"][16 * head : 16 * (head + 1)] = 0
            left[block, head] = runs.right_letters(w, words).all(axis=1).mean()
    says(PAGE, "One head of the first block has nine tenths of its share on the diagonal.")
    working = max(looked, key=looked.get)
    assert working[0] == 0 and looked[working] > 0.75
    says(PAGE, "Without it most of the words are lost")
    assert left[working] < 0.5
    says(PAGE, "Another head has two thirds of its share on the diagonal")
    assert any(0.5 < looked[one] < 0.8 and left[one] > 0.9 for one in looked)
