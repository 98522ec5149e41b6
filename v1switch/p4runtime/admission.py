"""Admission control of the P4Runtime server: quotas, message lengths, and parsing.

gRPC hands over bytes: a message is parsed only when its client has quota left, and when neither
its length nor the number of its parts exceeds the limits. To gRPC all methods take streams of
requests: for a single one its threads would wait before this code runs, as long as a client sends
byte by byte.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime import interfaces, limits
from v1switch.p4runtime.deadlines import Deadlines
from v1switch.p4runtime.errors import Code, Refused, invalid
from v1switch.p4runtime.peers import Peer, Peers
from v1switch.p4runtime.quota import Quota
from v1switch.p4runtime.scan import parts
from v1switch.p4runtime.service import Service, abort

NAME = "p4.v1.P4Runtime"
UPDATES, ENTITIES = 4, 2  # field numbers of p4runtime.proto: WriteRequest, ReadRequest
CONFIG, P4INFO, PROGRAM = 5, 1, 2  # SetForwardingPipelineConfigRequest, ForwardingPipelineConfig

log = logging.getLogger("v1switch")
Check = Callable[[bytes], None]


class Admission:
    """Admission control of one server: wraps the methods of the service in its checks."""

    def __init__(self, service: Service, address: str) -> None:
        """Admit calls to a service that listens on `address`."""
        self._service = service
        self._peers = Peers(address)
        self._streams = Quota("streams", *limits.STREAMS)
        self._calls = Quota("calls", *limits.CALLS)
        self._reads = Quota("Reads", *limits.READS)
        self._large = Quota("messages of more than 64 KiB", *limits.LARGE_MESSAGES)
        self._deadlines = Deadlines()

    def handlers(self, counters: interfaces.Source) -> tuple[grpc.GenericRpcHandler[Any, Any], ...]:
        """Return the services of a server: P4Runtime, and the one beside it.

        Args:
            counters: returns those of the switch's interfaces.
        """
        beside = {
            interfaces.METHOD: self.unary(empty_pb2.Empty, interfaces.method(counters), check_small)
        }
        return (
            grpc.method_handlers_generic_handler(NAME, self._methods()),
            grpc.method_handlers_generic_handler(interfaces.SERVICE, beside),
        )

    def _methods(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        service = self._service
        unary = {
            "Write": (p4rt.WriteRequest, service.Write, check_write),
            "SetForwardingPipelineConfig": (
                p4rt.SetForwardingPipelineConfigRequest,
                service.SetForwardingPipelineConfig,
                check_pipeline,
            ),
            "GetForwardingPipelineConfig": (
                p4rt.GetForwardingPipelineConfigRequest,
                service.GetForwardingPipelineConfig,
                check_small,
            ),
            "Capabilities": (p4rt.CapabilitiesRequest, service.Capabilities, check_small),
        }
        methods = {name: self.unary(*each) for name, each in unary.items()}
        methods["Read"] = grpc.stream_stream_rpc_method_handler(
            self._read, response_serializer=_to_bytes
        )
        methods["StreamChannel"] = grpc.stream_stream_rpc_method_handler(
            self._stream, response_serializer=_to_bytes
        )
        return methods

    def unary(
        self, kind: Any, method: Callable[[Any, grpc.ServicerContext], Any], check: Check
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Return a method of one request, of a kind of message, and one answer.

        Args:
            kind: class of the request.
            method: answers it.
            check: raises Refused for bytes that are not to be parsed.
        """

        def call(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            client = self._peer(context)
            with _refusing(context), self._calls.take(client):
                data = self._received(requests, client, context)
                check(data)
                with self._turn(client, data):
                    return method(parsed(kind, data), context)

        return grpc.stream_unary_rpc_method_handler(call, response_serializer=_to_bytes)

    def _read(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[p4rt.ReadResponse]:
        client = self._peer(context)
        with _refusing(context), self._reads.take(client):
            data = self._received(requests, client, context)
            check_read(data)
            with self._turn(client, data):
                request = parsed(p4rt.ReadRequest, data)
            for response in self._service.Read(request, context):
                with self._ended_after(
                    limits.STALLED_S, f"answer to {client.name} not read", context
                ):
                    yield response

    def _stream(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[p4rt.StreamMessageResponse]:
        client = self._peer(context)
        with _refusing(context), self._streams.take(client):
            messages = (self._stream_message(client, data) for data in requests)
            yield from self._service.StreamChannel(messages, context, client.name)

    def _stream_message(self, client: Peer, data: bytes) -> p4rt.StreamMessageRequest:
        _check_length("a StreamMessageRequest", len(data), limits.MAX_STREAM_MESSAGE)
        with self._turn(client, data):
            return parsed(p4rt.StreamMessageRequest, data)

    def _received(
        self, requests: Iterator[bytes], client: Peer, context: grpc.ServicerContext
    ) -> bytes:
        """Return a call's only request; ends the call if it does not arrive."""
        what = f"request of {client.name} not sent"
        with self._ended_after(limits.SENDING_S, what, context):
            try:
                data = next(requests, None)
            except grpc.RpcError:
                raise Refused(Code.UNAVAILABLE, "the call has ended") from None
        if data is None:
            raise invalid("there is no request")
        return data

    @contextmanager
    def _ended_after(
        self, seconds: float, what: str, context: grpc.ServicerContext
    ) -> Iterator[None]:
        """End the call if what happens inside takes longer: it waits for the client."""

        def end() -> None:
            log.warning("call ended: %s within %g s", what, seconds)
            context.cancel()  # type: ignore[no-untyped-call]  # of gRPC's stubs

        with self._deadlines.within(seconds, end):
            yield

    def _peer(self, context: grpc.ServicerContext) -> Peer:
        return self._peers.of(context.peer())

    @contextmanager
    def _turn(self, client: Peer, data: bytes) -> Iterator[None]:
        """Wait until a large message may be parsed."""
        if len(data) <= limits.LARGE:
            yield
            return
        with self._large.take(client, limits.TURN_S):
            yield


def parsed(kind: Any, data: bytes) -> Any:
    """Parse a message of a kind; raises Refused."""
    try:
        return kind.FromString(data)
    except (DecodeError, RecursionError, ValueError) as error:  # ValueError: a string in UTF-8
        raise invalid(f"the message is no {kind.__name__}: {error}") from None


def check_write(data: bytes) -> None:
    """Refuse a WriteRequest that is too long or has too many updates."""
    _check_length("a WriteRequest", len(data), limits.MAX_WRITE)
    _check_number(data, UPDATES, limits.MAX_UPDATES, "updates in a Write: split it")


def check_read(data: bytes) -> None:
    """Refuse a ReadRequest that is too long or asks for too much."""
    _check_length("a ReadRequest", len(data), limits.MAX_READ)
    _check_number(data, ENTITIES, limits.MAX_READS, "entities asked for in a Read: split it")


def check_small(data: bytes) -> None:
    """Refuse a message of a few fields that is long."""
    _check_length("this request", len(data), limits.LARGE)


def check_pipeline(data: bytes) -> None:
    """Refuse a SetForwardingPipelineConfigRequest with a program or P4Info that is too long."""
    with _invalid_on_error():
        for outer in parts(data):
            if outer.field != CONFIG:
                continue
            for part in parts(data, outer.start, outer.end):
                if part.field == PROGRAM:
                    _check_length("p4_device_config", part.length, limits.MAX_PROGRAM)
                elif part.field == P4INFO:
                    _check_length("p4info", part.length, limits.MAX_P4INFO)


def _check_length(what: str, length: int, limit: int) -> None:
    if length > limit:
        raise Refused(
            Code.RESOURCE_EXHAUSTED, f"{what} of {length:,} bytes, the limit is {limit:,} bytes"
        )


def _check_number(data: bytes, field: int, limit: int, what: str) -> None:
    number = 0
    with _invalid_on_error():
        for part in parts(data):
            number += part.field == field
            if number > limit:
                raise Refused(Code.RESOURCE_EXHAUSTED, f"the limit is {limit:,} {what}")


@contextmanager
def _invalid_on_error() -> Iterator[None]:
    """Refuse a message that cannot be scanned with INVALID_ARGUMENT."""
    try:
        yield
    except ValueError as error:
        raise invalid(f"the message is broken: {error}") from None


@contextmanager
def _refusing(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with the status of a refusal."""
    try:
        yield
    except Refused as failure:
        abort(context, failure)


def _to_bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())
