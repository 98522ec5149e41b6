"""Plain Python first, machine code later: which program is moved, and when."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.switch.harness import poll
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Forwarder, Frame, SwitchContext
from v1switch.engines.python.engine import PythonEngine, PythonForwarder
from v1switch.engines.upgrading import Code, UpgradingEngine
from v1switch.program import load_file
from v1switch.program.model import Program
from v1switch.state.program_state import State

WIRE, LOOKUPS = (load_file(COMPILED / f"{name}.json") for name in ("wire", "lookups"))
FRAME = b"x" * 20


@dataclass(frozen=True)
class Fast:
    """Stands for machine code: sends every frame out of port 7."""

    program: Program
    plain: Forwarder | None = None

    def bind(self, _switch: SwitchContext, _state: State, plain: Forwarder) -> Forwarder:
        return Fast(self.program, plain)

    def process(self, _port: int, frame: bytes, _now: int) -> list[Frame]:
        return [(7, frame)]


class Compiler:
    """Compiles a program when a test lets it."""

    def __init__(self) -> None:
        self.requested: list[Program] = []
        self.allowed = threading.Semaphore(0)
        self.answers: list[Code | Exception | None] = []

    def __call__(self, program: Program) -> Code | None:
        self.requested.append(program)
        assert self.allowed.acquire(timeout=30)
        answer = self.answers.pop(0) if self.answers else Fast(program)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


@pytest.fixture
def dataplane(compiler: Compiler) -> Iterator[Dataplane]:
    with UpgradingEngine(PythonEngine(), compiler) as engine:
        yield Dataplane(engine)
        compiler.allowed.release(100)  # let a waiting compilation end


def test_frames_move_to_machine_code_when_it_is_ready(
    dataplane: Dataplane, compiler: Compiler
) -> None:
    dataplane.load(WIRE)
    plain = dataplane.forwarder
    assert isinstance(plain, PythonForwarder)
    assert dataplane.process(1, FRAME) == [(2, FRAME)]
    compiler.allowed.release()
    poll(lambda: dataplane.process(1, FRAME) == [(7, FRAME)], "machine code")
    assert dataplane.forwarder == Fast(WIRE, plain)  # it has what it hands frames over to


def test_machine_code_of_an_earlier_program_is_not_used(
    dataplane: Dataplane, compiler: Compiler
) -> None:
    dataplane.load(WIRE)
    poll(lambda: compiler.requested == [WIRE], "the compiler")
    dataplane.load(LOOKUPS)
    compiler.allowed.release()
    poll(lambda: compiler.requested == [WIRE, LOOKUPS], "the compiler")
    assert isinstance(dataplane.forwarder, PythonForwarder)
    compiler.allowed.release()
    poll(lambda: isinstance(dataplane.forwarder, Fast), "machine code")
    assert dataplane.forwarder.program is LOOKUPS


def test_only_the_last_of_several_programs_is_compiled(
    dataplane: Dataplane, compiler: Compiler
) -> None:
    dataplane.load(WIRE)
    poll(lambda: compiler.requested == [WIRE], "the compiler")
    for program in (LOOKUPS, WIRE, LOOKUPS):
        dataplane.load(program)
    compiler.allowed.release(2)
    poll(lambda: isinstance(dataplane.forwarder, Fast), "machine code")
    assert compiler.requested == [WIRE, LOOKUPS]


@pytest.mark.parametrize("answer", [None, RuntimeError("a fault in the compiler")])
def test_a_program_without_machine_code_stays_and_the_next_one_moves(
    dataplane: Dataplane, compiler: Compiler, answer: Exception | None
) -> None:
    compiler.answers = [answer]
    dataplane.load(WIRE)
    poll(lambda: compiler.requested == [WIRE], "the compiler")
    compiler.allowed.release()
    poll(lambda: not compiler.answers, "its answer")
    dataplane.load(LOOKUPS)
    poll(lambda: compiler.requested == [WIRE, LOOKUPS], "the compiler")
    assert isinstance(dataplane.forwarder, PythonForwarder)
    compiler.allowed.release()
    poll(lambda: isinstance(dataplane.forwarder, Fast), "machine code")


def test_after_the_end_nothing_is_moved(compiler: Compiler) -> None:
    with UpgradingEngine(PythonEngine(), compiler) as engine:
        dataplane = Dataplane(engine)
        dataplane.load(WIRE)
        poll(lambda: compiler.requested == [WIRE], "the compiler")
    compiler.allowed.release()
    poll(lambda: "compiler" not in [t.name for t in threading.enumerate()], "its end")
    assert isinstance(dataplane.forwarder, PythonForwarder)
