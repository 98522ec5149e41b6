"""Observations that `watch --json FILE` wrote, as a source: played as fast as they were made."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from falcon_ctl.errors import CtlError, UsageError
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import Observation

DASHBOARD = "falcon_dashboard"  # the key that its recordings begin with
LONGEST_S = 10.0  # between two observations: the network was down, or the watcher stopped
_EXPECTED = "an observation a line, as `falcon_ctl watch --json FILE` writes them"


def parse(name: str, lines: Iterator[str]) -> Iterator[Observation]:
    """The observations of a file's lines; `name` is the file's, for messages.

    A last line without its end is left out: its writer was interrupted.

    Raises:
        UsageError: a line is none, or of another version.
    """
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        try:
            yield _observation(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name}, line {number}", _shortened(line), _EXPECTED) from error
        except UsageError as error:
            raise UsageError(f"{name}, line {number}", error.what, error.expected) from error


def _observation(raw: object) -> Observation:
    if not isinstance(raw, dict):
        raise UsageError("line", "no JSON object", _EXPECTED)
    if DASHBOARD in raw:
        expected = f"{_EXPECTED}; `falcon_ctl dashboard --replay FILE` plays this one"
        raise UsageError("line", "a recording of the dashboard", expected)
    return Observation.from_json(raw)


def _shortened(line: str) -> str:
    text = line.strip()
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


class Recorded:
    """The observations of a file.

    Raises:
        UsageError: its first line is no observation.
        OSError: it cannot be read.
    """

    is_live = False

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._file = path.open()
        self._observations = parse(str(path), self._file)
        self._next = next(self._observations, None)
        self._begun = time.monotonic()
        if self._next is None:
            raise UsageError(str(path), "no complete line", _EXPECTED)
        self._shift = self._next.wall_ns

    def observe(self, flows: int) -> Observation | None:  # noqa: ARG002  # all that were recorded
        """The next one when its time has come; None behind the last one."""
        now = self._next
        if now is None:
            return None
        passed = time.monotonic() - self._begun
        wait = (now.wall_ns - self._shift) / 1e9 - passed
        if wait > LONGEST_S:
            self._shift += int((wait - LONGEST_S) * 1e9)
            wait = LONGEST_S
        time.sleep(max(0.0, wait))
        self._next = next(self._observations, None)
        return now

    def use(self, choice: Choice) -> None:
        """Nothing can be changed."""
        raise CtlError(f"{self.name} is a recording: `{choice.command()}` has no effect")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
