"""From what a learning management system gives an instructor to `submitted/<student>/<chapter>/`.

Reads Moodle's, Canvas's and Gradescope's "download all submissions", as an archive or unpacked, and plain folders. Who
handed in what is read off file names by nbgrader's own collector plug-in, with a pattern for each system. nbgrader's
extractor and its copying do not serve: they unpack whatever an archive says wherever it says, keep one attempt by
chance, and lose the others. Here nothing is unpacked: members are read, within bounds, one by one.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath

import yaml
from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import parse_utc

from autograder import submission as submissions
from autograder.course import CourseError

MAX_FILE = submissions.MAX_BYTES  # of one file, unpacked
MAX_TOTAL = 64 * 2**30  # of all that is read from one archive, unpacked
MAX_MEMBERS = 1_000_000
MAX_NESTED = 5_000  # members of an archive that a student handed in
MAX_NAME = 100  # characters of a student's folder
PERSON = ("first_name", "last_name", "email", "lms_user_id")  # what nbgrader's gradebook keeps of a student
_METADATA = "submission_metadata.yml"
_NEVER = datetime.min.replace(tzinfo=UTC)
_JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\.git)(/|$)|(^|/)(\._|\.DS_Store$|Thumbs\.db$|\.~)")


# ---- what the systems call their files ------------------------------------------------------------------------------


class _Plugin(FileNameCollectorPlugin):
    """nbgrader's collector, told that any file may be one: what is no notebook is reported and not passed over."""

    def collect(self, submitted_file: str) -> dict | None:
        self.valid_ext = [PurePosixPath(submitted_file).suffix]
        return super().collect(submitted_file)


class Moodle(_Plugin):
    """`Name_123456_assignsubmission_file_/x.ipynb`, or `Name_123456_assignsubmission_file_x.ipynb` without folders."""

    named_regexp = (
        r"(?s)(?:.*/)?(?P<student_id>[^/]*?)_(?P<lms_user_id>\d+)_assignsubmission_"
        r"(?P<kind>file|onlinetext)(?:_?/|_)(?P<file_id>.+)"
    )


class Canvas(_Plugin):
    """`lovelaceada_LATE_123_4567_x-1.ipynb`: the name, perhaps LATE, the user's id, the file's id, the file.

    Where grading is anonymous: `LATE_anon_aB3xY_4567_x.ipynb`, LATE only perhaps. What was typed in has no file's id.
    """

    named_regexp = (
        r"(?s)(?:.*/)?(?P<late_anon>LATE_(?=anon_))?(?P<student_id>(?P<anon>anon_[0-9A-Za-z]{5})|[^/]*?)"
        r"(?(anon)|(?P<late>_LATE)?_(?P<lms_user_id>\d+))(?:_(?P<attempt>\d+))?"
        r"_(?P<file_id>(?(attempt)[^/]+|(?:text|link)\.html))"
    )


class Gradescope(_Plugin):
    """`submission_123456/x.ipynb`; who that is says `submission_metadata.yml`."""

    named_regexp = r"(?s)(?:.*/)?(?P<student_id>submission_\d+)/(?P<file_id>.+)"


class Folders(_Plugin):
    """`student/x.ipynb`, `student/chapter/x.ipynb`, or `student.ipynb` alone."""

    named_regexp = r"(?s)(?P<student_id>[^/]+)/(?P<file_id>.+)"


SYSTEMS = {"moodle": Moodle, "canvas": Canvas, "gradescope": Gradescope, "folders": Folders}


# ---- what was found -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A file in the archive or folder: its name there, when it was changed, and how to read it."""

    name: str
    changed: datetime | None
    read: Callable[[], bytes]  # raises Unusable
    problem: str | None = None


@dataclass(frozen=True)
class Attempt:
    """A file that a student handed in."""

    student: str
    found: Found
    file: str
    order: tuple = ()  # later attempts have larger ones
    person: dict[str, str] = field(default_factory=dict)
    remark: str = ""  # what the name says besides


@dataclass(frozen=True)
class Line:
    """What became of a file: `kept`, `unchanged`, `earlier`, or `unusable`, and why."""

    student: str
    file: str
    handed_in: str
    outcome: str
    reason: str = ""


class Unusable(Exception):
    """A file that cannot be used; the message is the reason."""


def collect(
    source: Path,
    chapter: str,
    folder: Path,
    system: str | None = None,
    pattern: str | None = None,
    chapters: tuple[str, ...] = (),
) -> list[Line]:
    """Put the latest notebook of each student into `folder/submitted/<student>/<chapter>/`; returns a line a file.

    Earlier attempts go to `folder/earlier/<student>/<chapter>/`, those that lay in `submitted` included. What came from
    whom is noted in `folder/collected/<chapter>.json`. `system` is one of SYSTEMS, or is found out from the names;
    `pattern` is a pattern for file names of one's own, as nbgrader's collector takes it; `chapters` are other
    assignments, whose folders are passed over. Collecting the same again changes nothing. Raises CourseError where
    there is nothing to collect, or no archive.
    """
    if not source.exists():
        raise CourseError(f"expected an archive or a folder, found no {source}")
    everything = [one for one in (_folder if source.is_dir() else _archive)(source) if not _JUNK.search(one.name)]
    if not everything:
        raise CourseError(f"{source} is empty: expected submissions in it")
    if pattern is not None:
        system, plugin = "pattern", _Plugin(named_regexp=_checked(pattern))
    else:
        system = system or recognise([one.name for one in everything])
        plugin = SYSTEMS[system]()
    plugin.log = logging.getLogger("autograder.collect")  # it warns of each name that does not fit
    plugin.log.setLevel("CRITICAL")
    others = set(chapters) - {chapter}
    if system == "gradescope":
        attempts, strangers = _from_gradescope(plugin, everything)
    elif system == "folders":
        attempts, strangers = _from_folders(plugin, everything, chapter, others)
    else:
        attempts, strangers = _from_names(system, plugin, everything, _noted(folder, chapter))
    if not attempts:
        raise CourseError(
            f"no file in {source} is named as a submission (read as: {system}), such as {everything[0].name!r}. Say "
            f"which system it is from with --from ({', '.join(SYSTEMS)}), or give a --pattern"
        )
    lines = [Line("", one.name, _shown(one.changed), "unusable", one.problem or "no student's") for one in strangers]
    known: dict[str, dict[str, str]] = {}
    handed: dict[str, list[Attempt]] = defaultdict(list)
    for one in attempts:
        handed[one.student].append(one)
        known.setdefault(one.student, {}).update(one.person)
    for student in sorted(handed):
        lines += _place(folder, student, chapter, handed[student])
    _note(folder, chapter, system, known, lines)
    return lines


def people(folder: Path) -> dict[str, dict[str, str]]:
    """What the archives said of students, by student: names, address, number in the learning management system."""
    known: dict[str, dict[str, str]] = {}
    for path in sorted((folder / "collected").glob("*.json")):
        for student, person in json.loads(path.read_text(encoding="utf-8"))["students"].items():
            known.setdefault(student, {}).update({key: person[key] for key in person if key in PERSON})
    return known


def of_one_time(lines: list[Line]) -> bool:
    """Whether several students' files all bear nearly the same time, which then is hardly that of handing in."""
    times = {one.student: _time_in(one.handed_in.removesuffix(" UTC")) for one in lines if one.student}
    known = [time for time in times.values() if time]
    return len(known) > 2 and max(known) - min(known) < timedelta(minutes=10)


def recognise(names: list[str]) -> str:
    """Which system names files like this: the one whose pattern fits most of them, plain folders where none does."""
    if any(PurePosixPath(name).name == _METADATA for name in names):
        return "gradescope"
    for system in ("moodle", "canvas"):
        pattern = re.compile(SYSTEMS[system].named_regexp)
        if sum(bool(pattern.match(name)) for name in names) * 2 > len(names):
            return system
    return "folders"


def _checked(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}") from error
    missing = {"student_id", "file_id"} - groups.keys()
    if missing:
        raise CourseError(f"--pattern needs the groups (?P<student_id>…) and (?P<file_id>…); {min(missing)} is missing")
    return pattern


# ---- reading archives and folders -----------------------------------------------------------------------------------


def _folder(root: Path) -> Iterator[Found]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()
        if path.is_symlink():
            yield Found(name, None, bytes, "a link, which is not followed")
        elif path.is_file():
            yield Found(name, datetime.fromtimestamp(path.stat().st_mtime, UTC), functools.partial(_read_file, path))
        elif not path.is_dir():
            yield Found(name, None, bytes, "no ordinary file")


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file)
    except OSError as error:
        raise Unusable(f"it cannot be read: {error.strerror}") from error


def _archive(path: Path) -> list[Found]:
    try:
        return _members(zipfile.ZipFile(path), MAX_MEMBERS, [MAX_TOTAL])
    except (zipfile.BadZipFile, OSError, Unusable) as error:
        raise CourseError(f"expected a zip archive or a folder, found {path}: {error}") from error


def _members(archive: zipfile.ZipFile, most: int, budget: list[int]) -> list[Found]:
    """The files in an archive. `budget[0]` is how many bytes may be read from it in all."""
    members = archive.infolist()
    if len(members) > most:
        raise Unusable(f"it holds {len(members)} files; the limit is {most}")
    found = []
    for member in members:
        name = _member_name(member)
        problem, kind = None, stat.S_IFMT(member.external_attr >> 16)
        if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
            problem = "its name leads out of the archive"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            problem = "a link, which is not followed" if kind == stat.S_IFLNK else "no ordinary file"
        elif member.flag_bits & 1:
            problem = "it is encrypted"
        if not member.is_dir():
            found.append(
                Found(name, _changed(member), functools.partial(_read_member, archive, member, budget), problem)
            )
    return found


def _member_name(member: zipfile.ZipInfo) -> str:
    """A member's name, in one form of Unicode, and with slashes. Some programs write UTF-8 and do not say so."""
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name if "/" in name else name.replace("\\", "/"))


def _changed(member: zipfile.ZipInfo) -> datetime | None:
    """When a member was changed: in UTC where the archive has that, or else as this machine's time."""
    extra = member.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and extra[4] & 1:  # the "extended timestamp"
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], UTC)
        extra = extra[4 + size :]
    try:
        return datetime(*member.date_time).astimezone(UTC) if member.date_time[0] > 1980 else None
    except (ValueError, OverflowError):
        return None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: list[int]) -> bytes:
    try:
        with archive.open(member) as file:
            content = _bounded(file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise Unusable(f"it cannot be unpacked: {error}") from error
    budget[0] -= len(content)
    if budget[0] < 0:
        raise Unusable("its archive unpacks to more than it may")
    return content


def _bounded(file) -> bytes:
    content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise Unusable(f"it has more than {MAX_FILE // 2**20} MB")
    return content


def _nested(found: Found) -> list[Found]:
    """The notebooks in an archive that a student handed in; raises Unusable."""
    content = found.read()
    if content.count(b"PK\x01\x02") > MAX_NESTED:  # before anything is made of each
        raise Unusable(f"it holds more than {MAX_NESTED} files")
    try:
        members = _members(zipfile.ZipFile(io.BytesIO(content)), MAX_NESTED, [4 * MAX_FILE])
    except (zipfile.BadZipFile, OSError) as error:
        raise Unusable(f"it cannot be unpacked: {error}") from error
    notebooks = [one for one in members if one.name.endswith(".ipynb") and not _JUNK.search(one.name)]
    if not notebooks:
        raise Unusable("it holds no notebook")
    return [replace(one, name=f"{found.name}/{one.name}", changed=one.changed or found.changed) for one in notebooks]


# ---- who handed in what ---------------------------------------------------------------------------------------------


def _from_names(
    system: str, plugin: _Plugin, everything: list[Found], noted: dict[str, dict[str, str]]
) -> tuple[list[Attempt], list[Found]]:
    """Moodle, Canvas, and patterns of one's own: the file's name says who it is from. `noted` are earlier archives'."""
    attempts, strangers, numbers = [], [], defaultdict(set)
    for found in everything:
        info = None if found.problem and "leads out" in found.problem else plugin.collect(found.name)
        if not info:
            strangers.append(found)
            continue
        number, person = info.get("lms_user_id"), {}
        student = info["student_id"] or "unnamed"
        if system == "moodle":  # the number is another one for each assignment; only the name stays
            person = {"participant": number}
            numbers[student].add(number)
        elif system == "canvas":
            student, person = (f"{student}_{number}", {"lms_user_id": number}) if number else (student, {})
        else:
            person = {key: info[key] for key in PERSON if info.get(key)}
        changed = found.changed
        with contextlib.suppress(ValueError, OverflowError, TypeError):
            changed = parse_utc(info["timestamp"]).replace(tzinfo=UTC) if info.get("timestamp") else changed
        attempt = int(info["attempt"]) if (info.get("attempt") or "").isdecimal() else 0
        remark = "handed in late, its name says" if info.get("late") or info.get("late_anon") else ""
        attempts.append(Attempt(student, replace(found, changed=changed), info["file_id"], (attempt,), person, remark))
    if system == "moodle":
        attempts = [replace(one, student=_one_of_that_name(one, numbers[one.student], noted)) for one in attempts]
    return attempts, strangers


def _one_of_that_name(attempt: Attempt, numbers: set[str], noted: dict[str, dict[str, str]]) -> str:
    """The student's name, and Moodle's number behind it where another one bears the same name, now or before.

    Who has been given a folder keeps it.
    """
    name, number = attempt.student, attempt.person["participant"]
    numbered = f"{name} ({number})"
    before = noted.get(folder_name(name), {}).get("participant", number)
    if folder_name(numbered) in noted or before != number:
        return numbered
    return numbered if len(numbers) > 1 and folder_name(name) not in noted else name


def _from_gradescope(plugin: _Plugin, everything: list[Found]) -> tuple[list[Attempt], list[Found]]:
    """Gradescope: the folder is a submission's, and a file beside it says whose that is."""
    told = next((one for one in everything if PurePosixPath(one.name).name == _METADATA), None)
    if told is None:
        raise CourseError(f"expected {_METADATA} beside the submissions, as Gradescope writes it, found none")
    try:
        metadata = yaml.load(told.read(), _Loader)
        submissions_by_name = dict(metadata)
    except (yaml.YAMLError, Unusable, TypeError, ValueError, RecursionError) as error:
        raise CourseError(f"{_METADATA} cannot be read: {error}") from error
    attempts, strangers = [], []
    for found in everything:
        if found is told:
            continue
        info = plugin.collect(found.name)
        entry = submissions_by_name.get(info["student_id"]) if info and not found.problem else None
        submitters = entry.get(":submitters") if isinstance(entry, dict) else None
        if not isinstance(submitters, list) or not submitters:
            strangers.append(
                found if found.problem else replace(found, problem=f"{_METADATA} does not say whose it is")
            )
            continue
        changed = _time_in(entry.get(":created_at")) or found.changed
        for one in submitters:  # a group hands in once, for each of its members
            name, number, email = (str(one.get(key) or "").strip() for key in (":name", ":sid", ":email"))
            first, _, last = name.rpartition(" ")
            person = {"first_name": first, "last_name": last, "email": email, "lms_user_id": number}
            person = {key: value for key, value in person.items() if value}
            student = number or email or name or info["student_id"]
            attempts.append(Attempt(student, replace(found, changed=changed), info["file_id"], (), person))
    return attempts, strangers


class _Loader(yaml.SafeLoader):
    """YAML that Ruby wrote: objects are read as the mappings and texts that they hold."""


def _plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!ruby/", _plain)


def _time_in(value) -> datetime | None:
    if isinstance(value, dict):
        value = value.get("utc") or value.get("time")
    if isinstance(value, str):
        with contextlib.suppress(ValueError, OverflowError):
            value = parse_utc(value)
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _from_folders(
    plugin: _Plugin, everything: list[Found], chapter: str, others: set[str]
) -> tuple[list[Attempt], list[Found]]:
    """A folder a student, with or without a folder for the chapter in it; or a file a student."""
    attempts, strangers, times = [], [], {}
    top = _common_top([one.name for one in everything if not one.problem], chapter)
    for found in everything:
        if PurePosixPath(found.name).name == "timestamp.txt" and not found.problem:
            with contextlib.suppress(Unusable, ValueError, OverflowError):
                time = parse_utc(found.read()[:100].decode().strip())
                times[str(PurePosixPath(found.name).parent)] = time.replace(tzinfo=UTC)
    for found in everything:
        path = PurePosixPath(found.name)
        if found.problem and "leads out" in found.problem:
            strangers.append(found)
            continue
        if path.name == "timestamp.txt":
            continue
        name = found.name.removeprefix(top)
        info = plugin.collect(name)
        if info is None:  # a file that lies in no folder
            student = re.sub(rf"[ _-]+{re.escape(chapter)}$", "", PurePosixPath(name).stem, flags=re.IGNORECASE)
            if student.lower() == chapter.lower() or path.suffix not in (".ipynb", ".zip"):
                strangers.append(found)
                continue
            info = {"student_id": student, "file_id": name}
        if info["file_id"].partition("/")[0] in others:
            continue
        changed = times.get(str(path.parent), found.changed)
        attempts.append(Attempt(info["student_id"], replace(found, changed=changed), info["file_id"]))
    return attempts, strangers


def _common_top(names: list[str], chapter: str) -> str:
    """A folder around all the others, with its slash; empty where the outermost folders are students'."""
    tops = {name.partition("/")[0] for name in names}
    rest = {name.partition("/")[2] for name in names}
    if len(tops) != 1 or "" in rest or f"{chapter}.ipynb" in rest:
        return ""
    folders = {name.partition("/")[0] for name in rest if "/" in name}
    notebooks = [name for name in rest if "/" not in name and name.endswith(".ipynb")]
    return f"{min(tops)}/" if folders - {chapter} or len(notebooks) > 1 else ""


# ---- putting it in its place ----------------------------------------------------------------------------------------


def _place(folder: Path, student: str, chapter: str, attempts: list[Attempt]) -> list[Line]:
    """Keep one student's latest notebook; returns a line for each file. Killed in between, doing it again does it."""
    name = folder_name(student)
    place = folder / "submitted" / name / chapter
    lines, notebooks = [], []
    for one in attempts:
        try:
            notebooks += [(one, *each) for each in _notebooks(one)]
        except Unusable as reason:
            lines.append(Line(name, one.found.name, _shown(one.found.changed), "unusable", str(reason)))
    # a notebook that bears the chapter's name goes before others; of these, the last attempt
    notebooks.sort(key=lambda n: (chapter in n[1].name.rpartition("/")[2].lower(), *n[0].order, n[1].changed or _NEVER))
    if not notebooks:
        place.mkdir(parents=True, exist_ok=True)  # grading will say that there is no notebook
        return lines
    *earlier, (latest, found, content) = notebooks
    outcome = "kept"
    if (place / f"{chapter}.ipynb").is_file():
        there, since = (place / f"{chapter}.ipynb").read_bytes(), _handed_in(place)
        if there == content:
            outcome = "unchanged"
        elif since and found.changed and since > found.changed:
            outcome, earlier = "earlier", notebooks
        else:
            _set_aside(folder, name, chapter, there, since)
    if outcome == "kept":
        new = place.with_name(f".{chapter}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        (new / f"{chapter}.ipynb").write_bytes(content)
        if found.changed:
            (new / "timestamp.txt").write_text(f"{found.changed:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
    for _, old, text in earlier:
        aside = _set_aside(folder, name, chapter, text, old.changed)
        lines.append(Line(name, old.name, _shown(old.changed), "earlier", _doubt(aside)))
    if outcome != "earlier":
        reason = "; ".join(filter(None, (latest.remark, _doubt(place / f"{chapter}.ipynb"))))
        lines.append(Line(name, found.name, _shown(found.changed), outcome, reason))
    return lines


def _notebooks(attempt: Attempt) -> list[tuple[Found, bytes]]:
    """The notebooks in what was handed in, read; raises Unusable."""
    found = attempt.found
    if found.problem:
        raise Unusable(found.problem)
    suffix = PurePosixPath(attempt.file).suffix.lower()
    if suffix == ".ipynb":
        return [(found, found.read())]
    if suffix == ".zip":
        inside = _nested(found)
        for one in inside:
            if one.problem:
                raise Unusable(f"{one.name}: {one.problem}")
        return [(one, one.read()) for one in inside]
    raise Unusable(f"no notebook: expected .ipynb, found {suffix or 'no ending'}")


def _set_aside(folder: Path, student: str, chapter: str, content: bytes, changed: datetime | None) -> Path:
    """Keep an earlier attempt, once; equal ones of the same time are one."""
    when = f"{changed:%Y-%m-%d_%H%M%S}" if changed else "unknown"
    place = folder / "earlier" / student / chapter / f"{when}-{sha256(content).hexdigest()[:8]}"
    if not (place / f"{chapter}.ipynb").exists():
        place.mkdir(parents=True, exist_ok=True)
        new = place / ".new"
        new.write_bytes(content)
        new.rename(place / f"{chapter}.ipynb")
    return place / f"{chapter}.ipynb"


def _doubt(notebook: Path) -> str:
    """Why a notebook will get no points, where that is plain to see; empty where it is not."""
    try:
        submissions.read(notebook)
    except submissions.Unreadable as reason:
        return str(reason)
    return ""


def _handed_in(place: Path) -> datetime | None:
    try:
        return parse_utc((place / "timestamp.txt").read_text(encoding="utf-8").strip()).replace(tzinfo=UTC)
    except (OSError, ValueError, OverflowError):
        return None


def folder_name(student: str) -> str:
    """A student's name as the name of one folder: any letter but slashes and control characters, and not too long."""
    name = unicodedata.normalize("NFC", student)
    safe = "".join("_" if one in "/\\" or unicodedata.category(one)[0] == "C" else one for one in name).strip(" .")
    short = safe[:MAX_NAME].encode()[:200].decode("utf-8", "ignore").strip()
    if name and short == name:
        return name
    return f"{short or 'unnamed'}~{sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:6]}"


def _noted(folder: Path, chapter: str) -> dict[str, dict[str, str]]:
    """What earlier archives said of this chapter's students, by the name of the folder."""
    path = folder / "collected" / f"{chapter}.json"
    return json.loads(path.read_text(encoding="utf-8"))["students"] if path.exists() else {}


def _note(folder: Path, chapter: str, system: str, known: dict[str, dict[str, str]], lines: list[Line]) -> None:
    """Write down what came from whom, added to what was known of others."""
    path = folder / "collected" / f"{chapter}.json"
    students = _noted(folder, chapter)
    students.update({folder_name(student): person for student, person in known.items()})
    note = {"system": system, "students": students, "files": [asdict(line) for line in lines]}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)


def _shown(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else ""
