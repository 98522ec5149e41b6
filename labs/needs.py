"""Optional requirements of labs: programs and rights that not every machine has."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import Literal

Need = Literal["p4c", "network", "root", "tshark"]
WITHOUT = {
    "p4c": "p4c, the P4 compiler, is not on the PATH (docs/how-to/own-p4-program.md)",
    "network": "this machine cannot make the emulated network (docs/how-to/rootless.md)",
    "root": "you are not root",
    "tshark": "tshark is not on the PATH (the package tshark brings it)",
}


@cache
def available(need: Need) -> bool:
    """Whether this machine has it."""
    if need == "root":
        return hasattr(os, "geteuid") and os.geteuid() == 0
    if need == "network":
        from topo.system import requirements  # Linux knows what it asks about

        return not requirements.missing("v1switch")
    return shutil.which(need) is not None
