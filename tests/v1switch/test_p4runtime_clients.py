"""What public clients rely on, where it is BMv2's way rather than the specification's."""

import threading
import time

import grpc
import pytest
from google.rpc import status_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.v1switch.p4runtime_both import mutated
from tests.v1switch.p4runtime_own import DEVICE_ID
from tests.v1switch.p4runtime_zoo import CONFIG, Zoo
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import limits
from v1switch.p4runtime.device import Device
from v1switch.p4runtime.errors import Refused
from v1switch.p4runtime.pipeline import device_data
from v1switch.p4runtime.session import Session


def bid(election_id: int = 1, device_id: int = DEVICE_ID) -> rt.StreamMessageRequest:
    return rt.StreamMessageRequest(
        arbitration={"device_id": device_id, "election_id": {"low": election_id}}
    )


@pytest.fixture
def device() -> Device:
    return Device(Dataplane(PythonEngine()), DEVICE_ID)


def session() -> Session:
    return Session("a client", lambda: None)


# -- a client that comes back ----------------------------------------------------------------------


def test_a_client_that_comes_back_is_waited_for(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its new stream may be heard before the end of the old one is."""
    monkeypatch.setattr(limits, "RECONNECT_S", 60.0)
    old, new = session(), session()
    device.receive(old, bid())
    again = threading.Thread(target=device.receive, args=(new, bid()))
    again.start()
    time.sleep(0.05)  # in vain, if the thread is late: then it finds the old one gone
    assert not new.admitted
    device.close(old)
    again.join(60)
    assert new.admitted


def test_another_client_is_waited_for_in_vain(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECONNECT_S", 0.01)
    device.receive(session(), bid())
    with pytest.raises(Refused, match="in use by a client"):
        device.receive(session(), bid())


def test_a_stream_that_has_ended_takes_no_election_id(device: Device) -> None:
    """Its last message may be heard after its end."""
    gone = session()
    device.close(gone)
    device.receive(gone, bid())
    assert not gone.admitted
    device.receive(session(), bid())


def test_the_end_of_the_requests_frees_the_election_id(address: str) -> None:
    """As p4runtime_lib's shutdown has it: the answers are not awaited, the channel stays open."""
    kept = []
    for _ in range(20):
        channel = grpc.insecure_channel(address)
        requests = [bid()]
        stream = channel.stream_stream(
            "/p4.v1.P4Runtime/StreamChannel",
            request_serializer=rt.StreamMessageRequest.SerializeToString,
            response_deserializer=rt.StreamMessageResponse.FromString,
        )(iter(requests))
        assert next(stream).arbitration.status.code == 0
        kept.append((channel, stream))
    for channel, _ in kept:
        channel.close()


# -- device configs --------------------------------------------------------------------------------


def wrapped(program: bytes) -> bytes:
    """A p4.tmp.P4DeviceConfig: reassign and device_data."""
    length, varint = len(program), b""
    while length > 0x7F:
        varint += bytes([length & 0x7F | 0x80])
        length >>= 7
    return b"\x08\x01\x1a" + varint + bytes([length]) + program


def test_a_program_in_a_p4_device_config(client) -> None:
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action="VERIFY_AND_COMMIT"
    )
    zoo = Zoo(client, "v1switch")
    zoo.load()
    request.config.p4info.CopyFrom(zoo.names.p4info)
    request.config.p4_device_config = wrapped(CONFIG.read_bytes())
    client.stub.SetForwardingPipelineConfig(request)
    get = rt.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID)
    assert client.stub.GetForwardingPipelineConfig(get).config == request.config


def test_what_a_device_config_may_be() -> None:
    assert device_data(b'\n {"a": 1}') == b'\n {"a": 1}'
    assert device_data(wrapped(b"{}")) == b"{}"
    assert device_data(wrapped(b"{}" * 100)) == b"{}" * 100
    assert device_data(b"\x08\x01") == b"\x08\x01", "no program: told as what it is"
    assert device_data(b"\xff\xff") == b"\xff\xff"
    assert device_data(wrapped(b"")) == b""


# -- texts of errors -------------------------------------------------------------------------------


def test_idle_timeouts_where_there_are_none(client) -> None:
    """PTF tests of p4-guide compare these texts whole."""
    zoo = Zoo(client, "v1switch")
    zoo.load()

    def told(change: str, value: object) -> str:
        request = rt.WriteRequest(device_id=DEVICE_ID, election_id={"low": 1})
        entity = mutated(zoo.lpm(), **{f"table_entry__{change}": value})
        request.updates.add(type="INSERT", entity=entity)
        with pytest.raises(grpc.RpcError) as caught:
            client.stub.Write(request)
        details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
        error = rt.Error()
        status_pb2.Status.FromString(details).details[0].Unpack(error)
        assert error.canonical_code == 3
        return error.message

    assert told("idle_timeout_ns", 1_000_000) == (
        "idle_timeout_ns must be set to 0 for tables which do not support idle timeout"
    )
    assert told("time_since_last_hit__elapsed_ns", 1) == (
        "has_time_since_last_hit must not be set in WriteRequest"
    )
