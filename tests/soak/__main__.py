"""`make soak`: minutes of load near capacity, or many machines at once.

    python -m tests.soak --minutes 30 --flows 1000 --share 0.8
    python -m tests.soak --machines 64

Exit status 1 when memory or descriptors grow after the first minute, a frame is unaccounted for,
a container does not answer, or something is left behind.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.soak import load, scale
from tests.soak.flat import Growth
from tests.topo.driver import Topo

EVERY, WARM = 10.0, 60.0


def main() -> int:
    """Run one of the two and print what was found."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="falcon-soak-", dir="/tmp"))
    topo = Topo(folder / "run")
    try:
        problems = _machines(topo, options) if options.machines else _load(topo, options)
    finally:
        topo("down", status=None)
        shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        print(f"BROKEN: {problem}")
    print("every promise held" if not problems else f"{len(problems)} promises were broken")
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--share", type=float, default=0.8, help="of the measured capacity")
    parser.add_argument("--rate", type=float, help="frames/s, instead of measuring the capacity")
    parser.add_argument("--machines", type=int, help="bring so many machines up instead")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    return parser.parse_args()


def _load(topo: Topo, options: argparse.Namespace) -> Sequence[str]:
    topo("up", "pair")
    with load.rig(topo.run_dir, options.flows) as rig:
        rate = options.rate
        if rate is None:
            print("capacity of senders, switch, receive paths and sockets together:")
            found = load.capacity(rig, _say)
            rate = options.share * found
            _say(f"capacity {found:,.0f} frames/s; load {rate:,.0f} frames/s")
        seconds = 60 * options.minutes
        result = load.drive(rig, rate, seconds, min(EVERY, seconds / 12), min(WARM, seconds / 3))
    drops = ", ".join(f"{place} {n}" for place, n in result.drops.items()) or "none"
    print(
        f"{result.flows} flows, {result.seconds:.0f} s, {result.rate:,.0f} frames/s: "
        f"{result.sent:,} sent = {result.received:,} received + drops ({drops}); "
        f"{result.reordered} reordered, {result.behind} not sent in time"
    )
    for one in result.growths:
        _print(one)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=1) + "\n")
    return result.problems


def _print(growth: Growth) -> None:
    mark = "" if growth.is_flat else "  GROWS"
    print(f"  {growth.name:<34} {growth.first:10,.0f} {growth.last:10,.0f}{mark}")


def _machines(topo: Topo, options: argparse.Namespace) -> Sequence[str]:
    found = scale.bring_up(topo, options.machines)
    print(found.text)
    if options.json:
        options.json.write_text(json.dumps(asdict(found), indent=1) + "\n")
    return found.problems


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
