"""Packet-in and packet-out: controller headers and frames (specification 1.4, "Packet I/O").

The data plane's frames begin with the program's controller header; messages carry its fields as
metadata. Without such a header in the P4Info a frame is passed on unchanged.
"""

from __future__ import annotations

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.errors import invalid
from v1switch.p4runtime.schema import ControllerHeader


def to_frame(packet: p4rt.PacketOut, header: ControllerHeader | None) -> bytes:
    """Return the frame of a packet-out: the controller header, padded to bytes, and the payload.

    Raises:
        Refused: metadata that is unknown, repeated, missing or does not fit.
    """
    given = {each.metadata_id: each.value for each in packet.metadata}
    if len(given) != len(packet.metadata):
        raise invalid("packet-out: a metadata id appears twice")
    value = 0
    for field in header.fields if header else ():
        if field.id not in given:
            raise invalid(f"packet-out: metadata {field.name!r} (id {field.id}) is missing")
        raw = given.pop(field.id)
        number = field.value(raw, f"packet-out: {field.name!r}")
        value = value << field.width | number
    if given:
        raise invalid(f"packet-out: no metadata has id {min(given)}")
    bits = header.bits if header else 0
    length = (bits + 7) // 8
    payload: bytes = packet.payload
    return (value << 8 * length - bits).to_bytes(length, "big") + payload


def from_frame(frame: bytes, header: ControllerHeader | None) -> p4rt.PacketIn | None:
    """Return the packet-in of a frame, or None when it is shorter than the controller header."""
    bits = header.bits if header else 0
    length = (bits + 7) // 8
    if len(frame) < length:
        return None
    value = int.from_bytes(frame[:length], "big") >> 8 * length - bits
    packet = p4rt.PacketIn(payload=frame[length:])
    for field in header.fields if header else ():
        bits -= field.width
        number = value >> bits & ((1 << field.width) - 1)
        packet.metadata.add(metadata_id=field.id, value=field.text(number))
    return packet
