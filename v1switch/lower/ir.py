"""The intermediate representation: the processing of one frame, as a typed tree.

`lower` makes a `Switch` of a program; each engine prints a `Switch` in its own language. A tree has
two kinds of nodes: expressions, which give a value and change nothing, and statements. All are
immutable. A block is a tuple of statements.

Rules that every node keeps:

* **Arithmetic is exact**, as in BMv2, whose numbers have no end: the type of each result is wide
  enough for every result. Bits are lost only where `Truncate` or `Saturate` says so.
* **Expressions are total**: division by zero gives 0, a register's cell beyond the array reads 0.
  An engine may therefore evaluate an operand that turns out not to be needed.
* **`Assign` never cuts**: the value's type fits into the variable's.
* **State is named by reference** (`TableRef`, `CounterRef`, …): one object for one piece of state,
  so that an engine can bind its own run-time object, or an address, to it.

The body of a `Switch` runs once for each frame, and once more for each packet that enters again
(ingress clones, resubmitted and recirculated packets): `Kind` says which, `RestoreFields` gives the
packet the metadata that it carries. See `CloneIngress`, `Resubmit`, `Recirculate`. A packet that
has waited for its egress enters at `Resume` instead of the parser. See `Offer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from v1switch.program import model

# -- types -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Int:
    """An integer: of 0..2**bits - 1, or, when signed, of -2**(bits-1)..2**(bits-1) - 1."""

    bits: int
    signed: bool = False

    @property
    def low(self) -> int:
        """The smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def holds(self, other: Int) -> bool:
        """Whether every value of another type is one of this."""
        return self.low <= other.low and other.high <= self.high


@dataclass(frozen=True, slots=True)
class Bool:
    """A truth value."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A run of bytes: a part of the frame, or zeros.

    Attributes:
        size: how many; None where that is known only at run time (a variable-length field).
    """

    size: int | None


@dataclass(frozen=True, slots=True)
class Handle:
    """A run-time object whose parts other expressions read, or none (see `Found`).

    Attributes:
        of: "entry" (of a table, a member or group of an action profile, a default action) or
            "replicas" (a clone session or a multicast group: both have a list of replicas).
    """

    of: str


Type = Int | Bool | Bytes | Handle
BOOL = Bool()
ENTRY, REPLICAS = Handle("entry"), Handle("replicas")


class Kind(IntEnum):
    """How a packet came to be (`instance_type` of the standard metadata).

    DEQUEUED is no instance type: such a packet goes on where it was when it began to wait.
    """

    NORMAL = 0
    INGRESS_CLONE = 1
    EGRESS_CLONE = 2
    RECIRCULATED = 4
    REPLICATED = 5
    RESUBMITTED = 6
    DEQUEUED = 7


class Turn(IntEnum):
    """What becomes of a packet that is offered to a queue.

    It leaves at once; or it waits; or it is dropped, as the queue is full or does not exist; or it
    has not been offered yet.
    """

    LEAVES = 0
    WAITS = 1
    FULL = 2
    NO_QUEUE = 3
    OPEN = 4


# -- references to the program's state -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TableRef:
    """A table; `index` is its place in `Program.tables`."""

    index: int
    spec: model.Table


@dataclass(frozen=True, eq=False)
class CounterRef:
    """An indexed counter; `index` is its place in `Program.counters`."""

    index: int
    spec: model.CounterArray


@dataclass(frozen=True, eq=False)
class MeterRef:
    """An indexed meter; `index` is its place in `Program.meters`."""

    index: int
    spec: model.MeterArray


@dataclass(frozen=True, eq=False)
class RegisterRef:
    """A register array; `index` is its place in `Program.registers`."""

    index: int
    spec: model.RegisterArray


@dataclass(frozen=True, eq=False)
class ValueSetRef:
    """A parser value set; `index` is its place in `Program.value_sets`."""

    index: int
    spec: model.ValueSet


@dataclass(frozen=True, eq=False)
class HashRef:
    """A hash with parameters of its own; `index` is its place in `Program.calculations`."""

    index: int
    spec: model.Calculation


Ref = TableRef | CounterRef | MeterRef | RegisterRef | ValueSetRef | HashRef

# -- variables and headers -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Var:
    """A local variable of the body; as an expression, its value.

    Attributes:
        name: an identifier, unique in its `Switch`.
        type: of all values that it holds. Of type `Bytes` it is zeros of that size at first (none
            where the size is known only at run time), else 0, False or nothing.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a header's bits with a variable of its own.

    A field that the program looks at or writes is a segment; neighbours that only travel along are
    one together (a gap). A gap that is a whole chunk is of type `Bytes`, any other part `Int`.

    Attributes:
        width: in bits.
        var: None when nothing reads it and the header leaves as it came (see `Header.origin`).
    """

    width: int
    var: Var | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Segments in a row that start and end at byte boundaries."""

    segments: tuple[Segment, ...]

    @property
    def width(self) -> int:
        """Bits in this chunk."""
        return sum(segment.width for segment in self.segments)


@dataclass(frozen=True, eq=False)
class Header:
    """Where a header of the packet, or metadata, is kept.

    Attributes:
        name: of the header in the program.
        valid: type `Bool`; None for metadata, which always are valid.
        head: the chunks in front of the variable-length field (all, when there is none).
        varbit: the variable-length field, type `Bytes(None)`, or None.
        tail: the chunks after it.
        origin: offset of the header in the frame, when it may leave as it came; else None.
        dirty: type `Bool`: whether it was written to since. None when nothing writes to it.
        longest: the most bytes it can have.
    """

    name: str
    valid: Var | None
    head: tuple[Chunk, ...]
    varbit: Var | None
    tail: tuple[Chunk, ...]
    origin: Var | None
    dirty: Var | None
    longest: int

    @property
    def size(self) -> int:
        """Bytes without the variable-length field."""
        return sum(chunk.width for chunk in self.head + self.tail) // 8

    @property
    def variables(self) -> tuple[Var, ...]:
        """The variables of its contents, in order, the variable-length field last."""
        segments = (s for chunk in self.head + self.tail for s in chunk.segments)
        kept = tuple(s.var for s in segments if s.var is not None)
        return kept if self.varbit is None else (*kept, self.varbit)


# -- expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    """A number."""

    value: int

    @property
    def type(self) -> Int:
        """The narrowest type that has it."""
        if self.value < 0:
            return Int((~self.value).bit_length() + 1, signed=True)
        return Int(max(self.value.bit_length(), 1))


@dataclass(frozen=True, slots=True)
class BoolConst:
    """True or false."""

    value: bool
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class ZeroBytes:
    """Zero bytes, as many as `size`."""

    size: int

    @property
    def type(self) -> Bytes:
        """Bytes of this size."""
        return Bytes(self.size)


@dataclass(frozen=True, slots=True)
class Nothing:
    """The handle that refers to no object."""

    type: Handle


@dataclass(frozen=True, slots=True)
class Input:
    """An argument of the body.

    Attributes:
        name: "port" (where the frame came in), "kind" (a `Kind`), "length" (of the frame, bytes),
            "now" and "started" (ns on one monotonic clock: the frame's arrival, the switch's
            start), "drop_port" (the value of egress_spec that drops), "session" (the clone session
            of a packet of kind INGRESS_CLONE), "frame" (its bytes; only for tracing).
        type: of the value.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Binary:
    """An operation on two integers.

    Attributes:
        op: one of ``+ - * & | ^ // % << >> min max``. ``//`` rounds down and ``%`` takes the
            divisor's sign, as Python's; by zero both give 0. The right operand of a shift is
            unsigned, and may exceed the left one's width.
    """

    op: str
    left: Expr
    right: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Invert:
    """All bits inverted: -1 - value."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Truncate:
    """The value modulo 2**bits: as two's complement where the type is signed."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Saturate:
    """The value, clamped to the bounds of the type."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class Fits:
    """The value, which is known to fit the type."""

    value: Expr
    type: Int


@dataclass(frozen=True, slots=True)
class ToInt:
    """1 for true, 0 for false."""

    value: Expr

    @property
    def type(self) -> Int:
        """One bit."""
        return Int(1)


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: of two integers, or by == and != of two truth values or two runs of bytes."""

    op: str
    left: Expr
    right: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Logic:
    """All (op "and") or any (op "or") of at least two truth values."""

    op: str
    operands: tuple[Expr, ...]
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Not:
    """A truth value's opposite."""

    value: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Select:
    """One of two values, by a condition."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Choose:
    """`options[index]`, or `otherwise` where the index is none of theirs."""

    index: Expr
    options: tuple[Expr, ...]
    otherwise: Expr
    type: Type


# what the parser sees


@dataclass(frozen=True, slots=True)
class Short:
    """Whether the frame has fewer than so many bytes after the cursor."""

    size: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Lookahead:
    """Bits of the frame: `width` of them, `offset` bits after the cursor, which it has."""

    offset: int
    width: int

    @property
    def type(self) -> Int:
        """An unsigned number."""
        return Int(self.width)


@dataclass(frozen=True, slots=True)
class InValueSet:
    """Whether a value set has a member that matches the key.

    Attributes:
        key: as wide as the value set.
        mask: which bits of it count; None for all.
    """

    value_set: ValueSetRef
    key: Expr
    mask: int | None
    type: Bool = BOOL


# bytes


@dataclass(frozen=True, slots=True)
class HeaderBytes:
    """The bytes of a header, packed from its variables."""

    header: Header

    @property
    def type(self) -> Bytes:
        """The header's size, unless it has a variable-length field."""
        return Bytes(None if self.header.varbit else self.header.size)


@dataclass(frozen=True, slots=True)
class Payload:
    """The frame from the cursor on."""

    type: Bytes = Bytes(None)


@dataclass(frozen=True, slots=True)
class Emitted:
    """The bytes that `Emit` appends (only in programs lowered for tracing)."""

    header: Header
    type: Bytes = Bytes(None)


@dataclass(frozen=True, slots=True)
class Packet:
    """The outgoing packet as assembled so far (only in programs lowered for tracing)."""

    type: Bytes = Bytes(None)


@dataclass(frozen=True, slots=True)
class SizeOf:
    """How many bytes a run of bytes has."""

    value: Expr

    @property
    def type(self) -> Int:
        """Frames are shorter than 2**31 bytes."""
        return Int(31)


# entries of tables


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a handle refers to an object."""

    handle: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class DefaultEntry:
    """The entry of a table's default action."""

    table: TableRef
    type: Handle = ENTRY


@dataclass(frozen=True, slots=True)
class ActionCode:
    """The number of an entry's action (see `Program.action_codes`); -1 where it runs none."""

    entry: Expr

    @property
    def type(self) -> Int:
        """A signed number."""
        return Int(32, signed=True)


@dataclass(frozen=True, slots=True)
class Target:
    """The member or group that an entry of an indirect table points at, or nothing."""

    entry: Expr
    type: Handle = ENTRY


@dataclass(frozen=True, slots=True)
class IsGroup:
    """Whether an entry (a `Target`) is a group, or an action set, of which a selector picks."""

    entry: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class Pick:
    """The member of a group that a hash picks; of a group without members an entry without action.

    It is the member number `hash` modulo the number of members.
    """

    group: Expr
    hash: Expr
    type: Handle = ENTRY


# replication


@dataclass(frozen=True, slots=True)
class FindSession:
    """The clone session of this number, or nothing."""

    number: Expr
    type: Handle = REPLICAS


@dataclass(frozen=True, slots=True)
class FindGroup:
    """The multicast group of this number, or nothing."""

    number: Expr
    type: Handle = REPLICAS


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """The number of replicas of a session or group, which has been found."""

    handle: Expr

    @property
    def type(self) -> Int:
        """A count."""
        return Int(31)


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """The length (bytes) to which a session, which has been found, truncates; 0 for no limit."""

    session: Expr

    @property
    def type(self) -> Int:
        """`packet_length_bytes` of P4Runtime."""
        return Int(31)


# other state


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """A cell of a register array; 0 beyond its end.

    Attributes:
        inside: the index is known to be one of a cell.
    """

    register: RegisterRef
    index: Expr
    inside: bool

    @property
    def type(self) -> Int:
        """The array's width."""
        return Int(self.register.spec.width)


@dataclass(frozen=True, slots=True)
class CounterRead:
    """The packets of a counter's cell, 0 beyond its end (only in programs lowered for tracing)."""

    counter: CounterRef
    index: Expr
    type: Int = Int(63)


Expr = (
    Var
    | Const
    | BoolConst
    | ZeroBytes
    | Nothing
    | Input
    | Binary
    | Invert
    | Truncate
    | Saturate
    | Fits
    | ToInt
    | Compare
    | Logic
    | Not
    | Select
    | Choose
    | Short
    | Lookahead
    | InValueSet
    | HeaderBytes
    | Payload
    | SizeOf
    | Emitted
    | Packet
    | Found
    | DefaultEntry
    | ActionCode
    | Target
    | IsGroup
    | Pick
    | FindSession
    | FindGroup
    | ReplicaCount
    | SessionLimit
    | RegisterRead
    | CounterRead
)

# -- statements: variables and control flow --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """Set a variable."""

    target: Var
    value: Expr


@dataclass(frozen=True, slots=True)
class Move:
    """Set several variables at once: all values are taken before any variable changes."""

    targets: tuple[Var, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class If:
    """Run one of two blocks."""

    condition: Expr
    then: Block
    otherwise: Block = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Run the block of the case that has the value, or the default.

    Attributes:
        cases: (values, block) pairs; no value is in two, and all are of the type of `value`.
        default: for all other values.
    """

    value: Expr
    cases: tuple[tuple[tuple[int, ...], Block], ...]
    default: Block = ()


@dataclass(frozen=True, slots=True)
class Region:
    """A block that `Leave` inside of it ends early."""

    body: Block


@dataclass(frozen=True, slots=True)
class Machine:
    """States, of which the first runs first. Each ends in `Goto`, or in `Leave`, which ends all.

    A state that comes to its end without either leaves, too.

    Attributes:
        states: where possible in an order in which jumps go forward.
        limit: of jumps that do not go forward.
        exceeded: runs instead of the jump that would be one more, then the machine is left.
    """

    states: tuple[Block, ...]
    limit: int
    exceeded: Block


@dataclass(frozen=True, slots=True)
class Goto:
    """Run a state of the innermost `Machine` next: the last that the present state does."""

    state: int


@dataclass(frozen=True, slots=True)
class Leave:
    """End the innermost `Region` or `Machine`; nothing follows in its block."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the body; never inside of `ForEachCopy`."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Drop the frame and all packets made of it, and log why: processing would never end."""

    reason: str


# -- statements: the packet ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Peek:
    """Read the fields in front of a header's variable-length field; the cursor stays."""

    header: Header


@dataclass(frozen=True, slots=True)
class Extract:
    """Read a header at the cursor and move the cursor after it; the frame has all of it.

    It sets the variables of the header's contents, `origin`, and `dirty` to false, but not `valid`.

    Attributes:
        varbit: bytes of the variable-length field (None when the header has none).
    """

    header: Header
    varbit: Expr | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Move the cursor forward by bytes that the frame has."""

    size: Expr


@dataclass(frozen=True, slots=True)
class BeginPacket:
    """Start assembling the outgoing packet."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Append a header: from its variables, or from the frame when it has an origin and is clean."""

    header: Header


@dataclass(frozen=True, slots=True)
class AppendPayload:
    """Append the frame from the cursor on, which completes the outgoing packet."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the outgoing packet.

    Attributes:
        port: the egress port.
        limit: the length (bytes) to which it is truncated; None for no limit.
    """

    port: Expr
    limit: Expr | None


# -- statements: state -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look a key up; the variable becomes the entry, or nothing on a miss.

    Attributes:
        key: a value, unsigned and as wide as the field, for each field of the key.
    """

    target: Var
    table: TableRef
    key: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class TakeParams:
    """Set variables to the parameters of an entry's action."""

    targets: tuple[Var, ...]
    entry: Expr


@dataclass(frozen=True, slots=True)
class CountEntry:
    """Count the frame in an entry's direct counter."""

    entry: Expr


@dataclass(frozen=True, slots=True)
class TouchEntry:
    """Record the frame's time as that of an entry's last hit."""

    entry: Expr


@dataclass(frozen=True, slots=True)
class ExecuteDirectMeter:
    """Set a variable (two bits) to the colour that an entry's direct meter gives the frame."""

    target: Var
    entry: Expr


@dataclass(frozen=True, slots=True)
class ExecuteMeter:
    """Set a variable (two bits) to the colour that a meter's cell gives; the cell exists."""

    target: Var
    meter: MeterRef
    index: Expr


@dataclass(frozen=True, slots=True)
class Count:
    """Count the frame in a counter's cell, if there is one (`inside`: there is, for certain)."""

    counter: CounterRef
    index: Expr
    inside: bool


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Set a register array's cell, if there is one (`inside`: there is, for certain)."""

    register: RegisterRef
    index: Expr
    value: Expr
    inside: bool


# -- statements: hashes, random numbers, messages --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the input of a hash.

    Attributes:
        value: an unsigned number of exactly `width` bits, or bytes.
        width: bits of a number; None for bytes.
        guard: the piece is left out where this is false; None when it always is there.
    """

    value: Expr
    width: int | None
    guard: Expr | None = None


@dataclass(frozen=True, slots=True)
class Hash:
    """Set a variable to a hash of pieces, joined to one bit string and zero-padded to whole bytes.

    Attributes:
        target: of as many bits as `v1switch.program.hashes.WIDTHS` says.
        algorithm: one of `v1switch.program.hashes.HASHES` by its first name, or "random": 16 random
            bits, whatever the pieces (BMv2 has no such algorithm).
        own: the hash whose parameters hold; None for algorithms without, and for selectors.
    """

    target: Var
    algorithm: str
    pieces: tuple[Piece, ...]
    own: HashRef | None = None


@dataclass(frozen=True, slots=True)
class Random:
    """Set a variable to a random number of low..high, both included; low is not above high."""

    target: Var
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class SendDigest:
    """Send a digest, if there is a listener: one value for each of the list's fields."""

    digest: model.LearnList
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class LogMessage:
    """Log a text in which each pair of braces is replaced by a value."""

    text: str
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class FailAssertion:
    """Log that an assert or assume does not hold."""


# -- statements: packets that enter again, copies --------------------------------------------------


@dataclass(frozen=True, eq=False)
class FieldList:
    """A field list: variables whose values a packet that enters again carries. Id 0 is none."""

    id: int
    variables: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class CloneIngress:
    """Run the body for a clone at once: the original frame, `Kind.INGRESS_CLONE`.

    Attributes:
        session: a session that has been found: the clone's input "session".
        fields: the id of the `FieldList` whose current values it carries.
    """

    session: Expr
    fields: Expr


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Queue the original frame to enter the parser again after this pass (RESUBMITTED)."""

    fields: Expr


@dataclass(frozen=True, slots=True)
class Recirculate:
    """Queue the outgoing packet to enter the parser again after this pass (RECIRCULATED)."""

    fields: Expr


@dataclass(frozen=True, slots=True)
class RestoreFields:
    """Set the variables of the packet's field list to the values that the packet carries."""


@dataclass(frozen=True, slots=True)
class ForEachCopy:
    """Run the body for each copy of the packet, one after the other; then the switch's body ends.

    Attributes:
        replicas: the session or group whose replicas, at least one, are the copies; where it
            holds nothing there is one copy, with `port` and `instance` as they are.
        port: set to each replica's port.
        instance: set to each replica's instance (egress_rid).
        body: what each copy runs through.
        saved: variables that each copy finds as they were before the first one (or, see
            `AddCopies`, with the values given there): those that the body reads and later writes.
    """

    replicas: Var
    port: Var
    instance: Var
    body: Block
    saved: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class AddCopies:
    """Inside of `ForEachCopy`: append one copy for each replica of a session (egress clones).

    They find the saved variables as they are now, but for those that are reset. Nothing happens
    once `limit` copies have been appended.

    Attributes:
        session: a session that was found.
        fields: the id of the `FieldList` whose variables are not reset.
        reset: (variable, value) pairs, for all but those.
        always: (variable, value) pairs, for those as well.
    """

    session: Expr
    fields: Expr
    reset: tuple[tuple[Var, Expr], ...]
    always: tuple[tuple[Var, Expr], ...]
    limit: int


# -- statements: queues ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer the packet to the queue between ingress and egress, and set a variable to its `Turn`.

    A packet that waits is kept with the frame, where the frame came in, and variables.

    Attributes:
        target: becomes LEAVES, WAITS, FULL or NO_QUEUE.
        port: whose queue.
        priority: which of the port's queues.
        kept: the variables.
    """

    target: Var
    port: Expr
    priority: Expr
    kept: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class Resume:
    """Set variables as they were kept; at the start of the body, for packets of kind DEQUEUED.

    Attributes:
        targets: those of `Offer.kept`.
        enqueued: set to when the packet was offered (ns).
        depth: set to how many packets it found waiting then.
        left: set to how many packets wait in its queue now.
    """

    targets: tuple[Var, ...]
    enqueued: Var
    depth: Var
    left: Var


# -- statements: tracing ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observe:
    """A trace point: call the recorder of explanations. Only in programs lowered for tracing.

    Attributes:
        event: a method of the recorder.
        args: its arguments: expressions, tuples of expressions, or objects as they are.
    """

    event: str
    args: tuple[object, ...]


Stmt = (
    Assign
    | Move
    | If
    | Match
    | Region
    | Machine
    | Goto
    | Leave
    | Finish
    | Abandon
    | Peek
    | Extract
    | Skip
    | BeginPacket
    | Emit
    | AppendPayload
    | Send
    | LookUp
    | TakeParams
    | CountEntry
    | TouchEntry
    | ExecuteDirectMeter
    | ExecuteMeter
    | Count
    | RegisterWrite
    | Hash
    | Random
    | SendDigest
    | LogMessage
    | FailAssertion
    | CloneIngress
    | Resubmit
    | Recirculate
    | RestoreFields
    | ForEachCopy
    | AddCopies
    | Offer
    | Resume
    | Observe
)
Block = tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Test:
    """A question about frames, lowered: the parser, then a condition.

    Attributes:
        variables: see `Switch`.
        cursor: see `Switch`.
        prologue: runs first.
        early: then these have to hold: conditions that need nothing of what the parser finds.
        body: then the parser.
        condition: the answer, when the parser is done.
    """

    variables: tuple[Var, ...]
    cursor: Var
    prologue: Block
    early: tuple[Expr, ...]
    body: Block
    condition: Expr


@dataclass(frozen=True, eq=False)
class Switch:
    """A whole program, lowered.

    Attributes:
        program: what it was made of.
        headers: all of the program's, metadata included, by name.
        variables: those that hold their zero (see `Var`) when the body begins. All others are
            assigned before they are read.
        cursor: how far the parser has come, in bytes; one of `variables`. Statements and
            expressions about the frame use it without naming it.
        field_lists: what packets that enter again may carry.
        body: what happens to a packet.
    """

    program: model.Program
    headers: dict[str, Header]
    variables: tuple[Var, ...]
    cursor: Var
    field_lists: tuple[FieldList, ...]
    body: Block
