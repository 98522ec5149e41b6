"""A frame as the NIC sees it."""

from __future__ import annotations

from typing import NamedTuple

from numba import types


class Frame(NamedTuple):
    """What the receive path goes by of a frame (all integers).  The last five may be absent."""

    rss_hash: int  # Toeplitz hash of the outer headers (32 bits): picks the RX queue, is skb_hash
    flow: int  # 0 <= flow < flows: reordering is measured, and GRO merges, per flow
    socket: int  # 0 <= socket < sockets: who reads it
    chain: int  # its chain of stages: `rxpath.host.Model.chain`
    protocol: int  # the inner IP protocol (6 TCP, 17 UDP, others as UDP without GRO)
    wire_len: int  # bytes on the wire, outer headers included
    payload: int = 0  # bytes of TCP payload, or of the datagram in a fragment; 0 for others
    seq: int = 0  # TCP sequence number; of a fragment: which datagram of its flow
    tcp_flags: int = 0  # the TCP header's flag byte
    gro_key: int = 0  # what must be equal for two segments to merge (ack number, options)
    fragments: int = 0  # how many IP fragments its datagram is in; 0 or 1: it is whole


FRAME = types.NamedUniTuple(types.int64, len(Frame._fields), Frame)
"""Numba's type of `Frame`."""
