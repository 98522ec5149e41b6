"""The packet loop by itself, without interfaces."""

import contextlib
import signal
import socket
import threading
from collections import deque

import pytest

from v1switch.control.dataplane import Dataplane
from v1switch.engines.native.packet_loop import NativeLoop
from v1switch.engines.python.engine import PythonEngine
from v1switch.io.loop import PacketLoop
from v1switch.io.offload import Notes
from v1switch.io.ports import PATIENT
from v1switch.state.queues import BLOCKED, HEAD_WORDS, QUEUE_WORDS


def test_a_signal_ends_a_loop_that_it_does_not_interrupt() -> None:
    """As when it comes between Python's look at signals and epoll_wait(2)."""
    late: list[bool] = []
    with contextlib.closing(PacketLoop(Dataplane(PythonEngine()), [])) as loop:

        def give_up() -> None:
            late.append(True)
            loop.stop()

        patience = threading.Timer(30, give_up)
        # a thread's own signal: Python handles it in the main thread, which goes on waiting
        other = threading.Timer(
            0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        )
        before = signal.signal(signal.SIGUSR1, lambda *_: loop.stop())
        try:
            patience.start()
            other.start()
            loop.run()
        finally:
            patience.cancel()
            other.join()
            signal.signal(signal.SIGUSR1, before)
    assert late == []


class SocketPort:
    """A port whose interface is a Unix socket."""

    def __init__(self, number: int, end: socket.socket, waiting: int) -> None:
        self.number, self.ifname, self._end = number, f"port{number}", end
        self.waiting = deque([bytes(60)] * waiting)
        self.offloads = Notes()

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        self._end.close()


@pytest.mark.parametrize("taken", [0, 1])
def test_machine_code_lets_go_a_queue_that_plain_python_held(taken: int) -> None:
    """More frames waited for the interface than hold its queue; as it takes them, they are few."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    port = SocketPort(1, ours, 0)
    plane = Dataplane(PythonEngine())
    place = HEAD_WORDS + QUEUE_WORDS * port.number + BLOCKED
    with theirs, contextlib.closing(NativeLoop(plane, [port])) as loop:  # type: ignore[list-item]
        room = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(60))
                room += 1
        port.waiting = deque([bytes(60)] * PATIENT)
        plane.queues.block(port.number, blocked=True)
        for _ in range(room if taken else 0):
            theirs.recv(100)
        carrier = loop._open_carrier()
        assert carrier.ports.waiting(port.number) == max(0, PATIENT - taken * room)
        assert plane.queues.words[place] == (0 if taken else 1)
        while carrier.ports.waiting(port.number):
            theirs.recv(100)
            carrier.drain(port.number)
        assert plane.queues.words[place] == 0
