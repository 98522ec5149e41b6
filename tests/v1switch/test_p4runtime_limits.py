"""What one client and one request may use of the P4Runtime server, and what is said to the rest."""

import contextlib
import os
import random
import socket
import stat
import threading
from pathlib import Path

import grpc
import pytest
from p4.v1 import p4runtime_pb2 as rt
from p4.v1 import p4runtime_pb2_grpc

from tests.switch.harness import poll
from tests.switch.harness_client import Refused, SwitchClient
from tests.v1switch import large
from tests.v1switch.p4runtime_own import DEVICE_ID
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import admission, limits, peers
from v1switch.p4runtime.errors import Code
from v1switch.p4runtime.errors import Refused as Refusal
from v1switch.p4runtime.listener import BindFailed, reach
from v1switch.p4runtime.peers import Peer, Peers, peer
from v1switch.p4runtime.quota import Quota
from v1switch.p4runtime.server import serve
from v1switch.p4runtime.session import Session

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
ID = {"device_id": DEVICE_ID, "election_id": {"low": 1}}


@pytest.fixture
def small(monkeypatch):
    """Limits that a test reaches at once."""
    monkeypatch.setattr(limits, "STREAMS", (4, 8))
    monkeypatch.setattr(limits, "READS", (2, 4))
    monkeypatch.setattr(limits, "ARBITRATION_S", 1.0)
    monkeypatch.setattr(limits, "STALLED_S", 0.5)


@pytest.fixture
def server(small, tmp_path):
    plane = Dataplane(PythonEngine())
    handle = serve(plane, f"unix:{tmp_path}/p4rt.sock", DEVICE_ID)
    yield handle.address
    handle.stop()


@pytest.fixture
def stub(server):
    with grpc.insecure_channel(server) as channel:
        yield p4runtime_pb2_grpc.P4RuntimeStub(channel)


@pytest.fixture
def client(server):
    request = rt.SetForwardingPipelineConfigRequest(**ID, action="VERIFY_AND_COMMIT")
    request.config.p4info.CopyFrom(large.info(1))
    request.config.p4_device_config = large.program(1)
    with SwitchClient(server, device_id=DEVICE_ID) as made:
        made.stub.SetForwardingPipelineConfig(request)
        yield made


def status(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def silent(stub):
    """A stream on which the client says nothing."""
    end = threading.Event()
    return stub.StreamChannel(iter(lambda: end.wait() or None, None))


# ---- streams ---------------------------------------------------------------------------------


def test_silent_streams_end_and_lock_nobody_out(server, stub):
    streams = [silent(stub) for _ in range(6)]
    assert stub.Capabilities(rt.CapabilitiesRequest(), timeout=5).p4runtime_api_version
    ends = [status(lambda stream=stream: next(stream)) for stream in streams]
    silence = (grpc.StatusCode.DEADLINE_EXCEEDED, "no arbitration within 1 s: it opens a stream")
    assert ends.count(silence) == 4
    limit = "has 4 streams open, the limit for one client: end one and try again"
    assert [(code, limit in text) for code, text in ends if code is EXHAUSTED] == 2 * [
        (EXHAUSTED, True)
    ]
    with SwitchClient(server, device_id=DEVICE_ID) as client:
        assert client.is_primary


def test_a_stream_that_speaks_stays(server):
    with SwitchClient(server, device_id=DEVICE_ID) as client:
        with pytest.raises(Exception, match="no arbitration"):
            client.next("arbitration", patience=1.2 * limits.ARBITRATION_S)
        assert client.arbitrate().status.code == 0


def test_a_client_that_reads_no_arbitration_loses_its_stream():
    ended = []
    session = Session("a test", lambda: ended.append(True), backlog=3)
    for _ in range(6):
        session.send(rt.StreamMessageResponse())
    assert not ended
    session.send(rt.StreamMessageResponse())
    assert ended


# ---- reads -----------------------------------------------------------------------------------


ENTRIES = 500


def fill(client):
    """Entries of 8 MB, more than gRPC sends unread; returns the request that reads them."""
    entities = [update.entity for update in large.updates(1, ENTRIES)]
    for entity in entities:
        entity.table_entry.metadata = bytes(16_000)
    client.write(rt.Update.INSERT, *entities[:250])
    client.write(rt.Update.INSERT, *entities[250:])
    wanted = {"table_entry": {"table_id": large.TABLE_ID}}
    return rt.ReadRequest(device_id=DEVICE_ID, entities=[wanted])


def test_reads_that_nobody_reads_end_and_lock_nobody_out(client, stub, monkeypatch, caplog):
    request = fill(client)
    unread = [stub.Read(request) for _ in range(4)]
    client.write(rt.Update.MODIFY)  # it answers other calls meanwhile
    poll(lambda: caplog.text.count("not read within 0.5 s") == 2, "the end of two")
    ends = [status(lambda each=each: list(each)) for each in unread]
    codes = sorted(code.name for code, _ in ends)
    assert codes == ["CANCELLED", "CANCELLED", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"]
    limit = "has 2 Reads open, the limit for one client"
    assert all(limit in text for code, text in ends if code is EXHAUSTED)
    monkeypatch.setattr(limits, "STALLED_S", 20.0)  # this client may be slow
    assert sum(len(each.entities) for each in stub.Read(request, timeout=60)) == ENTRIES


def test_an_answer_has_a_longest_length(client, monkeypatch):
    request = fill(client)
    monkeypatch.setattr(limits, "MAX_ENTITIES", 256)
    code, message = status(lambda: list(client.stub.Read(request)))
    assert (code, "more than 256 entities" in message) == (EXHAUSTED, True)


@pytest.mark.parametrize("mode", ["ROLLBACK_ON_ERROR", "DATAPLANE_ATOMIC"])
def test_a_batch_that_is_all_or_nothing_is_short(client, mode):
    request = rt.WriteRequest(**ID, atomicity=mode)
    request.updates.extend(large.updates(1, limits.MAX_ATOMIC_UPDATES + 1))
    code, message = status(lambda: client.stub.Write(request, timeout=60))
    assert (code, "is 100 updates: split it" in message) == (EXHAUSTED, True), message
    del request.updates[0]
    client.stub.Write(request, timeout=60)


# ---- messages --------------------------------------------------------------------------------


def pipeline(program=b"", info=0):
    request = rt.SetForwardingPipelineConfigRequest(**ID, action="VERIFY")
    request.config.p4_device_config = program
    if info:
        request.config.p4info.pkg_info.name = "x" * info
    return request


@pytest.mark.parametrize(
    ("method", "request_", "words"),
    [
        ("Write", rt.WriteRequest(**ID, updates=[{}] * 10_001), "10,000 updates in a Write"),
        ("Write", rt.WriteRequest(**ID, role="x" * (4 << 20)), "the limit is 4,194,304 bytes"),
        ("Read", rt.ReadRequest(device_id=DEVICE_ID, entities=[{}] * 1001), "1,000 entities asked"),
        ("SetForwardingPipelineConfig", pipeline(bytes((4 << 20) + 1)), "p4_device_config of 4,"),
        ("SetForwardingPipelineConfig", pipeline(b"{}", (4 << 20) + 1), "p4info of 4,"),
        ("SetForwardingPipelineConfig", pipeline(bytes(17 << 20)), "16777216"),
        ("GetForwardingPipelineConfig", rt.WriteRequest(role="x" * (65 << 10)), "65,536 bytes"),
    ],
    ids=["updates", "write", "reads", "program", "p4info", "message", "small"],
)
def test_what_is_too_large_is_refused_with_the_limit(server, method, request_, words):
    """The requests go out as bytes: an own stub would not take every one of them."""
    with grpc.insecure_channel(server) as channel:
        call = channel.unary_unary(f"/p4.v1.P4Runtime/{method}")
        code, message = status(lambda: call(request_.SerializeToString(), timeout=60))
    assert (code, words in message) == (EXHAUSTED, True), message


@pytest.mark.parametrize("data", [b"\xff" * 30, b"\x22\x05ab", b"\x0b", b"\x32\x01\xff", b"\x08"])
@pytest.mark.parametrize("method", ["Write", "Read", "SetForwardingPipelineConfig"])
def test_broken_bytes_are_invalid(server, method, data):
    with grpc.insecure_channel(server) as channel:
        call = channel.unary_stream(f"/p4.v1.P4Runtime/{method}")
        code, message = status(lambda: list(call(data, timeout=60)))
    assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), message


CHECKED = {
    rt.WriteRequest: admission.check_write,
    rt.ReadRequest: admission.check_read,
    rt.SetForwardingPipelineConfigRequest: admission.check_pipeline,
}


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.__name__)
def test_any_bytes_are_a_message_or_refused(kind):
    sources = {
        rt.WriteRequest: rt.WriteRequest(**ID, updates=large.updates(1, 3)),
        rt.ReadRequest: rt.ReadRequest(device_id=1, entities=[{"table_entry": {}}] * 3),
        rt.SetForwardingPipelineConfigRequest: pipeline(b"{}" * 30, info=30),
    }
    good, rng, refused = sources[kind].SerializeToString(), random.Random(5), 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.choice([1, 1, 2, 8])):
            at = rng.randrange(len(data))
            data[at : at + rng.choice([0, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 1, 4]))
        try:
            CHECKED[kind](bytes(data))
            admission.parsed(kind, bytes(data))
        except Refusal:
            refused += 1
    assert 0 < refused < 400


def test_a_large_message_waits_for_its_turn_and_not_for_ever(server, stub, monkeypatch):
    monkeypatch.setattr(limits, "TURN_S", 0.1)
    monkeypatch.setattr(limits, "LARGE", 10)
    inside, go_on = threading.Event(), threading.Event()

    def verified(*_args):
        inside.set()
        assert go_on.wait(60)
        raise Refusal(Code.UNAVAILABLE, "enough")

    monkeypatch.setattr("v1switch.p4runtime.device.Device.set_pipeline", verified)
    first = stub.SetForwardingPipelineConfig.future(pipeline(b"{}" * 10))
    assert inside.wait(60)
    code, message = status(lambda: stub.Write(rt.WriteRequest(**ID, role="x" * 20), timeout=60))
    go_on.set()
    assert (code, "has 1 messages" in message) == (EXHAUSTED, True), message
    assert first.exception(timeout=60).code() is grpc.StatusCode.UNAVAILABLE


# ---- clients ---------------------------------------------------------------------------------


def test_one_client_leaves_quota_to_others():
    quota = Quota("calls", 2, 3)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(quota.take(Peer("a", "uid 1")))
        with pytest.raises(Refusal, match="uid 1 has 2 calls open, the limit for one client"):
            stack.enter_context(quota.take(Peer("b", "uid 1")))
        stack.enter_context(quota.take(Peer("c", "uid 2")))
        with pytest.raises(Refusal, match="all clients together have 3 calls open"):
            stack.enter_context(quota.take(Peer("d", "uid 3")))
    with quota.take(Peer("a", "uid 1")), quota.take(Peer("a", "uid 1")):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("asked", [True, False], ids=["kernel", "table"])
def test_the_user_of_a_local_connection_is_known(host, asked, monkeypatch):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    with listener, socket.create_connection(listener.getsockname()[:2]) as sock:
        port = sock.getsockname()[1]
        text = f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"
        server = listener.getsockname()[1]
        monkeypatch.setattr(peers, "TABLES", () if asked else peers.TABLES)
        everywhere = f"[::]:{server}" if ":" in host else f"0.0.0.0:{server}"
        exactly = f"[{host}]:{server}" if ":" in host else f"{host}:{server}"
        for target in (exactly, everywhere) if asked else ("unix:/x", f"localhost:{server}"):
            found = peer(text, target)
            assert found.owner == f"uid {os.getuid()}"
            assert f"{port} (uid {os.getuid()})" in found.name
        if asked:
            assert peer(text, f"192.0.2.1:{server + 1}").owner == host


def test_who_calls_is_remembered_for_a_second(monkeypatch):
    """The kernel's tables are long to read: calls of one connection follow each other quickly."""
    now, read = [10.0], []

    def slow(text: str, path: str) -> Peer:
        read.append(text)
        return Peer(f"{text} {len(read)}", path)

    monkeypatch.setattr(peers, "peer", slow)
    known = Peers("unix:/x", lambda: now[0])
    assert [known.of("a").name, known.of("a").name, known.of("b").name] == ["a 1", "a 1", "b 2"]
    now[0] += 1.0
    assert known.of("a").name == "a 3"
    for number in range(2 * peers.MOST):
        known.of(f"client {number}")
        assert len(known._known) <= peers.MOST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:", Peer("unix:/x", "unix:/x")),
        ("ipv4:192.0.2.1:4711", Peer("192.0.2.1:4711", "192.0.2.1")),
        ("ipv6:%5B2001:db8::1%5D:4711", Peer("[2001:db8::1]:4711", "2001:db8::1")),
        ("something else", Peer("something else", "something else")),
    ],
)
def test_other_clients_are_their_addresses(text, expected):
    assert peer(text, "unix:/x") == expected


def test_a_refusal_names_the_holder_and_how_to_take_over():
    handle = serve(Dataplane(PythonEngine()), "127.0.0.1:0", DEVICE_ID)
    sessions = [
        SwitchClient(handle.address, device_id=DEVICE_ID, election_id=number) for number in (7, 6)
    ]
    try:
        holder, other = (session.__enter__() for session in sessions)
        message = other.arbitration.status.message
        assert f"(uid {os.getuid()}) is primary with election id 7 since 20" in message
        assert "a higher election id takes over" in message
        with pytest.raises(Refused) as caught:
            other.write(rt.Update.INSERT)
        assert caught.value.details.startswith("Not primary: 127.0.0.1:")
        holder.__exit__(None, None, None)
        message = other.next("arbitration").status.message
        assert "there is no primary: election id 7 of 127.0.0.1:" in message
        assert "7 or more becomes primary" in message
    finally:
        other.__exit__(None, None, None)
        handle.stop()


# ---- who can reach it ------------------------------------------------------------------------


def test_a_unix_socket_is_its_users_only(server):
    path = Path(server.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_where_others_could_replace_the_socket_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(BindFailed, match="others can replace files in directory"):
        serve(Dataplane(PythonEngine()), f"unix:{tmp_path}/p4rt.sock", DEVICE_ID)
    tmp_path.chmod(0o1777)  # like /tmp: nobody removes what others own
    serve(Dataplane(PythonEngine()), f"unix:{tmp_path}/p4rt.sock", DEVICE_ID).stop()


def test_a_path_with_a_percent_sign_is_written_as_in_a_uri(tmp_path):
    folder = tmp_path / "a%41 b"
    folder.mkdir()
    address = f"unix:{tmp_path}/a%2541 b/p4rt.sock"
    handle = serve(Dataplane(PythonEngine()), address, DEVICE_ID)
    try:
        assert (folder / "p4rt.sock").is_socket()
        with SwitchClient(address, device_id=DEVICE_ID) as client:
            assert client.is_primary
    finally:
        handle.stop()
    with pytest.raises(BindFailed, match=r"aA b.*% itself is %25"):
        serve(Dataplane(PythonEngine()), f"unix:{folder}/p4rt.sock", DEVICE_ID)


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("unix:/run/x.sock", "only this user and root"),
        (":9559", "every user of this machine"),
        ("127.0.0.1:9559", "every user of this machine"),
        ("[::1]:9559", "every user of this machine"),
        ("localhost:9559", "every user of this machine"),
        ("0.0.0.0:9559", "everybody who reaches this machine"),
        ("[::]:9559", "everybody who reaches this machine"),
    ],
)
def test_the_start_says_who_can_reach_it(address, who, tmp_path):
    address = address.replace("/run", str(tmp_path))
    assert reach(address).startswith(f"{who} can control this switch")
    assert ("restricts it to you" in reach(address)) != address.startswith("unix:")
