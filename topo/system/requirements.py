"""Checks what must be installed and allowed on the machine, and names the remedy for each."""

import shutil
import sys

from topo.errors import SystemLacks
from topo.protocol.status import Target
from topo.system import namespaces, targets

# program: (package of Debian and Ubuntu, purpose)
PROGRAMS = {
    "mnexec": ("mininet", "starts programs in network namespaces"),
    "sleep": ("coreutils", "keeps a namespace open"),
    "env": ("coreutils", "starts commands"),
}


def missing(target: Target) -> list[str]:
    """One line for each thing that is missing."""
    if not sys.platform.startswith("linux"):
        return [f"expected Linux, this is {sys.platform}: network namespaces are Linux's"]
    lines = [
        f"{program} not found ({purpose}): install the package {package}"
        for program, (package, purpose) in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    lines += filter(None, [targets.requirement(target), namespaces.probe()])
    return lines


def check(target: Target) -> None:
    """Raise SystemLacks unless the machine has all that a network with `target` needs."""
    lines = missing(target)
    if lines:
        raise SystemLacks(lines)
