"""formgrader, opened in a browser on a course that the engine grades: what an instructor sees and clicks."""

import json
import os
import subprocess
import sys
import time

import nbformat
import pytest

from autograder import cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory, course, key, fill, sandboxing):
    """A course with two submissions, none of them graded yet."""
    if sandboxing:
        pytest.skip("there is no sandbox here")
    folder = tmp_path_factory.mktemp("formgrader") / "course"
    assert cli.main(["--course", str(course.root), "nbgrader-course", str(folder)]) == 0
    for student, double in (
        ("s-001", "print('<img src=x onerror=alert(1)>')\ndef double(x):\n    return x**2"),
        ("s-002", None),
    ):
        notebook = nbformat.read(folder / "release" / "tiny" / "tiny.ipynb", as_version=4)
        place = folder / "submitted" / student / "tiny"
        place.mkdir(parents=True)
        text = nbformat.writes(fill(notebook, {**key, "double": double})) if double else "not a notebook"
        (place / "tiny.ipynb").write_text(text, encoding="utf-8")
        (place / "timestamp.txt").write_text("2026-11-20 12:00:00 UTC\n")
    return folder


@pytest.fixture(scope="module")
def formgrader(folder, tmp_path_factory):
    """Address of formgrader in a Jupyter server of this test's own, started in the course's folder."""
    runtime = tmp_path_factory.mktemp("jupyter")
    own = {name: str(runtime / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "HOME")}
    log = (runtime / "log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ServerApp.port=0",
         "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
         "--IdentityProvider.token=", "--ServerApp.password="],
        cwd=folder, env={**os.environ, **own, "JUPYTER_RUNTIME_DIR": str(runtime)}, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not (found := list(runtime.glob("jpserver-*.json"))) or not found[0].read_text():
            assert server.poll() is None and time.monotonic() < deadline, (runtime / "log").read_text()
            time.sleep(0.2)
        yield json.loads(found[0].read_text())["url"] + "formgrader"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture
def page(browser, formgrader):
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.problems = []
    # formgrader fetches MathJax from another host, which a test cannot rely on
    page.route(lambda url: not url.startswith(formgrader.removesuffix("formgrader")), lambda route: route.abort())
    page.on("pageerror", lambda error: "MathJax" in str(error) or page.problems.append(str(error)))
    page.on("dialog", lambda dialog: page.problems.append(f"a submission ran a script: {dialog.message}"))
    page.on("response", lambda reply: reply.status >= 400 and page.problems.append(f"{reply.status}: {reply.url}"))
    yield page
    context.close()
    assert page.problems == []


def _succeeded(page) -> None:
    """Wait for formgrader's message, and close it."""
    page.locator("#success-modal .modal-title", has_text="Success").wait_for()
    page.locator("#success-modal").get_by_role("button", name="OK").click()
    page.locator("#success-modal").wait_for(state="hidden")


def test_an_instructor_grades_and_corrects_in_formgrader(page, formgrader):
    page.goto(f"{formgrader}/manage_submissions/tiny")
    for student in ("s-001", "s-002"):
        row = page.locator("tbody tr", has_text=student)
        row.locator("text=needs autograding").wait_for()
        row.locator(".autograde a").click()
        _succeeded(page)
        row.locator("text=graded").wait_for()
    assert page.locator("tbody tr", has_text="s-001").locator(".score").inner_text() == "3 / 5"
    assert page.locator("tbody tr", has_text="s-002").locator(".score").inner_text() == "0 / 5"

    page.goto(f"{formgrader}/gradebook/tiny/tiny")
    page.locator("tbody a", has_text="Submission #2").wait_for()
    links = [one.get_attribute("href") for one in page.locator("tbody a", has_text="Submission #").all()]
    assert len(links) == 2
    for link in links:  # in no particular order
        page.goto(formgrader.removesuffix("/formgrader") + link)
        shown = page.locator("#notebook-container").last.inner_text()
        if "You square x." in shown:
            break
        assert "This submission could not be read" in shown
    assert "You square x." in shown and "Known mistake: squares" in shown
    assert "<img src=x onerror=alert(1)>" in shown, "shown as text"
    assert "secret input" not in page.content() and "-3.5" not in page.content()

    page.locator("input#double_hidden[placeholder='0']").wait_for()
    score = page.locator("input#double_hidden")
    score.fill("1.5")
    score.press("Tab")
    comment = page.locator("textarea#double-comment")
    comment.fill("Nearly: two times, not squared.")
    comment.press("Tab")
    page.locator(".comment-saved, .score-saved").first.wait_for()
    page.wait_for_load_state("networkidle")

    page.goto(f"{formgrader}/manage_submissions/tiny")
    row = page.locator("tbody tr", has_text="s-001")
    row.locator("text=4.5 / 5").wait_for()
    row.locator(".autograde a").click()  # again: what a person wrote stays
    _succeeded(page)
    row.locator("text=4.5 / 5").wait_for()
    row.locator("text=needs manual grading").wait_for()
    row.locator(".generate-feedback a").click()
    _succeeded(page)


def test_feedback_made_in_formgrader_holds_no_hidden_test(folder):
    text = (folder / "feedback" / "s-001" / "tiny" / "tiny.html").read_text(encoding="utf-8")
    assert "Nearly: two times, not squared." in text and "Score: 4.5 / 5.0" in text
    assert "secret input" not in text and "-3.5" not in text
