"""Text with named styles: what the screen is made of before anything knows of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """Text of one style; every character is one cell wide. `style` is a key of `styles.STYLES`."""

    text: str
    style: str = ""


Row = tuple[Span, ...]
EMPTY: Row = ()


def row(*parts: Span | str) -> Row:
    """A row of spans; plain strings have no style, empty ones are left out."""
    spans = (Span(part) if isinstance(part, str) else part for part in parts)
    return tuple(span for span in spans if span.text)


def text(one: Row) -> str:
    """The characters of a row."""
    return "".join(span.text for span in one)


def width_of(one: Row) -> int:
    """How many cells a row takes."""
    return sum(len(span.text) for span in one)


def fit(one: Row, width: int) -> Row:
    """The row, cut or filled with blanks to `width` cells."""
    found, left = [], width
    for span in one:
        if left <= 0:
            break
        found.append(span if len(span.text) <= left else Span(span.text[:left], span.style))
        left -= len(span.text)
    if left > 0:
        found.append(Span(" " * left))
    return tuple(found)


def shortened(one: str, width: int) -> str:
    """The text in `width` cells; where it is cut, its last character says so."""
    return one if len(one) <= width else f"{one[: max(0, width - 1)]}…"[:width]


def beside(left: list[Row], right: list[Row], width: int, gap: int = 2) -> list[Row]:
    """Two columns of rows, the left one `width` cells wide; as high as the higher one."""
    height = max(len(left), len(right))
    pairs = zip(filled(left, height), filled(right, height), strict=True)
    return [(*fit(one, width), Span(" " * gap), *other) for one, other in pairs]


def filled(rows: list[Row], height: int) -> list[Row]:
    """The first `height` rows, with empty ones after them."""
    return rows[:height] + [EMPTY] * (height - len(rows))


def packed(parts: Iterable[Row], width: int, gap: int = 2) -> list[Row]:
    """Rows that hold as many parts each as have room in `width`; a part is never broken."""
    rows: list[Row] = []
    used = 0
    for part in parts:
        more = width_of(part)
        if rows and used + gap + more <= width:
            rows[-1] = (*rows[-1], Span(" " * gap), *part)
            used += gap + more
        else:
            rows.append(part)
            used = more
    return rows
