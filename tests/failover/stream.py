"""A steady stream of numbered datagrams between two containers, and what became of each."""

import socket
import struct
import threading
import time

from topo.client.network import Network

PORT = 7100
FLOWS = 16  # source ports, so that ECMP spreads the stream over all paths
_NUMBER = struct.Struct("!Q")


class Stream:
    """Context manager: sends `rate` datagrams a second until it is left; `sent` {number: time}."""

    def __init__(self, network: Network, source: str, target: str, rate: float = 400.0) -> None:
        self.sent: dict[int, float] = {}
        self.received: dict[int, float] = {}
        self.copies = 0
        self._gap = 1.0 / rate
        address = next(str(c.ip) for c in network.spec.containers if c.name == target)
        self._target = address, PORT
        self._in = network.socket(target, socket.AF_INET, socket.SOCK_DGRAM)
        self._in.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._in.bind(("", PORT))
        self._in.settimeout(0.1)
        self._out = [
            network.socket(source, socket.AF_INET, socket.SOCK_DGRAM) for _ in range(FLOWS)
        ]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._send, self._receive)
        ]

    def __enter__(self) -> "Stream":  # noqa: PYI034  # Self needs Python 3.11
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop to send; what is on its way still arrives."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        for sock in (self._in, *self._out):
            sock.close()

    @property
    def lost(self) -> int:
        return len(self.sent) - len(self.received)

    def reaches(self, since: float, count: int = 2 * FLOWS) -> bool:
        """The last `count` datagrams of those sent after `since` a moment ago have all arrived."""
        settled = [n for n, at in list(self.sent.items()) if since < at < time.monotonic() - 0.3]
        return len(settled) >= count and all(n in self.received for n in settled[-count:])

    def outage(self) -> float:
        """Seconds from the first datagram that was lost to the last one."""
        lost = [at for number, at in self.sent.items() if number not in self.received]
        return max(lost) - min(lost) if lost else 0.0

    def _send(self) -> None:
        number, due = 0, time.monotonic()
        while not self._stop.is_set():
            number, due = number + 1, due + self._gap
            time.sleep(max(0.0, due - time.monotonic()))
            self.sent[number] = time.monotonic()
            try:
                self._out[number % FLOWS].sendto(_NUMBER.pack(number), self._target)
            except OSError:
                continue  # it counts as lost

    def _receive(self) -> None:
        while True:
            try:
                number = _NUMBER.unpack(self._in.recv(64))[0]
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            self.copies += number in self.received
            self.received[number] = time.monotonic()
