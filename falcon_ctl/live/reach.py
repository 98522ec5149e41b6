"""Reachability: echo requests between the kernels of all containers of a tenant."""

from __future__ import annotations

import itertools
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from scapy.layers.inet import ICMP

from falcon_ctl.live.testbed import Testbed
from topo.spec.model import Topology

_REQUEST, _REPLY = 8, 0
_AGAIN = 0.25
_rounds = itertools.count()  # so that a late reply does not count for a later round
Pair = tuple[str, str]
Identity = tuple[int, int]


def pairs(topology: Topology) -> list[Pair]:
    """Ordered pairs of containers of one tenant."""
    return [
        (a.name, b.name)
        for a, b in itertools.permutations(topology.containers, 2)
        if a.tenant == b.tenant
    ]


def ping_all(testbed: Testbed, deadline: float) -> dict[Pair, bool]:
    """Ping every pair until all have answered, or for `deadline` seconds.

    An echo request leaves through the container's own kernel (ARP included), and the target's
    kernel answers it.
    """
    wanted = pairs(testbed.topology)
    ids = identities(testbed.topology, next(_rounds))
    answered = dict.fromkeys(wanted, False)
    end = time.monotonic() + deadline
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(testbed.raw_icmp(name)) for name, _ in wanted}
        selector = stack.enter_context(selectors.DefaultSelector())
        for name, sock in sockets.items():
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ, name)
        while not all(answered.values()) and time.monotonic() < end:
            testbed.watch.check()
            missing = {ids[pair]: pair for pair, ok in answered.items() if not ok}
            _request(testbed, sockets, missing)
            for pair in _replies(missing, selector, min(_AGAIN, end - time.monotonic())):
                answered[pair] = True
                if all(answered.values()):
                    break
    return answered


def _request(
    testbed: Testbed, sockets: Mapping[str, socket.socket], missing: Mapping[Identity, Pair]
) -> None:
    for numbers, (source, target) in missing.items():
        packet = bytes(ICMP(type=_REQUEST, id=numbers[0], seq=numbers[1]) / b"falcon-testbed")
        try:
            sockets[source].sendto(packet, (str(testbed.container(target).ip), 0))
        except OSError:
            continue  # no neighbour entry yet: it is sent again


def _replies(
    ids: Mapping[Identity, Pair], selector: selectors.BaseSelector, seconds: float
) -> Iterator[Pair]:
    """Pairs whose reply arrives within `seconds`."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            data = key.fileobj.recv(2048)  # type: ignore[union-attr]  # we put sockets in
            kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", data, 20)
            pair = ids.get((identifier, sequence))
            if kind == _REPLY and pair is not None and pair[0] == key.data:
                yield pair


def identities(topology: Topology, turn: int) -> dict[Pair, Identity]:
    """ICMP identifier and sequence number of each pair: the containers' positions, and the turn."""
    place = {c.name: index for index, c in enumerate(topology.containers)}
    first = turn * len(place)
    return {(a, b): (0xFA00 + place[a], (first + place[b]) % 2**16) for a, b in pairs(topology)}


def senders(topology: Topology) -> set[tuple[int, str]]:
    """(VNI, MAC) of the containers whose frames cross a switch when all pairs ping."""
    return {
        (topology.tenant(c.tenant).vni, c.mac)
        for c in topology.containers
        if any(o.tenant == c.tenant and o.machine != c.machine for o in topology.containers)
    }
