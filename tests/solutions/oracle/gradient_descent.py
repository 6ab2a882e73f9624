"""What PyTorch computes for the exercise on gradient descent, stored so that the tests need no PyTorch.

    python gradient_descent.py            compute everything and write gradient_descent.json beside this file
    python gradient_descent.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and derivatives come from automatic differentiation, none from differences.
"""

import sys

import numpy as np
import torch


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        "mean_squared_error": mean_squared_error(),
        "least_squares": least_squares(),
        "rosenbrock": rosenbrock(),
        "tanh_network": tanh_network(),
    }
    return store_or_check(
        __file__,
        "torch.optim.SGD without momentum, torch.autograd and torch.linalg.eigvalsh; double precision, CPU",
        cases,
    )


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


if __name__ == "__main__":
    sys.exit(main())
