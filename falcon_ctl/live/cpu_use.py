"""CPU time that this computer spent on other processes: /proc/stat and schedstat, proc(5).

Counts of other users' processes cannot be had, but all CPU time less that of the run's own
processes can.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from falcon_ctl.checks.disturbance import CpuUse

_TICKS = os.sysconf("SC_CLK_TCK")
# Columns of a CPU's line: user, nice, system; steal is another guest's. Interrupts are left out:
# those of the run's own frames belong to no process.
_BUSY = (0, 1, 2, 7)


@dataclass(frozen=True)
class Sample:
    """Up to now, s: CPU time of all processes and of ours; how long ours waited for a CPU."""

    at: float
    everything: float
    ours: float
    waited: float
    cpus: int

    def until(self, later: Sample) -> CpuUse:
        """What happened between this sample and a later one."""
        ours = max(0.0, later.ours - self.ours)
        other = max(0.0, later.everything - self.everything - ours)
        waited = max(0.0, later.waited - self.waited)
        return CpuUse(other, waited, later.at - self.at, self.cpus)


def sample(pids: Iterable[int]) -> Sample:
    """Look at the CPUs that we may use and at these processes, ours included."""
    mine = os.sched_getaffinity(0)
    everything = _all_cpus(mine)
    found = [_process(pid) for pid in {*pids, os.getpid()} if pid]
    ours, waited = (sum(values) for values in zip(*found, strict=True))
    return Sample(time.monotonic(), everything, ours, waited, len(mine))


def _all_cpus(wanted: set[int]) -> float:
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *values = line.split()
        if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in wanted:
            total += sum(int(values[column]) for column in _BUSY if column < len(values))
    return total / _TICKS


def _process(pid: int) -> tuple[float, float]:
    """CPU time of a process and how long its threads waited for a CPU, s; 0 when it is gone."""
    used, waited = 0.0, 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):  # CONFIG_SCHED_INFO
            waited += int(path.read_text().split()[1])
    return used, waited / 1e9
