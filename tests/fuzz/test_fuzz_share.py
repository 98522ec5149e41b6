"""A small share of `make fuzz`, the same inputs each time; and what the watch finds."""

import random
import subprocess
import sys

import pytest

from tests.fuzz import watch
from tests.fuzz.oracles import check_message, check_program_error
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Hang, Leak, Watch, shrink
from v1switch.errors import ProgramError

pytestmark = pytest.mark.slow

SHARE = {"loader": 60, "frames": 250, "p4runtime": 50, "pairs": 40, "files": 80, "specs": 80}
LEAKED: list[bytes] = []


@pytest.mark.parametrize("name", TARGETS)
def test_a_share_of_the_inputs(name: str) -> None:
    rng = random.Random(name)
    tried = Watch(TARGETS[name].run)
    for _ in range(SHARE[name]):
        tried.run(rng.randbytes(rng.randint(1, 160)))
    assert len(tried.outcomes) > 1, "the inputs have too few outcomes to show anything"


@pytest.mark.parametrize(("name", "good"), [("frames", "sent"), ("pairs", "fits")])
def test_the_seeds_of_guided_runs(name: str, good: str) -> None:
    tried = Watch(TARGETS[name].run)
    for data in TARGETS[name].seeds():
        tried.run(data)
    assert tried.outcomes[good] > tried.inputs // 2, "most seeds are to be good ones"


# -- the watch -------------------------------------------------------------------------------------


def leaking(data: bytes) -> str:
    LEAKED.append(bytes(1000) + data)
    return "leaked"


def test_one_leaked_object_for_each_input_is_a_leak() -> None:
    tried = Watch(leaking)
    tried.settle()
    for number in range(10_000):
        tried.run(str(number).encode())
    with pytest.raises(Leak, match="memory grew"):
        tried.check_memory()
    LEAKED.clear()
    tried.check_memory()


def test_an_endless_input_is_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_data: bytes) -> str:
        while True:
            pass

    timers = [(clock, number, 0.05) for clock, number, _ in watch.TIMERS]
    monkeypatch.setattr(watch, "TIMERS", timers)
    with pytest.raises(Hang):
        Watch(endless).run(b"")


def test_a_finding_is_minimised() -> None:
    def fails(data: bytes) -> str:
        if b"x" in data:
            raise KeyError("x")
        return "fine"

    assert shrink(fails, bytes(100) + b"x" + bytes(50)) == b"x"


def test_messages_that_name_nothing_are_found() -> None:
    with pytest.raises(AssertionError, match="names nothing"):
        check_message("something is wrong")
    with pytest.raises(AssertionError, match="not one line"):
        check_message("table 'a'\nis wrong")
    with pytest.raises(AssertionError, match="no path"):
        check_program_error(ProgramError("", "this", "that"))


@pytest.mark.parametrize("name", ["pairs", "files"])
def test_a_run_of_one_part_ends(tmp_path, name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--inputs", "40"]
    done = subprocess.run([*command, "--out", tmp_path], capture_output=True, text=True, check=True)
    assert f"{name}     random     40 inputs" in done.stdout


def test_memory_that_malloc_keeps_for_later_is_no_growth() -> None:
    def run(_data: bytes) -> str:
        blocks = [bytes(2_000) for _ in range(50_000)]
        kept.append(
            blocks[-1]
        )  # the end of the heap stays in use, so nothing is returned to the system
        return "done"

    kept: list[bytes] = []
    tried = Watch(run)
    tried.settle()
    tried.run(b"")
    tried.check_memory()
