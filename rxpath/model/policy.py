"""What a steering policy is asked, what it sees, and how its function becomes what kernels call."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath.compile.pointers import array_of
from rxpath.model.state.codes import MEMORY
from rxpath.model.state.packets import Slot
from rxpath.model.state.settings import Knobs, Stage
from rxpath.model.state.steering import Steering


class Packet(NamedTuple):
    """The packet that is about to enter a stage (all integers)."""

    hash: int  # skb_hash: the NIC's RSS hash of the outer headers, 32 bits
    ifindex: int  # of the device that the stage belongs to
    stage: int  # codes.SPLIT, RPS (only policies that act at the NIC), GRO_CELL or BACKLOG
    protocol: int  # of the innermost IP header that the driver parsed: 6 TCP, 17 UDP, ...
    here: int  # the CPU that runs the present stage
    app: int  # the CPU of the application that reads the packet's socket
    number: int = 0  # of the frame within its flow, as they came to the NIC (an skb's first frame)
    rps_mask: int = 0  # rps_cpus of the device, a bit for each CPU; 0: those of the host


class PolicyKnobs(NamedTuple):
    """The knobs that a policy may go by (all integers; flags are 0 or 1)."""

    pipelining: int
    splitting: int
    balancing: int
    switch_off: int
    tcp_pipelining: int
    threshold: int  # percent: a CPU at this load is loaded
    average_load: int  # of the FALCON CPUs, percent
    mflow_batch: int  # frames of a micro-flow


class Host(NamedTuple):
    """What a policy may know of the host."""

    knobs: PolicyKnobs
    load: NDArray[np.int64]  # [cpus] percent, as the reference computes it
    falcon_cpus: NDArray[np.int64]  # FALCON_CPUS
    split_cpus: NDArray[np.int64]  # GROSPLIT_CPUS
    rps_cpus: NDArray[np.int64]  # the CPUs of rps_cpus
    memory: NDArray[np.int64]  # [codes.MEMORY] the policy's own, zero at the start


Choose = Callable[[Packet, Host], tuple[int, int]]

_ARRAY = types.Array(types.int64, 1, "C")
POLICY_TYPES = (
    types.NamedUniTuple(types.int64, len(Packet._fields), Packet),
    types.NamedTuple(
        [
            types.NamedUniTuple(types.int64, len(PolicyKnobs._fields), PolicyKnobs),
            *[_ARRAY] * (len(Host._fields) - 1),
        ],
        Host,
    ),
)
"""Numba's types of what a policy is asked."""


def trampoline(choose: Choose, written: Callable[..., Any]) -> Callable[..., Any]:
    """The function that kernels call: it makes `Packet` and `Host` from rows and asks ``choose``.

    Compiled together with the policy, it makes only what the policy looks at.  ``choose`` is a
    global of the function, because one in a closure has no stable key in Numba's disk cache; there
    the function goes under the name and the file of what was ``written``.
    """
    names = {**globals(), "choose": choose}
    code = _trampoline.__code__.replace(co_filename=written.__code__.co_filename)
    function = FunctionType(code, names, written.__name__)
    function.__module__, function.__qualname__ = written.__module__, written.__qualname__
    return function


def _trampoline(  # its arguments: STEER_SIGNATURE
    skb: Slot, device: Stage, stage: int, here: int, app: int, knobs: Knobs, host: Steering
) -> tuple[int, int]:
    view = Host(
        PolicyKnobs(
            knobs.pipelining,
            knobs.splitting,
            knobs.balancing,
            knobs.switch_off,
            knobs.tcp_pipelining,
            knobs.threshold,
            knobs.average_load,
            knobs.mflow_batch,
        ),
        array_of(host.loads, knobs.cpus),
        array_of(host.falcon_cpus, knobs.falcon_cpus),
        array_of(host.split_cpus, knobs.split_cpus),
        array_of(host.rps_cpus, knobs.rps_cpus),
        array_of(host.memory, MEMORY),
    )
    rps_mask = host.rps_masks[skb.stage]
    packet = Packet(skb.hash, device.ifindex, stage, skb.protocol, here, app, skb.number, rps_mask)
    return choose(packet, view)  # type: ignore[name-defined,no-any-return]  # noqa: F821  # see `trampoline`
