"""Which known mistake behaves like this? Compares what a student's function gave, call by call, with the bank.

A *trace* is the list of everything that came back while one test ran: values, changed arguments, exceptions. The same
test, run with a known mistake in the student's place, leaves a trace too. Equal traces, equal mistake.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

MAX_ENTRIES = 20_000  # of a trace; what comes later adds nothing
# Exceptions that come from anywhere: a name that is not there, an answer that was begun and left.
_COMMONPLACE = ("NameError", "NotImplementedError", "AttributeError", "TypeError", "SyntaxError")
RELATIVE, ABSOLUTE = 1e-6, 1e-9  # the same formula in another order of operations differs by less

Trace = list[tuple]


def diagnose(student: Mapping[str, Trace], failed: set[str], mistakes: Mapping[str, Mapping[str, Trace]]) -> str | None:
    """The name of the mistake that behaves as the student's answer does; None where none does.

    `student` holds a trace for each test cell of a part, `failed` names the cells that did not pass, `mistakes` holds
    the traces of each known mistake. One that agrees in every cell goes before one that agrees in the failed cells.
    """
    if not any(
        entry[0] == "returned" or entry[1] not in _COMMONPLACE for one in failed for entry in student.get(one, ())
    ):
        return None  # the exception says more than a guess
    for cells in (set(student), failed):
        for name, traces in mistakes.items():
            if all(cell in traces and same(student[cell], traces[cell]) for cell in cells if cell in student):
                return name
    return None


def first_difference(found: Trace, expected: Trace, calls: Sequence[str] | None) -> str:
    """Where two traces part: the call, and the kinds of value where they differ; an empty text where there is nothing
    to say. Without `calls`, which name inputs, nothing is said but a wrong kind.
    """
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        if same(ours, theirs):
            continue
        if ours[0] != "returned" or theirs[0] != "returned" or same(ours[1], theirs[1]):
            return ""
        with_sizes = calls is not None
        a, b = kind_of(ours[1], with_sizes), kind_of(theirs[1], with_sizes)
        if a != b:
            where = f"{calls[place]} gives" if with_sizes else "It gives"
            return f"{where} {a}; expected {b}."
        return f"The first result that differs is that of {calls[place]}." if with_sizes else ""
    return ""


def kind_of(value, with_sizes: bool = True) -> str:
    """What kind of value it is, in a student's words; sizes may give an input away."""
    if isinstance(value, np.ndarray):
        of = f"an array of shape {value.shape}" if with_sizes else f"an array with {value.ndim} axes"
        return of + (f" and type {value.dtype}" if value.dtype.kind not in "fi" else "")
    if isinstance(value, list | tuple):
        if isinstance(value, tuple) and len(value) == 2 and type(value[0]) is str and value[0] == "object":
            return f"an object of class {value[1]}"
        kind = f"a {type(value).__name__}"
        return f"{kind} of {len(value)}" if with_sizes or isinstance(value, tuple) else kind
    if isinstance(value, bool | np.bool_):
        return "True or False"
    if _is_number(value):
        return "a complex number" if isinstance(value, complex | np.complexfloating) else "a number"
    names = {"NoneType": "None", "str": "a text", "dict": "a dictionary"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def call_as_text(name: str, args: Sequence, kwargs: Mapping) -> str:
    """A call as a student would write it, long arguments cut short."""
    given = [_brief(one) for one in args] + [f"{key}={_brief(one)}" for key, one in kwargs.items()]
    return f"{name}({', '.join(given)})"


def _brief(value) -> str:
    if isinstance(value, np.ndarray):
        text = " ".join(np.array2string(value, separator=", ", precision=4, threshold=9).split()).replace("[ ", "[")
        return text if len(text) <= 60 else f"array of shape {value.shape}"
    if callable(value):
        return getattr(value, "__name__", "function").replace("<lambda>", "function")
    text = repr(value)
    return text if len(text) <= 60 and " at 0x" not in text else type(value).__name__


def same(a, b) -> bool:
    """Whether two plain values are the same to within rounding: types of number may differ, shapes and lengths not."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and a.shape == b.shape
            and bool(np.allclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
        )
    if _is_number(a) and _is_number(b):
        return bool(np.isclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)) if _small(a, b) else a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def plain(value, depth: int = 20):
    """A copy of a value for a trace: stand-ins for a student's objects become the names of their classes."""
    kind = type(value)
    if kind is float or kind is int or kind is str or value is None:  # nearly all of them
        return value
    if isinstance(value, np.ndarray):
        return value.copy()
    if depth == 0:
        return "…"
    if kind is list or kind is tuple:
        return kind([plain(one, depth - 1) for one in value])
    if isinstance(value, dict):
        return {key: plain(one, depth - 1) for key, one in value.items()}
    handle = getattr(value, "_handle", None)
    return ("object", handle.name) if handle is not None else value


def _is_number(value) -> bool:
    return isinstance(value, int | float | complex | np.number) and not isinstance(value, bool | np.bool_)


def _small(*numbers) -> bool:
    """Whether NumPy can compare them: Python's integers may have any size."""
    return all(not isinstance(number, int) or abs(number) < 2**60 for number in numbers) and not any(
        isinstance(number, complex) and math.isnan(number.real) for number in numbers
    )
