"""Engines that run cases: `run(engine, program, entries, frames)` returns an engine's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.v1switch.both import both
from tests.v1switch.cases import Answer, Entries, Frame
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.program import load_file
from v1switch.state.entries import DigestSample, ValueSetMember

Engine = Callable[[Path, Entries, Sequence[Frame]], Answer]
CPU_PORT = 510
WIDEST_REGISTER = 63  # bits: the limit of BMv2's Thrift interface


def run(engine: Engine, program: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
    """Run a program (BMv2 JSON) with entries on frames, one after the other."""
    return engine(program, entries, frames)


def write(dataplane: Dataplane, entries: Entries) -> None:
    """Write all entries."""
    for profile, member in entries.members:
        dataplane.insert_member(profile, member)
    for profile, group in entries.groups:
        dataplane.insert_group(profile, group)
    for table, entry in entries.tables:
        dataplane.insert_entry(table, entry)
    for table, action in entries.defaults:
        dataplane.set_default(table, action)
    for multicast in entries.multicast:
        dataplane.insert_multicast_group(multicast)
    for session in entries.clones:
        dataplane.insert_clone_session(session)
    for meter, index, config in entries.meters:
        dataplane.set_meter(meter, index, config)
    for number, config in entries.direct_meters:
        table, entry = entries.tables[number]
        dataplane.set_direct_meter(table, entry.key, config, entry.priority)
    for name in dict(entries.value_sets):
        values = [value for other, value in entries.value_sets if other == name]
        dataplane.set_value_set(name, [ValueSetMember(value) for value in values])


def state(dataplane: Dataplane, entries: Entries, answer: Answer) -> Answer:
    """Add what counters and registers hold to an answer."""
    program = dataplane.program
    assert program is not None
    for name, counter in program.counters.items():
        if counter.binding is None:
            cells = ((i, dataplane.counter(name, i)) for i in range(counter.size))
            answer.counters[name] = {i: (c.packets, c.bytes) for i, c in cells if c.packets}
    for number, (table, entry) in enumerate(entries.tables):
        if program.tables[table].with_counters:
            count = dataplane.direct_counter(table, entry.key, entry.priority)
            answer.direct[number] = (count.packets, count.bytes)
    for name, register in program.registers.items():
        if register.width <= WIDEST_REGISTER:
            answer.registers[name] = [dataplane.register(name, i) for i in range(register.size)]
    return answer


def v1switch(program: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
    """Run a case on v1switch in this process."""
    dataplane = Dataplane(PythonEngine(), cpu_port=CPU_PORT)
    dataplane.load(load_file(program))
    return _run(dataplane, entries, frames)


def native(program: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
    """Run a case on v1switch's machine code, compared with plain Python."""
    return _run(both(program, cpu_port=CPU_PORT), entries, frames)


def traced(program: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
    """Run a case on v1switch with `--trace`, whose generated code differs."""
    explanations: list[Explanation] = []
    tracing = TracingEngine(lambda _, explanation: explanations.append(explanation))
    dataplane = Dataplane(tracing, cpu_port=CPU_PORT)
    dataplane.load(load_file(program))
    return _run(dataplane, entries, frames)


def _run(dataplane: Dataplane, entries: Entries, frames: Sequence[Frame]) -> Answer:
    answer = Answer()

    def on_digest(sample: DigestSample) -> None:
        values = answer.digests.setdefault(sample.name, [])
        if sample.values not in values:
            values.append(sample.values)

    dataplane.on_digest = on_digest
    dataplane.on_packet_in = lambda frame: answer.frames.setdefault(CPU_PORT, []).append(frame)
    write(dataplane, entries)
    for port, frame in frames:
        for out_port, out in dataplane.process(port, frame):
            answer.frames.setdefault(out_port, []).append(out)
    return state(dataplane, entries, answer)


# those that golden files are replayed on
ENGINES: dict[str, Engine] = {"v1switch": v1switch, "native": native, "traced": traced}
