"""A client of BMv2's Thrift services by Apache Thrift's library. No tests here.

`client.standard.bm_mt_get_num_entries(0, "t")` calls, and raises Failed with the error's code, or
what the library raises when a call could not be run.
"""

import socket
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport

from v1switch.bmthrift import structs
from v1switch.bmthrift.calls import SERVICES
from v1switch.bmthrift.processor import FAILURE

PATIENCE_MS = 20_000


class Failed(Exception):
    """The server refused; `code` is the interface's."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Service:
    """The calls of one service."""

    def __init__(self, protocol: Any, name: str) -> None:
        self._protocol, self._calls = TMultiplexedProtocol(protocol, name), SERVICES[name]

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        call, protocol = self._calls[name], self._protocol
        names = [word for word, _ in call.arguments]
        protocol.writeMessageBegin(name, TMessageType.CALL, 7)
        protocol.writeStruct(SimpleNamespace(**dict(zip_longest(names, arguments))), call.spec)
        protocol.writeMessageEnd()
        protocol.trans.flush()
        answered, kind, number = protocol.readMessageBegin()
        assert (answered.rpartition(":")[2], number) == (name, 7)
        if kind == TMessageType.EXCEPTION:
            error = TApplicationException()
            error.read(protocol)
            raise error
        returned = call.returns
        success = (0, returned.code, "success", returned.argument, None) if returned else None
        result = SimpleNamespace(success=None, failure=None)
        protocol.readStruct(result, (success, FAILURE))
        if result.failure is not None:
            raise Failed(result.failure.code)
        return result.success


class Client:
    """A connection to a server."""

    def __init__(self, port: int | socket.socket) -> None:
        """Connect to a port of this machine, or use a connection that is there."""
        over = TSocket("127.0.0.1", port if isinstance(port, int) else 0)
        if not isinstance(port, int):
            over.setHandle(port)
        over.setTimeout(PATIENCE_MS)
        self._transport = TBufferedTransport(over)
        protocol = TBinaryProtocol(self._transport)
        self.standard = Service(protocol, "standard")
        self.multicast = Service(protocol, "simple_pre_lag")
        self.switch = Service(protocol, "simple_switch")
        if isinstance(port, int):
            self._transport.open()

    def close(self) -> None:
        self._transport.close()


def exact(*values: bytes) -> list[structs.MatchParam]:
    """A key of exact matches."""
    return [structs.MatchParam(structs.EXACT, structs.ExactParam(value)) for value in values]


def options(priority: int = 0) -> structs.AddEntryOptions:
    return structs.AddEntryOptions(priority)
