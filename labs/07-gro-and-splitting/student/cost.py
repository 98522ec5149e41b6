"""Lab 7, tasks 3 and 4: what a segment costs, and where to cut.

costs[name] is a dict: {"per": "segment" or "skb", "tcp": ns, "udp": ns}.  What is "per segment" is
paid for each segment, what is "per skb" once for all segments that GRO merged.  crossing is
{"send": ns, "receive": ns}: what it costs to hand one thing (a segment, or an skb) to another core.
"""

BEHIND_GRO = "netif_receive_skb"  # from here on there are skbs, and no segments any more


def ns_per_segment(functions: list[str], costs: dict, proto: str, merged: float) -> float:
    """ns of CPU time for each segment in these functions; `merged` is segments per skb."""
    raise NotImplementedError("task 3: what is paid per skb is shared by its segments")


def slowest_device(stages: list[dict], costs: dict, proto: str, merged: float) -> str:
    """The device whose softirq needs the most time for a segment.

    A stage is {"device": ..., "functions": [...]}.
    """
    raise NotImplementedError("task 3: compare ns_per_segment of the stages")


def halves(
    functions: list[str], before: str, costs: dict, proto: str, merged: float, crossing: dict
) -> list[float]:
    """ns for each segment on the first and on the second core, when a stage is cut in two.

    The function `before` and all behind it run on the second core.  What crosses is a segment; if
    the cut is behind GRO (before BEHIND_GRO), it is an skb.
    """
    raise NotImplementedError("task 4: functions.index(before) is where the list is cut")


def best_cut(
    functions: list[str], places: list[str], costs: dict, proto: str, merged: float, crossing: dict
) -> str:
    """Which of the places (names of functions, as `before`) makes the slower core fastest."""
    raise NotImplementedError("task 4: compare the greater half of each cut")
