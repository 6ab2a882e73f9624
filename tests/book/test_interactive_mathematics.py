"""The mathematics of the interactive figures, run in Node, against trajectories that the answer key computes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import solutions
from book import bundle, film

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
    descent, momentum, adaptive = (solutions.load(name) for name in ("gradient_descent", "momentum", "adaptive"))

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

    def lion(grad, w, state, t, lr):
        w, m = adaptive.lion_step(w, grad(w), state["m"], lr)
        return w, {"m": m}

    steps = {
        "momentum": (heavy_ball, ("v",)),
        "nesterov": (nesterov, ("v",)),
        "adagrad": (adagrad, ("s",)),
        "rmsprop": (rmsprop, ("v",)),
        "adam": (adam, ("m", "v")),
        "lion": (lion, ("m",)),
    }
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


def heavy_ball_cases() -> list[dict]:
    """Points in each region of the plane of rate and momentum."""
    key = solutions.load("momentum")
    cases = []
    for x, beta in ((0.2, 0.2), (0.6, 0.85), (2.15, 0.14), (2.6, 0.25), (0.25, 0.25), (0.5, 0.0), (3.9, 0.97)):
        for lam in (1.0, 7.0):
            lr = x / lam
            cases.append(
                {
                    "lambda": lam,
                    "lr": lr,
                    "beta": beta,
                    "points": key.momentum_descent(lambda w, lam=lam: lam * w, np.ones(1), lr, beta, 40)[:, 0],
                    "radius": key.spectral_radius(key.iteration_matrix(lam, lr, beta)),
                    "regime": key.damping_regime(lam, lr, beta),
                    "critical": key.critical_beta(lam, lr),
                    "border": key.max_stable_lr(np.array([lam, lam / 3]), beta),
                    "rate": key.convergence_map([lam, lam / 3], [lr], [beta])[0, 0],
                    "best": key.optimal_heavy_ball(lam / 30, lam),
                }
            )
    return cases


def noise_cases() -> list[dict]:
    """Runs of the answer key's stochastic descent on a parabola, with the noise written down, and its floors."""
    key = solutions.load("sgd")
    rng = np.random.default_rng(5)
    cases = []
    for lam, lr, batch in ((1.0, 0.5, 1), (1.0, 0.1, 16), (3.0, 0.6, 4)):
        kicks = rng.standard_normal(60)
        batches = [(np.array([kick]), np.zeros(1)) for kick in kicks]
        schedules = {
            "fixed": lambda t, lr=lr: lr,
            "drop": lambda t, lr=lr: key.step_decay(t, lr, 0.1, 30),
            "fall": lambda t, lr=lr: key.inverse_time(t, lr, 1 / 20),
        }
        for schedule, rate in schedules.items():

            def slope(w, X, _, lam=lam, batch=batch):
                return lam * w + X / np.sqrt(batch)

            points = key.sgd(slope, np.array([5.0]), batches, rate)[:, 0]
            cases.append(
                {
                    "lambda": lam,
                    "lr": lr,
                    "batch": batch,
                    "schedule": schedule,
                    "noise": kicks,
                    "points": points,
                    "floor": key.noise_floor(lam, lr, 1.0, batch),
                }
            )
    return cases


def graph_cases() -> list[dict]:
    """The three graphs on the answer key's engine: values, and the slopes that its backward pass finds."""
    key = solutions.load("backprop")
    Value = key.Value

    def chain(w):
        u = 3 * w["w"]
        return {"w": w["w"], "u": u, "f": u**2}

    def diamond(w):
        a, b = w["w"] ** 2, w["w"] + 1
        return {"w": w["w"], "a": a, "b": b, "f": a * b}

    def mazur(w):
        def squash(z):
            return 1 / (1 + (-z).exp())

        x1, x2 = Value(0.05), Value(0.10)
        h1 = squash(w["w₁"] * x1 + w["w₂"] * x2 + 0.35)
        h2 = squash(w["w₃"] * x1 + w["w₄"] * x2 + 0.35)
        o1 = squash(w["w₅"] * h1 + w["w₆"] * h2 + 0.60)
        o2 = squash(w["w₇"] * h1 + w["w₈"] * h2 + 0.60)
        f = 0.5 * (o1 - 0.01) ** 2 + 0.5 * (o2 - 0.99) ** 2
        return {"x₁": x1, "x₂": x2, "h₁": h1, "h₂": h2, "o₁": o1, "o₂": o2, "f": f} | w

    start = {f"w{'₁₂₃₄₅₆₇₈'[i]}": value for i, value in enumerate((0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55))}
    cases = []
    for name, build, weights, which, at in (
        ("chain", chain, {}, "w", (2.0, -0.7)),
        ("diamond", diamond, {}, "w", (3.0, -1.3)),
        ("mazur", mazur, start, "w₅", (0.40, 8.0, -2.5)),
    ):
        for w in at:
            numbers = build({key: Value(value) for key, value in (weights | {which: w}).items()})
            numbers["f"].backward()
            cases.append(
                {
                    "graph": name,
                    "w": w,
                    "values": {key: number.data for key, number in numbers.items()},
                    "slopes": {key: number.grad for key, number in numbers.items()},
                }
            )
    return cases


def film_cases() -> list[dict]:
    """Attention of the answer key, as the film of the training writes it down."""
    key = solutions.load("transformer")
    rng = np.random.default_rng(8)
    cases = []
    for rows, columns in ((12, 12), (5, 9)):
        q, k, v = (rng.standard_normal((1, 1, columns, 4)) * 2 for _ in range(3))
        shares = key.causal_attention(q, k, v)[1][0, 0, columns - rows :]
        cases.append({"digits": film.digits(shares), "columns": columns, "shares": shares})
    return cases


def reference() -> dict[str, list[dict]]:
    return {
        "quadratic": quadratic_cases(),
        "optimisers": optimiser_cases(),
        "rosenbrock": rosenbrock_cases(),
        "heavy_ball": heavy_ball_cases(),
        "noise": noise_cases(),
        "graph": graph_cases(),
        "film": film_cases(),
    }


def test_answers_to_the_questions(says):
    """What stands under "Reveal" beside each figure."""
    descent, momentum, sgd = (solutions.load(name) for name in ("gradient_descent", "momentum", "sgd"))
    says("gradient_descent/bowls", f"$|1 - 0.102 \\cdot 20| = {abs(1 - 0.102 * 20):.2f}$")
    says("gradient_descent/bowls", f"$|1 - 0.102 \\cdot 19| = {abs(1 - 0.102 * 19):.3f}$")

    def hollows(w):
        """Heights of the three hollows, and where they are."""
        offset = w - np.array([[-1.5, 1.2], [1.6, 1.0], [0.3, -1.6]])
        wells = np.array([1.0, 0.7, 0.85]) * np.exp(-(offset**2).sum(axis=1) / 1.28)
        return 1 + 0.05 * w @ w - wells.sum(), 0.1 * w + wells @ offset / 0.64

    ends = [
        hollows(descent.gradient_descent(lambda w: hollows(w)[1], np.array([x, 0.45]), 0.1, 100)[-1])[0]
        for x in (0.2, 0)
    ]
    says("gradient_descent/landscapes", "with a loss of {:.3f} in place of {:.3f}".format(*ends))

    rates = {beta: 100 * momentum.convergence_map([1.0], [0.2], [beta])[0, 0] for beta in (0.2, 0.306, 0.6, 0.9)}
    says("momentum/damping", f"each step leaves {rates[0.2]:.1f} % of the distance")
    says("momentum/damping", f"= {momentum.critical_beta(1, 0.2):.3f}$, with a rate of {rates[0.306]:.1f} %")
    says("momentum/damping", f"{rates[0.6]:.1f} % at $\\beta = 0.6$, and {rates[0.9]:.1f} % at 0.9")

    high, low = sgd.noise_floor(1, 0.5, 1, 1), sgd.noise_floor(1, 0.05, 1, 1)
    says("sgd/noise_floor", f"settle at a mean loss of {high:.3f}")
    says("sgd/noise_floor", f"= {low:.4f}$, thirteen times lower")
    assert round(high / low) == 13
    excess, steps = high - low, 0
    while excess > low / 10:
        excess, steps = excess * 0.95**2, steps + 1
    says("sgd/noise_floor", f"{steps} steps later the mean loss is within a tenth of it")


def test_answer_about_the_ravine_that_is_turned(says):
    key = solutions.load("adaptive")
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    ends = {}
    for name, axes, rates in (("along", np.eye(2), (0.0316, 2.0)), ("turned", turn, (0.0316, 1.0))):
        hessian = axes @ np.diag([1.0, 50.0]) @ axes.T
        start = axes @ np.array([-2.8, 0.8])
        plain, w, s = start, start, np.zeros(2)
        for t in range(60):
            plain = plain - rates[0] * hessian @ plain
            w, s = key.adagrad_step(w, hessian @ w, s, rates[1])
            ends[name, t + 1] = [0.5 * u @ hessian @ u for u in (plain, w)]
    says(
        "adaptive/fair_comparison", f"Gradient descent ends {ends['along', 60][0]:.3f} above the floor of either ravine"
    )
    assert np.isclose(ends["along", 60][0], ends["turned", 60][0])
    says("adaptive/fair_comparison", f"is left at a height of {ends['turned', 60][1]:.2f}, behind gradient descent")
    assert ends["along", 12][1] < 1e-6 and ends["turned", 60][1] > ends["turned", 60][0]
    first = key.rmsprop_step(np.zeros(1), np.array([0.7]), np.zeros(1), 0.01)[0]
    assert np.isclose(first, -0.1), "RMSprop's first step is ten times its rate"


@pytest.mark.slow
def test_film_shows_what_the_page_asks(says):
    """Trains for a hundred steps, unless the site was built before."""
    right = {frame["step"]: frame["right"] for frame in film.reversal()["frames"]}
    says("transformer/sampling", f"After 40 steps, {100 * right[40]:.0f} % of new words come out whole")
    says("transformer/sampling", f"{100 * right[50]:.0f} %. A word of twelve letters")


def test_answer_about_the_neuron_far_out(says):
    slopes = {w: next(c for c in graph_cases() if c["graph"] == "mazur" and c["w"] == w) for w in (0.40, 8.0)}
    near, far = (slopes[w]["slopes"]["w₅"] for w in (0.40, 8.0))
    says("backprop/chain_rule", f"From {near:.4f} to {far:.4f}.")
    assert 35 < near / far < 45, "a fortieth"
    o = {w: case["values"]["o₁"] for w, case in slopes.items()}
    says("backprop/chain_rule", f"The first output should be 0.01 and is {o[0.40]:.3f}")
    says("backprop/chain_rule", f"so that it is {o[8.0]:.3f}")
    says("backprop/chain_rule", f"to {o[8.0] - 0.01:.3f}, but")
    says("backprop/chain_rule", f"= {o[8.0] * (1 - o[8.0]):.4f}$ in place of {o[0.40] * (1 - o[0.40]):.3f}")


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
