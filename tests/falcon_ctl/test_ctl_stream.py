"""The stream to a switch: bounded whatever the switch sends, and who holds it otherwise."""

import threading
from concurrent import futures

import grpc
import pytest
from google.rpc import code_pb2
from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt import stream
from falcon_ctl.p4rt.client import Client
from tests.topo.driver import until

FLOOD = 500


class Server(p4runtime_pb2_grpc.P4RuntimeServicer):
    """Sends `FLOOD` lists of digests, or says that another controller is primary."""

    def __init__(self):
        self.answers, self.says, self.acks = True, "", []
        self.sent = threading.Event()

    def StreamChannel(self, requests, context):  # noqa: N802  # the method's name in p4runtime.proto
        for request in requests:
            if request.HasField("digest_ack"):
                self.acks.append(request.digest_ack.list_id)
            elif self.answers:
                yield from self.answer(request.arbitration)
        self.sent.set()

    def answer(self, arbitration):
        reply = p4runtime_pb2.StreamMessageResponse(arbitration=arbitration)
        if self.says:
            reply.arbitration.status.code = code_pb2.ALREADY_EXISTS
            reply.arbitration.status.message = self.says
            reply.arbitration.election_id.low = 77
        yield reply
        for number in range(FLOOD):
            yield p4runtime_pb2.StreamMessageResponse(packet={"payload": b"x"})
            yield p4runtime_pb2.StreamMessageResponse(digest={"list_id": number})
        self.sent.set()


@pytest.fixture
def server():
    servicer, pool = Server(), futures.ThreadPoolExecutor(4)
    server = grpc.server(pool)
    p4runtime_pb2_grpc.add_P4RuntimeServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(None)
    pool.shutdown()


def test_digests_that_nobody_reads_are_bounded_and_the_first_ones_kept(server):
    client = Client("s1", server.address, 1, 1)
    assert server.sent.wait(30)
    until(lambda: client._stream._digests.full())
    kept = []
    while (digests := client.next_digest(0)) is not None:
        kept.append(digests.list_id)
        client.ack(digests)
    assert stream.LISTS <= len(kept) < FLOOD
    assert kept[: stream.LISTS] == list(range(stream.LISTS))
    until(lambda: server.acks == kept)
    client.close()
    assert not client.is_alive


@pytest.mark.parametrize(
    ("says", "holder"),
    [("Is backup", "election id 77 holds it"), ("Is backup: uid 7 is primary", "uid 7 is primary")],
)
def test_who_is_primary_instead_is_named(server, says, holder):
    server.says = says
    client = Client("s1", server.address, 1, 1)
    assert not client.is_primary
    assert client.holder.endswith(holder)
    client.close()


def test_a_switch_that_does_not_arbitrate_is_named(server):
    server.answers = False
    with pytest.raises(SwitchError, match=r"switch s1: UNAVAILABLE: no answer to the arbitration"):
        Client("s1", server.address, 1, 1, timeout=0.3)
