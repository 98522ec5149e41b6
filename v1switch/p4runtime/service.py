"""The gRPC service: passes requests to the device, and returns refusals as gRPC statuses."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

import grpc
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.device import Device
from v1switch.p4runtime.errors import BatchFailed, Code, Refused
from v1switch.p4runtime.session import Session

FREED = 500  # updates freed at a time
API_VERSION = "1.4.1"  # of the protos that this server is built with

log = logging.getLogger(__name__)

_STATUS = {code.value[0]: code for code in grpc.StatusCode}
T = TypeVar("T")


class Service:
    """P4Runtime for one device: the methods of the service, with parsed messages."""

    def __init__(self, device: Device) -> None:
        """Serve `device`."""
        self._device = device

    def Write(  # noqa: N802  # the method's name in p4runtime.proto
        self, request: p4rt.WriteRequest, context: grpc.ServicerContext
    ) -> p4rt.WriteResponse:
        """Update a batch of entities."""
        try:
            _answer(context, lambda: self._device.write(request))
        finally:
            while request.updates:  # bit by bit: frames wait while a large message is freed
                del request.updates[-FREED:]
        return p4rt.WriteResponse()

    def Read(  # noqa: N802  # the method's name in p4runtime.proto
        self, request: p4rt.ReadRequest, context: grpc.ServicerContext
    ) -> Iterator[p4rt.ReadResponse]:
        """Return a batch of entities, in one or more messages."""
        responses = self._device.read(request)
        while (response := _answer(context, lambda: next(responses, None))) is not None:
            yield response

    def SetForwardingPipelineConfig(  # noqa: N802  # the method's name in p4runtime.proto
        self, request: p4rt.SetForwardingPipelineConfigRequest, context: grpc.ServicerContext
    ) -> p4rt.SetForwardingPipelineConfigResponse:
        """Verify, save or commit a pipeline."""
        _answer(context, lambda: self._device.set_pipeline(request))
        return p4rt.SetForwardingPipelineConfigResponse()

    def GetForwardingPipelineConfig(  # noqa: N802  # the method's name in p4runtime.proto
        self, request: p4rt.GetForwardingPipelineConfigRequest, context: grpc.ServicerContext
    ) -> p4rt.GetForwardingPipelineConfigResponse:
        """Return the pipeline's configuration, or parts of it."""
        return _answer(context, lambda: self._device.get_pipeline(request))

    def Capabilities(  # noqa: N802  # the method's name in p4runtime.proto
        self, request: p4rt.CapabilitiesRequest, context: grpc.ServicerContext
    ) -> p4rt.CapabilitiesResponse:
        """Return the version of the API."""
        del request, context
        return p4rt.CapabilitiesResponse(p4runtime_api_version=API_VERSION)

    def StreamChannel(  # noqa: N802  # the method's name in p4runtime.proto
        self,
        requests: Iterator[p4rt.StreamMessageRequest],
        context: grpc.ServicerContext,
        address: str,
    ) -> Iterator[p4rt.StreamMessageResponse]:
        """Carry arbitration, packets, digests and notifications until either side ends it.

        `address` names the client to others.
        """
        session = Session(address, context.cancel)
        if not context.add_callback(lambda: self._end(session)):  # the stream has ended already
            return
        threading.Thread(
            target=self._receive, args=(session, requests), name="p4rt-stream", daemon=True
        ).start()
        yield from session.messages()
        self._device.close(session)
        if session.failure is not None:
            abort(context, session.failure)

    def _end(self, session: Session) -> None:
        """Remove a client as soon as gRPC reports the end of its stream, and wake its thread."""
        self._device.close(session)
        session.end()

    def _receive(self, session: Session, requests: Iterator[p4rt.StreamMessageRequest]) -> None:
        """Pass the client's messages to the device; ends the session when there are no more."""
        try:
            for request in requests:
                self._device.receive(session, request)
        except Refused as failure:
            session.end(failure)
        except grpc.RpcError:  # the stream broke
            session.end()
        except Exception:
            log.exception("stream: internal error")
            session.end(Refused(Code.INTERNAL, "internal error, see the switch's log"))
        else:
            self._device.close(session)  # the client has ended its side: its id is free
            session.end()


def _answer(context: grpc.ServicerContext, work: Callable[[], T]) -> T:
    """Return what `work` returns, or end the RPC with the status of its refusal."""
    try:
        return work()
    except Refused as failure:
        abort(context, failure)
    except BatchFailed as failure:
        _abort_batch(context, failure)
    except Exception:
        log.exception("internal error")
        abort(context, Refused(Code.INTERNAL, "internal error, see the switch's log"))


def abort(context: grpc.ServicerContext, failure: Refused) -> NoReturn:
    """End a call with the status of a refusal; raises."""
    context.abort(_STATUS[failure.code], failure.message)


def _abort_batch(context: grpc.ServicerContext, failure: BatchFailed) -> NoReturn:
    status = failure.to_status()
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(failure))
