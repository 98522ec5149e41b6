"""One ICMP echo request from a container, over a raw socket: needs no ping program."""

import os
import socket
import struct
import time

from topo.client.network import Network

ECHO_REPLY, ECHO_REQUEST = 0, 8  # RFC 792
HEADER = struct.Struct("!BBHHH")


def checksum(data: bytes) -> int:
    """The Internet checksum of RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(identifier: int, sequence: int, payload: bytes) -> bytes:
    """An ICMP echo request, `payload` of even length."""
    blank = HEADER.pack(ECHO_REQUEST, 0, 0, identifier, sequence) + payload
    return HEADER.pack(ECHO_REQUEST, 0, checksum(blank), identifier, sequence) + payload


def is_reply(packet: bytes, identifier: int, payload: bytes) -> bool:
    """Whether an IPv4 packet is the reply to the request with this identifier and payload."""
    message = packet[4 * (packet[0] & 0xF) :]
    if len(message) < HEADER.size:
        return False
    kind, code, _, ident, _ = HEADER.unpack_from(message)
    return (kind, code, ident) == (ECHO_REPLY, 0, identifier) and message[8:] == payload


def ping(network: Network, node: str, address: str, timeout: float) -> float | None:
    """Send one echo request from a node; return the seconds to its reply, None without one."""
    identifier, payload = os.getpid() & 0xFFFF, os.urandom(16)
    with network.socket(node, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        began = time.monotonic()
        try:
            sock.sendto(echo_request(identifier, 1, payload), (address, 0))
            while (left := began + timeout - time.monotonic()) > 0:
                sock.settimeout(left)
                packet, (source, _) = sock.recvfrom(2048)
                if source == address and is_reply(packet, identifier, payload):
                    return time.monotonic() - began
        except OSError:  # no reply in time, or no route
            return None
    return None
