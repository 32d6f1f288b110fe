"""What a topic of the report is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .drawing import FigureOf
from .findings import Findings


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic of the report: what it needs of a run, its words and its figures.

    Parameters
    ----------
    id : str
        Names its template (``ID.html.j2`` beside its code) and its anchor.
    title : str
        Its heading.
    needs : tuple of str
        Files (tables without ``.csv``) without which it is left out.
    context : callable
        Turns findings into the template's variables; None where there is nothing to say.
    figures : mapping of str to FigureOf
        By the name of the file; each is drawn wherever a run has what it needs, with the topic's words or without.
    template : str
        Jinja's text, in place of a file.
    main : bool
        Whether a run that has its files, a study among them, is told topic by topic; others have a plain page.
    plain : bool
        Whether it belongs on plain pages, too.
    tells : tuple of str
        Tables that a plain page leaves out where this topic is on it.
    """

    id: str
    title: str
    needs: tuple[str, ...]
    context: Callable[[Findings], dict[str, Any] | None]
    figures: Mapping[str, FigureOf] = field(default_factory=dict)
    template: str = ""
    main: bool = False
    plain: bool = False
    tells: tuple[str, ...] = ()
