"""What PyTorch computes for the exercise on momentum, stored so that the tests need no PyTorch.

    python momentum.py            compute everything and write momentum.json beside this file
    python momentum.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and gradients come from automatic differentiation.
"""

import sys

import numpy as np
import torch

STEPS = 50


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        "momentum": descend(21, lr=0.1, momentum=0.9),
        "momentum_with_a_schedule": descend(22, schedule=[0.2 / (1 + t) for t in range(STEPS)], momentum=0.8),
        "dampened": descend(23, lr=0.4, momentum=0.85, dampening=0.85),
        "nesterov": descend(24, lr=0.05, momentum=0.9, nesterov=True),
        "eigenvalues": eigenvalues(),
    }
    return store_or_check(
        __file__,
        "torch.optim.SGD with momentum, dampening and nesterov, torch.autograd and torch.linalg.eigvals; "
        "double precision, CPU",
        cases,
    )


def descend(seed: int, schedule: list | None = None, **settings) -> dict:
    """A trajectory of torch.optim.SGD on f(w) = w A w / 2 - b w + sum(log(cosh(w))), with its momentum buffers.

    history[t] are the weights after t steps, buffers[t] the momentum buffer after t + 1 steps: there is none before.
    """
    rng = np.random.default_rng(seed)
    M, b, w0 = rng.standard_normal((4, 4)), rng.standard_normal(4), 3 * rng.standard_normal(4)
    A = M @ M.T / 4 + 0.1 * np.eye(4)
    matrix, slope = torch.tensor(A), torch.tensor(b)
    w = torch.tensor(w0, requires_grad=True)
    optimiser = torch.optim.SGD([w], **({"lr": 1.0} | settings))
    history, buffers = [w.tolist()], []
    for t in range(STEPS):
        if schedule is not None:
            optimiser.param_groups[0]["lr"] = schedule[t]
        optimiser.zero_grad()
        (w @ matrix @ w / 2 - slope @ w + torch.log(torch.cosh(w)).sum()).backward()
        optimiser.step()
        history.append(w.tolist())
        buffers.append(optimiser.state[w]["momentum_buffer"].tolist())
    return {
        "A": A.tolist(),
        "b": b.tolist(),
        "lr": settings.get("lr", schedule),
        "beta": settings["momentum"],
        "history": history,
        "buffers": buffers,
    }


def eigenvalues() -> dict:
    """Random square matrices, and the largest modulus of their eigenvalues."""
    rng = np.random.default_rng(25)
    matrices = rng.standard_normal((12, 4, 4))
    moduli = torch.linalg.eigvals(torch.tensor(matrices)).abs().amax(dim=1)
    return {"matrices": matrices.tolist(), "radii": moduli.tolist()}


if __name__ == "__main__":
    sys.exit(main())
