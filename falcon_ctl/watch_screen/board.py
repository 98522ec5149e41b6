"""The widget that draws rows: only those that differ from what is on the screen."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from falcon_ctl.watch_screen.spans import EMPTY, Row, fit
from falcon_ctl.watch_screen.styles import NAMES, PLAIN, look


class Palette:
    """The styles of a terminal of this `depth` (`styles.TRUE`, ...)."""

    def __init__(self, depth: int, plain: bool = False) -> None:
        self._styles = {name: Style.parse(look(name, depth)) for name in NAMES}
        self._plain = plain

    def strip(self, one: Row, width: int) -> Strip:
        """A row as Textual draws it."""
        spans = fit(one, width)
        segments = [
            Segment(
                span.text.translate(PLAIN) if self._plain else span.text, self._styles[span.style]
            )
            for span in spans
        ]
        return Strip(segments, width)


class Board(Widget):
    """Rows of text, one below the other."""

    can_focus = False

    def __init__(self, palette: Palette, rows: list[Row] | None = None) -> None:
        super().__init__()
        self._palette = palette
        self._rows: list[Row] = rows or []

    def show(self, rows: list[Row]) -> None:
        """Have `rows` on the screen."""
        before, self._rows = self._rows, rows
        width = self.size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(rows), len(before)))
            if self._row(rows, y) != self._row(before, y)
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """Row `y` for Textual."""
        return self._palette.strip(self._row(self._rows, y), self.size.width)

    @staticmethod
    def _row(rows: list[Row], y: int) -> Row:
        return rows[y] if y < len(rows) else EMPTY
