"""P4Runtime's canonical byte strings (P4Runtime specification 1.3, section 8.4)."""

from __future__ import annotations

import ipaddress

Value = int | str | bytes


def to_int(value: Value) -> int:
    """Read a number, an IPv4/IPv6 address, a MAC address or big-endian bytes as an integer.

    Raises:
        ValueError: `value` is a text that is none of these, or a negative number.
    """
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"{value} is negative")
        return value
    octets = value.split(":")
    if len(octets) == 6 and all(len(octet) <= 2 for octet in octets):
        return int("".join(octet.zfill(2) for octet in octets), 16)
    return int(ipaddress.ip_address(value))


def encode(value: Value, bits: int) -> bytes:
    """Encode `value` for a field of `bits`: big-endian, no leading zero bytes; zero is one byte.

    Raises:
        ValueError: the value does not fit the field.
    """
    number = to_int(value)
    if number >> bits:
        raise ValueError(f"{value!r} does not fit {bits} bits")
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def prefix_mask(prefix_len: int, bits: int) -> int:
    """Mask of the leading `prefix_len` of `bits` bits."""
    return ((1 << prefix_len) - 1) << (bits - prefix_len)
