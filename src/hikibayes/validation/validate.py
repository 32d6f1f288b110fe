"""The verb's two questions as one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .machinery.bench import Machinery
    from .strangers.bench import Bench


def validate(what: Literal["machinery", "strangers"] = "machinery", **options: Any) -> Machinery | Bench:
    """Ask whether the machinery itself is right.

    Parameters
    ----------
    what : {"machinery", "strangers"}
        The engines, the generator and the simulation against themselves and closed forms; or random studies through
        every verb.
    **options
        Those of `hikibayes.validation.machinery.bench.machinery`, or of
        `hikibayes.validation.strangers.bench.validate`.

    Returns
    -------
    Machinery or Bench

    Raises
    ------
    InputError
        `what` is neither.
    """
    from ..spec import InputError, unknown_name
    from .machinery.bench import machinery
    from .strangers.bench import validate

    benches: dict[str, Callable[..., Machinery | Bench]] = {"machinery": machinery, "strangers": validate}
    if what not in benches:
        raise InputError(unknown_name("bench", what, benches))
    return benches[what](**options)
