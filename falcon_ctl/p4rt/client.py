"""A P4Runtime session with one switch: every RPC has a deadline, every failure is a `SwitchError`.

p4runtime-shell's `P4RuntimeClient` is not used: it ends the process when it cannot connect, keeps
whatever the switch sends without a limit, and never returns from a Write of which only some updates
fail (0.0.6).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf import text_format
from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt import write_errors
from falcon_ctl.p4rt.stream import Stream, sign

CONNECT_SECONDS = 5.0
_UNIX = "unix:"
REQUEST_SECONDS = 30.0  # a program, all entries of a table, a batch on a busy switch
_NO_PIPELINE = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)
BATCH = 100  # updates; the errors of more than 200 exceed gRPC's limit of metadata


class Client:
    """One P4Runtime session with one switch.

    Raises:
        SwitchError: the switch does not answer within `timeout` seconds, or refuses a request.
    """

    def __init__(
        self,
        switch: str,
        address: str,
        device_id: int,
        election_id: int,
        timeout: float = CONNECT_SECONDS,
    ) -> None:
        self.switch = switch
        self._device_id, self._election_id = device_id, election_id
        self._channel = _connect(switch, address, timeout)
        self._stub = p4runtime_pb2_grpc.P4RuntimeStub(self._channel)
        self._stream = Stream(self._stub, device_id, election_id)
        self._closed = False
        if not self._stream.wait_arbitrated(timeout):
            self.close()
            message = f"no answer to the arbitration within {timeout:g} s"
            raise SwitchError(switch, grpc.StatusCode.UNAVAILABLE, message)

    @property
    def election_id(self) -> int:
        """Under which this session bids for being primary."""
        return self._election_id

    @property
    def is_primary(self) -> bool:
        """This session may write."""
        return self._stream.is_primary

    @property
    def is_vacant(self) -> bool:
        """Nobody may write: a session with a higher election id than this one's has left."""
        return self._stream.is_vacant

    @property
    def highest(self) -> int:
        """The highest election id that the switch has seen."""
        return self._stream.highest

    @property
    def holder(self) -> str:
        """Who may write when this session may not, as the switch says it."""
        return self._stream.holder

    @property
    def is_alive(self) -> bool:
        """The stream to the switch is still open."""
        return self._stream.is_alive

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` from another thread as soon as the stream ends; it may `abort`."""
        self._stream.on_close(callback)

    def verify_answers(self, seconds: float) -> None:
        """Ask for the server's capabilities, which any server answers at once.

        Raises:
            SwitchError: there was no answer within `seconds`.
        """
        with self._translated():
            self._stub.Capabilities(p4runtime_pb2.CapabilitiesRequest(), timeout=seconds)

    def abort(self) -> None:
        """Make all pending requests fail now, and all later ones."""
        self._closed = True
        self._channel.close()

    def runs(self, p4info: Path, program: Path) -> bool:
        """Whether the switch runs this compiled program, by the cookie that it was loaded with."""
        request = p4runtime_pb2.GetForwardingPipelineConfigRequest(device_id=self._device_id)
        request.response_type = request.COOKIE_ONLY
        try:
            with self._translated():
                reply = self._stub.GetForwardingPipelineConfig(request, timeout=REQUEST_SECONDS)
        except SwitchError as error:
            if error.code in _NO_PIPELINE:
                return False
            raise
        return bool(reply.config.cookie.cookie == _cookie(p4info, program))

    def push_pipeline(self, p4info: Path, program: Path) -> None:
        """Load a compiled program (VERIFY_AND_COMMIT), which empties the switch's tables."""
        request = p4runtime_pb2.SetForwardingPipelineConfigRequest()
        request.action = request.VERIFY_AND_COMMIT
        request.config.cookie.cookie = _cookie(p4info, program)
        text_format.Parse(p4info.read_text(), request.config.p4info, allow_unknown_field=True)
        request.config.p4_device_config = program.read_bytes()
        with self._translated():
            self._stub.SetForwardingPipelineConfig(self._sign(request), timeout=REQUEST_SECONDS)

    def write(self, updates: Iterable[Any]) -> None:
        """Send p4.v1.Update messages, `BATCH` at a time; the first batch that fails ends it."""
        waiting = list(updates)
        for first in range(0, len(waiting), BATCH):
            request = self._sign(p4runtime_pb2.WriteRequest())
            request.updates.extend(waiting[first : first + BATCH])
            with self._translated():
                self._stub.Write(request, timeout=REQUEST_SECONDS)

    def read(self, entities: Iterable[Any]) -> Iterator[Any]:
        """p4.v1.Entity messages that match any of the `entities` asked for."""
        request = p4runtime_pb2.ReadRequest(device_id=self._device_id)
        request.entities.extend(entities)
        with self._translated():
            for reply in self._stub.Read(request, timeout=REQUEST_SECONDS):
                yield from reply.entities

    def next_digest(self, timeout: float) -> Any | None:
        """Next DigestList of the stream, None after `timeout` seconds without one."""
        return self._stream.next_digest(timeout)

    def ack(self, digests: Any) -> None:
        """Acknowledge a DigestList, so that the switch may report its contents again."""
        self._stream.ack(digests)

    def close(self) -> None:
        """End the session; a switch that does not end its side is not waited for."""
        self._closed = True
        self._stream.close()
        self._channel.close()

    def _sign(self, request: Any) -> Any:
        """Fill in whose request it is: the device and the session's election id."""
        request.device_id = self._device_id
        sign(request.election_id, self._election_id)
        return request

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what gRPC raises into `SwitchError`."""
        try:
            yield
        except grpc.RpcError as error:
            raise _rpc_error(self.switch, error) from error
        except ValueError as error:  # how gRPC refuses requests on a closed channel
            if not self._closed:
                raise
            raise SwitchError(self.switch, grpc.StatusCode.CANCELLED, str(error)) from error


def _cookie(p4info: Path, program: Path) -> int:
    """A number of 64 bits that stands for a compiled program."""
    return int.from_bytes(sha256(p4info.read_bytes() + program.read_bytes()).digest()[:8], "big")


def _connect(switch: str, address: str, timeout: float) -> grpc.Channel:
    """A channel to a server that speaks HTTP/2 by now.

    gRPC tries again only after a second, so a socket that nobody serves is not waited for.
    """
    if address.startswith(_UNIX) and not _is_served(unquote(address.removeprefix(_UNIX))):
        raise SwitchError(switch, grpc.StatusCode.UNAVAILABLE, f"nobody listens at {address}")
    channel = grpc.insecure_channel(address)
    try:
        grpc.channel_ready_future(channel).result(timeout=timeout)
    except grpc.FutureTimeoutError as error:
        channel.close()
        message = f"does not answer at {address} within {timeout:g} s"
        raise SwitchError(switch, grpc.StatusCode.UNAVAILABLE, message) from error
    return channel


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_SECONDS)
        return probe.connect_ex(path) == 0


def _rpc_error(switch: str, error: Any) -> SwitchError:
    """The first failed update of a Write says the code; several of them are named."""
    failed = write_errors.failed_updates(error)
    if failed:
        return SwitchError(switch, failed[0].code, write_errors.text(failed))
    return SwitchError(switch, error.code(), error.details() or "no details")
