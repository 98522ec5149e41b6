"""The screen in a terminal, lines where there is none, JSON for programs."""

from __future__ import annotations

import gc
import json as json_format
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

import typer
from rich.console import Console
from rich.text import Text

from falcon_ctl.errors import CtlError, Interrupted, UsageError
from falcon_ctl.steering.observation import Observation
from falcon_ctl.watch_screen import styles
from falcon_ctl.watch_screen.lines import HEADING, Report, snapshot
from falcon_ctl.watch_screen.network import Live
from falcon_ctl.watch_screen.recorded import Recorded
from falcon_ctl.watch_screen.source import FLOWS, RETRY_S, Source, explained
from falcon_ctl.watch_screen.spans import Row
from falcon_ctl.watch_screen.state import ScreenState
from falcon_ctl.watch_screen.terminal import is_terminal, is_utf8

LINES_S = 1.0  # between two lines
PLAIN_WIDTH = 120
LEFT = "the network goes on as it is"


def watching(
    source: Source,
    once: bool,
    json: Path | None,
    interval: float | None,
    duration: float | None,
) -> None:
    """Show what a source observes, once or for `duration` seconds, where it belongs.

    Raises:
        UsageError: the screen needs a package that is not installed.
        PartFailed: the network is lost.
        Interrupted: by the user.
    """
    with closing(source):
        try:
            if once:
                _once(source, interval or LINES_S, json)
            elif json is not None:
                with json.open("w") as out:
                    _follow(source, interval or LINES_S, duration, _Json(out))
            elif is_terminal():
                _screen(source, interval, duration)
            else:
                _follow(source, interval or LINES_S, duration, _Lines(sys.stdout))
        except KeyboardInterrupt as error:
            raise Interrupted(LEFT) from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has seen enough


def source_of(replay: Path | None, run_dir: Path | None, interval: float | None) -> Source:
    """The recording `replay`, or the network that is up.

    Raises:
        UsageError: options that exclude each other, no such recording, or no network.
    """
    if replay is None:
        return Live(run_dir)
    if run_dir is not None or interval is not None:
        what = "--run-dir" if run_dir is not None else "--interval"
        raise UsageError("--replay", f"with {what}", "one of them: a recording has its own pace")
    return Recorded(replay)


def _screen(source: Source, interval: float | None, duration: float | None) -> None:
    try:
        from falcon_ctl.watch_screen.app import WatchApp
    except ModuleNotFoundError as error:
        if error.name != "textual":
            raise
        missing = "pip install 'falcon-testbed[watch]'; or watch | cat, which needs no textual"
        raise UsageError("watch", "textual is not installed", missing) from error
    app = WatchApp(source, interval, duration)
    gc.collect()
    gc.freeze()  # what all the modules brought stays: it is not looked through again and again
    with _signals(app.end_soon) as came:
        status = app.run(mouse=False)
    if came:
        os.kill(os.getpid(), came[0])  # with the terminal restored, it does what it always does
        time.sleep(1)
    if status == Interrupted.exit_status:
        raise Interrupted(LEFT)
    if app.return_code:
        raise typer.Exit(1)  # Textual has printed an error of ours


@contextmanager
def _signals(end: Callable[[], None]) -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM call `end` in the main thread; the list gets those that came."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        end()

    # Without its descriptor, the thread of `rxpath.signals` does not end the process by force.
    woken = signal.set_wakeup_fd(-1)
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, was in before.items():
            signal.signal(number, was)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)


def _once(source: Source, interval: float, json: Path | None) -> None:
    """Two observations, as rates are of the time between them; the second one is shown."""
    memory = ScreenState()
    for wait in (0.0, interval):
        time.sleep(wait if source.is_live else 0.0)
        if (seen := source.observe(FLOWS)) is not None:
            memory.add(seen)
    if json is not None:
        assert memory.seen is not None
        with json.open("w") as out:
            _Json(out).add(memory.seen)
        return
    console = Console(highlight=False)
    width = console.width if console.is_terminal else PLAIN_WIDTH
    depth = styles.SIXTEEN if console.color_system == "standard" else styles.TRUE
    for one in snapshot(memory, source.name, width):
        console.print(_text(one, depth), no_wrap=True, soft_wrap=True)


def _text(one: Row, depth: int) -> Text:
    found = Text()
    for span in one:
        found.append(_encodable(span.text), styles.look(span.style, depth))
    found.rstrip()
    return found


def _encodable(text: str) -> str:
    """The text in the standard output's encoding."""
    return text if is_utf8() else text.translate(styles.PLAIN)


class _Json:
    """Writes observations, one a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def add(self, now: Observation) -> None:
        if not any(host.span_ns for host in now.hosts.values()):
            return  # the first one has no rates, which are of the time since another
        self._out.write(json_format.dumps(now.to_json(), separators=(",", ":")) + "\n")
        self._out.flush()

    def lose(self, why: str) -> None:
        print(f"falcon_ctl: network {why}", file=sys.stderr)


class _Lines:
    """Writes lines for readers and for grep."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._report = Report()
        self._write([HEADING])

    def add(self, now: Observation) -> None:
        self._write(self._report.add(now))

    def lose(self, why: str) -> None:
        self._write(self._report.lose(why, time.time_ns()))

    def _write(self, lines: Iterator[str] | list[str]) -> None:
        for line in lines:
            self._out.write(f"{_encodable(line)}\n")
        self._out.flush()


def _follow(source: Source, interval: float, duration: float | None, out: _Json | _Lines) -> None:
    """Write an observation at each interval, also when the network was down meanwhile."""
    due = time.monotonic()
    end = due + duration if duration is not None else float("inf")
    lost = False
    while True:
        try:
            if (seen := source.observe(FLOWS)) is None:
                return
            out.add(seen)
            lost = False
        except CtlError as error:
            if not lost:
                out.lose(explained(error))
            lost = True
        if not source.is_live:  # it waits by itself
            if time.monotonic() > end:
                return
            continue
        due = max(due + (max(interval, RETRY_S) if lost else interval), time.monotonic())
        if due > end:
            return
        time.sleep(max(0.0, due - time.monotonic()))
