"""Hosts get their knobs back when a run ends, also those that do not answer at that moment."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from falcon_ctl.live.hosts import Host, restore_all
from topo.protocol.status import MachineInfo

FOUND = {"policy": "same_cpu", "queues": 8}


class Agent:
    """A receive path's control socket that answers only while it is not `stopped`."""

    def __init__(self, path: Path) -> None:
        self.path, self.requests, self._going = path, list[dict[str, Any]](), threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._is_last = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._going.set()
        self._thread.start()

    def stop(self) -> None:
        self._going.clear()

    def go_on(self) -> None:
        """Answer again, until all clients have gone."""
        self._is_last = True
        self._going.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._listener.close()

    def _serve(self) -> None:
        while not self._is_last or select.select([self._listener], [], [], 0)[0]:
            if select.select([self._listener], [], [], 0.1)[0]:
                self._answer(self._listener.accept()[0])

    def _answer(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as requests:
            for line in requests:
                self._going.wait(5)
                request = json.loads(line)
                self.requests.append(request)
                result = FOUND if request["op"] == "get" else None
                reply = {"id": request["id"], "ok": True, "result": result}
                with suppress(BrokenPipeError):  # the client has gone
                    sock.sendall(json.dumps(reply).encode() + b"\n")


@contextmanager
def host(agent: Agent) -> Iterator[Host]:
    info = MachineInfo(
        name=agent.path.name,
        control_socket=str(agent.path),
        vtep="192.0.2.1",
        mac="02:00:00:00:00:01",
        uplink="eth0",
        uplink_ifindex=2,
        ifindexes={"eth0": 2},
        switch="s1",
        switch_port=1,
        pid=1,
        log="",
    )
    one = Host(info)
    try:
        yield one
    finally:
        one.close()


def test_a_stopped_host_restores_its_knobs_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for, and the others are asked meanwhile."""
    monkeypatch.setattr("falcon_ctl.live.hosts.ANSWER_SECONDS", 60.0)
    stopped, well = Agent(tmp_path / "m1"), Agent(tmp_path / "m2")
    with ExitStack() as stack:
        hosts = [stack.enter_context(host(agent)) for agent in (stopped, well)]
        stopped.stop()
        restore_all(hosts, 0.05)
        assert [request["op"] for request in stopped.requests] == ["get"]
        assert well.requests[-1] == {"id": 1, "op": "set", "params": FOUND}
    for agent in (stopped, well):
        agent.go_on()
        assert agent.requests[-1] == {"id": 1, "op": "set", "params": FOUND}


def test_a_host_whose_connection_was_aborted_restores_its_knobs_too(tmp_path: Path) -> None:
    """As the watch does when it finds the host stopped."""
    agent = Agent(tmp_path / "m1")
    with host(agent) as one:
        agent.stop()
        one.abort()
        restore_all([one], 0.05)
    agent.go_on()
    assert agent.requests[-1] == {"id": 1, "op": "set", "params": FOUND}
