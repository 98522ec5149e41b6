"""Single packets of runs under the virtual clock, as blocks of a report. Pure."""

from __future__ import annotations

from falcon_ctl.html_report.blocks import Block, Cores, CoresOfRun, Frames, Section, Text
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.titles import in_order


def section(documents: Documents, says: str) -> Section:
    """The section of the folder's `frames.json`, without blocks where it has none."""
    return Section("packets", "Packets", _blocks(documents, says))


def _blocks(documents: Documents, says: str) -> list[Block]:
    runs = documents.files.get("frames.json", {}).get("runs", [])
    if not runs:
        return []
    ones = [
        CoresOfRun(run["title"], [(cpu, in_order(kinds)) for cpu, kinds in run["cores"].items()])
        for run in runs
    ]
    titles = {run["label"]: run["title"] for run in runs}
    return [Text(says, "quiet"), Cores("Each core's work, by stage", ones), Frames(runs, titles)]
