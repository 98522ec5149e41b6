"""What level trace costs: processor time for a frame whose every step is written to a log file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.v1switch.explained import ENCAPSULATED, ENTRIES
from tests.v1switch.explained import JSON as VTEP
from tests.v1switch.twin import COMPILED
from v1switch.commands.log_files import RotatingFile
from v1switch.commands.logs import BYTES, FILES, Stamp
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import load_entries
from v1switch.explain.trace import TraceEngine
from v1switch.program.loader import load_file

FRAMES, RUNS = 500, 5
RATE = 2_000  # frames a second of one core, of a program of some twenty steps
CPU_PORT = 510
MATCHING: Frame = (1, bytes.fromhex("00010a0102031234770907") + bytes(87))


def measure() -> dict[str, Any]:
    """Microseconds and lines a frame, of a small program and of the VXLAN switch."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "small": _measure(COMPILED / "matching.json", None, MATCHING, Path(folder)),
            "vxlan": _measure(VTEP, ENTRIES, ENCAPSULATED, Path(folder)),
        }


def _measure(program: Path, entries: Path | None, frame: Frame, folder: Path) -> dict[str, Any]:
    log, count = RotatingFile(folder / "s1.log", BYTES, FILES), 0

    def write(lines: list[str]) -> None:
        nonlocal count
        count = len(lines)
        log.write("\n".join(lines) + "\n")

    found: dict[str, Any] = {}
    for name, engine in (("plain", PythonEngine()), ("traced", TraceEngine(write, Stamp()))):
        plane = Dataplane(engine, cpu_port=CPU_PORT)
        plane.load(load_file(program))
        if entries is not None:
            load_entries(entries, plane, None)
        found[f"{name}_us"] = round(min(_frame_us(plane, frame) for _ in range(RUNS)), 1)
    log.stream.close()
    return found | {"lines": count}


def _frame_us(plane: Dataplane, frame: Frame) -> float:
    started = time.process_time()
    for _ in range(FRAMES):
        plane.process(*frame)
    return (time.process_time() - started) / FRAMES * 1e6


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for a reader."""
    for name, each in figures.items():
        rate = 1e6 / each["traced_us"]
        yield (
            f"trace            {name}: {each['lines']} lines, {each['traced_us']} us a frame "
            f"({rate:,.0f}/s of a core), plain Python {each['plain_us']}"
        )


def goals(figures: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """What is to hold, and whether it does."""
    yield f"{RATE:,} traced frames/s of a core", figures["small"]["traced_us"] <= 1e6 / RATE
