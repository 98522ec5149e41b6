"""The measurements that the papers print, as read from their figures: one CSV file for each paper.

A row is one bar, one vertex of a line or one segment of a stack. What a paper does not state is
empty. `error` is the error of reading, not the scatter of the measurement: how far a drawn
coordinate may be off, in the row's unit. `x` is the place on the figure's axis.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

from falcon_ctl.errors import UsageError


@dataclass(frozen=True)
class Paper:
    """A paper: how it is cited, the machine that it measured on, and the cost profile for that."""

    name: str
    citation: str
    machine: str
    costs: str


PAPERS = {
    paper.name: paper
    for paper in (
        Paper(
            "eurosys21",
            'J. Lei, M. Munikar, K. Suo, H. Lu, J. Rao: "Parallelizing Packet Processing in '
            'Container Overlay Networks", EuroSys 2021 (FALCON)',
            "2 x Xeon Silver 4114 (10 cores, 2.2 GHz, turbo on), ConnectX-5 EN 100G and X550T 10G",
            "xeon-silver-4114",
        ),
        Paper(
            "ipdps23",
            'J. Lei, M. Munikar, H. Lu, J. Rao: "Accelerating Packet Processing in Container '
            'Overlay Networks via Packet-level Parallelism", IPDPS 2023 (mFlow)',
            "2 x Xeon Gold 5218 (16 cores, 2.3 GHz), ConnectX-5 EN 100G",
            "xeon-gold-5218",
        ),
    )
}


class Unit(NamedTuple):
    """What a unit is of, and how many of the plain unit it is."""

    of: str
    factor: float


UNITS = {
    "Gbps": Unit("bit/s", 1e9),
    "Kpps": Unit("messages/s", 1e3),
    "Mpps": Unit("messages/s", 1e6),
    "ms": Unit("ns", 1e6),
    "us": Unit("ns", 1e3),
    "%": Unit("percent", 1),
    "1000/s": Unit("1/s", 1e3),
    "count": Unit("count", 1),
    "ratio": Unit("ratio", 1),
}
KERNELS = ("", "4.19", "5.4", "5.7")
NICS = ("", "10G", "100G")
PROTOS = ("", "udp", "tcp")


@dataclass(frozen=True)
class Value:
    """One measurement; the fields are the file's columns. `bytes`: of a message."""

    figure: str
    panel: str
    kernel: str
    nic: str
    proto: str
    bytes: int | None
    flows: int | None
    system: str
    metric: str
    unit: str
    x: str
    value: float
    error: float

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What distinguishes a value from all others of its paper."""
        return self.figure, self.panel, self.metric, self.system, self.x


COLUMNS = tuple(field.name for field in fields(Value))


@cache
def load(paper: str) -> tuple[Value, ...]:
    """All values of a paper of `PAPERS`, in the order of its file.

    Raises:
        UsageError: the file is wrong; names its line.
    """
    path = Path(__file__).with_name(f"{paper}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(parse(path.name, file))


def parse(name: str, lines: Iterable[str]) -> Iterator[Value]:
    """Values of a file's lines; `name` is the file's, for errors.

    Raises:
        UsageError: a column or unit is unknown, a value is no number, or a row comes twice.
    """
    reader = csv.reader(lines)
    columns = next(reader, [])
    odd = sorted(set(columns) ^ set(COLUMNS))
    if odd:
        what = "unknown" if odd[0] in columns else "missing"
        raise UsageError(f"{name}, line 1", f"{what} column {odd[0]!r}", ", ".join(COLUMNS))
    lines_of: dict[tuple[str, ...], int] = {}
    for row in reader:
        where = f"{name}, line {reader.line_num}"
        if len(row) != len(columns):
            raise UsageError(where, f"{len(row)} cells", f"{len(columns)}, one for each column")
        value = _value(where, dict(zip(columns, row, strict=True)))
        first = lines_of.setdefault(value.key, reader.line_num)
        if first != reader.line_num:
            raise UsageError(where, f"the same measurement as line {first}", "each of them once")
        yield value


def _value(where: str, cells: dict[str, str]) -> Value:
    for column, allowed in (("kernel", KERNELS), ("nic", NICS), ("proto", PROTOS)):
        if cells[column] not in allowed:
            expected = f"one of {', '.join(filter(None, allowed))}, or nothing"
            raise UsageError(where, f"{column} {cells[column]!r}", expected)
    if cells["unit"] not in UNITS:
        raise UsageError(where, f"unit {cells['unit']!r}", f"one of {', '.join(UNITS)}")
    for column in ("figure", "system", "metric"):
        if not cells[column]:
            raise UsageError(where, f"no {column}", "its name")
    return Value(
        figure=cells["figure"],
        panel=cells["panel"],
        kernel=cells["kernel"],
        nic=cells["nic"],
        proto=cells["proto"],
        bytes=_count(where, "bytes", cells["bytes"]),
        flows=_count(where, "flows", cells["flows"]),
        system=cells["system"],
        metric=cells["metric"],
        unit=cells["unit"],
        x=cells["x"],
        value=_number(where, "value", cells["value"]),
        error=_number(where, "error", cells["error"]),
    )


def _number(where: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(where, f"{column} {text!r}", "a number, 0 or more")
    return number


def _count(where: str, column: str, text: str) -> int | None:
    if text and not (text.isdecimal() and int(text)):
        raise UsageError(where, f"{column} {text!r}", "a whole number above 0, or nothing")
    return int(text) if text else None
