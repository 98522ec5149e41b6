"""What happens to a frame, as values: made by `recorder`, shown by `text` and `document`.

An `Explanation` is about one frame that came in. It consists of passes: the frame itself, then
what the program made of it (copies, clones, resubmitted and recirculated frames). A pass consists
of stages ("parser", "ingress", "egress", "deparser"), each a list of steps in their order. Names
are those of the BMv2 JSON, numbers are unsigned unless their field is signed, lengths are in bytes
and offsets count from the start of the pass's frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from v1switch.program.expressions import Expr
from v1switch.program.model import Primitive, Source, Transition
from v1switch.state.entries import Match

Value = int | bytes | bool | None
"""A number, a variable-length field's bytes, a truth value; None for what does not exist."""


DEQUEUED = "dequeued"  # a kind of pass: of a frame that has waited in a queue


@dataclass(frozen=True)
class FieldValue:
    """A field with its value. `width` is in bits, 0 for a variable-length field."""

    header: str
    field: str
    width: int
    value: Value


@dataclass(frozen=True)
class Operand:
    """An operand of an expression with its value; `width` is 0 where it is not known."""

    expression: Expr
    width: int
    value: Value


@dataclass(frozen=True)
class Effect:
    """What a step changed: `what` is "field", "header", "register" or "counter".

    Attributes:
        name: the header or the array.
        field: the field's own name for "field", else empty.
        index: the cell of an array, else None.
        width: bits; 0 where numbers have no width.
        old, new: before and after. `old` is None for the field of a header that was invalid,
            both are None for a cell that the array does not have.
    """

    what: str
    name: str
    field: str
    index: int | None
    width: int
    old: Value
    new: Value


@dataclass(frozen=True)
class Extracted:
    """The parser extracted a header."""

    header: str
    offset: int
    size: int
    fields: tuple[FieldValue, ...]


@dataclass(frozen=True)
class Advanced:
    """The parser skipped bits."""

    bits: int


@dataclass(frozen=True)
class Condition:
    """An `if` (of a control or inside an action) or the parser's `verify`.

    Attributes:
        kind: "if" or "verify".
        expression, operands, value: the condition, what it reads, its result.
        source: its location in the P4 source.
        params: names of the parameters that the expression may refer to.
    """

    kind: str
    expression: Expr
    operands: tuple[Operand, ...]
    value: bool
    source: Source | None
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transitioned:
    """The parser's transition out of a state.

    Attributes:
        key: the select's expressions with their values; empty without a select.
        case: the transition that was taken, or None when none matched.
    """

    state: str
    key: tuple[Operand, ...]
    case: Transition | None


@dataclass(frozen=True)
class ParserError:
    """The parser stopped with an error."""

    name: str


@dataclass(frozen=True)
class State:
    """A parser state with its steps."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Checked:
    """A checksum was verified: the value found, and the one computed."""

    name: str
    target: FieldValue
    found: int
    computed: int
    source: Source | None


@dataclass(frozen=True)
class Executed:
    """A primitive, the parser's assignment or the update of a checksum.

    Attributes:
        op: the primitive's name; "set" in the parser, "update_checksum" for a checksum.
        call: the primitive, None for the two others.
        target, expression: of an assignment in the parser, else None.
        args: the operands.
        effects: what was written, also where that changed nothing.
        source: its location in the P4 source.
        params: names of the action's parameters.
    """

    op: str
    call: Primitive | None
    target: Expr | None
    expression: Expr | None
    args: tuple[Operand, ...]
    effects: tuple[Effect, ...]
    source: Source | None
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """An action that ran, with its parameters and steps."""

    name: str
    params: tuple[FieldValue, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class KeyValue:
    """A field of a table's key with the value that was looked up."""

    name: str
    kind: str
    width: int
    value: int


@dataclass(frozen=True)
class Entry:
    """A table entry that was hit.

    Attributes:
        matches: one for each field of the key.
        priority: as it was written; None where the table has no priorities.
        low_first: whether low numbers win, as in the program's own and simple_switch_CLI's
            entries; in P4Runtime's large ones do.
        origin: where it was written ("entries.txt:3", "tables.p4:61"), empty if not known.
        const: whether the program declares it.
        packets: its direct counter, including this frame; None without one.
    """

    matches: tuple[Match, ...]
    priority: int | None
    low_first: bool
    origin: str
    const: bool
    packets: int | None


@dataclass(frozen=True)
class Selection:
    """What an action profile selected: a member, or an element of an action set (None).

    With a `hash` a selector picked it: index `place`, from 0, of `size`.
    """

    member: int | None
    hash: int | None = None
    place: int = 0
    size: int = 1


@dataclass(frozen=True)
class Applied:
    """A table was applied.

    Attributes:
        entry: what was hit, or None for a miss.
        entries: how many entries the table holds.
        metered: the colour that the direct meter wrote, or None.
        action: the action that ran, or None when there was none.
    """

    table: str
    key: tuple[KeyValue, ...]
    entry: Entry | None
    entries: int
    selection: Selection | None
    metered: FieldValue | None
    action: Action | None
    source: Source | None


@dataclass(frozen=True)
class Digest:
    """A digest for the controller."""

    name: str
    fields: tuple[Operand, ...]


@dataclass(frozen=True)
class Replicated:
    """Copies were requested.

    Attributes:
        kind: "multicast", "ingress clone" or "egress clone".
        number: the group or session.
        known: whether the group or session exists.
        copies: (port, instance) of each copy.
    """

    kind: str
    number: int
    known: bool
    copies: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Restarted:
    """The frame enters the parser again: "resubmitted" or "recirculated"."""

    kind: str


@dataclass(frozen=True)
class Writer:
    """A step that wrote something, and where it ran.

    Attributes:
        step: what wrote it.
        table, action: where it ran; empty for a statement of a control.
        origin: where the table entry was written, as in Entry; empty for a default action.
    """

    step: Executed
    table: str
    action: str
    origin: str


@dataclass(frozen=True)
class Queued:
    """The frame waits for its egress in the queue of a port and priority, behind others."""

    port: int
    priority: int
    waiting: int


@dataclass(frozen=True)
class Dequeued:
    """The frame leaves a queue.

    Attributes:
        port, priority: which queue.
        waited_ns: how long it was there.
        depth: how many waited before it when it came.
    """

    port: int
    priority: int
    waited_ns: int
    depth: int


@dataclass(frozen=True)
class Dropped:
    """The pass ends without a frame.

    Attributes:
        reason: as text.
        by: the step that last requested it, or None.
        condition: the `if` that led to that step, or None.
        writers: the steps that last wrote the fields of the condition.
    """

    reason: str
    by: Writer | None = None
    condition: Condition | None = None
    writers: tuple[Writer, ...] = ()


@dataclass(frozen=True)
class Part:
    """A piece of the frame that leaves.

    Attributes:
        name: the header, or "payload".
        status: "same" as it came in, "changed", "new", or "removed".
        data: its bytes; of a removed header those that came in.
        was: the bytes of that header as it came in, or None.
    """

    name: str
    status: str
    data: bytes
    was: bytes | None


@dataclass(frozen=True)
class Sent:
    """A frame left the deparser.

    Attributes:
        port: where it goes, or None when it enters the parser again.
        to_controller: whether that is the CPU port.
        frame: its bytes.
        parts: the same by headers, before truncation.
        truncated: whether the program truncated it.
    """

    port: int | None
    to_controller: bool
    frame: bytes
    parts: tuple[Part, ...]
    truncated: bool


Step = (
    State
    | Extracted
    | Advanced
    | Condition
    | Transitioned
    | ParserError
    | Checked
    | Executed
    | Action
    | Applied
    | Digest
    | Replicated
    | Restarted
    | Queued
    | Dequeued
    | Dropped
    | Sent
)


@dataclass(frozen=True)
class Stage:
    """A stage of the switch; egress has the port and instance of the copy."""

    name: str
    steps: tuple[Step, ...]
    port: int | None = None
    instance: int | None = None


@dataclass(frozen=True)
class Pass:
    """One pass through the switch.

    Attributes:
        number: counts from 1, in the order in which passes begin.
        kind: "frame", "multicast copy", "ingress clone", "egress clone", "resubmitted",
            "recirculated" or "dequeued".
        parent: number of the pass that it came from; 0 for the first.
    """

    number: int
    kind: str
    parent: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Explanation:
    """Everything that happened to one frame.

    Attributes:
        port, frame: what came in.
        passes: at least one.
        out: (port, frame) of everything that left, the controller's included.
        omitted: number of events after the last one recorded here.
    """

    port: int
    frame: bytes
    passes: tuple[Pass, ...]
    out: tuple[tuple[int, bytes], ...] = field(default=())
    omitted: int = 0

    @property
    def waits(self) -> int:
        """How many packets made of the frame wait in queues: each has an explanation to come."""
        steps = (step for each in self.passes for stage in each.stages for step in stage.steps)
        return sum(isinstance(step, Queued) for step in steps)

    @property
    def waited(self) -> bool:
        """Whether this goes on where an explanation of the same frame ended."""
        return self.passes[0].kind == DEQUEUED
