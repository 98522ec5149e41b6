"""What observers cost the live receive path: processor time a frame, and of one request.

    python benchmarks/bench_observing.py [--frames N] [--rounds N] [--json FILE]

The same frames of 64 flows go through the live path (parsing, model, sending, but no sockets) of a
host that nobody observes, of one that was observed and is no more, and of one that is observed; all
must deliver the same.  Then what an ``observe`` request costs the host, with few and many flows to
tell of.  Times are processor times, the best of some rounds in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bench_rxpath_live import FLOWS, frame  # noqa: E402
from rxpath.live.host import Host, example, replay  # noqa: E402
from rxpath.live.observing import Observing  # noqa: E402

GAP_NS = 1_000_000  # wall; 1 µs of the model at its dilation of 1000
BATCH = FLOWS
A_SECOND = 10  # requests of a screen
SYSTEM = {"policy": "falcon"}
STATES = {"nobody": "nobody observes", "left": "an observer has left", "observed": "observed"}
REQUESTS = (8, FLOWS)  # flows that are asked for


class Observer:
    """A client of the control socket that may leave."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], object]] = []

    def at_close(self, callback: Callable[[], object]) -> None:
        """As `rxpath.live.control.Caller` has it."""
        self._callbacks.append(callback)

    def leave(self) -> None:
        """Close the connection."""
        for callback in self._callbacks:
            callback()


def made(state: str) -> tuple[Host, Observing, Observer]:
    """A host that is observed, was observed (`left`), or never was (`nobody`)."""
    config = example(1).model_copy(update={"system": SYSTEM, "dilation": 1000, "slots": 4096})
    host = replay(config)
    observing, observer = Observing(host), Observer()
    if state != "nobody":
        observing.observe({}, observer)
    if state == "left":
        observer.leave()
    rx = host.datapath.rx
    for flow in range(BATCH):
        data = np.frombuffer(frame(64, flow), np.uint8)
        rx.frames[flow, : len(data)] = data
        rx.descriptors[flow].clear()
        rx.descriptors[flow].length, rx.descriptors[flow].tag = len(data), -1
    return host, observing, observer


def drive(host: Host, batches: int) -> float:
    """Processor time of so many batches, s."""
    stamps = host.datapath.rx.descriptors.array["stamp"]
    offsets = np.arange(1, BATCH + 1) * GAP_NS
    took = 0.0
    for batch in range(batches):
        stamps[:BATCH] = batch * BATCH * GAP_NS + offsets
        began = time.process_time()
        host.process_batch(BATCH, int(stamps[BATCH - 1]))
        took += time.process_time() - began
    host.process_batch(0, int(stamps[BATCH - 1]) + 10**12)
    return took


def measure(frames: int, rounds: int) -> dict[str, Any]:
    """Times of a frame for each kind of host, ns, and of a request, µs."""
    batches = max(1, frames // BATCH)
    best: dict[str, float] = {}
    outcomes = set()
    for _ in range(rounds):
        for state in STATES:
            host, observing, observer = made(state)
            best[state] = min(best.get(state, float("inf")), drive(host, batches))
            stats = host.model.stats()
            outcomes.add((stats["delivered"], stats["reordered"], str(stats["busy_ns"])))
    if len(outcomes) != 1:
        raise SystemExit("bench: a host that is observed does something else")
    result: dict[str, Any] = {
        f"{name}_ns": 1e9 * took / (batches * BATCH) for name, took in best.items()
    }
    for flows in REQUESTS:
        params, times = {"flows": flows, "known": host.model.knobs.profile}, []
        for _ in range(50 * rounds):
            began = time.process_time()
            answer = json.dumps(observing.observe(params, observer))
            times.append(time.process_time() - began)
        result[f"request_{flows}_us"] = 1e6 * float(np.median(times))
        result[f"answer_{flows}_bytes"] = len(answer)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    drive(made("observed")[0], 10)  # the kernels are ready
    found = measure(options.frames, options.rounds)
    for name, text in STATES.items():
        ns = found[f"{name}_ns"]
        print(f"{text:22} {ns:6,.0f} ns a frame, ratio {ns / found['nobody_ns']:.3f}")
    for flows in REQUESTS:
        us, size = found[f"request_{flows}_us"], found[f"answer_{flows}_bytes"]
        share = f"{A_SECOND} a second take {us * A_SECOND / 1e4:.2f} % of a core"
        print(f"a request, {flows:2} flows:  {us:6,.0f} µs, {size:,} bytes; {share}")
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
