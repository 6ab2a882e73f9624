"""What the page `adaptive/fair_comparison` says about its seven optimisers, computed again by the page's own code.

The page's hidden cells are run here once; the claims are about numbers that no closed form gives.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import solutions

PAGE = "adaptive/fair_comparison"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab():
    text = (Path(__file__).resolve().parents[2] / "book" / f"{PAGE}.md").read_text(encoding="utf-8")
    (cell,) = [c for c in re.findall(r"```\{code-cell\} ipython3\n(.*?)```", text, re.S) if "STEPS = {" in c]
    namespace = {"np": np, "solutions": solutions, "key": solutions.load("adaptive")}
    exec(compile(re.sub(r"^:tags:.*\n", "", cell), PAGE, "exec"), namespace)
    return namespace


def test_gradients_of_both_problems_are_right(lab):
    rng = np.random.default_rng(0)
    for loss_and_grads, sizes in (
        (lab["painter"], (10, 32, 32, 1)),
        (lambda model: lab["reader"](model, lab["order"][:9]), (64, 32, 10)),
    ):
        model = lab["network"](sizes, 3)
        _, grads = loss_and_grads(model)
        for i, g in enumerate(grads):
            direction = rng.standard_normal(g.shape)
            ends = [loss_and_grads([*model[:i], model[i] + h * direction, *model[i + 1 :]])[0] for h in (1e-5, -1e-5)]
            assert np.sum(g * direction) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_on_the_painter_adam_and_muon_win(says, lab):
    final = {name: lab["final"]["painter", name].min() for name in lab["STEPS"]}
    ratio = final["momentum"] / final["Adam"]
    says(
        PAGE,
        f"Adam ends at {final['Adam']:.4f} and Muon at {final['Muon']:.4f}, where momentum ends at "
        f"{final['momentum']:.4f}, a factor of {int(ratio)}.",
    )
    assert final["RMSprop"] > final["momentum"]
    assert sorted(final, key=final.get)[:2] == ["Adam", "Muon"]


def test_on_the_reader_nobody_does(says, lab):
    final = {name: lab["final"]["reader", name].min() for name in lab["STEPS"]}
    assert max(final.values()) < 0.04
    says(PAGE, "All seven end below 0.04. RMSprop, AdaGrad, gradient descent and momentum are ahead of Adam.")
    assert {name for name in final if final[name] < final["Adam"]} == {
        "RMSprop",
        "AdaGrad",
        "gradient descent",
        "momentum",
    }


def test_best_rates_lie_inside_the_grid_and_far_apart(says, lab):
    best, rates = lab["best"], lab["rates"]
    assert all(rates[0] < rate < rates[-1] for rate in best.values())
    assert best["reader", "Lion"] == pytest.approx(0.01)
    says(PAGE, f"from 0.01 for Lion to {best['reader', 'gradient descent']:.2f} for gradient descent")
    assert best["reader", "Adam"] == best["reader", "RMSprop"] == pytest.approx(0.0316, rel=0.01)
    at = {name: lab["final"]["reader", name] for name in lab["STEPS"]}
    small, large = np.argmin(abs(rates - 0.0316)), np.argmin(abs(rates - 3.16))
    says(PAGE, f"gradient descent is still at {at['gradient descent'][small]:.2f}.")
    assert {name for name in at if at[name][large] < 0.5} == {"gradient descent", "AdaGrad"}


def test_a_best_rate_beside_a_cliff(says, lab):
    adam, muon = lab["spread"]["painter", "Adam"], lab["spread"]["painter", "Muon"]
    assert lab["best"]["painter", "Adam"] == pytest.approx(0.1)
    says(PAGE, f"Four other starts at that rate end between {adam.min():.4f} and {adam.max():.4f}: for one of them")
    assert np.sum(adam > 0.005) == 1
    says(PAGE, f"Muon's four other starts end between {muon.min():.4f} and {muon.max():.4f}.")
