"""The numbers on the page `momentum/under_noise`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "momentum/under_noise"
key = solutions.load("momentum")


def floor(lr, beta, curvature=1.0):
    """The mean loss in the long run, by solving C = M C M' + noise."""
    M, kick = np.array([[1 - lr * curvature, -lr * beta], [curvature, beta]]), np.array([-lr, 1.0])
    C = np.linalg.solve(np.eye(4) - np.kron(M, M), np.outer(kick, kick).ravel())
    return 0.5 * curvature * C[0]


def test_the_formula_for_the_floor():
    for lr, beta, c in ((0.1, 0.0, 1.0), (0.01, 0.9, 1.0), (0.5, 0.9, 2.0), (0.3, 0.5, 4.0), (0.001, 0.99, 3.0)):
        effective = lr / (1 - beta)
        assert key.effective_lr(lr, beta) == pytest.approx(effective)
        assert floor(lr, beta, c) == pytest.approx(effective / 2 / (2 - lr * c / (1 + beta)))


def test_three_runs(says):
    a, b, c = floor(0.1, 0), floor(0.01, 0.9), floor(0.1, 0.9)
    says(PAGE, f"Runs (a) and (b) end at {a:.3f} and {b:.3f}. Run (c) ends at {c:.2f}.")
    assert 9 < c / b < 11  # "ten times as high"


def test_measured_floors():
    for lr, beta in ((0.1, 0.0), (0.01, 0.9), (0.1, 0.9)):
        rng, w, v, losses = np.random.default_rng(5), np.zeros(2000), np.zeros(2000), []
        for step in range(500):
            v = beta * v + w + rng.standard_normal(2000)
            w = w - lr * v
            if step >= 200:
                losses.append(np.mean(w**2 / 2))
        assert np.mean(losses) == pytest.approx(floor(lr, beta), rel=0.03)


def test_at_equal_effective_rates_memory_hardly_matters(says):
    none, long = floor(0.1, 0), floor(0.001, 0.99)
    says(
        PAGE,
        f"no memory at all gives {none:.4f}, and a memory of a hundred gradients {long:.4f}: "
        f"{1 - long / none:.0%}".replace("%", " %")
        + " less",
    )
    says(
        PAGE,
        f"at 1 plain SGD is at {floor(1, 0):.2f}, and the others lie between {floor(0.01, 0.99):.2f} and "
        f"{floor(0.5, 0.5):.2f}.",
    )


def test_the_digits(says):
    with np.load(Path(solutions.__file__).parent / "momentum" / "digits.npz") as data:
        X = np.hstack([data["images"] / 16, np.ones((1797, 1))])
        Y = np.eye(10)[data["labels"]]

    def softmax(scores):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def end(lr, beta):
        rng, W, V = np.random.default_rng(0), np.zeros((65, 10)), np.zeros((65, 10))
        for _ in range(600):
            i = rng.integers(0, 1797, 32)
            V = beta * V + X[i].T @ (softmax(X[i] @ W) - Y[i]) / 32
            W = W - lr * V
        return -np.mean(np.log((softmax(X @ W) * Y).sum(axis=1)))

    a, b, c, d = end(0.2, 0), end(0.02, 0.9), end(0.2, 0.9), end(2.0, 0)
    says(PAGE, f"read {a:.3f} and {b:.3f} at the end")
    says(PAGE, f"It looks like a triumph of momentum, {c:.3f} for {a:.3f}.")
    says(PAGE, f"the rate 2, and it reads {d:.3f}.")


def steps_to(target, batch, betas):
    """Fewest steps to the target over 40 rates for each beta: the second moments, followed exactly."""
    bowl, best = np.geomspace(0.01, 1, 20), 3000
    for beta in betas:
        lr = np.geomspace(1e-3 * (1 - beta), 1.98 * (1 + beta), 40)
        M = np.array(
            [
                [1 - np.outer(bowl, lr), np.tile(-lr * beta, (20, 1))],
                [np.tile(bowl[:, None], 40), np.full((20, 40), beta)],
            ]
        )
        M = M.transpose(2, 3, 0, 1)  # (20, 40, 2, 2)
        kick = np.stack([-lr, np.ones(40)], axis=-1)  # (40, 2)
        noise = bowl[:, None, None, None] / batch * kick[:, :, None] * kick[:, None, :]
        C = np.zeros((20, 40, 2, 2))
        C[..., 0, 0] = 1
        for step in range(best):
            if (0.5 * (bowl[:, None] * C[..., 0, 0]).sum(axis=0) <= target).any():
                best = step
                break
            C = np.clip(M @ C @ M.transpose(0, 1, 3, 2) + noise, -1e12, 1e12)
    return best


def test_momentum_pays_where_curvature_decides(says):
    plain, heavy = steps_to(0.002, 65_536, [0.0]), steps_to(0.002, 65_536, [0.5, 0.7, 0.8, 0.9])
    says(PAGE, f"At 65,536 it is {heavy} against {plain}.")
    says(PAGE, f"no memory: {plain}")
    says(PAGE, f"momentum: {heavy}")


def test_momentum_gains_nothing_where_noise_decides(says):
    plain, heavy = steps_to(0.002, 64, [0.0]), steps_to(0.002, 64, [0.8, 0.5])
    says(PAGE, f"At a batch of 64 it is {heavy:,} steps against {plain:,}.")
    assert 0.95 < heavy / plain < 1
