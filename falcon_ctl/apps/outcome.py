"""The result of one application under one system. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.apps.application import QUANTILES, Reading
from falcon_ctl.apps.kernel_tcp import TcpCounts
from falcon_ctl.apps.passages import Passages
from falcon_ctl.traffic.tcp import Transfer


@dataclass(frozen=True)
class Outcome:
    """One run; rates and latencies are the model's, unless they are said to be the wall's.

    Attributes:
        application, system: their names.
        unit: of the application's operations.
        dilation: wall time over model time.
        reading: what the client said, in wall time; None when it said nothing that can be read.
        there: frames that the server's container received.
        back: frames that the client's container received, where that machine is dilated, too.
        guarded: the system has an order guard.
        tcp: what the kernels of both containers counted while the client ran.
        transfers: those whose bytes were compared.
        errors: what went wrong; empty: nothing.
        invalid: why rates and latencies are not to be used; "" when they are.
        loads: percent of each emulated CPU of the server's machine.
        said: what server and client printed, by program.
    """

    application: str
    system: str
    unit: str
    dilation: int
    reading: Reading | None = None
    there: Passages = field(default_factory=Passages)
    back: Passages | None = None
    guarded: bool = True
    tcp: TcpCounts = field(default_factory=TcpCounts)
    transfers: Sequence[Transfer] = ()
    errors: Sequence[str] = ()
    invalid: str = ""
    loads: Mapping[int, float] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name for messages."""
        return f"{self.application} {self.system}"

    @property
    def troubles(self) -> list[str]:
        """All that went wrong.

        A full queue may drop datagrams; those that no host has dropped are missing.
        """
        if self.reading is None:
            return list(self.errors)
        missing = self.reading.lost - sum(self.drops.values())
        lost = [f"{missing} messages are missing that no host dropped"] if missing > 0 else []
        return [*self.errors, *self.reading.errors, *lost]

    @property
    def drops(self) -> dict[str, int]:
        """Frames that the receiving hosts dropped, by reason."""
        return {**self.there.drops, **(self.back.drops if self.back else {})}

    @property
    def rate(self) -> float:
        """Operations/s of the model."""
        return self.reading.rate * self.dilation if self.reading else 0.0

    @property
    def mean_us(self) -> float | None:
        """Mean latency of the operations; None where the client has none."""
        return self._model_us(self.reading.mean if self.reading else None)

    def quantile_us(self, quantile: float) -> float | None:
        """A quantile of them; None where the client has none."""
        return self._model_us(self.reading.quantiles.get(quantile) if self.reading else None)

    def _model_us(self, seconds: float | None) -> float | None:
        return None if seconds is None else 1e6 * seconds / self.dilation

    @property
    def path_us(self) -> float:
        """Mean time of a frame in the receive paths: there, and back where that is dilated."""
        back = self.back.mean_ns if self.back else 0.0
        return (self.there.mean_ns + back) / 1000

    @property
    def rest_us(self) -> float | None:
        """Of the mean latency, what sending, wire and programs took by the wall clock, model µs.

        None without latencies, and where an answer is many frames, whose times do not add up.
        """
        if self.mean_us is None or self.back is not None:
            return None
        return self.mean_us - self.path_us

    @property
    def overtaken(self) -> int:
        """Frames that were reordered in the receive paths.

        By their records, which know the flows; the hosts' own counters take two of 40 connections
        for one in every twentieth run (`rxpath.live.datapath.FLOWS_LOG2`).
        """
        return self.there.reordered + (self.back.reordered if self.back else 0)

    def document(self) -> dict[str, Any]:
        """As in the JSON report."""
        reading = self.reading
        return {
            "application": self.application,
            "system": self.system,
            "dilation": self.dilation,
            "unit": self.unit,
            "operations": reading.operations if reading else 0,
            "wall_seconds": round(reading.seconds, 3) if reading else 0.0,
            "rate": round(self.rate, 1),
            "latency_us": {
                "mean": _rounded(self.mean_us),
                **{_percent(q): _rounded(self.quantile_us(q)) for q in QUANTILES},
                "rest": _rounded(self.rest_us),
            },
            "receive_path_us": _path(self.there),
            "receive_path_back_us": _path(self.back) if self.back else None,
            "frames": self.there.frames,
            "flows": self.there.flows,
            "drops": self.drops,
            "lost": reading.lost if reading else 0,
            "reordered": self.overtaken,
            "tcp": {name: int(count) for name, count in vars(self.tcp).items()},
            "transfers": [
                {"bytes": one.sent, "intact": one.intact, "error": one.error}
                for one in self.transfers
            ],
            "errors": self.troubles,
            "invalid": self.invalid,
            "cores_percent": {str(cpu): round(load, 1) for cpu, load in self.loads.items()},
        }


def _path(passages: Passages) -> dict[str, float | None]:
    """Latencies of frames in a receive path, µs."""
    found = {_percent(q): _rounded(passages.quantile_ns(q) / 1000) for q in QUANTILES}
    return {"mean": _rounded(passages.mean_ns / 1000), **found}


def _percent(quantile: float) -> str:
    """p50, p99, p99.9."""
    return f"p{100 * quantile:g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
