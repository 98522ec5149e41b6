"""Counts what the flows' sockets receive; a process of its own, asked by lines of standard input.

    python -m tests.soak.receiver RUN_DIR FLOWS
    {}  ->  {"received": 20000, "foreign": 0, "dropped": 0, "flows": 1000, "reordered": 0}

`dropped`: by the kernel, because a socket's buffer was full; `flows`: of which something came.
"""

import contextlib
import json
import selectors
import socket
import struct
import sys

from falcon_ctl.traffic import payload
from falcon_ctl.traffic.receiver import RECEIVE_BUFFER
from tests.soak.flows import PORT, flows
from topo.client.network import Network

_SO_MEMINFO, _DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h


class Counters:
    """What came, by flow."""

    def __init__(self, count: int) -> None:
        self.received = [0] * count
        self.highest = [-1] * count
        self.foreign = self.reordered = 0

    def add(self, data: bytes) -> None:
        stamp = payload.read(data)
        if stamp is None or stamp.flow >= len(self.received):
            self.foreign += 1
            return
        self.received[stamp.flow] += 1
        if stamp.sequence < self.highest[stamp.flow]:
            self.reordered += 1
        else:
            self.highest[stamp.flow] = stamp.sequence


def main(run_dir: str, count: int) -> None:
    """Open a socket in each receiving container; count, and answer."""
    with Network.connect(run_dir) as network:
        names = {flow.target.name for flow in flows(network.spec, count)}
        sockets = [_socket(network, name) for name in sorted(names)]
    found = Counters(count)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for sock in sockets:
        selector.register(sock, selectors.EVENT_READ)
    print("{}", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not sys.stdin:
                _drain(key.fileobj, found)
            elif sys.stdin.readline():
                print(json.dumps(_answer(found, sockets)), flush=True)
            else:
                return


def _socket(network: Network, container: str) -> socket.socket:
    sock = network.socket(container, socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.bind(("", PORT))
    sock.setblocking(False)
    return sock


def _drain(sock: object, found: Counters) -> None:
    assert isinstance(sock, socket.socket)
    with contextlib.suppress(BlockingIOError):
        for _ in range(512):  # then it is another socket's turn
            found.add(sock.recv(2048))


def _answer(found: Counters, sockets: list[socket.socket]) -> dict[str, int]:
    infos = [sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36) for sock in sockets]
    return {
        "received": sum(found.received),
        "foreign": found.foreign,
        "dropped": sum(struct.unpack("@9I", info)[_DROPS] for info in infos),
        "flows": sum(count > 0 for count in found.received),
        "reordered": found.reordered,
    }


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
