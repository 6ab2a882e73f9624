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
# Gradient descent: how far downhill, and how far is too far?

You write twelve functions. With the first two you can train a model. The next four say in advance how fast it will
learn, and check that it does. The others choose a step where no fixed rate is good enough, get off a saddle, and
measure the curvature of a landscape that is too large to look at. At the end your own code trains a network that
reads handwritten digits, at least 97 of every 100 that it has never seen, and you watch what the ground under a
network does while it trains.

**Points.** Twelve parts, 20 points. After each part stand two graded cells. The first shows its tests: run it, read
what it says, mend, run again. The second looks empty: its tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. Each part names the page of the
chapter that explains it. The cells with pictures are not graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart and run all*, save, and hand in the notebook
under its own name. An unsolved part stops *Run all* there. That costs nothing elsewhere: run the cells below it by
hand, save and hand in all the same; the grader runs every cell.

**Time.** About two and a half hours for the parts, three with the pictures.

**Letters.** $w$ holds the weights, $D$ of them. $\eta$ is the learning rate, `lr` in code. The Hessian is the matrix
of the loss's second derivatives; $\lambda_1,\dots,\lambda_D$ are its eigenvalues, $\mu$ the smallest and $L$ the
largest.
"""

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: the long cells then do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · A loss and its slope

*Level: warm-up · 10 minutes · 2 points* · Page: *Landscapes*

Descent needs two things: a number that says how bad the weights are, and the direction in which it grows. For a
linear model with predictions $Xw$ and targets $y$ the number is the mean squared error, and its gradient has a
formula:

$$\ell(w) = \frac{1}{N}\sum_{i=1}^{N}\big(x_i^\top w - y_i\big)^2,
\qquad
\nabla \ell(w) = \frac{2}{N}\, X^\top (Xw - y).$$

There are two easy ways to lose a constant here, the 2 and the $1/N$. A learning rate can hide either, so they go
unnoticed until somebody compares two runs.

<details><summary>Hint</summary>

Both results need the vector of errors $Xw - y$. Compute it once, and check that its shape is $(N,)$.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "mean_squared_error", "locked": false, "solution": true}
def mean_squared_error(w, X, y):
    """Mean squared error of the linear model X @ w, and its gradient with respect to w.

    w: (D,) weights.
    X: (N, D) inputs, one example in each row.
    y: (N,) targets.

    Returns (loss, grad): loss is one number, in squared units of y; grad is (D,), the slope of the loss along
    each weight. The mean is over the N examples, and there is no extra factor 1/2. No argument is modified.

    Rule: Goodfellow, Bengio and Courville, Deep Learning (2016), section 5.1.4.
    """
    ### BEGIN SOLUTION
    residual = X @ w - y  # (N,)
    loss = np.mean(residual**2)
    grad = 2 / len(y) * X.T @ residual  # (D,)
    return loss, grad
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mean_squared_error_visible", "locked": true, "points": 0.5}
# Four examples, two weights. The predictions are 1, 2, 3, 2, so the errors are 0, 0, 2, -2.
X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]])
y = np.array([1.0, 2.0, 1.0, 4.0])
loss, grad = mean_squared_error(np.array([1.0, 2.0]), X, y)

assert np.ndim(loss) == 0, f"the loss is one number; found an array of shape {np.shape(loss)}"
np.testing.assert_allclose(
    loss,
    2.0,
    rtol=1e-6,
    err_msg="loss: expected (0 + 0 + 4 + 4) / 4 = 2. 8 means a sum, 1 an extra 1/2, 4 a mean over D",
)
assert np.shape(grad) == (2,), f"expected one slope for each weight, shape (2,); found {np.shape(grad)}"
np.testing.assert_allclose(
    grad,
    [-1.0, 1.0],
    rtol=1e-6,
    err_msg="gradient: right shape, wrong values. Expected 2/4 * [-2, 2]. Signs exchanged: the error should be "
    "prediction minus target. Half as large: the square brings down a 2. Twice as large: divided by D = 2, not N = 4. "
    "Four times as large: the sum should be divided by N",
)

# %% nbgrader={"grade": true, "grade_id": "mean_squared_error_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(101)
for n, d in ((7, 4), (3, 5), (1, 1), (60, 2)):  # N and D differ: catches a mean over the wrong one
    X, y, w = rng.standard_normal((n, d)), 10 * rng.standard_normal(n), rng.standard_normal(d)
    before = w.copy(), X.copy(), y.copy()
    loss, grad = mean_squared_error(w, X, y)
    errors = np.array([sum(X[i, j] * w[j] for j in range(d)) - y[i] for i in range(n)])
    np.testing.assert_allclose(loss, sum(errors**2) / n, rtol=1e-6)
    assert np.shape(grad) == (d,)
    np.testing.assert_allclose(grad, [2 * sum(errors * X[:, j]) / n for j in range(d)], rtol=1e-6, atol=1e-9)
    # Catches errors that are worked out inside the caller's array of targets.
    for argument, copy in zip((w, X, y), before, strict=True):
        np.testing.assert_array_equal(argument, copy)

# A perfect fit has loss 0 and is flat.
X = rng.integers(-3, 4, (5, 3)).astype(float)
loss, grad = mean_squared_error(np.array([1.0, -2.0, 0.5]), X, X @ np.array([1.0, -2.0, 0.5]))
np.testing.assert_allclose(loss, 0, atol=1e-12)
np.testing.assert_allclose(grad, np.zeros(3), atol=1e-12)

# Large targets: catches a loss that is clipped or rooted.
loss, grad = mean_squared_error(np.zeros(2), np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([1e6, -1e6]))
np.testing.assert_allclose(loss, 1e12, rtol=1e-6)
np.testing.assert_allclose(grad, [-1e6, 3e6], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 2 · Walk downhill

*Level: standard · 15 minutes · 2 points* · Page: *Landscapes*

One step of gradient descent goes against the slope:

$$w_{t+1} = w_t - \eta\,\nabla f(w_t).$$

Keep every point: the pictures and the measurements below need the whole path. Three traps wait here, and none of
them raises an error: a list that holds the same array again and again, a starting point of whole numbers whose
array rounds every later point, and a path that is one point short.

<details><summary>Hint</summary>

Make the array for the whole path first, of floats and with one row more than there are steps. Then each row follows
from the row before.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "gradient_descent", "locked": false, "solution": true}
def gradient_descent(grad, w0, lr, steps):
    """Gradient descent with a fixed learning rate, and every point it visited.

    grad: a function; grad(w) is the gradient at w, shapes (D,) -> (D,).
    w0: (D,) the point to start from, an array of floats or of whole numbers. It is never modified.
    lr: the learning rate, a number above 0.
    steps: how many steps to take, a whole number from 0 up. All are taken, wherever they lead.

    Returns history: a float64 array of shape (steps + 1, D). history[0] is w0, history[t] the point after t steps.

    Rule: Cauchy (1847); Nocedal and Wright, Numerical Optimization (2006), section 2.2.
    """
    ### BEGIN SOLUTION
    history = np.empty((steps + 1, len(w0)))
    history[0] = w0
    for t in range(steps):
        history[t + 1] = history[t] - lr * grad(history[t])
    return history
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient_descent_visible", "locked": true, "points": 0.5}
# A round bowl: the gradient at w is w itself, so a step with lr = 0.5 halves w.
start = np.array([4.0, -8.0])
history = gradient_descent(lambda w: w, start, 0.5, 3)

assert isinstance(history, np.ndarray), f"history is one array; found {type(history).__name__}"
assert history.shape == (4, 2), (
    f"3 steps in 2 dimensions: expected shape (4, 2), the start and one row for each step; found {history.shape}"
)
assert not np.array_equal(history[0], history[1]), (
    f"all rows hold the same point, {history[0]}: does the path store one array that you then change? Store copies"
)
np.testing.assert_allclose(
    history,
    [[4, -8], [2, -4], [1, -2], [0.5, -1]],
    rtol=1e-6,
    err_msg="right shape, wrong points. Growing: the step should go against the gradient. Equal steps: the gradient "
    "should be asked for at each new point. (0, 0) after one step: the gradient should be multiplied by lr",
)
np.testing.assert_array_equal(start, [4, -8], err_msg="w0 has changed: the path should start from a copy of it")
# The same bowl from whole numbers.
np.testing.assert_allclose(
    gradient_descent(lambda w: w, np.array([3, -1]), 0.5, 1),
    [[3, -1], [1.5, -0.5]],
    rtol=1e-6,
    err_msg="a start of whole numbers: the history should hold floats all the same",
)

# %% nbgrader={"grade": true, "grade_id": "gradient_descent_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
# A tilted bowl, where each coordinate of the gradient depends on all: catches coordinates updated one after the other.
rng = np.random.default_rng(202)
for d, steps in ((1, 5), (2, 1), (6, 12)):
    M = rng.standard_normal((d, d))
    A, centre, start = M @ M.T / d + np.eye(d), rng.standard_normal(d), 3 * rng.standard_normal(d)
    before = start.copy()
    history = gradient_descent(lambda w, A=A, centre=centre: A @ (w - centre), start, 0.1, steps)
    assert history.shape == (steps + 1, d) and history.dtype == np.float64
    shrink = np.eye(d) - 0.1 * A
    for t in range(steps + 1):  # closed form; catches aliased rows and rows that are one step late
        expected = centre + np.linalg.matrix_power(shrink, t) @ (before - centre)
        np.testing.assert_allclose(history[t], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(start, before)  # catches a start that is used as the moving point

# A start of whole numbers: catches a path with the integer type of the start.
start = np.array([3, -2, 1])
history = gradient_descent(lambda w: 0.5 * w, start, 0.5, 2)
assert history.dtype == np.float64
np.testing.assert_allclose(history, np.outer([1, 0.75, 0.5625], [3, -2, 1]), rtol=1e-6)
np.testing.assert_array_equal(start, [3, -2, 1])

# No step at all still has a first row.
history = gradient_descent(lambda w: w, np.array([1.0, 2.0]), 0.1, 0)
assert history.shape == (1, 2)
np.testing.assert_allclose(history, [[1.0, 2.0]])

# Started on the minimum, and on a slope that never ends: catches early stopping and steps of normalised length.
history = gradient_descent(lambda w: 2 * w, np.zeros(3), 0.1, 4)
np.testing.assert_allclose(history, np.zeros((5, 3)))
history = gradient_descent(lambda w: np.array([3.0, -4.0]), np.zeros(2), 0.1, 4)
np.testing.assert_allclose(history, np.outer(np.arange(5), [-0.3, 0.4]), atol=1e-9)

# Too large a rate has to diverge: catches clipping.
history = gradient_descent(lambda w: w, np.array([1.0]), 3.0, 40)
np.testing.assert_allclose(history[:, 0], (-2.0) ** np.arange(41), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
Your function at work in a ravine, twenty times as steep across as along. Uses `gradient_descent`. Both runs take 25
steps. The larger rate gets further along the ravine, and pays for it by swinging across.
"""

# %% tags=["showcase"]
ravine = np.array([1.0, 20.0])  # the loss is (w1**2 + 20*w2**2) / 2
side, height = np.meshgrid(np.linspace(-11, 3, 80), np.linspace(-2.5, 2.5, 80))
fig, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
for ax, rate in zip(axes, (0.04, 0.095), strict=True):
    path = gradient_descent(lambda w: ravine * w, np.array([-10.0, 2.0]), rate, 25)
    ax.contour(side, height, (side**2 + 20 * height**2) / 2, levels=[1, 5, 15, 30, 50, 80], alpha=0.5)
    ax.plot(path[:, 0], path[:, 1], "o-", markersize=3)
    ax.plot(0, 0, "*", markersize=12)
    ax.set(title=f"lr = {rate}: 25 steps", xlabel="$w_1$", ylabel="$w_2$")
plt.show()

# %% [markdown]
r"""
## 3 · How far is too far?

*Level: warm-up · 5 minutes · 1 point* · Page: *Bowls*

In the direction of one eigenvector, a quadratic bowl is a parabola, and a step multiplies what is left by
$1-\eta\lambda_i$. That shrinks as long as $|1-\eta\lambda_i| < 1$. All directions share one rate, so the steepest
decides:

$$\eta < \frac{2}{L}.$$

<details><summary>Hint</summary>

The eigenvalues come in any order. `np.linalg.eigvalsh` would sort them, but nobody promised that it was used.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "max_stable_lr", "locked": false, "solution": true}
def max_stable_lr(eigenvalues):
    """The border between converging and diverging on a quadratic bowl: every smaller learning rate converges.

    eigenvalues: (D,) eigenvalues of the Hessian, in any order. Not modified.

    Returns one number, the learning rate at the border.
    Raises ValueError unless all eigenvalues are above 0: otherwise this is no bowl, and there is no such border. A
    zero counts as not above 0.

    Rule: Nesterov, Lectures on Convex Optimization (2018), chapter 1.
    """
    ### BEGIN SOLUTION
    if not np.all(np.asarray(eigenvalues) > 0):
        raise ValueError(f"expected eigenvalues above 0, found {eigenvalues}")
    return 2 / np.max(eigenvalues)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "max_stable_lr_visible", "locked": true, "points": 0.5}
found = max_stable_lr(np.array([1.0, 4.0, 2.0]))
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.5,
    rtol=1e-6,
    err_msg="eigenvalues 1, 4, 2: expected 2/4. 0.25 has lost the 2; 2 or 1 trust the wrong eigenvalue",
)
try:
    found = max_stable_lr(np.array([-4.0, 2.0]))
except ValueError:
    pass
else:
    raise AssertionError(
        f"eigenvalues -4 and 2: a negative eigenvalue is a direction that leads down, and no rate is stable there. "
        f"Expected a ValueError, found {found}"
    )

# %% nbgrader={"grade": true, "grade_id": "max_stable_lr_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(303)
for d in (1, 2, 9):
    eigenvalues = np.exp(rng.uniform(-20, 20, d))  # in random order: catches those who trust the first or the last
    before = eigenvalues.copy()
    expected = min(2 / value for value in eigenvalues)
    np.testing.assert_allclose(max_stable_lr(eigenvalues), expected, rtol=1e-6)
    np.testing.assert_array_equal(eigenvalues, before)  # catches sorting in place
np.testing.assert_allclose(max_stable_lr(np.array([8.0, 1.0, 3.0])), 0.25, rtol=1e-6)
np.testing.assert_allclose(max_stable_lr(np.array([2, 8, 5])), 0.25, rtol=1e-6)

# Catches a check that lets a flat direction through, or looks at one eigenvalue only.
for eigenvalues in ([0.0, 1.0], [3.0, -1e-9, 2.0], [-2.0, -1.0], [0.0]):
    try:
        max_stable_lr(np.array(eigenvalues))
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
## 4 · The best rate that stays the same

*Level: warm-up · 5 minutes · 1 point* · Page: *Bowls*

Below the border the flat direction asks for a larger rate and the steep one for a smaller. The best compromise lets
both shrink by the same factor, one from either side: $1 - \eta\mu = -(1 - \eta L)$. Solved for the rate,

$$\eta^\star = \frac{2}{\mu + L}.$$

<details><summary>Hint</summary>

The eigenvalues in between do not matter: their factors lie between the two extremes.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "best_fixed_lr", "locked": false, "solution": true}
def best_fixed_lr(eigenvalues):
    """The fixed learning rate that makes the slowest direction of a quadratic bowl shrink as fast as it can.

    eigenvalues: (D,) eigenvalues of the Hessian, all above 0, in any order. Not modified.

    Returns one number, the learning rate.

    Rule: Nesterov, Lectures on Convex Optimization (2018), chapter 2.
    """
    ### BEGIN SOLUTION
    mu, L = np.min(eigenvalues), np.max(eigenvalues)
    return 2 / (mu + L)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_fixed_lr_visible", "locked": true, "points": 0.5}
found = best_fixed_lr(np.array([4.0, 1.0, 2.0]))
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.4,
    rtol=1e-6,
    err_msg="eigenvalues 4, 1, 2: expected 2/(1 + 4). 0.2 has lost the 2; 0.5 is the border of part 3; 2/7 has added "
    "all eigenvalues; 1/3 trusts that they are sorted",
)

# %% nbgrader={"grade": true, "grade_id": "best_fixed_lr_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(404)
for d in (1, 2, 7):
    eigenvalues = np.exp(rng.uniform(-9, 9, d))
    before = eigenvalues.copy()
    found = best_fixed_lr(eigenvalues)
    # The definition: the flattest and the steepest direction shrink alike. Catches every other compromise.
    np.testing.assert_allclose(1 - found * min(before), found * max(before) - 1, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found * (min(before) + max(before)), 2, rtol=1e-6)
    np.testing.assert_array_equal(eigenvalues, before)  # catches sorting in place
np.testing.assert_allclose(best_fixed_lr(np.array([3, 7, 5, 3])), 0.2, rtol=1e-6)
np.testing.assert_allclose(best_fixed_lr(np.array([1e-8, 1e8])), 2e-8, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 5 · How fast, said in advance

*Level: warm-up · 5 minutes · 1 point* · Page: *Bowls*

After many steps only one direction counts: the one whose factor is the largest in size. That size is the rate of the
whole descent:

$$\rho = \max_i\, |1 - \eta\lambda_i|.$$

A negative eigenvalue belongs to a direction in which the ground falls away. Its factor is above 1, and the formula
says so without any change.

<details><summary>Hint</summary>

Where does the absolute value stand, and what stands inside it?
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "predicted_rate", "locked": false, "solution": true}
def predicted_rate(eigenvalues, lr):
    """The factor by which a step multiplies the distance to the stationary point of a quadratic, in the long run.

    The stationary point is where the gradient is zero: on a bowl the minimum.

    eigenvalues: (D,) eigenvalues of the Hessian, in any order and of any sign. Not modified.
    lr: the learning rate, a number above 0.

    Returns one number, at least 0: below 1 the distance shrinks, above 1 it grows.

    Rule: Goh, Why Momentum Really Works (Distill, 2017), "First Steps: Gradient Descent".
    """
    ### BEGIN SOLUTION
    factors = 1 - lr * np.asarray(eigenvalues)  # one for each eigendirection
    return np.max(np.abs(factors))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "predicted_rate_visible", "locked": true, "points": 0.5}
found = predicted_rate(np.array([1.0, 4.0, 2.0]), 0.45)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.8,
    rtol=1e-6,
    err_msg="lr = 0.45, factors 0.55, -0.8 and 0.1: expected the largest in size, 0.8. A negative factor jumps "
    "across, and its size counts (0.64 is the rate of the loss)",
)
np.testing.assert_allclose(
    predicted_rate(np.array([1.0, 4.0, 2.0]), 0.1),
    0.9,
    rtol=1e-6,
    err_msg="lr = 0.1, factors 0.9, 0.6 and 0.8: expected the largest in size, 0.9. Now it is the flattest direction",
)

# %% nbgrader={"grade": true, "grade_id": "predicted_rate_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(505)
for d in (1, 3, 8):
    for rate in (0.01, 0.3, 2.5):  # below, near and beyond the border: catches a look at one end only
        eigenvalues = rng.uniform(0.1, 6.0, d)
        expected = max(abs(1 - rate * value) for value in eigenvalues)
        np.testing.assert_allclose(predicted_rate(eigenvalues, rate), expected, rtol=1e-6)
eigenvalues = np.array([2.0, 0.5, 1.0])
np.testing.assert_allclose(predicted_rate(eigenvalues, 0.25), 0.875, rtol=1e-6)
np.testing.assert_array_equal(eigenvalues, [2.0, 0.5, 1.0])  # catches sorting in place
# A saddle: catches absolute eigenvalues and a rate that is capped at 1.
np.testing.assert_allclose(predicted_rate(np.array([-3.0, 1.0]), 0.1), 1.3, rtol=1e-6)
np.testing.assert_allclose(predicted_rate(np.array([0.0, 1.0]), 0.1), 1.0, rtol=1e-6)
np.testing.assert_allclose(predicted_rate(np.array([4, 4]), 0.25), 0.0, atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · How fast, measured

*Level: standard · 15 minutes · 2 points* · Page: *Bowls*

A prediction is worth what a measurement says. Take the distance to the minimum $w^\star$ at the end of a run of $T$
steps, and $k$ steps earlier ($k$ is `last` in code). The factor that would give the same fall if every step had it is

$$\hat\rho = \left(\frac{\lVert w_T - w^\star\rVert}{\lVert w_{T-k} - w^\star\rVert}\right)^{1/k}.$$

Only the last $k$ steps are used, since at first every direction has its say and only later the slowest is left. The
loss falls twice as fast on a logarithmic scale, because it is quadratic in the distance: do not measure one and
compare it with the other.

<details><summary>Hint</summary>

A run of $T$ steps has $T+1$ rows. Which row lies $k$ steps before the last one? Try it with $k = 1$ in your head.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "measured_rate", "locked": false, "solution": true}
def measured_rate(history, minimum, last):
    """The mean factor by which a step multiplied the distance to the minimum, over the last steps of a run.

    history: (T + 1, D) the points of a run of T steps, first to last. Not modified.
    minimum: (D,) the point w* from which distances are taken. A distance is the Euclidean length.
    last: over how many steps to measure, a whole number from 1 to T.

    Returns one number, the geometric mean: 0.9 means that a step left 90 % of the distance.
    Raises ValueError unless 1 <= last <= T.

    Rule: compare the root-convergence factor of Ortega and Rheinboldt, Iterative Solution of Nonlinear Equations
    in Several Variables (1970), chapter 9.
    """
    ### BEGIN SOLUTION
    if not 1 <= last < len(history):
        raise ValueError(f"last must be from 1 to {len(history) - 1}, found {last}")
    before = np.linalg.norm(history[-1 - last] - minimum)
    after = np.linalg.norm(history[-1] - minimum)
    return (after / before) ** (1 / last)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "measured_rate_visible", "locked": true, "points": 0.5}
# Four points at distances 9, 4, 3 and 1 from the minimum (10, 0).
run = np.array([[19.0, 0.0], [10.0, 4.0], [10.0, -3.0], [9.0, 0.0]])
found = measured_rate(run.copy(), np.array([10.0, 0.0]), 2)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.5,
    rtol=1e-6,
    err_msg="last = 2: from distance 4 to 1 in two steps, expected the square root of 1/4. 1/4 has lost the root (or "
    "squared the distances); the root of 1/3 starts one row late; 1/9 or 1/3 start at the first row; 0.914 has left "
    "out the minimum",
)
np.testing.assert_allclose(
    measured_rate(run.copy(), np.array([10.0, 0.0]), 1), 1 / 3, rtol=1e-6, err_msg="last = 1: from 3 to 1"
)
try:
    found = measured_rate(run.copy(), np.array([10.0, 0.0]), 4)
except ValueError:
    pass
except IndexError:
    raise AssertionError(
        "a run of 3 steps has no row 4 steps before its last: `last` should be checked first, and a ValueError raised"
    ) from None
else:
    raise AssertionError(f"a run of 3 steps cannot be measured over 4: expected a ValueError, found {found}")

# %% nbgrader={"grade": true, "grade_id": "measured_rate_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(606)
for d, steps, last in ((1, 1, 1), (3, 10, 4), (5, 30, 30), (2, 8, 7)):
    # A run with chosen distances in random directions around a minimum that is not 0.
    distances = np.cumprod(rng.uniform(0.3, 1.2, steps + 1))
    directions = rng.standard_normal((steps + 1, d))
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    minimum = rng.standard_normal(d)
    run = minimum + distances[:, None] * directions
    before = run.copy(), minimum.copy()
    expected = np.exp(np.log(distances[steps] / distances[steps - last]) / last)
    np.testing.assert_allclose(measured_rate(run, minimum, last), expected, rtol=1e-6)
    np.testing.assert_array_equal(run, before[0])  # catches a run that is shifted in place
    np.testing.assert_array_equal(minimum, before[1])

# A run that diverges, and one that comes very near: catches a rate capped at 1 and differences of losses.
run = np.outer(3.0 ** np.arange(6), [3.0, 4.0])
np.testing.assert_allclose(measured_rate(run, np.zeros(2), 5), 3.0, rtol=1e-6)
run = np.outer(1e-9 ** np.arange(6), [3.0, -4.0])
np.testing.assert_allclose(measured_rate(run, np.zeros(2), 3), 1e-9, rtol=1e-6)
# A run that arrives exactly.
np.testing.assert_allclose(measured_rate(np.array([[4.0], [2.0], [0.0]]), np.zeros(1), 2), 0.0, atol=1e-12)

# Catches an index that wraps around or a division by zero where the docstring promises a ValueError.
for last in (0, -1, 6, 60):
    try:
        measured_rate(run, np.zeros(2), last)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
Theory against measurement, on a bowl in ten dimensions. The line is predicted, the dots are runs. Uses
`gradient_descent`, `max_stable_lr`, `best_fixed_lr`, `predicted_rate` and `measured_rate`.
"""

# %% tags=["showcase"]
bowl = np.geomspace(0.2, 4.0, 10)
rates = np.linspace(0.02, 0.6, 8 if QUICK else 40)
dots = [
    measured_rate(gradient_descent(lambda w: bowl * w, np.ones(10), rate, 400), np.zeros(10), 100) for rate in rates
]
fig, ax = plt.subplots(figsize=(7, 3.5))
fine = np.linspace(0.001, 0.6, 300)
ax.plot(fine, [predicted_rate(bowl, rate) for rate in fine], label="predicted")
ax.plot(rates, dots, "o", markersize=4, label="measured over the last 100 of 400 steps")
ax.axhline(1, linestyle=":", color="gray")
ax.axvline(best_fixed_lr(bowl), linestyle="--", color="C2", label="best fixed rate")
ax.axvline(max_stable_lr(bowl), linestyle="--", color="C3", label="border of stability")
ax.set(xlabel="learning rate", ylabel="factor per step", title="What the eigenvalues say is what happens")
ax.legend()
plt.show()

# %% [markdown]
r"""
## 7 · Let the loss choose the step

*Level: standard · 15 minutes · 2 points* · Page: *Choosing the step*

Away from bowls nobody knows $L$. So try a rate, and shorten it until the step pays. "Pays" needs care: a step that
falls by a hair every time may stop halfway. Armijo's condition asks for a share $c$ of the fall that the slope
promises:

$$f(w - \eta g) \;\le\; f(w) - c\,\eta\,\lVert g\rVert^2, \qquad g = \nabla f(w).$$

The first rate of $\eta_0,\ s\eta_0,\ s^2\eta_0, \dots$ that meets it is the answer.

A loss can be undefined beyond some border and then returns nan. Every comparison with nan is false, so a condition
written the wrong way round accepts it.

<details><summary>Hint</summary>

$f(w)$ and $\lVert g\rVert^2$ do not change while you search. $\lVert g\rVert^2$ is the squared length, a sum of
squares. To be safe from nan, ask "is the step good?" and go on while the answer is no. Do not ask "is it bad?".
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "backtracking_line_search", "locked": false, "solution": true}
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    """The first learning rate among lr, lr*shrink, lr*shrink**2, ... whose step meets Armijo's condition.

    f: the loss, a function (D,) -> one number, finite at w. Where it is not defined it may return nan or inf, but
        never -inf.
    w: (D,) the current point. It is never modified.
    grad_w: (D,) the gradient of f at w. It is never modified.
    lr: the first learning rate to try.
    shrink: what the rate is multiplied by after a failure, above 0 and below 1.
    c: the share of the promised fall that is enough, above 0 and below 1.

    Returns the accepted learning rate, one number. A step that falls by exactly the share is accepted, and so is
    the first rate where the gradient is zero. A step to nan or inf is never accepted.

    Rule: Armijo (1966); Nocedal and Wright, Numerical Optimization (2006), algorithm 3.1 along -grad_w.
    """
    ### BEGIN SOLUTION
    here = f(w)
    slope = np.sum(grad_w**2)  # the fall that the gradient promises for each unit of lr
    while not f(w - lr * grad_w) <= here - c * lr * slope:  # not written with >, so that nan is a failure
        lr = shrink * lr
    return lr
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "backtracking_line_search_visible", "locked": true, "points": 0.5}
evaluations = []


def parabola(w):
    evaluations.append(1)
    if len(evaluations) > 300:
        raise RuntimeError(
            "300 evaluations and no end: does the rate shrink, and is the condition tested with the new rate?"
        )
    return float(w[0] ** 2)


# At w = 1 the gradient is 2. lr = 1 jumps to -1, as high as before; lr = 0.5 lands on the minimum.
found = backtracking_line_search(parabola, np.array([1.0]), np.array([2.0]))
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.5,
    rtol=1e-6,
    err_msg="f = w**2 at 1, lr = 1: expected 0.5. 1: a step without any fall was accepted. About 1e-13: f should be "
    "asked again at each new rate",
)
np.testing.assert_allclose(
    backtracking_line_search(parabola, np.array([1.0]), np.array([2.0]), lr=0.25),
    0.25,
    rtol=1e-6,
    err_msg="lr = 0.25 goes from 1 to 0.25 there and is good at once: the first good rate is the answer",
)
np.testing.assert_allclose(
    backtracking_line_search(parabola, np.array([1.0]), np.array([2.0]), lr=0.8, c=0.7),
    0.2,
    rtol=1e-6,
    err_msg="lr = 0.8, c = 0.7: with 0.4 the loss falls by 0.96, but the slope promised 4 * 0.4 = 1.6, and 70 % of "
    "that is 1.12. With 0.2 it falls by 0.64 of the promised 0.8, which is enough. 0.4: the length should be squared. "
    "0.8: any fall was accepted",
)

# %% nbgrader={"grade": true, "grade_id": "backtracking_line_search_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
budget = [0]


def limited(loss):
    """The loss, with an end to searches that have none: catches a rate that never shrinks."""
    budget[0] = 400

    def f(w):
        budget[0] -= 1
        if budget[0] < 0:
            raise RuntimeError("too many evaluations")
        return loss(w)

    return f


rng = np.random.default_rng(707)
for d, first, shrink, c in (
    (1, 3.0, 0.5, 1e-4),
    (4, 1.0, 0.8, 0.3),
    (6, 10.0, 0.3, 0.5),
    (3, 0.7, 0.9, 0.9),
    (5, 1e-3, 0.5, 0.1),
):
    M = rng.standard_normal((d, d))
    A, w = M @ M.T + 0.1 * np.eye(d), rng.standard_normal(d)
    g = A @ w
    before = w.copy(), g.copy()
    found = backtracking_line_search(limited(lambda w, A=A: w @ A @ w / 2), w, g, lr=first, shrink=shrink, c=c)
    # On a quadratic the condition can be solved for the rate: catches a wrong sign, a lost square and a fixed shrink.
    border = 2 * (1 - c) * sum(before[1] ** 2) / (before[1] @ A @ before[1])
    expected = first
    while expected > border:
        expected *= shrink
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(w, before[0])  # catches a walk to the new point in place
    np.testing.assert_array_equal(g, before[1])

# A loss that is not defined left of 0: catches nan and inf that count as good.
for outside in (np.nan, np.inf):
    barrier = limited(lambda w, outside=outside: float(w[0] - np.log(w[0])) if w[0] > 0 else outside)
    found = backtracking_line_search(barrier, np.array([2.0]), np.array([0.5]), lr=8.0)
    np.testing.assert_allclose(found, 2.0, rtol=1e-6)

# On the minimum every step is good, since it goes nowhere: catches < for <=.
found = backtracking_line_search(limited(lambda w: float(w @ w)), np.zeros(2), np.zeros(2), lr=0.3)
np.testing.assert_allclose(found, 0.3, rtol=1e-6)

# A fall by exactly the share is enough. These numbers are exact in binary, whatever the order of operations.
for share in (0.25, 0.5, 0.75):
    found = backtracking_line_search(
        limited(lambda w: float(w[0] ** 2)), np.array([1.0]), np.array([2.0]), lr=1 - share, c=share
    )
    np.testing.assert_allclose(found, 1 - share, rtol=1e-6)

# A start 13 orders of magnitude too large still comes down.
found = backtracking_line_search(limited(lambda w: float(w @ w)), np.ones(2), 2 * np.ones(2), lr=1e13, shrink=0.1)
np.testing.assert_allclose(found, 0.1, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 8 · One step of Newton's method

*Level: warm-up · 10 minutes · 1 point* · Page: *Choosing the step*

A gradient says which way is down, and a Hessian $H$ how fast that changes. Together they say where the slope would
be zero if the landscape were quadratic, at its stationary point:

$$w_{\text{new}} = w - s, \qquad H s = \nabla f(w).$$

This is a system of equations, so solve it as one. Working out $H^{-1}$ costs more and is less exact: for a Hessian
with very unequal eigenvalues, the step then no longer satisfies its own equation.

<details><summary>Hint</summary>

`numpy.linalg` has a function whose name is the verb in the paragraph above.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "newton_step", "locked": false, "solution": true}
def newton_step(w, grad_w, hessian_w):
    """One step of Newton's method: to the stationary point of the quadratic with this slope and curvature at w.

    w: (D,) the current point. It is never modified.
    grad_w: (D,) the gradient at w.
    hessian_w: (D, D) the Hessian at w. It is symmetric, and need not be positive definite.

    Returns w_new, shape (D,). The equations are solved and the Hessian is never inverted, so that the residual
    of the equations is small whatever the eigenvalues are.
    Raises numpy.linalg.LinAlgError, which is a kind of ValueError, for a Hessian in which numpy's solve finds a
    pivot of exactly zero, as in [[1, 1], [1, 1]].

    Rule: Nocedal and Wright, Numerical Optimization (2006), section 2.2.
    """
    ### BEGIN SOLUTION
    return w - np.linalg.solve(hessian_w, grad_w)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "newton_step_visible", "locked": true, "points": 0.5}
# f = w1**2 + 2*w2**2 at (1, 2): the gradient is (2, 8), and the minimum lies at (0, 0).
found = newton_step(np.array([1.0, 2.0]), np.array([2.0, 8.0]), np.array([[2.0, 0.0], [0.0, 4.0]]))
assert np.shape(found) == (2,), f"expected a point of shape (2,), found shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [0.0, 0.0],
    atol=1e-9,
    err_msg="right shape, wrong point: on a quadratic one step lands on the minimum, (0, 0). (1, 2) is s alone and "
    "(2, 4) is w + s: expected w - s",
)
# A tilted bowl: H s = g has the solution s = (1, 1).
found = newton_step(np.array([5.0, 5.0]), np.array([3.0, 4.0]), np.array([[2.0, 1.0], [1.0, 3.0]]))
np.testing.assert_allclose(found, [4.0, 4.0], rtol=1e-9, err_msg="tilted bowl: the entries off the diagonal count too")

# %% nbgrader={"grade": true, "grade_id": "newton_step_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(808)
for d in (1, 3, 8):  # random symmetric Hessians, most of them indefinite: catches eigenvalues made positive
    M = rng.standard_normal((d, d))
    H, w, step = M + M.T + 0.5 * np.eye(d), rng.standard_normal(d), rng.standard_normal(d)
    g = H @ step
    before = w.copy(), g.copy(), H.copy()
    np.testing.assert_allclose(newton_step(w, g, H), before[0] - step, rtol=1e-6, atol=1e-8)
    for argument, copy in zip((w, g, H), before, strict=True):  # catches a step made in place
        np.testing.assert_array_equal(argument, copy)
# A plain saddle: Newton's method goes to it, not away from it.
np.testing.assert_allclose(
    newton_step(np.array([1.0, 1.0]), np.array([1.0, -1.0]), np.diag([1.0, -1.0])), [0, 0], atol=1e-9
)

# Eigenvalues from 1e-13 to 2: catches an inverted or a padded Hessian by the residual of the equations.
n = np.arange(10)
hilbert = 1.0 / (n[:, None] + n[None, :] + 1)
g = hilbert @ rng.standard_normal(10)
step = -newton_step(np.zeros(10), g, hilbert)
residual = np.linalg.norm(hilbert @ step - g) / (np.linalg.norm(hilbert) * np.linalg.norm(step))
assert residual < 1e-12, "the step does not satisfy its own equations"

# Catches an answer where there is none.
try:
    newton_step(np.zeros(2), np.array([1.0, 2.0]), np.array([[1.0, 1.0], [1.0, 1.0]]))
except ValueError:
    pass
else:
    raise AssertionError("expected a LinAlgError")
### END HIDDEN TESTS

# %% [markdown]
r"""
Rosenbrock's valley, $f(w) = (1-w_1)^2 + 100\,(w_2-w_1^2)^2$: the floor is curved and nearly flat, the walls are
steep. Both methods start at $(-1.2, 1)$. Newton's second step raises the loss from 4.7 to 1,412; it never asks. Uses
`backtracking_line_search` and `newton_step`.
"""

# %% tags=["showcase"]


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def rosenbrock_grad(w):
    return np.array([-2 * (1 - w[0]) - 400 * w[0] * (w[1] - w[0] ** 2), 200 * (w[1] - w[0] ** 2)])


def rosenbrock_hessian(w):
    return np.array([[2 - 400 * (w[1] - 3 * w[0] ** 2), -400 * w[0]], [-400 * w[0], 200.0]])


searched, newton = [np.array([-1.2, 1.0])], [np.array([-1.2, 1.0])]
for _ in range(200):
    g = rosenbrock_grad(searched[-1])
    searched.append(searched[-1] - backtracking_line_search(rosenbrock, searched[-1], g) * g)
for _ in range(6):
    newton.append(newton_step(newton[-1], rosenbrock_grad(newton[-1]), rosenbrock_hessian(newton[-1])))

fig, (valley, fall) = plt.subplots(1, 2, figsize=(10, 4.2))
side, height = np.meshgrid(np.linspace(-1.8, 1.8, 150), np.linspace(-3.5, 2.2, 150))
valley.contour(side, height, np.log1p(rosenbrock((side, height))), levels=12, alpha=0.4)
for points, marker, label in (
    (searched, "o-", "gradient descent with line search, 200 steps"),
    (newton, "s--", "Newton's method, 6 steps"),
):
    valley.plot(*np.transpose(points), marker, markersize=3, label=label)
    fall.plot([rosenbrock(w) for w in points], marker, markersize=3)
valley.plot(-1.2, 1, "o", markersize=11, color="black", fillstyle="none")
valley.plot(1, 1, "*", markersize=14, color="black")
valley.set(xlabel="$w_1$", ylabel="$w_2$", title="From the ring to the star")
fall.set(xscale="symlog", yscale="log", xlim=(0, 220), ylim=(1e-12, 1e4), xlabel="step", ylabel="loss")
fall.set_title("The loss after each step")
fig.legend(loc="lower center", ncol=2)
fig.tight_layout(rect=(0, 0.08, 1, 1))
plt.show()
print(f"distance left: line search {np.linalg.norm(searched[-1] - 1):.2f}, Newton {np.linalg.norm(newton[-1] - 1):.0e}")

# %% [markdown]
r"""
## 9 · Curvature without a Hessian

*Level: standard · 15 minutes · 2 points* · Page: *The edge of stability*

A network with a million weights has a Hessian of $10^{12}$ entries. Nobody writes it down. But how the gradient
changes along one direction costs two gradients. With $u = v / \lVert v\rVert$,

$$H v \;\approx\; \lVert v\rVert\,\frac{\nabla f(w + \varepsilon u) - \nabla f(w - \varepsilon u)}{2\varepsilon}.$$

The direction is brought to length 1 for a reason. A long $v$ would carry $w$ into another part of the landscape,
and a tiny one would change the gradient by less than floating-point numbers can show.

<details><summary>Hint</summary>

Treat a zero $v$ first: it has no direction, and the answer is known.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "hessian_vector_product", "locked": false, "solution": true}
def hessian_vector_product(grad, w, v, eps=1e-5):
    """The Hessian at w times v, by a central difference of two gradients. The Hessian itself is never formed.

    grad: a function; grad(w) is the gradient at w, shapes (D,) -> (D,). It is called at most twice, however large D is.
    w: (D,) the point at which the Hessian is taken. It is never modified.
    v: (D,) the vector to multiply: zero, or of a length from 1e-100 to 1e100. It is never modified.
    eps: the distance from w, on either side, at which the gradients are taken, whatever the length of v.

    Returns the product, shape (D,). If v is the zero vector, so is the product.

    Rule: Pearlmutter, Fast Exact Multiplication by the Hessian (1994), which starts from this difference;
    Nocedal and Wright, Numerical Optimization (2006), section 8.1.
    """
    ### BEGIN SOLUTION
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    ahead, behind = grad(w + eps * v / length), grad(w - eps * v / length)
    return length * (ahead - behind) / (2 * eps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "hessian_vector_product_visible", "locked": true, "points": 0.5}
# A quadratic with Hessian [[2, 1], [1, 3]]: the product with (1, 0) is the first column, at every w.
H = np.array([[2.0, 1.0], [1.0, 3.0]])
found = hessian_vector_product(lambda w: H @ w, np.array([5.0, -1.0]), np.array([1.0, 0.0]))
assert np.shape(found) == (2,), f"expected shape (2,), found {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [2.0, 1.0],
    rtol=1e-6,
    err_msg="expected (2, 1). Twice as large: the two points lie 2*eps apart, not eps. Tiny: 2*eps should stand in "
    "brackets. Signs exchanged: it should be ahead minus behind",
)
found = hessian_vector_product(lambda w: H @ w, np.array([5.0, -1.0]), np.array([3.0, 0.0]))
np.testing.assert_allclose(
    found,
    [6.0, 3.0],
    rtol=1e-6,
    err_msg="v three times as long: expected a product three times as long, (6, 3)",
)
# The Hessian of w1**3/3 + w2**3/3 at (3, 1) is diag(6, 2).
found = hessian_vector_product(lambda w: w**2, np.array([3.0, 1.0]), np.array([0.0, 1.0]), eps=0.1)
np.testing.assert_allclose(
    found,
    [0.0, 2.0],
    atol=1e-6,
    err_msg="with eps = 0.1: expected (0, 2). 2.1 or 1.9 is a difference to one side only; both sides should count",
)
# The gradient w**3 at (1, 0), with v = (3, 0) and a large eps: the distance shows in the result.
found = hessian_vector_product(lambda w: w**3, np.array([1.0, 0.0]), np.array([3.0, 0.0]), eps=0.5)
np.testing.assert_allclose(
    found,
    [9.75, 0.0],
    atol=1e-6,
    err_msg="with eps = 0.5: expected (9.75, 0), from gradients at 1.5 and 0.5. 15.75: v should be brought to length 1 "
    "before the step. 9: the step should be the caller's eps",
)

# %% nbgrader={"grade": true, "grade_id": "hessian_vector_product_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(909)
calls = [0]
for d in (1, 4, 30):
    M, w, u = rng.standard_normal((d, d)), rng.standard_normal(d), rng.standard_normal(d)
    u = u / np.sqrt(np.sum(u**2))

    def curved(w, M=M):  # the gradient of sum(cos(M @ w)); its Hessian is -M.T @ diag(cos(M @ w)) @ M
        calls[0] += 1
        return -M.T @ np.sin(M @ w)

    exact = -M.T @ (np.cos(M @ w) * (M @ u))
    for length in (1.0, 1e6, 1e-9):  # catches a step as long as v
        v = length * u
        before, calls[0] = (w.copy(), v.copy()), 0
        found = hessian_vector_product(curved, w, v)
        np.testing.assert_allclose(found / length, exact, rtol=1e-5, atol=1e-6)
        assert calls[0] <= 2, "two gradients are enough"  # catches a Hessian that is formed column by column
        np.testing.assert_array_equal(w, before[0])
        np.testing.assert_array_equal(v, before[1])  # catches a direction that is normalised in place

# Catches 0/0.
found = hessian_vector_product(lambda w: 3 * w, np.array([1.0, 2.0]), np.zeros(2))
np.testing.assert_array_equal(found, [0.0, 0.0])

# A gradient with two digits only needs a large eps: catches an eps that is not the caller's.
found = hessian_vector_product(lambda w: np.round(8 * w, 2), np.array([0.5, 0.25]), np.array([0.0, 2.0]), eps=0.25)
np.testing.assert_allclose(found, [0.0, 16.0], atol=1e-6)
# Whole numbers are vectors too.
found = hessian_vector_product(lambda w: 3.0 * w, np.array([1, 2]), np.array([0, 4]))
np.testing.assert_allclose(found, [0.0, 12.0], atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 10 · The steepest curvature

*Level: standard · 20 minutes · 2 points* · Page: *The edge of stability*

The border of part 3 needs $L$ and nothing else. Power iteration finds it from products alone. Multiply by $H$,
bring the result back to length 1, and do it again. Think of $v$ as a sum of parts, one along each eigenvector. Each
part grows by its own $\lambda_i$, so the one with the largest $|\lambda_i|$ outgrows all others. When only it is left,
the Rayleigh quotient reads off the eigenvalue:

$$\lambda \approx \frac{v^\top H v}{v^\top v}.$$

The length of $Hv$ would give $|\lambda|$ and lose the sign. On a saddle, where one eigenvalue is negative, the
sign is the news.

<details><summary>Hint</summary>

If you do not bring $v$ back to length 1, then after 200 multiplications by an eigenvalue of 100 its length is
$10^{400}$, and no float can hold that. After the loop, one more product gives you the quotient.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "top_hessian_eigenvalue", "locked": false, "solution": true}
def top_hessian_eigenvalue(hvp, v0, steps):
    """The eigenvalue of largest modulus of a symmetric matrix, with its sign, by power iteration.

    hvp: a function; hvp(v) is the matrix times v, shapes (D,) -> (D,). The number of calls is free.
    v0: (D,) the vector to start from, floats or whole numbers, of a length from 1e-100 to 1e100. It is never modified.
    steps: how many times to multiply and to bring the vector back to length 1, a whole number from 1 up.

    Returns one number, the Rayleigh quotient of the last vector. It is 0 where hvp returns zeros.

    Rule: von Mises and Pollaczek-Geiringer (1929); Golub and Van Loan, Matrix Computations (2013), section 8.2.1.
    """
    ### BEGIN SOLUTION
    v = v0 / np.linalg.norm(v0)
    for _ in range(steps):
        Hv = hvp(v)
        length = np.linalg.norm(Hv)
        if length == 0:
            return 0.0
        v = Hv / length
    return v @ hvp(v)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "top_hessian_eigenvalue_visible", "locked": true, "points": 0.5}
found = top_hessian_eigenvalue(lambda v: np.array([1.0, 3.0]) * v, np.array([1.0, 1.0]), 30)
assert np.ndim(found) == 0, f"expected one number, the eigenvalue; found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    3.0,
    rtol=1e-6,
    err_msg="eigenvalues 1 and 3: expected 3. 2 is the quotient of the start; 9 has one length too many; huge: v "
    "should be brought back to length 1, or the quotient divided by v @ v",
)
found = top_hessian_eigenvalue(lambda v: np.array([1.0, -3.0]) * v, np.array([1.0, 1.0]), 30)
np.testing.assert_allclose(
    found,
    -3.0,
    rtol=1e-6,
    err_msg="eigenvalues 1 and -3: expected -3, the one of largest modulus with its own sign",
)
with np.errstate(all="ignore"):
    found = top_hessian_eigenvalue(lambda v: np.array([1.0, 1e6]) * v, np.array([1.0, 1.0]), 60)
np.testing.assert_allclose(
    found,
    1e6,
    rtol=1e-6,
    err_msg="eigenvalues 1 and 1e6, 60 steps: expected 1e6. nan: v should be brought back to length 1 each time",
)

# %% nbgrader={"grade": true, "grade_id": "top_hessian_eigenvalue_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1010)
for top, second, steps in ((7.0, -4.0, 20), (-5.0, 3.0, 20), (-0.02, 0.01, 20), (2.0, 1.4, 30)):
    # A rotated matrix with chosen eigenvalues: catches too few steps and a lost sign.
    Q, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    eigenvalues = np.array([top, second, *rng.uniform(-abs(second), abs(second), 4)])
    H, start = Q @ np.diag(eigenvalues) @ Q.T, 5 * rng.standard_normal(6)
    before = start.copy()
    found = top_hessian_eigenvalue(lambda v, H=H: H @ v, start, steps)
    np.testing.assert_allclose(found, top, rtol=1e-5)
    np.testing.assert_array_equal(start, before)  # catches a start that is normalised in place

# The same matrix twelve orders of magnitude larger and smaller: catches vectors that overflow or vanish.
H = H / 2.0
for scale in (1e12, 1e-12):
    found = top_hessian_eigenvalue(lambda v, scale=scale: scale * (H @ v), before, 30)
    np.testing.assert_allclose(found, scale, rtol=1e-5)

# The top direction has no part along the first axis: catches an eigenvalue read off one entry.
found = top_hessian_eigenvalue(lambda v: np.array([2.0, -6.0, 1.0]) * v, np.ones(3), 30)
np.testing.assert_allclose(found, -6.0, rtol=1e-6)
# One dimension; a start of whole numbers and of another length.
np.testing.assert_allclose(top_hessian_eigenvalue(lambda v: -4.0 * v, np.array([100]), 3), -4.0, rtol=1e-6)
# A flat landscape: catches 0/0.
np.testing.assert_allclose(top_hessian_eigenvalue(lambda v: 0 * v, np.array([1.0, 2.0]), 5), 0.0, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 11 · Off the saddle

*Level: challenge · 20 minutes · 2 points* · Page: *When it is not a bowl*

On a saddle the gradient is zero, and descent stays where it is, although one direction leads down. A push in a
random direction almost surely has some part along that direction, and from then on every step multiplies this part
by $1 + \eta|\lambda| > 1$, where $\lambda$ is the negative eigenvalue. So whenever the ground is nearly flat,
$\lVert\nabla f(w_t)\rVert < \tau$, first push and then step. In code, $\tau$ is `threshold` and $r$ is `radius`:

$$w' = w_t + r\,\frac{z}{\lVert z\rVert}, \quad z \sim \mathcal{N}(0, I),
\qquad\qquad
w_{t+1} = w' - \eta\,\nabla f(w').$$

Dividing by $\lVert z\rVert$ makes every direction equally likely and every push equally long.

<details><summary>Hint</summary>

One row of the history for each step, pushed or not. After a push the gradient has to be asked for again: on the
saddle it was zero.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "perturbed_gradient_descent", "locked": false, "solution": true}
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    """Gradient descent that gives itself a random push wherever the ground is nearly flat.

    grad: a function; grad(w) is the gradient at w, shapes (D,) -> (D,).
    w0: (D,) the point to start from, an array of floats or of whole numbers. It is never modified.
    lr: the learning rate, a number above 0.
    steps: how many steps to take, a whole number from 0 up.
    threshold: the ground is flat where the Euclidean length of the gradient is below this number.
    radius: the length of a push. Where the ground is flat, w is first moved by a vector of this length, and the
        step then uses the gradient at the moved point. Push and step are one step of the history.
    rng: a numpy.random.Generator. A push has the direction of a fresh rng.standard_normal(D); nothing else is
        drawn from rng.

    Returns history: a float64 array of shape (steps + 1, D). history[0] is w0, history[t] the point after t steps.

    Rule: after Jin, Ge, Netrapalli, Kakade and Jordan, How to Escape Saddle Points Efficiently (2017),
    algorithm 1. Their push is drawn from inside a ball; ours has one length, so that it can be seen.
    """
    ### BEGIN SOLUTION
    history = np.empty((steps + 1, len(w0)))
    history[0] = w0
    for t in range(steps):
        w = history[t]
        g = grad(w)
        if np.linalg.norm(g) < threshold:
            push = rng.standard_normal(len(w))
            w = w + radius * push / np.linalg.norm(push)
            g = grad(w)
        history[t + 1] = w - lr * g
    return history
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "perturbed_gradient_descent_visible", "locked": true, "points": 0.5}
def saddle(w):  # the gradient of (w1**2 - w2**2) / 2
    return np.array([w[0], -w[1]])


# From (1, 0) the ground is steep: an ordinary step, and nothing is drawn.
rng = np.random.default_rng(7)
history = perturbed_gradient_descent(saddle, np.array([1.0, 0.0]), 0.1, 1, 0.01, 0.5, rng)
assert isinstance(history, np.ndarray), f"history is one array; found {type(history).__name__}"
assert history.shape == (2, 2), f"1 step in 2 dimensions: expected shape (2, 2), found {history.shape}"
np.testing.assert_allclose(
    history,
    [[1.0, 0.0], [0.9, 0.0]],
    atol=1e-9,
    err_msg="where the gradient is longer than threshold, there should be no push",
)
assert rng.standard_normal() == np.random.default_rng(7).standard_normal(), (
    "right points, but rng was used although no push was due: a direction should be drawn for a push alone"
)
# From (0, 0) a push comes first. The step then multiplies its two parts by 0.9 and 1.1; undo that to see the push.
history = perturbed_gradient_descent(saddle, np.array([0.0, 0.0]), 0.1, 1, 0.01, 0.5, np.random.default_rng(7))
assert history.shape == (2, 2), f"push and step share one row: expected shape (2, 2), found {history.shape}"
push = history[1] / [0.9, 1.1]
np.testing.assert_allclose(
    np.sqrt(push @ push),
    0.5,
    rtol=1e-6,
    err_msg=f"from the saddle to {history[1]}: expected a push of length 0.5 and then a step. 0: no push. 0.455: the "
    "step after the push should use the gradient at the moved point (here: the old gradient, or no step). "
    "Far from 0.5: z should be divided by its length",
)

# %% nbgrader={"grade": true, "grade_id": "perturbed_gradient_descent_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
# A curved landscape with steep and flat places: the whole path, drawn again from a generator with the same seed.
# Catches another source of directions, pushes that are not needed, stale gradients and aliased rows.
slopes = np.array([1.5, -0.5, 0.8, 0.3])
for seed, d, steps, threshold in ((1, 4, 12, 0.6), (2, 1, 6, 0.3), (3, 3, 9, 0.05)):
    start = np.random.default_rng(1100 + seed).standard_normal(d)
    before, draws = start.copy(), np.random.default_rng(seed)

    def curved(w, d=d):
        return slopes[:d] * np.sin(w)

    expected = [start.copy()]
    for _ in range(steps):
        point = expected[-1]
        if np.sqrt(np.sum(curved(point) ** 2)) < threshold:
            z = draws.standard_normal(d)
            point = point + 0.2 * z / np.sqrt(np.sum(z**2))
        expected.append(point - 0.3 * curved(point))
    history = perturbed_gradient_descent(curved, start, 0.3, steps, threshold, 0.2, np.random.default_rng(seed))
    assert history.shape == (steps + 1, d) and history.dtype == np.float64
    np.testing.assert_allclose(history, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(start, before)  # catches a start that is used as the moving point

# A plain without any slope: every step is a push. Catches one push for all, and lengths that vary.
history = perturbed_gradient_descent(lambda w: 0 * w, np.array([3, 4, 5]), 0.1, 40, 1.0, 2.0, np.random.default_rng(7))
pushes = np.diff(history, axis=0)
np.testing.assert_array_equal(history[0], [3, 4, 5])
np.testing.assert_allclose(np.sqrt((pushes**2).sum(axis=1)), np.full(40, 2.0), rtol=1e-6)
assert len(np.unique(np.round(pushes, 6), axis=0)) == 40
assert np.all(np.abs(pushes.mean(axis=0)) < 1.0), "directions lean to one side"

# A gradient of length 5 exactly: not below 5, and longer than each of its entries. Catches <= and a look at entries.
for threshold in (5.0, 4.5):
    constant = perturbed_gradient_descent(
        lambda w: np.array([3.0, 4.0]), np.zeros(2), 0.1, 2, threshold, 1.0, np.random.default_rng(8)
    )
    np.testing.assert_allclose(constant, [[0, 0], [-0.3, -0.4], [-0.6, -0.8]], atol=1e-9)

# It leaves the saddle.
history = perturbed_gradient_descent(
    lambda w: np.array([w[0], -w[1]]), np.zeros(2), 0.1, 100, 1e-3, 1e-2, np.random.default_rng(9)
)
assert abs(history[-1, 1]) > 1 > abs(history[-1, 0])
assert perturbed_gradient_descent(lambda w: w, np.ones(2), 0.1, 0, 1.0, 1.0, np.random.default_rng(9)).shape == (1, 2)
### END HIDDEN TESTS

# %% [markdown]
r"""
The saddle $f(w) = \tfrac12 w_1^2 - \tfrac12 w_2^2 + \tfrac14 w_2^4$ with its two valleys, from a start on the
ridge. Uses `gradient_descent` and `perturbed_gradient_descent`. Without a push, descent follows the ridge down to
the saddle and stays. With pushes it leaves within a few steps, and which way depends on the seed. It cannot tell a
saddle from a minimum, so it goes on pushing in the valley.
"""

# %% tags=["showcase"]


def ridge(w):
    return np.array([w[0], w[1] ** 3 - w[1]])


fig, ax = plt.subplots(figsize=(7, 4))
side, height = np.meshgrid(np.linspace(-0.4, 1.2, 80), np.linspace(-1.4, 1.4, 80))
ax.contour(side, height, side**2 / 2 - height**2 / 2 + height**4 / 4, levels=15, alpha=0.4)
for seed in (0, 1, 4, 9):
    path = perturbed_gradient_descent(ridge, np.array([1.0, 0.0]), 0.1, 120, 0.02, 0.1, np.random.default_rng(seed))
    ax.plot(path[:, 0], path[:, 1], label=f"with pushes, seed {seed}")
path = gradient_descent(ridge, np.array([1.0, 0.0]), 0.1, 120)
ax.plot(path[:, 0], path[:, 1], "ko-", markersize=3, label="without")
ax.set(xlabel="$w_1$", ylabel="$w_2$", title="The push at the saddle decides which valley")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
r"""
## 12 · A gauge on the landscape

*Level: standard · 15 minutes · 2 points* · Page: *The edge of stability*

The border $2/L$ was derived for a bowl, where $L$ never changes. Under a network it does. To see how, run gradient
descent and every $k$ steps read the *sharpness* of the place it has reached: the largest eigenvalue of the Hessian
there,

$$S(w_t) = \lambda_{\max}\big(\nabla^2 f(w_t)\big), \qquad t = 0, k, 2k, \dots$$

A reading costs as much as a hundred steps, so take no more than are asked for. And read before you step, so that
the reading at $t = 0$ belongs to the start.

<details><summary>Hint</summary>

Run through all step numbers from 0 to `steps`, the last one included: a reading may fall due there, although no
step follows.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "track_sharpness", "locked": false, "solution": true}
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    """Gradient descent with a gauge: how sharp the landscape is under the run, every few steps.

    grad: a function; grad(w) is the gradient at w, shapes (D,) -> (D,).
    sharpness: a function; sharpness(w) is one number, the largest eigenvalue of the Hessian at w. It is slow,
        and called for the readings alone.
    w0: (D,) the point to start from, an array of floats or of whole numbers. It is never modified.
    lr: the learning rate, a number above 0.
    steps: how many steps to take, a whole number from 0 up.
    every: how many steps lie between two readings, a whole number from 1 up.

    Returns (at, values), two arrays of equal length. `at` holds the multiples of every from 0 to steps; steps itself
    only if it is one (5 steps, every 2: 0, 2, 4). values[i] is the sharpness at the point after at[i] steps, so
    values[0] belongs to w0.

    Rule: the experiment of Cohen, Kaur, Li, Kolter and Talwalkar, Gradient Descent on Neural Networks Typically
    Occurs at the Edge of Stability (2021).
    """
    ### BEGIN SOLUTION
    at, values = [], []
    w = np.array(w0, dtype=float)
    for step in range(steps + 1):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
        w = w - lr * grad(w)
    return np.array(at), np.array(values)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "track_sharpness_visible", "locked": true, "points": 0.5}
# With gradient w and lr = 0.5 a step halves w: 8, 4, 2, 1, 0.5. A gauge that reads off w shows where it was read.
readings = []


def first_weight(w):
    readings.append(float(w[0]))
    return readings[-1]


start = np.array([8.0])
at, values = track_sharpness(lambda w: w, first_weight, start, 0.5, 4, 2)

assert np.shape(at) == (3,), f"4 steps, every 2: expected readings at 0, 2 and 4; found at = {at}"
np.testing.assert_allclose(at, [0, 2, 4], err_msg="`at` holds numbers of steps, from 0 to `steps`")
assert np.shape(values) == (3,), f"expected one value for each of the 3 readings, found shape {np.shape(values)}"
np.testing.assert_allclose(
    values,
    [8.0, 2.0, 0.5],
    rtol=1e-6,
    err_msg="right number of readings, wrong values. 4, 1, 0.25: the reading should come before the step. 8, 4, 2: a "
    "step should be taken every time, a reading now and then",
)
assert len(readings) == 3, (
    f"right values, but sharpness was called {len(readings)} times for 3 readings: it is slow, so call it no more"
)
np.testing.assert_array_equal(start, [8.0], err_msg="w0 has changed: the run should start from a copy of it")
at, values = track_sharpness(lambda w: w, first_weight, start, 0.5, 5, 2)
np.testing.assert_array_equal(at, [0, 2, 4], err_msg="5 steps, every 2: no reading at 5, which is no multiple of 2")

# %% nbgrader={"grade": true, "grade_id": "track_sharpness_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1212)
reads = [0]


def gauge(w):
    reads[0] += 1
    return float(np.sum(w**3)) + 2 * float(w[0])


for d, steps, every in ((3, 10, 1), (2, 7, 3), (4, 2, 5), (1, 0, 1), (5, 12, 4)):
    curvature, start = rng.uniform(-1.0, 2.0, d), rng.standard_normal(d)
    before, reads[0] = start.copy(), 0
    at, values = track_sharpness(lambda w, curvature=curvature: curvature * w, gauge, start, 0.3, steps, every)
    taken = reads[0]
    due = list(range(0, steps + 1, every))  # catches a missing last reading and one where none is due
    np.testing.assert_array_equal(at, due)
    expected = [gauge((1 - 0.3 * curvature) ** t * before) for t in due]  # catches readings one step late
    assert np.shape(values) == (len(due),)
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-9)
    assert taken == len(due), "the gauge was read more often than asked"
    np.testing.assert_array_equal(start, before)  # catches a start that is used as the moving point

# A start of whole numbers: catches points that are rounded.
start = np.array([4, -2])
at, values = track_sharpness(lambda w: w, lambda w: float(w[0] - w[1]), start, 0.25, 3, 1)
np.testing.assert_allclose(values, 6 * 0.75 ** np.arange(4), rtol=1e-6)
np.testing.assert_array_equal(start, [4, -2])
### END HIDDEN TESTS

# %% [markdown]
r"""
## It reads

1,797 handwritten digits of 8 by 8 pixels, read in from `digits.npz`: 1,297 to learn from and 500 held out. The
network has 32 hidden units with tanh and one output for each digit; softmax turns the outputs into probabilities,
and the loss is minus the logarithm of the right digit's. Its 2,410 weights stand in one vector, so your
`gradient_descent` can train it as it is. The 600 steps take up to half a minute, a few milliseconds a step. Expect
at least 97 % of the held-out digits to be read correctly.
"""

# %% tags=["showcase"]
digits = np.load("digits.npz")
order = np.random.default_rng(0).permutation(len(digits["labels"]))
pixels, labels = digits["images"][order] / 16, digits["labels"][order].astype(int)
HIDDEN = 32


def with_ones(x):
    """A column of ones, so that the last row of a weight matrix serves as the bias."""
    return np.hstack([x, np.ones((len(x), 1))])


def layers(w):
    return w[: 65 * HIDDEN].reshape(65, HIDDEN), w[65 * HIDDEN :].reshape(HIDDEN + 1, 10)


def probabilities(w, x):
    first, second = layers(w)
    hidden = with_ones(np.tanh(with_ones(x) @ first))  # (N, HIDDEN + 1)
    logits = hidden @ second  # (N, 10)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return hidden, odds / odds.sum(axis=1, keepdims=True)


def cross_entropy_grad(w, x=pixels[:1297], label=labels[:1297]):
    second = layers(w)[1]
    hidden, p = probabilities(w, x)
    error = (p - np.eye(10)[label]) / len(label)  # (N, 10)
    back = (error @ second[:-1].T) * (1 - hidden[:, :-1] ** 2)  # (N, HIDDEN)
    return np.concatenate([(with_ones(x).T @ back).ravel(), (hidden.T @ error).ravel()])


rng = np.random.default_rng(1)
w_start = np.concatenate([rng.normal(0, 1 / 8, 65 * HIDDEN), rng.normal(0, HIDDEN**-0.5, (HIDDEN + 1) * 10)])
training = gradient_descent(cross_entropy_grad, w_start, 1.0, 20 if QUICK else 600)

answers = probabilities(training[-1], pixels[1297:])[1].argmax(axis=1)
accuracy = np.mean(answers == labels[1297:])
print(f"{accuracy:.1%} of the held-out digits are read correctly")

wrong = np.flatnonzero(answers != labels[1297:])[:8]
right = np.flatnonzero(answers == labels[1297:])[: 24 - len(wrong)]
fig, axes = plt.subplots(3, 8, figsize=(10, 4.4))
for ax, i in zip(axes.flat, [*right, *wrong], strict=True):
    ax.imshow(pixels[1297 + i].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{answers[i]}" if i in right else f"{answers[i]}, is {labels[1297 + i]}", fontsize=10)
    ax.axis("off")
fig.suptitle("What your network reads; the mistakes stand last")
plt.show()

fig, ax = plt.subplots(figsize=(7, 3))
seen = np.unique(np.geomspace(1, len(training), 40).astype(int)) - 1
for name, rows in (("learned from", slice(0, 1297)), ("held out", slice(1297, None))):
    scores = [np.mean(probabilities(training[t], pixels[rows])[1].argmax(axis=1) == labels[rows]) for t in seen]
    ax.plot(seen + 1, scores, label=name)
ax.set(xscale="log", xlabel="step", ylabel="share read correctly")
ax.legend()
plt.show()

# %% [markdown]
r"""
## The edge of stability

For a bowl the rule was: keep $\eta$ below $2/L$. Now turn it round. With a given $\eta$, a landscape is too sharp
where the sharpness is above $2/\eta$.

**Predict first.** A network starts where the landscape is gentle, well below that line, and is trained with one
fixed rate. Will its sharpness fall, stay, rise and settle at the line, or cross it and diverge? Write your guess
down, then run the cell. It takes about ten seconds.

It trains a small network on 100 digits with three rates, and takes the sharpness every 50 steps with your
`hessian_vector_product`, `top_hessian_eigenvalue` and `track_sharpness`. (The eigenvalue of largest modulus is
positive here, so it is the largest.) It needs the digits of the cell above. The dotted lines are $2/\eta$. On the
right stands the loss: `track_sharpness` takes any gauge.
"""

# %% tags=["showcase"]
few = pixels[:100] - pixels[:100].mean(axis=0)  # (100, 64), centred
goals = np.eye(10)[labels[:100]] - 0.1  # (100, 10), centred too


def squared_loss(w):
    """Half the mean squared error of tanh(few @ first) @ second."""
    first, second = w[: 64 * HIDDEN].reshape(64, HIDDEN), w[64 * HIDDEN :].reshape(HIDDEN, 10)
    return np.sum((np.tanh(few @ first) @ second - goals) ** 2) / (2 * len(few))


def squared_grad(w):
    """Gradient of half the mean squared error of tanh(few @ first) @ second."""
    first, second = w[: 64 * HIDDEN].reshape(64, HIDDEN), w[64 * HIDDEN :].reshape(HIDDEN, 10)
    hidden = np.tanh(few @ first)
    error = (hidden @ second - goals) / len(few)
    return np.concatenate([(few.T @ ((error @ second.T) * (1 - hidden**2))).ravel(), (hidden.T @ error).ravel()])


rng = np.random.default_rng(1)
w_start = np.concatenate([rng.normal(0, 1 / 8, 64 * HIDDEN), rng.normal(0, HIDDEN**-0.5 / 2, HIDDEN * 10)])
probe = rng.standard_normal(len(w_start))


def sharpness_here(w):
    return top_hessian_eigenvalue(lambda v: hessian_vector_product(squared_grad, w, v), probe, 60)


fig, (gauge, fall) = plt.subplots(1, 2, figsize=(10, 3.8))
sharpness_curves = {}
steps = 100 if QUICK else 5000
for number, rate in enumerate((0.4, 0.6, 1.0)):
    at, values = track_sharpness(squared_grad, sharpness_here, w_start, rate, steps, 50)
    sharpness_curves[rate] = at, values
    gauge.plot(at, values, color=f"C{number}", label=f"lr = {rate}")
    gauge.axhline(2 / rate, color=f"C{number}", linestyle=":")
    fall.plot(*track_sharpness(squared_grad, squared_loss, w_start, rate, steps, 10), color=f"C{number}", linewidth=1)
gauge.set(xlabel="step", ylabel="sharpness", ylim=(0, 6), title="Sharpness under three learning rates")
gauge.legend(loc="lower right")
fall.set(xlabel="step", ylabel="loss", yscale="log", title="The loss of the same runs")
fig.tight_layout()
plt.show()

# %% [markdown]
r"""
It rises, overshoots, and comes back to the line. Above the line the steepest direction begins to swing, and the swing
itself drives the weights to gentler ground. The loss jumps meanwhile, and goes on falling. Cohen
and others (2021) found this on much larger networks; Damian, Nichani and Lee (2023) explain the swing. So the
learning rate does not only have to suit the landscape. It chooses which landscape you end up in.

One thing is left to pay for. Every step above looked at every example. With 1,297 digits that costs a few
milliseconds. A language model sees most of its training text once, so a single such step would cost it as much as
its whole training. The next chapter asks how few examples are enough.
"""
