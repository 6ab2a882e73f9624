"""The claims of the page `transformer/sgd_against_adam`, from the same runs."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/sgd_against_adam"
key = runs.key


def test_both_optimisers_see_the_same_start_and_batches():
    for start in ("small", "scaled"):
        first = [runs.train_small(96, method, 1e-9, 3, 3, 1, True, 1.0, 0.0, start)["losses"] for method in runs.GRIDS]
        np.testing.assert_allclose(first[0], first[1], rtol=1e-5)


def test_the_start_is_that_of_gpt2():
    model = runs.small_model(96)
    arrays = key.unpack(runs.start_small(model, 0), model)
    for name in ("block0.qkv", "block1.up", "table"):
        assert arrays[name].std() == pytest.approx(0.02, rel=0.1)
    for name in ("block0.mix", "block1.down"):
        assert arrays[name].std() == pytest.approx(0.02 / 2, rel=0.1)  # two branches in each of two blocks: sqrt(4)
    before = key.unpack(key.initial_weights(model), model)["block0.qkv"].std()
    assert before == pytest.approx(32**-0.5, rel=0.1)


def test_momentum_is_that_of_the_course():
    w, v = np.array([1.0, -2.0]), np.array([0.5, 0.25])
    slope = lambda w, batch: (0.0, np.array([0.3, 0.4]))  # noqa: E731
    w_new, v_new, _ = runs.momentum_step(w, v, slope, None, 0.1)
    np.testing.assert_allclose(v_new, 0.9 * v + [0.3, 0.4])
    np.testing.assert_allclose(w_new, w - 0.1 * v_new)
    clipped = runs.momentum_step(w, v * 0, slope, None, 0.1, clip=0.25)[1]
    np.testing.assert_allclose(clipped, [0.15, 0.2])


def test_words_are_heavy_tailed(says):
    learn, _, counts = runs.words(1000)
    sizes = runs.frequency_groups()
    says(PAGE, "a handful of signs makes up a fifth of it, and another fifth is shared by 872 words")
    assert sizes[0] <= 6 and 800 < sizes[-1] < 930 and sum(sizes) == 999
    assert len(learn) == counts.sum() == runs.WORDS
    says(PAGE, "learn from 60,000 words, which they read nine times in 1,000 steps")
    assert pytest.approx(8.5, abs=0.1) == 1000 * runs.SMALL_BATCH * runs.SMALL_CONTEXT / runs.WORDS


def gap(task):
    return runs.tuned(task, "momentum")["ends"] - runs.tuned(task, "adam")["ends"]


@pytest.mark.slow
def test_the_gap_on_characters(says):
    says(PAGE, "The gap is about 0.2 nats, at each of the three seeds")
    assert (np.abs(gap("characters") - 0.22) < 0.1).all()
    for method in runs.GRIDS:
        assert np.ptp(runs.tuned("characters", method)["ends"]) < 0.1
    held = [np.mean([run["held_out"] for run in runs.tuned("characters", m)["runs"]]) for m in ("momentum", "adam")]
    says(PAGE, "On text that was held out it is smaller, about 0.15.")
    assert abs(held[0] - held[1] - 0.15) < 0.09


@pytest.mark.slow
def test_the_gap_on_words(says):
    says(PAGE, "The gap has grown to about 0.35 nats.")
    assert abs(gap("words").mean() - 0.35) < 0.12
    assert gap("words").min() > gap("characters").mean() - 0.05
    held = [np.mean([run["held_out"] for run in runs.tuned("words", m)["runs"]]) for m in ("momentum", "adam")]
    says(PAGE, "SGD ends at about 3.66 and Adam at about 3.71")
    assert abs(held[0] - 3.66) < 0.2 and abs(held[1] - 3.71) < 0.2


@pytest.mark.slow
def test_the_rare_words_are_left_behind(says):
    behind = runs.by_frequency("momentum") - runs.by_frequency("adam")
    says(PAGE, "On the three most frequent signs it is about 0.1 nats. On the 872 rarest words it is nearly 1")
    assert 0 < behind[0] < 0.25 and 0.6 < behind[-1] < 1.3
    assert behind[-1] == behind.max()
    says(PAGE, "they alone make up about half of the whole gap")
    assert 0.4 < behind[-1] / behind.sum() < 0.65


@pytest.mark.slow
def test_the_gap_is_not_a_constant_of_nature(says):
    says(PAGE, "The gap is gone, or nearly")
    assert abs(gap("characters, scaled start").mean()) < 0.08
    assert (
        runs.tuned("characters", "adam")["ends"].mean() < runs.tuned("characters, scaled start", "adam")["ends"].mean()
    )


@pytest.mark.slow
def test_the_best_rate_is_not_at_a_rim_that_gains(says):
    for task in runs.TASKS:
        for method, rates in runs.GRIDS.items():
            assert runs.tuned(task, method)["rate"] == rates[1], (task, method)
    says(PAGE, "the best of them must lie inside the range (of two that end within 0.03 nats of each other the smaller")
    assert runs.TIE == 0.03
