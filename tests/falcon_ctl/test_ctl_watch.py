"""A switch that hangs is named, and no request waits for it for ever."""

import errno
import socket
import threading
from concurrent import futures
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import grpc
import pytest
from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc

from falcon_ctl.errors import PartFailed, SwitchError
from falcon_ctl.live import liveness, tcp, watch
from falcon_ctl.p4rt.client import Client
from falcon_ctl.traffic.load import Stream
from rxpath.errors import ControlError
from rxpath.live import control
from topo.errors import RequestError
from topo.protocol.status import Fault, Part


class Server(p4runtime_pb2_grpc.P4RuntimeServicer):
    """A P4Runtime server that answers nothing but its stream while `awake` is not set."""

    def __init__(self):
        self.awake, self.asked = threading.Event(), threading.Semaphore(0)

    def StreamChannel(self, requests, context):  # noqa: N802  # the method's name in p4runtime.proto
        for request in requests:
            yield p4runtime_pb2.StreamMessageResponse(arbitration=request.arbitration)

    def Read(self, request, context):  # noqa: N802  # the method's name in p4runtime.proto
        self.awake.wait(60)
        yield p4runtime_pb2.ReadResponse()

    def Capabilities(self, request, context):  # noqa: N802  # the method's name in p4runtime.proto
        self.awake.wait(60)
        self.asked.release()
        return p4runtime_pb2.CapabilitiesResponse()


@pytest.fixture
def server():
    servicer, pool = Server(), futures.ThreadPoolExecutor(8)
    server = grpc.server(pool)
    p4runtime_pb2_grpc.add_P4RuntimeServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    servicer.awake.set()
    server.stop(None)
    pool.shutdown()


@pytest.fixture
def client(server):
    client = Client("s1", server.address, 1, 1)
    yield client
    client.close()


@pytest.fixture
def watched(client, tmp_path, monkeypatch):
    monkeypatch.setattr(liveness, "HANGS_AFTER", 0.5)
    monkeypatch.setattr(watch.Watch, "_dead_part", lambda _: None)  # to the daemon all is well
    with watch.Watch(str(tmp_path)) as found:
        found.ask([client])
        yield found


def test_a_request_to_a_switch_that_hangs_fails_with_its_name(watched, client):
    with pytest.raises(PartFailed, match="switch s1: hangs: no answer"), watched.blaming():
        list(client.read([p4runtime_pb2.Entity()]))
    with pytest.raises(PartFailed, match="switch s1: hangs: no answer"):
        watched.check()


@pytest.mark.timeout(30)
def test_the_end_of_the_stream_that_an_abort_causes_keeps_nothing_waiting(
    watched, client, monkeypatch
):
    monkeypatch.setattr(watch.Watch, "_look", lambda _: PartFailed("switch s1", "stopped"))
    client.on_close(partial(watched.switch_closed, "s1"))

    def read():
        with pytest.raises(PartFailed, match="switch s1: "), watched.blaming():
            list(client.read([p4runtime_pb2.Entity()]))

    with futures.ThreadPoolExecutor(6) as pool:  # the stream is rarely the last call to end
        for reading in [pool.submit(read) for _ in range(6)]:
            reading.result()


def test_a_switch_that_answers_is_left_alone(watched, client, server):
    server.awake.set()
    for _ in range(2):
        assert server.asked.acquire(timeout=30)
    watched.check()
    assert list(client.read([p4runtime_pb2.Entity()])) == []


def test_a_closed_session_refuses_as_a_switch_does(client):
    client.abort()
    with pytest.raises(SwitchError, match="CANCELLED"):
        client.verify_answers(1)


def looks(monkeypatch, *states):
    """What a watch finds, look by look, in networks with these parts' and links' troubles."""
    found = watch.Watch("/nowhere")
    reports = []
    for part, link in states:
        parts = (Part(name="s1", kind="switch", node="s1", pid=1, log="", trouble=part),)
        faults = (Fault(node="m1", what=link),) if link else ()
        reports.append(SimpleNamespace(parts=parts, faults=faults, dead=()))
    network = SimpleNamespace(status=lambda: reports.pop(0))
    monkeypatch.setattr(watch.Network, "connect", lambda _: nullcontext(network))
    return [str(found._dead_part() or "") for _ in states]


def test_a_link_that_stays_down_ends_the_run_and_one_that_flaps_does_not(monkeypatch):
    down = ("", "m1-up is down")
    assert looks(monkeypatch, down, ("", ""), down, ("", "")) == [""] * 4
    assert looks(monkeypatch, down, down) == ["", "network: m1: m1-up is down"]


def test_a_part_that_is_stopped_ends_the_run_with_its_name(monkeypatch):
    assert looks(monkeypatch, ("stopped", ""), ("stopped", "")) == ["", "switch s1: stopped"]


def test_a_daemon_that_does_not_answer_is_asked_no_second_time(monkeypatch):
    monkeypatch.setattr(watch.Watch, "_look", lambda _: pytest.fail("it was asked again"))
    found = watch.Watch("/nowhere")
    with pytest.raises(PartFailed, match="daemon: no answer"), found.blaming():
        raise RequestError("timeout", "daemon", "no answer")


def test_a_part_that_is_stopped_is_named_while_a_switch_is_waited_for(monkeypatch):
    asked, over = threading.Event(), threading.Event()

    def hangs(_client, seconds):
        asked.set()
        return over.wait(30) and seconds < 0

    stopped = PartFailed("switch s1", "stopped")
    monkeypatch.setattr(liveness, "hangs", hangs)
    monkeypatch.setattr(liveness, "_PROBE_EVERY", 0.01)
    monkeypatch.setattr(watch.Watch, "_dead_part", lambda _: stopped if asked.is_set() else None)
    switch = SimpleNamespace(switch="s1", is_primary=True, abort=lambda: None)
    with watch.Watch("/nowhere") as found:
        found.ask([switch])
        assert found.stop.wait(60)
        assert not over.is_set()
        over.set()
        with pytest.raises(PartFailed, match="switch s1: stopped"):
            found.check()


def test_an_interface_that_went_is_named_and_other_errors_are_not_the_networks(monkeypatch):
    gone = PartFailed("network", "m1: m1-up is missing")
    monkeypatch.setattr(watch.Watch, "_look", lambda _: gone)
    found = watch.Watch("/nowhere")
    with pytest.raises(PartFailed, match="m1-up is missing"), found.blaming():
        raise OSError(errno.ENODEV, "No such device")
    with pytest.raises(OSError, match="No space left"), found.blaming():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_requests_to_a_part_that_fails_are_aborted(monkeypatch):
    aborted = threading.Event()
    part = Part(name="rx-m1", kind="rxpath", node="m1", pid=1, log="", trouble="stopped")
    state = SimpleNamespace(parts=(part,), faults=(), dead=())
    network = nullcontext(SimpleNamespace(status=lambda: state))
    monkeypatch.setattr(watch.Network, "connect", lambda _: network)
    with watch.Watch("/nowhere") as found:
        found.abort_with({"rxpath rx-m1": aborted.set, "switch s1": pytest.fail})
        assert aborted.wait(30)
        with pytest.raises(PartFailed, match="rxpath rx-m1: stopped"):
            found.check()


def test_a_call_that_waits_for_a_silent_host_is_aborted(tmp_path):
    path = str(tmp_path / "rx.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with control.Client(path) as client:
            threading.Timer(0.2, client.abort).start()
            for _ in range(2):
                with pytest.raises(ControlError):
                    client.call("stats")
        client.abort()


def test_a_switch_that_another_controller_took_over_ends_the_run(monkeypatch):
    monkeypatch.setattr(watch.Watch, "_dead_part", lambda _: None)
    ousted = SimpleNamespace(switch="s1", is_primary=False, holder="id 9", abort=lambda: None)
    with watch.Watch("/nowhere") as found:
        found.ask([ousted])
        assert found.stop.wait(30)
        with pytest.raises(PartFailed, match="switch s1: another controller took over"):
            found.check()


def test_a_part_that_dies_ends_the_wait_for_connections(monkeypatch):
    over = threading.Event()
    connection = SimpleNamespace(transfer=lambda *_: over.wait(60))
    monkeypatch.setattr(tcp, "Connection", lambda *_: connection)
    end = SimpleNamespace(name="red1-1", ip="192.0.2.1")
    flow = SimpleNamespace(source=end, source_port=1, target=end, target_port=2)
    with watch.Watch("/nowhere") as found:  # no daemon is there
        testbed = SimpleNamespace(watch=found, stream=lambda _: None)
        with pytest.raises(PartFailed, match="topo daemon: the network went down"):
            tcp._transfer(testbed, flow, Stream("stream", 1000, 64, 0, 1000, timeout=60.0), 1)
    over.set()
