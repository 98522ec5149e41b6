"""The JSON results as pydantic models: their keys, types, units and meaning.

The writers make plain values; these models describe them for readers (docs: reference, results),
and tests hold both together.  `MODELS` has one for each kind of document.
"""

from pydantic import BaseModel

from falcon_ctl.report.schema.applications import Applications
from falcon_ctl.report.schema.packets import Packets
from falcon_ctl.report.schema.runs import Figures, MainJob, Papers, Systems
from falcon_ctl.report.schema.steered import Flow, Observation
from falcon_ctl.report.schema.timelines import Timeline

MODELS: dict[str, type[BaseModel]] = {
    "Main job": MainJob,
    "Flow": Flow,
    "Show": Observation,
    "Figures": Figures,
    "Systems": Systems,
    "Papers": Papers,
    "Applications": Applications,
    "Packets": Packets,
    "Timeline": Timeline,
}
