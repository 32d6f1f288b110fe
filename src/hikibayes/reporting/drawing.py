"""What the figures of a run share: how they look, and how they become SVG, the same bytes for the same tables.

Each is drawn from the run's saved tables alone. They are narrow enough for a phone; labels stand in the figure, above
what they name, so that nothing has to be decoded from a legend.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..apa import bounded
from ..texts import CONTROL
from .saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 4.1
"""Inches: a phone shows this at nearly its own size, so that the text stays as large as it is."""
REFERENCE, FOCAL, PRINTED, OTHER = "#2b6cb0", "#c8500f", "#5b1a67", "#0b7d68"
"""Apart for colour-blind readers, too; in grey they are not, so that each also has a mark and a line of its own."""
INK, FAINT = "#22262b", "#8b929b"
OF_GROUPS = (REFERENCE, FOCAL, PRINTED, OTHER)
"""Colours of groups, the reference first."""
ROLES = {
    REFERENCE: "reference",
    FOCAL: "focal",
    PRINTED: "printed",
    OTHER: "other",
    INK: "ink",
    FAINT: "faint",
    "#ffffff": "paper",
}
"""What a page calls each colour: it has its own for a dark screen."""
type Line = str | tuple[float, tuple[float, ...]]
LINES: Mapping[str, Line] = {
    REFERENCE: "-",
    FOCAL: (0, (5, 1.5)),
    PRINTED: (0, (1, 1.2)),
    OTHER: (0, (6, 1.5, 1, 1.5)),
    INK: "-",
    FAINT: "-",
}
MARKS: Mapping[str, str] = {REFERENCE: "o", FOCAL: "^", PRINTED: "D", OTHER: "s", INK: "o", FAINT: "s"}
STYLE: Any = {
    # a label may have dollar signs in it
    "text.parse_math": False,
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "axes.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, kw_only=True)
class FigureOf:
    """A figure: which tables it needs, and what draws it."""

    needs: tuple[str, ...]
    draw: Callable[[SavedRun], Figure]
    only_if: Callable[[SavedRun], bool] = lambda _: True
    """Asked of runs that have the tables."""

    def wanted(self, run: SavedRun) -> bool:
        """Tell whether a run has what the figure shows."""
        return run.has(*self.needs) and self.only_if(run)


def draw(figure: FigureOf, run: SavedRun) -> str:
    """Return a figure of a run as SVG."""
    return as_svg(lambda: figure.draw(run), transparent=True)


def picture(figure: FigureOf, run: SavedRun) -> bytes:
    """Return a figure of a run as PNG, for what does not take SVG."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    whole = io.BytesIO()
    with mpl.rc_context(STYLE):
        drawn = figure.draw(run)
        drawn.savefig(whole, format="png", dpi=200)
        plt.close(drawn)
    return whole.getvalue()


def as_svg(make: Callable[[], Figure], *, transparent: bool = False) -> str:
    """Return what a function draws as SVG, the same bytes for the same drawing.

    Parameters
    ----------
    make : callable
        Draws the figure.
    transparent : bool
        Leave the background out.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    with mpl.rc_context({"svg.hashsalt": "hikibayes", **STYLE}), warnings.catch_warnings():
        # the browser has a font for it: the text of the figure stays text
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        drawn = make()
        text = io.StringIO()
        drawn.savefig(text, format="svg", transparent=transparent, metadata={"Date": None, "Creator": None})
        plt.close(drawn)
    return _shortened(CONTROL.sub("", text.getvalue()))


def _shortened(svg: str) -> str:
    """Cut coordinates off where nobody sees more: at a tenth of a point, or a hundredth below 10."""

    def cut(found: re.Match[str]) -> str:
        numbers = re.sub(r"(\d\d\.\d|\.\d\d)\d+", r"\1", found[2])
        return f' {found[1]}="{re.sub(r"\s*([A-Za-z])\s*", r"\1", numbers)}"'

    return re.sub(r' (d|x|y)="([^"]*)"', cut, svg)


# -- what they have in common ---------------------------------------------------------------------------------------


ROW_LETTERS = 62
"""Letters of a row's label that fit on a line; a longer one takes several."""


def new_axes(height: float, rows: int = 1, *, one_x: bool = True) -> tuple[Figure, list[Axes]]:
    """Make a figure of one column; its axes from top to bottom, with one x axis or each with its own."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(rows, 1, figsize=(WIDTH, height), squeeze=False, sharex=one_x)
    return figure, list(axes[:, 0])


def row_axes(labels: list[str], x_label: str, *, zero: bool = True, height: float = 0.42) -> tuple[Figure, Axes]:
    """Make axes for a list of things, first on top, each under its own label; row i lies at y = -i."""
    lines = [textwrap.fill(label, ROW_LETTERS) for label in labels]
    height += 0.14 * max((line.count("\n") for line in lines), default=0)
    figure, (ax,) = new_axes(0.6 + height * (len(labels) + 0.35))
    ax.set_ylim(-len(labels) + 0.45, 0.75)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    for i, line in enumerate(lines):
        text = ax.text(0, -i + 0.09 / height, line, transform=ax.get_yaxis_transform(), va="bottom", fontsize=8.5)
        text.set_in_layout(False)
        if zero:
            # a line through the whole figure would run through the labels
            ax.plot([0, 0], [-i - 0.2, -i + 0.07 / height], color=FAINT, lw=0.8, zorder=0)
    ax.set_xlabel(x_label)
    return figure, ax


def draw_span(ax: Axes, y: float, row: Mapping[str, Any], colour: str = INK) -> None:
    """Draw an estimate: its 95 % interval, and the colour's mark at the mean."""
    ax.plot([row["lower"], row["upper"]], [y, y], color=colour, lw=2.2, solid_capstyle="butt")
    ax.plot(row["mean"], y, MARKS[colour], color=colour, ms=5.5, mec="white", mew=0.8)


def plain_ticks(axis: Axis) -> None:
    """Write an axis' ticks without zeros that say nothing."""
    axis.set_major_formatter(lambda x, _: bounded(x).rstrip("0").rstrip(".") if abs(x) > 1e-9 else "0")


def percentages(axis: Axis) -> None:
    """Write an axis' ticks as percentages."""
    axis.set_major_formatter(lambda x, _: f"{100 * x:.0f}%")


def ticks_at(axis: Axis, values: Iterable[float], write: Callable[[float], str]) -> None:
    """Put an axis' ticks at those of some values that it shows, and nowhere else."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda x, _: write(x))


def legend_above(figure: Figure, columns: int = 1, **more: Any) -> None:
    """Put a legend of all axes above the figure."""
    figure.legend(loc="outside upper left", frameon=False, ncols=columns, **{"fontsize": 8, **more})
