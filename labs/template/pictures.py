"""The picture of lab @NUMBER@."""

from __future__ import annotations

from pathlib import Path

from labs.drawing import COLOURS, Drawing


def draw(folder: Path) -> None:
    """Write carry.svg into `folder`."""
    made = Drawing(420, 110, "A carry out of the highest bit is added at the lowest")
    made.box(30, 30, 40, 36, COLOURS[1])
    made.text(50, 53, "1", anchor="middle", mono=True)
    made.box(70, 30, 300, 36, COLOURS[0])
    made.text(220, 53, "16 bits of the sum", anchor="middle")
    made.line(50, 66, 50, 92)
    made.line(50, 92, 360, 92)
    made.line(360, 92, 360, 68, arrow=True)
    made.save(folder / "carry.svg")
