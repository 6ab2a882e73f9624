"""One look for every figure of the book: palette, sizes, landscapes and paths.

A page's first, hidden cell says `from book import figures` and `figures.use()`. After that, figures are plain
Matplotlib drawn with the colours of this module. They are written as SVG in the light palette; the site derives the
dark version by exchanging each colour for its partner (`to_dark`), so a colour that is not in the palette is an error
and not a surprise at night.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

# name: (light, dark). Each pair keeps a contrast of 3:1 or more against its page, text colours 4.5:1 or more;
# neighbours in a race differ in lightness as well as in hue, so that they stay apart for colour-blind readers.
PALETTE = {
    "ink": ("#1f2933", "#e6e9ee"),
    "muted": ("#5f6b7a", "#a3adba"),
    "grid": ("#dde2e8", "#3a434f"),
    "paper": ("#ffffff", "#14181e"),
    "gd": ("#0072b2", "#56b4e9"),
    "sgd": ("#c8500a", "#f2955a"),
    "momentum": ("#00805f", "#34c9a0"),
    "nesterov": ("#7a6a00", "#d9c74a"),
    "adagrad": ("#7d4fa8", "#bd99e6"),
    "rmsprop": ("#b0246f", "#f285bb"),
    "adam": ("#a11d1d", "#ff7d72"),
    "amsgrad": ("#33509e", "#93adf5"),
    "lion": ("#8a5a00", "#e0a34f"),
    "muon": ("#00616e", "#45c8d8"),
    "newton": ("#4a5a8a", "#a9b9ea"),
    "good": ("#1a7f37", "#4ac26b"),
    "bad": ("#b42318", "#ff8a80"),
}

# Filled levels of a landscape, from the valley to the heights.
LEVELS = (
    ("#f7f9fb", "#161b22"),
    ("#eaf0f5", "#1b222b"),
    ("#dde7ef", "#202a35"),
    ("#cfdde9", "#25323f"),
    ("#c1d3e2", "#2b3a49"),
    ("#b3c9dc", "#314354"),
    ("#a5bfd5", "#374c5f"),
    ("#97b4ce", "#3e556a"),
)

_TO_DARK = dict([*PALETTE.values(), *LEVELS])
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
# Written into every figure, so that the site knows which images have a dark partner.
MARK = "engine-of-deep-learning figure"

WIDTH = 7.0  # inches; the text column of the site


def colour(name: str) -> str:
    """The light colour of a palette entry: an optimiser, "ink", "muted", "good" or "bad"."""
    return PALETTE[name][0]


def use() -> None:
    """Make Matplotlib draw in the book's style, as SVG, the same bytes each time."""
    import matplotlib_inline.backend_inline

    ink, muted, grid = colour("ink"), colour("muted"), colour("grid")
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.4),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "text.color": ink,
            "axes.edgecolor": muted,
            "axes.labelcolor": ink,
            "axes.titlecolor": ink,
            "axes.titlesize": 10.5,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": grid,
            "grid.linewidth": 0.8,
            "xtick.color": muted,
            "ytick.color": muted,
            "xtick.labelcolor": ink,
            "ytick.labelcolor": ink,
            "lines.linewidth": 2.0,
            "lines.markersize": 4.5,
            "patch.edgecolor": ink,
            "hatch.color": ink,
            "boxplot.flierprops.color": ink,
            "legend.frameon": False,
            "axes.prop_cycle": mpl.cycler(
                color=[colour(n) for n in ("gd", "sgd", "momentum", "adagrad", "nesterov", "adam")]
            ),
            "svg.fonttype": "path",
            "svg.hashsalt": MARK,
        }
    )
    matplotlib_inline.backend_inline.set_matplotlib_formats(
        "svg", metadata={"Date": None, "Creator": MARK}, bbox_inches=None
    )


def to_dark(svg: str) -> str:
    """The dark version of a figure's SVG text. Raises ValueError for a colour that is not in the palette."""
    strangers = {c for c in _COLOUR.findall(svg) if c not in _TO_DARK}
    if strangers:
        raise ValueError(
            f"a figure uses {', '.join(sorted(strangers))}; only colours of book/figures.py have a dark partner. "
            "Use figures.colour(name), or add a pair to PALETTE"
        )
    return _COLOUR.sub(lambda match: _TO_DARK[match.group()], svg)


def landscape(
    ax: plt.Axes,
    f: Callable[[np.ndarray], np.ndarray],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    *,
    power: float = 3.0,
    points: int = 161,
) -> None:
    """Fill `ax` with the levels of `f`, which maps points (..., 2) to heights (...).

    Levels lie closer together near the lowest point: level k is at the fraction (k / n)**power of the height.
    """
    x, y = np.linspace(*xlim, points), np.linspace(*ylim, points)
    heights = f(np.stack(np.meshgrid(x, y), axis=-1))  # (points, points)
    low, high = heights.min(), heights.max()
    levels = low + (high - low) * np.linspace(0, 1, len(LEVELS) + 1) ** power
    levels[0] = low - 1e-9 * (high - low)
    ax.contourf(x, y, heights, levels=levels, colors=[light for light, _ in LEVELS])
    ax.contour(x, y, heights, levels=levels[1:-1], colors=colour("muted"), linewidths=0.4)
    ax.set(xlim=xlim, ylim=ylim)
    ax.grid(False)


def path(ax: plt.Axes, points: np.ndarray, method: str, label: str | None = None, *, every: int = 1) -> None:
    """Draw iterates (T, 2) as a line with a dot per step, a ring at the start, in the colour of `method`."""
    points = np.asarray(points)
    ax.plot(*points.T, color=colour(method), linewidth=1.4, label=label)
    ax.plot(*points[::every].T, ".", color=colour(method), markersize=4)
    ax.plot(*points[0], "o", markerfacecolor="none", markeredgecolor=colour("ink"), markersize=8)


def label_line(ax: plt.Axes, x: float, y: float, text: str, method: str, **kwargs) -> None:
    """Write `text` beside a line in the line's own colour: readers need no legend and no colour vision."""
    ax.annotate(
        text,
        (x, y),
        color=colour(method),
        fontsize=9.5,
        **{"xytext": (4, 4), "textcoords": "offset points"} | kwargs,
    )


def panels(count: int, *, height: float = 3.0, **kwargs) -> tuple[plt.Figure, Sequence[plt.Axes]]:
    """A row of `count` panels over the width of the text."""
    return plt.subplots(1, count, figsize=(WIDTH, height), **kwargs)
