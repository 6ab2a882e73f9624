"""The answer key of backprop against PyTorch, differences and complex steps, and against Mazur's published numbers."""

import inspect
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder import bank as banks
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "backprop.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("backprop"))
PROSE = "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def key():
    return solutions.load("backprop")


def oracle(case):
    return {name: value if isinstance(value, str) else np.array(value) for name, value in ORACLE[case].items()}


def central_difference(f, x, eps=1e-6):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = eps
        slopes[index] = (f(x + nudge) - f(x - nudge)) / (2 * eps)
    return slopes


def complex_step(f, x, eps=1e-30):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        point = x.astype(complex)
        point[index] += 1j * eps
        slopes[index] = f(point).imag / eps
    return slopes


def agrees(found, f, x):
    """Against a central difference to 7 digits and against a complex step to 12; f takes real and complex arrays."""
    np.testing.assert_allclose(found, central_difference(lambda x: f(x).real, x), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found, complex_step(f, x), rtol=1e-12, atol=1e-14)


# The engine for numbers


@pytest.mark.parametrize("case", [name for name in ORACLE if name.startswith("formula_")])
def test_the_engine_computes_what_autograd_computes(key, case):
    stored = oracle(case)
    for place, value, grads in zip(stored["at"], stored["values"], stored["grads"], strict=True):
        a, b, c = nodes = [key.Value(number) for number in place.tolist()]
        result = eval(stored["formula"], {"a": a, "b": b, "c": c})
        result.backward()
        np.testing.assert_allclose(result.data, value, rtol=1e-13)
        np.testing.assert_allclose([node.grad for node in nodes], grads, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "name, plain",
    [("exp", np.exp), ("log", np.log), ("tanh", np.tanh), ("relu", lambda z: np.where(z.real > 0, z, 0))],
)
def test_the_engines_functions_by_complex_step_and_central_difference(key, name, plain):
    for number in np.random.default_rng(1).uniform(0.2, 3.0, 5):
        x = key.Value(number)
        y = getattr(x, name)()
        y.backward()
        np.testing.assert_allclose(y.data, plain(np.array(number)), rtol=1e-14)
        agrees(np.array(x.grad), lambda z, plain=plain: plain(z)[()], np.array(number))


def chain_of_tens_of_thousands(Value):
    x = Value(0.5)
    y = x * 3
    for _ in range(10_000):
        y = -(y + 0.25)
    y.backward()
    return y.data, x.grad


def test_the_engine_walks_chains_of_tens_of_thousands_of_nodes(key):
    assert sys.getrecursionlimit() < 10_000
    assert chain_of_tens_of_thousands(key.Value) == (1.5, 3.0)


@pytest.mark.parametrize(
    "variation", [v for v in banks.load("backprop").variations if v.part == "Value"], ids=lambda v: v.name
)
def test_so_do_its_variations(key, variation):
    namespace = dict(vars(key))
    exec(variation.source, namespace)
    assert chain_of_tens_of_thousands(namespace["Value"]) == (1.5, 3.0)


def test_the_order_of_a_chain_of_tens_of_thousands_of_nodes(key):
    assert key.topological_order(20_000, lambda n: (n - 1,) if n else ()) == list(range(20_001))


# Mazur's example


MAZUR = {"w1": 0.15, "w2": 0.20, "w3": 0.25, "w4": 0.30, "w5": 0.40, "w6": 0.45, "w7": 0.50, "w8": 0.55}


@pytest.fixture(scope="module")
def mazur(key, short_run):
    """The error of his network with his weights as Values, and the weights."""
    weights = {name: key.Value(number) for name, number in MAZUR.items()}
    error = short_run["mazur_error"](weights)
    error.backward()
    return error, weights


def test_mazurs_total_error(mazur):
    assert f"{mazur[0].data:.9f}" == "0.298371109"
    assert "0.298371109" in PROSE


@pytest.mark.parametrize(
    "name, published",
    [
        ("w1", "0.149780716"),
        ("w2", "0.19956143"),
        ("w3", "0.24975114"),
        ("w4", "0.29950229"),
        ("w5", "0.35891648"),
        ("w6", "0.408666186"),
        ("w7", "0.511301270"),
        ("w8", "0.561370121"),
    ],
)
def test_mazurs_weights_after_one_step(mazur, name, published):
    weight = mazur[1][name]
    assert f"{weight.data - 0.5 * weight.grad:.{len(published) - 2}f}" == published
    if name in ("w1", "w5"):
        assert published in PROSE


def test_mazurs_error_at_the_ten_thousandth_evaluation():
    """In plain floats, by his own formulas: 9,999 updates of all eight weights with the old ones, biases held."""

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    w1, w2, w3, w4, w5, w6, w7, w8 = MAZUR.values()
    for evaluation in range(1, 10_001):
        h1, h2 = sigmoid(0.05 * w1 + 0.10 * w2 + 0.35), sigmoid(0.05 * w3 + 0.10 * w4 + 0.35)
        o1, o2 = sigmoid(w5 * h1 + w6 * h2 + 0.60), sigmoid(w7 * h1 + w8 * h2 + 0.60)
        error = ((0.01 - o1) ** 2 + (0.99 - o2) ** 2) / 2
        if evaluation == 1:
            assert f"{error:.9f}" == "0.298371109"
        d1, d2 = (o1 - 0.01) * o1 * (1 - o1), (o2 - 0.99) * o2 * (1 - o2)
        e1, e2 = (d1 * w5 + d2 * w7) * h1 * (1 - h1), (d1 * w6 + d2 * w8) * h2 * (1 - h2)
        w5, w6, w7, w8 = w5 - 0.5 * d1 * h1, w6 - 0.5 * d1 * h2, w7 - 0.5 * d2 * h1, w8 - 0.5 * d2 * h2
        w1, w2, w3, w4 = w1 - 0.025 * e1, w2 - 0.05 * e1, w3 - 0.025 * e2, w4 - 0.05 * e2
    assert f"{error:.10f}" == "0.0000351085"


def test_the_notebooks_run_of_mazurs_network_is_that_of_plain_floats(short_run):
    assert f"{short_run['mazur_errors'][0]:.9f}" == "0.298371109"
    assert short_run["mazur_errors"] == sorted(short_run["mazur_errors"], reverse=True)


def test_the_first_layer_carries_little_blame_for_the_reason_that_the_notebook_gives(short_run):
    blame = short_run["blame"]
    assert max(abs(blame[f"w{i}"]) for i in (1, 2, 3, 4)) < min(abs(blame[f"w{i}"]) for i in (5, 6, 7, 8)) / 10


# From numbers to arrays


def test_unbroadcast_is_what_autograd_computes(key):
    case = oracle("broadcast")
    factors = case.pop("factors")
    for name, expected in case.items():
        shape = tuple(map(int, name.split("x"))) if name else ()
        found = key.unbroadcast(factors, shape)
        assert np.shape(found) == shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(5,), (3, 1), (4, 1, 5), (1, 1, 1), ()])
def test_unbroadcast_by_complex_step_and_central_difference(key, shape):
    rng = np.random.default_rng(2)
    factors = rng.standard_normal((4, 3, 5))
    agrees(key.unbroadcast(factors, shape), lambda x: np.sum(factors * x), np.array(rng.standard_normal(shape)))


@pytest.mark.parametrize("case, function", [("affine", "affine_backward"), ("tanh_layer", "repaired_layer_backward")])
def test_layers_pass_back_what_autograd_computes(key, case, function):
    stored = oracle(case)
    arguments = [stored[name] for name in ("dout", "X", "W", "b")][: 3 if case == "affine" else 4]
    found = getattr(key, function)(*arguments)
    for gradient, name in zip(found, ("dX", "dW", "db"), strict=True):
        np.testing.assert_allclose(gradient, stored[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "activation, function", [(lambda z: z, "affine_backward"), (np.tanh, "repaired_layer_backward")]
)
def test_layers_by_complex_step_and_central_difference(key, activation, function):
    rng = np.random.default_rng(3)
    X, W, b, dout = (rng.standard_normal(shape) for shape in ((5, 2), (2, 3), 3, (5, 3)))
    arguments = (dout, X, W, b)[: 3 if function == "affine_backward" else 4]
    dX, dW, db = getattr(key, function)(*arguments)
    agrees(dX, lambda X: np.sum(dout * activation(X @ W + b)), X)
    agrees(dW, lambda W: np.sum(dout * activation(X @ W + b)), W)
    agrees(db, lambda b: np.sum(dout * activation(X @ W + b)), b)


def test_relu_passes_back_what_autograd_computes(key):
    case = oracle("relu")
    assert np.any(case["X"] == 0)
    np.testing.assert_array_equal(key.relu_backward(case["dout"], case["X"]), case["dX"])


def test_relu_by_complex_step_and_central_difference(key):
    rng = np.random.default_rng(4)
    X, dout = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    agrees(key.relu_backward(dout, X), lambda X: np.sum(dout * np.where(X.real > 0, X, 0)), X)


@pytest.mark.parametrize("case", ["cross_entropy", "cross_entropy_extreme"])
def test_cross_entropy_is_what_torch_computes(key, case):
    stored = oracle(case)
    loss, dlogits = key.softmax_cross_entropy(stored["logits"], stored["labels"])
    np.testing.assert_allclose(loss, stored["loss"], rtol=1e-13)
    np.testing.assert_allclose(dlogits, stored["dlogits"], rtol=1e-11, atol=1e-15)


def cross_entropy(logits, labels):
    """Straight from the definition, for real and complex logits of moderate size."""
    return -np.mean(
        np.log((np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[np.arange(len(labels)), labels])
    )


def test_cross_entropy_by_complex_step_and_central_difference(key):
    rng = np.random.default_rng(5)
    logits, labels = 2 * rng.standard_normal((6, 4)), np.array([3, 0, 0, 1, 3, 3])
    loss, dlogits = key.softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(loss, cross_entropy(logits, labels), rtol=1e-13)
    agrees(dlogits, lambda z: cross_entropy(z, labels), logits)


def test_the_network_is_what_torch_computes(key):
    case = oracle("network")
    params = {name: case[name] for name in ("W1", "b1", "W2", "b2")}
    loss, grads = key.mlp_loss_and_grad(params, case["X"], case["labels"])
    np.testing.assert_allclose(loss, case["loss"], rtol=1e-13)
    for name in params:
        np.testing.assert_allclose(grads[name], case[f"d{name}"], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_the_network_by_complex_step_and_central_difference(key, name):
    rng = np.random.default_rng(6)
    X, labels = rng.standard_normal((7, 3)), rng.integers(0, 4, 7)
    shapes = {"W1": (3, 5), "b1": (5,), "W2": (5, 4), "b2": (4,)}
    params = {part: rng.standard_normal(shape) for part, shape in shapes.items()}

    def loss(array):
        p = params | {name: array}
        Z = X @ p["W1"] + p["b1"]
        return cross_entropy(np.where(Z.real > 0, Z, 0) @ p["W2"] + p["b2"], labels)

    agrees(key.mlp_loss_and_grad(params, X, labels)[1][name], loss, params[name])


def test_the_network_is_its_layers_one_after_the_other(key):
    case = oracle("network")
    Z = case["X"] @ case["W1"] + case["b1"]
    A = np.maximum(Z, 0)
    loss, dlogits = key.softmax_cross_entropy(A @ case["W2"] + case["b2"], case["labels"])
    dA, dW2, db2 = key.affine_backward(dlogits, A, case["W2"])
    _, dW1, db1 = key.affine_backward(key.relu_backward(dA, Z), case["X"], case["W1"])
    found = key.mlp_loss_and_grad({n: case[n] for n in ("W1", "b1", "W2", "b2")}, case["X"], case["labels"])
    np.testing.assert_allclose(found[0], loss, rtol=1e-14)
    for name, gradient in {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}.items():
        np.testing.assert_allclose(found[1][name], gradient, rtol=1e-13, atol=1e-15)


def test_the_engine_for_numbers_and_the_one_for_arrays_agree(key):
    """The network of one example, number by number."""
    rng = np.random.default_rng(7)
    shapes = {"W1": (2, 3), "b1": (3,), "W2": (3, 2), "b2": (2,)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    x = rng.standard_normal(2)
    p = {name: np.vectorize(key.Value, otypes=[object])(array) for name, array in params.items()}
    hidden = [sum((x[i] * p["W1"][i, j] for i in range(2)), p["b1"][j]).relu() for j in range(3)]
    scores = [sum((hidden[j] * p["W2"][j, k] for j in range(3)), p["b2"][k]) for k in range(2)]
    loss = (scores[0].exp() + scores[1].exp()).log() - scores[1]
    loss.backward()
    expected, grads = key.mlp_loss_and_grad(params, x[None], np.array([1]))
    np.testing.assert_allclose(loss.data, expected, rtol=1e-13)
    for name in params:
        found = np.vectorize(lambda node: node.grad)(p[name])
        np.testing.assert_allclose(found, grads[name], rtol=1e-12, atol=1e-14)


# Checks of gradients


def test_a_numerical_gradient_is_as_exact_as_theory_allows(key):
    """Central differences: the error falls with eps squared, until rounding takes over."""
    x = np.random.default_rng(8).uniform(0.5, 1.5, 4)
    exact = np.cos(x) * np.exp(np.sin(x))
    errors = [
        key.relative_error(key.numerical_gradient(lambda x: np.sum(np.exp(np.sin(x))), x, eps), exact)
        for eps in (1e-1, 1e-2, 1e-3)
    ]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 100, rtol=0.05)
    assert key.relative_error(key.numerical_gradient(lambda x: np.sum(np.exp(np.sin(x))), x), exact) < 1e-9


def test_relative_error_is_between_zero_and_one_and_symmetric(key):
    rng = np.random.default_rng(9)
    for _ in range(50):
        a, b = rng.standard_normal((2, 6)) * np.exp(rng.uniform(-3, 3, (2, 1)))
        error = key.relative_error(a, b)
        assert 0 < error <= 1 and error == key.relative_error(b, a)
        np.testing.assert_allclose(error, np.linalg.norm(a - b, np.inf) / np.linalg.norm(abs(a) + abs(b), np.inf))
        assert key.relative_error(a, a) == 0 and key.relative_error(a, -a) == 1
        np.testing.assert_allclose(key.relative_error(1e9 * a, 1e9 * b), error, rtol=1e-12)


def test_each_gradient_of_the_broken_layer_is_wrong_and_none_by_its_shape(key):
    case = oracle("tanh_layer")
    found = key.broken_layer_backward(*(case[name] for name in ("dout", "X", "W", "b")))
    for gradient, name in zip(found, ("dX", "dW", "db"), strict=True):
        assert gradient.shape == case[name].shape
        assert key.relative_error(gradient, case[name]) > 0.05


def test_mending_the_shared_fault_leaves_one_in_each_of_the_weights_and_the_bias(key):
    source = inspect.getsource(key.broken_layer_backward)
    mended = source.replace("1 - before_tanh**2", "1 - np.tanh(before_tanh) ** 2")
    assert mended != source
    namespace = dict(vars(key))
    exec(mended, namespace)
    case = oracle("tanh_layer")
    dX, dW, db = namespace["broken_layer_backward"](*(case[name] for name in ("dout", "X", "W", "b")))
    np.testing.assert_allclose(dX, case["dX"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dW * len(case["X"]), case["dW"], rtol=1e-12, atol=1e-14)
    assert key.relative_error(db, case["db"]) > 0.05


# The data and the notebook


def test_the_digits_are_those_of_the_chapter_on_gradient_descent():
    mine, theirs = (Course().master(chapter).with_name("digits.npz") for chapter in ("backprop", "gradient_descent"))
    assert mine.read_bytes() == theirs.read_bytes()


def test_the_whole_notebook_runs_with_all_answers_right(short_run):
    assert short_run["QUICK"]
    assert len(short_run["losses"]) == 30


def test_the_network_has_as_many_weights_as_the_notebook_says(short_run):
    weights = sum(array.size for array in short_run["params"].values())
    assert f"each of {weights:,} weights" in re.sub(r"\s+", " ", PROSE)


def learn_digits(short_run, lr, steps):
    """The showcase's training from its start, with another rate: the share of held-out digits after each step."""
    rng = np.random.default_rng(1)
    pixels, labels, H = short_run["pixels"], short_run["labels"], short_run["HIDDEN"]
    params = {
        "W1": rng.normal(0, np.sqrt(2 / 64), (64, H)),
        "b1": np.zeros(H),
        "W2": rng.normal(0, np.sqrt(1 / H), (H, 10)),
        "b2": np.zeros(10),
    }
    shares, losses = [], []
    for _ in range(steps):
        loss, grads = short_run["mlp_loss_and_grad"](params, pixels[:1297], labels[:1297])
        params = {name: params[name] - lr * grads[name] for name in params}
        losses.append(loss)
        shares.append(np.mean(short_run["read_digits"](params, pixels[1297:]) == labels[1297:]))
    return np.array(losses), np.array(shares), params


def test_the_network_reads_as_many_digits_as_the_notebook_promises(short_run):
    losses, shares, _ = learn_digits(short_run, 0.5, 300)
    np.testing.assert_allclose(losses[:30], short_run["losses"], rtol=1e-9)
    promised = [int(number) for number in re.findall(r"at\s+least\s+(\d+)(?: %|\s+of\s+every\s+100)", PROSE)]
    assert promised == [95, 95], "the first cell and the last part each promise a share"
    assert shares[-1] >= 0.97


def test_a_rate_ten_times_too_large_learns_nothing(short_run):
    with np.errstate(all="ignore"):
        _, shares, _ = learn_digits(short_run, 5.0, 300)
    assert shares[-1] < 0.2


@pytest.mark.slow
def test_a_rate_ten_times_smaller_needs_ten_times_as_many_steps(short_run):
    _, fast, _ = learn_digits(short_run, 0.5, 300)
    _, slow, _ = learn_digits(short_run, 0.05, 1500)
    assert 8 < np.argmax(slow >= 0.95) / np.argmax(fast >= 0.95) < 12


LEVEL = r"^\*Level: (warm-up|standard|challenge) · (\d+) minutes · (\d) points?\* · Page: \*(.+)\*$"


def test_every_part_says_how_hard_it_is_and_how_long_it_takes():
    levels = re.findall(LEVEL, PROSE, re.MULTILINE)
    assert len(levels) == len(MASTER.parts) == 10
    assert PROSE.count("<details><summary>Hint") >= len(MASTER.parts)
    assert sum(int(minutes) for _, minutes, _, _ in levels) == 185
    assert "About three hours for the parts, three and a half with the pictures" in PROSE
    for (_, _, points, _), part in zip(levels, MASTER.parts, strict=True):
        assert int(points) == sum(cell.points for cell in part.tests), part.name


def test_every_page_that_is_named_exists():
    pages = Path(__file__).resolve().parents[2].joinpath("book", "backprop").glob("*.md")
    titles = {re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[1] for page in pages}
    named = re.findall(r"[Pp]age:? \*([^*]+)\*", PROSE)
    assert len(named) == 12 and set(named) <= titles, named


def test_a_slope_that_is_mended_shows_what_the_hints_of_part_9_say(key, short_run, capsys):
    """The three numbers of the table after the first repair: dX right, dW a sixth, db as wrong as it was."""
    namespace = dict(vars(key))
    source = inspect.getsource(key.broken_layer_backward)
    exec(source.replace("1 - before_tanh**2", "1 - np.tanh(before_tanh) ** 2"), namespace)
    tables = []
    for function in (key.broken_layer_backward, namespace["broken_layer_backward"]):
        capsys.readouterr()
        short_run["check_layer"](function)
        tables.append(capsys.readouterr().out.splitlines())
    (dX, dW, db), before = tables[1], tables[0]
    assert dX.endswith(" 1.000") and dW.endswith(f" {1 / 6:.3f}")
    assert db == before[2] and dX != before[0] and dW != before[1]


def test_the_best_nudges_are_those_that_the_notebook_names(short_run):
    place, exact = short_run["place"], lambda x: 3 * np.sin(x) ** 2 * np.cos(x)

    def miss(kind, eps):
        def loss(x):
            return float(np.sum(np.sin(x.astype(kind)) ** 3))

        return short_run["relative_error"](short_run["numerical_gradient"](loss, place, eps), exact(place))

    nudges = np.logspace(-12, -0.5, 47)
    best = [nudges[np.argmin([miss(kind, eps) for eps in nudges])] for kind in (np.float64, np.float32)]
    assert 2e-6 < best[0] < 2e-5 and 2e-3 < best[1] < 1e-2
    assert 3e-6 < miss(np.float32, best[1]) < 3e-5
    assert miss(np.float32, 1e-9) == 1


def test_the_seventh_digit_is_a_9_with_ink_where_an_8_has_a_second_loop(short_run, key):
    """The showcase of pixels, after the full training."""
    _, _, params = learn_digits(short_run, 0.5, 300)
    X, truth = short_run["pixels"][1297:], short_run["labels"][1297:]
    losses = [key.mlp_loss_and_grad(params, X[i : i + 1], truth[i : i + 1])[0] for i in range(len(X))]
    seventh = np.argsort(losses)[::-1][6]
    assert truth[seventh] == 9 and short_run["read_digits"](params, X[seventh : seventh + 1])[0] == 8
    Z = X[seventh] @ params["W1"] + params["b1"]
    _, up = key.softmax_cross_entropy((np.maximum(Z, 0) @ params["W2"] + params["b2"])[None], truth[[seventh]])
    blame = (up[0] @ params["W2"].T * (Z > 0) @ params["W1"].T).reshape(8, 8)
    reddest = np.argsort(blame.ravel())[::-1][:2]
    assert set(reddest) == {5 * 8 + 2, 5 * 8 + 3}


def test_a_quarter_of_the_points_is_visible():
    visible = sum(cell.points for cell in MASTER.graded if cell.grade_id.endswith("_visible"))
    assert 0.2 <= visible / MASTER.max_score <= 0.35
    assert all(part.tests[0].grade_id == f"{part.name}_visible" for part in MASTER.parts)
