"""P4Info and program that do not fit: refused when the pipeline is set, or all of it works."""

from functools import cache

from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.fuzz import worlds
from tests.fuzz.choices import Choices
from tests.fuzz.oracles import check_refusal
from tests.fuzz.target_p4runtime import WILDCARDS, disturb
from v1switch.control.dataplane import Dataplane, Prepared
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import batches
from v1switch.p4runtime.errors import BatchFailed, Refused
from v1switch.p4runtime.join import join
from v1switch.p4runtime.pipeline import Pipeline

Match = p4info_pb2.MatchField


@cache
def _prepared(name: str) -> Prepared:
    return Dataplane(PythonEngine()).prepare(worlds.program(name))


def decode(data: bytes) -> tuple[str, p4info_pb2.P4Info, Choices]:
    """A program's name, a P4Info that may not be its own, and what is left of the choices."""
    choose = Choices(data)
    name = choose.pick(list(worlds.FILES))
    info = p4info_pb2.P4Info()
    info.CopyFrom(worlds.p4info(choose.pick(list(worlds.FILES)) if choose.chance(4) else name))
    for _ in range(choose.below(3)):
        disturb(info, name, choose, choose.pick((150, 50, 1000)))
    return name, info, choose


def warm_up() -> None:
    """Read all that is kept, so that memory is constant afterwards."""
    for name in list(worlds.FILES):
        _prepared(name)
        worlds.p4info(name)
        worlds.frames(name)


def run(data: bytes) -> str:
    """Join the two; what fits is written to, and read."""
    name, info, choose = decode(data)
    prepared = _prepared(name)
    try:
        schema = join(info, prepared.program)
    except Refused as refused:
        return check_refusal(refused)
    plane = Dataplane(PythonEngine(), cpu_port=worlds.CPU_PORT)
    plane.commit(prepared)
    pipeline = Pipeline(rt.ForwardingPipelineConfig(p4info=info), schema, plane)
    _use(pipeline, info, choose)
    for port, frame in worlds.frames(name)[:2]:
        plane.process(port, frame)
    return "fits"


def _use(pipeline: Pipeline, info: p4info_pb2.P4Info, choose: Choices) -> None:
    """Insert an entry into each table as the P4Info says, then read everything."""
    request = rt.WriteRequest()
    for table in info.tables:
        for ref in table.action_refs:
            entry = _entry(table, choose)
            call = rt.Action(action_id=ref.id)
            for param in (p for a in info.actions if a.preamble.id == ref.id for p in a.params):
                call.params.add(param_id=param.id, value=choose.take(1))
            entry.action.action.CopyFrom(call)
            request.updates.add(type=1, entity=rt.Entity(table_entry=entry))
    try:
        batches.write(pipeline, request)
    except BatchFailed as failed:
        _check(failed)
    _, failure = batches.read(pipeline, rt.ReadRequest(entities=WILDCARDS))
    if failure is not None:
        _check(failure)


def _check(failed: BatchFailed) -> None:
    for result in failed.results:
        if result is not None:
            check_refusal(result)


def _entry(table: p4info_pb2.Table, choose: Choices) -> rt.TableEntry:
    entry = rt.TableEntry(table_id=table.preamble.id)
    for field in table.match_fields:
        value, kind = choose.take(1), field.match_type
        match = entry.match.add(field_id=field.id)
        if kind == Match.LPM:
            match.lpm.value, match.lpm.prefix_len = value, field.bitwidth
        elif kind == Match.TERNARY:
            match.ternary.value, match.ternary.mask = value, value
        elif kind == Match.RANGE:
            match.range.low, match.range.high = b"\0", value
        elif kind == Match.OPTIONAL:
            match.optional.value = value
        else:
            match.exact.value = value
    ranked = {Match.TERNARY, Match.RANGE, Match.OPTIONAL}
    entry.priority = int(any(f.match_type in ranked for f in table.match_fields))
    return entry


def show(data: bytes) -> dict[str, bytes]:
    """The program's name and the P4Info, readable."""
    name, info, _ = decode(data)
    return {"txt": f"# program {name}\n{info}".encode()}


def seeds() -> list[bytes]:
    """Every program with its own P4Info."""
    return [bytes([number]) for number in range(len(worlds.FILES))]
