"""P4Runtime messages by name: a thin layer over a p4info, without any state of a switch."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt

Value = int | bytes
# exact: value; lpm: (value, prefix length); ternary: (value, mask); range: (low, high)
Match = Mapping[str, Value | tuple[int, int]]
Params = Mapping[str, Value]
EXACT = p4info_pb2.MatchField.EXACT
LPM = p4info_pb2.MatchField.LPM
TERNARY = p4info_pb2.MatchField.TERNARY
RANGE = p4info_pb2.MatchField.RANGE
OPTIONAL = p4info_pb2.MatchField.OPTIONAL


def canonical(value: Value) -> bytes:
    """Return the shortest byte string (P4Runtime specification, "Bytestrings")."""
    if isinstance(value, bytes):
        value = int.from_bytes(value, "big")
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


class Path(NamedTuple):
    """One action of a one-shot action set."""

    action: str
    params: Params
    weight: int = 1


class Names:
    """The objects of a p4info by alias, by full name or by id."""

    KINDS = (
        "tables",
        "actions",
        "counters",
        "direct_counters",
        "meters",
        "direct_meters",
        "digests",
        "action_profiles",
        "controller_packet_metadata",
        "registers",
    )

    def __init__(self, p4info: p4info_pb2.P4Info) -> None:
        self.p4info = p4info
        self._objects: dict[str, dict[str | int, Any]] = {}
        for kind in self.KINDS:
            found: dict[str | int, Any] = {}
            for item in getattr(p4info, kind):
                head = item.preamble
                found |= {head.alias: item, head.name: item, head.id: item}
            self._objects[kind] = found

    def get(self, kind: str, name: str | int) -> Any:
        """Return the p4info object; a KeyError says what exists."""
        try:
            return self._objects[kind][name]
        except KeyError:
            known = sorted(str(k) for k in self._objects[kind] if isinstance(k, str))
            raise KeyError(f"no {name!r} among {kind}: {', '.join(known)}") from None

    def id(self, kind: str, name: str | int) -> int:
        """Return the id of a p4info object."""
        return int(self.get(kind, name).preamble.id)

    def action(self, name: str, params: Params) -> rt.Action:
        """Build an action with its parameters."""
        found = self.get("actions", name)
        ids = {param.name: param.id for param in found.params}
        if set(ids) != set(params):
            raise KeyError(f"{name} takes {sorted(ids)}, not {sorted(params)}")
        made = rt.Action(action_id=found.preamble.id)
        for param, value in params.items():
            made.params.add(param_id=ids[param], value=canonical(value))
        return made

    def entry(
        self,
        table: str,
        match: Match | None = None,
        action: str | Sequence[Path] | None = None,
        params: Params | None = None,
        *,
        priority: int = 0,
        idle_timeout_ns: int = 0,
        member: int = 0,
        group: int = 0,
    ) -> rt.TableEntry:
        """Build a table entry; without a match it is the default entry."""
        found = self.get("tables", table)
        made = rt.TableEntry(table_id=found.preamble.id, priority=priority)
        made.idle_timeout_ns = idle_timeout_ns
        made.is_default_action = match is None
        for key, value in (match or {}).items():
            self._add_field(made, found, key, value)
        if isinstance(action, str):
            made.action.action.CopyFrom(self.action(action, params or {}))
        elif action is not None:
            for path in action:
                one = made.action.action_profile_action_set.action_profile_actions.add()
                one.action.CopyFrom(self.action(path.action, path.params))
                one.weight = path.weight
        elif member:
            made.action.action_profile_member_id = member
        elif group:
            made.action.action_profile_group_id = group
        return made

    @staticmethod
    def _add_field(
        made: rt.TableEntry, table: p4info_pb2.Table, key: str, value: Value | tuple[int, int]
    ) -> None:
        fields = {field.name: field for field in table.match_fields}
        if key not in fields:
            raise KeyError(f"{table.preamble.alias} matches on {sorted(fields)}, not {key!r}")
        field = made.match.add(field_id=fields[key].id)
        kind = fields[key].match_type
        if kind == LPM:
            number, length = value  # type: ignore[misc]  # an lpm value is a pair
            field.lpm.value, field.lpm.prefix_len = canonical(number), length
        elif kind == TERNARY:
            number, mask = value  # type: ignore[misc]  # a ternary value is a pair
            field.ternary.value, field.ternary.mask = canonical(number & mask), canonical(mask)
        elif kind == RANGE:
            low, high = value  # type: ignore[misc]  # a range is a pair
            field.range.low, field.range.high = canonical(low), canonical(high)
        elif kind == OPTIONAL:
            field.optional.value = canonical(value)  # type: ignore[arg-type]  # one value
        else:
            field.exact.value = canonical(value)  # type: ignore[arg-type]  # one value

    def group(
        self, number: int, replicas: Sequence[tuple[int, int]]
    ) -> rt.PacketReplicationEngineEntry:
        """Build a multicast group of (egress port, instance)."""
        made = rt.PacketReplicationEngineEntry()
        made.multicast_group_entry.multicast_group_id = number
        for port, instance in replicas:
            made.multicast_group_entry.replicas.add(egress_port=port, instance=instance)
        return made

    def clone_session(
        self, number: int, replicas: Sequence[tuple[int, int]], *, snap_bytes: int = 0
    ) -> rt.PacketReplicationEngineEntry:
        """Build a clone session of (egress port, instance)."""
        made = rt.PacketReplicationEngineEntry()
        made.clone_session_entry.session_id = number
        made.clone_session_entry.packet_length_bytes = snap_bytes
        for port, instance in replicas:
            made.clone_session_entry.replicas.add(egress_port=port, instance=instance)
        return made
