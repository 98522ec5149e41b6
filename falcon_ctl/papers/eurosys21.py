"""The panels of FALCON's paper (EuroSys 2021) that are about receiving."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from falcon_ctl.papers.layout import BUSY, ONE_FLOW, SERVER, SHARED
from falcon_ctl.papers.loads import (
    KIB,
    SIZES,
    THINKING,
    UNSTATED,
    caching,
    clients,
    overload,
    overloaded,
    paced,
    steady,
    streams,
    stress,
    surge,
    together,
)
from falcon_ctl.papers.panel import (
    ALL_CORES,
    Bar,
    FirstStage,
    Missing,
    Panel,
    Points,
    Role,
    StageShares,
    on_cores,
)

# RPS is on for host and container in every test.
HOST = Bar("Host", "host-rps")
PLUS = Bar("Host+", "falcon-host-rps", "Host")
CON = Bar("Con", "rps", "Host")
FALCON = Bar("Falcon", "falcon-rps", "Con")
NEAR_HOST = Bar("Falcon", "falcon-rps", "Host")  # what its latency is said to be
# GRO is split for TCP with big messages only: not where they fit one packet.
_UNSPLIT = {"falcon": {"splitting": False}}
_SMALL = replace(FALCON, knobs=_UNSPLIT)
_CONTAINER = Bar("Con", "rps")  # where the host network is not shown


def _variant(name: str, over: str = "", **falcon: bool | int) -> Bar:
    """FALCON with some of its own knobs changed."""
    return Bar(name, "falcon-rps", over, {"falcon": falcon})


_THRESHOLDS = (
    _variant("Falcon threshold 80%", threshold=80),
    _variant("Falcon threshold 70%", "Falcon threshold 80%", threshold=70),
    _variant("Falcon threshold 90%", "Falcon threshold 80%", threshold=90),
    _variant("Falcon always on", "Falcon threshold 80%", switch_off=False),
)
_STATIC = _variant("Falcon static", balancing=False)
_DYNAMIC = _variant("Falcon dynamic", "Falcon static")
_FITTED = {"*": Role.FITTED}
_OPEN = {"*": Role.OPEN}
_SIZE = "the size of a packet is not stated: 16 B"
_PERCENTILES = ("p50", "p90", "p99", "p99.99")
_FLOWS = ("1", "5", "10", "20")
_CONTAINERS = ("6", "10", "20", "40")
_IXGBE = "the X550T's driver (ixgbe) has the costs of mlx5's"
_CLIENT = "a client sends what the bar of one flow shows, which its sender limits"
_CHURN = "sizes are taken as in Fig 13; a client sends as there"
_PER_CORE = "flows and cores are not stated: 6 and 24 flows on six cores"
_WINDOW = "the window is not stated; it decides the latency, and not the ratio"
_WAITING = (
    "a thread that waits now and then takes 770 to 1,250 ns a packet, and the same thread 500 at "
    "2 Mpps (Host in Figs 10c and 11): no cost of a wake-up explains it that the 20 us of "
    "memcached's round trip (Fig 18) have room for"
)
_CACHING = "the rate is not stated: ten clients wait 2.4 times as long for the container as one"
_BEYOND = (
    "how much is offered is not stated: 2.2, 1.37 and 1.23 times what is received, as the use of "
    "core 0 says"
)
_FLAME = (
    "mlx5e_napi_poll has the largest share, which it cannot have with RPS on another core: "
    "modelled without RPS"
)


def _alone(points: Points) -> Points:
    """With one flow on the cores that it has in Fig 11."""
    return {**points, "1": on_cores(points["1"], ONE_FLOW)}


_Panel = partial(Panel, "eurosys21")
_ALL = (HOST, CON, FALCON)
_PAIR = (HOST, CON)
_LATENCIES = (HOST, CON, NEAR_HOST)

PANELS: tuple[Panel, ...] = (
    *(
        _Panel(
            "2",
            f"a {gbit}G",
            f"one flow, 64 KB messages, {gbit}G",
            "rate",
            "goodput",
            _PAIR,
            {"UDP": stress(64 * KIB, gbit), "TCP": streams(64 * KIB, 1, gbit)},
            ("rate",),
            knobs=ONE_FLOW,
            roles={"UDP": Role.INPUT} if gbit > 10 else {},
            note=_IXGBE if gbit == 10 else "",
        )
        for gbit in (10, 100)
    ),
    *(
        _Panel(
            "2",
            f"b {gbit}G",
            f"one UDP flow, stress, {gbit}G",
            "rate",
            "rate",
            _PAIR,
            {x: stress(SIZES[x], gbit) for x in ("16B", "4KB", "64KB")},
            knobs=ONE_FLOW,
            roles={"64KB": Role.INPUT} if gbit > 10 else {},
            note=_IXGBE if gbit == 10 else "",
        )
        for gbit in (10, 100)
    ),
    _Panel(
        "2",
        "c TCP",
        "flows per core, 4 KB, TCP",
        "rate",
        "rate",
        _PAIR,
        {"1:1": streams(4 * KIB, 6), "4:1": streams(4 * KIB, 24)},
        layout=SHARED,
        note=_PER_CORE,
    ),
    _Panel(
        "2",
        "c UDP",
        "flows per core, 4 KB, UDP",
        "rate",
        "rate",
        _PAIR,
        {"1:1": stress(4 * KIB, flows=6), "4:1": stress(4 * KIB, flows=24)},
        layout=SHARED,
        note=_PER_CORE,
    ),
    _Panel(
        "2",
        "d UDP",
        "one UDP flow at its maximum",
        "latency",
        "half rtt",
        _PAIR,
        dict.fromkeys(_PERCENTILES, overload()),
        ("latency",),
        knobs=ONE_FLOW,
        roles={"*": Role.REPEATED},
        note="the same values as Fig 12c",
    ),
    _Panel(
        "2",
        "d TCP",
        "one TCP flow at its maximum",
        "latency",
        "half rtt",
        _PAIR,
        dict.fromkeys(_PERCENTILES, UNSTATED),
        ("latency",),
        knobs=ONE_FLOW,
    ),
    *(
        _Panel(
            "5",
            "single-flow",
            f"one UDP flow at 500 kpps: {metric} by core",
            "cpu",
            metric,
            _PAIR,
            dict.fromkeys(cores, steady(500e3)),
            data,
            ONE_FLOW,
            roles=_FITTED if metric == "softirq" else _OPEN,
            note=_SIZE if metric == "softirq" else f"{_SIZE}; {_WAITING}",
        )
        for metric, data, cores in (
            ("softirq", ("cpu softirq",), ("core 0", "core 1")),
            ("application", ("cpu user", "cpu system"), ("core 2",)),
        )
    ),
    *(
        _Panel(
            "5",
            "multi-flow",
            f"five UDP flows at 1 Mpps: {metric}, all cores",
            "cpu",
            metric,
            _PAIR,
            {ALL_CORES: steady(*(200e3,) * 5)},
            data,
            layout=SHARED,
            roles=_FITTED if metric == "softirq" else _OPEN,
            note=_SIZE if metric == "softirq" else f"{_SIZE}; {_WAITING}",
        )
        for metric, data in (
            ("softirq", ("cpu softirq",)),
            ("application", ("cpu user", "cpu system")),
        )
    ),
    _Panel(
        "6",
        "sockperf",
        "flame graph of the container: shares of the softirqs",
        "cpu",
        "share",
        (Bar("Con", "overlay"),),
        dict.fromkeys(
            ("mlx5e_napi_poll", "gro_cell_poll", "process_backlog"),
            StageShares(together(16, 400e3)),
        ),
        ("cpu share",),
        ONE_FLOW,
        whole="sum",
        roles=_FITTED,
        note=_FLAME,
    ),
    _Panel(
        "6",
        "memcached",
        "flame graph of memcached: shares of the softirqs",
        "cpu",
        "share",
        (Bar("Con", "overlay"),),
        dict.fromkeys(
            ("mlx5e_napi_poll", "gro_cell_poll", "process_backlog"),
            Missing("the rate is not stated, and process_backlog runs much that is not receiving"),
        ),
        ("cpu share",),
        ONE_FLOW,
        whole="sum",
        roles=_FITTED,
    ),
    *(
        _Panel(
            "9",
            "a",
            f"the first stage's time: {metric}",
            "cpu",
            f"first stage {metric}",
            (Bar("Falcon", "falcon-rps"),),
            {
                "UDP 1 KB": FirstStage("udp", 1),
                "UDP 4 KB": FirstStage("udp", 3),
                "TCP 1 KB": FirstStage("tcp", 1),
                "TCP 4 KB": FirstStage("tcp", 3),
            },
            (f"cpu {metric}",),
            ONE_FLOW,
            whole="cpu",
            roles=_FITTED,
        )
        for metric in ("skb allocation", "GRO", "other")
    ),
    *(
        _Panel(
            "10",
            panel,
            f"one UDP flow, stress, Linux {kernel}, {gbit}G",
            "rate",
            "rate",
            _ALL,
            {x: stress(size, gbit) for x, size in SIZES.items()},
            knobs=ONE_FLOW,
            roles={
                **({"16B": Role.FITTED} if panel == "c" else {}),
                **({"Con 64KB": Role.INPUT} if gbit > 10 else {}),
            },
            note=_IXGBE if gbit == 10 else "",
        )
        for panel, kernel, gbit in (("a", "4.19", 10), ("b", "4.19", 100), ("c", "5.4", 100))
    ),
    *(
        _Panel(
            "11",
            "",
            f"one UDP flow, stress: {metric} by core",
            "cpu",
            metric,
            _ALL,
            dict.fromkeys(cores, overload()),
            data,
            ONE_FLOW,
            roles=_FITTED if metric == "softirq" else {**_OPEN, "Host": Role.FITTED},
            note=_BEYOND if metric == "softirq" else f"{_BEYOND}; {_WAITING}",
        )
        for metric, data, cores in (
            ("softirq", ("cpu softirq",), ("core 0", "core 1", "core 3", "core 4")),
            ("application", ("cpu user", "cpu system"), ("core 2",)),
        )
    ),
    _Panel(
        "12",
        "a",
        "one UDP flow at 400 kpps",
        "latency",
        "half rtt",
        _LATENCIES,
        dict.fromkeys(_PERCENTILES, steady(400e3)),
        ("latency",),
        knobs=ONE_FLOW,
    ),
    _Panel(
        "12",
        "b",
        "one TCP flow, 4 KB",
        "latency",
        "half rtt",
        _LATENCIES,
        dict.fromkeys(_PERCENTILES, paced(4 * KIB, 353e3)),
        ("latency",),
        knobs=ONE_FLOW,
        note="the stated 1 Mpps are taken for frames of the MTU: 353,000 messages/s",
    ),
    _Panel(
        "12",
        "c",
        "one UDP flow at its maximum",
        "latency",
        "half rtt",
        _LATENCIES,
        dict.fromkeys(_PERCENTILES, overload()),
        ("latency",),
        knobs=ONE_FLOW,
    ),
    _Panel(
        "12",
        "d",
        "one TCP flow at its maximum, 16 B",
        "latency",
        "half rtt",
        (HOST, CON, replace(NEAR_HOST, knobs=_UNSPLIT)),
        dict.fromkeys(_PERCENTILES, overloaded(16)),
        ("latency",),
        knobs=ONE_FLOW,
        note=_WINDOW,
    ),
    *(
        _Panel(
            "13",
            panel,
            f"UDP flows, 16 B, Linux {kernel}",
            "rate",
            "rate",
            _ALL,
            _alone({x: clients(int(x), kernel) for x in _FLOWS}),
            layout=SHARED,
            roles={"1": Role.INPUT},
            note=_CLIENT,
        )
        for panel, kernel in (("a", "4.19"), ("b", "5.4"))
    ),
    *(
        _Panel(
            "13",
            panel,
            f"TCP flows, 4 KB, Linux {kernel}",
            "rate",
            "rate",
            (HOST, PLUS, CON, FALCON),
            _alone({x: streams(4 * KIB, int(x)) for x in _FLOWS}),
            layout=SHARED,
            roles={"1": Role.FITTED} if panel == "d" else {},
        )
        for panel, kernel in (("c", "4.19"), ("d", "5.4"))
    ),
    *(
        _Panel(
            "14",
            panel,
            f"containers with a {proto.upper()} flow each: {metric}",
            "cpu" if metric == "cpu" else "rate",
            metric,
            (_CONTAINER, FALCON),
            {
                x: clients(int(x), "5.4")["Con"] if proto == "udp" else streams(4 * KIB, int(x))
                for x in _CONTAINERS
            },
            ("cpu" if metric == "cpu" else "rate",),
            layout=BUSY,
            cores=BUSY.receiving if metric == "cpu" else 1,
            note=_CHURN,
        )
        for panel, proto, metric in (
            ("a", "udp", "rate"),
            ("b", "udp", "cpu"),
            ("c", "tcp", "goodput"),
            ("d", "tcp", "cpu"),
        )
    ),
    *(
        _Panel(
            "15",
            panel,
            f"containers with a {proto.upper()} flow each: FALCON's threshold",
            "rate",
            "rate" if proto == "udp" else "goodput",
            _THRESHOLDS,
            {
                x: clients(int(x), "5.4")["Con"] if proto == "udp" else streams(4 * KIB, int(x))
                for x in _CONTAINERS
            },
            ("rate",),
            layout=BUSY,
            note=_CHURN,
        )
        for panel, proto in (("a", "udp"), ("b", "tcp"))
    ),
    _Panel(
        "16",
        "",
        "one flow becomes more intense: one choice and two",
        "rate",
        "rate",
        (_STATIC, _DYNAMIC),
        {"UDP": surge("udp"), "TCP": surge("tcp")},
        layout=BUSY,
        note="flows and rates are not stated: six flows of 200 kpps, one of them 800 kpps",
    ),
    *(
        _Panel(
            "18",
            f"{count} client{'s' if count > 1 else ''}",
            f"memcached, {count} client{'s' if count > 1 else ''}",
            "latency",
            "latency",
            (_CONTAINER, _SMALL),
            dict.fromkeys(("mean", "p90", "p95", "p99"), caching(count, THINKING["eurosys21"])),
            knobs=SERVER,
            note=_CACHING,
        )
        for count in (1, 10)
    ),
    _Panel(
        "19",
        "a",
        "one UDP flow of 16 B: CPU use by kpps",
        "cpu",
        "cpu",
        _ALL,
        {x: steady(1e3 * int(x)) for x in ("100", "200", "300", "400", "500")},
        knobs=ONE_FLOW,
    ),
    _Panel(
        "19",
        "b",
        "one UDP flow at 400 kpps: NET_RX softirqs",
        "cpu",
        "softirqs",
        _ALL,
        {"NET_RX": steady(400e3)},
        knobs=ONE_FLOW,
    ),
)
