"""The load: capacity first, then a share of it for minutes, with samples of every part."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from falcon_ctl.capture.trace import Trace
from falcon_ctl.checks.outcome import UNACCOUNTED
from falcon_ctl.live.accounting import Account
from falcon_ctl.live.hosts import Host
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.traffic.flows import Flow
from tests.soak.flat import Growth, growth
from tests.soak.flows import flows
from tests.soak.usage import Usage, all_usage
from tests.topo.driver import ROOT
from topo.client.network import Network

SIZE = 64  # bytes of payload
DILATION = 1  # the model in real time, so that it is not what limits the path
MEMORY_LIMIT = 4096  # KiB that a part may grow by, by its slope, after the first minute
COUNT_LIMIT = 1.0  # descriptors and threads
_START, _FACTOR, _TRIAL, _STEPS = 1000.0, 1.5, 2.0, 3
_LOSS, _BEHIND = 0.001, 0.02
_QUIET, _QUIET_DEADLINE = 0.3, 20.0


class Helper:
    """A sender or receiver process, asked by lines of JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        argv = [sys.executable, "-m", f"tests.soak.{module}", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(argv, cwd=ROOT, text=True, **pipes)

    def ask(self, **order: Any) -> dict[str, Any]:
        """Send an order and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it, by the end of its input."""
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@dataclass
class Rig:
    """A network with entries for the overlay, a sender and a receiver."""

    testbed: Testbed
    sender: Helper
    receiver: Helper
    flows: list[Flow]
    pids: dict[str, int]

    @property
    def target(self) -> Host:
        """The receiving host."""
        return self.testbed.hosts[self.testbed.container(self.flows[0].target.name).machine]

    def received(self) -> dict[str, Any]:
        """The receiver's counters, once nothing more arrives."""
        end, last = time.monotonic() + _QUIET_DEADLINE, -1
        while (now := self.receiver.ask())["received"] != last and time.monotonic() < end:
            last = now["received"]
            time.sleep(_QUIET)
        return now

    def account(self) -> Account:
        """A new account of the flows' frames."""
        self.target.reset()
        return Account(self.testbed, self.flows)

    def drops(self, account: Account, sent: int, delivered: int) -> dict[str, int]:
        """Lost frames by place, for an account whose frames are all at their end.

        Nobody else sends here: what the receiving host dropped was the flows'.
        """
        account.stop(self.target.stats())
        nothing = Trace(passages=[], meta={"machine": self.target.name})
        found = account.losses(sent, delivered, nothing, [])
        place, drops = f"{self.target.name} {UNACCOUNTED}", dict(found.own)
        for reason, count in found.foreign.items():
            if reason.startswith(f"{self.target.name} ") and drops.get(place):
                drops[reason] = min(count, drops[place])
                drops[place] -= drops[reason]
        return {where: count for where, count in drops.items() if count}

    def usage(self) -> dict[str, Usage]:
        """Of every part."""
        return all_usage(self.pids)


@contextmanager
def rig(run_dir: Path, count: int) -> Iterator[Rig]:
    """Everything that a load needs, on a network that is up."""
    with ExitStack() as stack:
        network = stack.enter_context(Network.connect(run_dir))
        testbed = stack.enter_context(Testbed.open(network))
        testbed.controller.push_pipelines()
        testbed.use(OVERLAY, dilation=DILATION)
        for host in testbed.hosts.values():
            host.reset()
        receiver = Helper("receiver", str(run_dir), str(count))
        stack.callback(receiver.close)
        sender = Helper("sender", str(run_dir), str(count), str(SIZE))
        stack.callback(sender.close)
        receiver.read()
        status = network.status()
        pids = {part.name: part.pid for part in status.parts} | {"daemon": status.pid}
        pids |= {"controller": os.getpid()}
        yield Rig(testbed, sender, receiver, flows(network.spec, count), pids)


def capacity(rig: Rig, tell: Any = print) -> float:
    """The highest rate, frames/s, at which one of 1,000 frames or fewer is lost and none late."""
    low, rate = 0.0, _START
    while _holds(rig, rate, tell):
        low, rate = rate, rate * _FACTOR
    high = rate
    for _ in range(_STEPS):
        rate = (low + high) / 2
        low, high = (rate, high) if _holds(rig, rate, tell) else (low, rate)
    return low


def _holds(rig: Rig, rate: float, tell: Any) -> bool:
    before = rig.received()["received"]
    sent = rig.sender.ask(rate=rate, seconds=_TRIAL)
    came = rig.received()["received"] - before
    lost, asked = sent["sent"] - came, rate * _TRIAL
    holds = bool(lost <= _LOSS * sent["sent"] and sent["behind"] <= _BEHIND * asked)
    tell(
        f"  {rate:8,.0f} frames/s: {lost} of {sent['sent']} lost, {sent['behind']} not sent in time"
    )
    return holds


@dataclass
class Result:
    """What a load did: counts of frames, and how each series of samples grew.

    `behind`: frames that the sender had no time for, and that were not sent.
    """

    rate: float
    seconds: float
    sent: int
    received: int
    drops: dict[str, int]
    flows: int
    reordered: int
    behind: int
    growths: list[Growth]

    @property
    def missing(self) -> int:
        """Frames that were neither received nor counted as lost."""
        return self.sent - self.received - sum(self.drops.values())

    @property
    def problems(self) -> list[str]:
        """Which promises were broken."""
        found = [f"{self.missing} frames unaccounted for"] if self.missing else []
        found += [f"{p}: {n} frames" for p, n in self.drops.items() if p.endswith(UNACCOUNTED)]
        found += [
            f"{g.name} grew by {g.grown:g} (from {g.first:g} to {g.last:g}), limit {g.limit:g}"
            for g in self.growths
            if not g.is_flat
        ]
        return found


def drive(rig: Rig, rate: float, seconds: float, every: float, warm: float) -> Result:
    """Send at `rate` for `seconds`, sampling each `every` s; growth counts after `warm` s."""
    before, account = rig.received(), rig.account()
    samples: list[tuple[float, dict[str, Usage]]] = []
    sent, behind, began = 0, 0, time.monotonic()
    while (past := time.monotonic() - began) < seconds:
        samples.append((past, rig.usage()))
        step = min(every, seconds - past)
        rig.testbed.watch.check()
        answer = rig.sender.ask(rate=rate, seconds=step)
        sent, behind = sent + answer["sent"], behind + answer["behind"]
    samples.append((time.monotonic() - began, rig.usage()))
    after = rig.received()
    received, dropped = (after[key] - before[key] for key in ("received", "dropped"))
    drops = rig.drops(account, sent, received + dropped)
    drops |= {"container sockets": dropped} if dropped else {}
    return Result(
        rate=rate,
        seconds=round(time.monotonic() - began, 1),
        sent=sent,
        received=received,
        drops=drops,
        flows=after["flows"],
        reordered=after["reordered"] - before["reordered"],
        behind=behind,
        growths=list(_growths([s for s in samples if s[0] >= warm])),
    )


def _growths(samples: list[tuple[float, dict[str, Usage]]]) -> Iterator[Growth]:
    times = [at for at, _ in samples]
    for name in samples[0][1]:
        series = [found[name] for _, found in samples]
        yield growth(f"{name}: KiB of memory", times, [u.private for u in series], MEMORY_LIMIT)
        for what in ("descriptors", "threads"):
            values = [getattr(one, what) for one in series]
            yield growth(f"{name}: {what}", times, values, COUNT_LIMIT)
