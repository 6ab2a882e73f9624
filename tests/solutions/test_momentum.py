"""The answer key of momentum against PyTorch, against other ways to the same number, and against theory."""

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "momentum.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("momentum"))
PROSE = "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown")
FORMS = ("velocity", "ema", "step", "two-point")


@pytest.fixture(scope="module")
def key():
    return solutions.load("momentum")


def oracle(case):
    return {name: np.array(value) for name, value in ORACLE[case].items()}


def torch_gradient(case):
    """The gradient of the oracle's loss, written out in NumPy."""
    return lambda w: case["A"] @ w - case["b"] + np.tanh(w)


def measured_rate(history, last):
    """The mean factor per step over the last steps, towards a minimum at 0."""
    lengths = np.abs(history).max(axis=1)  # no squares, so that tiny distances do not underflow
    return (lengths[-1] / lengths[-1 - last]) ** (1 / last)


def random_bowl(rng, d, smallest=0.3, largest=5.0):
    """Eigenvalues and a Hessian that has them, in random directions."""
    eigenvalues = np.concatenate([[smallest, largest], rng.uniform(smallest, largest, d - 2)])
    Q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return eigenvalues, Q @ np.diag(eigenvalues) @ Q.T


# Against PyTorch


def test_heavy_ball_steps_as_torch_sgd_does(key):
    case = oracle("momentum")
    w, v = case["history"][0], np.zeros(4)
    for after, buffer in zip(case["history"][1:], case["buffers"], strict=True):
        w, v = key.heavy_ball_step(w, v, torch_gradient(case)(w), case["lr"], case["beta"])
        np.testing.assert_allclose(w, after, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(v, buffer, rtol=1e-11, atol=1e-13)


def test_heavy_ball_steps_as_torch_sgd_does_while_the_rate_changes(key):
    """The forms differ here: with a velocity free of lr, a new rate acts on the whole memory at once."""
    case = oracle("momentum_with_a_schedule")
    w, v = case["history"][0], np.zeros(4)
    for after, rate in zip(case["history"][1:], case["lr"], strict=True):
        w, v = key.heavy_ball_step(w, v, torch_gradient(case)(w), rate, case["beta"])
        np.testing.assert_allclose(w, after, rtol=1e-11, atol=1e-13)


def test_momentum_descent_walks_as_torch_sgd_does(key):
    case = oracle("momentum")
    history = key.momentum_descent(torch_gradient(case), case["history"][0], case["lr"], case["beta"], 50)
    np.testing.assert_allclose(history, case["history"], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("target", ["velocity", "step", "two-point"])
def test_a_dampened_run_of_torch_goes_on_in_every_other_form(key, target):
    """Torch takes the first gradient undampened into its buffer, so the translation starts from its first step."""
    case = oracle("dampened")
    grad = torch_gradient(case)
    w, previous = case["history"][1], case["history"][0]
    np.testing.assert_allclose(case["buffers"][0], grad(previous), rtol=1e-12)
    rate, keep, v = key.convert_momentum(case["lr"], case["beta"], case["buffers"][0], "ema", target)
    path = follow(target, rate, keep, w, v, grad, 49)
    np.testing.assert_allclose(path, case["history"][1:], rtol=1e-10, atol=1e-12)


def test_nesterov_is_torch_sgd_seen_from_the_point_ahead(key):
    """Torch's weights are our point ahead, w - lr*beta*v; its buffer is our velocity."""
    case = oracle("nesterov")
    w, v = case["history"][0], np.zeros(4)
    for ahead, buffer in zip(case["history"][1:], case["buffers"], strict=True):
        w, v = key.nesterov_step(w, v, torch_gradient(case), case["lr"], case["beta"])
        np.testing.assert_allclose(w - case["lr"] * case["beta"] * v, ahead, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(v, buffer, rtol=1e-11, atol=1e-13)


def test_spectral_radius_is_what_torch_computes(key):
    case = oracle("eigenvalues")
    for matrix, radius in zip(case["matrices"], case["radii"], strict=True):
        np.testing.assert_allclose(key.spectral_radius(matrix), radius, rtol=1e-12)


# One method in several forms


def follow(form, rate, keep, w, v, grad, steps):
    """The path from w on, each form as its authors write it; the first row is w."""
    path = [w]
    previous = w - v  # of use to the two-point form alone
    for _ in range(steps):
        g = grad(w)
        if form == "velocity":
            v = keep * v + g
            w = w - rate * v
        elif form == "ema":
            v = keep * v + (1 - keep) * g
            w = w - rate * v
        elif form == "step":
            v = keep * v - rate * g
            w = w + v
        else:
            w, previous = w - rate * g + keep * (w - previous), w
        path.append(w)
    return np.array(path)


@pytest.mark.parametrize("source, target", list(product(FORMS, FORMS)))
def test_a_converted_run_takes_the_same_50_steps(key, source, target):
    rng = np.random.default_rng(31)
    for keep in (0.0, 0.5, 0.95):
        M, w, v = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal(3)
        H, rate = M @ M.T + np.eye(3), 0.02
        converted = key.convert_momentum(rate, keep, v, source, target)
        expected = follow(source, rate, keep, w, v, lambda w, H=H: H @ w + np.sin(w), 50)
        found = follow(target, *converted[:2], w, converted[2], lambda w, H=H: H @ w + np.sin(w), 50)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
        back = key.convert_momentum(*converted, target, source)
        np.testing.assert_allclose(back[:2], (rate, keep), rtol=1e-12)
        np.testing.assert_allclose(back[2], v, rtol=1e-12)


def test_the_same_numbers_in_two_programs_can_mean_steps_ten_times_as_large(key):
    rate, _, _ = key.convert_momentum(0.1, 0.9, np.ones(1), "velocity", "ema")
    np.testing.assert_allclose(rate / 0.1, 10, rtol=1e-12)
    assert "ten times as large" in PROSE


def test_nesterov_and_heavy_ball_agree_where_the_slope_is_even_and_without_memory(key):
    rng = np.random.default_rng(32)
    w, v, g = rng.standard_normal((3, 5))
    for constant, keep in ((lambda u: g, 0.9), (lambda u: 2 * u, 0.0)):
        found = key.nesterov_step(w, v, constant, 0.1, keep)
        np.testing.assert_allclose(found, key.heavy_ball_step(w, v, constant(w), 0.1, keep), rtol=1e-13)


def test_momentum_descent_is_heavy_ball_step_in_a_loop_and_gradient_descent_without_memory(key):
    _, H = random_bowl(np.random.default_rng(33), 4)
    start = np.arange(1.0, 5.0)
    history = key.momentum_descent(lambda w: H @ w, start, 0.1, 0.8, 30)
    w, v = start, np.zeros(4)
    for row in history[1:]:
        w, v = key.heavy_ball_step(w, v, H @ w, 0.1, 0.8)
        np.testing.assert_allclose(row, w, rtol=1e-12, atol=1e-14)
    plain = solutions.load("gradient_descent").gradient_descent(lambda w: H @ w, start, 0.1, 30)
    np.testing.assert_allclose(key.momentum_descent(lambda w: H @ w, start, 0.1, 0.0, 30), plain, rtol=1e-12)


# Against theory


@pytest.mark.parametrize(
    "curvature, lr, beta", [(2.0, 0.3, 0.8), (-0.1, 0.2, 0.5), (40.0, 0.06, 0.95), (1.0, 0.5, 0.0)]
)
def test_powers_of_the_iteration_matrix_are_runs_of_heavy_ball(key, curvature, lr, beta):
    M, state = key.iteration_matrix(curvature, lr, beta), np.array([1.5, -2.0])
    w, v = state
    for t in range(1, 51):
        w, v = key.heavy_ball_step(w, v, curvature * w, lr, beta)
        np.testing.assert_allclose(np.linalg.matrix_power(M, t) @ state, [w, v], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("share", [0.5, 0.999, 1.001, 1.1])
def test_the_border_of_stability_is_measured_from_both_sides(key, share, beta):
    eigenvalues, H = random_bowl(np.random.default_rng(34), 5)
    lr = share * key.max_stable_lr(eigenvalues, beta)
    history = key.momentum_descent(lambda w: H @ w, np.ones(5), lr, beta, 1200 if share < 1.1 else 300)
    predicted = key.convergence_map(eigenvalues, [lr], [beta])[0, 0]
    # A swinging direction is measured a little high or low, by where in its swing the run ends.
    np.testing.assert_allclose(measured_rate(history, len(history) // 2), predicted, atol=2e-3)
    assert (predicted < 1) == (measured_rate(history, len(history) // 2) < 1) == (share < 1)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
def test_at_the_border_an_eigenvalue_is_minus_one(key, beta):
    lr = key.max_stable_lr(np.array([0.7, 2.0]), beta)
    values = np.linalg.eigvals(key.iteration_matrix(2.0, lr, beta))
    np.testing.assert_allclose(np.sort(values.real), [-1, -beta], atol=1e-9)
    assert key.damping_regime(2.0, lr, beta) == "overdamped"
    assert key.damping_regime(2.0, lr * 1.00001, beta) == "divergent"


@pytest.mark.parametrize("kappa", [2.0, 25.0, 400.0])
def test_the_best_pair_converges_at_the_rate_of_root_kappa(key, kappa):
    eigenvalues = np.array([1.0, kappa**0.25, kappa**0.7, kappa])
    lr, beta = key.optimal_heavy_ball(1.0, kappa)
    rate = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
    steps, last = 360, 60
    history = key.momentum_descent(lambda w: eigenvalues * w, np.ones(4), lr, beta, steps)
    # Both ends are critical, so the distance goes like t * rate**t.
    expected = rate * (steps / (steps - last)) ** (1 / last)
    np.testing.assert_allclose(measured_rate(history, last), expected, rtol=1e-3)


def test_no_pair_beats_the_best_pair_and_no_rate_of_gradient_descent_comes_near(key):
    eigenvalues = np.array([1.0, 30.0, 100.0])
    lr, beta = key.optimal_heavy_ball(1.0, 100.0)
    best = key.convergence_map(eigenvalues, [lr], [beta])[0, 0]
    grid = key.convergence_map(eigenvalues, lr * np.linspace(0.1, 1.5, 141), np.linspace(0, 0.99, 100))
    np.testing.assert_allclose(best, 9 / 11, rtol=1e-6)
    assert best <= grid.min() + 1e-6
    plain = solutions.load("gradient_descent")
    without = plain.predicted_rate(eigenvalues, plain.best_fixed_lr(eigenvalues))
    np.testing.assert_allclose(without, 99 / 101, rtol=1e-12)


@pytest.mark.parametrize("x", [0.01, 0.3, 0.9, 1.0, 1.7, 3.5])
def test_critical_damping_is_the_fastest_for_its_rate_and_divides_the_regimes(key, x):
    curvature, lr = 5.0, x / 5.0
    beta = key.critical_beta(curvature, lr)
    radii = key.convergence_map([curvature], [lr], np.linspace(0, 0.999, 1000))[:, 0]
    assert abs(1 - np.sqrt(x)) <= radii.min() + 1e-9
    np.testing.assert_allclose(key.convergence_map([curvature], [lr], [beta])[0, 0], abs(1 - np.sqrt(x)), atol=1e-7)
    assert key.damping_regime(curvature, lr, beta) == "critical"
    assert key.damping_regime(curvature, lr, beta + 1e-4) == "underdamped"
    if beta > 1e-4:
        below = key.damping_regime(curvature, lr, beta - 1e-4)
        assert below == ("divergent" if lr > key.max_stable_lr(np.array([curvature]), beta - 1e-4) else "overdamped")


@pytest.mark.parametrize("x", [0.04, 0.36])
def test_a_critically_damped_run_shrinks_by_one_minus_root_x(key, x):
    beta = key.critical_beta(1.0, x)
    history = key.momentum_descent(lambda w: w, np.ones(1), x, beta, 400)
    expected = (1 - np.sqrt(x)) * (401 / 301) ** (1 / 100)
    np.testing.assert_allclose(measured_rate(history, 100), expected, rtol=1e-3)
    assert np.all(history > 0), "it never crosses the minimum"


def test_a_regime_is_what_a_run_does(key):
    """Underdamped runs keep changing sides, overdamped ones with x < 1 settle on one, divergent ones grow."""
    rng, seen = np.random.default_rng(35), set()
    for _ in range(120):
        x, beta = rng.uniform(-0.2, 4.0), rng.uniform(0, 0.98)
        regime = key.damping_regime(1.0, x, beta)
        path = key.momentum_descent(lambda w: w, np.ones(1), x, beta, 400)[:, 0]
        with np.errstate(all="ignore"):
            turns = np.count_nonzero(np.diff(np.sign(path[60:])))
        seen.add((regime, bool(x < 1)))
        if regime == "divergent":
            assert abs(path[-1]) > abs(path[100])
        elif regime == "underdamped":
            angle = np.arccos((1 + beta - x) / 2 / np.sqrt(beta))
            assert abs(turns - 340 * angle / np.pi) <= 1
        else:
            assert regime == "overdamped" and turns == (0 if x < 1 else 340)
    assert len(seen) == 6, "every regime was met on both sides of x = 1"


def test_the_map_is_made_of_spectral_radii_of_iteration_matrices(key):
    eigenvalues, lrs, betas = np.array([0.4, -0.3, 3.0]), np.linspace(0.05, 1.3, 9), np.linspace(0, 0.97, 7)
    found = key.convergence_map(eigenvalues, lrs, betas)
    for (i, beta), (j, lr) in product(enumerate(betas), enumerate(lrs)):
        radii = [key.spectral_radius(key.iteration_matrix(c, lr, beta)) for c in eigenvalues]
        np.testing.assert_allclose(found[i, j], max(radii), rtol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_on_an_even_slope_the_step_tends_to_the_effective_rate(key, beta):
    history = key.momentum_descent(lambda w: np.array([3.0]), np.zeros(1), 0.2, beta, 3000)
    np.testing.assert_allclose(history[-2] - history[-1], 3 * key.effective_lr(0.2, beta), rtol=1e-9)


# What the notebook says


@pytest.fixture(scope="module")
def full_run(notebook):
    """The race and the photograph as a student sees them."""
    return notebook.run([*notebook.answered, notebook.showcase("racers"), notebook.showcase("focus_grad")])


def test_the_whole_notebook_runs_with_all_answers_right(short_run):
    assert short_run["QUICK"]
    assert short_run["race_steps"] == 30 and short_run["focus_steps"] == 20


def test_the_critical_door_comes_to_rest_first_and_crosses_nothing(key):
    """Before the picture of three doors the student is asked which is first to rest."""
    last = {}
    for beta in (0.3, key.critical_beta(1.0, 0.04), 0.93):
        path = key.momentum_descent(lambda w: w, np.ones(1), 0.04, beta, 200)[:, 0]
        last[beta] = np.flatnonzero(abs(path) > 0.02)[-1]
        assert key.damping_regime(1.0, 0.04, beta) != "critical" or np.all(path > 0)
    assert min(last, key=last.get) == key.critical_beta(1.0, 0.04)


def test_what_is_said_about_the_map(key):
    lr, beta = key.optimal_heavy_ball(1.0, 25.0)
    slower, faster = key.convergence_map([1.0, 25.0], [0.95 * lr, 1.05 * lr], [beta])[0]
    assert f"5 % smaller still shrinks by {slower:.2f}" in " ".join(PROSE.split()) and faster > 1
    assert f"$24/26 = {24 / 26:.3f}$" in PROSE
    np.testing.assert_allclose(key.convergence_map([1.0, 25.0], [2 / 26], [0.0])[0, 0], 24 / 26, rtol=1e-12)
    # The two critical lines cross at the best pair.
    np.testing.assert_allclose([key.critical_beta(1.0, lr), key.critical_beta(25.0, lr)], beta, rtol=1e-12)


def test_what_is_said_about_the_race(full_run):
    racers, rate = full_run["racers"], np.log
    ball, nesterov = (measured_rate(racers[name], 40) for name in ("heavy ball", "Nesterov"))
    assert 1.7 < rate(ball) / rate(nesterov) < 2.3, "Nesterov needs about twice the steps"
    widest = {name: abs(path[:, 1]).max() for name, path in racers.items()}
    ball_path, prose = racers["heavy ball"], " ".join(PROSE.split())
    losses = (ball_path**2 * [1, 100]).sum(axis=1) / 2
    assert f"$w_2$ grows from 0.3 to {widest['heavy ball']:.1f}" in prose
    assert f"the loss from {losses[0]:.1f} to {losses.max():.0f}, though the distance falls from the first" in prose
    assert np.all(np.diff(np.linalg.norm(ball_path, axis=1)[:20]) < 0)
    assert widest["Nesterov"] <= 0.3 and widest["gradient descent"] <= 0.3
    nesterov_path = racers["Nesterov"]
    assert np.abs(nesterov_path[1:, 1]).max() < 1e-9, "its steepest direction lands in one step"
    assert np.all(nesterov_path[:, 0] < 0), "and the flattest never crosses"
    left = {name: np.linalg.norm(path[-1]) for name, path in racers.items()}
    assert left["heavy ball"] < 1e-4 * left["Nesterov"] < 1e-4 * left["gradient descent"]


def test_what_a_factor_t_takes_back(key):
    """At kappa = 10,000 the rate promises a hundredfold; down to a millionth it is about two thirds of that."""
    lr, beta = key.optimal_heavy_ball(1.0, 1e4)
    ends = np.array([1.0, 1e4])
    history = key.momentum_descent(lambda w: ends * w, np.ones(2), lr, beta, 1500)
    ball = np.argmax(np.linalg.norm(history, axis=1) < 1e-6 * np.sqrt(2))
    plain = np.log(1e-6) / np.log(9999 / 10001)
    assert 0.6 < plain / ball / 100 < 0.7
    np.testing.assert_allclose(np.log(beta) / 2 / np.log(9999 / 10001), 100, rtol=1e-3)
    assert (
        "promises a hundredfold in steps; a factor $t$, which you will see in the race, takes back about a third"
        in (" ".join(PROSE.split()))
    )


def test_a_discriminant_that_is_zero_but_for_rounding():
    """The visible row x = 0.09 of damping_regime is there to catch == 0."""
    assert 0 < abs((1 + 0.49 - 0.09) ** 2 - 4 * 0.49) < 1e-9


def test_the_loss_of_the_photograph_has_the_gradient_and_the_curvature_that_are_said(full_run, key):
    n, lens, scene = full_run["scene"].size, full_run["lens"], full_run["scene"]
    assert f"{n:,} dimensions" in PROSE
    np.testing.assert_allclose([full_run["L"], full_run["mu"]], [1, 1e-4], rtol=1e-6)
    assert "$L = 1$, $\\mu = 0.0001$" in PROSE and lens.min() > 0
    w, v = np.random.default_rng(36).standard_normal((2, n))

    def loss(w):
        return np.sum((full_run["through_the_lens"](w.reshape(scene.shape)) - full_run["seen"]) ** 2) / 2

    slope = (loss(w + 1e-4 * v) - loss(w - 1e-4 * v)) / 2e-4
    np.testing.assert_allclose(full_run["focus_grad"](w) @ v, slope, rtol=1e-7)


def test_the_photograph_shows_polyaks_year_and_heavy_ball_alone_brings_it_into_focus(full_run):
    with np.load(MASTER.path.with_name("digits.npz")) as digits:
        assert digits["labels"][[56, 251, 65, 134]].tolist() == [1, 9, 6, 4]
    scene, (_, plain, ball) = full_run["scene"], full_run["pictures"].values()
    assert np.abs(ball.reshape(scene.shape) - scene).max() < 0.15
    assert np.abs(plain.reshape(scene.shape) - scene).max() > 0.6
    # How many steps gradient descent needs to come as near: frequency by frequency each step is one factor.
    away = np.fft.fft2(full_run["seen"] - scene)
    factor = 1 - 2 / (full_run["mu"] + full_run["L"]) * full_run["lens"] ** 2
    reached = np.linalg.norm(ball - scene.ravel()) * np.sqrt(scene.size)
    needed = next(t for t in range(11000, 13000) if np.linalg.norm(away * factor**t) <= reached)
    assert round(needed, -3) == 12_000 and round(needed / 200, -1) == 60
    assert "needs about 12,000 steps, sixty times as many" in " ".join(PROSE.split())


def test_the_digits_are_those_of_gradient_descent():
    mine, theirs = (Course().master(chapter).with_name("digits.npz") for chapter in ("momentum", "gradient_descent"))
    assert mine.read_bytes() == theirs.read_bytes()


def test_every_part_says_how_hard_it_is_and_how_long_it_takes():
    line = r"^\*Level: (?:warm-up|standard|challenge) · (\d+) minutes · (\d) points?\* · Page: \*(.+)\*$"
    levels = re.findall(line, PROSE, re.MULTILINE)
    assert len(levels) == len(MASTER.parts)
    assert [int(points) for _, points, _ in levels] == [sum(c.points for c in part.tests) for part in MASTER.parts]
    book = Path(__file__).parents[2] / "book"
    pages = [*(book / "momentum").glob("*.md"), book / "conventions.md"]
    titles = {re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE).group(1) for page in pages}
    assert {page for _, _, page in levels} <= titles, "each part names a page that there is"
    assert PROSE.count("<details><summary>Hint</summary>") == len(MASTER.parts)
    assert sum(int(minutes) for minutes, _, _ in levels) == 150
    assert "two and a half hours for the parts, three with the pictures" in PROSE
