"""Sends one flow through the running network, and reports its result."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.checks.attribution import Hop, attribute
from falcon_ctl.errors import NoNetwork, PartFailed
from falcon_ctl.live.counting import CONTAINER_INTERFACE
from falcon_ctl.steering import switch_drops, udp_flow
from falcon_ctl.steering.flow_report import FlowProgress, FlowReport, Latency, Stage
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import Work
from falcon_ctl.steering.session import Session
from falcon_ctl.steering.tcp_flow import Transfer
from falcon_ctl.steering.udp_flow import Receiving, Sending
from falcon_ctl.traffic.flows import Endpoint, Flow
from topo.client.network import Network
from topo.errors import TopoError
from topo.spec.model import Container

Progress = Callable[[FlowProgress], object]
_LOOK = 0.2  # s between two looks at the host
_QUIET = 0.6  # s without a frame after which nothing is on its way any more
_DRAIN = 20.0  # s at most in which the last frames may come
_PROTOCOL = {"udp": 17, "tcp": 6}
_ids = itertools.count(1 << 20)  # beyond those of the main job's runs


def send(
    session: Session,
    request: FlowRequest,
    progress: Progress = lambda _: None,
    stop: threading.Event | None = None,
) -> FlowReport:
    """Send a flow to its end, or until `stop` is set; the network may be steered meanwhile.

    Args:
        session: with the network; not to be used otherwise meanwhile.
        request: the flow.
        progress: called some times a second.
        stop: ends the flow early.

    Raises:
        UsageError: the network has no such containers, or a port is taken.
        NoNetwork, PartFailed: the network, or a part of it, failed.
    """
    request.verify(session.topology)
    halt = stop or threading.Event()
    with ExitStack() as stack:
        network = stack.enter_context(_connected(session))
        run = _Run(session, network, request, halt)
        drops = stack.enter_context(switch_drops.watched(network.switches))
        before = drops.read()
        try:
            return run.drive(progress, lambda: _since(drops.read(), before), drops.without)
        finally:
            halt.set()
            run.close()


def _connected(session: Session) -> Network:
    try:
        return Network.connect(session.run_dir)
    except TopoError as error:
        raise NoNetwork(str(error)) from error


def _since(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {place: n - before.get(place, 0) for place, n in now.items()}


@dataclass
class _Run:
    """One flow: its sockets, who sends and receives, and the host's account of it."""

    session: Session
    network: Network
    request: FlowRequest
    halt: threading.Event
    stages: dict[Work, dict[int, None]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _base: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """Close all sockets."""
        self._stack.close()

    def drive(
        self,
        progress: Progress,
        dropped: Callable[[], dict[str, int]],
        without: list[str],
    ) -> FlowReport:
        """Send it, follow it, and report."""
        listener = self.socket(self.target.name, *self._kind)
        self.port = udp_flow.listen(listener, self.request)
        machine = self.session.topology.containers_of(self.target.machine)
        self._names = {
            "container": machine.index(self.target),
            "source": str(self.source.ip),
            "target": str(self.target.ip),
            "ports": self.request.from_port << 16 | self.port,
            "protocol": _PROTOCOL[self.request.proto],
        }
        self._base = self._seen()
        end = _Udp(self, listener) if self.request.proto == "udp" else _Tcp(self, listener)
        self._stack.callback(end.close)
        end.start()
        self.began = time.monotonic()
        while end.is_alive:
            self.halt.wait(_LOOK)
            self._tell(progress, end)
        end.raise_error()
        self._await_quiet(progress, end)
        return self._report(end, dropped(), without)

    @property
    def source(self) -> Container:
        """Who sends."""
        return self._container(self.request.source)

    @property
    def target(self) -> Container:
        """Who receives."""
        return self._container(self.request.target)

    def _container(self, name: str) -> Container:
        return next(one for one in self.session.topology.containers if one.name == name)

    @property
    def _kind(self) -> tuple[int, int, int]:
        kind = socket.SOCK_DGRAM if self.request.proto == "udp" else socket.SOCK_STREAM
        return socket.AF_INET, kind, 0

    def socket(self, node: str, family: int, kind: int, proto: int) -> socket.socket:
        try:
            sock = self.network.socket(node, family, kind, proto)
        except (TopoError, OSError) as error:
            raise PartFailed(node, f"no socket: {error}") from error
        return self._stack.enter_context(sock)

    def _seen(self) -> dict[str, Any]:
        """The host's row of the flow since the run's begin; {} before its first frame."""
        row = self.session.call(self.target.machine, "flow", **self._names)
        if row is None:
            return {}
        for work, cpu in row["places"]:
            self.stages.setdefault(self.session.work(self.target.machine, work), {})[cpu] = None
        return _without(row, self._base)

    def _tell(self, progress: Progress, end: _End) -> dict[str, Any]:
        row = end.row = self._seen()
        span = row.get("last_delivered", 0) - row.get("first_delivered", 0)
        delivered = row.get("delivered", 0)
        progress(
            FlowProgress(
                seconds=time.monotonic() - self.began,
                sent=end.sent,
                received=end.received,
                lost=sum(row.get("drops", {}).values()),
                reordered=end.reordered(),
                pps=delivered * 1e9 / span if span > 0 else 0.0,
                latency=_latency(row),
                stages=self._stages(),
            )
        )
        return row

    def _stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(work, tuple(cpus)) for work, cpus in self.stages.items())

    def _await_quiet(self, progress: Progress, end: _End) -> None:
        """Wait until all that was sent has arrived somewhere, or nothing comes any more."""
        deadline = time.monotonic() + _DRAIN
        last, since = None, time.monotonic()
        while time.monotonic() < deadline:
            row = self._tell(progress, end)
            left = row.get("arrived", 0) - row.get("delivered", 0) - sum(_drops(row).values())
            state = row.get("arrived"), row.get("delivered"), end.received
            if state != last:
                last, since = state, time.monotonic()
            if left <= 0 and (end.has_all() or time.monotonic() - since > _QUIET):
                return
            time.sleep(_LOOK / 4)

    def _report(self, end: _End, dropped: Mapping[str, int], without: list[str]) -> FlowReport:
        row = end.row = self._seen()
        host = self.target.machine
        status = self.session.call(host, "status")
        span = max(0, row.get("last_delivered", 0) - row.get("first_delivered", 0))
        arrived, delivered = row.get("arrived", 0), row.get("delivered", 0)
        return FlowReport(
            request=self.request,
            host=host,
            source_port=self.request.from_port,
            port=self.port,
            runs=self.session.runs(host),
            dilation=status["dilation"],
            sent=end.sent,
            received=end.received,
            intact=end.intact,
            arrived=arrived,
            delivered=delivered,
            lost=end.losses(dropped),
            reordered=end.reordered(),
            retransmitted=end.retransmitted,
            wall_seconds=span * status["dilation"] / 1e9,
            model_seconds=span / 1e9,
            latency=_latency(row),
            stages=self._stages(),
            moves=row.get("moves", 0),
            late=end.lateness,
            stopped=self.halt.is_set(),
            hint="" if arrived else _hint(host, without),
        )


def _hint(host: str, without: list[str]) -> str:
    if without:
        names = ", ".join(without)
        return f"{names} runs no program yet: `python -m falcon_ctl use overlay` gives it one"
    return f"no frame reached {host}: does `python -m topo status` find everything up?"


class _End:
    """Who sends and receives a flow. `row`: the host's account of it, as of its last answer."""

    row: Mapping[str, Any]
    sent: int
    received: int
    intact: bool
    retransmitted: int
    lateness: str
    is_alive: bool

    def start(self) -> None:
        """Begin to send."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        raise NotImplementedError

    def raise_error(self) -> None:
        """Say why it ended early, if it did."""

    def reordered(self) -> int:
        """What came late."""
        raise NotImplementedError

    def has_all(self) -> bool:
        """Whether nothing can come any more."""
        raise NotImplementedError

    def losses(self, dropped: Mapping[str, int]) -> dict[str, int]:
        """Lost frames by place."""
        raise NotImplementedError


class _Udp(_End):
    """Frames out of the source's interface, datagrams in the target's socket."""

    retransmitted = 0

    def __init__(self, run: _Run, listener: socket.socket) -> None:
        request = run.request
        source, target = _endpoint(run.source), _endpoint(run.target)
        flow = Flow(next(_ids), source, target, request.from_port, run.port, "udp")
        out = run.socket(run.source.name, socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind((CONTAINER_INTERFACE, 0))
        out.settimeout(1.0)
        self.row = {}
        self._host, self._name = run.target.machine, run.target.name
        self._receiving = Receiving(listener, flow.id)
        self._sending = Sending(out, flow, request, run.halt)

    def start(self) -> None:
        self._receiving.__enter__()
        self._sending.start()

    def close(self) -> None:
        self._sending.join(5)
        self._receiving.__exit__(None, None, None)

    def raise_error(self) -> None:
        if self._sending.error is not None:
            raise PartFailed("network", f"an interface: {self._sending.error.strerror}")

    @property
    def sent(self) -> int:  # type: ignore[override]
        return self._sending.sent

    @property
    def received(self) -> int:  # type: ignore[override]
        return self._receiving.received

    @property
    def intact(self) -> bool:  # type: ignore[override]
        return not (self._receiving.duplicates or self._receiving.foreign)

    @property
    def lateness(self) -> str:  # type: ignore[override]
        return self._sending.lateness

    @property
    def is_alive(self) -> bool:  # type: ignore[override]
        return self._sending.is_alive()

    def reordered(self) -> int:
        return self._receiving.reordered

    def has_all(self) -> bool:
        arrived, delivered = self.row.get("arrived", 0), self.row.get("delivered", 0)
        return bool(arrived >= self.sent and self.received >= delivered)

    def losses(self, dropped: Mapping[str, int]) -> dict[str, int]:
        inside = _drops(self.row)
        arrived, delivered = self.row.get("arrived", 0), self.row.get("delivered", 0)
        sockets = {f"in {self._name}'s socket buffer": self._receiving.dropped}
        hops = [
            Hop(self.sent, arrived, dropped, f"before {self._host}"),
            Hop(arrived - sum(inside.values()), delivered, {}, f"still in {self._host}"),
            Hop(delivered, self.received, sockets, f"behind {self._host}"),
        ]
        found = {f"in {self._host}: {reason}": n for reason, n in inside.items()}
        return {**attribute(hops).own, **found}


def _endpoint(container: Container) -> Endpoint:
    return Endpoint(container.name, container.mac, str(container.ip))


class _Tcp(_End):
    """One connection between the containers' kernels."""

    def __init__(self, run: _Run, listener: socket.socket) -> None:
        self.row = {}
        client = run.socket(run.source.name, socket.AF_INET, socket.SOCK_STREAM, 0)
        self._transfer = Transfer((client, listener), run.request, run.halt)
        self._source = str(run.source.ip), run.request.from_port
        self._target = str(run.target.ip), run.port
        self._host = run.target.machine

    def start(self) -> None:
        try:
            self._transfer.start(self._source, self._target)
        except OSError as error:
            why = "no answer" if isinstance(error, TimeoutError) else error.strerror
            raise PartFailed("connection", f"{self._target[0]}:{self._target[1]}: {why}") from error

    def close(self) -> None:
        self._transfer.close()

    def raise_error(self) -> None:
        if self._transfer.error:
            raise PartFailed("connection", self._transfer.error)

    @property
    def sent(self) -> int:  # type: ignore[override]
        return self._transfer.sent

    @property
    def received(self) -> int:  # type: ignore[override]
        return self._transfer.received

    @property
    def intact(self) -> bool:  # type: ignore[override]
        return self._transfer.intact and self.received == self.sent

    @property
    def retransmitted(self) -> int:  # type: ignore[override]
        return self._transfer.retransmitted

    @property
    def lateness(self) -> str:  # type: ignore[override]
        return ""

    @property
    def is_alive(self) -> bool:  # type: ignore[override]
        return self._transfer.is_alive

    def reordered(self) -> int:
        return int(self.row.get("reordered", 0))

    def has_all(self) -> bool:
        return self.received >= self.sent

    def losses(self, dropped: Mapping[str, int]) -> dict[str, int]:
        lost = {f"in {self._host}: {reason}": n for reason, n in _drops(self.row).items()}
        return {**{place: n for place, n in dropped.items() if n > 0}, **lost}


def _drops(row: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = row.get("drops", {})
    return found


_SUMS = ("arrived", "bytes", "delivered", "latency_sum", "reordered", "moves")


def _without(row: dict[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """What the host counted since `base`, which is of the same flow in an earlier run."""
    if not base or row["first"] != base["first"]:
        return row
    old = dict(zip(*base["latencies"], strict=True))
    bounds, counts = row["latencies"]
    new = [count - old.get(bound, 0) for bound, count in zip(bounds, counts, strict=True)]
    drops = {r: n - base["drops"].get(r, 0) for r, n in row["drops"].items()}
    return {
        **row,
        **{name: row[name] - base[name] for name in _SUMS},
        "latencies": [bounds, new],
        "drops": {reason: n for reason, n in drops.items() if n},
        "first_delivered": max(row["first_delivered"], base["last_delivered"]),
    }


def _latency(row: Mapping[str, Any]) -> Latency | None:
    if not row.get("delivered"):
        return None
    bounds, counts = row["latencies"]
    return Latency.of(bounds, counts, row["latency_sum"], row["latency_max"])
