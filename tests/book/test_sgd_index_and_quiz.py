"""The numbers of the pages `index` and `quiz`, computed again."""

from pathlib import Path

import numpy as np

import solutions

INDEX, QUIZ = "sgd/index", "sgd/quiz"
key = solutions.load("sgd")


def test_images_needed_by_the_exact_and_by_the_stochastic(says):
    with np.load(Path(solutions.__file__).parent / "sgd" / "digits.npz") as data:
        images, labels = data["images"].astype(float), data["labels"].astype(int)
    train = np.random.default_rng(0).permutation(len(labels))[:1297]
    X = np.column_stack([(images - images[train].mean(axis=0)) / 16, np.ones(len(labels))])[train]
    y = labels[train]

    def images_needed(batches, lr):
        W, read = np.zeros((65, 10)), 0
        for rows in batches:
            W, read = W - lr * key.softmax_loss_and_grad(W, X[rows], y[rows])[1], read + len(rows)
            if key.softmax_loss_and_grad(W, X, y)[0] <= 0.2:
                return read

    everything = [np.arange(1297)] * 60
    exact = {lr: images_needed(everything, lr) for lr in (8, 16, 24, 32, 40, 48, 56)}
    assert exact[32] == min(exact.values()) == 6 * 1297
    says(INDEX, f"takes it six steps. It has then looked at {exact[32]:,} images")
    needed = []
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(1297)
        needed.append(images_needed([order[i : i + 16] for i in range(0, 1297, 16)], 8.0))
    says(INDEX, f"after about {round(np.mean(needed), -1):.0f} images")
    assert np.mean(needed) < 1297 / 2 and max(needed) < 1297
    says(INDEX, f"after {min(needed)} to {max(needed)} images")
    says(INDEX, f"the exact step is {1297 / 16:.0f} times as dear")
    assert round(300e9 / 3.2e6, -5) == 100_000
    says(INDEX, "it would be about 100,000 times as dear")


def test_question_1_the_factor(says):
    says(QUIZ, f"goes from {(1e6 - 100) / (1e6 - 1):.5f} to {(1e7 - 100) / (1e7 - 1):.5f}")


def test_question_2_rate_and_batch():
    floor = key.noise_floor(1.0, 0.001, 1.0, 8)
    for lr, B in ((0.0005, 8), (0.001, 16)):
        assert abs(key.noise_floor(1.0, lr, 1.0, B) / floor - 0.5) < 1e-3


def test_question_5_the_rates(says):
    says(QUIZ, f"a batch of 256 with the rate {key.linear_scaling(0.1, 32, 256):.1f}")
    says(QUIZ, f"32,768 with the rate {key.linear_scaling(0.1, 32, 32768):.1f}")
    assert 256 / 32 == 8 and 32768 / 32 == 1024


def test_question_6_an_average_from_the_first_step():
    steps = np.arange(1, 201)
    path = np.maximum(0, 1 - steps / 100)[:, None]
    history = np.concatenate([[[1.0]], path])
    assert key.average_iterates(history, 0)[0] > 0.2 and key.average_iterates(history, 100)[0] == 0
