"""v1switch and, where it is installed, BMv2: the same frames, entries and veths in one run.

    python benchmarks/bench_v1switch.py [--seconds S] [--size BYTES] [--json FILE]

On the VXLAN program: the highest rate with less than 0.1 % loss, the latency at half of it, whether
the counters are exact there. The switch has one core, the generator, which offers a fixed rate
whatever the switch does, the other. Rates are those of the wall clock; "per CPU second" divides
by the processor time that the switch itself used, so a busy machine disturbs it less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import switch_vxlan  # noqa: E402  # needs the path
from benchmarks.switch_engines import Cores, engines  # noqa: E402  # needs the path


def main() -> None:
    """Measure what is installed, print it, and fail where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a trial")
    parser.add_argument("--size", type=int, default=1000, help="bytes of UDP payload, 16 or more")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    cores = Cores.choose()
    print(cores)
    os.sched_setaffinity(0, {cores.generator})
    alone = switch_vxlan.alone(options.size)
    print(f"generator alone  {alone:8,} frames/s")
    found: dict[str, Any] = {"cores": cores._asdict(), "generator": alone, "engines": {}}
    for engine in engines():
        figures = switch_vxlan.measure(engine, cores, options.seconds, options.size)
        found["engines"][engine.label] = figures
        print(switch_vxlan.line(engine.label, figures), flush=True)
    found["ratios"] = ratios(found["engines"])
    for label, ratio in found["ratios"].items():
        print(f"{label}: {ratio:.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def ratios(figures: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Each engine's highest rate over the last one's, which is BMv2's where it is installed."""
    *others, last = figures
    return {f"{label} / {last}": figures[label]["rate"] / figures[last]["rate"] for label in others}


if __name__ == "__main__":
    main()
