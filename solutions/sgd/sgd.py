# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""
# Stochastic gradient descent: how little data is enough for a step?

You write twelve functions. The first two train a model on a few examples at a time. The third says in advance how
wrong such a step is. Then come three schedules for the learning rate, and the height at which noise holds the loss
when the rate stays the same. The others tell you when a larger batch is worth its price, and how to get an answer
out of a run that will not stand still. At the end your code reads handwritten digits, at least 97 of every 100 that
it has never seen, after looking at each of its examples ten times. And you predict, within a factor of two, how many
steps each batch size needs, from the gradients before the first step and one run without noise.

**Points.** Twelve parts, 20 points. After each part stand two graded cells. The first shows its tests: run it, read
what it says, mend, run again. The second looks empty: its tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. The cells with pictures are not
graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart and run all*, save, and hand in the notebook
under its own name. *Run all* stops at a cell that fails. Then run the rest by hand; the grader runs every cell.

**Time.** About two and a half hours for the parts, three with the pictures.

**Letters.** $w$ holds the weights, $D$ of them. $N$ is the number of examples, $B$ the number in a batch. $\eta$ is
the learning rate, `lr` in code. $g_i$ is the gradient on example $i$ alone, $g$ the mean of all $g_i$, and $g_B$
the mean over one batch.
"""

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: the long cells then do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · Deal the examples

*Level: standard · 15 minutes · 2 points* · Page: *Epochs and shuffling*

To step on a few examples you have to choose them. Shuffle all of them like a pack of cards, then deal them out, $B$ at
a time. When all are dealt, an *epoch* is over. If $B$ does not divide $N$, the last hand is smaller, and it is dealt
all the same.

Each example is a row of `X` and its answer an entry of `y`. They must stay together. A model that is trained on
digits with other digits' labels still trains without any error message; it only never gets better.

<details><summary>Hint</summary>

Shuffle the row numbers, not the rows. The same numbers then pick from `X` and from `y`. A slice that reaches beyond
the end of an array stops at the end, so the last batch needs no code of its own.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "minibatches", "locked": false, "solution": true}
def minibatches(X, y, batch_size, rng):
    """One epoch: all examples in random order, dealt out in batches.

    X: (N, ...) inputs, one example in each row; a row may have any shape. Never modified.
    y: (N, ...) what belongs to each row, such as labels or targets. Never modified.
    batch_size: how many examples make a batch, a whole number from 1 up. It need not divide N and may exceed it.
    rng: a numpy.random.Generator. The order is that of one call of rng.permutation(N), so that every epoch has an
        order of its own; nothing else is drawn from rng.

    Returns an iterator of pairs (X_batch, y_batch), or a list of them. Batch number k holds the examples at places
    k*batch_size to (k + 1)*batch_size of the order, row for row. Each example comes once. The last batch is smaller
    where batch_size does not divide N. Types stay as they are: whole-number labels remain whole numbers.

    Rule: Goodfellow, Bengio and Courville, Deep Learning (2016), section 8.1.3.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        yield X[rows], y[rows]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "minibatches_visible", "locked": true, "points": 0.5}
# Seven examples: row i of X is (i, 10*i), and its answer is 100*i. Batches of 3, so the last one holds a single row.
X = np.outer(np.arange(7.0), [1.0, 10.0])
y = 100 * np.arange(7.0)
X_before, y_before = X.copy(), y.copy()
found = minibatches(X, y, 3, np.random.default_rng(3))
assert found is not None, "found None: yield each pair (X_batch, y_batch), or return a list of them"
epoch = list(found)
for item in epoch:
    assert isinstance(item, (tuple, list)) and len(item) == 2, (
        "each item is a pair (X_batch, y_batch); did you `return` inside the loop?"
    )
assert np.array_equal(X, X_before), "your function changed X itself"
assert np.array_equal(y, y_before), "your function changed y itself"

sizes = [len(X_batch) for X_batch, _ in epoch]
assert sizes == [3, 3, 1], (
    f"7 examples in batches of 3: expected sizes [3, 3, 1], found {sizes}. [3, 3]: the tail counts too. [3, 2, 2]: "
    "full batches first, the rest at the end"
)
for X_batch, y_batch in epoch:
    assert np.shape(X_batch)[1:] == (2,) and np.shape(y_batch) == (len(X_batch),), (
        f"expected pairs of shapes (n, 2) and (n,), found {np.shape(X_batch)} and {np.shape(y_batch)}"
    )
    np.testing.assert_array_equal(
        y_batch, 100 * X_batch[:, 0], err_msg="an example has lost its answer: pick from X and y with the same numbers"
    )
dealt = np.concatenate([y_batch for _, y_batch in epoch]) / 100
assert sorted(dealt) == list(range(7)), f"each example once: expected 0 to 6 in some order, found {dealt}"
np.testing.assert_array_equal(
    dealt,
    np.random.default_rng(3).permutation(7),
    err_msg="each example came once, in another order than rng.permutation(7): 0, 1, 2 ... means no shuffle; rows that "
    "stay together in threes mean that only the batches were shuffled",
)

# %% nbgrader={"grade": true, "grade_id": "minibatches_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(101)
for shape, size in (((10, 3), 4), ((8, 2), 4), ((5, 1), 9), ((1, 2), 1), ((6, 1), 1), ((11, 2, 3), 5), ((9, 2), 9)):
    # Few different values, so that examples repeat: nothing may be dropped because it looks like another.
    X, y = rng.integers(0, 3, shape).astype(np.uint8), rng.integers(0, 2, shape[0])
    before = X.copy(), y.copy()
    for _ in range(3):  # epochs; the generator has moved on in each. Catches the same permutation every time.
        moved_on = np.random.default_rng(0)
        moved_on.bit_generator.state = rng.bit_generator.state
        order = rng.permutation(shape[0])
        starts = range(0, shape[0], size)
        epoch = list(minibatches(X, y, size, moved_on))
        assert len(epoch) == len(starts)  # catches a lost or a doubled tail
        for start, (X_batch, y_batch) in zip(starts, epoch, strict=True):
            rows = order[start : start + size]
            np.testing.assert_array_equal(X_batch, before[0][rows])
            np.testing.assert_array_equal(y_batch, before[1][rows])
            assert X_batch.dtype == np.uint8 and y_batch.dtype.kind == "i"  # catches labels glued to pixels
    np.testing.assert_array_equal(X, before[0])  # catches a shuffle in place
    np.testing.assert_array_equal(y, before[1])

# Targets with several columns.
X, y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
epoch = list(minibatches(X, y, 2, np.random.default_rng(11)))
order = np.random.default_rng(11).permutation(7)
np.testing.assert_array_equal(np.concatenate([X_batch for X_batch, _ in epoch]), X[order])
np.testing.assert_array_equal(np.concatenate([y_batch for _, y_batch in epoch]), y[order])
assert [len(y_batch) for _, y_batch in epoch] == [2, 2, 2, 1]
### END HIDDEN TESTS

# %% [markdown]
r"""
## 2 · Walk on a few examples

*Level: standard · 15 minutes · 2 points* · Page: *Estimating the gradient*

Stochastic gradient descent is gradient descent that looks at one batch for each step, and at another one next time:

$$w_{t+1} = w_t - \eta_t\, g_{B_t}(w_t).$$

The rate has an index now, because noise makes it worth changing as you go. So it comes as a function of the step
number, which starts at 0.

<details><summary>Hint</summary>

`enumerate(batches)` gives you the step number and the pair at once. Do not ask for the number of batches
beforehand: an iterator does not know it, and can be gone through only once. `lr` is a function: `lr(t)`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "sgd", "locked": false, "solution": true}
def sgd(grad, w0, batches, lr):
    """Stochastic gradient descent, one step for each batch, and every point it visited.

    grad: a function; grad(w, X_batch, y_batch) is the mean gradient over a batch at w, shape (D,).
    w0: (D,) the point to start from, an array of floats or of whole numbers. It is never modified.
    batches: an iterable of pairs (X_batch, y_batch), gone through once, in order. It may hold several epochs, or
        no batch at all.
    lr: a function; lr(t) is the learning rate of step t, and t counts 0, 1, 2, ... over all batches.

    Returns history: a float64 array of shape (steps + 1, D), with one step for each batch. history[0] is w0,
    history[t] the point after t steps.

    Rule: Robbins and Monro, A Stochastic Approximation Method (1951).
    """
    ### BEGIN SOLUTION
    history = [np.array(w0, dtype=float)]
    for t, (X_batch, y_batch) in enumerate(batches):
        w = history[-1]
        history.append(w - lr(t) * grad(w, X_batch, y_batch))
    return np.array(history)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sgd_visible", "locked": true, "points": 0.5}
# The gradient at w is y times w, with y = 1, 1, 2 in three batches. The rates are 1/2, 1/3, 1/4.
batches = [(np.array([[5.0]]), np.array([slope])) for slope in (1.0, 1.0, 2.0)]
history = sgd(lambda w, X, y: y[0] * w, np.array([12.0, -24.0]), batches, lambda t: 1 / (t + 2))

assert isinstance(history, np.ndarray), f"history is one array; found {type(history).__name__}"
assert history.shape == (4, 2), (
    f"3 batches in 2 dimensions: expected shape (4, 2), the start and one row for each batch; found {history.shape}"
)
assert not np.array_equal(history[0], history[1]), (
    f"all rows hold the same point, {history[0]}: does the path store one array that you then change? Store copies"
)
np.testing.assert_allclose(
    history,
    [[12, -24], [6, -12], [4, -8], [2, -4]],
    rtol=1e-6,
    err_msg="right shape, wrong points. 12, 8: the first step is step 0. 12, 6, 3: ask for the rate again each step. "
    "12, 6, 4, 3: the third batch has a gradient of its own. 12, 18: the step goes against the gradient, so minus. "
    "12, 6, 2: ask for the gradient at the newest point",
)

# %% nbgrader={"grade": true, "grade_id": "sgd_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(202)


def least_squares_grad(w, X, y):
    return 2 / len(y) * X.T @ (X @ w - y)


def uneven(t):  # neither rising nor falling: catches rates that are one step off
    return 0.02 * (1 + t % 3)


# Batches of different sizes: catches gradients that are averaged a second time, and a batch that is used twice.
for d, sizes in ((1, (2, 5)), (3, (4, 4, 1, 7, 2)), (5, (3,)), (2, (1,) * 9)):
    batches = [(rng.standard_normal((n, d)), rng.standard_normal(n)) for n in sizes]
    start = 3 * rng.standard_normal(d)
    before = start.copy()
    history = sgd(least_squares_grad, start, batches, uneven)
    assert history.shape == (len(sizes) + 1, d) and history.dtype == np.float64
    w = before.copy()
    for t, (X, y) in enumerate(batches):
        np.testing.assert_allclose(history[t], w, rtol=1e-6, atol=1e-9)
        slope = [2 * sum((X[i] @ w - y[i]) * X[i, j] for i in range(len(y))) / len(y) for j in range(d)]
        w = w - 0.02 * (1 + t % 3) * np.array(slope)
    np.testing.assert_allclose(history[-1], w, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(start, before)  # catches a start that is used as the moving point

# A start of whole numbers: catches a path that is rounded.
start = np.array([3, -2, 1])
history = sgd(lambda w, X, y: 0.5 * w, start, ((np.zeros((1, 1)), np.zeros(1)),) * 2, lambda t: 0.5)
assert history.dtype == np.float64
np.testing.assert_allclose(history, np.outer([1, 0.75, 0.5625], [3, -2, 1]), rtol=1e-6)
np.testing.assert_array_equal(start, [3, -2, 1])

# No batch at all still has a first row; a rate of 0 rests, and a rate that is too large has to diverge.
history = sgd(lambda w, X, y: w, np.array([1.0, 2.0]), [], lambda t: 0.1)
assert history.shape == (1, 2)
np.testing.assert_allclose(history, [[1.0, 2.0]])
history = sgd(lambda w, X, y: w, np.array([1.0]), [(np.zeros((1, 1)), np.zeros(1))] * 21, lambda t: 3.0 * (t > 0))
np.testing.assert_allclose(history[1:, 0], (-2.0) ** np.arange(21), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
The same data, the same start, four epochs each, three batch sizes. The model is the line $w_1 + w_2 x$ through 96
points, and every picture shows the weights on the landscape of the full loss. Uses `minibatches` and `sgd`. All
three look at 384 examples. The first run gets 4 steps for them, the last gets 384.
See where each ends: the first is still on its way, the second has arrived, the last circles the minimum without rest.
"""

# %% tags=["showcase"]
rng = np.random.default_rng(7)
x = rng.uniform(-1.5, 1.5, 96)
line_X, line_y = np.column_stack([np.ones(96), x]), 1 + 2 * x + rng.normal(0, 0.7, 96)


def line_grad(w, X, y):
    return X.T @ (X @ w - y) / len(y)


def epochs(X, y, batch_size, count, rng):
    """The batches of several epochs, one after the other."""
    for _ in range(count):
        yield from minibatches(X, y, batch_size, rng)


side, height = np.meshgrid(np.linspace(-2.2, 2, 80), np.linspace(-1.2, 3.4, 80))
landscape = np.mean((side[..., None] + height[..., None] * x - line_y) ** 2, axis=-1) / 2
fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True)
for ax, size in zip(axes, (96, 16, 1), strict=True):
    batches = epochs(line_X, line_y, size, 4, np.random.default_rng(1))
    path = sgd(line_grad, np.array([-2.0, -1.0]), batches, lambda t: 0.3)
    ax.contour(side, height, landscape, levels=[0.3, 0.5, 1, 2, 4, 6, 8], alpha=0.5)
    ax.plot(path[:, 0], path[:, 1], "o-", markersize=2, linewidth=0.8)
    ax.set(title=f"batches of {size}: {len(path) - 1} steps", xlabel="$w_1$")
axes[0].set_ylabel("$w_2$")
plt.show()

# %% [markdown]
r"""
## 3 · How wrong is a batch?

*Level: standard · 15 minutes · 2 points* · Page: *Estimating the gradient*

On average a batch is right: the mean of $g_B$ over all batches is $g$. A single batch misses, and the mean squared
length of the miss can be said in advance. With $\sigma^2$ the mean squared distance of the examples' gradients from
their mean,

$$\sigma^2 = \frac1N \sum_{i=1}^N \lVert g_i - g\rVert^2,
\qquad
\mathbb{E}\,\lVert g_B - g\rVert^2 = \frac{\sigma^2}{B}
\quad\text{or}\quad
\frac{\sigma^2}{B}\cdot\frac{N-B}{N-1}.$$

The first holds if every example of the batch is drawn from all $N$, so that one may come twice (*with replacement*).
The second holds if the batch has no example twice, as in part 1. The more of the data it covers, the less is left to
be wrong about; with $B = N$ nothing is.

<details><summary>Hint</summary>

$\lVert g_i - g\rVert^2$ is a sum over the $D$ entries; the mean is over the $N$ examples. With one example alone the
factor is $0/0$, but there $\sigma^2$ is 0, and so is the answer.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "minibatch_variance", "locked": false, "solution": true}
def minibatch_variance(per_example_grads, batch_size, replacement):
    """The expected squared distance between the gradient of a random batch and the gradient of all examples.

    per_example_grads: (N, D) the gradient on each example alone; N may be 1. Not modified.
    batch_size: how many examples a batch has, a whole number from 1 up. Without replacement it is at most N.
    replacement: True if a batch is drawn with replacement, False if it holds no example twice.

    Returns one number, E|g_B - g|^2, summed over the D entries. It is 0 where N is 1.

    Rule: Cochran, Sampling Techniques (1977), theorem 2.2; Goodfellow, Bengio and Courville, Deep Learning (2016),
    section 8.1.3.
    """
    ### BEGIN SOLUTION
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    misses = per_example_grads - np.mean(per_example_grads, axis=0)  # (N, D)
    sigma2 = np.mean(np.sum(misses**2, axis=1))
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return sigma2 / batch_size * factor
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "minibatch_variance_visible", "locked": true, "points": 0.5}
# Four gradients with mean (2, 1). Their squared distances from it are 2, 2, 18 and 10, so sigma^2 = 32/4 = 8.
grads = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 4.0], [-1.0, 0.0]])
found = minibatch_variance(grads.copy(), 2, True)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    4.0,
    rtol=1e-6,
    err_msg="B = 2 with replacement: expected 8/2. 16/3 divides by N - 1 for sigma^2; 2 averages over the entries too; "
    "6.5 forgot to subtract the mean; 8/3 is the answer without replacement; 8 forgot the batch; 4.25 took one mean "
    "over all entries",
)
np.testing.assert_allclose(
    minibatch_variance(grads.copy(), 2, False),
    8 / 3,
    rtol=1e-6,
    err_msg="B = 2 without replacement: expected 8/2 times (4 - 2)/(4 - 1). 4 has no factor; 2 divides by N in it",
)
np.testing.assert_allclose(
    minibatch_variance(grads.copy(), 4, False),
    0.0,
    atol=1e-12,
    err_msg="a batch of all 4 examples, none twice, is never wrong: expected 0",
)

# %% nbgrader={"grade": true, "grade_id": "minibatch_variance_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
from itertools import combinations, product

rng = np.random.default_rng(303)
for n, d, size in ((5, 3, 1), (5, 2, 2), (6, 1, 3), (4, 7, 3), (2, 2, 1), (4, 2, 4)):
    # The definition, over every batch there is: catches every wrong factor.
    grads = 5 + rng.standard_normal((n, d)) * rng.uniform(0.1, 4.0, d)
    before = grads.copy()
    centre = before.sum(axis=0) / n
    for replacement, batches in ((True, product(range(n), repeat=size)), (False, combinations(range(n), size))):
        misses = [np.sum((before[list(rows)].sum(axis=0) / size - centre) ** 2) for rows in batches]
        found = minibatch_variance(grads, size, replacement)
        np.testing.assert_allclose(found, sum(misses) / len(misses), rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(grads, before)  # catches a mean that is subtracted in place

# A batch larger than the data, with replacement; equal gradients; whole numbers; a single example.
np.testing.assert_allclose(minibatch_variance(np.array([[0.0], [2.0]]), 10, True), 0.1, rtol=1e-6)
np.testing.assert_allclose(minibatch_variance(np.full((6, 2), 3.0), 2, False), 0.0, atol=1e-12)
np.testing.assert_allclose(minibatch_variance(np.array([[1], [2], [6]]), 2, False), 14 / 12, rtol=1e-6)
for replacement in (True, False):
    np.testing.assert_allclose(minibatch_variance(np.array([[4.0, -1.0]]), 1, replacement), 0.0, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
r"""
Prediction against measurement, on the line of the showcase above at the weights $(-2, -1)$. Each dot is the mean of 400
batches, the curves are yours. Uses `minibatch_variance`. The two kinds of sampling part where the batch becomes a
good share of the data.
"""

# %% tags=["showcase"]
corner = np.array([-2.0, -1.0])
each = line_X * (line_X @ corner - line_y)[:, None]  # (96, 2): the gradient on each example alone
rng = np.random.default_rng(8)
fig, ax = plt.subplots(figsize=(7, 3.5))
for replacement, mark, label in ((True, "o", "with replacement"), (False, "s", "without")):
    sizes = np.arange(1, 97)
    ax.plot(sizes, [minibatch_variance(each, size, replacement) for size in sizes], label=f"{label}, predicted")
    for size in (1, 3, 8, 20, 48, 80):
        picks = [rng.choice(96, size, replace=replacement) for _ in range(40 if QUICK else 400)]
        missed = [np.sum((each[rows].mean(axis=0) - each.mean(axis=0)) ** 2) for rows in picks]
        ax.plot(size, np.mean(missed), mark, color=ax.lines[-1].get_color())
ax.set(xscale="log", yscale="log", ylim=(1e-3, None), xlabel="batch size", ylabel="mean squared miss")
ax.legend()
plt.show()

# %% [markdown]
r"""
## 4 · A rate that fades

*Level: warm-up · 5 minutes · 1 point* · Page: *The noise floor*

A fixed rate never lets the noise die down. Robbins and Monro asked in 1951 how a rate has to fall so that it does,
and found: slowly enough to get anywhere, $\sum_t \eta_t = \infty$, and fast enough for the noise to die,
$\sum_t \eta_t^2 < \infty$. Their example falls like one over time:

$$\eta_t = \frac{\eta_0}{1 + k\,t}.$$

$k$ is `decay`, $\eta_0$ is `lr0`.

<details><summary>Hint</summary>

At step 0 the rate is $\eta_0$. At step $1/k$ it is half of that.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "inverse_time", "locked": false, "solution": true}
def inverse_time(step, lr0, decay):
    """A learning rate that falls like one over time.

    step: the number of the step, a whole number 0, 1, 2, ...
    lr0: the learning rate of step 0.
    decay: how fast it falls, a number from 0 up; with 0 it stays.

    Returns the learning rate of that step, one number.

    Rule: Robbins and Monro, A Stochastic Approximation Method (1951).
    """
    ### BEGIN SOLUTION
    return lr0 / (1 + decay * step)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "inverse_time_visible", "locked": true, "points": 0.5}
found = [inverse_time(step, 0.8, 0.5) for step in (0, 2, 6)]
np.testing.assert_allclose(
    found,
    [0.8, 0.4, 0.2],
    rtol=1e-6,
    err_msg="lr0 = 0.8, decay = 0.5, at steps 0, 2 and 6: expected 0.8/1, 0.8/2 and 0.8/4. A first number below 0.8: "
    "steps count from 0. 0.36 and 0.07: a power of 1 + decay falls exponentially, which is too fast",
)

# %% nbgrader={"grade": true, "grade_id": "inverse_time_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(404)
for _ in range(6):
    step, lr0, decay = int(rng.integers(0, 10**6)), float(rng.uniform(1e-4, 10)), float(10 ** rng.uniform(-6, 1))
    # The definition, turned round: catches another law of decay.
    np.testing.assert_allclose(inverse_time(step, lr0, decay) * (1 + step * decay), lr0, rtol=1e-6)
np.testing.assert_allclose(inverse_time(0, 0.3, 7.0), 0.3, rtol=1e-6)
np.testing.assert_allclose(inverse_time(1, 1, 1), 0.5, rtol=1e-6)  # whole numbers: catches integer division
np.testing.assert_allclose(inverse_time(123, 0.3, 0.0), 0.3, rtol=1e-6)
np.testing.assert_allclose(inverse_time(10**9, 1.0, 1e-3), 1 / (1 + 1e6), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 5 · A rate that drops

*Level: warm-up · 5 minutes · 1 point* · Page: *The noise floor*

For years the networks that read photographs were trained with a rate that stays, then drops, then stays again. The
loss curves show it: at each drop the noise shrinks and the loss falls like a stone.

$$\eta_t = \eta_0\, f^{\lfloor t/k\rfloor}$$

Steps $0$ to $k-1$ have the first rate, steps $k$ to $2k-1$ the second. $f$ is `factor`, $k$ is `every`.

<details><summary>Hint</summary>

Python has an operator for the rounded-down quotient $\lfloor t/k\rfloor$.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "step_decay", "locked": false, "solution": true}
def step_decay(step, lr0, factor, every):
    """A learning rate that is multiplied by a factor every so many steps.

    step: the number of the step, a whole number 0, 1, 2, ...
    lr0: the learning rate of steps 0 to every - 1.
    factor: what the rate is multiplied by at each drop, above 0 and at most 1.
    every: how many steps share a rate, a whole number from 1 up.

    Returns the learning rate of that step, one number.

    Rule: He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition (2016), where the factor is 0.1.
    """
    ### BEGIN SOLUTION
    return lr0 * factor ** (step // every)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step_decay_visible", "locked": true, "points": 0.5}
found = [step_decay(step, 0.8, 0.5, 10) for step in (0, 9, 10, 19, 25)]
np.testing.assert_allclose(
    found,
    [0.8, 0.8, 0.4, 0.4, 0.2],
    rtol=1e-6,
    err_msg="lr0 = 0.8, halved every 10 steps, at steps 0, 9, 10, 19 and 25. Between two drops the rate stays; the "
    "drop comes at step 10, not at 9 or 11; and there is a second one at step 20",
)

# %% nbgrader={"grade": true, "grade_id": "step_decay_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(505)
for every, factor in ((1, 0.9), (3, 0.1), (7, 0.5), (20, 0.25)):
    lr0 = rate = float(rng.uniform(0.01, 5))
    for step in range(45):
        if step > 0 and step % every == 0:
            rate *= factor
        # Around each drop and far from it: catches drops one step off, smooth decay and a single drop.
        np.testing.assert_allclose(step_decay(step, lr0, factor, every), rate, rtol=1e-6)
np.testing.assert_allclose(step_decay(1000, 0.3, 1.0, 10), 0.3, rtol=1e-6)
np.testing.assert_allclose(step_decay(40, 1, 0.5, 4), 2.0**-10, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · The schedule of large models

*Level: standard · 15 minutes · 2 points* · Page: *The noise floor*

Most large language models are trained with a rate that rises, then falls along half a cosine. The rise, the
*warm-up*, keeps the first steps short, while the weights are random and the landscape is steep. With $t$ for the
number of steps including this one, so $t = \text{step} + 1$, $W$ for the warm-up and $T$ for the total,

$$\eta = \begin{cases}
\eta_{\max}\,\dfrac{t}{W} & t \le W,\\[2ex]
\eta_{\min} + \dfrac{\eta_{\max} - \eta_{\min}}{2}\left(1 + \cos \pi\,\dfrac{t - W}{T - W}\right) & t > W.
\end{cases}$$

Check the ends, for most slips happen there. The first step has $\eta_{\max}/W$ and not 0: a step with rate 0 would
be thrown away. Step $W-1$ has $\eta_{\max}$. The last one, step $T-1$, has $\eta_{\min}$.

<details><summary>Hint</summary>

Begin with `t = step + 1` and translate the formula as it stands. Then work out by hand what it gives at the first
step, at step $W - 1$ and at the last one. Try also $W = 0$ and $W = T$: which branch does each step take?
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "cosine_with_warmup", "locked": false, "solution": true}
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    """A learning rate that rises linearly to its maximum and then falls along half a cosine.

    step: the number of the step, a whole number from 0 to total - 1.
    lr_max: the largest rate, reached at step warmup - 1.
    warmup: how many steps the rise takes, a whole number from 0 to total. The first of them has lr_max/warmup.
        With 0 there is no rise, and step 0 is the first step down the cosine.
    total: how many steps the run has. The cosine starts from lr_max at step warmup - 1 and arrives at lr_min at
        step total - 1.
    lr_min: the rate of the last step, where the run has steps after the warm-up. It plays no part in the warm-up.

    Returns the learning rate of that step, one number.

    Rule: Loshchilov and Hutter, SGDR (2017), equation 5, for the cosine; Goyal et al., Accurate, Large Minibatch
    SGD (2017), section 2.2, for the warm-up.
    """
    ### BEGIN SOLUTION
    t = step + 1
    if t <= warmup:
        return lr_max * t / warmup
    progress = (t - warmup) / (total - warmup)  # 0 at the end of the warm-up, 1 at the last step
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cosine_with_warmup_visible", "locked": true, "points": 0.5}
# 4 steps up to 1, then 8 steps down to 0.2.
found = [cosine_with_warmup(step, 1.0, 4, 12, lr_min=0.2) for step in range(12)]
np.testing.assert_allclose(
    found[:4],
    [0.25, 0.5, 0.75, 1.0],
    rtol=1e-6,
    err_msg="steps 0 to 3, the warm-up: 0 at first means step/warmup, and 0.2 at first (step + 1)/(warmup + 1). "
    "0.4 at first: lr_min plays no part here. Bent: the cosine has to wait",
)
np.testing.assert_allclose(
    [found[4], found[7], found[11]],
    [0.2 + 0.4 * (1 + np.cos(np.pi / 8)), 0.6, 0.2],
    rtol=1e-6,
    err_msg="steps 4, 7 and 11: expected one eighth, half and all of the way down to 0.2. 1 at step 4: the maximum was "
    "at step 3. A last number above 0.2: the schedule never arrives. Below: it falls to lr_min, not to 0. 0.8 at "
    "step 7: divide by T - W. Above 1: half of the difference",
)

# %% nbgrader={"grade": true, "grade_id": "cosine_with_warmup_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(606)
for warmup, total in ((1, 2), (3, 10), (5, 6), (10, 47), (0, 9), (7, 7), (1, 1)):
    top, bottom = float(rng.uniform(0.5, 3)), float(rng.uniform(0, 0.4))
    found = [cosine_with_warmup(step, top, warmup, total, lr_min=bottom) for step in range(total)]
    np.testing.assert_allclose(found[:warmup], [top * k / warmup for k in range(1, warmup + 1)], rtol=1e-6)
    # Half a cosine is the square of a quarter: catches straight lines, quarter waves and whole ones.
    falls = [(k + 1) / (total - warmup) for k in range(total - warmup)]
    expected = [bottom + (top - bottom) * np.cos(np.pi / 2 * fall) ** 2 for fall in falls]
    np.testing.assert_allclose(found[warmup:], expected, rtol=1e-6, atol=1e-9)
    if total > warmup:  # catches a schedule that never arrives
        np.testing.assert_allclose(found[-1], bottom, rtol=1e-6, atol=1e-9)

# lr_min is 0 unless said otherwise, and all arguments have names.
np.testing.assert_allclose(cosine_with_warmup(99, 1.0, 10, 100), 0.0, atol=1e-9)
np.testing.assert_allclose(cosine_with_warmup(step=2, lr_max=6.0, warmup=3, total=8), 6.0, rtol=1e-6)
np.testing.assert_allclose(cosine_with_warmup(54, 1.0, 10, 100), 0.5, rtol=1e-6)
np.testing.assert_allclose(cosine_with_warmup(0, 3, 1000, 100_000), 0.003, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
Three ways to spend 1,000 steps. Uses `inverse_time`, `step_decay` and `cosine_with_warmup`.
"""

# %% tags=["showcase"]
SCHEDULES = {
    "inverse_time": lambda t: inverse_time(t, 1.0, 0.02),
    "step_decay": lambda t: step_decay(t, 1.0, 0.3, 250),
    "cosine_with_warmup": lambda t: cosine_with_warmup(t, 1.0, 50, 1000),
}
fig, ax = plt.subplots(figsize=(7, 3))
for name, schedule in SCHEDULES.items():
    ax.plot([schedule(t) for t in range(1000)], label=name)
ax.set(xlabel="step", ylabel="learning rate, as a share of the largest")
ax.legend()
plt.show()

# %% [markdown]
r"""
## 7 · The floor

*Level: challenge · 15 minutes · 2 points* · Page: *The noise floor*

How low does a noisy run get? Take one direction of curvature $c$, with the minimum at 0, and let every gradient
carry noise $\xi$ of variance $\sigma^2/B$:

$$w \leftarrow w - \eta\,(c\,w + \xi) = (1 - \eta c)\,w - \eta\,\xi.$$

The step shrinks $w$, and the noise pushes it away again. In the long run $\mathbb{E}[w^2]$ stays the same, which is
one equation for one unknown, $m = (1-\eta c)^2\, m + \eta^2\sigma^2/B$. Solve it, and the loss
$\tfrac12 c\,\mathbb{E}[w^2]$ has a floor:

$$\text{floor} = \frac{\eta\,\sigma^2}{2B\,(2 - \eta c)}.$$

Look at what is in it. For small rates the floor is $\eta\sigma^2/4B$: half the rate or twice the batch, half the
floor. At $\eta = 2/c$ it goes to infinity, as it must.

<details><summary>Hint</summary>

Test the rate before you divide. At $\eta = 2/c$ itself the denominator is 0, and there is no floor.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "noise_floor", "locked": false, "solution": true}
def noise_floor(curvature, lr, sigma2, batch_size):
    """The mean loss at which stochastic gradient descent with a fixed rate ends, on a parabola with its minimum at 0.

    The loss is 1/2*curvature*w^2, and each step is w <- w - lr*(curvature*w + noise), where the noise of each step
    is independent, with mean 0 and variance sigma2/batch_size.

    curvature: the second derivative of the loss, above 0.
    lr: the learning rate.
    sigma2: the variance of the gradient on a single example, from 0 up. It is a variance, a square already.
    batch_size: how many examples each step averages over, a whole number from 1 up.

    Returns one number, the mean of the loss in the long run.
    Raises ValueError unless 0 < lr < 2/curvature: with any other rate the run does not settle.

    Rule: compare Bottou, Curtis and Nocedal, Optimization Methods for Large-Scale Machine Learning (2018),
    theorem 4.6; Mandt, Hoffman and Blei, Stochastic Gradient Descent as Approximate Bayesian Inference (2017).
    """
    ### BEGIN SOLUTION
    if not 0 < lr < 2 / curvature:
        raise ValueError(f"expected a learning rate above 0 and below {2 / curvature}, found {lr}")
    return lr * sigma2 / (2 * batch_size * (2 - lr * curvature))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noise_floor_visible", "locked": true, "points": 0.5}
found = noise_floor(4.0, 0.375, 32.0, 4)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    3.0,
    rtol=1e-6,
    err_msg="curvature 4, lr 0.375, sigma2 32, batches of 4: expected 0.375 * 32 / (2*4*0.5). 1.5 is the mean of w^2 "
    "and not of the loss; 0.75 holds for small rates alone; 6 has lost the 1/2, and 12 the batch",
)
for rate in (0.5, 0.0):
    try:
        found = noise_floor(4.0, rate, 32.0, 4)
    except ValueError:
        continue
    except ZeroDivisionError:
        raise AssertionError(f"lr = {rate}: expected a ValueError, found a division by zero") from None
    raise AssertionError(
        f"curvature 4 needs a rate above 0 and below 0.5: expected a ValueError at {rate}, found {found}"
    )

# %% nbgrader={"grade": true, "grade_id": "noise_floor_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(707)
for share in (0.05, 0.4, 0.5, 0.9, 0.97):  # of the border, so on both sides of 1/curvature
    curvature, sigma2, size = (
        float(10 ** rng.uniform(-3, 3)),
        float(10 ** rng.uniform(-3, 3)),
        int(rng.integers(1, 300)),
    )
    lr = share * 2 / curvature
    # The definition: one more step leaves the mean square as it is. Catches every lost factor.
    mean_square = 2 * noise_floor(curvature, lr, sigma2, size) / curvature
    after = (1 - lr * curvature) ** 2 * mean_square + lr**2 * sigma2 / size
    np.testing.assert_allclose(after, mean_square, rtol=1e-6)
np.testing.assert_allclose(noise_floor(2, 0.5, 3, 1), 0.75, rtol=1e-6)  # whole numbers
np.testing.assert_allclose(noise_floor(2.0, 0.5, 0.0, 8), 0.0, atol=1e-12)  # no noise, no floor

# Catches a border that is left open, or taken for 1/curvature, and rates below 0.
for curvature, lr in ((8.0, 0.25), (8.0, 0.3), (0.5, 4.0), (2.0, 0.0), (2.0, -0.5), (2.0, -5.0)):
    try:
        noise_floor(curvature, lr, 1.0, 1)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
Theory against measurement. Every run moves 200 independent weights at once, each with noise of its own, so that
their mean loss is nearly the expected one. Left: with a fixed rate the loss falls to its floor and stays; the dotted
lines are predicted. The schedules have the larger rate as their largest and go through its floor.
Right: the floor against the rate, predicted (lines) and measured (dots). Uses `sgd`, `noise_floor` and the three
schedules.
"""

# %% tags=["showcase"]
RUNS, SIGMA2 = 200, 1.0


def noisy_slope(w, noise, _):
    return w + noise.mean(axis=0)  # curvature 1


def fixed(rate):
    return lambda t: rate


def noisy_run(batch_size, lr, steps, start=10.0):
    """The mean loss of 200 runs after each step."""
    rng = np.random.default_rng(5)
    batches = ((rng.normal(0, SIGMA2**0.5, (batch_size, RUNS)), None) for _ in range(steps))
    return np.mean(sgd(noisy_slope, np.full(RUNS, start), batches, lr) ** 2, axis=1) / 2


fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
for number, rate in enumerate((0.5, 0.05)):
    left.plot(noisy_run(4, fixed(rate), 1000), color=f"C{number}", linewidth=0.8, label=f"lr = {rate}, fixed")
    left.axhline(noise_floor(1.0, rate, SIGMA2, 4), color=f"C{number}", linestyle=":")
for number, (name, schedule) in enumerate(SCHEDULES.items(), start=2):
    losses = noisy_run(4, lambda t, shape=schedule: 0.5 * shape(t), 1000)
    left.plot(losses, color=f"C{number}", linewidth=0.8, label=name)
left.set(xscale="log", yscale="log", xlabel="step", ylabel="mean loss", ylim=(1e-4, 100))
left.legend(fontsize=8)

fine, floors = np.linspace(0.01, 1.9, 100), {}
for number, size in enumerate((1, 4, 16)):
    right.plot(fine, [noise_floor(1.0, rate, SIGMA2, size) for rate in fine], color=f"C{number}")
    for rate in np.linspace(0.1, 1.9, 3 if QUICK else 10):
        floors[size, rate] = np.mean(noisy_run(size, fixed(rate), 300, start=0.0)[100:])
        right.plot(rate, floors[size, rate], "o", color=f"C{number}")
    right.text(1.95, noise_floor(1.0, 1.9, SIGMA2, size), f"batches of {size}", color=f"C{number}", va="center")
right.set(yscale="log", xlim=(0, 2.75), xlabel="learning rate", ylabel="floor")
plt.show()

# %% [markdown]
r"""
## 8 · When is a batch large enough?

*Level: challenge · 20 minutes · 2 points* · Page: *How large a batch?*

A larger batch is worth its price while noise rules, and wasted when the gradient does. The border is where the two
are equal: the squared length of the noise in $g_B$, about $\operatorname{tr}(\Sigma)/B$, and the squared length of
the true gradient, $|G|^2$. So

$$B_{\text{simple}} = \frac{\operatorname{tr}(\Sigma)}{|G|^2},$$

the *gradient noise scale*. $G$ is the gradient over all the data there could be, and $g$ your estimate of it from
$N$ examples. $\Sigma$ is the covariance of a single example's gradient; its trace, the sum of its diagonal, is the
$\sigma^2$ of part 3 with $N - 1$ in place of $N$.

Both have to be estimated from $N$ examples, and both plain estimates lean to one side.
The spread around the sample's own mean comes out too small, so divide by $N-1$. And the mean gradient $g$ comes out
too long, because it carries noise of its own, so take that off:

$$\operatorname{tr}(\Sigma) \approx \frac{1}{N-1}\sum_i \lVert g_i - g\rVert^2,
\qquad
|G|^2 \approx \lVert g\rVert^2 - \frac{\operatorname{tr}(\Sigma)}{N}.$$

If nothing above 0 is left of $|G|^2$, then these examples cannot tell the gradient from noise. The answer is
infinity: no batch that you could make of them is large enough.

<details><summary>Hint</summary>

Work out $\operatorname{tr}(\Sigma)$ first, since $|G|^2$ needs it. It is one number, a sum over all $D$ entries.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "gradient_noise_scale", "locked": false, "solution": true}
def gradient_noise_scale(per_example_grads):
    """The batch size at which noise and gradient are equally long, estimated from the gradients of single examples.

    per_example_grads: (N, D) the gradient on each example alone, N at least 2. Not modified.

    Returns one number, tr(Sigma)/|G|^2, with both estimated without bias: tr(Sigma) is the sum of all |g_i - g|^2
    divided by N - 1, and |G|^2 is |g|^2 - tr(Sigma)/N, where g is the mean of all g_i. It is numpy.inf where that
    estimate of |G|^2 is not above 0.

    Rule: McCandlish, Kaplan, Amodei and the OpenAI Dota Team, An Empirical Model of Large-Batch Training (2018),
    section 2.2 and appendix A.
    """
    ### BEGIN SOLUTION
    N = len(per_example_grads)
    g = np.mean(per_example_grads, axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2) - trace / N
    return trace / signal if signal > 0 else np.inf
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient_noise_scale_visible", "locked": true, "points": 0.5}
# Four gradients with mean (1, 1). The squared distances from it add up to 4 + 4 + 2 + 2 = 12.
grads = np.array([[3.0, 1.0], [-1.0, 1.0], [2.0, 2.0], [0.0, 0.0]])
found = gradient_noise_scale(grads.copy())
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    4.0,
    rtol=1e-6,
    err_msg="tr(Sigma) = 12/3 = 4 and |G|^2 = 2 - 4/4 = 1: expected 4. 2 has not taken the noise off |g|^2; 1.5 and "
    "2.4 divide the 12 by N; 4/3 adds the noise; 0.25 stands upside down",
)
found = gradient_noise_scale(np.array([[1.0], [-1.0]]))
assert found == np.inf, f"gradients 1 and -1: |G|^2 comes out as 0 - 2/2, not above 0. Expected inf, found {found}"

# %% nbgrader={"grade": true, "grade_id": "gradient_noise_scale_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(808)
for n, d, noise in ((2, 1, 0.3), (5, 3, 1.0), (9, 2, 0.2), (40, 6, 2.0), (3, 8, 0.5)):
    grads = rng.uniform(1, 3, d) + noise * rng.standard_normal((n, d)) * rng.uniform(0.2, 1.5, d)
    before = grads.copy()
    # Two different examples know nothing of each other's noise: over all pairs, half the squared difference
    # averages to the trace and the product to the signal. Catches every bias.
    pairs = [(before[i], before[j]) for i in range(n) for j in range(n) if i != j]
    trace = sum(np.sum((a - b) ** 2) for a, b in pairs) / (2 * len(pairs))
    signal = sum(a @ b for a, b in pairs) / len(pairs)
    np.testing.assert_allclose(gradient_noise_scale(grads), trace / signal, rtol=1e-6)
    np.testing.assert_array_equal(grads, before)  # catches a mean that is subtracted in place

# Without noise one example is enough; whole numbers; a scale does not matter.
np.testing.assert_allclose(gradient_noise_scale(np.full((4, 3), 2.0)), 0.0, atol=1e-12)
np.testing.assert_allclose(gradient_noise_scale(np.array([[1], [3]])), 2 / 3, rtol=1e-6)
grads = np.array([[3.0, 1.0], [-1.0, 1.0], [2.0, 2.0], [0.0, 0.0]])
for scale in (1e-6, 1e6):
    np.testing.assert_allclose(gradient_noise_scale(scale * grads), 4.0, rtol=1e-6)

# Catches negative answers and 0/0.
for grads in ([[2.0, 0.0], [-2.0, 1.0], [0.0, -1.0]], [[0.0], [0.0]], [[1.0], [-0.9]]):
    assert gradient_noise_scale(np.array(grads)) == np.inf
### END HIDDEN TESTS

# %% [markdown]
r"""
## 9 · An answer from a run that will not stand still

*Level: warm-up · 10 minutes · 1 point* · Page: *Noise as an ally*

At its floor a run walks around the minimum, on all sides of it. Then its mean is a better answer than any of its
points. Polyak and Ruppert found that with averaging the rate may stay far larger than it could without. Points from
the way down spoil the mean, so leave out the start and the first $b$ steps:

$$\bar w = \frac{1}{T - b}\sum_{t=b+1}^{T} w_t .$$

$T$ steps in all, $b$ is `burn_in`.

<details><summary>Hint</summary>

Row 0 of the history is the point before any step. Which row is the first that counts if $b = 0$?
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "average_iterates", "locked": false, "solution": true}
def average_iterates(history, burn_in):
    """The mean of the points of a run, without its start and without those of its first steps.

    history: (T + 1, D) the points of a run of T steps; history[0] is the point before the first. Not modified.
    burn_in: how many steps to leave out, a whole number from 0 up. With 0 the mean is over history[1], ...,
        history[T]; with b it is over history[b + 1], ..., history[T].

    Returns the mean, shape (D,).
    Raises ValueError where no point is left.

    Rule: Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging (1992); Ruppert (1988).
    """
    ### BEGIN SOLUTION
    kept = history[burn_in + 1 :]
    if len(kept) == 0:
        raise ValueError(f"a run of {len(history) - 1} steps has no point after the first {burn_in}")
    return np.mean(kept, axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "average_iterates_visible", "locked": true, "points": 0.5}
# A start far away, and three steps.
run = np.array([[100.0, 0.0], [2.0, 1.0], [4.0, 5.0], [6.0, 9.0]])
found, later = average_iterates(run.copy(), 0), average_iterates(run.copy(), 1)
assert np.shape(found) == (2,), f"expected a point of shape (2,), found shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [4.0, 5.0],
    rtol=1e-6,
    err_msg="burn_in = 0: expected the mean of the last three rows. (28, 3.75) has counted the start",
)
np.testing.assert_allclose(
    later, [5.0, 7.0], rtol=1e-6, err_msg="burn_in = 1: expected the mean of the last two rows. (6, 9) is the last row"
)
try:
    found = average_iterates(run[:2].copy(), 1)
except ValueError:
    pass
else:
    raise AssertionError(f"a run of one step has no point after its first: expected a ValueError, found {found}")

# %% nbgrader={"grade": true, "grade_id": "average_iterates_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(909)
for d, steps, burn_in in ((1, 1, 0), (3, 10, 0), (2, 10, 4), (5, 7, 6), (4, 30, 20)):
    run = rng.standard_normal((steps + 1, d))
    run[0] += 1e3  # catches a start that is counted
    before = run.copy()
    expected = sum(before[t] for t in range(burn_in + 1, steps + 1)) / (steps - burn_in)
    found = average_iterates(run, burn_in)
    assert np.shape(found) == (d,)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(run, before)
np.testing.assert_allclose(average_iterates(np.array([[9], [1], [2]]), 0), [1.5], rtol=1e-6)  # whole numbers

# Catches a mean of nothing and an index that wraps around.
for steps, burn_in in ((3, 3), (3, 4), (3, 50), (0, 0)):
    try:
        average_iterates(np.ones((steps + 1, 2)), burn_in)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
## 10 · A model that reads

*Level: standard · 15 minutes · 2 points* · Page: *Gradient descent on a real model*

To read digits takes a score for each of $C$ classes, $z = xW$, and a way to make probabilities of scores. Softmax
does it, and the loss is minus the logarithm of the probability that the right class $k_i$ got:

$$p_{ic} = \frac{e^{z_{ic}}}{\sum_{c'} e^{z_{ic'}}},
\qquad
\ell = -\frac1N\sum_{i=1}^N \log p_{i,k_i},
\qquad
\nabla_W\,\ell = \frac1N X^\top (P - Y).$$

$Y$ is zero but for a 1 at each example's class. Look at the gradient: prediction minus truth, as in a linear model.

A float holds nothing beyond $e^{709}$, and a score of 1,000 is no rarity after a bold step. Subtract each row's
largest score from that row. It changes no probability and keeps every exponential at 1 or below. The logarithm needs
care as well, for a probability can round to 0. So never take $\log p$: it is $z_{ic} - \log \sum_{c'} e^{z_{ic'}}$.

<details><summary>Hint</summary>

With `rows = np.arange(N)`, `z[rows, labels]` picks the score of the right class from each row, and
`p[rows, labels] -= 1` turns $P$ into $P - Y$.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "softmax_loss_and_grad", "locked": false, "solution": true}
def softmax_loss_and_grad(W, X, labels):
    """Mean cross-entropy of softmax regression with scores X @ W, and its gradient with respect to W.

    W: (D, C) weights, one column for each class. Not modified.
    X: (N, D) inputs, one example in each row. Not modified.
    labels: (N,) the right class of each example, whole numbers (of any integer type) from 0 to C - 1. Not modified.

    Returns (loss, grad): loss is one number, in nats, the mean over the N examples; grad has the shape (D, C).
    Both are finite and right for scores of 10,000 and more, of either sign.

    Rule: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(labels))
    z = X @ W
    z = z - np.max(z, axis=1, keepdims=True)
    odds = np.exp(z)
    total = np.sum(odds, axis=1, keepdims=True)  # (N, 1)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    error = odds / total
    error[rows, labels] -= 1  # (N, C): probabilities minus truth
    return loss, X.T @ error / len(labels)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax_loss_and_grad_visible", "locked": true, "points": 0.5}
# Two examples, two inputs, three classes. Zero weights know nothing: every probability is 1/3.
X, labels = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 2])
loss, grad = softmax_loss_and_grad(np.zeros((2, 3)), X, labels)

assert np.ndim(loss) == 0, f"the loss is one number; found an array of shape {np.shape(loss)}"
np.testing.assert_allclose(
    loss, np.log(3), rtol=1e-6, err_msg="zero weights: expected ln 3 = 1.0986. Twice that means a sum; 1.585 is log2"
)
assert np.shape(grad) == (2, 3), f"expected a gradient of the shape of W, (2, 3); found {np.shape(grad)}"
np.testing.assert_allclose(
    grad,
    [[-1 / 3, 1 / 6, 1 / 6], [1 / 3, 1 / 3, -2 / 3]],
    rtol=1e-6,
    err_msg="gradient: right shape, wrong values. Signs exchanged: prediction minus truth. Twice as large: divide by "
    "N = 2. A third as large: the mean is over examples, not over classes. All positive: subtract 1 at the right class",
)
# Scores of 1000, 0, 0 for the first example, whose class is the first: it is certain and right, and adds nothing.
loss, _ = softmax_loss_and_grad(np.array([[1000.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), X, labels)
np.testing.assert_allclose(
    loss, np.log(3) / 2, rtol=1e-6, err_msg="a score of 1000: expected ln(3)/2. nan or inf: subtract the largest score"
)
# The same scores for an example of the second class: certain and wrong.
loss, _ = softmax_loss_and_grad(np.array([[1000.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), X[:1], np.array([1]))
np.testing.assert_allclose(
    loss,
    1000.0,
    rtol=1e-6,
    err_msg="a wrong class with score 1000: expected 1000. inf: the logarithm of a probability that rounded to 0; "
    "13.8 or 27.6 in place of 1000: a small number added inside the logarithm",
)

# %% nbgrader={"grade": true, "grade_id": "softmax_loss_and_grad_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1010)
for n, d, c in ((7, 4, 3), (1, 1, 2), (12, 2, 10), (5, 6, 4)):
    W, X = rng.standard_normal((d, c)), 2 * rng.standard_normal((n, d))
    labels = rng.integers(0, c, n).astype(np.uint8)  # classes repeat, and some are missing
    before = W.copy(), X.copy(), labels.copy()
    loss, grad = softmax_loss_and_grad(W, X, labels)
    losses, slopes = [], np.zeros((d, c))
    for i in range(n):  # one example after the other: catches a mean over the wrong axis
        odds = [np.exp(sum(X[i, j] * W[j, k] for j in range(d))) for k in range(c)]
        losses.append(-np.log(odds[labels[i]] / sum(odds)))
        for k in range(c):
            slopes[:, k] += (odds[k] / sum(odds) - (k == labels[i])) * X[i] / n
    np.testing.assert_allclose(loss, sum(losses) / n, rtol=1e-6)
    assert np.shape(grad) == (d, c)
    np.testing.assert_allclose(grad, slopes, rtol=1e-6, atol=1e-9)
    # Catches scores or labels that are changed in place.
    for argument, copy in zip((W, X, labels), before, strict=True):
        np.testing.assert_array_equal(argument, copy)

# Certain and wrong: the loss is the difference of the scores. Catches probabilities that round to 0.
W, X = np.array([[1.0, -1.0, 0.0]]), np.array([[1e4], [-1e4], [0.0]])
loss, grad = softmax_loss_and_grad(W, X, np.array([1, 0, 2]))
np.testing.assert_allclose(loss, (2e4 + 2e4 + np.log(3)) / 3, rtol=1e-6)
np.testing.assert_allclose(grad, np.array([[2e4, -2e4, 0.0]]) / 3, rtol=1e-6, atol=1e-6)
loss, grad = softmax_loss_and_grad(W, X[:2], np.array([0, 1]))  # certain and right
np.testing.assert_allclose(loss, 0.0, atol=1e-9)
np.testing.assert_allclose(grad, np.zeros((1, 3)), atol=1e-9)

# One example's scores lie far below another's: catches one maximum for the whole batch.
X, W = np.array([[1e4, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])
loss, grad = softmax_loss_and_grad(W, X, np.array([0, 0]))
np.testing.assert_allclose(loss, (np.log(2) + np.log1p(np.exp(-1))) / 2, rtol=1e-6)
np.testing.assert_allclose(grad[1], np.array([-1, 1]) / (1 + np.e) / 2, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 11 · More examples, longer steps

*Level: warm-up · 5 minutes · 1 point* · Page: *How large a batch?*

Twice the batch, half the noise: then the step may be twice as long and reach a floor of nearly the same
height while the rate is small, as part 7 says. While noise rules, $k$ small steps on small batches and one step of
$k$ times the rate on all of them together end up nearly in the same place. That is the linear scaling rule:

$$\eta' = \eta\,\frac{B'}{B}.$$

It ends where noise no longer rules, or where the step becomes too long for the landscape.

<details><summary>Hint</summary>

The rule works in both directions. A smaller batch asks for a smaller rate.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "linear_scaling", "locked": false, "solution": true}
def linear_scaling(lr, batch_size, new_batch_size):
    """The learning rate for another batch size, in proportion.

    lr: a learning rate that works for batch_size.
    batch_size: the batch size it belongs to, a whole number from 1 up.
    new_batch_size: the batch size for which a rate is wanted, a whole number from 1 up, larger or smaller.

    Returns one number, the rate for new_batch_size.

    Rule: Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (2017), section 2.1.
    """
    ### BEGIN SOLUTION
    return lr * new_batch_size / batch_size
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "linear_scaling_visible", "locked": true, "points": 0.5}
np.testing.assert_allclose(
    linear_scaling(0.1, 32, 256),
    0.8,
    rtol=1e-6,
    err_msg="0.1 for batches of 32, wanted for 256: expected 8 times the rate. 0.0125: upside down; 0.283: a root",
)
np.testing.assert_allclose(
    linear_scaling(0.8, 256, 32),
    0.1,
    rtol=1e-6,
    err_msg="and back: 0.8 for batches of 256, wanted for 32: expected an eighth of the rate",
)

# %% nbgrader={"grade": true, "grade_id": "linear_scaling_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1111)
for _ in range(6):
    lr, old, new = float(10 ** rng.uniform(-5, 1)), int(rng.integers(1, 5000)), int(rng.integers(1, 5000))
    # The definition: the rate for a single example stays. Catches roots, and ratios rounded to whole numbers.
    np.testing.assert_allclose(linear_scaling(lr, old, new) / new, lr / old, rtol=1e-6)
np.testing.assert_allclose(linear_scaling(0.3, 7, 7), 0.3, rtol=1e-6)
np.testing.assert_allclose(linear_scaling(0.1, 256, 8192), 3.2, rtol=1e-6)
np.testing.assert_allclose(linear_scaling(1, 3, 2), 2 / 3, rtol=1e-6)
np.testing.assert_allclose(linear_scaling(0.2, 4, 1), 0.05, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 12 · The finishing line

*Level: standard · 15 minutes · 2 points* · Page: *How large a batch?*

To compare batch sizes, ask how many steps each needs to reach a given loss. One lucky batch must not end the race, so
take the mean over a window of the last $n$ losses. The finish is the first step at which it is at or below the
target:

$$\min\Big\{\,t \ge n-1 \;:\; \frac1n\sum_{s=t-n+1}^{t} \ell_s \le \text{target}\Big\}.$$

Before step $n-1$ the window is not full, and a window that is not full does not count.

<details><summary>Hint</summary>

The window that ends at $t$ is `losses[t - n + 1 : t + 1]`, with $t + 1$ excluded. Try it with $n = 1$ in your head.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "steps_to_target", "locked": false, "solution": true}
def steps_to_target(losses, target, window):
    """The first index at which the mean of the last few losses is at or below a target.

    losses: (T,) the losses of a run, first to last. Not modified.
    target: the loss to reach.
    window: over how many losses to average, a whole number from 1 up. It may be longer than the run.

    Returns the first index t, from window - 1 up, at which the mean of losses[t - window + 1], ..., losses[t] is
    at most target: a whole number. Returns None if there is none.

    Rule: the measure of Shallue et al., Measuring the Effects of Data Parallelism on Neural Network Training (2019).
    """
    ### BEGIN SOLUTION
    for t in range(window - 1, len(losses)):
        if np.mean(losses[t - window + 1 : t + 1]) <= target:
            return t
    return None
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "steps_to_target_visible", "locked": true, "points": 0.5}
# The means over two losses are 5, 4, 5, 3.5, 2.5 and 2.5, and belong to steps 1 to 6.
losses = np.array([8.0, 2.0, 6.0, 4.0, 3.0, 2.0, 3.0])
found = steps_to_target(losses, 3.5, 2)
assert found is not None, "target 3.5, window 2: expected step 4, found None"
assert np.ndim(found) == 0 and found == 4, (
    f"target 3.5, window 2: expected step 4, where the mean of 4 and 3 is 3.5. Found {found}. 1 looks at single "
    "losses; 3 is where the window begins; 5 counts from one, or wants less than the target"
)
found = steps_to_target(losses, 2.0, 1)
assert found == 1, f"target 2, window 1: the loss of step 1 is exactly 2, and that counts. Expected 1, found {found}"
found = steps_to_target(losses, 1.0, 2)
assert found is None, f"target 1 is never reached: expected None, found {found}"
assert steps_to_target(np.array([1.0, 9, 9, 9]), 2.0, 2) is None, (
    "the first window is full at step 1: a single loss does not count"
)

# %% nbgrader={"grade": true, "grade_id": "steps_to_target_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1212)
for length, window in ((12, 1), (30, 4), (40, 7), (9, 9), (25, 2), (6, 5)):
    # Falls with much noise, in eighths, so that sums are exact.
    losses = np.round(8 * (3 * np.exp(-np.arange(length) / 6) + rng.uniform(0, 2, length))) / 8
    before = losses.copy()
    sums = {t: sum(before[t - k] for k in range(window)) for t in range(window - 1, length)}
    for total in [*sorted(set(sums.values()))[:4], max(sums.values()), min(sums.values()) - 1]:
        # Targets that are met exactly, met at once, and never met: catches < for <= and the last for the first.
        target = (total + 0.03125) / window  # a hair above, beyond any rounding
        reached = [t for t in sums if sums[t] <= total]
        found = steps_to_target(losses, target, window)
        if reached:
            assert found is not None and found == min(reached)
        else:
            assert found is None
    np.testing.assert_array_equal(losses, before)

# Exactly at the target, in numbers that floats hold exactly.
assert steps_to_target(np.array([4.0, 2.0, 1.0, 0.5]), 1.5, 2) == 2
assert steps_to_target(np.array([3, 1, 2, 0]), 0, 1) == 3
# Reached at step 0, which is neither None nor false; one low loss at the start, with a window that is not full.
found = steps_to_target(np.array([1.0, 5.0]), 1.0, 1)
assert found is not None and found == 0
assert steps_to_target(np.array([0.0, 9.0, 9.0, 0.0, 0.0, 0.0]), 1.0, 3) == 5
# A single low loss in a window; a window of which only the middle value is low; a run that rises again.
assert steps_to_target(np.array([9.0, 0.0, 9.0, 9.0, 9.0]), 4.0, 3) is None
assert steps_to_target(np.array([5.0, 1.0, 3.0, 2.0, 8.0]), 3.0, 3) == 2
assert steps_to_target(np.array([2.0, 9.0, 9.0]), 3.0, 1) == 0
# A window longer than the run, and a run without any step.
assert steps_to_target(np.array([0.0, 0.0]), 1.0, 3) is None
assert steps_to_target(np.array([]), 1.0, 1) is None
### END HIDDEN TESTS

# %% [markdown]
r"""
## It reads

1,797 handwritten digits of 8 by 8 pixels, read in from `digits.npz`: 1,297 to learn from and 500 held out. Softmax
regression has ten scores and nothing hidden, 650 weights with the biases. Ten epochs in batches of 16 make 820
steps, taken twice: once with a fixed rate of 2, once with a warm-up to 4 and a cosine down to 0, whose mean is 2 as
well. From the first of the two runs you get a second answer free of charge, the mean of its later half.

**Predict first.** Which of the three will have the lowest training loss: the end of the fixed rate, its mean, or the
end of the cosine? Write it down, then run the cell. Uses `minibatches`, `sgd`, `cosine_with_warmup`,
`average_iterates` and `softmax_loss_and_grad`. Expect the cosine to read at least 97 % of the held-out digits.
"""

# %% tags=["showcase"]
digits = np.load("digits.npz")
order = np.random.default_rng(0).permutation(len(digits["labels"]))
pixels = np.hstack([digits["images"][order] / 16, np.ones((len(order), 1))])  # the last column serves the biases
train_X, held_X = pixels[:1297], pixels[1297:]
train_y, held_y = np.split(digits["labels"][order], [1297])


def digit_grad(w, X, labels):
    return softmax_loss_and_grad(w.reshape(65, 10), X, labels)[1].ravel()


def train_loss(w):
    return softmax_loss_and_grad(w.reshape(65, 10), train_X, train_y)[0]


EPOCHS = 1 if QUICK else 10
STEPS = 82 * EPOCHS
digit_schedules = {
    "fixed rate": lambda t: 2.0,
    "warm-up and cosine": lambda t: cosine_with_warmup(t, 4.0, STEPS // 20, STEPS),
}
digit_runs = {}
for name, schedule in digit_schedules.items():
    batches = epochs(train_X, train_y, 16, EPOCHS, np.random.default_rng(1))
    digit_runs[name] = sgd(digit_grad, np.zeros(650), batches, schedule)
answers = {
    "fixed rate": digit_runs["fixed rate"][-1],
    "its mean": average_iterates(digit_runs["fixed rate"], STEPS // 2),
    "warm-up and cosine": digit_runs["warm-up and cosine"][-1],
}
accuracy = {name: np.mean((held_X @ w.reshape(65, 10)).argmax(axis=1) == held_y) for name, w in answers.items()}
for name, w in answers.items():
    print(f"{name:20} training loss {train_loss(w):.3f}, {accuracy[name]:.1%} of the held-out digits read correctly")

fig, ax = plt.subplots(figsize=(7, 3.2))
for name, run in digit_runs.items():
    ax.plot(range(0, STEPS + 1, 4), [train_loss(w) for w in run[::4]], linewidth=0.8, label=name)
ax.plot(STEPS, train_loss(answers["its mean"]), "*", color="C0", markersize=12, label="mean of the later half")
ax.set(yscale="log", xlabel="step", ylabel="loss on all 1,297")
ax.legend()
plt.show()

fig, axes = plt.subplots(1, 10, figsize=(11, 1.7))
templates = answers["warm-up and cosine"].reshape(65, 10)[:64]
for digit, ax in enumerate(axes):
    largest = np.abs(templates).max()
    ax.imshow(templates[:, digit].reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
    ax.set_title(f"{digit}")
    ax.axis("off")
fig.suptitle("What each score looks for: ink where it is red, paper where it is blue", y=1.1)
plt.show()

# %% [markdown]
r"""
The cosine wins on the training loss: 0.057, against 0.073 for the mean and 0.089 for the end of the fixed rate. On
the held-out digits the mean, which came free of charge, is level with it: 490 of 500 against 489.
"""

# %% [markdown]
r"""
## What a larger batch buys

Six batch sizes, from a single example to all 1,297, race to a training loss of 0.2, each with the best of eight
rates.

**Predict first.** A step on all the examples costs 1,297 times as much work as a step on one. By what factor does it
bring down the number of steps?

The curves are a prediction. The run on all the examples has no noise; say that it takes $S$ steps. Then a run with
batches of $B$ should take about $S\,(1 + B_{\text{simple}}/B)$ steps (McCandlish and others, 2018) and so look at
$S\,(B + B_{\text{simple}})$ examples. $B_{\text{simple}}$, the dotted line, is measured at the start, where all
weights are 0. Uses `minibatches`, `sgd`, `softmax_loss_and_grad`, `gradient_noise_scale`, `steps_to_target` and
`linear_scaling`, and the cell above. It takes up to half a minute. The page *How large a batch?* has other numbers
for the same digits and target, since there each pixel has its mean taken off first, and here it has not.
"""

# %% tags=["showcase"]
from itertools import islice


def steps_needed(size, rate):
    """How many steps of that rate bring the training loss to 0.2; None if none of the steps allowed does."""
    allowed, every = max(120, 4000 // size), max(1, 16 // size)
    batches = islice(epochs(train_X, train_y, size, allowed, np.random.default_rng(1)), allowed)
    path = sgd(digit_grad, np.zeros(650), batches, lambda t: rate)
    readings = [train_loss(w) for w in path[::every]]  # the loss on all examples, every few steps
    finish = steps_to_target(readings, 0.2, 2)
    return None if finish is None else finish * every


sizes = (16, 1297) if QUICK else (1, 4, 16, 64, 256, 1297)
rates = (4.0, 16.0) if QUICK else 2.0 ** np.arange(-3, 5)
best = {}  # size: (steps, rate)
for size in sizes:
    reached = [(steps, rate) for rate in rates if (steps := steps_needed(size, rate)) is not None]
    best[size] = min(reached)
    steps, rate = best[size]
    print(f"batches of {size:4}: {steps:5} steps with rate {rate:g}, {size * steps:6} examples")

one_by_one = np.array([digit_grad(np.zeros(650), train_X[[i]], train_y[[i]]) for i in range(len(train_X))])
noise_scale = gradient_noise_scale(one_by_one)
print(f"gradient noise scale at the start: {noise_scale:.0f}")

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6))
fine, fewest = np.geomspace(1, 1297, 100), best[1297][0]
left.plot(fine, fewest * (1 + noise_scale / fine), label="predicted")
left.plot(sizes, [best[size][0] for size in sizes], "o", label="measured")
left.set_ylabel("steps")
middle.plot(fine, fewest * (fine + noise_scale), label="predicted")
middle.plot(sizes, [size * best[size][0] for size in sizes], "o", label="measured")
middle.set_ylabel("examples looked at")
right.plot(fine, [linear_scaling(best[sizes[0]][1], sizes[0], size) for size in fine], label="linear scaling")
right.plot(sizes, [best[size][1] for size in sizes], "o", label="best of eight")
right.set(ylabel="learning rate", ylim=(0.1, 50))
for ax in (left, middle, right):
    ax.axvline(noise_scale, linestyle=":", color="gray")
    ax.set(xscale="log", yscale="log", xlabel="batch size")
    ax.legend()
fig.tight_layout()
plt.show()

# %% [markdown]
r"""
1,297 times the work for a step, and about 40 times fewer steps. Well to the left of the dotted line a batch four
times as large needs a third of the steps or fewer, and looks at a quarter more examples at most: who has four times the
machines is done sooner, for nearly the same bill. Right of it the steps hardly fall and the bill grows with the
batch. The best rate tells the same story. It follows the linear rule up to a batch of 16, and then it falls behind:
now the landscape forbids a longer step, and no longer the noise.

The bend of the curve needed gradients at one point and no race; its height needed one run, the noise-free one. Left
of the bend the prediction errs on the dear side, by a factor of up to 1.8, at a single example.

That is how the noise scale is used: nobody can afford such a race with a large language model, but the scale can be
measured as it trains. Over most of a run it grows, since the gradient shrinks faster than the noise. Kaplan and
others (2020) put the batch worth having for their largest models at one to two million tokens by the end.

One thing no batch can mend. Part 2 of the last chapter's exercise ended in a ravine, and a gradient without any noise
still pointed across it. The next chapter asks what a step should remember of the steps before it.
"""
