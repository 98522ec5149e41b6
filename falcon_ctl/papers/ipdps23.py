"""The panels of mFlow's paper (IPDPS 2023) that are about receiving."""

from __future__ import annotations

from functools import partial

from falcon_ctl.papers.layout import MFLOW as MANY
from falcon_ctl.papers.layout import ONE_FLOW_MFLOW, SHARED
from falcon_ctl.papers.loads import SIZES, caching, overloaded, streams, stress
from falcon_ctl.papers.panel import ALL_CORES, Bar, Panel, Role

# FALCON's two variants: a core for each device, or the first stage split and the rest behind it.
# Both as published: a flow that moves may overtake itself.
_PUBLISHED = {"falcon": {"order": "none"}}
_FUNCTION = {"falcon": {"tcp_pipelining": False, "order": "none"}}
_BATCH = {"mflow_batch": 256}
NATIVE = Bar("Native", "host")
CON = Bar("Con (vanilla)", "overlay", "Native")
RPS = Bar("RPS", "rps", "Con (vanilla)")
DEVICE = Bar("Falcon device-level", "falcon-pipelining", "Con (vanilla)", _PUBLISHED)
FUNCTION = Bar("Falcon function-level", "falcon-published", "Con (vanilla)", _FUNCTION)
FALCON = Bar("Falcon", "falcon-published", "Con (vanilla)", _FUNCTION)
MFLOW = Bar("mFlow", "mflow", "Con (vanilla)", _BATCH)
# Of one flow: two cores that its frames are spread over.
MFLOW_TWO = Bar("mFlow", "mflow", "Con (vanilla)", {**_BATCH, "rps_cpus": [2, 3]})

_ONE = (NATIVE, CON, RPS, DEVICE, FUNCTION)
_FIVE = (NATIVE, CON, RPS, FALCON, MFLOW_TWO)
_FLOWS = ("1", "5", "10", "20")
_PERCENTILES = ("p50", "p90", "p99", "p99.99")
_THREE = ("16B", "4KB", "64KB")
_AGAIN = {bar.name: Role.REPEATED for bar in (CON, RPS, FALCON)}
_CORES = (
    ("softirq", ("cpu softirq",), ("core 1", "core 2", "core 3")),
    ("application", ("cpu user", "cpu system"), ("core 0",)),
)
_WINDOW = "the window is not stated; it decides the latency, and not the ratio"
_Panel = partial(Panel, "ipdps23")

PANELS: tuple[Panel, ...] = (
    *(
        _Panel(
            figure,
            f"a {proto}",
            f"one {proto} flow at its maximum",
            "rate",
            "goodput",
            bars,
            {x: streams(SIZES[x]) if proto == "TCP" else stress(SIZES[x]) for x in _THREE},
            ("rate",),
            knobs=ONE_FLOW_MFLOW,
            roles=_AGAIN if figure == "8" else {},
        )
        for figure, bars in (("4", _ONE), ("8", _FIVE))
        for proto in ("TCP", "UDP")
    ),
    *(
        _Panel(
            "4",
            "b",
            f"one TCP flow, 64 KB: {metric} by core",
            "cpu",
            metric,
            _ONE,
            dict.fromkeys(cores, streams(SIZES["64KB"])),
            data,
            ONE_FLOW_MFLOW,
            roles={"*": Role.FITTED},
        )
        for metric, data, cores in _CORES
    ),
    *(
        _Panel(
            "8",
            f"b {proto}",
            f"one {proto} flow, 64 KB: mFlow's {metric}, all cores",
            "cpu",
            metric,
            (Bar("mFlow", "mflow", "", MFLOW_TWO.knobs),),
            {ALL_CORES: streams(SIZES["64KB"]) if proto == "TCP" else stress(SIZES["64KB"])},
            data,
            ONE_FLOW_MFLOW,
        )
        for proto in ("TCP", "UDP")
        for metric, data, _ in _CORES
    ),
    *(
        _Panel(
            "9",
            f"{panel} {proto}",
            f"one {proto} flow at its maximum, {x}",
            "latency",
            "half rtt",
            _FIVE,
            dict.fromkeys(
                _PERCENTILES,
                overloaded(SIZES[x]) if proto == "TCP" else stress(SIZES[x], full=True),
            ),
            ("latency",),
            knobs=ONE_FLOW_MFLOW,
            note=_WINDOW if proto == "TCP" else "",
        )
        for panel, x in zip("abc", _THREE, strict=True)
        for proto in ("TCP", "UDP")
    ),
    *(
        _Panel(
            "10",
            panel,
            f"TCP flows, {x}",
            "rate",
            "goodput",
            (NATIVE, CON, RPS, FALCON, MFLOW),
            {count: streams(SIZES[x], int(count)) for count in _FLOWS},
            ("rate",),
            layout=MANY,
            roles={"1": Role.REPEATED},
        )
        for panel, x in zip("abc", _THREE, strict=True)
    ),
    _Panel(
        "12",
        "",
        "ten TCP flows, 64 KB: CPU use of all cores",
        "cpu",
        "cpu",
        (Bar("Falcon", "falcon-published", "", _FUNCTION), Bar("mFlow", "mflow", "Falcon", _BATCH)),
        {ALL_CORES: streams(SIZES["64KB"], 10)},
        layout=MANY,
    ),
    *(
        _Panel(
            "13",
            f"{count} client{'s' if count > 1 else ''}",
            f"memcached, {count} client{'s' if count > 1 else ''}",
            "latency",
            "latency",
            (Bar("Con (vanilla)", "overlay"), FALCON, MFLOW),
            dict.fromkeys(("mean", "p90", "p95", "p99"), caching(count)),
            layout=SHARED,
            note="the rate is not stated: ten connections a client, 100 us of thinking",
        )
        for count in (1, 10)
    ),
)
