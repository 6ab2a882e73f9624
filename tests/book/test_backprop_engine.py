"""Every number that the page `engine` states, computed again with another engine: plain NumPy."""

import re
from pathlib import Path

import numpy as np

PAGE = "backprop/engine"
SOURCE = Path(__file__).resolve().parents[2] / "book" / f"{PAGE}.md"


def rows_and_edges(hidden, examples):
    """Rows on the tape and local slopes, for the page's network and its loss over some examples.

    A hidden neuron adds seven rows (three products, three sums, a squashing) with 2 * 6 + 1 = 13 local slopes.
    """
    each_rows, each_edges = 7 * hidden + 1, 13 * hidden + 1
    return each_rows * examples, each_edges * examples


def test_the_engine_has_about_sixty_lines():
    cells = re.findall(r"```\{code-cell\} ipython3\n(?!:tags|---)(.*?)```", SOURCE.read_text(encoding="utf-8"), re.S)
    engine = [cell for cell in cells if re.search(r"^(def|import math)", cell, re.M) and "perf_counter" not in cell]
    lines = [line for cell in engine for line in cell.splitlines()]
    assert 50 <= len(lines) <= 65, len(lines)


def test_the_diamond(says):
    w = 3.0
    says(PAGE, f"it is {3 * w**2 + 2 * w:.0f}, as it was by hand")


def test_orders(says):
    b = 2.0
    says(PAGE, rf"$(2b + 1) \cdot 2 = {(2 * b + 1) * 2:.0f}$")
    says(PAGE, f"It hands $1 \\cdot 2 = {1 * 2}$ to $w$")
    says(PAGE, f"pays another {2 * b:.0f} to $b$")
    says(PAGE, f"$2 + {2 * (1 + 2 * b):.0f} = {2 + 2 * (1 + 2 * b):.0f}$")


def test_road_by_road(says):
    says(
        PAGE,
        f"Sixteen doublings have {2**16:,} roads. Road by road means {2**17 - 1:,} visits; the tape needs {16 + 1}.",
    )
    years = (2**51 - 1) / 1e6 / (365.25 * 24 * 3600)
    says(PAGE, f"the first would take {years:.0f} years")


def test_rows_of_one_step(says):
    network = rows_and_edges(8, 60)[0]
    # 33 weights and the starting sum; for each example two inputs, a label, a factor 1/60, and four operations
    rows = 33 + 1 + network + 60 * 8
    says(PAGE, f"Each step recorded {rows:,} rows")
    says(PAGE, f"all {8 * 4 + 1} weights")


def test_the_ring_is_learned(says):
    rng = np.random.default_rng(3)
    points = rng.uniform(-1.5, 1.5, (60, 2))
    labels = np.where((points**2).sum(axis=1) < 1, 1.0, -1.0)
    weights = rng.standard_normal(33) * 0.8
    losses = []
    for _ in range(150):
        neurons, bias = weights[:32].reshape(8, 4), weights[32]
        hidden = np.tanh(points @ neurons[:, :2].T + neurons[:, 2])  # (60, 8)
        answer = np.tanh(hidden @ neurons[:, 3] + bias)
        losses.append(np.mean((answer - labels) ** 2))
        back = 2 * (answer - labels) / 60 * (1 - answer**2)
        inner = np.outer(back, neurons[:, 3]) * (1 - hidden**2)
        change = np.column_stack([inner.T @ points, inner.sum(axis=0), hidden.T @ back]).ravel()
        weights = weights - 0.4 * np.append(change, back.sum())
    says(PAGE, f"The loss fell from {losses[0]:.3f} to {losses[-1]:.3f}")


def test_forwards_against_backwards(says):
    weights = 4 * 1024 + 1
    walk = rows_and_edges(1024, 1)[1] + 3  # the difference has two local slopes, the square one
    says(PAGE, f"{walk:,} multiplications for {weights:,} weights")
    says(PAGE, f"that makes {weights * walk / 1e6:.0f} million")
    small = rows_and_edges(2, 1)[1] + 3
    says(PAGE, f"from {9 * small} multiplications at 9 weights to {weights * walk / 1e6:.0f} million at {weights:,}")
    says(PAGE, f"from {small} to {walk:,}")


def test_one_row_a_number_is_too_slow(says):
    sequence = 96 * 2048 * 12288 * (34 + 5 * 96 * 2048 / 12288) / 2  # numbers of two bytes
    assert 1e14 < sequence * 3.2e6 / 2048 < 3e14
    says(PAGE, "some $10^{14}$ numbers for a single batch")
    assert round(1e14 * 1e-6 / (365.25 * 24 * 3600)) == 3
    says(PAGE, "one step would take three years")
