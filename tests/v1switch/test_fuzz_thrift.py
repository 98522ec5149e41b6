"""Calls of every kind with any arguments of the right types: refused or run, never a fault."""

import contextlib
import logging
import socket
import threading
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TMemoryBuffer

from tests.v1switch.twin import COMPILED
from v1switch.bmthrift.calls import SERVICES
from v1switch.bmthrift.connection import Connection, Ended
from v1switch.bmthrift.serving import NO_PORTS, processor
from v1switch.bmthrift.target import Target
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import InertEngine
from v1switch.program.loader import load_file

PROGRAMS = {
    name: load_file(COMPILED / f"{name}.json") for name in ("tables", "selector", "externs")
}
CALLS = [
    (f"{service}:{name}", call)
    for service, calls in SERVICES.items()
    for name, call in calls.items()
]
NAMES = sorted(
    {
        *(name for program in PROGRAMS.values() for name in program.tables),
        *(action.name for program in PROGRAMS.values() for action in program.actions.values()),
        *(
            "SelectorIngress.paths",
            "ExternIngress.cells",
            "ExternIngress.seen",
            "ExternIngress.pace",
        ),
        *("calc_4", "calc_5", "TableParser.wanted", "nothing", "", "101", "{}"),
    }
)


def values(code: int, argument: Any) -> st.SearchStrategy[Any]:
    """Values of a type, by its description for the library."""
    if code == TType.STRUCT:
        cls, spec = argument
        fields = {f[2]: st.none() | values(f[1], f[3]) for f in spec if f is not None}
        return st.builds(cls, **fields)
    if code == TType.LIST:
        return st.lists(values(argument[0], argument[1]), max_size=3)
    return SIMPLE[code] if argument != "BINARY" else st.binary(max_size=3)


def _integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-2, 5) | st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


SIMPLE: dict[int, st.SearchStrategy[Any]] = {
    TType.BOOL: st.booleans(),
    TType.I16: _integers(16),
    TType.I32: _integers(32),
    TType.I64: _integers(64),
    TType.DOUBLE: st.floats(),
    TType.STRING: st.sampled_from(NAMES),
}


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    name, call = draw(st.sampled_from(CALLS))
    given_ = {word: draw(values(kind.code, kind.argument)) for word, kind in call.arguments}
    if "cxt_id" in given_:
        given_["cxt_id"] = 0
    buffer = TMemoryBuffer()
    protocol = TBinaryProtocol(buffer)
    protocol.writeMessageBegin(name, TMessageType.CALL, 1)
    protocol.writeStruct(SimpleNamespace(**given_), call.spec)
    return bytes(buffer.getvalue())


class Mute(Connection):
    """A connection whose answers nobody reads."""

    def flush(self) -> None:
        self.release()
        self.discard()


@given(st.sampled_from(sorted(PROGRAMS)), st.lists(messages(), max_size=8))
def test_no_call_is_a_fault(program: str, calls: list[bytes]) -> None:
    plane = Dataplane(InertEngine())
    plane.load(PROGRAMS[program])
    answers = processor(Target(plane, NO_PORTS, 0, 0, can_swap=True))
    ours, theirs = socket.socketpair()
    with ours, theirs, faults() as found:
        theirs.sendall(b"".join(calls))
        theirs.shutdown(socket.SHUT_WR)
        connection = Mute(ours, threading.Lock())
        with contextlib.suppress(Ended):
            while True:
                connection.wait()
                answers.serve(connection)
    assert found == []


class faults(logging.Handler):  # noqa: N801  # a context
    """The tracebacks that are logged inside."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(logging.Formatter().format(record))

    def __enter__(self) -> list[str]:
        logging.getLogger("v1switch").addHandler(self)
        return self.found

    def __exit__(self, *_: object) -> None:
        logging.getLogger("v1switch").removeHandler(self)
