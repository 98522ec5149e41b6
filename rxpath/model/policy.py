"""What the kernels ask a steering policy: the packet, the host, and the compiled call between them.

The kernels take a policy as a function pointer of type `CHOOSE_TYPE`, so that they are compiled
once for all policies.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath.model.state import layout as lay
from rxpath.model.state.bare import Bare, array
from rxpath.model.state.host import WIDTHS


class Packet(NamedTuple):
    """The packet that is about to enter a stage (all integers)."""

    hash: int  # skb_hash: the NIC's RSS hash of the outer headers, 32 bits
    ifindex: int  # of the device that the stage belongs to
    stage: int  # layout.SPLIT, RPS (only AT_NIC policies), GRO_CELL or BACKLOG
    protocol: int  # of the innermost IP header that the driver parsed: 6 TCP, 17 UDP, ...
    here: int  # the CPU that runs the present stage
    app: int  # the CPU of the application that reads the packet's socket
    number: int = 0  # of the frame within its flow, as they came to the NIC (an skb's first frame)


class Host(NamedTuple):
    """What a policy may know of the host."""

    knobs: NDArray[np.int64]  # layout.K_*
    load: NDArray[np.int64]  # [cpus] percent, as the reference computes it
    falcon_cpus: NDArray[np.int64]  # FALCON_CPUS
    split_cpus: NDArray[np.int64]  # GROSPLIT_CPUS
    rps_cpus: NDArray[np.int64]  # the CPUs of rps_cpus
    memory: NDArray[np.int64]  # the policy's own, zeroed at start


_ARRAY = types.Array(types.int64, 1, "C")
POLICY_TYPES = (
    types.NamedUniTuple(types.int64, len(Packet._fields), Packet),
    types.NamedUniTuple(_ARRAY, len(Host._fields), Host),
)
"""Numba's types of what a policy is asked."""

_TABLES = tuple(Bare(WIDTHS[name]) for name in ("host", "lists", "memory"))
CHOOSE_SIGNATURE = types.UniTuple(types.int64, 2)(
    *[types.int64] * len(Packet._fields), _TABLES[0], _TABLES[1], _TABLES[2]
)
CHOOSE_TYPE = types.FunctionType(CHOOSE_SIGNATURE)
"""Numba's type of a `door`: for the explicit signature of a function that takes one."""

Choose = Callable[[Packet, Host], tuple[int, int]]


def door(choose: Choose, written: Callable[..., Any]) -> Callable[..., Any]:
    """The policy as the kernels ask it: three tables in place of `Host`, which is made in here.

    So a call hands over ten numbers, and of the arrays only what the policy looks at is made.
    ``choose`` is a global of the function, for one in a closure has no stable key in Numba's
    cache; there the door goes under the name and the file of what was ``written``.
    """
    names = {**globals(), "choose": choose}
    code = _door.__code__.replace(co_filename=written.__code__.co_filename)
    function = FunctionType(code, names, written.__name__)
    function.__module__, function.__qualname__ = written.__module__, written.__qualname__
    return function


def _door(
    skb_hash: int,
    ifindex: int,
    stage: int,
    protocol: int,
    here: int,
    socket: int,
    number: int,
    host: Any,
    lists: Any,
    memory: Any,
) -> tuple[int, int]:
    knobs = host[lay.KNOB]
    view = Host(
        array(knobs, lay.COLUMNS),
        array(lists[lay.LIST_LOAD], knobs[lay.K_CPUS]),
        array(lists[lay.LIST_FALCON], knobs[lay.K_FALCON_CPUS]),
        array(lists[lay.LIST_SPLIT], knobs[lay.K_SPLIT_CPUS]),
        array(lists[lay.LIST_RPS], knobs[lay.K_RPS_CPUS]),
        array(memory, lay.MEMORY),
    )
    task = host[host[lay.CLOCK, lay.CK_SOCKET] + socket, lay.SO_TASK]
    app = host[lay.TASK + task, lay.T_CPU]
    return choose(Packet(skb_hash, ifindex, stage, protocol, here, app, number), view)  # type: ignore[name-defined,no-any-return]  # noqa: F821  # see `door`
