"""Every exercise and its bank: what each known answer fails, that it fails there alone, and that no two look alike.

Nothing here knows a chapter by name: a new one is tested as soon as its folder exists.
"""

import contextlib
import types
import warnings
from functools import cache
from itertools import combinations

import numpy as np
import pytest

import solutions
from autograder import bank as banks
from autograder.course import Course
from autograder.master import read

CHAPTERS = Course().chapters()
MISTAKES = [(chapter, mistake.name) for chapter in CHAPTERS for mistake in banks.load(chapter).mistakes]
VARIATIONS = [(chapter, variation.name) for chapter in CHAPTERS for variation in banks.load(chapter).variations]
PARTS = [(chapter, part.name) for chapter in CHAPTERS for part in read(Course().master(chapter)).parts]


@cache
def master(chapter):
    return read(Course().master(chapter))


@cache
def bank(chapter):
    return banks.load(chapter)


@cache
def compiled(source, name):
    return compile(source, name, "exec")


def entry(entries, name):
    return next(known for known in entries if known.name == name)


def run(chapter, cells, replacements=None, on_warning="ignore"):
    """Run graded cells, each in a namespace of its own as the grader does. Returns {grade_id: exception or None}.

    The namespace holds the provided cells and the answer key; `replacements` maps names to what stands in their place.
    """
    outcomes = {}
    for cell in cells:
        namespace = dict(vars(solutions.load(chapter)), **(replacements or {}))
        try:
            with contextlib.chdir(Course().master(chapter).parent), warnings.catch_warnings():
                warnings.simplefilter(on_warning)
                exec(compiled(cell.source, cell.grade_id), namespace)
            outcomes[cell.grade_id] = None
        except Exception as error:
            outcomes[cell.grade_id] = error
    return outcomes


def answer(chapter, part, source):
    """What `source` defines under the part's name, with the exercise's provided cells and answer key around it."""
    namespace = dict(vars(solutions.load(chapter)))
    exec(compiled(source, f"<{part}>"), namespace)
    return namespace[part]


def failed(outcomes):
    return {grade_id for grade_id, error in outcomes.items() if error is not None}


# The exercise


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_exercise_is_worth_20_points_in_8_to_14_parts(chapter):
    assert master(chapter).max_score == 20
    assert 8 <= len(master(chapter).parts) <= 14


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_answer_key_passes_every_graded_cell(chapter):
    outcomes = run(chapter, master(chapter).graded)
    assert not failed(outcomes), outcomes


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_graded_cells_are_silent_for_right_answers(chapter, capsys):
    """nbgrader on its own takes a warning on stderr for a failure, and what a cell shows for partial credit."""
    solutions.load(chapter)
    capsys.readouterr()
    outcomes = run(chapter, master(chapter).graded, on_warning="error")
    assert not failed(outcomes), outcomes
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("chapter, part", PARTS)
def test_a_stub_earns_nothing(chapter, part):
    tests = master(chapter).part(part).tests
    outcomes = run(chapter, tests, {part: answer(chapter, part, master(chapter).part(part).solution.stub)})
    assert failed(outcomes) == {cell.grade_id for cell in tests}


@pytest.mark.parametrize("chapter, part", PARTS)
def test_a_part_depends_on_no_other_part(chapter, part):
    """With every other part's answer taken away a part's tests still pass: so no mistake of another part can fail them.

    This covers every graded cell with every mistake of every other part, and more, in one run of each cell.
    """
    chosen = master(chapter).part(part)
    wires = {other.name: tripwire(other.name) for other in master(chapter).parts if other.name != part}
    namespace = dict(vars(solutions.load(chapter)), **wires)
    exec(compiled(chosen.solution.source, f"<{part}>"), namespace)
    outcomes = run(chapter, chosen.tests, namespace)
    assert not failed(outcomes), outcomes


def tripwire(name):
    def use(*_, **__):
        raise AssertionError(f"{name} was used by the tests or the answer of another part")

    return use


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_hidden_cell_shows_students_one_comment(chapter):
    for cell in master(chapter).graded:
        if "### BEGIN HIDDEN TESTS" in cell.source:
            lines = [line for line in cell.stub.splitlines() if line.strip()]
            assert len(lines) == 1 and lines[0].startswith("# "), f"{cell.grade_id} shows {lines}"


# The bank


@pytest.mark.parametrize("chapter, part", PARTS)
def test_a_function_has_four_mistakes_and_two_variations(chapter, part):
    mistakes, variations = bank(chapter).of(part)
    assert len(mistakes) >= 4
    assert len(variations) >= 2


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_known_answer_belongs_to_a_part(chapter):
    known = {part.name for part in master(chapter).parts}
    assert {answer.part for answer in [*bank(chapter).mistakes, *bank(chapter).variations]} <= known


@pytest.mark.parametrize("chapter, name", MISTAKES)
def test_a_mistake_fails_the_cells_it_names(chapter, name):
    mistake = entry(bank(chapter).mistakes, name)
    assert mistake.fails, "a mistake that no graded cell notices costs nothing"
    tests = master(chapter).part(mistake.part).tests
    outcomes = run(chapter, tests, {mistake.part: answer(chapter, mistake.part, mistake.source)})
    assert failed(outcomes) == set(mistake.fails), outcomes


@pytest.mark.parametrize("chapter, name", MISTAKES)
def test_what_a_student_is_told_is_a_sentence_or_two(chapter, name):
    says = entry(bank(chapter).mistakes, name).says
    assert says[0].isupper() and says.endswith(".") and len(says) <= 300
    assert "  " not in says


@pytest.mark.parametrize("chapter, name", VARIATIONS)
def test_a_correct_variation_keeps_every_point(chapter, name):
    variation = entry(bank(chapter).variations, name)
    tests = master(chapter).part(variation.part).tests
    outcomes = run(chapter, tests, {variation.part: answer(chapter, variation.part, variation.source)})
    assert not failed(outcomes), outcomes


@pytest.mark.parametrize("chapter, part", PARTS)
def test_any_two_mistakes_can_be_told_apart(chapter, part):
    """By what they return or raise, call by call, in the part's own tests: a diagnosis has nothing else to go by."""
    heard = {mistake.name: record(chapter, part, mistake.source) for mistake in bank(chapter).of(part)[0]}
    alike = [pair for pair in combinations(heard, 2) if same(heard[pair[0]], heard[pair[1]])]
    assert not alike, f"these mistakes behave alike in the tests of {part}: {alike}"


def test_the_recorder_hears_a_difference_and_nothing_else():
    assert same([("returned", np.array([1.0, np.nan]))], [("returned", np.array([1.0 + 1e-12, np.nan]))])
    assert not same([("returned", 1.0)], [("returned", 1.001)])
    assert not same([("returned", 1.0)], [("raised", "ValueError")])
    assert not same([("returned", np.zeros(2))], [("returned", np.zeros(3))])
    assert not same([("returned", 1.0)], [("returned", 1.0), ("returned", 1.0)])


# A recorder of what an answer returns and raises


def record(chapter, part, source):
    """What an answer returned or raised in each call that the part's tests made, up to the failure of each cell."""
    log = []
    for cell in master(chapter).part(part).tests:
        log.append(("cell", cell.grade_id))
        run(chapter, [cell], {part: listening(answer(chapter, part, source), log)})
    return log


def listening(target, log):
    """The function, or the class with its methods, such that every result goes into the log as well."""
    if isinstance(target, type):
        for name, method in list(vars(target).items()):
            if isinstance(method, types.FunctionType):
                setattr(target, name, listening(method, log))
        return target

    def call(*args, **kwargs):
        try:
            result = target(*args, **kwargs)
        except Exception as error:
            log.append(("raised", type(error).__name__))
            raise
        if isinstance(result, types.GeneratorType):
            return items(result)
        log.append(("returned", plain(result)))
        return result

    def items(generator):
        for item in generator:
            log.append(("returned", plain(item)))
            yield item

    return call


def plain(value, depth=4):
    """A copy of a value made of numbers, arrays, lists and text, so that later changes do not reach it."""
    if isinstance(value, np.ndarray | np.generic | int | float | complex):
        return np.array(value)
    if isinstance(value, dict):
        return [[str(key), plain(item, depth)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [plain(item, depth) for item in value]
    if hasattr(value, "__dict__") and not callable(value):
        return [type(value).__name__, plain(vars(value), depth - 1) if depth else ""]
    return repr(value) if value is None or isinstance(value, str) else type(value).__name__


def same(a, b):
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    if isinstance(a, list | tuple) or isinstance(b, list | tuple):
        return False
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "biufc" and b.dtype.kind in "biufc":
        return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True))
    return bool(np.array_equal(a, b))
