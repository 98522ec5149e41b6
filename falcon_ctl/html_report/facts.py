"""Provenance of a run, and the commands that repeat it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.html_report.blocks import Block, Command, Facts, Section, Text
from falcon_ctl.html_report.folder import Documents
from topo.spec.builders import BUILDERS


def provenance(documents: Documents) -> Mapping[str, Any]:
    """As `report.provenance.Provenance.document` has it; empty where the folder has none."""
    main = documents.main
    found = main[0].get("provenance") if isinstance(main, list) and main else None
    if isinstance(main, dict):
        found = main.get("provenance")
    if not isinstance(found, dict):
        found = documents.files.get("provenance.json", {})
    return found if isinstance(found, dict) else {}


def rows(documents: Documents) -> list[tuple[str, str]]:
    """Names and values, for one run."""
    found = provenance(documents)
    versions, machine = found.get("versions", {}), found.get("machine", {})
    pairs = [("folder", documents.name)]
    if documents.kind == "main job":
        switch = documents.main["switch"]
        pairs.append(("topology", str(documents.main["topology"])))
        pairs.append(("switch", f"{switch['target']} {switch['version']}"))
    pairs.append(("seeds", _seeds(found.get("seeds", []))))
    pairs += [(f"version of {name}", str(version)) for name, version in versions.items()]
    pairs += [(f"machine: {name.replace('_', ' ')}", str(value)) for name, value in machine.items()]
    pairs += [
        (f"code of {name}", str(hash_)) for name, hash_ in found.get("code_sha256", {}).items()
    ]
    pairs.append(("what was asked for, SHA-256", str(found.get("spec_sha256", ""))))
    pairs.append(("identifier", str(found.get("id", ""))))
    return [(name, value) for name, value in pairs if value]


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def again(documents: Documents) -> list[Block]:
    """The commands that make the run, and the page, again."""
    found = provenance(documents)
    blocks: list[Block] = []
    if documents.kind == "main job":
        target = documents.main["switch"]["target"]
        topo = _source(documents)
        does = "brings the same network up"
        if topo.endswith(".yaml"):
            does += "; DIR is this folder"
        blocks.append(Command(f"make topo TOPO={topo} SWITCH={target}", does))
    command = found.get("command", "")
    if command:
        blocks.append(Command(str(command), "makes the run again"))
    else:
        blocks.append(Text("The folder does not say which command made the run.", "quiet"))
    blocks.append(Command("python -m falcon_ctl report DIR", "makes this page of a folder again"))
    return blocks


def _source(documents: Documents) -> str:
    """What `make topo` takes for the run's network: a built-in topology's name, or its file."""
    named, found = str(documents.main["topology"]), documents.topology
    if found is None or (named in BUILDERS and BUILDERS[named]() == found):
        return named
    return "DIR/topology.yaml"


def section(documents: Documents) -> Section:
    """The last part of each report."""
    return Section(
        "origin", "Where these numbers come from", [*again(documents), Facts(rows(documents))]
    )
