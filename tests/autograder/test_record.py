import csv
import runpy
from datetime import datetime
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import create_engine, text
from traitlets.config import Config

from autograder import record
from autograder.course import CourseError
from autograder.record import Record, RecordError, database, open_gradebook, shown
from autograder.verdict import Assignment

pytestmark = pytest.mark.slow  # nbgrader prepares a gradebook first

FULL = {"double_visible": 1.0, "double_hidden": 2.0, "first_number_visible": 0.5, "Stack_hidden": 1.5}
NAMES = list(FULL)


@pytest.fixture
def write(class_folder, course, assignment, db):
    """`write(result, …)` records results as a run of its own, and exports the CSV."""

    def run(*results, people=None, due=None):
        with Record(class_folder, course, {"tiny": assignment}, db) as record:
            record.know(people or {})
            if due:
                record.due("tiny", due)
            for one in results:
                record.write(one)
            record.export_csv(class_folder / "grades.csv")

    return run


@pytest.fixture
def book(class_folder, db):
    """nbgrader's own view of the gradebook, opened anew for each question."""

    def opened() -> Gradebook:
        return Gradebook(database(class_folder, db)[0])

    def scores(student: str) -> dict[str, float]:
        with opened() as book:
            return {name: book.find_grade(name, "tiny", "tiny", student).score for name in NAMES}

    def submission(student: str):
        with opened() as book:
            found = book.find_submission("tiny", student)
            return SimpleNamespace(
                score=found.score, max_score=found.max_score, timestamp=found.timestamp,
                late_submission_penalty=found.late_submission_penalty,
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


def test_nbgrader_config_points_at_this_class(class_folder):
    config = Config()
    runpy.run_path(str(class_folder / "nbgrader_config.py"), {"get_config": lambda: config})
    assert config.CourseDirectory.root == str(class_folder)
    assert config.CourseDirectory.db_url == f"sqlite:///{class_folder}/gradebook.db"


def test_settings_that_someone_wrote_stay(write, class_folder, result):
    mine = class_folder / "nbgrader_config.py"
    mine.write_text("c = get_config()\nc.Exchange.root = '/srv/exchange'\n")
    write(result("s-001"))
    assert "/srv/exchange" in mine.read_text()


def test_new_points_count_from_the_next_run_on(make_course, result, percent, book, class_folder, db):
    course = make_course()
    with Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}, db) as first:
        first.write(result("s-001"))
    course = make_course(master=percent.tiny.replace('"points": 2', '"points": 4'))
    with Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}, db) as second:
        second.write(result("s-001", double_hidden=4.0))
    assert (book.submission("s-001").score, book.submission("s-001").max_score) == (7.0, 7.0)

    course = make_course(master=percent.tiny.replace("Stack_hidden", "Stack_secret"))
    with pytest.raises(CourseError, match="submissions associated"):
        Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}, db).__enter__()
    assert book.submission("s-001").score == 7.0


def test_settings_that_someone_wrote_have_the_last_word(class_folder, course, assignment, tmp_path):
    other = f"sqlite:///{tmp_path}/other.db"
    with Record(class_folder, course, {"tiny": assignment}, other):
        pass
    assert database(class_folder)[0] == other  # remembered from now on
    path = class_folder / "nbgrader_config.py"
    path.write_text(path.read_text() + "c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    third = f"sqlite:///{tmp_path}/third.db"
    Record(class_folder, course, {"tiny": assignment}, third)
    assert database(class_folder)[0] == third and "penalty_method = 'zero'" in path.read_text()
    path.write_text(path.read_text().replace(repr(third), repr(third) + " + ''"))
    with pytest.raises(CourseError, match="change db_url there, or leave --db out"):
        Record(class_folder, course, {"tiny": assignment}, other)
    assert database(class_folder)[0] == third
    (class_folder / "nbgrader_config.py").write_text("c = get_config(")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be read: SyntaxError"):
        Record(class_folder, course, {"tiny": assignment})


def test_a_password_is_neither_shown_nor_written(class_folder, course, assignment):
    url = "postgresql://grader:sesame@127.0.0.1:1/nowhere"
    assert "sesame" not in shown(database(class_folder, url)[0])
    with pytest.raises(RecordError, match="cannot be used") as error:
        Record(class_folder, course, {"tiny": assignment}, url).__enter__()
    assert "sesame" not in str(error.value)
    assert "sesame" not in (class_folder / "nbgrader_config.py").read_text()
    assert "grader@127.0.0.1" in (class_folder / "nbgrader_config.py").read_text()


@pytest.mark.parametrize(
    "url", ["gradebook.db", "mysql://x/y", "oracle://x", "postgresql://", "sqlite:////nowhere/g.db"]
)
def test_a_url_that_is_none(class_folder, course, assignment, url):
    with pytest.raises(CourseError, match=r"database|gradebook"):
        Record(class_folder, course, {"tiny": assignment}, url).__enter__()


def test_lateness_costs_what_the_plugin_says(write, book, class_folder, hand_in, result):
    for student, time in {"early": "11:59", "late": "12:01", "extended": "12:01", "unknown": "?"}.items():
        (hand_in("", student) / "timestamp.txt").write_text(f"2026-11-20 {time}:00 UTC\n")
    results = [result(student) for student in ("early", "late", "extended", "unknown")]
    write(*results, due=datetime(2026, 11, 20, 12))

    def penalties():
        return {one.student: book.submission(one.student).late_submission_penalty for one in results}

    assert set(penalties().values()) == {0.0}  # nbgrader's plug-in does nothing until it is told to
    with (class_folder / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with book.open() as opened:
        opened.grant_extension("tiny", "extended", hours=1)
    write(*results)
    assert penalties() == {"early": 0.0, "late": 5.0, "extended": 0.0, "unknown": 0.0}
    assert {row["student_id"]: float(row["score"]) for row in rows(class_folder)}["late"] == 0.0
    assert book.submission("late").score == 5.0  # the raw score, as nbgrader keeps it
    write(due=datetime(2026, 11, 21))
    write(*results)
    assert set(penalties().values()) == {0.0}


def test_a_penalty_of_ones_own(write, book, class_folder, hand_in, result, monkeypatch, tmp_path):
    (tmp_path / "half_price.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class HalfPrice(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return {'a': score / 2, 'b': -1.0, 'c': 99.0}[student_id]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    write()  # so that there are settings
    with (class_folder / "nbgrader_config.py").open("a") as file:
        file.write("c.AssignLatePenalties.plugin_class = 'half_price.HalfPrice'\n")
    for student in "abc":
        (hand_in("", student) / "timestamp.txt").write_text("2026-11-20 13:00:00 UTC\n")
    write(*(result(student) for student in "abc"), due=datetime(2026, 11, 20, 12))
    assert [book.submission(student).late_submission_penalty for student in "abc"] == [2.5, 0.0, 5.0]


def test_what_is_known_of_students(write, book, result):
    people = {"s-001": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "lms_user_id": "17"}}
    write(result("s-001"), result("s-002"), people=people)
    write(result("s-001"), people={"s-001": {**people["s-001"], "last_name": "Byron"}})
    with book.open() as opened:
        one = opened.find_student("s-001")
        assert (one.first_name, one.last_name, one.email, one.lms_user_id) == (
            "Ada",
            "Lovelace",
            "ada@example.org",
            "17",
        )
        assert opened.find_student("s-002").last_name is None


def test_formgrader_is_told_why(write, book, result):
    message = "half \ud800 a \0 character"
    write(result("s-001", double_hidden=0.0, messages={"double_hidden": message}), result("s-002"))
    with book.open() as opened:
        assert opened.find_comment("double", "tiny", "tiny", "s-001").comment == "half \\ud800 a \\0 character"
        assert opened.find_comment("Stack", "tiny", "tiny", "s-001").comment is None
    write(result("s-001"))
    with book.open() as opened:
        assert opened.find_comment("double", "tiny", "tiny", "s-001").comment is None


def test_an_automatic_score_that_changes_under_one_by_hand_asks_for_a_second_look(write, book, result):
    write(result("s-001", double_hidden=0.0))
    with book.open() as opened:
        opened.find_grade("double_hidden", "tiny", "tiny", "s-001").manual_score = 1.0
        opened.db.commit()
    write(result("s-001", double_hidden=0.0, Stack_hidden=0.0))
    assert not book.submission("s-001").needs_manual_grade
    write(result("s-001"))
    assert book.submission("s-001").needs_manual_grade and book.submission("s-001").score == 4.0


def test_the_same_again_writes_nothing(write, db, contents, result, monkeypatch):
    results = [result("s-001", double_hidden=0.0), result("s-002"), result("s-003", status="unreadable", reason="torn")]
    write(*results)
    before, said = contents(db), []
    monkeypatch.setattr(record, "_update", lambda db, table, rows: said.extend(rows))
    write(*results)
    assert said == [] and contents(db) == before


def test_one_at_a_time(write, class_folder, course, assignment, db, result):
    with (
        Record(class_folder, course, {"tiny": assignment}, db),
        pytest.raises(RecordError, match="another `autograder"),
    ):
        Record(class_folder, course, {"tiny": assignment}, db).__enter__()
    write(result("s-001"))


def test_nbgrader_is_asked_once_for_an_assignment(class_folder, course, assignment, db, monkeypatch):
    def never(*arguments):
        raise AssertionError("nbgrader was asked again")

    monkeypatch.setattr(record, "generate", never)
    with Record(class_folder, course, {"tiny": assignment}, db):
        pass
    (class_folder / "release" / "tiny" / "tiny.ipynb").unlink()
    with pytest.raises(AssertionError, match="asked again"):
        Record(class_folder, course, {"tiny": assignment}, db).__enter__()


@pytest.mark.parametrize("cut", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
def test_a_gradebook_whose_making_was_cut_off(class_folder, db, contents, cut):
    whole, engine = contents(db), create_engine(database(class_folder, db)[0])
    with engine.begin() as connection:
        connection.execute(text(cut))
    engine.dispose()
    open_gradebook(database(class_folder, db)[0]).close()
    assert contents(db) == whole
