"""The format of a recording: JSON lines. Pure.

The first line is ``{"falcon_dashboard": VERSION, "began": wall ms, "made_by": "falcon-testbed"}``,
each further one ``[seconds since it began, message]``, messages as of
`falcon_ctl.dashboard.messages`. A last line that is not complete is left out: its writer was
killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.dashboard.messages import VERSION, Message, encoded
from falcon_ctl.errors import UsageError

KEY = "falcon_dashboard"
_SHAPES: dict[str, Any] = {
    "network": {"up": bool},
    "choice": {"choice": (dict, type(None))},
    "frame": {"at": int, "hosts": dict, "flows": list, "links": list},
    "event": {"at": int, "kind": str, "text": str},
    "flow": {"flow": {"id": str, "state": str}},
}
_EXPECTED = f"a recording of `falcon_ctl dashboard`, version {VERSION}"


@dataclass(frozen=True)
class Line:
    """One message of a recording: when, which type, and its text."""

    at: float
    type: str
    text: str

    @property
    def message(self) -> Message:
        """The message; parsed only when it is wanted, as a recording has thousands."""
        found: Message = json.loads(self.text)[1]
        return found


@dataclass(frozen=True)
class Recording:
    """A recorded session: `began` in wall ms, and its lines in order of time."""

    name: str
    began: int
    lines: list[Line] = field(repr=False)

    @property
    def duration(self) -> float:
        """Seconds from the first message to the last."""
        return self.lines[-1].at if self.lines else 0.0


def header(began_ms: int, made_by: str) -> str:
    """The first line, without its end."""
    return encoded({KEY: VERSION, "began": began_ms, "made_by": made_by})


def line(at: float, message: Message) -> str:
    """A further line, without its end."""
    return f"[{at:.3f},{encoded(message)}]"


def parse(name: str, data: bytes) -> Recording:
    """A recording from a file's content; `name` is the file's, for messages.

    Raises:
        UsageError: it is none, or of another version; `where` has the number of the line.
    """
    try:
        texts = data.decode().split("\n")
    except UnicodeDecodeError:
        raise UsageError(name, "no text", _EXPECTED) from None
    complete = texts[:-1]  # what stands behind the last end of a line is not
    if not complete:
        raise UsageError(name, "no complete line", _EXPECTED)
    began = _began(name, complete[0])
    lines = [_line(f"{name}, line {number}", text) for number, text in _numbered(complete)]
    late = next((i for i in range(1, len(lines)) if lines[i].at < lines[i - 1].at), None)
    if late is not None:
        raise UsageError(f"{name}, line {late + 2}", f"{lines[late].at:g} s", "rising times")
    return Recording(name, began, lines)


def _numbered(complete: list[str]) -> Iterator[tuple[int, str]]:
    return ((i, text) for i, text in enumerate(complete[1:], start=2) if text)


def _began(name: str, text: str) -> int:
    found = _json(name, text)
    if not isinstance(found, dict) or KEY not in found:
        raise UsageError(name, "something else", _EXPECTED)
    if found[KEY] != VERSION:
        made_by = str(found.get("made_by", "another version"))[:80]
        raise UsageError(name, f"version {str(found[KEY])[:20]}, of {made_by}", _EXPECTED)
    began = found.get("began")
    if type(began) is not int:
        raise UsageError(name, f"began {began!r}", "wall time in ms")
    return began


def _line(where: str, text: str) -> Line:
    found = _json(where, text)
    match found:
        case [int() | float() as at, {"type": str() as kind} as message] if at >= 0:
            if kind in _SHAPES and _is_shaped(message, _SHAPES[kind]):
                return Line(float(at), kind, text)
    raise UsageError(where, text[:60], f"[seconds, message] of {', '.join(_SHAPES)}")


def _is_shaped(value: Any, shape: Any) -> bool:
    """Whether a JSON value has what everything that shows it relies on."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in value and _is_shaped(value[key], inner) for key, inner in shape.items()
        )
    return isinstance(value, shape)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not of JSON")


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(where, f"no JSON ({error})", _EXPECTED) from None
