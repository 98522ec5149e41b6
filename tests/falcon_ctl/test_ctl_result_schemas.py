"""The published schemas of JSON results (falcon_ctl/report/schema.py) are those of the writers."""

import json

import pytest
from pydantic import ValidationError
from test_ctl_report import report  # noqa: F401  # a fixture

from falcon_ctl.claims.claims import Claim, Finding, Row
from falcon_ctl.figures import evaluate
from falcon_ctl.figures import report as figures_report
from falcon_ctl.papers import catalogue, compare, export
from falcon_ctl.papers import run as papers_run
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.report.schema import MODELS
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_report import FlowReport, Latency, Stage
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import (
    Cpu,
    Event,
    Flow,
    Host,
    Observation,
    Place,
    Queue,
    Share,
    Slice,
    Socket,
    Work,
)
from falcon_ctl.systems.catalogue import FALCON

ORIGIN = provenance.begin([1], "")


@pytest.mark.parametrize("full", [False, True])
def test_the_main_jobs_report(report, full):  # noqa: F811
    found = json.loads(as_json(report.document(full)))
    MODELS["Main job"].model_validate(found, strict=True)
    for key, value in (("more", 1), ("live", [{}]), ("checks", None)):
        with pytest.raises(ValidationError):
            MODELS["Main job"].model_validate({**found, key: value}, strict=True)


def test_figures():
    rows = [
        evaluate.Row(2, "falcon", "udp", "median", 1.18, 1.5, False, 1.4, 1.6),
        evaluate.Row(2, "falcon", "udp", "p99", None, float("nan"), None, 0.0, 0.0),
    ]
    found = json.loads(figures_report.as_json(rows, ORIGIN))
    MODELS["Figures"].model_validate(found, strict=True)
    del found[0]["within"]
    with pytest.raises(ValidationError):
        MODELS["Figures"].model_validate(found)


def test_systems():
    row = Row(
        Claim("k", "FALCON", "✓", "faster", FALCON, lambda _: Finding("", True)),
        Finding("2x", True),
    )
    found = json.loads(as_json([{**row.document(), **ORIGIN.marks}]))
    MODELS["Systems"].model_validate(found, strict=True)
    with pytest.raises(ValidationError):
        MODELS["Systems"].model_validate([{**found[0], "holds": 3}])


def test_papers():
    panel = next(panel for panel in catalogue.PANELS if panel.name == "10c")
    modelled = {
        "Host": papers_run.Modelled((2e6, 2.1e6), 0.0, 900.0),
        "Con": papers_run.Modelled((5e5,), 0.0, 2100.0),
        "Falcon": papers_run.Modelled(why="no such system"),
    }
    results = {papers_run.Place(panel, bar, "16B"): modelled[bar.name] for bar in panel.bars}
    document = export.document(compare.levels(results), compare.ratios(results), ORIGIN)
    found = json.loads(document)
    assert len(found["bars"]) == 3
    assert len(found["ratios"]) == 2
    assert found["scores"]
    assert found["bars"][2]["modelled"] is None
    MODELS["Papers"].model_validate(found, strict=True)
    for part, key in (("bars", "modelled"), ("ratios", "over")):
        for wrong in ({key: {}}, {"more": 1}):
            rows = [{**found[part][0], **wrong}]
            with pytest.raises(ValidationError):
                MODELS["Papers"].model_validate({**found, part: rows}, strict=True)


def test_a_flows_report():
    latency = Latency.of([10, 20], [3, 1], 50, 19)
    stage = Stage(Work("napi", "eth0"), (1, 2))
    made = FlowReport(
        FlowRequest("red1-1", "red2-1"), "m2", 30000, 9100, Choice("falcon"), 1000, 4, 4, True, 4,
        4, {"ring": 1}, 0, 0, 0.1, 1e-4, latency, (stage,),
    )  # fmt: skip
    found = json.loads(as_json(made.to_json()))
    MODELS["Flow"].model_validate(found, strict=True)
    assert set(MODELS["Flow"].model_fields) == set(found)


def test_what_show_tells():
    work = Work("napi", "eth0")
    host = Host(
        "m2", 1, 1, Choice("falcon", falcon_cpus=(0, 2)), False, 0, 1.0, 8.0, {"delivered": 1},
        {"ring": 1}, (Cpu(1, 0.5, "idle", 1, 0, 0, (Share(work, 0.5),)),), (Queue(0, 0, 1024, 1),),
        (Socket("red2-1", 0, 0, 1),),
        (Flow(0, "udp", "a", 1, "b", 2, 1, 1, 0, 0, 0, 64, 1.0, (Place(work, 1),)),),
        ((10, 1),), (Slice(1, work, 0, 0, 0, 1, 2, 0),), 0,
    )  # fmt: skip
    seen = Observation(1, None, {"m2": host}, (Event(1, "m2", "use", "falcon"),))
    found = json.loads(as_json(seen.to_json()))
    MODELS["Show"].model_validate_json(json.dumps(found), strict=True)
    found["hosts"]["m2"]["cpus"][0]["more"] = 1
    with pytest.raises(ValidationError):
        MODELS["Show"].model_validate(found)
