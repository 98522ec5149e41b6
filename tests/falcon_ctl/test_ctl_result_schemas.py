"""The published schemas of JSON results (falcon_ctl/report/schema.py) are those of the writers."""

import json

import pytest
from pydantic import ValidationError
from test_ctl_report import report  # noqa: F401  # a fixture

from falcon_ctl.claims.claims import Claim, Finding, Row
from falcon_ctl.figures import evaluate
from falcon_ctl.figures import report as figures_report
from falcon_ctl.papers import export
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.report.schema import MODELS
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
    found = json.loads(export.document([], [], ORIGIN))
    MODELS["Papers"].model_validate(found, strict=True)
