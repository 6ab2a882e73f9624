"""A class of 10,000 on this machine: throughput, memory over time, the gradebook's share, one worker against two, and a
Dask cluster of several processes of which one is killed on the way. `make bench-scale` runs it.

The class hands in the lightest exercise, in these shares: known answers, right and wrong (`autograder simulate`), one
file in 200 cut off, one notebook in 200 hostile. What each has earned is known, and every run is compared with it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from autograder import batch, simulate
from autograder.course import Course
from autograder.grade import grade
from autograder.record import Record
from autograder.verdict import Assignment

BROKEN, HOSTILE = 200, 200  # one in so many
# What a hostile answer does instead of answering. Loops that never end are rarer: each costs its whole time limit.
ATTACKS = {
    "exit": "import os; os._exit(0)",
    "hog": "return [bytearray(2**30) for _ in range(64)]",
    "flood": "print('x' * 10**7)",
    "forger": "import numpy.testing, builtins; numpy.testing.assert_allclose = lambda *a, **k: None; return None",
    "reader": "return open('/etc/passwd').read()",
    "forks": "import os; [os.fork() for _ in range(20)]",
}
LOOPS = 5000  # one in so many
AUTOGRADER = Path(sys.executable).with_name("autograder")
DASK = Path(sys.executable).with_name("dask")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--students", type=int, default=10_000, metavar="N")
    parser.add_argument("--chapter", help="default: the one whose answer key is graded in the least time")
    parser.add_argument("--part", type=int, default=1_000, metavar="N", help="students for scaling and for the cluster")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("_build/bench/scale.json"))
    options = parser.parse_args()
    course = Course()
    chapter = options.chapter or lightest(course)
    part = min(options.part, options.students)
    found = {"machine": f"{os.cpu_count()} cores, Python {platform.python_version()}", "chapter": chapter}
    with tempfile.TemporaryDirectory(prefix="autograder-scale-") as name:
        root = Path(name)
        print(f"{options.students} students hand in {chapter}", flush=True)
        whole = make_class(course, chapter, options.students, options.seed, root / "whole")
        found["whole"] = graded(whole, options.students, "--workers", str(os.cpu_count()))
        found["gradebook_ms"] = gradebook(course, chapter, whole, options.students)
        some = make_class(course, chapter, part, options.seed + 1, root / "some")
        for workers in (1, 2):
            found[f"workers_{workers}"] = graded(some, part, "--workers", str(workers))
            clear(some)
        found["speed_up"] = found["workers_2"]["rate"] / found["workers_1"]["rate"]
        found["cluster"] = on_cluster(some, part)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    show(found, options.students, part)
    print(f"  written to {options.out}")


def lightest(course: Course) -> str:
    """The chapter whose answer key is graded in the least time."""
    times = {}
    for chapter in course.chapters():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "class"
            simulate.simulate(course, [chapter], 3, 1, folder)
            assignment = Assignment.load(course, chapter)
            place = folder / "submitted" / "s-001" / chapter
            grade(assignment, place, "s-001")
            times[chapter] = min(grade(assignment, place, "s-001").seconds for _ in range(3))
    return min(times, key=times.get)


def make_class(course: Course, chapter: str, students: int, seed: int, folder: Path) -> Path:
    """A simulated class, some of it hostile; its truth says what each has earned."""
    path = simulate.simulate(course, [chapter], students, seed, folder, max(1, students // BROKEN))
    truth = json.loads(path.read_text())
    assignment = Assignment.load(course, chapter)
    functions = [one for one in assignment.master.parts if one.solution.source.lstrip().startswith("def ")]
    rng = random.Random(seed)
    readable = [name for name, one in truth["students"].items() if one[chapter]["status"] == "graded"]
    chosen = rng.sample(readable, max(len(ATTACKS), students // HOSTILE) + students // LOOPS)
    attacks = [*([*ATTACKS.values()] * len(chosen))[: len(chosen) - students // LOOPS]]
    attacks += ["while True: pass"] * (students // LOOPS)
    for student, attack in zip(chosen, attacks, strict=True):
        attacked = rng.choice(functions)
        notebook = folder / "submitted" / student / chapter / f"{chapter}.ipynb"
        content = json.loads(notebook.read_text())
        for cell in content["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == attacked.name:
                cell["source"] = f"def {attacked.name}(*arguments, **named):\n    {attack}\n"
        notebook.write_text(json.dumps(content))
        known = truth["students"][student][chapter]
        known["cells"].update({test.grade_id: 0.0 for test in attacked.tests})
        known["score"] = sum(known["cells"].values())
    path.write_text(json.dumps(truth))
    return folder


def clear(folder: Path) -> None:
    """Take away what grading has made."""
    for path in folder.iterdir():
        if path.name not in ("submitted", "truth.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def graded(folder: Path, students: int, *arguments: str) -> dict:
    """Grade a class, and measure: rate, CPU time, memory of all processes over time. Every grade has to be right."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([AUTOGRADER, "grade", folder, *arguments], **quiet)
    memory: list[tuple[int, float]] = []
    watcher = threading.Thread(target=watch, args=(process.pid, folder / "results.jsonl.part", memory), daemon=True)
    watcher.start()
    code = process.wait()
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher.join()
    if code:
        sys.exit(f"autograder grade {folder} ended with {code}")
    checked = subprocess.run([AUTOGRADER, "verify", folder], capture_output=True, text=True, check=False)
    if checked.returncode:
        sys.exit(f"grades are wrong:\n{checked.stderr[:3000]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    steady = [size for done, size in memory if done] or [0.0]
    quarter = max(1, len(steady) // 4)
    return {
        "seconds": seconds,
        "rate": students / seconds,
        "cpu_ms": 1000 * cpu / students,
        "memory_mb": [sum(steady[:quarter]) / quarter, sum(steady[-quarter:]) / quarter, max(steady)],
    }


def watch(pid: int, journal: Path, memory: list[tuple[int, float]]) -> None:
    """Note the memory (proportional set size, MB) of a process and all below it, and how far the journal is."""
    root = psutil.Process(pid)
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        size = 0
        try:
            for one in [root, *root.children(recursive=True)]:
                try:
                    size += one.memory_full_info().pss
                except psutil.Error:
                    continue
            done = journal.stat().st_size if journal.exists() else 0
            memory.append((done, size / 2**20))
        except (psutil.Error, OSError):
            pass
        time.sleep(2.0)


def gradebook(course: Course, chapter: str, folder: Path, students: int) -> float:
    """Milliseconds a submission that the gradebook takes: all results into an empty one."""
    assignment = Assignment.load(course, chapter)
    with (
        tempfile.TemporaryDirectory() as name,
        batch.Results(folder / "results.jsonl", write=False) as results,
        Record(Path(name), course, {chapter: assignment}) as record,
    ):
        started = time.monotonic()
        for result in results:
            record.write(result)
        record.flush()
        return 1000 * (time.monotonic() - started) / students


def on_cluster(folder: Path, students: int) -> dict:
    """The same through a Dask cluster of three worker processes; one is killed when a third is done."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "scheduler.json"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": name}
        local = [DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
        scheduler = subprocess.Popen(local, **quiet)
        worker = [DASK, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        workers = []
        try:
            while not file.exists():
                time.sleep(0.1)
            workers = [subprocess.Popen(worker, **quiet) for _ in range(3)]
            address = json.loads(file.read_text())["address"]
            journal, killed = folder / "results.jsonl.part", []

            def kill() -> None:
                while not killed:
                    if journal.exists() and journal.read_bytes().count(b"\n") > students // 3:
                        workers[0].send_signal(signal.SIGKILL)
                        killed.append(True)
                    time.sleep(0.2)

            threading.Thread(target=kill, daemon=True).start()
            found = graded(folder, students, "--scheduler", address)
            if not killed:
                sys.exit("no worker was killed on the way")
            return found
        finally:
            for one in (*workers, scheduler):
                one.terminate()
                one.wait()


def show(found: dict, students: int, part: int) -> None:
    whole, cluster = found["whole"], found["cluster"]
    first, last, most = whole["memory_mb"]
    print(f"""
{found["machine"]}; exercise {found["chapter"]}; every grade as it should be

  {students} submissions     {whole["seconds"]:.0f} s, {whole["rate"]:.1f} a second, gradebook included
  CPU a submission       {whole["cpu_ms"]:.0f} ms
  gradebook              {found["gradebook_ms"]:.2f} ms a submission
  memory of all          {first:.0f} MB in the first quarter, {last:.0f} MB in the last, {most:.0f} MB at most
  1 worker, {part}        {found["workers_1"]["rate"]:.1f} a second
  2 workers              {found["workers_2"]["rate"]:.1f} a second, {found["speed_up"]:.2f} times as many
  Dask, 3 processes      {cluster["rate"]:.1f} a second, one of them killed after a third""")


if __name__ == "__main__":
    main()
