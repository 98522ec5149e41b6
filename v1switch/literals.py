"""Literals that users write: numbers, MAC, IPv4 and IPv6 addresses, prefixes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

MAC = re.compile(r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}")
ADDRESS_BITS = {4: 32, 6: 128}
ALLOWED = "a number (10, 0x0a) or a MAC, IPv4 or IPv6 address"


@dataclass(frozen=True)
class Number:
    """A literal.

    Attributes:
        text: as it was written.
        value: its value.
        bits: width of an address, 0 for a plain number.
        prefix: prefix length after a slash, or None.
    """

    text: str
    value: int
    bits: int = 0
    prefix: int | None = None


def read_number(text: str) -> Number | None:
    """Parse a literal; None if it is invalid, as negative numbers are."""
    plain, slash, length = text.partition("/")
    found = _plain(plain)
    if found is None or not slash:
        return found
    if not (length.isascii() and length.isdigit()):
        return None
    return Number(text, found.value, found.bits, int(length))


def _plain(text: str) -> Number | None:
    if MAC.fullmatch(text):
        digits = "".join(part.zfill(2) for part in re.split("[:-]", text))
        return Number(text, int(digits, 16), 48)
    try:
        value = int(text, 0)
    except ValueError:
        pass
    else:
        return Number(text, value) if value >= 0 else None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return Number(text, int(address), ADDRESS_BITS[address.version])
