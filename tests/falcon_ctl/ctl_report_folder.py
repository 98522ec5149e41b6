"""A main job's results folder, small and made by hand; without pictures and captures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ctl_traces import Frames, trace
from test_ctl_checks import measured

from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.html_report import excerpt, hops
from falcon_ctl.report import provenance
from falcon_ctl.report.document import Report, as_json
from topo.spec import yaml_file
from topo.spec.builders import pair
from topo.spec.model import Topology

EXPLANATION: dict[str, Any] = {
    "passes": [
        {
            "stages": [
                {"stage": "parser", "steps": [{"step": "state", "steps": [
                    {"step": "extract", "header": "ethernet"},
                ]}]},
                {"stage": "ingress", "steps": [
                    {
                        "step": "table", "table": "Ingress.acl", "result": "hit",
                        "key": [{"name": "vni", "text": "5001"}],
                        "entry": {"match": [{"name": "vni", "text": "5001"}], "priority": 10},
                        "action": {"name": "Ingress.set_vni", "params": [
                            {"name": "vni", "text": "5001"},
                        ], "steps": [{
                            "step": "primitive", "statement": "meta.vni = vni",
                            "effects": [{"kind": "field", "name": "scalars.metadata_t._vni3",
                                         "old": "0x0", "new": "0x1389", "text": "5001"}],
                            "source": {"file": "a.p4", "line": 9, "fragment": "meta.vni = vni"},
                        }]},
                        "source": {"file": "a.p4", "line": 17, "fragment": "acl"},
                    },
                    {"step": "table", "table": "tbl_act", "result": "miss", "key": [],
                     "entry": None, "action": None, "source": None},
                ]},
                {"stage": "deparser", "steps": [
                    {"step": "send", "to_controller": False, "port": 2, "length": 114},
                ]},
            ]
        }
    ]
}  # fmt: skip


def frames(system: str = "falcon") -> dict[str, Any]:
    """The excerpt of 60 frames, of which the 31st moves a stage to its second choice."""
    made = [Frames().passage(n, (1, 2) if n == 30 else (1, 1)) for n in range(60)]
    label = f"{system} udp saturating"
    found = excerpt.document([excerpt.of_trace(label, trace(*made))])
    number = found["runs"][0]["frames"][0]["number"]
    way = {"packet": number, "flow": found["runs"][0]["frames"][0]["flow"], "exact": True}
    return {**found, "hops": {label: [{**way, "switches": [hops.hop("s1", 1, EXPLANATION)]}]}}


def write(
    parent: Path,
    pps: float = 1000.0,
    topology: Topology | None = None,
    evidence: str = "12 pairs",
    ok: bool = True,
    more: Sequence[str] = (),
) -> Path:
    """A folder in `parent` with three measurements, those of `more` systems, and two checks."""
    latencies = np.arange(1000, 3000)
    live = [
        measured(system="overlay", pps=pps, latencies=latencies, predicted=1010.0),
        measured(system="falcon", pps=2 * pps, latencies=latencies // 2, drops={}),
        measured(system="host", pps=5.0, late="sender: p99 30 ms, budget 20 ms"),
    ]
    live += [measured(system=name, pps=pps, latencies=latencies, drops={}) for name in more]
    checks = [Verdict("all reach", ok, evidence), Verdict("order is kept", True, "0 of 90")]
    begun = replace(provenance.begin([7], "spec"), command="python -m falcon_ctl run --seed 7")
    spec = topology or pair()
    report = Report(spec.name, "v1switch", "0.1", begun, live, checks)
    where = parent / "2026-01-31T10-00-00"
    where.mkdir(parents=True)
    (where / "report.json").write_text(as_json(report.document(full=True)))
    (where / "topology.yaml").write_text(yaml_file.to_yaml(spec))
    (where / "frames.json").write_text(json.dumps(frames()))
    return where
