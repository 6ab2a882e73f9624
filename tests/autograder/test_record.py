import csv
import runpy
from datetime import datetime
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook, MissingEntry

from autograder import record
from autograder.course import CourseError
from autograder.record import Record
from autograder.verdict import Assignment

pytestmark = pytest.mark.slow  # nbgrader prepares a gradebook first

FULL = {"double_visible": 1.0, "double_hidden": 2.0, "first_number_visible": 0.5, "Stack_hidden": 1.5}
NAMES = list(FULL)


@pytest.fixture
def write(class_folder, course, assignment):
    """`write(result, …)` records results as a run of its own, and exports the CSV."""

    def run(*results):
        with Record(class_folder, course, {"tiny": assignment}) as record:
            for one in results:
                record.write(one)
            record.export_csv(class_folder / "grades.csv")

    return run


@pytest.fixture
def book(class_folder):
    """nbgrader's own view of the gradebook, opened anew for each question."""

    def opened() -> Gradebook:
        return Gradebook(f"sqlite:///{class_folder}/gradebook.db")

    def scores(student: str) -> dict[str, float]:
        with opened() as book:
            return {name: book.find_grade(name, "tiny", "tiny", student).score for name in NAMES}

    def submission(student: str):
        with opened() as book:
            found = book.find_submission("tiny", student)
            return SimpleNamespace(
                score=found.score, max_score=found.max_score, timestamp=found.timestamp,
                needs_manual_grade=found.needs_manual_grade, failed_tests=found.notebooks[0].failed_tests,
            )  # fmt: skip

    return SimpleNamespace(open=opened, scores=scores, submission=submission)


def rows(folder) -> list[dict]:
    with (folder / "grades.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_nbgrader_sees_the_score_of_every_cell(write, book, result):
    write(result("s-001"), result("s-002", double_hidden=0.0, Stack_hidden=0.0))
    assert book.scores("s-001") == FULL
    assert book.scores("s-002") == {**FULL, "double_hidden": 0.0, "Stack_hidden": 0.0}
    first, second = book.submission("s-001"), book.submission("s-002")
    assert (first.score, first.max_score) == (5.0, 5.0) and second.score == 1.5
    assert not first.needs_manual_grade and not second.needs_manual_grade
    assert second.failed_tests and not first.failed_tests


def test_an_unreadable_submission_is_there_with_no_points(write, book, result):
    write(result("s-001", status="unreadable", reason="torn"))
    assert book.scores("s-001") == dict.fromkeys(NAMES, 0.0)
    assert book.submission("s-001").score == 0.0


def test_a_resubmission_that_broke_loses_the_old_score(write, book, result):
    write(result("s-001"))
    write(result("s-001", status="unreadable", reason="torn"))
    assert book.submission("s-001").score == 0.0


def test_grading_again_replaces_and_counts_nothing_twice(write, book, result):
    write(result("s-001", double_hidden=0.0), result("s-002"))
    write(result("s-001"), result("s-002", double_visible=0.0))
    write(result("s-001"), result("s-002", double_visible=0.0))
    assert book.submission("s-001").score == 5.0 and book.submission("s-002").score == 4.0
    with book.open() as opened:
        assert [student.id for student in opened.students] == ["s-001", "s-002"]
        assert len(opened.assignment_submissions("tiny")) == 2


def test_a_refused_one_changes_nothing(write, book, result):
    write(result("s-001"))
    write(result("s-001", status="refused", reason="no room"), result("s-002", status="refused", reason="no room"))
    assert book.submission("s-001").score == 5.0
    with pytest.raises(MissingEntry):
        book.submission("s-002")


def test_what_a_person_gave_by_hand_stays(write, book, result):
    write(result("s-001", double_hidden=0.0))
    with book.open() as opened:
        grade = opened.find_grade("double_hidden", "tiny", "tiny", "s-001")
        grade.manual_score, grade.extra_credit = 1.25, 0.25
        opened.find_comment("double", "tiny", "tiny", "s-001").manual_comment = "nearly"
        opened.db.commit()
    for again in (
        result("s-001", double_hidden=0.0, Stack_hidden=0.0),
        result("s-001", status="unreadable", reason="…"),
    ):
        write(again)
        assert book.scores("s-001")["double_hidden"] == 1.5
        with book.open() as opened:
            assert opened.find_comment("double", "tiny", "tiny", "s-001").comment == "nearly"


def test_grades_csv_has_a_line_for_each_student(write, class_folder, result):
    write(result("s-001"), result("s-002", double_hidden=0.0), result("s-003", status="unreadable", reason="torn"))
    found = {row["student_id"]: row for row in rows(class_folder)}
    assert len(rows(class_folder)) == 3
    assert {name: float(row["score"]) for name, row in found.items()} == {"s-001": 5.0, "s-002": 3.0, "s-003": 0.0}
    assert all(float(row["max_score"]) == 5.0 and row["assignment"] == "tiny" for row in found.values())


def test_time_of_handing_in(write, book, hand_in, result):
    (hand_in("", "a") / "timestamp.txt").write_text("2026-11-20 12:30:00 UTC\n")
    (hand_in("", "b") / "timestamp.txt").write_text("yesterday")
    (hand_in("", "c") / "timestamp.txt").write_bytes(b"\xff\xfe")
    (hand_in("", "d") / "timestamp.txt").mkdir()
    hand_in("", "e")
    write(*(result(name) for name in "abcde"))
    assert book.submission("a").timestamp == datetime(2026, 11, 20, 12, 30)
    assert all(book.submission(name).timestamp is None for name in "bcde")


@pytest.mark.parametrize("name", ["Ada Lovelace", "o'brien", "müller", '"; DROP TABLE grade; --', "%s", "<b>x<b>"])
def test_odd_names(write, book, class_folder, result, name):
    write(result(name, double_hidden=0.0))
    assert book.submission(name).score == 3.0
    assert len((class_folder / "grades.csv").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("name", ["Lovelace, Ada", "two\nlines"])
def test_names_that_need_quoting_in_the_csv(write, class_folder, result, name):
    write(result(name, double_hidden=0.0))
    (row,) = rows(class_folder)
    assert row["student_id"] == name and row["score"] == "3.0"


def test_nbgrader_config_points_at_this_class(write, class_folder, result):
    write(result("s-001"))
    config = SimpleNamespace(CourseDirectory=SimpleNamespace())
    runpy.run_path(str(class_folder / "nbgrader_config.py"), {"get_config": lambda: config})
    assert config.CourseDirectory.root == str(class_folder)
    assert config.CourseDirectory.db_url == f"sqlite:///{class_folder}/gradebook.db"


def test_settings_that_someone_wrote_stay(write, class_folder, result):
    mine = class_folder / "nbgrader_config.py"
    mine.write_text("c = get_config()\nc.Exchange.root = '/srv/exchange'\n")
    write(result("s-001"))
    assert "/srv/exchange" in mine.read_text()


def test_new_points_count_from_the_next_run_on(make_course, tmp_path, result, percent, book, class_folder, monkeypatch):
    monkeypatch.undo()  # nbgrader has to take part here
    course = make_course()
    with Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}) as first:
        first.write(result("s-001"))
    course = make_course(master=percent.tiny.replace('"points": 2', '"points": 4'))
    with Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}) as second:
        second.write(result("s-001", double_hidden=4.0))
    assert (book.submission("s-001").score, book.submission("s-001").max_score) == (7.0, 7.0)

    course = make_course(master=percent.tiny.replace("Stack_hidden", "Stack_secret"))
    with pytest.raises(CourseError, match="submissions associated"):
        Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")})
    assert book.submission("s-001").score == 7.0
    assert record.generate.__module__ == "autograder.release"
