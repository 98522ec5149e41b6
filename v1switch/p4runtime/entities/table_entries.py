"""Table entries (specification 1.4, "TableEntry")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.errors import DuplicateEntry, EntryNotFound
from v1switch.p4runtime.actions import decode_table_action, encode_table_action, lacks_action
from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.entities.resources import (
    decode_counter,
    decode_meter,
    encode_counter,
    encode_meter,
    lacks,
    no_colour_counters,
)
from v1switch.p4runtime.errors import Code, Refused, exists, invalid, not_found, unsupported
from v1switch.p4runtime.matches import decode_key, encode_key
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.schema import Table, lookup, select
from v1switch.state.entries import ActionCall, ActionSet, EntryAction, Key, TableEntry


@dataclass(frozen=True)
class Labels:
    """A client's metadata on an entry, returned with it and otherwise ignored."""

    metadata: bytes
    controller_metadata: int


NO_LABELS = Labels(b"", 0)
# the texts about idle timeouts are those of BMv2's server (PI): tests of others compare them whole
HIT_WRITTEN = "has_time_since_last_hit must not be set in WriteRequest"


class TableEntries(Handler):
    """Entries and default entries of tables."""

    member = "table_entry"

    def write(self, pipeline: Pipeline, kind: int, message: p4rt.TableEntry) -> None:
        """Check the fields that all updates share, then apply the update."""
        if message.is_const:
            raise invalid("is_const must not be set in a write")
        super().write(pipeline, kind, message)

    def insert(self, pipeline: Pipeline, message: p4rt.TableEntry) -> None:
        """Add an entry with its direct resources."""
        table = lookup(pipeline.schema, pipeline.schema.tables, message.table_id, "table")
        if message.is_default_action:
            raise invalid(f"table {table.name!r}: the default entry cannot be inserted")
        if not table.fields:
            raise invalid(f"table {table.name!r} has no key, so it takes no entries")
        _mutable(table)
        if not message.HasField("action"):
            raise invalid(f"table {table.name!r}: the action is missing")
        key = entry_key(message, table)
        action = decode_table_action(message.action, table, default=False)
        entry = _entry(message, table, key, action)
        _check_resources(pipeline, message, table)
        _check_style(pipeline, table, action)
        try:
            with pipeline.plane.transaction():
                pipeline.plane.insert_entry(table.name, entry)
                _set_resources(pipeline, table, message, key)
        except DuplicateEntry:
            raise exists(f"table {table.name!r} already has this entry") from None

    def modify(self, pipeline: Pipeline, message: p4rt.TableEntry) -> None:
        """Replace an entry, or the default entry."""
        table = lookup(pipeline.schema, pipeline.schema.tables, message.table_id, "table")
        key = entry_key(message, table)
        if message.is_default_action:
            _modify_default(pipeline, table, message)
            return
        if table.is_const and message.HasField("action"):
            raise Refused(Code.PERMISSION_DENIED, f"table {table.name!r} is const")
        action = None
        if message.HasField("action"):
            action = decode_table_action(message.action, table, default=False)
        _check_resources(pipeline, message, table)
        before = find(pipeline, table, key, message.priority)
        if before is None:
            raise missing(table)
        entry = _entry(message, table, key, before.action if action is None else action)
        changes = action is not None or entry.opaque != NO_LABELS or entry.idle_timeout_ns
        if before.is_const and changes:
            raise Refused(
                Code.PERMISSION_DENIED,
                f"table {table.name!r}: only the direct resources of a const entry can be modified",
            )
        _check_style(pipeline, table, entry.action)
        with pipeline.plane.transaction():
            if not before.is_const:
                pipeline.plane.modify_entry(table.name, entry)
            _set_resources(pipeline, table, message, key)

    def delete(self, pipeline: Pipeline, message: p4rt.TableEntry) -> None:
        """Remove an entry; other fields than its key are ignored."""
        table = lookup(pipeline.schema, pipeline.schema.tables, message.table_id, "table")
        if message.is_default_action:
            raise invalid(f"table {table.name!r}: the default entry cannot be deleted")
        _mutable(table)
        key = entry_key(message, table)
        before = find(pipeline, table, key, message.priority)
        if before is None:
            raise missing(table)
        pipeline.plane.delete_entry(table.name, key, message.priority)

    def read(self, pipeline: Pipeline, message: p4rt.TableEntry, new: New) -> None:
        """Read the entries that the request's set fields select."""
        for table in select(pipeline.schema, pipeline.schema.tables, message.table_id, "table"):
            _check_idle(message, table)
            if message.is_default_action:
                _encode_default(pipeline, table, new())
                continue
            for entry in selected(pipeline, table, message):
                _encode(pipeline, table, entry, message, new())


def entry_key(message: p4rt.TableEntry, table: Table) -> Key:
    """Return the key of an entry; checks the priority as well.

    Raises:
        Refused: the key does not fit, or the priority is missing, or set where it must not be.
    """
    if message.is_default_action:
        if message.match or message.priority:
            raise invalid(f"table {table.name!r}: the default entry has no match and no priority")
        return ()
    key = decode_key(message.match, table.fields, f"table {table.name!r}")
    if table.ranked and message.priority <= 0:
        raise invalid(f"table {table.name!r}: priority must be positive, not {message.priority}")
    if not table.ranked and message.priority:
        raise invalid(
            f"table {table.name!r}: priority is set, expected 0 without ternary, range, optional"
        )
    return key


def encode_entry_key(table: Table, entry: TableEntry, message: p4rt.TableEntry) -> None:
    """Write what identifies an entry into a message."""
    message.table_id = table.id
    message.priority = entry.priority
    encode_key(entry.key, table.fields, message.match)


def encode_idle(table: Table, entry: TableEntry, message: p4rt.TableEntry) -> None:
    """Write an entry into a message, as an IdleTimeoutNotification has it."""
    encode_entry_key(table, entry, message)
    message.idle_timeout_ns = entry.idle_timeout_ns
    _label(message, entry)


def missing(table: Table) -> Refused:
    """Return the refusal of an entry that does not exist."""
    return not_found(f"table {table.name!r} has no such entry")


def find(pipeline: Pipeline, table: Table, key: Key, priority: int) -> TableEntry | None:
    """Return the entry with this key, or None."""
    try:
        return pipeline.plane.entry(table.name, key, priority)
    except EntryNotFound:
        return None


def selected(pipeline: Pipeline, table: Table, message: p4rt.TableEntry) -> Iterable[TableEntry]:
    """Return the entries of a table that a read request selects ("Wildcard Reads")."""
    if message.match:
        found = find(pipeline, table, entry_key(message, table), message.priority)
        entries = [] if found is None else [found]
    else:
        entries = pipeline.plane.entries(table.name)
    action_id = message.action.action.action_id
    name = table.actions[action_id].action.name if action_id in table.actions else None
    if action_id and name is None:
        raise lacks_action(table, action_id)
    for entry in entries:
        labels = entry.opaque if isinstance(entry.opaque, Labels) else NO_LABELS
        if (
            message.priority in (0, entry.priority)
            and (name is None or getattr(entry.action, "name", None) == name)
            and message.metadata in (b"", labels.metadata)
            and message.controller_metadata in (0, labels.controller_metadata)
        ):
            yield entry


def _mutable(table: Table) -> None:
    if table.is_const:
        raise Refused(Code.PERMISSION_DENIED, f"table {table.name!r} is const")


def _entry(message: p4rt.TableEntry, table: Table, key: Key, action: EntryAction) -> TableEntry:
    if message.HasField("time_since_last_hit"):
        raise invalid(HIT_WRITTEN)
    if message.idle_timeout_ns < 0:
        raise invalid("idle_timeout_ns must be a positive value")
    if message.idle_timeout_ns and not table.idle_timeout:
        raise invalid(
            "idle_timeout_ns must be set to 0 for tables which do not support idle timeout"
        )
    labels = NO_LABELS
    if message.metadata or message.controller_metadata:
        labels = Labels(message.metadata, message.controller_metadata)
    return TableEntry(key, action, message.priority, message.idle_timeout_ns, labels)


def _check_resources(pipeline: Pipeline, message: p4rt.TableEntry, table: Table) -> None:
    """Refuse resources that the table does not have, before anything is changed."""
    no_colour_counters(message)
    if message.HasField("counter_data"):
        if table.counter is None:
            raise lacks(pipeline.schema, table, "counter")
        decode_counter(message.counter_data, table.counter)
    if message.HasField("meter_config"):
        if table.meter is None:
            raise lacks(pipeline.schema, table, "meter")
        decode_meter(message.meter_config, table.meter)


def _set_resources(pipeline: Pipeline, table: Table, message: p4rt.TableEntry, key: Key) -> None:
    """Set the given counter and meter; without one the counter stays, the meter is removed."""
    if message.HasField("counter_data"):
        data = decode_counter(message.counter_data, table.counter or "")
        pipeline.plane.write_direct_counter(table.name, key, data, message.priority)
    if table.meter is not None:
        config = None
        if message.HasField("meter_config"):
            config = decode_meter(message.meter_config, table.meter)
        pipeline.plane.set_direct_meter(table.name, key, config, message.priority)


def _check_style(pipeline: Pipeline, table: Table, action: EntryAction) -> None:
    """A profile is programmed with action sets or with members and groups, never with both."""
    if table.profile is None:
        return
    name = table.profile.name
    if isinstance(action, ActionSet):
        if pipeline.plane.members(name) or pipeline.plane.groups(name):
            raise invalid(f"{name!r} holds members or groups, so it takes no action sets")
    elif pipeline.plane.action_sets(name):
        raise invalid(f"{name!r} is programmed with action sets, so it takes nothing else")


def _modify_default(pipeline: Pipeline, table: Table, message: p4rt.TableEntry) -> None:
    if table.profile is not None:
        raise invalid(f"table {table.name!r} is indirect: its default action cannot be set")
    if table.const_default:
        raise Refused(Code.PERMISSION_DENIED, f"table {table.name!r}: the default action is const")
    if message.HasField("time_since_last_hit"):
        raise invalid(HIT_WRITTEN)
    if message.idle_timeout_ns:
        raise invalid(f"table {table.name!r}: the default entry has no idle timeout")
    if message.HasField("counter_data") or message.HasField("meter_config"):
        raise unsupported(f"table {table.name!r}: the default entry has no direct resources")
    note = ("default", table.id, 0)
    if not message.HasField("action"):
        pipeline.plane.set_default(table.name, None)
        pipeline.notes.written.pop(note, None)
        return
    action = decode_table_action(message.action, table, default=True)
    pipeline.plane.set_default(table.name, action)
    pipeline.notes.written[note] = Labels(message.metadata, message.controller_metadata)


def _encode_default(pipeline: Pipeline, table: Table, message: p4rt.TableEntry) -> None:
    message.table_id = table.id
    message.is_default_action = True
    action = pipeline.plane.default_action(table.name)
    if isinstance(action, ActionCall) and action.name in table.by_action_name:
        encode_table_action(action, table, message.action)
    labels = pipeline.notes.written.get(("default", table.id, 0), NO_LABELS)
    message.metadata = labels.metadata
    message.controller_metadata = labels.controller_metadata


def _encode(
    pipeline: Pipeline,
    table: Table,
    entry: TableEntry,
    request: p4rt.TableEntry,
    message: p4rt.TableEntry,
) -> None:
    encode_entry_key(table, entry, message)
    encode_table_action(entry.action, table, message.action)
    message.idle_timeout_ns = entry.idle_timeout_ns
    message.is_const = entry.is_const
    _label(message, entry)
    where = (table.name, entry.key)
    plane: Any = pipeline.plane
    if table.counter is not None and request.HasField("counter_data"):
        encode_counter(plane.direct_counter(*where, entry.priority), message.counter_data)
    if table.meter is not None and request.HasField("meter_config"):
        config = plane.direct_meter(*where, entry.priority)
        if config is not None:
            encode_meter(config, message.meter_config)
    if request.HasField("time_since_last_hit"):
        message.time_since_last_hit.elapsed_ns = plane.time_since_last_hit(*where, entry.priority)


def _label(message: p4rt.TableEntry, entry: TableEntry) -> None:
    if isinstance(entry.opaque, Labels):
        message.metadata = entry.opaque.metadata
        message.controller_metadata = entry.opaque.controller_metadata


def _check_idle(message: p4rt.TableEntry, table: Table) -> None:
    """Refuse to read idle times where entries have no idle timeout, such as default entries."""
    no_colour_counters(message)
    asked = message.HasField("time_since_last_hit") or message.idle_timeout_ns
    if asked and message.is_default_action:
        raise invalid(
            "Default table entries do not support entry ageing, do not set "
            "'time_since_last_hit' in your ReadRequest"
        )
    if asked and not table.idle_timeout:
        raise invalid(
            "Do not set time_since_last_hit for a ReadRequest if the table does not support idle "
            "timeout; yes, that includes wildcard reads"
        )
