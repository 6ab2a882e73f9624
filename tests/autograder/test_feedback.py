import pytest

from autograder import cli, feedback, master
from autograder.feedback import ByHand, Pages
from autograder.record import Record
from autograder.verdict import Assignment


@pytest.fixture
def book(make_course, percent):
    """The tiny course with a book: a part's prose names the page that explains it."""
    text = percent.tiny.replace(
        "Three small parts.\n", "Three small parts.\n\n## 1 · Twice\n\n*Level: easy* · Page: *Doubling*\n"
    )
    course = make_course(master=text)
    (course.root / "book" / "tiny").mkdir(parents=True)
    (course.root / "book" / "tiny" / "doubling.md").write_text("---\nx: y\n---\n# Doubling\n\nText.\n")
    return course


@pytest.fixture
def page(book, tmp_path):
    """`page(result, …)` is the text of a student's page."""

    def write(one, by_hand=None, site="https://example.org/course/") -> str:
        assignment = Assignment.load(book, "tiny")
        path = feedback.write(tmp_path / "class", assignment, one, Pages(book, site), by_hand)
        assert path == tmp_path / "class" / "feedback" / one.student / "tiny" / "tiny.html"
        return path.read_text(encoding="utf-8")

    return write


def test_what_a_student_is_told(page, result):
    text = page(
        result("s-001", double_hidden=0.0, messages={"double_hidden": "You square x. (On inputs you have not seen …)"})
    )
    assert "3 of 5 points" in text and "2 of 3 parts have all their points" in text
    assert "You square x. (On inputs you have not seen …)" in text
    assert '<a href="https://example.org/course/book/tiny/doubling.html">Doubling</a>' in text
    assert "Twice <code>double</code>" in text and "<code>double_<wbr>hidden</code>" in text


def test_no_link_where_the_site_is_not_known(page, result):
    text = page(result("s-001", double_hidden=0.0), site=None)
    assert "Doubling" in text and "<a " not in text


@pytest.mark.parametrize(
    ("points", "outcomes", "words"),
    [
        ({"double_hidden": 0.0}, {}, "The visible tests pass"),
        ({"double_visible": 0.0, "double_hidden": 0.0}, {}, "The test is in your notebook"),
        ({"double_hidden": 0.0}, {"double_hidden": "timeout"}, "a loop that does not end"),
        ({"double_hidden": 0.0}, {"double_hidden": "memory"}, "an array that grows"),
        ({"double_hidden": 0.0}, {"double_hidden": "crashed"}, "Python itself ended"),
        ({"double_hidden": 0.0}, {"double_hidden": "error"}, "last line of the traceback"),
        ({"double_hidden": 0.0}, {"double_hidden": "missing"}, "Nothing to mark yet"),
        ({}, {}, None),
    ],
)
def test_hints(page, result, points, outcomes, words):
    text = page(result("s-001", outcomes=outcomes, **points))
    assert ("What to try" in text) == (words is not None) and (words or "") in text


def test_what_could_not_be_read(page, result):
    text = page(result("s-001", status="unreadable", reason="not a notebook: <it> ends"))
    assert "0 of 5 points" in text and "not a notebook: &lt;it&gt; ends" in text and "What to try" not in text


def test_no_verdict_no_page(course, tmp_path, result):
    assignment = Assignment.load(course, "tiny")
    refused = result("s-001", status="refused", reason="no room")
    assert feedback.write(tmp_path, assignment, refused, Pages(course)) is None
    assert not (tmp_path / "feedback").exists()


def test_what_nbgrader_needs_to_release_it_lies_beside_it(page, result, tmp_path):
    handed_in = tmp_path / "class/submitted/s-001/tiny"
    handed_in.mkdir(parents=True)
    (handed_in / "timestamp.txt").write_bytes(b"2026-11-20 12:00:00 UTC\n\xff")
    (tmp_path / "elsewhere").write_text("someone else's")
    (handed_in / "submission_secret.txt").symlink_to(tmp_path / "elsewhere")
    page(result("s-001"))
    place = tmp_path / "class/feedback/s-001/tiny"
    assert sorted(one.name for one in place.iterdir()) == ["timestamp.txt", "tiny.html"]
    assert (place / "timestamp.txt").read_text(encoding="utf-8").startswith("2026-11-20 12:00:00 UTC\n")
    (handed_in / "submission_secret.txt").unlink()
    (handed_in / "submission_secret.txt").write_text("f00d")
    page(result("s-001"))
    assert (place / "submission_secret.txt").read_text() == "f00d"


def test_what_a_person_added_counts(page, result):
    hand = ByHand({"double_hidden": 1.5}, {"double": "Nearly <b>."}, 0.5)
    text = page(result("s-001", double_hidden=0.0), hand)
    assert "4 of 5 points" in text and "4.5, less 0.5 for handing in late" in text
    assert "points given by hand" in text and "Nearly &lt;b&gt;." in text


def test_the_page_stands_alone_and_runs_nothing(page, result):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    text = page(result("s-001", double_hidden=0.0, messages={"double_hidden": evil}, notes=[evil]))
    assert "<script" not in text and "<img" not in text and "&lt;script&gt;" in text
    assert "default-src 'none'" in text and "src=" not in text.replace("&lt;img src=x", "")


def test_no_secret_and_nobody_else(course, page, result):
    tiny = master.read(course.master("tiny"))
    page(result("s-002", notes=["seen by s-002 alone"]))
    text = page(result("s-001", double_visible=0.0, double_hidden=0.0, first_number_visible=0.0, Stack_hidden=0.0))
    assert "s-002" not in text
    hidden = [line.strip() for cell in tiny.cells for line in cell.source.splitlines() if line not in cell.stub]
    assert len(hidden) > 10
    assert not [line for line in hidden if len(line) > 12 and line in text]


@pytest.mark.slow
def test_the_command(course, class_folder, hand_in, in_threads, result, capsys):
    def run(*arguments):
        code = cli.main(["--course", str(course.root), *map(str, arguments)])
        return code, *capsys.readouterr()

    assert run("feedback", class_folder)[0] == 1
    for student in ("s-001", "s-002"):
        hand_in("{}", student)
    in_threads(lambda assignment, folder, student: result(student, double_hidden=0.0))
    assert run("grade", class_folder)[0] == 0
    with Record(class_folder, course, {"tiny": Assignment.load(course, "tiny")}) as record:
        record.gradebook.find_grade("double_hidden", "tiny", "tiny", "s-002").manual_score = 1.5
        record.gradebook.find_comment("double", "tiny", "tiny", "s-002").manual_comment = "Better than it looks."
        record.gradebook.db.commit()
    code, out, _ = run("feedback", class_folder)
    assert code == 0 and "2 pages written" in out
    texts = [(class_folder / f"feedback/{one}/tiny/tiny.html").read_text() for one in ("s-001", "s-002")]
    assert "3 of 5 points" in texts[0] and "Better" not in texts[0]
    assert "4.5 of 5 points" in texts[1] and "Better than it looks." in texts[1]
    assert run("feedback", class_folder, "--student", "s-009")[0] == 1
