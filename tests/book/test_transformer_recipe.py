"""The claims of the page `transformer/recipe`, from the same runs."""

import numpy as np
import pytest

from book import runs

PAGE = "transformer/recipe"
key = runs.key
pytestmark = pytest.mark.slow  # 30 short training runs: about a minute, unless the site has been built


def test_the_warm_up_buys_a_higher_peak(says):
    gain = runs.rates(0).mean(axis=1) - runs.rates(60).mean(axis=1)  # for each peak rate
    says(PAGE, "At 0.003 the two differ by no more than two seeds do.")
    assert abs(gain[0]) < 0.08
    says(
        PAGE, "At 0.01, the best of the four, the warm-up is worth about a tenth of a nat, and at 0.1 about two tenths."
    )
    assert runs.rates(60).mean(axis=1).argmin() == 1
    assert 0.03 < gain[1] < 0.2
    assert 0.08 < gain[3] < 0.4


def test_the_cosine_pays_at_large_rates_only(says):
    gain = runs.rates(60, False).mean(axis=1) - runs.rates(60).mean(axis=1)
    says(PAGE, "at 0.1 the cosine is ahead by nearly two tenths of a nat, and at 0.003 it is behind by one.")
    assert 0.08 < gain[3] < 0.35 and -0.2 < gain[0] < -0.03
    says(PAGE, "the lowest number of all. It belongs to a constant rate.")
    assert runs.rates(60, False).mean(axis=1).min() < runs.rates(60).mean(axis=1).min()


def test_clipping_on_a_bad_day(says):
    ends = {
        (method, clip): runs.spoilt_run(method, peak, clip)[0][-50:].mean()
        for method, peak in (("adam", 1e-2), ("momentum", 0.3))
        for clip in (1.0, np.inf)
    }
    says(PAGE, "With clipping both runs end at about 2.36, as if nothing had happened.")
    assert abs(ends["adam", 1.0] - 2.36) < 0.1 and abs(ends["momentum", 1.0] - 2.36) < 0.1
    says(PAGE, "Without, AdamW ends near 2.8.")
    assert 2.6 < ends["adam", np.inf] < 3.1
    says(PAGE, "SGD with momentum ends beyond 30, worse than a model that knows nothing.")
    assert ends["momentum", np.inf] > np.log(96)
    says(PAGE, "for $1/(1-\\beta_2) = 100$ steps")


def test_on_a_good_day_clipping_rests(says):
    lengths = runs.small_run(96, "adam", 1e-2, 0, 400)["lengths"]
    says(PAGE, "after the start, hardly a gradient of ours is longer than 1")
    assert np.mean(lengths[100:] > 1) < 0.1
    assert np.mean(lengths[:20] > 1) > np.mean(lengths[100:] > 1)


def test_decay_is_worth_something_when_text_is_repeated(says):
    ends = {decay: runs.repeated_run(decay)[0][-1][1] for decay in (0.0, 0.1, 1.0)}
    best = min(loss for _, loss in runs.repeated_run(0.0)[0])
    says(PAGE, "Without decay the held-out loss is best early and then rises.")
    assert best < ends[0.0] - 0.02
    says(PAGE, "with 1 it ends lowest, with the weights at less than half the length")
    assert ends[1.0] < ends[0.1] + 0.02 < ends[0.0] + 0.02
    assert runs.repeated_run(1.0)[1] < runs.repeated_run(0.0)[1] / 2
    says(PAGE, "seen 25 times over")
    assert pytest.approx(25, abs=1) == 1000 * runs.SMALL_BATCH * runs.SMALL_CONTEXT / 20_000
