"""How the named styles look: in true colour, in 16 colours, and without colour. Pure.

Colours are the talk's: the first softirq is blue, the second green, the third yellow.
"""

from __future__ import annotations

from collections.abc import Mapping

# Name → (true colour, 16 colours, no colour); each a style as rich reads it.
_LOOKS: Mapping[str, tuple[str, str, str]] = {
    "": ("", "", ""),
    "title": ("bold reverse", "bold reverse", "bold reverse"),
    "head": ("bold", "bold", "bold"),
    "dim": ("dim", "dim", ""),
    "key": ("bold", "bold", "bold"),
    "picked": ("bold reverse", "bold reverse", "bold reverse"),
    "good": ("green", "green", ""),
    "warn": ("bold yellow", "bold yellow", "bold"),
    "bad": ("bold white on #b3261e", "bold white on red", "bold reverse"),
    "napi": ("white on #2f6fde", "bright_white on blue", ""),
    "split": ("black on #8fb8f5", "black on bright_blue", ""),
    "rps": ("black on #56b4e9", "black on cyan", ""),
    "gro_cell": ("white on #237a23", "black on green", ""),
    "backlog": ("black on #f2c80f", "black on yellow", ""),
    "socket": ("black on #b0b0b0", "black on white", ""),
    "other": ("white on #a0410d", "white on red", ""),
    "idle": ("dim", "dim", ""),
    "mark": ("bold red", "bold red", "bold"),
}
NAMES = tuple(_LOOKS)
# Signs for terminals and files whose encoding is not UTF-8.
PLAIN = str.maketrans({"·": ".", "→": ">", "…": "~", "µ": "u", "✓": "+", "✗": "-"})
TRUE, SIXTEEN, MONO = range(3)


def look(name: str, depth: int) -> str:
    """The style of that name for a terminal of `depth`: `TRUE`, `SIXTEEN` or `MONO`."""
    return _LOOKS[name][depth]
