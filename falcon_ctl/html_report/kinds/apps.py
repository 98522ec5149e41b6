"""The report of `apps`: real applications under each system. Pure."""

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
    Mark,
    Section,
    Series,
    Table,
    Text,
)
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import of_system

Run = Mapping[str, Any]
_TIMES = ("mean", "p50", "p99", "p99.9")
_BYTES = "bytes"


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    report = documents.main
    blocks = [
        block for name in dict.fromkeys(run["application"] for run in report["runs"])
        for block in _application(report, name)
    ]  # fmt: skip
    found = [
        Section("applications", "Applications", blocks),
        Section("compared", "Beside the talk and the model", _compared(report["compared"])),
        Section("checks", "Checks", _checks(report["checks"])),
    ]
    return [one for one in found if one.blocks]


def subtitle(documents: Documents) -> str:
    """What ran."""
    report = documents.main
    switch, checks = report["switch"], report["checks"]
    ok = sum(bool(check["ok"]) for check in checks)
    names = ", ".join(dict.fromkeys(run["application"] for run in report["runs"]))
    return (
        f"{names} on {report['topology']}, {switch['target']} {switch['version']}; "
        f"{ok} of {len(checks)} checks hold"
    )


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    records = [
        Record(
            (run["application"], of_system(run["system"])),
            {
                "rate": run["rate"],
                **{f"{name}, µs": _times(run)[name] for name in _TIMES},
                "retransmitted": float(run["tcp"]["retransmitted"]),
                "reordered": float(run["reordered"]),
            },
            run["invalid"],
        )
        for run in documents.main["runs"]
    ]
    return Recorded(("application", "system"), records)


def _application(report: Mapping[str, Any], name: str) -> list[Block]:
    runs = [run for run in report["runs"] if run["application"] == name]
    chosen = report["dilations"].get(name, {"value": 0, "why": ""})
    says = f"{report['loads'].get(name, '')}. Dilation {chosen['value']}: {chosen['why']}."
    if runs[0]["latency_us"]["mean"] is None:
        says += " The client has no latencies: those are of frames in the receive path."
    unit = "Gbit/s" if runs[0]["unit"] == _BYTES else f"1000 {runs[0]['unit']}/s"
    columns = [Column("system"), Column(unit, numeric=True)]
    columns += [Column(f"{time}, µs", numeric=True) for time in _TIMES]
    columns += [Column("of the mean, receive path, µs", numeric=True)]
    columns += [Column("retransmitted", numeric=True), Column("reordered", numeric=True)]
    blocks: list[Block] = [Text(says, "quiet"), Table(name, columns, [_row(run) for run in runs])]
    wrong = [(of_system(run["system"]), what) for run in runs for what in _wrong(run)]
    if wrong:
        blocks.append(Table(f"{name}: what was wrong", [Column("system"), Column("what")], wrong))
    chart = _chart(name, [run for run in runs if not run["invalid"] and not run["errors"]])
    return [*blocks, chart] if chart else blocks


def _wrong(run: Run) -> list[str]:
    return [*run["errors"], *([run["invalid"]] if run["invalid"] else [])]


def _times(run: Run) -> Mapping[str, float | None]:
    """The client's latencies, or the receive path's where it has none."""
    found: Mapping[str, float | None] = run["latency_us"]
    return run["receive_path_us"] if found["mean"] is None else found


def _rate(run: Run) -> float:
    value = float(run["rate"])
    return value * 8 / 1e9 if run["unit"] == _BYTES else value / 1000


def _row(run: Run) -> list[Cell]:
    failed, resent = bool(run["errors"]), run["tcp"]["retransmitted"]
    rate: Cell = f"{_rate(run):,.1f}"
    if failed or run["invalid"]:
        rate = Mark("failed", "bad") if failed else Mark("invalid", "warning")
    times = [None if failed or run["invalid"] else _times(run)[name] for name in _TIMES]
    path = run["receive_path_us"]["mean"]
    return [
        of_system(run["system"]),
        rate,
        *("-" if us is None else f"{us:,.1f}" for us in times),
        "-" if path is None else f"{path:,.1f}",
        f"{resent:,}",
        Mark(f"{run['reordered']:,}", "warning") if run["reordered"] else "0",
    ]


def _chart(name: str, runs: Sequence[Run]) -> Chart | None:
    if len(runs) < 2:
        return None
    systems = [of_system(run["system"]) for run in runs]
    series = [Series(time, [_times(run)[time] for run in runs]) for time in ("mean", "p99")]
    says = "Mean and 99th percentile under each system: "
    says += ", ".join(
        f"{system} {mean or 0:,.1f} and {p99 or 0:,.1f} µs"
        for system, mean, p99 in zip(systems, series[0].y, series[1].y, strict=True)
    )
    return Chart(f"Latency, {name}", f"{says}.", "bars", systems, "system", "µs", series)


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not rows:
        return []
    names = ("latency", "the talk", "the model, same load", "here", "overlay, µs", "FALCON, µs")
    columns = [Column(name, numeric=name != "latency") for name in names]
    found: list[list[Cell]] = [
        [
            f"{row['application']}, {row['metric']}",
            "-" if row["talk"] is None else f"{row['talk']:+.0%}",
            f"{row['model']:+.0%}",
            Mark("invalid", "warning") if row["invalid"] else f"{row['here']:+.0%}",
            f"{row['overlay_us']:,.1f}",
            f"{row['falcon_us']:,.1f}",
        ]
        for row in rows
    ]
    return [Table("FALCON's latency over the overlay's", columns, found)]


def _checks(checks: Sequence[Mapping[str, Any]]) -> list[Block]:
    failed = sum(not check["ok"] for check in checks)
    text = f"{failed} of {len(checks)} checks failed." if failed else f"All {len(checks)} hold."
    ones = [Check(check["name"], bool(check["ok"]), check["evidence"]) for check in checks]
    return [Text(text, "bad" if failed else "good"), Checks(ones)]
