"""`python -m falcon_ctl control` on a network, and the network's counters beside it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from p4.v1 import p4runtime_pb2

from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.program import P4INFO
from tests.topo.driver import ROOT, until
from topo.client.network import Network

SCHEMA = Schema.load(P4INFO)


class Control:
    """The running command; `lines` is what it has printed."""

    def __init__(self, run_dir: Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "falcon_ctl", "control"],
            cwd=ROOT,
            env=os.environ | {"FALCON_RUN_DIR": str(run_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def says(self, pattern: str, after: int = 0) -> int:
        """Wait for a line like `pattern` from line `after` on; returns the number of the next."""

        def found() -> int:
            lines = enumerate(self.lines[after:], after + 1)
            return next((n for n, line in lines if re.search(pattern, line)), 0)

        try:
            return until(lambda: found() or (self.process.poll() is not None and -1), 60.0)
        finally:
            assert found(), (pattern, self.lines[after:])

    def end(self, number: int = signal.SIGINT) -> int:
        """End it by a signal, or wait for its own end (signal 0); returns its exit status."""
        if number:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join(60)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())


@contextmanager
def control(run_dir: Path) -> Iterator[Control]:
    """The command, ready: its first decision is made."""
    running = Control(run_dir)
    try:
        running.says("connected: ")
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


class Observer:
    """Context manager: reads the switches beside the controller, as a backup that cannot write."""

    def __init__(self, network: Network) -> None:
        self._infos = network.switches
        self._open: dict[str, Switch] = {}

    def __enter__(self) -> "Observer":  # noqa: PYI034  # Self needs Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        for switch in self._open.values():
            switch.close()

    def packets(self, switch: str, counter: str, ports: Sequence[int]) -> int:
        """Packets of these cells of a counter."""
        return sum(self._switch(switch).packets({counter: ports})[counter].values())

    def drops(self, switch: str) -> dict[int, int]:
        """Reason → frames that the switch dropped."""
        found: dict[int, int] = {}
        for counter in ("ingress_drops", "egress_drops"):
            cells = self._switch(switch).packets({counter: range(64)})[counter]
            for reason, count in cells.items():
                found[reason] = found.get(reason, 0) + count
        return {reason: count for reason, count in found.items() if count}

    def learned(self, switch: str) -> list[tuple[int, ...]]:
        """The entries of smac: VNI, MAC, port, VTEP."""
        wanted = p4runtime_pb2.Entity()
        wanted.table_entry.table_id = SCHEMA.table("smac").id
        entries = (e.table_entry for e in self._switch(switch).client.read([wanted]))
        return sorted(
            tuple(int.from_bytes(match.exact.value, "big") for match in entry.match)
            for entry in entries
        )

    def _switch(self, name: str) -> Switch:
        if name not in self._open or not self._open[name].client.is_alive:
            info = self._infos[name]
            client = Client(name, info.grpc_address, info.device_id, 1)
            self._open[name] = Switch(client, SCHEMA)
        return self._open[name]
