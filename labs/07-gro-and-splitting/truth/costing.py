"""What a segment costs in each softirq, where to cut, and the slips that people make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CHAIN, COSTS = "docker", "xeon-silver-4114"
SEGMENTWISE = ("frame", "alloc", "gro", "segment")
PLACES = ["skb_alloc", "gro_receive", "netif_receive_skb"]
BEHIND_GRO = "netif_receive_skb"


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """What belongs into answers.toml."""
    first, costs, merged = given["stages"][0]["functions"], given["costs"], given["merged"]
    cut = best(given, "tcp", merged)
    onward = given["crossing"]["send"] / merged
    whole = ns(first, costs, "tcp", merged) + onward
    one, other = halves(given, cut, "tcp", merged)
    return {
        "tcp_first_ns": round(ns(first, costs, "tcp", merged), 2),
        "udp_first_ns": round(ns(first, costs, "udp", 1), 2),
        "tcp_slowest": slowest(given, "tcp", merged),
        "udp_slowest": slowest(given, "udp", 1),
        "tcp_cut_before": cut,
        "tcp_whole_kpps": round(1e6 / whole, 2),
        "tcp_cut_kpps": round(1e6 / max(one, other + onward), 2),
    }


def ns(functions: Iterable[str], costs: dict[str, Any], proto: str, merged: float) -> float:
    """ns for each segment in functions."""
    return sum(
        costs[name][proto] / (merged if costs[name]["per"] == "skb" else 1) for name in functions
    )


def slowest(given: dict[str, Any], proto: str, merged: float) -> str:
    """The device whose softirq needs the most time for a segment."""
    stage = max(
        given["stages"], key=lambda one: ns(one["functions"], given["costs"], proto, merged)
    )
    return str(stage["device"])


def halves(given: dict[str, Any], before: str, proto: str, merged: float) -> list[float]:
    """ns for each segment on the first and the second core, cut before a function."""
    functions, costs = given["stages"][0]["functions"], given["costs"]
    at, things = functions.index(before), merged if before == BEHIND_GRO else 1
    return [
        ns(functions[:at], costs, proto, merged) + given["crossing"]["send"] / things,
        ns(functions[at:], costs, proto, merged) + given["crossing"]["receive"] / things,
    ]


def best(given: dict[str, Any], proto: str, merged: float) -> str:
    """Where the slower core is fastest."""
    return min(PLACES, key=lambda before: max(halves(given, before, proto, merged)))


def slips_of_halves(
    given: dict[str, Any], before: str, proto: str, merged: float
) -> list[tuple[str, list[float]]]:
    """(what was mistaken, the two numbers that come of it)."""
    crossing = given["crossing"]
    first, second = halves(given, before, proto, merged)
    moved = ns([before], given["costs"], proto, merged)
    things = merged if before == BEHIND_GRO else 1
    swap = (crossing["receive"] - crossing["send"]) / things
    onward = crossing["send"] / merged
    last = f"{before} runs on the second core, and what is before it in the list on the first"
    return [
        ("the first core sends, and the second one receives", [first + swap, second - swap]),
        (last, [first + moved, second - moved]),
        (
            "the way on to the VXLAN device's core is not part of halves(); add it where you compute rates",
            [first, second + onward],
        ),
    ]
