import io
import json
import os
import stat
import struct
import time
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autograder import batch, collect
from autograder.collect import Moodle, folder_name
from autograder.course import CourseError

NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})


def text(name: str) -> str:
    """A notebook with a name in it, so that one can be told from another."""
    return NOTEBOOK.replace('"metadata": {}', json.dumps({"metadata": {"by": name}})[1:-1])


@pytest.fixture
def pack(tmp_path):
    """`pack({"name": "content", …}, times={…})` writes a zip archive; a content may be bytes, a time is "20T12:30"."""

    def write(members, times=(), name="download.zip", **attributes) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items() if isinstance(members, dict) else members:
                when = dict(times).get(member, "10T08:00")
                day, hour, minute = int(when[:2]), int(when[3:5]), int(when[6:8])
                info = zipfile.ZipInfo(member, (2026, 11, day, hour, minute, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                for key, value in attributes.items():
                    setattr(info, key, value)
                archive.writestr(info, content)
        return path

    return write


@pytest.fixture
def into(tmp_path):
    """`into(source)` collects the chapter tiny into a class's folder; gives what became of each file."""

    def run(source, **options) -> dict[str, tuple]:
        lines = collect.collect(source, "tiny", tmp_path / "class", chapters=("tiny", "small"), **options)
        return {line.file: (line.student, line.outcome, line.reason) for line in lines}

    return run


@pytest.fixture
def submitted(tmp_path):
    """`submitted()`: who has which notebook in the class's folder."""

    def look(kind="submitted") -> dict[str, str]:
        notebooks = sorted((tmp_path / "class" / kind).glob("*/tiny/**/tiny.ipynb"))
        depth = len((tmp_path / "class" / kind).parts)
        return {path.parts[depth]: json.loads(path.read_text())["metadata"].get("by", "") for path in notebooks}

    return look


@pytest.mark.parametrize(
    ("minutes", "one"), [((0, 4, 9), True), ((0, 4, 10), False), ((0, 5), False), ((0, None, 5), False)]
)
def test_times_that_are_the_downloads(minutes, one):
    times = [None if m is None else f"2026-11-20 08:{m:02}:00 UTC" for m in minutes]
    lines = [collect.Line(f"s-{place}", "x.ipynb", when or "", "kept") for place, when in enumerate(times)]
    assert collect.of_one_time(lines) is one


# --- the systems' own forms ------------------------------------------------------------------------------------------


def test_moodle(pack, into, submitted, tmp_path):
    found = into(
        pack(
            {
                "Ada Lovelace_101_assignsubmission_file_/tiny.ipynb": text("ada"),
                "Jean d'Alembert-Erdős_102_assignsubmission_file/my work.ipynb": text("kurt"),
                "Participant 7_103_assignsubmission_file_tiny.ipynb": text("seven"),
                "Emmy Noether_104_assignsubmission_file_/tiny.ipynb": text("emmy one"),
                "Emmy Noether_105_assignsubmission_file_/tiny.ipynb": text("emmy two"),
                "s-106_106_assignsubmission_file_/report.pdf": b"%PDF",
                "s-106_106_assignsubmission_onlinetext_/onlinetext.html": "<p>see file</p>",
                "Ada Lovelace_101_assignsubmission_file_/notes/picture.png": b"\x89PNG",
            }
        )
    )
    assert submitted() == {
        "Ada Lovelace": "ada", "Jean d'Alembert-Erdős": "kurt", "Participant 7": "seven",
        "Emmy Noether (104)": "emmy one", "Emmy Noether (105)": "emmy two",
    }  # fmt: skip
    student, outcome, reason = found["s-106_106_assignsubmission_file_/report.pdf"]
    assert (student, outcome) == ("s-106", "unusable") and "expected .ipynb, found .pdf" in reason
    assert (tmp_path / "class/submitted/s-106/tiny").is_dir()  # so that grading says that there is no notebook
    note = json.loads((tmp_path / "class/collected/tiny.json").read_text())
    assert note["system"] == "moodle" and note["students"]["Ada Lovelace"] == {"participant": "101"}
    assert collect.people(tmp_path / "class")["Ada Lovelace"] == {}  # that number is another in each assignment


def test_moodle_namesakes_in_several_archives(pack, into, submitted):
    """Who has been given a folder keeps it, whoever hands in after them."""
    one, other = (f"Emmy Noether_{number}_assignsubmission_file/tiny.ipynb" for number in (104, 105))
    into(pack({one: text("one")}))
    for members in ({one: text("one"), other: text("other")}, {other: text("other")}, {one: text("one")}):
        found = into(pack(members))
        assert submitted() == {"Emmy Noether": "one", "Emmy Noether (105)": "other"}
    assert found[one] == ("Emmy Noether", "unchanged", "")


def test_moodle_namesakes_stay_apart(pack, into, submitted):
    one, other = (f"Participant_{number}_assignsubmission_file_/tiny.ipynb" for number in (104, 105))
    into(pack({one: text("one"), other: text("other")}))
    into(pack({other: text("again")}, {other: "11T08:00"}))
    assert submitted() == {"Participant (104)": "one", "Participant (105)": "again"}
    assert submitted("earlier") == {"Participant (105)": "other"}


def test_canvas_without_names(pack, into, submitted, tmp_path):
    found = into(
        pack(
            {
                "anon_aB3xY_9001_tiny.ipynb": text("first"),
                "LATE_anon_aB3xY_9050_tiny-1.ipynb": text("second"),
                "anon_77777_9002_2_tiny.ipynb": text("digits"),
            }
        )
    )
    assert submitted() == {"anon_aB3xY": "second", "anon_77777": "digits"}
    assert found["LATE_anon_aB3xY_9050_tiny-1.ipynb"] == ("anon_aB3xY", "kept", "handed in late, its name says")
    assert collect.people(tmp_path / "class")["anon_aB3xY"] == {}


def test_canvas(pack, into, submitted, tmp_path):
    found = into(
        pack(
            {
                "lovelaceada_101_9001_tiny.ipynb": text("ada first"),
                "lovelaceada_LATE_101_9050_tiny-1.ipynb": text("ada second"),
                "noetheremmy_102_9002_tiny.ipynb": text("emmy"),
                "noetheremmy_102_9003_scratch_pad.ipynb": text("emmy's scratch"),
                "gödelkurt_103_9004_Untitled.ipynb": text("kurt"),
                "pascalblaise_104_text.html": "<p>see my folder</p>",
            }
        )
    )
    assert submitted() == {"lovelaceada_101": "ada second", "noetheremmy_102": "emmy", "gödelkurt_103": "kurt"}
    assert submitted("earlier") == {"lovelaceada_101": "ada first", "noetheremmy_102": "emmy's scratch"}
    assert found["lovelaceada_101_9001_tiny.ipynb"] == ("lovelaceada_101", "earlier", "")
    assert found["pascalblaise_104_text.html"][:2] == ("pascalblaise_104", "unusable")
    assert "late" in found["lovelaceada_LATE_101_9050_tiny-1.ipynb"][2]
    assert collect.people(tmp_path / "class")["lovelaceada_101"] == {"lms_user_id": "101"}


GRADESCOPE = """\
---
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1815'
    :email: ada@example.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: &1 2026-11-20 01:58:25.484573000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: *1
  :score: 3.0
submission_12:
  :submitters:
  - :name: Emmy Noether
    :email: emmy@example.org
  - :name: Kurt
    :sid: '1903'
    :email: zoe@example.org
  :created_at: 2026-11-19 23:00:00.000000000 +01:00
"""


def test_gradescope(pack, into, submitted, tmp_path):
    found = into(
        pack(
            {
                "assignment_5_export/submission_metadata.yml": GRADESCOPE,
                "assignment_5_export/submission_11/tiny.ipynb": text("ada"),
                "assignment_5_export/submission_12/tiny.ipynb": text("both"),
                "assignment_5_export/submission_13/tiny.ipynb": text("nobody"),
            }
        )
    )
    assert submitted() == {"1815": "ada", "emmy@example.org": "both", "1903": "both"}
    assert "does not say whose" in found["assignment_5_export/submission_13/tiny.ipynb"][2]
    times = {s: (tmp_path / "class/submitted" / s / "tiny/timestamp.txt").read_text() for s in ("1815", "1903")}
    assert times == {"1815": "2026-11-20 01:58:25 UTC\n", "1903": "2026-11-19 22:00:00 UTC\n"}
    assert collect.people(tmp_path / "class")["1815"] == {
        "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "lms_user_id": "1815",
    }  # fmt: skip


@pytest.mark.parametrize("yml", ["[", "- 1", "a: !!python/object/apply:os.system [ls]", "1"])
def test_gradescope_metadata_that_is_none(pack, into, yml):
    with pytest.raises(CourseError, match=r"submission_metadata\.yml|no file in"):
        into(pack({"submission_metadata.yml": yml, "submission_11/tiny.ipynb": NOTEBOOK}))


@pytest.mark.parametrize("top", ["", "class 7/"])
def test_plain_folders(into, submitted, tmp_path, top):
    root = tmp_path / "download"
    for name in ("s-001/tiny.ipynb", "s-002/tiny/solution.ipynb", "s-002/small/small.ipynb", "s 003.ipynb",
                 "s-004_tiny.ipynb", "s-005/tiny.ipynb", "s-005/scratch.ipynb", "s-006/.ipynb_checkpoints/tiny.ipynb",
                 "s-006/tiny.ipynb", "__MACOSX/s-001/._tiny.ipynb", "readme.txt"):  # fmt: skip
        path = root / (top + name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(name))
    (root / top / "s-001" / "timestamp.txt").write_text("2026-11-20 12:00:00 CET")
    found = into(root)
    assert submitted() == {
        "s-001": "s-001/tiny.ipynb", "s-002": "s-002/tiny/solution.ipynb", "s 003": "s 003.ipynb",
        "s-004": "s-004_tiny.ipynb", "s-005": "s-005/tiny.ipynb", "s-006": "s-006/tiny.ipynb",
    }  # fmt: skip
    assert (tmp_path / "class/submitted/s-001/tiny/timestamp.txt").read_text() == "2026-11-20 11:00:00 UTC\n"
    assert found[f"{top}readme.txt"][1] == "unusable"


def test_the_folder_of_one_student(into, submitted, tmp_path):
    place = tmp_path / "download" / "s-001" / "tiny"
    place.mkdir(parents=True)
    (place / "tiny.ipynb").write_text(text("one"))
    into(tmp_path / "download")
    assert submitted() == {"s-001": "one"}


def test_a_pattern_of_ones_own(pack, into, submitted, tmp_path):
    pattern = r"hw3-(?P<student_id>\w+)-(?P<timestamp>[\d-]+T[\d:]+)-(?P<file_id>.+)"
    members = {
        "hw3-ada-2026-11-20T10:00:00-a.ipynb": text("early"),
        "hw3-ada-2026-11-20T11:00:00-a.ipynb": text("late"),
    }
    into(pack(members), pattern=pattern)
    assert submitted() == {"ada": "late"} and submitted("earlier") == {"ada": "early"}
    assert (tmp_path / "class/submitted/ada/tiny/timestamp.txt").read_text() == "2026-11-20 11:00:00 UTC\n"
    for wrong, words in {"(": "no regular expression", "(?P<student_id>.)": "file_id>…\\); file_id is missing"}.items():
        with pytest.raises(CourseError, match=words):
            into(pack(members), pattern=wrong)


def test_nbgrader_can_use_the_plugins_itself():
    info = Moodle().collect("/downloaded/Ada Lovelace_101_assignsubmission_file_/tiny.ipynb")
    assert (info["student_id"], info["file_id"]) == ("Ada Lovelace", "tiny.ipynb")


# --- late and repeated attempts --------------------------------------------------------------------------------------


def test_the_latest_is_kept_and_nothing_lost(pack, into, submitted, tmp_path):
    names = ["s-001/tiny.ipynb", "s-001/second try/tiny.ipynb"]
    into(pack({names[0]: text("1"), names[1]: text("2")}, {names[0]: "10T08:00", names[1]: "11T08:00"}))
    assert submitted() == {"s-001": "2"} and submitted("earlier") == {"s-001": "1"}
    found = into(pack({names[0]: text("3")}, {names[0]: "12T08:00"}))
    assert submitted() == {"s-001": "3"} and found[names[0]][1] == "kept"
    found = into(pack({names[0]: text("0")}, {names[0]: "09T08:00"}))
    assert submitted() == {"s-001": "3"} and found[names[0]][1] == "earlier"
    aside = sorted((tmp_path / "class/earlier/s-001/tiny").glob("*/tiny.ipynb"))
    assert [json.loads(path.read_text())["metadata"]["by"] for path in aside] == ["0", "1", "2"]


def test_the_same_again_changes_nothing(pack, into, bytes_below, tmp_path):
    source = pack({"s-001/tiny.ipynb": text("1"), "s-001/old/tiny.ipynb": text("0"), "s-002/tiny.ipynb": text("2")},
                  {"s-001/old/tiny.ipynb": "09T08:00"})  # fmt: skip
    into(source)
    before = {key: value for key, value in bytes_below(tmp_path / "class").items() if "collected" not in key}
    assert {line[1] for line in into(source).values()} == {"unchanged", "earlier"}
    assert {key: value for key, value in bytes_below(tmp_path / "class").items() if "collected" not in key} == before


def test_a_broken_latest_is_the_latest(pack, into, submitted, tmp_path):
    into(pack({"s-001/tiny.ipynb": text("good")}))
    found = into(pack({"s-001/tiny.ipynb": "{"}, {"s-001/tiny.ipynb": "11T08:00"}))
    assert found["s-001/tiny.ipynb"][1] == "kept" and "not a notebook" in found["s-001/tiny.ipynb"][2]
    assert (tmp_path / "class/submitted/s-001/tiny/tiny.ipynb").read_text() == "{"
    assert submitted("earlier") == {"s-001": "good"}


def test_a_file_that_is_no_notebook_replaces_none(pack, into, submitted):
    into(pack({"s-001/tiny.ipynb": text("good")}))
    found = into(pack({"s-001/tiny.py": "print(1)"}, {"s-001/tiny.py": "11T08:00"}))
    assert found["s-001/tiny.py"][1] == "unusable" and submitted() == {"s-001": "good"}


def test_times_are_exact_where_the_archive_has_them(pack, into, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        seconds = int(datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC).timestamp())
        into(pack({"s-001/tiny.ipynb": text("1")}, extra=struct.pack("<HHBi", 0x5455, 5, 1, seconds)))
        into(pack({"s-002/tiny.ipynb": text("2")}, {"s-002/tiny.ipynb": "20T09:30"}))
    finally:
        monkeypatch.undo()
        time.tzset()
    times = [(tmp_path / f"class/submitted/s-00{n}/tiny/timestamp.txt").read_text() for n in (1, 2)]
    assert times == ["2026-11-20 12:00:01 UTC\n", "2026-11-20 00:30:00 UTC\n"]


# --- what is hostile or broken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../../../tiny.ipynb", "/tmp/tiny.ipynb", "s-001/../../../tiny.ipynb", "C:/x/tiny.ipynb"]
)
def test_a_name_that_climbs_out(pack, into, tmp_path, name, bytes_below):
    before = bytes_below(tmp_path)
    found = into(pack({name: text("evil"), "s-002/tiny.ipynb": text("good"), "s-003/tiny.ipynb": text("good")}))
    assert found[name][1:] == ("unusable", "its name leads out of the archive")
    new = set(bytes_below(tmp_path)) - set(before) - {"download.zip", "class/collected/tiny.json"}
    assert new == {f"class/submitted/s-00{n}/tiny/{file}" for n in (2, 3) for file in ("tiny.ipynb", "timestamp.txt")}


@pytest.mark.parametrize(
    "student", ["..", ".", "a/b", "a\x00b", "\n", ".hidden", " ", "x" * 300, "ü" * 120, "a\\b", "~", ""]
)
def test_names_of_folders(tmp_path, student):
    name = folder_name(student)
    assert "/" not in name and name not in ("", ".", "..") and not name.startswith(".") and name.isprintable()
    (tmp_path / name).mkdir()
    assert len(name) <= batch.MAX_NAME
    assert folder_name('Zoë O\'Brien; "=1+1" <b> 中文 🙂') == 'Zoë O\'Brien; "=1+1" <b> 中文 🙂'
    assert folder_name("a/b") != folder_name("a\\b") != folder_name("a_b")
    assert folder_name(unicodedata.normalize("NFD", "Zoë")) == "Zoë"


def test_an_archive_that_explodes(pack, into, submitted, monkeypatch):
    monkeypatch.setattr(collect, "MAX_FILE", 2**20)
    bomb = pack({f"{n}.ipynb": b"0" * 2**21 for n in range(3)}, name="bomb.zip").read_bytes()
    source = pack({"s-001/tiny.ipynb": b"0" * 2**22, "s-002/work.zip": bomb, "s-003/tiny.ipynb": text("good")})
    found = into(source)
    assert "more than 1 MB" in found["s-001/tiny.ipynb"][2] and "more than 1 MB" in found["s-002/work.zip"][2]
    assert submitted() == {"s-003": "good"}
    monkeypatch.setattr(collect, "MAX_TOTAL", 10)
    assert "more than it may" in into(source)["s-003/tiny.ipynb"][2]
    monkeypatch.setattr(collect, "MAX_MEMBERS", 2)
    with pytest.raises(CourseError, match="it holds 3 files; the limit is 2"):
        into(source)


def test_a_header_that_lies_about_the_size(pack, into, monkeypatch, tmp_path):
    monkeypatch.setattr(collect, "MAX_FILE", 2**20)
    source = pack({"s-001/tiny.ipynb": b"0" * 2**22, "s-002/tiny.ipynb": text("good")})
    data = source.read_bytes().replace(struct.pack("<I", 2**22), struct.pack("<I", 100))
    source.write_bytes(data)
    found = into(source)
    assert found["s-001/tiny.ipynb"][1] == "unusable" and found["s-002/tiny.ipynb"][1] == "kept"


def test_archives_that_students_hand_in(pack, into, submitted, monkeypatch):
    inner = {
        "good": pack({"work/tiny.ipynb": text("inside"), "work/data.npz": b"1"}, name="a.zip").read_bytes(),
        "empty": pack({"a.txt": "1"}, name="b.zip").read_bytes(),
        "climber": pack({"../../tiny.ipynb": text("evil")}, name="c.zip").read_bytes(),
        "many": pack({f"{n}.txt": "" for n in range(40)}, name="d.zip").read_bytes(),
        "torn": b"PK\x03\x04torn",
    }
    monkeypatch.setattr(collect, "MAX_NESTED", 30)
    found = into(pack({f"s-{key}/w.zip": content for key, content in inner.items()}))
    assert submitted() == {"s-good": "inside"}
    reasons = {key: found.get(f"s-{key}/w.zip", ("",) * 3)[2] for key in inner}
    assert reasons["empty"] == "it holds no notebook" and "leads out" in reasons["climber"]
    assert "more than 30 files" in reasons["many"] and "cannot be unpacked" in reasons["torn"]


def test_links_are_not_followed(pack, into, tmp_path, submitted):
    link = (stat.S_IFLNK | 0o777) << 16
    found = into(pack({"s-001/tiny.ipynb": "/etc/passwd"}, external_attr=link))
    assert "a link" in found["s-001/tiny.ipynb"][2]
    (tmp_path / "download/s-002").mkdir(parents=True)
    (tmp_path / "download/s-002/tiny.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "download/s-002/pipe.ipynb")
    (tmp_path / "download/s-003").symlink_to("/etc")
    found = into(tmp_path / "download")
    assert {line[1] for line in found.values()} == {"unusable"} and submitted() == {}


def test_damage_and_passwords_cost_one_file(pack, into, submitted):
    source = pack({"s-001/tiny.ipynb": text("one" * 500), "s-002/tiny.ipynb": text("two")})
    data = bytearray(source.read_bytes())
    data[60:70] = b"\xff" * 10  # in the first member's data
    source.write_bytes(data)
    assert "cannot be unpacked" in into(source)["s-001/tiny.ipynb"][2] and submitted() == {"s-002": "two"}
    data = bytearray(pack({"s-003/tiny.ipynb": text("three")}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(data)
    assert "encrypted" in into(source)["s-003/tiny.ipynb"][2]


def test_names_that_a_program_wrote_as_utf8_without_saying_so(tmp_path, into, submitted):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("sXX001/tiny.ipynb", text("kurt"))
        archive.writestr("s-002/tiny.ipynb", text("two"))
    path = tmp_path / "download.zip"
    path.write_bytes(written.getvalue().replace(b"sXX001", "Zoë ".encode() + b"1"))
    into(path)
    assert submitted() == {"Zoë 1": "kurt", "s-002": "two"}


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_what_is_no_archive(into, tmp_path, content):
    (tmp_path / "download.zip").write_bytes(content)
    with pytest.raises(CourseError, match="expected a zip archive or a folder"):
        into(tmp_path / "download.zip")


def test_nothing_there(into, tmp_path, pack):
    with pytest.raises(CourseError, match=r"found no .*nowhere"):
        into(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="is empty"):
        into(tmp_path / "empty")
    with pytest.raises(CourseError, match=r"read as: canvas.*--from"):
        into(pack({"readme.ipynb": NOTEBOOK}), system="canvas")
    with pytest.raises(CourseError, match="expected submission_metadata"):
        into(pack({"submission_1/tiny.ipynb": NOTEBOOK}), system="gradescope")
