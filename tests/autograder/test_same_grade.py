"""Same code, same grade: whatever the number of workers, the load, the order, and how often it is graded."""

import json
import multiprocessing

import pytest

from autograder import batch
from autograder.grade import grade
from autograder.master import answer
from autograder.verdict import Assignment

pytestmark = pytest.mark.slow

ANSWERS = {
    "right": {},
    "squares": {"double": "def double(x):\n    return x**2"},
    "random": {"first_number": "def first_number():\n    return 17.0 if np.random.random() < 0.5 else 18.0"},
    "raises": {"double": "def double(x):\n    raise KeyError(x)"},
    "hash": {"first_number": "def first_number():\n    return 16.0 + len(list({'a', 'b', 'c'})[0]) * (hash('a') % 2)"},
    "counts": {"double": "calls = []\ndef double(x):\n    calls.append(x)\n    return x * min(2, len(calls))"},
    "exits": {"Stack": "import os\nos._exit(1)"},
    "missing": {"Stack": "class Stack:\n    pass"},
}


@pytest.fixture(scope="module")
def handed(tmp_path_factory, assignment):
    root = tmp_path_factory.mktemp("class")
    notebook = assignment.master.notebook()
    folders = []
    for name, answers in ANSWERS.items():
        for cell, original in zip(notebook.cells, assignment.master.cells, strict=True):
            cell.source = original.stub
            if original.is_solution:
                part = assignment.master.part(original.grade_id)
                cell.source = answers.get(original.grade_id) or answer(part)
        folder = root / "submitted" / name / "tiny"
        folder.mkdir(parents=True)
        (folder / "tiny.ipynb").write_text(json.dumps(notebook))
        folders.append(batch.Handed(name, "tiny", folder))
    return folders


def verdicts(results) -> dict:
    return {
        result.student: (result.status, result.score, result.seed, result.cells, result.notes) for result in results
    }


def work_hard(stop):
    while not stop.is_set():
        sum(range(10_000))


@pytest.fixture(scope="module")
def alone(handed, assignment, sandboxing):
    if sandboxing:
        pytest.skip("there is no sandbox here")
    return verdicts(grade(assignment, one.folder, one.student) for one in handed)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_with_any_number_of_workers_under_load(handed, assignment: Assignment, alone, workers):
    spawning = multiprocessing.get_context("spawn")
    stop = spawning.Event()
    loads = [spawning.Process(target=work_hard, args=(stop,), daemon=True) for _ in range(2)]
    for load in loads:
        load.start()
    try:
        with batch.LocalWorkers({"key": assignment}, workers) as pool:
            found = batch.run(pool, {"tiny": assignment}, [(one, "key") for one in handed])
            assert verdicts(result for result, _ in found) == alone
    finally:
        stop.set()
        for load in loads:
            load.join()


def test_again_and_in_reverse_order(handed, assignment, alone):
    assert {score for _, score, *_ in alone.values()} >= {5.0, 3.5}
    for _ in range(2):
        assert verdicts(grade(assignment, one.folder, one.student) for one in reversed(handed)) == alone
