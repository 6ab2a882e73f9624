"""A Dask cluster of real processes: what travels, and a worker that is lost."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import batch, simulate
from autograder.course import CourseError
from autograder.verdict import Assignment

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


@pytest.fixture
def cluster(tmp_path):
    """`cluster(n)` starts a scheduler and n workers, which know nothing of the class; gives address and workers."""
    processes = []

    def start(*command) -> subprocess.Popen:
        log = (tmp_path / f"dask-{len(processes)}.log").open("w")
        processes.append(subprocess.Popen([BIN / "dask", *map(str, command)], stdout=log, stderr=log, cwd=tmp_path))
        return processes[-1]

    def run(workers: int):
        file = tmp_path / "scheduler.json"
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
        deadline = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        options = ["--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        return json.loads(file.read_text())["address"], [start("worker", *options) for _ in range(workers)]

    yield run
    for process in reversed(processes):  # the scheduler last
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_lost_workers_submissions_are_done_by_others(cluster, course, tmp_path, sandboxing):
    folder = tmp_path / "class"
    simulate.simulate(course, ["tiny"], 20, 3, folder, 1)
    address, workers = cluster(2)
    command = [BIN / "autograder", "--course", course.root]
    grade = subprocess.Popen(
        [*command, "grade", folder, "--scheduler", address, *sandboxing], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    journal = folder / "results.jsonl.part"
    while grade.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 3):
        time.sleep(0.02)
    workers[0].kill()
    out, err = grade.communicate()
    assert grade.returncode == 0, err.decode()
    assert b"19 graded, 1 unreadable, 0 refused" in out
    checked = subprocess.run([*command, "verify", folder], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_no_scheduler_and_no_workers(cluster, assignment, monkeypatch):
    monkeypatch.setattr(batch.Cluster, "ANSWER_SECONDS", 2)
    with pytest.raises(CourseError, match=r"expected a Dask scheduler at tcp://127\.0\.0\.1:1, found none"):
        batch.Cluster({"key": assignment}, "tcp://127.0.0.1:1").__enter__()
    address, _ = cluster(0)
    with pytest.raises(CourseError, match="has no workers; start some with `dask worker"):
        batch.Cluster({"key": assignment}, address).__enter__()


def test_a_worker_with_another_copy_of_the_autograder():
    assert "is another than here" in batch._problem("another")


def test_hand_out_data_travels(make_course):
    course = make_course()
    assignment = Assignment.load(course, "tiny")
    plugin = batch._plugin({"key": assignment})
    for path in assignment.data_files:
        path.unlink()
    plugin.setup(None)
    try:
        (here,) = batch._given["key"].data_files
        assert here.read_text() == "17\n" and here.name == "table.txt"
    finally:
        plugin.teardown(None)
        batch._given.clear()
