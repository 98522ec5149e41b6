"""TCP connections at the far end of the wire, as a user describes them and as kernels' rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rxpath.errors import ConfigError
from rxpath.model.state.host import State
from rxpath.tcp import sender
from rxpath.tcp.state import MAX_SETUP, Senders

MAX_WINDOW = 4096
MOST_MESSAGE = 1 << 24  # bytes


class Step(NamedTuple):
    """A segment of the handshake: the chain that it takes, its bytes on the wire."""

    chain: int
    wire_len: int = 74  # Ethernet, IPv4, TCP with the options of a SYN


@dataclass(frozen=True)
class Connection:
    """One connection; `socket` is the one that receives its data, see `rxpath.host.Model`.

    A stream sends whatever its window allows; with `message`, the application writes that many
    bytes at a time, each write ends in a short segment with PSH, and `gap_ns` lie between two
    writes (0: it writes on as the window allows).  A write waits while twice the window is written
    and not acknowledged, which is what tcp_sndbuf_expand gives [net/ipv4/tcp_input.c].  `joins`:
    writes are joined to full segments without PSH, as by Nagle's algorithm (RFC 896); a message is
    then so many whole segments.

    A client (`thinks`) sends one segment, waits until the application has dealt with it, and asks
    again after its thinking time, over a new connection if it `renews`.

    `setup`: what is sent and answered, one by one, before the data; without any, the connection is
    there from the start.
    """

    rss_hash: int
    chain: int
    socket: int = 0
    window: int = 128  # segments of the receiver's window
    most: int = 0  # what `open_window` may open it to; 0: it stays as it is
    wire_len: int = 1514  # an Ethernet frame of 1500 bytes of IP
    payload: int = 1448  # with the timestamp option
    message: int = 0  # bytes of a write; 0: a stream without ends
    gap_ns: int = 0
    joins: bool = False
    thinks: bool = False
    setup: Sequence[Step] = ()
    renews: bool = False
    start_ns: int = 0


@dataclass(frozen=True)
class Wire:
    """What lies between the machines.

    `there_ns`: from the link's end to the NIC; `back_ns`: from the application's read to the
    sender, which takes in the receiver's and the sender's stack on the way back.
    """

    gbit_per_s: int = 100
    there_ns: int = 2_000
    back_ns: int = 10_000
    rto_ns: int = 200_000_000  # TCP_RTO_MIN, include/net/tcp.h


_MOST = 10**12  # ns
_TIMES = {"there_ns": (0, _MOST), "back_ns": (1, _MOST), "rto_ns": (1, _MOST)}
_WIRE = {"gbit_per_s": (1, 8000), **_TIMES}


def within(key: str, value: int, low: int, high: int, unit: str = "") -> None:
    """Raises `ConfigError` when ``value`` does not lie in the range."""
    if not low <= value <= high:
        raise ConfigError(key, value, f"{low} to {high}{unit}")


def check(key: str, one: Connection, state: State) -> None:
    """Raises `ConfigError` when the host with ``state`` cannot be the connection's other end."""
    chains, sockets = state.knobs.chains, len(state.sockets)
    within(f"{key}.rss_hash", one.rss_hash, 0, 2**32 - 1)
    within(f"{key}.chain", one.chain, 0, chains - 1)
    within(f"{key}.socket", one.socket, 0, sockets - 1)
    within(f"{key}.window", one.window, 1, MAX_WINDOW, " segments")
    within(f"{key}.most", one.most, 0, MAX_WINDOW, " segments")
    within(f"{key}.wire_len", one.wire_len, 1, 2**16 - 1)
    within(f"{key}.payload", one.payload, 1, 2**16 - 1)
    within(f"{key}.start_ns", one.start_ns, 0, 10**15)
    _check_messages(key, one)
    if one.thinks and one.window != 1:
        raise ConfigError(f"{key}.window", one.window, "1, for a client")
    if len(one.setup) > MAX_SETUP:
        raise ConfigError(f"{key}.setup", len(one.setup), f"at most {MAX_SETUP} steps")
    if one.renews and not (one.thinks and one.setup):
        raise ConfigError(f"{key}.renews", True, "a client with a set-up")


def _check_messages(key: str, one: Connection) -> None:
    within(f"{key}.message", one.message, 0, MOST_MESSAGE, " bytes")
    within(f"{key}.gap_ns", one.gap_ns, 0, 10**12)
    if one.message and one.thinks:
        raise ConfigError(f"{key}.message", one.message, "0, for a client")
    if one.message and one.wire_len <= one.payload:
        raise ConfigError(f"{key}.wire_len", one.wire_len, f"more than {one.payload}, the payload")
    if one.joins and (not one.message or one.message % one.payload):
        expected = f"whole segments of {one.payload} bytes, for writes that are joined"
        raise ConfigError(f"{key}.message", one.message, expected)
    if one.gap_ns and not one.message:
        raise ConfigError(f"{key}.gap_ns", one.gap_ns, "0, without messages")


def check_wire(wire: Wire) -> None:
    """Raises `ConfigError` for times and rates that no wire has."""
    for name, (low, high) in _WIRE.items():
        within(f"wire.{name}", getattr(wire, name), low, high)


def write(senders: Senders, connections: Sequence[Connection], wire: Wire) -> None:
    """Write connections and wire to the senders' memory, before anything was sent."""
    senders.ps_per_byte = 8000 // wire.gbit_per_s
    senders.there_ns, senders.back_ns, senders.rto_ns = wire.there_ns, wire.back_ns, wire.rto_ns
    for row, one in zip(senders.connections, connections, strict=True):
        row.rss_hash, row.socket, row.chain = one.rss_hash, one.socket, one.chain
        row.wire_len, row.payload, row.window = one.wire_len, one.payload, one.window
        row.thinks = one.thinks
        row.setup_steps = len(one.setup)
        row.period = len(one.setup) + 1 if one.renews else 0
        for step, (chain, wire_len) in zip(row.setup, one.setup, strict=False):
            step.chain, step.wire_len = chain, wire_len
        row.cwnd = 10  # TCP_INIT_CWND, include/net/tcp.h
        row.ssthresh = MAX_WINDOW
        row.recover = sender.NOT_RECOVERING
        row.message, row.gap_ns = one.message, one.gap_ns
        row.pushes = not one.joins
        row.segments = -(-one.message // one.payload)
        row.last_payload = one.message - (row.segments - 1) * one.payload
        row.written = len(one.setup) if one.gap_ns else sender.ENDLESS
        row.wanted_at = sender.NOT_WAITING
        sender.size_buffer(row)
