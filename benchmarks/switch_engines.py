"""The switches that are compared, each pinned to one core, and the processor time that they use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.switch.harness import ROOT, Sandbox
from tests.switch.harness_targets import BMV2, V1SWITCH, Target, installed

BMV2_LABEL = "BMv2"
TICKS = os.sysconf("SC_CLK_TCK")


class Engine(NamedTuple):
    """A way to run a target."""

    label: str
    target: str
    options: tuple[str, ...] = ()


def engines() -> list[Engine]:
    """What can be measured here: v1switch, with each of its engines if it has several, and BMv2."""
    call = [sys.executable, "-m", "v1switch", "--help"]
    usage = subprocess.run(call, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    found = [Engine("v1switch", V1SWITCH)]
    if "--engine" in usage:
        names = ("native", "python")
        found = [Engine(f"v1switch {n}", V1SWITCH, ("--engine", n)) for n in names]
    if installed(BMV2):
        found.append(Engine(BMV2_LABEL, BMV2))
    return found


class Cores(NamedTuple):
    """Who runs where."""

    switch: int
    generator: int

    @classmethod
    def choose(cls) -> Cores:
        """The first core for the switch, the last for the generator: the same if there is one."""
        ours = sorted(os.sched_getaffinity(0))
        return cls(ours[0], ours[-1])

    def __str__(self) -> str:
        """For the output."""
        shared = " (one core for both: a switch gets what the generator leaves)"
        return (
            f"switch pinned to core {self.switch}, generator to core {self.generator}"
            f"{shared if self.switch == self.generator else ''}"
        )


class Pinned(Target):
    """A running engine on a core of its own."""

    def __init__(self, engine: Engine, sandbox: Sandbox, core: int) -> None:
        super().__init__(engine.target, sandbox, options=engine.options, log_level="off")
        self._core = core

    def command(self) -> list[str]:
        """The target's command line, pinned."""
        return ["taskset", "-c", str(self._core), *super().command()]

    def cpu_seconds(self) -> float:
        """Processor time that the switch has used so far."""
        path = self.address.removeprefix("unix:").encode()
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                command = (status.parent / "cmdline").read_bytes()
                times = (status.parent / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue  # it ended meanwhile
            # its pid is that of its own namespace
            if fields.get("NSpid", "").split()[-1:] == [str(self.pid)] and path in command:
                return (int(times[11]) + int(times[12])) / TICKS
        return 0.0
