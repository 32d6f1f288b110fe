"""One page of figures: how far the ranks of each model are from uniform, with ArviZ's simultaneous bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import FloatArray
from ...reporting.drawing import FAINT, FOCAL, INK, REFERENCE, as_svg, plain_ticks
from .ranks import BAND, band, off_uniform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3


def calibration_figure(ranks: Mapping[str, Mapping[str, FloatArray]], seed: int) -> str:
    """Return the page as SVG: a panel a model, a line a quantity, the one farthest out in colour and by name."""
    return as_svg(lambda: _page(ranks, np.random.default_rng(seed)))


def _page(ranks: Mapping[str, Mapping[str, FloatArray]], rng: np.random.Generator) -> Figure:
    from matplotlib import pyplot as plt

    down = -(-len(ranks) // ACROSS)
    figure, axes = plt.subplots(down, ACROSS, figsize=(10, 0.6 + 2.1 * down), squeeze=False, sharex=True)
    for ax in axes.flat[len(ranks) :]:
        ax.set_visible(False)
    shapes = {size: band(size, rng) for size in sorted({_size(quantities) for quantities in ranks.values()})}
    for ax, (of, quantities) in zip(axes.flat, ranks.items(), strict=False):
        _panel(ax, of, quantities, *shapes[_size(quantities)])
    figure.supxlabel(f"rank of the truth among posterior draws; grey: {BAND:.0%} band for all ranks of a quantity")
    figure.supylabel("share below, less expected")
    return figure


def _size(quantities: Mapping[str, FloatArray]) -> int:
    return len(next(iter(quantities.values())))


def _panel(
    ax: Axes,
    of: str,
    quantities: Mapping[str, FloatArray],
    points: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> None:
    off = {name: off_uniform(found, points) for name, found in quantities.items()}
    farthest = max(off, key=lambda name: np.abs(off[name]).max())
    ax.fill_between(points, lower, upper, color=FAINT, alpha=0.25, lw=0)
    for name, line in off.items():
        if name != farthest:
            ax.plot(points, line, color=REFERENCE, lw=0.6, alpha=0.6)
    ax.plot(points, off[farthest], color=FOCAL, lw=1.3, ls=(0, (4, 1.5)))
    ax.set_title(f"{of}\nfarthest: {farthest}", fontsize=8, color=INK, loc="left")
    plain_ticks(ax.xaxis)
    plain_ticks(ax.yaxis)
