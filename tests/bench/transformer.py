"""One training step of the exercise's Transformer: NumPy in one process, in two, and PyTorch, side by side.

    python tests/bench/transformer.py [--batch 16] [--rounds 30]

The same model, the same batches, the same two threads, float32. A step is: forward, backward, clipping, AdamW. PyTorch
runs eagerly, with its fused attention and its fused AdamW. Each runs in a process of its own, and they take turns of a
few steps each, so that whatever else the machine does hits all of them alike. Prints a table and writes it to
_build/bench/transformer.json. PyTorch is no part of the course; without it the table has two rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2
SIZES = {"vocabulary": 96, "context": 64, "width": 64, "heads": 4, "layers": 2}
LR, BETA1, BETA2, DECAY, CLIP = 1e-3, 0.9, 0.99, 0.1, 1.0
RUNNERS = {
    "pytorch": "PyTorch, two threads",
    "numpy": "NumPy, two threads",
    "two": "NumPy, two processes",
}
PAUSE = 0.1  # seconds before a turn: idle threads of the one before spin for a while, and then sleep
GOALS = {"numpy": 1.3, "two": 0.8}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=16, help="windows in a batch (default: 16, as in the exercise)")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each (default: 30)")
    parser.add_argument("--steps", type=int, default=10, help="steps in a turn, after one to get warm (default: 10)")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "bench", help="folder for the table")
    parser.add_argument("--serve", choices=RUNNERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.batch)
    names = list(RUNNERS)
    if importlib.util.find_spec("torch") is None:
        names.remove("pytorch")
        print("PyTorch is missing, so there is nothing to compare with. Install it with", file=sys.stderr)
        print(f"    {sys.executable} -m pip install torch", file=sys.stderr)
    results = compare(names, options.batch, options.rounds, options.steps)
    for name, result in results.items():
        ratio = f"{result['ratio']:5.2f} times PyTorch" if "ratio" in result else ""
        goal = f"(goal: {GOALS[name]} or less)" if ratio and name in GOALS else ""
        print(f"  {RUNNERS[name]:22} {result['ms']:7.2f} ms a step   {result['mb']:6.1f} MB   {ratio} {goal}".rstrip())
    print(
        "  Medians over turns; a ratio is the median of the ratios within each round. Memory: what training took on top"
    )
    print("  of the libraries, at its peak, all processes together.")
    report = options.out / "transformer.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    settings = {"batch": options.batch, "rounds": options.rounds, "steps": options.steps, "model": SIZES}
    report.write_text(json.dumps({"settings": settings, "results": results}, indent=1) + "\n", encoding="utf-8")
    print(f"  written to {os.path.relpath(report)}")
    return 0


def compare(names: list[str], batch: int, rounds: int, steps: int) -> dict[str, dict]:
    """Let the runners take turns. Per runner: milliseconds a step, MB, the loss after the last step, and its ratio."""
    runners, turns = {}, {name: [] for name in names}
    try:
        for name in names:
            threads = str(1 if name == "two" else THREADS)
            env = {
                **os.environ,
                "OPENBLAS_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "MKL_NUM_THREADS": threads,
            }
            argv = [sys.executable, __file__, "--serve", name, "--batch", str(batch)]
            runners[name] = subprocess.Popen(argv, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for turn in range(rounds + 1):
            for name in names if turn % 2 else names[::-1]:
                seconds = ask(name, runners[name], steps)["seconds"]
                if turn:  # the first is to get warm
                    turns[name].append(1000 * seconds / steps)
        ends = {name: ask(name, runner, 0) for name, runner in runners.items()}
    finally:
        for runner in runners.values():
            runner.kill()
            runner.wait()
    results = {}
    for name in names:
        results[name] = {"ms": statistics.median(turns[name]), "mb": ends[name]["mb"], "loss": ends[name]["loss"]}
        if "pytorch" in turns and name != "pytorch":
            results[name]["ratio"] = statistics.median(
                ours / theirs for ours, theirs in zip(turns[name], turns["pytorch"], strict=True)
            )
    losses = [result["loss"] for result in results.values()]
    if max(losses) - min(losses) > 1e-3:
        raise SystemExit(f"these did not train the same model: their last losses are {losses}")
    return results


def ask(name: str, runner: subprocess.Popen, steps: int) -> dict:
    runner.stdin.write(f"{steps}\n")
    runner.stdin.flush()
    line = runner.stdout.readline()
    if not line:
        raise SystemExit(f"{RUNNERS[name]} has ended; what it says stands above")
    return json.loads(line)


# In a runner: numbers of steps come in, one a line; what they took goes out


def serve(name: str, batch: int) -> int:
    import numpy as np

    sys.path.insert(0, str(ROOT))
    import solutions

    key = solutions.load("transformer")
    model = key.Model(**SIZES)
    w = key.initial_weights(model)
    tokens = np.random.default_rng(1).integers(0, model.vocabulary, 100_000)
    next_batch = partial(key.random_windows, tokens, batch, model.context + 1, np.random.default_rng(2))
    if name == "pytorch":
        answer(torch_step(w, batch, next_batch))
    elif name == "numpy":
        key.keep_memory()
        answer(numpy_step(key, w, partial(key.loss_and_grad, model=model), next_batch))
    else:
        from book import data_parallel

        key.keep_memory()

        def worker(rank, average):
            def slope(w, windows):
                return average(*key.loss_and_grad(w, np.split(windows, THREADS)[rank], model))

            step = numpy_step(key, w, slope, next_batch)
            if rank == 0:
                answer(step, processes=THREADS)
            while True:
                step()

        data_parallel.run(worker, THREADS, len(w))
    return 0


def answer(step, processes: int = 1) -> None:
    before, loss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
    for line in sys.stdin:
        if int(line):
            time.sleep(PAUSE)
            step()
        start = time.perf_counter()
        for _ in range(int(line)):
            loss = step()
        seconds = time.perf_counter() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (
            1024 if sys.platform == "linux" else 2**20
        )
        print(json.dumps({"seconds": seconds, "loss": float(loss), "mb": grown * processes}), flush=True)
    os._exit(0)


def numpy_step(key, w, slope, next_batch):
    state = [w, 0 * w, 0 * w, 0]

    def step():
        state[3] += 1
        *state[:3], loss = key.train_step(*state, slope, next_batch(), LR, BETA1, BETA2, weight_decay=DECAY, clip=CLIP)
        return loss

    return step


def torch_step(w, batch, next_batch):
    import torch

    torch.set_num_threads(THREADS)
    spec = importlib.util.spec_from_file_location("oracle", ROOT / "tests" / "solutions" / "oracle" / "transformer.py")
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    net = oracle.Transformer(w, **SIZES)
    weights = list(net.p.values())
    adam = torch.optim.AdamW(weights, lr=LR, betas=(BETA1, BETA2), weight_decay=DECAY, fused=True)

    def step():
        adam.zero_grad()
        loss = net.loss(torch.from_numpy(next_batch()))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP)
        adam.step()
        return loss.item()

    return step


if __name__ == "__main__":
    sys.exit(main())
