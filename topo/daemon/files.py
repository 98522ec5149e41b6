"""Which of the machine's files the containers of a network see."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from topo.container.view import PRIVATE, Files
from topo.rundir import RunDir
from topo.spec.model import Topology
from topo.spec.names import hosts_file
from topo.system.python import PACKAGES


def seen_by_containers(run_dir: RunDir, writable: Sequence[str] = ()) -> Files:
    """What stays visible, what may be written, and what is hidden: the run directory."""
    shown = [PACKAGES, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve()]
    if "SUDO_UID" not in os.environ:  # else it may be root's, and the containers are the caller's
        shown.append(Path(os.environ.get("HOME", "/")))
    return Files(
        shown=sorted({str(path.resolve()) for path in shown if _can_be_shown(path.resolve())}),
        writable=sorted(writable),
        hidden=[str(run_dir.path.resolve())],
        names=str(run_dir.hosts.resolve()),
    )


def write_hosts(topology: Topology, run_dir: RunDir) -> None:
    """Write the /etc/hosts of each container."""
    run_dir.hosts.mkdir(mode=0o700, exist_ok=True)
    for container in topology.containers:
        path = run_dir.hosts / container.name
        path.write_text(hosts_file(topology, container))
        path.chmod(0o644)  # a container's users are others


def _can_be_shown(path: Path) -> bool:
    """Whether a directory exists and has no private one below it, which must stay private."""
    return path.exists() and not any(Path(private).is_relative_to(path) for private in PRIVATE)
