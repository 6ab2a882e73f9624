"""Every number that the page `chain_rule` states, computed again."""

import numpy as np
import pytest

PAGE = "backprop/chain_rule"
INPUTS, TARGETS = np.array([0.05, 0.10]), np.array([0.01, 0.99])
FIRST = np.array([[0.15, 0.20], [0.25, 0.30]])  # a row for each hidden neuron: w1 w2 / w3 w4
SECOND = np.array([[0.40, 0.45], [0.50, 0.55]])  # w5 w6 / w7 w8


def squash(z):
    return 1 / (1 + np.exp(-z))


def forward(first, second):
    hidden = squash(first @ INPUTS + 0.35)
    outputs = squash(second @ hidden + 0.60)
    return hidden, outputs, 0.5 * np.sum((outputs - TARGETS) ** 2)


def step(first, second, early=False):
    """One update at rate 0.5; `early` finds the hidden slopes with output weights that are already new."""
    hidden, outputs, _ = forward(first, second)
    at_outputs = (outputs - TARGETS) * outputs * (1 - outputs)
    new = second - 0.5 * np.outer(at_outputs, hidden)
    at_hidden = (new if early else second).T @ at_outputs * hidden * (1 - hidden)
    return first - 0.5 * np.outer(at_hidden, INPUTS), new


def train(updates, early=False):
    first, second = FIRST, SECOND
    for _ in range(updates):
        first, second = step(first, second, early)
    return first, second


@pytest.fixture(scope="module")
def long_runs():
    return {early: [forward(*train(9_999, early)), forward(*train(10_000, early))] for early in (False, True)}


def test_two_numbers_in_a_row(says):
    h = 1e-6
    slope = ((3 * (2 + h)) ** 2 - (3 * (2 - h)) ** 2) / (2 * h)
    says(PAGE, rf"$12 \cdot 3 = {slope:.0f}$ times as far as $w$")


def test_roads_that_meet_add(says):
    h = 1e-6

    def f(w):
        return w**2 * (w + 1)

    total = (f(3 + h) - f(3 - h)) / (2 * h)
    says(PAGE, rf"The road over $a$ gives $4 \cdot 6 = {4 * 6}$. The road over $b$ gives $9 \cdot 1 = {9}$.")
    says(PAGE, f"Together {total:.0f}, and")


def test_diamonds_in_a_row(says):
    says(PAGE, f"$2^{{10}} = {2**10:,}$ roads".replace(",", "{,}"))
    assert 0.9e15 < 2**50 < 1.2e15
    says(PAGE, "Put fifty, and there are $10^{15}$")
    says(PAGE, f"Fifty diamonds have {50 * 4} edges")


def test_mazur_forwards(says):
    hidden, outputs, loss = forward(FIRST, SECOND)
    says(PAGE, f"= {FIRST[0] @ INPUTS + 0.35:.4f}$, and squashes it to {hidden[0]:.9f}")
    says(PAGE, f"{hidden[1]:.9f} for the second hidden neuron, {outputs[0]:.9f} and {outputs[1]:.9f} for the outputs")
    says(PAGE, f"The loss is {loss:.9f}.")
    assert f"{loss:.9f}" == "0.298371109"


def test_mazur_w5(says):
    hidden, outputs, _ = forward(FIRST, SECOND)
    miss, squashing = outputs - TARGETS, outputs * (1 - outputs)
    says(PAGE, rf"$\bar o_1 = o_1 - t_1 = {miss[0]:.9f}$")
    says(PAGE, f"$o_1(1 - o_1) = {squashing[0]:.9f}$")
    slope = miss[0] * squashing[0] * hidden[0]
    says(PAGE, rf"$\bar w_5 = {slope:.9f}$")
    says(PAGE, rf"$0.40 - 0.5 \cdot {slope:.9f} = {0.4 - 0.5 * slope:.9f}$")


def test_mazur_w1(says):
    hidden, outputs, _ = forward(FIRST, SECOND)
    at_outputs = (outputs - TARGETS) * outputs * (1 - outputs)
    over = SECOND[:, 0] * at_outputs
    says(PAGE, rf"\underbrace{{{over[0]:.9f}}}_{{\text{{over }} o_1}} \; \underbrace{{-\,{-over[1]:.9f}}}")
    says(PAGE, f"= {over.sum():.9f} .$$")
    squashing = hidden[0] * (1 - hidden[0])
    says(PAGE, f"$h_1(1-h_1) = {squashing:.9f}$")
    slope = over.sum() * squashing * 0.05
    says(PAGE, rf"\cdot 0.05 = {slope:.9f}, \qquad w_1 \leftarrow {0.15 - 0.5 * slope:.9f} .$$")
    says(PAGE, f"published as −0.019049119, and here it is −{-over[1]:.9f}")


def test_blame_of_w1_and_w5(says):
    first, second = step(FIRST, SECOND)
    blame = 2 * np.concatenate([(FIRST - first).ravel(), (SECOND - second).ravel()])
    says(PAGE, f"{blame[4] / blame[0]:.0f} times smaller")
    assert set(np.argsort(-np.abs(blame))[:2]) == {4, 5}
    assert np.argmax(np.abs(blame)) == 5


def test_the_eight_published_weights():
    first, second = step(FIRST, SECOND)
    assert [f"{w:.8f}" for w in first.ravel()[1:]] == ["0.19956143", "0.24975114", "0.29950229"]
    assert f"{first[0, 0]:.9f}" == "0.149780716"
    assert f"{second[0, 0]:.8f}" == "0.35891648"
    assert [f"{w:.9f}" for w in second.ravel()[1:]] == ["0.408666186", "0.511301270", "0.561370121"]


def test_one_published_figure_is_a_matter_of_counting(says, long_runs):
    before, after = (end[2] for end in long_runs[False])
    says(PAGE, f"The loss {before:.10f} belongs to 9,999 updates")
    assert f"{after:.10f}" == "0.0000351019"


def test_three_published_figures_come_from_the_fault(says, long_runs):
    says(PAGE, f"published as {forward(*train(1, early=True))[2]:.9f}")
    says(PAGE, f"it comes out as {forward(*train(1))[2]:.9f}")
    outputs = long_runs[True][1][1]
    says(PAGE, f"the loss of {outputs[0]:.9f} and {outputs[1]:.9f} by hand")
    by_hand = 0.5 * ((0.015912196 - 0.01) ** 2 + (0.984065734 - 0.99) ** 2)
    says(PAGE, f"it is {by_hand:.10f}, not 0.0000351085")
    assert f"{outputs[0]:.9f} {outputs[1]:.9f}" == "0.015912196 0.984065734"


def test_the_fault_trains_as_well(says, long_runs):
    less = 1 - long_runs[True][1][2] / long_runs[False][1][2]
    says(PAGE, f"a loss that is {100 * less:.2f} % smaller")
