"""The zoo: a P4 program with an object of every kind, and a client that returns codes.

No tests here; the tests of P4Runtime's entities import it. The program is beside this file, its
JSON and P4Info were made by p4c 1.2.5.16 (`p4c --target bmv2 --arch v1model --p4runtime-files`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness_client import DELETE, INSERT, MODIFY, Refused, SwitchClient
from tests.switch.harness_p4info import Names

HERE = Path(__file__).parent
P4INFO = HERE / "p4runtime_zoo.p4info.txtpb"
CONFIG = HERE / "p4runtime_zoo.json"
BMV2 = "bmv2"


class Zoo:
    """A client of a switch that runs the zoo. Codes are canonical names, "OK" for success."""

    def __init__(self, client: SwitchClient, switch: str) -> None:
        self.client = client
        self.switch = switch

    @property
    def names(self) -> Names:
        return self.client.names

    def load(self, action: str = "VERIFY_AND_COMMIT") -> None:
        """Start afresh."""
        self.client.load(P4INFO, CONFIG, action)

    def spec(self, by_specification: Any, *, bmv2: Any) -> Any:
        """Return the expected result, where BMv2 differs from the specification."""
        return bmv2 if self.switch == BMV2 else by_specification

    # ---- write -------------------------------------------------------------------------------

    def write(self, kind: int, *entities: rt.Entity, atomicity: int = 0) -> list[str]:
        """Return the code of each update; one code when the whole batch was refused."""
        try:
            self.client.write(kind, *entities, atomicity=atomicity)
        except Refused as refused:
            return refused.update_codes() or [refused.code.name]
        return ["OK"] * len(entities)

    def insert(self, *entities: rt.Entity) -> list[str]:
        return self.write(INSERT, *entities)

    def modify(self, *entities: rt.Entity) -> list[str]:
        return self.write(MODIFY, *entities)

    def delete(self, *entities: rt.Entity) -> list[str]:
        return self.write(DELETE, *entities)

    # ---- read --------------------------------------------------------------------------------

    def read(self, *wanted: rt.Entity) -> list[str]:
        """Return what is read as sorted text, in which equal entities are equal."""
        return sorted(canonical(entity) for entity in self.client.read(*wanted))

    def read_code(self, *wanted: rt.Entity) -> list[str]:
        """Return the codes of a read; ["OK"] when it succeeds."""
        try:
            self.client.read(*wanted)
        except Refused as refused:
            return refused.update_codes() or [refused.code.name]
        return ["OK"]

    # ---- entities ----------------------------------------------------------------------------

    def entry(self, *args: Any, **fields: Any) -> rt.Entity:
        """Build a table entry; `fields` are those of Names.entry and of the message itself."""
        own = {name: fields.pop(name) for name in list(fields) if name in _ENTRY_FIELDS}
        return rt.Entity(table_entry=_with(self.names.entry(*args, **fields), own))

    def exact(self, dst: int = 1, port: int = 1, **fields: Any) -> rt.Entity:
        """Build an entry of the table with direct resources."""
        match = {"dst": dst, "odd": 1}
        return self.entry("exact_table", match, "metered_send", {"port": port}, **fields)

    def lpm(self, address: int = 0x0A000000, length: int = 8, port: int = 1) -> rt.Entity:
        match = {"address": (address, length)} if length else {}
        return self.entry("lpm_table", match, "send", {"port": port})

    def ternary(self, priority: int = 1, port: int = 1, **match: Any) -> rt.Entity:
        match.setdefault("nibble", 1)
        return self.entry("ternary_table", match, "send", {"port": port}, priority=priority)

    def member(self, number: int, port: int = 1, profile: str = "choice") -> rt.Entity:
        entity = rt.Entity()
        entity.action_profile_member.action_profile_id = self.names.id("action_profiles", profile)
        entity.action_profile_member.member_id = number
        entity.action_profile_member.action.CopyFrom(self.names.action("send", {"port": port}))
        return entity

    def group(
        self, number: int, *members: tuple[int, int], max_size: int = 4, profile: str = "choice"
    ) -> rt.Entity:
        """Build a group of (member id, weight)."""
        entity = rt.Entity()
        entity.action_profile_group.action_profile_id = self.names.id("action_profiles", profile)
        entity.action_profile_group.group_id = number
        entity.action_profile_group.max_size = max_size
        for member_id, weight in members:
            entity.action_profile_group.members.add(member_id=member_id, weight=weight)
        return entity

    def selected(self, number: int = 1, table: str = "selected_table", **target: int) -> rt.Entity:
        return self.entry(table, {"number": number}, **target)

    def array(self, kind: str, name: str, index: int | None, **fields: Any) -> rt.Entity:
        """Build a counter, meter or register entry."""
        entity = rt.Entity()
        message = getattr(entity, f"{kind}_entry")
        setattr(message, f"{kind}_id", self.names.id(f"{kind}s", name))
        if index is not None:
            message.index.index = index
        _with(message, fields)
        return entity

    def replicas(self, kind: str, number: int, *replicas: Any, **fields: Any) -> rt.Entity:
        """Build a multicast group or clone session of (port, instance); ports as byte strings."""
        entity = rt.Entity()
        message = getattr(entity.packet_replication_engine_entry, kind)
        setattr(message, _PRE_IDS[kind], number)
        for port, instance in replicas:
            message.replicas.add(port=port, instance=instance)
        _with(message, fields)
        return entity

    def value_set(self, *values: int) -> rt.Entity:
        entity = rt.Entity()
        entity.value_set_entry.value_set_id = self.names.p4info.value_sets[0].preamble.id
        for value in values:
            member = entity.value_set_entry.members.add()
            member.match.add(field_id=1).exact.value = value.to_bytes(2, "big").lstrip(b"\0")
        return entity

    def digest(self, **config: int) -> rt.Entity:
        digest_id = self.names.p4info.digests[0].preamble.id
        return rt.Entity(digest_entry={"digest_id": digest_id, "config": config})


def wanted(**fields: Any) -> rt.Entity:
    """Build an entity as a read request: `wanted(table_entry={"table_id": 5})`."""
    return rt.Entity(**fields)


def canonical(entity: rt.Entity) -> str:
    """Return an entity as text, with its repeated fields sorted."""
    copy = rt.Entity()
    copy.CopyFrom(entity)
    for message in _messages(copy):
        for name, key in _ORDERS:
            if name in message.DESCRIPTOR.fields_by_name and getattr(message, name):
                _sort(getattr(message, name), key)
        if isinstance(message, rt.TableEntry):
            message.ClearField("is_const")  # BMv2 never sets it; another test checks it
    return text_format.MessageToString(copy, as_one_line=True)


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and every message set in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            repeated = field.label == field.LABEL_REPEATED
            for each in list(value) if repeated else [value]:
                yield from _messages(each)


def _sort(repeated: Any, key: Any) -> None:
    ordered = sorted(repeated, key=key)
    del repeated[:]
    repeated.extend(ordered)


def _with(message: Any, fields: dict[str, Any]) -> Any:
    message.MergeFrom(type(message)(**fields))
    return message


_ORDERS = (
    ("match", lambda each: each.field_id),
    ("params", lambda each: each.param_id),
    ("replicas", lambda each: (each.instance, each.port, each.egress_port)),
)
_ENTRY_FIELDS = {
    "metadata",
    "controller_metadata",
    "counter_data",
    "meter_config",
    "meter_counter_data",
    "time_since_last_hit",
    "is_const",
    "table_id",
}
_PRE_IDS = {"multicast_group_entry": "multicast_group_id", "clone_session_entry": "session_id"}
