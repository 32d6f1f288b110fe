"""What a person who waits is told on stderr: what is going on, how far it is, and how long the rest will take."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

type Tell = Callable[[int, int], None]

_WINDOW = 10.0
"""Seconds whose pace is taken for the pace of the rest: the first ones compile, and read what was finished before."""
_ON_A_SCREEN, _IN_A_LOG = 0.2, 15.0
"""Seconds between two messages."""
_BAR = 24
"""Letters of a full bar."""
_AGAIN = "\r\x1b[K"
"""Begins a line on a screen anew."""


class Meter:
    """Told how much of how much is done, it writes a bar, over and over on one line where the stream is a terminal.

    Parameters
    ----------
    stream : text stream
        Standard error, usually.
    what : str
        What is counted.
    clock : callable
        Returns seconds; for tests.
    """

    def __init__(self, stream: TextIO, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._what, self._clock = stream, what, clock
        self._screen = stream.isatty()
        self._said = clock()
        self._recent: deque[tuple[float, int]] = deque([(self._said, 0)])

    def __call__(self, done: int, total: int) -> None:
        """Take in that so many of all are done."""
        now = self._clock()
        if self._recent[-1][1] == 0 and len(self._recent) == 1:  # until now it compiled, or read what was there
            self._recent[0] = (now, done)
        if done < self._recent[-1][1]:  # another round begins
            self._recent.clear()
            self._recent.append((now, 0))
        self._recent.append((now, done))
        while len(self._recent) > 2 and now - self._recent[1][0] > _WINDOW:
            self._recent.popleft()
        if done == total or now - self._said > (_ON_A_SCREEN if self._screen else _IN_A_LOG):
            self._said = now
            self._say(done, total)

    def _say(self, done: int, total: int) -> None:
        share = done / total
        full = round(_BAR * share)
        bar = f"[{'#' * full}{'.' * (_BAR - full)}] " if self._screen else ""
        text = f"{bar}{done:,} of {total:,} {self._what} ({share:.0%}){self._left(done, total)}"
        start, end = (_AGAIN, "\n" if done == total else "") if self._screen else ("", "\n")
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


class Waiting:
    """Says what begins; on a terminal the seconds that it takes are counted beside it.

    Parameters
    ----------
    stream : text stream
    tick : float
        Seconds between two counts.
    """

    def __init__(self, stream: TextIO, tick: float = 1.0) -> None:
        self._stream, self._tick = stream, tick
        self._over = threading.Event()
        self._counting: threading.Thread | None = None

    def say(self, what: str) -> None:
        """Tell what begins; what was going on has ended."""
        self.end()
        if not self._stream.isatty():
            self._stream.write(f"{what} ...\n")
            self._stream.flush()
            return
        self._over = threading.Event()
        self._counting = threading.Thread(target=self._count, args=(what, self._over), daemon=True)
        self._counting.start()

    @contextmanager
    def bar(self, what: str) -> Iterator[Tell]:
        """Show how much of how much is done; yields the function to tell it."""
        meter = Meter(self._stream, what)

        def tell(done: int, total: int) -> None:
            self.end()
            meter(done, total)

        yield tell

    def end(self) -> None:
        """Let the line stand that is being counted on."""
        self._over.set()
        if self._counting:
            self._counting.join()
            self._counting = None

    def _count(self, what: str, over: threading.Event) -> None:
        began, text = time.monotonic(), f"{what} ..."
        while True:
            seconds = time.monotonic() - began
            self._stream.write(f"{_AGAIN}{text}" + (f" {seconds:.0f} s" if seconds >= 2 else ""))
            self._stream.flush()
            if over.wait(self._tick):
                break
        self._stream.write("\n")
        self._stream.flush()
