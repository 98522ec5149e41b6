"""The state that all viewers share, in the server's event loop: the network, or a recording."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from falcon_ctl.dashboard.clock import now_ms
from falcon_ctl.dashboard.history import History
from falcon_ctl.dashboard.mailbox import Mailbox
from falcon_ctl.dashboard.messages import RECORDED, Message, encoded, event
from falcon_ctl.dashboard.player import Player
from falcon_ctl.dashboard.recording import Recording
from falcon_ctl.dashboard.recordings import Folder, Writer
from falcon_ctl.errors import CtlError, UsageError

VIEWERS = 32
STEP = 0.1  # s between two looks at what a recording has due


class TooManyViewers(CtlError):
    """As many are connected as may be."""

    def __init__(self) -> None:
        super().__init__(f"{VIEWERS} viewers are connected, which is the most")


class Viewer:
    """One page that is open: iterate over its messages."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self._ready = asyncio.Event()

    def put(self, message: str) -> None:
        """Add a message to what it gets."""
        self.mailbox.put(message)
        self._ready.set()

    def start_over(self) -> None:
        """It gets a snapshot next."""
        self.mailbox.start_over()
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[str]:
        """Messages, without end."""
        while True:
            message = self.mailbox.take()
            if message is not None:
                yield message
                continue
            self._ready.clear()
            await self._ready.wait()


class Board:
    """Viewers, what they are shown, and the recording that is being made or played.

    Every method is called in the event loop's thread, except `tell_from_thread`.
    """

    def __init__(self, folder: Folder, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._live = History()
        self._player: Player | None = None
        self._writer: Writer | None = None
        self._viewers: set[Viewer] = set()

    # -- messages ---------------------------------------------------------------------------------

    def tell_from_thread(self, message: Message) -> None:
        """`tell`, from any thread; nothing once the loop has ended."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self.tell, message)

    def tell(self, message: Message) -> None:
        """Take note of what happens on the network, record it, and show it unless in replay."""
        self._live.apply(message)
        if self._writer is not None and message["type"] in RECORDED:
            self._record(message)
        if self._player is None:
            self._show(message)

    def snapshot(self) -> dict[str, Any]:
        """Everything that a page shows."""
        shown = self._player.history if self._player else self._live
        return {**shown.snapshot(), "mode": self.mode()}

    def mode(self) -> dict[str, Any]:
        """What is being shown, recorded, and by how many seen: the message ``mode``."""
        player, writer = self._player, self._writer
        return {
            "type": "mode",
            "replay": player.status(self._clock()) if player else None,
            "recording": {"name": writer.path.name, "began": writer.began} if writer else None,
            "recordings": self.folder.names(),
            "viewers": len(self._viewers),
        }

    def _show(self, message: Message) -> None:
        text = encoded(message)
        for viewer in self._viewers:
            viewer.put(text)

    def _show_mode(self) -> None:
        self._show(self.mode())

    def _start_over(self) -> None:
        for viewer in self._viewers:
            viewer.start_over()

    # -- viewers ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def viewer(self) -> Any:
        """A viewer, as long as the block runs. Raises TooManyViewers."""
        if len(self._viewers) >= VIEWERS:
            raise TooManyViewers
        viewer = Viewer(Mailbox(lambda: encoded(self.snapshot())))
        self._viewers.add(viewer)
        self._show_mode()
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._show_mode()

    # -- recording --------------------------------------------------------------------------------

    def start_recording(self) -> None:
        """Record what happens from now on. Raises UsageError, OSError."""
        if self._writer is not None:
            raise UsageError("recording", "one is being made", "that it is stopped first")
        if self._live.network is None or not self._live.network["up"]:
            raise UsageError("recording", "no network is up", "one that runs (make topo)")
        self._writer = self.folder.begin(self._live.start)
        self._show_mode()

    def stop_recording(self) -> None:
        """End the recording. Raises UsageError when none is being made."""
        if self._writer is None:
            raise UsageError("recording", "none is being made", "one that was started")
        self.end_recording()
        self._show_mode()

    def end_recording(self) -> None:
        """End the recording, if one is being made."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()

    def _record(self, message: Message) -> None:
        assert self._writer is not None
        try:
            self._writer.write(message)
        except OSError as error:
            name = self._writer.path
            self.end_recording()
            text = f"the recording ended: {name}: {error.strerror or error}"
            self.tell(event(now_ms(), "recording", text))
            self._show_mode()

    # -- replay -----------------------------------------------------------------------------------

    def open(self, recording: Recording) -> None:
        """Show a recording from its start on, in place of the network, which goes on."""
        self._player = Player(recording, self._clock())
        self._player.seek(0.0, self._clock())
        self._start_over()

    def close(self) -> None:
        """Show the network again."""
        self._player = None
        self._start_over()

    def control(self, wanted: Mapping[str, Any]) -> None:
        """Play, pause, seek or change the speed: {play: true}, {seek: s}, {speed: x}.

        Raises UsageError.
        """
        player, now = self._player, self._clock()
        if player is None:
            raise UsageError("replay", "no recording is open", "one that was opened first")
        for message in player.advance(now):
            self._show(message)
        before = player.history
        match wanted:
            case {"play": True}:
                player.play(now)
            case {"play": False}:
                player.pause(now)
            case {"seek": (int() | float()) as position}:
                player.seek(float(position), now)
            case {"speed": (int() | float()) as speed}:
                player.set_speed(float(speed), now)
            case _:
                expected = "play (true or false), seek (seconds) or speed"
                raise UsageError("replay", ", ".join(map(str, wanted))[:80] or "nothing", expected)
        if player.history is not before:
            self._start_over()
        self._show_mode()

    async def run(self) -> None:
        """Play recordings that are opened, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(STEP)
            if self._player is not None and self._player.playing:
                self._advance(self._player)

    def _advance(self, player: Player) -> None:
        """Show what is due, and that it is the end when it is."""
        for message in player.advance(self._clock()):
            self._show(message)
        if not player.playing:
            self._show_mode()
