"""Several processes that average their gradients take the steps of one process with the whole batch."""

import multiprocessing
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import solutions
from book import data_parallel

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_together_take_the_steps_of_one(processes):
    key = solutions.load("transformer")
    model = key.Model(vocabulary=9, context=6, width=8, heads=2, layers=2)
    w = key.initial_weights(model, dtype=np.float64)
    slope = partial(key.loss_and_grad, model=model)

    def next_batch():
        return partial(key.reversal_windows, 6, 3, np.random.default_rng(8), letters=8)

    def worker(rank, average):
        def share(w, batch):
            return average(*slope(w, np.split(batch, processes)[rank]))

        return key.train(w, share, next_batch(), steps=8, peak=1e-2, warmup=3)

    expected, losses = key.train(w, slope, next_batch(), steps=8, peak=1e-2, warmup=3)
    found, found_losses = data_parallel.run(worker, processes, len(w), np.float64)
    np.testing.assert_allclose(found_losses, losses, rtol=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert not np.allclose(found, w)


def test_an_average_is_the_mean_of_all_ranks_each_time():
    def worker(rank, average):
        return [average(rank + step, np.full(3, 10.0 * rank + step)) for step in range(50)]

    for step, (loss, g) in enumerate(data_parallel.run(worker, 4, 3, np.float64)):
        assert loss == 1.5 + step
        np.testing.assert_array_equal(g, np.full(3, 15.0 + step))


def test_a_process_that_fails_ends_the_run(capfd):
    def worker(rank, average):
        average(0.0, np.zeros(2))
        if rank == 1:
            raise ValueError("no batch left")
        average(0.0, np.zeros(2))

    with pytest.raises(RuntimeError, match="process 1 of 2 has ended"):
        data_parallel.run(worker, 2, 2)
    assert "no batch left" in capfd.readouterr().err


def test_when_the_first_process_fails_the_others_end_with_it():
    def worker(rank, average):
        if rank == 0:
            raise KeyError("first")
        average(0.0, np.zeros(2))

    with pytest.raises(KeyError, match="first"):
        data_parallel.run(worker, 3, 2)
    assert multiprocessing.active_children() == []


def test_when_the_first_process_is_killed_the_others_end_by_themselves():
    program = """if True:
        import os, signal, numpy as np
        from book import data_parallel

        def worker(rank, average):
            average(0.0, np.zeros(2))
            if rank == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            average(0.0, np.zeros(2))

        data_parallel.run(worker, 3, 2)
    """
    # The output ends when the last process that could write to it is gone.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL


def test_without_fork_it_says_so(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(RuntimeError, match="Linux or macOS"):
        data_parallel.run(lambda rank, average: None, 2, 2)
