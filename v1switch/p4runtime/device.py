"""The device behind the service: every RPC, without gRPC.

Locks, outer first: `_bids` serialises arbitration, `_state` everything that touches a pipeline. A
new primary is notified only when no write of its predecessor is in flight, that is, with the
`_state` lock held.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.errors import SwitchError
from v1switch.p4runtime import batches, limits
from v1switch.p4runtime.arbitration import Arbitration, Bid, Notice
from v1switch.p4runtime.configuration import NO_PIPELINE, Configuration
from v1switch.p4runtime.errors import (
    SPACE,
    Code,
    Refused,
    invalid,
    not_found,
    refusal,
    unsupported,
)
from v1switch.p4runtime.notifier import Notifier
from v1switch.p4runtime.packetio import to_frame
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.session import Session

log = logging.getLogger(__name__)


class Device:
    """One P4Runtime device over one data plane."""

    def __init__(self, plane: Dataplane, device_id: int) -> None:
        """Serve `plane` under the number `device_id`."""
        self._plane = plane
        self._device_id = device_id
        self._arbitration = Arbitration(device_id)
        self.configuration = Configuration(plane)
        self.notifier = Notifier(plane)
        self._bids = threading.Condition()
        self._state = threading.Lock()

    def start(self) -> None:
        """Start notifying clients."""
        self.notifier.start()

    def stop(self) -> None:
        """Stop notifying clients."""
        self.notifier.stop()

    # -- unary calls ------------------------------------------------------------------------------

    def write(self, request: p4rt.WriteRequest) -> None:
        """Apply a batch of updates; raises Refused, BatchFailed."""
        self._check_device(request)
        with self._state:
            self._check_primary(request)
            pipeline = self._pipeline()
            digests = dict(pipeline.notes.digests)
            try:
                batches.write(pipeline, request)
            finally:
                running = pipeline is self.configuration.running
                if running and pipeline.notes.digests != digests:
                    self.notifier.configure(pipeline.notes.digests)

    def read(self, request: p4rt.ReadRequest) -> Iterator[p4rt.ReadResponse]:
        """Yield the entities that a batch of requests selects; raises Refused, BatchFailed."""
        self._check_device(request)
        with self._state:
            answer, failure = batches.read(self._pipeline(), request)
        answer.reverse()
        while answer:  # each is freed when it has been sent, not all together
            yield answer.pop()
        if failure is not None:
            raise failure

    def set_pipeline(self, request: p4rt.SetForwardingPipelineConfigRequest) -> None:
        """Verify, save or commit a pipeline; raises Refused."""
        self._check_device(request)
        self._check_primary(request)
        verified = self.configuration.verified(request)  # slow: in parallel with writes and reads
        with self._state:
            self._check_primary(request)
            before = self.configuration.running
            self.configuration.apply(request, verified)
            running = self.configuration.running
            if running is not None and running is not before:
                self.notifier.use(running.schema)
                self.notifier.configure(running.notes.digests)

    def get_pipeline(
        self, request: p4rt.GetForwardingPipelineConfigRequest
    ) -> p4rt.GetForwardingPipelineConfigResponse:
        """Return the pipeline's configuration; raises Refused."""
        self._check_device(request)
        with self._state:
            return self.configuration.get(request.response_type)

    # -- streams ----------------------------------------------------------------------------------

    def receive(self, session: Session, request: p4rt.StreamMessageRequest) -> None:
        """Handle one message of a stream; a failure is answered with a StreamError.

        Raises:
            Refused: an arbitration message that ends the stream.
        """
        kind = request.WhichOneof("update")
        if kind == "arbitration":
            self._bid(session, request.arbitration)
            return
        try:
            _STREAM.get(kind, Device._unknown)(self, session, request)
        except SwitchError as error:
            session.offer(partial(_stream_error, refusal(error), request))

    def close(self, session: Session) -> None:
        """Remove a session whose stream has ended."""
        if session.dropped:
            log.warning("a client did not keep up: %d notifications dropped", session.dropped)
            session.dropped = 0
        with self._bids:
            session.closed = True
            self._publish(self._arbitration.close(session))
            self._bids.notify_all()

    def _bid(self, session: Session, message: p4rt.MasterArbitrationUpdate) -> None:
        bid = _bid_of(message, session.address)
        if message.role.HasField("config") and not session.admitted:
            what = message.role.config.type_url or "without a type"
            log.warning("role %r: its config (%s) is ignored, it may do all", bid.role, what)
        with self._bids:
            # a client that comes back at once may be heard before the end of its old stream
            self._bids.wait_for(
                lambda: session.closed or not self._arbitration.is_taken(session, bid),
                limits.RECONNECT_S,
            )
            if session.closed:
                return
            notices = self._arbitration.bid(session, bid)
            session.admitted = True
            self._publish(notices)

    def _publish(self, notices: list[Notice]) -> None:
        """Send notices; a new primary is notified once earlier writes are done."""
        for notice in notices:
            message = _arbitration_message(self._device_id, notice)
            session: Any = notice.client
            if notice.code is Code.OK:
                with self._state:
                    session.send(message)
            else:
                session.send(message)
        listeners: Any = tuple(self._arbitration.primaries())
        self.notifier.set_receivers(listeners)

    def _packet_out(self, session: Session, request: p4rt.StreamMessageRequest) -> None:
        self._arbitration.check_client(session)
        running = self.configuration.running
        if running is None:
            raise Refused(Code.FAILED_PRECONDITION, "no pipeline is set")
        self._plane.packet_out(to_frame(request.packet, running.schema.packet_out))

    def _digest_ack(self, session: Session, request: p4rt.StreamMessageRequest) -> None:
        self._arbitration.check_client(session)
        ack = request.digest_ack
        if not self.notifier.acknowledge(ack.digest_id, ack.list_id):
            raise invalid(f"no digest has id {ack.digest_id:#010x}")

    def _unknown(self, _session: Session, request: p4rt.StreamMessageRequest) -> None:
        if request.WhichOneof("update") == "other":
            raise unsupported("messages of other architectures are not supported")
        raise invalid("the stream message is empty")

    # -- checks -----------------------------------------------------------------------------------

    def _check_device(self, request: Any) -> None:
        if request.device_id != self._device_id:
            raise not_found(f"unknown device {request.device_id}, this is {self._device_id}")

    def _check_primary(self, request: Any) -> None:
        if request.role_id:
            raise invalid("role_id is not supported, use role")
        self._arbitration.check_primary(request.role, _election_id(request))

    def _pipeline(self) -> Pipeline:
        pipeline = self.configuration.current
        if pipeline is None:
            raise Refused(Code.FAILED_PRECONDITION, NO_PIPELINE)
        return pipeline


def _election_id(message: Any) -> int | None:
    if not message.HasField("election_id"):
        return None
    high: int = message.election_id.high
    low: int = message.election_id.low
    return high << 64 | low


def _bid_of(message: p4rt.MasterArbitrationUpdate, address: str) -> Bid:
    if message.role.id:
        raise invalid("role.id is not supported, use role.name")
    return Bid(
        message.device_id,
        _election_id(message),
        message.role.name,
        address,
        time.time(),
    )


def _arbitration_message(device_id: int, notice: Notice) -> p4rt.StreamMessageResponse:
    message = p4rt.StreamMessageResponse()
    update = message.arbitration
    update.device_id = device_id
    if notice.role:
        update.role.name = notice.role
    if notice.election_id is not None:
        update.election_id.high = notice.election_id >> 64
        update.election_id.low = notice.election_id & ((1 << 64) - 1)
    update.status.code = int(notice.code)
    update.status.message = notice.message
    return message


def _stream_error(
    failure: Refused, request: p4rt.StreamMessageRequest
) -> p4rt.StreamMessageResponse:
    """Return a StreamError with the offending message in its details."""
    message = p4rt.StreamMessageResponse()
    error = message.error
    error.canonical_code = int(failure.code)
    error.message = failure.message
    error.space = SPACE
    kind = request.WhichOneof("update")
    if kind == "packet":
        error.packet_out.packet_out.CopyFrom(request.packet)
    elif kind == "digest_ack":
        error.digest_list_ack.digest_list_ack.CopyFrom(request.digest_ack)
    else:
        error.other.other.CopyFrom(request.other)
    return message


_STREAM: dict[str | None, Callable[[Device, Session, p4rt.StreamMessageRequest], None]] = {
    "packet": Device._packet_out,
    "digest_ack": Device._digest_ack,
}
