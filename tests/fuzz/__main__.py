"""`make fuzz`: all targets, a bounded number of inputs, exit code 1 with the first finding.

Every part is a separate process, so that a part which is killed, or hangs where no signal reaches
it, is a finding as well and its input is not lost.
"""

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

SHARES = (  # of 100
    ("loader", "random", 15),
    ("loader", "guided", 10),
    ("frames", "random", 10),
    ("frames", "guided", 25),
    ("p4runtime", "random", 15),
    ("pairs", "random", 10),
    ("files", "random", 5),
    ("files", "guided", 5),
    ("specs", "random", 5),
)
SECONDS_AN_INPUT = 0.25  # average over a part: ten times the usual


def main() -> int:
    """Run all parts and print their results."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--inputs", type=int, default=100_000, help="over all parts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/fuzz"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    guided = importlib.util.find_spec("atheris") is not None
    if not guided:
        print("atheris is not available: all inputs are random, none coverage-guided")
    failed = False
    for target, engine, share in SHARES:
        inputs = max(1, options.inputs * share // 100)
        how = engine if guided else "random"
        failed |= _part(target, how, inputs, options) != 0
    seconds = time.monotonic() - started
    verdict = f"findings, see {options.out}" if failed else "no finding"
    print(f"fuzz: {options.inputs} inputs in {seconds:.0f} s: {verdict}")
    return int(failed)


def _part(target: str, engine: str, inputs: int, options: argparse.Namespace) -> int:
    """Run one part and return its exit code; shows its stderr if it failed."""
    command = [sys.executable, "-m", "tests.fuzz.run", target, "--engine", engine]
    command += ["--inputs", str(inputs), "--seed", str(options.seed), "--out", str(options.out)]
    log = options.out / f"{target}-{engine}.log"
    limit = 120 + inputs * SECONDS_AN_INPUT
    with log.open("w") as errors:
        try:
            code = subprocess.run(command, stderr=errors, timeout=limit, check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"FOUND by {target} ({engine}): not done after {limit:.0f} s")
            return 1
    if code not in (0, 1):
        print(f"FOUND by {target} ({engine}): the process ended with {code}, see {log}")
    return code


if __name__ == "__main__":
    sys.exit(main())
