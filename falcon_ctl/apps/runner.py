"""Runs an application under a system: server, load, verification of bytes, measurements."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from subprocess import TimeoutExpired
from typing import Any

from falcon_ctl.apps import kernel_tcp, passages
from falcon_ctl.apps.application import Application, Command, Exchange, Place, Proof, Unreadable
from falcon_ctl.apps.dilation import TRIED, Need
from falcon_ctl.apps.kernel_tcp import TcpCounts
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.apps.process import Process, how_it_ended, last_lines
from falcon_ctl.capture import trace
from falcon_ctl.capture.trace import Trace
from falcon_ctl.checks import disturbance
from falcon_ctl.live import cpu_use, udp
from falcon_ctl.live.hosts import Host
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import HOST
from falcon_ctl.systems.system import System
from falcon_ctl.traffic.tcp import Connection, Transfer
from topo.client import pids

_MOST_FRAMES = 300_000  # that are recorded of a run
_STEP_SECONDS = 20.0  # for a command that is to end by itself
_READY_SECONDS = 10.0
_LATE_SECONDS, _LATE_SHARE = 20.0, 4.0  # until a client is given up: so long, and so many times
_SETTLE = 0.5  # s of a run before its CPU time is looked at
_LEAST_OWN, _MOST_OWN = 1 << 16, 1 << 24  # bytes of a stream of our own
_OWN_PORTS = 30_030, 9_003  # as of the main job's flows: below the ephemeral range
_OWN_WINDOW = 128  # segments
_LONGEST_ANSWER = 1 << 26


class Failed(Exception):
    """A program of an application failed; the text says which and how."""


@dataclass
class Watched:
    """What was seen while a client ran; CPU time between two looks, s."""

    first: cpu_use.Sample | None = None
    last: cpu_use.Sample | None = None
    frames: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Ends:
    """The containers of a run and their machines."""

    client: str
    server: str
    client_machine: str
    server_machine: str


@dataclass
class Runner:
    """Runs applications on a testbed.

    Attributes:
        testbed: the network whose hosts and switches it drives.
        ends: between which containers.
        seed: of contents.
        most_traced: how many frames of a run are kept in `traces` on each machine that is recorded.
    """

    testbed: Testbed
    ends: Ends
    seed: int
    most_traced: int = 0
    traces: list[Trace] = field(default_factory=list)

    def place(self, seconds: float, dilation: int, rate: float) -> Place:
        """Where an application runs, for so long."""
        address = str(self.testbed.container(self.ends.server).ip)
        return Place(address, seconds, dilation, rate, self.seed)

    def need(self, app: Application, seconds: float, rate: float) -> tuple[Need, Outcome]:
        """What the application takes of this computer: a short run on the host network."""
        watched = Watched()
        outcome = self.run(app, HOST, self.place(seconds, TRIED, rate), watched)
        if outcome.reading is None or not watched.first or not watched.last:
            raise Failed("; ".join(outcome.troubles) or f"{app.name}: the run was too short")
        frames = max(1, watched.frames[1] - watched.frames[0])
        span = max(1e-9, watched.last.at - watched.first.at)
        rest_us = outcome.rest_us if app.asks else None
        need = Need(
            cpu_s=max(0.0, watched.last.ours - watched.first.ours) / frames,
            frames_per_s=frames / span * TRIED,
            rest_s=max(0.0, rest_us or 0.0) * TRIED / 1e6,
            path_s=outcome.path_us / 1e6,
            cores=watched.last.cpus,
        )
        return need, outcome

    def run(
        self, app: Application, system: System, place: Place, watched: Watched | None = None
    ) -> Outcome:
        """One run. What fails of the application is in the outcome.

        Raises:
            PartFailed: a part of the network died meanwhile.
        """
        undilated = set() if app.answers_are_bulk else {self.ends.client_machine}
        self.testbed.use(system, place.dilation, undilated, **app.knobs)
        watched = watched or Watched()
        run = _Run(self.testbed, self.ends, app, system, place, watched, self.most_traced)
        self.traces = run.traces
        with self.testbed.watch.blaming():
            return run.outcome()


@dataclass
class _Run:
    """One run, as it goes on."""

    testbed: Testbed
    ends: Ends
    app: Application
    system: System
    place: Place
    watched: Watched
    most_traced: int
    traces: list[Trace] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def outcome(self) -> Outcome:
        transfers: list[Transfer] = []
        try:
            for command in self.app.before(self.place):
                self._do(self.ends.server, command)
            with self._served() as server:
                self._drive(server)
                self._check(server)
                transfers = [*self._exchanged(), *self._streamed(), *self._proved()]
                self._check(server)
        except Failed as error:
            self.errors.append(str(error))
        return Outcome(
            application=self.app.name,
            system=self.system.name,
            unit=self.app.unit,
            dilation=self.place.dilation,
            guarded=self.system.order != "none",
            transfers=transfers,
            errors=self.errors,
            said=self.said,
            **self.seen,
        )

    @contextmanager
    def _served(self) -> Iterator[Process]:
        """The server, which waits at its port."""
        with Process(self.testbed.network, self.ends.server, self.app.serve(self.place)) as server:
            try:
                self._await_port(server)
                for command in self.app.fill(self.place):
                    self._do(self.ends.server, command)
                for command in self.app.at_client(self.place):
                    self._do(self.ends.client, command)
                yield server
            except Failed:
                self._check(server)  # it is the reason
                raise
            finally:
                self.said["server"] = f"{server.output}{server.errors}"

    def _await_port(self, server: Process) -> None:
        files = [f"/proc/net/{self.app.transport}", f"/proc/net/{self.app.transport}6"]
        end = time.monotonic() + _READY_SECONDS
        while not kernel_tcp.listens(self._read(self.ends.server, files), self.app.port):
            if server.has_ended:
                raise Failed(server.exit_text)
            if time.monotonic() > end:
                raise Failed(f"{server.name} does not listen at port {self.app.port}")
            self.testbed.watch.pause(0.05)

    def _drive(self, server: Process) -> None:
        """Run the client to its end, with both hosts' counters and records."""
        hosts = [self.testbed.hosts[self.ends.server_machine]]
        if self.app.answers_are_bulk:
            hosts.append(self.testbed.hosts[self.ends.client_machine])
        before = self._tcp()
        for host in hosts:
            host.reset()
        start = self.testbed.hosts[self.ends.server_machine].stats()
        with ExitStack() as stack:
            recordings = [stack.enter_context(host.recorded(_MOST_FRAMES)) for host in hosts]
            failure = self._client(server, hosts[0])
            stats = [udp.settled(self.testbed, host) for host in hosts]
        if self.most_traced:
            self.traces += [trace.of(one[0], self.most_traced) for one in recordings]
        found = [
            passages.of(one[0], container)
            for one, container in zip(
                recordings, (self.ends.server, self.ends.client), strict=False
            )
        ]
        self.seen |= {
            "there": found[0],
            "back": found[1] if len(found) > 1 else None,
            "tcp": self._tcp().since(before),
            "loads": _loads(stats[0], start),
            "invalid": self._invalid(stats),
        }
        if failure:
            raise Failed(failure)

    def _check(self, server: Process) -> None:
        """Raises Failed when the server has ended that should not have."""
        if server.has_ended and not (self.app.serves_once and server.returncode == 0):
            raise Failed(server.exit_text)

    def _client(self, server: Process, host: Host) -> str:
        """Run the client; why it failed, "" when it did not."""
        command = self.app.drive(self.place)
        with Process(self.testbed.network, self.ends.client, command) as client:
            looks = _Looks(self.testbed, host, self.watched)

            def look() -> None:
                self.testbed.watch.check()
                looks.look()
                self._check(server)

            limit = _LATE_SECONDS + _LATE_SHARE * self.place.seconds
            try:
                ended = client.wait(limit, look)
            except Failed as error:
                return str(error)
            finally:
                self.said["client"] = f"{client.output}{client.errors}"
            if not ended:
                return f"{client.name} did not end within {limit:.0f} s; {client.exit_text}"
            if client.returncode:
                return client.exit_text
            try:
                self.seen["reading"] = self.app.read(client.output, self.place)
            except Unreadable as error:
                return f"{client.name}: {error}; {client.exit_text}"
        return ""

    def _invalid(self, stats: Sequence[Mapping[str, Any]]) -> str:
        """Why rates and latencies are not to be used."""
        marks = [f"late: {why}" for one in stats if (why := udp.lateness(dict(one)))]
        if self.watched.first and self.watched.last:
            other = disturbance.other_load(self.watched.first.until(self.watched.last))
            marks += [f"disturbed: {other}"] if other else []
        return "; ".join(marks)

    def _exchanged(self) -> Iterator[Transfer]:
        """Bytes of our own over connections of our own."""
        for exchange in self.app.exchanges(self.place):
            with self.testbed.stream(self.ends.client) as sock:
                yield _exchange(sock, (self.place.address, self.app.port), exchange)

    def _streamed(self) -> Iterator[Transfer]:
        """A stream of our own, as the main job has it."""
        reading = self.seen.get("reading")
        if not self.app.own_seconds or reading is None:
            return
        size = round(min(max(reading.rate * self.app.own_seconds, _LEAST_OWN), _MOST_OWN))
        source = str(self.testbed.container(self.ends.client).ip), _OWN_PORTS[0]
        ends = self.testbed.stream(self.ends.client), self.testbed.stream(self.ends.server)
        target = self.place.address, _OWN_PORTS[1]
        connection = Connection(*ends, source, target, _OWN_WINDOW)
        yield connection.transfer(size, self.place.seed, _STEP_SECONDS)

    def _proved(self) -> Iterator[Transfer]:
        for proof in self.app.proofs(self.place):
            yield self._proof(proof)

    def _proof(self, proof: Proof) -> Transfer:
        start = time.monotonic()
        node = self.ends.server if proof.of_server else self.ends.client
        said = self._do(node, proof.command)
        arrived, intact = proof.judge(said)
        error = "" if intact else f"{proof.command.argv[0]} says: {last_lines(said)}"
        return Transfer(proof.sent, arrived, intact, time.monotonic() - start, error)

    def _tcp(self) -> TcpCounts:
        """The counters of both containers' kernels."""
        texts = [
            self._read(node, kernel_tcp.FILES) for node in (self.ends.client, self.ends.server)
        ]
        return kernel_tcp.parse(texts[0]) + kernel_tcp.parse(texts[1])

    def _read(self, node: str, files: Sequence[str]) -> str:
        return self._do(node, Command(("cat", *files)), status=None)

    def _do(self, node: str, command: Command, status: int | None = 0) -> str:
        """Run a command to its end; its output. Raises Failed."""
        name = command.argv[0]
        try:
            done = self.testbed.network.exec(
                node, command.argv, input=command.given, timeout=_STEP_SECONDS
            )
        except TimeoutExpired as error:
            raise Failed(f"{name} in {node} did not end within {_STEP_SECONDS:g} s") from error
        out: str = done.stdout.decode(errors="replace")
        if status is not None and done.returncode != status:
            said = last_lines(f"{out}\n{done.stderr.decode(errors='replace')}")
            raise Failed(
                f"{name} in {node} {how_it_ended(done.returncode)}; its last output: {said}"
            )
        return out


@dataclass
class _Looks:
    """Looks at CPU time and received frames while a client runs."""

    testbed: Testbed
    host: Host
    watched: Watched
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._next = time.monotonic() + _SETTLE

    def look(self) -> None:
        """Look, when it is time to."""
        if time.monotonic() < self._next:
            return
        self._next += _SETTLE
        family = pids.translation(self.testbed.network.daemon_pid).values()
        sample = cpu_use.sample(family)
        frames = self.host.stats()["delivered"]
        if self.watched.first is None:
            self.watched.first, self.watched.frames = sample, (frames, frames)
        self.watched.last, self.watched.frames = sample, (self.watched.frames[0], frames)


def _exchange(sock: socket.socket, address: tuple[str, int], exchange: Exchange) -> Transfer:
    """Send bytes and compare the answer, by SHA-256."""
    start = time.monotonic()
    size = len(exchange.request) + len(exchange.answer)
    received = b""
    try:
        sock.settimeout(_STEP_SECONDS)
        sock.connect(address)
        sock.sendall(exchange.request)
        while exchange.closes or len(received) < len(exchange.answer):
            chunk = sock.recv(1 << 16)
            if not chunk or len(received) > _LONGEST_ANSWER:
                break
            received += chunk
    except OSError as error:
        return Transfer(size, len(received), False, time.monotonic() - start, str(error))
    end = received[-len(exchange.answer) :] if exchange.closes else received
    intact = hashlib.sha256(end).digest() == hashlib.sha256(exchange.answer).digest()
    return Transfer(size, len(exchange.request) + len(end), intact, time.monotonic() - start)


def _loads(stats: Mapping[str, Any], start: Mapping[str, Any]) -> dict[int, float]:
    """Percent of each emulated CPU since `start`."""
    span = max(1, stats["model_ns"] - start["model_ns"])
    busy = {cpu: sum(kinds.values()) for cpu, kinds in enumerate(stats["busy_ns"])}
    return {cpu: 100.0 * ns / span for cpu, ns in busy.items() if ns}
