"""What PyTorch computes for the exercise on backpropagation, stored so that the tests need no PyTorch.

    python backprop.py            compute everything and write backprop.json beside this file
    python backprop.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and gradients come from automatic differentiation, none from differences.
"""

import sys

import numpy as np
import torch

# Expressions that mean the same on a torch tensor and on the exercise's Value: nodes are shared, numbers stand on
# either side, and every operation occurs.
FORMULAS = {
    "shared": "(lambda s: (s * a + s * s - b / s) * c)(a * b + 1.5)",
    "reflected": "2 - a + 3 * b - 1 / c + (4 - b) / (1 + a * a)",
    "powers": "a**3 - b**-2 + (a * a + c * c)**0.5 - (-c)**2",
    "functions": "(a * c).tanh() * (b / 2).exp() + (a * a + 0.5).log() * (c - b).relu() - (b - c).relu()",
    "deep": "(lambda f: f(f(f(f(f(a))))))(lambda x: (x * b + c).tanh() + x * 0.5)",
}


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        **{f"formula_{name}": formula(text) for name, text in FORMULAS.items()},
        "broadcast": broadcast(),
        "affine": layer(31, lambda z: z),
        "relu": relu(),
        "tanh_layer": layer(33, torch.tanh),
        "cross_entropy": cross_entropy(3.0),
        "cross_entropy_extreme": cross_entropy(1e4),
        "network": network(),
    }
    return store_or_check(__file__, "torch.autograd and torch.nn.functional; double precision, CPU", cases)


def formula(text: str) -> dict:
    """Value and slopes of an expression in a, b and c, at five places."""
    at = np.random.default_rng(30).uniform(0.3, 2.0, (5, 3)) * [1, -1, 1]
    values, grads = [], []
    for place in at:
        a, b, c = (torch.tensor(number, requires_grad=True) for number in place)
        result = eval(text, {"a": a, "b": b, "c": c})
        result.backward()
        values.append(result.item())
        grads.append([a.grad.item(), b.grad.item(), c.grad.item()])
    return {"formula": text, "at": at.tolist(), "values": values, "grads": grads}


def broadcast() -> dict:
    """An array of shape (4, 3, 5) times one that was broadcast to it: the gradient of the second."""
    rng = np.random.default_rng(34)
    factors, made = rng.standard_normal((4, 3, 5)), {}
    for shape in ((5,), (1,), (3, 1), (3, 5), (4, 1, 1), (1, 3, 5), (4, 3, 5), ()):
        small = torch.zeros(shape, requires_grad=True)
        (torch.tensor(factors) * small).sum().backward()
        made["x".join(map(str, shape))] = small.grad.tolist()
    return {"factors": factors.tolist(), **made}


def layer(seed: int, activation) -> dict:
    """sum(dout * activation(X @ W + b))"""
    rng = np.random.default_rng(seed)
    X, W, b, dout = (rng.standard_normal(shape) for shape in ((6, 3), (3, 4), 4, (6, 4)))
    X, W, b = (torch.tensor(array, requires_grad=True) for array in (X, W, b))
    (torch.tensor(dout) * activation(X @ W + b)).sum().backward()
    return {
        "dout": dout.tolist(),
        "X": X.tolist(),
        "W": W.tolist(),
        "b": b.tolist(),
        "dX": X.grad.tolist(),
        "dW": W.grad.tolist(),
        "db": b.grad.tolist(),
    }


def relu() -> dict:
    """sum(dout * relu(X)), with exact zeros in X."""
    rng = np.random.default_rng(32)
    X, dout = rng.integers(-2, 3, (5, 7)) * rng.uniform(0.5, 1.5, (5, 7)), rng.standard_normal((5, 7))
    inputs = torch.tensor(X, requires_grad=True)
    (torch.tensor(dout) * torch.relu(inputs)).sum().backward()
    return {"X": X.tolist(), "dout": dout.tolist(), "dX": inputs.grad.tolist()}


def cross_entropy(scale: float) -> dict:
    rng = np.random.default_rng(35)
    logits, labels = scale * rng.uniform(-1, 1, (9, 5)), rng.integers(0, 5, 9)
    scores = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    loss.backward()
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "loss": loss.item(),
        "dlogits": scores.grad.tolist(),
    }


def network() -> dict:
    """A hidden layer of ReLUs and cross-entropy."""
    rng = np.random.default_rng(36)
    X, labels = rng.standard_normal((11, 4)), rng.integers(0, 3, 11)
    shapes = {"W1": (4, 6), "b1": (6,), "W2": (6, 3), "b2": (3,)}
    params = {name: torch.tensor(rng.standard_normal(shape), requires_grad=True) for name, shape in shapes.items()}
    hidden = torch.relu(torch.tensor(X) @ params["W1"] + params["b1"])
    loss = torch.nn.functional.cross_entropy(hidden @ params["W2"] + params["b2"], torch.tensor(labels))
    loss.backward()
    return {
        "X": X.tolist(),
        "labels": labels.tolist(),
        "loss": loss.item(),
        **{name: array.tolist() for name, array in params.items()},
        **{f"d{name}": array.grad.tolist() for name, array in params.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
