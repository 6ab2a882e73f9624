"""The numbers on the page `sgd/epochs_and_shuffling`, computed again."""

from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "sgd/epochs_and_shuffling"
key = solutions.load("sgd")


def floors(lr, N):
    """Shuffled and drawn: long-run variances at the ends of epochs, as the page's formula has them."""
    a = lr * (1 - lr) ** np.arange(N)
    return N / (N - 1) * np.sum((a - a.mean()) ** 2) / (1 - (1 - lr) ** (2 * N)), lr / (2 - lr)


def test_a_third_is_never_drawn(says):
    seen = len(set(np.random.default_rng(0).integers(1297, size=1297))) / 1297
    assert 0.6 < seen < 2 / 3
    says(PAGE, "More than a third of the data has played no part")


@pytest.mark.parametrize("lr", [0.01, 0.1])
def test_the_shuffled_floor_is_as_derived(lr):
    rng = np.random.default_rng(2)
    x = rng.standard_normal(50)
    x = (x - x.mean()) / x.std()
    w, squares = np.zeros(500), []
    for _ in range(60):
        order = np.argsort(rng.random((500, 50)), axis=1)
        for k in range(50):
            w = w - lr * (w - x[order[:, k]])
        squares.append(np.mean(w**2))
    assert np.mean(squares[15:]) == pytest.approx(floors(lr, 50)[0], rel=0.1)


def test_how_much_shuffling_gains(says):
    ratio = {product: np.divide(*floors(product / 50, 50)) for product in (0.1, 1)}
    says(PAGE, f"At $\\eta N = 1$ the shuffled floor is {100 * ratio[1]:.1f} % of the other one")
    says(PAGE, f"where the short formula says {100 / 12:.1f} %. At $\\eta N = 0.1$ it is {100 * ratio[0.1]:.2f} %.")
    shuffled, drawn = floors(1e-4, 50)
    finer, fewer = floors(1e-5, 50)
    assert shuffled / finer == pytest.approx(1000, rel=0.02) and drawn / fewer == pytest.approx(10, rel=0.01)
    says(PAGE, "lowers the floor 10-fold. With shuffles it lowers it 1,000-fold.")
    assert floors(1e-4, 50)[0] == pytest.approx(1e-12 * 2500 / 24, rel=0.03)


@pytest.fixture(scope="module")
def ways():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((64, 5))
    target = A @ np.ones(5) + rng.standard_normal(64)
    best = np.linalg.solve(A.T @ A, A.T @ target)

    def run(choose):
        rng = np.random.default_rng(1)
        once = np.argsort(rng.random((60, 64)), axis=1)
        w, found = np.zeros((60, 5)), []
        for epoch in range(400):
            order = choose(rng, once)
            for k in range(64):
                row, y = A[order[:, k]], target[order[:, k]]
                w = w - 8 / (64 * (epoch + 8)) * ((row * w).sum(axis=1) - y)[:, None] * row
            found.append(np.mean(((w - best) ** 2).sum(axis=1)))
        return np.array(found)

    return {
        "drawn": run(lambda rng, once: rng.integers(64, size=(60, 64))),
        "once": run(lambda rng, once: once),
        "each": run(lambda rng, once: np.argsort(rng.random((60, 64)), axis=1)),
    }


def test_three_ways_three_exponents(says, ways):
    k = np.log(np.arange(100, 401) + 7.0)
    slopes = {way: -np.polyfit(k, np.log(found[99:]), 1)[0] for way, found in ways.items()}
    says(PAGE, f"the exponents are −{slopes['drawn']:.2f}, −{slopes['once']:.2f} and −{slopes['each']:.2f}")
    for way, exponent in (("drawn", 1), ("once", 2), ("each", 3)):
        assert slopes[way] == pytest.approx(exponent, abs=0.25)
        says(PAGE, f"near {ways[way][-1]:.0e}".replace("e-0", "e-"))
    assert round(np.log10(ways["drawn"][-1] / ways["each"][-1])) == 4
    says(PAGE, "four digits more")
    first = np.array([found[:3] for found in ways.values()])
    assert (first.max(axis=0) / first.min(axis=0)).max() < 2 < ways["drawn"][9] / ways["once"][9]
    says(PAGE, "During the first three the curves stay within a factor of two")


class Digits:
    def __init__(self):
        with np.load(Path(solutions.__file__).parent / "sgd" / "digits.npz") as data:
            images, labels = data["images"].astype(float), data["labels"].astype(int)
        order = np.random.default_rng(0).permutation(len(labels))
        self.train, self.held = order[:1297], order[1297:]
        self.X = np.column_stack([(images - images[self.train].mean(axis=0)) / 16, np.ones(len(labels))])
        self.labels = labels
        self.y = labels[self.train]
        self.by_class = np.argsort(self.y, kind="stable")

    def answers(self, order):
        """Held-out answers after every step through the training images in this order, 16 at a time, rate 0.5."""
        W, found = np.zeros((65, 10)), []
        for first in range(0, len(order), 16):
            rows = self.train[order[first : first + 16]]
            W = W - 0.5 * key.softmax_loss_and_grad(W, self.X[rows], self.labels[rows])[1]
            found.append(np.argmax(self.X[self.held] @ W, axis=1))
        return np.array(found)

    def accuracy(self, answers):
        return np.mean(answers == self.labels[self.held], axis=-1)


@pytest.fixture(scope="module")
def digits():
    return Digits()


def test_sorted_data(says, digits):
    sizes = np.bincount(digits.y)
    says(PAGE, f"an epoch that ended with {sizes[9]} images of nines")
    says(PAGE, f"Ours holds {sizes.min()} to {sizes.max()} of a kind in a row")
    answers = digits.answers(digits.by_class)
    share = digits.accuracy(answers)
    says(PAGE, f"It reads {100 * share[-1]:.1f} % in the end, after {100 * share.max():.1f} % at its best.")
    nines = np.mean(digits.labels[digits.held] == 9)
    says(PAGE, f'Of its 500 answers {100 * np.mean(answers[-1] == 9):.0f} % are "9", where {100 * nines:.0f} %')


def test_a_second_epoch_in_the_same_order(says, digits):
    W = np.zeros((65, 10))
    for _ in range(2):
        for first in range(0, 1297, 16):
            rows = digits.train[digits.by_class[first : first + 16]]
            W = W - 0.5 * key.softmax_loss_and_grad(W, digits.X[rows], digits.labels[rows])[1]
    share = digits.accuracy(np.argmax(digits.X[digits.held] @ W, axis=1))
    says(PAGE, f"A second epoch in the same order brings {100 * share:.1f} %")


def test_buffers(says, digits):
    def handed_out(size, seed):
        rng = np.random.default_rng(seed)
        held, out = list(digits.by_class[:size]), []
        for example in digits.by_class[size:]:
            k = rng.integers(size)
            out.append(held[k])
            held[k] = example
        rng.shuffle(held)
        return np.array(out + held)

    share = {
        k: np.mean([digits.accuracy(digits.answers(handed_out(k, seed))[-1]) for seed in range(10)])
        for k in (1, 64, 512, 1297)
    }
    says(PAGE, f"one epoch at rate 0.5 reads about {100 * share[1297]:.0f} % of the held-out digits")
    assert share[64] - share[1] < 0.03 and share[512] > 0.85
    says(PAGE, "A buffer of 64 hardly helps, 512 nearly repairs the damage")
