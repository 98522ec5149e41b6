"""How long the talk's figures take, and how long their kernels need to be compiled at first.

Times are compared with goals, not with another program: all seven figures within 60 s on two
cores, the kernels within 20 s.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIGURES_GOAL, KERNELS_GOAL = 60.0, 20.0  # s


def timed(*argv: str, cache: str) -> float:
    """Seconds of a command that keeps its kernels in ``cache``. Exits when it fails."""
    started = time.monotonic()
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, "-m", *argv], env=environment, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(argv)} ended with {done.returncode}")
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache, results = str(Path(folder, "kernels")), str(Path(folder, "results"))
        figures = ("falcon_ctl", "figures", "--results", results, "--seeds")
        live = timed("rxpath", "warm", cache=cache + "-live")
        first = timed(*figures, "1", "--figures", "1", cache=cache)
        for name, took in (("the network's first start", live), ("the first figure", first)):
            print(f"kernels for {name}: {took:.1f} s, {took / KERNELS_GOAL:.2f} of the goal")
        took = timed(*figures, str(options.seeds), cache=cache)
    print(
        f"seven figures, {options.seeds} seeds, {os.cpu_count()} cores: {took:.1f} s, "
        f"{took / FIGURES_GOAL:.2f} of the goal"
    )
    if options.json:
        result = {
            "live_kernels_s": live,
            "first_figure_s": first,
            "figures_s": took,
            "seeds": options.seeds,
        }
        Path(options.json).write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
