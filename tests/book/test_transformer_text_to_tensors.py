"""The numbers on the page `transformer/text_to_tensors`, computed again.

Those that hang on the library's text are rounded on the page, since every version of Python has another library.
"""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/text_to_tensors"
key = runs.key


def test_characters_become_numbers(says):
    says(PAGE, "96 in all")
    assert len(key.ALPHABET) == 96
    assert key.encode("o")[0] == 80 and key.encode("p")[0] == 81
    says(PAGE, "That `o` is 80 and `p` is 81")


def test_the_corpus_is_as_large_as_promised(says):
    learn, held_out = runs.characters()
    says(PAGE, "about a million characters")
    assert 0.8e6 < len(learn) + len(held_out) < 1.2e6
    says(PAGE, "whole modules, about a tenth of the text")
    assert 0.04 < len(held_out) / (len(learn) + len(held_out)) < 0.2


def test_a_window_of_nine_holds_eight_questions(says):
    says(PAGE, "So a window of 9 characters holds 8 questions")
    window = key.encode("for i in ")[None]
    model = key.Model(96, 8, 8, 2, 1)
    assert key.forward(key.initial_weights(model), window[:, :-1], model)[0].shape == (1, 8, 96)


def test_the_loss_at_birth(says):
    says(PAGE, f"The loss is $\\ln 96 = {np.log(96):.2f}$")
    learn, _ = runs.characters()
    windows = runs.windows_for_test(learn, runs.CONTEXT, 100)
    says(PAGE, "within a few hundredths of $\\ln 96$")
    for seed in range(3):
        w = key.initial_weights(runs.TEXT_MODEL, seed)
        assert abs(key.mean_loss(w, windows, runs.TEXT_MODEL) - np.log(96)) < 0.09
    key.unpack(w, runs.TEXT_MODEL)["table"][:] *= 100
    assert key.mean_loss(w, windows, runs.TEXT_MODEL) > 2 * np.log(96)
    assert np.exp(9) == pytest.approx(8103, abs=1)
    says(PAGE, "a probability of $e^{-9}$, one in eight thousand")


def test_the_bars_that_counting_sets(says):
    losses = [held for _, held, _ in runs.counting.__wrapped__.__wrapped__(3, 10)]
    for name, context, promised, choices in (
        ("unigram | how frequent each is", 0, 3.1, 22),
        ("bigram | the one character before", 1, 2.5, 12),
        ("trigram | the two characters before", 2, 2.1, 8),
    ):
        says(PAGE, f"| {name} | about {promised} | {choices} |")
        assert abs(losses[context] - promised) < 0.12
        assert choices == round(np.exp(promised))
    # the pairs counted in another way
    assert losses[1] == pytest.approx(key.bigram_loss(*runs.characters(), 96), abs=0.05)


def test_counting_ends_at_four_characters(says):
    table = runs.counting(7, 10)
    learned, held, entries = (np.array(column) for column in zip(*table, strict=True))
    assert (np.diff(learned) < 0).all()  # "on the text that was counted longer is always better"
    assert held.argmin() in (3, 4, 5)
    says(PAGE, "the held-out loss stands at about 1.85")
    assert abs(held[4] - 1.85) < 0.12
    says(PAGE, "over a hundred thousand entries")
    assert 100_000 < entries[4] < 150_000
    says(PAGE, "With seven it has nearly three hundred thousand, and is no better")
    assert 250_000 < entries[7] < 320_000 and held[7] > held[4] - 0.02
    says(PAGE, f"$96^4 = {96**4 / 1e6:.0f}$ million")


def test_a_counted_model_is_a_distribution():
    """The mixture adds up to 1: the mean loss on all 96 continuations of a context cannot beat their entropy."""
    learn, _ = runs.characters()
    _, held, entries = runs.counting.__wrapped__.__wrapped__(0, 10)[0]
    counts = np.bincount(learn, minlength=96)
    p = (counts + 10 / 96) / (counts.sum() + 10)
    assert p.sum() == pytest.approx(1)
    assert held == pytest.approx(-np.log(p[runs.characters()[1]]).mean(), rel=1e-6)
    assert entries == (counts > 0).sum()


def test_as_many_entries_as_weights(says):
    says(PAGE, "as many entries as our model will have weights: 110,000")
    assert round(key.initial_weights(runs.TEXT_MODEL).size, -3) == 110_000


def test_larger_vocabularies(says):
    says(PAGE, f"$\\ln 128{{,}}000 = {np.log(128_000):.1f}$")
