"""Machine code: how long a program takes to compile with an empty cache, and a frame to run.

    python benchmarks/switch_machine_code.py [PROGRAM.json ...]

Seconds are processor time of one core. Frames are the forwarded ones of the VXLAN program's golden
file, each run many times in a loop of machine code, without sockets.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.v1switch.engines import CPU_PORT, write  # noqa: E402  # needs the path
from tests.v1switch.golden import read  # noqa: E402  # needs the path
from tests.v1switch.twin import COMPILED  # noqa: E402  # needs the path
from v1switch.control.dataplane import Dataplane  # noqa: E402  # needs the path
from v1switch.engines.native import cache, machine  # noqa: E402  # needs the path
from v1switch.engines.native import output as op  # noqa: E402  # needs the path
from v1switch.engines.native.compile import (  # noqa: E402  # needs the path
    Function,
    function,
    load,
    object_code,
)
from v1switch.engines.native.engine import Native, NativeEngine  # noqa: E402  # needs the path
from v1switch.engines.native.printer.function import (  # noqa: E402  # needs the path
    RUN_ARGUMENTS,
    print_switch,
)
from v1switch.engines.python.engine import PythonEngine  # noqa: E402  # needs the path
from v1switch.lower import lower  # noqa: E402  # needs the path
from v1switch.program import load_file  # noqa: E402  # needs the path
from v1switch.state.words import WORD_BYTES, address  # noqa: E402  # needs the path

VTEP = ROOT / "p4" / "compiled" / "falcon_vtep.json"
NO_NODE = 0  # the frame has not waited in a queue
PASSES, RUNS = 2_000, 50
GOAL_S, GOAL_US = 2.0, 0.31
_CLEARED = (op.FRAMES, op.UNDO, op.OVERFULL, op.EVENTS, op.ITEMS, op.BYTES, op.HELD)


def compile_seconds(path: Path) -> float:
    """Processor time from a program's file to object code that is ready to load."""
    cache.helpers()  # compiled once for a machine
    started = time.process_time()
    object_code(print_switch(lower(load_file(path))).text)
    return time.process_time() - started


def repeating() -> tuple[Function, llvm.ExecutionEngine]:
    """A function of run, its arguments, and how often, and what keeps the function's code."""
    word = ir.IntType(64)
    count = len(RUN_ARGUMENTS)
    kind = ir.FunctionType(word, [word] * count)
    module = ir.Module("repeat")
    repeat = ir.Function(module, ir.FunctionType(word, [word] * (count + 2)), "repeat")
    run, *arguments, passes = repeat.args
    out = arguments[RUN_ARGUMENTS.index("out")]
    entry, loop, done = (repeat.append_basic_block() for _ in range(3))
    builder = ir.IRBuilder(entry)
    builder.branch(loop)
    builder.position_at_end(loop)
    number = builder.phi(word)
    number.add_incoming(word(0), entry)
    for index in _CLEARED:
        place = builder.add(out, word(WORD_BYTES * index))
        builder.store(word(0), builder.inttoptr(place, word.as_pointer()))
    result = builder.call(builder.inttoptr(run, kind.as_pointer()), arguments)
    after = builder.add(number, word(1))
    number.add_incoming(after, loop)
    builder.cbranch(builder.icmp_signed("<", after, passes), loop, done)
    builder.position_at_end(done)
    builder.ret(result)
    engine = load(machine.host().emit_object(machine.parse(str(module))))
    return function(engine.get_function_address("repeat"), count + 2), engine


def frame_us() -> float:
    """Microseconds a frame of the VXLAN program: the best runs, and of those the mean."""
    case, _ = read("falcon_vtep")
    plane = Dataplane(NativeEngine(PythonEngine()), cpu_port=CPU_PORT)
    plane.load(load_file(case.program))
    write(plane, case.entries)
    native = plane.forwarder
    assert isinstance(native, Native)
    repeat, _code = repeating()
    times = []
    for port, frame in case.frames:
        if not native.attempt(port, frame, plane.clock()):
            continue  # it is dropped, which takes less
        start = native.memory.put_frame(frame)
        given = (native.compiled.address, address(native.context), start, len(frame), port)
        best = float("inf")
        for _ in range(RUNS):
            started = time.perf_counter()
            repeat(*given, plane.clock(), address(native.memory.words), NO_NODE, PASSES)
            best = min(best, time.perf_counter() - started)
        times.append(best / PASSES * 1e6)
    return sum(times) / len(times)


def measure(programs: Sequence[Path] = ()) -> dict[str, Any]:
    """Seconds of each program, and microseconds a frame."""
    compile_seconds(VTEP)  # LLVM's own start
    paths = programs or (VTEP, *sorted(COMPILED.glob("*.json")))
    seconds = {path.stem: round(compile_seconds(path), 2) for path in paths}
    return {"compile_s": seconds, "frame_us": round(frame_us(), 3)}


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for a reader."""
    slowest = sorted(figures["compile_s"].items(), key=lambda item: -item[1])[:5]
    cells = "; ".join(f"{name} {seconds}" for name, seconds in slowest)
    yield f"machine code     seconds of CPU to compile, the slowest: {cells}"
    yield f"machine code     us a frame of the VXLAN program: {figures['frame_us']}"


def goals(figures: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """What machine code is to reach, with what it reached."""
    seconds, us = figures["compile_s"].get(VTEP.stem), figures["frame_us"]
    if seconds is not None:
        yield f"{VTEP.stem} compiled within {GOAL_S:g} s: {seconds} s", seconds <= GOAL_S
    yield f"a VXLAN frame within {GOAL_US:g} us: {us} us", us <= GOAL_US


if __name__ == "__main__":
    print(*lines(measure([Path(name) for name in sys.argv[1:]])), sep="\n")
