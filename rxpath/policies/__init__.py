"""Steering policies: which CPU runs a packet's next stage.

A policy is one file with one pure function ``choose(packet, host) -> (cpu, choice)``; see
`Packet` and `Host` for what it sees.  ``choice`` is 1 (first), 2 (second choice), 3 (the policy
is switched off: fallback) or 0 (the policy does not apply: stay on this CPU, unsteered).
`load` compiles it to a function pointer of type `CHOOSE_TYPE`, which the kernels call.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath.errors import ConfigError
from rxpath.jit import compile_for, jit


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
CHOOSE_SIGNATURE = types.UniTuple(types.int64, 2)(
    types.NamedUniTuple(types.int64, len(Packet._fields), Packet),
    types.NamedUniTuple(_ARRAY, len(Host._fields), Host),
)
CHOOSE_TYPE = types.FunctionType(CHOOSE_SIGNATURE)
"""Numba's type of a policy: for the explicit signature of a function that takes one."""

Choose = Callable[[Packet, Host], tuple[int, int]]
NAMES = ("same_cpu", "rps", "falcon", "rfs", "mflow", "rss++")
AT_NIC = ("rps", "rfs")  # act in netif_receive_skb behind the NIC's GRO, as get_rps_cpu does
REBALANCED = ("rss++",)  # move buckets of the indirection table (rebalance.py)
RESEQUENCED = ("mflow",)  # spread one flow's frames; the resequencer restores their order
GUARDED = ("rfs",)  # their own rule is the order guard's, whatever the knob says


def load(name: str) -> Any:
    """The compiled policy ``name``: pass it as `choose` to `rxpath.kernel.advance`.

    Raises `ConfigError` for a name that is not in `NAMES`.
    """
    if name not in NAMES:
        raise ConfigError("policy", name, "one of " + ", ".join(NAMES))
    return compiled(import_module(module_of(name)).choose)


def module_of(name: str) -> str:
    """The module of a policy; a plus is no letter of one."""
    return "rxpath.policies." + name.replace("+", "p")


def compiled(choose: Choose) -> Any:
    """A policy's function (also one's own) as a function pointer of type `CHOOSE_TYPE`."""
    function = jit(choose)
    compile_for(function, CHOOSE_SIGNATURE)
    return function
