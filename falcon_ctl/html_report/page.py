"""The page of one run: what its command wrote, then where the numbers come from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from falcon_ctl.html_report import facts
from falcon_ctl.html_report.blocks import Page, Section
from falcon_ctl.html_report.folder import Documents, Kind
from falcon_ctl.html_report.kinds import apps, figures, main_job, order, papers, sensitivity, sweep
from falcon_ctl.html_report.records import Recorded


class Module(Protocol):
    """What a module of `kinds` has."""

    def sections(self, documents: Documents) -> Sequence[Section]:
        """All of the page but where the numbers come from."""

    def subtitle(self, documents: Documents) -> str:
        """What ran."""

    def recorded(self, documents: Documents) -> Recorded:
        """The numbers that two runs are compared by."""


MODULES: Mapping[Kind, Module] = {
    "main job": main_job,
    "figures": figures,
    "sweep": sweep,
    "sensitivity": sensitivity,
    "papers": papers,
    "order": order,
    "apps": apps,
}


def page(documents: Documents) -> Page:
    """The page of a run."""
    module = MODULES[documents.kind]
    found = facts.provenance(documents)
    return Page(
        f"{documents.kind[0].upper()}{documents.kind[1:]}, {documents.name}",
        module.subtitle(documents),
        "; ".join(found.get("invalid", [])),
        [*module.sections(documents), facts.section(documents)],
    )
