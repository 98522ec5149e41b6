"""How long forwarding pauses while a switch handles the largest requests that it takes.

    python -m benchmarks.switch_stalls [--engine python|native]

A process of its own sends a frame through the switch, waits for it, and sends the next; meanwhile
a controller makes requests. The longest round trip during a request is the longest pause. Figures
are in milliseconds, and hold for a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

import grpc
from p4.v1 import p4runtime_pb2 as rt
from p4.v1 import p4runtime_pb2_grpc

from tests.switch.harness import Port, Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target
from tests.v1switch import large

FRAME = bytes.fromhex("020000000002020000000001") + b"\x12\x34" + bytes(50)
PATIENCE_S = 60.0
PAUSE_S = 0.0005  # between two frames
TABLES = 2_200  # of the largest program: 4 MB of JSON, 1 MB of generated Python
UPDATES = 10_000  # of the largest Write
ATOMIC = 100  # of the largest one that is all or nothing


class Pauses(NamedTuple):
    """Round trips of frames during a request, in milliseconds."""

    frames: int
    longest: float
    median: float


def probe(source: Port, sink: Port, control: Connection) -> None:
    """Send frames one by one until told; answer each word with the round trips since the last."""
    trips: list[float] = []
    while True:
        started = time.perf_counter()
        source.send(FRAME)
        sink.receive(PATIENCE_S)
        trips.append(1e3 * (time.perf_counter() - started))
        if control.poll():
            if control.recv() == "end":
                return
            control.send(Pauses(len(trips), max(trips), sorted(trips)[len(trips) // 2]))
            trips = []
        time.sleep(PAUSE_S)


class Probe:
    """The process that sends frames."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Start sending from port 1 to port 2."""
        self._control, other = multiprocessing.Pipe()
        fork = multiprocessing.get_context("fork")  # it inherits the sandbox's sockets
        arguments = sandbox.port(1), sandbox.port(2), other
        self._process = fork.Process(target=probe, args=arguments, daemon=True)
        self._process.start()

    def during(self, work: Callable[[], object]) -> tuple[Pauses, float]:
        """Return the round trips while something is done, and how many seconds it took."""
        self._take()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        return self._take(), seconds

    def close(self) -> None:
        """End the process."""
        self._control.send("end")
        self._process.join(PATIENCE_S)

    def _take(self) -> Pauses:
        self._control.send("go on")
        found: Pauses = self._control.recv()
        return found


class Requests:
    """The largest requests, by name."""

    def __init__(self, address: str) -> None:
        """Prepare them as the primary client of a switch."""
        self._channel = grpc.insecure_channel(address)
        self._stub = p4runtime_pb2_grpc.P4RuntimeStub(self._channel)

    def pipeline(self, tables: int, action: str) -> Callable[[], object]:
        """A program with so many tables."""
        request = large.pipeline(tables, action)
        return lambda: self._stub.SetForwardingPipelineConfig(request, timeout=PATIENCE_S)

    def write(self, tables: int, each: int, atomicity: str, kind: int) -> Callable[[], object]:
        """A Write of entries for so many tables."""
        request = rt.WriteRequest(device_id=1, atomicity=atomicity)
        request.election_id.low = 1
        for update in large.updates(tables, each):
            update.type = kind
            request.updates.append(update)
        return lambda: self._stub.Write(request, timeout=PATIENCE_S)

    def read(self) -> Callable[[], object]:
        """A Read of all entries, as bytes: reading them is the client's work."""
        request = rt.ReadRequest(device_id=1, entities=[{"table_entry": {}}])
        call = self._channel.unary_stream("/p4.v1.P4Runtime/Read")
        return lambda: list(call(request.SerializeToString(), timeout=PATIENCE_S))

    def refused(self) -> Callable[[], object]:
        """A program of 60 MB."""
        request = rt.SetForwardingPipelineConfigRequest(device_id=1, action="VERIFY")
        request.config.p4_device_config = bytes(60 << 20)

        def send() -> None:
            call = self._stub.SetForwardingPipelineConfig.future(request, timeout=PATIENCE_S)
            if call.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise SystemExit(f"60 MB were not refused: {call.code()}")

        return send


def steps(requests: Requests) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done, in this order."""
    insert, modify = rt.Update.INSERT, rt.Update.MODIFY
    tables, each = 20, UPDATES // 20
    yield "nothing, for a second", lambda: time.sleep(1)
    yield "a program of 60 MB, refused", requests.refused()
    yield "the largest program, verified", requests.pipeline(TABLES, "VERIFY")
    yield "a small program", requests.pipeline(tables, "VERIFY_AND_COMMIT")
    yield f"{UPDATES:,} insertions", requests.write(tables, each, "CONTINUE_ON_ERROR", insert)
    yield f"{UPDATES:,} changes", requests.write(tables, each, "CONTINUE_ON_ERROR", modify)
    yield (
        f"{ATOMIC} changes, all or nothing",
        requests.write(1, ATOMIC, "DATAPLANE_ATOMIC", modify),
    )
    yield f"a Read of {UPDATES:,} entries", requests.read()
    yield "the same program, reconciled", requests.pipeline(tables, "RECONCILE_AND_COMMIT")
    yield "the largest program, committed", requests.pipeline(TABLES, "VERIFY_AND_COMMIT")
    yield "the small program again", requests.pipeline(tables, "VERIFY_AND_COMMIT")


@contextmanager
def world(engine: str) -> Iterator[tuple[Probe, Requests]]:
    """A switch that forwards, the probe and its controller."""
    with (
        Sandbox(ports=2) as sandbox,
        Target(V1SWITCH, sandbox, options=["--engine", engine], log_level="info") as target,
        SwitchClient(target.address),
    ):
        requests = Requests(target.address)
        requests.pipeline(20, "VERIFY_AND_COMMIT")()
        sandbox.drain()
        probe_ = Probe(sandbox)
        try:
            yield probe_, requests
        finally:
            probe_.close()


def main() -> None:
    """Print one line for each request."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--engine", choices=["python", "native", "auto"], default="auto")
    options = made.parse_args()
    print(f"{'request':34} {'took':>8} {'frames':>7} {'median':>8} {'longest pause':>14}")
    with world(options.engine) as (probe_, requests):
        for name, work in steps(requests):
            pauses, seconds = probe_.during(work)
            print(
                f"{name:34} {seconds:6.2f} s {pauses.frames:7} "
                f"{pauses.median:5.2f} ms {pauses.longest:11.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
