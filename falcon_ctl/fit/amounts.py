"""The amounts that the fit may change. Pure.

Every other amount of the profile is a constant of the kernel or too small to be seen. Several of
these are added in each stage, and a measurement shows their sum. What it leaves open is decided by
the estimate: it counts as a measurement, too. Where an estimate is from, the profile says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from falcon_ctl.errors import UsageError


@dataclass(frozen=True)
class Amount:
    """One amount: `key` as in `cost_overrides`, its estimate in ns, and the error of that.

    The error is a part of it: with 0.7, an amount 1.7 times as large is one standard error away.
    """

    key: str
    estimate: int
    spread: float


_KNOWN, _DERIVED, _GUESSED = 0.15, 0.35, 0.7
FREE: tuple[Amount, ...] = (
    Amount("driver_poll.ns", 81, _DERIVED),
    Amount("skb_alloc.udp", 110, _DERIVED),
    Amount("skb_alloc.tcp", 147, _DERIVED),
    Amount("gro_receive.udp", 37, _DERIVED),
    Amount("gro_receive.tcp", 183, _GUESSED),
    Amount("vxlan_gro_receive.udp", 200, _GUESSED),
    Amount("vxlan_gro_receive.tcp", 200, _GUESSED),
    Amount("udp_gro_receive.udp", 81, _DERIVED),
    Amount("inner_udp_gro_receive.udp", 81, _DERIVED),
    Amount("gro_complete.ns", 110, _GUESSED),
    Amount("vxlan_gro_complete.ns", 150, _GUESSED),
    Amount("netif_receive_skb.ns", 37, _DERIVED),
    Amount("ip_rcv.ns", 95, _DERIVED),
    Amount("l4_rcv.udp", 139, _DERIVED),
    Amount("l4_rcv.tcp", 330, _GUESSED),
    Amount("sock_queue.udp", 154, _DERIVED),
    Amount("sock_queue.tcp", 117, _DERIVED),
    Amount("udp_tunnel_rcv.ns", 81, _DERIVED),
    Amount("vxlan_rcv.ns", 110, _DERIVED),
    Amount("br_handle_frame.udp", 191, _GUESSED),
    Amount("br_handle_frame.tcp", 191, _GUESSED),
    Amount("br_segment.tcp", 60, _GUESSED),
    Amount("tcp_try_coalesce.tcp", 30, _GUESSED),
    Amount("veth_xmit.ns", 95, _DERIVED),
    Amount("recvmsg.udp", 513, _GUESSED),
    Amount("recvmsg.tcp", 660, _GUESSED),
    Amount("copy_to_user.ns_kib", 88, _DERIVED),
    Amount("hardirq.ns", 660, _DERIVED),
    Amount("ipi_send.ns", 183, _DERIVED),
    Amount("ipi_handle.ns", 330, _DERIVED),
    Amount("cache_penalty.ns", 120, _KNOWN),
    Amount("remote_enqueue.ns", 120, _KNOWN),
    Amount("split_send.ns", 44, _DERIVED),
    Amount("split_receive.ns", 29, _DERIVED),
    Amount("wake_up.ns", 513, _DERIVED),
    Amount("wake_latency.ns", 2500, _GUESSED),
    Amount("idle_switch.ns", 880, _GUESSED),
    Amount("copy_frag.ns", 81, _GUESSED),
)


def select(text: str, known: Mapping[str, Mapping[str, int]]) -> Sequence[Amount]:
    """The amounts of a comma-separated list of keys, "" for `FREE`; `known`: name → its amounts.

    The estimate of one that is not in `FREE` is the amount that is known.

    Raises:
        UsageError: the profile has no such amount.
    """
    if not text:
        return FREE
    keys = list(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    return [_find(key, known) for key in keys or [text]]


def _find(key: str, known: Mapping[str, Mapping[str, int]]) -> Amount:
    try:
        ns = amount_of(known, key)
    except LookupError:
        expected = "NAME.ns, .udp, .tcp or .ns_kib of a cost"
        raise UsageError("--amounts", repr(key), expected) from None
    free = (amount for amount in FREE if amount.key == key)
    return next(free, Amount(key, ns, _GUESSED))


def amount_of(known: Mapping[str, Mapping[str, int]], key: str) -> int:
    """The amount that `key` names; `ns` stands for udp and tcp. Raises LookupError."""
    name, _, which = key.partition(".")
    amounts = known[name]
    return amounts["udp"] if which == "ns" and "ns" not in amounts else amounts[which]
