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
# Backpropagation: which weight is to blame?

You build the engine under deep learning twice: first for single numbers, where every edge of the graph can be seen,
then for arrays, where it is fast. In between you learn not to believe your own backward passes until a nudge has
confirmed them. At the end your gradients train a network that reads handwritten digits, at least 95 of every 100
that it has never seen, and show which pixels were to blame for its doubts.

**Points.** Ten parts, 20 points. Each part is followed by its graded cells. The first shows its tests: run it, read
what it says, mend, run again. The others look empty: their tests stay with the grader and use random and awkward
inputs. What a docstring promises is what is tested.

**Order.** No part needs another part's answer. If one resists, go on and come back. The cells with pictures and
tables are not graded; each says which functions it uses.

**Handing in.** Write only where a cell says `raise NotImplementedError`. Add cells of your own wherever you like,
rename nothing, and delete none of ours. At the end choose *Restart Kernel and Run All Cells*, save, and hand in the
notebook under its own name. Running all stops at the first cell that fails; if you leave a part unsolved, run the
cells below it by hand. The grader runs every cell.

**Time.** About three hours for the parts, three and a half with the pictures. The training at the end takes up to
half a minute.

**Letters.** $\ell$ is the loss, one number. For anything on the way to it, `dX` in code means $\partial \ell /
\partial X$: an array of the same shape as `X`, with one slope for each entry. `dout` is the one for an output. It
arrives from above and is called the *upstream gradient*. There are $N$ examples, $D$ inputs, $M$ outputs, $H$ hidden
units and $C$ classes. The pages write $\bar X$ for `dX`, $f$ for $\ell$ and $h$ for $\varepsilon$.
"""

# %%
import math
import os

import matplotlib.pyplot as plt
import numpy as np

# Set while a grader runs this notebook: the long cells then do a short version of their work.
QUICK = "NBGRADER_EXECUTION" in os.environ

# %% [markdown]
r"""
## 1 · A number that remembers

*Level: challenge · 45 minutes · 4 points* · Page: *An engine in sixty lines*

A `Value` is a number that knows how it was made. Compute with it, and a graph grows behind the result. Then
`backward()` walks the graph from the result to the inputs and hands each node its slope. Two rules do all of it:

- **along an edge, multiply**: an input receives the slope of the result with respect to the node it fed, times the
  local slope of that one operation;
- **where edges meet, add**: a node that was used twice is to blame twice.

So a node may pass its slope on only when it has heard from everyone who used it. That is a question of order, and
the trap of this part: in `c = a + b` with `b = 3 * a`, the node `a` must wait for `b`.

<details><summary>Hint: what to store</summary>

Let each operation store in its result, for each input, the pair (input, local slope). For `a * b` these are
`(a, b.data)` and `(b, a.data)`. Then `backward` is the same few lines for all operations. A plain number can be
wrapped in a `Value` first, and half of the operations can be written with the other half: `a - b` is `a + (-b)`.
</details>

<details><summary>Hint: the walk</summary>

First list all nodes such that each comes after its inputs (part 2 is about that, and has a hint). Write the walk here
as well: part 2 comes later in the notebook, so its function does not exist yet when the tests of part 1 run. Set
every `.grad` to zero and the result's to one. Then run through the list from its end. A function that calls itself
for each input fails on long chains: Python stops at a thousand, or in some notebooks three thousand, calls inside one
another.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "Value", "locked": false, "solution": true}
class Value:
    """A number that remembers how it was computed, so that slopes can be sent back through the computation.

    x = Value(data) makes a node from a plain number. It has two public attributes:
    x.data: the number, a float.
    x.grad: a float, 0.0 at first. After result.backward(): the derivative of the result with respect to x.

    Each operation returns a new Value and changes none of its inputs:
    a + b, a - b, a * b, a / b   two Values, or a Value and a plain number on either side.
    -a, a**n                     n is a plain number, whole or not, positive, zero or negative.
    a.exp(), a.log(), a.tanh(), a.relu()   log is the natural logarithm; the slope of relu at 0 is 0.
    a**0 is 1 with slope 0, also at a = 0. Only powers whose value and slope are finite real numbers are asked for.

    result.backward() sets .grad of every node that the result depends on, inputs, intermediate nodes and the result
    itself (1.0), and touches no other node. It starts from zero each time: a second call gives the same numbers, and
    so does a call after another result's. It works on chains of thousands of nodes without exceeding Python's
    recursion limit, and its work grows with the number of nodes, not with the number of paths between them.

    Rule: Linnainmaa (1976); Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
    """

    def __init__(self, data):
        """A node without inputs."""
        ### BEGIN SOLUTION
        self.data = float(data)
        self.grad = 0.0
        self._inputs = ()  # pairs of an input and the local slope with respect to it

    @staticmethod
    def _made(data, *inputs):
        node = Value(data)
        node._inputs = inputs
        return node

    @staticmethod
    def _wrap(number):
        return number if isinstance(number, Value) else Value(number)
        ### END SOLUTION

    def __add__(self, other):
        """self + other"""
        ### BEGIN SOLUTION
        other = self._wrap(other)
        return self._made(self.data + other.data, (self, 1.0), (other, 1.0))
        ### END SOLUTION

    def __mul__(self, other):
        """self * other"""
        ### BEGIN SOLUTION
        other = self._wrap(other)
        return self._made(self.data * other.data, (self, other.data), (other, self.data))
        ### END SOLUTION

    def __pow__(self, n):
        """self ** n, where n is a plain number"""
        ### BEGIN SOLUTION
        slope = n * self.data ** (n - 1) if n != 0 else 0.0
        return self._made(self.data**n, (self, slope))
        ### END SOLUTION

    def __neg__(self):
        """-self"""
        ### BEGIN SOLUTION
        return self * -1.0
        ### END SOLUTION

    def __sub__(self, other):
        """self - other"""
        ### BEGIN SOLUTION
        return self + (-self._wrap(other))
        ### END SOLUTION

    def __truediv__(self, other):
        """self / other"""
        ### BEGIN SOLUTION
        return self * self._wrap(other) ** -1
        ### END SOLUTION

    def __radd__(self, number):
        """number + self: Python asks here when the plain number stands on the left."""
        ### BEGIN SOLUTION
        return self + number
        ### END SOLUTION

    def __rmul__(self, number):
        """number * self"""
        ### BEGIN SOLUTION
        return self * number
        ### END SOLUTION

    def __rsub__(self, number):
        """number - self"""
        ### BEGIN SOLUTION
        return self._wrap(number) - self
        ### END SOLUTION

    def __rtruediv__(self, number):
        """number / self"""
        ### BEGIN SOLUTION
        return self._wrap(number) / self
        ### END SOLUTION

    def exp(self):
        """e to the power of self"""
        ### BEGIN SOLUTION
        result = math.exp(self.data)
        return self._made(result, (self, result))
        ### END SOLUTION

    def log(self):
        """The natural logarithm of self, for data above 0."""
        ### BEGIN SOLUTION
        return self._made(math.log(self.data), (self, 1 / self.data))
        ### END SOLUTION

    def tanh(self):
        """The hyperbolic tangent of self."""
        ### BEGIN SOLUTION
        result = math.tanh(self.data)
        return self._made(result, (self, 1 - result**2))
        ### END SOLUTION

    def relu(self):
        """self where it is above 0, else 0."""
        ### BEGIN SOLUTION
        return self._made(max(self.data, 0.0), (self, float(self.data > 0)))
        ### END SOLUTION

    def backward(self):
        """Set .grad of every node that self depends on. Returns nothing."""
        ### BEGIN SOLUTION
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, inputs_are_listed = stack.pop()
            if inputs_are_listed:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(source, False) for source, _ in node._inputs]
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):  # by now everyone who used this node has reported
            for source, slope in node._inputs:
                source.grad += slope * node.grad
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "Value_visible", "locked": true, "points": 1}
# The smallest graphs first: a node alone, and one product.
x = Value(3)
assert isinstance(x.data, float), f".data is a float; found {type(x.data).__name__}"
assert isinstance(x.grad, float), f".grad is a float, also before backward(); found {type(x.grad).__name__}"
assert x.grad == 0.0, f"before backward() every .grad is 0.0; found {x.grad}"
x.backward()
assert x.grad == 1.0, f"a result's slope with respect to itself is 1; found {x.grad}"
x = Value(3)
y = x * 4
y.backward()
assert x.grad == 4.0, f"slope of x * 4: expected 4.0, found {x.grad}. Along an edge, multiply"

# y = (a * b + c)**2 with a = 2, b = -3, c = 10: the bracket is 4, so y = 16 and dy/d(bracket) = 8.
a, b, c = Value(2.0), Value(-3.0), Value(10.0)
product = a * b
bracket = product + c
y = bracket**2
assert abs(y.data - 16) < 1e-9, f"(2 * -3 + 10)**2: expected 16, found {y.data}"
y.backward()
for name, node, expected, reason in (
    ("bracket", bracket, 8.0, "the slope of a square is 2 * 4"),
    ("c", c, 8.0, "a sum hands its own slope on unchanged. 1 alone: the upstream slope, 8, was left out"),
    ("product", product, 8.0, "intermediate nodes get their slope too"),
    ("a", a, -24.0, "8 from above times b = -3. -3 alone means that the upstream slope, 8, was left out"),
    ("b", b, 16.0, "8 from above times a = 2. 2 alone means that the upstream slope was left out"),
):
    assert abs(node.grad - expected) < 1e-9, f"{name}.grad: expected {expected}, found {node.grad}; {reason}"

# A node that is used twice hears from both users, and waits for both before it passes anything on.
for near_first in (True, False):
    x = Value(5.0)
    a = x * 2
    b = a * 3
    y = a + b if near_first else b + a
    y.backward()
    assert abs(a.grad - 4) < 1e-9, f"slope of a + 3a: expected 1 + 3 = 4, found {a.grad}. Add to .grad, do not set it"
    assert abs(x.grad - 8) < 1e-9, (
        f"a = 2x: expected 2 * 4 = 8 for x, found {x.grad}. Was a asked before both of its users had reported?"
    )
    y.backward()
    assert abs(x.grad - 8) < 1e-9, f"backward() again: expected 8 as before, found {x.grad}. Start from zero each time"

# backward() touches no node that its result does not depend on, and starts from zero.
x = Value(2.0)
y, z = x * 3, x * 5
y.backward()
assert z.grad == 0.0, f"y does not depend on z: expected z.grad to stay 0.0, found {z.grad}"
z.backward()
assert abs(x.grad - 5) < 1e-9, f"after y.backward() and then z.backward(): expected x.grad = 5, found {x.grad}"

# Plain numbers on either side. All at x = 2.
for text, formula, data, slope in (
    ("1 + x * 3", lambda x: 1 + x * 3, 7.0, 3.0),
    ("5 - x", lambda x: 5 - x, 3.0, -1.0),
    ("6 / x", lambda x: 6 / x, 3.0, -1.5),
    ("x / 4 - 1", lambda x: x / 4 - 1, -0.5, 0.25),
    ("(-x).exp()", lambda x: (-x).exp(), 0.1353352832, -0.1353352832),
    ("(x * 0.5).tanh()", lambda x: (x * 0.5).tanh(), 0.7615941560, 0.2099871708),
    ("x.log() + x.relu()", lambda x: x.log() + x.relu(), 2.6931471806, 1.5),
    ("(-x).relu()", lambda x: (-x).relu(), 0.0, 0.0),
):
    x = Value(2.0)
    y = formula(x)
    assert abs(y.data - data) < 1e-9, f"{text} at x = 2: expected {data}, found {y.data}"
    y.backward()
    assert abs(x.grad - slope) < 1e-9, f"slope of {text} at x = 2: expected {slope}, found {x.grad}"

# a**0 is 1 everywhere, and flat.
x = Value(0.0)
y = x**0
y.backward()
assert y.data == 1.0 and x.grad == 0.0, f"x**0 at x = 0: expected 1 with slope 0, found {y.data} with slope {x.grad}"

# %% nbgrader={"grade": true, "grade_id": "Value_hidden", "locked": true, "points": 1}
# Hidden tests of every single operation run here after you hand in.
### BEGIN HIDDEN TESTS
# Every operation at random places: the value, and the slopes with a random upstream gradient on top.
rng = np.random.default_rng(101)
for u, v in rng.uniform(0.4, 3.0, (3, 2)).tolist():
    for formula, data, slope_u, slope_v in (
        (lambda a, b: a + b, u + v, 1, 1),
        (lambda a, b: a - b, u - v, 1, -1),
        (lambda a, b: a * b, u * v, v, u),
        (lambda a, b: a / b, u / v, 1 / v, -u / v**2),
        (lambda a, b: -a, -u, -1, 0),
        (lambda a, b: a**3, u**3, 3 * u**2, 0),
        (lambda a, b: a**-2, 1 / u**2, -2 / u**3, 0),
        (lambda a, b: a**0.5, math.sqrt(u), 0.5 / math.sqrt(u), 0),
        (lambda a, b: a**1, u, 1, 0),
        (lambda a, b: a.exp(), math.exp(u), math.exp(u), 0),
        (lambda a, b: a.log(), math.log(u), 1 / u, 0),
        (lambda a, b: a.tanh(), math.tanh(u), 1 / math.cosh(u) ** 2, 0),
        (lambda a, b: a.relu(), u, 1, 0),
        (lambda a, b: (-a).relu(), 0, 0, 0),
        (lambda a, b: a + 1.75, u + 1.75, 1, 0),
        (lambda a, b: 2 + a, u + 2, 1, 0),
        (lambda a, b: a - 4, u - 4, 1, 0),
        (lambda a, b: 0.5 - a, 0.5 - u, -1, 0),
        (lambda a, b: a * -3, -3 * u, -3, 0),
        (lambda a, b: 2.5 * a, 2.5 * u, 2.5, 0),
        (lambda a, b: a / 8, u / 8, 0.125, 0),
        (lambda a, b: 7 / a, 7 / u, -7 / u**2, 0),
    ):
        a, b, upstream = Value(u), Value(v), float(rng.uniform(1.5, 4.0))
        middle = formula(a, b)
        result = middle * Value(upstream)
        np.testing.assert_allclose(middle.data, data, rtol=1e-9, atol=1e-12)
        result.backward()
        np.testing.assert_allclose(a.grad, upstream * slope_u, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(b.grad, upstream * slope_v, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(middle.grad, upstream, rtol=1e-9)
        assert a.data == u and b.data == v  # catches operations that change their inputs

# Negative bases, the kink, zeros: catches exp(n * log(x)), x**n * n / x and a slope of 1 on the kink.
for formula, at, data, slope in (
    (lambda x: x**3, -2.0, -8.0, 12.0),
    (lambda x: x**-1, -4.0, -0.25, -0.0625),
    (lambda x: x**2, 0.0, 0.0, 0.0),
    (lambda x: x**1, 0.0, 0.0, 1.0),
    (lambda x: x**0, 3.0, 1.0, 0.0),
    (lambda x: x**0, 0.0, 1.0, 0.0),
    (lambda x: x.relu(), 0.0, 0.0, 0.0),
    (lambda x: x.relu(), -1.5, 0.0, 0.0),
    (lambda x: x.tanh(), -20.0, -1.0, 0.0),
    (lambda x: x / -2, -6.0, 3.0, -0.5),
    (lambda x: x * 0, 5.0, 0.0, 0.0),
):
    x = Value(at)
    y = formula(x) * Value(3.0) + Value(1.0)
    y.backward()
    np.testing.assert_allclose(y.data, 3 * data + 1, rtol=1e-9)
    np.testing.assert_allclose(x.grad, 3 * slope, rtol=1e-9, atol=1e-12)

x = Value(3)
assert isinstance(x.data, float) and isinstance(x.grad, float) and x.data == 3.0 and x.grad == 0.0
x.backward()  # an input is its own result
assert x.grad == 1.0
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "Value_shared_hidden", "locked": true, "points": 1.5}
# Hidden tests of whole graphs, with nodes that are used many times, run here after you hand in.
### BEGIN HIDDEN TESTS
# Both inputs are the same node: catches a slope that is set, or a set of inputs that counts it once.
for formula, at, slope in (
    (lambda x: x + x, 1.5, 2.0),
    (lambda x: x * x, 1.5, 3.0),
    (lambda x: x - x, 1.5, 0.0),
    (lambda x: x / x, 1.5, 0.0),
    (lambda x: x * x * x, -2.0, 12.0),
):
    x = Value(at)
    y = formula(x) * Value(-2.5)
    y.backward()
    np.testing.assert_allclose(x.grad, -2.5 * slope, rtol=1e-9, atol=1e-9)

# A second call: catches slopes that pile up.
x = Value(1.5)
y = x * -2.5
y.backward()
y.backward()
np.testing.assert_allclose([x.grad, y.grad], [-2.5, 1.0], rtol=1e-9)

# Near and far users of one node, in both orders: catches a node that passes its slope on before all have reported.
for near_first in (False, True):
    x = Value(0.7)
    a = x * 2.0
    b = a * 3.0
    c = b * 5.0
    y = a + c if near_first else c + a
    y.backward()
    np.testing.assert_allclose([n.grad for n in (y, c, b, a, x)], [1, 1, 5, 16, 32], rtol=1e-9)

# Random graphs, every node's slope against a plain backward sweep over the list of operations.
rng = np.random.default_rng(202)
for size in (6, 25, 60):
    nodes = [Value(value) for value in rng.uniform(0.5, 1.5, 3).tolist()]
    plain, edges = [n.data for n in nodes], [[], [], []]
    for step in range(size):
        i, j = (int(k) for k in rng.integers(max(0, len(nodes) - 6), len(nodes), 2))
        kind, u, v = step % 5, plain[i], plain[j]
        if kind == 0:
            node, value, local = nodes[i] + nodes[j] * 0.5, u + 0.5 * v, [(i, 1), (j, 0.5)]
        elif kind == 1:
            node, value, local = nodes[i] * nodes[j], u * v, [(i, v), (j, u)]
        elif kind == 2:
            node, value, local = nodes[i].tanh(), math.tanh(u), [(i, 1 - math.tanh(u) ** 2)]
        elif kind == 3:
            d = 1 + v * v
            node, value, local = nodes[i] / (nodes[j] ** 2 + 1), u / d, [(i, 1 / d), (j, -2 * u * v / d**2)]
        else:
            node, value, local = 1.5 - nodes[i] - nodes[j].relu(), 1.5 - u - max(v, 0), [(i, -1), (j, -(v > 0))]
        nodes.append(node)
        plain.append(value)
        edges.append(local)
    expected = [0.0] * len(nodes)
    expected[-1] = 1.0
    for k in range(len(nodes) - 1, -1, -1):
        for i, slope in edges[k]:
            expected[i] += slope * expected[k]
    nodes[-1].backward()
    np.testing.assert_allclose([n.data for n in nodes], plain, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([n.grad for n in nodes], expected, rtol=1e-9, atol=1e-12)
    nodes[-1].backward()  # catches slopes that double, in inputs or in between
    np.testing.assert_allclose([n.grad for n in nodes], expected, rtol=1e-9, atol=1e-12)

# Two results over the same input: each call starts from zero, and touches what its own result depends on alone.
x, other = Value(2.0), Value(4.0)
y = x * x * other
z = x * 7.0
y.backward()
np.testing.assert_allclose([x.grad, other.grad, y.grad, z.grad], [16.0, 4.0, 1.0, 0.0], rtol=1e-9)
z.backward()
np.testing.assert_allclose([x.grad, other.grad, y.grad, z.grad], [7.0, 4.0, 1.0, 1.0], rtol=1e-9)
w = z * 3.0
w.backward()
np.testing.assert_allclose([x.grad, z.grad, w.grad], [21.0, 3.0, 1.0], rtol=1e-9)
z.backward()  # from the middle of a graph
np.testing.assert_allclose([x.grad, z.grad, w.grad], [7.0, 1.0, 1.0], rtol=1e-9)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "Value_deep_hidden", "locked": true, "points": 0.5}
# Hidden tests of long chains run here after you hand in.
### BEGIN HIDDEN TESTS
# 1,500 operations in a row, half as many again as Python allows nested calls: catches recursion.
x = Value(0.5)
y = x * 3.0
for _ in range(1500):
    y = -y
y.backward()
np.testing.assert_allclose([y.data, x.grad], [1.5, 3.0], rtol=1e-9)

# 60 nodes in a row, each used twice: 2**60 paths. Catches a walk along every path, which never ends.
x = Value(3.0)
y = x
for _ in range(60):
    y = y + y
y.backward()
np.testing.assert_allclose([y.data, x.grad], [3 * 2.0**60, 2.0**60], rtol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
Your engine on the two-layer network of Mazur's step-by-step example: two inputs, two hidden units, two outputs, and
eight weights (page *The chain rule on a graph*). Uses `Value`. His text gives the error as 0.298371109 and, after one
step with a rate of 0.5 and the biases held, $w_5 = 0.35891648$ and $w_1 = 0.149780716$. The bars answer the question
of the chapter.
"""

# %% tags=["showcase"]
MAZUR = {"w1": 0.15, "w2": 0.20, "w3": 0.25, "w4": 0.30, "w5": 0.40, "w6": 0.45, "w7": 0.50, "w8": 0.55}


def sigmoid(z):
    return 1 / (1 + (-z).exp())


def mazur_error(w):
    """The total error for the inputs 0.05 and 0.10 and the targets 0.01 and 0.99; w holds eight Values."""
    h1 = sigmoid(w["w1"] * 0.05 + w["w2"] * 0.10 + 0.35)
    h2 = sigmoid(w["w3"] * 0.05 + w["w4"] * 0.10 + 0.35)
    o1 = sigmoid(w["w5"] * h1 + w["w6"] * h2 + 0.60)
    o2 = sigmoid(w["w7"] * h1 + w["w8"] * h2 + 0.60)
    return 0.5 * (0.01 - o1) ** 2 + 0.5 * (0.99 - o2) ** 2


numbers, mazur_errors = dict(MAZUR), []
for step in range(20 if QUICK else 1000):
    w = {name: Value(number) for name, number in numbers.items()}
    error = mazur_error(w)
    error.backward()
    mazur_errors.append(error.data)
    numbers = {name: w[name].data - 0.5 * w[name].grad for name in w}
    if step == 0:
        blame = {name: w[name].grad for name in w}
        print(f"error before the first step  {error.data:.9f}")
        print(f"after it   w5 = {numbers['w5']:.8f}   w1 = {numbers['w1']:.9f}")
        print("slopes  ", "   ".join(f"{name} {slope:.4f}" for name, slope in blame.items()))
fig, axes = plt.subplots(1, 2, figsize=(10, 3))
axes[0].bar(list(blame), list(blame.values()))
axes[0].axhline(0, color="black", linewidth=0.8)
axes[0].set(title="Which weight is to blame?", ylabel="slope of the error")
axes[1].loglog(range(1, len(mazur_errors) + 1), mazur_errors)
axes[1].set(title="Moving each weight against its slope", xlabel="step", ylabel="error")
plt.show()

# %% [markdown]
r"""
The weights $w_1$ to $w_4$ carry so little blame that their bars can hardly be seen. Their inputs, 0.05 and 0.10, are
small, and on the way to them the slope has passed one sigmoid more, which leaves at most a quarter of it. After fifty
such layers nothing would be left. The page *Deep products* is about that.

## 2 · Who must report first

*Level: standard · 15 minutes · 2 points* · Page: *An engine in sixty lines*

The order that `backward` needs has a name. In a *topological order* of a graph every node stands after the nodes it
was computed from, its parents (part 1 called them the inputs of the operation). Read backwards, everyone who used a
node comes before it.

Here the graph may be anything: cells of a spreadsheet, targets of a Makefile, nodes of a network. You are given a
node and a function that tells you a node's parents.

<details><summary>Hint</summary>

Keep a stack. A node goes into the list when you meet it for the second time, after all that you found below it on
the first visit has been dealt with. So push it back, marked, before you push its parents. A node may be pushed by
several users before its turn comes: whether it has been visited is a question to ask when it is taken off.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "topological_order", "locked": false, "solution": true}
def topological_order(node, parents):
    """The node and all that it depends on, in an order in which every node stands after its parents.

    node: the node to start from, a number, a text, or anything else that can be put into a set.
    parents: a function; parents(node) is a tuple of the nodes that it was computed from. It is empty for an input,
        and may name the same parent twice. No node depends on itself.

    Returns a list: every node that `node` depends on, directly or not, each exactly once and after all its parents,
    and `node` itself at the end. Where that leaves a choice, any order will do. Chains of thousands of nodes work
    without exceeding Python's recursion limit, and parents is called a few times for each node, not for each path.

    Rule: Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms (2009), section 22.4.
    """
    ### BEGIN SOLUTION
    order, visited, stack = [], set(), [(node, False)]
    while stack:
        current, parents_are_done = stack.pop()
        if parents_are_done:
            order.append(current)
        elif current not in visited:
            visited.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "topological_order_visible", "locked": true, "points": 0.5}
# y = c + a, c = a * b, a = 2 * x: the node a has a near user and a far one. Once with each of them named first.
for parents_of_y in (("c", "a"), ("a", "c")):
    graph = {"y": parents_of_y, "c": ("a", "b"), "a": ("x",), "b": (), "x": (), "unused": ("x",)}
    order = topological_order("y", lambda node, graph=graph: graph[node])
    assert isinstance(order, list), f"expected a list, found {type(order).__name__}"
    assert "y" in order, f"the node itself belongs into the list, at its end; found {order}"
    assert order[-1] == "y", f"y itself belongs at the end. The whole list backwards? Turn it round; found {order}"
    assert "unused" not in order, f"y does not depend on 'unused'; found {order}"
    assert set(order) == {"x", "a", "b", "c", "y"}, f"expected x, a, b, c and y, found {order}"
    assert len(order) == 5, f"each node once: a is used by c and by y; found {order}"
    for user in order:
        for parent in graph[user]:
            assert order.index(parent) < order.index(user), (
                f"{user} stands before its parent {parent} in {order}. Append a node when all its parents are in the "
                f"list, not when you first meet it"
            )

# %% nbgrader={"grade": true, "grade_id": "topological_order_hidden", "locked": true, "points": 1.5}
# Hidden tests on random graphs run here after you hand in.
### BEGIN HIDDEN TESTS


def examine(graph, start):
    """Run on one graph, with an end to walks that visit every path; check every promise."""
    asked = [0]

    def parents(node):
        asked[0] += 1
        if asked[0] > 10 * len(graph) + 10:
            raise RuntimeError("parents was called more often than a few times for each node")
        return graph[node]

    order = topological_order(start, parents)
    assert isinstance(order, list)
    needed, waiting = {start}, [start]
    while waiting:
        for parent in graph[waiting.pop()]:
            if parent not in needed:
                needed.add(parent)
                waiting.append(parent)
    assert len(order) == len(needed) and set(order) == needed  # catches nodes listed twice, left out, or not needed
    assert order[-1] == start
    place = {node: number for number, node in enumerate(order)}
    for node in order:
        for parent in graph[node]:
            assert place[parent] < place[node]


# Random graphs with shuffled names: catches an order taken from the names, and breadth-first walks.
rng = np.random.default_rng(303)
for size, width in ((1, 1), (7, 2), (12, 3), (40, 3), (80, 5)):
    names = [int(name) for name in rng.permutation(1000)[:size]]
    graph = {}
    for number, name in enumerate(names):
        count = int(rng.integers(0, width + 1)) if number else 0
        graph[name] = tuple(names[int(k)] for k in rng.integers(max(0, number - 8), number, count)) if count else ()
    graph[names[-1]] = tuple(names[max(0, size - 5) : -1])  # so that the last depends on something
    examine(graph, names[-1])
    examine(graph, names[size // 2])  # from the middle: catches nodes that are not needed

# A near user that is found first, and last; the same parent twice; a lonely node.
examine({0: (1, 2), 1: (), 2: (3,), 3: (4,), 4: (1,)}, 0)
examine({0: (2, 1), 1: (), 2: (3,), 3: (4,), 4: (1,)}, 0)
examine({"p": ("q", "q"), "q": ("r", "r"), "r": ()}, "p")
examine({(1, 2): ()}, (1, 2))
# 2**50 paths through 51 nodes: catches a walk along each of them.
examine({n: (n - 1, n - 1) if n else () for n in range(51)}, 50)
examine({n: (n - 1, n - 2) if n > 1 else () for n in range(90)}, 89)
# A chain of half as many nodes again as Python allows nested calls: catches recursion.
examine({n: (n - 1,) if n else () for n in range(1500)}, 1499)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 3 · Undo a broadcast

*Level: standard · 15 minutes · 2 points* · Page: *From numbers to arrays*

From here on nodes are arrays. NumPy stretches arrays to fit: a bias of shape $(M,)$ is added to all $N$ rows of an
$(N, M)$ array as if it had been copied $N$ times. A copy is a use, and where uses meet, slopes add. So the gradient
arrives in the shape of the stretched array, and has to be summed back to the shape of the original.

NumPy stretches in two ways: it puts new axes in front, and it repeats axes of length 1. Undo both.

<details><summary>Hint: new axes</summary>

How many axes does `grad` have more than `shape`? Sum those away first, from the front.
</details>

<details><summary>Hint: repeated axes</summary>

What is left has as many axes as `shape`. Sum each axis where `shape` has a 1, with `keepdims=True`.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "unbroadcast", "locked": false, "solution": true}
def unbroadcast(grad, shape):
    """The gradient for an array of the given shape, from the gradient for that array after it was broadcast.

    grad: the gradient of the loss with respect to the broadcast array. Not modified.
    shape: a tuple, the shape before broadcasting; NumPy's rules stretch it to grad.shape. () is a single number.

    Returns an array of exactly that shape (for (), a number will do as well): each entry is the sum of grad over
    all the copies that were made of it.

    Rule: NumPy's rules of broadcasting (Harris and others, Array programming with NumPy, 2020), and the sum over
    uses of Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.5.
    """
    ### BEGIN SOLUTION
    new_axes = np.ndim(grad) - len(shape)
    grad = np.sum(grad, axis=tuple(range(new_axes)))
    repeated = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return np.sum(grad, axis=repeated, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "unbroadcast_visible", "locked": true, "points": 0.5}
grad = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])  # (2, 3)
for shape, expected, reason in (
    ((2, 1), [[6.0], [60.0]], "each entry of a (2, 1) column was copied along its row: add each row, keep the axis"),
    ((3,), [11.0, 22.0, 33.0], "a bias of shape (3,) was copied to both rows: add the rows"),
    ((1, 3), [[11.0, 22.0, 33.0]], "a (1, 3) row was copied to both rows: add the rows, keep the axis"),
    ((2, 3), [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]], "no broadcast, nothing to add"),
    ((), 66.0, "a single number was copied to all six places"),
):
    found = unbroadcast(grad.copy(), shape)
    assert np.shape(found) == shape, f"shape {shape}: expected a result of that shape, found {np.shape(found)}"
    np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=f"right shape {shape}, wrong values: {reason}")
# Both kinds of stretching at once: a (2, 1) column that was stretched to (3, 2, 4), so each entry has twelve copies.
found = unbroadcast(np.arange(24.0).reshape(3, 2, 4), (2, 1))
assert np.shape(found) == (2, 1), f"from (3, 2, 4) to (2, 1): expected that shape, found {np.shape(found)}"
np.testing.assert_allclose(
    found, [[114.0], [162.0]], rtol=1e-9, err_msg="from (3, 2, 4) to (2, 1): sum the new axis in front, then the last"
)

# %% nbgrader={"grade": true, "grade_id": "unbroadcast_hidden", "locked": true, "points": 1.5}
# Hidden tests on random shapes run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(404)
for full, shape in (
    ((4, 3, 5), (3, 5)),
    ((4, 3, 5), (3, 1)),  # a new axis and a repeated one at once
    ((4, 3, 5), (1, 5)),
    ((4, 3, 5), (1,)),
    ((4, 3, 5), (1, 1, 1)),
    ((4, 3, 5), (4, 1, 5)),
    ((4, 3, 5), ()),
    ((3, 3), (3,)),  # square: catches the wrong axis
    ((3, 3), (3, 1)),
    ((3, 3), (1, 3)),
    ((3, 3, 3), (3, 3)),
    ((2, 1, 2), (1, 2)),
    ((2, 1, 2), (1,)),
    ((1, 1), (1,)),
    ((1, 4), (4,)),
    ((6,), (6,)),
    ((6,), (1,)),
    ((2, 2, 3, 2), (2, 1, 2)),
    ((), ()),
):
    grad = rng.standard_normal(full)
    grad = np.array(grad)
    before = grad.copy()
    found = unbroadcast(grad, shape)
    assert np.shape(found) == shape
    expected = np.zeros(shape)
    for index in np.ndindex(*full):
        home = index[len(full) - len(shape) :]
        expected[tuple(0 if n == 1 else i for i, n in zip(home, shape, strict=True))] += grad[index]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(grad, before)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 4 · Back through an affine layer

*Level: standard · 15 minutes · 2 points* · Page: *From numbers to arrays*

An affine layer takes $X$ of shape $(N, D)$ to $XW + b$ of shape $(N, M)$. Entry by entry,

$$\text{out}_{nm} = \sum_{d} X_{nd}\, W_{dm} + b_m .$$

The loss depends on all these outputs, and `dout` holds its slope with respect to each. Everything else follows from
the two rules of part 1. The weight $W_{dm}$ is used once for every example $n$, with local slope $X_{nd}$:

$$\frac{\partial \ell}{\partial W_{dm}} = \sum_{n} X_{nd}\, \text{dout}_{nm}.$$

Which product of matrices is that? Find the other two in the same way: who uses $X_{nd}$, and who uses $b_m$?

<details><summary>Hint</summary>

A gradient has the shape of what it belongs to. With $N$, $D$ and $M$ all different, only one product of `dout` and
$W$ has the shape of $X$. The bias was broadcast.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "affine_backward", "locked": false, "solution": true}
def affine_backward(dout, X, W):
    """Gradients of the loss through an affine layer, out = X @ W + b.

    dout: (N, M) the gradient of the loss with respect to out. Where the loss is a mean over examples, the 1/N is
        in dout already.
    X: (N, D) the layer's input.
    W: (D, M) its weights. The bias b, of shape (M,), is not needed.

    Returns (dX, dW, db) with the shapes (N, D), (D, M) and (M,). No argument is modified.

    Rule: Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.5.7.
    """
    ### BEGIN SOLUTION
    dX = dout @ W.T  # (N, D)
    dW = X.T @ dout  # (D, M)
    db = dout.sum(axis=0)  # (M,)
    return dX, dW, db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "affine_backward_visible", "locked": true, "points": 0.5}
# Four examples, three inputs, two outputs.
X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.0, 1.0, -1.0], [2.0, 0.0, 1.0]])
W = np.array([[1.0, 3.0], [-1.0, 1.0], [2.0, -2.0]])
dX, dW, db = affine_backward(np.array([[1.0, 2.0], [10.0, -1.0], [0.0, 3.0], [-2.0, 0.0]]), X, W)

for name, found, shape in (("dX", dX, (4, 3)), ("dW", dW, (3, 2)), ("db", db, (2,))):
    assert np.shape(found) == shape, f"{name}: expected the shape it belongs to, {shape}; found {np.shape(found)}"
np.testing.assert_allclose(
    dX,
    [[7, 1, -2], [7, -11, 22], [9, 3, -6], [-2, 2, -4]],
    rtol=1e-9,
    err_msg="dX: the first row is 1 * (1, -1, 2) + 2 * (3, 1, -2), W's columns times that example's upstream slopes",
)
np.testing.assert_allclose(
    dW,
    [[37, -2], [52, 2], [61, -3]],
    rtol=1e-9,
    err_msg="dW: the first column is 1 * (1, 2, 3) + 10 * (4, 5, 6) - 2 * (2, 0, 1). (7, 8, 9) leaves out the upstream "
    "gradient; a quarter of it is a mean, and the mean is in dout already",
)
np.testing.assert_allclose(
    db, [9, 4], rtol=1e-9, err_msg="db: the bias was used by all four examples, expected (1 + 10 - 2, 2 - 1 + 3)"
)

# %% nbgrader={"grade": true, "grade_id": "affine_backward_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(505)
for n, d, m in ((5, 3, 4), (2, 6, 3), (1, 4, 2), (3, 3, 3), (7, 1, 1), (4, 2, 4)):  # square: catches lost transposes
    X, W, dout = rng.standard_normal((n, d)), rng.standard_normal((d, m)), 3 * rng.standard_normal((n, m))
    before = dout.copy(), X.copy(), W.copy()
    dX, dW, db = affine_backward(dout, X, W)
    expected_X, expected_W, expected_b = np.zeros((n, d)), np.zeros((d, m)), np.zeros(m)
    for i in range(n):
        for k in range(m):
            expected_X[i] += dout[i, k] * W[:, k]
            expected_W[:, k] += dout[i, k] * X[i]
            expected_b[k] += dout[i, k]
    for found, expected in ((dX, expected_X), (dW, expected_W), (db, expected_b)):
        assert np.shape(found) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for argument, copy in zip((dout, X, W), before, strict=True):
        np.testing.assert_array_equal(argument, copy)
# The gradient is linear in dout: no blame from above, none below.
for found in affine_backward(np.zeros((2, 3)), rng.standard_normal((2, 4)), rng.standard_normal((4, 3))):
    np.testing.assert_array_equal(found, np.zeros(np.shape(found)))
### END HIDDEN TESTS

# %% [markdown]
r"""
## 5 · Back through a ReLU

*Level: warm-up · 5 minutes · 1 point* · Page: *From numbers to arrays*

$\max(x, 0)$ has slope 1 where $x > 0$ and slope 0 where $x < 0$. So an open gate lets the upstream gradient through
unchanged and a closed one stops it. Only the input knows whether the gate was open. At $x = 0$ there is a kink and
no slope; like most libraries we take 0.

<details><summary>Hint</summary>

`X > 0` is an array of True and False, and in a product these count as 1 and 0.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "relu_backward", "locked": false, "solution": true}
def relu_backward(dout, X):
    """The gradient of the loss through a ReLU, out = max(X, 0) entry by entry.

    dout: the gradient of the loss with respect to out, of the same shape as X. Not modified.
    X: the input of the ReLU, not its output; any shape. Not modified.

    Returns dX, of the shape of X. It is 0 where X is exactly 0.

    Rule: Glorot, Bordes and Bengio, Deep Sparse Rectifier Neural Networks (2011).
    """
    ### BEGIN SOLUTION
    return dout * (X > 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "relu_backward_visible", "locked": true, "points": 0.5}
X = np.array([[2.0, -1.0, 0.0], [-3.0, 0.5, 4.0]])
dout = np.array([[10.0, 20.0, 30.0], [40.0, -50.0, 0.0]])
dX = relu_backward(dout, X)
assert np.shape(dX) == (2, 3), f"expected the shape of X, (2, 3); found {np.shape(dX)}"
np.testing.assert_allclose(
    dX,
    [[10, 0, 0], [0, -50, 0]],
    rtol=1e-9,
    err_msg="the upstream gradient passes where X > 0 and nowhere else. 30 where X is 0: the slope there counts as 0. "
    "Ones: the upstream gradient is left out. No -50: the gate asks X, not dout. 20 instead of 10: multiplied by X",
)
np.testing.assert_array_equal(
    dout, [[10, 20, 30], [40, -50, 0]], err_msg="right values, but written into the caller's dout: work on a copy"
)

# %% nbgrader={"grade": true, "grade_id": "relu_backward_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(606)
for shape in ((5,), (4, 3), (2, 3, 4), (1, 1), ()):
    X, dout = np.array(rng.standard_normal(shape)), np.array(5 * rng.standard_normal(shape))
    before = X.copy(), dout.copy()
    dX = relu_backward(dout, X)
    assert np.shape(dX) == shape
    expected = [d if x > 0 else 0.0 for x, d in zip(before[0].ravel(), before[1].ravel(), strict=True)]
    np.testing.assert_allclose(np.ravel(dX), expected, rtol=1e-6)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(dout, before[1])  # catches a gradient that is cut in place
# Tiny inputs and both zeros: catches a tolerance around the kink, and a slope of 1 or of one half on it.
X = np.array([1e-300, -1e-300, 0.0, -0.0, 1e300, -1e300])
np.testing.assert_allclose(relu_backward(np.arange(3.0, 9.0), X), [3, 0, 0, 0, 7, 0], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 6 · From scores to a loss, and back

*Level: standard · 20 minutes · 2 points* · Page: *From numbers to arrays*

The last layer of a classifier gives each example $C$ scores, its *logits* $s$. Softmax makes them probabilities, and
the loss is how surprising the right answer was, averaged over the batch:

$$p_{nc} = \frac{e^{s_{nc}}}{\sum_k e^{s_{nk}}},
\qquad
\ell = -\frac1N \sum_{n} \log p_{n, y_n},
\qquad
\frac{\partial \ell}{\partial s_{nc}} = \frac{1}{N}\big(p_{nc} - [c = y_n]\big),$$

where $y_n$ is the right class of example $n$ (`labels[n]` in code). The bracket is 1 for the right class and 0 for
the others. So the slope is a guess minus the truth: the best-behaved gradient in deep learning, and the reason why
softmax and logarithm are kept in one function.

On paper that is all. In floats $e^{1000}$ is infinite, and $e^{-1000}$ is 0, whose logarithm is infinite too.
Subtract each row's largest logit first, which changes no probability, and never take the logarithm of a probability.
With the shifted $s$:

$$\log p_{nc} = s_{nc} - \log\sum_k e^{s_{nk}} .$$

<details><summary>Hint</summary>

Subtract from each row its *own* largest logit, not that of the batch. Then each row has a 0 in it, so its sum of
exponentials is at least 1 and the logarithm is safe. `array[np.arange(N), labels]` picks one entry from each row,
also when labels repeat.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "softmax_cross_entropy", "locked": false, "solution": true}
def softmax_cross_entropy(logits, labels):
    """The mean cross-entropy of softmax probabilities, and its gradient with respect to the logits.

    logits: (N, C) floats, one row of scores for each example. Entries of +-10,000 are allowed, in one row or in
        different rows of a batch. Not modified.
    labels: (N,) whole numbers from 0 to C - 1, the right class of each example. Not modified.

    Returns (loss, dlogits): loss is one number, the mean over the N examples, in units of the natural logarithm;
    dlogits is (N, C), the gradient of that mean. Both are finite for all such logits, and accurate to 1e-9,
    absolutely or relatively.

    Rule: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4; for the shift, Goodfellow, Bengio
    and Courville, Deep Learning (2016), section 4.1.
    """
    ### BEGIN SOLUTION
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)  # (N, C), largest entry of each row 0
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, C)
    loss = -log_probs[np.arange(N), labels].mean()
    dlogits = np.exp(log_probs)  # (N, C)
    dlogits[np.arange(N), labels] -= 1
    return loss, dlogits / N
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax_cross_entropy_visible", "locked": true, "points": 0.5}
# Logits that are logarithms of whole numbers: the probabilities are 1/4, 1/4, 1/2 and 1/8, 5/8, 1/4.
logits = np.log([[1.0, 1.0, 2.0], [1.0, 5.0, 2.0]])
loss, dlogits = softmax_cross_entropy(logits.copy(), np.array([2, 0]))

assert np.ndim(loss) == 0, f"the loss is one number; found an array of shape {np.shape(loss)}"
np.testing.assert_allclose(
    loss,
    1.3862943611,
    rtol=1e-6,
    err_msg="the right classes have probabilities 1/2 and 1/8: expected (log 2 + log 8) / 2. 2.77 is a sum; negative "
    "has lost the minus; anything else: does each row's softmax run over its own C classes?",
)
assert np.shape(dlogits) == (2, 3), f"expected one slope for each logit, shape (2, 3); found {np.shape(dlogits)}"
np.testing.assert_allclose(
    dlogits,
    [[0.125, 0.125, -0.25], [-0.4375, 0.3125, 0.125]],
    rtol=1e-6,
    err_msg="right shape, wrong values: expected (p - 1) / N at the right class, p / N elsewhere, N = 2. All twice as "
    "large: the 1/N is missing. All half as large: it is there twice",
)
# Far beyond what exp can hold. In the second row the right class has a probability of e**-2000.
loss, dlogits = softmax_cross_entropy(np.array([[1000.0, 0.0], [1000.0, -1000.0]]), np.array([0, 1]))
np.testing.assert_allclose(
    loss,
    1000.0,
    rtol=1e-6,
    err_msg="logits of 1000: expected (0 + 2000) / 2. nan: exp overflowed, subtract each row's maximum first. inf or "
    "about 14 to 350: a logarithm of a probability that is 0, or was made a little larger than 0",
)
np.testing.assert_allclose(dlogits, [[0.0, 0.0], [0.5, -0.5]], atol=1e-9, err_msg="gradient for logits of 1000")

# %% nbgrader={"grade": true, "grade_id": "softmax_cross_entropy_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(707)
for n, c, scale in ((6, 4, 1.0), (3, 7, 3.0), (1, 2, 1.0), (5, 5, 2.0), (40, 3, 5.0), (2, 1, 1.0)):
    logits, labels = scale * rng.standard_normal((n, c)), rng.integers(0, c, n)  # labels repeat
    before = logits.copy(), labels.copy()
    loss, dlogits = softmax_cross_entropy(logits, labels)
    expected_loss, expected = 0.0, np.zeros((n, c))
    for i in range(n):
        total = sum(math.exp(z) for z in before[0][i])
        expected_loss -= math.log(math.exp(before[0][i, labels[i]]) / total) / n
        for k in range(c):
            expected[i, k] = (math.exp(before[0][i, k]) / total - (k == before[1][i])) / n
    assert np.ndim(loss) == 0 and np.shape(dlogits) == (n, c)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dlogits, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(logits, before[0])  # catches a shift made in place
    np.testing.assert_array_equal(labels, before[1])

# A square batch with one label throughout: catches a one subtracted in whole columns, and a softmax over examples.
loss, dlogits = softmax_cross_entropy(np.zeros((4, 4)), np.array([2, 2, 2, 2]))
np.testing.assert_allclose(loss, math.log(4), rtol=1e-9, atol=1e-9)
np.testing.assert_allclose(dlogits, np.tile([0.0625, 0.0625, -0.1875, 0.0625], (4, 1)), rtol=1e-9, atol=1e-9)

# Rows at opposite ends: catches a maximum over the whole batch, and a logarithm of 0 or of 0 plus a little.
logits = np.array([[1e4, 1e4, 9999.0], [-1e4, -1e4, -9999.0], [1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]])
loss, dlogits = softmax_cross_entropy(logits, np.array([2, 2, 0, 0]))
high, low = np.log(2 + np.exp(-1.0)), np.log(2 + np.exp(1.0))
np.testing.assert_allclose(loss, (high + 1 + low - 1 + 0 + 2e4) / 4, rtol=1e-9, atol=1e-9)
first = np.array([1.0, 1.0, np.exp(-1.0)]) / (2 + np.exp(-1.0)) - [0, 0, 1]
second = np.array([1.0, 1.0, np.exp(1.0)]) / (2 + np.exp(1.0)) - [0, 0, 1]
np.testing.assert_allclose(dlogits, np.array([first, second, [0, 0, 0], [-1, 1, 0]]) / 4, rtol=1e-9, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 7 · The slow way, which shares none of your errors

*Level: warm-up · 10 minutes · 1 point* · Page: *Trust, but verify*

A gradient can also be measured. Nudge one entry up, nudge it down, and see what the loss does:

$$\frac{\partial f}{\partial x_i} \approx \frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2\varepsilon},$$

where $e_i$ has a 1 in place $i$ and zeros elsewhere.

Nudging to both sides is worth its price: the error falls with $\varepsilon^2$ instead of $\varepsilon$. For a million
weights this takes two million losses, so nobody trains with it. But it knows nothing of your formulas, and that
makes it a witness.

<details><summary>Hint</summary>

`np.ndindex(x.shape)` runs through the places of an array of any shape. Nudge a copy of floats, and store back the
number that was there: adding and subtracting a nudge does not quite restore it.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "numerical_gradient", "locked": false, "solution": true}
def numerical_gradient(f, x, eps=1e-5):
    """The gradient of f at x, measured by central differences, one entry at a time.

    f: a function of one array of the shape of x; f(x) is one number.
    x: an array of any shape, of floats or of whole numbers. It is the same afterwards, to the last digit. The nudged
        points are float64, whatever the type of x.
    eps: how far an entry is nudged, up and down.

    Returns a float64 array of the shape of x.

    Rule: Nocedal and Wright, Numerical Optimization (2006), section 8.1.
    """
    ### BEGIN SOLUTION
    point = np.array(x, dtype=float)
    grad = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        here = point[index]
        point[index] = here + eps
        above = f(point)
        point[index] = here - eps
        below = f(point)
        point[index] = here
        grad[index] = (above - below) / (2 * eps)
    return grad
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "numerical_gradient_visible", "locked": true, "points": 0.5}
# f = x1**2 * x2 at (3, 2): slopes 12 and 9.
x = np.array([3.0, 2.0])
found = numerical_gradient(lambda x: float(x[0] ** 2 * x[1]), x)
assert np.shape(found) == (2,), f"expected the shape of x, (2,); found {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [12.0, 9.0],
    rtol=1e-6,
    err_msg="expected (12, 9). 12.00002: nudged to one side only. 8.99994: the first entry was not put back. Twice as "
    "large: the two points lie 2*eps apart. 21 twice: nudge one entry at a time",
)
np.testing.assert_array_equal(x, [3.0, 2.0], err_msg="x must be the same afterwards, to the last digit")
# The slope of x**3 at 1 is 3. With eps = 0.5 a central difference says 3 + eps**2.
found = numerical_gradient(lambda x: float(np.sum(x**3)), np.array([[1.0], [0.0]]), eps=0.5)
assert np.shape(found) == (2, 1), f"x of shape (2, 1): expected that shape, found {np.shape(found)}"
np.testing.assert_allclose(
    found,
    [[3.25], [0.25]],
    rtol=1e-6,
    err_msg="x**3 at 1 and 0 with eps = 0.5: expected 3.25 and 0.25. 4.75 or 1.75 nudges to one side only; 3 has used "
    "another eps",
)

# %% nbgrader={"grade": true, "grade_id": "numerical_gradient_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(808)
for shape in ((4,), (3, 2), (2, 3, 2), (1, 1), ()):
    x, A = np.array(rng.standard_normal(shape)), np.array(rng.standard_normal(shape))
    before = x.copy()
    found = numerical_gradient(lambda x, A=A: float(np.sum(A * np.sin(x)) + np.sum(x) ** 2), x)
    assert np.shape(found) == shape
    np.testing.assert_allclose(found, A * np.cos(before) + 2 * before.sum(), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(x, before)  # catches entries that are left a rounding error away
# Whole numbers and float32: catches nudges that the type of x rounds away. The gradient at large numbers has digits.
found = numerical_gradient(lambda x: float(np.sum(x**2)), np.array([[1, -2], [3, 0]]))
np.testing.assert_allclose(found, [[2, -4], [6, 0]], atol=1e-6)
found = numerical_gradient(lambda x: float(np.sum(x**2)), np.array([100.0, -3.0], dtype=np.float32))
np.testing.assert_allclose(found, [200, -6], rtol=1e-6)
# On the kink of max(x, 0) a central difference says one half, on that of |x| zero: catches one-sided nudges.
found = numerical_gradient(lambda x: float(np.sum(np.maximum(x, 0))), np.array([0.0, 1.0, -1.0]))
np.testing.assert_allclose(found, [0.5, 1.0, 0.0], atol=1e-6)
# A loss with two digits needs a large eps: catches an eps that is not the caller's.
found = numerical_gradient(lambda x: float(np.round(np.sum(8 * x), 2)), np.array([0.5, 0.25]), eps=0.25)
np.testing.assert_allclose(found, [8.0, 8.0], atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## 8 · How far apart?

*Level: warm-up · 10 minutes · 1 point* · Page: *Trust, but verify*

Two gradients never agree to the last digit. Whether they differ by too much depends on how large they are, so
compare the largest difference with the largest size:

$$\text{relative error}(a, b) = \frac{\max_i |a_i - b_i|}{\max_i \big(|a_i| + |b_i|\big)}.$$

Both maxima run over all entries. If each entry were divided by its own size, one that should be 0 and was measured
as $10^{-12}$ would count as wholly wrong. It is 0 for equal gradients, and 1 when one of them is zero throughout or
the sign is exchanged. In float64 a right gradient gives $10^{-7}$ or less; anything above $10^{-3}$ is
wrong.

<details><summary>Hint</summary>

NumPy happily subtracts a $(3,)$ from a $(3, 1)$ array and gives nine differences. Compare the shapes first.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "relative_error", "locked": false, "solution": true}
def relative_error(a, b):
    """How far two gradients are apart, measured against their own size.

    a, b: two arrays of one shape, or two numbers. Not modified.

    Returns one number from 0 to 1: the largest |a - b| divided by the largest |a| + |b|, each over all entries.
    It is 0.0 where a and b are both zero throughout.
    Raises ValueError where the shapes differ, also where NumPy would broadcast them.

    Rule: a relative error in the largest-entry norm; Higham, Accuracy and Stability of Numerical Algorithms (2002),
    section 1.2, made symmetric in a and b.
    """
    ### BEGIN SOLUTION
    if np.shape(a) != np.shape(b):
        raise ValueError(f"expected two arrays of one shape, found {np.shape(a)} and {np.shape(b)}")
    size = np.max(np.abs(a) + np.abs(b))
    return np.max(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "relative_error_visible", "locked": true, "points": 0.5}
found = relative_error(np.array([[1.0, -4.0], [0.0, 2.0]]), np.array([[1.0, -6.0], [1e-12, 3.0]]))
assert np.ndim(found) == 0, f"expected one number, found an array of shape {np.shape(found)}"
np.testing.assert_allclose(
    found,
    0.2,
    rtol=1e-6,
    err_msg="the largest difference is 2, the largest size 4 + 6: expected 0.2. 1 divides each entry by its own size; "
    "0.1: the difference has lost its abs; 2 is an absolute error",
)
found = relative_error(np.array([1.0, -4.0, 2.0]), np.array([5.0, 3.0, -1.0]))
np.testing.assert_allclose(
    found,
    1.0,
    rtol=1e-6,
    err_msg="the largest difference is 7, the largest size 4 + 3: expected 1. 0.43: the difference has lost its abs; "
    "1.17: the size is |a| + |b|, not |a + b|; 0.78: the size is that of one entry, not of two",
)
found = relative_error(np.zeros(3), np.zeros(3))
assert found == 0.0, f"two gradients that are zero throughout agree: expected 0.0, found {found}"
try:
    found = relative_error(np.ones(3), np.ones((3, 1)))
except ValueError:
    pass
else:
    raise AssertionError(f"shapes (3,) and (3, 1) are no match: expected a ValueError, found {found}")

# %% nbgrader={"grade": true, "grade_id": "relative_error_hidden", "locked": true, "points": 0.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(909)
for shape in ((5,), (3, 4), (2, 2, 3), (1,), ()):
    for scale in (1.0, 1e-12, 1e12):  # catches a small number added to the denominator
        a, b = np.array(scale * rng.standard_normal(shape)), np.array(scale * rng.standard_normal(shape))
        before = a.copy(), b.copy()
        pairs = list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
        expected = max(abs(p - q) for p, q in pairs) / max(abs(p) + abs(q) for p, q in pairs)
        found = relative_error(a, b)
        assert np.ndim(found) == 0
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_allclose(relative_error(b, a), expected, rtol=1e-6)  # catches differences with a sign
        np.testing.assert_array_equal(a, before[0])
        np.testing.assert_array_equal(b, before[1])
# The largest entries of a and b stand in different places: catches max|a| + max|b|, and means and lengths.
np.testing.assert_allclose(relative_error(np.array([8.0, 0.0, 1.0]), np.array([0.0, 8.0, 1.0])), 1.0, rtol=1e-6)
np.testing.assert_allclose(relative_error(np.array([6.0, 1.0]), np.array([6.0, 5.0])), 4 / 12, rtol=1e-6)
np.testing.assert_allclose(relative_error(3.0, 3.0 + 3e-9), 5e-10, rtol=1e-5)
np.testing.assert_allclose(relative_error(np.array([1, 2]), np.array([-1, -2])), 1.0, rtol=1e-6)
np.testing.assert_allclose(relative_error(np.zeros((2, 2)), np.array([[0, 0], [1e-200, 0]])), 1.0, rtol=1e-6)
assert relative_error(0.0, 0.0) == 0.0
assert relative_error(np.full(4, 1e-200), np.full(4, 1e-200)) == 0.0
for a, b in ((np.ones((2, 3)), np.ones(3)), (np.ones(1), 1.0), (np.zeros((2, 1)), np.zeros((1, 2)))):
    try:
        relative_error(a, b)
    except ValueError:
        continue
    raise AssertionError("expected a ValueError")
### END HIDDEN TESTS

# %% [markdown]
r"""
How large should a nudge be? Too large, and the curve bends away; too small, and floats cannot tell the two losses
apart. Uses `numerical_gradient` and `relative_error`. **Predict first**: at which $\varepsilon$ is a central
difference at its best, when the loss has 16 digits, and when it has 7?
"""

# %% tags=["showcase"]
place = np.random.default_rng(3).uniform(0.5, 1.5, 6)
nudges = np.logspace(-12, -0.5, 12 if QUICK else 47)
fig, ax = plt.subplots(figsize=(7, 3.8))
for kind, label in ((np.float64, "loss in float64"), (np.float32, "loss in float32")):
    misses = [
        relative_error(
            numerical_gradient(lambda x, kind=kind: float(np.sum(np.sin(x.astype(kind)) ** 3)), place, nudge),
            3 * np.sin(place) ** 2 * np.cos(place),
        )
        for nudge in nudges
    ]
    ax.loglog(nudges, misses, "o-", markersize=3, label=label)
ax.loglog(nudges, nudges**2, ":", color="gray", label=r"$\varepsilon^2$")
ax.set(xlabel=r"nudge $\varepsilon$", ylabel="relative error", ylim=(1e-12, 3), title="Not too large, not too small")
ax.legend()
plt.show()

# %% [markdown]
r"""
<details><summary>At its best</summary>

At about $10^{-5}$ in float64, and at about $5 \cdot 10^{-3}$ in float32. There the error is about $10^{-5}$: a
float32 leaves five digits at best. Far below $10^{-8}$ a float32 does not move at all, so the measured slope is 0 and
the error 1.
</details>

Now the backward passes of parts 3 to 6 against nudges. Uses all of parts 3 to 8. Every number should be below
$10^{-7}$; a larger one names the line to look at. The loss in each check but the last is a sum with random factors:
with ones, a forgotten upstream gradient would not show.
"""

# %% tags=["showcase"]
rng = np.random.default_rng(4)
X, W, b = rng.standard_normal((5, 3)), rng.standard_normal((3, 4)), rng.standard_normal(4)
factors, classes = rng.standard_normal((5, 4)), np.array([0, 3, 3, 1, 3])
affine = dict(zip(("dX", "dW", "db"), affine_backward(factors, X, W), strict=True))
for name, mine, loss_of, at in (
    ("unbroadcast", unbroadcast(factors, (4,)), lambda b: np.sum(factors * (b + np.zeros((5, 4)))), b),
    ("affine dX", affine["dX"], lambda X: np.sum(factors * (X @ W + b)), X),
    ("affine dW", affine["dW"], lambda W: np.sum(factors * (X @ W + b)), W),
    ("affine db", affine["db"], lambda b: np.sum(factors * (X @ W + b)), b),
    ("relu", relu_backward(factors[:, :3], X), lambda X: np.sum(factors[:, :3] * np.maximum(X, 0)), X),
    ("softmax", softmax_cross_entropy(factors, classes)[1], lambda z: softmax_cross_entropy(z, classes)[0], factors),
):
    print(f"{name:<12} {relative_error(mine, numerical_gradient(loss_of, at)):.0e}")

# %% [markdown]
r"""
## 9 · Somebody else's backward pass

*Level: standard · 20 minutes · 2 points* · Page: *Trust, but verify*

The function below is meant to compute the gradients through a layer with tanh, $\text{out} = \tanh(XW + b)$. Its
shapes are right and it raises nothing. It has three faults.

Do not start by reading it. Start with the table under it, which compares its answers with nudges. Each of the three
is wrong. Mend one fault, run the table again, and watch which numbers move and which do not. You can change a copy of
it in a cell of your own.
"""


# %%
def broken_layer_backward(dout, X, W, b):
    """Meant to be the gradients of the loss with respect to X, W and b, for out = tanh(X @ W + b). It is not."""
    before_tanh = X @ W + b  # (N, M)
    upstream = dout * (1 - before_tanh**2)  # (N, M)
    for_X = upstream @ W.T  # (N, D)
    for_W = X.T @ upstream / len(X)  # (D, M)
    for_b = np.ones(len(X)) @ dout  # (M,)
    return for_X, for_W, for_b


# %% [markdown]
r"""
The table. Uses `numerical_gradient` and `relative_error`.
"""


# %% tags=["showcase"]
def check_layer(backward):
    """Print how far each of the three gradients is from nudges, and the ratio of its largest entry to theirs."""
    rng = np.random.default_rng(5)
    X, W, b = rng.standard_normal((6, 3)), rng.standard_normal((3, 4)), rng.standard_normal(4)
    dout = rng.standard_normal((6, 4))
    dX, dW, db = backward(dout, X, W, b)
    for name, mine, loss_of, at in (
        ("dX", dX, lambda X: np.sum(dout * np.tanh(X @ W + b)), X),
        ("dW", dW, lambda W: np.sum(dout * np.tanh(X @ W + b)), W),
        ("db", db, lambda b: np.sum(dout * np.tanh(X @ W + b)), b),
    ):
        nudged = numerical_gradient(loss_of, at)
        ratio = np.max(np.abs(mine)) / np.max(np.abs(nudged))
        print(
            f"  {name}   relative error {relative_error(mine, nudged):.0e}   ratio of the largest entries {ratio:.3f}"
        )


print("broken_layer_backward against nudges:")
check_layer(broken_layer_backward)

# %% [markdown]
r"""
<details><summary>Hint: what the table says</summary>

`dX` and `dW` have a line in common, so look there first; `db` ought to go through it too. The slope of $\tanh$ at $z$
is $1 - \tanh(z)^2$, and $z$ is the input of tanh. For small $z$ it makes little difference, which is why checks
should not use small numbers only.
</details>

<details><summary>Hint: the other two</summary>

With the slope mended, `dX` is right. One of the other two is too small by a constant factor: the table's last column
shows it. There are six examples. The last leaves out a step that the others have made.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "repaired_layer_backward", "locked": false, "solution": true}
def repaired_layer_backward(dout, X, W, b):
    """Gradients of the loss through a layer with tanh, out = tanh(X @ W + b).

    dout: (N, M) the gradient of the loss with respect to out. Where the loss is a mean over examples, the 1/N is
        in dout already.
    X: (N, D) the layer's input.
    W: (D, M) its weights.
    b: (M,) its bias.

    Returns (dX, dW, db) with the shapes (N, D), (D, M) and (M,). No argument is modified.

    Rule: Rumelhart, Hinton and Williams, Learning Representations by Back-Propagating Errors (1986), with tanh.
    """
    ### BEGIN SOLUTION
    out = np.tanh(X @ W + b)  # (N, M)
    dz = dout * (1 - out**2)  # (N, M), the slope of tanh from its output
    return dz @ W.T, X.T @ dz, dz.sum(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "repaired_layer_backward_visible", "locked": true, "points": 0.5}
# Three examples, four inputs, two outputs. Before tanh stand log 2, 0 or -log 2, where its slope is 0.64, 1 and 0.64.
X = np.array([[1.0, 0.0, -1.0, -1.0], [-1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 0.0, -1.0]])
W = np.log(2) * np.array([[1.0, 0.0], [-1.0, 2.0], [0.0, -1.0], [1.0, 1.0]])
b = np.log(2) * np.array([1.0, -1.0])
dX, dW, db = repaired_layer_backward(np.array([[25.0, 50.0], [10.0, -25.0], [-50.0, 10.0]]), X, W, b)

for name, found, shape in (("dX", dX, (3, 4)), ("dW", dW, (4, 2)), ("db", db, (2,))):
    assert np.shape(found) == shape, f"{name}: expected the shape it belongs to, {shape}; found {np.shape(found)}"
np.testing.assert_allclose(
    dX,
    np.log(2) * np.array([[16, 48, -32, 48], [10, -42, 16, -6], [-32, 52, -10, -22]]),
    rtol=1e-6,
    err_msg="dX: expected dout * slope, times W. 9.0 in the first place: the slope of tanh is 1 - tanh(z)**2, not "
    "1 - z**2. 17.3: the slope is missing",
)
np.testing.assert_allclose(
    dW,
    [[-58, 68], [-22, -6], [-6, -48], [26, -58]],
    rtol=1e-6,
    err_msg="dW: the first entry is 16 * 1 + 10 * -1 - 32 * 2. -19.3: divided by N, and the mean is in dout already",
)
np.testing.assert_allclose(
    db, [-6, 26], rtol=1e-6, err_msg="db: expected 16 + 10 - 32 first. (-15, 35) goes round tanh"
)

# %% nbgrader={"grade": true, "grade_id": "repaired_layer_backward_hidden", "locked": true, "points": 1.5}
# Hidden tests on random inputs run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1010)
for n, d, m in ((5, 3, 4), (2, 6, 3), (1, 3, 2), (3, 3, 3), (6, 1, 1), (4, 2, 4)):
    X, W, b = rng.standard_normal((n, d)), rng.standard_normal((d, m)), rng.standard_normal(m)
    dout = 2 * rng.standard_normal((n, m))
    before = dout.copy(), X.copy(), W.copy(), b.copy()
    gradients = repaired_layer_backward(dout, X, W, b)
    # Complex steps: f(x + ih) holds the slope in its imaginary part, exact to the last digits.
    for which, found in zip((1, 2, 3), gradients, strict=True):
        expected = np.zeros(before[which].shape)
        for index in np.ndindex(expected.shape):
            inputs = [array.astype(complex) for array in before[1:]]
            inputs[which - 1][index] += 1e-30j
            expected[index] = np.sum(dout * np.tanh(inputs[0] @ inputs[1] + inputs[2])).imag / 1e-30
        assert np.shape(found) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for argument, copy in zip((dout, X, W, b), before, strict=True):
        np.testing.assert_array_equal(argument, copy)
# Saturated units learn nothing, and everything stays finite: catches slopes of -10,000.
X, W = np.array([[100.0, 0.0], [0.0, -100.0]]), np.eye(2)
for found, expected in zip(
    repaired_layer_backward(np.array([[3.0, 5.0], [7.0, 11.0]]), X, W, np.zeros(2)),
    ([[0, 5], [7, 0]], [[0, 500], [-700, 0]], [7, 5]),
    strict=True,
):
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
r"""
The same table for your own. Uses `repaired_layer_backward`, `numerical_gradient` and `relative_error`.
"""

# %% tags=["showcase"]
print("repaired_layer_backward against nudges:")
check_layer(repaired_layer_backward)

# %% [markdown]
r"""
## 10 · The whole network

*Level: challenge · 30 minutes · 3 points* · Page: *From numbers to arrays*

Put it together: an affine layer, a ReLU, an affine layer, softmax with cross-entropy.

$$Z = XW_1 + b_1, \qquad A = \max(Z, 0), \qquad \text{logits} = AW_2 + b_2 .$$

Forward it takes these three lines and the loss. Backward there are seven slopes to find, most of them in one line: of
the logits, $W_2$, $b_2$, $A$, $Z$, $W_1$ and $b_1$. The way back undoes the forward lines in the opposite order, and
needs what they saw: keep $Z$ and $A$. The floats of part 6 are as dangerous here.

Write it in full here, without the functions of parts 4 to 6, so that no slip there costs you points here. You may
copy lines from them.

<details><summary>Hint</summary>

Going backward from the logits: the input of the second affine layer was $A$, that of the ReLU was $Z$, and that of
the first affine layer $X$. No one asks for the gradient of $X$. The $1/N$ comes in once, with the loss.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "mlp_loss_and_grad", "locked": false, "solution": true}
def mlp_loss_and_grad(params, X, labels):
    """Loss and gradients of a network with one hidden layer of ReLUs, trained as a classifier.

    params: a dict of arrays, W1 (D, H), b1 (H,), W2 (H, C) and b2 (C,). Neither the dict nor an array is modified.
    X: (N, D) inputs, one example in each row. Not modified.
    labels: (N,) whole numbers from 0 to C - 1, the right class of each example.

    Returns (loss, grads): loss is the mean cross-entropy of softmax(max(X @ W1 + b1, 0) @ W2 + b2), one number;
    grads is a dict with the same four keys, each gradient in the shape of its parameter. The slope of the ReLU at 0
    is 0. Loss and gradients are finite and accurate to 1e-6 of their size, also for logits of +-10,000.

    Rule: Rumelhart, Hinton and Williams (1986); Goodfellow, Bengio and Courville, Deep Learning (2016), section
    6.5.7.
    """
    ### BEGIN SOLUTION
    N = len(X)
    Z = X @ params["W1"] + params["b1"]  # (N, H)
    A = np.maximum(Z, 0)  # (N, H)
    logits = A @ params["W2"] + params["b2"]  # (N, C)

    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()

    dlogits = np.exp(log_probs)  # (N, C)
    dlogits[np.arange(N), labels] -= 1
    dlogits /= N
    dA = dlogits @ params["W2"].T  # (N, H)
    dZ = dA * (Z > 0)  # (N, H)
    grads = {"W1": X.T @ dZ, "b1": dZ.sum(axis=0), "W2": A.T @ dlogits, "b2": dlogits.sum(axis=0)}
    return loss, grads
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mlp_loss_and_grad_visible", "locked": true, "points": 0.75}
# One example x = 2 and two hidden units: Z = (2, -4), A = (2, 0). The logits are (log 3, 0), so p = (3/4, 1/4).
params = {
    "W1": np.array([[1.0, -2.0]]),
    "b1": np.array([0.0, 0.0]),
    "W2": np.array([[np.log(3) / 2, 0.0], [5.0, 7.0]]),
    "b2": np.array([0.0, 0.0]),
}
loss, grads = mlp_loss_and_grad(params, np.array([[2.0]]), np.array([0]))
assert np.ndim(loss) == 0, f"the loss is one number; found an array of shape {np.shape(loss)}"
np.testing.assert_allclose(loss, np.log(4 / 3), rtol=1e-6, err_msg="loss: the right class has p = 3/4")
assert sorted(grads) == ["W1", "W2", "b1", "b2"], f"expected a gradient for W1, b1, W2 and b2; found {sorted(grads)}"
for name, expected, reason in (
    ("b2", [-0.25, 0.25], "p minus the truth"),
    ("W2", [[-0.5, 0.5], [0.0, 0.0]], "A = (2, 0) times the slopes of the logits; the second unit was silent"),
    ("b1", [-np.log(3) / 8, 0.0], "the slope of A, where the ReLU was open. 0.5 in the second place: it was closed"),
    ("W1", [[-np.log(3) / 4, 0.0]], "x = 2 times the slope of Z"),
):
    assert np.shape(grads[name]) == params[name].shape, (
        f"{name}: expected the parameter's shape {params[name].shape}, found {np.shape(grads[name])}"
    )
    np.testing.assert_allclose(
        grads[name], expected, rtol=1e-6, atol=1e-12, err_msg=f"gradient of {name}, right shape, wrong values: {reason}"
    )
# The same example three times is the same mean: catches a lost or doubled 1/N.
again, more = mlp_loss_and_grad(params, np.array([[2.0], [2.0], [2.0]]), np.array([0, 0, 0]))
np.testing.assert_allclose(again, loss, rtol=1e-6, err_msg="the same example three times: expected the same mean loss")
for name in params:
    np.testing.assert_allclose(
        more[name],
        grads[name],
        rtol=1e-6,
        atol=1e-12,
        err_msg=f"the same example three times: expected the same gradient of {name}. 3 times as large: no 1/N; "
        "a third: 1/N twice",
    )

# %% nbgrader={"grade": true, "grade_id": "mlp_loss_and_grad_hidden", "locked": true, "points": 2.25}
# Hidden tests on random networks run here after you hand in.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(1111)


def network(d, h, c):
    return {
        "W1": rng.standard_normal((d, h)),
        "b1": rng.standard_normal(h),
        "W2": rng.standard_normal((h, c)),
        "b2": rng.standard_normal(c),
    }


def reference(params, X, labels):
    """One example after another, one number after another: the loss and its gradients by the two rules of part 1."""
    loss, grads = 0.0, {name: np.zeros(array.shape) for name, array in params.items()}
    for x, label in zip(X, labels, strict=True):
        z = [bias + sum(x[i] * params["W1"][i, j] for i in range(len(x))) for j, bias in enumerate(params["b1"])]
        a = [max(value, 0.0) for value in z]
        score = [bias + sum(a[j] * params["W2"][j, k] for j in range(len(a))) for k, bias in enumerate(params["b2"])]
        top = max(score)
        total = sum(math.exp(s - top) for s in score)
        loss += (top + math.log(total) - score[label]) / len(X)
        slope = [(math.exp(s - top) / total - (k == label)) / len(X) for k, s in enumerate(score)]
        for k, s in enumerate(slope):
            grads["b2"][k] += s
            for j, value in enumerate(a):
                grads["W2"][j, k] += s * value
        for j, value in enumerate(z):
            if value > 0:
                down = sum(s * params["W2"][j, k] for k, s in enumerate(slope))
                grads["b1"][j] += down
                for i, entry in enumerate(x):
                    grads["W1"][i, j] += down * entry
    return loss, grads


for n, d, h, c in ((6, 3, 5, 4), (4, 4, 4, 4), (1, 2, 3, 2), (9, 5, 2, 3), (3, 1, 6, 5)):
    params, X, labels = network(d, h, c), rng.standard_normal((n, d)), rng.integers(0, c, n)
    before = {name: array.copy() for name, array in params.items()}
    given = X.copy(), labels.copy()
    loss, grads = mlp_loss_and_grad(params, X, labels)
    expected_loss, expected = reference(before, *given)
    assert np.ndim(loss) == 0
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
    assert sorted(grads) == sorted(before) == sorted(params)
    for name in before:
        assert np.shape(grads[name]) == before[name].shape
        np.testing.assert_allclose(grads[name], expected[name], rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(params[name], before[name])  # catches a step that nobody asked for
    np.testing.assert_array_equal(X, given[0])
    np.testing.assert_array_equal(labels, given[1])

# A network of zeros: every ReLU stands on its kink, every class is as likely. Catches a slope of 1 at 0.
params = {"W1": np.zeros((2, 3)), "b1": np.zeros(3), "W2": np.ones((3, 4)), "b2": np.zeros(4)}
params["W2"][:, 1] = 2.0
loss, grads = mlp_loss_and_grad(params, np.ones((2, 2)), np.array([1, 1]))
np.testing.assert_allclose(loss, math.log(4), rtol=1e-6)
np.testing.assert_allclose(grads["b2"], [0.25, -0.75, 0.25, 0.25], rtol=1e-6)
for name in ("W1", "b1", "W2"):
    np.testing.assert_allclose(grads[name], np.zeros(params[name].shape), atol=1e-12)

# Logits of +-10,000, at opposite ends of one batch: catches overflow, logarithms of 0, one maximum for the batch.
params = {
    "W1": np.array([[1.0, -1.0]]),
    "b1": np.zeros(2),
    "W2": np.array([[1.0, 1.0], [-1.0, -1.0]]),
    "b2": np.array([0.0, 1.0]),
}
loss, grads = mlp_loss_and_grad(params, np.array([[1e4], [-1e4]]), np.array([0, 0]))
surprise, guess = np.log(1 + np.e), np.array([1.0, np.e]) / (1 + np.e) - [1, 0]
np.testing.assert_allclose(loss, surprise, rtol=1e-6)
np.testing.assert_allclose(grads["b2"], guess, rtol=1e-6)
np.testing.assert_allclose(grads["W2"], np.array([5e3 * guess, 5e3 * guess]), rtol=1e-6)
params["W2"] = np.array([[1.0, -1.0], [1.0, -1.0]])
loss, grads = mlp_loss_and_grad(params, np.array([[1e4], [1e4]]), np.array([0, 1]))
np.testing.assert_allclose(loss, (2e4 - 1) / 2, rtol=1e-6)
np.testing.assert_allclose(grads["b2"], [0.5, -0.5], rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
r"""
## It reads

1,797 handwritten digits of 8 by 8 pixels, from `digits.npz`: 1,297 to learn from and 500 held out. Uses
`mlp_loss_and_grad` with 48 hidden units. The training is two lines in a loop: ask for the gradients, and move every
parameter a little against its own. Expect at least 95 % of the held-out digits to be read rightly.
"""

# %% tags=["showcase"]
digits = np.load("digits.npz")
order = np.random.default_rng(0).permutation(len(digits["labels"]))
pixels, labels = digits["images"][order] / 16, digits["labels"][order].astype(int)
HIDDEN = 48

rng = np.random.default_rng(1)
params = {
    "W1": rng.normal(0, np.sqrt(2 / 64), (64, HIDDEN)),
    "b1": np.zeros(HIDDEN),
    "W2": rng.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, 10)),
    "b2": np.zeros(10),
}


def read_digits(params, x):
    return (np.maximum(x @ params["W1"] + params["b1"], 0) @ params["W2"] + params["b2"]).argmax(axis=1)


losses, held_out = [], []
for _ in range(30 if QUICK else 300):
    loss, grads = mlp_loss_and_grad(params, pixels[:1297], labels[:1297])
    params = {name: params[name] - 0.5 * grads[name] for name in params}
    losses.append(loss)
    held_out.append(np.mean(read_digits(params, pixels[1297:]) == labels[1297:]))
digit_accuracy = held_out[-1]
print(f"{digit_accuracy:.1%} of the held-out digits are read rightly")

fig, axes = plt.subplots(1, 2, figsize=(10, 3))
axes[0].loglog(range(1, len(losses) + 1), losses)
axes[0].set(xlabel="step", ylabel="loss on what it learns from")
axes[1].semilogx(range(1, len(held_out) + 1), held_out)
axes[1].axhline(0.95, linestyle=":", color="gray")
axes[1].set(xlabel="step", ylabel="held-out digits read rightly")
plt.show()

# %% [markdown]
r"""
## Which pixel is to blame?

A gradient does not have to stop at the weights. Sent one layer further, to the input, it says for each pixel how the
loss would change if there were more ink. Uses `softmax_cross_entropy`, `affine_backward` and `relu_backward` on the
trained network. Above are the held-out digits with the largest loss, below their gradients: more ink on red makes
the loss larger, more ink on blue makes it smaller. **Predict first**: suppose a 9 is read as an 8. Where does it have
too much ink?
"""

# %% tags=["showcase"]
x, truth = pixels[1297:], labels[1297:]
Z = x @ params["W1"] + params["b1"]
A = np.maximum(Z, 0)
_, dlogits = softmax_cross_entropy(A @ params["W2"] + params["b2"], truth)
dA, _, _ = affine_backward(dlogits, A, params["W2"])
dx, _, _ = affine_backward(relu_backward(dA, Z), x, params["W1"])

each = [mlp_loss_and_grad(params, x[i : i + 1], truth[i : i + 1])[0] for i in range(len(x))]
hardest = np.argsort(each)[::-1][:8]
fig, axes = plt.subplots(2, 8, figsize=(10, 3))
for (above, below), i in zip(axes.T, hardest, strict=True):
    strongest = np.abs(dx[i]).max()
    above.imshow(x[i].reshape(8, 8), cmap="gray_r")
    above.set_title(f"read {read_digits(params, x[i : i + 1])[0]}, is {truth[i]}", fontsize=10)
    below.imshow(dx[i].reshape(8, 8), cmap="RdBu_r", vmin=-strongest, vmax=strongest)
for ax in axes.flat:
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
Look at the seventh, a 9 read as an 8. Its reddest pixels lie at the lower left, in the third row from below: ink there
closes a second loop.

You have written by hand what a deep-learning library does for you, and you know how to find out when it is wrong.
For each of 3,610 weights the engine said how much it is to blame, for the price of a few forward passes.

One thing was taken on trust: the 0.5 in the training loop. With 0.05 the network would have needed ten times as
many steps. With 5 it learns nothing at all. A slope says which way, not how far. The next chapter asks how far
downhill, and how far is too far.
"""
