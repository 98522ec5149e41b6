"""A v1model program as immutable data.

Every reference is resolved or known to resolve: no name in a `Program` is undefined. Widths are in
bits. Dictionaries are keyed by the program's own names and keep the order of the JSON. The source
of every field is BMv2's docs/JSON_format.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from v1switch.program.expressions import Const, Expr, FieldRef, HeaderRef
from v1switch.program.packet_model import (
    Advance,
    Deparser,
    Extract,
    FieldType,
    Header,
    HeaderStack,
    HeaderType,
    HeaderUnion,
    HeaderUnionStack,
    KeyPart,
    Parser,
    ParserOp,
    ParserState,
    Primitive,
    SetField,
    Source,
    Transition,
    ValueSet,
    Verify,
)

__all__ = [
    "Action",
    "ActionCallNode",
    "ActionProfile",
    "Advance",
    "Calculation",
    "CalculationInput",
    "Checksum",
    "Conditional",
    "ConstEntry",
    "ConstMatch",
    "CounterArray",
    "DefaultEntry",
    "Deparser",
    "Extract",
    "FieldList",
    "FieldType",
    "Header",
    "HeaderStack",
    "HeaderType",
    "HeaderUnion",
    "HeaderUnionStack",
    "KeyField",
    "KeyPart",
    "LearnList",
    "MeterArray",
    "Param",
    "Parser",
    "ParserOp",
    "ParserState",
    "Pipeline",
    "Primitive",
    "Program",
    "RegisterArray",
    "SetField",
    "Source",
    "Table",
    "Transition",
    "ValueSet",
    "Verify",
]


@dataclass(frozen=True)
class CalculationInput:
    """One input of a calculation: "field", "hexstr", "header" or "payload"."""

    kind: str
    value: FieldRef | HeaderRef | int | None
    width: int = 0


@dataclass(frozen=True)
class Calculation:
    """A hash or checksum over a list of inputs."""

    name: str
    algo: str
    inputs: tuple[CalculationInput, ...]


@dataclass(frozen=True)
class Checksum:
    """A checksum that is verified after parsing, updated before deparsing, or both."""

    name: str
    target: FieldRef
    calculation: str
    update: bool
    verify: bool
    condition: Expr | None
    source: Source | None = None


@dataclass(frozen=True)
class Param:
    """A parameter of an action; one of no bits (bit<0>) is 0."""

    name: str
    width: int


@dataclass(frozen=True)
class Action:
    """An action. Several may share a name, even with other parameters; the id is unique.

    p4c writes one action for tables, and others for each call from a control, with constants in
    place of parameters. The actions of one table, or of one action profile, have one signature.
    """

    id: int
    name: str
    params: tuple[Param, ...]
    primitives: tuple[Primitive, ...]


@dataclass(frozen=True)
class KeyField:
    """A field of a table's key.

    Attributes:
        name: its name in the control plane.
        match_kind: "exact", "lpm", "ternary", "range", "optional" or "valid".
        target: the field, or the header for `valid`; the constant 0 for a field of no bits.
        mask: static mask that is applied before the look-up, or None.
        width: bits (1 for `valid`), 0 for bit<0>.
    """

    name: str
    match_kind: str
    target: FieldRef | HeaderRef | Const
    mask: int | None
    width: int


@dataclass(frozen=True)
class ConstMatch:
    """A match field of an initial entry: kind as in KeyField, values as in `state/entries.py`."""

    kind: str
    value: int
    other: int = 0


@dataclass(frozen=True)
class ConstEntry:
    """An initial entry of a table. `priority`: low numbers win, as in the JSON."""

    key: tuple[ConstMatch, ...]
    action_id: int
    params: tuple[int, ...]
    priority: int
    source: Source | None = None


@dataclass(frozen=True)
class DefaultEntry:
    """The default action that the program declares."""

    action_id: int
    params: tuple[int, ...]
    const_action: bool
    const_entry: bool


@dataclass(frozen=True)
class Table:
    """A match-action table.

    Attributes:
        match_type: "exact", "lpm", "ternary" or "range": how the key as a whole is matched.
        implementation: "simple", "indirect" (action profile) or "indirect_ws" (with selector).
        actions: ids of the allowed actions.
        next_by_action: action id → next node (None ends the pipeline).
        hit_miss: (next on hit, next on miss) when the program branches on those, else None.
        base_default_next: next node when no action ran at all.
        size: number of entries that it can hold.
        const_entries: its initial entries, or None.
        preinitialized: whether they can be changed. The JSON does not distinguish `entries` from
            `const entries`; P4Info does.
    """

    name: str
    match_type: str
    implementation: str
    key: tuple[KeyField, ...]
    actions: tuple[int, ...]
    next_by_action: dict[int, str | None]
    hit_miss: tuple[str | None, str | None] | None
    base_default_next: str | None
    size: int
    with_counters: bool
    support_timeout: bool
    action_profile: str | None
    direct_meter: str | None
    default_entry: DefaultEntry | None
    const_entries: tuple[ConstEntry, ...] | None
    preinitialized: bool = False
    source: Source | None = None


@dataclass(frozen=True)
class Conditional:
    """An `if` of a control."""

    name: str
    expression: Expr
    true_next: str | None
    false_next: str | None
    source: Source | None = None


@dataclass(frozen=True)
class ActionCallNode:
    """A direct call of an action without parameters from a control."""

    name: str
    action_id: int
    next_node: str | None


@dataclass(frozen=True)
class ActionProfile:
    """An action profile; with a selector when `selector_algo` is set."""

    name: str
    max_size: int
    selector_algo: str | None
    selector_input: tuple[FieldRef, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """Ingress or egress: its first node and all nodes by name."""

    name: str
    init: str | None
    tables: dict[str, Table]
    conditionals: dict[str, Conditional]
    action_calls: dict[str, ActionCallNode]


@dataclass(frozen=True)
class CounterArray:
    """An indexed counter, or the direct counter of table `binding` (then size is the table's)."""

    name: str
    size: int
    binding: str | None


@dataclass(frozen=True)
class MeterArray:
    """An indexed meter, or the direct meter of table `binding`.

    `unit` is "packets" or "bytes"; a direct meter writes its colour to `target`.
    """

    name: str
    size: int
    unit: str
    binding: str | None
    target: FieldRef | None


@dataclass(frozen=True)
class RegisterArray:
    """A register array."""

    name: str
    size: int
    width: int


@dataclass(frozen=True)
class LearnList:
    """A digest: its id (the argument of generate_digest), its fields and their widths.

    A field of no bits (bit<0>) is the constant 0.
    """

    id: int
    name: str
    fields: tuple[Expr, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class FieldList:
    """A list of fields that survive clone, resubmit or recirculate."""

    id: int
    name: str
    fields: tuple[FieldRef, ...]


@dataclass(frozen=True)
class Program:
    """A whole v1model program. Made by `v1switch.program.loader.load_program`.

    Attributes:
        remarks: what it has as older compilers wrote it, and how that is taken.
        text: the JSON that it was read from.
    """

    name: str
    compiler: str
    headers: dict[str, Header]
    stacks: dict[str, HeaderStack]
    unions: dict[str, HeaderUnion]
    union_stacks: dict[str, HeaderUnionStack]
    errors: dict[str, int]
    parser: Parser
    value_sets: dict[str, ValueSet]
    deparser: Deparser
    calculations: dict[str, Calculation]
    checksums: tuple[Checksum, ...]
    actions: dict[int, Action]
    action_profiles: dict[str, ActionProfile]
    ingress: Pipeline
    egress: Pipeline
    counters: dict[str, CounterArray]
    meters: dict[str, MeterArray]
    registers: dict[str, RegisterArray]
    learn_lists: dict[int, LearnList]
    field_lists: dict[int, FieldList]
    aliases: dict[str, FieldRef] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    text: str = field(default="", repr=False, compare=False)

    @property
    def remark(self) -> str:
        """What is to be said of the program, on one line; empty when there is nothing."""
        return f"unusual JSON: {'; '.join(self.remarks)}" if self.remarks else ""

    @property
    def tables(self) -> dict[str, Table]:
        """All tables of both pipelines by name."""
        return {**self.ingress.tables, **self.egress.tables}

    @property
    def action_codes(self) -> dict[str, int]:
        """A number for each action name; entries hold it, and lowered programs branch on it."""
        names = dict.fromkeys(action.name for action in self.actions.values())
        return {name: number for number, name in enumerate(names)}

    def action_of(self, table: Table, name: str) -> Action | None:
        """The action that `name` means in `table`, or None when it is not allowed there."""
        for action_id in table.actions:
            if self.actions[action_id].name == name:
                return self.actions[action_id]
        return None
