"""A page for the instructor: how the class did, what to teach again, which parts and submissions need a look.

One file without scripts, which loads nothing. It is as long for 30,000 students as for 30: what would grow with the
class is counted, and of students only those are named who need a look, up to a limit.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograder.feedback import page_of, template
from autograder.verdict import Assignment, Result

BANDS = 10
MAX_NAMED = 60  # students of one kind
MAX_MISTAKES = 12
FEW = 10  # students, below which nothing is said of what discriminates
LIMITS = {"timeout": "took too long", "memory": "took too much memory", "crashed": "ended Python"}


@dataclass(frozen=True)
class Band:
    """A bar of the score distribution: how many students got from `low` to below `high` points."""

    low: float
    high: float
    students: int


@dataclass(frozen=True)
class PartRow:
    name: str
    points: float
    passed: int  # students with all points
    some: int  # students with some
    missing: int  # students who did not answer
    graded: int
    discrimination: float | None  # correlation with the points of the other parts; None where there is none
    remark: str  # why it tells students apart badly; empty where it does not


@dataclass(frozen=True)
class MistakeRow:
    """A known mistake that students made, and what to teach again."""

    name: str
    part: str
    students: int
    says: str
    page: str | None


@dataclass(frozen=True)
class Summary:
    """What the page says about one assignment. Lists of results are cut at MAX_NAMED; counts are not."""

    assignment: str
    max_score: float
    students: int
    graded: int
    unreadable: list[Result]
    unreadable_count: int
    refused: list[Result]
    refused_count: int
    mean: float
    median: float
    bands: list[Band]
    parts: list[PartRow]
    mistakes: list[MistakeRow]
    limits: list[tuple[str, str, int]]  # what was hit, part, students
    seconds: tuple[float, float, float]  # median, 95th percentile, longest
    times: list[float]
    results: list[Result]


class Tally:
    """Counts for one assignment, one result at a time."""

    def __init__(self, assignment: Assignment):
        self.assignment = assignment
        self.part_of = {cell.grade_id: part.name for part in assignment.master.parts for cell in part.tests}
        self.points: list[tuple[float, ...]] = []
        self.missing: Counter[str] = Counter()
        self.mistakes: Counter[tuple[str, str]] = Counter()
        self.limits: Counter[tuple[str, str]] = Counter()
        self.status: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.named: dict[str, list[Result]] = {"graded": [], "unreadable": [], "refused": []}

    def add(self, result: Result) -> None:
        self.status[result.status] += 1
        named = self.named[result.status]
        named.append(result)
        if len(named) > 2 * MAX_NAMED:  # those with the fewest points need a look first
            named.sort(key=_worst_first)
            del named[MAX_NAMED:]
        if result.status != "graded":
            return
        earned = dict.fromkeys((part.name for part in self.assignment.master.parts), 0.0)
        seen = set()
        for cell in result.cells:
            part = self.part_of.get(cell.grade_id)
            if part is None:
                continue
            earned[part] += cell.points
            seen |= {(kind, part) for kind in ("missing", *LIMITS) if cell.outcome == kind}
            if cell.diagnosis:
                seen.add(("mistake", part, cell.diagnosis))
        self.points.append(tuple(earned.values()))
        self.seconds.append(result.seconds)
        for kind, part, *name in seen:
            if name:
                self.mistakes[name[0], part] += 1
            elif kind == "missing":
                self.missing[part] += 1
            else:
                self.limits[kind, part] += 1

    def summary(self) -> Summary:
        parts, count = self.assignment.master.parts, len(self.points)
        points = np.array(self.points, dtype=float).reshape(count, len(parts))
        scores, maximum = points.sum(axis=1), self.assignment.master.max_score
        bands = np.minimum((scores / maximum * BANDS).astype(int), BANDS - 1)
        seconds = np.array(self.seconds or [0.0])
        named = {kind: sorted(found, key=_worst_first)[:MAX_NAMED] for kind, found in self.named.items()}
        known = {mistake.name: mistake for mistake in self.assignment.mistakes}
        return Summary(
            assignment=self.assignment.name,
            max_score=maximum,
            students=sum(self.status.values()),
            graded=count,
            unreadable=named["unreadable"],
            unreadable_count=self.status["unreadable"],
            refused=named["refused"],
            refused_count=self.status["refused"],
            mean=float(scores.mean()) if count else 0.0,
            median=float(np.median(scores)) if count else 0.0,
            bands=[Band(maximum * i / BANDS, maximum * (i + 1) / BANDS, int((bands == i).sum())) for i in range(BANDS)],
            parts=[self._part(part, points[:, i], scores - points[:, i]) for i, part in enumerate(parts)],
            mistakes=[
                MistakeRow(name, part, students, known[name].says, page_of(self.assignment, part))
                for (name, part), students in self.mistakes.most_common(MAX_MISTAKES)
                if name in known
            ],
            limits=[(LIMITS[kind], part, students) for (kind, part), students in self.limits.most_common()],
            seconds=(float(np.median(seconds)), float(np.percentile(seconds, 95)), float(seconds.max())),
            times=self.seconds,
            results=sorted(named["graded"], key=lambda one: one.student),
        )

    def _part(self, part, earned: np.ndarray, others: np.ndarray) -> PartRow:
        count, remark, discrimination = len(earned), "", None
        passed = int((earned >= part.points).sum())
        if count >= FEW:
            if earned.std() and others.std():
                discrimination = float(np.corrcoef(earned, others)[0, 1])
            if passed > 0.95 * count:
                remark = "nearly everyone has all its points"
            elif (earned > 0).sum() < 0.05 * count:
                remark = "nearly nobody has a point"
            elif discrimination is not None and discrimination < 0.2:
                remark = "who does well elsewhere does no better here: look at its tests and at how it asks"
        some = int(((earned > 0) & (earned < part.points)).sum())
        return PartRow(part.name, part.points, passed, some, self.missing[part.name], count, discrimination, remark)


def _worst_first(result: Result) -> tuple[float, str]:
    return result.score, result.student


def summarise(assignment: Assignment, results: Iterable[Result]) -> Summary:
    """Counts for one assignment; unreadable submissions count in the list of students but not in the averages."""
    tally = Tally(assignment)
    for result in results:
        tally.add(result)
    return tally.summary()


def write(path: Path, assignments: dict[str, Assignment], results: Iterable[Result]) -> None:
    """Write the report for all these assignments; results of others are passed over."""
    tallies = {name: Tally(assignment) for name, assignment in assignments.items()}
    for result in results:
        if result.assignment in tallies:
            tallies[result.assignment].add(result)
    summaries = [tally.summary() for tally in tallies.values()]
    drawn = {one.assignment: _figures(one) for one in summaries if one.graded}
    # a file name need not be UTF-8
    page = template("report.html").render(summaries=summaries, figures=drawn, named=MAX_NAMED, few=FEW)
    new = path.with_name(f"{path.name}.new")
    new.write_text(page, encoding="utf-8", errors="backslashreplace")
    new.replace(path)


# ---- figures, in the book's style -----------------------------------------------------------------------------------


def _figures(summary: Summary) -> dict[str, tuple[str, str]]:
    """Each figure as two images, light and dark, for an `img` element."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from book import figures

    drawn = {}
    with mpl.rc_context():
        plt.switch_backend("agg")
        figures.use()
        for name, draw in (("scores", _draw_scores), ("parts", _draw_parts), ("times", _draw_times)):
            figure = draw(plt, figures.colour, summary)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": figures.MARK})
            plt.close(figure)
            drawn[name] = tuple(_image(one) for one in (text.getvalue(), figures.to_dark(text.getvalue())))
    return drawn


def _image(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _draw_scores(plt, colour, summary: Summary):
    figure, ax = plt.subplots(figsize=(7.0, 2.8))
    low = [band.low for band in summary.bands]
    heights = [band.students for band in summary.bands]
    bars = ax.bar(low, heights, width=summary.max_score / BANDS * 0.92, align="edge", color=colour("gd"))
    ax.bar_label(bars, [f"{height:,}" if height else "" for height in heights], color=colour("ink"), fontsize=9)
    ax.axvline(summary.median, color=colour("sgd"), linewidth=1.5)
    ax.annotate(
        f"median {summary.median:.1f}", (summary.median, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -10),
        textcoords="offset points", color=colour("sgd"), fontsize=9.5,
    )  # fmt: skip
    ax.set(xlim=(0, summary.max_score), ylim=(0, 1.25 * max(*heights, 1)), xlabel="points", ylabel="students")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="x", visible=False)
    return figure


def _draw_parts(plt, colour, summary: Summary):
    parts = summary.parts[::-1]
    figure, ax = plt.subplots(figsize=(7.0, 0.9 + 0.3 * len(parts)))
    rows, left = range(len(parts)), np.zeros(len(parts))
    for name, shares in (
        ("good", [part.passed for part in parts]),
        ("nesterov", [part.some for part in parts]),
        ("bad", [part.graded - part.passed - part.some - part.missing for part in parts]),
        ("grid", [part.missing for part in parts]),
    ):
        width = 100 * np.maximum(np.array(shares, dtype=float), 0) / summary.graded
        ax.barh(rows, width, left=left, height=0.7, color=colour(name))
        left += width
    ax.set_yticks(rows, [part.name for part in parts])
    ax.set(xlim=(0, 100), xlabel="% of students: all points, some, none, no answer")
    ax.grid(axis="y", visible=False)
    return figure


def _draw_times(plt, colour, summary: Summary):
    from matplotlib import ticker

    figure, ax = plt.subplots(figsize=(7.0, 2.2))
    seconds = np.maximum(np.array(summary.times), 1e-3)
    edges = np.geomspace(seconds.min() * 0.95, seconds.max() * 1.05, 31)
    ax.hist(seconds, edges, color=colour("momentum"))
    ax.set(xscale="log", xlabel="seconds a submission", ylabel="submissions")
    ax.xaxis.set(
        major_locator=ticker.LogLocator(subs=(1, 2, 5)),
        major_formatter=lambda value, _: f"{value:g}",
        minor_formatter=ticker.NullFormatter(),
    )
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="x", visible=False)
    return figure
