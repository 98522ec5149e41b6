"""The interface of an application: programs, arguments, how output is read. Pure.

A further application is one file: in `falcon_ctl/apps/applications/`, with its name in
`registry.ALL`, or a user's own, FILE.py:NAME.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from falcon_ctl.papers.layout import SERVER
from falcon_ctl.papers.loads import TESTBED
from falcon_ctl.systems.system import merge_knobs

# One queue receives, as in the papers' experiments with one server: many connections over many
# queues would spread over cores by RSS alone, and no core would be the overlay's bottleneck.
RECEIVING_HOST: Mapping[str, Any] = merge_knobs(TESTBED, SERVER)
# Of requests and answers: the NIC's moderation is at its lowest level, as a round trip of 20 us has
# no room for more (`falcon_ctl.papers.loads.caching`).
ASKED_HOST: Mapping[str, Any] = merge_knobs(
    RECEIVING_HOST, {"moderation": "fixed", "rx_usecs": 2, "rx_frames": 256}
)
# The kernel acknowledges by the wall clock: an answer that no request follows within 40 ms
# (TCP_DELACK_MIN, include/net/tcp.h) costs a frame that a client without dilation would not send.
LONGEST_THINK_S = 0.034
QUANTILES = (0.5, 0.99, 0.999)


class Program(NamedTuple):
    """An executable, and Debian's package that brings it."""

    name: str
    package: str


class Command(NamedTuple):
    """What is run in a container; `given`: bytes for its standard input."""

    argv: Sequence[str]
    given: bytes = b""


@dataclass(frozen=True)
class Place:
    """Where and how an application runs.

    Attributes:
        address: IPv4 address of the server's container.
        seconds: wall time that the load is to last.
        dilation: wall time over model time.
        rate: operations/s of the wall clock: those that an open-loop client sends, about those
            that a closed-loop client will do.
        seed: of contents.
    """

    address: str
    seconds: float
    dilation: int
    rate: float
    seed: int

    def contents(self, size: int) -> bytes:
        """Bytes that differ from seed to seed."""
        return hashlib.shake_256(f"contents {self.seed}".encode()).digest(size)


@dataclass(frozen=True)
class Reading:
    """What a client's output says, in wall time.

    Attributes:
        operations: requests that were answered, messages or bytes that were received.
        seconds: how long that took.
        mean: of their latencies, s; None where the client has none.
        quantiles: of their latencies, s, by quantile.
        lost: messages of a protocol that may lose some, without an answer.
        errors: what went wrong, as the client counts it; empty: nothing.
    """

    operations: int
    seconds: float
    mean: float | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)
    lost: int = 0
    errors: Sequence[str] = ()

    @property
    def rate(self) -> float:
        """Operations/s."""
        return self.operations / self.seconds if self.seconds > 0 else 0.0


class Exchange(NamedTuple):
    """Bytes that are sent over a connection of our own, and those that the answer must end with.

    `closes`: the server closes the connection behind its answer; otherwise the answer is no longer
    than what it must be.
    """

    request: bytes
    answer: bytes
    closes: bool = False


class Proof(NamedTuple):
    """A command whose output shows whether bytes arrived unchanged.

    `of_server`: it is run in the server's container; `sent`: how many bytes; `judge`: how many of
    them arrived and whether they are right, by the output.
    """

    of_server: bool
    command: Command
    sent: int
    judge: Callable[[str], tuple[int, bool]]


class Unreadable(Exception):
    """A client's output is not what its version is known to print; `what` is missing."""

    def __init__(self, what: str) -> None:
        super().__init__(f"its output has no {what}")
        self.what = what


class Application(ABC):
    """One application.

    Attributes:
        name: as the command line knows it.
        load: what is done, in a line.
        unit: of an operation, for tables: "requests", "messages", "bytes".
        server, client: their programs; no client: one of ours (`falcon_ctl.apps.clients`).
        python: packages that the client needs besides, all of the extra `apps`.
        port: of the server.
        transport: "tcp" or "udp".
        connections: that clients have at a time.
        asks: its clients ask, wait for the answer, think and ask again, so that the model can
            predict it (`falcon_ctl.apps.prediction`).
        think_us: mean of exponentially distributed thinking, model time; cut at `LONGEST_THINK_S`.
        compared: the talk has numbers of it.
        answers_are_bulk: what matters is received by the clients' machine, too: it is dilated as
            well.
        paced: clients send at a rate of their own (`Place.rate`), whatever comes back.
        message: bytes of a datagram, where it is paced.
        by_count: the client ends after so many operations, and knows no time.
        serves_once: the server ends by itself behind the client.
        own_seconds: for so long, about, a stream of our own follows, whose bytes are compared.
        tried_rate: operations/s of the wall clock in the run that the dilation follows from.
        knobs: of the receiving hosts, the same ones for all systems.
    """

    name: ClassVar[str]
    load: ClassVar[str]
    unit: ClassVar[str] = "requests"
    server: ClassVar[Program]
    client: ClassVar[Program | None]
    python: ClassVar[Sequence[str]] = ()
    port: ClassVar[int]
    transport: ClassVar[str] = "tcp"
    asks: ClassVar[bool] = False
    think_us: ClassVar[float] = 0.0
    compared: ClassVar[bool] = False
    connections: ClassVar[int] = 1
    answers_are_bulk: ClassVar[bool] = False
    paced: ClassVar[bool] = False
    message: ClassVar[int] = 0
    by_count: ClassVar[bool] = False
    serves_once: ClassVar[bool] = False
    own_seconds: ClassVar[float] = 0.0
    tried_rate: ClassVar[float] = 300.0
    knobs: ClassVar[Mapping[str, Any]] = RECEIVING_HOST

    @property
    def programs(self) -> Sequence[Program]:
        """What has to be installed."""
        return [one for one in (self.server, self.client) if one is not None]

    def before(self, place: Place) -> Sequence[Command]:  # noqa: ARG002
        """Commands in the server's container, one after the other, before the server starts."""
        return ()

    @abstractmethod
    def serve(self, place: Place) -> Command:
        """The server."""

    def fill(self, place: Place) -> Sequence[Command]:  # noqa: ARG002
        """Commands in the server's container, once the server runs."""
        return ()

    def at_client(self, place: Place) -> Sequence[Command]:  # noqa: ARG002
        """Commands in the client's container, before the load."""
        return ()

    @abstractmethod
    def drive(self, place: Place) -> Command:
        """The client: the load that is measured."""

    @abstractmethod
    def read(self, output: str, place: Place) -> Reading:
        """What the client printed. Raises Unreadable."""

    def exchanges(self, place: Place) -> Sequence[Exchange]:  # noqa: ARG002
        """What is sent over a connection of our own behind the load: the bytes must be right."""
        return ()

    def proofs(self, place: Place) -> Sequence[Proof]:  # noqa: ARG002
        """Commands behind the load that show that the bytes of transfers are right."""
        return ()
