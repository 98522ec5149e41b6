"""The reference pages that the code writes: command lines, YAML and JSON schemas, systems."""

from __future__ import annotations

import json

from falcon_ctl import cli as falcon_ctl
from falcon_ctl.systems.catalogue import SYSTEMS
from labs.cli import app as labs
from rxpath import __main__ as rxpath
from tools.docs import schemas
from tools.docs.cli_pages import argparse_page, escape, typer_page
from topo.cli import app as topo
from topo.spec.sources import load
from topo.spec.yaml_file import to_yaml
from v1switch.commands import completion, explain, interfaces, link, options, run, survey

_SWITCH = (
    "The command line is that of BMv2's `simple_switch_grpc`; options of the target follow `--`. "
    "The other commands need no network."
)


def texts() -> dict[str, str]:
    """The generated files of the site: path in docs/ → content."""
    parsers = [options.general(), options.target(), explain.arguments(), run.arguments()]
    parsers += [survey.arguments(), interfaces.arguments(), link.arguments()]
    parsers += [completion.arguments()]
    found = {
        "reference/cli/falcon_ctl.md": typer_page("falcon_ctl", falcon_ctl.app, "falcon_ctl"),
        "reference/cli/topo.md": typer_page("topo", topo.app, "topo"),
        "reference/cli/rxpath.md": typer_page("rxpath", rxpath.app, "rxpath"),
        "reference/cli/labs.md": typer_page("labs", labs.app, "labs"),
        "reference/cli/v1switch.md": argparse_page("v1switch", _SWITCH, parsers),
        "reference/topology-yaml.md": _topology(),
        "reference/sweep-yaml.md": _sweep(),
        "reference/results-json.md": _results(),
        "reference/systems.md": _systems(),
    }
    every = {"topology": schemas.topology(), "sweep": schemas.sweep()}
    every |= {_file(name): schema for name, schema in schemas.results().items()}
    for name, schema in every.items():
        found[f"reference/schemas/{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return found


def _file(name: str) -> str:
    return name.lower().replace(" ", "-")


_TOPOLOGY = """\
# Topology files

What `make topo TOPO=FILE.yaml` takes; [how to write one](../how-to/own-topology.md).
[topology.schema.json](schemas/topology.schema.json) is the JSON schema, for editors that complete
YAML. Beyond it names, addresses and ports must be unique, links must join what exists, and
everything must be connected; an error names the line.

{table}
## Example

`python -m topo spec pair` prints the default one, with every derived value:

```yaml
{example}```
"""
_SWEEP = """\
# Sweep files

What `python -m falcon_ctl sweep FILE.yaml` takes: each axis is a value or a list of values, and
every combination is measured. [sweep.schema.json](schemas/sweep.schema.json) is the JSON schema.
[How to run sweeps, also on a cluster](../how-to/cluster-sweeps.md).

{table}
"""
_RESULTS = """\
# Results as JSON

All times and rates are of model time. CSV files have the same columns, with the provenance's `id`
in each row. What `--trace FILE.json` writes is told beside
[`as_json`](python.md#falcon_ctl.timeline.as_json.as_json).
"""
_SYSTEMS = """\
# Systems

The names that `--systems`, `use` and sweeps take. `python -m falcon_ctl systems` checks what is
claimed of each.

| name | what | tunnel up to | chain of devices | steering | live |
|---|---|---|---|---|---|
"""


def _topology() -> str:
    table = "\n".join(schemas.table(schemas.topology()))
    return _TOPOLOGY.format(table=table, example=to_yaml(load("pair")))


def _sweep() -> str:
    return _SWEEP.format(table="\n".join(schemas.table(schemas.sweep())))


def _results() -> str:
    lines = [_RESULTS]
    for name, schema in schemas.results().items():
        description = escape(" ".join(str(schema.get("description", "")).split()))
        link = f"[{_file(name)}.schema.json](schemas/{_file(name)}.schema.json)"
        root = schema
        if schema.get("type") == "array":  # a list of rows
            root = schemas.resolved(schema["items"], schema)
            description += " A list of:"
        lines += [f"## {name}", "", f"{_code(description)} ({link})", ""]
        lines += schemas.table(root, schema)
    return "\n".join(lines)


def _code(text: str) -> str:
    """Backquoted parts need no escapes."""
    parts = text.split("`")
    parts[1::2] = [part.replace("\\", "") for part in parts[1::2]]
    return "`".join(parts)


def _systems() -> str:
    rows = []
    tunnels = {"NONE": "none", "TO_HOST": "the host", "TO_SWITCH": "the switch"}
    for one in SYSTEMS:
        policy = ", ".join([one.policy, *sorted(one.falcon)])
        live = one.not_live or "yes"
        cells = (f"`{one.name}`", one.title, tunnels[one.tunnel.name], one.profile, policy, live)
        rows.append("| " + " | ".join(cells) + " |\n")
    return _SYSTEMS + "".join(rows)
