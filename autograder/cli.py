"""The command line, `autograder COMMAND`: progress and messages; no work of its own."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from autograder import batch, converter, release, report, simulate, unsandboxed
from autograder.course import Course, CourseError
from autograder.engine import sandbox
from autograder.engine.sandbox import SandboxError
from autograder.grade import grade as sandboxed
from autograder.master import MasterError
from autograder.record import Record
from autograder.verdict import Assignment, Result

RESULTS, GRADES, REPORT = "results.jsonl", "grades.csv", "report.html"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a check failed or the input was wrong, 2 usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    course = Course(options.course.resolve()) if options.course else Course()
    try:
        return options.run(course, options)
    except (CourseError, MasterError, SandboxError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("autograder: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograder", description="Release exercises, and grade what students hand in."
    )
    parser.add_argument("--course", type=Path, help="the course's repository (default: the one this package lies in)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("release", help="make exercises/ from the masters in solutions/")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument("--check", action="store_true", help="write nothing; exit 1 if exercises/ is out of date")
    command.set_defaults(run=_release)

    command = commands.add_parser("simulate", help="write a class of students whose true grades are known")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument("--students", type=_count, required=True, metavar="N")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, another class (default: 1)")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the class's folder")
    command.add_argument(
        "--broken", type=int, default=0, metavar="N", help="how many hand in a broken file (default: 0)"
    )
    command.set_defaults(run=_simulate)

    command = commands.add_parser("grade", help="grade DIR/submitted/<student>/<chapter>/ into nbgrader's gradebook")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument(
        "--json", type=Path, metavar="FILE", help=f"results, one object a line (default: DIR/{RESULTS})"
    )
    command.add_argument("--workers", type=_count, metavar="N", help="processes side by side (default: one a core)")
    command.add_argument(
        "--dangerously-without-sandbox",
        action="store_true",
        help="run student code with your own rights, as nbgrader does: only for students whom you trust",
    )
    command.set_defaults(run=_grade)

    command = commands.add_parser("verify", help="compare the grades of a simulated class with its recorded truth")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder")
    command.add_argument("--json", type=Path, metavar="FILE", help=f"results to compare (default: DIR/{RESULTS})")
    command.set_defaults(run=_verify)
    command = commands.add_parser(
        "nbgrader-course", help="make DIR a course for nbgrader and formgrader, graded by this engine in its sandbox"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="the course's folder; it may exist")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.set_defaults(run=_nbgrader_course)
    return parser


def _release(course: Course, options: argparse.Namespace) -> int:
    chapters = options.chapters or course.chapters()
    for chapter in chapters:
        course.master(chapter)
    if not options.check:
        changed = release.release(course, chapters)
        for path in changed:
            print(f"wrote {_show(path)}" if path.exists() else f"removed {_show(path)}")
        print(f"{len(chapters)} released, {len(changed)} files changed: {', '.join(chapters)}")
        return 0
    stale = release.check(course, chapters)
    for path in stale:
        print(f"{_show(path)} is not what its master generates; run `autograder release`", file=sys.stderr)
    if not stale:
        print(f"exercises are up to date: {', '.join(chapters)}")
    return 1 if stale else 0


def _simulate(course: Course, options: argparse.Namespace) -> int:
    chapters = options.chapters or course.chapters()
    truth = simulate.simulate(course, chapters, options.students, options.seed, options.out, options.broken)
    print(f"{options.students} students handed in {', '.join(chapters)}")
    print(f"  submissions  {options.out / 'submitted'}")
    print(f"  truth        {truth}")
    return 0


def _grade(course: Course, options: argparse.Namespace) -> int:
    for chapter in options.chapters:
        course.master(chapter)
    handed = batch.find(options.folder, course, options.chapters)
    assignments = {name: Assignment.load(course, name) for name in sorted({one.assignment for one in handed})}
    target = options.json or options.folder / RESULTS
    if not target.parent.is_dir():
        raise CourseError(f"expected a folder to write {target.name} into, found no {target.parent}")
    if options.dangerously_without_sandbox:
        grade = unsandboxed.grade
    else:
        grade = sandboxed
        sandbox.check()
    results = []
    with (
        Record(options.folder, course, assignments) as record,
        batch.local_executor(options.workers) as executor,
        tqdm(total=len(handed), desc="grading", unit="notebook", disable=None, file=sys.stderr) as progress,
    ):
        for result in batch.run(executor, assignments, handed, grade):
            record.write(result)
            results.append(result)
            progress.update()
        record.export_csv(options.folder / GRADES)
    results.sort(key=lambda result: (result.assignment, result.student))
    target.write_text("".join(json.dumps(result.to_json()) + "\n" for result in results), encoding="utf-8")
    report.write(options.folder / REPORT, assignments, results)
    for result in results:
        if result.status != "graded":
            print(f"{result.student} {result.assignment}: {result.status}: {result.reason}", file=sys.stderr)
    count = Counter(result.status for result in results)
    print(f"{count['graded']} graded, {count['unreadable']} unreadable, {count['refused']} refused")
    for what, path in (
        ("results", target),
        ("gradebook", options.folder / "gradebook.db"),
        ("grades", options.folder / GRADES),
        ("report", options.folder / REPORT),
    ):
        print(f"  {what:10} {path}")
    if count["refused"]:
        print("autograder: what was refused has no grade yet; run the same command again", file=sys.stderr)
        return 1
    return 0


def _nbgrader_course(course: Course, options: argparse.Namespace) -> int:
    folder, chapters = options.folder, options.chapters or course.chapters()
    assignments = {name: Assignment.load(course, name) for name in chapters}
    switched_on = converter.settle(folder, course)
    for assignment in assignments.values():
        if kept := converter.keep_changes(folder, assignment):
            print(f"{kept.with_suffix('')} was not what the master makes; what was there is now {kept}")
    with Record(folder, course, assignments):
        pass
    print(f"{folder} is a course for nbgrader: {', '.join(assignments)}")
    if not switched_on:
        print(
            f"autograder: {folder / 'nbgrader_config.py'} exists and does not switch the engine on. Add to it:\n\n"
            f"from autograder.converter import use_engine\n\nuse_engine(c, {str(course.root)!r})\n",
            file=sys.stderr,
        )
        return 1
    print(f"  submissions go to {folder}/submitted/<student>/<chapter>/<chapter>.ipynb")
    print(f"  then: cd {folder} && nbgrader autograde {chapters[0]}, or open formgrader in `jupyter lab`")
    return 0


def _verify(course: Course, options: argparse.Namespace) -> int:
    truth_file, results_file = options.folder / simulate.TRUTH, options.json or options.folder / RESULTS
    for path, remedy in ((truth_file, "autograder simulate"), (results_file, "autograder grade")):
        if not path.is_file():
            raise CourseError(f"expected {path}, found no such file; `{remedy}` writes it")
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    results = []
    for number, line in enumerate(results_file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            results.append(Result.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise CourseError(
                f"{results_file}:{number}: expected a result as `autograder grade` writes it, found {error!r}"
            ) from error
    wrong = simulate.differences(truth, results)
    for line in wrong:
        print(line, file=sys.stderr)
    students = len(truth["students"])
    print(
        f"{len(wrong)} differences from the recorded truth" if wrong else f"all grades of {students} students are right"
    )
    return 1 if wrong else 0


def _show(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return int(text)
