"""The answer key of gradient_descent against PyTorch, against other ways to the same number, and against theory."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "gradient_descent.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("gradient_descent"))
PROSE = "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def key():
    return solutions.load("gradient_descent")


def oracle(case):
    return {name: np.array(value) for name, value in ORACLE[case].items()}


def central_difference(f, w, eps=1e-6):
    return np.array([(f(w + eps * e) - f(w - eps * e)) / (2 * eps) for e in np.eye(len(w))])


def complex_step(f, w, eps=1e-30):
    return np.array([f(w + 1j * eps * e).imag / eps for e in np.eye(len(w))])


def random_bowl(rng, d, smallest=0.3, largest=5.0):
    """Eigenvalues and a Hessian that has them, in random directions."""
    eigenvalues = np.concatenate([[smallest, largest], rng.uniform(smallest, largest, d - 2)])
    Q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return eigenvalues, Q @ np.diag(eigenvalues) @ Q.T


# Against PyTorch and differences


def test_mean_squared_error_is_what_autograd_computes(key):
    case = oracle("mean_squared_error")
    loss, grad = key.mean_squared_error(case["w"], case["X"], case["y"])
    np.testing.assert_allclose(loss, case["loss"], rtol=1e-13)
    np.testing.assert_allclose(grad, case["grad"], rtol=1e-12, atol=1e-14)


def test_gradient_of_mean_squared_error_by_complex_step_and_central_difference(key):
    rng = np.random.default_rng(1)
    X, y, w = rng.standard_normal((8, 5)), rng.standard_normal(8), rng.standard_normal(5)
    grad = key.mean_squared_error(w, X, y)[1]

    def loss(w):
        return key.mean_squared_error(w, X, y)[0]

    np.testing.assert_allclose(grad, complex_step(loss, w), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(grad, central_difference(loss, w), rtol=1e-7, atol=1e-8)


def test_gradient_descent_walks_as_torch_sgd_does(key):
    case = oracle("least_squares")
    history = key.gradient_descent(
        lambda w: key.mean_squared_error(w, case["X"], case["y"])[1], case["history"][0], float(case["lr"]), 40
    )
    np.testing.assert_allclose(history, case["history"], rtol=1e-11, atol=1e-13)


def test_gradient_descent_walks_down_rosenbrocks_valley_as_torch_sgd_does(key, short_run):
    case = oracle("rosenbrock")
    history = key.gradient_descent(short_run["rosenbrock_grad"], case["history"][0], float(case["lr"]), 60)
    np.testing.assert_allclose(history, case["history"], rtol=1e-11)


def test_the_derivatives_that_the_notebook_writes_out_for_rosenbrock_are_those_of_torch(short_run):
    case = oracle("rosenbrock")
    for w, gradient, hessian in zip(case["at"], case["gradients"], case["hessians"], strict=True):
        np.testing.assert_allclose(short_run["rosenbrock_grad"](w), gradient, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(short_run["rosenbrock_hessian"](w), hessian, rtol=1e-11)
        np.testing.assert_allclose(complex_step(short_run["rosenbrock"], w), gradient, rtol=1e-11, atol=1e-11)


@pytest.fixture
def tanh_network():
    """The oracle's case, and its gradient written out in NumPy."""
    case = oracle("tanh_network")

    def grad(w):
        A, B = w[:12].reshape(3, 4), w[12:].reshape(4, 2)
        hidden = np.tanh(case["X"] @ A)
        error = (hidden @ B - case["Y"]) / len(case["X"])
        return np.concatenate([(case["X"].T @ (error @ B.T * (1 - hidden**2))).ravel(), (hidden.T @ error).ravel()])

    np.testing.assert_allclose(grad(case["w"]), case["grad"], rtol=1e-12, atol=1e-14)
    return case, grad


@pytest.mark.parametrize("length", [1e-8, 1.0, 1e8])
def test_hessian_vector_product_is_what_double_backward_computes(key, tanh_network, length):
    case, grad = tanh_network
    product = key.hessian_vector_product(grad, case["w"], length * case["v"])
    np.testing.assert_allclose(product / length, case["hessian_times_v"], rtol=1e-7, atol=1e-8)


def test_top_hessian_eigenvalue_of_a_network_is_what_torch_computes(key, tanh_network):
    case, grad = tanh_network
    top = key.top_hessian_eigenvalue(lambda v: key.hessian_vector_product(grad, case["w"], v), case["v"], 200)
    expected = case["eigenvalues"][np.argmax(np.abs(case["eigenvalues"]))]
    np.testing.assert_allclose(top, expected, rtol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_top_hessian_eigenvalue_agrees_with_eigvalsh(key, seed):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((7, 7))
    H = M + M.T
    values = np.linalg.eigvalsh(H)
    top = key.top_hessian_eigenvalue(lambda v: H @ v, rng.standard_normal(7), 3000)
    np.testing.assert_allclose(top, values[np.argmax(np.abs(values))], rtol=1e-9)


# Against theory


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999, 1.001, 1.1])
def test_the_measured_rate_is_the_predicted_one_on_both_sides_of_the_border(key, share):
    rng = np.random.default_rng(2)
    eigenvalues, H = random_bowl(rng, 5)
    minimum, lr = rng.standard_normal(5), share * key.max_stable_lr(eigenvalues)
    history = key.gradient_descent(lambda w: H @ (w - minimum), minimum + rng.standard_normal(5), lr, 200)
    predicted = key.predicted_rate(eigenvalues, lr)
    np.testing.assert_allclose(key.measured_rate(history, minimum, 50), predicted, rtol=1e-3)
    assert (predicted < 1) == (share < 1)


def test_no_rate_beats_the_best_fixed_one(key):
    eigenvalues, _ = random_bowl(np.random.default_rng(3), 6)
    best = key.best_fixed_lr(eigenvalues)
    rates = np.linspace(1e-3, key.max_stable_lr(eigenvalues), 2001)
    kappa = eigenvalues.max() / eigenvalues.min()
    np.testing.assert_allclose(key.predicted_rate(eigenvalues, best), (kappa - 1) / (kappa + 1), rtol=1e-12)
    assert key.predicted_rate(eigenvalues, best) <= min(key.predicted_rate(eigenvalues, lr) for lr in rates)


def test_the_border_of_stability_has_rate_one(key):
    eigenvalues, _ = random_bowl(np.random.default_rng(4), 6)
    np.testing.assert_allclose(key.predicted_rate(eigenvalues, key.max_stable_lr(eigenvalues)), 1, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_line_search_returns_the_first_rate_that_meets_armijo(key, seed, short_run):
    f, grad = short_run["rosenbrock"], short_run["rosenbrock_grad"]
    w = np.random.default_rng(seed).uniform(-2, 2, 2)
    g = grad(w)
    lr = key.backtracking_line_search(f, w, g, lr=1.0, shrink=0.5, c=0.2)

    def armijo(lr):
        return f(w - lr * g) <= f(w) - 0.2 * lr * g @ g

    assert armijo(lr)
    assert lr == 1.0 or not any(armijo(2.0**-k) for k in range(round(-np.log2(lr))))


def test_newtons_method_squares_the_distance(key, short_run):
    w, distances = np.array([1.02, 1.01]), []
    for _ in range(6):
        distances.append(np.linalg.norm(w - 1))
        w = key.newton_step(w, short_run["rosenbrock_grad"](w), short_run["rosenbrock_hessian"](w))
    settled = distances[1:5]  # the first step leaves the valley's floor and the last one arrives at rounding
    assert all(after < 100 * before**2 for before, after in pairwise(settled))
    assert np.linalg.norm(w - 1) < 1e-12


def test_a_push_leaves_a_saddle_as_fast_as_the_downward_factor_allows(key):
    """The push and every step after it multiply the part along the way down by 1 + lr*|lambda|."""
    history = key.perturbed_gradient_descent(
        lambda w: np.array([w[0], -w[1]]), np.zeros(2), 0.1, 60, 1e-9, 1e-6, np.random.default_rng(0)
    )
    np.testing.assert_allclose(np.linalg.norm(history[1] / [0.9, 1.1]), 1e-6, rtol=1e-9)
    np.testing.assert_allclose(history[2:, 1] / history[1:-1, 1], 1.1, rtol=1e-9)


def test_pushes_prefer_no_direction(key):
    history = key.perturbed_gradient_descent(np.zeros_like, np.zeros(3), 0.1, 4000, 1.0, 1.0, np.random.default_rng(0))
    pushes = np.diff(history, axis=0)
    np.testing.assert_allclose(np.linalg.norm(pushes, axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(pushes.T @ pushes / len(pushes), np.eye(3) / 3, atol=0.03)


def test_tracking_sharpness_walks_the_same_path_as_gradient_descent(key):
    curvature = np.array([0.5, 1.5])
    history = key.gradient_descent(lambda w: curvature * w, np.array([1.0, -2.0]), 0.3, 17)
    at, values = key.track_sharpness(lambda w: curvature * w, lambda w: w.sum(), np.array([1.0, -2.0]), 0.3, 17, 5)
    assert at.tolist() == [0, 5, 10, 15]
    np.testing.assert_allclose(values, history[at].sum(axis=1), rtol=1e-14)


# The data and the notebook


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    expected = load_digits()
    with np.load(Course().master("gradient_descent").with_name("digits.npz")) as digits:
        assert set(digits) == {"images", "labels"}
        assert digits["images"].dtype == digits["labels"].dtype == np.uint8
        np.testing.assert_array_equal(digits["images"], expected.data)
        np.testing.assert_array_equal(digits["labels"], expected.target)


def test_the_whole_notebook_runs_with_all_answers_right(short_run):
    assert short_run["QUICK"]
    assert len(short_run["training"]) == 21


@pytest.fixture(scope="module")
def trained(notebook):
    """What a student has after training the network in full."""
    return notebook.run([*notebook.answered, notebook.showcase("digits.npz")])


def test_the_network_reads_as_many_digits_as_the_notebook_promises(trained):
    promised = [int(number) for number in re.findall(r"[Aa]t least (\d+)(?: %|\s+of\s+every\s+100)", PROSE)]
    assert len(promised) == 2, "the first cell and the last section each promise a share"
    assert all(number / 100 <= trained["accuracy"] < (number + 2.5) / 100 for number in promised)


@pytest.mark.slow
def test_the_sharpness_climbs_to_two_over_lr_and_stays(notebook, trained):
    curves = notebook.run([notebook.showcase("track_sharpness(")], trained)["sharpness_curves"]
    assert sorted(curves) == [0.4, 0.6, 1.0]
    for rate, (at, values) in curves.items():
        assert values[0] < 0.6 * 2 / rate, "the run starts below the line"
        np.testing.assert_allclose(values[at >= 4000], 2 / rate, rtol=0.05)


@pytest.mark.parametrize("name, sizes", [("cross_entropy_grad", (65, 33)), ("squared_grad", (64, 32))])
def test_the_gradients_that_the_showcases_train_with_are_right(short_run, name, sizes):
    w = short_run["w_start"] if name == "squared_grad" else short_run["training"][0]
    v = np.random.default_rng(5).standard_normal(len(w))

    def loss(w):
        first, second = w[: sizes[0] * 32].reshape(sizes[0], 32), w[sizes[0] * 32 :].reshape(sizes[1], 10)
        if name == "squared_grad":
            return np.sum((np.tanh(short_run["few"] @ first) @ second - short_run["goals"]) ** 2) / 200
        p = short_run["probabilities"](w, short_run["pixels"][:1297])[1]
        return -np.mean(np.log(p[np.arange(1297), short_run["labels"][:1297]]))

    slope = (loss(w + 1e-6 * v) - loss(w - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(short_run[name](w) @ v, slope, rtol=1e-6)


def test_newtons_second_step_raises_the_loss_as_the_notebook_says(short_run):
    losses = [short_run["rosenbrock"](w) for w in short_run["newton"]]
    assert f"raises the loss from {losses[1]:.1f} to {losses[2]:,.0f}; it never asks" in PROSE


def test_every_part_says_how_hard_it_is_how_long_it_takes_and_what_it_is_worth():
    levels = re.findall(
        r"^\*Level: (?:warm-up|standard|challenge) · (\d+) minutes · (\d) points?\* · Page: \*(.+)\*$",
        PROSE,
        re.MULTILINE,
    )
    assert len(levels) == len(MASTER.parts)
    assert PROSE.count("<details><summary>Hint</summary>") == len(MASTER.parts)
    assert [int(points) for _, points, _ in levels] == [
        sum(test.points for test in part.tests) for part in MASTER.parts
    ]
    titles = {re.search(r"^# (.+)$", page, re.MULTILINE).group(1) for page in chapter_pages().values()}
    assert {page for _, _, page in levels} <= titles
    assert sum(int(minutes) for minutes, _, _ in levels) == 150


def test_the_notebook_and_the_pages_name_the_same_time():
    pages = chapter_pages()
    for text in (PROSE, pages["index"], pages["exercise"]):
        assert "two and a half hours for the parts, three with the pictures" in " ".join(text.split())


def chapter_pages():
    folder = Path(__file__).resolve().parents[2] / "book" / "gradient_descent"
    return {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.md")}
