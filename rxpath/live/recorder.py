"""What becomes of each frame, row by row, until the limit is reached."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.model.state.codes import DELIVER, MAX_STAGES
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event, StageRecord
from rxpath.wire.afpacket import LENGTH, STAMP, TAG, TAG_AT

SNAPLEN = 256
(
    R_ID,
    R_ARRIVAL,
    R_WIRE_LEN,
    R_HASH,
    R_PROTO,
    R_FLOW,
    R_CONTAINER,
    R_STAGES,
    R_DELIVERED,
    R_PLACE,
    R_STAMP,
) = range(11)
COLUMNS = 11
OPEN = -1  # in R_DELIVERED: neither delivered nor lost
ON, USED, MISSED = 0, 1, 2  # columns of the last row of `rows`


class Recorder(NamedTuple):
    """Rows of frames; arrays for `limit` rows, or for one when records are off."""

    rows: np.ndarray  # int64 [limit + 1, COLUMNS]; the last row: on, rows used, frames missed
    stages: np.ndarray  # int64 [limit, MAX_STAGES, len(StageRecord.FIELDS)]
    frames: np.ndarray  # uint8 [limit, SNAPLEN] as received, outer 802.1Q tag included


def make(limit: int, *, on: bool) -> Recorder:
    """Allocate a recorder for at most `limit` frames (1 at least)."""
    rec = Recorder(
        rows=np.zeros((limit + 1, COLUMNS), np.int64),
        stages=np.zeros((limit, MAX_STAGES, len(StageRecord.FIELDS)), np.int64),
        frames=np.zeros((limit, SNAPLEN), np.uint8),
    )
    rec.rows[-1, ON] = on
    return rec


def is_on(rec: Recorder) -> bool:
    """Say whether frames are being recorded."""
    return bool(rec.rows[-1, ON])


@inner
def _copy(out: np.ndarray, frame: np.ndarray, length: int, tag: int) -> None:
    """Copy the frame's start, with the 802.1Q tag put back where it stood on the wire."""
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
def begin(rec: Recorder, frame: np.ndarray, info: np.ndarray, ident: int, arrival: int) -> int:
    """Open a row for a frame; returns it, or -1 when records are off or the limit is reached.

    `info` is the frame's row of `Rx.info`, `arrival` in model ns.
    """
    end = rec.rows.shape[0] - 1
    state = rec.rows[end]
    if state[ON] == 0:
        return -1
    if state[USED] == end:
        state[MISSED] += 1
        return -1
    index: int = state[USED]
    state[USED] += 1
    row = rec.rows[index]
    row[:] = 0
    row[R_ID], row[R_ARRIVAL], row[R_STAMP] = ident, arrival, info[STAMP]
    row[R_WIRE_LEN] = info[LENGTH] + (0 if info[TAG] < 0 else 4)
    row[R_CONTAINER], row[R_DELIVERED] = -1, OPEN
    _copy(rec.frames[index], frame, info[LENGTH], info[TAG])
    return index


@inner
def finish(rec: Recorder, state: State, row: int, event: Event) -> None:
    """Close the row of the frame that a model event names; -1 has none."""
    if row < 0:
        return
    rec.rows[row, R_STAGES] = state.hops[event.slot].count
    for number in range(state.hops[event.slot].count):
        stage, copy = state.records[event.slot].stages[number], rec.stages[row, number]
        copy[0], copy[1], copy[2] = stage.kind, stage.ifindex, stage.cpu
        copy[3], copy[4], copy[5] = stage.choice, stage.enqueue, stage.start
        copy[6] = stage.end
    if event.kind == DELIVER:
        rec.rows[row, R_DELIVERED] = event.time
    else:
        rec.rows[row, R_PLACE] = event.reason
