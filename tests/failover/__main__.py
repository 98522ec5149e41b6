"""`make failover`: how long traffic stands still when a link or a switch fails, measured.

    python -m tests.failover --topology fattree --switch v1switch --rounds 5

A stream of numbered datagrams crosses the network while links and transit switches fail, drawn by
a seed, and are repaired (`python -m topo up`), and while the controller is killed and restarted.
Exit status 1 when traffic stood still for longer than a second, or frames were lost where none may.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.failover.control import Control
from tests.failover.stream import Stream
from tests.topo.driver import Topo, until
from topo.client.network import Network
from topo.spec.model import Link, Topology

PROMISED = 1.0  # s


class Fault(NamedTuple):
    """What is broken, what the controller calls it, and how it is broken and mended."""

    kind: str
    named: str
    break_it: Callable[[], None]
    mend: Callable[[], None]


class Result(NamedTuple):
    """Of one fault: frames lost and seconds until the last of them, then frames lost on return."""

    kind: str
    named: str
    lost: int
    seconds: float
    lost_back: int


class Trial:
    """A network with a controller and a stream from its first to its last machine."""

    def __init__(self, topo: Topo, network: Network, switch: str) -> None:
        self.topo, self.network, self.switch = topo, network, switch
        spec = network.spec
        first, last = (
            next(c for c in spec.containers if c.machine == spec.machines[at].name)
            for at in (0, -1)
        )
        self.stream = Stream(network, first.name, last.name)
        self.control = Control(topo.run_dir)
        self.control.says("connected: ")

    def run(self, fault: Fault) -> Result:
        """Break something, wait until all arrives, mend it, and wait again."""
        seen = len(self.control.lines)
        broken = self._after(fault.break_it, lambda: self.control.says(fault.named, seen))
        seen = len(self.control.lines)
        back = self._after(fault.mend, lambda: self.control.says("everything is up", seen))
        return Result(fault.kind, fault.named, *broken, back[0])

    def restart(self) -> Result:
        """Kill the controller and start it again."""
        before = Result("controller killed", "", *self._after(self._kill, lambda: 0), 0)
        return before._replace(lost_back=self._after(self._start, lambda: 0)[0])

    def _kill(self) -> None:
        self.control.end(signal.SIGKILL)

    def _start(self) -> None:
        self.control = Control(self.topo.run_dir)
        self.control.says("connected: ")

    def _after(self, act: Callable[[], None], noticed: Callable[[], int]) -> tuple[int, float]:
        """Frames lost because of `act`, and seconds from its begin to the last one of them."""
        began = time.monotonic()
        act()
        noticed()
        now = time.monotonic()
        until(lambda: self.stream.reaches(now), 30.0)
        end = time.monotonic() - 0.3
        sent = list(self.stream.sent.items())
        lost = [at for n, at in sent if began < at < end and n not in self.stream.received]
        return len(lost), max(lost, default=began) - began


def faults(trial: Trial, rng: random.Random, rounds: int) -> Iterator[Fault]:
    """Each kind `rounds` times, on links and transit switches that `rng` draws.

    BMv2 reads no interface any more once one of its own is set down or deleted: libpcap waits for a
    frame of that one only. So its switches are killed.
    """
    spec = trial.network.spec
    transit = [s.name for s in spec.switches if not _machines(spec, s.name)]
    between = [link for link in spec.links if link.a.port and link.b.port]
    for _ in range(rounds):
        if trial.switch != "bmv2":
            yield _link_down(trial, rng.choice(between), rng.randrange(2))
            yield _link_deleted(trial, rng.choice(between))
        yield _switch_killed(trial, rng.choice(transit))


def _machines(spec: Topology, switch: str) -> list[str]:
    machines = {machine.name for machine in spec.machines}
    return [end.node for end in spec.ports(switch).values() if end.node in machines]


def _link_down(trial: Trial, link: Link, end: int) -> Fault:
    node, port = link.ends[end].node, link.ends[end].port
    ip = ["ip", "link", "set", f"{node}-eth{port}"]
    return Fault(
        "link down",
        f"down: {link.a} - {link.b}",
        lambda: _exec(trial, node, [*ip, "down"]),
        lambda: _exec(trial, node, [*ip, "up"]),
    )


def _link_deleted(trial: Trial, link: Link) -> Fault:
    node, port = link.a.node, link.a.port
    return Fault(
        "link deleted",
        f"{link.a} - {link.b}",
        lambda: _exec(trial, node, ["ip", "link", "del", f"{node}-eth{port}"]),
        lambda: _repair(trial),
    )


def _switch_killed(trial: Trial, name: str) -> Fault:
    pid = trial.network.switches[name].pid
    return Fault(
        "switch killed",
        f"switch {name}",
        lambda: os.kill(pid, signal.SIGKILL),
        lambda: _repair(trial),
    )


def _exec(trial: Trial, node: str, argv: Sequence[str]) -> None:
    trial.network.exec(node, argv, check=True)


def _repair(trial: Trial) -> None:
    trial.topo("up", trial.network.spec.name, "--switch", trial.switch)


def measure(topology: str, switch: str, rounds: int, seed: int) -> list[Result]:
    """Bring a network up and measure every fault on it."""
    folder = Path(tempfile.mkdtemp(prefix="falcon-failover-", dir="/tmp"))
    topo = Topo(folder / "run")
    try:
        topo("up", topology, "--switch", switch)
        with topo.network() as network:
            trial = Trial(topo, network, switch)
            with trial.stream as stream:
                until(lambda: stream.reaches(0.0), 30.0)
                results = [_shown(trial.run(f)) for f in faults(trial, random.Random(seed), rounds)]
                results += [_shown(trial.restart()) for _ in range(rounds)]
            trial.control.end()
            print(f"{len(stream.sent)} datagrams sent, {stream.lost} lost, {stream.copies} copies")
    finally:
        topo("down", status=None)
        shutil.rmtree(folder, ignore_errors=True)
    return results


def _shown(result: Result) -> Result:
    print(
        f"{result.kind:18} {result.named:34} lost {result.lost:4}, "
        f"the last after {1000 * result.seconds:5.0f} ms; on return {result.lost_back}",
        flush=True,
    )
    return result


def broken(results: Sequence[Result]) -> list[str]:
    """Promises that did not hold."""
    slow = [r for r in results if r.seconds > PROMISED]
    found = [f"{r.kind} ({r.named}): traffic stood still for {r.seconds:.2f} s" for r in slow]
    restarts = [r for r in results if r.kind == "controller killed" and r.lost + r.lost_back]
    return found + [f"controller killed: {r.lost + r.lost_back} frames lost" for r in restarts]


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(prog="make failover")
    parser.add_argument("--topology", default="leafspine")
    parser.add_argument("--switch", default="v1switch", choices=["v1switch", "bmv2"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    results = measure(options.topology, options.switch, options.rounds, options.seed)
    for kind in dict.fromkeys(r.kind for r in results):
        times = sorted(1000 * r.seconds for r in results if r.kind == kind)
        median, most = times[len(times) // 2], times[-1]
        print(f"{kind}: {len(times)} times, median {median:.0f} ms, most {most:.0f} ms")
    problems = broken(results)
    for problem in problems:
        print(f"BROKEN: {problem}")
    print("every promise held" if not problems else f"{len(problems)} promises were broken")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
