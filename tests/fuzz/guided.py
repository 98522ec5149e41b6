"""Coverage-guided runs: libFuzzer, through atheris, with the switch's code instrumented.

atheris has wheels for some platforms only; elsewhere runs are random ones alone.
"""

import tempfile
from pathlib import Path
from types import ModuleType

import atheris

from tests.fuzz.part import Part

HELPERS = "v1switch/engines/native/helpers"
RSS_MB = 2048  # of the whole process: libFuzzer ends the run above it
INPUT_BYTES = 16_384  # longest input that libFuzzer makes: a small program as a document
HARD_SECONDS = 60  # for one input that even the deadline inside of the process cannot end


def targets() -> dict[str, ModuleType]:
    """The targets, with every branch and comparison of the switch counted.

    But for what Numba compiles: it does not know the counters.
    """
    files = (Path(__file__).parents[2] / HELPERS).glob("*.py")
    compiled = [f"{HELPERS.replace('/', '.')}.{file.stem}" for file in files]
    with atheris.instrument_imports(include=["v1switch"], exclude=compiled):
        from tests.fuzz.targets import TARGETS
    return TARGETS


def run(part: Part) -> None:
    """Run a part's inputs, each one made from those before that reached new code."""

    def one(data: bytes) -> None:
        part.one(data)
        part.pause()

    for function in getattr(part.target, "generated", list)():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(part.target.seeds()):
            Path(corpus, f"{number:03}").write_bytes(data)
        limits = [f"-runs={part.inputs}", f"-seed={part.seed}", f"-rss_limit_mb={RSS_MB}"]
        limits += [f"-max_len={INPUT_BYTES}", f"-timeout={HARD_SECONDS}", "-verbosity=0"]
        atheris.Setup(["fuzz", *limits, f"-artifact_prefix={part.out}/", corpus], one)
        atheris.Fuzz()  # part.pause leaves the process after the last input
