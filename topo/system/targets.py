"""The programs that can be a switch: BMv2's simple_switch_grpc, and v1switch.

Both take the same command line and start without a P4 program: the controller pushes it.
"""

import functools
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from topo.errors import CallError
from topo.protocol.status import Target
from topo.rundir import RunDir
from topo.spec.model import CPU_PORT, DROP_PORT, Switch

BMV2 = "simple_switch_grpc"
V1SWITCH = "v1switch"  # the name of its program, package and distribution
LOG_BYTES, LOG_FILES = 1 << 20, 2  # a busy switch must not fill the disk
THRIFT_PORT = 9090  # inside the switch's network namespace, so switches do not clash
HELP_SECONDS = 10.0


def resolve(choice: str) -> Target:
    """The target to use; for ``auto``, BMv2 when it is installed, else v1switch.

    Raises CallError for an unknown choice.
    """
    match choice:
        case "auto":
            return "bmv2" if shutil.which(BMV2) else "v1switch"
        case "bmv2" | "v1switch":
            return choice
        case _:
            raise CallError(f"--switch: expected auto, bmv2 or v1switch, got {choice}")


def package(target: Target) -> str:
    """The Python package that a target's program is; "" for BMv2, which is none."""
    return V1SWITCH if target == "v1switch" else ""


def command(target: Target, switch: Switch, ports: Mapping[int, str], run_dir: RunDir) -> list[str]:
    """The argument list that starts a switch; `ports` is {number: interface}."""
    program = [BMV2] if target == "bmv2" else [sys.executable, "-m", V1SWITCH]
    interfaces = [arg for number, name in ports.items() for arg in ("-i", f"{number}@{name}")]
    common = ["--no-p4", "--device-id", str(switch.device_id), "--log-level", "info"]
    common += ["--log-file", str(run_dir.program_log(switch.name))]
    special = _bmv2_options() if target == "bmv2" else []
    own = ["--grpc-server-addr", run_dir.grpc_address(switch.name)]
    own += ["--cpu-port", str(CPU_PORT), "--drop-port", str(DROP_PORT)]
    return [*program, *interfaces, *common, *special, "--", *own]


def _bmv2_options() -> list[str]:
    """Options that limit BMv2's logs and keep its Thrift server apart, as far as it has them."""
    wanted = {
        "--thrift-port": str(THRIFT_PORT),
        "--log-file-max-size": str(LOG_BYTES),
        "--log-file-max-files": str(LOG_FILES),
    }
    known = set(re.findall(r"--[a-z0-9-]+", bmv2_says("--help")))
    options = [arg for name, value in wanted.items() if name in known for arg in (name, value)]
    return [*options, *(["--log-flush"] if "--log-flush" in known else [])]


@functools.cache
def bmv2_says(option: str) -> str:
    """What simple_switch_grpc prints for --help or --version."""
    done = subprocess.run(
        [BMV2, option], capture_output=True, text=True, timeout=HELP_SECONDS, check=False
    )
    return done.stdout + done.stderr


def version(target: Target) -> str:
    """The version that a target reports."""
    if target == "bmv2":
        lines = bmv2_says("--version").split()
        return lines[0] if lines else "unknown"
    try:
        return importlib.metadata.version(V1SWITCH)
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        return checkout_version(Path(__file__).parents[2] / V1SWITCH / "pyproject.toml")


def checkout_version(project: Path) -> str:
    """The version in the pyproject.toml of v1switch; ``unknown`` when that is another file."""
    try:
        text = project.read_text()
    except OSError:
        return "unknown"
    # Python 3.10 has no tomllib
    fields = dict(re.findall(r'^(name|version) = "([^"]+)"$', text, re.MULTILINE))
    return fields.get("version", "unknown") if fields.get("name") == V1SWITCH else "unknown"


def requirement(target: Target) -> str | None:
    """One line that says what must be installed for a target, or None."""
    if target == "bmv2" and shutil.which(BMV2) is None:
        return f"{BMV2} not found: install BMv2 (package p4lang-bmv2), or use --switch v1switch"
    return None
