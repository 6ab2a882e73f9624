"""Data parallelism: processes that each take a share of the batch, and average their gradients in shared memory.

Every process holds all the weights and runs the same program. It differs in one line: the gradient that it steps with
is the mean of what all of them found. So all take the same step, and nothing but gradients is ever exchanged.

    def worker(rank, average):
        def slope(w, batch):
            return average(*loss_and_grad(w, np.split(batch, 2)[rank], model))

        return train(w, slope, next_batch, ...)  # everywhere the same weights to start from, and the same batches

    w, losses = run(worker, processes=2, size=len(w))
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")


def run(worker: Callable[[int, Callable], Result], processes: int, size: int, dtype: type = np.float32) -> Result:
    """Call worker(rank, average) in each of `processes` processes, and return what rank 0 returned.

    Rank 0 is the process that calls; the others are forked from it, know what it knows, and end with it. The worker of
    every rank calls average(loss, g) equally often: it waits until all have called it, and returns the means of all the
    losses (numbers) and of all the gradients (arrays of `size` numbers of type `dtype`), the same everywhere.

    Raises RuntimeError where there is no fork (Windows), and when another process has failed.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        raise RuntimeError("data parallelism forks the process, which this system cannot do; use Linux or macOS")
    fork = multiprocessing.get_context("fork")
    # Two sets of rows, used in turn: nobody overwrites what another may still be reading, with one meeting a step.
    memory = mmap.mmap(-1, 2 * processes * (size + 1) * np.dtype(dtype).itemsize)  # forked processes share it
    rows = np.frombuffer(memory, dtype=dtype).reshape(2, processes, size + 1)
    signals = [[fork.Semaphore(0) for _ in range(processes)] for _ in range(processes)]  # [from][to]
    others: list[multiprocessing.Process] = []
    first = os.getpid()

    def averaging(rank: int) -> Callable:
        steps = 0

        def average(loss: float, g: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal steps
            mine, steps = rows[steps % 2], steps + 1
            mine[rank, :size], mine[rank, size] = g, loss
            for other in range(processes):
                signals[rank][other].release()
            for other in range(processes):
                while not signals[other][rank].acquire(timeout=1.0):
                    if rank == 0 and other > 0 and not others[other - 1].is_alive():
                        raise RuntimeError(f"process {other} of {processes} has ended; what it says stands above")
                    if rank > 0 and os.getppid() != first:
                        os._exit(1)  # rank 0 was killed, and nobody will ever come
            mean = mine.sum(axis=0) / dtype(processes)
            return float(mean[size]), mean[:size]

        return average

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the worker starts none
        for rank in range(1, processes):
            others.append(fork.Process(target=worker, args=(rank, averaging(rank)), daemon=True))
            others[-1].start()
    try:
        result = worker(0, averaging(0))
    except BaseException:
        for other in others:
            other.terminate()  # it would wait for rank 0 for ever
        raise
    finally:
        for other in others:
            other.join()
    return result
