"""A page as one HTML file: templates, style and program inside, nothing fetched.

Everything that comes from a run is escaped: text by Jinja's autoescape, the data of charts as JSON
in which no ``<`` stands. The policy in the file allows the one script and the one style sheet by
their hashes, and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from falcon_ctl import web
from falcon_ctl.html_report import titles
from falcon_ctl.html_report.blocks import Block, Chart, Checks, Frames, Page, Table

MOST_BYTES = 5_000_000  # of a file
SCRIPT, STYLE = "report.js", "report.css"


class Limits(NamedTuple):
    """How much of a run a page has: rows of a table, frames of a run, charts of a section."""

    rows: int
    frames: int
    charts: int


_LADDER = (Limits(2000, 24, 80), Limits(500, 24, 40), Limits(100, 12, 20), Limits(20, 4, 8))


def html(page: Page) -> str:
    """The file's text, at most `MOST_BYTES` long; what had to be left out is said in it.

    Raises:
        UsageError: the package was made without the page's program.
    """
    for limits in _LADDER:
        text = _rendered(shortened(page, limits))
        if len(text.encode()) <= MOST_BYTES:
            return text
    raise AssertionError("a page of a few rows is small: cells are cut")


def shortened(page: Page, limits: Limits) -> Page:
    """With no more than `limits` allow."""
    sections = []
    for section in page.sections:
        charts = [block for block in section.blocks if isinstance(block, Chart)]
        kept = set(map(id, charts[: limits.charts]))
        blocks = [
            _shortened(block, limits)
            for block in section.blocks
            if not isinstance(block, Chart) or id(block) in kept
        ]
        sections.append(replace(section, blocks=blocks))
    return replace(page, sections=sections)


def _shortened(block: Block, limits: Limits) -> Block:
    if isinstance(block, Table):
        return block.cut(limits.rows)
    if isinstance(block, Checks):
        return Checks(block.checks[: limits.rows])
    if isinstance(block, Frames):
        runs = [{**run, "frames": run["frames"][: limits.frames]} for run in block.runs]
        return replace(block, runs=runs)
    return block


def _rendered(page: Page) -> str:
    script, style = (web.bundle(name).decode() for name in (SCRIPT, STYLE))
    charts = [b for s in page.sections for b in s.blocks if isinstance(b, Chart)]
    frames = [b for s in page.sections for b in s.blocks if isinstance(b, Frames)]
    data = {
        "charts": [chart.document() for chart in charts],
        "frames": [block.document() for block in frames],
        "stages": {kind: stage._asdict() for kind, stage in titles.STAGES.items()},
    }
    numbers = {id(block): place for place, block in enumerate(charts)}
    numbers |= {id(block): place for place, block in enumerate(frames)}
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            policy=policy(script, style),
            script=Markup(script),  # the package's own
            style=Markup(style),
            data=data_block(data),
            number_of=lambda block: numbers[id(block)],
            stages=titles.STAGES,
            stage_of=titles.of_stage,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("falcon_ctl.html_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cut"] = cut
    return environment


def cut(text: str, most: int = 2000) -> str:
    """A text of a run, not longer than anybody reads."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def policy(script: str, style: str) -> str:
    """A Content-Security-Policy under which the page can neither fetch nor send anything."""
    parts: Mapping[str, str] = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _hash(text: str) -> str:
    """Source expression of a script or style sheet in the page (CSP level 3, section 2.3.1)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def data_block(data: Mapping[str, Any] | Sequence[Any]) -> Markup:
    """JSON for a script element of type application/json: nothing in it can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # escaped above
