"""Records of frames, row by row until the limit is reached; only this module writes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.tables import Row, Rows, parts, word
from rxpath.model.state.codes import DELIVER, MAX_STAGES
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event, StageRecord
from rxpath.wire.afpacket import TAG_AT, RxDescriptor

SNAPLEN = 256
NO_RECORD = -1
OPEN = -1  # in `Record.delivered`: neither delivered nor dropped


class Record(Row):
    """One frame and delivery."""

    id = word("of the frame; copies of a broadcast share it")
    stamp = word("kernel's receive timestamp", "wall ns")
    arrival = word("at the model's NIC", "model ns")
    wire_len = word("on the wire, 802.1Q tag included", "bytes")
    rss_hash = word("over the outer headers, 0: not IP")
    protocol = word("of the inner IP packet, 0: not IP")
    flow = word("as the model numbers it")
    container = word("that it is for, -1: none")
    n_stages = word("how many of `stages` are set")
    delivered = word("when the application had it, -1: never", "model ns")
    reason = word("why it was dropped, 0: it was not")
    dropped = word("when the model dropped it, -1: it did not", "model ns")
    drop_cpu = word("where that was: of a full queue, its CPU")
    stages = parts(MAX_STAGES, StageRecord, "the stages that it went through")


class Progress(Row):
    """How far a recording is."""

    on = word("1: frames are recorded")
    used = word("rows in use")
    missed = word("frames beyond the limit")


class Recorder(NamedTuple):
    """Rows of frames; tables for `limit` rows, or for one when records are off."""

    progress: Progress
    records: Rows[Record]
    frames: np.ndarray  # uint8 [limit, SNAPLEN] as received, outer 802.1Q tag included


def make(limit: int, *, on: bool) -> Recorder:
    """Allocate a recorder for at most `limit` frames (1 at least)."""
    progress = Progress.new()
    progress.on = int(on)
    return Recorder(progress, Rows.new(Record, limit), np.zeros((limit, SNAPLEN), np.uint8))


@inner
def _copy(out: np.ndarray, frame: np.ndarray, length: int, tag: int) -> None:
    """Copy the frame's start, with the 802.1Q tag restored to its place on the wire."""
    shift = 0 if tag < 0 else 4
    head = min(length, TAG_AT)
    for i in range(head):
        out[i] = frame[i]
    if shift and length >= TAG_AT:
        out[TAG_AT], out[TAG_AT + 1] = 0x81, 0x00
        out[TAG_AT + 2], out[TAG_AT + 3] = tag >> 8, tag & 0xFF
    for i in range(head, min(length, SNAPLEN - shift)):
        out[i + shift] = frame[i]


@inner
def begin(
    recorder: Recorder, frame: np.ndarray, descriptor: RxDescriptor, ident: int, now: int
) -> int:
    """Open a record for a frame that arrived at model time `now`.

    Returns the record's row, or NO_RECORD when records are off or the limit is reached.
    """
    progress = recorder.progress
    if progress.on == 0:
        return NO_RECORD
    if progress.used == len(recorder.records):
        progress.missed += 1
        return NO_RECORD
    row = progress.used
    progress.used = row + 1
    record = recorder.records[row]
    record.id, record.stamp, record.arrival = ident, descriptor.stamp, now
    record.wire_len = descriptor.length + (0 if descriptor.tag < 0 else 4)
    record.container, record.delivered = -1, OPEN
    record.dropped, record.drop_cpu = OPEN, -1
    _copy(recorder.frames[row], frame, descriptor.length, descriptor.tag)
    return row


@inner
def parsed(recorder: Recorder, row: int, hashed: int, protocol: int, flow: int, to: int) -> None:
    """Note the parsed headers of the frame of a record, which is for container `to`."""
    if row == NO_RECORD:
        return
    record = recorder.records[row]
    record.rss_hash, record.protocol = hashed, protocol
    record.flow, record.container = flow, to


@inner
def dropped(recorder: Recorder, row: int, reason: int) -> None:
    """Note that the frame of a record was dropped by the driver; `reason` 0: it was not."""
    if row != NO_RECORD:
        recorder.records[row].reason = reason


@inner
def left(recorder: Recorder, row: int, state: State, event: Event) -> None:
    """Note what the model's event says of the frame of a record: its stages and how it ended."""
    if row == NO_RECORD:
        return
    record, count = recorder.records[row], state.hops[event.slot].count
    record.n_stages = count
    for number in range(count):
        stage, copy = state.records[event.slot].stages[number], record.stages[number]
        copy.kind, copy.ifindex = stage.kind, stage.ifindex
        copy.cpu, copy.choice = stage.cpu, stage.choice
        copy.enqueue, copy.start, copy.end = stage.enqueue, stage.start, stage.end
        copy.held = stage.held
    if event.kind == DELIVER:
        record.delivered = event.time
    else:
        record.reason = event.reason
        record.dropped, record.drop_cpu = event.time, event.cpu
