import copy
import json
import os
import random

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import submission
from autograder.submission import Unreadable


def sources(rebuilt) -> list[str]:
    return [cell.source for cell in rebuilt.notebook.cells]


def graded(rebuilt) -> dict[str, str]:
    return {
        cell.metadata.nbgrader["grade_id"]: cell.source
        for cell in rebuilt.notebook.cells
        if "nbgrader" in cell.metadata
    }


def code(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source)


@pytest.fixture
def rebuild(tiny, tmp_path):
    """Write a notebook to a file, read it as a student's, put it on the master."""

    def through_a_file(notebook) -> submission.Rebuilt:
        path = tmp_path / "tiny.ipynb"
        path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
        return submission.rebuild(tiny, submission.read(path))

    return through_a_file


@pytest.fixture
def answered(handed_out, fill, key):
    return fill(handed_out, key)


@pytest.fixture
def read(hand_in):
    def through_a_file(content) -> list[submission.SubmittedCell]:
        return submission.read(submission.find(hand_in(content), "tiny"))

    return through_a_file


# --- finding ---------------------------------------------------------------------------------------------------------


def test_the_named_notebook_is_found_among_others(hand_in):
    hand_in("{}", name="scratch.ipynb")
    folder = hand_in("{}")
    assert submission.find(folder, "tiny") == folder / "tiny.ipynb"


def test_the_only_notebook_is_found_by_any_name(hand_in):
    folder = hand_in("{}", name="tiny (1).ipynb")
    (folder / "table.txt").write_text("17")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "tiny-checkpoint.ipynb").write_text("{}")
    assert submission.find(folder, "tiny").name == "tiny (1).ipynb"


def test_two_notebooks_are_named(hand_in):
    hand_in("{}", name="a.ipynb")
    folder = hand_in("{}", name="b.ipynb")
    with pytest.raises(Unreadable, match=r"expected tiny\.ipynb, found a\.ipynb, b\.ipynb"):
        submission.find(folder, "tiny")


def test_no_notebook(hand_in):
    folder = hand_in("print(1)", name="tiny.py")
    with pytest.raises(Unreadable, match=r"expected tiny\.ipynb, found no notebook"):
        submission.find(folder, "tiny")


def test_a_folder_in_the_place_of_the_notebook(tmp_path):
    (tmp_path / "tiny.ipynb").mkdir()
    with pytest.raises(Unreadable, match="found no notebook"):
        submission.find(tmp_path, "tiny")
    with pytest.raises(Unreadable, match="cannot be read"):
        submission.read(tmp_path / "tiny.ipynb")


@pytest.mark.parametrize("name", ["tiny.ipynb", "other.ipynb"])
def test_symbolic_links_are_not_followed(tmp_path, hand_in, answered, name):
    theirs = hand_in(answered, student="neighbour") / "tiny.ipynb"
    folder = hand_in("notes", name="notes.txt")
    (folder / name).symlink_to(theirs)
    with pytest.raises(Unreadable, match="found no notebook"):
        submission.find(folder, "tiny")


def test_a_pipe_is_no_notebook(tmp_path):
    os.mkfifo(tmp_path / "tiny.ipynb")
    with pytest.raises(Unreadable, match="found no notebook"):
        submission.find(tmp_path, "tiny")


def test_what_macos_leaves_beside_the_notebook(hand_in):
    hand_in(b"\x00\x05\x16\x07", name="._tiny-final.ipynb")
    folder = hand_in("{}", name="tiny-final.ipynb")
    assert submission.find(folder, "tiny").name == "tiny-final.ipynb"


# --- reading ---------------------------------------------------------------------------------------------------------


def notebook_of(cells, **other) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **other})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "JSON"),
        (b"print('hello')", "JSON"),
        (b"<html><body>Sign in</body></html>", "JSON"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b"PK\x03\x04zip", "JSON"),
        (notebook_of([]).encode("utf-16"), "not UTF-8"),
        (notebook_of([]).encode("utf-16-le"), "JSON"),
        ("Größe".encode("latin-1"), "not UTF-8"),
        (notebook_of([{"cell_type": "code", "source": "x = 1"}])[:60].encode(), "ends or breaks"),
        (b"[1, 2]", "no object"),
        (b"null", "no object"),
        (b'"text"', "no object"),
        (b"{}", "expected notebook format 4, found None"),
        (b'{"nbformat": 2, "worksheets": []}', "expected notebook format 4, found 2"),
        (b'{"nbformat": 5, "cells": []}', "expected notebook format 4, found 5"),
        (b'{"nbformat": "4", "cells": []}', "expected notebook format 4, found '4'"),
        (b'{"nbformat": true, "cells": []}', "expected notebook format 4"),
        (b'{"nbformat": [4], "cells": []}', "expected notebook format 4"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 4, "cells": {"0": {}}}', "no list of cells"),
        (b'{"nbformat": 4, "cells": "x = 1"}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": []}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": [7]}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": [{"cells": 7}]}', "no list of cells"),
        (b'{"nbformat": ' + b"9" * 10_000 + b"}", "JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_unreadable(read, content, reason):
    with pytest.raises(Unreadable, match=reason):
        read(content)


@pytest.mark.parametrize("value", ['"' + "x" * 100_000 + '"', "[" + "1," * 50_000 + "1]"])
def test_reasons_are_short(read, value):
    with pytest.raises(Unreadable) as caught:
        read('{"nbformat": ' + value + "}")
    assert len(str(caught.value)) < 500


def test_byte_order_mark_is_fine(read, answered):
    text = nbformat.writes(answered)
    assert read(b"\xef\xbb\xbf" + text.encode()) == read(text)


def test_carriage_returns_in_the_file_are_fine(read, answered):
    text = nbformat.writes(answered)
    assert read(text.replace("\n", "\r\n")) == read(text)


def test_format_3_is_read(read):
    cells = [
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "metadata": {"nbgrader": {"grade_id": "double"}}},
        {"cell_type": "heading", "source": "Title", "level": 1},
    ]
    first, second = read(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert (first.cell_type, first.source, first.grade_id) == ("code", "x = 1\ny = 2", "double")
    assert (second.cell_type, second.source) == ("heading", "Title")


def test_cells_of_wrong_types_never_raise(read, tiny):
    junk = [None, True, 7, -1.5, "text", [], ["a", 1, None], {}, {"nbgrader": 3}, {"nbgrader": {"grade_id": 3}}]
    cells = [*junk]
    for value in junk:
        cells += [{"cell_type": value}, {"cell_type": "code", "source": value}, {"cell_type": "code", "id": value}]
        cells += [{"cell_type": "code", "source": "x", "metadata": value}]
        cells += [{"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": value}}}]
    found = read(notebook_of(cells))
    assert len(found) == sum(isinstance(cell, dict) for cell in cells)
    for cell in found:
        assert isinstance(cell.source, str) and isinstance(cell.cell_type, str)
        assert isinstance(cell.grade_id, str | None) and isinstance(cell.cell_id, str | None)
    submission.rebuild(tiny, found)


def test_lone_surrogates_leave_only_text_that_can_be_written(read, rebuild):
    text = notebook_of([{"cell_type": "code", "source": ["x = '\ud800'\n", "y = '\\udfff'"], "metadata": {}}])
    (cell,) = read(text)
    cell.source.encode("utf-8")
    nbformat.writes(rebuild(text).notebook).encode("utf-8")


def test_too_many_cells(read):
    cell = {"cell_type": "code", "source": "", "metadata": {}}
    assert len(read(notebook_of([cell] * submission.MAX_CELLS))) == submission.MAX_CELLS
    with pytest.raises(Unreadable, match=f"{submission.MAX_CELLS + 1} cells; the limit is {submission.MAX_CELLS}"):
        read(notebook_of([cell] * (submission.MAX_CELLS + 1)))


def test_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "tiny.ipynb"
    with path.open("wb") as file:
        file.truncate(submission.MAX_BYTES + 2**20)
    with pytest.raises(Unreadable, match=r"33 MB; the limit is 32 MB\. Clear the outputs"):
        submission.read(path)


def test_a_notebook_with_outputs_and_attachments_is_read(read, answered):
    answered.cells[1].outputs = [nbformat.v4.new_output("stream", text="noise")]
    answered.cells[0].attachments = {"a.png": {"image/png": "AAAA"}}
    assert len(read(answered)) == len(answered.cells)


# --- rebuilding ------------------------------------------------------------------------------------------------------


def test_an_untouched_notebook_has_no_answers(rebuild, handed_out, tiny):
    rebuilt = rebuild(handed_out)
    assert rebuilt.unanswered == {"double", "first_number", "Stack"}
    assert rebuilt.notes == ()
    assert graded(rebuilt) == {cell.grade_id: cell.source for cell in tiny.graded}


def test_a_filled_in_notebook_is_the_master_with_the_answers(rebuild, answered, key, tiny):
    rebuilt = rebuild(answered)
    assert rebuilt.unanswered == frozenset() and rebuilt.notes == ()
    assert sources(rebuilt) == [
        "import numpy as np",
        key["double"], tiny.graded[0].source, tiny.graded[1].source,
        key["first_number"], tiny.graded[2].source,
        key["Stack"], tiny.graded[3].source,
    ]  # fmt: skip
    assert rebuilt.notebook.metadata.kernelspec.name == "python3"


def test_graded_cells_carry_the_masters_settings(rebuild, answered, at):
    forged = answered.cells[at(answered, "double_hidden")].metadata
    forged.nbgrader.update(points=1e9, locked=False, solution=True, task=True)
    forged.tags = ["skip-execution", "raises-exception"]
    answered.metadata["kernelspec"] = {"name": "mine", "display_name": "Mine"}
    rebuilt = rebuild(answered)
    cell = next(c for c in rebuilt.notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "double_hidden")
    assert cell.metadata.nbgrader == {
        "grade": True, "grade_id": "double_hidden", "points": 2.0, "locked": True, "solution": False,
        "schema_version": 3, "task": False,
    }  # fmt: skip
    assert "tags" not in cell.metadata
    assert rebuilt.notebook.metadata.kernelspec.name == "python3"


def test_no_outputs_and_no_metadata_of_the_student_survive(rebuild, answered, at):
    cell = answered.cells[at(answered, "double")]
    cell.metadata["tags"] = ["skip-execution"]
    cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="noise")], 3
    for made in rebuild(answered).notebook.cells:
        assert made.outputs == [] and made.execution_count is None and set(made.metadata) <= {
            "nbgrader", "provided", "answer",
        }  # fmt: skip


def test_a_whole_notebook_can_be_read_by_a_person(answered, tiny, read, at):
    answered.cells.insert(0, nbformat.v4.new_markdown_cell("Thoughts of mine."))
    answered.cells[at(answered, "double_visible")].source = "pass"
    heading = next(cell for cell in answered.cells if cell.source.startswith("# Tiny"))
    heading.source += " (my copy)"
    made = submission.rebuild(tiny, read(answered), whole=True).notebook.cells
    raw = [cell.source for cell in made if cell.cell_type == "raw"]
    assert raw == ["Thoughts of mine.", heading.source]
    assert [cell.source for cell in made if cell.cell_type == "markdown"] == [
        cell.source for cell in tiny.cells if cell.cell_type == "markdown"
    ]
    assert [cell.metadata["answer"] for cell in made if "answer" in cell.metadata] == [p.name for p in tiny.parts]
    run = [cell for cell in made if "shown" not in cell.metadata]
    assert [cell.source for cell in run] == [
        cell.source for cell in submission.rebuild(tiny, read(answered)).notebook.cells
    ]
    assert [cell.metadata["tags"] for cell in made if cell.cell_type == "code" and "shown" in cell.metadata] == [
        ["showcase"]
    ]


def test_edited_test_cells_do_not_count(rebuild, answered, at, tiny):
    answered.cells[at(answered, "double_visible")].source = "assert True"
    answered.cells[at(answered, "double_hidden")].source = "assert double(2) == 4"
    rebuilt = rebuild(answered)
    assert graded(rebuilt) == {cell.grade_id: cell.source for cell in tiny.graded}
    assert "assert True" not in sources(rebuilt)
    assert len(rebuilt.notes) == 2 and all("was edited" in note for note in rebuilt.notes)


def test_deleted_test_cells_come_back(rebuild, answered, at, tiny):
    for grade_id in ("double_hidden", "Stack_hidden"):
        del answered.cells[at(answered, grade_id)]
    assert list(graded(rebuild(answered))) == [cell.grade_id for cell in tiny.graded]


def test_test_cells_turned_into_text_come_back(rebuild, answered, at, tiny):
    answered.cells[at(answered, "double_hidden")].cell_type = "raw"
    assert graded(rebuild(answered)) == {cell.grade_id: cell.source for cell in tiny.graded}


def test_reordered_cells_are_put_in_order(rebuild, answered):
    expected = sources(rebuild(answered))
    for seed in range(20):
        shuffled = copy.deepcopy(answered)
        random.Random(seed).shuffle(shuffled.cells)
        assert sources(rebuild(shuffled)) == expected


def test_duplicated_answer_the_last_one_counts(rebuild, answered, at, key):
    first = copy.deepcopy(answered.cells[at(answered, "double")])
    first.source = "def double(x):\n    return 'first try'"
    answered.cells.insert(at(answered, "double"), first)
    rebuilt = rebuild(answered)
    ran = sources(rebuilt)
    assert (
        ran.index(first.source) < ran.index(key["double"]) < ran.index('assert double(2) == 4, "two and two make four"')
    )
    assert any("more than once" in note and "'double'" in note for note in rebuilt.notes)
    assert rebuilt.unanswered == frozenset()


def test_duplicated_test_cell_runs_once(rebuild, answered, at, tiny):
    answered.cells.append(copy.deepcopy(answered.cells[at(answered, "double_hidden")]))
    rebuilt = rebuild(answered)
    assert [c.metadata.nbgrader["grade_id"] for c in rebuilt.notebook.cells if "nbgrader" in c.metadata] == [
        cell.grade_id for cell in tiny.graded
    ]


def test_missing_answer_is_noted(rebuild, answered, at):
    del answered.cells[at(answered, "first_number")]
    rebuilt = rebuild(answered)
    assert rebuilt.unanswered == {"first_number"}
    assert rebuilt.notes == ("answer cell 'first_number' is missing",)


@pytest.mark.parametrize("empty", ["", "   \n\n", "stub", "stub with white space"])
def test_what_counts_as_no_answer(rebuild, answered, at, tiny, empty):
    stub = tiny.part("double").solution.stub
    text = {"stub": stub, "stub with white space": "\n" + stub.replace("\n", "  \r\n") + "\n\n"}.get(empty, empty)
    answered.cells[at(answered, "double")].source = text
    assert rebuild(answered).unanswered == {"double"}


def test_answer_turned_into_markdown_is_run(rebuild, answered, at, key):
    index = at(answered, "double")
    settings = answered.cells[index].metadata
    answered.cells[index] = nbformat.v4.new_markdown_cell(key["double"], metadata=settings)
    rebuilt = rebuild(answered)
    assert key["double"] in sources(rebuilt)
    assert rebuilt.unanswered == frozenset() and "markdown" in rebuilt.notes[0]


def test_helper_cells_run_where_they_stand(rebuild, answered, at, key):
    answered.cells.insert(at(answered, "double"), code("before = 1"))
    answered.cells.insert(at(answered, "double") + 1, code("after = 2"))
    answered.cells.insert(0, code("first = 0"))
    answered.cells.append(code("last = 9"))
    answered.cells.insert(3, nbformat.v4.new_markdown_cell("My notes"))
    rebuilt = rebuild(answered)
    ran = sources(rebuilt)
    assert ran[0] == "first = 0" and ran[-1] == "last = 9" and "My notes" not in ran
    assert ran.index("before = 1") + 1 == ran.index(key["double"]) == ran.index("after = 2") - 1
    assert rebuilt.notes == ()


def test_unknown_grade_ids_are_run_and_noted(rebuild, answered):
    stranger = code("x = 1")
    stranger.metadata["nbgrader"] = {"grade": True, "grade_id": "bonus", "points": 100, "locked": True}
    answered.cells.insert(1, stranger)
    rebuilt = rebuild(answered)
    assert "x = 1" in sources(rebuilt) and "bonus" not in graded(rebuilt)
    assert "'bonus'" in rebuilt.notes[0]


def test_edited_imports_run_after_the_original(rebuild, answered):
    answered.cells[1].source = "import numpy as np\nimport math"
    ran = sources(rebuild(answered))
    assert ran[:2] == ["import numpy as np", "import numpy as np\nimport math"]


def test_deleted_imports_come_back(rebuild, answered):
    del answered.cells[1]
    assert sources(rebuild(answered))[0] == "import numpy as np"


def test_showcase_cells_do_not_run_unless_edited(rebuild, answered):
    (index,) = (i for i, cell in enumerate(answered.cells) if cell.metadata.get("tags"))
    assert not any("showcase" in source for source in sources(rebuild(answered)))
    answered.cells[index].source = "mine = 1"
    assert "mine = 1" in sources(rebuild(answered))


def test_cells_without_ids_and_metadata_are_known_by_their_text(rebuild, handed_out):
    for cell in handed_out.cells:
        cell.metadata, cell.id = {}, "x" + cell.id[:10]
    rebuilt = rebuild(handed_out)
    assert rebuilt.unanswered == {"double", "first_number", "Stack"}
    ran = [source for source in sources(rebuilt) if source]
    assert len(ran) == len(set(ran)) == 8  # nothing ran twice


def test_carriage_returns_change_nothing(rebuild, answered, at, key):
    for cell in answered.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    rebuilt = rebuild(answered)
    assert rebuilt.notes == () and rebuilt.unanswered == frozenset()
    assert len(sources(rebuilt)) == 8


def test_cells_with_the_same_id_are_all_kept(rebuild, answered):
    for number in range(3):
        answered.cells.insert(2, nbformat.v4.new_code_cell(f"helper_{number} = 1", id="same"))
    assert sum("helper" in source for source in sources(rebuild(answered))) == 3


@pytest.mark.parametrize("where", [0, 1, 2])
def test_an_empty_cell_does_not_move_what_follows_it(rebuild, answered, key, where):
    answered.cells.insert(where, code(""))
    answered.cells.insert(where + 1, code("helper = 1"))
    rebuilt = rebuild(answered)
    ran = sources(rebuilt)
    assert ran.index("helper = 1") < ran.index(key["double"])
    assert rebuilt.notes == ()


def test_an_answer_in_a_new_cell_is_not_undone_by_the_stub(rebuild, answered, at, key):
    index = at(answered, "double")
    answered.cells[index] = code(key["double"])
    ran = sources(rebuild(answered))
    namespace = {}
    for source in ran[: ran.index('assert double(2) == 4, "two and two make four"')]:
        exec(source, namespace)
    assert namespace["double"](2) == 4


def test_a_moved_answer_does_not_carry_other_cells_away(rebuild, answered, at, key):
    answered.cells.insert(2, answered.cells.pop(at(answered, "Stack")))
    answered.cells.insert(at(answered, "double"), code("helper = 1"))
    ran = sources(rebuild(answered))
    assert ran.index("helper = 1") < ran.index(key["double"])


def test_a_text_cell_turned_into_code_runs(rebuild, answered):
    answered.cells[0] = nbformat.v4.new_code_cell("helper = 1", id=answered.cells[0].id)
    assert "helper = 1" in sources(rebuild(answered))


# --- anything at all -------------------------------------------------------------------------------------------------

JUNK = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "\ud800",
    "\x00",
    [],
    {},
    [[]],
    {"nbgrader": {}},
    "code",
    "markdown",
    3,
    4,
]


def places(value, here=()):
    yield here
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from places(child, (*here, name))


def mutate(rng: random.Random, raw: dict) -> dict:
    """Change a notebook's JSON in some places: replace, delete, duplicate, swap or rename what is there."""
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        *path, last = rng.choice(list(places(raw))[1:])
        parent = raw
        for name in path:
            parent = parent[name]
        how = rng.randrange(5)
        if how == 0:
            parent[last] = rng.choice(JUNK)
        elif how == 1:
            del parent[last]
        elif how == 2 and isinstance(parent, list):
            parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(parent[last]))
        elif how == 3 and isinstance(parent, list):
            parent[last], parent[0] = parent[0], parent[last]
        elif isinstance(parent, dict):
            parent[rng.choice(["id", "source", "metadata", "cell_type", "nbgrader", "nbformat"])] = parent.pop(last)
        if not raw:
            break
    return raw


@pytest.mark.parametrize("seed", range(30))
def test_any_change_gives_cells_or_a_reason(answered, tmp_path, tiny, seed):
    rng = random.Random(seed)
    original = json.loads(nbformat.writes(answered))
    path = tmp_path / "tiny.ipynb"
    for _ in range(10):
        text = json.dumps(mutate(rng, copy.deepcopy(original)))
        data = text.encode()
        if rng.random() < 0.2:
            position = rng.randrange(len(data))
            data = data[:position] + rng.randbytes(rng.randrange(3)) + data[position + rng.randrange(3) :]
        path.write_bytes(data)
        try:
            cells = submission.read(path)
        except Unreadable as error:
            assert 10 < len(str(error)) < 500
            continue
        rebuilt = submission.rebuild(tiny, cells)
        nbformat.writes(rebuilt.notebook).encode("utf-8")
        assert graded(rebuilt) == {cell.grade_id: cell.source for cell in tiny.graded}
        assert rebuilt.unanswered <= {part.name for part in tiny.parts}
        json.dumps(rebuilt.notes).encode("utf-8")


# --- bytes of any kind -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "cell_type",
                    "source",
                    "input",
                    "metadata",
                    "nbgrader",
                    "grade_id",
                    "id",
                    "nbformat",
                    "worksheets",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)


def reads_or_refuses(tiny, path):
    """Reading gives cells, out of which a whole notebook is built, or the reason why not."""
    try:
        cells = submission.read(path)
    except Unreadable as error:
        assert str(error)
        return
    rebuilt = submission.rebuild(tiny, cells)
    graded = [cell.metadata.nbgrader["grade_id"] for cell in rebuilt.notebook.cells if "nbgrader" in cell.metadata]
    assert graded == [cell.grade_id for cell in tiny.graded]
    nbformat.validate(rebuilt.notebook)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(tiny, tmp_path, content):
    (tmp_path / "tiny.ipynb").write_bytes(content)
    reads_or_refuses(tiny, tmp_path / "tiny.ipynb")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, st.sampled_from([3, 4, 4.0, "4", None]))
def test_random_json_is_read_or_refused(tiny, tmp_path, value, version):
    for content in (value, {"nbformat": version, "cells": value}, {"nbformat": 3, "worksheets": [{"cells": value}]}):
        (tmp_path / "tiny.ipynb").write_text(json.dumps(content), encoding="utf-8", errors="surrogatepass")
        reads_or_refuses(tiny, tmp_path / "tiny.ipynb")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_notebook_is_read_or_refused(tiny, tmp_path, data):
    """Cells dropped, doubled and moved, their fields replaced by anything, bytes of the file overwritten."""
    notebook = json.loads(nbformat.writes(tiny.notebook()))
    order = data.draw(st.lists(st.integers(0, len(notebook["cells"]) - 1), max_size=15))
    cells = [dict(notebook["cells"][place]) for place in order]
    for cell in cells:
        for key in data.draw(st.lists(st.sampled_from([*cell, "input"]), max_size=2)):
            cell[key] = data.draw(JSON)
    body = bytearray(json.dumps({**notebook, "cells": cells}), "utf-8")
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=2)):
        body[place] = byte
    (tmp_path / "tiny.ipynb").write_bytes(body)
    reads_or_refuses(tiny, tmp_path / "tiny.ipynb")
