"""What a look-up costs in plain Python: frames through the data plane in this process, no sockets.

The tables and entries are those of `switch_tables`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.switch_tables import KINDS, NO_TABLE, RUNS, Kind
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.engines.python.engine import PythonEngine
from v1switch.program.loader import load_file
from v1switch.state.entries import ActionCall, Exact, Key, Lpm, TableEntry, Ternary

FRAMES = 2_000
SEND = ActionCall("LookIngress.send", (2,))

MATCHES: dict[str, Callable[[Any], Key]] = {
    "exact": lambda value: (Exact(value),),
    "lpm": lambda pair: (Lpm(*pair),),
    "ternary": lambda pair: (Ternary(*pair),),
}


def look_ups() -> Dataplane:
    """Plain Python's data plane with the program of look-ups."""
    plane = Dataplane(PythonEngine())
    plane.load(load_file(COMPILED / "lookups.json"))
    return plane


def frames(mark: int, keys: list[int]) -> list[Frame]:
    """A burst of frames with these keys in turns."""
    head = bytes(12) + mark.to_bytes(2, "big") + bytes(8)
    made = [head + key.to_bytes(8, "big") + bytes(40) for key in keys]
    return [(1, made[n % len(made)]) for n in range(FRAMES)]


def frame_us(plane: Dataplane, burst: list[Frame]) -> float:
    """Microseconds a frame, the best of RUNS bursts; every frame must come out."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        out = plane.process_burst(burst, 0)
        best = min(best, time.perf_counter() - started)
        assert len(out) == len(burst)
    return best / len(burst) * 1e6


def growing(name: str, kind: Kind, sizes: list[int]) -> Iterator[tuple[int, float]]:
    """Fill a table step by step; yield entries and microseconds a frame."""
    plane, filled, rng = look_ups(), 0, np.random.default_rng(1)
    for size in sizes:
        for n in range(filled, size):
            match, priority, _ = kind.entry(n)
            entry = TableEntry(MATCHES[name](match), SEND, priority)
            plane.insert_entry(f"LookIngress.{kind.table}", entry)
        filled = size
        keys = [kind.entry(int(n))[2] for n in rng.integers(0, size, FRAMES)]
        yield size, frame_us(plane, frames(kind.mark, keys))


def measure(sizes: list[int]) -> dict[str, Any]:
    """Microseconds a frame, without a table and for each kind and size."""
    figures: dict[str, Any] = {"no_table_us": round(frame_us(look_ups(), frames(NO_TABLE, [0])), 2)}
    for name, kind in KINDS.items():
        figures[name] = {size: round(us, 2) for size, us in growing(name, kind, sizes)}
    return figures


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for a reader."""
    yield f"in process       us a frame: no table {figures['no_table_us']}"
    for name in KINDS:
        cells = "; ".join(f"{size:,} entries {us}" for size, us in figures[name].items())
        yield f"in process       us a frame: {name} {cells}"
