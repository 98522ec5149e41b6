"""The blocks that a page consists of: plain values; templates escape all text and lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from falcon_ctl.html_report.topology.layers import Drawing


class Mark(NamedTuple):
    """A cell's text with a tone: ``good``, ``bad``, ``warning`` or ``quiet``."""

    text: str
    tone: str


Cell = str | Mark


class Column(NamedTuple):
    """A table's column; numbers are aligned to the right."""

    name: str
    numeric: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph; a `tone` makes it a notice."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Command:
    """A command line to copy, and what it does."""

    kind: ClassVar[str] = "command"
    text: str
    does: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and their values."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table with row headers in its first `headers` columns.

    `more`: how many rows are left out, and `where` they are. `folded`: shown on demand.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    headers: int = 1
    more: int = 0
    where: str = ""
    folded: bool = False

    def cut(self, most: int) -> Table:
        """With at most so many rows."""
        left = len(self.rows) - most
        if left <= 0:
            return self
        return Table(
            self.caption,
            self.columns,
            self.rows[:most],
            self.headers,
            self.more + left,
            self.where,
            self.folded,
        )


@dataclass(frozen=True)
class Chart:
    """An interactive chart, with its numbers as a table.

    Attributes:
        title: above it.
        says: in a sentence, what the chart shows, for those who do not see it.
        form: ``bars`` (x: names), ``lines`` or ``steps`` (x: numbers).
        x: values of the x axis, and
        x_label, y_label: what the axes are.
        series: one a line or colour: `Series`.
        log: the axis of y is logarithmic.
        x_log: likewise of x.
        where: the file that has all numbers, for the table's end.
    """

    kind: ClassVar[str] = "chart"
    title: str
    says: str
    form: str
    x: Sequence[str] | Sequence[float]
    x_label: str
    y_label: str
    series: Sequence[Series]
    log: bool = False
    x_log: bool = False
    where: str = ""

    @property
    def table(self) -> Table:
        """Its numbers."""
        columns = [Column(self.x_label or "of")]
        for one in self.series:
            columns.append(Column(one.label, numeric=True))
            columns += [Column(f"{one.label}, {name}", numeric=True) for name in _edges(one)]
        rows = []
        values: Sequence[str | float] = self.x
        for place, at in enumerate(values):
            row: list[Cell] = [at if isinstance(at, str) else plain(at)]
            for one in self.series:
                row.append(plain(one.y[place]))
                row += [plain(edge[place]) for edge in _edges(one).values()]
            rows.append(row)
        caption = f"{self.title}: {self.y_label}"
        return Table(caption, columns, rows, where=self.where, folded=True)

    def document(self) -> dict[str, Any]:
        """For the page's program."""
        return {
            "form": self.form,
            "x": list(self.x),
            "xLabel": self.x_label,
            "yLabel": self.y_label,
            "log": self.log,
            "xLog": self.x_log,
            "series": [one.document() for one in self.series],
        }


@dataclass(frozen=True)
class Series:
    """A chart's line or colour: values of y, and where known their range or an expected value."""

    label: str
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    expected: Sequence[float | None] = ()
    expected_label: str = "model"
    style: int | None = None  # colour and pattern; None: by its place in the chart

    def document(self) -> dict[str, Any]:
        """For the page's program."""
        found: dict[str, Any] = {"label": self.label, "y": list(self.y)}
        for name in ("low", "high", "expected"):
            if values := getattr(self, name):
                found[name] = list(values)
        if self.expected:
            found["expectedLabel"] = self.expected_label
        if self.style is not None:
            found["style"] = self.style
        return found


def _edges(one: Series) -> Mapping[str, Sequence[float | None]]:
    named = {"5 %": one.low, "95 %": one.high, one.expected_label: one.expected}
    return {name: values for name, values in named.items() if values}


def plain(value: float | None) -> str:
    """A number for a table: four digits, or all of a large one; a dash for none."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class Check:
    """A check's name, verdict and evidence."""

    name: str
    ok: bool
    evidence: str


@dataclass(frozen=True)
class Checks:
    """All checks of a run."""

    kind: ClassVar[str] = "checks"
    checks: Sequence[Check]


@dataclass(frozen=True)
class Topology:
    """The network, drawn, and its links as a table."""

    kind: ClassVar[str] = "topology"
    drawing: Drawing
    links: Table


@dataclass(frozen=True)
class Cores:
    """What the CPUs of some runs did: a bar for each CPU, divided by stage."""

    kind: ClassVar[str] = "cores"
    title: str
    runs: Sequence[CoresOfRun]


@dataclass(frozen=True)
class CoresOfRun:
    """One run's CPUs: `shares` are (CPU, (stage kind, percent)...)."""

    label: str
    shares: Sequence[tuple[str, Sequence[tuple[str, float]]]]


@dataclass(frozen=True)
class Frames:
    """Frames to follow through the host: runs as `capture.excerpt` has them, for the program.

    `titles`: label → what readers call the run. `hops`: label → what its frames met in the
    switches.
    """

    kind: ClassVar[str] = "frames"
    runs: Sequence[Mapping[str, Any]]
    titles: Mapping[str, str]
    hops: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """For the page's program."""
        return {
            "runs": [{**run, "title": self.titles[run["label"]]} for run in self.runs],
            "hops": dict(self.hops),
        }


Block = Text | Command | Facts | Table | Chart | Checks | Topology | Cores | Frames


@dataclass(frozen=True)
class Section:
    """A heading with an anchor, and blocks."""

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole report; `invalid`: why its numbers must not be used, "" when they may."""

    title: str
    subtitle: str
    invalid: str
    sections: Sequence[Section]
