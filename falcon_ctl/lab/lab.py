"""`Lab`: what both clocks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from falcon_ctl import files
from falcon_ctl.errors import UsageError
from falcon_ctl.lab import picture, tables
from falcon_ctl.lab.choice import Chosen
from falcon_ctl.lab.errors import one_line
from falcon_ctl.lab.flows import Flows, ends
from falcon_ctl.lab.run import Run
from falcon_ctl.report import provenance
from falcon_ctl.timeline import drawing, trace_file
from falcon_ctl.timeline.model import Timeline
from topo.spec.model import Topology

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self  # typing has it from Python 3.11 on


class Lab(ABC):
    """A network with one of the clocks; `falcon_ctl.lab.up` makes one. A context manager.

    Attributes:
        clock: "virtual" or "live".
        topology: what is up, or would be.
        runs: of `send`, in their order.
        seed: decides arrivals and ports where `send` is not given another one.
    """

    clock: str

    def __init__(self, topology: Topology, seed: int) -> None:
        self.topology = topology
        self.seed = seed
        self.runs: list[Run] = []
        self._chosen: Chosen | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of the network; one that `up` brought up is taken down."""

    def use(
        self,
        system: str | None = None,
        *,
        policy: str | None = None,
        chain: str | None = None,
        threshold: int | None = None,
        falcon_cpus: Sequence[int] | None = None,
        order: str | None = None,
    ) -> Self:
        """Run a system from now on; returns this lab.

        Args:
            system: a name of `python -m falcon_ctl systems`, such as "overlay" or "falcon".
            policy: a steering policy in place of its own, of those built in or FILE.py:NAME;
                alone, it runs on the container overlay.
            chain: in place of a system, a chain of devices FILE.toml:NAME.
            threshold: FALCON's load threshold, percent.
            falcon_cpus: the CPUs that FALCON may use.
            order: what keeps a flow in order that changes cores: "none", "rfs" or "handover".

        Raises:
            CtlError: there is no such system, it cannot run under this clock, or a knob is wrong.
        """
        with one_line():
            chosen = Chosen.of(system, policy, chain, threshold, falcon_cpus, order)
            self._use(chosen)
            self._chosen = chosen
        return self

    def send(
        self,
        flows: int = 1,
        *,
        source: str | None = None,
        target: str | None = None,
        proto: str = "udp",
        rate: float = 900e3,
        ms: int = 5,
        size: int = 64,
        poisson: bool = False,
        window: int = 256,
        seed: int | None = None,
    ) -> Run:
        """Send flows through the system in use, and wait for what becomes of them.

        Args:
            flows: how many.
            source: container that sends (default: the first that can), and
            target: container that receives.
            proto: "udp" or "tcp".
            rate: packets/s of model time of each UDP flow.
            ms: how long, milliseconds of model time. Live it takes `dilation` times as long.
            size: bytes of a UDP frame without its tunnel.
            poisson: UDP packets come by a Poisson process.
            window: segments that each TCP flow may have on the way.
            seed: other than the lab's.

        Raises:
            CtlError: a value is wrong, no system is in use, or a part of the network failed.
        """
        if self._chosen is None:
            raise UsageError("send", "no system is in use", "`use` before it")
        names = ends(self.topology, source, target)
        number = self.seed if seed is None else seed
        asked = Flows(*names, flows, proto, rate, ms, size, poisson, window, number)
        with one_line():
            run = self._send(self._chosen, asked)
        self.runs.append(run)
        return run

    @abstractmethod
    def _use(self, chosen: Chosen) -> None:
        """Make it run."""

    @abstractmethod
    def _send(self, chosen: Chosen, asked: Flows) -> Run:
        """Run the flows."""

    def table(self) -> pd.DataFrame:
        """All runs so far, see `falcon_ctl.lab.table`."""
        return tables.table(self.runs, self.provenance())

    def cores(self) -> pd.DataFrame:
        """The load of each core in all runs so far, see `falcon_ctl.lab.cores`."""
        return tables.cores(self.runs)

    def figure(self) -> Figure:
        """All runs so far, see `falcon_ctl.lab.figure`."""
        return picture.figure(self.runs, f"{self.topology.name}, {self.clock} clock")

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG with where its numbers come from, and return its path.

        Raises:
            CtlError: it cannot be written.
        """
        from falcon_ctl.report import picture as saved

        with one_line():
            return saved.save(self.figure(), Path(path), self.provenance())

    def timeline(self) -> picture.Image:
        """Which core ran which stage when, of all runs so far, in the talk's colours: a picture.

        Raises:
            CtlError: there was no run.
        """
        with one_line():
            return picture.Image(drawing.picture(self._timeline(), "png", self.provenance()))

    def trace(self, path: str | Path) -> Path:
        """Write the timeline of all runs so far, and return its path.

        Args:
            path: ends with .perfetto-trace (for Perfetto), .png, .svg or .json. Live runs have the
                switches' work in it, too; of many packets some are shown.

        Raises:
            CtlError: another ending, it cannot be written, or there was no run.
        """
        with one_line():
            trace_file.verify(Path(path), "trace")
            content = trace_file.content(Path(path), self._timeline(), self.provenance())
            files.replace(Path(path), content)
        return Path(path)

    def _timeline(self) -> Timeline:
        if not self.runs:
            raise UsageError("timeline", "no run", "`send` before it")
        return self._traced(f"{self.topology.name}, {self.clock} clock")

    @abstractmethod
    def _traced(self, title: str) -> Timeline:
        """The timeline of all runs."""

    def provenance(self) -> provenance.Provenance:
        """Versions, seeds and machine of the runs so far."""
        asked: list[Any] = [(run.system, dict(run.choice), run.flows) for run in self.runs]
        seeds = sorted({run.flows.seed for run in self.runs}) or [self.seed]
        found = provenance.begin(seeds, {"topology": self.topology.name, "runs": asked})
        marks = [(run.system, run.measured.mark) for run in self.runs if run.measured.invalid]
        return found.marked(f"{system} was {mark}" for system, mark in marks)
