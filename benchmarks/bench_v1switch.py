"""v1switch and, where it is installed, BMv2: the same frames, entries and veths in one run.

    python benchmarks/bench_v1switch.py [--seconds S] [--size BYTES] [--entries N ...] [--json FILE]

On the VXLAN program: the time to the first frame, the highest rate with less than 0.1 % loss, the
latency at half of it, and whether the counters are exact there and at twice the highest rate. How
long machine code takes to compile, and to process a frame; what level trace costs. Then tables of
1 to 100,000 entries: writes a second over P4Runtime and what a look-up costs. The switch has one
core, the generator, which offers a fixed rate independently of the switch, the other.
Rates are those of the wall clock; "per CPU second" divides by the processor time that the switch
itself used, so it depends less on other load. Fails when v1switch counts wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402  # needs the path
    switch_bare,
    switch_in_process,
    switch_machine_code,
    switch_tables,
    switch_traced,
    switch_vxlan,
)
from benchmarks.switch_engines import BMV2_LABEL, Cores, engines  # noqa: E402  # needs the path

RATIO = 20.0  # v1switch over BMv2 on the VXLAN program
OF_BARE = 0.8  # v1switch over a loop of socket calls alone
TUNNEL = 50  # bytes that the program puts in front
P99_US = 200.0  # at half the highest rate
FIRST_FRAME = 2.0  # seconds
WRITES = 1_000  # a second
DEFAULT_ENTRIES = [1, 1_000, 100_000]


def main() -> None:
    """Measure what is installed and print it; exit status 1 when v1switch counts wrongly."""
    options = arguments()
    cores = Cores.choose()
    print(cores)
    os.sched_setaffinity(0, {cores.generator})
    found: dict[str, Any] = {"cores": cores._asdict()}
    found["generator"] = switch_vxlan.alone(options.size)
    print(f"generator alone  {found['generator']:,} frames/s")
    frame = switch_vxlan.frame(options.size)
    found["bare"] = switch_bare.measure(cores, options.seconds, frame, TUNNEL)
    print(*switch_bare.lines(found["bare"]), sep="\n", flush=True)
    found["in_process"] = switch_in_process.measure(options.entries)
    print(*switch_in_process.lines(found["in_process"]), sep="\n", flush=True)
    found["machine_code"] = switch_machine_code.measure()
    print(*switch_machine_code.lines(found["machine_code"]), sep="\n", flush=True)
    found["traced"] = switch_traced.measure()
    print(*switch_traced.lines(found["traced"]), sep="\n", flush=True)
    found["engines"] = {}
    for engine in engines():
        figures = switch_vxlan.measure(engine, cores, options.seconds, options.size)
        print(*switch_vxlan.lines(engine.label, figures), sep="\n", flush=True)
        figures["tables"] = switch_tables.measure(engine, cores, options.entries)
        print(*switch_tables.lines(engine.label, figures["tables"]), sep="\n", flush=True)
        found["engines"][engine.label] = figures
    found["goals"] = dict(goals(found["engines"], found["bare"]["rate"]))
    found["goals"].update(switch_machine_code.goals(found["machine_code"]))
    found["goals"].update(switch_traced.goals(found["traced"]))
    print(
        *(f"{'met' if met else 'NOT met':7}  {goal}" for goal, met in found["goals"].items()),
        sep="\n",
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    raise SystemExit(wrong(found["engines"]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a trial")
    parser.add_argument("--size", type=int, default=1000, help="bytes of UDP payload, 16 or more")
    parser.add_argument("--entries", type=int, nargs="*", default=DEFAULT_ENTRIES, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    return parser.parse_args()


def goals(figures: dict[str, dict[str, Any]], bare: int) -> Iterator[tuple[str, bool]]:
    """The goals of each engine of v1switch, with the results; ``bare``: the bare loop's rate."""
    bmv2 = figures.get(BMV2_LABEL)
    for label, of in figures.items():
        if label == BMV2_LABEL:
            continue
        if bmv2:
            ratio = of["rate"] / bmv2["rate"]
            yield f"{label}: {RATIO:g}x BMv2's rate or more: {ratio:.2f}x", ratio >= RATIO
        share = of["rate"] / bare
        yield f"{label}: {OF_BARE:g} of the bare loop's rate: {share:.2f}", share >= OF_BARE
        late = of["p99_us"]
        yield f"{label}: p99 at half rate {P99_US:g} us or less: {late:,}", late <= P99_US
        first = of["first_frame_s"]
        yield f"{label}: first frame within {FIRST_FRAME:g} s: {first} s", first <= FIRST_FRAME
        slowest = switch_tables.slowest_writes(of["tables"])
        yield f"{label}: {WRITES:,} writes/s or more: {slowest:,}", slowest >= WRITES


def wrong(figures: dict[str, dict[str, Any]]) -> str | None:
    """The engine of v1switch that counts wrongly, or None."""
    kinds = ("counters_exact", "counters_exact_in_overload")
    bad = [
        f"{label}: not {kind}"
        for label, of in figures.items()
        for kind in kinds
        if label != BMV2_LABEL and of[kind] is False
    ]
    return "\n".join(bad) or None


if __name__ == "__main__":
    main()
