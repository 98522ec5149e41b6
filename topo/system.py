"""What the machine must hold before a network can be made, each with what brings it."""

import shutil
import sys

from topo import namespaces, targets
from topo.errors import SystemLacks
from topo.state import Target

# program → (Debian's and Ubuntu's package, what it is needed for)
PROGRAMS = {
    "mnexec": ("mininet", "starts programs in network namespaces"),
    "sleep": ("coreutils", "holds a namespace open"),
    "env": ("coreutils", "starts commands"),
}


def missing(target: Target) -> list[str]:
    """One line for each thing that is not there; an empty list when all is."""
    if not sys.platform.startswith("linux"):
        return [f"expected Linux, this is {sys.platform}: network namespaces are Linux's"]
    lines = [
        f"{program} not found ({purpose}): install the package {package}"
        for program, (package, purpose) in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    lines += filter(None, [targets.requirement(target), namespaces.probe()])
    return lines


def require(target: Target) -> None:
    """Raise SystemLacks unless the machine holds all that a network with `target` needs."""
    lines = missing(target)
    if lines:
        raise SystemLacks(lines)
