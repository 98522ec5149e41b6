"""`make mutants`: how many of a sample of mutants do the tests notice?

Kernels run interpreted, so that what is mutated is what runs. Each target of targets.toml names
the files that are mutated and the tests that look at them, the quickest to fail first. A mutant
that survives needs a test, or a line in equivalent.toml that says why it changes nothing.
"""

import os

os.environ |= {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1", "TEST_PROFILE": "mutants"}

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tests.mutants.runs import ROOT, Job, Outcome, run_all
from tests.mutants.sites import Mutant, sample

HERE = Path(__file__).parent
LEAST = 0.9  # of the mutants that are not equivalent are noticed
BASELINE_CPU = 600  # seconds that the tests of a target may take


def main() -> int:
    """Draw the sample, run it, print what survived; 1 when too much did."""
    options = _options()
    sys.dont_write_bytecode = True
    targets = tomllib.loads((HERE / "targets.toml").read_text())["target"]
    files = {file: target for target in targets for file in files_of(target)}
    wanted = [file for file in files if options.only in file]
    drawn = list(sample(ROOT, wanted, options.mutants, options.seed))
    print(f"{len(drawn)} mutants of {len(files)} files", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    started = time.monotonic()
    try:
        limits = baseline(targets, {mutant.file for mutant in drawn}, options.workers, folder)
        jobs = [
            Job(m, files[m.file]["tests"], limits[files[m.file]["name"]], m.file, m.source)
            for m in drawn
        ]
        survivors = [
            outcome.job.key
            for number, outcome in enumerate(run_all(jobs, options.workers, folder), 1)
            if not noticed(outcome, f"{number:4}/{len(jobs)} {time.monotonic() - started:6.0f} s")
        ]
    finally:
        shutil.rmtree(folder)
    return report(drawn, survivors)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=400, help="size of the sample")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="files whose path holds this")
    return parser.parse_args()


def files_of(target: dict[str, Any]) -> list[str]:
    """Return the files of a target, from the root."""
    found = {path for pattern in target["files"] for path in ROOT.glob(pattern)}
    found -= {path for pattern in target.get("but", []) for path in ROOT.glob(pattern)}
    assert found, f"{target['name']}: no file is {target['files']}"
    return sorted(str(path.relative_to(ROOT)) for path in found)


def baseline(
    targets: list[dict[str, Any]], wanted: set[str], workers: int, folder: Path
) -> dict[str, int]:
    """Run the tests without a mutant; return each target's seconds of CPU for one mutant."""
    jobs = [
        Job(target["name"], target["tests"], BASELINE_CPU)
        for target in targets
        if wanted & set(files_of(target))
    ]
    limits = {}
    for outcome in run_all(jobs, workers, folder):
        if outcome.status != 0:
            sys.exit(f"{outcome.job.key}: its tests fail without a mutant\n{outcome.output}")
        print(f"{outcome.job.key}: {outcome.cpu:.0f} s of tests", flush=True)
        limits[str(outcome.job.key)] = 20 + 3 * int(outcome.cpu)
    return limits


def noticed(outcome: Outcome, said: str) -> bool:
    """Tell one mutant's end; a run that a limit ended has noticed it, too."""
    mutant = outcome.job.key
    assert isinstance(mutant, Mutant)
    if outcome.status == 0:
        print(f"{said} survived {mutant.file}:{mutant.line}")
        print(f"    - {mutant.was}\n    + {mutant.becomes}")
    elif sys.stdout.isatty():
        print(said, end="\r")
    sys.stdout.flush()
    return outcome.status != 0


def report(drawn: list[Mutant], survivors: list[Any]) -> int:
    """Print the share that was noticed, of each file and of all; return the exit status."""
    equivalent = {
        (each["file"], each["was"], each["becomes"])
        for each in tomllib.loads((HERE / "equivalent.toml").read_text()).get("mutant", [])
    }
    alike = [m for m in survivors if (m.file, m.was, m.becomes) in equivalent]
    of_file, lived = Counter(m.file for m in drawn), Counter(m.file for m in survivors)
    for file, count in sorted(of_file.items()):
        print(f"{count - lived[file]:4} of {count:4}  {file}")
    killed, all_ = len(drawn) - len(survivors), len(drawn) - len(alike)
    print(
        f"{killed} of {all_} mutants were noticed ({killed / max(1, all_):.1%}); {len(alike)} are "
        f"equivalent (tests/mutants/equivalent.toml), {all_ - killed} want a test or a reason"
    )
    return int(killed < LEAST * all_)


if __name__ == "__main__":
    sys.exit(main())
