"""Values in their usual notation, fast: the notation is chosen once for each field.

The texts are those of `notation.value_text`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from v1switch.explain.events import Value
from v1switch.explain.notation import DECIMAL_BITS, HEX, IPV4, match_text, restricts, value_text
from v1switch.program.model import KeyField
from v1switch.state.entries import Exact, Lpm, Match

Format = Callable[[Value], str]
MAC_BITS, IPV4_BITS, IPV6_BITS = 48, 32, 128
OCTET = 8  # bits: narrower flags and types are written as plain numbers


def format_of(width: int, name: str = "", *, numbers: bool = False) -> Format:
    """What writes the values of a field of `width` bits; its name decides as in `value_text`.

    With `numbers` only integers are written, no truth values or bytes: that is faster.
    """
    number = _number(width, name.rpartition(".")[2])
    if numbers and number is str:
        return str

    def text(value: Value) -> str:
        if type(value) is int and value >= 0:
            return number(value)
        return value_text(value, width, name)

    return text


def _number(width: int, last: str) -> Callable[[int], str]:
    if width == MAC_BITS:
        return _mac
    if width == IPV6_BITS:
        return _ipv6
    if width == IPV4_BITS and IPV4.search(last):
        return _ipv4
    if width > DECIMAL_BITS or (width >= OCTET and HEX.search(last)):
        digits = (width + 3) // 4
        return lambda value: f"0x{value:0{digits}x}"
    return str


def _mac(value: int) -> str:
    t = f"{value:012x}"
    return f"{t[:2]}:{t[2:4]}:{t[4:6]}:{t[6:8]}:{t[8:10]}:{t[10:]}"


def _ipv4(value: int) -> str:
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def _ipv6(value: int) -> str:
    low = 0xFFFF < value <= 0xFFFF_FFFF
    return f"::{_ipv4(value)}" if low else str(ipaddress.IPv6Address(value))


def match_format(field: KeyField) -> Callable[[Match], str]:
    """What writes the matches of a key's field; `_` for one that restricts nothing."""
    width, name = field.width, field.name
    text = format_of(width, name)

    def written(match: Match) -> str:
        if isinstance(match, Exact):
            return text(match.value)
        if not restricts(match, width):
            return "_"
        if isinstance(match, Lpm):
            return f"{text(match.value)}/{match.prefix_len}"
        return match_text(match, width, name)

    return written


def listed(names: Sequence[str], formats: Sequence[Format], values: Sequence[Value]) -> str:
    """Names with their values: "ttl 64, protocol 6"."""
    triples = zip(names, formats, values, strict=True)
    return ", ".join([f"{name} {text(value)}" for name, text, value in triples])
