"""The numbers on the page `adaptive/after_adam`, computed again."""

import numpy as np
import pytest

import solutions

PAGE = "adaptive/after_adam"
key = solutions.load("adaptive")


def test_the_size_of_an_adam_step_on_noise(says):
    says(PAGE, f"= {np.sqrt(0.1 / 1.9):.3f}$$")
    rng, w, m, v, sizes = np.random.default_rng(7), np.zeros(1000), np.zeros(1000), np.zeros(1000), []
    for t in range(1, 1501):
        before = w
        w, m, v = key.adam_step(w, rng.standard_normal(1000), m, v, t, 1.0)
        sizes.append(np.sqrt(np.mean((w - before) ** 2)))
    assert np.mean(sizes[-500:]) == pytest.approx(np.sqrt(0.1 / 1.9), rel=0.02)
    assert 1 / np.sqrt(0.1 / 1.9) > 4
    says(PAGE, "more than four times as long as an Adam step")


def test_the_first_step_of_shampoo_is_orthogonal():
    G = np.random.default_rng(11).standard_normal((5, 5))
    U, s, Vt = np.linalg.svd(G)
    left, right = U @ np.diag(s**-0.5) @ U.T, Vt.T @ np.diag(s**-0.5) @ Vt
    np.testing.assert_allclose(np.linalg.matrix_power(np.linalg.inv(left), 4), G @ G.T, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(left @ G @ right, U @ Vt, atol=1e-10)


def test_five_rounds_of_the_polynomial(says):
    s = np.linspace(0.01, 1, 4000)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    says(
        PAGE,
        f"Five rounds take 0.01 to {s[0]:.2f} and everything above into the range from {s.min():.2f} to {s.max():.2f}",
    )


def test_a_real_velocity(says):
    from pathlib import Path

    with np.load(Path(solutions.__file__).parent / "adaptive" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"].astype(int)
    X, y = (images - images.mean(axis=0)) / 16, np.eye(10)[labels]
    W, velocity = np.zeros((64, 10)), np.zeros((64, 10))
    for _ in range(30):
        p = np.exp(X @ W)
        velocity = 0.95 * velocity + X.T @ (p / p.sum(axis=1, keepdims=True) - y) / len(y)
        W = W - 0.02 * velocity
    s = np.linalg.svd(velocity, compute_uv=False) / np.linalg.norm(velocity)
    says(PAGE, f"its largest singular value is {s[0] / s[8]:.1f} times its ninth")
    says(PAGE, f"falling from {s[0]:.2f} to {s[8]:.2f} and 0")
    after = np.sort(np.linalg.svd(key.newton_schulz(velocity), compute_uv=False))[::-1]
    says(PAGE, f"nine of them between {after[8]:.2f} and {after[0]:.2f}")
    assert s[9] < 1e-12 and after[9] < 1e-9
    np.testing.assert_allclose(velocity.sum(axis=1), 0, atol=1e-12)


def run(method, turn):
    H, target = np.diag([1.0, 5.0, 25.0, 125.0]), np.arange(12.0).reshape(4, 3) / 7 - 0.6
    W, M, V = np.zeros((4, 3)), np.zeros((4, 3)), np.zeros((4, 3))

    def exact(matrix):
        U, _, Vt = np.linalg.svd(matrix, full_matrices=False)
        return U @ Vt

    for t in range(1, 41):
        G = turn @ (H @ (turn.T @ W - target)) + 0.1 * turn @ np.ones((4, 3)) * np.cos(t * np.arange(3))
        if method == "muon":
            W, M = key.muon_step(W, G, M, exact, lr=0.02)
        else:
            W, M, V = key.adam_step(W, G, M, V, t, lr=0.02)
    return turn.T @ W


def test_muon_turns_with_the_axes_and_adam_does_not():
    Q, _ = np.linalg.qr(np.random.default_rng(12).standard_normal((4, 4)))
    np.testing.assert_allclose(run("muon", Q), run("muon", np.eye(4)), atol=1e-9)
    assert np.abs(run("adam", Q) - run("adam", np.eye(4))).max() > 0.05


def test_what_is_stored(says):
    for numbers, methods in ((1, "momentum, Lion, Muon"), (2, "Adam, AdamW"), (3, "AMSGrad")):
        says(PAGE, f"| {methods} |")
        says(PAGE, f"| {numbers} | {numbers * 7 * 4} GB |")
