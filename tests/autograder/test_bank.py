import pytest

from autograder import bank
from autograder.bank import Bank
from autograder.course import CourseError


def test_decorators_record_and_give_the_function_back(make_course):
    known = bank.load("tiny", make_course())
    assert known.chapter == "tiny"
    assert [(m.name, m.part) for m in known.mistakes] == [
        ("squares", "double"), ("adds-three", "double"), ("zero", "first_number"),
    ]  # fmt: skip
    assert [(v.name, v.part) for v in known.variations] == [("multiplies", "double")]
    first, second, _ = known.mistakes
    assert first.says == "You square x." and first.fails == ("double_hidden",) and first.reference is None
    assert second.fails == ("double_visible", "double_hidden") and second.reference == "Example (2020)"


def test_a_decorated_function_can_still_be_called():
    known = Bank("x")

    @known.mistake("m", says="…", fails=[])
    @known.variation("v")
    def double(x):
        return 2 * x

    assert double(2) == 4
    assert [m.part for m in known.mistakes] == [v.part for v in known.variations] == ["double"]


def test_source_has_no_decorators_and_runs_by_itself(make_course):
    for entry, value in zip(bank.load("tiny", make_course()).mistakes, (16, 7), strict=False):
        assert entry.source.startswith("def double(x):")
        assert "bank" not in entry.source and "fails" not in entry.source
        namespace = {}
        exec(entry.source, namespace)
        assert namespace["double"](4) == value


def test_source_keeps_what_is_inside(make_course):
    mistakes = '''\
import functools
from autograder.bank import Bank

bank = Bank("tiny")


@bank.variation(
    "nested"  # a comment with a ) in it
)
@functools.cache
def double(x):
    """Two
  lines."""

    # a comment first
    @functools.cache
    def inner():
        return x

    return inner() + x


after = 1
'''
    (entry,) = bank.load("tiny", make_course(mistakes=mistakes)).variations
    assert entry.source.startswith("def double(x):\n")
    assert "\n  lines." in entry.source and "# a comment first" in entry.source and "@functools.cache" in entry.source
    assert "after" not in entry.source
    namespace = {"functools": __import__("functools")}
    exec(entry.source, namespace)
    assert namespace["double"](5) == 10


CLASSES = """\
from autograder.bank import Bank

bank = Bank("tiny")


@bank.mistake("first", says="…", fails=[])
class Stack:
    order = "first"


@bank.mistake(
    "second",
    says="…",
    fails=[],
)
class Stack:
    order = "second"
"""


def test_classes_have_the_source_of_their_own_definition(make_course):
    known = bank.load("tiny", make_course(mistakes=CLASSES))
    assert [m.source for m in known.mistakes] == [f'class Stack:\n    order = "{n}"' for n in ("first", "second")]


@pytest.mark.parametrize("second", ["mistake", "variation"])
@pytest.mark.parametrize("first", ["mistake", "variation"])
def test_names_differ_across_the_whole_bank(first, second):
    known = Bank("momentum")

    def enter(kind, name):
        return known.variation(name) if kind == "variation" else known.mistake(name, says="…", fails=[])

    @enter(first, "same")
    def f(): ...

    with pytest.raises(CourseError, match=r"momentum.*two entries named 'same'"):

        @enter(second, "same")
        def g(): ...


def test_of_gives_one_part_only(make_course):
    mistakes, variations = bank.load("tiny", make_course()).of("double")
    assert [m.name for m in mistakes] == ["squares", "adds-three"] and [v.name for v in variations] == ["multiplies"]
    assert bank.load("tiny", make_course()).of("Stack") == ([], [])


def test_chapter_without_a_bank(make_course):
    empty = bank.load("tiny", make_course(mistakes=None))
    assert empty.chapter == "tiny" and empty.mistakes == [] and empty.variations == []


@pytest.mark.parametrize(
    "text", ["", "bank = None\n", "bank = {'tiny': 1}\n", "from autograder.bank import Bank as bank\n"]
)
def test_file_without_a_bank_object(make_course, text):
    with pytest.raises(CourseError, match=r"mistakes\.py must define `bank = Bank\('tiny'\)`"):
        bank.load("tiny", make_course(mistakes=text))


def test_unknown_chapter(make_course):
    with pytest.raises(CourseError, match=r"unknown chapter 'tinny'.*Known chapters: tiny"):
        bank.load("tinny", make_course())


def test_an_edited_bank_is_read_anew(make_course):
    assert bank.load("tiny", make_course()).mistakes[0].source.endswith("return x**2")
    path = make_course().solutions / "tiny" / "mistakes.py"
    edited = make_course(mistakes="# one line more\n" + path.read_text(encoding="utf-8"))
    assert bank.load("tiny", edited).mistakes[0].source.endswith("return x**2")
