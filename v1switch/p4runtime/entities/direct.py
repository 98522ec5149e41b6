"""Direct counters and meters on their own (specification 1.4, "DirectCounterEntry", ...)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.entities.resources import (
    decode_counter,
    decode_meter,
    encode_counter,
    encode_meter,
    lacks,
    no_colour_counters,
)
from v1switch.p4runtime.entities.table_entries import (
    encode_entry_key,
    entry_key,
    find,
    missing,
    selected,
)
from v1switch.p4runtime.errors import invalid, unsupported
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.schema import Table, lookup, select
from v1switch.state.entries import TableEntry


class DirectCounters(Handler):
    """Counters of table entries."""

    member = "direct_counter_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.DirectCounterEntry) -> None:
        """Set an entry's counter; without data nothing changes."""
        table = _table(pipeline, message)
        if table.counter is None:
            raise lacks(pipeline.schema, table, "counter")
        entry = _entry(pipeline, table, message.table_entry)
        if message.HasField("data"):
            data = decode_counter(message.data, table.counter)
            pipeline.plane.write_direct_counter(table.name, entry.key, data, entry.priority)

    def read(self, pipeline: Pipeline, message: p4rt.DirectCounterEntry, new: New) -> None:
        """Read the counters of the entries that the request selects."""
        for table, entry in _selected(pipeline, message, "counter"):
            found = new()
            encode_entry_key(table, entry, found.table_entry)
            data = pipeline.plane.direct_counter(table.name, entry.key, entry.priority)
            encode_counter(data, found.data)


class DirectMeters(Handler):
    """Meters of table entries."""

    member = "direct_meter_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.DirectMeterEntry) -> None:
        """Configure an entry's meter; without a configuration all packets are green."""
        table = _table(pipeline, message)
        if table.meter is None:
            raise lacks(pipeline.schema, table, "meter")
        no_colour_counters(message)
        config = decode_meter(message.config, table.meter) if message.HasField("config") else None
        entry = _entry(pipeline, table, message.table_entry)
        pipeline.plane.set_direct_meter(table.name, entry.key, config, entry.priority)

    def read(self, pipeline: Pipeline, message: p4rt.DirectMeterEntry, new: New) -> None:
        """Read the configurations of the entries that the request selects."""
        no_colour_counters(message)
        for table, entry in _selected(pipeline, message, "meter"):
            found = new()
            encode_entry_key(table, entry, found.table_entry)
            config = pipeline.plane.direct_meter(table.name, entry.key, entry.priority)
            if config is not None:
                encode_meter(config, found.config)


def _table(pipeline: Pipeline, message: Any) -> Table:
    if not message.HasField("table_entry"):
        raise invalid("the table_entry is missing")
    return lookup(pipeline.schema, pipeline.schema.tables, message.table_entry.table_id, "table")


def _entry(pipeline: Pipeline, table: Table, message: p4rt.TableEntry) -> TableEntry:
    """Return the one entry that a message names."""
    key = entry_key(message, table)
    if message.is_default_action:
        raise unsupported(f"table {table.name!r}: the default entry has no direct resources")
    found = find(pipeline, table, key, message.priority)
    if found is None:
        raise missing(table)
    return found


def _selected(
    pipeline: Pipeline, message: Any, resource: str
) -> Iterator[tuple[Table, TableEntry]]:
    """Yield one entry for a key, those of the table without one, of all tables for table id 0."""
    if not message.HasField("table_entry"):
        raise invalid("the table_entry is missing")
    request = message.table_entry
    for table in select(pipeline.schema, pipeline.schema.tables, request.table_id, "table"):
        if getattr(table, resource) is None:
            if request.table_id:
                raise lacks(pipeline.schema, table, resource)
        elif request.match or request.is_default_action:
            yield table, _entry(pipeline, table, request)
        else:
            for entry in selected(pipeline, table, request):
                yield table, entry
