"""What becomes of each frame, row by row, until the limit is reached."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.afpacket import TAG_AT
from rxpath.jit import jit
from rxpath.layout import DELIVER, EV_KIND, EV_PLACE, EV_SLOT, EV_TIME, MAX_STAGES, RECORD_COLUMNS
from rxpath.state import State

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
) = range(10)
COLUMNS = 10
OPEN = -1  # in R_DELIVERED: neither delivered nor lost
ON, ROWS, MISSED = 0, 1, 2


class Recorder(NamedTuple):
    """Rows of frames; arrays of `limit` rows, or of one row when records are off."""

    rows: np.ndarray  # int64 [limit, COLUMNS]
    stages: np.ndarray  # int64 [limit, MAX_STAGES, RECORD_COLUMNS]
    frames: np.ndarray  # uint8 [limit, SNAPLEN] as received, outer 802.1Q tag included
    row_of: np.ndarray  # int64 [slots] row of the frame in a pool slot, -1 none
    state: np.ndarray  # int64 [3] ON, ROWS used, MISSED for want of a row


def make(limit: int, slots: int, *, on: bool) -> Recorder:
    """Allocate a recorder for at most `limit` frames (1 at least)."""
    return Recorder(
        rows=np.zeros((limit, COLUMNS), np.int64),
        stages=np.zeros((limit, MAX_STAGES, RECORD_COLUMNS), np.int64),
        frames=np.zeros((limit, SNAPLEN), np.uint8),
        row_of=np.full(slots, -1, np.int64),
        state=np.array([on, 0, 0], np.int64),
    )


@jit
def _copy(out: np.ndarray, frame: np.ndarray, length: int, tag: int) -> None:
    """Copy the frame's start, with the 802.1Q tag put back where it stood on the wire."""
    shift = 0 if tag < 0 else 4
    head = min(length, TAG_AT)
    out[:head] = frame[:head]
    if shift and length >= TAG_AT:
        out[TAG_AT], out[TAG_AT + 1] = 0x81, 0x00
        out[TAG_AT + 2], out[TAG_AT + 3] = tag >> 8, tag & 0xFF
    end = min(length, SNAPLEN - shift)
    for i in range(head, end):
        out[i + shift] = frame[i]


@jit
def begin(
    rec: Recorder, frame: np.ndarray, length: int, tag: int, frame_id: int, arrival: int
) -> int:
    """Open a row for a frame; returns it, or -1 when records are off or the limit is reached."""
    if rec.state[ON] == 0:
        return -1
    row = rec.state[ROWS]
    if row >= rec.rows.shape[0]:
        rec.state[MISSED] += 1
        return -1
    rec.state[ROWS] = row + 1
    rec.rows[row, :] = 0
    rec.rows[row, R_ID], rec.rows[row, R_ARRIVAL] = frame_id, arrival
    rec.rows[row, R_WIRE_LEN] = length + (0 if tag < 0 else 4)
    rec.rows[row, R_CONTAINER], rec.rows[row, R_DELIVERED] = -1, OPEN
    _copy(rec.frames[row], frame, length, tag)
    return row


@jit
def finish(rec: Recorder, state: State, event: np.ndarray) -> None:
    """Close the row of the frame that a model event names."""
    slot = event[EV_SLOT]
    row = rec.row_of[slot]
    if row < 0:
        return
    rec.rows[row, R_STAGES] = state.hop[slot]
    rec.stages[row] = state.record[slot]
    if event[EV_KIND] == DELIVER:
        rec.rows[row, R_DELIVERED] = event[EV_TIME]
    else:
        rec.rows[row, R_PLACE] = event[EV_PLACE]
