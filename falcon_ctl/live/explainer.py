"""Has v1switch explain frames: runs the switches' program with the entries read back from them.

falcon_ctl reaches switches by P4Runtime only, so v1switch is run as a program here, whatever the
switches are: BMv2's entries explain as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from p4.v1 import p4runtime_pb2

from falcon_ctl.capture import pcapng
from falcon_ctl.errors import PartFailed
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.program import P4INFO, PROGRAM
from topo.spec.model import CPU_PORT, DROP_PORT

_SECONDS = 60.0  # for one call: it loads the program and explains some frames
_ORDER = {"action_profile_member": 0, "action_profile_group": 1}
_LAST = 2


@dataclass(frozen=True)
class Entries:
    """What switches held at one time: (switch, a p4.v1.ReadResponse as text) for each."""

    texts: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, switches: Mapping[str, Switch]) -> Entries:
        """Read back all switches. Raises SwitchError."""
        return cls.of_messages({name: switch.held() for name, switch in switches.items()})

    @classmethod
    def of_messages(cls, held: Mapping[str, Iterable[Any]]) -> Entries:
        """From p4.v1.Entity messages of each switch."""
        return cls(tuple((name, _text(entities)) for name, entities in held.items()))

    def of(self, switch: str) -> str:
        """What one switch held."""
        return dict(self.texts)[switch]


def _text(entities: Iterable[Any]) -> str:
    """In the order in which they can be written: nothing names what comes later."""
    response = p4runtime_pb2.ReadResponse()
    response.entities.extend(sorted(entities, key=lambda one: _ORDER.get(_kind(one), _LAST)))
    return str(text_format.MessageToString(response))


def _kind(entity: Any) -> str:
    return str(entity.WhichOneof("entity"))


@dataclass(frozen=True)
class Explainer:
    """Explains frames with these entries; what `switch_path.follow` takes as `explain`."""

    entries: Entries

    def __call__(self, switch: str, port: int, frames: Sequence[bytes]) -> list[dict[str, Any]]:
        """A document (docs/explain.md) for each frame that enters a switch's port.

        Raises:
            PartFailed: v1switch does not explain them.
        """
        with tempfile.TemporaryDirectory(prefix="explain-") as place:
            entries, packets = Path(place, "entries.txtpb"), Path(place, "packets.pcapng")
            entries.write_text(self.entries.of(switch))
            sent = [pcapng.Packet(0, frame, len(frame)) for frame in frames]
            pcapng.write(packets, switch, "frames to be explained", sent)
            command = [sys.executable, "-m", "v1switch", "explain", str(PROGRAM)]
            command += ["--p4info", str(P4INFO), "--entries", str(entries)]
            command += ["--packet", str(packets), "--port", str(port), "--json"]
            command += ["--cpu-port", str(CPU_PORT), "--drop-port", str(DROP_PORT)]
            lines = answer(switch, command)
        return _documents(switch, lines, len(frames))


def answer(switch: str, command: Sequence[str]) -> list[str]:
    """The lines that v1switch prints. Raises PartFailed with its last line of error."""
    part = f"v1switch explain (entries of {switch})"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PartFailed(part, f"no end within {_SECONDS:g} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise PartFailed(part, said[-1])
    return done.stdout.splitlines()


def _documents(switch: str, lines: Sequence[str], count: int) -> list[dict[str, Any]]:
    """The documents in the frames' order; one that waited in a queue has a second one."""
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        document = json.loads(line)
        first = found.setdefault(document["frame"], document)
        if first is not document:
            first["passes"] += document["passes"]
            first["out"] += document["out"]
    if sorted(found) != list(range(1, count + 1)):
        what = f"explained {len(found)} of {count} frames"
        raise PartFailed(f"v1switch explain (entries of {switch})", what)
    return [found[number] for number in range(1, count + 1)]
