"""Random generators as plain values, and the proof that one was drawn from and not set.

A test may pass a generator and go on drawing from it: what a student's function has drawn is then gone on the test's
side too. A state that was chosen instead of reached could make the test's own numbers come out as zeros, so a
generator only ever moves forward along its own sequence.
"""

from __future__ import annotations

import numpy as np

KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
MAX_DRAWS = 2**33  # more than anybody can draw before a deadline
MAX_STEPS = 20_000  # draws of the kinds whose distance can only be found by walking
MAX_SEARCH = 2**20  # draws in which the spare half of one is looked for
# O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms (2014); NumPy, pcg64.h
_MULTIPLIERS = {"PCG64": 0x2360ED051FC65DA44385DF649FCCF645, "PCG64DXSM": 0xDA942042E4DD58B5}
_MASK = 2**128 - 1
_SPARE = ("has_uint32", "uinteger")  # half of a 64-bit draw, kept for the next 32-bit one


class ImpossibleState(ValueError):
    """What was sent is no state of a random generator, or none that the generator could have reached."""


def generator_state(generator: np.random.Generator) -> dict:
    """The state of a random generator as plain values; arrays of 64-bit numbers included."""
    return _plain(generator.bit_generator.state)


def make_generator(state: object) -> np.random.Generator:
    """A generator with that state; raises ImpossibleState for anything else."""
    if type(state) is not dict or state.get("bit_generator") not in KINDS:
        raise ImpossibleState("a random generator of no known kind")
    bits = getattr(np.random, state["bit_generator"])(0)
    try:
        bits.state = state
    except Exception as error:
        raise ImpossibleState("a random generator with an impossible state") from error
    return np.random.Generator(bits)


def advance(generator: np.random.Generator, state: object) -> None:
    """Draw from `generator` until it has that state; raises ImpossibleState where drawing does not lead there."""
    before, wanted = generator_state(generator), generator_state(make_generator(state))
    if wanted["bit_generator"] != before["bit_generator"]:
        raise ImpossibleState("a change of a random generator's kind")
    trial = make_generator(before).bit_generator
    draws = _distance(trial, before, wanted)
    if not wanted.get("has_uint32") or (before["has_uint32"] and before["uinteger"] == wanted["uinteger"]):
        pass
    else:  # the spare half comes from one of the draws
        trial.state = before
        skipped = max(0, draws - MAX_SEARCH)
        if skipped:
            trial.advance(skipped)
        drawn = trial.random_raw(draws - skipped) if draws else np.zeros(0, np.uint64)
        if not np.any(drawn >> np.uint64(32) == wanted["uinteger"]):
            raise ImpossibleState("a random generator that holds a number it never drew")
    generator.bit_generator.state = wanted


def same_state(a, b) -> bool:
    """Whether two states, or parts of states, are the same."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same_state(a[key], b[key]) for key in a)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def _distance(bits: np.random.BitGenerator, before: dict, wanted: dict) -> int:
    """How many draws lead from one state to the other."""
    multiplier = _MULTIPLIERS.get(before["bit_generator"])
    if multiplier is not None:
        old, new = before["state"], wanted["state"]
        draws = _steps(old["state"], new["state"], multiplier, old["inc"]) if old["inc"] == new["inc"] else MAX_DRAWS
        if draws < MAX_DRAWS:
            return draws
        raise ImpossibleState("a random generator in a state that it could not reach")
    wanted = {key: value for key, value in wanted.items() if key not in _SPARE}
    for draws in range(MAX_STEPS):
        if same_state({key: value for key, value in _plain(bits.state).items() if key not in _SPARE}, wanted):
            return draws
        bits.random_raw()
    raise ImpossibleState("a random generator in a state that it could not reach")


def _steps(state: int, wanted: int, multiplier: int, increment: int) -> int:
    """Steps of state -> multiplier * state + increment, modulo 2**128, found bit by bit (Brown 1994; O'Neill 2014)."""
    steps, bit = 0, 1
    while state != wanted and bit <= _MASK:
        if (state ^ wanted) & bit:
            state = (state * multiplier + increment) & _MASK
            steps |= bit
        bit <<= 1
        increment = (multiplier + 1) * increment & _MASK
        multiplier = multiplier * multiplier & _MASK
    return steps


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value.item() if isinstance(value, np.generic) else value
