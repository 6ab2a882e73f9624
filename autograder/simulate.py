"""A class whose truth is known: simulated students, and what each of them has earned."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import nbformat

from autograder import bank as banks
from autograder import master as masters
from autograder.bank import Bank
from autograder.course import Course, CourseError
from autograder.master import Master, Part
from autograder.verdict import Result

TRUTH = "truth.json"


def simulate(course: Course, chapters: list[str], students: int, seed: int, out: Path, broken: int = 0) -> Path:
    """Write `out/submitted/<student>/<chapter>/` for a class, and `out/truth.json` beside it; returns that file.

    Each student has a share of what can be known, drawn at random, and answers each part rightly (as the answer key or
    as a variation of it), with a known mistake, or not at all. The last `broken` students hand in a file that was cut
    off on its way. The same arguments give the same bytes. Raises CourseError rather than write over an existing class.
    """
    submitted = out / "submitted"
    if submitted.exists():
        raise CourseError(f"{submitted} exists already; choose another --out, or delete that folder first")
    if not 0 <= broken <= students:
        raise CourseError(f"expected between 0 and {students} broken submissions, found {broken}")
    truth: dict = {"seed": seed, "students": {}}
    width = max(3, len(str(students)))
    sources = {
        chapter: (
            masters.read(course.master(chapter)),
            banks.load(chapter, course),
            _release(course, chapter),
        )
        for chapter in chapters
    }
    for number in range(1, students + 1):
        student = f"s-{number:0{width}d}"
        rng = random.Random(f"{seed}/{student}")
        knowledge = rng.betavariate(3, 1.6)
        truth["students"][student] = {}
        for chapter, (master, bank, release) in sources.items():
            choices = {part.name: _choose(rng, knowledge, part, bank) for part in master.parts}
            text = nbformat.writes(_fill(release, {name: choice["source"] for name, choice in choices.items()}))
            is_broken = number > students - broken
            folder = submitted / student / chapter
            folder.mkdir(parents=True)
            (folder / f"{chapter}.ipynb").write_text(text[: len(text) // 2] if is_broken else text, encoding="utf-8")
            (folder / "timestamp.txt").write_text(f"2026-11-{rng.randint(2, 20):02d} 12:00:00 UTC\n", encoding="utf-8")
            truth["students"][student][chapter] = _truth(master, choices, is_broken)
    path = out / TRUTH
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def differences(truth: dict, results: list[Result]) -> list[str]:
    """Where results differ from a class's truth, cell by cell, a line each; empty when every grade is right."""
    found = {(result.student, result.assignment): result for result in results}
    count = Counter((result.student, result.assignment) for result in results)
    lines = [f"{student} {chapter}: {n} results" for (student, chapter), n in count.items() if n > 1]
    for student, chapters in truth["students"].items():
        for chapter, expected in chapters.items():
            result = found.pop((student, chapter), None)
            if result is None:
                lines.append(f"{student} {chapter}: no result")
                continue
            if result.status != expected["status"]:
                lines.append(
                    f"{student} {chapter}: expected {expected['status']}, found {result.status}: {result.reason}"
                )
            for name in ("score", "max_score"):
                cells_agree = [cell.points for cell in result.cells] == list(expected["cells"].values())
                if getattr(result, name) != expected[name] and (cells_agree or name == "max_score"):
                    lines.append(
                        f"{student} {chapter}: expected {name} {expected[name]}, found {getattr(result, name)}"
                    )
            cells = {cell.grade_id: cell for cell in result.cells}
            for grade_id in expected["cells"] | cells:
                points, cell = expected["cells"].get(grade_id), cells.get(grade_id)
                if cell is None:
                    lines.append(f"{student} {chapter} {grade_id}: expected {points} points, found no such cell")
                elif points is None:
                    lines.append(f"{student} {chapter} {grade_id}: a cell that the truth does not know")
                elif cell.points != points:
                    lines.append(
                        f"{student} {chapter} {grade_id}: expected {points} points, "
                        f"found {cell.points} ({cell.outcome}: {cell.message})"
                    )
    return lines + [f"{student} {chapter}: a result for a student who handed in nothing" for student, chapter in found]


def _release(course: Course, chapter: str) -> nbformat.NotebookNode:
    path = course.exercises / chapter / f"{chapter}.ipynb"
    if not path.exists():
        raise CourseError(f"{path} does not exist; run `autograder release {chapter}` first")
    return nbformat.read(path, as_version=4)


def _choose(rng: random.Random, knowledge: float, part: Part, bank: Bank) -> dict:
    mistakes, variations = bank.of(part.name)
    if rng.random() < knowledge:
        key = masters.answer(part)
        name, source = rng.choice([("answer key", key), *((v.name, v.source) for v in variations)])
        return {"answer": "right", "name": name, "source": source, "fails": ()}
    if mistakes and rng.random() < 0.75:
        mistake = rng.choice(mistakes)
        return {"answer": "mistake", "name": mistake.name, "source": mistake.source, "fails": mistake.fails}
    return {
        "answer": "none",
        "name": None,
        "source": part.solution.stub,
        "fails": tuple(cell.grade_id for cell in part.tests),
    }


def _fill(release: nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
    notebook = nbformat.from_dict(json.loads(nbformat.writes(release)))
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    return notebook


def _truth(master: Master, choices: dict[str, dict], is_broken: bool) -> dict:
    cells = {
        cell.grade_id: 0.0 if is_broken or cell.grade_id in choices[part.name]["fails"] else cell.points
        for part in master.parts
        for cell in part.tests
    }
    return {
        "status": "unreadable" if is_broken else "graded",
        "score": sum(cells.values()),
        "max_score": master.max_score,
        "cells": cells,
        "parts": {name: {"answer": choice["answer"], "name": choice["name"]} for name, choice in choices.items()},
    }
