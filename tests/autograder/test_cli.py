import csv
import json
import shutil
import time
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.verdict import Result


@pytest.fixture
def run(course, capsys):
    """`run("grade", folder, …)` runs a command on the tiny course; gives its exit code and what it printed."""

    def command(*arguments, prefix=None) -> SimpleNamespace:
        prefix = ["--course", str(course.root)] if prefix is None else prefix
        try:
            code = cli.main([*prefix, *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        except KeyboardInterrupt:  # which would end the tests as well
            pytest.fail("the command did not see to being interrupted")
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return command


# --- what was asked is wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["grade"], "DIR"),
        (["grade", "class", "--workers", "0"], "--workers: expected 1 or more, found 0"),
        (["grade", "class", "--workers", "-2"], "--workers: expected 1 or more, found -2"),
        (["grade", "class", "--workers", "two"], "--workers"),
        (["simulate", "--out", "x"], "--students"),
        (["simulate", "--students", "0", "--out", "x"], "--students: expected 1 or more, found 0"),
        (["simulate", "--students", "3"], "--out"),
        (["simulate", "--students", "3", "--out", "x", "--seed", "pi"], "--seed"),
    ],
)
def test_usage(run, arguments, words):
    done = run(*arguments)
    assert done.code == 2 and words in done.err and "Traceback" not in done.err


def test_a_number_of_workers_that_is_none(run):
    assert "_count" not in run("grade", "class", "--workers", "two").err


@pytest.mark.parametrize(
    "command", ["release", "simulate", "collect", "grade", "feedback", "report", "export", "verify"]
)
def test_every_command_has_help(run, command):
    done = run(command, "--help")
    assert done.code == 0 and "usage: autograder" in done.out
    description = done.out.partition("\n\n")[2].partition("\n\n")[0]
    assert description[0].isupper() and description.endswith(".") and len(description.split()) > 3


def test_no_folder_of_submissions(run, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        done = run("grade", folder)
        assert done.code == 1
        assert done.err.startswith("autograder: expected submissions in") and str(folder / "submitted") in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_empty_class(run, tmp_path):
    (tmp_path / "submitted" / "s-001").mkdir(parents=True)
    done = run("grade", tmp_path)
    assert done.code == 1 and "no submission to tiny" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["submitted"]


@pytest.mark.parametrize("command", [["grade", "."], ["simulate", "--students", "2", "--out", "new"]])
def test_unknown_chapter(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submitted" / "s-001" / "tiny").mkdir(parents=True)
    done = run(command[0], *command[1:2], "tinny", *command[2:]) if command[0] == "grade" else run(*command, "tinny")
    assert done.code == 1 and "unknown chapter 'tinny'" in done.err and "Known chapters: tiny" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["submitted"]


def test_results_into_no_folder(run, hand_in, tmp_path):
    hand_in("{}")
    done = run("grade", tmp_path / "class", "--json", tmp_path / "nowhere" / "r.jsonl")
    assert done.code == 1 and "found no" in done.err and "nowhere" in done.err
    assert not (tmp_path / "class" / "gradebook.db").exists()


def test_a_course_without_masters(run, tmp_path):
    done = run("grade", tmp_path, "tiny", prefix=["--course", str(tmp_path)])
    assert done.code == 1 and "Known chapters: none" in done.err


def test_a_master_with_a_slip(run, make_course, hand_in, tmp_path, percent):
    course = make_course(master=percent.tiny.replace('"points": 1.5', '"points": -1.5'))
    hand_in("{}")
    done = run("grade", tmp_path / "class", prefix=["--course", str(course.root)])
    assert done.code == 1 and "tiny.py:" in done.err and "Stack_hidden" in done.err


def test_stopped_by_hand(run, hand_in, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.batch, "find", stop)
    done = run("grade", tmp_path)
    assert done.code == 130 and "Traceback" not in done.err


# --- simulate and verify ---------------------------------------------------------------------------------------------


def test_simulate_and_verify_by_hand(run, tmp_path, result):
    folder = tmp_path / "class"
    done = run("simulate", "--students", 3, "--seed", 4, "--out", folder)
    assert done.code == 0 and "3 students handed in tiny" in done.out and str(folder / "truth.json") in done.out
    assert run("simulate", "--students", 3, "--out", folder).code == 1

    done = run("verify", folder)
    assert done.code == 1 and "results.jsonl" in done.err and "autograder grade" in done.err

    truth = json.loads((folder / "truth.json").read_text())
    results = [result(student, **one["tiny"]["cells"]) for student, one in truth["students"].items()]
    elsewhere = tmp_path / "elsewhere.jsonl"
    _write(elsewhere, results)
    done = run("verify", folder, "--json", elsewhere)
    assert (done.code, done.err) == (0, "") and "all grades of 3 students are right" in done.out

    _write(elsewhere, results[1:])
    done = run("verify", folder, "--json", elsewhere)
    assert done.code == 1 and "s-001 tiny: no result" in done.err and "1 differences" in done.out


def test_verify_without_a_truth(run, tmp_path):
    done = run("verify", tmp_path)
    assert done.code == 1 and "truth.json" in done.err and "autograder simulate" in done.err


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"assignment": "tiny"}'])
def test_verify_with_a_file_that_holds_no_results(run, tmp_path, text):
    run("simulate", "--students", 1, "--out", tmp_path / "class")
    (tmp_path / "class" / "results.jsonl").write_text(text + "\n")
    done = run("verify", tmp_path / "class")
    assert done.code == 1 and "results.jsonl" in done.err


def _write(path, results):
    path.write_text("".join(json.dumps(one.to_json()) + "\n" for one in results), encoding="utf-8")


# --- grading, with a judge of our own --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_failure_of_ours_is_no_grade(run, class_folder, hand_in, in_threads, result):
    for student in ("a", "b", "c"):
        hand_in("{}", student)
    in_threads(lambda assignment, folder, student: result(student))
    assert run("grade", class_folder).code == 0

    def failing(assignment, folder, student):
        if student == "b":
            raise OSError(28, "No space left on device")
        return result(student, double_hidden=0.0)

    in_threads(failing)
    done = run("grade", class_folder)
    assert done.code == 0 and "3 of them were as they had been" in done.out
    done = run("grade", class_folder, "--again")
    assert done.code == 1
    assert "b tiny: refused" in done.err and "No space left" in done.err and "run the same command again" in done.err
    assert "2 graded, 0 unreadable, 1 refused" in done.out
    with Gradebook(f"sqlite:///{class_folder}/gradebook.db") as book:
        assert {name: book.find_submission("tiny", name).score for name in "abc"} == {"a": 3.0, "b": 5.0, "c": 3.0}
    statuses = [json.loads(line)["status"] for line in (class_folder / "results.jsonl").read_text().splitlines()]
    assert statuses == ["graded", "refused", "graded"]

    in_threads(lambda assignment, folder, student: result(student))
    done = run("grade", class_folder)
    assert done.code == 0 and "2 of them were as they had been" in done.out


@pytest.mark.slow
def test_results_are_in_order_whatever_the_order_of_grading(run, class_folder, hand_in, in_threads, result, tmp_path):
    names = [f"s-{n:03d}" for n in range(20)]
    for student in reversed(names):
        hand_in("{}", student)

    def grade(assignment, folder, student):
        time.sleep(0.2 if student in names[:3] else 0.0)
        return result(student)

    in_threads(grade)
    done = run("grade", class_folder, "tiny", "--json", tmp_path / "mine.jsonl")
    assert done.code == 0 and "20 graded" in done.out and str(tmp_path / "mine.jsonl") in done.out
    lines = (tmp_path / "mine.jsonl").read_text().splitlines()
    assert [json.loads(line)["student"] for line in lines] == names
    assert not (class_folder / "results.jsonl").exists()


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_way_ends_well(graded_class):
    assert vars(graded_class.codes) == {"release": 0, "simulate": 0, "grade": 0}
    names = {path.name for path in graded_class.folder.iterdir()}
    assert {"results.jsonl", "gradebook.db", "grades.csv", "report.html", "submitted", "truth.json"} <= names


@pytest.mark.slow
def test_the_simulated_class_is_graded_as_it_should(graded_class, run):
    done = run("verify", graded_class.folder, prefix=graded_class.prefix)
    assert (done.code, done.err) == (0, "") and "all grades of 8 students are right" in done.out


@pytest.mark.slow
def test_results_have_the_form_that_was_promised(graded_class):
    lines = (graded_class.folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["student"] for one in found] == [f"s-00{n}" for n in range(1, 9)]
    assert [one["status"] for one in found] == ["graded"] * 7 + ["unreadable"]
    kinds = {"assignment": str, "student": str, "status": str, "score": float, "max_score": float, "seconds": float,
             "seed": int, "reason": str | None, "cells": list, "notes": list, "fingerprint": str}  # fmt: skip
    for one in found:
        assert one.keys() == kinds.keys() and all(isinstance(one[name], kind) for name, kind in kinds.items())
        assert one["score"] == sum(cell["points"] for cell in one["cells"]) and one["max_score"] == 5.0
        assert (one["reason"] is None) == (one["status"] == "graded")
        for cell in one["cells"]:
            assert set(cell) == {"grade_id", "points", "max_points", "outcome", "message", "diagnosis"}
            assert cell["outcome"] in {"passed", "failed", "error", "timeout", "memory", "crashed", "missing"}
            assert (cell["outcome"] == "passed") == (cell["points"] == cell["max_points"])


@pytest.mark.slow
def test_gradebook_csv_and_results_agree(graded_class):
    folder = graded_class.folder
    results = [Result.from_json(json.loads(line)) for line in (folder / "results.jsonl").read_text().splitlines()]
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        assert {student.id for student in book.students} == {one.student for one in results}
        for one in results:
            assert book.find_submission("tiny", one.student).score == one.score
            for cell in one.cells:
                grade = book.find_grade(cell.grade_id, "tiny", "tiny", one.student)
                assert (grade.auto_score, grade.max_score) == (cell.points, cell.max_points)
    with (folder / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["student_id"]: float(row["score"]) for row in rows} == {one.student: one.score for one in results}
    assert len(rows) == len(results)


@pytest.mark.slow
def test_grading_changes_nothing_that_was_handed_in(graded_class, bytes_below):
    assert bytes_below(graded_class.folder / "submitted") == graded_class.untouched


@pytest.mark.slow
def test_no_hidden_test_is_quoted_anywhere(graded_class):
    for name in ("results.jsonl", "report.html", "grades.csv"):
        text = (graded_class.folder / name).read_text(encoding="utf-8")
        for secret in ("secret input", "minus three", "concealed", "twice_of_the_number", "self.things"):
            assert secret not in text


@pytest.mark.slow
def test_verify_notices_one_changed_point(graded_class, tmp_path, run):
    lines = (graded_class.folder / "results.jsonl").read_text().splitlines()
    changed = json.loads(lines[2])
    cell = changed["cells"][1]
    cell["points"] = 2.0 - cell["points"]
    tampered = tmp_path / "tampered.jsonl"
    tampered.write_text("\n".join([*lines[:2], json.dumps(changed), *lines[3:]]) + "\n")
    done = run("verify", graded_class.folder, "--json", tampered, prefix=graded_class.prefix)
    assert done.code == 1 and "1 differences" in done.out
    assert done.err.startswith("s-003 tiny double_hidden: expected")


@pytest.mark.slow
def test_grading_again_replaces_what_was_handed_in_anew(graded_class, tmp_path, run):
    folder = tmp_path / "again"
    shutil.copytree(graded_class.folder, folder)
    truth = json.loads((folder / "truth.json").read_text())["students"]
    best, *_, worst = sorted(truth, key=lambda student: -truth[student]["tiny"]["score"])
    assert truth[best]["tiny"]["score"] > 0 == truth[worst]["tiny"]["score"]
    kept = {best: "{", worst: (folder / "submitted" / best / "tiny/tiny.ipynb").read_text()}
    for student in truth.keys() - kept.keys():
        shutil.rmtree(folder / "submitted" / student)
    for student, text in kept.items():
        (folder / "submitted" / student / "tiny/tiny.ipynb").write_text(text)
    done = run("grade", folder, "--workers", "1", *graded_class.sandboxing, prefix=graded_class.prefix)
    assert done.code == 0 and "1 graded, 1 unreadable, 0 refused" in done.out
    assert f"{best} tiny: unreadable" in done.err
    expected = {student: one["tiny"]["score"] for student, one in truth.items()}
    expected[best], expected[worst] = 0.0, expected[best]
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        assert {name: book.find_submission("tiny", name).score for name in truth} == expected
