"""A program's machine code bound to its state, and how a frame at a time runs through it."""

from __future__ import annotations

import ctypes
from array import array
from typing import TYPE_CHECKING

from v1switch.entries import DigestSample
from v1switch.lookup import Cell
from v1switch.native import runtime as rt
from v1switch.native.build import ARGUMENTS, Plan
from v1switch.ports import MAX_FRAME
from v1switch.state import State
from v1switch.words import LIMB_BITS, SCALAR_BITS, WORD_BYTES, address, count, zeros

if TYPE_CHECKING:
    from v1switch.dataplane import Dataplane, Frame, Process

MAX_FRAMES, MAX_UNDO, MAX_EVENTS = 512, 4096, 256
_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * ARGUMENTS)


def _nothing(port: int, frame: bytes, now: int) -> list[Frame]:  # noqa: ARG001  # a Process
    return []


class Output:
    """What a program's function makes of frames: `runtime` tells what its words mean."""

    def __init__(self, head_size: int) -> None:
        """Make room, for frames with at most `head_size` bytes of headers."""
        self.words = zeros(rt.OUT_WORDS)
        self.frames = zeros(rt.FRAME_WORDS * MAX_FRAMES)
        self.heads = bytearray(head_size * MAX_FRAMES)
        self.events = zeros(rt.EVENT_WORDS * MAX_EVENTS)
        self._undo = zeros(2 * MAX_UNDO)
        self._scratch = bytearray(rt.SCRATCH)
        words = {
            rt.FRAMES_AT: address(self.frames),
            rt.MAX_FRAMES: MAX_FRAMES,
            rt.HEADS_AT: _address(self.heads),
            rt.HEAD_SIZE: head_size,
            rt.UNDO_AT: address(self._undo),
            rt.MAX_UNDO: MAX_UNDO,
            rt.EVENTS_AT: address(self.events),
            rt.MAX_EVENTS: MAX_EVENTS,
            rt.SCRATCH_AT: _address(self._scratch),
        }
        for index, value in words.items():
            self.words[index] = value


def _address(memory: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Native:
    """Machine code at work on one program's state.

    Attributes:
        plan: the code.
        context: words that lead it to the state.
        output: where it leaves what it made of frames.
        plain: what carries the frames that are handed back.
    """

    def __init__(self, plan: Plan, dataplane: Dataplane, state: State) -> None:
        """Bind code to a data plane and the state of the program it was made of."""
        self.plan = plan
        self.output = Output(plan.head_size)
        self._dataplane = dataplane
        self._state = state
        self._nothing = Cell()
        values = self._values()
        self.context = array("q", [values[name] for name in plan.slots] or [0])
        self._digests = plan.slots.index("digests") if "digests" in plan.slots else None
        self._run = _FUNCTION(plan.address)
        self._frame = bytearray(MAX_FRAME + WORD_BYTES)
        self.plain: Process = _nothing

    def _values(self) -> dict[str, int]:
        dataplane, state = self._dataplane, self._state
        program = state.program
        values = {
            "DROP": dataplane.drop_port,
            "started": dataplane.started,
            "cpu": -1 if dataplane.cpu_port is None else dataplane.cpu_port,
            "digests": 0,
            "groups": address(dataplane.replication.groups.words),
            "sessions": address(dataplane.replication.sessions.words),
            "nothing": address(self._nothing.words),
        }
        for number, name in enumerate(program.tables):
            mirror = state.tables[name].mirror
            assert mirror is not None, "the state was made for machine code"
            values[f"table_{number}"] = address(mirror.words)
        for number, name in enumerate(program.counters):
            if name in state.counters:
                values[f"counter_{number}_packets"] = address(state.counters[name].packets)
                values[f"counter_{number}_bytes"] = address(state.counters[name].bytes)
        for number, name in enumerate(program.meters):
            if name in state.meters:
                values[f"meter_{number}"] = address(state.meters[name].addresses)
        for number, name in enumerate(program.registers):
            cells = state.registers[name].cells
            if isinstance(cells, array):
                values[f"reg_{number}"] = address(cells)
        for number, name in enumerate(program.value_sets):
            values[f"value_set_{number}"] = address(state.value_sets[name].words)
        return values

    def refresh(self) -> None:
        """Take over what may change between bursts without a write: who listens to digests."""
        if self._digests is not None:
            self.context[self._digests] = self._dataplane.on_digest is not None

    # -- a frame at a time ------------------------------------------------------------------------

    def beside(self, plain: Process) -> Process:
        """Give a process that runs a frame here, and through `plain` where it is handed back."""

        self.plain = plain

        def process(port: int, frame: bytes, now: int) -> list[Frame]:
            out = self.process(port, frame, now)
            return plain(port, frame, now) if out is None else out

        return process

    def process(self, port: int, frame: bytes, now: int) -> list[Frame] | None:
        """Run one frame; None, and nothing has happened, when plain Python has to carry it."""
        if len(frame) > MAX_FRAME:
            return None
        self.refresh()
        self._frame[: len(frame)] = frame
        out = self.output.words
        out[rt.FRAMES] = out[rt.UNDO] = out[rt.EVENTS] = out[rt.OVERFULL] = 0
        start = _address(self._frame)
        context = address(self.context)
        if self._run(context, start, len(frame), port, now, address(out)) != rt.DONE:
            rt.undo(address(out))
            return None
        self.tell_digests()
        return [self._taken(n, start) for n in range(out[rt.FRAMES])]

    def _taken(self, number: int, start: int) -> Frame:
        at = rt.FRAME_WORDS * number
        port, head, size, body, rest = self.output.frames[at : at + rt.FRAME_WORDS]
        head -= self.output.words[rt.HEADS_AT]
        body -= start
        return port, bytes(self.output.heads[head : head + size] + self._frame[body : body + rest])

    def tell_digests(self) -> None:
        """Hand over the digests that were made."""
        out = self.output
        for number in range(out.words[rt.EVENTS]):
            at = rt.EVENT_WORDS * number
            sample = self._sample(out.events[at : at + rt.EVENT_WORDS])
            if self._dataplane.on_digest is not None:
                self._dataplane.on_digest(sample)
        out.words[rt.EVENTS] = 0

    def _sample(self, words: array[int]) -> DigestSample:
        learn = self._state.program.learn_lists[words[0]]
        values, at = [], 1
        for width in learn.widths:
            parts = words[at : at + count(width)]
            at += len(parts)
            wide = width > SCALAR_BITS
            values.append(
                sum(p << LIMB_BITS * n for n, p in enumerate(parts)) if wide else parts[0]
            )
        return DigestSample(learn.name, tuple(values))
