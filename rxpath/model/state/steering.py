"""What a steering policy sees of the host, and how kernels call one."""

from __future__ import annotations

from numba import types

from rxpath.compile.pointers import RowType
from rxpath.compile.tables import Row, words
from rxpath.model.state.codes import MAX_CHAIN_ROWS, MAX_CPUS, MAX_SET, MEMORY
from rxpath.model.state.packets import Slot
from rxpath.model.state.settings import Knobs, Stage


class Steering(Row):
    """CPU sets, loads, and the policy's memory."""

    loads = words(MAX_CPUS, "of each CPU, as FALCON measures it", "percent")
    falcon_cpus = words(MAX_SET, "FALCON_CPUS; how many: in the knobs, as of the sets below")
    split_cpus = words(MAX_SET, "GROSPLIT_CPUS")
    rps_cpus = words(MAX_SET, "rps_cpus, as a list")
    rps_masks = words(MAX_CHAIN_ROWS, "by stage: its device's rps_cpus, a bit a CPU; 0: as above")
    memory = words(MEMORY, "the policy's own, zero at the start")


STEER_SIGNATURE = types.UniTuple(types.int64, 2)(
    RowType(Slot),  # the skb
    RowType(Stage),  # of its device
    types.int64,  # the stage that it is about to enter: SPLIT, RPS, GRO_CELL or BACKLOG
    types.int64,  # the CPU that runs the present stage
    types.int64,  # the CPU of the application that reads the skb's socket
    RowType(Knobs),
    RowType(Steering),
)
"""Of a policy as the kernels call it; it returns (CPU, choice)."""
