import csv
import json

import pytest

from autograder import cli, export
from autograder.course import CourseError

ROWS = [
    {"assignment": "tiny", "student_id": "lovelaceada_101", "score": 4.5, "max_score": 5.0, "handed_in": True},
    {"assignment": "tiny", "student_id": "noetheremmy_102", "score": 0.0, "max_score": 5.0, "handed_in": False},
    {"assignment": "small", "student_id": "lovelaceada_101", "score": 1.0, "max_score": 2.0, "handed_in": True},
]
PEOPLE = {"lovelaceada_101": {"lms_user_id": "101", "first_name": "Ada", "last_name": "Lovelace"}}


def write(path, *rows):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)
    return path


def test_canvas():
    table, missing = export.canvas(ROWS, PEOPLE, ["tiny", "small"])
    assert missing == []
    assert table == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "tiny", "small"],
        ["    Points Possible", "", "", "", "", "5", "2"],
        ["Lovelace, Ada", "101", "", "", "", "4.5", "1"],
        ["noetheremmy_102", "noetheremmy_102", "", "", "", "", ""],
    ]


def test_canvas_template_keeps_what_is_in_it(tmp_path):
    rows = [
        ["Student", "ID", "Section", "Quiz (7)", "Tiny (8)"],
        ["    Points Possible", "", "", "10", "5"],
        ["Lovelace, Ada", "101", "A", "9", ""],
        ["Someone, Else", "999", "B", "8", "3"],
    ]
    table, missing = export.canvas(ROWS, PEOPLE, ["tiny"], write(tmp_path / "canvas.csv", *rows))
    rows[2][4] = "4.5"
    assert table == rows and missing == ["noetheremmy_102"]
    with pytest.raises(CourseError, match=r"no column 'small'; it has Student, ID"):
        export.canvas(ROWS, PEOPLE, ["small"], tmp_path / "canvas.csv")


def test_moodle(tmp_path):
    numbers = {"lovelaceada_101": "4711"}
    table, missing = export.moodle(ROWS, numbers, {}, "tiny")
    assert missing == [] and table[0][0] == "Identifier"
    assert [row[:5] for row in table[1:]] == [
        ["Participant 4711", "lovelaceada_101", "", "4.5", "5"],
        ["noetheremmy_102", "noetheremmy_102", "", "", "5"],
    ]
    header = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
    path = write(tmp_path / "worksheet.csv", header, ["Participant 4711", "Ada Lovelace", "", "5", "-"])
    table, missing = export.moodle(ROWS, numbers, {}, "tiny", path)
    assert table[1] == ["Participant 4711", "Ada Lovelace", "4.5", "5", "-"] and missing == ["noetheremmy_102"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe"])
def test_a_template_that_is_none(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(CourseError, match=r"x\.csv"):
        export.canvas(ROWS, PEOPLE, ["tiny"], tmp_path / "x.csv")


@pytest.mark.slow
def test_the_command(course, class_folder, hand_in, in_threads, result, capsys):
    def run(*arguments):
        code = cli.main(["--course", str(course.root), *map(str, arguments)])
        return code, *capsys.readouterr()

    assert run("export", class_folder, "--to", "canvas")[0] == 0  # a gradebook with nobody in it
    hand_in("{}", "Ada Lovelace")
    (class_folder / "collected").mkdir()
    students = {"Ada Lovelace": {"participant": "4711", "email": "ada@example.org"}}
    (class_folder / "collected" / "tiny.json").write_text(json.dumps({"system": "moodle", "students": students}))
    in_threads(lambda assignment, folder, student: result(student, double_hidden=0.0))
    assert run("grade", class_folder)[0] == 0
    before = (class_folder / "grades.csv").read_bytes()
    assert run("export", class_folder)[0] == 0 and (class_folder / "grades.csv").read_bytes() == before
    assert run("export", class_folder, "tiny", "--to", "moodle")[0] == 0
    with (class_folder / "grades-moodle.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["Identifier"], row["Grade"], row["Email address"]) == ("Participant 4711", "3", "ada@example.org")
    code, _, err = run("export", class_folder, "tinny")
    assert code == 1 and "no assignment tinny" in err
    assert run("export", class_folder / "nowhere")[0] == 1
