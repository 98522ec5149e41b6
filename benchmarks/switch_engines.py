"""The switches that are compared, each pinned to one core, and the CPU time that they use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tests.switch.harness import Sandbox, poll
from tests.switch.harness_targets import BMV2, V1SWITCH, Target, installed

BMV2_LABEL = "BMv2"
COMPILE_PATIENCE = 120.0  # seconds


class Engine(NamedTuple):
    """A target with its options."""

    label: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def compiles(self) -> bool:
        """Whether machine code takes over some time after a program is pushed."""
        return "auto" in self.options


def engines() -> list[Engine]:
    """What can be measured here: v1switch as it is and on plain Python alone, and BMv2."""
    found = [
        Engine("v1switch", V1SWITCH, ("--engine", "auto")),
        Engine("v1switch python", V1SWITCH, ("--engine", "python")),
    ]
    if installed(BMV2):
        found.append(Engine(BMV2_LABEL, BMV2))
    return found


class Cores(NamedTuple):
    """The cores of switch and generator."""

    switch: int
    generator: int

    @classmethod
    def choose(cls) -> Cores:
        """The first core for the switch, the last for the generator: the same if there is one."""
        ours = sorted(os.sched_getaffinity(0))
        return cls(ours[0], ours[-1])

    def __str__(self) -> str:
        """For the output."""
        shared = " (one core for both, so the generator slows the switch down)"
        return (
            f"switch pinned to core {self.switch}, generator to core {self.generator}"
            f"{shared if self.switch == self.generator else ''}"
        )


class Pinned(Target):
    """A running engine, pinned to its core."""

    def __init__(self, engine: Engine, sandbox: Sandbox, core: int) -> None:
        # at this level v1switch logs the start of machine code, and nothing about frames
        level = "info" if engine.compiles else "off"
        super().__init__(engine.target, sandbox, options=engine.options, log_level=level)
        self._engine, self._core, self._settled = engine, core, 0

    def command(self) -> list[str]:
        """The target's command line, pinned."""
        return ["taskset", "-c", str(self._core), *super().command()]

    def settle(self) -> None:
        """Wait, after each push of a program, until machine code has taken over, if it will.

        Raises:
            SandboxError: it does not within COMPILE_PATIENCE, or stays with plain Python.
        """
        if self._engine.compiles:
            poll(lambda: self._compiled() > self._settled, "machine code", COMPILE_PATIENCE)
            self._settled = self._compiled()

    def _compiled(self) -> int:
        """How often machine code has taken over so far, by the log."""
        return sum(text.count("machine code after") for text in self.written())

    def cpu_seconds(self) -> float:
        """Processor time that the threads of the switch have used (Documentation/scheduler)."""
        path = self.address.removeprefix("unix:").encode()
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                command = (status.parent / "cmdline").read_bytes()
                threads = (status.parent / "task").glob("[0-9]*/schedstat")
                used = [int(thread.read_text().split()[0]) for thread in threads]
            except (OSError, ValueError):
                continue  # it ended meanwhile
            # the pid is the one in its namespace
            if fields.get("NSpid", "").split()[-1:] == [str(self.pid)] and path in command:
                return sum(used) / 1e9
        return 0.0
