"""Frames of all kinds through all programs, with random entries."""

from functools import cache
from types import FunctionType

from tests.fuzz import worlds
from tests.fuzz.choices import Choices
from tests.v1switch.test_fuzz import vtep
from v1switch.control.dataplane import Dataplane

FILLINGS = 4  # sets of random entries for each program
PORTS = (1, 2, 3, 0, 4, worlds.CPU_PORT, 511)
SIZES = (0, 1, 13, 14, 60, 1500, 9000, 65535)
FIRST_FRAMES = 24  # each plane processes so many before memory is measured
NAMES = (*worlds.FILES, "vtep")


@cache
def plane(name: str, filling: int, traced: bool) -> Dataplane:
    """The plane that all frames of this kind go through."""
    made = vtep() if name == "vtep" else worlds.plane_of(name, filling, traced)
    made.on_digest = made.on_packet_in = lambda _: None
    return made


def warm_up() -> None:
    """Make all planes and use each once, so that memory is constant afterwards."""
    for name in NAMES:
        for filling in range(FILLINGS):
            for traced in (False, True):
                for port, frame in worlds.frames(name)[:FIRST_FRAMES]:
                    plane(name, filling, traced).process(port, frame, 10**9)


def generated() -> list[FunctionType]:
    """The functions that were generated for the programs, to be instrumented."""
    found = []
    for name in NAMES:
        for filling in range(FILLINGS):
            for traced in (False, True):
                made = plane(name, filling, traced)
                assert made.forwarder is not None
                process = made.forwarder.process
                cells = getattr(process, "__closure__", None) or ()
                found += [c.cell_contents for c in cells]
    return [each for each in found if isinstance(each, FunctionType)]


def decode(data: bytes) -> tuple[str, int, bool, int, bytes]:
    """Program, filling, traced, port, frame."""
    choose = Choices(data)
    name, filling = choose.pick(NAMES), choose.below(FILLINGS)
    traced = choose.chance(4)
    kind = choose.below(8)
    if kind == 7:
        return name, filling, traced, choose.pick(PORTS), choose.rest()
    port, frame = choose.pick(worlds.frames(name))
    port = choose.pick(PORTS) if choose.chance(4) else port
    return name, filling, traced, port, _changed(bytearray(frame), kind, choose)


def _changed(frame: bytearray, kind: int, choose: Choices) -> bytes:
    for _ in range(kind):
        at = choose.below(len(frame) or 1)
        what = choose.below(5)
        if what == 0:
            frame[at : at + 1] = choose.take(1)
        elif what == 1:
            del frame[at:]
        elif what == 2:
            frame[at : at + 4] = choose.take(1) * 4
        elif what == 3:
            frame += frame[at:]
        else:
            frame += bytes(choose.pick(SIZES))
    return bytes(frame[:65535])


def run(data: bytes) -> str:
    """Process one frame; the output has to be frames for ports."""
    name, filling, traced, port, frame = decode(data)
    out = plane(name, filling, traced).process(port, frame, 10**9)
    for out_port, sent in out:
        assert isinstance(out_port, int)
        assert isinstance(sent, bytes)
    return "sent" if out else "dropped"


def show(data: bytes) -> dict[str, bytes]:
    """Where the frame goes, and the frame."""
    *where, frame = decode(data)
    return {"txt": f"program, filling, traced, port: {where}\n".encode(), "frame": frame}


def seeds() -> list[bytes]:
    """Each program with some of its own frames as they are."""
    firsts = [(n, worlds.frames(name)[:FILLINGS]) for n, name in enumerate(NAMES)]
    kinds = [(n, f, frame) for n, first in firsts for f, (_, frame) in enumerate(first)]
    return [bytes([n, f, 0, 7, 0]) + frame for n, f, frame in kinds]
