"""What PyTorch computes for the exercise on gradient descent, stored so that the tests need no PyTorch.

    python gradient_descent.py            compute everything and write gradient_descent.json beside this file
    python gradient_descent.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch and NumPy and nothing of this repository. All numbers are in double precision, and derivatives come from
automatic differentiation, none from differences.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

STORED = Path(__file__).with_suffix(".json")
TOLERANCE = 1e-12  # relative to the largest entry of an array


def main() -> int:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    made = {
        "made_by": "tests/solutions/oracle/gradient_descent.py",
        "how": "torch.optim.SGD without momentum, torch.autograd and torch.linalg.eigvalsh; double precision, CPU",
        "torch": torch.__version__,
        "cases": {
            "mean_squared_error": mean_squared_error(),
            "least_squares": least_squares(),
            "rosenbrock": rosenbrock(),
            "tanh_network": tanh_network(),
        },
    }
    if sys.argv[1:] == ["--check"]:
        return check(made["cases"], json.loads(STORED.read_text(encoding="utf-8"))["cases"])
    STORED.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return 0


def mean_squared_error() -> dict:
    """Loss and gradient by torch.nn.functional.mse_loss and autograd."""
    rng = np.random.default_rng(11)
    X, y, w = rng.standard_normal((9, 4)), rng.standard_normal(9), rng.standard_normal(4)
    weights = torch.tensor(w, requires_grad=True)
    loss = torch.nn.functional.mse_loss(torch.tensor(X) @ weights, torch.tensor(y))
    loss.backward()
    return {"X": X.tolist(), "y": y.tolist(), "w": w.tolist(), "loss": loss.item(), "grad": weights.grad.tolist()}


def least_squares() -> dict:
    """A trajectory of torch.optim.SGD on the mean squared error."""
    rng = np.random.default_rng(12)
    X, y, w0 = rng.standard_normal((20, 3)), rng.standard_normal(20), rng.standard_normal(3)
    inputs, targets = torch.tensor(X), torch.tensor(y)

    def loss(w):
        return torch.nn.functional.mse_loss(inputs @ w, targets)

    return {"X": X.tolist(), "y": y.tolist(), "lr": 0.2, "history": descend(loss, w0.tolist(), 0.2, 40)}


def rosenbrock() -> dict:
    """A trajectory of torch.optim.SGD in Rosenbrock's valley, with Hessians along it."""

    def loss(w):
        return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2

    history = descend(loss, [-1.2, 1.0], 1e-3, 60)
    at = [history[0], history[30], history[60]]
    return {
        "lr": 1e-3,
        "history": history,
        "at": at,
        "gradients": [torch.func.grad(loss)(torch.tensor(w)).tolist() for w in at],
        "hessians": [torch.func.hessian(loss)(torch.tensor(w)).tolist() for w in at],
    }


def tanh_network() -> dict:
    """Half the mean squared error of tanh(X @ A) @ B: gradient, exact Hessian-vector product, exact top eigenvalue."""
    rng = np.random.default_rng(13)
    X, Y = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    w, v = rng.standard_normal(3 * 4 + 4 * 2), rng.standard_normal(3 * 4 + 4 * 2)
    inputs, targets = torch.tensor(X), torch.tensor(Y)

    def loss(w):
        return ((torch.tanh(inputs @ w[:12].reshape(3, 4)) @ w[12:].reshape(4, 2) - targets) ** 2).sum() / (
            2 * len(inputs)
        )

    weights = torch.tensor(w, requires_grad=True)
    (grad,) = torch.autograd.grad(loss(weights), weights, create_graph=True)
    (product,) = torch.autograd.grad(grad @ torch.tensor(v), weights)
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, torch.tensor(w)))
    return {
        "X": X.tolist(),
        "Y": Y.tolist(),
        "w": w.tolist(),
        "v": v.tolist(),
        "loss": loss(weights).item(),
        "grad": grad.tolist(),
        "hessian_times_v": product.tolist(),
        "eigenvalues": eigenvalues.tolist(),
    }


def descend(loss, w0: list, lr: float, steps: int) -> list:
    w = torch.tensor(w0, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=lr)
    history = [w.tolist()]
    for _ in range(steps):
        optimiser.zero_grad()
        loss(w).backward()
        optimiser.step()
        history.append(w.tolist())
    return history


def check(cases: dict, stored: dict) -> int:
    differing = []
    for case in sorted(cases.keys() | stored.keys()):
        new, old = cases.get(case, {}), stored.get(case, {})
        for name in sorted(new.keys() | old.keys()):
            if name not in new or name not in old:
                differing.append(f"{case}.{name}: only {'computed' if name in new else 'stored'}")
                continue
            a, b = np.array(new[name]), np.array(old[name])
            if a.shape != b.shape:
                differing.append(f"{case}.{name}: shape {a.shape} computed, {b.shape} stored")
            elif not np.max(np.abs(a - b)) <= TOLERANCE * np.max(np.abs(b)):
                differing.append(f"{case}.{name}: differs by up to {np.max(np.abs(a - b)):.1e}")
    print("\n".join(differing) or f"{STORED.name}: all {len(cases)} cases agree")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
