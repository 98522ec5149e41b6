"""Steering policies: which CPU runs a packet's next stage.

A policy is one file with one pure function ``choose(packet, host) -> (cpu, choice)``; see
`rxpath.model.policy` for what it sees.  ``choice`` is 1 (first), 2 (second choice), 3 (the policy
is switched off: fallback) or 0 (the policy does not apply: stay on this CPU, unsteered).
`load` compiles it to a function pointer of type `CHOOSE_TYPE`, which the kernels call.
"""

from __future__ import annotations

from importlib import import_module  # noqa: TID251  # of modules of this package only
from typing import Any

from rxpath.compile.jit import compile_for, inner, pointed
from rxpath.errors import ConfigError
from rxpath.model.policy import CHOOSE_SIGNATURE, Choose, door

NAMES = ("same_cpu", "rps", "falcon", "rfs", "mflow", "rss++")
AT_NIC = ("rps", "rfs")  # act in netif_receive_skb behind the NIC's GRO, as get_rps_cpu does
REBALANCED = ("rss++",)  # move buckets of the indirection table (rebalance.py)
RESEQUENCED = ("mflow",)  # spread one flow's frames; the resequencer restores their order
GUARDED = ("rfs",)  # their own rule is the order guard's, whatever the knob says


def load(name: str) -> Any:
    """The compiled policy ``name``: pass it as `choose` to `rxpath.model.kernel.advance`.

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
    pointer = pointed(door(inner(choose), choose))
    compile_for(pointer, CHOOSE_SIGNATURE)
    return pointer
