"""Compile with numba, keep the result on disk, and never run one that has gone stale.

Numba recompiles a function when its own file changes. What it calls from another file is compiled into it too,
and a change there goes unnoticed. So the contents of those files become part of the name under which it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


def compiler(*used: ModuleType) -> Callable[..., Any]:
    """Return a decorator that compiles functions which use constants and compiled functions of some modules.

    Parameters
    ----------
    *used : module
        The modules, and those that they use in turn.

    Returns
    -------
    callable
        ``@compiled`` or ``@compiled(fastmath={...})``. Where neither the package's folder nor the user's cache can be
        written to, functions are compiled anew in each process.
    """
    stamp = sha256(b"".join(Path(str(module.__file__)).read_bytes() for module in used)).hexdigest()[:10]

    def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        if function is None:
            return lambda found: compiled(found, **options)
        function.__qualname__ = f"{function.__qualname__}_{stamp}"
        made = njit(error_model="numpy", **options)(function)
        with suppress(RuntimeError):  # there is no place to keep it
            made._cache = _Kept(function)  # what `cache=True` does
        return made

    return compiled


class _Kept(FunctionCache):  # type: ignore[misc]
    """What is kept of a compiled function; what cannot be read any more is compiled anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            try:
                self.flush()
            except OSError:
                self.disable()
            return None
