"""Arguments that were called otherwise, those that were never there, and those of another type."""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from reprlib import repr as brief
from types import UnionType
from typing import Any, Literal, TypeAliasType, get_args, get_origin

from .spec import InputError

WORDS = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "True or False", "Path": "a path"}
"""Types that a person may call otherwise."""
MISFITS = (TypeError, AttributeError, ValueError, KeyError)


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
            return typed(function)(*args, **own)

        return called

    return wrap


def typed[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Let a function that fails on an argument of another type than it takes say so, in one message.

    What works is never looked at: a function may take more than it says.

    Examples
    --------
    >>> @typed
    ... def half(name: str):
    ...     return name.casefold()
    >>> half(3)
    Traceback (most recent call last):
    hikibayes.spec.InputError: name: found 3; a text is expected
    """

    @wraps(function)
    def called(*args: P.args, **given: P.kwargs) -> R:
        try:
            return function(*args, **given)
        except InputError:
            raise
        except MISFITS:
            for name, value in signature(function).bind(*args, **given).arguments.items():
                _refuse_misfit(name, value, function.__annotations__.get(name, Any), function.__globals__)
            raise

    return called


def refuse_misfits(made: object) -> None:
    """Raise `InputError` for a field of a dataclass whose value is of another type."""
    kind = type(made)
    for name, hint in kind.__annotations__.items():
        _refuse_misfit(name, getattr(made, name), hint, vars(sys.modules[kind.__module__]))


def _refuse_misfit(name: str, value: object, hint: Any, known: dict[str, Any]) -> None:
    if isinstance(hint, str):
        try:
            hint = eval(hint, known)
        except NameError:  # imported for type checkers alone
            _refuse_unnamed(name, value, hint)
            return
    if not _fits(value, hint):
        accepted = " or ".join(dict.fromkeys(filter(None, _words(hint))))
        raise InputError(f"found {_shown(value)}; {accepted} is expected", key=name)


def _refuse_unnamed(name: str, value: object, hint: str) -> None:
    """Judge a value by its classes' names."""
    accepted = [part.strip() for part in hint.split("|")]
    if value is not None and not {each.__name__ for each in type(value).__mro__} & {*accepted}:
        wanted = " or ".join(part for part in accepted if part != "None")
        raise InputError(f"found {_shown(value)}; {wanted} is expected", key=name)


def _shown(value: object) -> str:
    text = brief(value)
    return type(value).__name__ if "\n" in text or " object at " in text else text


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a value is of a type, looking no deeper than its container."""
    if isinstance(hint, TypeAliasType):
        return _fits(value, hint.__value__)
    if isinstance(hint, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return any(value is part or (isinstance(value, str) and value == part) for part in get_args(hint))
    if hint is None or hint is Any:
        return hint is Any or value is None
    if hint in (int, float):
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint)


def _words(hint: Any) -> list[str]:
    if isinstance(hint, TypeAliasType):
        return _words(hint.__value__)
    if isinstance(hint, UnionType):
        return [words for part in get_args(hint) for words in _words(part)]
    if get_origin(hint) is Literal:
        return list(map(repr, get_args(hint)))
    name = getattr(get_origin(hint) or hint, "__name__", str(hint))
    return [] if hint is None or hint is type(None) else [WORDS.get(name, f"a {name}")]
