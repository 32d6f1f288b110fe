"""Every figure of a report as a function of a run folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..spec import InputError
from .drawing import STYLE, FigureOf
from .saved import SavedRun
from .topics import FIGURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Figures:
    """Each of its attributes draws a figure of a run folder and returns its axes: ``figures.published(folder)``.

    ``dir(figures)`` lists them. They take the folder, a string or a path, and return the `matplotlib.axes.Axes`, or a
    tuple of them where the figure has several. A folder without the tables that a figure shows is an `InputError`.
    """

    def __dir__(self) -> list[str]:
        return sorted(FIGURES)

    def __getattr__(self, name: str) -> Callable[[str | Path], Axes | tuple[Axes, ...]]:
        if name not in FIGURES:
            raise AttributeError(f"there is no figure {name!r}; there are {', '.join(sorted(FIGURES))}")
        return partial(_drawn, name, FIGURES[name])


def _drawn(name: str, figure: FigureOf, folder: str | Path) -> Any:
    import matplotlib as mpl

    run = SavedRun.of_folder(Path(folder))
    if not figure.wanted(run):
        raise InputError(f"has not what the figure {name!r} shows ({', '.join(figure.needs)})", source=folder)
    with mpl.rc_context(STYLE):
        axes = tuple(figure.draw(run).axes)
    return axes[0] if len(axes) == 1 else axes


figures = Figures()
