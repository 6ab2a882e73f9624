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
    table = export.canvas(ROWS, PEOPLE, ["tiny", "small"])
    assert table.missing == [] and table.delimiter == ","
    assert table.rows == [
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
    table = export.canvas(ROWS, PEOPLE, ["tiny"], write(tmp_path / "canvas.csv", *rows))
    rows[2][4] = "4.5"
    assert table == export.Table(rows, ["noetheremmy_102"])
    with pytest.raises(CourseError, match=r"no column 'small'; it has Student, ID"):
        export.canvas(ROWS, PEOPLE, ["small"], tmp_path / "canvas.csv")


def test_canvas_as_other_countries_and_other_titles_have_it(tmp_path):
    rows = [
        ["Student", "ID", "SIS Login ID", "Section", "Exercise 1: very small (8)"],
        ["", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "10,00"],
        ["Lovelace, Ada", "101", "ada", "A, and B", ""],
        ["Noether, Emmy", "102", "emmy", "A", "N/A"],
    ]
    path = tmp_path / "canvas.csv"
    path.write_text("\n".join(";".join(row) for row in rows) + "\n", encoding="utf-8-sig")
    people = {**PEOPLE, "noetheremmy_102": {"lms_user_id": "102"}}
    with pytest.raises(CourseError, match="Say with --column"):
        export.canvas(ROWS, people, ["tiny"], path)
    table = export.canvas(ROWS, people, ["tiny"], path, "exercise 1: very small")
    assert table.missing == [] and table.rows[3:] == [[*rows[3][:4], "4.5"], rows[4]]
    assert table.remarks == [f"{path} has 10 points at most for tiny, the exercise 5: set it so before you import"]
    export.write(tmp_path / "out.csv", table)
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()[
        3
    ] == "Lovelace, Ada;101;ada;A, and B;4.5"


@pytest.mark.parametrize("title", ["gradient_descent", "Gradient Descent (17)", " gradient-descent "])
def test_a_column_is_the_chapters_however_its_words_are_joined(tmp_path, title):
    assert export._column(["ID", title], "gradient_descent", tmp_path) == 1
    with pytest.raises(CourseError):
        export._column(["ID", f"{title} again"], "gradient_descent", tmp_path)


def test_moodle(tmp_path):
    numbers = {"lovelaceada_101": "4711"}
    table = export.moodle(ROWS, numbers, {}, "tiny")
    # Moodle needs the first, "Grade" and the last; of a column for feedback it would take what is empty, too
    assert table.rows[0] == [
        "Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Last modified (grade)",
    ]  # fmt: skip
    assert table.missing == [] and [row[:5] for row in table.rows[1:]] == [
        ["Participant 4711", "lovelaceada_101", "", "4.5", "5"],
        ["noetheremmy_102", "noetheremmy_102", "", "", "5"],
    ]
    header = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
    path = write(tmp_path / "worksheet.csv", header, ["Participant 4711", "Ada Lovelace", "", "5", "-"])
    table = export.moodle(ROWS, numbers, {}, "tiny", path)
    assert table.rows[1] == ["Participant 4711", "Ada Lovelace", "4.5", "5", "-"]
    assert table.missing == ["noetheremmy_102"] and table.remarks == []
    write(path, header, ["Participant 4711", "Ada Lovelace", "", "100.00", "-"])
    (remark,) = export.moodle(ROWS, numbers, {}, "tiny", path).remarks
    assert "has 100 points at most for tiny, the exercise 5" in remark


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
    assert run("export", class_folder, "tiny", "--to", "moodle", "--column", "Tiny")[0] == 1
    code, _, err = run("export", class_folder, "tinny")
    assert code == 1 and "no assignment tinny" in err
    assert run("export", class_folder / "nowhere")[0] == 1
