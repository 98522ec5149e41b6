"""One part of a fuzzing run, in a separate process: exit code 1 with a finding.

`random` inputs come from Hypothesis, which minimises findings; `guided` ones from libFuzzer, which
mutates inputs that reached new code. `--repeat FILE` runs one input again.
"""

import argparse
import itertools
import logging
import resource
import sys
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.part import Part, show
from tests.fuzz.watch import Watch

BATCH = 500  # inputs of one Hypothesis run, which remembers all of them
SIZE = 160  # bytes of a random input
MEMORY = 4 << 30  # bytes of address space: what takes more is found as a MemoryError


def main() -> None:
    """Run a part; it prints one line, or what it found."""
    options = _options()
    logging.disable(logging.CRITICAL)  # the switch logs what its clients do wrong
    guided = options.engine == "guided"
    target = _targets(guided)[options.target]
    if options.repeat is not None:
        show(target, options.repeat)
        Watch(target.run).run(options.repeat.read_bytes())
        print(f"{options.repeat}: nothing is found")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    getattr(target, "warm_up", list)()
    part = Part(
        options.target,
        options.engine,
        target,
        inputs=options.inputs,
        seed=options.seed,
        out=options.out,
    )
    _guided(part) if guided else _random(part)


def _targets(guided: bool) -> dict[str, ModuleType]:
    if guided:
        from tests.fuzz import guided as engine

        return engine.targets()
    from tests.fuzz.targets import TARGETS

    return TARGETS


def _guided(part: Part) -> None:
    from tests.fuzz import guided

    guided.run(part)


def _random(part: Part) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    size = max(1, min(BATCH, part.inputs // 8))
    for number in itertools.count():
        batch(part, min(size, part.inputs - part.watch.inputs), part.seed * 1_000_003 + number)
        part.pause()


def batch(part: Part, count: int, number: int) -> None:
    """Run `count` inputs of seed `number`."""

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=SIZE, max_size=SIZE))
    def probe(data: bytes) -> None:
        part.one(data)

    probe()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.fuzz.run", description=__doc__)
    parser.add_argument(
        "target", choices=("loader", "frames", "p4runtime", "pairs", "files", "specs")
    )
    parser.add_argument("--engine", choices=("random", "guided"), default="random")
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/fuzz"))
    parser.add_argument("--repeat", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
