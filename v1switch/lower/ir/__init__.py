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

from v1switch.lower.ir.copies import (
    AddCopies,
    CloneIngress,
    FieldList,
    Recirculate,
    RestoreFields,
    Resubmit,
)
from v1switch.lower.ir.expressions import (
    ActionCode,
    Binary,
    Choose,
    Compare,
    CounterRead,
    Expr,
    FindGroup,
    FindSession,
    Fits,
    Found,
    InValueSet,
    Invert,
    IsGroup,
    Logic,
    Not,
    Pick,
    RegisterRead,
    ReplicaCount,
    Saturate,
    Select,
    SessionLimit,
    Short,
    SizeOf,
    Target,
    ToInt,
    Truncate,
)
from v1switch.lower.ir.externs import FailAssertion, Hash, LogMessage, Piece, Random, SendDigest
from v1switch.lower.ir.frames import AppendPayload, BeginPacket, Emit, Extract, Peek, Send, Skip
from v1switch.lower.ir.packets import Kind, Turn
from v1switch.lower.ir.queues import Offer, Resume
from v1switch.lower.ir.references import (
    CounterRef,
    HashRef,
    MeterRef,
    Ref,
    RegisterRef,
    TableRef,
    ValueSetRef,
)
from v1switch.lower.ir.state import (
    Count,
    CountEntry,
    ExecuteDirectMeter,
    ExecuteMeter,
    LookUp,
    RegisterWrite,
    TakeParams,
    TouchEntry,
)
from v1switch.lower.ir.statements import (
    Abandon,
    Assign,
    Block,
    Finish,
    ForEachCopy,
    Goto,
    If,
    Leave,
    Machine,
    Match,
    Move,
    Observe,
    Region,
    Stmt,
)
from v1switch.lower.ir.switch import Switch, Test
from v1switch.lower.ir.types import ANY_BYTES, BOOL, ENTRY, REPLICAS, Bool, Bytes, Handle, Int, Type
from v1switch.lower.ir.values import (
    BoolConst,
    Const,
    DefaultEntry,
    Emitted,
    HeaderBytes,
    Input,
    Lookahead,
    Nothing,
    Packet,
    Payload,
    ZeroBytes,
)
from v1switch.lower.ir.variables import Chunk, Header, Segment, Var

__all__ = [
    "ANY_BYTES",
    "BOOL",
    "ENTRY",
    "REPLICAS",
    "Abandon",
    "ActionCode",
    "AddCopies",
    "AppendPayload",
    "Assign",
    "BeginPacket",
    "Binary",
    "Block",
    "Bool",
    "BoolConst",
    "Bytes",
    "Choose",
    "Chunk",
    "CloneIngress",
    "Compare",
    "Const",
    "Count",
    "CountEntry",
    "CounterRead",
    "CounterRef",
    "DefaultEntry",
    "Emit",
    "Emitted",
    "ExecuteDirectMeter",
    "ExecuteMeter",
    "Expr",
    "Extract",
    "FailAssertion",
    "FieldList",
    "FindGroup",
    "FindSession",
    "Finish",
    "Fits",
    "ForEachCopy",
    "Found",
    "Goto",
    "Handle",
    "Hash",
    "HashRef",
    "Header",
    "HeaderBytes",
    "If",
    "InValueSet",
    "Input",
    "Int",
    "Invert",
    "IsGroup",
    "Kind",
    "Leave",
    "LogMessage",
    "Logic",
    "LookUp",
    "Lookahead",
    "Machine",
    "Match",
    "MeterRef",
    "Move",
    "Not",
    "Nothing",
    "Observe",
    "Offer",
    "Packet",
    "Payload",
    "Peek",
    "Pick",
    "Piece",
    "Random",
    "Recirculate",
    "Ref",
    "Region",
    "RegisterRead",
    "RegisterRef",
    "RegisterWrite",
    "ReplicaCount",
    "RestoreFields",
    "Resubmit",
    "Resume",
    "Saturate",
    "Segment",
    "Select",
    "Send",
    "SendDigest",
    "SessionLimit",
    "Short",
    "SizeOf",
    "Skip",
    "Stmt",
    "Switch",
    "TableRef",
    "TakeParams",
    "Target",
    "Test",
    "ToInt",
    "TouchEntry",
    "Truncate",
    "Turn",
    "Type",
    "ValueSetRef",
    "Var",
    "ZeroBytes",
]
