"""Plays a recording: position, pause, speed. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Any

from falcon_ctl.dashboard.history import FRAMES, History
from falcon_ctl.dashboard.messages import Message
from falcon_ctl.dashboard.recording import Line, Recording
from falcon_ctl.errors import UsageError

SLOWEST, FASTEST = 0.1, 32.0


class Player:
    """A recording being played, from its start on.

    `now` of each method is a clock that never goes back. `history` is the state at `position`.
    """

    def __init__(self, recording: Recording, now: float) -> None:
        self.recording = recording
        self.speed = 1.0
        self.playing = True
        self._times = [line.at for line in recording.lines]
        self._position, self._since = 0.0, now
        self._next = 0  # the first line that was not played
        self.history = History()

    def position(self, now: float) -> float:
        """Seconds from the start of the recording, at most its duration."""
        passed = (now - self._since) * self.speed if self.playing else 0.0
        return min(self._position + passed, self.recording.duration)

    def advance(self, now: float) -> list[Message]:
        """The messages that became due since the last call; pauses at the end."""
        position = self.position(now)
        until = bisect_right(self._times, position)
        due = [line.message for line in self.recording.lines[self._next : until]]
        for message in due:
            self.history.apply(message)
        self._next = until
        if self.playing and position >= self.recording.duration:
            self._hold(now)
            self.playing = False
        return due

    def play(self, now: float) -> None:
        """Go on; from the start when it is at the end."""
        if not self.playing and self._position >= self.recording.duration:
            self.seek(0.0, now)
        self._since, self.playing = now, True

    def pause(self, now: float) -> None:
        """Stand still."""
        self._hold(now)
        self.playing = False

    def set_speed(self, speed: float, now: float) -> None:
        """Play so many seconds of the recording in a second. Raises UsageError."""
        if not SLOWEST <= speed <= FASTEST:
            raise UsageError("speed", f"{speed:g}", f"{SLOWEST:g} to {FASTEST:g}")
        self._hold(now)
        self.speed = speed

    def seek(self, position: float, now: float) -> None:
        """Go to a position; `history` becomes the state there. Raises UsageError."""
        if not 0.0 <= position <= self.recording.duration:
            expected = f"0 to {self.recording.duration:g} s"
            raise UsageError("position", f"{position:g} s", expected)
        self._position, self._since = position, now
        self._next = bisect_right(self._times, position)
        self.history = History()
        for line in _that_matter(self.recording.lines[: self._next]):
            self.history.apply(line.message)

    def status(self, now: float) -> dict[str, Any]:
        """For the page: name, position and duration in seconds, whether it plays, speed."""
        return {
            "name": self.recording.name,
            "began": self.recording.began,
            "position": round(self.position(now), 3),
            "duration": self.recording.duration,
            "playing": self.playing,
            "speed": self.speed,
        }

    def _hold(self, now: float) -> None:
        self._position, self._since = self.position(now), now


def _that_matter(lines: list[Line]) -> list[Line]:
    """All but the frames that `History` would drop again."""
    frames = deque((i for i, line in enumerate(lines) if line.type == "frame"), maxlen=FRAMES)
    first = frames[0] if frames else 0
    return [line for i, line in enumerate(lines) if line.type != "frame" or i >= first]
