"""The remaining time is that of the pace at the moment, not since the start."""

from __future__ import annotations

import io
import re
import threading
import time

from hikibayes.cli.waiting import Meter, Waiting


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(steps: list[tuple[float, int]], total: int, *, screen: bool = True) -> list[str]:
    stream, clock = io.StringIO(), Clock()
    stream.isatty = lambda: screen
    meter = Meter(stream, "simulated studies", clock)
    for now, done in steps:
        clock.now = now
        meter(done, total)
    return re.sub(r"\[[#.]{24}\] ", "", stream.getvalue().replace("\r\x1b[K", "\n")).strip().split("\n")


def test_a_slow_start_does_not_count_for_long():
    """60 s to compile, then 10 a second: after ten seconds of that, the rest of 800 takes 80 s."""
    lines = told([(60.0, 1), *((60.0 + i, 1 + 10 * i) for i in range(1, 21))], 1001)
    assert lines[-1] == "201 of 1,001 simulated studies (20%), about 80 s left"


def test_the_first_report_promises_nothing():
    """Until then functions were compiled, or finished chunks read."""
    assert told([(60.0, 1)], 1001)[-1] == "1 of 1,001 simulated studies (0%)"


def test_the_end_and_another_round():
    lines = told([(1.0, 25), (2.0, 50), (4.0, 100), (5.0, 10), (7.0, 20)], 100)
    assert lines[1].endswith("(50%), about 2 s left")
    assert lines[2] == "100 of 100 simulated studies (100%)"
    assert lines[-1].endswith("(20%), about 8 s left")


def test_a_log_gets_few_lines():
    assert len(told([(float(i), i) for i in range(1, 101)], 100, screen=False)) <= 8


def test_long_runs():
    assert told([(30.0, 1), (40.0, 11)], 10_001)[-1].endswith("about 2.8 h left")
    assert told([(30.0, 1), (40.0, 11)], 1_001)[-1].endswith("about 16 min left")


def test_a_bar_fills_on_a_screen_and_is_not_in_a_log():
    shown = []
    for screen in (True, False):
        stream = io.StringIO()
        stream.isatty = lambda screen=screen: screen
        meter = Meter(stream, "tables", clock := Clock())
        clock.now = 20.0
        meter(6, 12)
        shown.append(stream.getvalue())
    assert "[############............] 6 of 12 tables (50%)" in shown[0]
    assert shown[1] == "6 of 12 tables (50%)\n"


def test_seconds_are_counted_beside_what_is_going_on_until_it_ends():
    stream = io.StringIO()
    stream.isatty = lambda: True
    waiting, before = Waiting(stream, tick=0.01), threading.active_count()
    waiting.say("compiling")
    time.sleep(0.05)
    waiting.say("sampling")
    with waiting.bar("steps") as tell:
        tell(1, 1)
    assert threading.active_count() == before
    lines = stream.getvalue().split("\n")
    assert lines[0].count("compiling ...") > 1
    assert lines[1].endswith("sampling ...")
    assert lines[2].endswith("1 of 1 steps (100%)")


def test_a_log_has_what_begins_and_nothing_else():
    stream = io.StringIO()
    waiting = Waiting(stream)
    waiting.say("compiling")
    waiting.end()
    assert stream.getvalue() == "compiling ...\n"
