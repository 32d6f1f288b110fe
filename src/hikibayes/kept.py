"""`functools.cached_property` for methods with arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate


def kept[**P, R](method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Compute what a method returns once for each of its (hashable) arguments, and keep it with the object.

    `functools.cache` would keep the objects themselves, and compare them.

    Examples
    --------
    >>> class Squares:
    ...     @kept
    ...     def of(self, number: int) -> int:
    ...         print("computed")
    ...         return number**2
    >>> squares = Squares()
    >>> squares.of(3), squares.of(3)
    computed
    (9, 9)
    """

    @wraps(method)
    def once(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        known = vars(self).setdefault(f"_kept_{method.__name__}", {})
        key = (args, tuple(kwargs.items()))
        if key not in known:
            known[key] = method(self, *args, **kwargs)
        return known[key]  # type: ignore[no-any-return]

    return once
