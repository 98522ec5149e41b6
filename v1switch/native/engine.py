"""A program's machine code bound to its state, and how a frame at a time runs through it."""

from __future__ import annotations

import ctypes
from array import array

from v1switch.codegen.binding import log_message
from v1switch.control.engine import Frame, Process, SwitchContext
from v1switch.io.ports import MAX_FRAME
from v1switch.native import output as op
from v1switch.native.build import ARGUMENTS, Plan
from v1switch.native.runtime import undo
from v1switch.state.entries import DigestSample
from v1switch.state.lookup import Cell
from v1switch.state.program_state import State
from v1switch.state.words import WORD_BYTES, address, count, join, zeros

MAX_FRAMES, MAX_UNDO, MAX_EVENTS = 512, 4096, 256
_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * ARGUMENTS)


class Output:
    """What a program's function makes of frames: `output` tells what its words mean."""

    def __init__(self, head_size: int) -> None:
        """Make room, for frames with at most `head_size` bytes of headers."""
        self.words = zeros(op.OUT_WORDS)
        self.frames = zeros(op.FRAME_WORDS * MAX_FRAMES)
        self.heads = bytearray(head_size * MAX_FRAMES)
        self.events = zeros(op.EVENT_WORDS * MAX_EVENTS)
        self._undo = zeros(2 * MAX_UNDO)
        self._scratch = bytearray(op.SCRATCH)
        words = {
            op.FRAMES_AT: address(self.frames),
            op.MAX_FRAMES: MAX_FRAMES,
            op.HEADS_AT: _address(self.heads),
            op.HEAD_SIZE: head_size,
            op.UNDO_AT: address(self._undo),
            op.MAX_UNDO: MAX_UNDO,
            op.EVENTS_AT: address(self.events),
            op.MAX_EVENTS: MAX_EVENTS,
            op.SCRATCH_AT: _address(self._scratch),
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

    def __init__(self, plan: Plan, switch: SwitchContext, state: State, plain: Process) -> None:
        """Bind code to a switch and the state of the program it was made of."""
        self.plan = plan
        self.output = Output(plan.head_size)
        self._switch = switch
        self._state = state
        self._nothing = Cell()
        values = self._values()
        self.context = array("q", [values[name] for name in plan.slots] or [0])
        self._digests = plan.slots.index("digests") if "digests" in plan.slots else None
        self._run = _FUNCTION(plan.address)
        self._frame = bytearray(MAX_FRAME + WORD_BYTES)
        self.plain = plain

    def _values(self) -> dict[str, int]:
        switch, state = self._switch, self._state
        program = state.program
        values = {
            "DROP": switch.drop_port,
            "started": switch.started,
            "cpu": -1 if switch.cpu_port is None else switch.cpu_port,
            "digests": 0,
            "groups": address(switch.replication.groups.words),
            "sessions": address(switch.replication.sessions.words),
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
            self.context[self._digests] = self._switch.on_digest is not None

    # -- a frame at a time ------------------------------------------------------------------------

    def process(self, port: int, frame: bytes, now: int) -> list[Frame]:
        """Run one frame here, or through `plain` where it is handed back."""
        out = self.attempt(port, frame, now)
        return self.plain(port, frame, now) if out is None else out

    def attempt(self, port: int, frame: bytes, now: int) -> list[Frame] | None:
        """Run one frame; None, and nothing has happened, when plain Python has to carry it."""
        if len(frame) > MAX_FRAME:
            return None
        self.refresh()
        self._frame[: len(frame)] = frame
        out = self.output.words
        out[op.FRAMES] = out[op.UNDO] = out[op.EVENTS] = out[op.OVERFULL] = 0
        start = _address(self._frame)
        context = address(self.context)
        if self._run(context, start, len(frame), port, now, address(out)) != op.DONE:
            undo(address(out))
            out[op.FRAMES] = out[op.EVENTS] = 0
            return None
        self.tell()
        frames = [self._taken(n, start) for n in range(out[op.FRAMES])]
        out[op.FRAMES] = 0  # or the packet loop would send them once more
        return frames

    def _taken(self, number: int, start: int) -> Frame:
        at = op.FRAME_WORDS * number
        port, head, size, body, rest = self.output.frames[at : at + op.FRAME_WORDS]
        head -= self.output.words[op.HEADS_AT]
        body -= start
        return port, bytes(self.output.heads[head : head + size] + self._frame[body : body + rest])

    def tell(self) -> None:
        """Tell what frames have left to be told: digests and log messages."""
        out = self.output
        for number in range(out.words[op.EVENTS]):
            at = op.EVENT_WORDS * number
            kind, *words = out.events[at : at + op.EVENT_WORDS]
            if kind < 0:
                text, values = self.plan.messages[-1 - kind]
                log_message(text, tuple(words[:values]))
            elif self._switch.on_digest is not None:
                self._switch.on_digest(self._sample(kind, words))
        out.words[op.EVENTS] = 0

    def _sample(self, number: int, words: list[int]) -> DigestSample:
        learn = self._state.program.learn_lists[number]
        values, at = [], 0
        for width in learn.widths:
            values.append(join(words[at : at + count(width)]))
            at += count(width)
        return DigestSample(learn.name, tuple(values))
