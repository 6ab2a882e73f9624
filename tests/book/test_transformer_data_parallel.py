"""The claims of the page `transformer/data_parallel`: two processes against one."""

import multiprocessing

import numpy as np
import pytest

from book import data_parallel, runs

PAGE = "transformer/data_parallel"
key = runs.key
MODEL = key.Model(vocabulary=11, context=8, width=12, heads=3, layers=1)


def train(processes, dtype, steps=60):
    def worker(rank, average):
        rng = np.random.default_rng(0)

        def slope(w, batch):
            return average(*key.loss_and_grad(w, np.split(batch, processes)[rank], MODEL))

        return key.train(
            key.initial_weights(MODEL, dtype=dtype), slope, lambda: rng.integers(0, 11, (8, 9)), steps, 1e-2, warmup=10
        )

    return data_parallel.run(worker, processes, key.initial_weights(MODEL).size, dtype)


def test_a_mean_is_a_mean_of_means():
    rng = np.random.default_rng(1)
    w, batch = key.initial_weights(MODEL, dtype=np.float64), rng.integers(0, 11, (8, 9))
    whole = key.loss_and_grad(w, batch, MODEL)[1]
    halves = [key.loss_and_grad(w, half, MODEL)[1] for half in np.split(batch, 2)]
    np.testing.assert_allclose(whole, np.mean(halves, axis=0), atol=1e-15)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_two_processes_end_where_one_does(says):
    says(PAGE, "In float64 no weight differs by more than a hundred-millionth after 200 steps.")
    (one, losses_of_one), (two, losses_of_two) = train(1, np.float64), train(2, np.float64)
    assert np.abs(one - two).max() < 1e-8
    np.testing.assert_allclose(losses_of_one, losses_of_two, rtol=1e-9)
    says(PAGE, "In float32 they part at once")
    rough = np.abs(train(1, np.float32)[0] - train(2, np.float32)[0]).max()
    assert np.abs(one - two).max() < rough < 0.1


def test_what_cannot_be_divided(says):
    gain = [1 / (0.2 + 0.8 / n) for n in (2, 8, 10**9)]
    says(
        PAGE,
        f"With $s = 0.2$ that is {gain[0]:.1f} for two, {gain[1]:.1f} for eight, and never more than {gain[2]:.0f}.",
    )


def test_the_size_of_an_llm(says):
    sent = 2 * 405e9 * 2
    says(PAGE, f"that is {sent / 1e12:.1f} terabytes for each step and processor")
    says(PAGE, f"it would take {sent / 50e9:.0f} seconds")
    assert pytest.approx(6, abs=0.2) == 6 * 405e9 * 16e6 / (16_000 * 4e14)
    share = 405e9 / 128
    says(PAGE, f"each has {share / 1e9:.1f} billion weights, sends {share * 4 / 1e9:.1f} gigabytes")
    assert share * 4 / 50e9 == pytest.approx(0.25, abs=0.01)
