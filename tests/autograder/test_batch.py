import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import pytest

from autograder import batch
from autograder.batch import Handed, Results
from autograder.course import CourseError
from autograder.engine.sandbox import SandboxError
from autograder.verdict import Assignment, Result


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


# --- grading them ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(assignment, threads):
    """`run(handed, grade)` grades with a function of the test's own; gives the results."""

    def all_of(handed, grade):
        with threads({"key": assignment}, grade) as workers:
            todo = [(one, "key") for one in handed]
            return [one for one, _ in batch.run(workers, {"tiny": assignment}, todo)]

    return all_of


@pytest.fixture
def handed(hand_in):
    """`handed("a", "b")`: submissions of these students, whose notebooks hold their names."""
    return lambda *names: [Handed(name, "tiny", hand_in(name, name)) for name in names]


def test_each_is_graded_once(run, handed, result):
    names = [f"s-{n:03d}" for n in range(50)]
    found = run(handed(*names), lambda assignment, folder, student: result(student))
    assert sorted(one.student for one in found) == names


@pytest.mark.parametrize(
    "error", [ValueError("odd"), MemoryError(), OSError(28, "No space left on device"), KeyError()]
)
def test_a_failure_of_grading_is_refused_and_the_others_go_on(run, handed, result, error):
    def grade(assignment, folder, student):
        if student == "bad":
            raise error
        return result(student)

    found = {one.student: one for one in run(handed("a", "bad", "c"), grade)}
    assert {name: one.status for name, one in found.items()} == {"a": "graded", "bad": "refused", "c": "graded"}
    bad = found["bad"]
    assert type(error).__name__ in bad.reason and bad.score == 0.0 and bad.max_score == 5.0
    assert [cell.outcome for cell in bad.cells] == ["missing"] * 4 and bad.fingerprint is None


def test_no_sandbox_stops_the_batch(run, handed):
    def grade(assignment, folder, student):
        raise SandboxError("no namespaces here")

    with pytest.raises(SandboxError, match="no namespaces"):
        run(handed("a", "b"), grade)


def test_a_name_that_is_too_long_for_nbgrader(run, handed, result):
    (one,) = run(handed("x" * 129), lambda assignment, folder, student: result(student))
    assert one.status == "refused" and "129 characters" in one.reason and "128" in one.reason
    (one,) = run(handed("x" * 128), lambda assignment, folder, student: result(student))
    assert one.status == "graded"


def test_few_are_under_way_at_a_time(assignment, threads, handed, result):
    taken = []

    def todo():
        for one in handed(*(f"s-{n}" for n in range(30))):
            taken.append(one)
            yield one, "key"

    with threads({"key": assignment}, lambda assignment, folder, student: result(student)) as workers:
        for number, _ in enumerate(batch.run(workers, {"tiny": assignment}, todo()), start=1):
            assert len(taken) <= number + workers.width()


# --- workers ---------------------------------------------------------------------------------------------------------


class Lost(ProcessPoolExecutor):
    """A pool whose workers end when they are given a notebook that says so."""

    def submit(self, function, one):
        return super().submit(_end_or_grade, one)


def _end_or_grade(one):
    if one.notebook == b"bad" or (one.notebook == b"once" and not _seen(one.student)):
        os.kill(os.getpid(), signal.SIGKILL)
    return Result("tiny", one.student, "graded", 5.0, 5.0, 0.1, 1, None, ()), "{}"


def _seen(student: str) -> bool:
    place = Path(os.environ["AUTOGRADER_TEST_SEEN"], student)
    there = place.exists()
    place.touch()
    return there


@pytest.mark.slow
def test_what_a_lost_worker_had_is_given_to_others(assignment, hand_in, tmp_path, monkeypatch):
    (tmp_path / "seen").mkdir()
    monkeypatch.setenv("AUTOGRADER_TEST_SEEN", str(tmp_path / "seen"))
    monkeypatch.setattr(batch, "ProcessPoolExecutor", Lost)
    kinds = {"s-1": "good", "s-2": "bad", "s-3": "good", "s-4": "once", "s-5": "good", "s-6": "good"}
    todo = [(Handed(name, "tiny", hand_in(kind, name)), "key") for name, kind in kinds.items()]
    with batch.LocalWorkers({"key": assignment}, 2) as workers:
        found = {one.student: one for one, _ in batch.run(workers, {"tiny": assignment}, todo)}
    assert {name: one.status for name, one in found.items()} == {
        name: "refused" if kind == "bad" else "graded" for name, kind in kinds.items()
    }
    assert "worker was lost" in found["s-2"].reason


@pytest.mark.slow
def test_workers_are_other_processes_and_end_with_this_one():
    script = """if __name__ == "__main__":
        import os, signal
        from autograder import batch
        workers = batch.LocalWorkers({}, 2).__enter__()
        print(*{workers.executor.submit(os.getpid).result() for _ in range(20)}, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL and done.stdout.split()
    deadline = time.monotonic() + 10
    while any(Path("/proc", pid).exists() for pid in done.stdout.split()):
        assert time.monotonic() < deadline, "a worker lives on without its parent"
        time.sleep(0.05)


@pytest.mark.slow
def test_stopped_by_hand_while_an_answer_runs(course, class_folder, hand_in, key, fill, sandboxing):
    if sandboxing:
        pytest.skip("there is no sandbox here")
    notebook = nbformat.read(class_folder / "release/tiny/tiny.ipynb", as_version=4)
    hand_in(fill(notebook, {**key, "double": "def double(x):\n    while True:\n        pass"}))
    command = [sys.executable, "-m", "autograder.cli", "--course", course.root, "grade", class_folder, "--workers", "1"]
    script = f"""import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from autograder import cli
sys.exit(cli.main({[str(one) for one in command[3:]]!r}))"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as run:
        deadline = time.monotonic() + 120
        while not (examiner := _descendant(run.pid, "autograder.engine.examiner")):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        while not _descendant(examiner, "bwrap"):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(2)
        run.send_signal(signal.SIGINT)
        said = run.stderr.read()  # until the last process that could write there has ended
    assert run.returncode == 130 and "Traceback" not in said
    assert "autograder: stopped; 0 of 1 graded and kept. Run it again to go on" in said


def _descendant(pid: int, word: str) -> int | None:
    """A process below this one whose command line has that word."""
    try:
        below = [
            int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
        ]
        for one in below:
            if word.encode() in Path(f"/proc/{one}/cmdline").read_bytes():
                return one
    except OSError:
        return None
    return next(filter(None, (_descendant(one, word) for one in below)), None)


# --- what is graded already ------------------------------------------------------------------------------------------


def test_fingerprints_differ_where_a_verdict_may(make_course, hand_in, percent):
    def of(**changed):
        return batch.fingerprint(Assignment.load(make_course(**changed), "tiny"))

    same = of()
    assert of() == same
    assert of(master=percent.tiny.replace("-3.5) == -7.0", "-3.5) == -7.5")) != same
    assert of(master=percent.tiny.replace("twice_of", "double_of")) != same
    assert of(data={"table.txt": "18\n"}) != same
    assert of(mistakes=percent.mistakes.replace("You square x.", "You multiply x by itself.")) != same
    assert batch.fingerprint(Assignment.load(make_course(), "tiny"), "without sandbox") != same

    one = Handed("s-001", "tiny", hand_in("{}"))
    first = batch.submission_fingerprint(one, same)
    assert first == batch.submission_fingerprint(one, same) != batch.submission_fingerprint(one, "another")
    hand_in("{ }")
    assert batch.submission_fingerprint(one, same) != first
    (one.folder / "tiny.ipynb").unlink()
    assert len({first, batch.submission_fingerprint(one, same)}) == 2


def test_results_are_there_again_after_a_run_that_was_cut_off(tmp_path, result):
    path = tmp_path / "results.jsonl"
    with Results(path) as results:
        results.add(result("b"))
        results.finish()
    with Results(path) as results:
        results.add(result("a"))
        results.add(result("b", double_hidden=0.0))
    with (tmp_path / "results.jsonl.part").open("a") as file:
        file.write('{"assignment": "tiny", "stud')
    with Results(path) as results:
        assert [(one.student, one.score) for one in results] == [("a", 5.0), ("b", 3.0)]
        assert [(before.score, now.score) for before, now in results.changes()] == [(5.0, 3.0)]
        results.add(result("c"))
        results.finish()
        assert [one.student for one in results] == ["a", "b", "c"] and not list(results.changes())
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]
    assert [json.loads(line)["student"] for line in path.read_text().splitlines()] == ["a", "b", "c"]


def test_a_results_file_that_is_none(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("[]\n")
    with pytest.raises(CourseError, match=r"results\.jsonl:1: expected a result .* move the file away"):
        Results(path).__enter__()


def test_no_room_for_a_result_leaves_the_journal_whole(tmp_path, result):
    path = tmp_path / "results.jsonl"
    with Results(path) as results:
        results.add(result("a"))
        size = results.journal.stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                results.add(result("b"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert results.journal.stat().st_size == size
    with Results(path) as results:
        assert [one.student for one in results] == ["a"]
