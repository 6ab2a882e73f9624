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
# Adaptive rates: should every weight take the same step?

One learning rate for a billion weights is a compromise: too large for some, too small for most. You write eleven
functions that end it. Six are optimisers that look at each weight by itself, from AdaGrad to Lion. Two make
up Muon, which looks at a whole matrix of weights at once. One cuts a gradient down to size. And two put the rules to
the test: on words, most of which are rare, and on the problem that was built to send Adam the wrong way for ever. At
the end your own optimisers paint the same picture, and you see which of them get it sharp.

**Points.** Eleven parts, 20 points. After each part stand two graded cells. The first shows its tests: run it, read
what it says, mend, run again. The second looks empty: its tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. Each part names the page that
explains it. The cells with pictures are not graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart and run all*, save, and hand in the notebook
under its own name. *Run all* stops at a cell that fails. Then run the rest by hand; the grader runs every cell on its
own. Keep `digits.npz` beside this notebook. It needs Python 3.11 or later, NumPy and Matplotlib.

**Time.** About two and a half hours for the parts, three with the pictures.

**Letters.** $w$ holds the weights and $g$ their gradient. $\eta$ is the learning rate, `lr` in code. $s$ is a sum of
squared gradients, $v$ a running mean of them, $m$ a running mean of the gradients themselves; each has an entry for
each weight. $\beta$ is the share of such a memory that a step keeps, $\lambda$, `wd` in code, the strength of weight
decay, $\varepsilon$, `eps` in code, a small number that keeps a division finite, and $t$ counts the steps, from 1.
Squares, roots and divisions of arrays are entry by entry. The docstrings say `(D,)`. Written with whole arrays,
without a loop over the weights, your steps work for matrices too, and the painting at the end needs that.
"""

# %%
import os

# The matrices here are small: several threads would only get in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: the long cells then do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · A rate for every weight

*Level: warm-up · 10 minutes · 2 points* · Page: *AdaGrad and the rare weight*

A weight that has seen large slopes should step carefully. A weight that has hardly been touched can afford a large
step. So let each weight keep a sum of its own squared slopes, and divide by the root of it:

$$s \leftarrow s + g^2, \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \varepsilon}.$$

This is AdaGrad. On its first step every weight moves by $\eta$, whether its slope is a thousand or a thousandth. From
then on the steps get smaller, each weight's at its own pace.

<details><summary>Hint</summary>

Two lines. `g * g` squares entry by entry. The new sum, with this gradient in it, is the one to divide by. Write
`s = ...` and not `s += ...`: the second would change the caller's own array.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "adagrad_step", "locked": false, "solution": true}
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    """One step of AdaGrad: each weight's rate is divided by the root of the sum of its squared gradients.

    w: (D,) the weights. g: (D,) the gradient at w. s: (D,) the sum of the squares of all gradients before this one,
    zeros before the first step. None of the three is modified.
    lr: the learning rate, a number above 0.
    eps: a number above 0, added to the root, outside of it.

    Returns (w, s), both (D,), as they are after the step: first g squared is added to s, then w moves by
    -lr * g / (sqrt(s) + eps), with the new s.

    Rule: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization (2011).
    """
    ### BEGIN SOLUTION
    s = s + g * g
    w = w - lr * g / (np.sqrt(s) + eps)
    return w, s
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adagrad_step_visible", "locked": true, "points": 0.5}
# The squares 9 and 16 join the sums 16 and 9. With an eps as large as 5 you see at once where it stands.
given = np.array([1.0, 2.0]), np.array([3.0, -4.0]), np.array([16.0, 9.0])
before = [array.copy() for array in given]
result = adagrad_step(*given, lr=0.5, eps=5.0)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and s; found {type(result).__name__}"
)
w, s = result
np.testing.assert_allclose(
    s,
    [25.0, 25.0],
    rtol=1e-6,
    err_msg="the sum: expected (16, 9) + (9, 16). (19, 5) adds the gradient itself; (9, 16) forgets the past; (41, 34) "
    "adds the squares of all weights to each; (0.85, 2.2) is the weights: w comes first",
)
np.testing.assert_allclose(
    w,
    [0.85, 2.2],
    rtol=1e-6,
    err_msg="the sum is right, the weights are not: expected (1, 2) - 0.5 * (3, -4) / (5 + 5). (1.15, 1.8) climbs; "
    "(0.833, 2.25) divides by the old sum; (0.95, 2.07) has lost the root; (0.726, 2.365) has eps inside the root; "
    "(0.7, 2.4) has no eps",
)
for name, array, copy in zip("wgs", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "adagrad_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5101)
for d, rate, eps in ((3, 0.1, 1e-10), (1, 2.0, 0.5), (6, 1e-3, 3.0), (4, 0.5, 1e-4)):
    # Six steps with a fresh gradient each, sizes far apart: catches lost sums, the old sum and eps in another place.
    start, already = rng.standard_normal(d), rng.uniform(0, 2, d)
    gradients = rng.standard_normal((6, d)) * 10.0 ** rng.integers(-2, 3, d)
    w, s, expected = start.copy(), already.copy(), start.copy()
    for t in range(6):
        w, s = adagrad_step(w, gradients[t], s, rate, eps)
        for i in range(d):
            total = already[i] + sum(gradients[r, i] ** 2 for r in range(t + 1))
            expected[i] -= rate * gradients[t, i] / (total**0.5 + eps)
            np.testing.assert_allclose(s[i], total, rtol=1e-5)
        np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)

# A weight without any gradient so far stays where it is: catches a division of nothing by nothing.
w, s = adagrad_step(np.array([1.0, -2.0]), np.array([0.0, 4.0]), np.zeros(2), 0.5)
np.testing.assert_allclose(w, [1.0, -2.5], rtol=1e-6)
np.testing.assert_allclose(s, [0.0, 16.0], rtol=1e-6)

# The defaults of the signature: lr = 0.01, eps = 1e-10.
w, s = adagrad_step(np.array([1.0, 1.0]), np.array([1e-10, 3.0]), np.zeros(2))
np.testing.assert_allclose(w, [1 - 0.005, 1 - 0.01], rtol=1e-6)

# Nothing is changed in place: catches w, g or s used as the result.
w, g, s = rng.standard_normal(3), rng.standard_normal(3), rng.uniform(1, 2, 3)
before = w.copy(), g.copy(), s.copy()
adagrad_step(w, g, s, 0.1)
np.testing.assert_array_equal(w, before[0])
adagrad_step(w, g, s, 0.2)
np.testing.assert_array_equal(g, before[1])
adagrad_step(w, g, s, 0.3)
np.testing.assert_array_equal(s, before[2])

# Whole numbers: catches a result that is rounded to the type of the input.
w, s = adagrad_step(np.array([1, 2]), np.array([3, -4]), np.array([16, 9]), 1, 5)
np.testing.assert_allclose(w, [0.7, 2.4], rtol=1e-6)
np.testing.assert_allclose(s, [25, 25], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 2 · Learn while you read

*Level: standard · 20 minutes · 2 points* · Page: *AdaGrad and the rare weight*

A program reads one line after the other and guesses, each time, from which of two places it comes. Then it is told,
and learns. It never sees a line twice. In such *online* learning the loss of each guess, made before the answer is
known, is an honest grade: every example is a test first and a lesson afterwards.

The guess is a logistic regression. An example is a row $x$ of numbers with a label $y$, 0 or 1:

$$z = x \cdot w, \qquad p = \frac{1}{1 + e^{-z}}, \qquad \ell = -y\log p - (1 - y)\log(1 - p), \qquad
\frac{\partial \ell}{\partial w} = (p - y)\,x.$$

Which optimiser learns is not this function's business. It gets `step`, and calls it.

<details><summary>Hint</summary>

For each row in turn: $z$, the loss, the gradient, the step. Written as above the loss is `inf` once $p$ rounds to 0.
The same number without that trouble is $\log(1 + e^z) - y z$, and `np.logaddexp(0, z)` computes the logarithm
safely for every $z$. For the gradient `1 / (1 + np.exp(-z))` is right for every $z$, though NumPy may warn of an
overflow.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "online_logistic", "locked": false, "solution": true}
def online_logistic(X, y, step):
    """One pass of logistic regression through the examples in their order, one step after each.

    X: (N, D) inputs, an example to a row. y: (N,) labels, each 0 or 1. Neither is modified.
    step: a function; step(w, g) takes the weights and the gradient of one example's loss, both (D,), and returns the
        weights after one step of some optimiser, (D,). It is called once for each example, in order.

    The weights start at zero, D of them, without a bias. The loss of an example is taken before the step on it, with
    the natural logarithm. For every finite z = x @ w, however large, it is finite, and so is the gradient.

    Returns (w, losses): the weights (D,) after the last step, and a float64 array (N,) with the loss of each example.

    Rule: online learning as in Duchi, Hazan and Singer (2011), section 1, with the logistic loss.
    """
    ### BEGIN SOLUTION
    w, losses = np.zeros(X.shape[1]), []
    for i in range(len(X)):
        z = X[i] @ w
        losses.append(np.logaddexp(0, z) - y[i] * z)
        p = np.exp(-np.logaddexp(0, -z))
        w = step(w, (p - y[i]) * X[i])
    return w, np.array(losses)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "online_logistic_visible", "locked": true, "points": 0.5}
# Three examples, and a step of plain descent with the rate 2. The first guess is p = 1/2 for everybody.
asked = []


def plain_step(w, g):
    asked.append((np.array(w), np.array(g)))
    return w - 2 * g


X, y = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, -1.0]]), np.array([1.0, 0.0, 1.0])
result = online_logistic(X, y, plain_step)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and losses; found {type(result).__name__}"
)
w, losses = result
assert len(asked) == 3, f"one step after each of the three examples; found {len(asked)} calls of step"
np.testing.assert_array_equal(asked[0][0], [0.0, 0.0], err_msg="the weights start at zero")
np.testing.assert_allclose(
    asked[0][1],
    [-0.5, 0.0],
    rtol=1e-6,
    err_msg="first gradient: expected (1/2 - 1) * (1, 0). (0.5, 0) has the wrong sign, (-0.5, -0.5) has lost x",
)
assert isinstance(losses, np.ndarray) and losses.dtype == np.float64, (
    f"losses: return a float64 array, for example np.array(losses); found {type(losses).__name__}"
)
assert np.shape(losses) == (3,), f"one loss for each of the three examples; found shape {np.shape(losses)}"
np.testing.assert_allclose(
    losses[0],
    np.log(2),
    rtol=1e-6,
    err_msg="first loss: expected log 2 = 0.693, the loss of a guess of one half. 0.313 is taken after the step",
)
np.testing.assert_allclose(
    asked[1][1],
    [0.7310586, 1.4621172],
    rtol=1e-6,
    err_msg="second gradient: the first step went to w = (1, 0), so z = 1 and p = 0.731. (0.5, 1) still has the old w",
)
np.testing.assert_allclose(
    losses,
    [0.6931472, 1.3132617, 0.0523133],
    rtol=1e-5,
    err_msg="a later loss: expected log(1 + e^z) - y*z with z = 0, 1 and 2.92",
)
np.testing.assert_allclose(w, [-0.4621172, -3.0261713], rtol=1e-5, err_msg="the weights after the last of three steps")
# Very sure and very wrong: the first step goes to w = -1, so z = -1000, the second to w = 1999, so z = 1999.
with np.errstate(all="ignore"):
    w, losses = online_logistic(np.array([[1.0], [1000.0], [1.0]]), np.array([0.0, 1.0, 0.0]), plain_step)
np.testing.assert_allclose(
    losses,
    [np.log(2), 1000.0, 1999.0],
    rtol=1e-6,
    err_msg="a guess that is wrong by z = -1000 costs 1000: not inf, and not less. The hint says how; nan in the third "
    "place alone comes from weights that are no numbers: exp(z) / (1 + exp(z)) is inf / inf for a large z",
)
np.testing.assert_allclose(
    w,
    [1997.0],
    rtol=1e-6,
    err_msg="the gradient at z = 1999, for the label 0: expected p = 1. exp(z) / (1 + exp(z)) is inf / inf there; "
    "write 1 / (1 + exp(-z))",
)

# %% nbgrader={"grade": true, "grade_id": "online_logistic_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5202)
for n, d, rate in ((12, 3, 0.5), (1, 2, 1.0), (7, 1, 3.0), (9, 5, 0.1)):
    X, y = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.6), (rng.random(n) < 0.5) * 1.0
    before, seen = (X.copy(), y.copy()), []

    def crooked_step(w, g, rate=rate, seen=seen):  # a step of no known method: catches a step that is built in
        seen.append((np.array(w), np.array(g)))
        return w - rate * np.sign(g) * np.sqrt(np.abs(g)) + 0.01 * len(seen)

    w, losses = online_logistic(X, y, crooked_step)
    assert len(seen) == n and np.shape(losses) == (n,) and np.shape(w) == (d,)
    assert np.asarray(losses).dtype == np.float64
    expected = np.zeros(d)
    for i in range(n):
        z = sum(X[i, j] * expected[j] for j in range(d))
        p = 1 / (1 + np.exp(-z))
        # Catches weights that stay, a loss after the step, labels of another kind and a gradient without x.
        np.testing.assert_allclose(seen[i][0], expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(seen[i][1], [(p - y[i]) * X[i, j] for j in range(d)], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(losses[i], -np.log(p if y[i] == 1 else 1 - p), rtol=1e-6, atol=1e-9)
        g = (p - y[i]) * X[i]
        expected = expected - rate * np.sign(g) * np.sqrt(np.abs(g)) + 0.01 * (i + 1)
    np.testing.assert_allclose(w, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])

# Guesses that are as sure as can be, right and wrong: catches a logarithm of 0.
slopes = []
with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
    w, losses = online_logistic(
        np.array([[1.0], [1000.0], [1000.0], [-1000.0]]),
        np.array([1, 0, 1, 1]),
        lambda w, g: slopes.append(g[0]) or w * 0 + 2.0,
    )
assert np.all(np.isfinite(losses))
np.testing.assert_allclose(slopes, [-0.5, 1000.0, 0.0, 1000.0], rtol=1e-6, atol=1e-9)
np.testing.assert_allclose(losses, [np.log(2), 2000.0, 0.0, 2000.0], rtol=1e-6, atol=1e-9)
np.testing.assert_allclose(w, [2.0])
# Whole numbers.
w, losses = online_logistic(np.array([[1, 2], [3, -1]]), np.array([0, 1]), lambda w, g: w - g)
np.testing.assert_allclose(losses, [np.log(2), np.log(1 + np.exp(0.5))], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
**A text that is on every machine.** Python's own library holds the packages `email` and `asyncio`. Your program gets
4,000 of their lines in random order and guesses for each which package it is from, by the words in it. Most words are
rare: two in five stand in a single line. `self` stands in more than a quarter of all lines. Uses `online_logistic`
and `adagrad_step`.

**Predict first**: each method has the best of its own rates. Which makes fewer errors? And for which words does it
matter?
"""

# %% tags=["showcase"]
import importlib
import inspect
import re

packages = {
    0: "message header generator feedparser _policybase utils charset headerregistry contentmanager policy parser",
    1: "tasks queues locks streams subprocess events runners transports protocols futures",
}
lines = [
    (sorted(set(re.findall("[A-Za-z]{2,}", line))), label)
    for label, names in packages.items()
    for name in names.split()
    for line in inspect.getsource(importlib.import_module(f"{('email', 'asyncio')[label]}.{name}")).splitlines()
]
lines = [line for line in lines if len(line[0]) >= 3]
lines = [lines[i] for i in np.random.default_rng(0).permutation(len(lines))[: 500 if QUICK else 4000]]
words = sorted({word for found, _ in lines for word in found})
place = {word: j for j, word in enumerate(words)}
texts, labels = np.zeros((len(lines), len(words))), np.array([label for _, label in lines])
for i, (found, _) in enumerate(lines):
    texts[i, [place[word] for word in found]] = 1


def read_lines(rate, adaptive):
    memory = {"s": np.zeros(len(words))}

    def one_step(w, g):
        if not adaptive:
            return w - rate * g
        w, memory["s"] = adagrad_step(w, g, memory["s"], rate)
        return w

    return online_logistic(texts, labels, one_step)


fig, ax = plt.subplots(figsize=(8, 3.6))
for adaptive, color, name in ((False, "C0", "one rate for all words"), (True, "C4", "AdaGrad")):
    runs = {rate: read_lines(rate, adaptive) for rate in (0.3, 1.0, 3.0)}
    rate = min(runs, key=lambda rate: runs[rate][1].sum())
    w, losses = runs[rate]
    ax.plot(np.cumsum(losses) / np.arange(1, len(losses) + 1), color=color, label=f"{name}, lr = {rate:g}")
    print(f"{name:24} best lr {rate:g}: mean loss {losses.mean():.3f}, {np.sum(losses > np.log(2))} errors")
    # Each word with the number of lines that it stands in.
    print("   email:  ", ", ".join(f"{words[j]} {texts[:, j].sum():.0f}" for j in np.argsort(w)[:8]))
    print("   asyncio:", ", ".join(f"{words[j]} {texts[:, j].sum():.0f}" for j in np.argsort(w)[-8:]))
ax.set(xlabel="lines read", ylabel="mean loss so far", ylim=(0, 0.7))
once = np.mean(texts.sum(axis=0) == 1)
ax.set_title(f"{len(lines):,} lines, {len(words):,} words, {once:.0%} of them in one line only")
ax.legend()
plt.show()

# %% [markdown]
r"""
With one rate for all, a word that comes once is believed as little as a word that comes daily. AdaGrad lets each word
speak up when it is new, and calm down as it grows common.

## 3 · Forget the distant past

*Level: warm-up · 5 minutes · 1 point* · Page: *RMSprop forgets*

AdaGrad's sum never shrinks. A steep stretch at the beginning slows a weight down for the rest of the run. Replace the
sum by a running mean, which forgets:

$$v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{v} + \varepsilon}.$$

This is RMSprop: the root of the mean square, of roughly the last $1/(1-\beta_2)$ gradients. On steady slopes every
weight soon moves by $\eta$ a step, for ever. The first steps are longer, ten times at $\beta_2 = 0.99$, because the
mean starts at zero. Part 4 mends that.

<details><summary>Hint</summary>

One line differs from part 1. The two shares, $\beta_2$ for the old mean and $1-\beta_2$ for the new square, add up
to 1.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "rmsprop_step", "locked": false, "solution": true}
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    """One step of RMSprop: each weight's rate is divided by the root of a running mean of its squared gradients.

    w: (D,) the weights. g: (D,) the gradient at w. v: (D,) the mean square before this step, zeros before the first
    one. None of the three is modified.
    lr: the learning rate, a number above 0.
    beta2: the share of the old mean that is kept, from 0 up to below 1.
    eps: a number above 0, added to the root, outside of it.

    Returns (w, v), both (D,), as they are after the step: first v becomes beta2*v + (1 - beta2)*g**2, then w moves by
    -lr * g / (sqrt(v) + eps), with the new v. There is no bias correction.

    Rule: Tieleman and Hinton, Lecture 6.5, COURSERA: Neural Networks for Machine Learning (2012).
    """
    ### BEGIN SOLUTION
    v = beta2 * v + (1 - beta2) * g * g
    w = w - lr * g / (np.sqrt(v) + eps)
    return w, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rmsprop_step_visible", "locked": true, "points": 0.5}
# Three quarters of the old mean, one quarter of the new square: both mean squares become 16.
given = np.array([1.0, 2.0]), np.array([4.0, -2.0]), np.array([16.0, 20.0])
before = [array.copy() for array in given]
result = rmsprop_step(*given, lr=0.5, beta2=0.75, eps=1.0)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and v; found {type(result).__name__}"
)
w, v = result
np.testing.assert_allclose(
    v,
    [16.0, 16.0],
    rtol=1e-6,
    err_msg="the mean square: expected 0.75 * (16, 20) + 0.25 * (16, 4). (16, 8) has the shares exchanged; (13, 14.5) "
    "has lost the square; (32, 24) is AdaGrad's sum; (28, 19) takes the whole square; (0.6, 2.2) is the weights: w "
    "comes first",
)
np.testing.assert_allclose(
    w,
    [0.6, 2.2],
    rtol=1e-6,
    err_msg="the mean square is right, the weights are not: expected (1, 2) - 0.5 * (4, -2) / (4 + 1). (1.4, 1.8) "
    "climbs; (0.6, 2.183) divides by the old mean; (0.882, 2.059) has lost the root; (0.515, 2.243) has eps inside the "
    "root; (0.5, 2.25) has no eps; (0.778, 2.111) corrects a bias, which RMSprop does not",
)
for name, array, copy in zip("wgv", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "rmsprop_step_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5303)
for d, rate, keep, eps in ((3, 0.1, 0.9, 1e-8), (1, 2.0, 0.3, 0.5), (6, 1e-3, 0.99, 3.0), (4, 0.5, 0.0, 1e-3)):
    start, already = rng.standard_normal(d), rng.uniform(0, 2, d)
    gradients = rng.standard_normal((6, d)) * 10.0 ** rng.integers(-2, 3, d)
    w, v, expected = start.copy(), already.copy(), start.copy()
    for t in range(6):
        w, v = rmsprop_step(w, gradients[t], v, rate, keep, eps)
        for i in range(d):  # the mean written out as a sum over all gradients so far
            mean = keep ** (t + 1) * already[i]
            mean += sum((1 - keep) * keep ** (t - r) * gradients[r, i] ** 2 for r in range(t + 1))
            expected[i] -= rate * gradients[t, i] / (mean**0.5 + eps)
            np.testing.assert_allclose(v[i], mean, rtol=1e-5)
        np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)

# A weight without any gradient so far stays where it is.
w, v = rmsprop_step(np.array([1.0, -2.0]), np.array([0.0, 4.0]), np.zeros(2), 0.5, 0.75)
np.testing.assert_allclose(w, [1.0, -3.0], rtol=1e-6)
np.testing.assert_allclose(v, [0.0, 4.0], rtol=1e-6)

# The defaults of the signature: lr = 1e-3, beta2 = 0.99, eps = 1e-8.
w, v = rmsprop_step(np.array([1.0, 1.0]), np.array([1e-7, 3.0]), np.zeros(2))
np.testing.assert_allclose(1 - w, [5e-3, 1e-2], rtol=1e-5)

# Nothing is changed in place.
w, g, v = rng.standard_normal(3), rng.standard_normal(3), rng.uniform(1, 2, 3)
before = w.copy(), g.copy(), v.copy()
rmsprop_step(w, g, v, 0.1)
np.testing.assert_array_equal(w, before[0])
rmsprop_step(w, g, v, 0.2)
np.testing.assert_array_equal(g, before[1])
rmsprop_step(w, g, v, 0.3)
np.testing.assert_array_equal(v, before[2])

# Whole numbers: catches a result that is rounded to the type of the input.
w, v = rmsprop_step(np.array([1, 2]), np.array([4, -2]), np.array([16, 20]), 1, 0.75, 1)
np.testing.assert_allclose(w, [0.2, 2.4], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 4 · Adam

*Level: challenge · 25 minutes · 3 points* · Page: *Adam, piece by piece*

Momentum remembers the slopes, RMSprop their squares. Adam remembers both, as running means:

$$m \leftarrow \beta_1 m + (1-\beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1-\beta_2)\, g^2.$$

Both start at zero, and so they are too small at first: after $t$ steps the shares of all gradients add up to
$1-\beta^t$, and not to 1. Adam divides that out,

$$\hat m = \frac{m}{1-\beta_1^t}, \qquad \hat v = \frac{v}{1-\beta_2^t}, \qquad
w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}.$$

The hats are for the step alone. What is kept for the next step is $m$ and $v$ without them. The step is counted from
1: with $t = 0$ the correction would divide by nothing.

<details><summary>Hint</summary>

Five lines: `m`, `v`, the two corrected ones, the step. Give the corrected ones names of their own. In Python a power
is `beta1**t`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "adam_step", "locked": false, "solution": true}
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of Adam.

    w: (D,) the weights. g: (D,) the gradient at w. m, v: (D,) the running means of the gradients and of their squares
    before this step, as this function returned them; zeros before the first one. None of the four is modified.
    t: the number of this step, a whole number; the first step has t = 1.
    lr: the learning rate, a number above 0.
    beta1, beta2: the shares of the old m and the old v that are kept, from 0 up to below 1.
    eps: a number above 0, added to the root of the corrected v, outside of it.

    Returns (w, m, v), each (D,), as they are after the step. m and v are returned as they are kept, without the
    correction 1/(1 - beta**t); the step is made with both of them corrected.

    Rule: Kingma and Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """
    ### BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w, m, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adam_step_visible", "locked": true, "points": 0.75}
# The second step of a run. Here 1 - beta1**2 = 0.64 and 1 - beta2**2 = 0.36, and eps is as large as 10.
given = np.array([1.0, 2.0]), np.array([8.0, -4.0]), np.array([16.0, -8.0]), np.array([29.0, 41.0])
before = [array.copy() for array in given]
result = adam_step(*given, 2, lr=0.5, beta1=0.6, beta2=0.8, eps=10.0)
assert isinstance(result, tuple | list) and len(result) == 3, (
    f"return three things, w, m and v; found {type(result).__name__}"
)
w, m, v = result
np.testing.assert_allclose(
    m,
    [12.8, -6.4],
    rtol=1e-6,
    err_msg="first moment: expected 0.6 * (16, -8) + 0.4 * (8, -4). (20, -10) is the corrected one: return m as it is "
    "kept; (11.2, -5.6) has the shares exchanged; (17.6, -8.8) takes the whole gradient; (0.5, 2.25) is the weights: "
    "w comes first",
)
np.testing.assert_allclose(
    v,
    [36.0, 36.0],
    rtol=1e-6,
    err_msg="second moment: expected 0.8 * (29, 41) + 0.2 * (64, 16). (100, 100) is the corrected one: return v as it "
    "is kept; (24.8, 32) has lost the square; (43, 31) has beta1 in the place of beta2",
)
np.testing.assert_allclose(
    w,
    [0.5, 2.25],
    rtol=1e-6,
    err_msg="both moments are right, the weights are not: expected (1, 2) - 0.5 * (20, -10) / (10 + 10). (0.6, 2.2) "
    "corrects nothing; (0.375, 2.3125) corrects m only; (0.68, 2.16) corrects v only; (0.317, 2.34) divides by "
    "1 - beta, without the power or with t - 1; (0.047, 2.477) has eps inside the root; (0, 2.5) has no eps; "
    "(1.5, 1.75) climbs; (0.625, 2.1875) adds eps to the uncorrected root; (0.561, 2.22) counts the step as t + 1",
)
for name, array, copy in zip("wgmv", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")
# The first step of every run: lr times the sign of the gradient, however large or small that is.
w, m, v = adam_step(np.zeros(3), np.array([1e-3, -1.0, 1e3]), np.zeros(3), np.zeros(3), 1, lr=0.01)
np.testing.assert_allclose(
    w,
    [-0.01, 0.01, -0.01],
    rtol=1e-4,
    err_msg="the first step, t = 1, from m = v = 0: expected -lr * sign(g). 0.0316 has no correction",
)

# %% nbgrader={"grade": true, "grade_id": "adam_step_hidden", "locked": true, "points": 2.25}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5404)
for d, rate, keep1, keep2, eps in (
    (3, 0.1, 0.9, 0.999, 1e-8),
    (1, 2.0, 0.5, 0.7, 0.5),
    (6, 1e-3, 0.8, 0.99, 3.0),
    (4, 0.5, 0.0, 0.9, 1e-3),
    (2, 0.2, 0.9, 0.0, 0.1),
):
    # Seven steps from the first on, with a fresh gradient each and sizes far apart. A large eps among them, because
    # with a tiny one its place cannot be seen; several steps, because at t = 1 the power is no power.
    start = rng.standard_normal(d)
    gradients = rng.standard_normal((7, d)) * 10.0 ** rng.integers(-2, 3, d)
    w, m, v, expected = start.copy(), np.zeros(d), np.zeros(d), start.copy()
    for t in range(1, 8):
        w, m, v = adam_step(w, gradients[t - 1], m, v, t, rate, keep1, keep2, eps)
        # Both moments as weighted means over the gradients so far: shares that add up to 1 need no correction.
        share1 = np.array([keep1 ** (t - r) for r in range(1, t + 1)])
        share2 = np.array([keep2 ** (t - r) for r in range(1, t + 1)])
        for i in range(d):
            mean = share1 @ gradients[:t, i] / share1.sum()
            square = share2 @ gradients[:t, i] ** 2 / share2.sum()
            expected[i] -= rate * mean / (square**0.5 + eps)
            np.testing.assert_allclose(m[i], (1 - keep1) * share1 @ gradients[:t, i], rtol=1e-5, atol=1e-9)
            np.testing.assert_allclose(v[i], (1 - keep2) * share2 @ gradients[:t, i] ** 2, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)

# Far into a run the correction has faded.
w, m, v = adam_step(np.zeros(2), np.array([1.0, 2.0]), np.array([3.0, 1.0]), np.array([4.0, 9.0]), 10**6, 0.1)
np.testing.assert_allclose(w, -0.1 * m / np.sqrt(v), rtol=1e-5)

# A weight without any gradient so far stays where it is: catches a division of nothing by nothing.
w, m, v = adam_step(np.array([1.0, -2.0]), np.array([0.0, 4.0]), np.zeros(2), np.zeros(2), 1, 0.5)
np.testing.assert_allclose(w, [1.0, -2.5], rtol=1e-6)
# A weight whose gradient has gone still moves, by what it remembers: catches a step by g.
w, m, v = adam_step(np.zeros(1), np.zeros(1), np.array([2.0]), np.array([16.0]), 3, 1.0, 0.5, 0.5, 1.0)
np.testing.assert_allclose(w, [-(1 / 0.875) / ((8 / 0.875) ** 0.5 + 1)], rtol=1e-6)

# The defaults of the signature: lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8.
w, m, v = adam_step(np.zeros(2), np.array([1e-8, 1.0]), np.zeros(2), np.zeros(2), 1)
np.testing.assert_allclose(w, [-5e-4, -1e-3], rtol=1e-5)
np.testing.assert_allclose([m[1], v[1]], [0.1, 0.001], rtol=1e-6)

# Nothing is changed in place.
arrays = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(3), rng.uniform(1, 2, 3)
before = [array.copy() for array in arrays]
for array, copy in zip(arrays, before, strict=True):
    adam_step(*arrays, 2, lr=0.1)
    np.testing.assert_array_equal(array, copy)

# Whole numbers: catches a result that is rounded to the type of the input.
w, m, v = adam_step(np.array([1, 2]), np.array([8, -4]), np.array([16, -8]), np.array([29, 41]), 2, 1, 0.6, 0.8, 10)
np.testing.assert_allclose(w, [0.0, 2.5], rtol=1e-6, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
What the two memories hold. One weight sees a noisy slope whose size jumps tenfold halfway. Uses `adam_step`. **Predict
first**: by how much does the step change in the long run when all slopes get ten times as large?
"""

# %% tags=["showcase"]
slopes = (1 + np.random.default_rng(0).standard_normal(400)) * np.where(np.arange(400) < 200, 1.0, 10.0)
w, m, v, rows = np.zeros(1), np.zeros(1), np.zeros(1), []
for t, slope in enumerate(slopes, start=1):
    before = w
    w, m, v = adam_step(w, np.array([slope]), m, v, t, lr=0.01, beta2=0.98)
    rows.append((m[0] / (1 - 0.9**t), np.sqrt(v[0] / (1 - 0.98**t)), (before - w)[0] / 0.01))
rows = np.array(rows)
fig, (above, below) = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, layout="constrained")
above.plot(slopes, ".", color="lightgray", label="slope")
above.plot(rows[:, 0], label="$\\hat m$: where to")
above.plot(rows[:, 1], "--", label="$\\sqrt{\\hat v}$: how large a slope usually is")
above.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
below.plot(rows[:, 2], color="C3")
below.axhline(1, color="gray", linewidth=0.8)
below.axhline(-1, color="gray", linewidth=0.8)
above.set_yscale("symlog", linthresh=1)
below.set(xlabel="step", ylabel="step / lr", ylim=(-1.2, 1.7))
plt.show()

# %% [markdown]
r"""
The slopes grow tenfold, and but for a few dozen steps after the jump the step stays what it was. Adam takes its size
from $\eta$ and asks the gradients only where to go, and how sure they are of it.

## 5 · Decay on its own

*Level: standard · 10 minutes · 2 points* · Page: *Decay on its own*

Weight decay pulls every weight a little towards zero at each step, so that a model keeps no larger weights than it
needs. In gradient descent one gets it by adding $\lambda w$ to the gradient. In Adam that goes wrong: the pull
would be divided by $\sqrt{\hat v}$ like everything else, and weights with large gradients would hardly decay. AdamW
keeps the decay out of the gradient:

$$w \leftarrow w - \eta\lambda w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}, \qquad \text{with the same old } w
\text{ on the right.}$$

Neither $m$ nor $v$ hears anything of it.

<details><summary>Hint</summary>

Part 4 with one term more, in the last line. Both terms there are made with the weights as they came in.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "adamw_step", "locked": false, "solution": true}
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    """One step of AdamW: a step of Adam, and beside it a decay of the weights that the moments do not see.

    w: (D,) the weights. g: (D,) the gradient at w, of the loss without any penalty. m, v: (D,) the running means of the
    gradients and of their squares before this step; zeros before the first one. None of the four is modified.
    t: the number of this step, a whole number; the first step has t = 1.
    lr, beta1, beta2, eps: as in Adam; eps stands outside of the root.
    wd: the strength of the decay, a number from 0 up. A step takes the share lr*wd off each weight.

    Returns (w, m, v), each (D,), as they are after the step. m and v are returned without their correction. With the
    corrected m_hat and v_hat, the new w is w - lr*wd*w - lr*m_hat/(sqrt(v_hat) + eps), all from the old w.

    Rule: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2; that the decay is
    multiplied by lr is the convention of PyTorch's AdamW.
    """
    ### BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    w = w - lr * wd * w - lr * step
    return w, m, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adamw_step_visible", "locked": true, "points": 0.5}
# The numbers of part 4, where Adam goes from (1, 2) to (0.5, 2.25). The decay is 0.5 * 0.2 = 0.1 of (1, 2).
given = np.array([1.0, 2.0]), np.array([8.0, -4.0]), np.array([16.0, -8.0]), np.array([29.0, 41.0])
before = [array.copy() for array in given]
result = adamw_step(*given, 2, lr=0.5, beta1=0.6, beta2=0.8, eps=10.0, wd=0.2)
assert isinstance(result, tuple | list) and len(result) == 3, (
    f"return three things, w, m and v; found {type(result).__name__}"
)
w, m, v = result
np.testing.assert_allclose(
    m,
    [12.8, -6.4],
    rtol=1e-6,
    err_msg="first moment: expected 0.6 * (16, -8) + 0.4 * (8, -4), as in Adam. (12.88, -6.24) has the decay in the "
    "gradient; (20, -10) is the corrected one",
)
np.testing.assert_allclose(
    v,
    [36.0, 36.0],
    rtol=1e-6,
    err_msg="second moment: expected 0.8 * (29, 41) + 0.2 * (64, 16), as in Adam. (100, 100) is the corrected one",
)
np.testing.assert_allclose(
    w,
    [0.4, 2.05],
    rtol=1e-6,
    err_msg="both moments are right, the weights are not: expected (1, 2) - 0.1 * (1, 2) - 0.5 * (20, -10) / 20. "
    "(0.45, 2.025) lets the new weights decay; (0.3, 1.85) has lost lr on the decay or doubles it; (0.6, 2.45) lets "
    "them grow; (0.5, 2.25) has no decay; (0.495, 2.24) divides the decay by the root",
)
for name, array, copy in zip("wgmv", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "adamw_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5505)
for d, rate, keep1, keep2, eps, decay in (
    (3, 0.1, 0.9, 0.999, 1e-8, 0.5),
    (1, 0.8, 0.5, 0.7, 0.5, 0.1),
    (6, 1e-2, 0.8, 0.99, 3.0, 4.0),
    (4, 0.5, 0.0, 0.9, 1e-3, 0.0),
    (2, 0.2, 0.9, 0.0, 0.1, 1.0),
):
    start = 3 * rng.standard_normal(d)
    gradients = rng.standard_normal((6, d)) * 10.0 ** rng.integers(-2, 3, d)
    w, m, v, expected = start.copy(), np.zeros(d), np.zeros(d), start.copy()
    for t in range(1, 7):
        w, m, v = adamw_step(w, gradients[t - 1], m, v, t, rate, keep1, keep2, eps, decay)
        share1 = np.array([keep1 ** (t - r) for r in range(1, t + 1)])
        share2 = np.array([keep2 ** (t - r) for r in range(1, t + 1)])
        for i in range(d):
            mean = share1 @ gradients[:t, i] / share1.sum()
            square = share2 @ gradients[:t, i] ** 2 / share2.sum()
            expected[i] = (1 - rate * decay) * expected[i] - rate * mean / (square**0.5 + eps)
            # Catches a decay that enters the moments.
            np.testing.assert_allclose(m[i], (1 - keep1) * share1 @ gradients[:t, i], rtol=1e-5, atol=1e-9)
            np.testing.assert_allclose(v[i], (1 - keep2) * share2 @ gradients[:t, i] ** 2, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)

# Without a gradient only the decay is left, the same share of each weight: catches a decay that is divided.
w, m, v = np.array([1.0, -4.0]), np.zeros(2), np.array([1.0, 1e6])
for t in range(1, 4):
    w, m, v = adamw_step(w, np.zeros(2), m, v, t, 0.1, wd=0.5)
np.testing.assert_allclose(w, [0.95**3, -4 * 0.95**3], rtol=1e-6)

# The defaults of the signature, the decay of 0.01 among them.
w, m, v = adamw_step(np.array([100.0, 1.0]), np.array([0.0, 1e-8]), np.zeros(2), np.zeros(2), 1)
np.testing.assert_allclose(w, [100 - 1e-3, 1 - 1e-5 - 5e-4], rtol=1e-9)

# Nothing is changed in place.
arrays = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(3), rng.uniform(1, 2, 3)
before = [array.copy() for array in arrays]
for array, copy in zip(arrays, before, strict=True):
    adamw_step(*arrays, 2, lr=0.1)
    np.testing.assert_array_equal(array, copy)

# Whole numbers: catches a result that is rounded to the type of the input.
arrays = np.array([1, 2]), np.array([8, -4]), np.array([16, -8]), np.array([29, 41])
w, m, v = adamw_step(*arrays, 2, lr=1, beta1=0.6, beta2=0.8, eps=10, wd=0.5)
np.testing.assert_allclose(w, [-0.5, 1.5], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · Never forget the worst

*Level: standard · 15 minutes · 2 points* · Page: *When Adam fails*

Adam divides by what it remembers of the squares, and it forgets. A rare large gradient is forgotten before the next
one comes, and then the small ones that point the wrong way get long steps. AMSGrad keeps, for each weight, the largest
$v$ so far, and divides by the root of that:

$$v_{\max} \leftarrow \max(v_{\max},\, v), \qquad \hat v = \frac{v_{\max}}{1-\beta_2^t}, \qquad
w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}.$$

The maximum is over the kept $v$, before any correction. And $v$ itself goes on as in Adam: its maximum is a third
memory, not a new value for the second.

<details><summary>Hint</summary>

`np.maximum` compares entry by entry; `np.max` would look for the largest entry of one array.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "amsgrad_step", "locked": false, "solution": true}
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of AMSGrad: Adam, divided by the root of the largest second moment so far.

    w: (D,) the weights. g: (D,) the gradient at w. m, v: (D,) the running means of the gradients and of their squares
    before this step. v_max: (D,) the largest value that each entry of v had after any step so far. All three are zeros
    before the first step. None of the five arrays is modified.
    t: the number of this step, a whole number; the first step has t = 1.
    lr, beta1, beta2, eps: as in Adam; eps stands outside of the root.

    Returns (w, m, v, v_max), each (D,), as they are after the step. m and v are those of Adam, without correction;
    v_max is the entry-wise maximum of the old v_max and the new v. The step is -lr * m_hat / (sqrt(v_hat) + eps) with
    m_hat = m/(1 - beta1**t) and v_hat = v_max/(1 - beta2**t).

    Rule: Reddi, Kale and Kumar, On the Convergence of Adam and Beyond (2018), algorithm 2, which has no corrections;
    they are here as in PyTorch's Adam with amsgrad=True.
    """
    ### BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v)
    w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v_max / (1 - beta2**t)) + eps)
    return w, m, v, v_max
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "amsgrad_step_visible", "locked": true, "points": 0.5}
# The numbers of part 4 with a third memory, (144, 9): its first entry is larger than the new v, the second is smaller.
given = (
    np.array([1.0, 2.0]),
    np.array([8.0, -4.0]),
    np.array([16.0, -8.0]),
    np.array([29.0, 41.0]),
    np.array([144.0, 9.0]),
)
before = [array.copy() for array in given]
result = amsgrad_step(*given, 2, lr=0.5, beta1=0.6, beta2=0.8, eps=10.0)
assert isinstance(result, tuple | list) and len(result) == 4, (
    f"return four things, w, m, v and v_max; found {type(result).__name__}"
)
w, m, v, v_max = result
np.testing.assert_allclose(m, [12.8, -6.4], rtol=1e-6, err_msg="first moment: expected that of Adam, (12.8, -6.4)")
np.testing.assert_allclose(
    v,
    [36.0, 36.0],
    rtol=1e-6,
    err_msg="second moment: expected that of Adam, (36, 36). (144, 36) is the maximum: it is kept beside v, and "
    "returned last; (128, 10.4) goes on from the maximum",
)
np.testing.assert_allclose(
    v_max,
    [144.0, 36.0],
    rtol=1e-6,
    err_msg="expected the larger of (144, 9) and (36, 36), entry by entry. (144, 100) compares with the corrected v; "
    "(144, 144) is the largest of all; (36, 9) is the smaller one; (144, 41) compares with the old v",
)
np.testing.assert_allclose(
    w,
    [2 / 3, 2.25],
    rtol=1e-6,
    err_msg="all three memories are right, the weights are not: expected (1, 2) - 0.5 * (20, -10) / (20 + 10, 10 + "
    "10). (0.5, 2.25) is Adam's step; (0.545, 2.3125) has the maximum uncorrected; (0.709, 2.2) corrects nothing; "
    "(0.506, 2.477) has eps inside the root",
)
for name, array, copy in zip(("w", "g", "m", "v", "v_max"), given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "amsgrad_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5606)
for d, rate, keep1, keep2, eps in (
    (3, 0.1, 0.9, 0.9, 1e-8),
    (1, 2.0, 0.5, 0.3, 0.5),
    (5, 1e-2, 0.8, 0.6, 3.0),
    (4, 0.5, 0.0, 0.5, 1e-3),
):
    start = rng.standard_normal(d)
    # Large gradients first and now and then, so that v rises and falls: catches every memory that loses the maximum.
    gradients = rng.standard_normal((8, d)) * np.where(rng.random((8, d)) < 0.3, 10.0, 0.5)
    gradients[0] *= 5
    w, m, v, v_max, expected = start.copy(), np.zeros(d), np.zeros(d), np.zeros(d), start.copy()
    highest = np.zeros(d)
    for t in range(1, 9):
        w, m, v, v_max = amsgrad_step(w, gradients[t - 1], m, v, v_max, t, rate, keep1, keep2, eps)
        share1 = np.array([(1 - keep1) * keep1 ** (t - r) for r in range(1, t + 1)])
        share2 = np.array([(1 - keep2) * keep2 ** (t - r) for r in range(1, t + 1)])
        for i in range(d):
            mean, square = share1 @ gradients[:t, i], share2 @ gradients[:t, i] ** 2
            highest[i] = max(highest[i], square)
            expected[i] -= rate * (mean / (1 - keep1**t)) / ((highest[i] / (1 - keep2**t)) ** 0.5 + eps)
            np.testing.assert_allclose(m[i], mean, rtol=1e-5, atol=1e-9)
            np.testing.assert_allclose(v[i], square, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(v_max, highest, rtol=1e-5)
        np.testing.assert_allclose(w, expected, rtol=1e-5, atol=1e-7)

# A weight without any gradient so far stays where it is.
zero = np.zeros(2)
w, m, v, v_max = amsgrad_step(np.array([1.0, -2.0]), np.array([0.0, 4.0]), zero, zero, zero, 1, 0.5)
np.testing.assert_allclose(w, [1.0, -2.5], rtol=1e-6)

# The defaults of the signature.
w, m, v, v_max = amsgrad_step(zero, np.array([1e-8, 1.0]), zero, zero, zero, 1)
np.testing.assert_allclose(w, [-5e-4, -1e-3], rtol=1e-5)
np.testing.assert_allclose([m[1], v[1], v_max[1]], [0.1, 0.001, 0.001], rtol=1e-6)

# Nothing is changed in place.
arrays = *rng.standard_normal((3, 3)), rng.uniform(1, 2, 3), rng.uniform(0, 1, 3)
before = [array.copy() for array in arrays]
for array, copy in zip(arrays, before, strict=True):
    amsgrad_step(*arrays, 2, lr=0.1)
    np.testing.assert_array_equal(array, copy)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 7 · The problem that Adam cannot solve

*Level: standard · 15 minutes · 2 points* · Page: *When Adam fails*

One weight $w$, which must stay between $-1$ and $1$. The slope it meets is always one of two. Every third step, at $t =
1, 4, 7, \dots$, it is $C$. At all others it is $-1$. With $C = 3$ the three add up to $3 - 1 - 1 = 1$, so downhill is
to the left, and the best place is $-1$.

A step may leave the interval. Then it is brought back to the nearer end. And the rate shrinks as theory asks,
$\eta_t = \eta/\sqrt t$.

Your function plays this game with any optimiser. It hands out slopes and rates and keeps the path.

<details><summary>Hint</summary>

`np.clip(w, -1, 1)` brings back. The remainder `t % 3` tells which slope it is: check it for $t = 1, 2, 3, 4$ before
you run anything.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "reddi_game", "locked": false, "solution": true}
def reddi_game(step, steps, C=3.0, lr=0.5):
    """The path of an optimiser on the periodic problem of Reddi, Kale and Kumar.

    step: a function; step(w, g, t, rate) takes four plain numbers, the weight, its slope, the number of the step, from
        1, and the learning rate of this step, and returns a number, the weight after one step of some optimiser. It is
        called once for each step.
    steps: how many steps to take, a whole number from 0 up.
    C: the slope at t = 1, 4, 7, ...; at every other t the slope is -1.
    lr: the rate of step t is lr / sqrt(t).

    The weight starts at 0. After each step it is brought back into the interval from -1 to 1, to the nearer end.

    Returns history, a float64 array (steps + 1,): history[0] is 0, history[t] the weight after t steps.

    Rule: Reddi, Kale and Kumar, On the Convergence of Adam and Beyond (2018), theorem 1, where C is above 2.
    """
    ### BEGIN SOLUTION
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), -1, 1)
    return history
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reddi_game_visible", "locked": true, "points": 0.5}
# Plain descent with the rates 0.5, 0.5/sqrt(2), 0.5/sqrt(3), 0.5/2 meets the slopes 3, -1, -1, 3.
asked = []


def descend(w, g, t, rate):
    assert np.ndim(w) == 0, f"the weight is one number; step got an array of shape {np.shape(w)}"
    asked.append((float(w), float(g), int(t), float(rate)))
    return w - rate * g


history = reddi_game(descend, 4)
assert len(asked) == 4, f"four steps: found {len(asked)} calls of step"
assert [t for _, _, t, _ in asked] == [1, 2, 3, 4], f"steps are counted from 1; found {[t for _, _, t, _ in asked]}"
np.testing.assert_array_equal(
    [g for _, g, _, _ in asked], [3, -1, -1, 3], err_msg="the slopes of the first four steps: 3 comes first and fourth"
)
np.testing.assert_allclose(
    [rate for _, _, _, rate in asked],
    [0.5, 0.3535534, 0.2886751, 0.25],
    rtol=1e-6,
    err_msg="the rates of the first four steps: expected 0.5 / sqrt(t)",
)
assert isinstance(history, np.ndarray) and history.dtype == np.float64, (
    f"return a float64 array, for example np.array(history); found {type(history).__name__}"
)
assert np.shape(history) == (5,), (
    f"4 steps: expected shape (5,), the start and one entry for each step; found {np.shape(history)}"
)
np.testing.assert_allclose(
    history,
    [0, -1, -0.6464466, -0.3577715, -1],
    rtol=1e-6,
    atol=1e-9,
    err_msg="the first step leads to -1.5 and is brought back to -1, and the second goes on from there; -1.1464 in the "
    "third place goes on from -1.5",
)
np.testing.assert_allclose(
    reddi_game(descend, 1, C=5.0, lr=0.1),
    [0, -0.5],
    rtol=1e-6,
    atol=1e-9,
    err_msg="one step with C = 5 and lr = 0.1: expected 0 - 0.1 * 5. -0.3 has the slope 3 built in; -1 the rate 0.5",
)

# %% nbgrader={"grade": true, "grade_id": "reddi_game_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5707)
for steps, C, rate, jump in ((11, 3.0, 0.5, 1.0), (7, 5.0, 0.2, -0.4), (1, 2.5, 0.1, 1.0), (13, 4.0, 0.05, 0.3)):
    seen = []

    def odd_step(w, g, t, eta, jump=jump, seen=seen):  # a step of no known method, with a memory
        seen.append((float(w), float(g), int(t), float(eta)))
        return w - jump * eta * g + 0.1 * len(seen) * eta

    history = reddi_game(odd_step, steps, C, rate)
    assert np.shape(history) == (steps + 1,) and np.asarray(history).dtype == np.float64
    assert history[0] == 0 and len(seen) == steps
    w = 0.0
    for t in range(1, steps + 1):
        g, eta = (C if t in (1, 4, 7, 10, 13) else -1.0), rate / t**0.5
        # Catches another order of slopes, another schedule and a point outside the interval.
        np.testing.assert_allclose(seen[t - 1], (w, g, t, eta), rtol=1e-6, atol=1e-9)
        w = min(1.0, max(-1.0, w - jump * eta * g + 0.1 * t * eta))
        np.testing.assert_allclose(history[t], w, rtol=1e-6, atol=1e-9)

# Both ends: catches an interval that is open on one side.
np.testing.assert_allclose(reddi_game(lambda w, g, t, rate: 7.0, 2), [0, 1, 1])
np.testing.assert_allclose(reddi_game(lambda w, g, t, rate: -7.0, 2), [0, -1, -1])
# A step that stays gives a path that stays, and no step at all still has a start.
np.testing.assert_allclose(reddi_game(lambda w, g, t, rate: w, 5), np.zeros(6), atol=1e-12)
assert np.shape(reddi_game(lambda w, g, t, rate: w, 0)) == (1,)
### END HIDDEN TESTS

# %% [markdown]
r"""
The game with four players. Uses `reddi_game`, `adam_step` and `amsgrad_step`. Adam plays twice: with a memory made to
be short, $\beta_1 = 0$ and $\beta_2 = 1/(1+C^2) = 0.1$, and with its defaults. **Predict first**: who ends at $-1$?
"""

# %% tags=["showcase"]
game_steps = 600 if QUICK else 20_000


def player(kind, **betas):
    memory = {"m": np.zeros(1), "v": np.zeros(1), "v_max": np.zeros(1)}

    def one_step(w, g, t, rate):
        w, g = np.array([w]), np.array([g])
        if kind == "SGD":
            return (w - rate * g)[0]
        if kind == "Adam":
            w, memory["m"], memory["v"] = adam_step(w, g, memory["m"], memory["v"], t, rate, **betas)
        else:
            w, *rest = amsgrad_step(w, g, memory["m"], memory["v"], memory["v_max"], t, rate, **betas)
            memory.update(zip(("m", "v", "v_max"), rest, strict=True))
        return w[0]

    return one_step


short = {"beta1": 0.0, "beta2": 0.1}
players = {
    "SGD": player("SGD"),
    "AMSGrad, short memory": player("AMSGrad", **short),
    "Adam, short memory": player("Adam", **short),
    "Adam, default betas": player("Adam"),
}
fig, ax = plt.subplots(figsize=(8, 3.6))
for number, (name, one) in enumerate(players.items()):
    path = reddi_game(one, game_steps)
    ax.plot(path, ("-", "--", "-", ":")[number], linewidth=1.5, label=name)
    print(f"{name:24} after {game_steps:,} steps: {path[-1]:+.3f}")
ax.set(xscale="symlog", xlabel="step", ylabel="$w$", ylim=(-1.1, 1.1))
ax.legend(loc="center right")
plt.show()

# %% [markdown]
r"""
Adam with the short memory goes to the worst place there is, and stays. Its two small steps outweigh the large one,
because each is divided by the root of a mean from which the large gradient has nearly gone. With its default
memory, which is a thousand steps long, the same Adam finds the way.

## 8 · Cut it down to size

*Level: warm-up · 10 minutes · 1 point* · Page: *Clipping*

One strange batch can have a gradient a hundred times as long as any before, and one step along it can undo a day of
training. Clipping sets a limit $c$ to the length of the whole gradient, all layers together:

$$\lVert g\rVert = \sqrt{\sum_{\text{arrays}} \sum_{\text{entries}} g^2}, \qquad
g \leftarrow g \cdot \frac{c}{\lVert g\rVert} \quad\text{if } \lVert g\rVert > c.$$

All arrays are multiplied by the same number, so the direction stays. A gradient within the limit is left as it is.

<details><summary>Hint</summary>

First the one length over all arrays, then the one factor, which is never above 1.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "clip_by_global_norm", "locked": false, "solution": true}
def clip_by_global_norm(grads, max_norm):
    """Scale a list of gradients down together, if their joint length exceeds a limit.

    grads: a list of arrays of any shapes, the gradients of all parts of a model. None of them is modified.
    max_norm: the limit, a number above 0.

    Returns (clipped, norm). norm is the length of all entries of all arrays taken as one long vector, before clipping.
    clipped is a list of arrays with the shapes of grads: all multiplied by max_norm/norm if norm is above max_norm,
    and with the values of grads otherwise, also when norm is 0. Otherwise they may be the same arrays.

    Rule: Pascanu, Mikolov and Bengio, On the Difficulty of Training Recurrent Neural Networks (2013), algorithm 1.
    """
    ### BEGIN SOLUTION
    norm = np.sqrt(sum(np.sum(np.square(g, dtype=float)) for g in grads))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clip_by_global_norm_visible", "locked": true, "points": 0.5}
# Two arrays: (2, 3) and a matrix of 6 and 0. Squares 4 + 9 + 36 + 0 = 49, so the length is 7.
given = [np.array([2.0, 3.0]), np.array([[6.0], [0.0]])]
before = [array.copy() for array in given]
result = clip_by_global_norm(given, 3.5)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, the list and the length; found {type(result).__name__}"
)
clipped, norm = result
assert isinstance(clipped, tuple | list) and len(clipped) == 2, (
    "two arrays in, a list of two arrays out; the list comes first, the length second"
)
np.testing.assert_allclose(
    norm,
    7.0,
    rtol=1e-6,
    err_msg="the length: expected sqrt(4 + 9 + 36 + 0). 49 has lost the root; 9.6 adds the lengths of the arrays; 11 "
    "adds the entries; 3.5 is the length afterwards; 6 is the largest entry",
)
assert np.shape(clipped[1]) == (2, 1), f"each array keeps its shape; found {np.shape(clipped[1])} for (2, 1)"
np.testing.assert_allclose(
    clipped[0],
    [1.0, 1.5],
    rtol=1e-6,
    err_msg="limit 3.5, length 7: expected half of everything. (1.94, 2.91) clips each array by its own length; (2, 3) "
    "cuts single entries, or nothing; (4, 6) is the factor upside down",
)
np.testing.assert_allclose(clipped[1], [[3.0], [0.0]], rtol=1e-6, err_msg="the second array: half of it as well")
for array, copy in zip(given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg="the numbers are right, but the caller's arrays were changed")
clipped, norm = clip_by_global_norm(given, 70.0)
np.testing.assert_allclose(
    clipped[0], [2.0, 3.0], rtol=1e-6, err_msg="a length of 7 within the limit of 70 stays 7; nothing is scaled up"
)
for array, copy in zip(given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg="within the limit, but the caller's arrays were changed")

# %% nbgrader={"grade": true, "grade_id": "clip_by_global_norm_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5808)
for shapes, size, share in (
    (((3,), (2, 4), (1,)), 1.0, 0.3),
    (((5, 2),), 1e3, 0.9),
    (((2,), (2,), (3, 2, 2)), 1e-3, 1.5),
    (((4,), (1, 1)), 10.0, 0.01),
):
    grads = [size * rng.standard_normal(shape) * rng.uniform(0.1, 3) for shape in shapes]
    before = [g.copy() for g in grads]
    length = sum(x * x for g in grads for x in g.ravel()) ** 0.5
    limit = share * length
    clipped, norm = clip_by_global_norm(grads, limit)
    np.testing.assert_allclose(norm, length, rtol=1e-6)
    assert [np.shape(c) for c in clipped] == list(shapes)
    for c, g, old in zip(clipped, grads, before, strict=True):
        np.testing.assert_allclose(c, old * min(1.0, limit / length), rtol=1e-5)  # catches clipping array by array
        np.testing.assert_array_equal(g, old)

# Nothing there to clip: catches a division by zero.
clipped, norm = clip_by_global_norm([np.zeros(2), np.zeros((1, 2))], 1.0)
np.testing.assert_allclose(norm, 0.0, atol=1e-12)
np.testing.assert_array_equal(clipped[0], [0.0, 0.0])
# Just at the limit nothing changes.
clipped, norm = clip_by_global_norm([np.array([3.0]), np.array([4.0])], 5.0)
np.testing.assert_allclose([clipped[0][0], clipped[1][0]], [3.0, 4.0], rtol=1e-6)
# Whole numbers: catches a result that is rounded to the type of the input.
clipped, norm = clip_by_global_norm([np.array([3, 0]), np.array([4])], 1)
np.testing.assert_allclose(clipped[0], [0.6, 0.0], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 9 · Only the sign

*Level: warm-up · 10 minutes · 1 point* · Page: *After Adam*

In 2023 a program searched among programs for optimisers, and the best that it found is shorter than Adam. Lion keeps
one memory, and of its step only the sign:

$$w \leftarrow w - \eta\,\big(\operatorname{sign}(\beta_1 m + (1-\beta_1)\, g) + \lambda w\big), \qquad
m \leftarrow \beta_2 m + (1-\beta_2)\, g.$$

Every weight moves by $\eta$, up or down, and decays. Note the two betas: the step trusts the new gradient more than
the memory does. And note the order: the step is made with the old $m$.

<details><summary>Hint</summary>

Compute the step before you renew $m$, or give the new memory another name. `np.sign(0)` is 0, and that is right.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "lion_step", "locked": false, "solution": true}
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    """One step of Lion: the sign of a mix of memory and gradient, with decoupled weight decay.

    w: (D,) the weights. g: (D,) the gradient at w. m: (D,) the running mean of the gradients before this step, zeros
    before the first one. None of the three is modified.
    lr: the learning rate, a number above 0: how far each weight moves.
    beta1: the share of the old m in the mix whose sign is the step; 1 - beta1 is the share of g.
    beta2: the share of the old m in the new m; 1 - beta2 is the share of g. Both betas are from 0 up to below 1.
    wd: the strength of the decay, a number from 0 up.

    Returns (w, m), both (D,), as they are after the step: w - lr*sign(mix) - lr*wd*w, with the old w on the right, and
    the new m. Where the mix is 0 its sign is 0.

    Rule: Chen et al., Symbolic Discovery of Optimization Algorithms (2023), algorithm 2.
    """
    ### BEGIN SOLUTION
    direction = np.sign(beta1 * m + (1 - beta1) * g)
    w = w - lr * (direction + wd * w)
    m = beta2 * m + (1 - beta2) * g
    return w, m
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "lion_step_visible", "locked": true, "points": 0.5}
# The mix is 0.5 * m + 0.5 * g = (-1, 0.25, 3); the memory keeps 0.75 of itself.
given = np.array([1.0, 2.0, -3.0]), np.array([-4.0, -1.5, 4.0]), np.array([2.0, 2.0, 2.0])
before = [array.copy() for array in given]
result = lion_step(*given, lr=0.5, beta1=0.5, beta2=0.75, wd=0.2)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and m; found {type(result).__name__}"
)
w, m = result
np.testing.assert_allclose(
    m,
    [0.5, 1.125, 2.5],
    rtol=1e-6,
    err_msg="the memory: expected 0.75 * 2 + 0.25 * (-4, -1.5, 4). (-1, 0.25, 3) is the mix, with beta1; "
    "(-2.5, -0.625, 3.5) has the shares exchanged; (1.4, 1.3, -3.2) is the weights: w comes first",
)
np.testing.assert_allclose(
    w,
    [1.4, 1.3, -3.2],
    rtol=1e-6,
    err_msg="the memory is right, the weights are not: expected w - 0.5 * (-1, 1, 1) - 0.1 * w. (0.4, 1.3, -3.2) has "
    "the sign of the new memory; (1.4, 2.3, -3.2) has the sign of the gradient, or renews the memory first; (1.5, 1.5, "
    "-3.5) has no decay; (1.35, 1.35, -3.15) lets the new weights decay; (1.4, 1.675, -4.2) has no sign",
)
at_rest, _ = lion_step(np.array([4.0]), np.array([-2.0]), np.array([2.0]), lr=0.5, beta1=0.5, beta2=0.75)
np.testing.assert_array_equal(
    at_rest, [4.0], err_msg="the mix is 0.5 * 2 - 0.5 * 2 = 0, and the sign of 0 is 0: no step"
)
for name, array, copy in zip("wgm", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "lion_step_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5909)
for d, rate, keep1, keep2, decay in ((4, 0.1, 0.9, 0.99, 0.0), (1, 2.0, 0.3, 0.8, 0.1), (6, 1e-3, 0.6, 0.2, 5.0)):
    w, m = rng.standard_normal(d), rng.standard_normal(d)
    for _ in range(6):
        g = 2 * rng.standard_normal(d)
        expected_w, expected_m = [], []
        for i in range(d):
            mix = keep1 * m[i] + (1 - keep1) * g[i]
            expected_w.append(w[i] - rate * (1 if mix > 0 else -1) - rate * decay * w[i])
            expected_m.append(keep2 * m[i] + (1 - keep2) * g[i])
        w, m = lion_step(w, g, m, rate, keep1, keep2, decay)
        np.testing.assert_allclose(w, expected_w, rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(m, expected_m, rtol=1e-5, atol=1e-8)

# Where nothing pulls nothing moves: catches a sign of 0 that counts as 1.
w, m = lion_step(np.array([1.0, -2.0]), np.zeros(2), np.zeros(2), 0.5)
np.testing.assert_allclose(w, [1.0, -2.0])
# The defaults of the signature.
w, m = lion_step(np.array([10.0]), np.array([1.0]), np.array([-0.2]))
np.testing.assert_allclose([w[0], m[0]], [10 + 1e-4, -0.188], rtol=1e-9)
# Nothing is changed in place.
arrays = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(3)
before = [array.copy() for array in arrays]
for array, copy in zip(arrays, before, strict=True):
    lion_step(*arrays, lr=0.1)
    np.testing.assert_array_equal(array, copy)
# Whole numbers: catches a result that is rounded to the type of the input.
w, m = lion_step(np.array([1, 2]), np.array([1, -1]), np.array([3, 3]), 0.25, 0.5, 0.5)
np.testing.assert_allclose(w, [0.75, 1.75], rtol=1e-6)
np.testing.assert_allclose(m, [2.0, 1.0], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 10 · The sign of a matrix

*Level: standard · 15 minutes · 2 points* · Page: *After Adam*

A weight matrix is more than a list of weights. It stretches some directions much and others hardly, by its singular
values, and the gradient of such a matrix often has a few large ones and many small ones. The matrix in which all of
them are set to 1 and all directions are kept is the nearest one to it that stretches nothing. It is to a matrix what
the sign is to a number.

A singular value decomposition finds it, slowly. The Newton–Schulz iteration needs nothing but products. First scale the
matrix so that no singular value is above 1,

$$X = \frac{G}{\max(\lVert G\rVert_F,\, 10^{-7})}, \qquad \text{then repeat} \qquad
X \leftarrow a X + b\,(X X^\top) X + c\,(X X^\top)^2 X.$$

Here $\lVert G\rVert_F$ is the root of the sum of all squared entries. Each round sends every singular value $\sigma$ to
$a\sigma + b\sigma^3 + c\sigma^5$ and leaves the directions alone. With the given $a, b, c$ five rounds bring
everything from 0.01 up to between 0.68 and 1.13, and closer is not needed.

<details><summary>Hint</summary>

Name the product: `A = X @ X.T`. Here `@` is meant wherever matrices meet, and `*` only for the three numbers.
`A**2` squares the entries; the square of a matrix is `A @ A`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "newton_schulz", "locked": false, "solution": true}
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    """Move all singular values of a matrix towards 1 and keep its singular vectors, by matrix products alone.

    G: (m, n) a matrix with real entries, wide, tall or square. It is not modified.
    steps: how many rounds, a whole number from 0 up. After 0 rounds the result is the scaled matrix.
    coefficients: (a, b, c), three numbers.

    Returns X, (m, n), floats. It starts as G / max(norm, 1e-7), with norm the Frobenius norm of G, the root of the sum
    of all squared entries. Each round makes it a*X + b*(X @ X.T) @ X + c*(X @ X.T) @ (X @ X.T) @ X. A matrix of zeros
    stays one.

    Rule: Jordan et al., Muon: An Optimizer for Hidden Layers in Neural Networks (2024), whose coefficients these are.
    """
    ### BEGIN SOLUTION
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "newton_schulz_visible", "locked": true, "points": 0.5}
# The columns (0.6, 0.8) and (-0.8, 0.6), stretched by the singular values 3 and 4. The Frobenius norm is 5.
G = np.array([[1.8, -3.2, 0.0], [2.4, 2.4, 0.0]])
copy = G.copy()
X = newton_schulz(G, steps=0)
assert np.shape(X) == (2, 3), f"the shape stays (2, 3); found {np.shape(X)}"
np.testing.assert_allclose(
    X,
    [[0.36, -0.64, 0], [0.48, 0.48, 0]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="no round: expected G / 5. 0.45 in the corner divides by the largest singular value, 0.072 by the squared "
    "norm",
)
X = newton_schulz(G, steps=1, coefficients=(2.0, -1.5, 0.5))
np.testing.assert_allclose(
    X,
    [[0.548928, -0.796672, 0], [0.731904, 0.597504, 0]],
    rtol=1e-6,
    atol=1e-9,
    err_msg="one round: expected the same two columns, stretched by 2*s - 1.5*s**3 + 0.5*s**5 for s = 0.6 and 0.8, "
    "that is 0.915 and 0.996. 0.5256 in the corner has no fifth power; 0.653 has powers of the entries: use @, not *; "
    "0.582 has A**2, which squares the entries: write A @ A. Every X on the right is the one before the round",
)
X = newton_schulz(G)
np.testing.assert_allclose(
    np.linalg.svd(X, compute_uv=False),
    [1.1185, 0.7228],
    rtol=1e-3,
    err_msg="five rounds with the given coefficients: expected singular values 1.118 and 0.723, near 1 but not at 1",
)
tall = newton_schulz(G.T)
assert np.shape(tall) == (3, 2), f"a tall matrix keeps its shape too: expected (3, 2), found {np.shape(tall)}"
np.testing.assert_allclose(tall, X.T, rtol=1e-6, atol=1e-9, err_msg="G transposed: expected the result transposed")
np.testing.assert_array_equal(
    newton_schulz(np.zeros((2, 3))),
    np.zeros((2, 3)),
    err_msg="a matrix of zeros stays one: where does max(..., 1e-7) go?",
)
np.testing.assert_array_equal(G, copy, err_msg="the numbers are right, but the caller's matrix was changed")

# %% nbgrader={"grade": true, "grade_id": "newton_schulz_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6010)
for shape, rounds, abc in (
    ((3, 5), 5, (3.4445, -4.7750, 2.0315)),
    ((6, 2), 1, (2.0, -1.5, 0.5)),
    ((4, 4), 3, (1.5, -0.5, 0.0)),
    ((1, 7), 2, (1.875, -1.25, 0.375)),
    ((5, 1), 0, (3.0, -1.0, 0.2)),
):
    G = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)
    before = G.copy()
    U, values, Vt = np.linalg.svd(G, full_matrices=False)
    s = values / sum(value**2 for value in values) ** 0.5
    for _ in range(rounds):  # on the singular values, one by one: catches products in a wrong order and lost powers
        s = np.array([abc[0] * x + abc[1] * x**3 + abc[2] * x**5 for x in s])
    X = newton_schulz(G, rounds, abc)
    assert np.shape(X) == shape
    np.testing.assert_allclose(X, U @ np.diag(s) @ Vt, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(G, before)

# The defaults of the signature.
G = np.diag([5.0, 2.0, 1.0])
np.testing.assert_allclose(newton_schulz(G), newton_schulz(G, 5, (3.4445, -4.7750, 2.0315)), rtol=1e-9)
s = np.array([5.0, 2.0, 1.0]) / 30**0.5
for _ in range(5):
    s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
np.testing.assert_allclose(newton_schulz(G), np.diag(s), rtol=1e-5, atol=1e-9)
# A matrix of zeros: catches a division of nothing by nothing. A tiny one is divided by 1e-7.
np.testing.assert_array_equal(newton_schulz(np.zeros((2, 3))), np.zeros((2, 3)))
np.testing.assert_allclose(newton_schulz(np.array([[1e-9, 0.0]]), 0), [[1e-2, 0.0]], rtol=1e-6)
# Whole numbers: catches a result that is rounded to the type of the input.
np.testing.assert_allclose(newton_schulz(np.array([[3, 0], [0, 4]]), 0), [[0.6, 0], [0, 0.8]], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
The polynomial at work. Uses `newton_schulz` on diagonal matrices, whose entries are their own singular values.
**Predict first**: a singular value of 0.01 stands beside one of 1. How many rounds until they are alike?
"""

# %% tags=["showcase"]
values = np.geomspace(0.001, 1, 60 if QUICK else 400)
fig, ax = plt.subplots(figsize=(8, 3.6))
for rounds in (1, 2, 3, 5):
    # A partner of the right size makes the Frobenius norm of each pair 1, so that the scaling changes nothing.
    after = [newton_schulz(np.diag([s, np.sqrt(1 - s * s)]), rounds)[0, 0] for s in values]
    ax.plot(values, after, label=f"{rounds} round{'s' * (rounds > 1)}", color=plt.cm.viridis(rounds / 6))
ax.axhline(1, color="gray", linewidth=0.8)
ax.axvline(0.01, color="gray", linewidth=0.8, linestyle=":")
ax.set(xscale="log", xlabel="singular value before", ylabel="after", ylim=(0, 1.35))
ax.legend(loc="lower right")
plt.show()
pair = np.diag([0.01, np.sqrt(1 - 0.01**2)])
for rounds in range(7):
    print(f"after {rounds} rounds: {newton_schulz(pair, rounds)[0, 0]:.3f} and {newton_schulz(pair, rounds)[1, 1]:.3f}")

# %% [markdown]
r"""
## 11 · Muon

*Level: standard · 15 minutes · 2 points* · Page: *After Adam*

Muon is momentum whose step has been made orthogonal, for one matrix of weights. The velocity is that of chapter 4,
and the step looks ahead like Nesterov's, by counting the newest gradient once more:

$$M \leftarrow \beta M + G, \qquad O = \operatorname{orthogonalise}(G + \beta M), \qquad
W \leftarrow W - \eta\lambda W - \eta\,\sqrt{\max(1,\, n/m)}\; O.$$

$W$ has $m$ rows and $n$ columns, for $m$ inputs and $n$ outputs: the layer computes `x @ W`. ($m$ is a number here,
and not the mean of part 4.) The root makes the steps of layers of different shapes comparable. Papers and PyTorch
keep the transposed matrix, and there the root has rows over columns.

How the step is made orthogonal is left to the caller, who passes the function: `newton_schulz`, or anything else.

<details><summary>Hint</summary>

Three lines. Renew `M` first; the step uses the new one. `W.shape` is `(m, n)`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "muon_step", "locked": false, "solution": true}
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    """One step of Muon on one weight matrix: Nesterov's momentum, made orthogonal, with decoupled weight decay.

    W: (m, n) the weights of a layer x @ W with m inputs and n outputs. G: (m, n) the gradient at W. M: (m, n) the
    velocity before this step, zeros before the first one. None of the three is modified.
    orthogonalise: a function of one matrix (m, n) that returns a matrix (m, n). It is called once.
    lr: the learning rate, a number above 0.
    beta: the share of the old velocity that is kept, from 0 up to below 1.
    wd: the strength of the decay, a number from 0 up.

    Returns (W, M), both (m, n), as they are after the step: the new M is beta*M + G, and with it
    O = orthogonalise(G + beta*M), and W - lr*wd*W - lr*sqrt(max(1, n/m))*O, with the old W on the right.

    Rule: Jordan et al., Muon: An Optimizer for Hidden Layers in Neural Networks (2024); its velocity is written as in
    chapter 4, its W transposed.
    """
    ### BEGIN SOLUTION
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    W = W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O
    return W, M
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "muon_step_visible", "locked": true, "points": 0.5}
# One input, four outputs: the root is sqrt(4) = 2. The orthogonaliser is a function whose work is seen at once.
asked = []


def signs(matrix):
    asked.append(np.array(matrix))
    return np.sign(matrix)


given = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[1.0, -2.0, -3.0, 2.0]]), np.array([[2.0, 6.0, 2.0, 2.0]])
before = [array.copy() for array in given]
result = muon_step(*given, signs, lr=0.1, beta=0.5, wd=2.0)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, W and M; found {type(result).__name__}"
)
W, M = result
np.testing.assert_allclose(
    M,
    [[2.0, 1.0, -2.0, 3.0]],
    rtol=1e-6,
    err_msg="the velocity: expected 0.5 * (2, 6, 2, 2) + (1, -2, -3, 2). (1.5, 2, -0.5, 2) takes half of the gradient",
)
assert len(asked) == 1, f"one step makes one matrix orthogonal; found {len(asked)} calls of orthogonalise"
np.testing.assert_allclose(
    asked[0],
    [[2.0, -1.5, -4.0, 3.5]],
    rtol=1e-6,
    err_msg="what is made orthogonal: expected G + 0.5 * (2, 1, -2, 3). (2, 1, -2, 3) is the velocity itself, or "
    "looks ahead with the old one; (3, -1, -5, 5) has lost beta; (1, -2, -3, 2) is the gradient",
)
np.testing.assert_allclose(
    W,
    [[0.6, 1.8, 2.6, 3.0]],
    rtol=1e-6,
    err_msg="expected W - 0.2 * W - 0.1 * 2 * (1, -1, -1, 1). (0.7, 1.7, 2.5, 3.1) has no root or the wrong way up; "
    "(0.8, 2.2, 3.2, 3.8) has no decay; (0.64, 1.76, 2.56, 3.04) lets the new weights decay; (0.4, 2.0, 2.8, 2.8) "
    "has lost the square root",
)
for inputs, outputs, root in ((4, 1, 1.0), (2, 3, 1.5**0.5)):
    shape = inputs, outputs
    moved, _ = muon_step(np.zeros(shape), np.ones(shape), np.zeros(shape), signs, lr=1.0)
    np.testing.assert_allclose(
        moved,
        np.full(shape, -root),
        rtol=1e-6,
        err_msg=f"{inputs} inputs and {outputs} outputs: expected the root sqrt(max(1, {outputs}/{inputs})) = "
        f"{root:.4g} and all entries minus that. With 4 inputs -0.5 has no max; with 2 inputs -1 divides with //, or "
        "upside down",
    )
for name, array, copy in zip("WGM", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "muon_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6111)


def exact(matrix):
    """The nearest matrix whose singular values are all 1."""
    U, _, Vt = np.linalg.svd(matrix, full_matrices=False)
    return U @ Vt


for m, n, rate, keep, decay in (
    (6, 2, 0.5, 0.5, 0.3),
    (3, 5, 0.1, 0.9, 0.0),
    (4, 4, 0.02, 0.95, 1.0),
    (1, 3, 1.0, 0.0, 0.1),
):
    W, M = rng.standard_normal((m, n)), rng.standard_normal((m, n))
    for _ in range(4):  # several steps with fresh gradients: catches a velocity that is lost or orthogonal
        G = 3 * rng.standard_normal((m, n))
        velocity = np.array([[keep * M[i, j] + G[i, j] for j in range(n)] for i in range(m)])
        O = exact(G + keep * velocity)
        factor = (n / m) ** 0.5 if n > m else 1.0
        expected = np.array(
            [[W[i, j] - rate * decay * W[i, j] - rate * factor * O[i, j] for j in range(n)] for i in range(m)]
        )
        W, M = muon_step(W, G, M, exact, rate, keep, decay)
        np.testing.assert_allclose(M, velocity, rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(W, expected, rtol=1e-5, atol=1e-8)

# The caller's function alone decides: catches an orthogonaliser that is built in.
W, M = muon_step(np.ones((2, 2)), np.eye(2), np.zeros((2, 2)), lambda matrix: 5 * matrix, 0.1, 0.5)
np.testing.assert_allclose(W, [[0.25, 1.0], [1.0, 0.25]], rtol=1e-6)
# The defaults of the signature: lr = 0.02, beta = 0.95, and no decay.
W, M = muon_step(np.array([[1.0]]), np.array([[2.0]]), np.array([[1.0]]), lambda matrix: matrix)
np.testing.assert_allclose([W[0, 0], M[0, 0]], [1 - 0.02 * (2 + 0.95 * 2.95), 2.95], rtol=1e-6)
# Nothing is changed in place.
arrays = rng.standard_normal((3, 2, 3))
arrays = arrays[0].copy(), arrays[1].copy(), arrays[2].copy()
before = [array.copy() for array in arrays]
for array, copy in zip(arrays, before, strict=True):
    muon_step(*arrays, exact, lr=0.1, wd=0.5)
    np.testing.assert_array_equal(array, copy)
# Whole numbers: catches a result that is rounded to the type of the input.
W, M = muon_step(np.array([[1, 2]]), np.array([[1, -1]]), np.array([[1, 1]]), np.sign, 0.5, 0.5)
np.testing.assert_allclose(M, [[1.5, -0.5]], rtol=1e-6)
np.testing.assert_allclose(W, [[1 - 0.5 * 2**0.5, 2 + 0.5 * 2**0.5]], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## A painting competition

A small network gets a place on a sheet of paper, two numbers, and says how dark the paper is there. It is taught with
a picture of 400 pixels: a year, written by four hands from the files of handwritten digits. Afterwards it is asked
about 14,400 places, between the pixels too, and so it paints the picture larger than it ever saw it.

Seven optimisers paint, with 300 steps each and the best of three rates, each time the middle one. Nothing else
differs. **Predict first**: which of them gets the strokes sharp? Uses `adagrad_step`, `rmsprop_step`, `adam_step`,
`lion_step`, `newton_schulz` and `muon_step`; every gradient goes through `clip_by_global_norm`. Muon steps on the
three matrices, and Adam on the biases beside it, as is usual.
"""

# %% tags=["showcase"]
digits = np.load("digits.npz")["images"]
picture = np.hstack([np.pad(digits[i].reshape(8, 8) / 16, 1) for i in (22, 20, 151, 194)])  # (10, 40)


def places(fine):
    """The middle of every cell of the sheet, seen fine times as large, and six waves of each coordinate."""
    rows, columns = np.mgrid[0 : 10 * fine, 0 : 40 * fine]
    at = np.stack([((columns.ravel() + 0.5) / fine - 20) / 5, ((rows.ravel() + 0.5) / fine - 5) / 5], axis=1)
    return np.hstack([at, *(wave(np.pi * k * at) for k in (1, 2) for wave in (np.sin, np.cos))])


def paint(model, x):
    W1, b1, W2, b2, W3, b3 = model
    return (np.tanh(np.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3)[:, 0]


def loss_and_grads(model, x, target):
    W1, b1, W2, b2, W3, b3 = model
    h1 = np.tanh(x @ W1 + b1)
    h2 = np.tanh(h1 @ W2 + b2)
    error = (h2 @ W3 + b3)[:, 0] - target
    d3 = 2 * error[:, None] / len(target)
    d2 = d3 @ W3.T * (1 - h2 * h2)
    d1 = d2 @ W2.T * (1 - h1 * h1)
    return np.mean(error**2), [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]


def move(name, w, g, state, t, rate):
    """One step on one array; the state is a list with as many arrays as the optimiser needs."""
    if name == "gradient descent":
        return w - rate * g, []
    if name == "momentum":
        velocity = 0.9 * state[0] + g
        return w - rate * velocity, [velocity]
    if name == "Muon" and w.ndim == 2:
        w, *state = muon_step(w, g, state[0], newton_schulz, rate)
    elif name in ("Adam", "Muon"):
        w, *state = adam_step(w, g, *state[:2], t, rate if name == "Adam" else 0.01, beta2=0.99)
    elif name == "Lion":
        w, *state = lion_step(w, g, state[0], rate)
    else:
        w, *state = {"AdaGrad": adagrad_step, "RMSprop": rmsprop_step}[name](w, g, state[0], rate)
    return w, state


def train_painter(name, rate, steps):
    rng, model, x = np.random.default_rng(1), [], places(1)
    for inputs, outputs in ((x.shape[1], 48), (48, 48), (48, 1)):
        model += [rng.standard_normal((inputs, outputs)) / np.sqrt(inputs), np.zeros(outputs)]
    states, losses = [[np.zeros_like(w)] * 2 for w in model], []
    for t in range(1, steps + 1):
        loss, grads = loss_and_grads(model, x, picture.ravel())
        grads, _ = clip_by_global_norm(grads, 1.0)
        moved = [move(name, w, g, state, t, rate) for w, g, state in zip(model, grads, states, strict=True)]
        model, states = [w for w, _ in moved], [state for _, state in moved]
        losses.append(loss)
    return model, losses


rates = {
    "gradient descent": (0.1, 0.2, 0.4),
    "momentum": (0.2, 0.4, 0.8),
    "AdaGrad": (0.06, 0.12, 0.24),
    "RMSprop": (0.003, 0.006, 0.012),
    "Adam": (0.005, 0.01, 0.02),
    "Lion": (0.002, 0.004, 0.008),
    "Muon": (0.005, 0.01, 0.02),
}
painters = {}
for name, tried in rates.items():
    runs = {rate: train_painter(name, rate, 10 if QUICK else 300) for rate in tried}
    rate = min(runs, key=lambda rate: np.mean(runs[rate][1][-10:]))
    painters[name] = (rate, *runs[rate])
    print(f"{name:17} best lr {rate:<6g} mean squared error {np.mean(runs[rate][1][-10:]):.5f}")

fig, axes = plt.subplots(4, 2, figsize=(11, 6.4), layout="constrained")
axes[0, 0].imshow(picture, cmap="gray_r", vmin=0, vmax=1)
axes[0, 0].set_title("the picture they learn from")
for ax, (name, (_rate, model, _losses)) in zip(axes.flat[1:], painters.items(), strict=True):
    ax.imshow(paint(model, places(6)).reshape(60, 240), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(name)
for ax in axes.flat:
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
The same runs, step by step. Run the cell above first.
"""

# %% tags=["showcase"]
fig, ax = plt.subplots(figsize=(8, 4))
for number, (name, (_rate, _model, losses)) in enumerate(painters.items()):
    ax.semilogy(losses, ("-", "--", "-.", ":", "-", "--", "-")[number], label=name, linewidth=1.6)
ax.set(xlabel="step", ylabel="mean squared error")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
r"""
It is the year in which Kingma and Ba put Adam on the arXiv. Your own code has painted it.

One picture and one network make no law. On other problems gradient descent with momentum is as good or better, and
each rate here was the best of three only. But you have built all of them now, and you can ask your own problem. The
next chapter does: it trains a Transformer with the AdamW and the clipping that you have just written.
"""
