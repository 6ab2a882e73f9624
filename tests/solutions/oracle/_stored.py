"""Writes what a script of this folder has computed to a file beside it, or compares it with that file."""

import json
import sys
from pathlib import Path

import numpy as np
import torch

TOLERANCE = 1e-12  # relative to the largest number of a case: what nearly cancels in it is rounding, not result


def store_or_check(script: str, how: str, cases: dict[str, dict], *, indent: int | None = 1) -> int:
    """Write `cases`, or with --check in the command compare them with what is there; returns the exit code.

    A case maps names to texts, numbers or nested lists of numbers; `how` says what computed them.
    """
    path = Path(script).with_suffix(".json")
    if sys.argv[1:] == ["--check"]:
        stored = json.loads(path.read_text(encoding="utf-8"))["cases"]
        differing = list(_differences(cases, stored))
        print("\n".join(differing) or f"{path.name}: all {len(cases)} cases agree")
        return 1 if differing else 0
    made = {
        "made_by": f"tests/solutions/oracle/{Path(script).name}",
        "how": how,
        "torch": torch.__version__,
        "cases": cases,
    }
    path.write_text(json.dumps(made, indent=indent) + "\n", encoding="utf-8")
    return 0


def _differences(computed: dict, stored: dict):
    for case in sorted(computed.keys() | stored.keys()):
        new, old = computed.get(case, {}), stored.get(case, {})
        numbers = [np.abs(value).max() for value in old.values() if not isinstance(value, str)]
        for name in sorted(new.keys() | old.keys()):
            if name not in new or name not in old:
                yield f"{case}.{name}: only {'computed' if name in new else 'stored'}"
            elif isinstance(new[name], str) or isinstance(old[name], str):
                if new[name] != old[name]:
                    yield f"{case}.{name}: {new[name]!r} computed, {old[name]!r} stored"
            else:
                a, b = np.array(new[name]), np.array(old[name])
                if a.shape != b.shape:
                    yield f"{case}.{name}: shape {a.shape} computed, {b.shape} stored"
                elif not np.max(np.abs(a - b)) <= TOLERANCE * max(numbers):
                    yield f"{case}.{name}: differs by up to {np.max(np.abs(a - b)):.1e}"
