"""The panels of mFlow's paper (IPDPS 2023) that are about receiving."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from falcon_ctl.papers.layout import MFLOW as MANY
from falcon_ctl.papers.layout import MFLOW_RPS, ONE_FLOW_MFLOW, SERVER
from falcon_ctl.papers.loads import BEFORE_DROPS, SIZES, THINKING, caching, overloaded, stress
from falcon_ctl.papers.loads import streams as any_streams
from falcon_ctl.papers.panel import ALL_CORES, Bar, Panel, Point, Role
from falcon_ctl.virtual.measure import Closed
from falcon_ctl.virtual.peak import with_knobs

# FALCON's two variants: a core for each device; or the first stage split and the rest behind it, as
# in the published kernel, of which Fig 4b shows two cores.
_FUNCTION = {"falcon": {"tcp_pipelining": False}}
_BATCH = {"mflow_batch": 256}
NATIVE = Bar("Native", "host")
CON = Bar("Con (vanilla)", "overlay", "Native")
RPS = Bar("RPS", "rps", "Con (vanilla)")
DEVICE = Bar("Falcon device-level", "falcon-pipelining", "Con (vanilla)")
FUNCTION = Bar("Falcon function-level", "falcon", "Con (vanilla)", _FUNCTION)
FALCON = Bar("Falcon", "falcon", "Con (vanilla)", _FUNCTION)
MFLOW = Bar("mFlow", "mflow", "Con (vanilla)", _BATCH)
# Of one flow: two cores that its frames are spread over.
MFLOW_TWO = Bar("mFlow", "mflow", "Con (vanilla)", {**_BATCH, "rps_cpus": [2, 3]})

_ONE = (NATIVE, CON, RPS, DEVICE, FUNCTION)
_FIVE = (NATIVE, CON, RPS, FALCON, MFLOW_TWO)
_FLOWS = ("1", "5", "10", "20")
_PERCENTILES = ("p50", "p90", "p99", "p99.99")
_THREE = ("16B", "4KB", "64KB")
_AGAIN = {bar.name: Role.REPEATED for bar in (CON, RPS, FALCON)}
_LARGE = {"TCP": Role.PREDICTED, "UDP": Role.INPUT}  # clients limit the host's datagrams of 64 KB
_CORES = (
    ("softirq", ("cpu softirq",), ("core 1", "core 2", "core 3")),
    ("application", ("cpu user", "cpu system"), ("core 0",)),
)
_WINDOW = "the window is not stated: as much as the NIC's ring holds"
_Panel = partial(Panel, "ipdps23")
streams = partial(any_streams, nagle=True)


def _one_flow(load: Closed) -> Mapping[str, Point]:
    """The load of each system on the cores that it has for one flow."""
    return {bar.name: with_knobs(load, {**ONE_FLOW_MFLOW, **bar.knobs}) for bar in _FIVE}


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
            roles=_AGAIN if figure == "8" else {"Con (vanilla) 64KB": _LARGE[proto]},
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
            roles={"*": Role.REPEATED},
        )
        for metric, data, cores in _CORES
    ),
    _Panel(
        "4",
        "b",
        "one TCP flow, 64 KB: share of all cores' time",
        "cpu",
        "core share",
        _ONE,
        dict.fromkeys(("core 0", "core 1", "core 2", "core 3"), streams(SIZES["64KB"])),
        ("cpu softirq", "cpu user", "cpu system"),
        ONE_FLOW_MFLOW,
        whole="sum",
        roles={"*": Role.FITTED},
        note="no core is full in the figure, and one is in the model: a busy sender leaves no gaps",
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
                overloaded(SIZES[x], nagle=True)
                if proto == "TCP"
                else stress(SIZES[x], beyond=BEFORE_DROPS),
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
            {
                **{count: streams(SIZES[x], int(count)) for count in _FLOWS},
                "1": _one_flow(streams(SIZES[x])),
            },
            ("rate",),
            knobs=MFLOW_RPS,
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
        (Bar("Falcon", "falcon", "", _FUNCTION), Bar("mFlow", "mflow", "Falcon", _BATCH)),
        {ALL_CORES: streams(SIZES["64KB"], 10)},
        knobs=MFLOW_RPS,
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
            dict.fromkeys(("mean", "p90", "p95", "p99"), caching(count, THINKING["ipdps23"])),
            knobs={**SERVER, "rps_cpus": [6, 7]},
            note="the rate is not stated: ten clients wait 1.3 times as long as one",
        )
        for count in (1, 10)
    ),
)
