"""Updates that bring a fresh pipeline to the state of another one, in an order that works.

A program's initial entries are not part of that state; that a client changed or deleted one is.
"""

from __future__ import annotations

from collections.abc import Iterator

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.errors import SwitchError
from v1switch.p4runtime import batches
from v1switch.p4runtime.errors import Code, invalid, refusal
from v1switch.p4runtime.pipeline import Pipeline

Identity = tuple[int, int, tuple[bytes, ...]]
_INSERT, _MODIFY, _DELETE = p4rt.Update.INSERT, p4rt.Update.MODIFY, p4rt.Update.DELETE
_STATISTICS = (
    *("counter_entry", "register_entry", "meter_entry"),
    *("direct_counter_entry", "direct_meter_entry"),  # of a program's initial entries
)
_PROFILES = (
    p4rt.Entity(action_profile_member={}),
    p4rt.Entity(action_profile_group={}),
)
_TABLES = p4rt.Entity(table_entry={"counter_data": {}, "meter_config": {}})
_OTHERS: tuple[tuple[int, p4rt.Entity], ...] = (
    (_INSERT, p4rt.Entity(packet_replication_engine_entry={"multicast_group_entry": {}})),
    (_INSERT, p4rt.Entity(packet_replication_engine_entry={"clone_session_entry": {}})),
    (_MODIFY, p4rt.Entity(value_set_entry={})),
    (_INSERT, p4rt.Entity(digest_entry={})),
    (_MODIFY, p4rt.Entity(meter_entry={})),
    (_MODIFY, p4rt.Entity(counter_entry={})),
    (_MODIFY, p4rt.Entity(register_entry={})),
)


def changes(pipeline: Pipeline, fresh: Pipeline) -> Iterator[p4rt.Update]:
    """Yield the updates that turn `fresh`, which runs the same program, into `pipeline`."""
    for wanted in _PROFILES:
        for found in batches.entities(pipeline, wanted):
            yield p4rt.Update(type=_INSERT, entity=found)
    yield from _entries(pipeline, fresh)
    for kind, wanted in _OTHERS:
        for found in batches.entities(pipeline, wanted):
            if not _is_fresh(found):
                yield p4rt.Update(type=kind, entity=found)
    for kind_of_note, table_id, _ in pipeline.notes.written:
        if kind_of_note == "default":
            yield _default_update(pipeline, table_id)


def keep(pipeline: Pipeline, update: p4rt.Update) -> None:
    """Apply an update of another program's pipeline to this one.

    An entry may be, or no longer be, an initial entry of the new program; state that the new
    program lacks and that need not be kept is left out.

    Raises:
        Refused: forwarding state would be lost.
    """
    try:
        batches.apply(pipeline, update)
    except SwitchError as error:
        _keep_otherwise(pipeline, update, error)


def _keep_otherwise(pipeline: Pipeline, update: p4rt.Update, error: SwitchError) -> None:
    """Apply what takes the place of an update that failed, if anything has to."""
    kind = update.entity.WhichOneof("entity")
    code = refusal(error).code
    if kind in _STATISTICS:
        return
    if kind == "table_entry" and (update.type, code) == (_DELETE, Code.NOT_FOUND):
        return
    other = {(_INSERT, Code.ALREADY_EXISTS): _MODIFY, (_MODIFY, Code.NOT_FOUND): _INSERT}
    changed = other.get((update.type, code)) if kind == "table_entry" else None
    if changed is None:
        raise invalid(f"the state cannot be kept: {error}") from error
    keep(pipeline, p4rt.Update(type=changed, entity=update.entity))


def _entries(pipeline: Pipeline, fresh: Pipeline) -> Iterator[p4rt.Update]:
    """Yield the updates of table entries; deletions first, to free space."""
    initial = {_identity(e.table_entry): e for e in batches.entities(fresh, _TABLES)}
    there = {_identity(e.table_entry): e for e in batches.entities(pipeline, _TABLES)}
    for identity, entity in initial.items():
        if identity not in there:
            yield p4rt.Update(type=_DELETE, entity=entity)
    for identity, entity in there.items():
        before = initial.get(identity)
        if before is None:
            yield p4rt.Update(type=_INSERT, entity=entity)
        elif _without_resources(entity.table_entry) != _without_resources(before.table_entry):
            yield p4rt.Update(type=_MODIFY, entity=entity)
        elif entity != before:  # of a const entry as well
            for resource in _resources(entity.table_entry):
                yield p4rt.Update(type=_MODIFY, entity=resource)


def _without_resources(entry: p4rt.TableEntry) -> p4rt.TableEntry:
    """An entry without its direct resources."""
    stripped = p4rt.TableEntry()
    stripped.CopyFrom(entry)
    stripped.ClearField("counter_data")
    stripped.ClearField("meter_config")
    return stripped


def _resources(entry: p4rt.TableEntry) -> Iterator[p4rt.Entity]:
    """An entry's direct resources without the entry."""
    key = p4rt.TableEntry(table_id=entry.table_id, priority=entry.priority, match=entry.match)
    if entry.HasField("counter_data"):
        counter = p4rt.DirectCounterEntry(table_entry=key, data=entry.counter_data)
        yield p4rt.Entity(direct_counter_entry=counter)
    if entry.HasField("meter_config"):
        meter = p4rt.DirectMeterEntry(table_entry=key, config=entry.meter_config)
        yield p4rt.Entity(direct_meter_entry=meter)


def _identity(entry: p4rt.TableEntry) -> Identity:
    fields = tuple(field.SerializeToString(deterministic=True) for field in entry.match)
    return entry.table_id, entry.priority, fields


def _default_update(pipeline: Pipeline, table_id: int) -> p4rt.Update:
    wanted = p4rt.Entity(table_entry={"table_id": table_id, "is_default_action": True})
    (found,) = batches.entities(pipeline, wanted)
    return p4rt.Update(type=_MODIFY, entity=found)


def _is_fresh(entity: p4rt.Entity) -> bool:
    """Whether an entity is a cell with its initial value."""
    if entity.HasField("meter_entry"):
        return not entity.meter_entry.HasField("config")
    if entity.HasField("counter_entry"):
        data = entity.counter_entry.data
        return not (data.packet_count or data.byte_count)
    return entity.HasField("register_entry") and not any(entity.register_entry.data.bitstring)
