"""A handler for each kind of entity, by the member of the Entity message's oneof."""

from __future__ import annotations

from v1switch.p4runtime.entities.arrays import Counters, Meters, Registers
from v1switch.p4runtime.entities.base import Extern, Handler
from v1switch.p4runtime.entities.digests import Digests
from v1switch.p4runtime.entities.direct import DirectCounters, DirectMeters
from v1switch.p4runtime.entities.profiles import Groups, Members
from v1switch.p4runtime.entities.replication import Replication
from v1switch.p4runtime.entities.table_entries import TableEntries
from v1switch.p4runtime.entities.value_sets import ValueSets

HANDLERS: dict[str, Handler] = {
    handler.member: handler
    for handler in (
        TableEntries(),
        Members(),
        Groups(),
        Counters(),
        DirectCounters(),
        Meters(),
        DirectMeters(),
        Replication(),
        ValueSets(),
        Registers(),
        Digests(),
        Extern(),
    )
}

__all__ = ["HANDLERS", "Handler"]
