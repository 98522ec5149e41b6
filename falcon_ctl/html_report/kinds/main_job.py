"""The main job's report: network, measurements, charts, checks, packets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.html_report.blocks import (
    Block,
    Cell,
    Chart,
    Check,
    Checks,
    Column,
    Cores,
    CoresOfRun,
    Frames,
    Mark,
    Section,
    Series,
    Table,
    Text,
    Topology,
)
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import in_order, of_system
from falcon_ctl.html_report.topology import layers

Live = Mapping[str, Any]
Styles = Mapping[str, int]  # of systems: the same one in all charts
_COLUMNS = (
    Column("system"),
    Column("load"),
    Column("kpps", numeric=True),
    Column("model, kpps", numeric=True),
    Column("p50, µs", numeric=True),
    Column("p99, µs", numeric=True),
    Column("CPU, ns a packet", numeric=True),
    Column("reordered, %", numeric=True),
    Column("lost", numeric=True),
    Column("sent", numeric=True),
    Column("busiest cores, CPU:%"),
)


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    report, live = documents.main, documents.main["live"]
    found = [
        Section("network", "The network", _network(documents)),
        Section("measurements", "Measurements", _measurements(live)),
        Section("charts", "Charts", list(_charts(live))),
        Section("cores", "What the cores did", _cores(documents)),
        Section("packets", "Packets", _packets(documents)),
        Section("checks", "Checks", _checks(report["checks"])),
    ]
    return [one for one in found if one.blocks]


def subtitle(documents: Documents) -> str:
    """What ran."""
    report = documents.main
    switch = report["switch"]
    ok = sum(bool(check["ok"]) for check in report["checks"])
    return (
        f"{report['topology']} on {switch['target']} {switch['version']}; "
        f"{ok} of {len(report['checks'])} checks hold"
    )


def _checks(checks: Sequence[Mapping[str, Any]]) -> list[Block]:
    failed = [check for check in checks if not check["ok"]]
    if not checks:
        return [Text("The run has no checks.", "warning")]
    text = (
        f"{len(failed)} of {len(checks)} checks failed."
        if failed
        else f"All {len(checks)} checks hold."
    )
    ones = [Check(check["name"], bool(check["ok"]), check["evidence"]) for check in checks]
    return [Text(text, "bad" if failed else "good"), Checks(ones)]


def _network(documents: Documents) -> list[Block]:
    topology = documents.topology
    if topology is None:
        return []
    rows = [(str(link.a), str(link.b)) for link in topology.links]
    links = Table("Links", [Column("from"), Column("to")], rows, folded=True)
    return [Topology(layers.draw(topology), links)]


# -- measurements ----------------------------------------------------------------------------------


def _measurements(live: Sequence[Live]) -> list[Block]:
    says = "Rates and times are the modelled host's; frames are real."
    blocks: list[Block] = [
        Text(says, "quiet"),
        Table("Measured, in model time", _COLUMNS, [_row(one) for one in live], headers=2),
    ]
    lost = [(name(one), place, f"{count:,}") for one in live for place, count in _places(one)]
    if lost:
        columns = [Column("run"), Column("where"), Column("frames", numeric=True)]
        blocks.append(Table("Frames that were lost", columns, lost))
    marks = [(name(one), one["invalid"]) for one in live if one["invalid"]]
    if marks:
        blocks.append(Table("Runs whose rates and times are invalid", _WHY, marks))
    return blocks


_WHY = (Column("run"), Column("why"))


def _places(one: Live) -> list[tuple[str, int]]:
    others = [(f"{place} (others' frames)", n) for place, n in one["foreign_drops"].items()]
    return [*sorted(one["drops"].items()), *sorted(others)]


def name(one: Live) -> str:
    """What readers call a run."""
    return f"{of_system(one['system'])}, {one['proto'].upper()} {one.get('load', '')}".rstrip()


def _row(one: Live) -> list[Cell]:
    invalid, predicted = one["invalid"], one.get("predicted_pps", 0)
    rate: Cell = f"{one['pps'] / 1000:,.0f}"
    if invalid:
        rate = Mark(invalid.split(":", 1)[0], "warning")
    times = ["-" if invalid or us is None else f"{us:,.1f}" for us in one["latency_us"].values()]
    cpu, ratio = one.get("cpu_ns_per_packet"), one.get("reordered_ratio", 0)
    lost = sum(one["drops"].values())
    return [
        of_system(one["system"]),
        f"{one['proto']} {one.get('load', '')}".rstrip(),
        rate,
        f"{predicted / 1000:,.0f}" if predicted else "-",
        *times,
        "-" if invalid or cpu is None else f"{cpu:,.0f}",
        Mark(f"{100 * ratio:.2f}", "warning") if one["reordered"] else "0",
        Mark(f"{lost:,}", "warning") if lost else "0",
        f"{one['sent']:,}",
        _busiest(one.get("cores_percent", {})),
    ]


def _busiest(loads: Mapping[str, float], most: int = 3) -> str:
    found = sorted(loads.items(), key=lambda item: -item[1])[:most]
    return " ".join(f"{cpu}:{percent:.0f}" for cpu, percent in found if percent >= 1)


_TIMED = ("kpps", "p50, µs", "p99, µs", "CPU, ns")  # what an invalid run has not


def _timed(one: Live) -> dict[str, float | None]:
    latency = one["latency_us"]
    values = one["pps"] / 1000, latency["p50"], latency["p99"], one.get("cpu_ns_per_packet")
    return dict(zip(_TIMED, values, strict=True))


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    records = [
        Record(
            (of_system(one["system"]), one["proto"], one.get("load", "")),
            {
                **(dict.fromkeys(_TIMED) if one["invalid"] else _timed(one)),
                "reordered": float(one["reordered"]),
                "lost": float(sum(one["drops"].values())),
            },
            one["invalid"],
        )
        for one in documents.main["live"]
    ]
    return Recorded(("system", "protocol", "load"), records)


# -- charts ----------------------------------------------------------------------------------------


def _charts(live: Sequence[Live]) -> list[Block]:
    valid = [one for one in live if not one["invalid"]]
    systems = dict.fromkeys(one["system"] for one in live)
    styles = {system: place for place, system in enumerate(systems)}
    blocks: list[Block] = []
    if rates := _rates(valid, styles, [name(one) for one in live if one["invalid"]]):
        blocks.append(rates)
    for load in dict.fromkeys((one["proto"], one.get("load", "")) for one in valid):
        same = [one for one in valid if (one["proto"], one.get("load", "")) == load]
        if chart := _latencies(same, *load, styles):
            blocks.append(chart)
    return blocks


def _rates(valid: Sequence[Live], styles: Styles, hidden: Sequence[str]) -> Chart | None:
    """Bars of the loads that several systems had; all, where there is only one system."""
    systems = list(dict.fromkeys(one["system"] for one in valid))
    loads = list(dict.fromkeys((one["proto"], one.get("load", "")) for one in valid))
    shared = [load for load in loads if len(_by_system(valid, load)) > 1 or len(systems) == 1]
    if not shared:
        return None
    series = [
        Series(
            of_system(system),
            [_kpps(_by_system(valid, load).get(system), "pps") for load in shared],
            expected=[
                _kpps(_by_system(valid, load).get(system), "predicted_pps") for load in shared
            ],
            expected_label="model's prediction",
            style=styles[system],
        )
        for system in systems
        if any(system in _by_system(valid, load) for load in shared)
    ]
    best = max(
        ((s.label, load, y) for s in series for load, y in zip(shared, s.y, strict=True) if y),
        key=lambda item: item[2],
        default=None,
    )
    says = "Delivered packets, for each load and system; a line across a bar is the model's rate."
    if best:
        says += f" The highest: {best[0]}, {' '.join(best[1])}, {best[2]:,.0f} kpps."
    if hidden:
        says += f" Left out, since they are invalid: {'; '.join(hidden)}."
    names = [f"{proto.upper()} {load}" for proto, load in shared]
    return Chart("Packet rate", says, "bars", names, "load", "1000 packets/s", series)


def _by_system(live: Sequence[Live], load: tuple[str, str]) -> dict[str, Live]:
    return {one["system"]: one for one in live if (one["proto"], one.get("load", "")) == load}


def _kpps(one: Live | None, key: str) -> float | None:
    return one[key] / 1000 if one and one.get(key) else None


def _latencies(same: Sequence[Live], proto: str, load: str, styles: Styles) -> Chart | None:
    """Latency by percentile: what share of the packets was at least as fast."""
    found = {
        one["system"]: one["latency_quantiles"] for one in same if one.get("latency_quantiles")
    }
    if len(same) < 2 or not found:
        return None
    percent = next(iter(found.values()))["percent"]
    series = [Series(of_system(name), q["us"], style=styles[name]) for name, q in found.items()]
    middle = {one.label: one.y[percent.index(50)] for one in series}
    says = "At each percentile, the latency that this share of the packets stayed below. Median: "
    says += ", ".join(f"{label} {us:,.1f} µs" for label, us in middle.items() if us is not None)
    return Chart(
        f"Latency, {proto.upper()} {load}",
        f"{says}.",
        "lines",
        percent,
        "percentile",
        "latency, µs",
        series,
        log=True,
    )


# -- from the recordings ---------------------------------------------------------------------------


def titles(documents: Documents) -> dict[str, str]:
    """Label of a recording → what readers call the run."""
    live = documents.main["live"]
    return {f"{one['system']} {one['proto']} {one.get('load', '')}": name(one) for one in live}


def _cores(documents: Documents) -> list[Block]:
    runs = documents.files.get("frames.json", {}).get("runs", [])
    named = titles(documents)
    ones = [
        CoresOfRun(
            named.get(run["label"], run["label"]),
            [(cpu, in_order(kinds)) for cpu, kinds in run["cores"].items()],
        )
        for run in runs
        if run["label"].endswith((" saturating", " stream"))
    ]
    return [Cores("Each core's work, by stage", ones)] if ones else []


def _packets(documents: Documents) -> list[Block]:
    found = documents.files.get("frames.json", {})
    named = titles(documents)
    order = list(named)
    runs = sorted(
        (run for run in found.get("runs", []) if run["frames"]),
        key=lambda run: order.index(run["label"]) if run["label"] in named else len(order),
    )
    if not runs:
        return []
    # The first one is shown at first; that of the discovery is there to choose flows.
    runs.sort(key=lambda run: run["label"].endswith(" discovery"))
    labels = {run["label"]: named.get(run["label"], run["label"]) for run in runs}
    return [Frames(runs, labels, found.get("hops", {}))]
