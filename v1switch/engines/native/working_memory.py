"""The memory that a program's function works in, laid out as `output` says."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator, Sequence

from v1switch.control.engine import Frame
from v1switch.engines.native import output as op
from v1switch.engines.native.printer.function import Printed
from v1switch.engines.native.printer.packets import words_of
from v1switch.io.ports import MAX_FRAME
from v1switch.lower import ir
from v1switch.lower.limits import MAX_PASSES
from v1switch.state.words import WORD_BYTES, address, byte_address, zeros

MAX_FRAMES, MAX_UNDO, MAX_EVENTS = 2048, 1 << 16, 256
MAX_HELD = 1024  # packets that one frame may make and that wait
_MAX_BYTES = 1 << 22
_SLACK = 2 * WORD_BYTES  # read beyond the last byte of a frame, and not used


class WorkingMemory:
    """Room for what becomes of frames; `words` is what `output` describes."""

    def __init__(self, printed: Printed) -> None:
        """Make as much room as a program needs."""
        self.words = zeros(op.OUT_WORDS)
        self._frames = zeros(op.FRAME_WORDS * MAX_FRAMES)
        self._event_words = printed.event_words
        self._events = zeros(printed.event_words * MAX_EVENTS)
        self._event_bytes = memoryview(self._events).cast("B")
        self._undo = zeros(2 * MAX_UNDO)
        self._saved = zeros(printed.copy_words * printed.copies)
        self._items = zeros(printed.item_words * MAX_PASSES)
        held_words = op.HELD_VALUES + words_of(printed.kept)
        self._held = zeros(held_words * MAX_HELD)
        self._kept = array("q", _bytes_among(printed.kept))
        self._heads = bytearray(printed.head_size * MAX_FRAMES)
        self._bytes = bytearray(_MAX_BYTES + _SLACK)
        self._hashed = bytearray(printed.hashed + _SLACK)
        self._frame = bytearray(MAX_FRAME + _SLACK)
        values = {
            op.FRAMES_AT: address(self._frames),
            op.MAX_FRAMES: MAX_FRAMES,
            op.HEADS_AT: byte_address(self._heads),
            op.HEAD_SIZE: printed.head_size,
            op.UNDO_AT: address(self._undo),
            op.MAX_UNDO: MAX_UNDO,
            op.EVENTS_AT: address(self._events),
            op.MAX_EVENTS: MAX_EVENTS,
            op.SAVED_AT: address(self._saved),
            op.ITEMS_AT: address(self._items),
            op.BYTES_AT: byte_address(self._bytes),
            op.MAX_BYTES: _MAX_BYTES,
            op.HASHED_AT: byte_address(self._hashed),
            op.EVENT_SIZE: WORD_BYTES * printed.event_words,
            op.HELD_AT: address(self._held),
            op.MAX_HELD: MAX_HELD,
            op.HELD_WORDS: held_words,
            op.KEPT_AT: address(self._kept),
        }
        for index, value in values.items():
            self.words[index] = value

    def clear(self) -> None:
        """Forget what became of frames."""
        for index in (*(op.FRAMES, op.UNDO, op.EVENTS, op.OVERFULL, op.ITEMS, op.BYTES, op.HELD),):
            self.words[index] = 0

    def put_frame(self, frame: bytes) -> int:
        """Keep a frame of at most MAX_FRAME bytes that comes in; give its address."""
        self._frame[: len(frame)] = frame
        return byte_address(self._frame)

    def take_frames(self) -> list[Frame]:
        """Give the frames that leave, once."""
        found = [self._frame_at(n) for n in range(self.words[op.FRAMES])]
        self.words[op.FRAMES] = self.words[op.BYTES] = 0
        return found

    def _frame_at(self, number: int) -> Frame:
        at = op.FRAME_WORDS * number
        port, head, size, body, rest = self._frames[at : at + op.FRAME_WORDS]
        return port, ctypes.string_at(head, size) + ctypes.string_at(body, rest)

    def take_events(self) -> Iterator[tuple[int, memoryview]]:
        """Give what Python is to deliver, once: its kind, and the words after it as bytes."""
        size = self._event_words
        for at in range(0, size * self.words[op.EVENTS], size):
            yield (
                self._events[at],
                self._event_bytes[WORD_BYTES * (at + 1) : WORD_BYTES * (at + size)],
            )
        self.words[op.EVENTS] = 0


def _bytes_among(kept: Sequence[ir.Var]) -> list[int]:
    """Which words of kept variables' values are addresses of bytes; see `output.KEPT_AT`."""
    found, at = [], 0
    for variable in kept:
        if isinstance(variable.type, ir.Bytes):
            found += [at, -1 if variable.type.size is None else variable.type.size]
        at += words_of([variable])
    return [len(found) // 2, *found]
