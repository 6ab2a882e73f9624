"""Whether a test may run at the end of a notebook and not at its place: only where nothing could tell the two apart."""

import pytest

from autograder.course import Course
from autograder.engine.definitions import only_adds
from autograder.master import read

SETUP = ("import numpy as np\n%matplotlib inline\nx = np.ones(3)", True)
PARTS = {"f", "g"}


def notebook(*cells):
    """The author's set-up, and a student's cells; a text that begins with "author:" is the author's."""
    return [
        SETUP,
        *((cell.removeprefix("author:"), cell.startswith("author:")) for cell in cells),
    ]


@pytest.mark.parametrize(
    "cells",
    [
        ["def f(a):\n    return a", "def g(a):\n    return f(a)"],
        ["class f:\n    def go(self):\n        return 1", "def g():\n    return f()"],
        ['"""Prose."""\nimport math\nSTEPS: int = 3\nhalf = 1 / 2\ndef f(a):\n    return a * math.pi'],
        ["def f(a):\n    return np.sum(a)", "import numpy as np\ndef g(a):\n    return np.sum(a)"],
        ["from math import pi\ndef f():\n    return pi", "from math import pi\ndef g():\n    return pi"],
        [
            "def f(a):\n    b = a\n    return b",
            "author:b = f(x)\nfor i in range(3):\n    print(i)",
            "def g():\n    pass",
        ],
        ["def f(a):\n    return a", "author:a = f(1)", "author:a = f(2)"],
        ["def helper():\n    return f()\ndef f():\n    return 1"],
    ],
)
def test_definitions_only_add(cells):
    assert only_adds(notebook(*cells), PARTS)


@pytest.mark.parametrize(
    "cells",
    [
        ["def f(a):\n    return a", "def f(a):\n    return -a"],
        ["def f(a):\n    return a", "author:f = None"],
        ["def h():\n    return 1\ndef f(a):\n    return h()", "def h():\n    return 2"],
        ["def f(a):\n    return h()", "def h():\n    return 2"],  # at its place, the test would meet a NameError
        ["def f(a):\n    return np.sum(a)", "import math as np"],
        ["def f(a):\n    return np.sum(a)", "for np in []:\n    pass"],
        ["def f(a):\n    return a", "author:if (np := 3):\n    pass", "def g():\n    return np", "author:np = 4"],
        ["class f:\n    rate = x", "class g:\n    def go(self):\n        return x", "author:x = 2"],
        ["def f(a):\n    return [x for _ in a]", "author:x += 1"],
        ["def f(a):\n    global count\n    count = a", "def g():\n    return count"],
        ["cache = {}\ncache['a'] = 1"],
        ["values = []\nvalues.append(1)"],
        ["print(1)"],
        ["rate = float('0.1')"],
        ["np.random.seed(1)"],
        ["x[0] = 5"],
        ["f.cache = {}"],
        ["del x"],
        ["from math import *"],
        ["!ls"],
        ["%matplotlib inline"],
        ["def f(:"],
        ["if True:\n    def f():\n        pass"],
        ["a = b = (c := 3)"],
        ["def f():\n    pass\x00"],
    ],
)
def test_anything_else_counts_as_a_change(cells):
    assert not only_adds(notebook(*cells), PARTS)


@pytest.mark.parametrize("chapter", Course().chapters())
def test_every_answer_key_only_adds(chapter):
    """Otherwise each right submission to it would be graded the slow way."""
    master = read(Course().master(chapter))
    cells = [cell for cell in master.cells if cell.cell_type == "code" and not (cell.is_grade or cell.is_showcase)]
    assert only_adds([(cell.source, cell.is_provided) for cell in cells], {part.name for part in master.parts})
