"""Core layouts: which core takes interrupts, runs RPS and FALCON's stages, and the applications.

The papers do not say it for the experiments with many flows, so one layout serves all of them:
`SHARED`. What it rests on: in EuroSys Fig 5 the same five cores do softirqs and run the
applications of five flows; the authors' code averages the load over six CPUs; their experiments
with many containers receive on six cores, whose use (Fig 14) is that of softirqs and applications
together; the cores of FALCON_CPUS are idle ones in Fig 13, the six that receive in Figs 14 to 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from falcon_ctl.errors import UsageError

CORES = 40  # logical ones, of both machines' profiles: 2 x 10 with two threads each


@dataclass(frozen=True)
class Layout:
    """How many cores do what; numbered one after the other from 0.

    Attributes:
        receiving: take the NIC's interrupts (a queue each).
        rps: further cores, rps_cpus; 0: the receiving ones are.
        falcon: further cores, FALCON_CPUS; 0: the receiving ones are.
        split: further cores, GROSPLIT_CPUS; 0: FALCON's are.
        applications: further cores, the threads' own; 0: threads run on the receiving ones.
    """

    receiving: int = 5
    rps: int = 0
    falcon: int = 6
    split: int = 4
    applications: int = 0

    def check(self, where: str, cores: int = CORES) -> None:
        """Raises UsageError when the machine has fewer cores, or the layout has none."""
        text = ", ".join(f"{name}={count}" for name, count in vars(self).items())
        whole = sum(vars(self).values())
        if self.receiving < 1 or min(vars(self).values()) < 0:
            raise UsageError(where, text, "counts of 0 and more, and one receiving core at least")
        if whole > cores:
            raise UsageError(where, f"{text}: {whole} cores", f"at most {cores}, the machine's")

    def changed(self, counts: Mapping[str, int]) -> Layout:
        """With other counts; cores that are the receiving ones (a count of 0) stay so.

        Applications get cores of their own where they had none.
        """
        kept = {name: count for name, count in vars(self).items() if count or name in _MAY_MOVE}
        return replace(self, **{name: count for name, count in counts.items() if name in kept})

    @property
    def knobs(self) -> dict[str, Any]:
        """The host's knobs."""
        starts = np.cumsum([0, self.receiving, self.rps, self.falcon, self.split]).tolist()
        receiving = _cpus(0, self.receiving)
        falcon = _cpus(starts[2], self.falcon) or receiving
        return {
            "queues": self.receiving,
            "irq_cpus": receiving,
            "rps_cpus": _cpus(starts[1], self.rps) or receiving,
            "app_cpus": _cpus(starts[4], self.applications) or receiving,
            "falcon": {"cpus": falcon, "grosplit_cpus": _cpus(starts[3], self.split) or falcon},
        }


_MAY_MOVE = ("applications", "rps")


def _cpus(start: int, count: int) -> list[int]:
    return list(range(start, start + count))


SHARED = Layout()
BUSY = Layout(receiving=6, falcon=0, split=0)  # FALCON_CPUS are the cores that receive
# mFlow's section on many flows: five cores for applications, ten for packets. The container takes
# 81 Gbit/s of 20 flows, and 16 of one: five cores receive, and what spreads a flow has five more.
MFLOW = Layout(receiving=5, falcon=5, split=0, applications=5)
MFLOW_RPS: Mapping[str, Any] = {"rps_cpus": [5, 6, 7, 8, 9]}
# The cores of one flow as EuroSys Fig 11 numbers them: 0 the NIC's interrupt, 1 RPS, 2 the
# application, 3 and 4 FALCON's stages; `APART` is a hash that puts these on both. FALCON does not
# switch off: the authors' code averages the load over six CPUs, of which Fig 11 has 65 % busy.
ONE_FLOW: Mapping[str, Any] = {
    "queues": 1,
    "irq_cpus": [0],
    "rps_cpus": [1],
    "app_cpus": [2],
    "falcon": {"cpus": [3, 4], "grosplit_cpus": [3], "switch_off": False},
}
# As mFlow's Fig 4b and 8b number them: 0 the application, 1 the NIC's interrupt, 2 and 3 the rest.
ONE_FLOW_MFLOW: Mapping[str, Any] = {
    "queues": 1,
    "irq_cpus": [1],
    "rps_cpus": [2],
    "app_cpus": [0],
    "falcon": {"cpus": [3, 2], "grosplit_cpus": [2], "switch_off": False},
}
# Of a server with many connections: one core of each kind receives, as with one flow, because ten
# clients fill a core of the container's (Fig 18: 47 us, and 20 with one client), and four threads.
SERVER: Mapping[str, Any] = {
    "queues": 1,
    "irq_cpus": [0],
    "rps_cpus": [1],
    "app_cpus": [2, 3, 4, 5],
    "falcon": {"cpus": [6, 7, 8, 9, 10, 11], "grosplit_cpus": [12, 13, 14, 15]},
}
# FALCON_CPUS[1] gets the VXLAN device's stage and FALCON_CPUS[0] the veth's. The second choice is
# FALCON_CPUS[1] for both, because the former stays where it is, 95 % busy (Fig 11).
APART = 9


# What the layouts of experiments with many flows are varied by, to see what hangs on them.
ALTERNATIVES: Mapping[str, Mapping[str, int]] = {
    "four cores receive": {"receiving": 4},
    "six cores receive": {"receiving": 6},
    "eight cores receive": {"receiving": 8},
    "four FALCON_CPUS": {"falcon": 4},
    "eight FALCON_CPUS": {"falcon": 8},
    "two cores for split GRO": {"split": 2},
    "applications on six cores of their own": {"applications": 6},
    "four cores receive, six for RPS, eight for applications": {
        "receiving": 4,
        "rps": 6,
        "applications": 8,
    },
}


def parse(where: str, text: str) -> dict[str, int]:
    """Counts of a layout as the command line has them: `receiving=5,falcon=6`.

    Raises:
        UsageError: a name is unknown, a count is none, or the machine has fewer cores.
    """
    counts = {}
    for part in filter(None, text.split(",")):
        name, _, count = (word.strip() for word in part.partition("="))
        if name not in vars(SHARED) or not count.isdecimal():
            raise UsageError(
                where, repr(part), f"NAME=COUNT, NAME one of {', '.join(vars(SHARED))}"
            )
        counts[name] = int(count)
    for layout in (SHARED, BUSY, MFLOW):
        layout.changed(counts).check(where)
    return counts
