"""The answer key of adaptive against PyTorch, against other ways to the same number, and against theory."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "adaptive.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("adaptive"))
PROSE = "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def key():
    return solutions.load("adaptive")


def oracle(case):
    return {name: np.array(value) for name, value in ORACLE[case].items()}


def torch_path(case, step, memories):
    """The weights after each step of `step(w, g, *memory, t) -> (w, *memory)` on the oracle's noisy loss."""
    w, memory, path = case["history"][0], [np.zeros(4)] * memories, [case["history"][0]]
    for t, swing in enumerate(case["swings"], start=1):
        w, *memory = step(w, case["A"] @ w - case["b"] + np.tanh(w) + swing, *memory, t)
        path.append(w)
    return np.array(path)


# Against PyTorch


@pytest.mark.parametrize("name", ["adagrad", "adagrad_large_eps"])
def test_adagrad_steps_as_torch_does(key, name):
    case = oracle(name)
    path = torch_path(case, lambda w, g, s, t: key.adagrad_step(w, g, s, case["lr"], case["eps"]), 1)
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["rmsprop", "rmsprop_large_eps"])
def test_rmsprop_steps_as_torch_does(key, name):
    case = oracle(name)
    path = torch_path(case, lambda w, g, v, t: key.rmsprop_step(w, g, v, case["lr"], case["alpha"], case["eps"]), 1)
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)


def settings(case):
    return {name: case[name] for name in ("lr", "beta1", "beta2", "eps")}


@pytest.mark.parametrize("name", ["adam", "adam_large_eps"])
def test_adam_steps_as_torch_does(key, name):
    case = oracle(name)
    path = torch_path(case, lambda w, g, m, v, t: key.adam_step(w, g, m, v, t, **settings(case)), 2)
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)


def test_adamw_steps_as_torch_does(key):
    case = oracle("adamw")
    path = torch_path(
        case, lambda w, g, m, v, t: key.adamw_step(w, g, m, v, t, **settings(case), wd=case["weight_decay"]), 2
    )
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)


def test_torch_adam_with_weight_decay_is_adam_on_a_penalised_gradient_and_not_adamw(key):
    case = oracle("adam_coupled")
    decay = case["weight_decay"]
    path = torch_path(case, lambda w, g, m, v, t: key.adam_step(w, g + decay * w, m, v, t, **settings(case)), 2)
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)
    other = torch_path(case, lambda w, g, m, v, t: key.adamw_step(w, g, m, v, t, **settings(case), wd=decay), 2)
    assert np.abs(other - case["history"]).max() > 0.1


def test_amsgrad_steps_as_torch_does(key):
    case = oracle("amsgrad")
    path = torch_path(case, lambda w, g, m, v, top, t: key.amsgrad_step(w, g, m, v, top, t, **settings(case)), 3)
    np.testing.assert_allclose(path, case["history"], rtol=1e-11, atol=1e-13)
    plain = torch_path(case, lambda w, g, m, v, t: key.adam_step(w, g, m, v, t, **settings(case)), 2)
    assert np.abs(plain - case["history"]).max() > 0.01, "the case tells AMSGrad from Adam"


def muon_path(key, case):
    """The answer key's Muon on the oracle's loss, with its weights transposed: a column for each output."""
    W, M = case["history"][0].T, np.zeros(case["history"][0].T.shape)
    path = [W.T]
    for _ in case["history"][1:]:
        G = (case["A"].T @ case["A"] @ (W.T - case["B"]) + np.tanh(W.T)).T
        W, M = key.muon_step(W, G, M, key.newton_schulz, case["lr"], case["momentum"], case["weight_decay"])
        path.append(W.T)
    return np.array(path)


@pytest.mark.parametrize("name", ["muon", "muon_tall"])
def test_muon_steps_as_torch_does(key, name):
    case = oracle(name)
    np.testing.assert_allclose(muon_path(key, case), case["history"], rtol=1e-8, atol=1e-10)


def test_muon_in_bfloat16_goes_nearly_the_same_way(key):
    case = oracle("muon_bfloat16")
    apart = np.abs(muon_path(key, case) - case["history"]).max()
    assert 1e-6 < apart < 0.05 * np.abs(case["history"][-1] - case["history"][0]).max()


@pytest.mark.parametrize("name", ["wide", "tall", "square"])
@pytest.mark.parametrize("rounds", [2, 5])
def test_newton_schulz_is_that_of_torch(key, name, rounds):
    case = oracle("newton_schulz")
    found = key.newton_schulz(case[name], rounds)
    np.testing.assert_allclose(found, case[f"{name}_{rounds}"], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["below", "above"])
def test_clipping_is_that_of_torch(key, name):
    case = oracle("clipping")
    clipped, norm = key.clip_by_global_norm([case[f"array_{i}"] for i in range(3)], case[f"{name}_limit"])
    np.testing.assert_allclose(norm, case[f"{name}_norm"], rtol=1e-12)
    # torch divides by norm + 1e-6 where it clips
    share = norm / (norm + 1e-6) if norm > case[f"{name}_limit"] else 1.0
    for i in range(3):
        np.testing.assert_allclose(clipped[i] * share, case[f"{name}_{i}"], rtol=1e-10)


# Against theory and against each other


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_first_step_is_lr_times_the_sign(key, scale):
    g = scale * np.array([3.0, -0.5, 20.0])
    zero = np.zeros(3)
    expected = -0.1 * np.sign(g)
    np.testing.assert_allclose(key.adagrad_step(zero, g, zero, 0.1)[0], expected, rtol=1e-3)
    np.testing.assert_allclose(key.adam_step(zero, g, zero, zero, 1, 0.1)[0], expected, rtol=3e-2)
    np.testing.assert_allclose(key.lion_step(zero, g, zero, 0.1)[0], expected, rtol=1e-12)
    # RMSprop has no correction, so its first step is longer by 1/sqrt(1 - beta2)
    np.testing.assert_allclose(key.rmsprop_step(zero, g, zero, 0.1, 0.99)[0], 10 * expected, rtol=0.2)


def test_adam_without_eps_does_not_see_the_scale_of_each_weight(key):
    """Multiply each weight's gradients by a constant of its own and nothing changes."""
    rng = np.random.default_rng(51)
    gradients, scales = rng.standard_normal((30, 4)), np.array([1e-3, 1.0, 50.0, 1e4])
    paths = []
    for factor in (np.ones(4), scales):
        w = m = v = np.zeros(4)
        for t in range(1, 31):
            w, m, v = key.adam_step(w, factor * gradients[t - 1], m, v, t, 0.1, eps=1e-30)
        paths.append(w)
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-9)


def test_adam_is_amsgrad_while_v_grows_and_rmsprop_without_the_first_memory(key):
    rng = np.random.default_rng(52)
    w1 = m1 = v1 = w2 = m2 = v2 = top = np.zeros(3)
    for t in range(1, 20):
        g = rng.choice([-1, 1], 3) * rng.uniform(1, 2, 3) * 2.0**t
        w1, m1, v1 = key.adam_step(w1, g, m1, v1, t, 0.1)
        w2, m2, v2, top = key.amsgrad_step(w2, g, m2, v2, top, t, 0.1)
        np.testing.assert_allclose(w1, w2, rtol=1e-12)
    w, v = rng.standard_normal(3), rng.uniform(1, 2, 3)
    g = rng.standard_normal(3)
    late = key.adam_step(w, g, np.zeros(3), v, 10**7, 0.1, 0.0, 0.99, 0.3)
    np.testing.assert_allclose(late[0], key.rmsprop_step(w, g, v, 0.1, 0.99, 0.3)[0], rtol=1e-12)


def test_decoupled_decay_is_the_same_share_for_all_and_coupled_decay_is_not(key):
    """Two weights of 1 whose gradients have sizes 1,000 apart, and no direction."""
    rng = np.random.default_rng(53)
    gradients = rng.standard_normal((4000, 1)) * np.array([0.01, 10.0])
    w = coupled = np.ones(2)
    m = v = mc = vc = np.zeros(2)
    for t in range(1, 4001):
        g = gradients[t - 1]
        w, m, v = key.adamw_step(w, g, m, v, t, 1e-3, wd=0.1)
        coupled, mc, vc = key.adam_step(coupled, g + 0.1 * coupled, mc, vc, t, 1e-3)
    np.testing.assert_allclose(w[0], w[1], rtol=1e-2)
    assert abs(coupled[0]) < 0.3 and abs(coupled[1] - coupled[0]) > 0.3


def test_clipping_makes_the_length_the_limit_and_keeps_the_direction(key):
    rng = np.random.default_rng(54)
    grads = [rng.standard_normal((3, 2)), rng.standard_normal(5)]
    clipped, norm = key.clip_by_global_norm(grads, 0.7)
    flat, before = (np.concatenate([a.ravel() for a in arrays]) for arrays in (clipped, grads))
    np.testing.assert_allclose(np.linalg.norm(flat), 0.7, rtol=1e-12)
    np.testing.assert_allclose(flat @ before / np.linalg.norm(flat) / norm, 1, rtol=1e-12)


def test_newton_schulz_keeps_singular_vectors_and_brings_values_near_one(key):
    rng = np.random.default_rng(55)
    for shape in ((8, 20), (20, 8), (12, 12)):
        G = rng.standard_normal(shape)
        U, values, Vt = np.linalg.svd(G, full_matrices=False)
        X = key.newton_schulz(G)
        inside = U.T @ X @ Vt.T
        np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-9)
        far = values / np.linalg.norm(values) > 0.01
        assert np.all((np.diag(inside)[far] > 0.6) & (np.diag(inside)[far] < 1.3))


def test_what_is_said_about_newton_schulz(key):
    s = np.linspace(0.01, 1, 2000)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    assert f"from 0.01 up to between {s.min():.2f} and {s.max():.2f}" in " ".join(PROSE.split())
    # the slope at zero: what a tiny value is multiplied by in each round
    np.testing.assert_allclose(key.newton_schulz(np.diag([1.0, 1e-6]), 1)[1, 1] / 1e-6, 3.4445, rtol=1e-6)


# The Reddi game, to the end


def play(key, kind, **betas):
    memory = [np.zeros(1)] * 3

    def step(w, g, t, rate):
        nonlocal memory
        if kind == "sgd":
            return w - rate * g
        if kind == "adam":
            w, *memory[:2] = key.adam_step(np.array([w]), np.array([g]), *memory[:2], t, rate, **betas)
        else:
            w, *memory = key.amsgrad_step(np.array([w]), np.array([g]), *memory, t, rate, **betas)
        return w[0]

    return key.reddi_game(step, 20_000)


def test_adam_goes_to_the_worst_place_and_amsgrad_and_sgd_to_the_best(key):
    short = {"beta1": 0.0, "beta2": 1 / (1 + 3**2)}
    assert play(key, "adam", **short)[-1] > 0.99
    assert play(key, "amsgrad", **short)[-1] < -0.99
    assert play(key, "sgd")[-1] < -0.99
    assert play(key, "adam")[-1] < -0.99, "with its default betas Adam finds the way"


# Sparse features


def test_adagrad_learns_rare_features_better_than_any_single_rate(key):
    """Feature k is there once in k examples, and rare ones say more: the best of many rates loses to AdaGrad's best."""
    rng = np.random.default_rng(56)
    d, n, rank = 500, 2000, np.arange(1, 501)
    chance = np.minimum(0.5, 1 / rank)
    truth = 5 * rng.choice([-1, 1], d) * np.minimum(1, rank / 20)
    X = (rng.random((n, d)) < chance) * 1.0
    y = (rng.random(n) < 1 / (1 + np.exp(-X @ truth))) * 1.0

    def best(adaptive):
        losses = []
        for rate in 2.0 ** np.arange(-4, 3):
            s = np.zeros(d)

            def step(w, g, rate=rate):
                nonlocal s
                if not adaptive:
                    return w - rate * g
                w, s = key.adagrad_step(w, g, s, rate)
                return w

            losses.append(key.online_logistic(X, y, step)[1].mean())
        return min(losses)

    assert best(True) < 0.92 * best(False)


# What the notebook says


@pytest.fixture(scope="module")
def full_run(notebook):
    """The showcases as a student sees them."""
    shown = [notebook.showcase(text) for text in ("read_lines", "slopes =", "game_steps", "train_painter(")]
    return notebook.run([*notebook.answered, *shown])


def test_the_whole_notebook_runs_with_all_answers_right(short_run):
    assert short_run["QUICK"]
    assert short_run["game_steps"] == 600 and len(short_run["lines"]) == 500
    assert all(len(losses) == 10 for _, _, losses in short_run["painters"].values())


def test_the_tests_of_the_exercise_take_less_than_a_second(key):
    cells = [compile(cell.source, cell.grade_id, "exec") for cell in MASTER.graded]
    start = time.process_time()
    for code in cells:
        exec(code, dict(vars(key)))
    assert time.process_time() - start < 1


def test_adagrad_reads_the_library_better(full_run):
    """The words depend on the version of Python, so only what is said is tested."""
    texts = full_run["texts"]
    assert texts.shape[0] == 4000 and 0.35 < np.mean(texts.sum(axis=0) == 1) < 0.45
    assert "two in five stand in a single line" in " ".join(PROSE.split())
    assert texts[:, full_run["place"]["self"]].mean() > 0.25
    assert "`self` stands in more than a quarter of all lines" in " ".join(PROSE.split())
    best = [
        min(full_run["read_lines"](rate, adaptive)[1].mean() for rate in (0.3, 1.0, 3.0)) for adaptive in (False, True)
    ]
    assert best[1] < 0.85 * best[0]


def test_ten_times_the_slope_and_the_same_step(full_run):
    steps, slopes = full_run["rows"][:, 2], full_run["slopes"]
    assert 8 < np.abs(slopes[250:]).mean() / np.abs(slopes[:200]).mean() < 12
    np.testing.assert_allclose(steps[300:].mean(), steps[100:200].mean(), rtol=0.15)


def test_what_is_said_about_the_painters(full_run):
    errors = {name: np.mean(losses[-10:]) for name, (_, _, losses) in full_run["painters"].items()}
    assert max(errors, key=errors.get) == "gradient descent"
    assert all(rate == full_run["rates"][name][1] for name, (rate, _, _) in full_run["painters"].items())
    assert "the best of three rates, each time the middle one" in " ".join(PROSE.split())
    assert errors["Adam"] < 0.1 * errors["momentum"] and errors["Muon"] < 0.2 * errors["momentum"]
    assert full_run["picture"].shape == (10, 40) and "a picture of 400 pixels" in " ".join(PROSE.split())
    assert full_run["places"](6).shape[0] == 14_400 and "14,400 places" in PROSE
    with np.load(MASTER.path.with_name("digits.npz")) as digits:
        assert digits["labels"][[22, 20, 151, 194]].tolist() == [2, 0, 1, 4]


def test_the_painters_gradient_is_right(full_run):
    rng = np.random.default_rng(57)
    model = [rng.standard_normal(np.shape(w)) * 0.5 for w in full_run["painters"]["Adam"][1]]
    x, target = rng.standard_normal((7, 10)), rng.standard_normal(7)
    _, grads = full_run["loss_and_grads"](model, x, target)
    for w, g in zip(model, grads, strict=True):
        direction = rng.standard_normal(w.shape)
        w += 1e-5 * direction
        up = full_run["loss_and_grads"](model, x, target)[0]
        w -= 2e-5 * direction
        down = full_run["loss_and_grads"](model, x, target)[0]
        w += 1e-5 * direction
        np.testing.assert_allclose(np.sum(g * direction), (up - down) / 2e-5, rtol=1e-6)


def test_the_digits_are_those_of_gradient_descent():
    mine, theirs = (Course().master(chapter).with_name("digits.npz") for chapter in ("adaptive", "gradient_descent"))
    assert mine.read_bytes() == theirs.read_bytes()


def test_every_part_says_how_hard_it_is_and_how_long_it_takes():
    line = r"^\*Level: (?:warm-up|standard|challenge) · (\d+) minutes · (\d) points?\* · Page: \*(.+)\*$"
    levels = re.findall(line, PROSE, re.MULTILINE)
    assert len(levels) == len(MASTER.parts)
    assert [int(points) for _, points, _ in levels] == [sum(c.points for c in part.tests) for part in MASTER.parts]
    assert PROSE.count("<details><summary>Hint</summary>") == len(MASTER.parts)
    assert sum(int(minutes) for minutes, _, _ in levels) == 150
    assert "two and a half hours for the parts, three with the pictures" in PROSE
