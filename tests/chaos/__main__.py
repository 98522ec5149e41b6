"""`make chaos`: random faults, each of which a network and its jobs have to survive as promised.

    python -m tests.chaos --faults 500 --seed 1          # goes on where an earlier call stopped
    python -m tests.chaos --seed 1 --only 37             # one fault again
    python -m tests.chaos --kinds "kill switch,link flaps:job" --faults 20

Each line of the log is one fault: what was hit, how job and network ended, how long it took.
Exit status 1 when a promise was broken.
"""

import argparse
import contextlib
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.attack import LONGEST_DELAY, Draw, Limits, Record, attack, draw
from tests.chaos.catalogue import FAULTS, SETUPS, Fault
from tests.chaos.summary import table
from tests.chaos.world import World, own_disks
from topo.system import code, linux

_STOP = threading.Event()
PACKAGES = ("falcon_ctl", "topo", "rxpath", "v1switch")


def main() -> int:
    """Inject the faults that the log has not yet, print a line for each and a table of all."""
    options = _options()
    _enter_own_mounts()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _STOP.set())  # after the fault in progress, cleaned up
    faults = _chosen(options.kinds)
    numbers = [options.only] if options.only else range(1, options.faults + 1)
    log = _Log(None if options.only else options.log or _default_log(options), _header(options))
    todo = [
        draw(options.seed, number, faults, options.within)
        for number in numbers
        if number not in log.records
    ]
    if log.records:
        print(f"{len(log.records)} faults were injected before ({log.path})", flush=True)
    with tempfile.TemporaryDirectory(prefix="falcon-chaos-", dir="/tmp") as parent:
        _run_all(todo, options, log, Path(parent))
    records = [log.records[number] for number in sorted(log.records)]
    print(table(records))
    broken = [record for record in records if record["problems"]]
    for record in broken:
        again = f"python -m tests.chaos --seed {options.seed} --only {record['number']}"
        print(f"{record['number']} {record['fault']} ({record['phase']}): {again}")
        for problem in record["problems"]:
            print(f"    {problem}")
    print(f"{len(records)} faults, {len(broken)} broke a promise")
    return 1 if broken or log.failed_jobs else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="number of the one fault to inject")
    parser.add_argument("--kinds", default="", help="some of FAULT or FAULT:PHASE")
    parser.add_argument("--within", type=float, default=LONGEST_DELAY, help="s into a job")
    parser.add_argument("--patience", type=float, default=1.0, help="factor of all limits")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="networks")
    parser.add_argument("--check-every", type=int, default=1, help="faults between two jobs")
    parser.add_argument("--main-job-every", type=int, default=100, help="0: never")
    parser.add_argument("--log", type=Path, help="default: results/chaos/seed-SEED.jsonl")
    return parser.parse_args()


def _default_log(options: argparse.Namespace) -> Path:
    return Path("results/chaos") / f"seed-{options.seed}.jsonl"


def _header(options: argparse.Namespace) -> dict[str, object]:
    """What has to be the same for a log to be continued."""
    versions = {package: code.digest(package) for package in PACKAGES}
    return {"seed": options.seed, "kinds": options.kinds, "code": versions}


def _chosen(kinds: str) -> tuple[Fault, ...]:
    names = [name.strip() for name in kinds.split(",") if name.strip()]
    known = {fault.name: fault for fault in FAULTS} | SETUPS
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"make chaos: --kinds: no {unknown[0]}, expected {', '.join(known)}")
    chosen = tuple(known[name] for name in names) or FAULTS
    able = tuple(fault for fault in chosen if own_disks() or not fault.needs_disk)
    for fault in chosen:
        if fault not in able:
            print(f"left out: {fault.name}, which needs root for a small disk of its own")
    return able


def _enter_own_mounts() -> None:
    """A mount namespace for the small disks; as root only."""
    if own_disks():
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)


class _Log:
    """The records of a seed, in a file that a later call continues."""

    def __init__(self, path: Path | None, header: dict[str, object]) -> None:
        self.path, self._header = path, header
        self.records: dict[int, dict] = {}
        self.failed_jobs = 0
        self._lock = threading.Lock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read(path)

    def _read(self, path: Path) -> None:
        lines = path.read_text().splitlines() if path.exists() else []
        if lines and json.loads(lines[0]) == self._header:
            for line in lines[1:]:
                with contextlib.suppress(ValueError):  # the last one may be torn
                    record = json.loads(line)
                    self.records[record["number"]] = record
        else:  # another version of the code, or the first call
            path.write_text(json.dumps(self._header) + "\n")

    def add(self, record: Record) -> None:
        """Keep a record, and print a line about it."""
        document = record.document()
        with self._lock:
            self.records[record.number] = document
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(document) + "\n")
            mark = "FAILED" if record.problems else "ok"
            job = record.job.get("after_fault", "-")
            print(
                f"{record.number:4} {record.fault:<28} {record.phase:<4} {record.hit:<26} "
                f"job {job:>5} s, up {record.up.get('seconds', 0):4.1f} s, "
                f"in all {record.seconds:5.1f} s  {mark}",
                flush=True,
            )
            for problem in record.problems:
                print(f"       {problem}", flush=True)


def _run_all(todo: list[Draw], options: argparse.Namespace, log: _Log, parent: Path) -> None:
    """All faults, on `workers` networks at a time; whole main jobs alone, in between."""
    every = options.main_job_every or len(todo) or 1
    for start in range(0, len(todo), every):
        if _STOP.is_set():
            print("interrupted; the same command goes on")
            return
        waiting: queue.SimpleQueue[Draw] = queue.SimpleQueue()
        batch = todo[start : start + every]
        for drawn in batch:
            waiting.put(drawn)
        threads = [
            threading.Thread(target=_work, args=(waiting, options, log, parent))
            for _ in range(min(options.workers, len(batch)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if options.main_job_every and len(batch) == every and not _STOP.is_set():
            _main_job(log, parent)


def _work(
    waiting: "queue.SimpleQueue[Draw]", options: argparse.Namespace, log: _Log, parent: Path
) -> None:
    """One network: fault after fault; after a broken promise a new one."""
    world = _fresh(parent)
    family = world.family()
    try:
        for drawn in _taken(waiting):
            with_check = drawn.number % options.check_every == 0
            limits = Limits().times(options.patience)
            record = attack(world, drawn, limits, with_check)
            log.add(record)
            if record.problems:
                world.close([*family, *world.family()])
                world = _fresh(parent)
            family = world.family()
    finally:
        world.close([*family, *world.family()])


def _taken(waiting: "queue.SimpleQueue[Draw]") -> Iterator[Draw]:
    with contextlib.suppress(queue.Empty):
        while not _STOP.is_set():
            yield waiting.get_nowait()


def _fresh(parent: Path) -> World:
    world = World(parent)
    up = world.topo("up")
    if up.status != 0:
        raise SystemExit(f"make chaos: no network to attack: {up.err}")
    return world


def _main_job(log: _Log, parent: Path) -> None:
    world = _fresh(parent)
    try:
        began = time.monotonic()
        done = world.main_job()
        if done.status != 0:
            log.failed_jobs += 1
        print(f"     the whole main job: exit {done.status}, {time.monotonic() - began:.0f} s")
        print(f"     {done.last}", flush=True)
    finally:
        world.close(world.family())


if __name__ == "__main__":
    sys.exit(main())
