"""A random generator that crosses moves forward along its own sequence, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.engine.randomness import KINDS, ImpossibleState, advance, generator_state, make_generator

DRAWS = {
    "nothing": lambda rng: None,
    "permutation": lambda rng: rng.permutation(50),
    "normal": lambda rng: rng.standard_normal(30),
    "halves": lambda rng: rng.integers(0, 10, 7),
    "both": lambda rng: (rng.integers(0, 5, 3), rng.random(9)),
}


def generator(kind, seed=3):
    return np.random.Generator(getattr(np.random, kind)(seed))


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_drawn_there_is_gone_here(kind, draw):
    here, there = generator(kind), generator(kind)
    for rng in (here, there):
        rng.integers(0, 3)  # a spare half is kept from the start
    DRAWS[draw](there)
    advance(here, generator_state(there))
    assert here.integers(0, 9, 3).tolist() == there.integers(0, 9, 3).tolist()
    assert here.random() == there.random()


def test_a_million_draws():
    here, there = generator("PCG64"), generator("PCG64")
    there.standard_normal(10**6)
    advance(here, generator_state(there))
    assert here.random() == there.random()


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_was_chosen_is_refused(kind):
    here, other = generator(kind), generator(kind, seed=4)
    with pytest.raises(ImpossibleState):
        advance(here, generator_state(other))
    assert here.random() == generator(kind).random()  # and nothing has changed


def test_zeros_a_step_back_and_a_spare_half_that_was_never_drawn():
    rng = generator("PCG64")
    state = generator_state(rng)
    inside = state["state"]
    rng.random()
    for forged in (
        state | dict(state={"state": 0, "inc": 1}),
        state | dict(state={"state": 0, "inc": inside["inc"]}),
        state | dict(state={"state": inside["state"], "inc": inside["inc"] ^ 2}),
        state,  # before the draw
        generator_state(rng) | dict(has_uint32=1, uinteger=7),
        state | dict(bit_generator="SFC64"),
        state | dict(bit_generator="__import__"),
        None,
        [],
    ):
        with pytest.raises(ImpossibleState):
            advance(rng, forged)


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.floats(),
        lambda inner: st.dictionaries(st.sampled_from(["bit_generator", "state", "inc", "key", "pos", "x"]), inner),
        max_leaves=6,
    ),
    st.sampled_from(KINDS),
)
def test_any_plain_value_is_a_state_or_an_error(value, kind):
    for state in (value, {"bit_generator": kind, "state": value, "has_uint32": value, "uinteger": value}):
        try:
            made = make_generator(state)
        except ImpossibleState:
            continue
        assert isinstance(made, np.random.Generator)
