"""The state of one receiving host: a NamedTuple of arrays that the kernels work on.

Python validates, draws what is random and allocates (`rxpath.model`); the kernels see only these
arrays and change them in place.  Nothing here grows with the number of packets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

Table = NDArray[np.int64]


class State(NamedTuple):
    """All of a host.  First axis: what a row is; columns: `rxpath.layout`."""

    slot: Table  # [slots, SLOT_*] one frame or, as a chain's head, one skb
    record: Table  # [slots, MAX_STAGES, REC_*]; [1, 1, 1] when records are off
    hop: Table  # [slots] stages in the record of a slot so far (n_stages of a delivered frame)
    flow: Table  # [flows, FLOW_*]
    clock: Table  # [CLOCK_*] model time and counters of the whole host


def _array(dimensions: int) -> types.Array:
    return types.Array(types.int64, dimensions, "C")


STATE_TYPE = types.NamedTuple([_array(2), _array(3), _array(1), _array(2), _array(1)], State)
"""Numba's type of `State`, for explicit signatures."""
