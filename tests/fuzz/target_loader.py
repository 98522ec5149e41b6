"""The JSON loader: what loads also compiles and processes frames; the rest is refused clearly."""

import json
from functools import cache
from typing import Any

from tests.fuzz import worlds
from tests.fuzz.choices import Choices
from tests.fuzz.json_calls import Pool, pool_of
from tests.fuzz.json_mutations import mutate
from tests.fuzz.oracles import check_program_error
from tests.v1switch.broken import engine
from v1switch.control.dataplane import Dataplane
from v1switch.errors import ProgramError
from v1switch.program import load_program

RAW = 255  # the first byte of an input that is a document itself


@cache
def _pool(name: str) -> Pool:
    return pool_of(json.loads(worlds.program_text(name)))


def text_of(data: bytes) -> bytes:
    """The JSON document of an input."""
    choose = Choices(data)
    first = choose.byte()
    if first == RAW:
        return choose.rest()
    big = first == RAW - 1
    name = "falcon_vtep" if big else worlds.SMALL[first % len(worlds.SMALL)]
    program: Any = json.loads(worlds.program_text(name))
    for _ in range(choose.pick((1, 1, 1, 2, 2, 4))):
        if isinstance(program, dict) and program:
            mutate(program, _pool(name), choose)
    return json.dumps(program).encode(errors="surrogatepass")


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    choose = Choices(data)
    name = worlds.SMALL[choose.byte() % len(worlds.SMALL)]
    some = worlds.frames(name)
    return [some[0], some[len(some) // 2], some[-1], (choose.below(512), data * 2)]


def run(data: bytes) -> str:
    """Load, compile, commit, and process four frames."""
    traced = bool(data) and data[-1] % 4 == 0
    plane = Dataplane(engine(traced), cpu_port=worlds.CPU_PORT)
    plane.on_digest = plane.on_packet_in = lambda _: None
    try:
        prepared = plane.prepare(load_program(text_of(data)))
    except ProgramError as error:
        check_program_error(error)
        return "refused"
    plane.commit(prepared)
    for port, frame in _frames(data):
        plane.process(port, frame, 0)
    return "loaded"


def show(data: bytes) -> dict[str, bytes]:
    """The document, readable."""
    return {"json": text_of(data)}


def seeds() -> list[bytes]:
    """Every program unchanged, as a document and by its number."""
    documents = [bytes([RAW]) + worlds.program_text(name).encode() for name in worlds.SMALL]
    return documents + [bytes([number]) for number in range(len(worlds.SMALL))]
