"""The command line, `autograder COMMAND`: progress and messages; no work of its own."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.api import Gradebook
from tqdm import tqdm

from autograder import batch, converter, export, feedback, release, report, simulate
from autograder.batch import Results
from autograder.collect import SYSTEMS, collect, of_one_time, people
from autograder.course import Course, CourseError
from autograder.engine import sandbox
from autograder.engine.sandbox import SandboxError
from autograder.master import MasterError
from autograder.record import COLUMNS, Record, by_hand, database, open_gradebook, reporting, rows, shown, write_csv
from autograder.verdict import Assignment, Result

_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES)
MAX_LINES = 30  # of one kind on the terminal
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
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"autograder: cannot write{where}: {error.strerror}. What was written before is whole: make room, and run "
            "the same command again to go on",
            file=sys.stderr,
        )
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

    command = _command(commands, "release", help="make exercises/ from the masters in solutions/")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument("--check", action="store_true", help="write nothing; exit 1 if exercises/ is out of date")
    command.set_defaults(run=_release)

    command = _command(commands, "simulate", help="write a class of students whose true grades are known")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument("--students", type=_count, required=True, metavar="N")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, another class (default: 1)")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the class's folder")
    command.add_argument(
        "--broken", type=int, default=0, metavar="N", help="how many hand in a broken file (default: 0)"
    )
    command.set_defaults(run=_simulate)

    command = _command(
        commands,
        "collect",
        help="put what an LMS gives you into DIR/submitted/<student>/<chapter>/, the latest of each student",
    )
    command.add_argument(
        "source",
        type=Path,
        metavar="ARCHIVE|FOLDER",
        help="what Moodle, Canvas or Gradescope let you download, or a folder",
    )
    command.add_argument("--assignment", required=True, metavar="CHAPTER", help="what was handed in")
    command.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="the class's folder (default: the current one)"
    )
    command.add_argument(
        "--from", dest="system", choices=list(SYSTEMS), help="where it is from (default: found out from the file names)"
    )
    command.add_argument(
        "--pattern",
        metavar="REGEXP",
        help="how your system names files, with the groups (?P<student_id>…), (?P<file_id>…) and, if it has them, "
        "(?P<timestamp>…), (?P<first_name>…), (?P<last_name>…), (?P<email>…), as for nbgrader's zip_collect",
    )
    command.set_defaults(run=_collect)

    command = _command(commands, "grade", help="grade DIR/submitted/<student>/<chapter>/ into nbgrader's gradebook")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.add_argument(
        "--json", type=Path, metavar="FILE", help=f"results, one object a line (default: DIR/{RESULTS})"
    )
    command.add_argument("--workers", type=_count, metavar="N", help="processes side by side (default: one a core)")
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="grade on a Dask cluster; its workers need this package and a sandbox"
    )
    command.add_argument(
        "--db",
        metavar="URL",
        help="the gradebook: sqlite:///FILE or postgresql://USER@HOST/NAME (default: DIR/gradebook.db, or what "
        "DIR/nbgrader_config.py says)",
    )
    command.add_argument(
        "--due", type=_moment, metavar="WHEN", help="the chapter's due date, such as 2026-11-20T23:59+01:00"
    )
    command.add_argument(
        "--again", action="store_true", help="grade everything anew, not only what is new or has changed"
    )
    command.add_argument(
        "--dangerously-without-sandbox",
        action="store_true",
        help="run student code with your own rights, as nbgrader does: only for students whom you trust",
    )
    command.set_defaults(run=_grade)

    command = _command(
        commands, "feedback", help="write a page for each student: DIR/feedback/<student>/<chapter>/<chapter>.html"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder, graded")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter with results")
    command.add_argument("--student", action="append", metavar="NAME", help="only this one; may be given several times")
    command.add_argument("--site", metavar="URL", help="where your site is, so that pages can link to it")
    command.add_argument("--db", metavar="URL", help="the gradebook (default: the class's own)")
    command.add_argument("--json", type=Path, metavar="FILE", help=f"results (default: DIR/{RESULTS})")
    command.set_defaults(run=_feedback)

    command = _command(commands, "report", help=f"write DIR/{REPORT}: how the class did, and what to teach again")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder, graded")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter with results")
    command.add_argument("--json", type=Path, metavar="FILE", help=f"results (default: DIR/{RESULTS})")
    command.add_argument("--out", type=Path, metavar="FILE", help=f"default: DIR/{REPORT}")
    command.set_defaults(run=_report)

    command = _command(commands, "export", help="write grades as a table that another program imports")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder, graded")
    command.add_argument(
        "chapters", nargs="*", metavar="CHAPTER", help="default: all in the gradebook; moodle: just one"
    )
    command.add_argument(
        "--to", choices=export.FORMS, default="nbgrader", help="whose form (default: nbgrader's, as in grades.csv)"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="default: DIR/grades-FORM.csv, or DIR/grades.csv")
    command.add_argument(
        "--template",
        type=Path,
        metavar="FILE",
        help="what the system itself exports, to be filled in: Canvas's gradebook, Moodle's grading worksheet",
    )
    command.add_argument(
        "--column", metavar="TITLE", help="the chapter's column in Canvas's gradebook, where it has another name there"
    )
    command.add_argument("--db", metavar="URL", help="the gradebook (default: the class's own)")
    command.set_defaults(run=_export)

    command = _command(commands, "verify", help="compare the grades of a simulated class with its recorded truth")
    command.add_argument("folder", type=Path, metavar="DIR", help="the class's folder")
    command.add_argument("--json", type=Path, metavar="FILE", help=f"results to compare (default: DIR/{RESULTS})")
    command.set_defaults(run=_verify)
    command = _command(
        commands,
        "nbgrader-course",
        help="make DIR a course for nbgrader and formgrader, graded by this engine in its sandbox",
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="the course's folder; it may exist")
    command.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter")
    command.set_defaults(run=_nbgrader_course)
    return parser


def _command(commands, name: str, help: str) -> argparse.ArgumentParser:
    """A command whose own help begins with the sentence that the list of commands has."""
    return commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")


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


def _collect(course: Course, options: argparse.Namespace) -> int:
    course.master(options.assignment)
    lines = collect(
        options.source, options.assignment, options.out, options.system, options.pattern, tuple(course.chapters())
    )
    count = Counter(line.outcome for line in lines)
    odd = [line for line in lines if line.outcome == "unusable" or line.reason]
    shown_lines = lines if len(lines) <= MAX_LINES else odd[:MAX_LINES]
    columns = ("student", "file", "handed in", "outcome", "reason")
    rows = [columns, *((one.student, one.file, one.handed_in, one.outcome, one.reason) for one in shown_lines)]
    # a name may hold anything, what moves a terminal's cursor included
    rows = [[_shortened("".join(c if c.isprintable() else "\ufffd" for c in text)) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    if len(shown_lines) < len(lines):
        print(f"… {len(lines) - len(shown_lines)} more files; all are in {options.out / 'collected'}")
    students = len({line.student for line in lines if line.outcome in ("kept", "unchanged")})
    print(
        f"{students} students: {count['kept']} new, {count['unchanged']} unchanged; "
        f"{count['earlier']} earlier attempts set aside, {count['unusable']} files of no use"
    )
    if of_one_time(lines):
        print(
            "autograder: these files all bear nearly the same time, perhaps that of the download. Lateness cannot be "
            "told from it",
            file=sys.stderr,
        )
    print(f"  submissions  {options.out / 'submitted'}")
    if count["earlier"]:
        print(f"  earlier      {options.out / 'earlier'}")
    print(f"  what is what {options.out / 'collected' / (options.assignment + '.json')}")
    return 0


def _shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 + 1 :]}"


def _grade(course: Course, options: argparse.Namespace) -> int:
    for chapter in options.chapters:
        course.master(chapter)
    handed = batch.find(options.folder, course, options.chapters)
    assignments = {name: Assignment.load(course, name) for name in sorted({one.assignment for one in handed})}
    if options.due and len(assignments) != 1:
        raise CourseError(f"--due is for one chapter, found {len(assignments)}; name it: {' or '.join(assignments)}")
    target = options.json or options.folder / RESULTS
    if not target.parent.is_dir():
        raise CourseError(f"expected a folder to write {target.name} into, found no {target.parent}")
    safe = not options.dangerously_without_sandbox
    if safe and not options.scheduler:  # a cluster's workers are asked themselves
        sandbox.check()
    keys = {name: batch.fingerprint(one, "" if safe else "without sandbox") for name, one in assignments.items()}
    given = {keys[name]: one for name, one in assignments.items()}
    with Results(target) as results, Record(options.folder, course, assignments, options.db) as record:
        record.know(people(options.folder))
        if options.due:
            record.due(*assignments, options.due)
        todo, anew = [], 0
        for one in handed:
            known = None if options.again else results.fingerprint(one.assignment, one.student)
            if known is None or known != batch.submission_fingerprint(one, keys[one.assignment]):
                todo.append((one, keys[one.assignment]))
                anew += results.fingerprint(one.assignment, one.student) is not None
            else:
                record.write(results.read(one.assignment, one.student))
        done = 0
        try:
            if todo:
                with (
                    _workers(given, options) as workers,
                    tqdm(total=len(todo), desc="grading", unit="notebook", smoothing=0.05, disable=None) as progress,
                ):
                    for result, notebook in batch.run(workers, assignments, todo, safe):
                        if notebook is not None:
                            converter.put(options.folder, result, notebook)
                        results.add(result)
                        record.write(result)
                        done += 1
                        progress.update()
        except KeyboardInterrupt:
            record.flush()
            then = "With --again, it begins anew; without, these are kept" if options.again else "Run it again to go on"
            print(f"autograder: stopped; {done} of {len(todo)} graded and kept. {then}", file=sys.stderr)
            return 130
        record.export_csv(options.folder / GRADES)
        changes = [_change(before, now) for before, now in results.changes()]
        results.finish()
        report.write(options.folder / REPORT, assignments, results)
        count, lines = Counter(), []
        for one in handed:
            status = results.status(one.assignment, one.student)
            count[status] += 1
            if status != "graded" and len(lines) < MAX_LINES:
                reason = results.read(one.assignment, one.student).reason
                lines.append(f"{one.student} {one.assignment}: {status}: {reason}")
    _print_some(lines, count["unreadable"] + count["refused"] - len(lines), sys.stderr)
    print(f"{count['graded']} graded, {count['unreadable']} unreadable, {count['refused']} refused")
    if len(todo) < len(handed):
        print(f"{len(handed) - len(todo)} of them were as they had been, and were not graded again")
    if anew and not changes:
        print(f"{anew} were graded anew, and nobody's points changed")
    if changes:
        print(f"{len(changes)} have another grade than before:")
        _print_some(changes[:MAX_LINES], len(changes) - MAX_LINES, sys.stdout)
    for what, path in (
        ("results", target),
        ("gradebook", shown(record.db_url)),
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


def _workers(given: dict[str, Assignment], options: argparse.Namespace) -> batch.LocalWorkers | batch.Cluster:
    return batch.Cluster(given, options.scheduler) if options.scheduler else batch.LocalWorkers(given, options.workers)


def _change(before: Result, now: Result) -> str:
    points = {cell.grade_id: cell.points for cell in before.cells}
    cells = [
        f"{cell.grade_id} {points.get(cell.grade_id, 0):g} -> {cell.points:g}"
        for cell in now.cells
        if points.get(cell.grade_id) != cell.points
    ]
    return (
        f"{now.student} {now.assignment}: {before.score:g} -> {now.score:g} points ({', '.join(cells) or now.status})"
    )


def _print_some(lines: list[str], more: int, file) -> None:
    for line in lines:
        print(line, file=file)
    if more > 0:
        print(f"… and {more} more", file=file)


def _feedback(course: Course, options: argparse.Namespace) -> int:
    count, assignments, added = Counter(), {}, {}
    pages = feedback.Pages(course, options.site)
    with _graded(options) as results, _gradebook(options) as gradebook:
        for result in results:
            name = result.assignment
            if (options.chapters and name not in options.chapters) or (
                options.student and result.student not in options.student
            ):
                continue
            if name not in assignments:
                assignments[name] = Assignment.load(course, name)
                added[name] = by_hand(gradebook, name)
            hand = feedback.ByHand(*added[name].get(result.student, ()))
            made = feedback.write(options.folder, assignments[name], result, pages, hand)
            count["written" if made else "refused"] += 1
    if not count:
        raise CourseError("expected results for these chapters and students, found none")
    print(f"{count['written']} pages written to {options.folder / 'feedback'}")
    if count["refused"]:
        print(f"autograder: {count['refused']} submissions have no verdict yet, and no page", file=sys.stderr)
    return 0


def _report(course: Course, options: argparse.Namespace) -> int:
    target = options.out or options.folder / REPORT
    with _graded(options) as results:
        chapters = options.chapters or results.assignments()
        if not chapters:
            raise CourseError("expected results, found none")
        report.write(target, {name: Assignment.load(course, name) for name in chapters}, results)
    print(f"{', '.join(chapters)}: {target}")
    return 0


def _export(course: Course, options: argparse.Namespace) -> int:
    form = options.to
    target = options.out or options.folder / (GRADES if form == "nbgrader" else f"grades-{form}.csv")
    if not target.parent.is_dir():
        raise CourseError(f"expected a folder to write {target.name} into, found no {target.parent}")
    with _gradebook(options) as gradebook:
        chapters = options.chapters or [one.name for one in gradebook.assignments]
        if unknown := set(chapters) - {one.name for one in gradebook.assignments}:
            raise CourseError(f"the gradebook has no assignment {', '.join(sorted(unknown))}")
        if form == "moodle" and len(chapters) != 1:
            raise CourseError(f"a Moodle worksheet is for one chapter; name one of {', '.join(chapters)}")
        if options.column and (form != "canvas" or not options.template or len(chapters) != 1):
            raise CourseError("--column is for one chapter in Canvas's own gradebook: name it, and give the --template")
        found = (row for row in rows(gradebook) if row["assignment"] in chapters)
        known, table = people(options.folder), export.Table([])
        if form == "nbgrader":
            write_csv(target, COLUMNS, found)
        elif form == "canvas":
            table = export.canvas(found, known, chapters, options.template, options.column)
        else:
            numbers = export.participants(options.folder, chapters[0])
            table = export.moodle(found, numbers, known, chapters[0], options.template)
        if form != "nbgrader":
            export.write(target, table)
    for remark in (*(f"{student} has no row in {options.template}" for student in table.missing), *table.remarks):
        print(f"autograder: {remark}", file=sys.stderr)
    print(f"{', '.join(chapters)} written to {target}")
    return 1 if table.missing else 0


def _graded(options: argparse.Namespace) -> Results:
    path = options.json or options.folder / RESULTS
    if not path.is_file():
        raise CourseError(f"expected {path}, found no such file; `autograder grade` writes it")
    return Results(path, write=False)


@contextlib.contextmanager
def _gradebook(options: argparse.Namespace) -> Iterator[Gradebook]:
    """The class's gradebook, to be read; raises CourseError where there is none."""
    url, _ = database(options.folder, options.db)
    if url.startswith("sqlite") and not Path(shown(url)).is_file():
        raise CourseError(f"expected a gradebook, found no {shown(url)}; `autograder grade` makes it")
    with contextlib.closing(open_gradebook(url)) as gradebook, reporting(url):
        yield gradebook


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


def _moment(text: str) -> datetime:
    """A date and time as nbgrader keeps it: in UTC, without saying so. Without a zone it is this machine's time."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"expected a date and time like 2026-11-20T23:59, found {text}") from error
