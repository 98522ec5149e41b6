"""Joins a P4Info with the program that came with it, and refuses a pair that does not fit.

The switch runs the BMv2 JSON and clients use the P4Info, so every object of the P4Info must exist
in the JSON under the same name, with the same key fields (order, width, match kind), actions and
parameters. The JSON may hold more: what the compiler hides from the control plane.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from p4.config.v1 import p4info_pb2

from v1switch.p4runtime.errors import invalid
from v1switch.p4runtime.info_types import InfoTypes
from v1switch.p4runtime.matches import KINDS, MatchField
from v1switch.p4runtime.ports import MAX_GROUP
from v1switch.p4runtime.schema import (
    Action,
    ActionRef,
    ControllerHeader,
    Counter,
    Digest,
    Meter,
    MeterSpec,
    Param,
    Profile,
    Register,
    Schema,
    Table,
    ValueSet,
)
from v1switch.program import model

_Scope = p4info_pb2.ActionRef.Scope
_PROGRAM_KINDS = {  # P4Info's kind: the JSON's kinds that it may be compiled to
    "exact": ("exact", "valid"),  # valid: a key that is a header's isValid()
    "optional": ("optional", "ternary"),
}


def join(p4info: p4info_pb2.P4Info, program: model.Program) -> Schema:
    """Return the schema of a pipeline.

    Raises:
        Refused: INVALID_ARGUMENT, naming the object and what does not fit.
    """
    return _Joiner(p4info, program).schema()


def with_initial_entries(program: model.Program, p4info: p4info_pb2.P4Info) -> model.Program:
    """Return the program with the tables marked that P4Info calls preinitialized."""
    sizes = {
        each.preamble.name: each.size
        for each in p4info.tables
        if each.has_initial_entries and not each.is_const_table
    }

    def opened(pipeline: model.Pipeline) -> model.Pipeline:
        tables = dict(pipeline.tables)
        for key, table in pipeline.tables.items():
            if table.name in sizes:
                size = max(table.size, sizes[table.name])
                tables[key] = replace(table, preinitialized=True, size=size)
        return replace(pipeline, tables=tables)

    return replace(program, ingress=opened(program.ingress), egress=opened(program.egress))


class _Joiner:
    def __init__(self, p4info: p4info_pb2.P4Info, program: model.Program) -> None:
        self._info = p4info
        self._program = program
        tables = {each.preamble.name for each in p4info.tables}
        self._in_tables = {
            action
            for table in program.tables.values()
            if table.name in tables
            for action in table.actions
        }
        self._by_id: dict[int, Any] = {}
        self._actions: dict[int, Action] = {}
        self._profiles: dict[int, Profile] = {}
        self._types = InfoTypes(p4info.type_info)

    def schema(self) -> Schema:
        self._index()
        info = self._info
        self._actions = {each.preamble.id: self._action(each) for each in info.actions}
        self._profiles = {each.preamble.id: self._profile(each) for each in info.action_profiles}
        headers = {
            each.preamble.name: self._controller_header(each)
            for each in info.controller_packet_metadata
        }
        return Schema(
            tables={each.preamble.id: self._table(each) for each in info.tables},
            profiles=self._profiles,
            counters={each.preamble.id: self._counter(each) for each in info.counters},
            meters={each.preamble.id: self._meter(each) for each in info.meters},
            registers={each.preamble.id: self._register(each) for each in info.registers},
            digests={each.preamble.id: self._digest(each) for each in info.digests},
            value_sets={each.preamble.id: self._value_set(each) for each in info.value_sets},
            described={number: self._described(each) for number, each in self._by_id.items()},
            packet_in=headers.get("packet_in"),
            packet_out=headers.get("packet_out"),
        )

    def _described(self, info: Any) -> str:
        """What an object is, and by which entity a client addresses it if it holds numbers.

        It is for refusals of an id of another kind, such as a direct meter's for a meter's.
        """
        words = re.findall("[A-Z][a-z]*", type(info).__name__)
        kind, entity = " ".join(words).lower(), "_".join(words).lower()
        text = f"{kind} {info.preamble.name!r}"
        if words[0] == "Direct":
            table = self._by_id.get(info.direct_table_id)
            text += f" of table {table.preamble.name!r}" if table else ""
        numbers = words[-1] in ("Counter", "Meter", "Register")
        return text + (f": expected {entity}_entry" if numbers else "")

    def _index(self) -> None:
        """Check that ids are set and unique, and that everything is supported."""
        for each in _objects(self._info):
            name, object_id = each.preamble.name, each.preamble.id
            if not object_id:
                raise invalid(f"p4info: {name!r} has id 0")
            if object_id in self._by_id:
                other = self._by_id[object_id].preamble.name
                raise invalid(f"p4info: {name!r} and {other!r} share id {object_id:#010x}")
            self._by_id[object_id] = each
        required = self._info.pkg_info.platform_properties.multicast_group_table_size
        if required > MAX_GROUP:
            raise invalid(f"p4info: requires {required} multicast groups, of {MAX_GROUP}")
        if self._info.externs:
            name = self._info.externs[0].extern_type_name
            raise invalid(f"p4info: extern type {name!r} is not part of v1model")

    def _action(self, info: p4info_pb2.Action) -> Action:
        """Check an action against those of that name that the program's tables offer.

        The program may have others of the name without these parameters: direct calls, in which
        p4c has put the arguments, and the tables that it makes of them.
        """
        name = info.preamble.name
        params = tuple(Param(each.id, each.name, each.bitwidth) for each in info.params)
        _unique_ids(info.params, f"action {name!r}")
        found = [each for each in self._program.actions.values() if each.name == name]
        if not found:
            raise invalid(f"p4info: action {name!r} is not in the program")
        offered = [each for each in found if each.id in self._in_tables]
        for action in offered:
            _same_params(name, info.params, action.params, self._types.is_translated)
        if not offered:  # no client can name it
            return Action(info.preamble.id, name, params)
        pairs = zip(info.params, offered[0].params, strict=True)
        return Action(info.preamble.id, name, tuple(self._param(i, p.width) for i, p in pairs))

    def _param(self, info: Any, width: int) -> Param:
        return Param(info.id, info.name, width, self._types.strings(info, width))

    def _profile(self, info: p4info_pb2.ActionProfile) -> Profile:
        name = info.preamble.name
        profile = _find(self._program.action_profiles, name, "action profile")
        if info.with_selector != (profile.selector_algo is not None):
            kind = "a selector" if info.with_selector else "no selector"
            raise invalid(f"p4info: action profile {name!r} has {kind}, the program disagrees")
        if info.max_group_size > info.size > 0:
            sizes = f"max_group_size {info.max_group_size} above size {info.size}"
            raise invalid(f"p4info: action profile {name!r} has {sizes}")
        actions: dict[int, Action] = {}
        for table_id in info.table_ids:
            table = self._reference(table_id, self._info.tables, f"action profile {name!r}")
            actions.update({ref.id: self._ref(ref, name) for ref in table.action_refs})
        return Profile(
            id=info.preamble.id,
            name=name,
            with_selector=info.with_selector,
            size=info.size,
            max_group_size=info.max_group_size,
            sum_of_members=info.HasField("sum_of_members"),
            max_member_weight=info.sum_of_members.max_member_weight,
            actions=actions,
        )

    def _table(self, info: p4info_pb2.Table) -> Table:
        name = info.preamble.name
        table = _find(self._program.tables, name, "table")
        fields = self._match_fields(info.match_fields, table)
        actions = {ref.id: self._action_ref(ref, table) for ref in info.action_refs}
        self._check_declared(table, {ref.action.name for ref in actions.values()})
        counter, meter = self._direct_resources(info, table)
        return Table(
            id=info.preamble.id,
            name=name,
            fields=fields,
            ranked=any(each.kind.ranked for each in fields),
            actions=actions,
            by_action_name={ref.action.name: ref.action for ref in actions.values()},
            profile=self._implementation(info, table),
            counter=counter,
            meter=meter,
            idle_timeout=info.idle_timeout_behavior != p4info_pb2.Table.NO_TIMEOUT,
            is_const=info.is_const_table,
            const_default=bool(info.const_default_action_id),
        )

    def _check_declared(self, table: model.Table, known: set[str]) -> None:
        """Check that P4Info has the actions of a table's initial entries and default action."""
        declared = [entry.action_id for entry in table.const_entries or ()]
        if table.default_entry is not None:
            declared.append(table.default_entry.action_id)
        for action_id in declared:
            name = self._program.actions[action_id].name
            if name not in known:
                raise invalid(
                    f"p4info: table {table.name!r} has no action {name!r}, which the program uses"
                )

    def _implementation(self, info: p4info_pb2.Table, table: model.Table) -> Profile | None:
        profile = None
        if info.implementation_id:
            profile = self._profiles.get(info.implementation_id)
            if profile is None:
                raise invalid(
                    f"p4info: table {table.name!r}: no action profile has id "
                    f"{info.implementation_id:#010x}"
                )
        mine, theirs = profile.name if profile else None, table.action_profile
        if mine != theirs:
            raise invalid(
                f"p4info: table {table.name!r} is implemented by {mine!r}, "
                f"in the program by {theirs!r}"
            )
        return profile

    def _match_fields(
        self, infos: Iterable[p4info_pb2.MatchField], table: model.Table
    ) -> tuple[MatchField, ...]:
        where = f"table {table.name!r}"
        infos = list(infos)
        _unique_ids(infos, where)
        if len(infos) != len(table.key):
            raise invalid(
                f"p4info: {where} has {len(infos)} match fields, the program {len(table.key)}"
            )
        return tuple(
            self._match_field(info, key.width, key.match_kind, where)
            for info, key in zip(infos, table.key, strict=True)
        )

    def _match_field(self, info: Any, width: int, program_kind: str, where: str) -> MatchField:
        place = f"{where}, field {info.name!r}"
        kind = KINDS.get(info.match_type)
        if kind is None:
            raise invalid(f"p4info: {place}: match kind is not one of v1model")
        if program_kind not in _PROGRAM_KINDS.get(kind.name, (kind.name,)):
            raise invalid(f"p4info: {place} is {kind.name}, in the program {program_kind}")
        if info.bitwidth != width and not self._types.is_translated(info):
            raise invalid(f"p4info: {place} is {info.bitwidth} bits, in the program {width}")
        return MatchField(info.id, info.name, width, kind, self._types.strings(info, width))

    def _action_ref(self, ref: p4info_pb2.ActionRef, table: model.Table) -> ActionRef:
        action = self._ref(ref, table.name)
        if self._program.action_of(table, action.name) is None:
            raise invalid(
                f"p4info: table {table.name!r} has action {action.name!r}, not so in the program"
            )
        return ActionRef(action, ref.scope != _Scope.DEFAULT_ONLY, ref.scope != _Scope.TABLE_ONLY)

    def _ref(self, ref: p4info_pb2.ActionRef, owner: str) -> Action:
        found = self._actions.get(ref.id)
        if found is None:
            raise invalid(
                f"p4info: {owner!r} refers to action {ref.id:#010x}, which does not exist"
            )
        return found

    def _direct_resources(
        self, info: p4info_pb2.Table, table: model.Table
    ) -> tuple[str | None, MeterSpec | None]:
        counter: str | None = None
        meter: MeterSpec | None = None
        direct = [*self._info.direct_counters, *self._info.direct_meters]
        for resource_id in info.direct_resource_ids:
            found = self._reference(resource_id, direct, f"table {table.name!r}")
            name = found.preamble.name
            if isinstance(found, p4info_pb2.DirectMeter):
                _find(self._program.meters, name, "direct meter")
                meter = MeterSpec(name, found.spec.type)
            else:
                counter = name
                if not table.with_counters:
                    raise invalid(
                        f"p4info: table {table.name!r} has a direct counter, the program none"
                    )
        return counter, meter

    def _counter(self, info: p4info_pb2.Counter) -> Counter:
        size = _find(self._program.counters, info.preamble.name, "counter").size
        return Counter(info.preamble.id, info.preamble.name, size)

    def _meter(self, info: p4info_pb2.Meter) -> Meter:
        name = info.preamble.name
        size = _find(self._program.meters, name, "meter").size
        return Meter(info.preamble.id, name, size, MeterSpec(name, info.spec.type))

    def _register(self, info: p4info_pb2.Register) -> Register:
        name = info.preamble.name
        register = _find(self._program.registers, name, "register")
        kind = self._types.data_type_of(info, f"register {name!r}", (register.width,))
        return Register(info.preamble.id, name, register.size, kind)

    def _digest(self, info: p4info_pb2.Digest) -> Digest:
        name = info.preamble.name
        lists = {each.name: each for each in self._program.learn_lists.values()}
        learn_list = _find(lists, name, "digest")
        kind = self._types.data_type_of(info, f"digest {name!r}", learn_list.widths)
        return Digest(info.preamble.id, name, kind)

    def _value_set(self, info: p4info_pb2.ValueSet) -> ValueSet:
        name = info.preamble.name
        width = _find(self._program.value_sets, name, "value set").width
        where = f"value set {name!r}"
        _unique_ids(info.match, where)
        total = sum(each.bitwidth for each in info.match)
        translated = [each for each in info.match if self._types.is_translated(each)]
        if total != width and len(translated) != 1:
            raise invalid(f"p4info: {where} is {total} bits, in the program {width}")
        fields = []
        for each in info.match:
            kind = KINDS.get(each.match_type)
            if kind is None:
                raise invalid(f"p4info: {where}: match kind is not one of v1model")
            bits = each.bitwidth + (width - total if each in translated else 0)
            if bits <= 0:
                raise invalid(f"p4info: {where} is {total} bits, in the program {width}")
            strings = self._types.strings(each, bits)
            fields.append(MatchField(each.id, each.name, bits, kind, strings))
        return ValueSet(info.preamble.id, name, info.size, tuple(fields))

    def _reference(self, object_id: int, among: Iterable[Any], owner: str) -> Any:
        found = next((each for each in among if each.preamble.id == object_id), None)
        if found is None:
            raise invalid(f"p4info: {owner} refers to {object_id:#010x}, which does not exist")
        return found

    def _controller_header(self, info: Any) -> ControllerHeader:
        """A controller header; where a type is translated, its width is that of the program."""
        what = f"controller header {info.preamble.name!r}"
        _unique_ids(info.metadata, what)
        widths = [each.bitwidth for each in info.metadata]
        if any(self._types.is_translated(each) for each in info.metadata):
            widths = self._program_widths(info, what)
        pairs = zip(info.metadata, widths, strict=True)
        return ControllerHeader(tuple(self._param(each, width) for each, width in pairs))

    def _program_widths(self, info: Any, what: str) -> list[int]:
        """The widths of the header of the program that has just these fields."""
        found = []
        for header in self._program.headers.values():
            fields = header.header_type.fields
            if not header.metadata and len(fields) == len(info.metadata):
                pairs = list(zip(fields, info.metadata, strict=True))
                if all(
                    field.name == each.name
                    and (field.width == each.bitwidth or self._types.is_translated(each))
                    for field, each in pairs
                ):
                    found.append([field.width or 0 for field in fields])
        if not found or any(widths != found[0] for widths in found):
            count = "several headers have" if found else "no header has"
            raise invalid(f"p4info: {what} is translated: {count} its fields in the program")
        return found[0]


def _objects(info: p4info_pb2.P4Info) -> Iterator[Any]:
    return chain(
        info.tables,
        info.actions,
        info.action_profiles,
        info.counters,
        info.direct_counters,
        info.meters,
        info.direct_meters,
        info.controller_packet_metadata,
        info.value_sets,
        info.registers,
        info.digests,
    )


def _find(objects: Mapping[str, Any], name: str, kind: str) -> Any:
    found = objects.get(name)
    if found is None:
        raise invalid(f"p4info: {kind} {name!r} is not in the program")
    return found


def _same_params(name: str, infos: Any, params: tuple[model.Param, ...], translated: Any) -> None:
    if len(infos) != len(params):
        raise invalid(
            f"p4info: action {name!r} has {len(infos)} parameters, the program {len(params)}"
        )
    for info, param in zip(infos, params, strict=True):
        where = f"action {name!r}, parameter {info.name!r}"
        if info.name != param.name:
            raise invalid(f"p4info: {where} is called {param.name!r} in the program")
        if info.bitwidth != param.width and not translated(info):
            raise invalid(f"p4info: {where} is {info.bitwidth} bits, in the program {param.width}")


def _unique_ids(infos: Iterable[Any], where: str) -> None:
    seen: set[int] = set()
    for info in infos:
        if info.id in seen or not info.id:
            raise invalid(f"p4info: {where}: id {info.id} of {info.name!r} is 0 or used twice")
        seen.add(info.id)
