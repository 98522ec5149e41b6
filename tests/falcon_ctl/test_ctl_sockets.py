"""Sender, receiver and connections on loopback."""

import gc
import socket
import struct
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from falcon_ctl.capture.tap import Tap
from falcon_ctl.errors import PartFailed
from falcon_ctl.live.watch import Watch
from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import Endpoint, Flow, Template, udp_template
from falcon_ctl.traffic.payload import Stamp
from falcon_ctl.traffic.receiver import Receiver
from falcon_ctl.traffic.sender import Sender, Sent, send_frames, undisturbed
from falcon_ctl.traffic.tcp import Connection

A = Endpoint("a", "02:00:00:00:00:01", "10.0.0.1")
B = Endpoint("b", "02:00:00:00:00:02", "10.0.0.2")


class Wire:
    """A socket that keeps what is sent, and refuses every frame of some numbers."""

    def __init__(self, refuses=()):
        self.frames, self._refuses, self._calls = [], set(refuses), 0

    def send(self, frame):
        self._calls += 1
        if self._calls - 1 in self._refuses:
            raise OSError(105, "No buffer space available")
        self.frames.append(bytes(frame))
        return len(frame)


def sender(*wires, **more):
    templates = [udp_template(Flow(7 + i, A, B, 100 + i, 9), 64) for i in range(len(wires))]
    return Sender(templates, wires, **more), templates


def stamps(wire, template):
    return [payload.read(frame, template.payload_offset) for frame in wire.frames]


def test_a_sender_numbers_each_flow_and_keeps_the_schedule():
    one, two = Wire(), Wire()
    sends, templates = sender(one, two)
    offsets = np.arange(30) * 200_000
    sent = sends.run(offsets, np.arange(30) % 3 // 2)
    assert sent.per_flow == (20, 10)
    assert [(s.flow, s.sequence) for s in stamps(one, templates[0])] == [(7, n) for n in range(20)]
    assert [(s.flow, s.sequence) for s in stamps(two, templates[1])] == [(8, n) for n in range(10)]
    due = sent.start_ns + offsets
    both = (*stamps(one, templates[0]), *stamps(two, templates[1]))
    times = sorted(stamp.sent_ns for stamp in both)
    assert all(time >= at for time, at in zip(times, due, strict=True))  # never early


def test_a_refused_frame_takes_no_number():
    wire = Wire(refuses={1})
    sends, templates = sender(wire)
    sent = sends.run(np.arange(4) * 1000, np.zeros(4, np.int64))
    assert (sent.total, sent.refused) == (3, 1)
    assert [s.sequence for s in stamps(wire, templates[0])] == [0, 1, 2]


def test_a_stopped_sender_sends_no_more():
    wire, stop = Wire(), threading.Event()
    stop.set()
    sends, _ = sender(wire, stop=stop)
    assert sends.run(np.arange(4) * 1000, np.zeros(4, np.int64)).total == 0
    assert send_frames(wire, [b"x"], np.zeros(1, np.int64), stop) == 0
    assert wire.frames == []


def test_lateness_is_reported_beyond_the_budget():
    assert Sent((1,), 0, 0, 1, 30_000_000, 99_000_000).lateness == ""
    assert "p99 31 ms" in Sent((1,), 0, 0, 1, 31_000_000, 99_000_000).lateness


def test_the_interpreter_is_as_before_afterwards():
    before = sys.getswitchinterval(), gc.isenabled()
    with undisturbed():
        assert not gc.isenabled()
    assert (sys.getswitchinterval(), gc.isenabled()) == before


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_a_receiver_sorts_by_flow_and_stamps_times():
    with udp() as one, udp() as two, udp() as out:
        with Receiver([(1, one), (2, one), (3, two)]) as receiver:
            for sock, flow, number in ((one, 1, 0), (one, 2, 0), (one, 1, 1), (two, 1, 5)):
                out.sendto(payload.filled(64, Stamp(flow, number, 123)), sock.getsockname())
            out.sendto(b"something else", two.getsockname())
            assert receiver.wait_quiet(3, quiet=0.5, deadline=5)
        assert receiver.arrivals[1].sequence == [0, 1]
        assert receiver.arrivals[1].sent_ns == [123, 123]
        assert receiver.arrivals[1].received_ns[0] > 1_600_000_000 * 10**9
        assert receiver.arrivals[2].sequence == [0]
        assert 3 not in receiver.arrivals
        assert (receiver.misdelivered, receiver.foreign) == (1, 1)


def connection(target=None):
    client, server = socket.socket(), socket.socket()
    with udp() as free:  # a port number that is likely free for TCP too
        port = free.getsockname()[1]
    return Connection(client, server, ("127.0.0.1", 0), target or ("127.0.0.1", port), 64)


def test_a_connection_carries_seeded_bytes_intact():
    done = connection().transfer(200_000, seed=3, timeout=60)
    assert (done.sent, done.received, done.intact, done.error) == (200_000, 200_000, True, "")


def test_the_ports_of_a_connection_can_be_used_again_at_once():
    with udp() as free:
        ends = [("127.0.0.1", free.getsockname()[1] + n) for n in range(2)]
    for seed in range(3):
        again = Connection(socket.socket(), socket.socket(), *ends, 64)
        done = again.transfer(5000, seed, timeout=60)
        assert (done.intact, done.error) == (True, "")


def test_a_message_waits_until_there_is_room_in_the_window():
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)  # and never reads
        client.connect(listener.getsockname())
        client.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                client.send(bytes(1 << 20))
        one = Connection(client, listener, ("", 0), ("", 0), window=64)
        one._await_room(1 << 30, time.monotonic())
        with pytest.raises(TimeoutError):
            one._await_room(1000, time.monotonic() + 0.02)


def test_a_connection_that_fails_says_why():
    done = connection(("192.0.2.1", 9)).transfer(10, seed=3, timeout=1)  # not an address of ours
    assert not done.intact
    assert done.error.startswith("sender: ")


def test_a_watch_names_the_network_that_went_away(tmp_path):
    tmp_path.chmod(0o700)
    with Watch(str(tmp_path)) as watch:
        assert watch.stop.wait(60)
        with pytest.raises(PartFailed, match="the network went down"):
            watch.check()


def test_templates_know_where_their_payload_is():
    template = udp_template(Flow(9, A, B, 100, 9), 64)
    assert isinstance(template, Template)
    assert payload.read(template.frame, template.payload_offset) == (9, 0, 0)


class PacketSocket:
    """An AF_PACKET socket as `Tap` uses it, over a socket pair: frames one by one, then nothing."""

    def __init__(self, frames, dropped):
        self._frames, self._dropped = list(frames), dropped
        self._ours, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for frame in self._frames:
            self.other.send(frame)

    def recvmsg(self, size, _):
        return *self._ours.recvmsg(size)[:2], 0, ("eth0", 0, socket.PACKET_HOST, 1, b"")

    def getsockopt(self, level, option, size):
        assert (level, option, size) == (263, 6, 8)  # SOL_PACKET, PACKET_STATISTICS
        return struct.pack("@II", len(self._frames) + self._dropped, self._dropped)

    def fileno(self):
        return self._ours.fileno()

    def setblocking(self, flag):
        self._ours.setblocking(flag)

    def setsockopt(self, *_):
        pass

    def bind(self, address):
        assert address == ("eth0", 3)  # ETH_P_ALL

    def close(self):
        self._ours.close()
        self.other.close()


@pytest.mark.parametrize(("limit", "dropped", "lost"), [(5, 0, 0), (3, 0, 2), (3, 4, 6)])
def test_a_capture_says_what_it_could_not_keep(limit, dropped, lost):
    frames = [bytes([n]) * 60 for n in range(5)]
    sock = PacketSocket(frames, dropped)
    with Tap(sock, "eth0", limit=limit) as tap:
        pass
    assert [packet.data for packet in tap.packets] == frames[:limit]
    assert tap.lost == lost
