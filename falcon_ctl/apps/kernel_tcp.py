"""TCP counters of a container's kernel: /proc/net/snmp and /proc/net/netstat. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FILES = ("/proc/net/snmp", "/proc/net/netstat")


@dataclass(frozen=True)
class TcpCounts:
    """Counters of a network namespace, or what they grew by.

    Attributes:
        sent: segments, retransmissions left out (OutSegs).
        retransmitted: segments that were sent again (RetransSegs).
        timeouts: of which a timer was the reason (TCPTimeouts).
        probes: or a tail loss probe (TCPLossProbes).
        spurious: segments that the receiver got twice, as its D-SACK says (TCPDSACKRecv).
        out_of_order: received segments that waited for an earlier one (TCPOFOQueue).
        resets: connections that broke (EstabResets).
    """

    sent: int = 0
    retransmitted: int = 0
    timeouts: int = 0
    probes: int = 0
    spurious: int = 0
    out_of_order: int = 0
    resets: int = 0

    def __add__(self, other: TcpCounts) -> TcpCounts:
        return TcpCounts(*(a + b for a, b in zip(self.values, other.values, strict=True)))

    def since(self, before: TcpCounts) -> TcpCounts:
        """What was counted after `before`."""
        return TcpCounts(*(a - b for a, b in zip(self.values, before.values, strict=True)))

    @property
    def values(self) -> tuple[int, ...]:
        """All counters, in the order of the attributes."""
        return tuple(vars(self).values())


_NAMES = {
    "sent": "Tcp.OutSegs",
    "retransmitted": "Tcp.RetransSegs",
    "timeouts": "TcpExt.TCPTimeouts",
    "probes": "TcpExt.TCPLossProbes",
    "spurious": "TcpExt.TCPDSACKRecv",
    "out_of_order": "TcpExt.TCPOFOQueue",
    "resets": "Tcp.EstabResets",
}


def parse(text: str) -> TcpCounts:
    """Counters from the text of both files.

    Raises:
        KeyError: this kernel does not count one of them.
    """
    found: dict[str, int] = {}
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        group, _, words = names.partition(":")
        numbers = values.partition(":")[2].split()
        found |= {f"{group}.{name}": int(n) for name, n in zip(words.split(), numbers, strict=True)}
    return TcpCounts(**{attribute: found[name] for attribute, name in _NAMES.items()})


def listens(text: str, port: int) -> bool:
    """Whether a socket waits at `port`, by the text of /proc/net/tcp or /proc/net/udp.

    The second column is the local address and port in hex, the fourth the state: 0A is TCP's LISTEN
    and 07 what an unconnected UDP socket has [include/net/tcp_states.h].
    """
    rows = (line.split() for line in text.splitlines())
    return any(
        len(row) > 3 and row[3] in ("0A", "07") and row[1].endswith(f":{port:04X}") for row in rows
    )
