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


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def rosenbrock_gradient(w):
    return np.array([-2 * (1 - w[0]) - 400 * w[0] * (w[1] - w[0] ** 2), 200 * (w[1] - w[0] ** 2)])


def optimiser_cases() -> list[dict]:
    """Runs with the answer key's steps, on two of the landscapes: points, and what each optimiser remembered."""
    descent, momentum = (solutions.load(name) for name in ("gradient_descent", "momentum"))
    written = (Path(solutions.__file__).parent / "adaptive").exists()
    adaptive = solutions.load("adaptive") if written else None

    def ravine(w):
        return np.array([1.0, 50.0]) * w

    def heavy_ball(grad, w, state, t, lr):
        w, v = momentum.heavy_ball_step(w, state["v"], grad(w), lr, 0.9)
        return w, {"v": v}

    def nesterov(grad, w, state, t, lr):
        w, v = momentum.nesterov_step(w, state["v"], grad, lr, 0.9)
        return w, {"v": v}

    def adagrad(grad, w, state, t, lr):
        w, s = adaptive.adagrad_step(w, grad(w), state["s"], lr)
        return w, {"s": s}

    def rmsprop(grad, w, state, t, lr):
        w, v = adaptive.rmsprop_step(w, grad(w), state["v"], lr)
        return w, {"v": v}

    def adam(grad, w, state, t, lr):
        w, m, v = adaptive.adam_step(w, grad(w), state["m"], state["v"], t, lr)
        return w, {"m": m, "v": v}

    steps = {
        "momentum": (heavy_ball, ("v",)),
        "nesterov": (nesterov, ("v",)),
        "adagrad": (adagrad, ("s",)),
        "rmsprop": (rmsprop, ("v",)),
        "adam": (adam, ("m", "v")),
    }
    if not written:
        steps = {name: steps[name] for name in ("momentum", "nesterov")}
    rng = np.random.default_rng(11)
    noise = rng.standard_normal((40, 2))
    cases = []
    for landscape, grad, start, lr in (
        ("ravine", ravine, np.array([-2.8, 0.8]), 0.01),
        ("rosenbrock", rosenbrock_gradient, np.array([-1.2, 1.0]), 0.0005),
    ):
        plain = {"landscape": landscape, "start": start, "settings": {"lr": lr}, "noise": noise, "memory": {}}
        cases.append({**plain, "name": "gd", "history": descent.gradient_descent(grad, start, lr, 40)})
        w, points = start, [start]
        for kick in noise:
            w = descent.gradient_descent(lambda u, kick=kick, grad=grad: grad(u) + kick, w, lr, 1)[1]
            points.append(w)
        cases.append({**plain, "name": "sgd", "history": np.array(points)})
        for name, (step, remembers) in steps.items():
            w, state, points = start, {key: np.zeros(2) for key in remembers}, [start]
            memory = {key: [] for key in remembers}
            for t in range(1, 41):
                w, state = step(grad, w, state, t, lr)
                points.append(w)
                for key in remembers:
                    memory[key].append(state[key])
            cases.append({**plain, "name": name, "history": np.array(points), "memory": memory})
    return cases


def rosenbrock_cases() -> list[dict]:
    points = np.random.default_rng(3).uniform(-2, 2, (6, 2))
    return [{"at": w, "f": rosenbrock(w), "gradient": rosenbrock_gradient(w)} for w in points]


def reference() -> dict[str, list[dict]]:
    return {"quadratic": quadratic_cases(), "optimisers": optimiser_cases(), "rosenbrock": rosenbrock_cases()}


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
