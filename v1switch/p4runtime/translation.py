"""Types that clients write as strings (`p4runtime_translation` to `sdn_string`).

P4Runtime specification 1.4, "Translation of Port Numbers" and "User-Defined Types": a client's
string stands for one value of the data plane, and which one is the target's choice. A string is
only compared, never interpreted, with one exception: a number in decimal digits stands for that
number, so that `"3"` is port 3 and a value that no client has named reads as its number.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from v1switch.p4runtime.errors import Code, Refused, invalid

MAX_STRINGS = 1 << 20  # of one type: none is forgotten while the pipeline runs
MAX_LENGTH = 1024  # bytes of a string
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,19}")
_PAIR = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*,\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s*\}')
_MAPPINGS = "@p4runtime_translation_mappings"


class Strings:
    """The strings of one type, one to one with values of `width` bits. For any thread.

    A string that is no number gets a value of its own, from the upper half of all values on: low
    ones are more likely to be meant as numbers. None gets 0, which fields hold that nobody has set.
    """

    def __init__(self, width: int, known: Iterable[tuple[str, int]] = ()) -> None:
        """Make the strings of a type.

        Args:
            width: of the values, in bits.
            known: strings with their values, from the P4 program.
        """
        self.width = width
        self._values: dict[bytes, int] = {}
        self._texts: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._next = 1 << width >> 1
        for text, value in known:
            if not value >> width:
                self._keep(text.encode(), value)

    def decode(self, raw: bytes, what: str) -> int:
        """Return the value that a string stands for, a new one for a new string.

        Raises:
            Refused: the string is too long (INVALID_ARGUMENT), or no value is left for it
                (RESOURCE_EXHAUSTED). `what` names the object in the message.
        """
        with self._lock:
            value = self._values.get(raw)
            return self._named(raw, what) if value is None else value

    def encode(self, value: int) -> bytes:
        """Return the string that stands for a value."""
        with self._lock:
            text = self._texts.get(value)
            if text is None:
                text = str(value).encode()
                while text in self._values:  # the number has become another value's name
                    text += b"'"
                if len(self._texts) < MAX_STRINGS:
                    self._keep(text, value)
            return text

    def _keep(self, text: bytes, value: int) -> None:
        if text not in self._values and value not in self._texts:
            self._values[text] = value
            self._texts[value] = text

    def _named(self, raw: bytes, what: str) -> int:
        if len(raw) > MAX_LENGTH:
            raise invalid(f"{what}: a string of {len(raw)} bytes, expected {MAX_LENGTH} at most")
        number = int(raw) if _NUMBER.fullmatch(raw) else 0
        meant = number if raw == b"0" or number else None
        if meant is None or meant >> self.width or meant in self._texts:
            meant = self._free(what)
        self._keep(raw, meant)
        return meant

    def _free(self, what: str) -> int:
        """Return a value that no string stands for."""
        values = 1 << self.width
        used = len(self._texts) - (0 in self._texts)
        if used >= min(values - 1, MAX_STRINGS):
            raise Refused(
                Code.RESOURCE_EXHAUSTED,
                f"{what}: all {values} values of bit<{self.width}> have names"
                if used >= values - 1
                else f"{what}: {MAX_STRINGS:,} strings are in use, the limit of a type",
            )
        while not self._next or self._next in self._texts:
            self._next = (self._next + 1) % values
        return self._next


def mappings(annotations: Iterable[str]) -> list[tuple[str, int]]:
    """Return the strings with values of their own that a type's annotations list.

    The annotation is PINS' `@p4runtime_translation_mappings({ {"", 0}, … })`.
    """
    found = []
    for annotation in annotations:
        if annotation.startswith(_MAPPINGS):
            for text, digits in _PAIR.findall(annotation):
                base = 16 if digits[1:2] in ("x", "X") else 10
                found.append((re.sub(r"\\(.)", r"\1", text), int(digits, base)))
    return found
