"""The mathematics of the interactive figures, run in Node, against trajectories that the answer key computes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

import solutions
from book import bundle

SUITE = Path(__file__).with_name("interactive.test.mjs")


def quadratic_cases() -> list[dict]:
    """Runs of the answer key's gradient descent on diagonal bowls, converging and diverging."""
    key = solutions.load("gradient_descent")
    rng = np.random.default_rng(7)
    cases = []
    for lr, count in ((0.05, 20), (0.0952, 20), (0.102, 20), (0.3, 3)):
        lam = np.sort(rng.uniform(0.5, 20, count))
        start = rng.standard_normal(count)
        history = key.gradient_descent(lambda w, lam=lam: lam * w, start, lr, 30)
        cases.append(
            {
                "eigenvalues": lam,
                "lr": lr,
                "steps": 30,
                "start": start,
                "history": history,
                "losses": 0.5 * (lam * history**2).sum(axis=1),
                "border": key.max_stable_lr(lam),
                "best": key.best_fixed_lr(lam),
                "rate": key.predicted_rate(lam, lr),
            }
        )
    return cases


def reference() -> dict[str, list[dict]]:
    return {"quadratic": quadratic_cases()}


def plain(value):
    """NumPy numbers and arrays as JSON knows them."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value.item()


def test_figures_compute_what_the_answer_key_computes(tmp_path):
    numbers = tmp_path / "reference.json"
    numbers.write_text(json.dumps(reference(), default=plain), encoding="utf-8")
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(SUITE)],
        env=bundle.environment() | {"REFERENCE": str(numbers)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    ran = [line for line in done.stdout.splitlines() if line.lstrip().startswith("ok ")]
    assert len(ran) >= sum(len(cases) for cases in reference().values()), done.stdout
