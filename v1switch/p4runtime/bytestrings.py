"""P4Runtime binary strings: big-endian, shortest form (specification 1.4, "Bytestrings").

A receiver accepts any number of leading zero bytes (sign bytes for `int<W>`) and refuses the empty
string and every value wider than the P4 type; a sender always uses the shortest string. Of `bit<0>`
the specification says nothing: as in BMv2, its value is 0, of any number of bytes, sent as one.
"""

from __future__ import annotations

from v1switch.p4runtime.errors import invalid


def decode(raw: bytes, width: int, what: str) -> int:
    """Return the `bit<width>` value of `raw`.

    Args:
        raw: the string as received.
        width: width of the P4 type in bits.
        what: the object's name, for the error message.

    Raises:
        Refused: INVALID_ARGUMENT, as the specification requires for match fields, action
            parameters and registers: the string is empty or its value does not fit.
    """
    if not raw and width:
        raise invalid(f"{what}: empty byte string, expected a bit<{width}> value")
    value = int.from_bytes(raw, "big")
    if value >> width:
        raise invalid(f"{what}: 0x{raw.hex()} does not fit in bit<{width}>")
    return value


def decode_signed(raw: bytes, width: int, what: str) -> int:
    """Return the `int<width>` value of `raw` (two's complement, sign-extended).

    Raises:
        Refused: the string is empty or its value does not fit.
    """
    if not raw:
        raise invalid(f"{what}: empty byte string, expected an int<{width}> value")
    value = int.from_bytes(raw, "big", signed=True)
    if not -(1 << width - 1) <= value < 1 << width - 1:
        raise invalid(f"{what}: 0x{raw.hex()} does not fit in int<{width}>")
    return value


def encode(value: int) -> bytes:
    """Return the shortest string of an unsigned `value`; zero is one zero byte."""
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")


def encode_signed(value: int) -> bytes:
    """Return the shortest two's complement string of `value`."""
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return value.to_bytes((bits + 7) // 8, "big", signed=True)
