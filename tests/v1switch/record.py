"""Records BMv2's answers: `python -m tests.v1switch.record [--seed N] [PROGRAM...]`.

Needs simple_switch_grpc on the PATH. Each case runs twice; nothing is written unless both answers
are equal, so that no chance gets into a golden file.
"""

import argparse
import subprocess
import sys

from tests.switch.harness import Sandbox
from tests.v1switch.bmv2 import engine
from tests.v1switch.cases import answer_json
from tests.v1switch.engines import run
from tests.v1switch.golden import differences, names, path, write
from tests.v1switch.scenarios import SEED, case


def version() -> str:
    """BMv2's own version string."""
    command = ["simple_switch_grpc", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"BMv2 {done.stdout.strip()}"


def record(name: str, seed: int) -> bool:
    """Record one program's case; returns whether both answers were equal."""
    made = case(name, seed)
    answers = []
    for _ in range(2):
        with Sandbox(ports=0) as sandbox:
            answers.append(run(engine(sandbox), made.program, made.entries, made.frames))
    unequal = differences(made, *map(answer_json, answers))
    for line in unequal:
        print(f"{name}: {line}", file=sys.stderr)
    if not unequal:
        write(name, made, answers[0], version())
        size = path(name).stat().st_size // 1024
        print(f"{name}: seed {seed}, {len(made.frames)} frames, {size} KiB")
    return not unequal


def main() -> int:
    """Record what the command line names, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", choices=[[], *names()], metavar="PROGRAM")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    done = [record(name, options.seed) for name in options.programs or names()]
    return 0 if all(done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
