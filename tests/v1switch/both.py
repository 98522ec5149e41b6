"""A data plane that runs each frame through machine code and through plain Python."""

from array import array
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Forwarder, Frame, Prepared, SwitchContext
from v1switch.engines.native.engine import Native, NativeEngine
from v1switch.engines.python.engine import PythonEngine
from v1switch.program import load_file
from v1switch.program.model import Program
from v1switch.state.entries import DigestSample
from v1switch.state.lookup import Cell
from v1switch.state.program_state import State

Words = list[list[int]]


class Both(Dataplane):
    """Every frame runs on both engines, from the same state, and must have the same effects.

    That is: the frames that leave in their order, the digests, and all that the frame changed in
    counters, meters, registers and entries. Where machine code hands a frame over, it must have
    left the state unchanged. `carried` counts the frames by the engine that carried them.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(ComparingEngine(), **options)  # type: ignore[arg-type]  # Dataplane's own
        self.carried: Counter[str] = Counter()


class ComparingEngine:
    mirrored = True

    def prepare(self, program: Program) -> Prepared:
        return _Prepared(NativeEngine(PythonEngine()).prepare(program))


@dataclass(frozen=True)
class _Prepared:
    both: Prepared

    @property
    def program(self) -> Program:
        return self.both.program

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        forwarder = self.both.bind(switch, state)
        if not isinstance(forwarder, Native):
            return forwarder
        assert isinstance(switch, Both)
        return Comparison(switch, state, forwarder)


@dataclass(frozen=True)
class Comparison:
    """Runs each frame through machine code, undoes that, and runs it through plain Python."""

    switch: Both
    state: State
    native: Native

    def process(self, port: int, frame: bytes, now: int) -> list[Frame]:
        switch, state, native = self.switch, self.state, self.native
        listener = switch.on_digest
        received: tuple[list[DigestSample], list[DigestSample]] = ([], [])
        before = words_of(state)
        switch.on_digest = received[0].append if listener else None
        fast = native.attempt(port, frame, now)
        after = words_of(state)
        native.undo()
        assert words_of(state) == before, "what machine code changed was not taken back"
        switch.on_digest = received[1].append if listener else None
        slow = native.plain(port, frame, now)
        switch.on_digest = listener
        for sample in received[1]:
            assert listener is not None
            listener(sample)
        switch.carried["python" if fast is None else "native"] += 1
        if fast is not None:
            case = f"frame {frame.hex()} into port {port}"
            assert by_port(fast) == by_port(slow), case
            assert received[0] == received[1], case
            assert after == words_of(state), case
        return slow


@cache
def prepared(program: Path) -> Prepared:
    """A program (BMv2 JSON), compiled for both engines."""
    return ComparingEngine().prepare(load_file(program))


def both(program: Path, **options: object) -> Both:
    """A data plane that runs a program on both engines."""
    plane = Both(**options)
    plane.commit(prepared(program))
    return plane


def by_port(frames: list[Frame]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for port, frame in frames:
        found.setdefault(port, []).append(frame)
    return found


def words_of(state: State) -> Words:
    """A copy of all that packets may change."""
    found: list[array[int]] = []
    for counter in state.counters.values():
        found += [counter.packets, counter.bytes]
    found += [bank.words for bank in state.registers.values()] + [state.random.words]
    meters = [meter for bank in state.meters.values() for meter in bank.cells.values()]
    cells: list[Cell] = [c for table in state.tables.values() for c in table.cells.values()]
    meters += [cell.meter for cell in cells if cell.meter is not None]
    found += [meter.words for meter in meters] + [cell.words for cell in cells]
    return [words.tolist() for words in found]
