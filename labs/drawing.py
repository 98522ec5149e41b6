"""SVG drawings of labs: boxes, texts and lines; the same bytes on every machine."""

from __future__ import annotations

from html import escape
from pathlib import Path

FONT = "font-family='sans-serif'"
MONO = "font-family='monospace'"
INK, PAPER, GREY = "#1f2933", "#ffffff", "#d9dee4"
COLOURS = ("#8ecae6", "#ffd166", "#95d5b2", "#f4a3a3", "#cdb4db", "#e9c46a", "#a8dadc", "#bde0fe")


class Drawing:
    """A drawing of `width` × `height` pixels; white paper, so that it suits a dark page as well."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._parts: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, fill: str = GREY, stroke: str = INK
    ) -> None:
        """A rectangle."""
        place = f"x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}'"
        self._parts.append(f"<rect {place} fill='{fill}' stroke='{stroke}'/>")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 13,
        anchor: str = "start",
        mono: bool = False,
        bold: bool = False,
    ) -> None:
        """A line of text; `y` is that of its base line."""
        font = MONO if mono else FONT
        weight = " font-weight='bold'" if bold else ""
        place = f"x='{x:g}' y='{y:g}' font-size='{size}' text-anchor='{anchor}'"
        self._parts.append(
            f"<text {place} {font}{weight} fill='{INK}' xml:space='preserve'>{escape(text)}</text>"
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, width: float = 1, arrow: bool = False
    ) -> None:
        """A line, with an arrow at its end if wanted."""
        place = f"x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' stroke-width='{width:g}'"
        end = " marker-end='url(#arrow)'" if arrow else ""
        self._parts.append(f"<line {place} stroke='{INK}'{end}/>")

    def save(self, path: Path) -> None:
        """Write the drawing."""
        arrow = (
            "<defs><marker id='arrow' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' "
            "markerHeight='7' "
            f"orient='auto'><path d='M0 0 L10 5 L0 10 z' fill='{INK}'/></marker></defs>"
        )
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' "
            f"width='{self.width}' height='{self.height}' role='img'>"
        )
        paper = f"<rect width='100%' height='100%' fill='{PAPER}'/>"
        body = "\n".join(
            [head, f"<title>{escape(self.title)}</title>", arrow, paper, *self._parts, "</svg>"]
        )
        path.write_text(body + "\n", encoding="utf-8")
