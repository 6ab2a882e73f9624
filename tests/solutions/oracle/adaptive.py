"""What PyTorch computes for the exercise on adaptive rates, stored so that the tests need no PyTorch.

    python adaptive.py            compute everything and write adaptive.json beside this file
    python adaptive.py --check    compute everything, compare with that file, name what differs (exit code 1)

It needs torch, NumPy and `_stored.py` beside it, and nothing else of this repository. All numbers are in double
precision, and gradients come from automatic differentiation. PyTorch's Muon makes its steps orthogonal in bfloat16; one
case leaves that as it is, the others put double precision in its place, so that they can be compared digit by digit.
"""

import contextlib
import sys

import numpy as np
import torch
from torch.optim import _muon

STEPS = 30


def main() -> int:
    from _stored import store_or_check  # beside this file, for whoever runs it

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    cases = {
        "adagrad": descend(31, torch.optim.Adagrad, lr=0.3, eps=1e-10),
        "adagrad_large_eps": descend(32, torch.optim.Adagrad, lr=0.8, eps=0.5),
        "rmsprop": descend(33, torch.optim.RMSprop, lr=0.02, alpha=0.95, eps=1e-8),
        "rmsprop_large_eps": descend(34, torch.optim.RMSprop, lr=0.1, alpha=0.9, eps=0.5),
        "adam": descend(35, torch.optim.Adam, lr=0.1, betas=(0.9, 0.999), eps=1e-8),
        "adam_large_eps": descend(36, torch.optim.Adam, lr=0.3, betas=(0.8, 0.95), eps=0.5),
        "adam_coupled": descend(37, torch.optim.Adam, lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.3),
        "adamw": descend(38, torch.optim.AdamW, lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.3),
        "amsgrad": descend(39, torch.optim.Adam, lr=0.1, betas=(0.9, 0.9), eps=1e-4, amsgrad=True),
        "muon": muon(40, lr=0.05, momentum=0.9, weight_decay=0.2),
        "muon_tall": muon(41, shape=(6, 3), lr=0.05, momentum=0.95, weight_decay=0.0),
        "muon_bfloat16": muon(42, exact=False, lr=0.05, momentum=0.95, weight_decay=0.0),
        "newton_schulz": newton_schulz(),
        "clipping": clipping(),
    }
    return store_or_check(
        __file__,
        "torch.optim.Adagrad, RMSprop, Adam, AdamW and Muon, torch.nn.utils.clip_grad_norm_, torch.autograd; "
        "double precision, CPU",
        cases,
    )


def descend(seed: int, method: type, **settings) -> dict:
    """A trajectory of an optimiser on f(w) = w A w / 2 - b w + sum(log(cosh(w))) + (swing at step t) w.

    history[t] are the weights after t steps. The swings are random, so that no two gradients are alike.
    """
    rng = np.random.default_rng(seed)
    M, b, w0 = rng.standard_normal((4, 4)), rng.standard_normal(4), 3 * rng.standard_normal(4)
    A = M @ M.T / 4 + 0.1 * np.eye(4)
    swings = rng.standard_normal((STEPS, 4)) * (1 + 4 * (rng.random((STEPS, 4)) < 0.1))
    matrix, slope, kicks = torch.tensor(A), torch.tensor(b), torch.tensor(swings)
    w = torch.tensor(w0, requires_grad=True)
    optimiser = method([w], **settings)
    history = [w.tolist()]
    for t in range(STEPS):
        optimiser.zero_grad()
        (w @ matrix @ w / 2 - slope @ w + torch.log(torch.cosh(w)).sum() + kicks[t] @ w).backward()
        optimiser.step()
        history.append(w.tolist())
    flat = {name: value for name, value in settings.items() if name not in ("betas", "amsgrad")}
    if "betas" in settings:
        flat["beta1"], flat["beta2"] = settings["betas"]
    return {"A": A.tolist(), "b": b.tolist(), "swings": swings.tolist(), "history": history, **flat}


@contextlib.contextmanager
def double_precision():
    """PyTorch's Newton-Schulz iteration without its rounding to bfloat16."""
    rounding = torch.Tensor.bfloat16
    torch.Tensor.bfloat16 = torch.Tensor.clone
    try:
        yield
    finally:
        torch.Tensor.bfloat16 = rounding


def muon(seed: int, shape: tuple = (3, 5), exact: bool = True, **settings) -> dict:
    """A trajectory of torch.optim.Muon on f(W) = |A (W - B)|^2 / 2 + sum(log(cosh(W))).

    Its weights have a row for each output. history[t] are the weights after t steps.
    """
    rng = np.random.default_rng(seed)
    A, B, W0 = rng.standard_normal((shape[0], shape[0])), rng.standard_normal(shape), rng.standard_normal(shape)
    left, target = torch.tensor(A), torch.tensor(B)
    W = torch.tensor(W0, requires_grad=True)
    optimiser = torch.optim.Muon([W], **settings)
    history = [W.tolist()]
    with double_precision() if exact else contextlib.nullcontext():
        for _ in range(20):
            optimiser.zero_grad()
            (((left @ (W - target)) ** 2).sum() / 2 + torch.log(torch.cosh(W)).sum()).backward()
            optimiser.step()
            history.append(W.tolist())
    return {"A": A.tolist(), "B": B.tolist(), "history": history, **settings}


def newton_schulz() -> dict:
    """Matrices of several shapes, and what PyTorch's iteration makes of them in five rounds and in two."""
    rng, made = np.random.default_rng(43), {}
    with double_precision():
        for name, shape in (("wide", (3, 6)), ("tall", (7, 2)), ("square", (4, 4))):
            G = rng.standard_normal(shape) * rng.uniform(0.01, 100)
            made[name] = G.tolist()
            for rounds in (2, 5):
                made[f"{name}_{rounds}"] = _muon._zeropower_via_newtonschulz(
                    torch.tensor(G), (_muon.DEFAULT_A, _muon.DEFAULT_B, _muon.DEFAULT_C), rounds, _muon.EPS
                ).tolist()
    return made


def clipping() -> dict:
    """Three gradients, and what clip_grad_norm_ makes of them at a limit below their norm and at one above."""
    rng = np.random.default_rng(44)
    arrays = [rng.standard_normal(shape) for shape in ((4,), (2, 3), (1, 5))]
    made = {f"array_{i}": array.tolist() for i, array in enumerate(arrays)}
    for name, limit in (("below", 1.5), ("above", 50.0)):
        parameters = [torch.zeros(array.shape, requires_grad=True) for array in arrays]
        for parameter, array in zip(parameters, arrays, strict=True):
            parameter.grad = torch.tensor(array)
        made[f"{name}_limit"] = limit
        made[f"{name}_norm"] = torch.nn.utils.clip_grad_norm_(parameters, limit).item()
        for i, parameter in enumerate(parameters):
            made[f"{name}_{i}"] = parameter.grad.tolist()
    return made


if __name__ == "__main__":
    sys.exit(main())
