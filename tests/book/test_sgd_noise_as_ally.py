"""The numbers on the page `sgd/noise_as_ally`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "sgd/noise_as_ally"
key = solutions.load("sgd")
RATE = 0.05


def escape(strength, start=0.0, runs=2000):
    """First step with |u| at 1/2 or beyond, on the slope u^3 - u."""
    rng = np.random.default_rng(0)
    u, first = np.full(runs, start), np.zeros(runs)
    for t in range(1, 1500):
        u = u - RATE * (u**3 - u + strength * rng.standard_normal(runs))
        first[(np.abs(u) >= 0.5) & (first == 0)] = t
        if first.all():
            return first


def predicted_median(strength):
    growth = 1 + RATE
    wanted = (0.5 / 0.6745 / (RATE * strength)) ** 2 * (growth**2 - 1)
    return np.log(1 + wanted) / (2 * np.log(growth))


def test_leaving_a_saddle(says):
    half = np.median(escape(0.01))
    says(PAGE, f"At $s = 0.01$ the formula says {predicted_median(0.01):.0f} steps")
    says(PAGE, f"and half of the runs have left after {half:.0f}.")
    says(PAGE, f"= {np.log(10) / np.log(1.05):.0f}$ steps and no more")
    says(PAGE, f"from $\\varepsilon = 10^{{-12}}$ needs {escape(0.0, 1e-12, 1)[0]:.0f} steps")
    assert np.log(0.5e12) / np.log(1.05) == pytest.approx(escape(0.0, 1e-12, 1)[0], abs=5)
    assert not np.any(escape(0.0, 0.0, 1))
    for strength in (1e-6, 0.1):
        assert np.median(escape(strength)) == pytest.approx(predicted_median(strength), abs=4)
    assert abs(np.median(escape(1e-6)) - 315) < 5 and abs(np.median(escape(0.1)) - 80) < 5
    says(PAGE, "from about 315 steps at 1e-6 to 80 at 0.1")


def test_equal_units_stay_equal(says):
    rng = np.random.default_rng(3)
    a = b = np.full(2, 0.5)
    for _ in range(500):
        x = rng.standard_normal(4)
        hidden = np.tanh(x[:, None] * a)
        miss = hidden @ b - np.sin(2 * x)
        a, b = (
            a - 0.1 * np.mean((1 - hidden**2) * b * (miss * x)[:, None], axis=0),
            b - 0.1 * np.mean(hidden * miss[:, None], axis=0),
        )
    assert abs(a[0] - a[1]) + abs(b[0] - b[1]) < 1e-12 and abs(a[0] - 0.5) > 0.1
    says(PAGE, "So they remain equal, whatever the noise.")


def test_averaging_goes_below_the_floor(says):
    curvature = np.array([1.0, 0.3, 0.1])
    floor = sum(key.noise_floor(lam, 0.2, 1.0, 1) for lam in curvature)
    average = np.sum(1 / curvature) / (2 * 19_500)
    says(PAGE, f"The floor is {floor:.3f}.")
    says(PAGE, f"= {average:.5f}$. That is {floor / average:.0f} times below the floor")
    rng = np.random.default_rng(0)
    w, total, last = np.full((200, 3), 2.0), np.zeros((200, 3)), []
    for t in range(1, 20_001):
        w = w - 0.2 * (curvature * w + rng.standard_normal((200, 3)))
        if t > 500:
            total += w
            last.append(np.mean(curvature * w**2) * 1.5)
    mean = np.mean(curvature * (total / 19_500) ** 2) * 1.5
    assert np.mean(last) == pytest.approx(floor, rel=0.02) and mean == pytest.approx(average, rel=0.2)
    assert floor / mean > 400
    says(PAGE, "ends more than 400 times below it")
    says(PAGE, f"along the predicted line, to {mean:.5f}"[:-1])


def test_averaging_reads_digits(says):
    with np.load(Path(solutions.__file__).parent / "sgd" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"].astype(int)
    order = np.random.default_rng(0).permutation(len(labels))
    X = np.column_stack([(images - images[order[:1297]].mean(axis=0)) / 16, np.ones(len(labels))])
    train, held = order[:1297], order[1297:]
    found = []
    for seed in range(5):
        rng, W, points = np.random.default_rng(seed), np.zeros((65, 10)), []
        for _ in range(10):
            shuffled = train[rng.permutation(1297)]
            for first in range(0, 1297, 4):
                rows = shuffled[first : first + 4]
                W = W - 16 * key.softmax_loss_and_grad(W, X[rows], labels[rows])[1]
                points.append(W)
        half = (len(points) + 1) // 2
        for V in (W, np.mean(points[half:], axis=0)):
            loss = key.softmax_loss_and_grad(V, X[train], labels[train])[0]
            found += [loss, 100 * np.mean(np.argmax(X[held] @ V, axis=1) == labels[held])]
    last, read, mean, better = np.mean(np.reshape(found, (5, 4)), axis=0)
    says(PAGE, f"The last point has a training loss of {last:.3f} and reads {read:.1f} %")
    says(PAGE, f"The mean over the second half of the same runs has {mean:.3f} and reads {better:.1f} %.")


def drift(sigma, steps=2000):
    rng = np.random.default_rng(0)
    a, b, gap = np.full(200, 3.0), np.full(200, 1 / 3), []
    for _ in range(steps):
        gap.append(np.mean(a**2 - b**2))
        e = a * b - 1 - sigma * rng.standard_normal(200)
        a, b = a - RATE * e * b, b - RATE * e * a
    return np.array(gap)


def test_one_exact_identity():
    a, b, y, lr = 1.7, -0.4, 0.9, 0.13
    e = a * b - y
    c, d = a - lr * e * b, b - lr * e * a
    assert c**2 - d**2 == pytest.approx((1 - lr**2 * e**2) * (a**2 - b**2))


def test_the_drift_to_flat_places(says):
    says(PAGE, f"At $(3, \\tfrac13)$ it is {9 + 1 / 9:.2f}.")
    gap, expected = drift(0.5), [9 - 1 / 9]
    while expected[-1] > expected[0] / 2:
        sharpness = np.sqrt(expected[-1] ** 2 + 4)
        expected.append(expected[-1] * (1 - RATE**2 * 2 * 0.25 / (2 - RATE * sharpness)))
    says(PAGE, f"half of the imbalance is gone after {np.argmax(gap < gap[0] / 2)} steps")
    says(PAGE, f"the prediction is {len(expected) - 1}.")
    assert drift(0.0)[-1] == pytest.approx(9 - 1 / 9)
    hessian = np.array([[1 / 9, 1.0], [1.0, 9.0]])  # of (ab - 1)^2 / 2 at (3, 1/3): the gradient's outer product
    assert np.linalg.eigvalsh(hessian)[-1] == pytest.approx(9 + 1 / 9)
