"""The numbers on the pages `transformer/first_run` and `transformer/index`, computed again."""

import re
from pathlib import Path

import numpy as np
import pytest

from book import runs

PAGE, INDEX = "transformer/first_run", "transformer/index"
key = runs.key


PAGES = sorted((Path(__file__).resolve().parents[2] / "book" / "transformer").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_what_a_run_says_while_it_trains_is_not_on_the_page(page):
    """A run that is not kept yet prints its progress: whoever asks for it first has to be a cell without output."""
    silent = set()
    for cell in re.findall(r"^```\{code-cell\}.*?^```", page.read_text(encoding="utf-8"), re.S | re.M):
        asked = set(re.findall(r"(?:text|reversal)_run(?=\(\))", cell))
        if "film.html()" in cell:
            asked |= {"text_run", "reversal_run"}
        if "remove-cell" in cell:
            silent |= asked
        assert asked <= silent, f"{sorted(asked - silent)} would print what it says while it trains"


def test_one_batch_by_heart(says):
    learn, held_out = runs.characters()
    batch = key.random_windows(learn, 4, runs.CONTEXT + 1, np.random.default_rng(1))
    test, elsewhere = runs.windows_for_test(held_out, runs.CONTEXT, 50), []
    _, losses = key.train(
        key.initial_weights(runs.TEXT_MODEL),
        lambda w, b: key.loss_and_grad(w, b, runs.TEXT_MODEL),
        lambda: batch,
        200,
        3e-3,
        warmup=20,
        report=lambda t, w, _: elsewhere.append(key.mean_loss(w, test, runs.TEXT_MODEL)),
        reports=20,
    )
    says(PAGE, "below 0.03 on the four windows, so the right character gets a probability of 97 % or more")
    floor = 0.0
    for t in range(1, batch.shape[1]):
        for window in batch:
            alike = batch[(batch[:, :t] == window[:t]).all(axis=1)]
            floor -= np.log((alike[:, t] == window[t]).mean()) / batch[:, 1:].size
    # how many of the four begin alike is chance, so another Python's library has another floor
    assert floor < losses[-1] < floor + 0.03
    says(PAGE, "Then each step makes it worse")
    assert min(elsewhere) < 3.6 and elsewhere[-1] > min(elsewhere) + 0.5
    says(PAGE, "ought to learn 256 answers by heart")
    assert batch[:, 1:].size == 256


def test_the_word_on_the_page_is_reversed_right(says):
    says(PAGE, "kickboxfight>" + "kickboxfight"[::-1])
    says(PAGE, "$26^{12} \\approx 10^{17}$")
    assert pytest.approx(1e17, rel=0.06) == 26**12
    says(PAGE, f"ln 26 = {np.log(26):.2f}")


@pytest.mark.slow
def test_new_words_are_reversed(says):
    run = runs.reversal_run()
    says(PAGE, "at least 99 % of the new words come out right as a whole")
    assert run["right"][-1][2] >= 0.99
    # words that no page has looked at
    fresh = key.reversal_windows(1000, runs.LETTERS, np.random.default_rng(2024))
    assert runs.right_letters(run["w"], fresh).all(axis=1).mean() >= 0.99
    # a plateau, and then a fall
    assert abs(run["losses"][:15].mean() - np.log(26)) < 0.2
    assert run["losses"][99] < 0.3


@pytest.mark.slow
def test_the_library(says):
    run = runs.text_run()
    held = dict(run["held_out"])
    says(PAGE, "ends at about 1.75 nats: the model is as unsure as among 6 characters")
    assert abs(held[runs.TEXT_STEPS] - 1.75) < 0.12
    assert round(np.exp(1.75)) == 6
    table = runs.counting(5, 10)
    steps = np.array([t for t, _ in run["held_out"]])
    losses = np.array([loss for _, loss in run["held_out"]])
    says(PAGE, "The bigram table, at about 2.5, was passed after some 170 steps")
    assert 100 <= steps[losses < table[1][1]][0] <= 300
    says(PAGE, "the best table of all, at about 1.85, around step 1,200")
    assert 800 <= steps[losses < min(row[1] for row in table)][0] <= 1700
    says(PAGE, "about 1.4 on the training text, and 1.75 on modules")
    assert abs(run["losses"][-100:].mean() - 1.4) < 0.1
    says(PAGE, "has a gap of a tenth")
    assert 0.02 < table[1][1] - table[1][0] < 0.2
    says(PAGE, "each part of the text seen about twice")
    assert 2 < runs.TEXT_STEPS * runs.TEXT_BATCH * runs.CONTEXT / len(runs.characters()[0]) < 2.6


@pytest.mark.slow
def test_the_scene_of_the_index(says):
    run = runs.text_run()
    assert {0, 100, 300, runs.TEXT_STEPS} <= set(run["snapshots"])
    says(INDEX, "It has 110,000 weights")
    assert round(run["snapshots"][0].size, -4) == 110_000
    says(INDEX, "2,000 times, each of 110,000 weights")
    assert len(run["losses"]) == 2000
    # after training there are lines with indentation; at birth there is nothing of the kind
    text = {}
    for step in (0, runs.TEXT_STEPS):
        w = run["snapshots"][step]
        text[step] = key.decode(
            key.generate(
                lambda tokens, w=w: key.forward(w, tokens[None], runs.TEXT_MODEL)[0][0, -1],
                key.encode("\n    def "),
                400,
                runs.CONTEXT,
                np.random.default_rng(4),
                temperature=0.7,
            )
        )
    assert text[runs.TEXT_STEPS].count("\n    ") >= 3 > text[0][1:].count("\n    ")
