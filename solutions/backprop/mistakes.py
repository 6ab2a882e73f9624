"""Known answers to the exercise on backpropagation: wrong ones with what to say about them, and correct variations."""

import math

import numpy as np

from autograder.bank import Bank, Mistake, Variation

bank = Bank("backprop")


# 1 · Value

# A right engine in a student's hand. Each mistake below is an edit of it, so that one sees at a glance what is wrong.
ENGINE = """\
class Value:
    def __init__(self, data):
        self.data = float(data)
        self.grad = 0.0
        self.inputs = []
        self.slopes = []

    @staticmethod
    def _node(data, inputs, slopes):
        out = Value(data)
        out.inputs, out.slopes = inputs, slopes
        return out

    @staticmethod
    def _value(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = self._value(other)
        return self._node(self.data + other.data, [self, other], [1.0, 1.0])

    def __mul__(self, other):
        other = self._value(other)
        return self._node(self.data * other.data, [self, other], [other.data, self.data])

    def __pow__(self, n):
        slope = n * self.data ** (n - 1) if n else 0.0
        return self._node(self.data**n, [self], [slope])

    def __neg__(self):
        return self._node(-self.data, [self], [-1.0])

    def __sub__(self, other):
        other = self._value(other)
        return self._node(self.data - other.data, [self, other], [1.0, -1.0])

    def __truediv__(self, other):
        other = self._value(other)
        return self._node(self.data / other.data, [self, other], [1 / other.data, -self.data / other.data**2])

    def __radd__(self, number):
        return Value(number) + self

    def __rmul__(self, number):
        return Value(number) * self

    def __rsub__(self, number):
        return Value(number) - self

    def __rtruediv__(self, number):
        return Value(number) / self

    def exp(self):
        y = math.exp(self.data)
        return self._node(y, [self], [y])

    def log(self):
        return self._node(math.log(self.data), [self], [1 / self.data])

    def tanh(self):
        y = math.tanh(self.data)
        return self._node(y, [self], [1 - y**2])

    def relu(self):
        return self._node(max(0.0, self.data), [self], [1.0 if self.data > 0 else 0.0])

    def backward(self):
        order, seen, path = [], {self}, [(self, iter(self.inputs))]
        while path:
            node, unseen = path[-1]
            for source in unseen:
                if source not in seen:
                    seen.add(source)
                    path.append((source, iter(source.inputs)))
                    break
            else:
                order.append(node)
                path.pop()
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for source, slope in zip(node.inputs, node.slopes):
                source.grad += slope * node.grad
"""

_LISTING = ENGINE[ENGINE.index("        order, seen, path") : ENGINE.index("        for node in order:")]


def edited(source, *edits):
    """The source with each (old, new) exchanged; `old` must stand in it exactly once."""
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"expected this once in the source, found it {source.count(old)} times: {old!r}")
        source = source.replace(old, new)
    return source


def engine_mistake(name, *edits, says, fails, reference=None):
    fails = tuple(f"Value_{cell}" for cell in fails.split())
    bank.mistakes.append(Mistake(name, "Value", says, fails, edited(ENGINE, *edits), reference))


engine_mistake(
    "value-overwrites",
    ("source.grad += slope * node.grad", "source.grad = slope * node.grad"),
    says="Your backward pass sets .grad where it should add to it. A node that is used twice is to blame twice, so its "
    "slopes from all users add up.",
    fails="visible shared_hidden deep_hidden",
    reference="The first bug of Karpathy's spelled-out introduction to backpropagation (2022), made there on purpose.",
)
engine_mistake(
    "value-ignores-upstream",
    ("source.grad += slope * node.grad", "source.grad += slope"),
    says="Your nodes hand on their local slope alone. It has to be multiplied by the slope that arrives from above, "
    "node.grad; leaving that out goes unnoticed whenever it is 1.",
    fails="visible hidden shared_hidden deep_hidden",
)
engine_mistake(
    "value-adds-upstream",
    ("source.grad += slope * node.grad", "source.grad += slope + node.grad"),
    says="You add the local slope to the slope from above. Along an edge slopes are multiplied; they are added only "
    "where several edges meet.",
    fails="visible hidden shared_hidden deep_hidden",
)
engine_mistake(
    "value-result-without-slope",
    ("        self.grad = 1.0\n", ""),
    says="Your backward pass does not start with a slope of 1 at the result itself, so nothing flows back.",
    fails="visible hidden shared_hidden deep_hidden",
)
engine_mistake(
    "value-second-backward-adds",
    ("            node.grad = 0.0\n", "            pass\n"),
    says="A second backward() adds to the slopes of the first. Set .grad of all the nodes involved to zero at the "
    "start of each call.",
    fails="visible shared_hidden",
    reference="What PyTorch does on purpose, and why its training loops call zero_grad.",
)
engine_mistake(
    "value-zeroes-inputs-only",
    ("            node.grad = 0.0\n", "            node.grad = 0.0 if not node.inputs else node.grad\n"),
    says="At the start of backward() you set only the inputs' .grad to zero. Intermediate nodes keep what an earlier "
    "call left there and send it on.",
    fails="visible shared_hidden",
)
engine_mistake(
    "value-preorder",
    (
        _LISTING,
        "        order, seen, stack = [], set(), [self]\n"
        "        while stack:\n"
        "            node = stack.pop()\n"
        "            if node not in seen:\n"
        "                seen.add(node)\n"
        "                order.insert(0, node)\n"
        "                stack += node.inputs[::-1]\n",
    ),
    says="You list a node when you first meet it, so one with a near and a far user passes its slope on before the far "
    "user has reported. List a node after all its inputs.",
    fails="visible shared_hidden",
)
engine_mistake(
    "value-breadth-first",
    (
        _LISTING,
        "        order, seen = [self], {self}\n"
        "        for node in order:\n"
        "            for source in node.inputs:\n"
        "                if source not in seen:\n"
        "                    seen.add(source)\n"
        "                    order.append(source)\n"
        "        order.reverse()\n",
    ),
    says="You visit nodes by their shortest distance from the result. A node with a near and a far user then passes "
    "its slope on too early; it has to wait for the longest way.",
    fails="visible shared_hidden",
)
engine_mistake(
    "value-recursive",
    (
        _LISTING,
        "        order, seen = [], set()\n"
        "        def visit(node):\n"
        "            if node not in seen:\n"
        "                seen.add(node)\n"
        "                for source in node.inputs:\n"
        "                    visit(source)\n"
        "                order.append(node)\n"
        "        visit(self)\n",
    ),
    says="Your slopes are right, but the walk calls itself once for each node of a chain, and Python stops it after a "
    "few thousand. Keep a stack of your own in a list.",
    fails="deep_hidden",
    reference="micrograd (Karpathy, 2020) lists its nodes in this way, which is fine for short chains.",
)
engine_mistake(
    "value-inputs-only-once",
    ("zip(node.inputs, node.slopes)", "dict(zip(node.inputs, node.slopes)).items()"),
    says="An operation whose two inputs are the same node, like x * x, counts it once. Both places send a slope back.",
    fails="shared_hidden deep_hidden",
)
engine_mistake(
    "value-keeps-only-leaves",
    (
        "                source.grad += slope * node.grad\n",
        "                source.grad += slope * node.grad\n"
        "        for node in order:\n"
        "            node.grad = 0.0 if node.inputs and node is not self else node.grad\n",
    ),
    says="Intermediate nodes lose their .grad at the end of backward(); every node that the result depends on has to "
    "keep it.",
    fails="visible hidden shared_hidden",
    reference="What PyTorch does unless retain_grad is called.",
)
engine_mistake(
    "value-power-slope-zero",
    ("self.data**n, [self], [slope]", "self.data**n, [], []"),
    says="Your power does not pass any slope back: its result does not know its input, so everything below it gets 0.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-power-keeps-exponent",
    ("n * self.data ** (n - 1) if n else 0.0", "n * self.data**n"),
    says="Your slope of x**n is n * x**n; the exponent goes down by one, n * x**(n - 1).",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-power-loses-factor",
    ("n * self.data ** (n - 1) if n else 0.0", "self.data ** (n - 1) if n else 0.0"),
    says="Your slope of x**n is x**(n - 1); the exponent comes down as a factor, n * x**(n - 1).",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-power-by-logarithm",
    ("self.data**n, [self], [slope]", "math.exp(n * math.log(self.data)), [self], [slope]"),
    says="You compute x**n as exp(n * log(x)), which fails where x is 0 or negative.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-power-slope-by-division",
    ("n * self.data ** (n - 1) if n else 0.0", "n * self.data**n / self.data"),
    says="Your slope of x**n is n * x**n / x, which divides by zero at x = 0. Lower the exponent, n * x**(n - 1).",
    fails="visible hidden",
)
engine_mistake(
    "value-power-slope-of-zeroth",
    ("n * self.data ** (n - 1) if n else 0.0", "n * self.data ** (n - 1)"),
    says="Your slope of x**0 is 0 * x**-1, which divides by zero at x = 0. x**0 is 1 everywhere, so its slope is 0: "
    "answer n = 0 on its own.",
    fails="visible hidden",
)
engine_mistake(
    "value-product-slopes-exchanged",
    ("[other.data, self.data]", "[self.data, other.data]"),
    says="In a product you give each factor its own number as local slope. The slope of a * b with respect to a is b.",
    fails="visible hidden shared_hidden deep_hidden",
)
engine_mistake(
    "value-subtraction-sign",
    ("[1.0, -1.0]", "[1.0, 1.0]"),
    says="In a - b you give b a slope of +1; when b grows, a - b falls, so its slope is -1.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-division-sign",
    ("-self.data / other.data**2", "self.data / other.data**2"),
    says="In a / b your slope for b has lost its minus: it is -a / b**2.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-division-square",
    ("-self.data / other.data**2", "-self.data / other.data"),
    says="In a / b your slope for b is -a / b; the derivative of 1/b is -1/b**2, so it is -a / b**2.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-negation-slope",
    ("self._node(-self.data, [self], [-1.0])", "self._node(-self.data, [self], [1.0])"),
    says="Your -a passes the slope back with its sign unchanged; the local slope of -a is -1.",
    fails="visible hidden",
)
engine_mistake(
    "value-no-reflected-operators",
    ("        return Value(number) + self\n", "        raise NotImplementedError\n"),
    ("        return Value(number) * self\n", "        raise NotImplementedError\n"),
    ("        return Value(number) - self\n", "        raise NotImplementedError\n"),
    ("        return Value(number) / self\n", "        raise NotImplementedError\n"),
    says="Plain numbers on the left, as in 1 + x or 6 / x, are missing: Python turns to __radd__, __rmul__, __rsub__ "
    "and __rtruediv__ for them.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-reflected-subtraction",
    ("        return Value(number) - self\n", "        return self - number\n"),
    says="Your 5 - x computes x - 5: in __rsub__ the plain number comes first.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-reflected-division",
    ("        return Value(number) / self\n", "        return self / number\n"),
    says="Your 6 / x computes x / 6: in __rtruediv__ the plain number comes first.",
    fails="visible hidden",
)
engine_mistake(
    "value-exp-slope",
    ("self._node(y, [self], [y])", "self._node(y, [self], [self.data * math.exp(self.data - 1)])"),
    says="You differentiate e**x like a power of x. Here x is the exponent, and e**x is its own derivative.",
    fails="visible hidden",
)
engine_mistake(
    "value-log-slope-at-output",
    (
        "        return self._node(math.log(self.data), [self], [1 / self.data])",
        "        y = math.log(self.data)\n        return self._node(y, [self], [1 / y if y else 0.0])",
    ),
    says="Your slope of log(x) is 1 / log(x); it is 1 / x, taken at the input.",
    fails="visible hidden",
)
engine_mistake(
    "value-tanh-slope-at-input",
    ("[1 - y**2]", "[1 - self.data**2]"),
    says="Your slope of tanh is 1 - x**2 with its input x. It is 1 - y**2 with its output y = tanh(x); near 0 the two "
    "look alike.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-tanh-slope-twice",
    ("[1 - y**2]", "[1 - math.tanh(y) ** 2]"),
    says="You apply tanh twice in its slope: y is tanh(x) already, and the slope is 1 - y**2.",
    fails="visible hidden shared_hidden",
)
engine_mistake(
    "value-relu-slope-at-zero",
    ("1.0 if self.data > 0 else 0.0", "1.0 if self.data >= 0 else 0.0"),
    says="Your relu has slope 1 at exactly 0; the docstring promises 0 there.",
    fails="hidden",
)
engine_mistake(
    "value-relu-always-open",
    ("1.0 if self.data > 0 else 0.0", "1.0"),
    says="Your relu passes the slope back even where its input is negative and its output is cut to 0.",
    fails="visible hidden shared_hidden",
)

bank.variations.append(Variation("value-slopes-in-lists", "Value", ENGINE))
bank.variations.append(
    Variation(
        "value-counts-users",
        "Value",
        edited(
            ENGINE,
            (
                ENGINE[ENGINE.index("        order, seen, path") :],
                """\
        users, waiting = {self: 0}, [self]
        while waiting:
            for source in waiting.pop().inputs:
                if source not in users:
                    users[source] = 0
                    waiting.append(source)
                users[source] += 1
        for node in users:
            node.grad = 0.0
        self.grad, ready = 1.0, [self]
        while ready:
            node = ready.pop()
            for source, slope in zip(node.inputs, node.slopes):
                source.grad += slope * node.grad
                users[source] -= 1
                if users[source] == 0:
                    ready.append(source)
""",
            ),
        ),
    )
)
bank.variations.append(
    Variation(
        "value-closures",
        "Value",
        """\
class Value:
    serial = 0

    def __init__(self, data, sources=(), push=None):
        self.data, self.grad, self.sources, self.push = float(data), 0.0, sources, push
        Value.serial += 1
        self.number = Value.serial  # nodes are made after their inputs, so the numbers are an order

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)

        def push(grad):
            self.grad += grad
            other.grad += grad

        return Value(self.data + other.data, (self, other), push)

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)

        def push(grad):
            self.grad += other.data * grad
            other.grad += self.data * grad

        return Value(self.data * other.data, (self, other), push)

    def _apply(self, data, slope):
        def push(grad):
            self.grad += slope * grad

        return Value(data, (self,), push)

    def __pow__(self, n):
        return self._apply(self.data**n, n * self.data ** (n - 1) if n else 0.0)

    def __neg__(self):
        return self._apply(-self.data, -1.0)

    def __sub__(self, other):
        return self + -1.0 * other

    def __truediv__(self, other):
        return self * other**-1 if isinstance(other, Value) else self * (1 / other)

    def __rsub__(self, number):
        return -self + number

    def __rtruediv__(self, number):
        return self**-1 * number

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        return self._apply(math.exp(self.data), math.exp(self.data))

    def log(self):
        return self._apply(math.log(self.data), self.data**-1)

    def tanh(self):
        return self._apply(math.tanh(self.data), math.cosh(self.data) ** -2)

    def relu(self):
        return self._apply(self.data, 1.0) if self.data > 0 else self._apply(0.0, 0.0)

    def backward(self):
        nodes, waiting = {self}, [self]
        while waiting:
            for source in waiting.pop().sources:
                if source not in nodes:
                    nodes.add(source)
                    waiting.append(source)
        for node in nodes:
            node.grad = 0.0
        self.grad = 1.0
        for node in sorted(nodes, key=lambda node: -node.number):
            if node.push:
                node.push(node.grad)
""",
    )
)


# 2 · topological_order


@bank.mistake(
    "topological-preorder",
    says="You append a node when you first meet it and turn the list round at the end. A node with a near and a far "
    "user then lands in the wrong place; append it after all its parents.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited, stack = [], set(), [node]
    while stack:
        current = stack.pop()
        if current not in visited:
            visited.add(current)
            order.append(current)
            stack.extend(reversed(parents(current)))
    return order[::-1]


@bank.mistake(
    "topological-breadth-first",
    says="You go through the graph level by level, by the shortest way from the node. What counts is the longest: a "
    "node stands before everyone who used it.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited = [node], {node}
    for current in order:
        for parent in parents(current):
            if parent not in visited:
                visited.add(parent)
                order.append(parent)
    return order[::-1]


@bank.mistake(
    "topological-recursive",
    says="Your order is right, but the function calls itself once for each node of a chain, and Python stops it after "
    "a few thousand. Keep a stack of your own in a list.",
    fails=["topological_order_hidden"],
    reference="micrograd (Karpathy, 2020) lists its nodes in this way.",
)
def topological_order(node, parents):
    order, visited = [], set()

    def visit(current):
        if current not in visited:
            visited.add(current)
            for parent in parents(current):
                visit(parent)
            order.append(current)

    visit(node)
    return order


@bank.mistake(
    "topological-children-first",
    says="Your order is turned round: it starts with the node itself. Parents come first, the node stands at the end.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited, stack = [], set(), [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        elif current not in visited:
            visited.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order[::-1]


@bank.mistake(
    "topological-repeats",
    says="Nodes that are used more than once stand in your list more than once, and the walk follows every path. "
    "Remember which nodes you have visited.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, stack = [], [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        else:
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order


@bank.mistake(
    "topological-repeats-filtered",
    says="Your list is right, but the walk follows every path to a node and only then drops the repeats. In a graph of "
    "90 nodes there can be billions of billions of paths.",
    fails=["topological_order_hidden"],
)
def topological_order(node, parents):
    order, stack = [], [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            if current not in order:
                order.append(current)
        else:
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order


@bank.mistake(
    "topological-visited-when-pushed",
    says="You mark a node as visited when you push it, not when its turn comes. A far user that meets it later then "
    "does not wait for it.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited, stack = [], {node}, [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        else:
            stack.append((current, True))
            for parent in parents(current)[::-1]:
                if parent not in visited:
                    visited.add(parent)
                    stack.append((parent, False))
    return order


@bank.mistake(
    "topological-without-itself",
    says="Your list leaves out the node itself; it belongs at the end, since its slope is where the backward walk "
    "starts.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited, stack = [], set(), [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        elif current not in visited:
            visited.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order[:-1]


@bank.mistake(
    "topological-without-inputs",
    says="Your list leaves out the nodes without parents. Those are the inputs, whose slopes one is after.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    order, visited, stack = [], set(), [(node, False)]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        elif current not in visited and parents(current):
            visited.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents(current))
    return order


@bank.mistake(
    "topological-direct-parents-only",
    says="You list the node and its own parents, and stop there. Go on to the parents' parents until none is left.",
    fails=["topological_order_visible", "topological_order_hidden"],
)
def topological_order(node, parents):
    return [*dict.fromkeys(parents(node)), node]


@bank.variation("topological-counts-users")
def topological_order(node, parents):
    users, waiting = {node: 0}, [node]
    while waiting:
        for parent in parents(waiting.pop()):
            if parent not in users:
                users[parent] = 0
                waiting.append(parent)
            users[parent] += 1
    order, ready = [], [node]
    while ready:
        current = ready.pop()
        order.append(current)
        for parent in parents(current):
            users[parent] -= 1
            if users[parent] == 0:
                ready.append(parent)
    return order[::-1]


@bank.variation("topological-stack-of-iterators")
def topological_order(node, parents):
    order, visited, path = [], {node}, [(node, iter(parents(node)))]
    while path:
        current, rest = path[-1]
        parent = next((p for p in rest if p not in visited), None)
        if parent is None:
            order.append(current)
            path.pop()
        else:
            visited.add(parent)
            path.append((parent, iter(parents(parent))))
    return order


# 3 · unbroadcast


@bank.mistake(
    "unbroadcast-does-nothing",
    says="You hand the gradient back in the shape in which it came. It has to be summed to the shape that was there "
    "before broadcasting.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    return grad


@bank.mistake(
    "unbroadcast-mean",
    says="You average over the copies; each copy is a use, and slopes of several uses add up.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.mean(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.mean(axis=axis, keepdims=True)
    return grad


@bank.mistake(
    "unbroadcast-new-axes-only",
    says="You sum away the new axes in front but leave the repeated axes, where the shape has a 1.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    return grad


@bank.mistake(
    "unbroadcast-repeated-axes-only",
    says="You sum the repeated axes, where the shape has a 1, but leave the new axes that NumPy put in front.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    offset = grad.ndim - len(shape)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.sum(axis=axis + offset, keepdims=True)
    return grad


@bank.mistake(
    "unbroadcast-sums-the-last-axes",
    says="You sum away axes from the end. NumPy puts new axes in front, so that is where they have to be summed.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=-1)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


@bank.mistake(
    "unbroadcast-drops-axes",
    says="You sum the repeated axes without keepdims=True, so an axis of length 1 disappears where the shape has one.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    return grad.sum(axis=tuple(axis for axis, length in enumerate(shape) if length == 1))


@bank.mistake(
    "unbroadcast-reshape",
    says="You cut the gradient to the right shape and keep its first entries; it has to be summed over the copies.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    return np.resize(grad, shape)


@bank.mistake(
    "unbroadcast-takes-one-copy",
    says="You take the slope of the first copy alone; the slopes of all copies add up.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad[0]
    for axis, length in enumerate(shape):
        if length == 1:
            grad = np.take(grad, [0], axis=axis)
    return grad


@bank.mistake(
    "unbroadcast-one-new-axis",
    says="You sum away one new axis where there can be several: go on until the number of axes is right.",
    fails=["unbroadcast_visible", "unbroadcast_hidden"],
)
def unbroadcast(grad, shape):
    if grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


@bank.variation("unbroadcast-loops")
def unbroadcast(grad, shape):
    grad = np.asarray(grad)
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis in range(len(shape)):
        if shape[axis] == 1 and grad.shape[axis] != 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


@bank.variation("unbroadcast-sum-and-reshape")
def unbroadcast(grad, shape):
    padded = (1,) * (np.ndim(grad) - len(shape)) + tuple(shape)
    return np.sum(grad, axis=tuple(i for i, n in enumerate(padded) if n == 1)).reshape(shape)


@bank.variation("unbroadcast-adds-at")
def unbroadcast(grad, shape):
    places = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), np.shape(grad))
    return np.bincount(np.ravel(places), np.ravel(grad), int(np.prod(shape))).reshape(shape)


# 4 · affine_backward


@bank.mistake(
    "affine-ignores-upstream",
    says="Your weights' gradient leaves out the upstream gradient: you sum the inputs as if dout were ones.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    ones = np.ones(dout.shape)
    return ones @ W.T, X.T @ ones, ones.sum(axis=0)


@bank.mistake(
    "affine-weights-ignore-upstream",
    says="Your dW leaves out the upstream gradient, while dX and db have it.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ np.ones(dout.shape), dout.sum(axis=0)


@bank.mistake(
    "affine-divides-by-examples",
    says="You divide dW and db by the number of examples. Where the loss is a mean, its 1/N is in dout already, and so "
    "it is counted twice.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout / len(X), dout.mean(axis=0)


@bank.mistake(
    "affine-bias-not-summed",
    says="Your db is dout itself. The bias was broadcast to all rows, so its gradient is the sum over the rows.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout, dout.copy()


@bank.mistake(
    "affine-bias-wrong-axis",
    says="Your db is summed over the outputs of each example. The bias has one entry for each output, and is summed "
    "over the examples, axis 0.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout, dout.sum(axis=1)


@bank.mistake(
    "affine-bias-keeps-axis",
    says="Your db has shape (1, M); the bias has shape (M,), and a gradient has the shape of what it belongs to.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout, dout.sum(axis=0, keepdims=True)


@bank.mistake(
    "affine-bias-lost",
    says="Your db is zero throughout. The bias does not appear in the formula for dW, but the outputs depend on it.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout, np.zeros(W.shape[1])


@bank.mistake(
    "affine-bias-mean",
    says="Your db is the mean over the examples; slopes of several uses add up, and a mean's 1/N is in dout already.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, X.T @ dout, dout.mean(axis=0)


@bank.mistake(
    "affine-weights-transposed",
    says="Your dW has shape (M, D): the product is the other way round, X.T @ dout.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W.T, dout.T @ X, dout.sum(axis=0)


@bank.mistake(
    "affine-transpose-lost",
    says="Your dX multiplies dout by W where it has to be multiplied by the transpose of W, and only square layers let "
    "that pass.",
    fails=["affine_backward_visible", "affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    return dout @ W, X.T @ dout, dout.sum(axis=0)


@bank.mistake(
    "affine-transpose-where-not-square",
    says="Your dX takes the transpose of W only if the shapes would not fit without it. For a square W they fit, and "
    "the answer is wrong.",
    fails=["affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    dX = dout @ W if W.shape[0] == W.shape[1] else dout @ W.T
    return dX, X.T @ dout, dout.sum(axis=0)


@bank.mistake(
    "affine-in-place",
    says="Your gradients are right, but you work them out inside the caller's array X, which is lost.",
    fails=["affine_backward_hidden"],
)
def affine_backward(dout, X, W):
    dW = X.T @ dout
    X[:] = dout @ W.T
    return X, dW, dout.sum(axis=0)


@bank.variation("affine-einsum")
def affine_backward(dout, X, W):
    return np.einsum("nm,dm->nd", dout, W), np.einsum("nd,nm->dm", X, dout), np.einsum("nm->m", dout)


@bank.variation("affine-one-example-at-a-time")
def affine_backward(dout, X, W):
    dX, dW, db = np.zeros(X.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for n in range(len(X)):
        dX[n] = W @ dout[n]
        dW += np.outer(X[n], dout[n])
        db += dout[n]
    return dX, dW, db


@bank.variation("affine-bias-as-a-column-of-ones")
def affine_backward(dout, X, W):
    stacked = np.hstack([X, np.ones((len(X), 1))]).T @ dout
    return (W @ dout.T).T, stacked[:-1], stacked[-1]


# 5 · relu_backward


@bank.mistake(
    "relu-ignores-upstream",
    says="You return the local slopes alone; they have to be multiplied by the upstream gradient.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return np.where(X > 0, 1.0, 0.0)


@bank.mistake(
    "relu-gate-asks-upstream",
    says="Your gate looks at the sign of the upstream gradient; whether a unit was open is decided by its input X.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
    reference="The 'deconvnet' rule of Zeiler and Fergus (2014) does this on purpose, for pictures.",
)
def relu_backward(dout, X):
    return np.maximum(dout, 0)


@bank.mistake(
    "relu-both-gates",
    says="You let a slope through only where it is positive too; negative upstream gradients count as well.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
    reference="Guided backpropagation (Springenberg and others, 2015) does this on purpose, for pictures.",
)
def relu_backward(dout, X):
    return np.maximum(dout, 0) * (X > 0)


@bank.mistake(
    "relu-one-at-zero",
    says="Your slope at exactly 0 is 1; the docstring promises 0 there.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return dout * (X >= 0)


@bank.mistake(
    "relu-half-at-zero",
    says="Your slope at exactly 0 is one half, which is what a central difference says on a kink. There is no "
    "derivative to check there; the docstring promises 0.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return dout * (np.sign(X) + 1) / 2


@bank.mistake(
    "relu-multiplies-by-input",
    says="You multiply by max(X, 0), the output. The slope of an open ReLU is 1, however large its input is.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return dout * np.maximum(X, 0)


@bank.mistake(
    "relu-forward-again",
    says="You return max(X, 0), the forward pass. Asked for is the upstream gradient, where X was above 0.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return np.maximum(X, 0)


@bank.mistake(
    "relu-sign",
    says="Your slope is -1 for negative inputs, as for an absolute value; a closed ReLU passes nothing.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    return dout * np.sign(X)


@bank.mistake(
    "relu-tolerance",
    says="Your gate opens a little above 0 and not at 0: however small a positive input is, its slope is 1.",
    fails=["relu_backward_hidden"],
)
def relu_backward(dout, X):
    return dout * (X > 1e-12)


@bank.mistake(
    "relu-in-place",
    says="Your values are right, but you set entries of the caller's dout to zero; work on a copy.",
    fails=["relu_backward_visible", "relu_backward_hidden"],
)
def relu_backward(dout, X):
    dout[X <= 0] = 0
    return dout


@bank.variation("relu-where")
def relu_backward(dout, X):
    return np.where(X > 0, dout, 0.0)


@bank.variation("relu-copy-and-mask")
def relu_backward(dout, X):
    dX = np.array(dout, dtype=float)
    dX[np.asarray(X) <= 0] = 0.0
    return dX


@bank.variation("relu-slope-of-the-output")
def relu_backward(dout, X):
    out = np.maximum(X, 0)
    return dout * np.sign(out)


# 6 · softmax_cross_entropy


@bank.mistake(
    "softmax-no-shift",
    says="You take exp of the logits as they are, and for a logit of 1,000 that is infinite. Subtract each row's "
    "largest logit first.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    odds = np.exp(logits)
    probs = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), labels]).mean()
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-maximum-of-the-batch",
    says="You subtract the largest logit of the whole batch. A row far below it then underflows to zeros; each row "
    "needs its own maximum.",
    fails=["softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max()
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-log-of-probability",
    says="You take the logarithm of a probability that can be 0 in floats, and the loss becomes infinite. Compute the "
    "logarithm directly: the logit minus the log of the sum of exponentials.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), labels]).mean()
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-log-of-probability-plus-a-little",
    says="You add a small number to a probability before its logarithm. That keeps the loss finite and wrong: no "
    "example can be more surprising than the small number allows.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
    reference="Common in tutorials, as log(p + 1e-12).",
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), labels] + 1e-12).mean()
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-gradient-not-averaged",
    says="Your loss is a mean but your gradient is that of the sum: the 1/N is missing from dlogits.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs


@bank.mistake(
    "softmax-gradient-averaged-twice",
    says="Your gradient is divided by N twice; the loss is a mean over N, so 1/N appears once.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs) / N
    probs[np.arange(N), labels] -= 1 / N
    return loss, probs / N


@bank.mistake(
    "softmax-sum-for-mean",
    says="Your loss and gradient add up over the examples; asked for is the mean over the batch.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].sum()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs


@bank.mistake(
    "softmax-mean-over-classes",
    says="You divide by the number of all entries, N times C; the mean is over the N examples.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].sum() / logits.size
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs / logits.size


@bank.mistake(
    "softmax-over-examples",
    says="Your probabilities add up to 1 over the examples of a column. Each row is one example, and its C "
    "probabilities add up to 1.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=0, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-gradient-without-truth",
    says="Your gradient is p / N for every class; at the right class 1 has to be subtracted from p.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probs[np.arange(N), labels].mean(), np.exp(log_probs) / N


@bank.mistake(
    "softmax-gradient-whole-columns",
    says="You subtract 1 in whole columns: probs[:, labels] means all rows. Pair each row with its own label, "
    "probs[np.arange(N), labels].",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[:, labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-gradient-sign",
    says="Your gradient is truth minus guess; it is the guess minus the truth, p - 1 at the right class.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, -probs / N


@bank.mistake(
    "softmax-loss-sign",
    says="Your loss is negative: it has lost the minus before the mean of the logarithms.",
    fails=["softmax_cross_entropy_visible", "softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.mistake(
    "softmax-in-place",
    says="Your values are right, but you shift the caller's logits in place; work on a copy.",
    fails=["softmax_cross_entropy_hidden"],
)
def softmax_cross_entropy(logits, labels):
    N = len(labels)
    logits -= logits.max(axis=1, keepdims=True)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), labels].mean()
    probs = np.exp(log_probs)
    probs[np.arange(N), labels] -= 1
    return loss, probs / N


@bank.variation("softmax-one-hot")
def softmax_cross_entropy(logits, labels):
    truth = np.eye(logits.shape[1])[labels]
    top = np.max(logits, axis=1)[:, None]
    log_sum = top + np.log(np.sum(np.exp(logits - top), axis=1, keepdims=True))
    loss = np.mean(log_sum[:, 0] - np.sum(truth * logits, axis=1))
    return loss, (np.exp(logits - log_sum) - truth) / len(logits)


@bank.variation("softmax-row-by-row")
def softmax_cross_entropy(logits, labels):
    loss, dlogits = 0.0, np.zeros(logits.shape)
    for n, (row, label) in enumerate(zip(logits, labels, strict=True)):
        weights = [math.exp(z - max(row)) for z in row]
        total = sum(weights)
        loss += (math.log(total) + max(row) - row[label]) / len(logits)
        for c, weight in enumerate(weights):
            dlogits[n, c] = (weight / total - (c == label)) / len(logits)
    return loss, dlogits


@bank.variation("softmax-logaddexp")
def softmax_cross_entropy(logits, labels):
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    dlogits = np.exp(log_probs) / len(labels)
    dlogits[np.arange(len(labels)), labels] -= 1 / len(labels)
    return float(np.mean([-log_probs[n, y] for n, y in enumerate(labels)])), dlogits


# 7 · numerical_gradient


@bank.mistake(
    "numerical-one-sided",
    says="You nudge to one side only. The error then falls with eps and not with its square, and on a kink you see one "
    "side alone.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=float)
    here, grad = f(point), np.empty(point.shape)
    for index in np.ndindex(point.shape):
        before = point[index]
        point[index] = before + eps
        grad[index] = (f(point) - here) / eps
        point[index] = before
    return grad


@bank.mistake(
    "numerical-divides-by-eps",
    says="Your slopes are twice as large as they should be: the two nudged points lie 2 * eps apart.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=float)
    grad = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        nudge = np.zeros(point.shape)
        nudge[index] = eps
        grad[index] = (f(point + nudge) - f(point - nudge)) / eps
    return grad


@bank.mistake(
    "numerical-nudges-all-at-once",
    says="You nudge all entries at once, so every slope is the sum of all; nudge one entry at a time.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    slope = (f(x + eps) - f(x - eps)) / (2 * eps)
    return np.full(np.shape(x), slope, dtype=float)


@bank.mistake(
    "numerical-rows-at-once",
    says="You run through the first axis alone and nudge whole rows; every entry needs a nudge of its own, whatever "
    "the shape of x.",
    fails=["numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=float)
    grad = np.empty(point.shape)
    for i in range(len(point)):
        nudge = np.zeros(point.shape)
        nudge[i] = eps
        grad[i] = (f(point + nudge) - f(point - nudge)) / (2 * eps)
    return grad


@bank.mistake(
    "numerical-sign",
    says="Your slopes have the opposite sign: it is the loss above minus the loss below.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=float)
    grad = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        nudge = np.zeros(point.shape)
        nudge[index] = eps
        grad[index] = (f(point - nudge) - f(point + nudge)) / (2 * eps)
    return grad


@bank.mistake(
    "numerical-nudges-stay",
    says="You do not put an entry back before you nudge the next, so later slopes are taken elsewhere and x changes.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += eps
        above = f(x)
        x[index] -= 2 * eps
        grad[index] = (above - f(x)) / (2 * eps)
    return grad


@bank.mistake(
    "numerical-not-quite-restored",
    says="You undo a nudge by adding it back, and rounding leaves x changed in its last digits. Remember the number "
    "itself, or nudge a copy.",
    fails=["numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += eps
        above = f(x)
        x[index] -= 2 * eps
        below = f(x)
        x[index] += eps
        grad[index] = (above - below) / (2 * eps)
    return grad


@bank.mistake(
    "numerical-type-of-x",
    says="Your nudged points have the number type of x, and whole numbers or float32 round a nudge of 1e-5 away. Nudge "
    "a copy in float64.",
    fails=["numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = x.copy()
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


@bank.mistake(
    "numerical-float32",
    says="You nudge in float32, whose seven digits leave a nudge of 1e-5 with next to none. A check needs float64.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=np.float32)
    grad = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        nudge = np.zeros(point.shape, dtype=np.float32)
        nudge[index] = eps
        grad[index] = (f(point + nudge) - f(point - nudge)) / (2 * eps)
    return grad


@bank.mistake(
    "numerical-own-eps",
    says="You always nudge by 1e-5 and take no notice of the eps that you are given.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point = np.array(x, dtype=float)
    grad = np.empty(point.shape)
    for index in np.ndindex(point.shape):
        nudge = np.zeros(point.shape)
        nudge[index] = 1e-5
        grad[index] = (f(point + nudge) - f(point - nudge)) / 2e-5
    return grad


@bank.mistake(
    "numerical-flat",
    says="Your gradient is a flat list of slopes; it has to have the shape of x.",
    fails=["numerical_gradient_visible", "numerical_gradient_hidden"],
)
def numerical_gradient(f, x, eps=1e-5):
    point, grad = np.array(x, dtype=float), []
    for index in np.ndindex(point.shape):
        nudge = np.zeros(point.shape)
        nudge[index] = eps
        grad.append((f(point + nudge) - f(point - nudge)) / (2 * eps))
    return np.array(grad)


@bank.variation("numerical-unit-vectors")
def numerical_gradient(f, x, eps=1e-5):
    x = np.asarray(x, dtype=float)
    nudges = eps * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + nudge) - f(x - nudge)) / (2 * eps) for nudge in nudges]).reshape(x.shape)


@bank.variation("numerical-flat-copy")
def numerical_gradient(f, x, eps=1e-5):
    flat, slopes = np.array(x, dtype=np.float64).ravel(), []
    for i in range(flat.size):
        up, down = flat.copy(), flat.copy()
        up[i] += eps
        down[i] -= eps
        slopes.append((f(up.reshape(np.shape(x))) - f(down.reshape(np.shape(x)))) / eps / 2)
    return np.array(slopes, dtype=np.float64).reshape(np.shape(x))


# 8 · relative_error


@bank.mistake(
    "relative-entry-by-entry",
    says="You divide each entry by its own size before you take the maximum. An entry that should be 0 and was "
    "measured as 1e-12 then counts as wholly wrong.",
    fails=["relative_error_visible", "relative_error_hidden"],
    reference="The form in the CS231n notes on gradient checks; a different, stricter question.",
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.abs(a) + np.abs(b)
    return np.max(np.abs(np.subtract(a, b)) / np.where(size > 0, size, 1.0))


@bank.mistake(
    "relative-no-guard",
    says="Where both gradients are zero throughout you divide 0 by 0 and return nan; 0.0 is promised.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    return np.max(np.abs(np.subtract(a, b))) / np.max(np.abs(a) + np.abs(b))


@bank.mistake(
    "relative-small-number-added",
    says="You add a small number to the size to avoid 0/0. For gradients of that size it makes every error look small.",
    fails=["relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    return np.max(np.abs(np.subtract(a, b))) / (np.max(np.abs(a) + np.abs(b)) + 1e-12)


@bank.mistake(
    "relative-size-at-least-tiny",
    says="You raise the size to a smallest number to avoid 0/0. Gradients below it look as if they agreed.",
    fails=["relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    return np.max(np.abs(np.subtract(a, b))) / max(np.max(np.abs(a) + np.abs(b)), 1e-8)


@bank.mistake(
    "relative-absolute",
    says="You return the largest difference itself; it has to be divided by the size of the gradients.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    return np.max(np.abs(np.subtract(a, b)))


@bank.mistake(
    "relative-sign-lost",
    says="You take the largest difference with its sign, so a gradient that is too small everywhere looks right. Take "
    "absolute values first.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.max(np.abs(a) + np.abs(b))
    return max(np.max(np.subtract(b, a)), 0.0) / size if size > 0 else 0.0


@bank.mistake(
    "relative-size-of-the-sum",
    says="Your size is |a + b|: where the signs are exchanged that is 0. It is |a| + |b|.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.max(np.abs(np.add(a, b)))
    return np.max(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0


@bank.mistake(
    "relative-two-maxima",
    says="You add the largest |a| and the largest |b|, which may stand in different places; the size is the largest "
    "|a| + |b| of one entry.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.max(np.abs(a)) + np.max(np.abs(b))
    return np.max(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0


@bank.mistake(
    "relative-larger-one",
    says="You divide by the larger of |a| and |b|; the denominator is their sum, so that the answer lies between 0 and "
    "1.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.max(np.maximum(np.abs(a), np.abs(b)))
    return np.max(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0


@bank.mistake(
    "relative-sums",
    says="You compare sums over all entries. Asked for is the largest difference and the largest size; in a sum one "
    "bad entry drowns among many good ones.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.sum(np.abs(a) + np.abs(b))
    return np.sum(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0


@bank.mistake(
    "relative-lengths",
    says="You compare Euclidean lengths; asked for are the largest entries.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    if np.shape(a) != np.shape(b):
        raise ValueError("shapes differ")
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return np.linalg.norm(np.subtract(a, b)) / size if size > 0 else 0.0


@bank.mistake(
    "relative-broadcasts",
    says="You let NumPy broadcast arrays of different shapes, so a gradient of the wrong shape can pass a check; a "
    "ValueError is promised.",
    fails=["relative_error_visible", "relative_error_hidden"],
)
def relative_error(a, b):
    size = np.max(np.abs(a) + np.abs(b))
    return np.max(np.abs(np.subtract(a, b))) / size if size > 0 else 0.0


@bank.variation("relative-flat-lists")
def relative_error(a, b):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape}")
    pairs = list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    largest = max(abs(p) + abs(q) for p, q in pairs)
    return max(abs(p - q) for p, q in pairs) / largest if largest else 0.0


@bank.variation("relative-stacked")
def relative_error(a, b):
    both = np.stack([a, b]).astype(float)  # raises ValueError where the shapes differ
    size = np.abs(both).sum(axis=0).max()
    if size == 0:
        return 0.0
    return float(np.abs(both[0] - both[1]).max() / size)


# 9 · repaired_layer_backward


@bank.mistake(
    "layer-nothing-repaired",
    says="This is the broken function with all its three faults. Start with the slope of tanh, which dX and dW share.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    z = X @ W + b
    dz = dout * (1 - z**2)
    return dz @ W.T, X.T @ dz / len(X), dout.sum(axis=0)


@bank.mistake(
    "layer-slope-at-input",
    says="Your slope of tanh is 1 - z**2 with its input z; it is 1 - tanh(z)**2. For small z the two look alike.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    z = X @ W + b
    dz = dout * (1 - z**2)
    return dz @ W.T, X.T @ dz, dz.sum(axis=0)


@bank.mistake(
    "layer-weights-averaged",
    says="One fault is left: your dW is divided by the number of examples. Where the loss is a mean, its 1/N is in "
    "dout already.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W + b) ** 2)
    return dz @ W.T, X.T @ dz / len(X), dz.sum(axis=0)


@bank.mistake(
    "layer-bias-round-the-tanh",
    says="One fault is left: your db sums dout itself. The bias is added before tanh, so its slope passes through tanh "
    "like the others.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W + b) ** 2)
    return dz @ W.T, X.T @ dz, dout.sum(axis=0)


@bank.mistake(
    "layer-only-the-slope-repaired",
    says="The slope of tanh is right now. Two faults are left: one divides dW by N, the other takes db round the tanh.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W + b) ** 2)
    return dz @ W.T, X.T @ dz / len(X), dout.sum(axis=0)


@bank.mistake(
    "layer-slope-twice",
    says="You apply tanh twice in its slope: with out = tanh(z) the slope is 1 - out**2.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    out = np.tanh(X @ W + b)
    dz = dout * (1 - np.tanh(out) ** 2)
    return dz @ W.T, X.T @ dz, dz.sum(axis=0)


@bank.mistake(
    "layer-bias-left-out-of-the-slope",
    says="You take the slope of tanh at X @ W; its input is X @ W + b.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W) ** 2)
    return dz @ W.T, X.T @ dz, dz.sum(axis=0)


@bank.mistake(
    "layer-ignores-upstream",
    says="You use the slope of tanh alone; it has to be multiplied by the upstream gradient dout.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = 1 - np.tanh(X @ W + b) ** 2
    return dz @ W.T, X.T @ dz, dz.sum(axis=0)


@bank.mistake(
    "layer-without-tanh",
    says="Your gradients are those of X @ W + b alone: the slope of tanh is missing.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)


@bank.mistake(
    "layer-all-averaged",
    says="You divide dW and db by the number of examples. Where the loss is a mean, its 1/N is in dout already.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W + b) ** 2)
    return dz @ W.T, X.T @ dz / len(X), dz.mean(axis=0)


@bank.mistake(
    "layer-bias-keeps-axis",
    says="Your db has shape (1, M); the bias has shape (M,), and a gradient has the shape of what it belongs to.",
    fails=["repaired_layer_backward_visible", "repaired_layer_backward_hidden"],
)
def repaired_layer_backward(dout, X, W, b):
    dz = dout * (1 - np.tanh(X @ W + b) ** 2)
    return dz @ W.T, X.T @ dz, dz.sum(axis=0, keepdims=True)


@bank.variation("layer-cosh")
def repaired_layer_backward(dout, X, W, b):
    slope = 1 / np.cosh(np.clip(X @ W + b, -300, 300)) ** 2
    back = np.multiply(dout, slope)
    return np.einsum("nm,dm->nd", back, W), np.einsum("nd,nm->dm", X, back), np.einsum("nm->m", back)


@bank.variation("layer-example-by-example")
def repaired_layer_backward(dout, X, W, b):
    dX, dW, db = np.zeros(X.shape), np.zeros(W.shape), np.zeros(len(b))
    for n, x in enumerate(X):
        out = np.tanh(x @ W + b)
        dz = dout[n] - dout[n] * out * out
        dX[n] = W @ dz
        dW += np.outer(x, dz)
        db += dz
    return dX, dW, db


# 10 · mlp_loss_and_grad


# A right answer; each mistake is an edit of it.
NETWORK = """\
def mlp_loss_and_grad(params, X, labels):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    N = len(X)
    z = X @ W1 + b1
    hidden = np.maximum(z, 0)
    logits = hidden @ W2 + b2
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(N), labels].mean()
    d = np.exp(logp)
    d[np.arange(N), labels] -= 1
    d /= N
    dhidden = d @ W2.T
    dz = dhidden * (z > 0)
    return loss, {"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": hidden.T @ d, "b2": d.sum(axis=0)}
"""


def network_mistake(name, *edits, says, fails):
    fails = tuple(f"mlp_loss_and_grad_{cell}" for cell in fails.split())
    bank.mistakes.append(Mistake(name, "mlp_loss_and_grad", says, fails, edited(NETWORK, *edits)))


network_mistake(
    "mlp-relu-backward-missing",
    ("dhidden * (z > 0)", "dhidden"),
    says="Your backward pass goes through the ReLU as if it were not there. Where Z was not above 0 nothing passes.",
    fails="visible hidden",
)
network_mistake(
    "mlp-relu-gate-asks-gradient",
    ("dhidden * (z > 0)", "np.maximum(dhidden, 0)"),
    says="Your ReLU's gate looks at the sign of the gradient; whether a unit was open is decided by its input Z.",
    fails="visible hidden",
)
network_mistake(
    "mlp-relu-one-at-zero",
    ("dhidden * (z > 0)", "dhidden * (z >= 0)"),
    says="Your ReLU has slope 1 where Z is exactly 0; the docstring promises 0 there.",
    fails="hidden",
)
network_mistake(
    "mlp-no-relu-at-all",
    ("np.maximum(z, 0)", "z"),
    ("dhidden * (z > 0)", "dhidden"),
    says="Your network has no ReLU, neither forward nor backward, so that two layers do no more than one.",
    fails="visible hidden",
)
network_mistake(
    "mlp-relu-only-backward",
    ("np.maximum(z, 0)", "z"),
    says="Your forward pass has no ReLU, while your backward pass closes its gates.",
    fails="visible hidden",
)
network_mistake(
    "mlp-activation-slope-at-output",
    ("dhidden * (z > 0)", "dhidden * hidden"),
    says="You multiply by the hidden activations where the ReLU's slope is asked for; an open unit has slope 1, "
    "however large its output is.",
    fails="visible hidden",
)
network_mistake(
    "mlp-tanh-slope",
    ("dhidden * (z > 0)", "dhidden * (1 - hidden**2)"),
    says="Your hidden layer has the slope of tanh, 1 - A**2. The slope of a ReLU is 1 where Z is above 0, else 0.",
    fails="visible hidden",
)
network_mistake(
    "mlp-biases-lost",
    ("dz.sum(axis=0)", "np.zeros(len(b1))"),
    (" d.sum(axis=0)", " np.zeros(len(b2))"),
    says="Your bias gradients are zero. Both biases take part in the forward pass, so both are to blame.",
    fails="visible hidden",
)
network_mistake(
    "mlp-biases-missing",
    (', "b1": dz.sum(axis=0), "W2": hidden.T @ d, "b2": d.sum(axis=0)}', ', "W2": hidden.T @ d}'),
    says="Your dict has no gradients for b1 and b2. It has the same four keys as params.",
    fails="visible hidden",
)
network_mistake(
    "mlp-biases-averaged",
    ("dz.sum(axis=0)", "dz.mean(axis=0)"),
    (" d.sum(axis=0)", " d.mean(axis=0)"),
    says="Your bias gradients are means over the batch; the 1/N has come in with the loss, so they are sums.",
    fails="visible hidden",
)
network_mistake(
    "mlp-gradients-not-averaged",
    ("    d /= N\n", ""),
    says="Your loss is a mean but your gradients are those of the sum: the 1/N is missing.",
    fails="visible hidden",
)
network_mistake(
    "mlp-averaged-twice",
    ("dhidden * (z > 0)", "dhidden * (z > 0) / N"),
    says="Your first layer's gradients are divided by N once more; the 1/N comes in once, with the loss.",
    fails="visible hidden",
)
network_mistake(
    "mlp-sum-for-mean",
    ("labels].mean()", "labels].sum()"),
    ("    d /= N\n", ""),
    says="Your loss and gradients add up over the examples; asked for is the mean over the batch.",
    fails="visible hidden",
)
network_mistake(
    "mlp-second-weights-see-before-relu",
    ("hidden.T @ d,", "z.T @ d,"),
    says="Your gradient of W2 multiplies by Z, before the ReLU; the second layer's input is A, after it.",
    fails="visible hidden",
)
network_mistake(
    "mlp-bias-round-the-relu",
    ("dz.sum(axis=0)", "dhidden.sum(axis=0)"),
    says="Your gradient of b1 goes round the ReLU's gate; the bias stands inside the ReLU, like W1.",
    fails="visible hidden",
)
network_mistake(
    "mlp-gradient-without-truth",
    ("    d[np.arange(N), labels] -= 1\n", ""),
    says="Your slope of the logits is p / N for every class; at the right class 1 has to be subtracted from p.",
    fails="visible hidden",
)
network_mistake(
    "mlp-whole-columns",
    ("d[np.arange(N), labels] -= 1", "d[:, labels] -= 1"),
    says="You subtract 1 in whole columns, for all examples at once. Pair each row with its own label, [np.arange(N), "
    "labels].",
    fails="hidden",
)
network_mistake(
    "mlp-biases-left-out-forward",
    ("z = X @ W1 + b1", "z = X @ W1"),
    ("logits = hidden @ W2 + b2", "logits = hidden @ W2"),
    says="Your forward pass leaves out the biases.",
    fails="hidden",
)
network_mistake(
    "mlp-no-shift",
    ("    logits = logits - logits.max(axis=1, keepdims=True)\n", ""),
    says="Your softmax takes exp of the logits as they are, which overflows for large ones. Subtract each row's "
    "largest logit first.",
    fails="hidden",
)
network_mistake(
    "mlp-log-of-probability",
    ("-logp[np.arange(N), labels].mean()", "-np.log(np.exp(logp)[np.arange(N), labels]).mean()"),
    says="You take the logarithm of a probability, which can be 0 in floats, and the loss becomes infinite.",
    fails="hidden",
)
network_mistake(
    "mlp-maximum-of-the-batch",
    ("logits.max(axis=1, keepdims=True)", "logits.max()"),
    says="You subtract the largest logit of the whole batch; a row far below it underflows. Each row needs its own "
    "maximum.",
    fails="hidden",
)
network_mistake(
    "mlp-updates-parameters",
    (
        "    return loss, {",
        "    for name, g in (('W1', X.T @ dz), ('b1', dz.sum(0)), ('W2', hidden.T @ d), ('b2', d.sum(0))):\n"
        "        params[name] -= 0.1 * g\n"
        "    return loss, {",
    ),
    says="You move the parameters as well. Asked for are the loss and the gradients; what to do with them is the "
    "caller's choice.",
    fails="visible hidden",
)


@bank.variation("mlp-one-hot")
def mlp_loss_and_grad(params, X, labels):
    Z = np.einsum("nd,dh->nh", X, params["W1"]) + params["b1"][None, :]
    is_open = Z > 0
    A = np.where(is_open, Z, 0.0)
    scores = A @ params["W2"] + params["b2"]
    truth = np.eye(scores.shape[1])[labels]
    log_sum = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    error = (np.exp(scores - log_sum) - truth) / X.shape[0]
    back = np.where(is_open, error @ params["W2"].T, 0.0)
    grads = {}
    grads["b2"] = np.ones(len(X)) @ error
    grads["W2"] = (error.T @ A).T
    grads["b1"] = np.ones(len(X)) @ back
    grads["W1"] = (back.T @ X).T
    return float(np.mean(log_sum[:, 0] - (scores * truth).sum(axis=1))), grads


@bank.variation("mlp-example-by-example")
def mlp_loss_and_grad(params, X, labels):
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    grads = {name: np.zeros_like(array, dtype=float) for name, array in params.items()}
    loss = 0.0
    for x, label in zip(X, labels, strict=True):
        z = x @ W1 + b1
        a = z * (z > 0)
        score = a @ W2 + b2
        top = score.max()
        odds = np.exp(score - top)
        loss += np.log(odds.sum()) + top - score[label]
        slope = odds / odds.sum()
        slope[label] -= 1.0
        below = (W2 @ slope) * (z > 0)
        grads["W2"] += np.outer(a, slope)
        grads["b2"] += slope
        grads["W1"] += np.outer(x, below)
        grads["b1"] += below
    return loss / len(X), {name: grad / len(X) for name, grad in grads.items()}
