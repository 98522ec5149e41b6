"""Columns of the state's tables, and the codes that stand in them.

Plain integers: inside a kernel they are constants of the machine code, outside they index the
same arrays.  Every table is int64; times are model nanoseconds, sizes are bytes.
"""

from __future__ import annotations

# -- what the model tells its driver: rows of the array `out` of `kernel.advance` --------------
EV_KIND, EV_SLOT, EV_FLOW, EV_SOCKET, EV_TIME, EV_CPU, EV_PLACE, EV_LATENCY = range(8)
EVENT_COLUMNS = 8

DELIVER = 1  # the application has the frame: slot, flow, socket, time, cpu (of the application)
DROP = 2  # the frame is gone: slot, flow, socket, time, cpu, place

# -- where a frame can be lost (EV_PLACE, and the return value of `kernel.receive`) -------------
PLACE_NONE = 0
PLACE_RX_MISSED = 1  # no free descriptor in the RX ring
PLACE_GRO_CELL = 2  # a device's gro_cell queue is over netdev_max_backlog
PLACE_BACKLOG = 3  # a CPU's input_pkt_queue is over netdev_max_backlog
PLACE_SOCKET = 4  # the socket's receive buffer is full
PLACE_NAMES = ("none", "rx_missed", "gro_cell", "backlog", "socket")

# -- stages ------------------------------------------------------------------------------------
NAPI, SPLIT, GRO_CELL, BACKLOG, SOCKET = 1, 2, 3, 4, 5
STAGE_NAMES = ("none", "napi", "split", "gro_cell", "backlog", "socket")
MAX_STAGES = 8  # the most stages a frame passes, the split half of the first one counted

# -- how the CPU of a stage was chosen ---------------------------------------------------------
CHOICE_NONE, CHOICE_FIRST, CHOICE_SECOND, CHOICE_FALLBACK = 0, 1, 2, 3

# -- the record of one stage of one frame: state.record[slot, stage, column] ---------------------
REC_KIND, REC_IFINDEX, REC_CPU, REC_CHOICE, REC_ENQUEUE, REC_START, REC_END = range(7)
RECORD_COLUMNS = 7

# -- protocols as far as the receive path tells them apart ---------------------------------------
TCP = 6
UDP = 17
