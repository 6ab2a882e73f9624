"""Nothing is lost and nothing half-written: killed at any moment, without room, without a database.

What is killed is `autograder grade` as it is, but for the grading itself: see fork_server.py.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import simulate

pytestmark = pytest.mark.slow

KILLS = 3  # of one class, before it is left in peace
STUDENTS = 12


@pytest.fixture(scope="session")
def forks():
    """`forks(*arguments, kill_after=None, …)`: one run of `autograder`, see fork_server.py."""
    script = Path(__file__).with_name("fork_server.py")
    server = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(*arguments, **order) -> SimpleNamespace:
        server.stdin.write(json.dumps({"arguments": [str(one) for one in arguments], **order}) + "\n")
        server.stdin.flush()
        return SimpleNamespace(**json.loads(server.stdout.readline()))

    yield run
    server.stdin.close()
    server.wait(120)


def hand_in(folder: Path, students, points) -> None:
    """Each hands in a notebook that says its points (see fork_server.py); the last one's cannot be read."""
    for number in students:
        place = folder / "submitted" / f"s-{number:03d}" / "tiny"
        place.mkdir(parents=True, exist_ok=True)
        (place / "tiny.ipynb").write_text(json.dumps({"double_hidden": points(number)}))
        (place / "timestamp.txt").write_text("2026-11-20 12:00:00 UTC\n")
    (place / "tiny.ipynb").rename(place / "other.txt")


class Class:
    """A class folder and its gradebook, which can be copied, graded and looked at."""

    def __init__(self, folder: Path, course, db: str, forks, contents, postgres=None):
        self.folder, self.course, self.db = folder, course, db
        self.forks, self.contents, self.postgres = forks, contents, postgres

    def copy(self, folder: Path) -> "Class":
        shutil.copytree(self.folder, folder)
        db = f"sqlite:///{folder}/gradebook.db"
        if self.postgres:
            db = self.postgres.database(self.db.rpartition("/")[2])
        return Class(folder, self.course, db, self.forks, self.contents, self.postgres)

    def grade(self, **order) -> SimpleNamespace:
        return self.forks("--course", self.course.root, "grade", self.folder, "--db", self.db, **order)

    def state(self) -> dict:
        files = {name: (self.folder / name).read_text() for name in ("results.jsonl", "grades.csv")}
        assert not (self.folder / "results.jsonl.part").exists()
        shown = sorted(str(path.relative_to(self.folder)) for path in (self.folder / "autograded").rglob("*.ipynb"))
        return {"gradebook": self.contents(self.db), "shown": shown, **files}


@pytest.fixture(params=["new", "graded before"])
def start(request, db, class_folder, course, forks, contents, tmp_path) -> Class:
    """A class to grade. "graded before" has verdicts, of which a third stand, and nbgrader's part is done."""
    server = request.getfixturevalue("postgres") if db.startswith("postgresql") else None
    one = Class(class_folder, course, db, forks, contents, server)
    if request.param == "graded before":
        hand_in(one.folder, range(1, STUDENTS + 1), lambda number: 2.0)
        done = one.grade()
        assert done.status == 0, done.err
        hand_in(one.folder, range(4, STUDENTS + 3), lambda number: 0.0 if number % 2 else 2.0)
        return one
    for name in ("release", "source", "gradebook.db"):
        path = one.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if server:
        one.db = server.database()
    hand_in(one.folder, range(1, STUDENTS + 1), lambda number: 0.0 if number % 2 else 2.0)
    return one


def undisturbed(start: Class, folder: Path) -> SimpleNamespace:
    peace = start.copy(folder)
    done = peace.grade()
    assert done.status == 0, done.err
    return SimpleNamespace(state=peace.state(), seconds=done.seconds)


def test_killed_at_any_moment(start, tmp_path, request):
    """17 classes are killed three times each on each kind of database, of which 3 have nothing but submissions yet."""
    classes = 14 if "graded before" in request.node.name else 3
    expected = undisturbed(start, tmp_path / "peace")
    assert len(expected.state["results.jsonl"].splitlines()) >= STUDENTS
    rng, killed = random.Random(request.node.name), 0
    for number in range(classes):
        one = start.copy(tmp_path / str(number))
        for kill in range(KILLS):
            after = expected.seconds * (number + rng.random()) / classes * (1.0, 0.6, 0.3)[kill]
            killed += one.grade(kill_after=after).status == -9
        done = one.grade()
        assert done.status == 0, done.err
        assert one.state() == expected.state
        shutil.rmtree(one.folder)
    assert killed >= classes  # some runs were quicker than that


def test_no_room(start, tmp_path):
    expected = undisturbed(start, tmp_path / "peace")
    largest = max(path.stat().st_size for path in (tmp_path / "peace").rglob("*") if path.is_file())
    stopped = 0
    for part in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95):
        one = start.copy(tmp_path / str(part))
        done = one.grade(file_bytes=int(largest * part))
        assert "Traceback" not in done.err
        if done.status:
            stopped += 1
            assert done.status == 1 and done.err.startswith("autograder: ")
        assert one.grade().status == 0
        assert one.state() == expected.state
    assert stopped >= (1 if start.postgres else 3)


def test_a_locked_gradebook(start, tmp_path):
    if start.postgres:
        pytest.skip("PostgreSQL locks rows, and not for long")
    expected = undisturbed(start, tmp_path / "peace")
    sqlite3.connect(start.folder / "gradebook.db").close()
    lock = f"""{sys.executable} -c "
import sqlite3, subprocess, sys
subprocess.Popen([sys.executable, '-c', '''
import sqlite3, sys, time
one = sqlite3.connect(sys.argv[1], isolation_level=None)
one.execute(\\"BEGIN EXCLUSIVE\\")
open(sys.argv[2], \\"w\\").close()
while not __import__(\\"os\\").path.exists(sys.argv[2] + \\".end\\"): time.sleep(0.02)
''', *sys.argv[1:]], stdin=-3, stdout=-3, stderr=-3)
import os, time
while not os.path.exists(sys.argv[2]): time.sleep(0.02)
" {start.folder / "gradebook.db"} {tmp_path / "locked"}"""
    done = start.grade(hook=["s-007", lock])
    (tmp_path / "locked.end").touch()
    assert done.status == 1 and "Traceback" not in done.err
    assert "another program has kept it locked for 1 s" in done.err and "run the same command again" in done.err
    assert start.grade().status == 0
    assert start.state() == expected.state


def test_a_lost_server(start, tmp_path):
    if not start.postgres:
        pytest.skip("SQLite has no server")
    expected = undisturbed(start, tmp_path / "peace")
    user = start.postgres.user.get("user")
    stop = f"cd / && {'runuser -u ' + user + ' -- ' if user else ''}{start.postgres.stopping} > /dev/null"
    done = start.grade(hook=["s-009", stop])
    assert done.status == 1 and "Traceback" not in done.err
    assert "cannot be used" in done.err and "run the same command again" in done.err
    again = start.grade()
    assert again.status == 1 and "see that the server runs" in again.err and "Traceback" not in again.err
    start.postgres.start()
    assert start.grade().status == 0
    assert start.state() == expected.state


def test_the_real_thing_is_killed(tmp_path, course, sandboxing):
    """With real workers and student code: no process lives on, and the grades are right in the end."""
    folder = tmp_path / "class"
    simulate.simulate(course, ["tiny"], 6, 3, folder, 1)
    command = [Path(sys.executable).with_name("autograder"), "--course", str(course.root)]
    grade = [*command, "grade", str(folder), "--workers", "2", *sandboxing]
    killed = subprocess.Popen(grade, start_new_session=True, stderr=subprocess.DEVNULL)
    journal = folder / "results.jsonl.part"
    while killed.poll() is None and not (journal.exists() and journal.stat().st_size):
        os.sched_yield()
    killed.kill()
    assert killed.wait() == -9 and journal.stat().st_size
    done = subprocess.run(grade, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "of them were as they had been" in done.stdout, done.stderr
    checked = subprocess.run([*command, "verify", str(folder)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
