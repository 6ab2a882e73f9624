import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder import batch
from autograder.batch import Handed
from autograder.course import CourseError


def folders(root, *names):
    for name in names:
        (root / "submitted" / name).mkdir(parents=True)
    return root


def test_finds_what_was_handed_in_by_assignment_and_student(course, tmp_path):
    folders(tmp_path, "b/tiny", "a/tiny", "a/other", ".hidden/tiny", "c")
    (tmp_path / "submitted" / "readme.txt").write_text("")
    (tmp_path / "submitted" / "b" / "notes.txt").write_text("")
    found = batch.find(tmp_path, course)
    assert found == [Handed(name, "tiny", tmp_path / "submitted" / name / "tiny") for name in ("a", "b")]


def test_finds_the_wanted_chapters_alone(make_course, tmp_path):
    make_course(chapter="small")
    course = make_course()
    folders(tmp_path, "a/tiny", "a/small", "b/small")
    assert [(one.assignment, one.student) for one in batch.find(tmp_path, course)] == [
        ("small", "a"), ("small", "b"), ("tiny", "a"),
    ]  # fmt: skip
    assert [one.student for one in batch.find(tmp_path, course, ["small"])] == ["a", "b"]
    assert [one.assignment for one in batch.find(tmp_path, course, ["tiny"])] == ["tiny"]


def test_no_folder_of_submissions(course, tmp_path):
    with pytest.raises(
        CourseError, match=r"expected submissions in .*/submitted/<student>/<chapter>/, found no folder"
    ):
        batch.find(tmp_path, course)
    (tmp_path / "submitted").write_text("a file")
    with pytest.raises(CourseError, match="found no folder"):
        batch.find(tmp_path, course)


def test_an_empty_class(course, tmp_path):
    for names in ([], ["a"], ["b/momentum"]):
        folders(tmp_path, "", *names) if not names else folders(tmp_path, *names)
        with pytest.raises(CourseError, match=r"no submission to tiny; expected <student>/<chapter>/"):
            batch.find(tmp_path, course)


def test_a_student_who_is_a_link_to_another(course, tmp_path):
    folders(tmp_path, "a/tiny", "b")
    (tmp_path / "submitted" / "b" / "tiny").symlink_to(tmp_path / "submitted" / "a" / "tiny")
    assert "a" in [one.student for one in batch.find(tmp_path, course)]


def test_a_name_that_is_no_utf8_can_be_written(course, tmp_path):
    folder = os.fsencode(tmp_path / "submitted") + b"/caf\xe9/tiny"
    os.makedirs(folder)
    (one,) = batch.find(tmp_path, course)
    assert os.fsencode(one.folder) == folder
    assert "caf" in one.student
    one.student.encode("utf-8")


def test_results_come_as_they_are_done(assignment, tmp_path, result):
    def grade(assignment, folder, student):
        return result(student)

    handed = [Handed(f"s-{n:03d}", "tiny", tmp_path) for n in range(50)]
    with ThreadPoolExecutor(4) as executor:
        found = list(batch.run(executor, {"tiny": assignment}, handed, grade))
    assert sorted(one.student for one in found) == [one.student for one in handed]


@pytest.mark.parametrize(
    "error", [ValueError("odd"), MemoryError(), OSError(28, "No space left on device"), KeyError()]
)
def test_a_failure_of_grading_is_refused_and_the_others_go_on(assignment, tmp_path, result, error):
    def grade(assignment, folder, student):
        if student == "bad":
            raise error
        return result(student)

    with ThreadPoolExecutor(2) as executor:
        handed = [Handed(name, "tiny", tmp_path) for name in ("a", "bad", "c")]
        found = {one.student: one for one in batch.run(executor, {"tiny": assignment}, handed, grade)}
    assert {name: one.status for name, one in found.items()} == {"a": "graded", "bad": "refused", "c": "graded"}
    bad = found["bad"]
    assert type(error).__name__ in bad.reason and bad.score == 0.0 and bad.max_score == 5.0
    assert [cell.outcome for cell in bad.cells] == ["missing"] * 4


@pytest.mark.slow
def test_workers_are_other_processes():
    with batch.local_executor(1) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()
