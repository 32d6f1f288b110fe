"""Arguments that were called otherwise, and those that were never there."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Any


def renamed[**P, R](**older: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take arguments by their older names, for a version; any other name is told the nearest one.

    Parameters
    ----------
    **older : str
        What an argument is called now, by what it was called.

    Examples
    --------
    >>> @renamed(variant="prior")
    ... def fit(prior="flat"):
    ...     return prior
    >>> fit(variant="bambi_default")
    'bambi_default'
    >>> fit(priro="flat")
    Traceback (most recent call last):
    TypeError: fit() has no argument 'priro'; did you mean 'prior'? it has: prior
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        parts = signature(function).parameters
        open_ended = any(part.kind is part.VAR_KEYWORD for part in parts.values())
        known = [name for name, part in parts.items() if part.kind is not part.VAR_KEYWORD]

        @wraps(function)
        def called(*args: Any, **given: Any) -> R:
            own = {older.get(name, name): value for name, value in given.items()}
            if len(own) < len(given):
                twice = next(f"{old!r} and {new!r}" for old, new in older.items() if {old, new} <= given.keys())
                raise TypeError(f"{function.__name__}() is given {twice}, which are one argument")
            # readings, which have any name, are decided by texts
            if unknown := [n for n in own if n not in known and not (open_ended and isinstance(own[n], str))]:
                near = get_close_matches(unknown[0], known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise TypeError(
                    f"{function.__name__}() has no argument {unknown[0]!r}; {hint}it has: {', '.join(known)}"
                )
            return function(*args, **own)

        return called

    return wrap
