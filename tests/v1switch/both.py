"""A data plane that runs each frame through machine code and through plain Python."""

from array import array
from collections import Counter
from functools import cache
from pathlib import Path

from v1switch.control.dataplane import NATIVE, Dataplane, Frame, Prepared
from v1switch.native.build import Plan
from v1switch.native.runtime import undo
from v1switch.program import load_file
from v1switch.state.entries import DigestSample
from v1switch.state.lookup import Cell
from v1switch.state.program_state import State
from v1switch.state.words import address

Words = list[list[int]]


class Both(Dataplane):
    """Every frame goes both ways, from the same state; what comes out has to be the same.

    That is: the frames that leave in their order, the digests, and all that the frame changed in
    counters, meters, registers and entries. Where machine code hands a frame back, it must have
    left the state as it was. `carried` counts the frames by who carried them.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(engine=NATIVE, **options)  # type: ignore[arg-type]  # Dataplane's own
        self.carried: Counter[str] = Counter()

    def _accelerate(self, plan: Plan, state: State) -> None:
        super()._accelerate(plan, state)
        self._process = self._compared

    def _compared(self, port: int, frame: bytes, now: int) -> list[Frame]:
        assert self.native is not None
        listener = self.on_digest
        heard: tuple[list[DigestSample], list[DigestSample]] = ([], [])
        before = words_of(self.state)
        self.on_digest = heard[0].append if listener else None
        fast = self.native.process(port, frame, now)
        after = words_of(self.state)
        undo(address(self.native.output.words))
        assert words_of(self.state) == before, "what machine code changed was not taken back"
        self.on_digest = heard[1].append if listener else None
        slow = self.native.plain(port, frame, now)
        self.on_digest = listener
        for sample in heard[1]:
            assert listener is not None
            listener(sample)
        self.carried["python" if fast is None else "native"] += 1
        if fast is not None:
            said = f"frame {frame.hex()} into port {port}"
            assert by_port(fast) == by_port(slow), said
            assert heard[0] == heard[1], said
            assert after == words_of(self.state), said
        return slow


@cache
def prepared(program: Path) -> Prepared:
    """A program (BMv2 JSON), compiled for both engines."""
    return Both().prepare(load_file(program))


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
    found += [bank.cells for bank in state.registers.values() if isinstance(bank.cells, array)]
    meters = [meter for bank in state.meters.values() for meter in bank.cells.values()]
    cells: list[Cell] = [c for table in state.tables.values() for c in table.cells.values()]
    meters += [cell.meter for cell in cells if cell.meter is not None]
    found += [meter.words for meter in meters] + [cell.words for cell in cells]
    return [words.tolist() for words in found]
