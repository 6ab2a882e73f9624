"""Three graders on the same class, side by side: `nbgrader autograde`, `otter run`, and this engine.

    .venv/bin/python tests/bench/grader.py --students 12 --repetitions 3

A class is simulated, prepared once for each grader, and graded again and again, the graders taking turns, so that a
machine that is busy with other things is as busy for each. The table holds medians. All of them judge with the same
tests, and the points are compared part by part.

How it is measured:

- One worker on one core (the process is bound to it), and one more row with all cores for this engine. *Submissions a
  second* are those of the whole command, its start included.
- *First result*: from the start of the command until a first submission's result is on disk.
- *Each*: from one result to the next, the median over a run; the start is not in it. *CPU each* is that of the command
  and all its descendants, from a control group, where one can be made.
- *The student's own CPU*: their cells, and their functions when tests call them, run bare in a warm interpreter; no
  grader can save that. Where a part is a class, its tests are counted as well.
- *Overhead*: the CPU of a submission (the time, where CPU is not known) less the student's own.
- *Memory*: proportional set size (PSS) of all processes, in runs of their own, since looking takes time. *In flight*:
  by how much it is larger while there are processes for a submission than while there are none; *mostly* is the median
  of that, and what a student's own arrays take is in both.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import nbformat
from tqdm import tqdm

from autograder import cli
from autograder import submission as submissions
from autograder.course import ROOT, Course
from autograder.engine import sandbox
from autograder.engine.sandbox import SandboxError
from autograder.verdict import Assignment

OUT = ROOT / "_build" / "bench"
OTTER = OUT / "otter"  # an environment of its own; `make bench` makes it
GOAL_MILLISECONDS, GOAL_RATIO, GOAL_MEGABYTES = 50.0, 20.0, 20.0
CORES = sorted(os.sched_getaffinity(0))
RUN_SECONDS = 900  # for a grader that hangs


def main() -> int:
    options = _options()
    try:
        sandbox.check()
    except SandboxError as error:
        print(f"grader: {error}", file=sys.stderr)
        return 1
    os.sched_setaffinity(0, CORES[:-1] or CORES)  # the last core is for the graders
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    load = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        ground = Ground(Path(scratch), options.chapter, options.students, options.seed)
        graders = [Stock(), Otter(), Engine(), EngineThroughNbgrader(), EngineOnAllCores()]
        missing = [one.name for one in graders if one.missing()]
        graders = [one for one in graders if not one.missing()]
        runs: dict[str, list[Run]] = {one.name: [] for one in graders}
        steps = [(one, turn) for turn in range(options.repetitions) for one in graders]
        with tqdm(total=len(steps) + len(graders) + 1, desc="grading", unit="run") as progress:
            student = [ground.students_own(name) for name in ground.students]
            progress.update()
            for one, _ in steps:
                progress.set_postfix_str(one.name)
                runs[one.name].append(measure(one, ground))
                progress.update()
            memory = {}
            for one in graders:
                progress.set_postfix_str(f"{one.name}, memory")
                memory[one.name] = measure(one, ground, look_at_memory=True).memory
                progress.update()
    report = _report(options, runs, memory, student, missing, (load, os.getloadavg()))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "grader.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = _markdown(report)
    (options.out / "grader.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"written to {options.out / 'grader.md'} and {options.out / 'grader.json'}")
    return 0 if not report["differences"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chapter", default="momentum", help="the exercise to grade (default: momentum)")
    parser.add_argument("--students", type=int, default=12, help="size of the class, 2 or more (default: 12)")
    parser.add_argument("--repetitions", type=int, default=3, help="timed runs of each grader (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another class (default: 1)")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write the results (default: _build/bench)")
    options = parser.parse_args()
    if options.students < 2 or options.repetitions < 1:
        parser.error("expected 2 students or more, and 1 repetition or more")
    Course().master(options.chapter)
    return options


# ---- the class ------------------------------------------------------------------------------------------------------


class Ground:
    """One simulated class, prepared for each grader; a run gets a fresh copy."""

    def __init__(self, folder: Path, chapter: str, students: int, seed: int):
        self.chapter, self.copies = chapter, folder / "runs"
        self.assignment = Assignment.load(Course(), chapter)
        self.course = folder / "course"
        with _silent():
            if cli.main(["nbgrader-course", str(self.course), chapter]):
                raise SystemExit(f"grader: no course could be made from {chapter}")
            arguments = ["--students", str(students), "--seed", str(seed), "--out", str(self.course)]
            if cli.main(["simulate", chapter, *arguments]):
                raise SystemExit(f"grader: no class could be made for {chapter}")
        self.students = sorted(path.name for path in (self.course / "submitted").iterdir())
        self.otter = folder / "otter"
        if (OTTER / "bin" / "otter").exists():
            self._prepare_otter()

    def copy(self) -> Path:
        self.copies.mkdir(exist_ok=True)
        target = Path(tempfile.mkdtemp(dir=self.copies)) / "course"
        shutil.copytree(self.course, target)
        return target

    def _prepare_otter(self) -> None:
        """The same tests in Otter's form, a file for each graded cell, and the submissions without them."""
        tests = self.otter / "tests"
        tests.mkdir(parents=True)
        for number, cell in enumerate(self.assignment.master.graded):
            (tests / f"t{number:03d}.py").write_text(
                "from otter.test_files import test_case\n\nOK_FORMAT = False\n"
                f"name, points = {cell.grade_id!r}, {cell.points!r}\n\n\n"
                f"@test_case(hidden=True)\ndef test(env):\n    exec(compile({cell.source!r}, name, 'exec'), env)\n",
                encoding="utf-8",
            )
        for data in self.assignment.data_files:
            shutil.copy(data, self.otter)
        names = [data.name for data in self.assignment.data_files]
        command = [OTTER / "bin" / "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements"]
        subprocess.run([*command, "--no-environment", *names], cwd=self.otter, check=True, capture_output=True)
        for student in self.students:
            notebook = nbformat.read(self._notebook(student), as_version=4)
            notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
            folder = self.otter / "submissions" / student
            folder.mkdir(parents=True)
            nbformat.write(notebook, folder / f"{self.chapter}.ipynb")

    def _notebook(self, student: str) -> Path:
        return self.course / "submitted" / student / self.chapter / f"{self.chapter}.ipynb"

    def students_own(self, student: str) -> float:
        """CPU seconds of a student's cells, and of their functions when the tests call them, and of nothing else."""
        rebuilt = submissions.rebuild(self.assignment.master, submissions.read(self._notebook(student)))
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                with _silent():
                    seconds = _bare(self.assignment, rebuilt.notebook)
                os.write(writer, json.dumps(seconds).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            told = answer.read()
        os.waitpid(pid, 0)
        if not told:
            raise SystemExit(f"grader: the notebook of {student} ended its interpreter")
        return json.loads(told)


def _bare(assignment: Assignment, notebook: nbformat.NotebookNode) -> float:
    """Run a notebook with nothing around it; returns the CPU seconds of what the student wrote."""
    import matplotlib.pyplot  # noqa: F401  (imports are the graders' affair: each has them warm or pays for them)

    folder = tempfile.mkdtemp(prefix="bench-bare-")
    for data in assignment.data_files:
        shutil.copy(data, folder)
    os.chdir(folder)
    names: dict = {"__name__": "__main__"}
    clock = _Clock()
    parts = {cell.grade_id: part for part in assignment.master.parts for cell in part.tests}
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        lines = ["pass" if line.startswith(("%", "!")) else line for line in cell.source.splitlines()]
        part = parts.get(settings.get("grade_id"))
        own = "provided" not in cell.metadata and (part is None or isinstance(names.get(part.name), type))
        with clock if own else contextlib.nullcontext(), contextlib.suppress(Exception):
            exec(compile("\n".join(lines), "cell", "exec"), names)
        if "answer" in cell.metadata:
            name = cell.metadata["answer"]
            if callable(names.get(name)) and not isinstance(names[name], type):
                names[name] = clock.around(names[name])
    shutil.rmtree(folder, ignore_errors=True)
    return clock.seconds


class _Clock:
    """Adds up CPU time; when it runs already, it goes on."""

    def __init__(self):
        self.seconds, self.depth = 0.0, 0

    def __enter__(self):
        if self.depth == 0:
            self.start = time.process_time()
        self.depth += 1

    def __exit__(self, *error):
        self.depth -= 1
        if self.depth == 0:
            self.seconds += time.process_time() - self.start

    def around(self, function):
        def timed(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return timed


# ---- the graders ----------------------------------------------------------------------------------------------------


class Grader:
    """A command that grades a class's folder."""

    name = ""
    cores = 1

    def missing(self) -> bool:
        return False

    def prepare(self, folder: Path) -> None:
        """What is not measured."""

    def commands(self, folder: Path, ground: Ground) -> list[list[str]]:
        """What is run, one after the other, in the folder."""
        raise NotImplementedError

    def done(self, folder: Path, ground: Ground) -> int:
        """How many results are on disk."""
        return len(list(folder.glob(f"autograded/*/{ground.chapter}/{ground.chapter}.ipynb")))

    def points(self, folder: Path, ground: Ground) -> dict[str, dict[str, float]]:
        """Points by student and graded cell."""
        with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as database:
            rows = database.execute(
                "SELECT s.student_id, c.name, g.auto_score FROM grade g "
                "JOIN base_cell c ON g.cell_id = c.id JOIN submitted_notebook n ON g.notebook_id = n.id "
                "JOIN submitted_assignment s ON n.assignment_id = s.id"
            ).fetchall()
        found: dict[str, dict[str, float]] = {}
        for student, cell, score in rows:
            found.setdefault(student, {})[cell] = score
        return found

    def in_flight(self, process: Process, all_of_them: list[Process]) -> bool:
        """Whether a process exists for one submission alone."""
        raise NotImplementedError


class Stock(Grader):
    name = "nbgrader autograde"

    def prepare(self, folder: Path) -> None:
        (folder / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(folder)!r}\n")

    def commands(self, folder: Path, ground: Ground) -> list[list[str]]:
        return [[sys.executable, "-m", "nbgrader", "autograde", ground.chapter]]

    def in_flight(self, process: Process, all_of_them: list[Process]) -> bool:
        return "ipykernel_launcher" in process.command


class Otter(Grader):
    name = "otter run"

    def missing(self) -> bool:
        return not (OTTER / "bin" / "otter").exists()

    def prepare(self, folder: Path) -> None:
        for student in (folder / "submitted").iterdir():
            (folder / "otter" / student.name).mkdir(parents=True)

    def commands(self, folder: Path, ground: Ground) -> list[list[str]]:
        return [
            [
                str(OTTER / "bin" / "otter"), "run", "--no-logo", "-a", str(ground.otter / "autograder.zip"),
                "-o", f"otter/{student}", str(ground.otter / "submissions" / student / f"{ground.chapter}.ipynb"),
            ]
            for student in ground.students
        ]  # fmt: skip

    def done(self, folder: Path, ground: Ground) -> int:
        return len(list(folder.glob("otter/*/results.json")))

    def points(self, folder: Path, ground: Ground) -> dict[str, dict[str, float]]:
        found = {}
        for path in folder.glob("otter/*/results.json"):
            tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
            found[path.parent.name] = {one["name"]: one["score"] for one in tests if "score" in one}
        return found

    def in_flight(self, process: Process, all_of_them: list[Process]) -> bool:
        return True


class Engine(Grader):
    name = "this engine"

    def commands(self, folder: Path, ground: Ground) -> list[list[str]]:
        command = str(Path(sys.executable).with_name("autograder"))
        return [[command, "grade", str(folder), ground.chapter, "--workers", str(self.cores)]]

    def done(self, folder: Path, ground: Ground) -> int:
        files = (folder / "results.jsonl.part", folder / "results.jsonl")
        return max((path.read_bytes().count(b"\n") for path in files if path.exists()), default=0)

    def in_flight(self, process: Process, all_of_them: list[Process]) -> bool:
        if not process.is_student:
            return False
        # the first of them is the warm interpreter; all others are forked from it, for a submission
        return any(one.is_student and one.started < process.started for one in all_of_them)


class EngineThroughNbgrader(Engine):
    name = "nbgrader autograde with this engine"
    commands = Stock.commands
    done = Grader.done


class EngineOnAllCores(Engine):
    cores = len(CORES)
    name = f"this engine, {cores} workers"

    def missing(self) -> bool:
        return self.cores == 1


# ---- one run --------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """What one run of a grader took: seconds, CPU seconds where they are known, megabytes."""

    wall: float
    first: float
    each: float
    cpu_each: float | None
    points: dict[str, dict[str, float]]
    memory: dict[str, float] = field(default_factory=dict)


class Seen(NamedTuple):
    """How many results were on disk when, and what CPU time that had taken."""

    done: int
    wall: float
    cpu: float | None


def _middle_step(steps: list[tuple[int, float]]) -> float:
    """The median for a submission, from pairs of a number of submissions and what they took together."""
    return statistics.median(took / count for count, took in steps for _ in range(count))


def measure(grader: Grader, ground: Ground, look_at_memory: bool = False) -> Run:
    """Grade a fresh copy of the class once."""
    folder = ground.copy()
    grader.prepare(folder)
    total, seen, most = len(ground.students), [Seen(0, 0.0, 0.0)], {}
    core = {CORES[-1]} if grader.cores == 1 else CORES
    environment = {**os.environ, "NBGRADER_EXECUTION": "autograde"}  # masters have a short version of their long cells
    with Account() as account, (folder / "log").open("wb") as log:
        begin = time.monotonic()

        def note() -> None:
            done = grader.done(folder, ground)
            if done > seen[-1].done:
                seen.append(Seen(done, time.monotonic() - begin, account.cpu()))

        for command in grader.commands(folder, ground):
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: (account.enter(), os.sched_setaffinity(0, core)),
            )  # fmt: skip
            memory = Memory(process.pid, grader) if look_at_memory else None
            try:
                while process.poll() is None:
                    note()
                    if time.monotonic() - begin > RUN_SECONDS:
                        raise SystemExit(f"grader: {grader.name} did not end within {RUN_SECONDS} s")
                    time.sleep(0.005)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                if memory:
                    most = _most(most, memory.stop())
            note()
        wall = time.monotonic() - begin
    if seen[-1].done < total:
        told = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise SystemExit(f"grader: {grader.name} gave {seen[-1].done} results of {total}. It said:\n{told}")
    steps = list(itertools.pairwise(seen[1:] if len(seen) > 2 else seen))  # from the first result on, if there are more
    known = seen[-1].cpu is not None
    cpu_each = _middle_step([(new.done - old.done, new.cpu - old.cpu) for old, new in steps]) if known else None
    run = Run(
        wall=wall,
        first=seen[1].wall,
        each=_middle_step([(new.done - old.done, new.wall - old.wall) for old, new in steps]),
        cpu_each=cpu_each,
        points=grader.points(folder, ground),
        memory=most,
    )
    shutil.rmtree(folder.parent)
    return run


class Account:
    """CPU time of everything that is started in it: a control group of its own, below the one this process is in."""

    def __init__(self):
        self.folder = self._make()

    @staticmethod
    def _make() -> Path | None:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" and Path("/sys/fs/cgroup/cgroup.controllers").exists():
                parent = Path("/sys/fs/cgroup" + path)
            elif "cpuacct" in controllers.split(","):
                parent = Path("/sys/fs/cgroup", controllers, path.lstrip("/"))
            else:
                continue
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="autograder-bench-", dir=parent))
        return None

    def enter(self) -> None:
        """Move the calling process in."""
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def cpu(self) -> float | None:
        """CPU seconds up to now; None where they cannot be known."""
        if not self.folder:
            return None
        old = self.folder / "cpuacct.usage"
        if old.exists():
            return int(old.read_text()) / 1e9
        told = dict(line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        return int(told["usage_usec"]) / 1e6

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *error) -> None:
        for _ in range(100):  # the last processes of a sandbox take a moment
            with contextlib.suppress(OSError):
                if self.folder:
                    self.folder.rmdir()
                return
            time.sleep(0.05)


# ---- memory ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    started: int  # clock ticks since boot
    command: str

    @property
    def is_student(self) -> bool:
        """One of the interpreters in a sandbox, and not bubblewrap, which has the same words in its command."""
        program = self.command.split("\0", 1)[0]
        return "autograder.engine.student" in self.command and not program.endswith("bwrap")


class Memory:
    """Looks at a command and all its descendants, again and again, and keeps the most that it saw, in megabytes."""

    def __init__(self, root: int, grader: Grader):
        self.root, self.grader = root, grader
        self.idle: list[float] = []  # of all processes together, between submissions
        self.busy: list[float] = []  # while one was in flight
        self.peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """Stop looking; returns the peak, and what a submission in flight added to it."""
        self._stop.set()
        self._thread.join()
        most = {"peak": self.peak}
        if self.busy:
            base = statistics.median(self.idle) if self.idle else 0.0
            most["in flight"] = max(self.busy) - base
            most["in flight, mostly"] = statistics.median(self.busy) - base
        return most

    def _watch(self) -> None:
        since: list[float] = []  # seen since the last submission
        while not self._stop.wait(0.02):
            with _standing_still(self.root) as family:
                total = sum(_pss(one.pid) for one in family) / 2**20
                flying = any(self.grader.in_flight(one, family) for one in family)
            if flying:
                self.busy.append(total)
                self.idle += since  # before the first submission not all has started, after the last not all is left
                since = []
            elif self.busy:
                since.append(total)
            self.peak = max(self.peak, total)


@contextlib.contextmanager
def _standing_still(root: int):
    """A process and its descendants, stopped: what they share would be counted twice in a sum over several moments."""
    stopped: dict[int, Process] = {}
    try:
        for _ in range(20):  # until there is none that was forked meanwhile
            new = [one for one in _family(root) if one.pid not in stopped]
            if not new:
                break
            for one in new:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(one.pid, signal.SIGSTOP)
                stopped[one.pid] = one
        yield list(stopped.values())
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)


def _most(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {key: max(one.get(key, 0.0), other.get(key, 0.0)) for key in one | other}


def _family(root: int) -> list[Process]:
    """A process and all its descendants."""
    found: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2].split()
                command = Path("/proc", name, "cmdline").read_bytes().decode(errors="replace")
                found[int(name)] = Process(int(name), int(fields[1]), int(fields[19]), command)
    children: dict[int, list[int]] = {}
    for one in found.values():
        children.setdefault(one.parent, []).append(one.pid)
    family, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid in found:
            family.append(found[pid])
            waiting += children.get(pid, [])
    return family


def _pss(pid: int) -> int:
    """Bytes of memory in proportion to how many share them; 0 for a process that has ended, or keeps it to itself."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


# ---- the report -----------------------------------------------------------------------------------------------------


def _report(options, runs, memory, student, missing, loads) -> dict:
    own = statistics.mean(student)
    rows = {}
    for name, each in runs.items():
        middle = {key: statistics.median(getattr(run, key) for run in each) for key in ("wall", "first", "each")}
        cpus = [run.cpu_each for run in each if run.cpu_each is not None]
        cpu = statistics.median(cpus) if cpus else None
        spent = cpu if cpu is not None else middle["each"]
        rows[name] = {
            "seconds": middle["wall"],
            "first_result": middle["first"],
            "submissions_per_second": options.students / middle["wall"],
            "milliseconds_each": 1000 * middle["each"],
            "cpu_milliseconds_each": None if cpu is None else 1000 * cpu,
            "overhead_milliseconds": 1000 * (spent - own),
            "students_share": own / spent,
            "peak_megabytes": memory[name].get("peak"),
            "in_flight_megabytes": memory[name].get("in flight"),
            "mostly_in_flight_megabytes": memory[name].get("in flight, mostly"),
            "runs": [
                {"seconds": run.wall, "first": run.first, "each": run.each, "cpu_each": run.cpu_each} for run in each
            ],
        }
    stock, engine = rows[Stock.name], rows[Engine.name]
    return {
        "chapter": options.chapter,
        "students": options.students,
        "repetitions": options.repetitions,
        "seed": options.seed,
        "machine": {
            "cores": len(CORES),
            "python": platform.python_version(),
            "nbgrader": version("nbgrader"),
            "load_before": loads[0][0],
            "load_after": loads[1][0],
        },
        "students_own_milliseconds": 1000 * own,
        "graders": rows,
        "overhead_ratio": stock["overhead_milliseconds"] / engine["overhead_milliseconds"],
        "left_out": missing,
        "differences": _differences(runs),
    }


def _differences(runs: dict[str, list[Run]]) -> list[str]:
    """Where two graders, or two runs, give a part other points; empty when all agree."""
    wanted = runs[Engine.name][0].points
    return sorted(
        {
            f"{student} {cell}: {points:g} with {Engine.name}, {found.get(cell)} with {name}"
            for name, each in runs.items()
            for run in each
            for student, cells in wanted.items()
            for found in [run.points.get(student, {})]
            for cell, points in cells.items()
            if found.get(cell) != points
        }
    )


def _markdown(report: dict) -> str:
    machine = report["machine"]
    lines = [
        f"**{report['students']} submissions to `{report['chapter']}`, {report['repetitions']} runs of each grader, "
        "taking turns; medians.**",
        "",
        f"{machine['cores']} cores, Python {machine['python']}, nbgrader {machine['nbgrader']}; load "
        f"{machine['load_before']:.1f} before, {machine['load_after']:.1f} after (0 would be a machine of one's own).",
        "",
        "| grader | submissions/s | first result | each | CPU each | overhead | student | peak | in flight | mostly |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in report["graders"].items():
        cpu = row["cpu_milliseconds_each"]
        cells = [
            f"{row['submissions_per_second']:.2f}",
            f"{row['first_result']:.2f} s",
            f"{row['milliseconds_each']:.0f} ms",
            "?" if cpu is None else f"{cpu:.0f} ms",
            f"{row['overhead_milliseconds']:.0f} ms",
            f"{row['students_share']:.1%}",
            _megabytes(row["peak_megabytes"]),
            _megabytes(row["in_flight_megabytes"]),
            _megabytes(row["mostly_in_flight_megabytes"]),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    engine, ratio = report["graders"][Engine.name], report["overhead_ratio"]
    overhead, own = engine["overhead_milliseconds"], report["students_own_milliseconds"]
    flying = engine["in_flight_megabytes"]
    lines += [
        "",
        f"The student's own code takes {own:.1f} ms of CPU a submission. One core each, save where the row says "
        "otherwise; overhead is CPU less the student's own.",
        "",
        f"- Overhead: {overhead:.0f} ms; the goal is {GOAL_MILLISECONDS:.0f}: {_met(overhead <= GOAL_MILLISECONDS)}.",
        f"- It is 1/{ratio:.1f} of stock nbgrader's; the goal is 1/{GOAL_RATIO:.0f}: {_met(ratio >= GOAL_RATIO)}.",
        f"- In flight: {_megabytes(flying)}; the goal is {GOAL_MEGABYTES:.0f}: "
        f"{_met(flying is not None and flying <= GOAL_MEGABYTES)}.",
    ]
    if report["differences"]:
        lines += ["", "**The graders do not agree:**", "", *(f"- {line}" for line in report["differences"])]
    else:
        lines += ["- All graders and all runs give the same points, part by part."]
    if report["left_out"]:
        lines += [
            "",
            f"Left out: {', '.join(report['left_out'])}. Install it with `make {OTTER.relative_to(ROOT)}/.ready`.",
        ]
    return "\n".join(lines) + "\n"


def _megabytes(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} MB"


def _met(good: bool) -> str:
    return "met" if good else "**missed**"


@contextlib.contextmanager
def _silent():
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


if __name__ == "__main__":
    sys.exit(main())
