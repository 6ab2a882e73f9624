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
# Momentum: what should a step remember?

Gradient descent starts afresh at every step. Whatever it learnt from the slopes before, it has forgotten. You write
twelve functions that give it a memory of one vector. The first two are the steps themselves. The next six say what
the memory does to a run: when it swings, when it creeps, when it flies apart, and which pair of numbers is best. The
others translate between the forms that papers and libraries use, and draw the map of all pairs. At the end your own
code brings a photograph into focus, in two hundred steps that leave gradient descent with a blur.

**Points.** Twelve parts, 20 points. After each part stand two graded cells. The first shows its tests: run it, read
what it says, mend, run again. The second looks empty: its tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. Each part names the page that
explains it. The cells with pictures are not graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart and run all*, save, and hand in the notebook
under its own name. *Run all* stops at a cell that fails. Then run the rest by hand; the grader runs every cell on its
own. Keep `digits.npz` beside this notebook.

**Time.** About two and a half hours for the parts, three with the pictures.

**Letters.** $w$ holds the weights, $D$ of them, and $v$ the velocity, the memory. $\eta$ is the learning rate, `lr`
in code, and $\beta$, *the momentum*, is the share of the velocity that a step keeps. $\lambda_1, \dots, \lambda_D$ are
the eigenvalues of the Hessian $H$; $\mu$ is the smallest, $L$ the largest, and $\kappa = L/\mu$. A *bowl* is
$\tfrac12 w^\top H w$ with all $\lambda_i$ above 0. *Rate* alone is the factor by which a run shrinks per step.
"""

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: the long cells then do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · A step with a memory

*Level: warm-up · 10 minutes · 2 points* · Page: *A memory of past gradients*

In a ravine the slope across changes sign from step to step, and the slope along stays the same. Add up the slopes
and forget the old ones little by little: the swings cancel, and the steady part grows. That sum is the velocity,

$$v \leftarrow \beta v + g, \qquad w \leftarrow w - \eta\, v,$$

with $g$ the gradient at $w$. This is Polyak's *heavy ball*: what rolls keeps rolling. With $\beta = 0$ nothing is
remembered, and the step is gradient descent.

The method has been published in several forms, and a habit from one is an error in another. In this one the whole
gradient enters, not a share of it, and the weights move by the *new* velocity.

<details><summary>Hint</summary>

Two lines. Write `v = ...` and not `v += ...`: the second would change the caller's own array.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "heavy_ball_step", "locked": false, "solution": true}
def heavy_ball_step(w, v, g, lr, beta):
    """One step of gradient descent with momentum, in the form v = beta*v + g; w = w - lr*v.

    w: (D,) the weights. v: (D,) the velocity before the step, zeros before the first one. g: (D,) the gradient at w.
    None of the three is modified.
    lr: the learning rate, a number above 0.
    beta: how much of the old velocity is kept, from 0 (plain gradient descent) up to below 1.

    Returns (w, v), both (D,), as they are after the step. The gradient enters v undampened: nothing multiplies it.

    Rule: Polyak, Some Methods of Speeding Up the Convergence of Iteration Methods (1964). This way to write it is
    that of Goh, Why Momentum Really Works (Distill, 2017), and of PyTorch's SGD.
    """
    ### BEGIN SOLUTION
    v = beta * v + g
    w = w - lr * v
    return w, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "heavy_ball_step_visible", "locked": true, "points": 0.5}
# Half of the velocity (10, -10) is kept, and the gradient (1, 4) is added to it.
given = np.array([1.0, 2.0]), np.array([10.0, -10.0]), np.array([1.0, 4.0])
before = [array.copy() for array in given]
result = heavy_ball_step(*given, 0.1, 0.5)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and v; found {type(result).__name__}"
)
w, v = result
np.testing.assert_allclose(
    v,
    [6.0, -1.0],
    rtol=1e-6,
    err_msg="velocity: expected 0.5 * (10, -10) + (1, 4). (5.5, -3) takes half of the gradient only; (10.5, -8) has "
    "beta on the gradient and not on the velocity; (4.9, -5.4) has -lr on the gradient, (5.1, -4.6) has lr; "
    "(0.4, 2.1) is the weights: w comes first",
)
np.testing.assert_allclose(
    w,
    [0.4, 2.1],
    rtol=1e-6,
    err_msg="the velocity is right, the weights are not: expected (1, 2) - 0.1 * (6, -1). (1.6, 1.9) climbs; (0, 3) "
    "moves by the old velocity; (0.6, 1.65) uses beta a second time",
)
for name, array, copy in zip("wvg", given, before, strict=True):
    np.testing.assert_array_equal(array, copy, err_msg=f"the numbers are right, but the caller's {name} was changed")

# %% nbgrader={"grade": true, "grade_id": "heavy_ball_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4101)
for d, rate, keep in ((3, 0.1, 0.9), (1, 2.0, 0.3), (6, 1e-3, 0.99), (4, 0.5, 0.0)):
    # Five steps from a moving start, with a fresh gradient each: catches beta on the wrong term and a lost memory.
    start, velocity = rng.standard_normal(d), 3 * rng.standard_normal(d)
    gradients = rng.standard_normal((5, d))
    w, v = start.copy(), velocity.copy()
    for t in range(5):
        w, v = heavy_ball_step(w, v, gradients[t], rate, keep)
        # Each velocity written out as a sum over all gradients so far.
        sums = [
            keep ** (s + 1) * velocity + sum(keep ** (s - r) * gradients[r] for r in range(s + 1)) for s in range(t + 1)
        ]
        np.testing.assert_allclose(v, sums[t], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(w, start - rate * sum(sums), rtol=1e-6, atol=1e-9)

# Nothing is changed in place: catches w, v or g used as the result.
w, v, g = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(3)
before = w.copy(), v.copy(), g.copy()
heavy_ball_step(w, v, g, 0.1, 0.9)
np.testing.assert_array_equal(w, before[0])
heavy_ball_step(w, v, g, 0.2, 0.8)
np.testing.assert_array_equal(v, before[1])
heavy_ball_step(w, v, g, 0.3, 0.7)
np.testing.assert_array_equal(g, before[2])

# Whole numbers: catches a result that is rounded to the type of the input.
w, v = heavy_ball_step(np.array([1, 2]), np.array([3, -3]), np.array([1, 1]), 0.5, 0.5)
np.testing.assert_allclose(v, [2.5, -0.5], rtol=1e-6)
np.testing.assert_allclose(w, [-0.25, 2.25], rtol=1e-6)

# Coasting over flat ground: catches a velocity that needs a slope.
w, v = heavy_ball_step(np.zeros(2), np.array([4.0, -8.0]), np.zeros(2), 1.0, 0.25)
np.testing.assert_allclose(v, [1.0, -2.0], rtol=1e-6)
np.testing.assert_allclose(w, [-1.0, 2.0], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 2 · Look before you land

*Level: standard · 15 minutes · 2 points* · Page: *Look before you land*

Before any slope is known, most of the step is already decided. The old velocity will carry the weights to
$w - \eta\beta v$. Nesterov's idea is to read the slope there, where the ball is about to be, and not where it still
is. If the ground rises ahead, the step learns it one step earlier and brakes:

$$g = \nabla f(w - \eta\beta v), \qquad v \leftarrow \beta v + g, \qquad w \leftarrow w - \eta\, v.$$

The point ahead is for looking only. The step itself starts from $w$.

<details><summary>Hint</summary>

Three lines: the gradient at the point ahead, the new velocity, the new weights. Only the first differs from part 1.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "nesterov_step", "locked": false, "solution": true}
def nesterov_step(w, v, grad, lr, beta):
    """One step of Nesterov's accelerated gradient: heavy ball, with the slope read where the velocity would carry w.

    w: (D,) the weights. v: (D,) the velocity before the step, zeros before the first one. Neither is modified.
    grad: a function; grad(u) is the gradient at u, shapes (D,) -> (D,). It is called once, at the look-ahead point
        w - lr*beta*v, to which the old velocity alone would carry the weights.
    lr: the learning rate, a number above 0.
    beta: how much of the old velocity is kept, from 0 (plain gradient descent) up to below 1.

    Returns (w, v), both (D,), as they are after the step: with the gradient g from the look-ahead point,
    v = beta*v + g and then w = w - lr*v.

    Rule: Nesterov (1983); as momentum in Sutskever, Martens, Dahl and Hinton, On the Importance of Initialization
    and Momentum in Deep Learning (2013), section 2, whose velocity is -lr times ours.
    """
    ### BEGIN SOLUTION
    g = grad(w - lr * beta * v)
    v = beta * v + g
    w = w - lr * v
    return w, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "nesterov_step_visible", "locked": true, "points": 0.5}
# The gradient at u is 2*u here. From w = 10 with velocity 20, lr = 0.1 and beta = 0.5, the point ahead is 9.
asked = []


def slope(u):
    asked.append(np.array(u))
    return 2 * u


given = np.array([10.0]), np.array([20.0])
result = nesterov_step(*given, slope, 0.1, 0.5)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two things, w and v; found {type(result).__name__}"
)
assert len(asked) == 1, f"one step asks for one gradient; found {len(asked)} calls of grad"
np.testing.assert_allclose(
    asked[0],
    [9.0],
    rtol=1e-6,
    err_msg="where the gradient is read: expected 10 - 0.1 * 0.5 * 20. 10 is heavy ball; 0 has no lr; 8 has no beta; "
    "11 looks back",
)
w, v = result
np.testing.assert_allclose(
    v,
    [28.0],
    rtol=1e-6,
    err_msg="velocity: expected 0.5 * 20 + 18, with 18 the gradient at 9. 11.8 has lr on the gradient; 19 halves it",
)
np.testing.assert_allclose(
    w,
    [7.2],
    rtol=1e-6,
    err_msg="the velocity is right, the weights are not: expected 10 - 0.1 * 28. 6.2 starts from the point ahead, so "
    "the old velocity counts twice; 6.8 moves by g + beta*v, another form",
)
np.testing.assert_array_equal(given, [[10.0], [20.0]], err_msg="the numbers are right, but the caller's w or v changed")

# %% nbgrader={"grade": true, "grade_id": "nesterov_step_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4202)
calls = [0]
for d, rate, keep in ((3, 0.1, 0.9), (1, 0.7, 0.4), (5, 0.02, 0.99), (2, 0.3, 0.0)):
    M, w, v = rng.standard_normal((d, d)), rng.standard_normal(d), 3 * rng.standard_normal(d)
    A, b = M @ M.T + np.eye(d), rng.standard_normal(d)

    def tilted(u, A=A, b=b):  # a bowl plus a wave, so that the slope differs at every wrong point
        calls[0] += 1
        return A @ u - b + np.sin(3 * u)

    expected_w, expected_v, calls[0] = w.copy(), v.copy(), 0
    for _ in range(4):  # several steps from a moving start: catches a wrong look-ahead, also where v was zero
        ahead = [expected_w[i] - rate * keep * expected_v[i] for i in range(d)]
        g = A @ ahead - b + np.sin(3 * np.array(ahead))
        expected_v = np.array([keep * expected_v[i] + g[i] for i in range(d)])
        expected_w = np.array([expected_w[i] - rate * expected_v[i] for i in range(d)])
        w, v = nesterov_step(w, v, tilted, rate, keep)
        np.testing.assert_allclose(v, expected_v, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(w, expected_w, rtol=1e-6, atol=1e-9)
    assert calls[0] == 4, "one step asks for one gradient"

# Nothing is changed in place: catches w or v used as the result.
w, v = rng.standard_normal(3), rng.standard_normal(3)
before = w.copy(), v.copy()
nesterov_step(w, v, lambda u: 2 * u, 0.1, 0.9)
np.testing.assert_array_equal(w, before[0])
nesterov_step(w, v, lambda u: 3 * u, 0.2, 0.8)
np.testing.assert_array_equal(v, before[1])

# Whole numbers: catches a result that is rounded to the type of the input.
w, v = nesterov_step(np.array([1, 2]), np.array([2, -2]), lambda u: 0.5 * u, 0.5, 0.5)
np.testing.assert_allclose(v, [1.25, 0.25], rtol=1e-6)
np.testing.assert_allclose(w, [0.375, 1.875], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 3 · A step is a matrix

*Level: standard · 15 minutes · 2 points* · Page: *Creep, swing, or fly apart*

On the parabola $f(w) = \tfrac12\lambda w^2$ the gradient is $\lambda w$, and a step of part 1 turns the two numbers
$w, v$ into two others. Every term holds one of them to the first power. So the step is a matrix, the same at every
step:

$$\begin{pmatrix} w \\ v \end{pmatrix} \leftarrow M \begin{pmatrix} w \\ v \end{pmatrix}.$$

Gradient descent multiplied by one number, $1 - \eta\lambda$. With a memory, $t$ steps multiply by $M^t$, and what
becomes of a run is written in four entries.

<details><summary>Hint</summary>

$v$ is changed first, and $w$ moves by the new one. Write the new $v$ out, put it into the rule for $w$, and sort by
$w$ and $v$. The first row then belongs to $w$, the second to $v$.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "iteration_matrix", "locked": false, "solution": true}
def iteration_matrix(curvature, lr, beta):
    """The matrix of one heavy-ball step on the parabola f(w) = curvature * w**2 / 2.

    curvature: the second derivative of f, a number of either sign.
    lr: the learning rate, a number above 0.
    beta: how much of the old velocity is kept, from 0 up to below 1.

    Returns M, shape (2, 2), floats: for all numbers w and v, M @ [w, v] is [w, v] after one step
    v = beta*v + curvature*w; w = w - lr*v. The position comes first, the velocity second.

    Rule: Goh, Why Momentum Really Works (Distill, 2017), "The Dynamics of Momentum", with the order of the two
    exchanged; Polyak (1964).
    """
    ### BEGIN SOLUTION
    return np.array([[1 - lr * curvature, -lr * beta], [curvature, beta]], dtype=float)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "iteration_matrix_visible", "locked": true, "points": 0.5}
# Curvature 3, lr = 0.1, beta = 0.5. From w = 1 at rest: v = 3, w = 0.7. From w = 0 with v = 1: v = 0.5, w = -0.05.
M = iteration_matrix(3.0, 0.1, 0.5)
assert np.shape(M) == (2, 2), f"expected a matrix of shape (2, 2), found shape {np.shape(M)}"
np.testing.assert_allclose(
    np.asarray(M)[:, 0],
    [0.7, 3.0],
    rtol=1e-6,
    err_msg="first column, where (w, v) = (1, 0) goes: expected w = 0.7 and v = 3. (1, 3): w moves by the new "
    "velocity. (0.7, -0.05): rows and columns are exchanged. (0.5, -0.05): w comes first, v second",
)
np.testing.assert_allclose(
    np.asarray(M)[:, 1],
    [-0.05, 0.5],
    rtol=1e-6,
    err_msg="second column, where (w, v) = (0, 1) goes: expected w = -0.05 and v = 0.5. -0.1 has lost beta; "
    "0.05 has the wrong sign",
)

# %% nbgrader={"grade": true, "grade_id": "iteration_matrix_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4303)
for curvature, rate, keep in ((2.0, 0.3, 0.8), (-1.5, 0.2, 0.5), (40.0, 0.06, 0.95), (1e-3, 5.0, 0.0), (0.0, 0.4, 0.7)):
    M = np.asarray(iteration_matrix(curvature, rate, keep))
    assert M.shape == (2, 2)
    start = rng.standard_normal(2)
    w, v, state = start[0], start[1], start
    for _ in range(6):  # the definition, followed for six steps: catches old velocities, other states, signs
        v = keep * v + curvature * w
        w = w - rate * v
        state = M @ state
        np.testing.assert_allclose(state, [w, v], rtol=1e-6, atol=1e-9)
    # Its determinant is beta: a step shrinks areas in the plane of position and velocity by beta.
    np.testing.assert_allclose(M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0], keep, rtol=1e-6, atol=1e-9)

# Whole numbers: catches a matrix of integers.
np.testing.assert_allclose(iteration_matrix(3, 0.5, 0), [[-0.5, 0], [3, 0]], atol=1e-9)
np.testing.assert_allclose(iteration_matrix(1, 1, 0.5), [[0, -0.5], [1, 0.5]], atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 4 · The one number that decides

*Level: warm-up · 5 minutes · 1 point* · Page: *Creep, swing, or fly apart*

What do high powers of a matrix do? Each eigenvalue $z$ contributes $z^t$, and in the end the largest in size is all
that counts. So the rate of a run is the spectral radius,

$$\rho(M) = \max_i\, |z_i|.$$

The matrix of part 3 is not symmetric, and its eigenvalues may be complex: a pair that turns while it shrinks. How
much is left after each turn is told by the modulus $|a + b\,\mathrm{i}| = \sqrt{a^2 + b^2}$. The real part alone
says nothing about how fast it shrinks.

<details><summary>Hint</summary>

`np.linalg.eigvals` takes any square matrix; `eigvalsh` is for symmetric ones and looks at one half only. `np.abs` of
a complex number is its modulus.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "spectral_radius", "locked": false, "solution": true}
def spectral_radius(matrix):
    """The largest modulus among the eigenvalues of a matrix.

    matrix: (n, n) real numbers, symmetric or not. Its eigenvalues may be complex. Not modified.

    Returns one real number, at least 0. Powers of the matrix die out if it is below 1.

    Rule: Horn and Johnson, Matrix Analysis (2013), sections 1.2 and 5.6.
    """
    ### BEGIN SOLUTION
    return np.max(np.abs(np.linalg.eigvals(matrix)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "spectral_radius_visible", "locked": true, "points": 0.5}
found = spectral_radius(np.array([[-0.9, 0.0], [4.0, 0.3]]))
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.9,
    rtol=1e-6,
    err_msg="eigenvalues -0.9 and 0.3: expected 0.9. A negative one counts with its size. 4.11 is the largest stretch "
    "of a single step (a norm), not what is left in the long run; 4.34 takes the matrix for symmetric",
)
# A turn to the left that keeps half of the length: the eigenvalues are 0.5i and -0.5i.
found = spectral_radius(np.array([[0.0, -0.5], [0.5, 0.0]]))
assert not np.iscomplexobj(found), f"expected a real number, the modulus; found {found}"
np.testing.assert_allclose(
    found, 0.5, rtol=1e-6, err_msg="eigenvalues 0.5i and -0.5i: expected 0.5. Their real parts, 0, say nothing"
)

# %% nbgrader={"grade": true, "grade_id": "spectral_radius_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4404)
# Matrices with chosen eigenvalues, seen in a skew basis: catches norms, symmetric solvers and real parts.
for blocks, expected in (
    (([0.6, 0.7],), np.hypot(0.6, 0.7)),
    (([-0.3, 0.8], [0.7]), np.hypot(0.3, 0.8)),
    (([0.5, 0.1], [-0.9]), 0.9),
    (([1.2], [-2.5], [0.4, 2.0]), 2.5),
    (([1e-3], [-2e-3]), 2e-3),
    (([0.9], [0.2, 0.95], [-0.5]), np.hypot(0.2, 0.95)),
):
    n = sum(len(block) for block in blocks)
    D, at = np.zeros((n, n)), 0
    for block in blocks:
        if len(block) == 2:
            D[at : at + 2, at : at + 2] = [[block[0], -block[1]], [block[1], block[0]]]
        else:
            D[at, at] = block[0]
        at += len(block)
    basis = np.eye(n) + 0.4 * rng.standard_normal((n, n))
    matrix = basis @ D @ np.linalg.inv(basis)
    before = matrix.copy()
    found = spectral_radius(matrix)
    assert not np.iscomplexobj(found)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(matrix, before)

np.testing.assert_allclose(spectral_radius(np.array([[-3.0]])), 3.0, rtol=1e-6)
np.testing.assert_allclose(spectral_radius(np.array([[2, 1], [1, 2]])), 3.0, rtol=1e-6)
np.testing.assert_allclose(spectral_radius(np.zeros((3, 3))), 0.0, atol=1e-12)
# All powers from the second on are zero, although the matrix is large.
np.testing.assert_allclose(spectral_radius(np.array([[0.0, 1e3], [0.0, 0.0]])), 0.0, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 5 · Creep, swing, or fly apart

*Level: standard · 20 minutes · 2 points* · Page: *Creep, swing, or fly apart*

A door closer is set right when the door falls shut without slamming and without creeping. Heavy ball on a parabola
is such a door, and $\beta$ is the screw. With $x = \eta\lambda$ the eigenvalues of a step solve

$$z^2 - (1 + \beta - x)\,z + \beta = 0, \qquad \text{with the discriminant } \Delta = (1 + \beta - x)^2 - 4\beta.$$

- $\Delta < 0$, *underdamped*: two complex eigenvalues. The run swings, and each has the modulus $\sqrt\beta$.
- $\Delta > 0$, *overdamped*: two real ones; the larger in size decides, and the run is slower than $\sqrt\beta$. It
  creeps if that one is positive and jumps from side to side if it is negative.
- $\Delta = 0$, *critical*: the border between the two, as fast as this $x$ allows.

And where an eigenvalue is larger than 1 in size, the run flies apart, whatever $\Delta$ says. Ask for that first.

Computed numbers are seldom exactly 0 or exactly 1. The docstring says how near counts.

<details><summary>Hint</summary>

$z = \tfrac12\big(1 + \beta - x \pm \sqrt\Delta\big)$. Python's `complex(...)` lets `np.sqrt` take the root of a
negative number, and `abs` of the result is the modulus.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "damping_regime", "locked": false, "solution": true}
def damping_regime(curvature, lr, beta):
    """What heavy ball does on the parabola f(w) = curvature * w**2 / 2, in one word.

    curvature: the second derivative of f, a number of either sign.
    lr: the learning rate, a number above 0.
    beta: how much of the old velocity is kept, from 0 up to below 1.

    With x = lr * curvature, the two eigenvalues of a step solve z**2 - (1 + beta - x)*z + beta = 0. Returns
        "divergent"    if the larger of their two moduli is above 1 + 1e-9; otherwise, by the discriminant
                       (1 + beta - x)**2 - 4*beta,
        "critical"     if its absolute value is at most 1e-9: one eigenvalue, twice;
        "overdamped"   if it is positive: two real eigenvalues, of whatever sign;
        "underdamped"  if it is negative: two complex eigenvalues.
    A run that neither grows nor shrinks, such as the one on the border of stability, is not divergent.

    Rule: Goh, Why Momentum Really Works (Distill, 2017), "The Dynamics of Momentum".
    """
    ### BEGIN SOLUTION
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    radius = max(abs(trace + root), abs(trace - root)) / 2
    if radius > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "damping_regime_visible", "locked": true, "points": 0.5}
for curvature, rate, keep, expected, why in (
    (1.0, 0.25, 0.0625, "overdamped", "x = 0.25: discriminant 0.66 - 0.25 is above 0, no swinging"),
    (1.0, 0.25, 0.81, "underdamped", "x = 0.25: discriminant 2.43 - 3.24 is below 0, it swings"),
    (1.0, 0.25, 0.25, "critical", "x = 0.25: discriminant 1 - 1 is 0"),
    (1.0, 0.09, 0.49, "critical", "x = 0.09: discriminant 1.96 - 1.96 is 0 but for rounding; up to 1e-9 counts as 0"),
    (5.0, 1.0, 0.5, "divergent", "x = 5: the eigenvalues are -3.35 and -0.15, and 3.35 is above 1"),
    (2.5, 1.0, 0.5, "underdamped", "x = 2.5 is beyond gradient descent's border 2, yet both moduli are 0.71"),
    (-1.0, 0.25, 0.81, "divergent", "x = -0.25, a hilltop: one eigenvalue is 1.53"),
):
    found = damping_regime(curvature, rate, keep)
    assert found == expected, f"beta = {keep}, {why}: expected {expected!r}, found {found!r}"

# %% nbgrader={"grade": true, "grade_id": "damping_regime_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4505)


def regime(z1, z2):
    """The answer for a step with these two eigenvalues: their product is beta, and (1 - z1)*(1 - z2) is x."""
    rate = np.exp(rng.uniform(-6, 3))
    return damping_regime(float(np.real((1 - z1) * (1 - z2))) / rate, rate, float(np.real(z1 * z2)))


for modulus, angle in ((0.9, 0.2), (0.5, 1.5), (0.99, 3.0), (0.7, 2.5), (0.999, 0.02)):
    z = modulus * np.exp(1j * angle)
    assert regime(z, np.conj(z)) == "underdamped"  # catches the wrong sign and gradient descent's border
for z1, z2 in ((0.9, 0.3), (0.2, 0.0), (-0.9, -0.5), (-0.2, -0.1), (0.99, 0.97), (-0.999, 0.0)):
    assert regime(z1, z2) == "overdamped"  # catches those who call negative real eigenvalues a swing
for z in (0.9, 0.37, -0.6, -0.95, 0.99, 0.123, -0.0517, 0.7071, -0.313, 0.81, 0.55, -0.77):
    assert regime(z, z) == "critical"  # rounded as it comes: catches == 0
for z1, z2 in ((1.1, 0.5), (-1.01, -0.9), (-3.0, -0.2), (1.0001, 0.9), (-1.5, 0.0), (-1.0001, -0.2)):
    assert regime(z1, z2) == "divergent"  # catches a look at one side of 1 only
# On the border of stability a run neither grows nor shrinks: catches >= and a comparison without the tolerance.
for z in (-0.1, -0.3, -0.5, -0.7, -0.9, 0.0, -0.25, -0.6, -0.35, -0.95):
    assert regime(-1.0, z) == "overdamped"
assert damping_regime(3.0, 1.0, 0.5) == "overdamped"
# A small discriminant that is still far above the tolerance: catches a tolerance that is too wide.
for gap in (1e-3, 1e-4):
    assert regime(0.6 + gap, 0.6 - gap) == "overdamped"
    assert regime(0.6 + 1j * gap, 0.6 - 1j * gap) == "underdamped"
# Just beyond the border: catches a wide tolerance there.
assert regime(-1 - 1e-6, -0.3) == "divergent"
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · Just right

*Level: warm-up · 5 minutes · 1 point* · Page: *Creep, swing, or fly apart*

Which $\beta$ makes the discriminant zero? From $(1 + \beta - x)^2 = 4\beta$ follows $1 + \beta - x =
\pm 2\sqrt\beta$, so $(1 \mp \sqrt\beta)^2 = x$. The solution below 1 is

$$\beta_{\text{crit}} = \big(1 - \sqrt{\eta\lambda}\,\big)^2.$$

Gentle curvature needs a long memory, steep curvature a short one.

<details><summary>Hint</summary>

The root is taken of the product, and the square comes last. For $\eta\lambda > 1$ the number in the bracket is
negative, and its square is still the answer.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "critical_beta", "locked": false, "solution": true}
def critical_beta(curvature, lr):
    """The momentum with which heavy ball is critically damped on the parabola f(w) = curvature * w**2 / 2.

    curvature: the second derivative of f, a number above 0.
    lr: the learning rate, above 0 and below 4 / curvature.

    Returns one number, from 0 up to below 1: the beta for which the two eigenvalues of a step are equal.

    Rule: Goh, Why Momentum Really Works (Distill, 2017), "The Critical Damping Coefficient".
    """
    ### BEGIN SOLUTION
    return (1 - np.sqrt(lr * curvature)) ** 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "critical_beta_visible", "locked": true, "points": 0.5}
found = critical_beta(4.0, 0.04)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.36,
    rtol=1e-6,
    err_msg="lr * curvature = 0.16, its root 0.4: expected (1 - 0.4)**2. 0.6 has lost the square; 0.7056 has lost the "
    "root; 1.96 is the other solution; 0.8464 and 0.04 take the root of one factor only; "
    "0.84 is 1 - x",
)

# %% nbgrader={"grade": true, "grade_id": "critical_beta_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4606)
for _ in range(8):
    x, curvature = rng.uniform(0.01, 3.9), np.exp(rng.uniform(-8, 8))
    found = critical_beta(curvature, x / curvature)
    assert np.ndim(found) == 0 and 0 <= found < 1
    # The definition: no discriminant is left. Catches every other formula, and the other solution.
    np.testing.assert_allclose((1 + found - x) ** 2, 4 * found, rtol=1e-6, atol=1e-9)
# Beyond x = 1: catches a bracket that is clipped at 0.
np.testing.assert_allclose(critical_beta(2.25, 1.0), 0.25, rtol=1e-6)
np.testing.assert_allclose(critical_beta(1, 1), 0.0, atol=1e-12)
np.testing.assert_allclose(critical_beta(1e-8, 1.0), 0.9998000100, rtol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
Three doors with the same spring: $\lambda = 1$, $\eta = 0.04$, and three screws. Uses `heavy_ball_step`,
`iteration_matrix`, `spectral_radius`, `damping_regime` and `critical_beta`. **Predict first**: which of the three
comes to rest first, and does that one cross zero on its way?
"""

# %% tags=["showcase"]
fig, ax = plt.subplots(figsize=(8, 3.6))
for number, keep in enumerate((0.3, critical_beta(1.0, 0.04), 0.93)):
    w, v, trace = np.array([1.0]), np.array([0.0]), [1.0]
    for _ in range(60):
        w, v = heavy_ball_step(w, v, 1.0 * w, 0.04, keep)
        trace.append(w[0])
    radius = spectral_radius(iteration_matrix(1.0, 0.04, keep))
    name = f"{damping_regime(1.0, 0.04, keep)}: beta = {keep:.2f}, shrinks by {radius:.3f} a step"
    ax.plot(trace, ("--", "-", ":")[number], linewidth=2, label=name)
ax.axhline(0, color="gray", linewidth=0.8)
ax.set(xlabel="step", ylabel="$w$", title="Too little memory creeps, too much swings")
ax.legend()
plt.show()

# %% [markdown]
r"""
## 7 · The border moves

*Level: warm-up · 5 minutes · 1 point* · Page: *Creep, swing, or fly apart*

Gradient descent flies apart where $1 - \eta\lambda$ passes $-1$. With a memory the border is where an eigenvalue
passes $-1$. Put $z = -1$ into the equation of part 5: it says $1 + (1 + \beta - x) + \beta = 0$, that is $x = 2 +
2\beta$. The steepest direction is again the first to get there, so

$$\eta < \frac{2\,(1 + \beta)}{L}.$$

With $\beta = 0.9$ a run bears almost twice the learning rate. A memory steadies the swings that a large learning rate
excites.

<details><summary>Hint</summary>

The eigenvalues come in any order. Check them before you use them.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "max_stable_lr", "locked": false, "solution": true}
def max_stable_lr(eigenvalues, beta):
    """The border between converging and diverging for heavy ball on a bowl: every smaller learning rate converges.

    eigenvalues: (D,) eigenvalues of the Hessian, in any order. Not modified.
    beta: how much of the old velocity is kept, from 0 up to below 1.

    Returns one number, the learning rate at the border.
    Raises ValueError unless all eigenvalues are above 0: otherwise this is no bowl, and there is no such border.

    Rule: Polyak (1964); Goh, Why Momentum Really Works (Distill, 2017), "The Dynamics of Momentum".
    """
    ### BEGIN SOLUTION
    if not np.all(np.asarray(eigenvalues) > 0):
        raise ValueError(f"expected eigenvalues above 0, found {eigenvalues}")
    return 2 * (1 + beta) / np.max(eigenvalues)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "max_stable_lr_visible", "locked": true, "points": 0.5}
found = max_stable_lr(np.array([1.0, 4.0, 2.0]), 0.5)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.75,
    rtol=1e-6,
    err_msg="eigenvalues 1, 4, 2 and beta = 0.5: expected 2 * 1.5 / 4. 0.5 is gradient descent's border; 0.25 has "
    "1 - beta; 1 divides by 1 - beta; 0.375 has lost the 2; 2.25 lacks brackets; "
    "3 or 1.5 trust the wrong eigenvalue",
)
try:
    found = max_stable_lr(np.array([-1.0, 2.0]), 0.5)
except ValueError:
    pass
except AssertionError:
    raise AssertionError("a saddle: raise a ValueError, not an assert") from None
else:
    raise AssertionError(
        f"a saddle (eigenvalues -1 and 2) has no stable learning rate: expected a ValueError, found {found}"
    )

# %% nbgrader={"grade": true, "grade_id": "max_stable_lr_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4707)
for d, keep in ((1, 0.9), (2, 0.0), (9, 0.3), (5, 0.99)):
    eigenvalues = np.exp(rng.uniform(-20, 20, d))  # in random order: catches those who trust the first or the last
    before = eigenvalues.copy()
    expected = min((2 + 2 * keep) / value for value in eigenvalues)
    np.testing.assert_allclose(max_stable_lr(eigenvalues, keep), expected, rtol=1e-6)
    np.testing.assert_array_equal(eigenvalues, before)  # catches sorting in place
np.testing.assert_allclose(max_stable_lr(np.array([8.0, 1.0, 3.0]), 0.2), 0.3, rtol=1e-6)
np.testing.assert_allclose(max_stable_lr(np.array([2, 8, 5]), 0), 0.25, rtol=1e-6)

# Catches a check that lets a flat direction through, or looks at one eigenvalue only.
for eigenvalues in ([0.0, 1.0], [3.0, -1e-9, 2.0], [-2.0, -1.0], [0.0]):
    try:
        max_stable_lr(np.array(eigenvalues), 0.9)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
## 8 · The best pair

*Level: standard · 15 minutes · 2 points* · Page: *The best pair*

Two numbers can be chosen now, so ask for two things: that the flattest direction is just right, and the steepest
too. The first is to be critical with a positive eigenvalue and the second with a negative one, of the same size:

$$\sqrt\beta = 1 - \sqrt{\eta\mu}, \qquad \sqrt\beta = \sqrt{\eta L} - 1.$$

Everything in between is then underdamped and shrinks alike. Two equations for two unknowns: solve them for $\eta^\star$
and $\beta^\star$.

The rate is $\sqrt{\beta^\star}$. Gradient descent's best was $(\kappa - 1)/(\kappa + 1)$: see what stands in the place
of $\kappa$ now. For $\kappa = 10{,}000$ the rate alone promises a hundredfold in steps; a factor $t$, which you will
see in the race, takes back about a third.

<details><summary>Hint</summary>

Set the two right sides equal: $\sqrt\beta$ drops out, and $\sqrt\eta$ is left. Both results are squares, and both are
made of square roots:

$$\eta^\star = \left(\frac{2}{\sqrt L + \sqrt\mu}\right)^{2}, \qquad
\beta^\star = \left(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\right)^{2}.$$

To check your code, put its pair into the two equations above.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "optimal_heavy_ball", "locked": false, "solution": true}
def optimal_heavy_ball(mu, L):
    """The learning rate and momentum with which heavy ball converges fastest on a bowl, in the long run.

    mu: the smallest eigenvalue of the Hessian, a number above 0.
    L: the largest eigenvalue of the Hessian, a number not below mu.

    Returns (lr, beta), two numbers. The slowest direction then shrinks, in the long run, by the square root of this
    beta each step, and no other fixed pair does better.

    Rule: Polyak (1964); Polyak, Introduction to Optimization (1987), section 3.2.1.
    """
    ### BEGIN SOLUTION
    lr = (2 / (np.sqrt(L) + np.sqrt(mu))) ** 2
    root_kappa = np.sqrt(L / mu)
    beta = ((root_kappa - 1) / (root_kappa + 1)) ** 2
    return lr, beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "optimal_heavy_ball_visible", "locked": true, "points": 0.5}
result = optimal_heavy_ball(1.0, 4.0)
assert isinstance(result, tuple | list) and len(result) == 2, (
    f"return two numbers, lr and beta; found {type(result).__name__}"
)
rate, keep = result
assert np.ndim(rate) == np.ndim(keep) == 0, f"expected two numbers, found shapes {np.shape(rate)} and {np.shape(keep)}"
np.testing.assert_allclose(
    rate,
    4 / 9,
    rtol=1e-6,
    err_msg="mu = 1, L = 4, learning rate: expected (2/(2 + 1))**2 = 0.444. 0.667 has lost the square; 0.8 adds "
    "without the roots; 0.4 is gradient descent's; 0.111 is beta: lr comes first",
)
np.testing.assert_allclose(
    keep,
    1 / 9,
    rtol=1e-6,
    err_msg="mu = 1, L = 4, momentum: lr is right. Expected ((2 - 1)/(2 + 1))**2 = 0.111. 0.333 has lost the "
    "square; 0.36 has lost the root of kappa; 0.309 has lost the root in 1 - sqrt(lr*mu)",
)

# %% nbgrader={"grade": true, "grade_id": "optimal_heavy_ball_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4808)
for kappa in (1.5, 7.0, 100.0, 1e4, 1e8):
    mu = np.exp(rng.uniform(-6, 6))
    L = kappa * mu
    rate, keep = optimal_heavy_ball(mu, L)
    assert np.ndim(rate) == np.ndim(keep) == 0
    # The two equations: both ends critically damped. Catches every other pair, Nesterov's included.
    np.testing.assert_allclose(np.sqrt(rate * mu) + np.sqrt(rate * L), 2, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(rate * L) - 1, np.sqrt(keep), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.sqrt(keep), (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1), rtol=1e-6)
# A round bowl: one step of gradient descent, and no memory.
rate, keep = optimal_heavy_ball(5.0, 5.0)
np.testing.assert_allclose(rate, 0.2, rtol=1e-6)
np.testing.assert_allclose(keep, 0.0, atol=1e-12)
# Whole numbers.
np.testing.assert_allclose(optimal_heavy_ball(4, 36), (1 / 16, 0.25), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 9 · Four ways to write one method

*Level: challenge · 25 minutes · 3 points* · Page: *Conventions*

Give two programs the same learning rate and the same $\beta = 0.9$, and one may take steps ten times as large as the
other. They write the same method in different forms:

| form | state | step |
|---|---|---|
| `"velocity"` | $v \leftarrow \beta v + g$ | $w \leftarrow w - \eta v$ |
| `"ema"` | $v \leftarrow \beta v + (1-\beta)\, g$ | $w \leftarrow w - \eta v$ |
| `"step"` | $v \leftarrow \beta v - \eta g$ | $w \leftarrow w + v$ |
| `"two-point"` | $v = w_t - w_{t-1}$ | $w_{t+1} = w_t - \eta g + \beta\,(w_t - w_{t-1})$ |

All states are read between two steps: $w_t$ is where the weights are now.

Translate between any two, in the middle of a run, so that the run goes on as if nothing had happened. The state has
to be translated with the numbers. A run that changes the form and keeps the old state makes a jump.

<details><summary>Hint</summary>

Check both names first. Then start with `v = np.array(v, dtype=float)`: a copy, and floats.

Twelve pairs need no twelve formulas: go to `"velocity"` first, and from there to the target. To find a formula,
unroll two steps from $v = 0$ with gradients $g_1, g_2$ and compare what happens to $w$. In the last two forms: what
is $w_t - w_{t-1}$, in words?
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "convert_momentum", "locked": false, "solution": true}
def convert_momentum(lr, beta, v, source, target):
    """Rewrite learning rate, momentum and state from one published form of heavy ball to another.

    lr: the learning rate in the source's form, a number above 0.
    beta: the momentum in the source's form, from 0 up to below 1.
    v: (D,) the state between two steps, in the source's form. It is never modified; where nothing changes, the same
        array may be returned.
    source, target: each one of
        "velocity"   v = beta*v + g;             w = w - lr*v             (the form of this course)
        "ema"        v = beta*v + (1-beta)*g;    w = w - lr*v             (v is a mean of past gradients)
        "step"       v = beta*v - lr*g;          w = w + v                (v is the last move of w)
        "two-point"  w_next = w - lr*g + beta*(w - w_prev), with state v = w - w_prev

    Returns (lr, beta, v) in the target's form, v (D,) floats: from the same weights, with the same gradients, the
    target's form then takes the very steps that the source's form would take from now on.
    Raises ValueError for a source or target with any other name.

    Rule: "velocity" is PyTorch's SGD, "ema" the same with dampening equal to beta, "step" Sutskever et al. (2013),
    "two-point" Polyak (1964).
    """
    ### BEGIN SOLUTION
    forms = ("velocity", "ema", "step", "two-point")
    if source not in forms or target not in forms:
        raise ValueError(f"source and target must be among {forms}, found {source!r} and {target!r}")
    # To the form of this course first ...
    v = np.array(v, dtype=float)
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source in ("step", "two-point"):
        v = -v / lr
    # ... and from there to the target.
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target in ("step", "two-point"):
        v = -lr * v
    return lr, beta, v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "convert_momentum_visible", "locked": true, "points": 0.75}
# One run in four forms: with lr = 0.1 and beta = 0.75 in our own form, and the velocity (4, -8).
forms = {
    "velocity": (0.1, [4.0, -8.0]),
    "step": (0.1, [-0.4, 0.8]),
    "two-point": (0.1, [-0.4, 0.8]),
    "ema": (0.4, [1.0, -2.0]),
}
for target, (rate, state) in forms.items():
    given = np.array([4.0, -8.0])
    result = convert_momentum(0.1, 0.75, given, "velocity", target)
    assert isinstance(result, tuple | list) and len(result) == 3, (
        f"return lr, beta and v; found {type(result).__name__}"
    )
    np.testing.assert_allclose(
        result[0],
        rate,
        rtol=1e-6,
        err_msg=f"lr from 'velocity' to {target!r}: an 'ema' takes in a quarter of each gradient, so its lr is four "
        "times as large; the other three have the same lr",
    )
    np.testing.assert_allclose(result[1], 0.75, rtol=1e-6, err_msg="beta is the same in all four forms")
    np.testing.assert_allclose(
        result[2],
        state,
        rtol=1e-6,
        err_msg=f"state from 'velocity' to {target!r}: an 'ema' is a quarter of the velocity; 'step' and 'two-point' "
        "hold the last move, -lr * velocity. Read the sign and the factor off your numbers",
    )
    np.testing.assert_array_equal(given, [4.0, -8.0], err_msg="the numbers are right, but the caller's v was changed")
for source, (rate, state) in forms.items():
    found_rate, _, found_state = convert_momentum(rate, 0.75, np.array(state), source, "velocity")
    np.testing.assert_allclose(found_rate, 0.1, rtol=1e-6, err_msg=f"lr from {source!r} back to 'velocity'")
    np.testing.assert_allclose(found_state, [4.0, -8.0], rtol=1e-6, err_msg=f"state from {source!r} to 'velocity'")
# One pair without "velocity" in it; the hidden tests ask for all sixteen.
found_rate, _, found_state = convert_momentum(0.4, 0.75, np.array([1.0, -2.0]), "ema", "step")
np.testing.assert_allclose(found_rate, 0.1, rtol=1e-6, err_msg="lr from 'ema' to 'step'")
np.testing.assert_allclose(
    found_state,
    [-0.4, 0.8],
    rtol=1e-6,
    err_msg="state from 'ema' to 'step': expected the last move, -0.4 * (1, -2). (-0.1, 0.2) has the new lr with the "
    "old state",
)
for source, target in (("pytorch", "ema"), ("ema", "pytorch")):
    try:
        convert_momentum(0.4, 0.75, np.array([1.0, -2.0]), source, target)
    except ValueError:
        continue
    except (AssertionError, KeyError) as error:
        raise AssertionError(f"unknown form: raise a ValueError, found {type(error).__name__}") from None
    raise AssertionError(f"from {source!r} to {target!r}: no form is called 'pytorch', expected a ValueError")

# %% nbgrader={"grade": true, "grade_id": "convert_momentum_hidden", "locked": true, "points": 2.25}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(4909)
names = ("velocity", "ema", "step", "two-point")


def go_on(form, rate, keep, w, v, gradients):
    """The weights after each further step of a run in that form, each form written as its authors do."""
    points, previous = [], w - v
    for g in gradients:
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
        points.append(w)
    return np.array(points)


# Every pair of forms, in the middle of a run: the steps that follow have to be the same. Catches a state that is
# kept, a sign, a factor, and a conversion that holds from our own form only.
for source in names:
    for target in names:
        for d, rate, keep in ((3, 0.2, 0.9), (1, 1.5, 0.35), (2, 0.01, 0.0)):
            w, v, gradients = rng.standard_normal(d), 2 * rng.standard_normal(d), rng.standard_normal((4, d))
            before = v.copy()
            new_rate, new_keep, new_v = convert_momentum(rate, keep, v, source, target)
            np.testing.assert_array_equal(v, before)  # catches a state that is rescaled in place
            assert np.shape(new_v) == (d,)
            expected = go_on(source, rate, keep, w, v, gradients)
            np.testing.assert_allclose(
                go_on(target, new_rate, new_keep, w, new_v, gradients), expected, rtol=1e-6, atol=1e-9
            )

# At rest every state is zero, and stays so.
np.testing.assert_allclose(convert_momentum(0.3, 0.9, np.zeros(2), "step", "ema")[2], [0, 0], atol=1e-12)
# Whole numbers: catches a state that is rounded.
np.testing.assert_allclose(convert_momentum(0.5, 0.5, np.array([3, -1]), "velocity", "ema")[2], [1.5, -0.5], rtol=1e-6)

# Catches an unknown form that is passed over in silence, on either side.
for source, target in (("pytorch", "ema"), ("ema", "pytorch"), ("", "velocity"), ("two_point", "two_point")):
    try:
        convert_momentum(0.1, 0.9, np.ones(2), source, target)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
## 10 · How large is a step, really?

*Level: warm-up · 5 minutes · 1 point* · Page: *Momentum under noise*

On a long even slope the gradient $g$ stays the same, and the velocity grows: $g$, then $(1 + \beta)\,g$, then $(1 +
\beta + \beta^2)\,g$. It does not grow for ever. The sum is a geometric series, and the step tends to

$$\frac{\eta}{1 - \beta}\; g.$$

With $\beta = 0.9$ that is ten times the step of gradient descent, with 0.99 a hundred times. Who raises $\beta$ and
leaves $\eta$ alone has raised the learning rate without knowing it.

<details><summary>Hint</summary>

Write the check so that $\beta = 1$ meets it before the division does, and so that it looks at both ends.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "effective_lr", "locked": false, "solution": true}
def effective_lr(lr, beta):
    """The learning rate with which plain gradient descent would, in the long run, move as far as heavy ball does.

    lr: the learning rate of v = beta*v + g; w = w - lr*v, a number above 0.
    beta: how much of the old velocity is kept, from 0 up to below 1.

    Returns one number: under a gradient g that stays the same, a step of heavy ball tends to this number times g.
    Raises ValueError unless 0 <= beta < 1: from 1 on the steps grow for ever, and below 0 nothing is kept.

    Rule: Goodfellow, Bengio and Courville, Deep Learning (2016), section 8.3.2.
    """
    ### BEGIN SOLUTION
    if not 0 <= beta < 1:
        raise ValueError(f"expected 0 <= beta < 1, found {beta}")
    return lr / (1 - beta)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "effective_lr_visible", "locked": true, "points": 0.5}
found = effective_lr(0.5, 0.75)
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    2.0,
    rtol=1e-6,
    err_msg="lr = 0.5, beta = 0.75: expected 0.5 / 0.25. 0.125 multiplies where it should divide; 0.667 divides by "
    "beta; 0.875 stops after two steps",
)
for keep, why in ((1.0, "the steps grow for ever"), (-0.5, "nothing is kept")):
    try:
        found = effective_lr(0.5, keep)
    except ValueError:
        continue
    except ZeroDivisionError:
        raise AssertionError("beta = 1: expected a ValueError, found a ZeroDivisionError; check beta first") from None
    except AssertionError:
        raise AssertionError(f"beta = {keep}: raise a ValueError, not an assert") from None
    raise AssertionError(f"beta = {keep}: {why}, expected a ValueError, found {found}")

# %% nbgrader={"grade": true, "grade_id": "effective_lr_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5010)
for keep in (*rng.uniform(0, 0.95, 6), 0.0):
    rate = np.exp(rng.uniform(-5, 5))
    found = effective_lr(rate, keep)
    # The definition: 1,000 steps of heavy ball under the gradient 1. Catches a series that is cut off.
    velocity = 0.0
    for _ in range(1000):
        velocity = keep * velocity + 1
    np.testing.assert_allclose(found, rate * velocity, rtol=1e-6)
np.testing.assert_allclose(effective_lr(1e-3, 0.9999), 10.0, rtol=1e-6)
np.testing.assert_allclose(effective_lr(3, 0), 3.0, rtol=1e-6)

for keep in (1.5, 1.0, 1, -0.1, -1.0):  # catches a check of one side, and 1 let through
    try:
        effective_lr(0.1, keep)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
## 11 · The map of all pairs

*Level: challenge · 20 minutes · 2 points* · Page: *The best pair*

Every pair $(\eta, \beta)$ is a place on a map, and the height there is the rate of the whole run. A direction with the
eigenvalue $\lambda_i$ shrinks by the larger modulus of the two numbers $z$ that solve the equation of part 5,

$$z^2 - (1 + \beta - \eta\lambda_i)\, z + \beta = 0,$$

and the run is as slow as its slowest direction. With three loops this is a few lines. Without any, it is fewer, and
the map below is drawn at once.

<details><summary>Hint</summary>

With loops: start from an array of zeros with one row for each $\beta$ and one column for each $\eta$; `np.roots` solves
the equation. Without: give the three arrays the shapes `(m, 1, 1)`, `(n, 1)` and `(D,)`, and NumPy makes `(m, n, D)` of
them; `np.emath.sqrt` takes roots of negative numbers too.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "convergence_map", "locked": false, "solution": true}
def convergence_map(eigenvalues, lrs, betas):
    """How fast heavy ball converges on a bowl, for every pair of learning rate and momentum.

    eigenvalues: (D,) eigenvalues of the Hessian, in any order and of any sign.
    lrs: (n,) learning rates, all above 0. betas: (m,) momenta, from 0 up to below 1. None of the three is modified.

    Returns rates, shape (m, n), floats: rates[i, j] belongs to betas[i] and lrs[j]. It is the spectral radius of a
    step in the slowest direction: the largest modulus of all z with z**2 - (1 + beta - lr*c)*z + beta = 0, where c
    is any of the eigenvalues.

    Rule: Goh, Why Momentum Really Works (Distill, 2017), "Optimal parameters".
    """
    ### BEGIN SOLUTION
    beta = np.asarray(betas, dtype=float)[:, None, None]
    trace = 1 + beta - np.asarray(lrs)[:, None] * np.asarray(eigenvalues)  # (m, n, D): both eigenvalues, added
    discriminant = trace**2 - 4 * beta
    real = (np.abs(trace) + np.sqrt(np.maximum(discriminant, 0))) / 2
    radius = np.where(discriminant < 0, np.sqrt(beta), real)
    return radius.max(axis=2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "convergence_map_visible", "locked": true, "points": 0.5}
# Two directions, three learning rates, two momenta: without memory, and with a quarter of the velocity kept.
found = convergence_map(np.array([1.0, 4.0]), np.array([0.1, 0.4, 0.6]), np.array([0.0, 0.25]))
assert isinstance(found, np.ndarray), f"expected one array, found {type(found).__name__}"
assert found.shape == (2, 3), (
    f"2 betas and 3 learning rates: expected shape (2, 3), one row for each beta; found {found.shape}"
)
np.testing.assert_allclose(
    found[0],
    [0.9, 0.6, 1.4],
    rtol=1e-6,
    err_msg="beta = 0 is gradient descent: expected the larger of |1 - lr| and |1 - 4*lr| for lr = 0.1, 0.4, 0.6",
)
np.testing.assert_allclose(
    found[1],
    [(1.15 + 0.3225**0.5) / 2, 0.5, (1.15 + 0.3225**0.5) / 2],
    rtol=1e-6,
    err_msg="beta = 0.25: expected 0.859, 0.5 and 0.859. In the middle both directions swing, with the modulus "
    "sqrt(0.25); on the right the steeper one is slow, with the eigenvalue -0.859",
)

# %% nbgrader={"grade": true, "grade_id": "convergence_map_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
# One direction, before its border and far beyond: catches a look at one of the two eigenvalues only.
found = convergence_map(np.array([2.0]), np.array([0.1, 1.9]), np.array([0.0, 0.3]))
np.testing.assert_allclose(found, [[0.8, 2.8], [0.6, (2.5 + 5.05**0.5) / 2]], rtol=1e-6)

rng = np.random.default_rng(5111)
for d, n, m in ((1, 4, 6), (3, 5, 4), (6, 1, 3), (2, 7, 1)):
    eigenvalues, lrs, betas = rng.uniform(0.2, 5.0, d), rng.uniform(0.02, 1.2, n), rng.uniform(0, 0.99, m)
    before = eigenvalues.copy(), lrs.copy(), betas.copy()
    found = convergence_map(eigenvalues, lrs, betas)
    assert np.shape(found) == (m, n) and not np.iscomplexobj(found)
    for i in range(m):
        for j in range(n):
            radii = []
            for value in eigenvalues:
                total = 1 + betas[i] - lrs[j] * value
                root = complex(total * total - 4 * betas[i]) ** 0.5
                radii += [abs(total + root) / 2, abs(total - root) / 2]
            # Catches a transposed map, the best or the mean direction, and the real part for the modulus.
            np.testing.assert_allclose(found[i, j], max(radii), rtol=1e-6)
    for argument, copy in zip((eigenvalues, lrs, betas), before, strict=True):
        np.testing.assert_array_equal(argument, copy)

# A saddle, with the direction that grows in the middle: catches a rate capped at 1 and a look at the ends.
found = convergence_map(np.array([1.0, -2.0, 3.0]), np.array([0.1]), np.array([0.0, 0.5]))
np.testing.assert_allclose(found[:, 0], [1.2, (1.7 + 0.89**0.5) / 2], rtol=1e-6)
# Whole numbers, as a learning rate as well.
np.testing.assert_allclose(convergence_map(np.array([1, 2]), np.array([1, 2]), np.array([0])), [[1.0, 3.0]], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
The map for a bowl with $\mu = 1$ and $L = 25$. Uses `convergence_map`, `optimal_heavy_ball`, `critical_beta` and
`max_stable_lr`. Along the dashed line the flattest direction is critically damped, along the dash-dotted one the
steepest. **Predict first**: where do you expect the best pair?
"""

# %% tags=["showcase"]
mu, L = 1.0, 25.0
size = 40 if QUICK else 200
lrs, betas = np.linspace(0.001, 0.16, size), np.linspace(0.0, 0.995, size)
rates = convergence_map(np.array([mu, L]), lrs, betas)

fig, ax = plt.subplots(figsize=(8, 5.4), layout="constrained")
shades = ax.contourf(lrs, betas, rates, levels=np.linspace(0.65, 1.0, 15), cmap="viridis", extend="min")
fig.colorbar(shades, label="factor per step")
ax.plot([max_stable_lr(np.array([mu, L]), beta) for beta in betas], betas, color="black", linewidth=2)
ax.text(0.135, 0.25, "flies apart", ha="center", fontsize=12)
ax.plot(lrs, [critical_beta(mu, lr) for lr in lrs], "w--", label="flattest direction critical")
steep = lrs[lrs < 4 / L]
ax.plot(steep, [critical_beta(L, lr) for lr in steep], "w-.", label="steepest direction critical")
best_lr, best_beta = optimal_heavy_ball(mu, L)
ax.plot(best_lr, best_beta, "*", markersize=20, color="white", markeredgecolor="black", label="best pair")
ax.set(xlabel="learning rate", ylabel="beta", xlim=(lrs[0], lrs[-1]), ylim=(0, 0.995))
ax.set_title(f"The best pair: lr = {best_lr:.3f}, beta = {best_beta:.3f}, factor {best_beta**0.5:.3f}")
fig.legend(loc="outside lower center", ncols=3, facecolor="tab:gray", labelcolor="white")
plt.show()

lowest = np.unravel_index(rates.argmin(), rates.shape)
print(f"lowest place on the grid: lr = {lrs[lowest[1]]:.3f}, beta = {betas[lowest[0]]:.3f}, factor {rates.min():.3f}")

# %% [markdown]
r"""
The two lines cross at the star. The bottom edge of the map is gradient descent, whose best factor here is
$24/26 = 0.923$. And look how near the star stands to the border. A learning rate 5 % smaller still shrinks by 0.73 a
step; 5 % larger, and the run flies apart.

## 12 · The whole path

*Level: warm-up · 10 minutes · 1 point* · Page: *A memory of past gradients*

Put the step of part 1 in a loop and keep every point,

$$v_0 = 0, \qquad v_{t+1} = \beta v_t + \nabla f(w_t), \qquad w_{t+1} = w_t - \eta\, v_{t+1}.$$

The velocity has to live through the loop. It is set to zero once, before the first step.

<details><summary>Hint</summary>

Make the array for the whole path first, of floats and with one row more than there are steps.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "momentum_descent", "locked": false, "solution": true}
def momentum_descent(grad, w0, lr, beta, steps):
    """Heavy ball with a fixed learning rate and momentum, and every point it visited.

    grad: a function; grad(w) is the gradient at w, shapes (D,) -> (D,).
    w0: (D,) the point to start from, an array of floats or of whole numbers. It is never modified.
    lr: the learning rate, a number above 0.
    beta: how much of the old velocity is kept, from 0 (plain gradient descent) up to below 1.
    steps: how many steps to take, a whole number from 0 up. All are taken, wherever they lead.

    The velocity starts at zero; a step is v = beta*v + grad(w); w = w - lr*v.

    Returns history: a float64 array of shape (steps + 1, D). history[0] is w0, history[t] the point after t steps.

    Rule: Polyak (1964); Goodfellow, Bengio and Courville, Deep Learning (2016), algorithm 8.2.
    """
    ### BEGIN SOLUTION
    history = np.empty((steps + 1, len(w0)))
    history[0] = w0
    v = np.zeros(len(w0))
    for t in range(steps):
        v = beta * v + grad(history[t])
        history[t + 1] = history[t] - lr * v
    return history
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "momentum_descent_visible", "locked": true, "points": 0.5}
# A round bowl: the gradient at w is w. With lr = 0.5 and beta = 0.5 the velocities are w0, w0 and 0.5*w0.
history = momentum_descent(lambda w: w, np.array([4.0, -8.0]), 0.5, 0.5, 3)

assert isinstance(history, np.ndarray), f"history is one array; found {type(history).__name__}"
assert history.shape == (4, 2), (
    f"3 steps in 2 dimensions: expected shape (4, 2), the start and one row for each step; found {history.shape}"
)
assert not np.all(history == history[0]), (
    f"all rows hold the same point, {history[0]}: does the path store one array that you then change? Store copies"
)
assert not np.all(history[1:] == history[1]), "all rows after the start hold the same point: store copies"
np.testing.assert_allclose(
    history[1],
    [2, -4],
    rtol=1e-6,
    err_msg="the first step starts from rest, so it is a step of gradient descent: expected half of the start. (4, -8) "
    "is no step: move by the new velocity; (3, -6) takes only half of the gradient; (1, -2) starts with a velocity",
)
np.testing.assert_allclose(
    history,
    [[4, -8], [2, -4], [0, 0], [-1, 2]],
    rtol=1e-6,
    atol=1e-9,
    err_msg="the first step is right, a later one is not. (1, -2) in the third row: the velocity is forgotten",
)

# %% nbgrader={"grade": true, "grade_id": "momentum_descent_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(5212)
for d, steps, rate, keep in ((1, 6, 0.3, 0.8), (3, 1, 0.1, 0.9), (5, 12, 0.05, 0.6), (2, 5, 0.2, 0.0)):
    M = rng.standard_normal((d, d))
    A, centre, start = M @ M.T / d + np.eye(d), rng.standard_normal(d), 3 * rng.standard_normal(d)
    before = start.copy()

    def tilted(w, A=A, centre=centre):
        return A @ (w - centre) + 0.3 * np.sin(2 * w)

    history = momentum_descent(tilted, start, rate, keep, steps)
    assert history.shape == (steps + 1, d) and history.dtype == np.float64
    # Polyak's form, with no velocity in it: catches a wrong memory, aliased rows and a path that is one step late.
    expected = [before, before - rate * tilted(before)]
    for _ in range(steps - 1):
        expected.append(expected[-1] - rate * tilted(expected[-1]) + keep * (expected[-1] - expected[-2]))
    np.testing.assert_allclose(history, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(start, before)  # catches a start that is used as the moving point

# A start of whole numbers: catches a path with the integer type of the start.
start = np.array([3, -2, 1])
history = momentum_descent(lambda w: 0.5 * w, start, 0.5, 0.5, 2)
assert history.dtype == np.float64
np.testing.assert_allclose(history, np.outer([1, 0.75, 0.4375], [3, -2, 1]), rtol=1e-6)
np.testing.assert_array_equal(start, [3, -2, 1])

# No step at all still has a first row.
history = momentum_descent(lambda w: w, np.array([1.0, 2.0]), 0.1, 0.9, 0)
assert history.shape == (1, 2)
np.testing.assert_allclose(history, [[1.0, 2.0]])

# An even slope: steps of 1, 1.9, 2.71 ... times the first.
history = momentum_descent(lambda w: np.array([2.0]), np.array([0.0]), 0.5, 0.9, 30)
np.testing.assert_allclose(np.diff(history[:, 0]), -(1 - 0.9 ** np.arange(1, 31)) / 0.1, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## The race in the ravine

A ravine a hundred times as steep across as along. Gradient descent runs with its best $\eta$, $2/(\mu + L)$, heavy ball
with its best pair, and Nesterov's method with the usual pair for it, $\eta = 1/L$ and $\beta = (\sqrt\kappa - 1)/
(\sqrt\kappa + 1)$. Uses `momentum_descent`, `nesterov_step` and `optimal_heavy_ball`. The thin dotted
lines on the right have the slopes that theory predicts; gradient descent's lies under the solid one.
"""

# %% tags=["showcase"]
ravine = np.array([1.0, 100.0])  # the loss is (w1**2 + 100*w2**2) / 2
start, race_steps = np.array([-10.0, 0.3]), 30 if QUICK else 150
best_lr, best_beta = optimal_heavy_ball(1.0, 100.0)
racers = {
    "gradient descent": momentum_descent(lambda w: ravine * w, start, 2 / 101, 0.0, race_steps),
    "heavy ball": momentum_descent(lambda w: ravine * w, start, best_lr, best_beta, race_steps),
}
w, v, points = start, np.zeros(2), [start]
for _ in range(race_steps):
    w, v = nesterov_step(w, v, lambda u: ravine * u, 1 / 100, 9 / 11)
    points.append(w)
racers["Nesterov"] = np.array(points)

fig, (ground, clock) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=(3, 2))
side, height = np.meshgrid(np.linspace(-11, 5, 120), np.linspace(-1.5, 1.5, 120))
ground.contour(side, height, (side**2 + 100 * height**2) / 2, levels=[1, 5, 15, 30, 50, 80], alpha=0.35)
for number, (name, path) in enumerate(racers.items()):
    ground.plot(path[:26, 0], path[:26, 1], "o-", markersize=3, linewidth=1.2, color=f"C{number}", label=name)
    clock.semilogy(np.linalg.norm(path, axis=1), color=f"C{number}", label=name)
for number, factor in enumerate((99 / 101, best_beta**0.5, 1 - 0.1)):
    clock.semilogy(10 * factor ** np.arange(race_steps + 1.0), color=f"C{number}", linewidth=0.7, linestyle=":")
ground.plot(0, 0, "*", markersize=14, color="black")
ground.set(xlabel="$w_1$", ylabel="$w_2$", ylim=(-1.5, 1.5), title="The first 25 steps")
clock.set(xlabel="step", ylabel="distance to the minimum", ylim=(1e-8, 1e3), title=f"{race_steps} steps")
clock.legend(loc="lower left")
plt.show()
for name, path in racers.items():
    print(f"{name:16}  distance left: {np.linalg.norm(path[-1]):.1e}")

# %% [markdown]
r"""
Heavy ball gets worse before it gets better. You see it across the ravine: $w_2$ grows from 0.3 to 1.1 and the loss
from 54.5 to 92, though the distance falls from the first step. Its pair was chosen for the long run, and what the long
run costs is paid at the start: both ends of the bowl are critical, so their distances go like $t\rho^t$. Nesterov's
method does not swing at all: with $\eta = 1/L$ its steepest direction lands in one step. In the end it needs about
twice the steps.

## A photograph, out of focus

On the photograph is a year, written by four hands from the files of handwritten digits. The lens spread all but 1 %
of the light. To bring the picture $w$ into focus is to descend on a loss: how far is $w$, seen through the same
lens, from what the camera saw?

$$f(w) = \tfrac12\, \lVert K w - b \rVert^2.$$

This is a bowl in 10,240 dimensions. Its steep directions are broad patches, its flat ones are the fine strokes by
which a digit is read. For the lens we know all its eigenvalues: $L = 1$, $\mu = 0.0001$.

**Predict first.** Look at the picture on the left and write down the year. Then compare what two hundred steps of
each method make of it. Uses `momentum_descent` and `optimal_heavy_ball`.
"""

# %% tags=["showcase"]
digits = np.load("digits.npz")["images"]
scene = np.kron(np.hstack([digits[i].reshape(8, 8) / 16 for i in (56, 251, 65, 134)]), np.ones((4, 4)))
scene = np.pad(scene, 16)
down, across = np.fft.fftfreq(scene.shape[0])[:, None], np.fft.fftfreq(scene.shape[1])
lens = 0.99 * np.exp(-2 * (np.pi * 9) ** 2 * (down**2 + across**2)) + 0.01  # how much of each frequency gets through


def through_the_lens(picture):
    return np.fft.ifft2(lens * np.fft.fft2(picture)).real


seen = through_the_lens(scene)


def focus_grad(w):
    return through_the_lens(through_the_lens(w.reshape(scene.shape)) - seen).ravel()


mu, L = (lens**2).min(), (lens**2).max()
focus_steps = 20 if QUICK else 200
best_lr, best_beta = optimal_heavy_ball(mu, L)
pictures = {
    "what the camera saw": seen,
    f"gradient descent, {focus_steps} steps": momentum_descent(
        focus_grad, seen.ravel(), 2 / (mu + L), 0.0, focus_steps
    )[-1],
    f"heavy ball, {focus_steps} steps": momentum_descent(focus_grad, seen.ravel(), best_lr, best_beta, focus_steps)[-1],
}
fig, axes = plt.subplots(1, 3, figsize=(12, 2.4))
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture.reshape(scene.shape), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
It is the year in which Boris Polyak published the method that you have built. Gradient descent would get there too.
With this $\kappa$ of 10,000 it needs about 12,000 steps, sixty times as many.

So one memory, the velocity, buys the square root of the condition number. But it has one learning rate for all
weights, and in a language model the slopes along different weights differ by orders of magnitude. The next chapter
asks whether every weight should take the same step.
"""
