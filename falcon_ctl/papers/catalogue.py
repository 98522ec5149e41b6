"""All panels, and how the command line names some of them."""

from __future__ import annotations

from falcon_ctl.errors import UsageError
from falcon_ctl.papers import eurosys21, ipdps23
from falcon_ctl.papers.panel import Panel

PANELS: tuple[Panel, ...] = (*eurosys21.PANELS, *ipdps23.PANELS)


def select(text: str) -> list[Panel]:
    """Panels of `all`, or of a list of papers, figures and panels: `ipdps23,eurosys21:10c`.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    if text == "all":
        return list(PANELS)
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted or [text]:
        if not any(_names(panel, name) for panel in PANELS):
            known = dict.fromkeys(f"{panel.paper}:{panel.figure}" for panel in PANELS)
            raise UsageError("--figures", repr(name), f"all, or some of {', '.join(known)}")
    return [panel for panel in PANELS if any(_names(panel, name) for name in wanted)]


def _names(panel: Panel, name: str) -> bool:
    paper, _, figure = name.partition(":")
    return paper == panel.paper and figure in ("", panel.figure, panel.name)
