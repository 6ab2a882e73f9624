"""What PyTorch computes for the exercise on stochastic gradient descent, stored so that the tests need no PyTorch.

    python sgd.py            compute everything and write sgd.json beside this file
    python sgd.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and derivatives come from automatic differentiation, none from differences.
"""

import sys

import numpy as np
import torch
from torch.optim import lr_scheduler


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        "softmax": softmax(),
        "softmax_of_large_scores": softmax(scale=3000.0),
        "run": run(),
        "step_decay": step_decay(),
        "cosine_with_warmup": cosine_with_warmup(),
        "cosine_without_minimum": cosine_with_warmup(warmup=2, total=9, lr_min=0.0),
        "per_example": per_example(),
    }
    return store_or_check(
        __file__,
        "torch.optim.SGD without momentum, torch.optim.lr_scheduler, torch.autograd; double precision, CPU",
        cases,
    )


def softmax(scale: float = 1.0) -> dict:
    """Loss and gradient by torch.nn.functional.cross_entropy and autograd."""
    rng = np.random.default_rng(31)
    X, W, labels = scale * rng.standard_normal((11, 4)), rng.standard_normal((4, 5)), rng.integers(0, 5, 11)
    weights = torch.tensor(W, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.tensor(X) @ weights, torch.tensor(labels))
    loss.backward()
    return {
        "W": W.tolist(),
        "X": X.tolist(),
        "labels": labels.tolist(),
        "loss": loss.item(),
        "grad": weights.grad.tolist(),
    }


def run() -> dict:
    """A trajectory of torch.optim.SGD on fixed batches of softmax regression, its rate set by a scheduler.

    14 examples in batches of 4, dealt out in two epochs: 8 steps, two of them on 2 examples.
    """
    rng = np.random.default_rng(32)
    X, labels, w0 = rng.standard_normal((14, 3)), rng.integers(0, 3, 14), rng.standard_normal((3, 3))
    orders = [rng.permutation(14) for _ in range(2)]
    w = torch.tensor(w0, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=0.8)
    scheduler = lr_scheduler.StepLR(optimiser, step_size=3, gamma=0.5)
    history, rates = [w.flatten().tolist()], []
    for order in orders:
        for rows in torch.tensor(order).split(4):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(torch.tensor(X)[rows] @ w, torch.tensor(labels)[rows]).backward()
            optimiser.step()
            scheduler.step()
            history.append(w.flatten().tolist())
    return {
        "X": X.tolist(),
        "labels": labels.tolist(),
        "orders": [order.tolist() for order in orders],
        "rates": rates,
        "history": history,
    }


def step_decay() -> dict:
    """The rates of torch.optim.lr_scheduler.StepLR."""
    rates = rates_of(lambda optimiser: lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.3), 0.5, 40)
    return {"lr0": 0.5, "factor": 0.3, "every": 7, "rates": rates}


def cosine_with_warmup(warmup: int = 6, total: int = 40, lr_min: float = 0.05) -> dict:
    """The rates of LinearLR followed by CosineAnnealingLR, which shares the step at the top with it."""

    def schedule(optimiser):
        rise = lr_scheduler.LinearLR(optimiser, start_factor=1 / warmup, total_iters=warmup - 1)
        fall = lr_scheduler.CosineAnnealingLR(optimiser, T_max=total - warmup, eta_min=lr_min)
        return lr_scheduler.SequentialLR(optimiser, [rise, fall], milestones=[warmup - 1])

    return {
        "lr_max": 0.7,
        "warmup": warmup,
        "total": total,
        "lr_min": lr_min,
        "rates": rates_of(schedule, 0.7, total),
    }


def rates_of(schedule, lr: float, steps: int) -> list:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = schedule(optimiser)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


def per_example() -> dict:
    """Gradients of single examples by torch.func.vmap, with their covariance by torch.cov."""
    rng = np.random.default_rng(33)
    X, y, w = rng.standard_normal((9, 3)), rng.standard_normal(9), rng.standard_normal(3)

    def loss(w, x, target):
        return (x @ w - target) ** 2

    grads = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(*map(torch.tensor, (w, X, y)))
    return {
        "grads": grads.tolist(),
        "mean": grads.mean(0).tolist(),
        "trace": torch.cov(grads.T).trace().item(),  # divided by N - 1
        "trace_over_all": torch.cov(grads.T, correction=0).trace().item(),  # divided by N
    }


if __name__ == "__main__":
    sys.exit(main())
