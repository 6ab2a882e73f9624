"""The benchmarks run, on the smallest size that means anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_graders_are_compared_and_agree(tmp_path):
    small = ["--students", "2", "--repetitions", "1", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "tests/bench/grader.py", *small], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    if "sandbox" in done.stderr and done.returncode:
        pytest.skip("there is no sandbox here")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "grader.json").read_text(encoding="utf-8"))
    assert report["differences"] == []
    assert {"nbgrader autograde", "this engine", "nbgrader autograde with this engine"} <= report["graders"].keys()
    assert report["students_own_milliseconds"] > 0
    for name, row in report["graders"].items():
        assert row["submissions_per_second"] > 0 and 0 < row["first_result"] <= row["seconds"], name
        assert 0 < row["in_flight_megabytes"] <= row["peak_megabytes"], name
    table = (tmp_path / "grader.md").read_text(encoding="utf-8")
    assert table in done.stdout and "| this engine |" in table and "points, part by part" in table
