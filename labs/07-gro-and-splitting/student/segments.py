"""What GRO gets: segments of TCP connections. Nothing to do in this file."""

from typing import NamedTuple


class Segment(NamedTuple):
    """A TCP segment in a frame.

    number: counts the segments of the lab in order of arrival. flow: the connection, as a text.
    seq: TCP sequence number of its first byte. payload: bytes of data. length: bytes of the frame.
    flags: as tcpdump writes them, "." is ACK, "P" is PSH, "F" FIN, "S" SYN, "R" RST, "U" URG.
    """

    number: int
    flow: str
    seq: int
    payload: int
    length: int
    flags: str
