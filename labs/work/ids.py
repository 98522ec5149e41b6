"""A student's id, which the lab's numbers are drawn from."""

from __future__ import annotations

import re
import unicodedata

from labs.errors import CallError

LONGEST = 64
PLAIN = re.compile(r"[A-Za-z0-9@._-]")
PLACEHOLDERS = ("id", "you", "your-id", "your-name")
EXPECTED = f"1 to {LONGEST} letters, digits, and the signs @ . _ -"


def student_id(text: str) -> str:
    """The id as it is used: in lower case. Raises `CallError`, which names an odd character."""
    where = "--id"
    text = text.strip()
    if not text:
        raise CallError(where, "it is empty", EXPECTED)
    if len(text) > LONGEST:
        raise CallError(where, f"{len(text)} characters", EXPECTED)
    odd = next((one for one in text if not PLAIN.match(one)), None)
    if odd is not None:
        raise CallError(where, f"got {_named(odd)}", EXPECTED)
    if text.startswith(("-", ".")):
        raise CallError(where, f"it begins with {text[0]}", "a letter or a digit first")
    if text.lower() in PLACEHOLDERS:
        raise CallError(where, f"{text} stands for your own", "what your teacher knows you by")
    return text.lower()


def _named(character: str) -> str:
    name = unicodedata.name(character, "").lower() or "a control character"
    sign = f"{character} " if character.isprintable() and not character.isspace() else ""
    return f"{sign}(U+{ord(character):04X}, {name})"
