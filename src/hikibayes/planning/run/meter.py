"""How far a simulation is, and how long the rest will take, for a person who waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

WINDOW = 10.0
"""Seconds whose pace is taken for the pace of the rest: the first ones compile, and read what was finished before."""
ON_A_SCREEN, IN_A_LOG = 0.2, 15.0
"""Seconds between two messages."""


class Meter:
    """A `Progress` that writes to a stream, over and over on one line where it is a terminal.

    Parameters
    ----------
    stream : text stream
        Standard error, usually.
    clock : callable
        Returns seconds; for tests.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._screen = stream.isatty()
        self._said = clock()
        self._recent: deque[tuple[float, int]] = deque([(self._said, 0)])

    def __call__(self, done: int, total: int) -> None:
        """Take in that so many of all replicates are done."""
        now = self._clock()
        if self._recent[-1][1] == 0 and len(self._recent) == 1:  # until now it compiled, or read what was there
            self._recent[0] = (now, done)
        if done < self._recent[-1][1]:  # another round of cells begins
            self._recent.clear()
            self._recent.append((now, 0))
        self._recent.append((now, done))
        while len(self._recent) > 2 and now - self._recent[1][0] > WINDOW:
            self._recent.popleft()
        if done == total or now - self._said > (ON_A_SCREEN if self._screen else IN_A_LOG):
            self._said = now
            self._say(done, total)

    def _say(self, done: int, total: int) -> None:
        text = f"{done:,} of {total:,} simulated studies ({done / total:.0%}){self._left(done, total)}"
        start, end = ("\r\x1b[K", "\n" if done == total else "") if self._screen else ("", "\n")
        self._stream.write(start + text + end)
        self._stream.flush()

    def _left(self, done: int, total: int) -> str:
        (start, before), (now, _) = self._recent[0], self._recent[-1]
        if done in (total, before) or now - start < 1:
            return ""
        seconds = (total - done) * (now - start) / (done - before)
        if seconds < 90:
            return f", about {max(round(seconds), 1)} s left"
        return f", about {seconds / 60:.0f} min left" if seconds < 5400 else f", about {seconds / 3600:.1f} h left"
