"""The answer key of sgd against PyTorch, against exhaustive enumeration and long simulation, and against theory."""

import json
import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "sgd.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("sgd"))
PROSE = "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def key():
    return solutions.load("sgd")


def oracle(case):
    return {name: np.array(value) for name, value in ORACLE[case].items()}


# Against PyTorch


@pytest.mark.parametrize("case", ["softmax", "softmax_of_large_scores"])
def test_softmax_loss_and_grad_is_what_autograd_computes(key, case):
    case = oracle(case)
    loss, grad = key.softmax_loss_and_grad(case["W"], case["X"], case["labels"])
    np.testing.assert_allclose(loss, case["loss"], rtol=1e-13)
    np.testing.assert_allclose(grad, case["grad"], rtol=1e-12, atol=1e-14 * np.abs(case["grad"]).max())


def test_sgd_walks_as_torch_sgd_does_on_the_same_batches(key):
    case = oracle("run")
    batches = [
        (case["X"][order[start : start + 4]], case["labels"][order[start : start + 4]])
        for order in case["orders"]
        for start in range(0, 14, 4)
    ]
    history = key.sgd(
        lambda w, X, labels: key.softmax_loss_and_grad(w.reshape(3, 3), X, labels)[1].ravel(),
        case["history"][0],
        batches,
        lambda t: key.step_decay(t, 0.8, 0.5, 3),
    )
    np.testing.assert_allclose([key.step_decay(t, 0.8, 0.5, 3) for t in range(8)], case["rates"], rtol=1e-14)
    np.testing.assert_allclose(history, case["history"], rtol=1e-11, atol=1e-13)


def test_step_decay_is_steplr(key):
    case = oracle("step_decay")
    rates = [key.step_decay(t, case["lr0"], case["factor"], int(case["every"])) for t in range(len(case["rates"]))]
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-13)


@pytest.mark.parametrize("case", ["cosine_with_warmup", "cosine_without_minimum"])
def test_cosine_with_warmup_is_linearlr_and_then_cosineannealinglr(key, case):
    case = oracle(case)
    lr_max, warmup, total, lr_min = (case[name].item() for name in ("lr_max", "warmup", "total", "lr_min"))
    rates = [key.cosine_with_warmup(step, lr_max, warmup, total, lr_min) for step in range(total)]
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-12, atol=1e-15)


def test_variance_and_noise_scale_are_traces_of_torchs_covariance(key):
    case = oracle("per_example")
    grads, trace = case["grads"], case["trace"]
    np.testing.assert_allclose(key.minibatch_variance(grads, 4, True), case["trace_over_all"] / 4, rtol=1e-12)
    # Without replacement the two corrections of N make one: tr(Sigma)/B * (1 - B/N), with N - 1 in tr(Sigma).
    np.testing.assert_allclose(key.minibatch_variance(grads, 4, False), trace / 4 * (1 - 4 / 9), rtol=1e-12)
    scale = trace / (case["mean"] @ case["mean"] - trace / 9)
    np.testing.assert_allclose(key.gradient_noise_scale(grads), scale if scale > 0 else np.inf, rtol=1e-12)


def test_softmax_gradient_is_what_central_differences_say(key):
    rng = np.random.default_rng(1)
    W, X, labels = rng.standard_normal((3, 4)), rng.standard_normal((6, 3)), rng.integers(0, 4, 6)
    direction = rng.standard_normal((3, 4))
    ahead, behind = (key.softmax_loss_and_grad(W + eps * direction, X, labels)[0] for eps in (1e-6, -1e-6))
    slope = np.sum(key.softmax_loss_and_grad(W, X, labels)[1] * direction)
    np.testing.assert_allclose((ahead - behind) / 2e-6, slope, rtol=1e-8)


# Batches


def test_epochs_from_one_generator_deal_every_example_once_and_never_in_the_same_order(key):
    rng, X = np.random.default_rng(2), np.arange(50)
    epochs = [list(key.minibatches(X, X + 100, 7, rng)) for _ in range(20)]
    orders = [np.concatenate([X_batch for X_batch, _ in epoch]) for epoch in epochs]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 20
    assert all(np.array_equal(y_batch, X_batch + 100) for epoch in epochs for X_batch, y_batch in epoch)


def test_every_example_is_as_likely_in_every_batch(key):
    rng, X = np.random.default_rng(3), np.arange(5)
    firsts = np.bincount([next(iter(key.minibatches(X, X, 2, rng)))[0][1] for _ in range(5000)], minlength=5)
    np.testing.assert_allclose(firsts, 1000, atol=5 * np.sqrt(800))


def test_sgd_takes_an_iterator_as_well_as_a_list(key):
    X, y = np.arange(6.0)[:, None], np.arange(6.0)

    def run(batches):
        return key.sgd(lambda w, X, y: X.T @ (X @ w - y) / len(y), np.zeros(1), batches, lambda t: 0.02)

    listed = run(list(key.minibatches(X, y, 4, np.random.default_rng(4))))
    np.testing.assert_array_equal(run(key.minibatches(X, y, 4, np.random.default_rng(4))), listed)
    assert listed.shape == (3, 1)


# Variance, by every batch that there is


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("replacement", [True, False])
def test_the_mean_over_all_batches_is_the_gradient_and_their_spread_is_the_predicted_one(key, size, replacement):
    grads = np.random.default_rng(5).standard_normal((6, 3)) + 2
    rows = product(range(6), repeat=size) if replacement else combinations(range(6), size)
    means = grads[np.array(list(rows))].mean(axis=1)  # (batches, 3)
    np.testing.assert_allclose(means.mean(axis=0), grads.mean(axis=0), rtol=1e-12)
    spread = np.mean(np.sum((means - grads.mean(axis=0)) ** 2, axis=1))
    np.testing.assert_allclose(key.minibatch_variance(grads, size, replacement), spread, rtol=1e-10, atol=1e-14)


def test_the_batches_of_part_1_have_the_variance_without_replacement(key):
    rng = np.random.default_rng(6)
    grads = rng.standard_normal((20, 4))
    batches = np.array([next(iter(key.minibatches(grads, grads, 12, rng)))[0].mean(axis=0) for _ in range(4000)])
    misses = np.sum((batches - grads.mean(axis=0)) ** 2, axis=1)
    standard_error = misses.std() / np.sqrt(len(misses))
    predicted = key.minibatch_variance(grads, 12, False)
    assert abs(misses.mean() - predicted) < 4 * standard_error
    assert abs(misses.mean() - key.minibatch_variance(grads, 12, True)) > 40 * standard_error


# The noise floor


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_long_run_settles_at_the_noise_floor(key, share, batch_size):
    """2,000 weights side by side, from a start on the floor; share is of the largest stable rate."""
    rng, curvature, sigma2 = np.random.default_rng(7), 3.0, 2.0
    lr = share * 2 / curvature
    floor = key.noise_floor(curvature, lr, sigma2, batch_size)
    start = np.sqrt(2 * floor / curvature) * rng.standard_normal(2000)
    batches = [(np.sqrt(sigma2) * rng.standard_normal((batch_size, 2000)), None) for _ in range(200)]
    history = key.sgd(lambda w, noise, _: curvature * w + noise.mean(axis=0), start, batches, lambda t: lr)
    losses = curvature * history**2 / 2
    np.testing.assert_allclose(losses[100:].mean(), floor, rtol=0.03)
    assert not np.isclose(losses[100:].mean(), lr * sigma2 / (4 * batch_size), rtol=0.03)  # the small-rate formula


def test_the_floor_is_reached_from_above_and_from_below(key):
    floor = key.noise_floor(1.0, 0.4, 1.0, 2)
    for start in (0.0, 5.0):
        rng = np.random.default_rng(8)
        batches = [(rng.standard_normal((2, 4000)), None) for _ in range(80)]
        history = key.sgd(lambda w, noise, _: w + noise.mean(axis=0), np.full(4000, start), batches, lambda t: 0.4)
        np.testing.assert_allclose(np.mean(history[-20:] ** 2) / 2, floor, rtol=0.03)


def test_a_scaled_rate_on_a_scaled_batch_has_the_same_floor_for_small_rates(key):
    floor = key.noise_floor(1.0, 1e-4, 1.0, 8)
    scaled = key.noise_floor(1.0, key.linear_scaling(1e-4, 8, 32), 1.0, 32)
    np.testing.assert_allclose(scaled, floor, rtol=1e-3)


def test_inverse_time_goes_through_every_floor_and_averaging_below_the_last_point(key):
    rng = np.random.default_rng(9)
    batches = [(rng.standard_normal((1, 1000)), None) for _ in range(2000)]

    def slope(w, noise, _):
        return w + noise.mean(axis=0)

    fixed = key.sgd(slope, np.full(1000, 3.0), batches, lambda t: 0.5)
    fading = key.sgd(slope, np.full(1000, 3.0), batches, lambda t: key.inverse_time(t, 0.5, 0.25))
    floor = key.noise_floor(1.0, 0.5, 1.0, 1)
    np.testing.assert_allclose(np.mean(fixed[-1] ** 2) / 2, floor, rtol=0.15)
    assert np.mean(fading[-1] ** 2) / 2 < floor / 100
    # Polyak and Ruppert: the mean of T noisy points is as good as T gradients allow, sigma^2/(curvature^2 T).
    averaged = key.average_iterates(fixed, 200)
    np.testing.assert_allclose(np.mean(averaged**2), 1 / 1800, rtol=0.15)


# The noise scale


def test_both_estimates_in_the_noise_scale_are_without_bias(key):
    """Over many small samples. With the ratio and |g|^2 = |G|^2 + tr/N, both estimates can be solved for."""
    rng, G, spread, N = np.random.default_rng(10), np.array([4.0, -3.0, 2.0]), np.array([1.0, 0.5, 2.0]), 4
    samples = G + spread * rng.standard_normal((5000, N, 3))
    lengths = np.sum(samples.mean(axis=1) ** 2, axis=1)
    ratios = np.array([key.gradient_noise_scale(sample) for sample in samples])
    traces = lengths * ratios / (1 + ratios / N)
    for estimates, true in ((traces, np.sum(spread**2)), (traces / ratios, G @ G)):
        assert abs(estimates.mean() - true) < 4 * estimates.std() / np.sqrt(5000)
    # The plain estimates would be seen to lean.
    assert np.sum(spread**2) / N > 15 * traces.std() / np.sqrt(5000)
    assert lengths.mean() - G @ G > 6 * lengths.std() / np.sqrt(5000)


def test_at_the_noise_scale_noise_and_gradient_are_equally_long(key):
    rng = np.random.default_rng(11)
    grads = rng.standard_normal((4000, 5)) * 3 + 0.5
    scale = key.gradient_noise_scale(grads)
    np.testing.assert_allclose(key.minibatch_variance(grads, scale, True), 5 * 0.5**2, rtol=0.2)


# The rest


def test_steps_to_target_against_all_means_at_once(key):
    losses = np.random.default_rng(12).uniform(0, 1, 200) + np.linspace(1, 0, 200)
    for window in (1, 5, 20):
        means = np.convolve(losses, np.ones(window) / window, "valid")
        for target in (0.3, 0.7, 1.0):
            reached = np.flatnonzero(means <= target)
            expected = reached[0] + window - 1 if len(reached) else None
            assert key.steps_to_target(losses, target, window) == expected


def test_inverse_time_meets_both_conditions_of_robbins_and_monro(key):
    """Over each tenfold of steps the rates add up to the same again, and their squares to a tenth."""
    rates = np.array([key.inverse_time(t, 1.0, 0.5) for t in range(100_000)])
    sums = [rates[10**k : 10 ** (k + 1)].sum() for k in (2, 3, 4)]
    squares = [np.sum(rates[10**k : 10 ** (k + 1)] ** 2) for k in (2, 3, 4)]
    np.testing.assert_allclose(sums, 2 * np.log(10), rtol=0.03)
    assert squares[0] > 9 * squares[1] > 81 * squares[2]


# The data and the notebook


def test_the_digits_are_those_of_the_other_chapters():
    ours = MASTER.path.with_name("digits.npz").read_bytes()
    assert ours == Course().master("gradient_descent").with_name("digits.npz").read_bytes()


def test_the_whole_notebook_runs_with_all_answers_right(short_run):
    assert short_run["QUICK"]
    assert len(short_run["digit_runs"]["fixed rate"]) == 83
    assert sorted(short_run["best"]) == [16, 1297]


@pytest.fixture(scope="module")
def answered(notebook):
    """What a student has after answering every part, with the long showcases still to come."""
    return notebook.run([*notebook.answered, notebook.showcase("def epochs("), notebook.showcase("SCHEDULES = ")])


@pytest.fixture(scope="module")
def trained(notebook, answered):
    return notebook.run([notebook.showcase("digits.npz")], answered)


def test_the_model_reads_as_many_digits_as_the_notebook_promises(trained):
    promised = [int(number) for number in re.findall(r"at least (\d+)(?: %|\s+of\s+every\s+100)", PROSE)]
    assert len(promised) == 2, "the first cell and the last section each promise a share"
    accuracy = trained["accuracy"]["warm-up and cosine"]
    assert all(number / 100 <= accuracy < (number + 2.5) / 100 for number in promised)


def test_the_runs_on_the_digits_are_as_long_as_the_notebook_says_and_travel_at_the_same_mean_rate(trained):
    assert "make 820\nsteps" in PROSE and "whose mean is 2 as\nwell" in PROSE
    assert all(len(run) == 821 for run in trained["digit_runs"].values())
    mean_rate = np.mean([trained["digit_schedules"]["warm-up and cosine"](t) for t in range(820)])
    np.testing.assert_allclose(mean_rate, 2, rtol=0.01)


def test_the_cosine_ends_lowest_and_the_mean_lies_below_the_end_of_the_fixed_rate(trained):
    loss = {name: trained["train_loss"](w) for name, w in trained["answers"].items()}
    assert loss["warm-up and cosine"] < 0.9 * loss["its mean"] and loss["its mean"] < 0.9 * loss["fixed rate"]
    cosine, mean, fixed = (f"{loss[name]:.3f}" for name in ("warm-up and cosine", "its mean", "fixed rate"))
    assert f"{cosine}, against {mean} for the mean and {fixed} for the end" in PROSE
    mean, cosine = (round(500 * trained["accuracy"][name]) for name in ("its mean", "warm-up and cosine"))
    assert f"{mean} of 500 against {cosine}" in PROSE


def test_the_pictures_of_floors_show_what_is_predicted(notebook, answered):
    ran = notebook.run([notebook.showcase("floors = ")], answered)
    assert len(ran["floors"]) == 30
    for (size, rate), measured in ran["floors"].items():
        np.testing.assert_allclose(measured, ran["noise_floor"](1.0, rate, ran["SIGMA2"], size), rtol=0.05)


@pytest.mark.slow
def test_the_race_of_batch_sizes_ends_as_the_notebook_says(notebook, trained):
    ran = notebook.run([notebook.showcase("steps_needed")], trained)
    best, scale = ran["best"], ran["noise_scale"]
    steps = {size: best[size][0] for size in best}
    assert list(steps) == [1, 4, 16, 64, 256, 1297]
    assert "about 40 times fewer steps" in PROSE and 37 < steps[1] / steps[1297] < 43
    assert "a third of the steps or fewer" in PROSE and steps[4] * 3 < steps[1] and steps[16] * 3 < steps[4]
    assert "a quarter more examples at most" in PROSE and max(4 * steps[4], 16 * steps[16]) < 1.25 * steps[1]
    assert "follows the linear rule up to a batch of 16" in PROSE
    assert [best[size][1] / size for size in (1, 4, 16)] == [best[1][1]] * 3 and best[64][1] < 64 * best[1][1]
    assert "within a factor of two" in PROSE
    for size in steps:
        assert 0.5 < steps[size] / (steps[1297] * (1 + scale / size)) < 2
    assert f"up to {steps[1297] * (1 + scale) / steps[1]:.1f}, at a single example" in PROSE
    assert all(steps[size] < steps[1297] * (1 + scale / size) for size in (1, 4, 16, 64))


def test_every_part_says_how_hard_it_is_and_how_long_it_takes():
    line = r"^\*Level: (?:warm-up|standard|challenge) · (\d+) minutes · (\d) points?\* · Page: \*(.+)\*$"
    levels = re.findall(line, PROSE, re.MULTILINE)
    assert len(levels) == len(MASTER.parts)
    assert [int(points) for _, points, _ in levels] == [sum(c.points for c in part.tests) for part in MASTER.parts]
    book = Path(__file__).parents[2] / "book"
    pages = [*(book / "sgd").glob("*.md"), book / "gradient_descent" / "real_model.md"]
    titles = {re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE).group(1) for page in pages}
    assert {page for _, _, page in levels} <= titles, "each part names a page that there is"
    assert PROSE.count("<details><summary>Hint</summary>") == len(MASTER.parts)
    assert sum(int(minutes) for minutes, _, _ in levels) == 150
    assert "About two and a half hours for the parts, three with the pictures" in PROSE


def test_about_a_quarter_of_the_points_is_for_the_tests_that_students_see():
    for part in MASTER.parts:
        visible, hidden = part.tests
        assert (visible.points, hidden.points) in {(0.5, 0.5), (0.5, 1.5)}
