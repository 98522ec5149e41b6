"""Lab 7, tasks 3 and 4: what a segment costs, and where to cut.

costs[name] is a dict: {"per": "segment" or "skb", "tcp": ns, "udp": ns}.  What is "per segment" is
paid for each segment, what is "per skb" once for all segments that GRO merged.  crossing is
{"send": ns, "receive": ns}: what it costs to hand one thing (a segment, or an skb) to another core.
"""

BEHIND_GRO = "netif_receive_skb"  # from here on there are skbs, and no segments any more


def ns_per_segment(functions: list[str], costs: dict, proto: str, merged: float) -> float:
    """ns of CPU time for each segment in these functions; `merged` is segments per skb."""
    shares = {"segment": 1, "skb": merged}
    return sum(costs[name][proto] / merged for name in functions)


def slowest_device(stages: list[dict], costs: dict, proto: str, merged: float) -> str:
    """The device whose softirq needs the most time for a segment.

    A stage is {"device": ..., "functions": [...]}.
    """
    stage = max(stages, key=lambda one: ns_per_segment(one["functions"], costs, proto, merged))
    return stage["device"]


def halves(
    functions: list[str], before: str, costs: dict, proto: str, merged: float, crossing: dict
) -> list[float]:
    """ns for each segment on the first and on the second core, when a stage is cut in two.

    The function `before` and all behind it run on the second core.  What crosses is a segment; if
    the cut is behind GRO (before BEHIND_GRO), it is an skb.
    """
    at, things = functions.index(before), merged if before == BEHIND_GRO else 1
    first = ns_per_segment(functions[:at], costs, proto, merged)
    second = ns_per_segment(functions[at:], costs, proto, merged)
    return [first + crossing["send"] / things, second + crossing["receive"] / things]


def best_cut(
    functions: list[str], places: list[str], costs: dict, proto: str, merged: float, crossing: dict
) -> str:
    """Which of the places (names of functions, as `before`) makes the slower core fastest."""

    def slower(before: str) -> float:
        return max(halves(functions, before, costs, proto, merged, crossing))

    return min(places, key=slower)
