"""The fields of a captured TCP segment that GRO compares, as the receiving host reads them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from falcon_ctl.capture import headers

_IPV4, _TCP = 20, 6
_FIXED = struct.Struct("!HHIIBB")  # ports, sequence number, acknowledgement, offset, flags
_TIMESTAMPS = 0x0101080A  # RFC 7323, appendix A


class Segment(NamedTuple):
    """Columns of a trace of the virtual clock; all 0 for a frame that is no TCP segment."""

    payload: int = 0
    seq: int = 0
    tcp_flags: int = 0
    gro_key: int = 0


def read(frame: bytes, dilation: int) -> Segment:
    """The innermost segment of a frame whose beginning is given.

    `gro_key` is equal for segments with the same acknowledgement and options, timestamps taken in
    model time: their clock is the wall's, `dilation` times as fast.
    """
    begin = headers.innermost(frame)
    tcp = begin + _IPV4
    if len(frame) < tcp + _FIXED.size or headers.ends(frame) is None or frame[begin + 9] != _TCP:
        return Segment()
    _, _, sequence, acknowledgement, offset, flags = _FIXED.unpack_from(frame, tcp)
    length = (offset >> 4) * 4
    (total,) = struct.unpack_from("!H", frame, begin + 2)
    words = [word for (word,) in struct.iter_unpack("!I", frame[tcp + _IPV4 : tcp + length])]
    for place, word in enumerate(words):
        if word == _TIMESTAMPS:
            words[place + 1 : place + 3] = [one // dilation for one in words[place + 1 : place + 3]]
            break
    key = hash((acknowledgement, *words)) & (1 << 62) - 1
    return Segment(total - _IPV4 - length, sequence, flags, key)
