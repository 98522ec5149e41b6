"""Reads a call, runs it, writes its answer: Thrift's binary protocol with several services.

Names of calls are `SERVICE:CALL` (TMultiplexedProcessor). What is wrong with a call's bytes ends
the connection, as in BMv2; what is wrong with the call is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType

from v1switch.bmthrift import limits
from v1switch.bmthrift.calls import CONTEXT, SERVICES
from v1switch.bmthrift.codes import Refused
from v1switch.bmthrift.connection import Connection
from v1switch.bmthrift.description import Call, Spec
from v1switch.bmthrift.structs import Failed
from v1switch.errors import SwitchError, on_one_line, quoted

SEPARATOR = ":"
FAILURE = (1, TType.STRUCT, "failure", [Failed, Failed.thrift_spec], None)
log = logging.getLogger("v1switch")
Run = Callable[..., Any]
"""Runs a call with the values of its arguments, without the context."""


class Unanswerable(Exception):
    """The message is no call."""


class Processor:
    """The calls of all services."""

    def __init__(self, services: Mapping[str, Sequence[object]]) -> None:
        """Take the calls of each service from the objects that have a method for each."""
        self._calls: dict[str, tuple[Call, Spec, Run]] = {
            f"{service}{SEPARATOR}{name}": (call, call.spec, _method(services[service], name))
            for service, calls in SERVICES.items()
            for name, call in calls.items()
        }

    def serve(self, connection: Connection) -> None:
        """Answer one call, which has begun to arrive.

        Raises:
            Exception: of many kinds, when the bytes are not those of a call: the connection has to
                be closed.
        """
        protocol = TBinaryProtocol(
            connection,
            strictRead=True,
            string_length_limit=limits.MAX_MESSAGE,
            container_length_limit=limits.MAX_ELEMENTS,
        )
        name, kind, number = protocol.readMessageBegin()
        if kind != TMessageType.CALL:
            raise Unanswerable(f"a message of type {kind}")
        found = self._calls.get(name)
        if found is None:
            protocol.skip(TType.STRUCT)
            _reject(protocol, name, number, TApplicationException.UNKNOWN_METHOD, "no such call")
            return
        call, spec, run = found
        given = SimpleNamespace()
        protocol.readStruct(given, spec)
        arguments = [getattr(given, word, None) for word, _ in call.arguments]
        for at, (_, expected) in enumerate(call.arguments):
            if arguments[at] is None:  # BMv2 has the type's zero where a client sends nothing
                arguments[at] = expected.zero()
        if call.arguments and call.arguments[0][0] == CONTEXT and arguments.pop(0):
            what = "there is one context, 0"
            _reject(protocol, name, number, TApplicationException.INTERNAL_ERROR, what)
            return
        _answer(protocol, connection, name, number, call, lambda: run(*arguments))


def _method(parts: Sequence[object], name: str) -> Run:
    (found,) = (getattr(part, name) for part in parts if hasattr(part, name))
    run: Run = found
    return run


def _answer(
    protocol: Any,
    connection: Connection,
    name: str,
    number: int,
    call: Call,
    run: Callable[[], Any],
) -> None:
    """Run a call and write its result, its error code, or that something went wrong."""
    result = SimpleNamespace(success=None, failure=None)
    success = None
    if call.returns is not None:
        success = (0, call.returns.code, "success", call.returns.argument, None)
    try:
        result.success = run()
    except SwitchError as error:
        log.debug("Thrift: %s: %s", name, error)
        code = _code(call, error)
        if code is None:
            text = on_one_line(str(error))
            _reject(protocol, name, number, TApplicationException.INTERNAL_ERROR, text)
            return
        result.failure = Failed(code)
    except Exception:
        log.exception("Thrift: %s", quoted(name))
        what = "internal error, see the switch's log"
        _reject(protocol, name, number, TApplicationException.INTERNAL_ERROR, what)
        return
    try:
        protocol.writeMessageBegin(name, TMessageType.REPLY, number)
        protocol.writeStruct(result, (success, FAILURE))
    except Exception:
        connection.discard()
        log.exception("Thrift: the answer to %s", quoted(name))
        _reject(protocol, name, number, TApplicationException.INTERNAL_ERROR, "no answer")
        return
    connection.flush()


def _code(call: Call, error: SwitchError) -> int | None:
    """The code of an error, or None when the call has none for it."""
    if isinstance(error, Refused):
        return int(error.code)
    return None if call.code is None else call.code(error)


def _reject(protocol: Any, name: str, number: int, kind: int, message: str) -> None:
    """Answer that a call could not be run."""
    protocol.writeMessageBegin(name, TMessageType.EXCEPTION, number)
    TApplicationException(kind, message).write(protocol)
    protocol.trans.flush()
