"""One fault from its draw to the verdict: inject, judge the job, `make topo`, a real job again."""

import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.catalogue import ENDS, ENDS_LATER, FAULTS, GOES_ON, JOB, KILLED, Fault
from tests.chaos.world import Ended, Job, World, end_all, gone_within

LONGEST_DELAY = 9.0  # s into a job
_SOON = 3.0  # s: a job that was about to end may end well
_GONE = 5.0
_VERDICTS = ("checks hold", "checks failed")


@dataclass(frozen=True)
class Limits:
    """How long a job may take, s.

    `end`: from the fault to the end of a job that cannot go on; `job`: of one that goes on.
    """

    end: float = 10.0
    job: float = 50.0

    def times(self, factor: float) -> "Limits":
        """For a machine that does other work as well."""
        return Limits(factor * self.end, factor * self.job)


@dataclass(frozen=True)
class Draw:
    """What a seed and a number decide."""

    seed: int
    number: int
    fault: Fault
    phase: str
    delay: float

    @property
    def rng(self) -> random.Random:
        """For the fault's own choices."""
        return random.Random(f"{self.seed}/{self.number}/choices")


def draw(
    seed: int, number: int, faults: tuple[Fault, ...] = FAULTS, longest: float = LONGEST_DELAY
) -> Draw:
    """Fault `number` of a seed; each block of as many numbers as there are setups has each once."""
    setups = [(fault, phase) for fault in faults for phase in fault.phases]
    block, place = divmod(number - 1, len(setups))
    order = random.Random(f"{seed}/{block}").sample(range(len(setups)), len(setups))
    fault, phase = setups[order[place]]
    delay = random.Random(f"{seed}/{number}/delay").uniform(0.3, longest)
    return Draw(seed, number, fault, phase, round(delay, 3))


@dataclass
class Record:
    """What happened, as a line of the log; `problems` is empty when all promises held."""

    number: int
    fault: str
    phase: str
    delay: float
    hit: str = ""
    job: dict[str, Any] = field(default_factory=dict)
    up: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        return asdict(self)


def attack(world: World, drawn: Draw, limits: Limits = Limits(), with_check: bool = True) -> Record:
    """Inject a fault into the network of `world`, which is up, and judge what follows.

    `with_check`: run a job afterwards, instead of a look at `status` only.
    """
    began = time.monotonic()
    record = Record(drawn.number, drawn.fault.name, drawn.phase, drawn.delay)
    family = world.family()
    try:
        _strike(world, drawn, record, limits)
    except Exception as error:  # noqa: BLE001  # whatever it is, the next fault has to come
        record.problems.append(f"the fault could not be injected: {error!r}")
    record.problems += world.sweep_results()
    _recover(world, family, record)
    if with_check:
        _check(world, record)
    record.seconds = round(time.monotonic() - began, 1)
    return record


def _strike(world: World, drawn: Draw, record: Record, limits: Limits) -> None:
    job = Job(world) if drawn.phase == JOB else None
    if job is not None:
        while job.is_running and time.monotonic() - job.began < drawn.delay:
            time.sleep(0.01)
    was_running = job is None or job.is_running
    undo = None
    try:
        record.hit, undo = drawn.fault.inject(world, drawn.rng, job)
    finally:
        struck = time.monotonic()
        if job is None and undo is not None:
            job = Job(world)  # one that starts while the fault lasts
        if job is not None:
            must_end = drawn.phase == JOB and drawn.fault.promise in (ENDS, KILLED)
            ended = job.wait(1.5 * limits.end if must_end else limits.job)
            # A job that began after the fault may try as long as one that goes on.
            later = drawn.phase != JOB or drawn.fault.promise == ENDS_LATER
            limit = limits.job if later else limits.end
            _note(record, ended, time.monotonic() - struck, was_running, drawn.fault, limit)
        if undo is not None:
            undo()


def _note(
    record: Record, ended: Ended, after: float, was_running: bool, fault: Fault, limit: float
) -> None:
    record.job = {
        "status": ended.status,
        "after_fault": round(after, 2),
        "line": ended.last[-400:],
        "was_running": was_running,
    }
    record.problems += judge(ended, after, was_running, fault, limit)


def judge(
    ended: Ended, after: float, was_running: bool, fault: Fault, limit: float = Limits.end
) -> list[str]:
    """What is wrong with the way in which a job ended, `after` s after the fault.

    `limit`: s that a job which cannot go on may take.
    """
    text = ended.out + ended.err
    if ended.status is None:
        return [f"the job hung: it had not ended {after:.0f} s after the fault"]
    if "Traceback" in text:
        return [f"the job ended with a traceback: {ended.last}"]
    if not was_running or ended.status == 0:
        late = fault.promise == ENDS and was_running and after > _SOON
        return [f"the job went on for {after:.1f} s and called all well"] if late else []
    if fault.promise == KILLED:
        return []
    if any(word in ended.out for word in _VERDICTS):
        if fault.promise == GOES_ON or after <= _SOON:
            return []
        return [f"the job ended with a verdict instead of the part's name: {_failed(ended)}"]
    return _judge_message(ended, after, fault, limit)


def _judge_message(ended: Ended, after: float, fault: Fault, limit: float) -> list[str]:
    lines = ended.err.strip().splitlines()
    found = []
    if len(lines) != 1 or not lines[0].startswith("falcon_ctl: "):
        found.append(f"expected one line of falcon_ctl, got {ended.err[-300:]!r}")
    if after > limit:
        found.append(f"the job ended {after:.1f} s after the fault, the limit is {limit:g} s")
    if fault.named and not any(word in ended.err for word in fault.named):
        found.append(f"the message names no part ({', '.join(fault.named)}): {ended.last}")
    return found


def _recover(world: World, family: list[int], record: Record) -> None:
    """`make topo`; nothing of an earlier network may be left beside the one that is up then."""
    up = world.topo("up")
    record.up = {"status": up.status, "seconds": up.seconds, "line": up.last[-300:]}
    if up.status != 0 or "Traceback" in up.err:
        record.problems.append(f"make topo: exit {up.status}: {up.last[-300:]}")
    now = world.family()
    if now[:1] != family[:1]:
        left = gone_within(family, _GONE)
        if left:
            end_all(left)
            record.problems.append(f"{len(left)} processes of the earlier network were left")
    if (status := world.look()).status != 0:
        record.problems.append(f"topo status: exit {status.status}: {status.last[-200:]}")


def _check(world: World, record: Record) -> None:
    check = world.check()
    record.check = {"status": check.status, "seconds": check.seconds}
    if check.status != 0:
        record.check["line"] = check.last[-300:]
        record.problems.append(f"falcon_ctl afterwards: exit {check.status}: {_failed(check)}")
    record.problems += world.sweep_results()


def _failed(ended: Ended) -> str:
    """The checks that failed, or the last line."""
    lines = ended.out.splitlines()
    failed = [
        " ".join((line, *lines[place + 1 : place + 2])).split()
        for place, line in enumerate(lines)
        if line.startswith("✗")
    ]
    return "; ".join(" ".join(words) for words in failed)[:400] or ended.last[-300:]
