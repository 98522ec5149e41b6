"""The screen of `falcon_ctl watch`: observations in, keys to choices."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.message import Message

from falcon_ctl.errors import CtlError
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import Observation
from falcon_ctl.watch_screen import choices, describe, styles
from falcon_ctl.watch_screen.board import Board, Palette
from falcon_ctl.watch_screen.choices import Question
from falcon_ctl.watch_screen.dialogs import Ask, Pages
from falcon_ctl.watch_screen.events import events
from falcon_ctl.watch_screen.help import help_rows
from falcon_ctl.watch_screen.screen import Frame, screen
from falcon_ctl.watch_screen.source import Feed, Source
from falcon_ctl.watch_screen.state import ScreenState
from falcon_ctl.watch_screen.terminal import is_utf8
from rxpath.errors import RxPathError

SCREEN_S = 0.1  # between two pictures,
SHARE = 0.045  # of a core at most: more where that would take more
NOTICE_S = 8.0
FEWEST_FLOWS, OTHER_ROWS = 8, 12  # a screen has no room for more flows than its other rows leave
COVERED_S = 0.5  # between two pictures behind a dialog
SILENT_S = 2.0  # without an observation, until the last line says so
SIGNALLED = 130


class Seen(Message):
    """An observation came."""

    def __init__(self, observation: Observation) -> None:
        super().__init__()
        self.observation = observation


class Lost(Message):
    """There was none."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class Ended(Message):
    """There will be no more observations."""


class Failed(Message):
    """Observing failed as it never should."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Outcome(Message):
    """An attempt to run something else has ended."""

    def __init__(self, text: str, style: str) -> None:
        super().__init__()
        self.text, self.style = text, style


class WatchApp(App[int]):
    """The screen. Returns 0, or 130 for Ctrl-C.

    Args:
        source: of the observations.
        interval: s between two of them; None: as many as `SHARE` of a core allows, ten at most.
        duration: s after which it ends by itself; None: never.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave(0)", "quit"),
        Binding("ctrl+c", f"leave({SIGNALLED})", "quit", priority=True),
        Binding("ctrl+z", "suspend_process", "shell", priority=True),
        Binding("s", "ask('systems')", "system"),
        Binding("p", "ask('policies')", "policy"),
        Binding("t", "ask('thresholds')", "threshold"),
        Binding("m,tab", "machine(1)", "machine", priority=False),
        Binding("M,shift+tab", "machine(-1)", "machine before"),
        Binding("e", "events", "events"),
        Binding("space", "pause", "pause"),
        Binding("question_mark,h,f1", "help", "help"),
    ]

    def __init__(
        self, source: Source, interval: float | None = None, duration: float | None = None
    ) -> None:
        mono = "NO_COLOR" in os.environ  # Textual takes it out
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._source = source
        self._memory = ScreenState()
        self._feed = Feed(
            source,
            interval or SCREEN_S,
            1.0 if interval else SHARE,
            lambda seen: self.post_message(Seen(seen)),
            lambda why: self.post_message(Lost(why)),
            lambda error: self.post_message(Failed(error)),
            lambda: self.post_message(Ended()),
        )
        self._notice, self._style = "", ""
        self._notice_until = 0.0
        self._paused = False
        self._acting = self._over = False
        self._duration = duration
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard = time.monotonic()
        self._drawn = 0.0
        self._palette = Palette(self._depth(mono), plain=not is_utf8())
        self.set_class(not is_utf8(), "-plain")
        self._board = Board(self._palette)

    def compose(self) -> ComposeResult:
        """One widget."""
        yield self._board

    def on_mount(self) -> None:
        """Begin to observe."""
        self._loop = asyncio.get_running_loop()
        self.app_resume_signal.subscribe(self, lambda _: self.screen.refresh())
        self._feed.start()
        if self._duration is not None:
            self.set_timer(self._duration, lambda: self.action_leave(0))
        self.set_interval(1.0, self._look_at_the_time)

    @on(Resize)
    def _resized(self, size: Resize) -> None:
        self._feed.flows = max(FEWEST_FLOWS, size.size.height - OTHER_ROWS)
        self.call_after_refresh(self._draw)

    @on(Seen)
    def _seen(self, message: Seen) -> None:
        self._heard = time.monotonic()
        self._memory.add(message.observation)
        # Behind a dialog Textual composes the whole screen for each row that changes.
        covered = len(self.screen_stack) > 1 and self._heard - self._drawn < COVERED_S
        if not self._paused and not covered:
            self._draw()

    @on(Lost)
    def _lost(self, message: Lost) -> None:
        self._heard = time.monotonic()
        self._memory.lose(message.why, time.time_ns())
        self._draw()

    @on(Ended)
    def _ended(self) -> None:
        self._over = True
        self._say("the recording has ended; q quits", "head", seconds=float("inf"))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        raise message.error

    @on(Outcome)
    def _show_outcome(self, message: Outcome) -> None:
        self._acting = False
        if message.style == "bad":
            self._memory.note(time.time_ns(), "refused", message.text)
        self._say(message.text, message.style)

    def action_leave(self, status: int) -> None:
        """End; the network goes on as it is."""
        self._feed.stop()
        self.exit(status)

    def end_soon(self) -> None:
        """End, from a signal's handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.action_leave, 0)

    def action_machine(self, step: int) -> None:
        """Show another machine."""
        self._memory.pick(step)
        self._draw()

    def action_pause(self) -> None:
        """Hold the picture, or go on."""
        self._paused = not self._paused
        self._draw()

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Pages(self._palette, help_rows()))

    def action_events(self) -> None:
        """Show the whole event log."""
        rows = events(self._memory, len(self._memory.events) + 2)
        self.push_screen(Pages(self._palette, rows, at_end=True))

    def action_ask(self, what: str) -> None:
        """Ask what is to run, and run it."""
        host = self._memory.host
        if not self._source.is_live:
            self._say(f"{self._source.name} is a recording: nothing can be changed", "warn")
            return
        if host is None or self._memory.outage:
            self._say(f"nothing to change: network {self._memory.outage or 'not seen yet'}", "warn")
            return
        if self._acting:
            self._say("the last change is still being made", "warn")
            return
        question: Question = getattr(choices, what)(host.choice)
        current = {
            "systems": host.choice.system,
            "policies": describe.policy(host.choice),
            "thresholds": str(describe.threshold(host.choice)),
        }
        self.push_screen(Ask(question, current[what], self._palette), self._use)

    def _use(self, chosen: Choice | None) -> None:
        if chosen is None:
            return
        self._acting = True
        self._say(f"{chosen.command()} …", "head", seconds=60)
        threading.Thread(target=self._act, args=(chosen,), name="use", daemon=True).start()

    def _act(self, chosen: Choice) -> None:
        """Run what is chosen; whatever happens is a line (runs in a thread of its own)."""
        began = time.monotonic()
        try:
            self._source.use(chosen)
        except (CtlError, RxPathError, OSError) as error:
            self.post_message(Outcome(str(error), "bad"))
        else:
            seconds = time.monotonic() - began
            self.post_message(Outcome(f"{chosen.command()}: done, {seconds:.2f} s", "good"))

    def _say(self, text: str, style: str, seconds: float = NOTICE_S) -> None:
        self._notice, self._style = " ".join(text.split()), style
        self._notice_until = time.monotonic() + seconds
        self._draw()

    def _look_at_the_time(self) -> None:
        """Take an old notice away; say when no observation comes."""
        silent = time.monotonic() - self._heard
        if silent > SILENT_S and self._source.is_live:
            self._say(f"no answer from the network for {silent:.0f} s", "warn", seconds=1.5)
        elif self._notice and time.monotonic() > self._notice_until:
            self._say("", "")
            if self._over:
                self._ended()

    def _draw(self) -> None:
        board = self._board
        if not board.size:
            return  # not laid out yet
        self._drawn = time.monotonic()
        frame = Frame(self._source.name, self._notice, self._style, self._paused)
        board.show(screen(self._memory, frame, *board.size))

    def _depth(self, mono: bool) -> int:
        if mono:
            return styles.MONO
        return styles.SIXTEEN if self.console.color_system == "standard" else styles.TRUE
