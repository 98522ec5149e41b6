"""Provenance of results: versions, seeds, inputs and machine, and whether they are valid.

Every writer of results takes one `Provenance`: JSON carries it whole, a row of a CSV file its
`id`, a picture a line of it and the whole in the PNG's metadata. Neither host nor user is named.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from falcon_ctl.program import PROGRAM
from falcon_ctl.report import command
from topo.protocol.status import Status
from topo.system import code, targets

_LIBRARIES = ("falcon-testbed", "numba", "numpy")
_PACKAGES = ("falcon_ctl", "rxpath", "topo")
_INVALID = "INVALID"


@dataclass(frozen=True)
class Provenance:
    """What decided a run's numbers.

    Attributes:
        versions: program or library → version; of a live run the switch's target, too.
        code_sha256: package → hash of its sources; the P4 program's file among them.
        machine: processor, cores this process may use, memory in MiB, kernel.
        seeds: of everything random.
        spec_sha256: hash of what was asked for: topology, systems, loads or spec file.
        invalid: why all numbers of the run are invalid; empty when they are not.
        command: makes the run again; "" when it was not started by a command line.
    """

    versions: Mapping[str, str]
    code_sha256: Mapping[str, str]
    machine: Mapping[str, str | int]
    seeds: Sequence[int]
    spec_sha256: str
    invalid: tuple[str, ...] = ()
    command: str = ""

    @property
    def id(self) -> str:
        """Names it in a row of a table: twelve hex digits over all but machine and command."""
        found = {**asdict(self), "machine": None}
        del found["command"]
        return sha256(json.dumps(found, sort_keys=True))[:12]

    @property
    def reason(self) -> str:
        """Why the numbers are invalid, in one line; "" when they are not."""
        return "; ".join(self.invalid)

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {"id": self.id, **found}

    @property
    def marks(self) -> dict[str, Any]:
        """For every element of a list in JSON."""
        return {"invalid": self.reason, "provenance": self.document()}

    @property
    def columns(self) -> dict[str, str]:
        """Two columns for every row of a table."""
        return {"invalid": self.reason, "provenance": self.id}

    @property
    def line(self) -> str:
        """For people: seeds, versions, machine; the mark first when the numbers are invalid."""
        mark = f"{_INVALID}: {self.reason} | " if self.invalid else ""
        seeds = ",".join(map(str, self.seeds[:4])) + (",…" if len(self.seeds) > 4 else "")
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        machine = self.machine
        where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mib']} MiB"
        where += f", {machine['kernel']}"
        return f"{mark}seed {seeds} | {versions} | {where} | {self.id}"

    def marked(self, reasons: Iterable[str]) -> Provenance:
        """With further reasons why the numbers are invalid."""
        return replace(self, invalid=tuple(dict.fromkeys((*self.invalid, *reasons))))

    def ended(self, status: Status | None = None) -> Provenance:
        """At the end of the run: invalid when the code changed meanwhile, here or in a part.

        `status`: of the network that a live run used.
        """
        now = _code()
        changed = [name for name, digest in self.code_sha256.items() if now[name] != digest]
        reasons = [f"the code of {name} changed during the run" for name in changed]
        return self.marked(reasons + (mixed(status, self.code_sha256) if status else []))


def begin(seeds: Sequence[int], spec: object, status: Status | None = None) -> Provenance:
    """The provenance of a run that begins; `spec`: what was asked for, text or JSON values.

    `status`: of the network that a live run uses; parts that run other code make it invalid.
    """
    text = spec if isinstance(spec, str) else json.dumps(spec, sort_keys=True, default=str)
    versions = {name: _version(name) for name in _LIBRARIES}
    versions["python"] = platform.python_version()
    if status is not None:
        versions[status.target] = status.version
    found = Provenance(versions, _code(), _machine(), tuple(seeds), sha256(text))
    found = replace(found, command=command.again())
    return found.marked(mixed(status, found.code_sha256)) if status else found


def mixed(status: Status, ours: Mapping[str, str]) -> list[str]:
    """Parts of a network that run other code than ours: package → hash."""
    running = [("topo daemon", "topo", status.code)]
    running += [
        (f"{part.kind} {part.name}", "v1switch" if part.kind == "switch" else "rxpath", part.code)
        for part in status.parts
        if part.code
    ]
    found = [
        f"{name} runs other code of {package} ({digest}) than the controller ({ours[package]})"
        for name, package, digest in running
        if digest != ours[package]
    ]
    version = targets.version(status.target)
    if version != status.version:
        found.append(f"the switches run {status.target} {status.version}, {version} is installed")
    return found


def show(console: Console, provenance: Provenance) -> None:
    """Print where the numbers come from, and in red why they are invalid when they are."""
    if provenance.invalid:
        text = f"{_INVALID}, do not use these numbers: {provenance.reason}"
        console.print(text, markup=False, style="bold red")
    console.print(provenance.line, markup=False, style="dim")


def sha256(text: str) -> str:
    """Hex digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def _code() -> dict[str, str]:
    """Hashes of the sources as they are on disk now."""
    found = {name: code.digest(name) for name in (*_PACKAGES, targets.V1SWITCH)}
    program = PROGRAM.read_bytes() if PROGRAM.is_file() else b""
    return {**found, PROGRAM.name: hashlib.sha256(program).hexdigest()[:16]}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "checkout" if name == _LIBRARIES[0] else "absent"


def _machine() -> dict[str, str | int]:
    """Processor, cores, memory; what identifies a computer or a person is left out."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_mib": int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) // 1024,
    }


def _field(path: str, name: str) -> str:
    """The first ``name: value`` of a file in /proc; "" when there is none."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
