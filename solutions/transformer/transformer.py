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
# Transformer: does it really learn?

You write the parts of a small Transformer on which everything hangs: attention and layer normalisation forward and
backward, the table of embeddings, the loss, the schedule, the training step, and the loop that lets it write. No
library differentiates anything for you. The rest of the model is given, and calls what you wrote. At the end your own
gradients train it twice: to reverse sequences that it has never seen, and to write Python, learnt character by
character from the library that lies on your machine.

**Points.** Twelve parts, 20 points. After each part stand two graded cells. The first shows its tests: run it, read
what it says, mend, run again. The second looks empty: its tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. Each part names the page that
explains it. The cells with tables, pictures and training are not graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart and run all*, save, and hand in the notebook
under its own name. *Run all* stops at a cell that fails. Then run the rest by hand; the grader runs each cell on its
own, and leaves the training out or does a short version of it.

**Time.** About three and a half hours for the parts. The training at the end takes about two minutes of your
computer's time.

**Letters.** A *token* is a whole number that stands for a character; there are $V$ different ones. A *batch* is a
number of sequences of $T$ tokens each. Each token is carried through the model as a row of $D$ numbers, and the rows
of a whole batch lie below one another, sequence after sequence, in an array of $N = \text{batch} \cdot T$ rows: so
each layer is one large product. Attention has several *heads*, each with $d = D / \text{heads}$ of the columns. As in
chapter 1, `dX` in code is the gradient of the loss with respect to `X`, in the shape of `X`, and `dout` the one that
arrives from above. The pages write $\bar x$ for `dx`.

**Types.** The model trains in float32, which is twice as fast as float64. Two habits undo that. `np.sqrt(d)` of a
whole number is a float64 and turns every array it touches into float64; write `d**0.5`, which does not. And so does
an array that `np.zeros`, `np.eye` or `np.full` made without a `dtype`, once it is added. Your points depend on neither:
the tests give float64 arrays. The accuracy that a docstring promises is meant for these, relative to the size of the
result, so there is nothing to convert.
"""

# %%
import ctypes
import importlib.machinery
import math
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: where it runs the long cells at all, they do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · Deal out to heads

*Level: warm-up · 10 minutes · 1 point* · Page: *Attention*

Attention lets a token look back at the tokens before it. One look is not enough: a closing bracket has to find both
its opening one and the name of the function before it. So the $D$ columns are dealt out to several heads, which look
on their own, each with its $d$ columns.

Nothing is computed here. The numbers only change their places, from `(batch * T, heads * d)` to
`(batch, heads, T, d)`, so that the last two axes are what one head sees of one sequence. That makes this the part in
which a mistake is hardest to see: a wrong order can have the right shape, and then no error is raised.

<details><summary>Hint</summary>

`reshape` reads the numbers in the order in which they lie in memory, and so it can split an axis but never exchange
two. Split both axes first. Which order do the four then have, and which two have to change places?
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "split_heads", "locked": false, "solution": true}
def split_heads(x, batch, heads):
    """Deal the columns of x out to heads, and its rows to sequences.

    x: (batch * T, heads * d) one row for each token: the T tokens of the first sequence, then those of the second, and
        so on. The first d columns belong to the first head, the next d to the second. Not modified.
    batch: how many sequences there are. heads: how many heads. T and d follow from the shape of x.

    Returns an array of shape (batch, heads, T, d): [b, h, t] is what head h has of token t in sequence b.

    Rule: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """
    ### BEGIN SOLUTION
    rows, columns = x.shape
    return x.reshape(batch, rows // batch, heads, columns // heads).swapaxes(1, 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "split_heads_visible", "locked": true, "points": 0.5}
# Two sequences of three tokens, two heads with two columns each. In row r and column c stands the number 10*r + c.
x = 10.0 * np.arange(6)[:, None] + np.arange(4)
given = x.copy()
found = split_heads(x, 2, 2)
assert np.shape(found) == (2, 2, 3, 2), (
    f"expected the shape (batch, heads, T, d) = (2, 2, 3, 2), found {np.shape(found)}. (2, 3, 2, 2): tokens and heads "
    "have not changed places"
)
np.testing.assert_array_equal(
    found[0, 0],
    [[0, 1], [10, 11], [20, 21]],
    err_msg="the first head of the first sequence: the first two columns of its three rows. (0, 1), (2, 3), (10, 11): "
    "reshaped without exchanging axes, so that a token's heads became tokens. (0, 2), (10, 12) ...: a head's columns "
    "lie side by side. (0, 1), (20, 21), (40, 41): a sequence's rows follow one another",
)
np.testing.assert_array_equal(
    found,
    [
        [[[0, 1], [10, 11], [20, 21]], [[2, 3], [12, 13], [22, 23]]],
        [[[30, 31], [40, 41], [50, 51]], [[32, 33], [42, 43], [52, 53]]],
    ],
    err_msg="the first head of the first sequence is right, another is not",
)
np.testing.assert_array_equal(x, given, err_msg="the result is right, but the caller's x was changed")

# %% nbgrader={"grade": true, "grade_id": "split_heads_hidden", "locked": true, "points": 0.5}
# Hidden tests on random shapes run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6101)
# Equal numbers of tokens, heads and columns: catches axes whose exchange the shape does not show.
for count, parts, length, size in ((2, 3, 4, 5), (1, 2, 3, 4), (3, 1, 2, 2), (2, 2, 2, 2), (3, 4, 1, 2), (4, 3, 3, 1)):
    x = rng.standard_normal((count * length, parts * size))
    original = x.copy()
    found = split_heads(x, count, parts)
    assert np.shape(found) == (count, parts, length, size)
    for b, h, t, j in np.ndindex(count, parts, length, size):
        assert found[b, h, t, j] == original[b * length + t, h * size + j]
    np.testing.assert_array_equal(x, original)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 2 · And together again

*Level: warm-up · 10 minutes · 1 point* · Page: *Attention*

After the heads have looked, each token's results go side by side into one row again. Backward, the two functions
change roles: a gradient that arrives at merged heads is split, and one that arrives at split heads is merged. Numbers
that only changed places need no calculus, only the way back.

<details><summary>Hint</summary>

First bring the axes into the order in which the numbers have to lie in memory. Then `reshape` joins two pairs of
neighbours.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "merge_heads", "locked": false, "solution": true}
def merge_heads(x):
    """Put the heads side by side again: what split_heads did, undone.

    x: (batch, heads, T, d). Not modified.

    Returns an array of shape (batch * T, heads * d): one row for each token, sequence after sequence; in a row, the d
    numbers of the first head, then those of the second, and so on.

    Rule: Vaswani et al. (2017), section 3.2.2, "Concat".
    """
    ### BEGIN SOLUTION
    batch, heads, T, d = x.shape
    return x.swapaxes(1, 2).reshape(batch * T, heads * d)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "merge_heads_visible", "locked": true, "points": 0.5}
# Two sequences, two heads, three tokens, two columns. The digits of each number are b, h, t, j: its four places.
places = np.indices((2, 2, 3, 2))
x = 1000.0 * places[0] + 100 * places[1] + 10 * places[2] + places[3]
given = x.copy()
found = merge_heads(x)
assert np.shape(found) == (6, 4), f"expected the shape (batch * T, heads * d) = (6, 4), found {np.shape(found)}"
np.testing.assert_array_equal(
    found[0],
    [0, 1, 100, 101],
    err_msg="the first token of the first sequence: both columns of head 0, then both of head 1. (0, 1, 10, 11): "
    "reshaped without exchanging axes, so that two tokens share a row. (0, 100, 1, 101): the columns of the heads "
    "alternate",
)
np.testing.assert_array_equal(
    found[:, 0],
    [0, 10, 20, 1000, 1010, 1020],
    err_msg="the first row is right; the rows are: three tokens of the first sequence, then three of the second",
)
np.testing.assert_array_equal(
    found[4],
    [1010, 1011, 1110, 1111],
    err_msg="the second token of the second sequence: both columns of head 0, then both of head 1",
)
np.testing.assert_array_equal(x, given, err_msg="the result is right, but the caller's x was changed")

# %% nbgrader={"grade": true, "grade_id": "merge_heads_hidden", "locked": true, "points": 0.5}
# Hidden tests on random shapes run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6202)
for count, parts, length, size in ((2, 3, 4, 5), (1, 2, 3, 4), (3, 1, 2, 2), (2, 2, 2, 2), (3, 4, 1, 2), (4, 3, 3, 1)):
    x = rng.standard_normal((count, parts, length, size))
    original = x.copy()
    found = merge_heads(x)
    assert np.shape(found) == (count * length, parts * size)
    for b, h, t, j in np.ndindex(count, parts, length, size):
        assert found[b * length + t, h * size + j] == original[b, h, t, j]
    np.testing.assert_array_equal(x, original)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 3 · Every row on the same scale

*Level: warm-up · 10 minutes · 1 point* · Page: *The way back*

Deep models drift: a row that is a little too large after one layer is much too large after ten. Layer normalisation
takes the drift out. From each row it subtracts the mean $\mu$ of its $D$ numbers and divides by their standard
deviation,

$$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad \text{out} = \gamma\, \hat x + \beta,$$

and then lets the model choose a scale again: a gain $\gamma$ and a bias $\beta$ for each column, learnt like any other
weights. Each token is normalised on its own; no other row, and no other sequence, has a say in it.

<details><summary>Hint</summary>

`keepdims=True` leaves a column $(N, 1)$, which NumPy spreads over the row. Compute the variance from the distances to
the mean. The difference between the mean of the squares and the square of the mean is the same in theory, and loses
all its digits when the mean is large.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "layer_norm", "locked": false, "solution": true}
def layer_norm(x, gain, bias, eps=1e-5):
    """Shift and scale each row to mean 0 and variance 1, then by a gain and a bias that are learnt.

    x: (N, D) floats, one row for each token. gain, bias: (D,) floats. None of the three is modified.
    eps: is added to the variance, inside the square root.

    Returns (out, normalised, inverse_std):
    out: (N, D) gain * normalised + bias.
    normalised: (N, D) x minus the mean of its row, times inverse_std. The way back needs it.
    inverse_std: (N, 1) one over the square root of the row's variance plus eps. The variance is the mean of the
        squared distances from the mean: it divides by D, not by D - 1.
    Accurate to 1e-6, also for rows whose mean is a million times their standard deviation.

    Rule: Ba, Kiros and Hinton, Layer Normalization (2016), equations 3 and 4; eps as in PyTorch.
    """
    ### BEGIN SOLUTION
    D = x.shape[1]
    average = np.full(D, 1 / D, dtype=x.dtype)  # a product with this is a mean over columns, and faster than x.mean
    centred = x - (x @ average)[:, None]  # (N, D)
    inverse_std = 1 / np.sqrt((centred * centred) @ average + eps)[:, None]  # (N, 1)
    normalised = np.multiply(centred, inverse_std, out=centred)
    out = normalised * gain
    out += bias
    return out, normalised, inverse_std
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer_norm_visible", "locked": true, "points": 0.25}
# Two rows with means 4 and 2 and variances 5 and 12. With eps = 4 the square roots are 3 and 4.
x = np.array([[1.0, 3.0, 5.0, 7.0], [0.0, 0.0, 8.0, 0.0]])
gain, bias = np.array([1.0, 2.0, 3.0, 0.0]), np.array([10.0, 0.0, 0.0, 5.0])
given = x.copy()
result = layer_norm(x, gain, bias, eps=4.0)
assert isinstance(result, tuple | list) and len(result) == 3, (
    f"return three things, out, normalised and inverse_std; found {type(result).__name__}"
)
out, normalised, inverse_std = result
assert np.shape(inverse_std) == (2, 1), (
    f"inverse_std: expected the shape (N, 1) = (2, 1), found {np.shape(inverse_std)}"
)
np.testing.assert_allclose(
    inverse_std,
    [[1 / 3], [1 / 4]],
    rtol=1e-6,
    err_msg="inverse_std: expected 1/sqrt(5 + 4) and 1/sqrt(12 + 4). 0.31 and 0.22: the variance divides by D, not by "
    "D - 1. 0.16 and 0.13: eps goes inside the root. 0.11 and 0.06: the root is missing. 0.2 and 0.22: the mean is "
    "subtracted before squaring. 3 and 4: one over the root",
)
np.testing.assert_allclose(
    normalised,
    [[-1, -1 / 3, 1 / 3, 1], [-0.5, -0.5, 1.5, -0.5]],
    rtol=1e-6,
    err_msg="inverse_std is right; normalised is (x - mean) * inverse_std, before gain and bias",
)
np.testing.assert_allclose(
    out,
    [[9, -2 / 3, 1, 5], [9.5, -1, 4.5, 5]],
    rtol=1e-6,
    err_msg="normalised is right; out is gain * normalised + bias, column by column",
)
np.testing.assert_array_equal(x, given, err_msg="the numbers are right, but the caller's x was changed")

# %% nbgrader={"grade": true, "grade_id": "layer_norm_hidden", "locked": true, "points": 0.75}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6303)
for n, width, shift in ((3, 5, 0.0), (4, 4, -7.0), (1, 6, 2.0), (6, 2, 1.0), (2, 3, 1e6)):
    x = shift + rng.standard_normal((n, width)) * 10 ** rng.uniform(-1, 1, (n, 1))
    gain, bias = rng.standard_normal(width), rng.standard_normal(width)
    originals = x.copy(), gain.copy(), bias.copy()
    for settings, small in (({}, 1e-5), ({"eps": 0.3}, 0.3)):
        out, normalised, inverse_std = layer_norm(x, gain, bias, **settings)
        assert np.shape(out) == np.shape(normalised) == (n, width) and np.shape(inverse_std) == (n, 1)
        for i in range(n):
            mean = math.fsum(originals[0][i]) / width
            scale = 1 / math.sqrt(math.fsum((number - mean) ** 2 for number in originals[0][i]) / width + small)
            # The large mean catches a variance that is the difference of two huge numbers.
            np.testing.assert_allclose(inverse_std[i, 0], scale, rtol=1e-6)
            np.testing.assert_allclose(normalised[i], (originals[0][i] - mean) * scale, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(out[i], normalised[i] * gain + bias, rtol=1e-6, atol=1e-9)
    for argument, original in zip((x, gain, bias), originals, strict=True):
        np.testing.assert_array_equal(argument, original)
# A row of equal numbers has no deviation: eps keeps it finite. Catches a division by zero.
out, normalised, inverse_std = layer_norm(np.full((2, 4), 3.0), np.ones(4), np.arange(4.0))
np.testing.assert_allclose(out, [np.arange(4.0), np.arange(4.0)], atol=1e-9)
np.testing.assert_allclose(inverse_std, np.full((2, 1), 1e5**0.5), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 4 · Back through the scale

*Level: challenge · 30 minutes · 2.5 points* · Page: *The way back*

Nudge one $x$ of a row, and three things happen to $\hat x$. The entry itself moves. The row's mean moves, and with it
all entries. The row's deviation changes, and again all entries move. The slope of the first is easy. The other two are
what nearly everyone forgets, and the model then trains, only worse.

Write $g = \gamma \cdot \text{dout}$ for the slope that arrives at $\hat x$. Think of what layer normalisation *cannot*
see: if all of a row grows by the same amount, the output does not change, and if all distances from the mean grow by
the same factor, it hardly changes, and only because of $\epsilon$. So the part of $g$ that asks for either of these has
to be taken out before it goes back.

<details><summary>Hint: two directions to take out</summary>

The first direction is $(1, 1, \dots, 1)$, the second is $\hat x$ itself. What is taken out is each direction times a
mean over the row: that of $g$ times the direction. Do not divide by the mean square of $\hat x$, which $\epsilon$ makes
a little less than 1. The plain mean is what the chain rule gives, exactly, for every $\epsilon$.
</details>

<details><summary>Hint: check</summary>

Each row of a right `dx` sums to 0. With $\epsilon$ tiny, so does each row of `dx * normalised`, very nearly.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "layer_norm_backward", "locked": false, "solution": true}
def layer_norm_backward(dout, normalised, inverse_std, gain):
    """Gradients of the loss through layer_norm.

    dout: (N, D) the gradient of the loss with respect to out, for out = gain * normalised + bias.
    normalised: (N, D) and inverse_std: (N, 1), as layer_norm returned them.
    gain: (D,).
    None of the four is modified.

    Returns (dx, dgain, dbias) with the shapes (N, D), (D,) and (D,). dx takes into account that each x moves the mean
    and the variance of its row as well.

    Rule: the chain rule on Ba, Kiros and Hinton (2016), equations 3 and 4.
    """
    ### BEGIN SOLUTION
    N, D = dout.shape
    over_rows, average = np.ones(N, dtype=dout.dtype), np.full(D, 1 / D, dtype=dout.dtype)
    product = dout * normalised
    dgain, dbias = over_rows @ product, over_rows @ dout
    dx = dout * gain  # the slope of `normalised`
    product *= gain
    along = (product @ average)[:, None]  # (N, 1) the part of it that only asks for larger distances from the mean
    dx -= (dx @ average)[:, None]  # without the part that only asks for a larger mean
    dx -= np.multiply(normalised, along, out=product)
    dx *= inverse_std
    return dx, dgain, dbias
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer_norm_backward_visible", "locked": true, "points": 0.75}
# The first row: dout * gain = (8, 2, 0, -2), of mean 2; times normalised it is (8, -2, 0, 2), of mean 2 as well.
# The second: dout * gain = (0, 4, 0, 12), of mean 4; times normalised (0, -2, 0, 6), of mean 1. It was normalised with
# a large eps, and so its mean square is 1/4 and not 1.
normalised = np.array([[1.0, -1.0, 1.0, -1.0], [-0.5, -0.5, 0.5, 0.5]])
given = (
    np.array([[8.0, 1.0, 0.0, -2.0], [0.0, 2.0, 0.0, 12.0]]),
    normalised,
    np.array([[2.0], [1.0]]),
    np.array([1.0, 2.0, 3.0, 1.0]),
)
before = [array.copy() for array in given]
result = layer_norm_backward(*given)
assert isinstance(result, tuple | list) and len(result) == 3, (
    f"return three things, dx, dgain and dbias; found {type(result).__name__}"
)
dx, dgain, dbias = result
for name, array, shape in (("dx", dx, (2, 4)), ("dgain", dgain, (4,)), ("dbias", dbias, (4,))):
    assert np.shape(array) == shape, f"{name}: expected the shape {shape}, found {np.shape(array)}"
np.testing.assert_allclose(dbias, [8, 3, 0, 10], rtol=1e-6, err_msg="dbias: expected the sum of dout over the rows")
np.testing.assert_allclose(
    dgain,
    [8, -2, 0, 8],
    rtol=1e-6,
    err_msg="dgain: expected the sum over the rows of dout * normalised. (8, 3, 0, 10): that is dbias. (4, -1, 0, 4): "
    "a sum and not a mean, for the loss has its mean in dout already",
)
np.testing.assert_allclose(
    dx[0],
    [8, 4, -8, -4],
    rtol=1e-6,
    atol=1e-12,
    err_msg="first row of dx: expected 2 * ((8, 2, 0, -2) - 2 - 2 * normalised). (12, 8, -4, 0): the mean's part is "
    "missing. (12, 0, -4, -8): the variance's part is missing. (16, 4, 0, -4): both are. Half as large: inverse_std "
    "is missing. (8, 3, -8, -3) and (8, 6, -24, -3): the gain belongs to dout, before anything is taken out. (-4, 16, "
    "-20, 8): a mean over the row and not a sum",
)
np.testing.assert_allclose(
    dx[1],
    [-3.5, 0.5, -4.5, 7.5],
    rtol=1e-6,
    atol=1e-12,
    err_msg="the first row of dx is right. The second: expected (0, 4, 0, 12) - 4 - 1 * normalised. (-2, 2, -6, 6): "
    "divided by the mean square of normalised, which is not 1 here; the chain rule has the plain mean",
)
for name, array, copy in zip(("dout", "normalised", "inverse_std", "gain"), given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "layer_norm_backward_hidden", "locked": true, "points": 1.75}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6404)


def normalise(x, eps):
    centred = x - x.sum(axis=1, keepdims=True) / x.shape[1]
    scale = ((centred**2).sum(axis=1, keepdims=True) / x.shape[1] + eps) ** -0.5
    return centred * scale, scale


for n, width, eps in ((3, 5, 1e-5), (4, 4, 1e-5), (1, 6, 0.5), (5, 3, 2.0), (2, 2, 0.1)):
    x, gain, upstream = rng.standard_normal((n, width)), rng.standard_normal(width), 3 * rng.standard_normal((n, width))
    row, scale = normalise(x, eps)
    given = upstream, row, scale, gain
    originals = [array.copy() for array in given]
    dx, dgain, dbias = layer_norm_backward(*given)
    # Complex steps: f(x + ih) holds the slope in its imaginary part, exact to the last digits.
    expected = np.zeros((n, width))
    for index in np.ndindex(n, width):
        point = x.astype(complex)
        point[index] += 1e-30j
        expected[index] = np.sum(originals[0] * gain * normalise(point, eps)[0]).imag / 1e-30
    assert np.shape(dx) == (n, width) and np.shape(dgain) == np.shape(dbias) == (width,)
    np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(dgain, sum(originals[0][i] * originals[1][i] for i in range(n)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(dbias, sum(originals[0][i] for i in range(n)), rtol=1e-6, atol=1e-9)
    for array, original in zip(given, originals, strict=True):
        np.testing.assert_array_equal(array, original)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 5 · Look back

*Level: standard · 25 minutes · 2.5 points* · Page: *Attention*

Each token asks a question, its *query* $q_i$. Each token offers a *key* $k_j$, by which it can be found, and a
*value* $v_j$, which it hands over. How well key $j$ answers query $i$ is their product. A softmax over $j$ turns these
scores into shares that sum to 1, and the token takes that mixture of the values:

$$a_{ij} = \frac{\exp\bigl(q_i \cdot k_j / \sqrt d\bigr)}{\sum_{l \le i} \exp\bigl(q_i \cdot k_l / \sqrt d\bigr)}
\quad (j \le i), \qquad \text{out}_i = \sum_{j \le i} a_{ij}\, v_j .$$

The $\sqrt d$ keeps the scores at size one: a sum of $d$ random products is $\sqrt d$ times as large as one of them, and
a softmax of large scores takes one value and ignores the others. And $j \le i$ makes it *causal*. A token may
look at itself and back, never ahead, or the model would learn to copy the token that it should predict. In the
softmax, a later token must count for nothing, in the denominator too.

<details><summary>Hint: the mask</summary>

Set the forbidden scores to `-np.inf` before the softmax; $e^{-\infty}$ is 0. `np.tri(T, dtype=bool)` knows which
entries are allowed, and `np.where(allowed, scores, -np.inf)` masks the others. A product with `-np.inf` does not: 0
times infinity is nan.
</details>

<details><summary>Hint: large scores</summary>

As in chapter 1, take the largest *allowed* score of each row off before `np.exp`, so after the mask. The shares do not
change, and nothing overflows. A forbidden score, if it is far larger, would leave nothing of the allowed ones.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "causal_attention", "locked": false, "solution": true}
def causal_attention(q, k, v):
    """Each token looks back: a mean of the values so far, weighted by how well their keys answer the token's query.

    q, k, v: (batch, heads, T, d) queries, keys and values, floats. None of the three is modified.

    Returns (out, weights):
    out: (batch, heads, T, d), out[b, h, i] is the sum over j of weights[b, h, i, j] * v[b, h, j].
    weights: (batch, heads, T, T), weights[b, h, i, j] is how much token i takes from token j: the softmax of
        q[b, h, i] @ k[b, h, j] / sqrt(d) over the j <= i, and exactly 0 for j > i.
    Finite and accurate to 1e-6, also for scores of +-10,000.

    Rule: Vaswani et al. (2017), equation 1, with the mask of section 3.2.3.
    """
    ### BEGIN SOLUTION
    T, d = q.shape[-2:]
    # In memory the keys come before the queries: so the softmax adds up whole rows, which is faster than along them.
    scores = k @ (q * d**-0.5).swapaxes(-1, -2)  # (batch, heads, keys, queries)
    is_later = np.tri(T, k=-1, dtype=bool)  # (keys, queries)
    scores += np.where(is_later, -np.inf, 0).astype(q.dtype)
    scores -= scores.max(axis=-2, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.ones((1, T), dtype=q.dtype) @ scores
    weights = scores.swapaxes(-1, -2)  # (batch, heads, queries, keys)
    return weights @ v, weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "causal_attention_visible", "locked": true, "points": 0.75}
# One sequence of three tokens, one head with d = 4, so sqrt(d) = 2. The scores are logarithms, so the shares are plain.
q, k, v = (np.zeros((1, 1, 3, 4)) for _ in range(3))
q[0, 0, 0] = 2 * np.log([5, 7, 1, 1])
q[0, 0, 1] = 2 * np.log([3, 4, 1, 1])
q[0, 0, 2] = 2 * np.log([1, 2, 1, 1])
k[0, 0, 1, 0] = k[0, 0, 2, 1] = 1.0
v[0, 0] = [[4, 0, 0, 1], [0, 4, 0, 1], [0, 0, 4, 1]]
before = q.copy(), k.copy(), v.copy()
result = causal_attention(q, k, v)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, out and weights; found {type(result).__name__}"
)
out, weights = result
assert np.shape(weights) == (1, 1, 3, 3), (
    f"weights: expected the shape (batch, heads, T, T) = (1, 1, 3, 3), found {np.shape(weights)}"
)
np.testing.assert_allclose(
    weights[0, 0, 0],
    [1, 0, 0],
    rtol=1e-6,
    atol=1e-12,
    err_msg="the first token sees itself alone. 1/13, 5/13, 7/13: there is no mask. 1/13, 0, 0: the mask comes before "
    "the softmax, not after it. nan: it has nothing left to see, not even itself; or a mask was made as 0 * -inf, "
    "which is nan; or scores that are 0 were masked. Another first number: the softmax runs over the keys of one "
    "query, the last axis of weights",
)
np.testing.assert_allclose(
    weights[0, 0, 1],
    [1 / 4, 3 / 4, 0],
    rtol=1e-6,
    atol=1e-12,
    err_msg="the second token: scores 0 and log 3, shares 1 : 3. 0.1 and 0.9: divide by sqrt(d). 0.37 and 0.63: by "
    "sqrt(d), not by d. 1/8 and 3/8: masked after the softmax. 0, 1: it may see earlier tokens too. 1/5, 3/5, 1/5: a "
    "masked score is not 0, which e makes a 1",
)
np.testing.assert_allclose(
    weights[0, 0, 2],
    [1 / 4, 1 / 4, 1 / 2],
    rtol=1e-6,
    err_msg="the third token sees all three: scores 0, 0 and log 2. 0, 0, 1: the mask is the wrong way round",
)
assert np.shape(out) == (1, 1, 3, 4), f"out: expected the shape of v, (1, 1, 3, 4), found {np.shape(out)}"
np.testing.assert_allclose(
    out[0, 0],
    [[4, 0, 0, 1], [1, 3, 0, 1], [1, 1, 2, 1]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="weights is right; out is weights @ v. Its last column is 1: shares sum to 1, over the keys",
)
for name, array, copy in zip("qkv", (q, k, v), before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "causal_attention_hidden", "locked": true, "points": 1.75}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6505)
for shape in ((2, 3, 4, 5), (1, 2, 5, 3), (3, 1, 3, 3), (2, 2, 1, 4), (1, 1, 7, 1), (2, 2, 2, 2)):
    q, k, v = 2 * rng.standard_normal((3, *shape))
    originals = q.copy(), k.copy(), v.copy()
    out, weights = causal_attention(q, k, v)
    length = shape[2]
    assert np.shape(out) == shape and np.shape(weights) == (*shape[:2], length, length)
    for b, h, i in np.ndindex(*shape[:3]):
        match = [math.exp(originals[0][b, h, i] @ originals[1][b, h, j] / shape[3] ** 0.5) for j in range(i + 1)]
        shares = [part / sum(match) for part in match]
        np.testing.assert_allclose(weights[b, h, i, : i + 1], shares, rtol=1e-6, atol=1e-12)
        assert not np.any(weights[b, h, i, i + 1 :])  # exactly 0, not nearly
        mixture = sum(share * originals[2][b, h, j] for j, share in enumerate(shares))
        np.testing.assert_allclose(out[b, h, i], mixture, rtol=1e-6, atol=1e-9)
    for argument, original in zip((q, k, v), originals, strict=True):
        np.testing.assert_array_equal(argument, original)

# A later token never changes an earlier output: catches a mask with a hole.
q, k, v = rng.standard_normal((3, 1, 2, 5, 4))
out, _ = causal_attention(q, k, v)
q[:, :, 3:], k[:, :, 3:], v[:, :, 3:] = 7.0, -300.0, 1e6
after, _ = causal_attention(q, k, v)
np.testing.assert_allclose(after[:, :, :3], out[:, :, :3], rtol=1e-6, atol=1e-9)

# A later score of 10,000: catches a maximum over what is masked.
q, k = np.array([100.0, 0.0]).reshape(1, 1, 2, 1), np.array([0.0, 100.0]).reshape(1, 1, 2, 1)
_, weights = causal_attention(q, k, k)
np.testing.assert_allclose(weights[0, 0], [[1, 0], [0.5, 0.5]], rtol=1e-6, atol=1e-12)

# Scores of +-10,000: catches overflow, and one maximum for all rows, which lets a whole row vanish.
q = np.array([100.0, 100.0, -100.0]).reshape(1, 1, 3, 1)
k = np.array([-100.0, 99.99, 100.0]).reshape(1, 1, 3, 1)
out, weights = causal_attention(q, k, np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1))
np.testing.assert_allclose(weights[0, 0], [[1, 0, 0], [0, 1, 0], [1, 0, 0]], rtol=1e-6, atol=1e-12)
np.testing.assert_allclose(out[0, 0, :, 0], [1, 2, 1], rtol=1e-6)
q, k = np.full((1, 1, 2, 1), -100.0), np.array([100.0, 99.99]).reshape(1, 1, 2, 1)
_, weights = causal_attention(q, k, q)
np.testing.assert_allclose(weights[0, 0, 1], [1 / (1 + math.e), math.e / (1 + math.e)], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · Back through the look

*Level: challenge · 35 minutes · 3 points* · Page: *The way back*

Forward there were three steps: scores, softmax, mixture. Backward there are the same three, from the end.

- The mixture $\text{out} = a v$ is a product of two matrices for each head, and so is as easy as an affine layer: what
  is the slope of $a$, and what is that of $v$? A value receives a slope from every token that took from it.
- The softmax, for each query on its own. With $g_j$ the slope of the share $a_j$, that of the score $s_j$ is
  $$a_j \Bigl(g_j - \sum_l g_l a_l\Bigr).$$
  The sum is there because shares compete: more for one is less for the others.
- The scores $q k^\top / \sqrt d$ are again a product of two matrices.

And the mask? Nothing has to be done. Where a share is exactly 0, the slope of its score is 0 too.

<details><summary>Hint</summary>

`X.swapaxes(-1, -2)` transposes each matrix of a stack, and `@` multiplies stacks matrix by matrix. There are four such
products in all. A sum over the keys is a sum over the last axis of `weights`. The $1/\sqrt d$ stands between the
scores and both of `q` and `k`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "causal_attention_backward", "locked": false, "solution": true}
def causal_attention_backward(dout, q, k, v, weights):
    """Gradients of the loss through causal_attention.

    dout: (batch, heads, T, d) the gradient of the loss with respect to out.
    q, k, v: (batch, heads, T, d) what causal_attention was given. weights: (batch, heads, T, T) what it returned.
    None of the five is modified.

    Returns (dq, dk, dv), each of shape (batch, heads, T, d).

    Rule: the chain rule on Vaswani et al. (2017), equation 1.
    """
    ### BEGIN SOLUTION
    T, d = q.shape[-2:]
    by_key = weights.swapaxes(-1, -2)  # (batch, heads, keys, queries), the order in which causal_attention stored them
    dv = by_key @ dout
    dscores = v @ dout.swapaxes(-1, -2)  # so far the slope of the weights, (batch, heads, keys, queries)
    dscores -= np.ones((1, T), dtype=q.dtype) @ (dscores * by_key)  # a product with ones is a sum over the keys
    dscores *= by_key
    dscores *= d**-0.5
    return dscores.swapaxes(-1, -2) @ k, dscores @ q, dv
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "causal_attention_backward_visible", "locked": true, "points": 1}
# Two tokens, one head with d = 4. The second took 1/4 from the first and 3/4 from itself.
q, k, v, dout = (np.zeros((1, 1, 2, 4)) for _ in range(4))
weights = np.array([[[[1.0, 0.0], [0.25, 0.75]]]])
q[0, 0] = [[5, 6, 7, 8], [2, 0, 0, 4]]
k[0, 0] = [[1, 0, 1, 0], [3, 2, 0, 0]]
v[0, 0] = [[1, 0, 9, 0], [2, 0, 5, 3]]
dout[0, 0] = [[4, 8, 0, 0], [16, 0, 0, 0]]
given = dout, q, k, v, weights
before = [array.copy() for array in given]
result = causal_attention_backward(*given)
assert isinstance(result, tuple | list) and len(result) == 3, (
    f"return three things, dq, dk and dv; found {type(result).__name__}"
)
dq, dk, dv = result
for name, array in (("dq", dq), ("dk", dk), ("dv", dv)):
    assert np.shape(array) == (1, 1, 2, 4), f"{name}: expected the shape (1, 1, 2, 4), found {np.shape(array)}"
np.testing.assert_allclose(
    dv[0, 0],
    [[8, 8, 0, 0], [12, 0, 0, 0]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="dv: both tokens took from the first value, 1 * (4, 8, 0, 0) + 1/4 * (16, 0, 0, 0), one from the second. "
    "(4, 8) and (13, 2): weights is not transposed. (4, 4) and (6, 0): the 1/sqrt(d) is no part of this",
)
np.testing.assert_allclose(
    dq[0, 0],
    [[0, 0, 0, 0], [3, 3, -1.5, 0]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="dq: the slopes of the shares of token 2 are (16, 32), those of its scores 1/4 * (16 - 28) and 3/4 * (32 - "
    "28), so (-3, 3), and half of -3 * key 1 + 3 * key 2 is expected. (38, 24, 2, 0): the competition is missing. "
    "(10.5, 6, 1.5, 0): a * (1 - a) is the slope of a share in its own score alone. (8, 6, -1, 0): subtract the mean "
    "that is weighted by the shares. (10, 6, 1, 0): the sum runs over the keys of one query, the last axis of weights. "
    "(6, 6, -3, 0): 1/sqrt(d) is missing. (1.5, 1.5, -0.75, 0): divided by d",
)
np.testing.assert_allclose(
    dk[0, 0],
    [[-3, 0, 0, -6], [3, 0, 0, 6]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="dq is right. dk: half of -3 * query 2 for the first key, half of 3 * query 2 for the second: transpose "
    "the slopes of the scores. Twice as large: 1/sqrt(d) belongs to dk as well",
)
for name, array, copy in zip(("dout", "q", "k", "v", "weights"), given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "causal_attention_backward_hidden", "locked": true, "points": 2}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6606)


def look_back(q, k, v):
    length, size = q.shape[-2:]
    match = np.exp(np.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(size)) * np.tri(length)
    shares = match / match.sum(axis=-1, keepdims=True)
    return np.einsum("bhij,bhjd->bhid", shares, v), shares


for shape in ((2, 3, 4, 2), (1, 2, 3, 5), (3, 1, 2, 2), (2, 2, 1, 3), (1, 1, 6, 1)):
    inputs, upstream = list(rng.standard_normal((3, *shape))), 3 * rng.standard_normal(shape)
    shares = look_back(*inputs)[1]
    given = upstream, *inputs, shares
    originals = [array.copy() for array in given]
    gradients = causal_attention_backward(*given)
    for which, found in enumerate(gradients):
        assert np.shape(found) == np.shape(upstream)
        # Complex steps, exact to the last digits.
        expected = np.zeros(shape)
        for index in np.ndindex(shape):
            points = [array.astype(complex) for array in originals[1:4]]
            points[which][index] += 1e-30j
            expected[index] = np.sum(originals[0] * look_back(*points)[0]).imag / 1e-30
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for array, original in zip(given, originals, strict=True):
        np.testing.assert_array_equal(array, original)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 7 · The road around

*Level: warm-up · 10 minutes · 1 point* · Page: *The way back*

Attention does not replace a token's row, it adds to it: $x \leftarrow x + f(x)$. Then the next layer adds something,
and the next. There are two roads through each step, around $f$ and through it. Backward, each road brings a slope, and
where roads meet, slopes add:

$$dx = \text{dout} + \text{back}_f(\text{dout}).$$

The road around has no weights on it that could make the slope smaller. That is why models of a hundred layers can be
trained.

<details><summary>Hint</summary>

What a branch receives is what arrives at *its* output. For the last branch that is `dout`, for the one before it is
the result of the last.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "residual_backward", "locked": false, "solution": true}
def residual_backward(dout, branches):
    """The gradient of the loss through a chain of residual connections.

    Forward, x became x + f(x), for one function f after another.
    dout: (N, D) the gradient of the loss with respect to the x that came out at the end. Not modified.
    branches: a list of functions, one for each f, in the order of the forward pass. Each takes the gradient of the
        loss with respect to f(x), (N, D), and returns the part of the gradient with respect to the x before it that
        comes through f, (N, D). Each is called once. The list may be empty: then dx equals dout.

    Returns dx, (N, D): the gradient of the loss with respect to the x at the start.

    Rule: He, Zhang, Ren and Sun, Identity Mappings in Deep Residual Networks (2016), equation 5.
    """
    ### BEGIN SOLUTION
    dx = dout
    for branch in reversed(branches):
        dx = dx + branch(dx)
    return dx
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "residual_backward_visible", "locked": true, "points": 0.5}
# Forward, the first branch exchanged the columns, the second multiplied them by 3 and 2. Backward they do the same.
calls = []


def exchange(slope):
    calls.append("first")
    return slope[:, ::-1]


def stretch(slope):
    calls.append("second")
    return slope * np.array([3.0, 2.0])


dout = np.array([[1.0, 0.0]])
found = residual_backward(dout, [exchange, stretch])
assert sorted(calls) == ["first", "second"], f"each branch is called once; found the calls {calls}"
assert np.shape(found) == (1, 2), f"expected the shape of dout, (1, 2), found {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [[4.0, 4.0]],
    rtol=1e-6,
    err_msg="expected (1, 0) + (3, 0) = (4, 0) through the second step, then (4, 0) + (0, 4) through the first. "
    "(0, 3): the road around was left out. (4, 3): the way back begins with the last branch. (4, 1): each branch got "
    "dout, but the first has to hear what came through the second. (1, 3): dout goes around each step, not around the "
    "whole chain",
)
np.testing.assert_array_equal(dout, [[1.0, 0.0]], err_msg="the result is right, but the caller's dout was changed")

# %% nbgrader={"grade": true, "grade_id": "residual_backward_hidden", "locked": true, "points": 0.5}
# Hidden tests on random branches run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6707)
for n, width, count in ((3, 4, 3), (2, 3, 1), (1, 5, 6), (4, 2, 2)):
    jacobians = rng.standard_normal((count, width, width))
    asked = []

    def branch_of(i, jacobians=jacobians, asked=asked):
        def back(slope):
            asked.append(i)
            return slope @ jacobians[i]

        return back

    upstream = rng.standard_normal((n, width))
    original = upstream.copy()
    found = residual_backward(upstream, [branch_of(i) for i in range(count)])
    whole = np.eye(width)  # the Jacobian of the chain, first step first
    for jacobian in jacobians:
        whole = (np.eye(width) + jacobian) @ whole
    assert np.shape(found) == (n, width)
    np.testing.assert_allclose(found, original @ whole, rtol=1e-6, atol=1e-9)
    assert sorted(asked) == list(range(count))
    np.testing.assert_array_equal(upstream, original)
# No branch at all: the slope goes through.
np.testing.assert_array_equal(residual_backward(np.array([[1.0, -2.0]]), []), [[1.0, -2.0]])
### END HIDDEN TESTS

# %% [markdown]
r"""
## 8 · One table, used twice

*Level: standard · 15 minutes · 1.5 points* · Page: *The way back*

The first thing the model does with a token is to look up its row in a table. Backward, each row of the table receives
the slopes of all places where its token stood, added up. In a batch of a thousand characters, the letter e stands a
hundred times, and all hundred count.

And the last thing the model does is to compare its result with every row of the *same* table: the scores of the next
token are products with the rows. So the table receives a gradient twice, and has the one from the last layer
already when the way back arrives at the lookup.

<details><summary>Hint</summary>

`total[tokens] += dx` looks right and is not: for a token that stands several times NumPy adds the last row only.
`np.add.at` adds them all. `tokens` is (batch, T) and `dx` has one row for each of them, so ravel `tokens` first. Or
write the lookup as a product with a matrix of zeros and ones, and go back through that.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "embedding_backward", "locked": false, "solution": true}
def embedding_backward(dx, tokens, dtable):
    """The gradient of the table of embeddings, which is used twice.

    Forward, the first layer looked up the rows table[tokens.ravel()], and the last one multiplied by the same table.
    dx: (batch * T, D) the gradient of the loss with respect to the rows that were looked up, sequence after sequence.
    tokens: (batch, T) whole numbers from 0 to V - 1. A token may stand in any number of places.
    dtable: (V, D) the gradient of the loss with respect to the table through its use in the last layer alone.
    None of the three is modified.

    Returns an array of shape (V, D): the gradient of the loss with respect to the table, both uses together.

    Rule: the chain rule. One table for both: Press and Wolf, Using the Output Embedding to Improve Language Models
    (2017).
    """
    ### BEGIN SOLUTION
    # Sort the rows by their tokens: then those of one token lie together and are added up in one go. np.add.at does the
    # same in one line, and takes five times as long.
    order = np.argsort(tokens, axis=None, kind="stable")
    present, starts = np.unique(tokens.ravel()[order], return_index=True)
    total = dtable.copy()
    total[present] += np.add.reduceat(dx[order], starts, axis=0)
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "embedding_backward_visible", "locked": true, "points": 0.5}
# Token 1 stands in three places, 3 in one, 0 and 2 in none.
tokens = np.array([[1, 3], [1, 1]])
dx = np.array([[1.0, 2.0], [10.0, 20.0], [4.0, 8.0], [16.0, 32.0]])
dtable = np.array([[100.0, 0.0], [0.0, 100.0], [5.0, 5.0], [0.0, 0.0]])
before = dx.copy(), tokens.copy(), dtable.copy()
found = embedding_backward(dx, tokens, dtable)
assert np.shape(found) == (4, 2), f"expected the shape of the table, (4, 2), found {np.shape(found)}"
np.testing.assert_allclose(
    found[1],
    [21, 142],
    rtol=1e-6,
    err_msg="token 1 stands in three places: expected (1, 2) + (4, 8) + (16, 32), and (0, 100) from the last layer. "
    "(16, 132): only the last place counted. (16, 32) or (21, 42): the last layer's part is lost. (7, 114): a sum and "
    "not a mean",
)
np.testing.assert_allclose(
    found,
    [[100, 0], [21, 142], [5, 5], [10, 20]],
    rtol=1e-6,
    err_msg="token 1 is right, another is not: 0 and 2 stand nowhere and keep what they have from the last layer",
)
for name, array, copy in zip(("dx", "tokens", "dtable"), (dx, tokens, dtable), before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "embedding_backward_hidden", "locked": true, "points": 1}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6808)
for count, length, vocabulary, width in ((3, 5, 4, 2), (2, 4, 30, 3), (1, 1, 1, 1), (4, 6, 2, 5), (3, 3, 3, 3)):
    tokens = rng.integers(0, vocabulary, (count, length))
    dx, blamed = rng.standard_normal((count * length, width)), rng.standard_normal((vocabulary, width))
    originals = dx.copy(), tokens.copy(), blamed.copy()
    expected = blamed.tolist()
    for b, t, j in np.ndindex(count, length, width):
        expected[tokens[b, t]][j] += dx[b * length + t, j]
    for _ in range(2):  # catches a result that is added up in the caller's array
        found = embedding_backward(dx, tokens, blamed)
        assert np.shape(found) == (vocabulary, width)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for argument, original in zip((dx, tokens, blamed), originals, strict=True):
        np.testing.assert_array_equal(argument, original)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 9 · What comes next?

*Level: standard · 20 minutes · 2 points* · Page: *From text to tensors*

A text is its own teacher. The model reads the first $T$ tokens of a window of $T + 1$, and at each place it says how
likely each token is to come *next*. What did come next stands in the window, one place further on. The loss is the
mean surprise, minus the logarithm of the probability that the right token was given.

Compare places with themselves instead of with the next, and the loss falls to nearly nothing, because attention sees
the token that it is asked for. It is the commonest mistake in a first language model, and its sign is a result that is
too good.

Some places may be given and not asked for: to reverse a sequence, the model has to be shown the sequence. Predictions
*of* the places before `first` do not count, neither in the loss nor in its gradient; the prediction of the place
`first` does.

The gradient is that of chapter 1, softmax minus the truth, over the number of predictions that count, in all sequences
together.

<details><summary>Hint: which place</summary>

`logits[:, t]` speaks about `window[:, t + 1]`. The first that counts speaks about `window[:, first]`; where does it
stand? The last is `logits[:, T - 1]`, so `T + 1 - first` places of each sequence count.
</details>

<details><summary>Hint: to pick the right tokens' logits</summary>

`np.take_along_axis(logits, targets[..., None], axis=-1)`, or index with three arrays that NumPy spreads to `(batch,
T)`. As in part 5, take the largest logit of each place off first. And never take the logarithm of a probability, which
may be 0: $\log p$ is $z - \log \sum \exp z$, with $z$ the logits after that subtraction.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "next_token_loss", "locked": false, "solution": true}
def next_token_loss(logits, window, first=1):
    """The mean cross-entropy of predicting each next token, and its gradient.

    logits: (batch, T, V) floats: logits[b, t] are the scores of all V tokens for the place t + 1 of window[b], made
        from window[b, :t+1]. Not modified.
    window: (batch, T + 1) whole numbers from 0 to V - 1, sequences of tokens. Not modified.
    first: the first place that counts, from 1 to T. The tokens before it are given and need no prediction.

    Returns (loss, dlogits):
    loss: one number, the mean over all sequences and over the places first, ..., T of minus the natural logarithm of
        the softmax probability of the token that stands there.
    dlogits: (batch, T, V) the gradient of loss with respect to logits. It is 0 for predictions that do not count.
    Both are finite and accurate to 1e-6, also for logits of +-10,000.

    Rule: Bengio, Ducharme, Vincent and Jauvin, A Neural Probabilistic Language Model (2003); Goodfellow, Bengio and
    Courville, Deep Learning (2016), section 6.2.2.3.
    """
    ### BEGIN SOLUTION
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    at_right = np.arange(batch)[:, None], np.arange(T), window[:, 1:]  # the places of the right tokens' logits
    shifted = logits - logits.max(axis=-1, keepdims=True)
    right = shifted[at_right]  # (batch, T)
    dlogits = np.exp(shifted, out=shifted)
    total = dlogits @ np.ones(V, dtype=dlogits.dtype)  # (batch, T)
    loss = float((np.log(total) - right)[:, first - 1 :].sum()) / count

    dlogits /= total[..., None]  # the softmax ...
    dlogits[at_right] -= 1  # ... minus the truth
    dlogits /= count
    dlogits[:, : first - 1] = 0
    return loss, dlogits
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "next_token_loss_visible", "locked": true, "points": 0.5}
# One window, (2, 0, 1). After 2 the right token, 0, was given the probability 1/2; after 2, 0 the right one, 1, 3/8.
window = np.array([[2, 0, 1]])
logits = np.log(np.array([[[2.0, 1.0, 1.0], [1.0, 3.0, 4.0]]]))
before = logits.copy(), window.copy()
result = next_token_loss(logits, window)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, loss and dlogits; found {type(result).__name__}"
)
loss, dlogits = result
assert np.ndim(loss) == 0, f"the loss is one number; found an array of shape {np.shape(loss)}"
np.testing.assert_allclose(
    loss,
    (np.log(2) + np.log(8 / 3)) / 2,
    rtol=1e-6,
    err_msg="expected the mean of log 2 and log 8/3, which is 0.837. 1.733: the targets are window[:, 1:], one place "
    "further on than what is read. 1.674: a mean over places, not a sum. -0.837: minus the logarithm. 0.981: the first "
    "prediction is lost; logits[:, 0] is about place 1, and with first = 1 it counts",
)
assert np.shape(dlogits) == (1, 2, 3), f"dlogits: expected the shape of logits, (1, 2, 3), found {np.shape(dlogits)}"
np.testing.assert_allclose(
    dlogits,
    [[[-1 / 4, 1 / 8, 1 / 8], [1 / 16, -5 / 16, 1 / 4]]],
    rtol=1e-6,
    err_msg="dlogits: expected (softmax - truth) / 2. Twice as large: over the number of predictions",
)
# From place 2 on, only the last prediction counts.
loss, dlogits = next_token_loss(logits, window, first=2)
np.testing.assert_allclose(
    loss,
    np.log(8 / 3),
    rtol=1e-6,
    err_msg="first = 2: expected the surprise at the last token alone, log 8/3 = 0.981. 0.837: first is ignored. "
    "0.490: divide by the number of predictions that count. nan or an error: the prediction of place `first` itself "
    "counts",
)
np.testing.assert_allclose(
    dlogits,
    [[[0, 0, 0], [1 / 8, -5 / 8, 1 / 2]]],
    rtol=1e-6,
    atol=1e-12,
    err_msg="first = 2: the gradient is 0 where nothing counts, and (softmax - truth) / 1 at the last place",
)
# A second window, (1, 2, 0): both right tokens were given the probability 1/2.
two_windows = np.array([[2, 0, 1], [1, 2, 0]])
two_logits = np.concatenate([logits, np.log([[[1.0, 1.0, 2.0], [4.0, 3.0, 1.0]]])])
loss, dlogits = next_token_loss(two_logits, two_windows)
np.testing.assert_allclose(
    loss,
    (3 * np.log(2) + np.log(8 / 3)) / 4,
    rtol=1e-6,
    err_msg="two windows: expected the mean of log 2, log 8/3, log 2 and log 2, which is 0.765. 1.530: the mean is "
    "over the sequences too",
)
np.testing.assert_allclose(
    dlogits,
    [[[-1 / 8, 1 / 16, 1 / 16], [1 / 32, -5 / 32, 1 / 8]], [[1 / 16, 1 / 16, -1 / 8], [-1 / 8, 3 / 32, 1 / 32]]],
    rtol=1e-6,
    err_msg="two windows: expected (softmax - truth) / 4. Twice as large: divide by the sequences too",
)
for name, array, copy in zip(("logits", "window"), (logits, window), before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "next_token_loss_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(6909)
for count, length, vocabulary, start in ((3, 4, 5, 1), (2, 6, 3, 4), (1, 1, 2, 1), (4, 4, 4, 2), (2, 5, 7, 5)):
    logits = 3 * rng.standard_normal((count, length, vocabulary))
    window = rng.integers(0, vocabulary, (count, length + 1))
    originals = logits.copy(), window.copy()
    loss, dlogits = next_token_loss(logits, window, start) if start > 1 else next_token_loss(logits, window)
    asked, surprise, slope = count * (length - start + 1), 0.0, np.zeros(logits.shape)
    for b in range(count):
        for place in range(start, length + 1):
            scores = originals[0][b, place - 1].tolist()
            total = math.fsum(math.exp(score) for score in scores)
            surprise += math.log(total) - scores[originals[1][b, place]]
            for token, score in enumerate(scores):
                slope[b, place - 1, token] = (math.exp(score) / total - (token == originals[1][b, place])) / asked
    assert np.ndim(loss) == 0 and np.shape(dlogits) == logits.shape
    np.testing.assert_allclose(loss, surprise / asked, rtol=1e-6)
    np.testing.assert_allclose(dlogits, slope, rtol=1e-6, atol=1e-9)
    for argument, original in zip((logits, window), originals, strict=True):
        np.testing.assert_array_equal(argument, original)

# Logits of +-10,000 in one batch: catches overflow, logarithms of 0, and one maximum for all places.
logits = np.array([[[1e4, 1e4 - 1, -1e4], [-1e4, -1e4 + 1, -2e4]]])
loss, dlogits = next_token_loss(logits, np.array([[0, 1, 0]]))
np.testing.assert_allclose(loss, math.log(1 + math.e), rtol=1e-6)
large = math.e / (1 + math.e)
np.testing.assert_allclose(dlogits, [[[large / 2, -large / 2, 0], [-large / 2, large / 2, 0]]], rtol=1e-6, atol=1e-12)
loss, dlogits = next_token_loss(np.array([[[1e4, 0.0, -1e4]]]), np.array([[0, 2]]))
np.testing.assert_allclose(loss, 2e4, rtol=1e-6)
np.testing.assert_allclose(dlogits, [[[1, 0, -1]]], rtol=1e-6, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
r"""
Before anything is trained: the ways back of parts 1 to 6 and 9 against nudges, in float64; those of 7 and 8 need the
whole model and come below. Uses `layer_norm`, `causal_attention`, `next_token_loss` and their backward passes, and
`split_heads` with `merge_heads`. Each number should be below $10^{-7}$; a larger one names the part to look at.
"""


# %% tags=["showcase"]
def miss(mine, loss_of, at, nudge=1e-5):
    """The largest difference between a gradient and central differences, over the largest size."""
    nudged = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[index] = nudge
        nudged[index] = (loss_of(at + step) - loss_of(at - step)) / (2 * nudge)
    return np.max(np.abs(mine - nudged)) / np.max(np.abs(mine) + np.abs(nudged))


rng = np.random.default_rng(4)
x, factors, gain, bias = *rng.standard_normal((2, 5, 6)), *rng.standard_normal((2, 6))
_, normalised, inverse_std = layer_norm(x, gain, bias)
norm = layer_norm_backward(factors, normalised, inverse_std, gain)
print(f"layer norm, dx      {miss(norm[0], lambda x: np.sum(factors * layer_norm(x, gain, bias)[0]), x):.0e}")
print(f"layer norm, dgain   {miss(norm[1], lambda gain: np.sum(factors * layer_norm(x, gain, bias)[0]), gain):.0e}")

looks = list(rng.standard_normal((3, 2, 2, 4, 3)))
factors = rng.standard_normal((2, 2, 4, 3))
slopes = causal_attention_backward(factors, *looks, causal_attention(*looks)[1])
for i, name in enumerate(("dq", "dk", "dv")):
    nudged_look = miss(
        slopes[i], lambda a, i=i: np.sum(factors * causal_attention(*looks[:i], a, *looks[i + 1 :])[0]), looks[i]
    )
    print(f"attention, {name}       {nudged_look:.0e}")

x, factors = rng.standard_normal((6, 8)), rng.standard_normal((2, 4, 3, 2))
print(f"heads               {miss(merge_heads(factors), lambda x: np.sum(factors * split_heads(x, 2, 4)), x):.0e}")

logits, window = rng.standard_normal((2, 4, 5)), rng.integers(0, 5, (2, 5))
dlogits = next_token_loss(logits, window)[1]
print(f"next-token loss     {miss(dlogits, lambda logits: next_token_loss(logits, window)[0], logits):.0e}")

# %% [markdown]
r"""
## The rest of the model

Nothing to write in this section, and everything to read. It is what stands between your functions: the parameters in
one long vector, the layers that need nothing new, and the two walks, forward and back.

A model has $L$ *blocks*, each with two branches on the road of part 7. In the first, tokens look at one another. In
the second, a hidden layer works on each token alone. Before each branch stands a layer normalisation, and one more at
the end. What comes out is compared with each row of the table: the scores of the next token.
"""


# %%
class Model(NamedTuple):
    """The sizes of a model."""

    vocabulary: int  # V, how many different tokens there are
    context: int  # how many tokens it can read
    width: int  # D, how many numbers carry each token; a multiple of heads
    heads: int
    layers: int  # how many blocks


def parameter_shapes(model):
    """The shape of each array of parameters by its name, in the order in which they lie in the flat vector."""
    D = model.width
    block = {
        "norm1_gain": (D,),
        "norm1_bias": (D,),
        "qkv": (D, 3 * D),  # queries, keys and values side by side
        "qkv_bias": (3 * D,),
        "mix": (D, D),
        "mix_bias": (D,),
        "norm2_gain": (D,),
        "norm2_bias": (D,),
        "up": (D, 4 * D),
        "up_bias": (4 * D,),
        "down": (4 * D, D),
        "down_bias": (D,),
    }
    return {
        "table": (model.vocabulary, D),
        "position": (model.context, D),
        **{f"block{i}.{name}": shape for i in range(model.layers) for name, shape in block.items()},
        "norm_gain": (D,),
        "norm_bias": (D,),
    }


def unpack(w, model):
    """The arrays that lie in the flat vector w, (P,), by name. They are views: to write into one is to write into w."""
    arrays, start = {}, 0
    for name, shape in parameter_shapes(model).items():
        size = math.prod(shape)
        arrays[name] = w[start : start + size].reshape(shape)
        start += size
    return arrays


def initial_weights(model, seed=0, dtype=np.float32):
    """Weights to start from, (P,).

    A matrix gets the variance 1 / (number of its rows), so that it keeps the size of what passes through. The last
    matrix of each branch is smaller by the root of the number of branches, so that their sum keeps its size too
    (Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.3). The table is small: at
    first all tokens are about equally likely, and the loss is log V.
    """
    rng = np.random.default_rng(seed)
    w = np.zeros(sum(map(math.prod, parameter_shapes(model).values())), dtype=dtype)
    for name, array in unpack(w, model).items():
        if name.endswith("gain"):
            array[:] = 1
        elif name in ("table", "position"):
            array[:] = rng.normal(0, 0.02, array.shape)
        elif not name.endswith("bias"):
            ends_a_branch = name.endswith(("mix", "down"))
            array[:] = rng.normal(0, (len(array) * (2 * model.layers if ends_a_branch else 1)) ** -0.5, array.shape)
    return w


# %% [markdown]
r"""
The layers that need nothing new: the affine layer of chapter 1, and GELU, a ReLU with a round corner.
"""


# %%
def linear(x, p, name):
    """x @ W + b: (N, inputs) -> (N, outputs), with the parameters `name` and `name_bias`, and in their type."""
    out = x.astype(p[name].dtype, copy=False) @ p[name]
    out += p[name + "_bias"]
    return out


def linear_backward(dout, x, p, grads, name):
    """Writes the gradients of W and b into `grads`, and returns that of x."""
    W = p[name]
    dout, x = dout.astype(W.dtype, copy=False), x.astype(W.dtype, copy=False)
    np.matmul(x.T, dout, out=grads[name])
    np.matmul(np.ones(len(dout), dtype=W.dtype), dout, out=grads[name + "_bias"])  # a sum over the rows, and fast
    return dout @ W.T


GELU_SLOPE, GELU_CUBE = math.sqrt(2 / math.pi), 0.044715


def gelu(x):
    """x * (1 + tanh(s * (x + 0.044715 * x**3))) / 2 with s = sqrt(2 / pi). Returns (out, tanh).

    Rule: Hendrycks and Gimpel, Gaussian Error Linear Units (2016), section 2. Each line works in the array that the
    line before it made: new memory costs more time than a product.
    """
    tanh = x * x  # and never x**3, which takes up to a hundred times as long
    tanh *= GELU_SLOPE * GELU_CUBE
    tanh += GELU_SLOPE
    tanh *= x
    np.tanh(tanh, out=tanh)
    out = tanh + 1
    out *= x
    out *= 0.5
    return out, tanh


def gelu_backward(dout, x, tanh):
    """dout times the slope of gelu, (1 + tanh + x * (1 - tanh**2) * s * (1 + 3 * 0.044715 * x**2)) / 2."""
    slope = x * x
    slope *= 3 * GELU_SLOPE * GELU_CUBE
    slope += GELU_SLOPE
    slope *= x
    rest = tanh * tanh
    np.subtract(1, rest, out=rest)
    slope *= rest
    slope += tanh
    slope += 1
    slope *= dout
    slope *= 0.5
    return slope


# %% [markdown]
r"""
The two branches of a block, each with its way back. They call your `layer_norm`, `split_heads`, `causal_attention` and
`merge_heads`, and the backward passes of these. What a forward pass `saved` is what its way back needs.
"""


# %%
def attention_branch(x, p, block, batch, heads):
    """Tokens look at one another: (N, D) -> (N, D). Returns (out, saved)."""
    inside, *norm = layer_norm(x, p[block + "norm1_gain"], p[block + "norm1_bias"])
    qkv = split_heads(linear(inside, p, block + "qkv"), batch, 3 * heads)  # (batch, 3 * heads, T, d)
    q, k, v = np.split(qkv, 3, axis=1)  # each (batch, heads, T, d)
    out, weights = causal_attention(q, k, v)
    seen = merge_heads(out)  # (N, D)
    return linear(seen, p, block + "mix"), (inside, norm, q, k, v, weights, seen)


def attention_branch_backward(dout, p, grads, block, saved):
    """Writes the gradients of the branch's parameters into `grads`, and returns that of its input, (N, D)."""
    inside, norm, q, k, v, weights, seen = saved
    dseen = split_heads(linear_backward(dout, seen, p, grads, block + "mix"), *q.shape[:2])
    dqkv = np.concatenate(causal_attention_backward(dseen, q, k, v, weights), axis=1)  # (batch, 3 * heads, T, d)
    dinside = linear_backward(merge_heads(dqkv), inside, p, grads, block + "qkv")
    dx, grads[block + "norm1_gain"][:], grads[block + "norm1_bias"][:] = layer_norm_backward(
        dinside, *norm, p[block + "norm1_gain"]
    )
    return dx


def feed_forward_branch(x, p, block):
    """Each token on its own, through a hidden layer four times as wide: (N, D) -> (N, D). Returns (out, saved)."""
    inside, *norm = layer_norm(x, p[block + "norm2_gain"], p[block + "norm2_bias"])
    up = linear(inside, p, block + "up")  # (N, 4 * D)
    hidden, tanh = gelu(up)
    return linear(hidden, p, block + "down"), (inside, norm, up, tanh, hidden)


def feed_forward_branch_backward(dout, p, grads, block, saved):
    """Writes the gradients of the branch's parameters into `grads`, and returns that of its input, (N, D)."""
    inside, norm, up, tanh, hidden = saved
    dup = gelu_backward(linear_backward(dout, hidden, p, grads, block + "down"), up, tanh)
    dinside = linear_backward(dup, inside, p, grads, block + "up")
    dx, grads[block + "norm2_gain"][:], grads[block + "norm2_bias"][:] = layer_norm_backward(
        dinside, *norm, p[block + "norm2_gain"]
    )
    return dx


# %% [markdown]
r"""
And the whole model. The walk back is the walk forward read from its end: your `residual_backward` goes through the
branches, and your `embedding_backward` ends at the table.
"""


# %%
class Saved(NamedTuple):
    """What the way back through the whole model needs."""

    p: dict  # the parameters
    tokens: np.ndarray
    branches: list  # the way back through each branch, in the order of the forward pass
    attention: list  # the weights of each block, (batch, heads, T, T)
    last: np.ndarray  # what is compared with the table, (N, D)
    norm: list


def forward(w, tokens, model):
    """From tokens to the scores of the next ones.

    w: (P,) the weights. tokens: (batch, T) whole numbers below model.vocabulary, with T up to model.context.
    Returns (logits, saved): logits is (batch, T, V).
    """
    batch, T = tokens.shape
    if model.context < T:
        raise ValueError(f"the model reads at most {model.context} tokens; found {T}: give it the last ones only")
    p = unpack(w, model)
    x = (p["table"][tokens] + p["position"][:T]).reshape(batch * T, model.width)
    branches, attention = [], []
    for block in (f"block{i}." for i in range(model.layers)):
        out, saved = attention_branch(x, p, block, batch, model.heads)
        x = x + out
        branches.append(partial(attention_branch_backward, p=p, block=block, saved=saved))
        attention.append(saved[5])
        out, saved = feed_forward_branch(x, p, block)
        x = x + out
        branches.append(partial(feed_forward_branch_backward, p=p, block=block, saved=saved))
    last, *norm = layer_norm(x, p["norm_gain"], p["norm_bias"])
    last = last.astype(w.dtype, copy=False)
    logits = (last @ p["table"].T).reshape(batch, T, model.vocabulary)  # the table again
    return logits, Saved(p, tokens, branches, attention, last, norm)


def backward(dlogits, saved, model):
    """From the gradient of the logits, (batch, T, V), to that of all weights, (P,)."""
    batch, T, V = dlogits.shape
    p = saved.p
    g = np.zeros(sum(array.size for array in p.values()), dtype=saved.last.dtype)
    grads = unpack(g, model)  # views: every gradient is written where it belongs in g
    dlogits = dlogits.reshape(batch * T, V).astype(g.dtype, copy=False)
    dx, grads["norm_gain"][:], grads["norm_bias"][:] = layer_norm_backward(
        dlogits @ p["table"], *saved.norm, p["norm_gain"]
    )
    dx = residual_backward(dx, [partial(branch, grads=grads) for branch in saved.branches])
    grads["position"][:T] = dx.reshape(batch, T, model.width).sum(axis=0)
    grads["table"][:] = embedding_backward(dx, saved.tokens, dlogits.T @ saved.last)
    return g


def loss_and_grad(w, windows, model, first=1):
    """The loss of next_token_loss on windows (batch, T + 1), and its gradient in all weights, (P,)."""
    logits, saved = forward(w, windows[:, :-1], model)
    loss, dlogits = next_token_loss(logits, windows, first)
    return loss, backward(dlogits, saved, model)


# %% [markdown]
r"""
Two questions to a model before its first step. Uses all of parts 1 to 9. The two slopes should agree to six digits. If
they do not, and all the numbers above were small, look at parts 7 and 8. **Predict first**: what is the loss of a model
that knows nothing about 96 characters?
"""

# %% tags=["showcase"]
text_model = Model(vocabulary=96, context=64, width=64, heads=4, layers=2)
w = initial_weights(text_model)
rng = np.random.default_rng(5)
loss, _ = loss_and_grad(w, rng.integers(0, 96, (4, 65)), text_model)
print(f"{w.size:,} weights; loss at birth {loss:.3f}, log 96 = {math.log(96):.3f}")

# All slopes at once: along a random direction, the loss changes as fast as the gradient says.
small = Model(vocabulary=7, context=5, width=8, heads=2, layers=2)
point, windows = initial_weights(small, dtype=np.float64), rng.integers(0, 7, (3, 6))
direction = rng.standard_normal(point.size) / point.size**0.5
point = point + 0.3 * direction[::-1]
predicted = loss_and_grad(point, windows, small, first=2)[1] @ direction
ahead, behind = (loss_and_grad(point + step * direction, windows, small, first=2)[0] for step in (1e-5, -1e-5))
print(f"slope along a random direction: {predicted:.9f} predicted, {(ahead - behind) / 2e-5:.9f} measured")

# %% [markdown]
r"""
<details><summary>At birth</summary>

$\log 96 = 4.564$: all characters are equally likely. A loss far above that at the first step means that the start is
badly scaled: the model is sure of something, and it is wrong. But 18.3, four times as much with 4 windows in the batch,
is a sum over the windows where there should be a mean: part 9.
</details>

## 10 · Up, then down

*Level: warm-up · 10 minutes · 1 point* · Page: *The recipe*

At the first steps, Adam's moments know one or two gradients, and every weight moves by the full rate in a direction
that is mostly noise. So the rate starts small and rises along a line: the *warm-up*. Towards the end it falls along
half a cosine, so that the noise of the batches is averaged away. With the steps counted $t = 1, \dots, n$, as always
in Adam, $n$ = `total` and $t_w$ = `warmup`:

$$\eta_t = \eta_{\max} \frac{t}{t_w} \;\; (t \le t_w), \qquad
\eta_t = \eta_{\min} + (\eta_{\max} - \eta_{\min})\,\frac{1 + \cos(\pi u)}{2}, \quad u = \frac{t - t_w}{n - t_w}.$$

It is the schedule of chapter 3; there steps were counted from 0, here they are counted from 1.

<details><summary>Hint</summary>

$u$ is the share of the way down: 0 at the end of the warm-up, 1 at the last step.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "learning_rate", "locked": false, "solution": true}
def learning_rate(t, peak, warmup, total, floor=0.0):
    """The learning rate of step t: up along a line, then down along half a cosine.

    t: the number of the step, a whole number from 1 to total.
    peak: the largest rate, that of step t = warmup.
    warmup: how many steps the rise takes, a whole number from 0 to total. The first of them has peak / warmup. With 0
        there is no rise, and step 1 is the first step down. With warmup = total there is no way down.
    total: how many steps the run has.
    floor: the rate of the last step, t = total, where the run has steps after the warm-up. It plays no part in the
        warm-up.

    Returns one number.

    Rule: Loshchilov and Hutter, SGDR (2017), equation 5, for the cosine; Vaswani et al. (2017), section 5.3, and Goyal
    et al., Accurate, Large Minibatch SGD (2017), section 2.2, for the warm-up.
    """
    ### BEGIN SOLUTION
    if t <= warmup:
        return peak * t / warmup
    way_down = (t - warmup) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * way_down)) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "learning_rate_visible", "locked": true, "points": 0.5}
# Four steps up to 1, then six steps down to 0.2.
found = [learning_rate(t, 1.0, 4, 10, floor=0.2) for t in range(1, 11)]
assert all(np.ndim(rate) == 0 for rate in found), "the rate is one number"
np.testing.assert_allclose(
    found[:4],
    [0.25, 0.5, 0.75, 1.0],
    rtol=1e-6,
    err_msg="steps 1 to 4, the warm-up. 0 at first: steps are counted from 1. 0.2 at first: t / (warmup + 1) is late. "
    "0.4 at first: floor plays no part here. Less than 1 at step 4 otherwise: the cosine waits for the warm-up",
)
np.testing.assert_allclose(
    [found[4], found[6], found[9]],
    [0.2 + 0.4 * (1 + np.cos(np.pi / 6)), 0.6, 0.2],
    rtol=1e-6,
    err_msg="steps 5, 7 and 10: expected a sixth, half and all of the way down to 0.2. 1 at step 5: one step late. "
    "0.980 at step 5: divide by total - warmup. Above 0.2 at the end otherwise: it never arrives. 0 at the end: it "
    "falls to floor. 1 at the end: half a cosine, not a whole one. 0.867 at step 5: a cosine, not a line",
)
# No warm-up: the first of two steps is half of the way down.
np.testing.assert_allclose(
    [learning_rate(1, 3.0, 0, 2), learning_rate(2, 3.0, 0, 2)],
    [1.5, 0.0],
    atol=1e-12,
    err_msg="warmup = 0, two steps: expected half of the way down from 3, and all of it, 1.5 and 0",
)

# %% nbgrader={"grade": true, "grade_id": "learning_rate_hidden", "locked": true, "points": 0.5}
# Hidden tests on random schedules run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(7010)
for rise, fall in ((5, 20), (1, 3), (0, 7), (12, 1), (3, 3)):
    top, bottom, total = float(rng.uniform(0.5, 3)), float(rng.uniform(0, 0.4)), rise + fall
    for t in range(1, total + 1):
        expected = (
            top / rise * t if t <= rise else bottom + (top - bottom) * math.cos(math.pi * (t - rise) / fall / 2) ** 2
        )
        np.testing.assert_allclose(learning_rate(t, top, rise, total, bottom), expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(learning_rate(total, top, rise, total), 0, atol=1e-12)
# A run that is all warm-up ends at the peak: catches a division by zero.
np.testing.assert_allclose([learning_rate(t, 2.0, 4, 4, 0.1) for t in (1, 4)], [0.5, 2.0], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 11 · One step of training

*Level: challenge · 25 minutes · 2 points* · Page: *The recipe*

Everything that the course has built, in one step. Ask for the gradient. If it is longer than `clip`, shorten it, $g
\leftarrow g \cdot \text{clip} / \text{length}$: one batch with an odd piece of text must not throw away what a hundred
others have taught. Then AdamW, from chapter 5, with $\eta$ = `lr` and $\lambda$ = `weight_decay`:

$$m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
w \leftarrow w - \eta\lambda w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} .$$

All weights lie in one vector, so there is no loop over layers, and the length of the gradient is the length of a
vector. The decay $\lambda$ pulls at the weights of before the step, and does not pass through Adam's fraction: that is
the W in AdamW.

<details><summary>Hint</summary>

Six lines. Write `m = ...` and `g = ...`, not `m *= ...` or `g *= ...`, which change the caller's arrays. The divisors
$1 - \beta^t$ change with $t$ and are needed for both moments; what is stored and returned are the moments without them.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "train_step", "locked": false, "solution": true}
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    """One step of training: the gradient on a batch, clipped, then AdamW.

    w: (P,) the weights. m, v: (P,) Adam's two moments, zeros before the first step. None of the three is modified.
    t: the number of the step, from 1.
    loss_and_grad: a function; loss_and_grad(w, batch) returns (loss, g), a number and the gradient (P,). It is called
        once. The array that it returns is not modified. (It is the function of this name above with the model filled
        in, so that two arguments are left.)
    batch: what loss_and_grad is called with; nothing else is done with it.
    lr: the learning rate. beta1, beta2: how much of each moment is kept.
    eps: is added to the square root, outside of it.
    weight_decay: one number, or an array (P,) with one for each weight. Decoupled: apart from Adam's own step, each
        weight loses lr * weight_decay times the value that it had before the step.
    clip: the greatest length of the gradient, the length being the root of the sum of the squares of all P entries. A
        longer g is scaled down to it, and the moments see that g; any other stays as it is.

    Returns (w, m, v, loss): weights and moments after the step, and the loss that loss_and_grad returned.

    Rule: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2, with lr on the decay as in
    PyTorch; Pascanu, Mikolov and Bengio, On the Difficulty of Training Recurrent Neural Networks (2013), algorithm 1.
    """
    ### BEGIN SOLUTION
    loss, g = loss_and_grad(w, batch)
    length = math.sqrt(g @ g)
    if length > clip:
        g = g * (clip / length)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    w = w - lr * weight_decay * w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w, m, v, loss
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train_step_visible", "locked": true, "points": 0.5}
# Step 2 of a run, with betas of 1/2 and 1/4, so that 1 - beta**t is 3/4 and 15/16. The gradient (30, 40) has length 50.
asked, slope = [], np.array([30.0, 40.0])


def slope_of(w, batch):
    asked.append(batch)
    return 7.0, slope


given = np.array([10.0, -20.0]), np.array([6.0, -2.0]), np.array([23.0, 3.0])
before = [array.copy() for array in given]
options = {"beta1": 0.5, "beta2": 0.25, "eps": 1.0}
result = train_step(*given, 2, slope_of, "a batch", 0.1, weight_decay=0.0, clip=5.0, **options)
assert isinstance(result, tuple | list) and len(result) == 4, (
    f"return four things, w, m, v and loss; found {type(result).__name__}"
)
w, m, v, loss = result
assert asked == ["a batch"], f"one step asks once for the gradient on the batch; found the calls {asked}"
assert loss == 7.0, f"loss: expected what loss_and_grad returned, 7.0, found {loss}"
np.testing.assert_allclose(
    m,
    [4.5, 1.0],
    rtol=1e-6,
    err_msg="m: expected half of (6, -2) and half of the clipped gradient, (3, 4). (18, 19): not clipped. (5.5, 1.5): "
    "each entry was clipped by itself. (3.03, -0.96): divided by the square of the length. (6, 1.33): m is stored as "
    "it is, without its correction",
)
np.testing.assert_allclose(
    v,
    [12.5, 12.75],
    rtol=1e-6,
    err_msg="v: expected a quarter of (23, 3) and three quarters of (9, 16). (8, 3.75): the gradient is not squared. "
    "(680.75, 1200.75): the gradient is not clipped",
)
np.testing.assert_allclose(
    w,
    np.array([10.0, -20.0]) - 0.1 * np.array([6.0, 4 / 3]) / (np.sqrt([40 / 3, 13.6]) + 1),
    rtol=1e-6,
    err_msg="m and v are right, w is not: expected w - 0.1 * (m / 0.75) / (sqrt(v / 0.9375) + 1)",
)
# No gradient at all: Adam does not move, and the decay takes lr * weight_decay = 0.1 * 0.5 of each weight.
w, _, _, _ = train_step(
    given[0], 0 * given[1], 0 * given[2], 1, lambda w, batch: (0.0, 0 * w), None, 0.1, weight_decay=0.5
)
np.testing.assert_allclose(
    w,
    [9.5, -19.0],
    rtol=1e-6,
    err_msg="without any gradient, decay alone: expected 0.95 times the weights. (10.5, -21): it grows. (5, -10): lr "
    "belongs to it. (9.9, -19.9): the decay went through Adam. nan: a gradient of length 0 needs no clipping",
)
np.testing.assert_array_equal(
    slope, [30, 40], err_msg="the numbers are right, but the gradient that loss_and_grad returned was changed"
)
# Both at once: step 2 again, now with a decay of 0.1 * 0.5.
w, _, _, _ = train_step(*given, 2, slope_of, "a batch", 0.1, weight_decay=0.5, clip=5.0, **options)
np.testing.assert_allclose(
    w,
    0.95 * np.array([10.0, -20.0]) - 0.1 * np.array([6.0, 4 / 3]) / (np.sqrt([40 / 3, 13.6]) + 1),
    rtol=1e-6,
    err_msg="step and decay are right, each alone. Together, expected 0.95 times the weights from before the step, "
    "minus Adam's step. Minus 0.95 of that step: the decay was taken from the weights after it",
)
for name, array, copy in zip("wmv", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "train_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random runs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(7111)
for size, rate, keep1, keep2, small, decay, limit in (
    (4, 0.1, 0.9, 0.99, 1e-8, 0.1, 1.0),
    (3, 0.5, 0.5, 0.3, 0.7, 0.4, 100.0),
    (1, 0.05, 0.0, 0.9, 1e-2, 0.0, 0.5),
    (5, 0.2, 0.8, 0.6, 0.3, rng.uniform(0, 1, 5), 3.0),
):
    w, slopes = 2 * rng.standard_normal(size), 2 * rng.standard_normal((6, size)) * 10 ** rng.uniform(-2, 1, (6, 1))
    m, v = np.zeros(size), np.zeros(size)
    weights, first, second = w.tolist(), [0.0] * size, [0.0] * size
    rates = np.broadcast_to(decay, size).tolist()
    settings = {"beta1": keep1, "beta2": keep2, "eps": small, "weight_decay": decay, "clip": limit}
    for t in range(1, 7):
        calls = []

        def ask(point, batch, calls=calls, slopes=slopes):
            calls.append((point.tolist(), batch))
            return float(batch) / 2, slopes[batch]

        copies = w.copy(), m.copy(), v.copy(), slopes.copy()
        after = train_step(w, m, v, t, ask, t - 1, rate, **settings)
        assert calls == [(weights, t - 1)] or (
            len(calls) == 1 and calls[0][1] == t - 1 and np.allclose(calls[0][0], weights, rtol=1e-6)
        )
        for array, copy in zip((w, m, v, slopes), copies, strict=True):
            np.testing.assert_array_equal(array, copy)
        long = math.sqrt(sum(entry**2 for entry in slopes[t - 1]))
        for i, entry in enumerate(slopes[t - 1].tolist()):
            entry *= min(1.0, limit / long)  # catches gradients that are scaled up when they are short
            first[i] = keep1 * first[i] + (1 - keep1) * entry
            second[i] = keep2 * second[i] + (1 - keep2) * entry**2
            step = first[i] / (1 - keep1**t) / (math.sqrt(second[i] / (1 - keep2**t)) + small)
            weights[i] -= rate * rates[i] * weights[i] + rate * step
        w, m, v, loss = after
        assert loss == (t - 1) / 2
        np.testing.assert_allclose(m, first, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(v, second, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(w, weights, rtol=1e-6, atol=1e-9)

# The defaults, at a first step: each weight moves by the rate against the sign of its slope, and loses a hundredth.
w, m, v, _ = train_step(
    np.array([1.0, -1.0]), np.zeros(2), np.zeros(2), 1, lambda w, batch: (0.0, np.array([3.0, 4.0])), 0, 0.1
)
np.testing.assert_allclose(m, [0.06, 0.08], rtol=1e-6)
np.testing.assert_allclose(v, [0.0036, 0.0064], rtol=1e-6)
np.testing.assert_allclose(w, [0.89, -1.09], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 12 · Let it write

*Level: standard · 20 minutes · 1.5 points* · Page: *Sampling, and looking inside*

A model says how likely each token is to come next. To write is to draw one of them, append it, and ask again. A model
reads a limited number of tokens, its context; of a longer text it is shown the end.

Drawing from the model's own probabilities gives text that is as varied, and as careless, as what it learnt from. The
*temperature* $\tau$ divides the scores before the softmax. Below 1 the likely tokens become likelier, and at 0 the
likeliest is always taken, which soon goes round in circles. *Top-k* leaves only the $k$ best candidates in the draw.

<details><summary>Hint</summary>

For the candidates that are out, `-np.inf` is a good score. Take the largest score off before `np.exp`, as in parts 5
and 9. `rng.choice` wants probabilities in float64 that sum to 1.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "generate", "locked": false, "solution": true}
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    """Let a model write: draw a token, append it, ask again.

    next_logits: a function; next_logits(tokens) returns the scores (V,) of the token that follows `tokens`, an array of
        at least 1 and at most `context` whole numbers. It is called once for each new token.
    prompt: (n,) whole numbers, n >= 1, what has been written already. Not modified.
    count: how many tokens to append, from 0 up.
    context: how many tokens the model can read. Of a longer text it is given the last `context`.
    rng: a numpy.random.Generator. Each new token is that of one call of rng.choice(V, p=probabilities), with the
        probabilities in the order of the scores and in float64. Nothing else is drawn from it.
    temperature: a number from 0 up. The scores are divided by it before the softmax. With 0 the token with the largest
        score is taken, the first of them if there are several, and nothing is drawn from rng.
    top_k: if it is a number, from 1 up, only the top_k tokens with the largest scores can be drawn, with probabilities
        that are the softmax among them; with V or more, all can. No two scores are equal where top_k is given.
    Works for scores of +-10,000.

    Returns an array of whole numbers, (n + count,): the prompt and what was appended to it.

    Rule: Ackley, Hinton and Sejnowski, A Learning Algorithm for Boltzmann Machines (1985), for the temperature; Fan,
    Lewis and Dauphin, Hierarchical Neural Story Generation (2018), for top-k.
    """
    ### BEGIN SOLUTION
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)  # (V,)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        chances = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(chances), p=chances / chances.sum())))
    return np.array(tokens)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generate_visible", "locked": true, "points": 0.5}
# A model of 5 tokens that likes the one after the last token it reads best, then the one after that, and so on.
shown = []


def ring(tokens):
    shown.append(np.array(tokens).tolist())
    return np.log([16.0, 8.0, 4.0, 2.0, 1.0])[(np.arange(5) - tokens[-1] - 1) % 5]


prompt = np.array([2, 3])
found = generate(ring, prompt, 4, 3, np.random.default_rng(0), temperature=0)
assert np.shape(found) == (6,), (
    f"a prompt of 2 tokens and 4 more: expected the shape (6,), found {np.shape(found)}. Return the prompt as well"
)
np.testing.assert_array_equal(
    found, [2, 3, 4, 0, 1, 2], err_msg="temperature 0: expected the token with the largest score each time"
)
assert shown == [[2, 3], [2, 3, 4], [3, 4, 0], [4, 0, 1]], (
    f"a model with a context of 3 is given the last 3 tokens, or all while there are fewer; found the calls {shown}"
)
np.testing.assert_array_equal(prompt, [2, 3], err_msg="the tokens are right, but the caller's prompt was changed")
# The shares of the five tokens are plain numbers here, so that what rng.choice must draw is known.
for temperature, top_k, shares in (
    (1.0, None, [16, 8, 4, 2, 1]),
    (0.5, None, [256, 64, 16, 4, 1]),
    (2.0, None, [4, 8**0.5, 2, 2**0.5, 1]),
    (1.0, 2, [16, 8, 0, 0, 0]),
    (1.0, 9, [16, 8, 4, 2, 1]),  # more than there are tokens: all can be drawn
):
    judge = np.random.default_rng(6)
    expected = [4]
    for _ in range(60):
        expected.append(int(judge.choice(5, p=np.roll(np.array(shares) / sum(shares), expected[-1] + 1))))
    found = generate(ring, np.array([4]), 60, 3, np.random.default_rng(6), temperature=temperature, top_k=top_k)
    np.testing.assert_array_equal(
        found,
        expected,
        err_msg=f"60 tokens with temperature {temperature} and top_k {top_k}: other tokens than those of rng.choice "
        f"with the shares {shares} for the tokens after the last. Are the scores divided by the temperature, made "
        "probabilities by a softmax, and those beyond the top_k best left out? Does rng.choice always choose among "
        "all V, in the order of the scores, with the probability 0 for those that are out?",
    )

# %% nbgrader={"grade": true, "grade_id": "generate_hidden", "locked": true, "points": 1}
# Hidden tests on random models run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(7212)
for vocabulary, reach, length, heat, best in (
    (6, 4, 2, 1.0, None),
    (9, 3, 7, 0.7, 4),
    (4, 1, 3, 1.8, 3),
    (12, 50, 1, 0.3, 12),
    (5, 2, 2, 1.0, 1),
    (7, 3, 5, 0, 3),
):
    mixing = 2 * rng.standard_normal((vocabulary, 64))

    def scores_of(tokens, mixing=mixing, reach=reach):
        assert 1 <= len(tokens) <= reach
        places = np.asarray(tokens) + 1.0  # each has a say: catches a model that is shown too little
        return 2 * np.sin(mixing[:, : len(tokens)] @ places + np.arange(len(mixing)))

    start, seed = rng.integers(0, vocabulary, length), int(rng.integers(10**6))
    original, judge = start.copy(), np.random.default_rng(seed)
    written = start.tolist()
    for _ in range(15):
        scores = scores_of(written[-reach:]).tolist()
        order = sorted(range(vocabulary), key=lambda token: -scores[token])
        if heat == 0:
            written.append(order[0])
            continue
        parts = [math.exp(score / heat) for score in scores]
        for token in order[best:] if best else ():
            parts[token] = 0.0
        written.append(int(judge.choice(vocabulary, p=np.array(parts) / math.fsum(parts))))
    found = generate(scores_of, start, 15, reach, np.random.default_rng(seed), temperature=heat, top_k=best)
    np.testing.assert_array_equal(found, written)
    np.testing.assert_array_equal(start, original)
# Nothing to append; large scores; scores of whole numbers.
np.testing.assert_array_equal(
    generate(lambda tokens: np.zeros(3), np.array([2, 1]), 0, 4, np.random.default_rng(1)), [2, 1]
)
for top in (1e4, -1e4):
    found = generate(
        lambda tokens, top=top: np.array([top - 50, top, top - 60]), np.array([0]), 5, 4, np.random.default_rng(2)
    )
    np.testing.assert_array_equal(found, [0, 1, 1, 1, 1, 1])
found = generate(lambda tokens: np.array([0, 50, 0]), np.array([2]), 3, 2, np.random.default_rng(3))
np.testing.assert_array_equal(found, [2, 1, 1, 1])
### END HIDDEN TESTS

# %% [markdown]
r"""
## The data, and the loop

Nothing to write from here on. Two tasks: sequences to be reversed, as many as you like, and the source of the Python
that runs this notebook. And the loop of training, which is short: a rate, a batch, a step.
"""


# %%
def reversal_windows(batch, length, rng, letters=26):
    """Random sequences, each followed by a mark and by itself reversed: (batch, 2 * length + 1) whole numbers.

    The letters are 0 to letters - 1, the mark is `letters`. The first place to be predicted is length + 1.
    """
    words = rng.integers(0, letters, (batch, length))
    return np.hstack([words, np.full((batch, 1), letters), words[:, ::-1]])


ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # the end of a line, and the 95 characters that ASCII can print


def encode(text):
    """Text as whole numbers, the places of its characters in ALPHABET; characters that are not there are left out."""
    codes = np.frombuffer(text.encode("ascii", errors="ignore"), dtype=np.uint8).astype(np.int64)
    codes = codes[(codes == 10) | (codes >= 32) & (codes < 127)]
    return np.where(codes == 10, 0, codes - 31)


def decode(tokens):
    """Whole numbers as text."""
    return "".join(ALPHABET[token] for token in tokens)


def library_source(size=1_000_000):
    """About `size` characters of Python: a list of the sources of modules, in the order of their names.

    They are single modules of the standard library, of the Python that runs this. Some Pythons come without the source
    of their library; then NumPy's modules stand in. Nothing is imported.
    """

    def modules():
        folder = [str(Path(os.__file__).parent)] if hasattr(os, "__file__") else []  # or a zip archive
        for name in sorted(sys.stdlib_module_names):
            spec = importlib.machinery.PathFinder.find_spec(name, folder)
            if not name.startswith("_") and spec is not None and hasattr(spec.loader, "get_source"):
                yield spec.loader.get_source(name)  # None where only compiled code is there
        for path in sorted(Path(np.__file__).parent.rglob("*.py")):
            yield path.read_text(encoding="utf-8", errors="ignore")

    chosen, length = [], 0
    for text in modules():
        if text and 2_000 < len(text) < 100_000:
            chosen.append(text)
            length += len(text)
        if length >= size:
            break
    return chosen


def random_windows(tokens, batch, length, rng):
    """Pieces from random places of a long text: tokens (n,) -> (batch, length)."""
    starts = rng.integers(0, len(tokens) - length + 1, batch)
    return tokens[starts[:, None] + np.arange(length)]


def consecutive_windows(tokens, length):
    """A long text cut up so that each place but the first is predicted once: tokens (n,) -> (count, length)."""
    starts = np.arange(0, len(tokens) - length + 1, length - 1)
    return tokens[starts[:, None] + np.arange(length)]


def bigram_loss(learn, held_out, vocabulary):
    """The loss on held_out of predicting each token from the one before it, by counting pairs in learn.

    Each pair counts a tenth more than it was seen, so that nothing is impossible.
    """
    pairs = np.bincount(learn[:-1] * vocabulary + learn[1:], minlength=vocabulary**2)
    counts = pairs.reshape(vocabulary, vocabulary) + 0.1
    chances = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(chances[held_out[:-1], held_out[1:]]).mean()


# %%
def mean_loss(w, windows, model, first=1, batch=64):
    """The loss over many windows, a batch at a time."""
    losses = [
        len(part) * next_token_loss(forward(w, part[:, :-1], model)[0], part, first)[0]
        for part in np.split(windows, range(batch, len(windows), batch))
    ]
    return sum(losses) / len(windows)


def next_logits_of(w, model):
    """The function that `generate` asks: tokens (n,) -> the scores (V,) of the one that follows."""
    return lambda tokens: forward(w, np.asarray(tokens)[None], model)[0][0, -1]


def train(w, slope, next_batch, steps, peak, warmup=100, floor=0.0, weight_decay=0.1, report=None, reports=10):
    """Train with your learning_rate and train_step. Returns (w, losses), with the loss on the batch of each step.

    slope(w, batch) returns the loss and its gradient, next_batch() the batch for one step. report(t, w, losses) is
    called `reports` times, evenly over the run.
    """
    m, v, losses = np.zeros_like(w), np.zeros_like(w), []
    for t in range(1, steps + 1):
        lr = float(learning_rate(t, peak, min(warmup, steps), steps, floor))
        w_new, m, v, loss = train_step(w, m, v, t, slope, next_batch(), lr, weight_decay=weight_decay)
        w, m, v = (array.astype(w.dtype, copy=False) for array in (w_new, m, v))
        losses.append(float(loss))
        if report and t * reports // steps > (t - 1) * reports // steps:
            report(t, w, losses)
    return w, losses


def forecast(w, slope, batch, steps, limit=300):
    """Time two steps, and say what all will take; and what the reason may be if it is more than `limit` seconds."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        slope(w, batch)
        times.append(time.perf_counter() - start)
    ahead = min(times) * steps
    print(f"one step takes about {1000 * min(times):.0f} ms, {steps:,} steps {ahead:.0f} s")
    if ahead > limit:
        print("That is long. A loop over tokens or sequences in parts 1 to 9 is the likeliest reason: let NumPy do it.")


def stopwatch():
    """A function that says how many seconds have passed since now."""
    start = time.perf_counter()
    return lambda: time.perf_counter() - start


def keep_memory():
    """Ask the C library to keep the memory of arrays that are gone, for the next ones.

    A step makes hundreds of arrays and drops them. New memory from the system is cleared first, page by page, which can
    take a third of the step. This helps on Linux with glibc; elsewhere it does nothing.
    """
    if sys.platform.startswith("linux"):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda option, value: 0)
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD: no separate memory for arrays below 1 GB
        mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD: give back what is free only above 1 GB


# %% [markdown]
r"""
## It reverses

Words of twelve random letters, each to be followed by itself, backwards. There are $26^{12}$ such words, 95
million billion of them, so nothing can be learnt by heart: the model must find out *where to look*. A thousand new
words say how often all twelve letters come out right. Uses all of parts 1 to 11, and 12 for the last lines. It takes
less than half a minute, unless one of your functions has a loop over tokens. If that makes it longer than a minute, the
first lines say so.

**Predict first.** To write the first letter of the answer, the model has to look at the last of the word, one place
back; for the last letter, at the first, twenty-three places back. Which picture will the attention of a model make
that can do this?
"""

# %% tags=["showcase"]
keep_memory()
LETTERS = 12
reversal_model = Model(vocabulary=27, context=2 * LETTERS, width=64, heads=4, layers=2)
rng = np.random.default_rng(6)
new_words = reversal_windows(50 if QUICK else 1000, LETTERS, np.random.default_rng(7))


def share_reversed(w):
    """The share of the new words that come out right, letter for letter, when the likeliest letter is always taken.

    Each letter is asked for after the right ones before it. A word is right if all are, and then they are its own.
    """
    logits, _ = forward(w, new_words[:, :-1], reversal_model)
    right = logits[:, LETTERS:].argmax(axis=-1) == new_words[:, LETTERS + 1 :]
    return right.all(axis=1).mean()


def report_reversal(t, w, losses):
    print(f"step {t:5}   loss {losses[-1]:.4f}   new words reversed {share_reversed(w):7.1%}   {clock():5.1f} s")


reversal_slope, reversal_steps = partial(loss_and_grad, model=reversal_model, first=LETTERS + 1), 20 if QUICK else 300
forecast(initial_weights(reversal_model), reversal_slope, new_words[:32], reversal_steps, limit=60)
clock = stopwatch()
reversal_w, _ = train(
    initial_weights(reversal_model),
    reversal_slope,
    lambda: reversal_windows(32, LETTERS, rng),
    reversal_steps,
    peak=3e-3,
    weight_decay=0.01,
    report=report_reversal,
    reports=2 if QUICK else 15,
)
reversed_share = share_reversed(reversal_w)
for word in ("transformers", "handkerchief"):
    prompt = np.array([ord(letter) - ord("a") for letter in word] + [26])
    written = generate(next_logits_of(reversal_w, reversal_model), prompt, LETTERS, 2 * LETTERS, rng, temperature=0)
    print(word, "->", "".join(chr(ord("a") + token) for token in written[LETTERS + 1 :]))

# %% [markdown]
r"""
Where does it look? One word, and the attention of each head, the second block below the first: each row is a letter of
the answer that is about to be written, each column a place that it can look at.
"""

# %% tags=["showcase"]
shown = np.array([ord(letter) - ord("a") for letter in "transformers"] + [26])
shown = np.concatenate([shown, shown[LETTERS - 1 :: -1]])[:-1]
labels = [*"transformers", ">", *"sremrofsnart"][: 2 * LETTERS]
maps = forward(reversal_w, shown[None], reversal_model)[1].attention
fig, axes = plt.subplots(2, 4, figsize=(11, 4.2), layout="constrained")
for block, (row, weights) in enumerate(zip(axes, maps, strict=True), start=1):
    for number, (ax, head) in enumerate(zip(row, weights[0], strict=True), start=1):
        ax.imshow(head[LETTERS:], cmap="viridis", vmin=0, vmax=1, aspect="auto")
        ax.set_title(f"block {block}, head {number}", fontsize=8)
        ax.set_xticks(range(2 * LETTERS), labels, fontsize=6)
        ax.set_yticks(range(LETTERS), [*"sremrofsnart"], fontsize=6)
fig.supylabel("letter to be written")
fig.supxlabel("place that it looks at")
plt.show()

# %% [markdown]
r"""
Look for a line that falls from the right to the left: each letter further on looks one place further back. That is what
reversing looks like, and nobody has programmed it. A line that falls to the right, in the right half, is something
else: there each place looks at itself. A picture says where a head looks, not whether what it sees is used; the page
*Sampling, and looking inside* tests that.

## It writes

About a million characters of Python from the standard library, every tenth module held out. Two marks to beat: a model
that knows how frequent each character is, and a *bigram* model, which knows what usually follows what. Uses parts 1 to
11. It takes a minute or two. Expect a held-out loss of about 1.4 to 1.6. The page *A first run* ends higher: other
modules are held out there, and it takes fewer steps.
"""

# %% tags=["showcase"]
keep_memory()
modules = library_source()
held_out = encode("".join(modules[9::10]))
learn = encode("".join(text for i, text in enumerate(modules) if i % 10 != 9))
frequencies = (np.bincount(learn, minlength=96) + 0.1) / (len(learn) + 9.6)
unigram, bigram = -np.log(frequencies[held_out]).mean(), bigram_loss(learn, held_out, 96)
test_windows = consecutive_windows(held_out, text_model.context + 1)[:: 20 if QUICK else 4]
print(f"{len(modules)} modules, {len(learn):,} characters to learn from, {len(held_out):,} held out")
print(f"loss by frequency {unigram:.2f}, by pairs {bigram:.2f}")

held_out_losses = []


def report_text(t, w, losses):
    held_out_losses.append((t, mean_loss(w, test_windows, text_model)))
    print(f"step {t:5}   loss {np.mean(losses[-50:]):.3f}   held out {held_out_losses[-1][1]:.3f}   {clock():5.1f} s")


text_slope, text_steps = partial(loss_and_grad, model=text_model), 20 if QUICK else 2500
forecast(initial_weights(text_model), text_slope, test_windows[:16], text_steps)
clock = stopwatch()
text_w, text_losses = train(
    initial_weights(text_model),
    text_slope,
    lambda: random_windows(learn, 16, text_model.context + 1, rng),
    text_steps,
    peak=1e-2,
    report=report_text,
    reports=2 if QUICK else 15,
)
text_loss = held_out_losses[-1][1]

fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.plot(text_losses, color="C0", alpha=0.3, linewidth=0.7, label="on each batch")
ax.plot(*zip(*held_out_losses, strict=True), "o-", color="C0", label="held out")
ax.axhline(unigram, color="gray", linestyle=":", label="by frequency")
ax.axhline(bigram, color="gray", linestyle="--", label="by pairs")
ax.set(
    xlabel="step",
    ylabel="loss",
    title=f"Held out: {text_loss:.2f}, that is {math.exp(text_loss):.1f} characters to choose from",
)
ax.legend()
plt.show()

# %% [markdown]
r"""
And now let it write, the likeliest character each time, then with more and more daring. Uses `generate`.
"""

# %% tags=["showcase"]
for temperature, top_k, length in ((0, None, 120), (0.7, 20, 400), (1.0, None, 400)):
    written = generate(
        next_logits_of(text_w, text_model),
        encode("\n    def "),
        20 if QUICK else length,
        text_model.context,
        np.random.default_rng(1),
        temperature,
        top_k,
    )
    print(f"--- temperature {temperature}, top_k {top_k} " + "-" * 40)
    print(decode(written))

# %% [markdown]
r"""
It is no program, but nobody would take it for English. The lines are indented, `self` comes first, some brackets close,
words from the library turn up, and at temperature 0 it goes round in circles, of words or of nothing but spaces. All of
it was put there by slopes that you computed: from one question, *what comes next?*, and from one answer to it at a
time.

What stands between this and a language model of today is in principle no new part. It is the sizes: a context
thousands of times as long, weights a million times as many, and text without end. The last page of the chapter
works out what that takes.
"""
