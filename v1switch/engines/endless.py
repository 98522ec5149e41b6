"""Frames that would never leave the switch: they are dropped, and each cause is logged once."""

from __future__ import annotations

import logging

from v1switch.lower.ir import Kind
from v1switch.lower.limits import MAX_FRAMES, MAX_PASSES
from v1switch.program.model import Primitive, Program

SHOWN = 3  # statements that a message lists at most
CAUSES = {Kind.RECIRCULATED: "recirculate", Kind.RESUBMITTED: "resubmit"}  # primitives
log = logging.getLogger("v1switch")


class Endless(Exception):
    """A frame, or one of its copies, goes on for longer than a switch can wait."""


class Abandoned:
    """Tells why frames of one program are dropped; BMv2 would go on with them for ever."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._told: set[str] = set()

    def tell(self, port: int, reason: Endless) -> None:
        """Log the reason, the first time that it comes."""
        if (cause := str(reason)) not in self._told:
            self._told.add(cause)
            more = "this is logged once, BMv2 would go on for ever"
            log.warning("frame from port %d dropped after %s; %s", port, cause, more)

    def check(self, passes: int, frames: int, kind: int) -> None:
        """Raise Endless when a frame has entered the parser again too often.

        Args:
            passes: how often.
            frames: how many it has become.
            kind: that of the packet that enters.
        """
        if passes > MAX_PASSES:
            raise Endless(f"{MAX_PASSES:,} passes, {self._cause(kind)}")
        if frames > MAX_FRAMES:
            raise Endless(f"becoming {MAX_FRAMES:,} frames, {self._cause(kind)}")

    def _cause(self, kind: int) -> str:
        """The statements that let a packet enter again."""
        op = CAUSES[Kind(kind)]
        calls = (call for action in self._program.actions.values() for call in action.primitives)
        found = list(dict.fromkeys(_text(call) for call in calls if call.op == op))
        listed = ", ".join(found[:SHOWN]) + ", …" * (len(found) > SHOWN)
        return f"{Kind(kind).name.lower()} each time by {listed}"


def _text(call: Primitive) -> str:
    """A call with its place in the P4 source, as far as the JSON has it."""
    if call.source is None:
        return call.op
    return f"{call.source.file}:{call.source.line} {call.source.fragment or call.op}"
