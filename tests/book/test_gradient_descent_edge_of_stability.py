"""Every number that the page `edge_of_stability` states, computed again.

A run at the edge magnifies rounding errors, so what depends on its details is stated, and tested, as a range.
"""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "gradient_descent/edge_of_stability"
SIZES = [(64, 16), (16, 16), (16, 10)]


class Network:
    """The network of the page, written anew: tanh layers, squared error or cross-entropy."""

    def __init__(self):
        with np.load(Path(solutions.__file__).parent / "gradient_descent" / "digits.npz") as data:
            images, labels = data["images"], data["labels"]
        rng = np.random.default_rng(0)
        chosen = rng.permutation(len(labels))[:300]
        self.X = images[chosen] / 16 - np.mean(images[chosen] / 16, axis=0)
        self.Y = np.eye(10)[labels[chosen]]
        start = []
        for a, b in SIZES:
            start += [0.5 * rng.standard_normal(a * b) / np.sqrt(a), np.zeros(b)]
        self.w0 = np.concatenate(start)

    def forward(self, w):
        acts, weights, k = [self.X], [], 0
        for a, b in SIZES:
            A, c = w[k : k + a * b].reshape(a, b), w[k + a * b : k + a * b + b]
            k += a * b + b
            weights.append(A)
            acts.append(np.tanh(acts[-1] @ A + c) if len(weights) < len(SIZES) else acts[-1] @ A + c)
        return acts, weights

    def loss(self, w):
        return 0.5 * np.mean(np.sum((self.forward(w)[0][-1] - self.Y) ** 2, axis=1))

    def grad(self, w, cross_entropy=False):
        acts, weights = self.forward(w)
        out = acts[-1]
        if cross_entropy:
            out = np.exp(out - out.max(axis=1, keepdims=True))
            out = out / out.sum(axis=1, keepdims=True)
        delta, parts = (out - self.Y) / len(self.Y), []
        for i in (2, 1, 0):
            parts = [(acts[i].T @ delta).ravel(), delta.sum(axis=0), *parts]
            delta = delta @ weights[i].T * (1 - acts[i] ** 2)
        return np.concatenate(parts)


def sharpness_gauge(key, grad, steps):
    """sharpness(w) by power iteration that starts from where the last one ended."""
    last = [np.random.default_rng(1).standard_normal(1482)]

    def sharpness(w):
        def hvp(v):
            last[0] = v
            return key.hessian_vector_product(grad, w, v)

        return key.top_hessian_eigenvalue(hvp, last[0], steps)

    return sharpness, last


@pytest.fixture(scope="module")
def key():
    return solutions.load("gradient_descent")


@pytest.fixture(scope="module")
def net():
    return Network()


@pytest.fixture(scope="module")
def runs(key, net):
    return {lr: key.gradient_descent(net.grad, net.w0, lr, 4000) for lr in (0.2, 0.4, 0.8)}


@pytest.fixture(scope="module")
def losses(net, runs):
    return {lr: np.array([net.loss(w) for w in history]) for lr, history in runs.items()}


def test_the_gradient_of_this_file_is_the_gradient(net):
    rng = np.random.default_rng(2)
    v = rng.standard_normal(len(net.w0))
    slope = (net.loss(net.w0 + 1e-6 * v) - net.loss(net.w0 - 1e-6 * v)) / 2e-6
    assert slope == pytest.approx(net.grad(net.w0) @ v, rel=1e-6)


def test_the_network_and_its_first_sharpness(says, key, net):
    says(PAGE, f"{len(net.w0):,} weights in all")
    assert 2e6 < len(net.w0) ** 2 < 2.5e6
    says(PAGE, "two million numbers")
    first = sharpness_gauge(key, net.grad, 60)[0](net.w0)
    says(PAGE, f"All three start at {first:.2f}")
    says(PAGE, f"its sharpness is {first:.1f}, well below")


@pytest.mark.slow
@pytest.mark.parametrize("lr", [0.2, 0.4, 0.8])
def test_the_sharpness_climbs_to_the_line_and_stays(says, key, net, runs, losses, lr):
    _, values = key.track_sharpness(net.grad, sharpness_gauge(key, net.grad, 20)[0], net.w0, lr, 4000, 40)
    median = np.median(values[-25:])
    rose = np.mean(np.diff(losses[lr]) > 0)
    rising = "about 5 %" if lr == 0.4 else f"{rose:.0%}".replace("%", " %")
    assert lr != 0.4 or 0.04 < rose < 0.07
    says(
        PAGE,
        f"| {lr} | {2 / lr:g} | {median:.2f} | {median * lr / 2:.2f} | {rising} | {losses[lr][-1]:.4f} |",
    )
    if lr == 0.2:
        assert (values < 10).all()
        assert values.max() == pytest.approx(8, abs=0.05)
    else:
        assert (np.abs(values[-25:] * lr / 2 - 1) < 0.04).all()


@pytest.mark.slow
def test_a_run_below_the_line_never_goes_uphill(says, losses):
    assert (np.diff(losses[0.2]) < 0).all()
    says(PAGE, "not one uphill step in 4,000")
    assert losses[0.8][-1] < losses[0.4][-1] < losses[0.2][-1]


@pytest.mark.slow
def test_the_frozen_bowl_explodes_and_the_loss_does_not(says, key, net, runs, losses):
    w = runs[0.8][400]
    sharpness, last = sharpness_gauge(key, net.grad, 200)
    top = sharpness(w)
    says(PAGE, f"The sharpness at that point is {top:.2f}")
    says(PAGE, rf"$1 - 0.8 \cdot {top:.2f} = {1 - 0.8 * top:.2f}$".replace("-", "-"))
    g, d = net.grad(w), np.zeros(len(w))
    for _ in range(100):
        d = d - 0.8 * (g + key.hessian_vector_product(net.grad, w, d))
    predicted = net.loss(w) + g @ d + 0.5 * d @ key.hessian_vector_product(net.grad, w, d)
    says(PAGE, f"predicts a loss of {predicted / 1e9:.0f} billion")
    says(PAGE, f"goes from {losses[0.8][400]:.3f} to {losses[0.8][500]:.3f}")
    assert losses[0.8][400:501].min() > 0.06 and losses[0.8][400:501].max() < 0.105
    v = last[0] / np.linalg.norm(last[0])
    along = np.array([net.grad(x) @ v for x in runs[0.8][400:441]])
    assert (along[1:] * along[:-1] < 0).all()
    says(PAGE, "changes sign at each of 40 steps")


@pytest.mark.slow
def test_cross_entropy_never_reaches_the_edge(says, key, net):
    def grad(w):
        return net.grad(w, cross_entropy=True)

    at, values = key.track_sharpness(grad, sharpness_gauge(key, grad, 20)[0], net.w0, 0.4, 4000, 40)
    says(PAGE, f"peaks at {values.max():.2f} after {at[values.argmax()]} steps")
    says(PAGE, f"then falls to {values[-1]:.3f}")


@pytest.mark.slow
def test_the_rate_doubled_at_once_and_slowly(says, key, net, runs):
    start = runs[0.4][2000]
    assert sharpness_gauge(key, net.grad, 100)[0](start) == pytest.approx(5, abs=0.05)
    sudden = np.array([net.loss(w) for w in key.gradient_descent(net.grad, start, 0.8, 15)])
    assert (sudden[:6] > 1).any() and (sudden[:16] > 1000).any()
    says(PAGE, "passes 1 within 5 steps and 1,000 within 15")
    w, seen = start, []
    for step in range(2001):
        seen.append(net.loss(w))
        w = w - (0.4 + 0.4 * min(1, step / 200)) * net.grad(w)
        if step == 600:
            assert 2.45 < sharpness_gauge(key, net.grad, 100)[0](w) < 2.75
    says(PAGE, "from 5 to 2.6")
    assert max(seen) < 0.3
    says(PAGE, "the loss never reaches 0.3")
    assert 0.03 < np.median(seen[550:600]) < 0.05
    says(PAGE, "comes back to about 0.04")
    assert np.median(seen[550:600]) > seen[0] > np.median(seen[-50:])
    says(PAGE, "After 600 steps the loss is still higher than before the change; after 2,000 it is lower")


@pytest.mark.slow
def test_the_bounce_that_finds_the_line(says, key, net, runs, losses):
    gauge = sharpness_gauge(key, net.grad, 60)[0]
    peak = gauge(runs[0.4][640])
    says(PAGE, f"climbs on to {peak:.1f}")
    spike = losses[0.4][600:720]
    assert abs(600 + spike.argmax() - 670) < 20 and spike.max() > 0.3 > losses[0.4][600]
    says(PAGE, "Around step 670 it has grown: the loss leaps above 0.3")
    assert gauge(runs[0.4][760]) < 5.3
