"""p4runtime-shell's client, adapted to many switches in one program.

`P4RuntimeClient` ends the process when it cannot connect and prints when it is not primary. Here
readiness is awaited first, the handshake raises, and every RPC failure becomes a `SwitchError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import text_format
from google.rpc import code_pb2
from p4.v1 import p4runtime_pb2
from p4runtime_sh.p4runtime import P4RuntimeClient

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt import write_errors

REQUEST_SECONDS = 60.0  # for any request: a batch, a program, all entries


class _Session(P4RuntimeClient):  # type: ignore[misc]  # the base carries no types
    """The shell's client with a handshake that raises instead of ending the process."""

    def __init__(self, switch: str, device_id: int, address: str, election_id: int) -> None:
        self.switch = switch
        super().__init__(device_id, address, (0, election_id))

    def handshake(self) -> None:
        """Send the arbitration update and wait for the answer."""
        request = p4runtime_pb2.StreamMessageRequest()
        request.arbitration.device_id = self.device_id
        request.arbitration.election_id.high, request.arbitration.election_id.low = self.election_id
        self.stream_out_q.put(request)
        reply = self.get_stream_packet("arbitration", timeout=5)
        if reply is None:
            self.stream.cancel()
            message = "no answer to the arbitration"
            raise SwitchError(self.switch, grpc.StatusCode.UNAVAILABLE, message)
        self.is_primary = reply.arbitration.status.code == code_pb2.OK

    def sign(self, request: Any) -> Any:
        """Fill in whose request it is: the device and the session's election id."""
        request.device_id = self.device_id
        request.election_id.high, request.election_id.low = self.election_id
        return request


class Client:
    """One P4Runtime session with one switch.

    Raises:
        SwitchError: the switch does not answer within `timeout` seconds, or refuses a request.
    """

    def __init__(
        self, switch: str, address: str, device_id: int, election_id: int, timeout: float = 10.0
    ) -> None:
        self.switch = switch
        _wait_ready(switch, address, timeout)
        self._session = _Session(switch, device_id, address, election_id)
        self._closed = False

    @property
    def is_primary(self) -> bool:
        """This session may write."""
        return bool(self._session.is_primary)

    @property
    def is_alive(self) -> bool:
        """The stream to the switch is still open."""
        return bool(self._session.stream.is_active())

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` from a thread of gRPC as soon as the stream ends."""
        if not self._session.stream.add_callback(callback):
            callback()

    def verify_answers(self, seconds: float) -> None:
        """Ask for the server's capabilities, which any server answers at once.

        Raises:
            SwitchError: there was no answer within `seconds`.
        """
        with self._translated():
            self._session.stub.Capabilities(p4runtime_pb2.CapabilitiesRequest(), timeout=seconds)

    def abort(self) -> None:
        """Make all pending requests fail now, and all later ones."""
        self._closed = True
        self._session.channel.close()

    def push_pipeline(self, p4info: Path, program: Path) -> None:
        """Load a compiled program (VERIFY_AND_COMMIT), which empties the switch's tables."""
        request = self._session.sign(p4runtime_pb2.SetForwardingPipelineConfigRequest())
        request.action = request.VERIFY_AND_COMMIT
        text_format.Parse(p4info.read_text(), request.config.p4info, allow_unknown_field=True)
        request.config.p4_device_config = program.read_bytes()
        with self._translated():
            stub = self._session.stub
            stub.SetForwardingPipelineConfig(request, timeout=REQUEST_SECONDS)

    def write(self, updates: Iterable[Any]) -> None:
        """Send p4.v1.Update messages as one batch.

        The shell's own `write` never returns when only some of the updates fail: its iterator over
        their errors does not go on after one that is OK (p4runtime-shell 0.0.6).
        """
        request = self._session.sign(p4runtime_pb2.WriteRequest())
        request.updates.extend(updates)
        if request.updates:
            with self._translated():
                self._session.stub.Write(request, timeout=REQUEST_SECONDS)

    def read(self, entities: Iterable[Any]) -> Iterator[Any]:
        """p4.v1.Entity messages that match any of the `entities` asked for."""
        request = p4runtime_pb2.ReadRequest(device_id=self._session.device_id)
        request.entities.extend(entities)
        with self._translated():
            for reply in self._session.stub.Read(request, timeout=REQUEST_SECONDS):
                yield from reply.entities

    def next_digest(self, timeout: float) -> Any | None:
        """Next DigestList of the stream, None after `timeout` seconds without one."""
        message = self._session.get_stream_packet("digest", timeout=timeout)
        return None if message is None else message.digest

    def ack(self, digests: Any) -> None:
        """Acknowledge a DigestList, so that the switch may report its contents again."""
        request = p4runtime_pb2.StreamMessageRequest()
        request.digest_ack.digest_id = digests.digest_id
        request.digest_ack.list_id = digests.list_id
        self._session.stream_out_q.put(request)

    def close(self) -> None:
        """End the session; a switch that does not end its side is not waited for."""
        session, self._closed = self._session, True
        session.stream_out_q.put(None)
        session.stream_recv_thread.join(timeout=1)
        session.stream.cancel()
        session.stream_recv_thread.join(timeout=1)
        session.channel.close()

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


def _wait_ready(switch: str, address: str, timeout: float) -> None:
    channel = grpc.insecure_channel(address)
    try:
        grpc.channel_ready_future(channel).result(timeout=timeout)
    except grpc.FutureTimeoutError as error:
        message = f"does not answer at {address} within {timeout:g} s"
        raise SwitchError(switch, grpc.StatusCode.UNAVAILABLE, message) from error
    finally:
        channel.close()


def _rpc_error(switch: str, error: Any) -> SwitchError:
    """The first failed update of a Write says the code; several of them are named."""
    failed = write_errors.failed_updates(error)
    if failed:
        return SwitchError(switch, failed[0].code, write_errors.text(failed))
    return SwitchError(switch, error.code(), error.details() or "no details")
