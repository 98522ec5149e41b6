"""`Deadlines`: one thread for the deadlines of many calls."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from v1switch.p4runtime.deadlines import Deadlines

PATIENCE = 40.0  # seconds; a computer under load


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "deadlines"]


def test_what_takes_too_long_is_told_once_and_earlier_deadlines_come_first() -> None:
    late: SimpleQueue[str] = SimpleQueue()
    deadlines = Deadlines()
    with (
        deadlines.within(3600.0, lambda: late.put("never")),
        deadlines.within(0.5, lambda: late.put("second")),
        deadlines.within(0.01, lambda: late.put("first")),
    ):
        assert [late.get(timeout=PATIENCE) for _ in range(2)] == ["first", "second"]
    assert late.empty()


def test_deadlines_are_watched_again_after_one_has_passed() -> None:
    late: SimpleQueue[str] = SimpleQueue()
    deadlines = Deadlines()
    for name in ("one", "two"):  # the thread of the first has ended, or goes on
        with deadlines.within(0.01, lambda name=name: late.put(name)):  # type: ignore[misc]
            assert late.get(timeout=PATIENCE) == name


def test_calls_in_time_share_one_thread_and_hear_nothing() -> None:
    before, deadlines = watchers(), Deadlines()
    for _ in range(100):
        with deadlines.within(1.0, lambda: pytest.fail("it was in time")):
            pass
    (mine,) = [thread for thread in watchers() if thread not in before]
    mine.join(PATIENCE)
    assert not mine.is_alive(), "without deadlines there is no thread"
