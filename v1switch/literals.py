"""Values as people write them: numbers, MAC, IPv4 and IPv6 addresses, prefixes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

MAC = re.compile(r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}")
ADDRESS_BITS = {4: 32, 6: 128}
ALLOWED = "a number (10, 0x0a) or a MAC, IPv4 or IPv6 address"


@dataclass(frozen=True)
class Number:
    """A value as it was written.

    Attributes:
        text: as it was written.
        value: what it means.
        bits: an address's width, 0 for a plain number.
        prefix: what stands behind a slash, or None.
    """

    text: str
    value: int
    bits: int = 0
    prefix: int | None = None


def read_number(text: str) -> Number | None:
    """Read a value, or return None when it is none (negative numbers are none)."""
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
