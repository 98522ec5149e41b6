"""Expressions as Python source. Python's integers have no end, so most types need no care."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from v1switch.engines.python.headers import FROM_BYTES, Headers
from v1switch.engines.python.source import Source, checked
from v1switch.lower import ir
from v1switch.lower.arithmetic import interval
from v1switch.state.lookup import Cell

INPUTS = {
    "port": "port",
    "kind": "kind",
    "length": "frame_length",
    "now": "now",
    "session": "restore[0]",
    "frame": "frame",
}
ZERO = ir.Const(0)
NOTHING = Cell()  # what a group without members picks


class Expressions:
    """Prints expressions; `flags` are truth values that are 0 or 1 and never False or True."""

    def __init__(self, source: Source, headers: Headers, flags: Iterable[ir.Var]) -> None:
        self.source = source
        self.headers = headers
        self.cursor = headers.cursor
        self.flags = set(flags)

    def text(self, node: ir.Expr) -> str:
        """Source of an expression, in parentheses where needed; truth values by their truth."""
        if isinstance(node, ir.Var):
            return node.name
        return checked(PRINTERS[type(node)](self, node))

    def tuple_text(self, nodes: Sequence[ir.Expr]) -> str:
        """Source of a tuple of expressions."""
        return f"({''.join(f'{self.text(node)}, ' for node in nodes)})"

    def condition(self, node: ir.Expr) -> str:
        """Source of a truth value for an `if`."""
        if isinstance(node, ir.Compare) and node.right == ZERO and node.op in ("==", "!="):
            value = self.text(node.left)
            return value if node.op == "!=" else f"not {value}"
        text = self.text(node)
        bare = isinstance(node, (ir.Compare, ir.Logic, ir.Short, ir.Not, ir.Found, ir.IsGroup))
        return text[1:-1] if bare else text

    def truth(self, node: ir.Expr) -> str:
        """Source of a truth value for the operators `and`, `or`, `not`."""
        text = self.condition(node)
        return text if text.isidentifier() else f"({text})"

    def below(self, index: ir.Expr, size: int) -> str:
        """Source of the test that an index is one of an array of this size."""
        text = self.text(index)
        return f"{text} < {size}" if interval(index)[0] >= 0 else f"0 <= {text} < {size}"

    # -- leaves -----------------------------------------------------------------------------------

    def _const(self, node: ir.Const) -> str:
        return str(node.value) if node.value >= 0 else f"({node.value})"

    def _bool_const(self, node: ir.BoolConst) -> str:
        return "1" if node.value else "0"

    def _zero_bytes(self, node: ir.ZeroBytes) -> str:
        return "b''" if not node.size else self.source.constant("zeros", _zeros(node.size))

    def _nothing(self, _node: ir.Nothing) -> str:
        return "None"

    def _input(self, node: ir.Input) -> str:
        if node.name == "started":
            return self.source.state("started", lambda switch, _: switch.started)
        if node.name == "drop_port":
            return self.source.state("drop_port", lambda switch, _: switch.drop_port)
        return INPUTS[node.name]

    # -- arithmetic -------------------------------------------------------------------------------

    def _binary(self, node: ir.Binary) -> str:
        a, b = self.text(node.left), self.text(node.right)
        if node.op in ("min", "max"):
            return f"{node.op}({a}, {b})"
        if node.op in ("//", "%"):
            low, high = interval(node.right)
            if low <= 0 <= high:
                return f"({a} {node.op} {b} if {b} else 0)"
        return f"({a} {node.op} {b})"

    def _invert(self, node: ir.Invert) -> str:
        return f"(~{self.text(node.value)})"

    def _truncate(self, node: ir.Truncate) -> str:
        value, kind = self.text(node.value), node.type
        ones = (1 << kind.bits) - 1
        if not kind.signed:
            return f"({value} & {ones})"
        half = 1 << (kind.bits - 1)
        low, high = interval(node.value)
        if low >= 0 and high <= ones:
            return f"(({value} ^ {half}) - {half})"
        return f"(({value} + {half} & {ones}) - {half})"

    def _saturate(self, node: ir.Saturate) -> str:
        value = self.text(node.value)
        low, high = interval(node.value)
        if low < node.type.low:
            value = f"max({value}, {node.type.low})"
        return f"min({value}, {node.type.high})" if high > node.type.high else value

    def _fits(self, node: ir.Fits) -> str:
        return self.text(node.value)

    def _to_int(self, node: ir.ToInt) -> str:
        if node.value in self.flags:
            return self.text(node.value)
        return f"(1 if {self.condition(node.value)} else 0)"

    # -- truth values -----------------------------------------------------------------------------

    def _compare(self, node: ir.Compare) -> str:
        if isinstance(node.left.type, ir.Bool):
            a, b = self.condition(node.left), self.condition(node.right)
            return f"(bool({a}) {node.op} bool({b}))"
        return f"({self.text(node.left)} {node.op} {self.text(node.right)})"

    def _logic(self, node: ir.Logic) -> str:
        return f"({f' {node.op} '.join(map(self.truth, node.operands))})"

    def _not(self, node: ir.Not) -> str:
        if isinstance(node.value, ir.Found):
            return f"({self.text(node.value.handle)} is None)"
        return f"(not {self.truth(node.value)})"

    def _found(self, node: ir.Found) -> str:
        return f"({self.text(node.handle)} is not None)"

    # -- choices ----------------------------------------------------------------------------------

    def _select(self, node: ir.Select) -> str:
        then, otherwise = self.text(node.then), self.text(node.otherwise)
        return f"({then} if {self.condition(node.condition)} else {otherwise})"

    def _choose(self, node: ir.Choose) -> str:
        index, text = self.text(node.index), "("
        for number, option in enumerate(node.options):
            if option != node.otherwise:
                text += f"{self.text(option)} if {index} == {number} else "
                checked(text)
        return f"{text}{self.text(node.otherwise)})"

    # -- the frame --------------------------------------------------------------------------------

    def _short(self, node: ir.Short) -> str:
        return f"({self.cursor} + {self.text(node.size)} > frame_length)"

    def _lookahead(self, node: ir.Lookahead) -> str:
        start, end = node.offset // 8, (node.offset + node.width + 7) // 8
        extra = end * 8 - node.offset - node.width
        if end - start == 1:
            text = f"frame[{self.cursor} + {start}]"
        else:
            number = self.source.constant("from_bytes", FROM_BYTES)
            text = f"{number}(frame[{self.cursor} + {start}:{self.cursor} + {end}], 'big')"
        if extra:
            text = f"({text} >> {extra})"
        if node.offset % 8:
            text = f"({text} & {(1 << node.width) - 1})"
        return text

    def _in_value_set(self, node: ir.InValueSet) -> str:
        ref = node.value_set
        members = self.source.state(
            f"value_set_{ref.index}", lambda _, state: state.value_sets[ref.spec.name]
        )
        bits = "" if node.mask is None else f" & {node.mask}"
        tests = f"{self.text(node.key)} & m{bits} == v{bits} for v, m in {members}.rows"
        return f"any({tests})"

    def _header_bytes(self, node: ir.HeaderBytes) -> str:
        return f"({self.headers.packed(node.header)})"

    def _emitted(self, node: ir.Emitted) -> str:
        return f"({self.headers.emitted(node.header)})"

    def _payload(self, _node: ir.Payload) -> str:
        return f"frame[{self.cursor}:]"

    def _packet(self, _node: ir.Packet) -> str:
        return "data"

    def _size_of(self, node: ir.SizeOf) -> str:
        if isinstance(node.value, ir.Payload):
            return f"(frame_length - {self.cursor})"
        return f"len({self.text(node.value)})"

    # -- entries and replicas ---------------------------------------------------------------------

    def _default_entry(self, node: ir.DefaultEntry) -> str:
        return f"{self.table(node.table)}.default"

    def table(self, ref: ir.TableRef) -> str:
        """Name of a table's run-time object."""
        return self.source.state(f"table_{ref.index}", lambda _, state: state.tables[ref.spec.name])

    def _action_code(self, node: ir.ActionCode) -> str:
        return f"{self.text(node.entry)}.code"

    def _target(self, node: ir.Target) -> str:
        return f"{self.text(node.entry)}.target"

    def _is_group(self, node: ir.IsGroup) -> str:
        return f"({self.text(node.entry)}.pick is not None)"

    def _pick(self, node: ir.Pick) -> str:
        group, nothing = self.text(node.group), self.source.constant("nothing", NOTHING)
        picked = f"{group}.pick[{self.text(node.hash)} % len({group}.pick)]"
        return f"({picked} if {group}.pick else {nothing})"

    def _find_session(self, node: ir.FindSession) -> str:
        sessions = self.source.state("sessions", lambda switch, _: switch.replication.sessions)
        return f"{sessions}.get({self.text(node.number)})"

    def _find_group(self, node: ir.FindGroup) -> str:
        groups = self.source.state("groups", lambda switch, _: switch.replication.groups)
        return f"{groups}.get({self.text(node.number)})"

    def _replica_count(self, node: ir.ReplicaCount) -> str:
        return f"len({self.text(node.handle)}.replicas)"

    def _session_limit(self, node: ir.SessionLimit) -> str:
        return f"{self.text(node.session)}.packet_length_bytes"

    # -- arrays -----------------------------------------------------------------------------------

    def cells(self, ref: ir.RegisterRef) -> str:
        """Name of a register array's cells."""
        return self.source.state(
            f"register_{ref.index}", lambda _, state: state.registers[ref.spec.name].cells
        )

    def packets(self, ref: ir.CounterRef) -> str:
        """Name of a counter's packets."""
        return self.source.state(
            f"counter_{ref.index}_packets", lambda _, state: state.counters[ref.spec.name].packets
        )

    def draw(self) -> str:
        """Name of the function that draws random numbers: (low, high, number of draws)."""
        return self.source.state("draw", lambda _, state: state.random.between)

    def _register_read(self, node: ir.RegisterRead) -> str:
        cell = f"{self.cells(node.register)}[{self.text(node.index)}]"
        if node.inside:
            return cell
        return f"({cell} if {self.below(node.index, node.register.spec.size)} else 0)"

    def _counter_read(self, node: ir.CounterRead) -> str:
        cell = f"{self.packets(node.counter)}[{self.text(node.index)}]"
        return f"({cell} if {self.below(node.index, node.counter.spec.size)} else 0)"


@cache
def _zeros(size: int) -> bytes:
    return bytes(size)


PRINTERS: dict[type, Callable[..., str]] = {
    ir.Const: Expressions._const,
    ir.BoolConst: Expressions._bool_const,
    ir.ZeroBytes: Expressions._zero_bytes,
    ir.Nothing: Expressions._nothing,
    ir.Input: Expressions._input,
    ir.Binary: Expressions._binary,
    ir.Invert: Expressions._invert,
    ir.Truncate: Expressions._truncate,
    ir.Saturate: Expressions._saturate,
    ir.Fits: Expressions._fits,
    ir.ToInt: Expressions._to_int,
    ir.Compare: Expressions._compare,
    ir.Logic: Expressions._logic,
    ir.Not: Expressions._not,
    ir.Select: Expressions._select,
    ir.Choose: Expressions._choose,
    ir.Short: Expressions._short,
    ir.Lookahead: Expressions._lookahead,
    ir.InValueSet: Expressions._in_value_set,
    ir.HeaderBytes: Expressions._header_bytes,
    ir.Emitted: Expressions._emitted,
    ir.Payload: Expressions._payload,
    ir.Packet: Expressions._packet,
    ir.SizeOf: Expressions._size_of,
    ir.Found: Expressions._found,
    ir.DefaultEntry: Expressions._default_entry,
    ir.ActionCode: Expressions._action_code,
    ir.Target: Expressions._target,
    ir.IsGroup: Expressions._is_group,
    ir.Pick: Expressions._pick,
    ir.FindSession: Expressions._find_session,
    ir.FindGroup: Expressions._find_group,
    ir.ReplicaCount: Expressions._replica_count,
    ir.SessionLimit: Expressions._session_limit,
    ir.RegisterRead: Expressions._register_read,
    ir.CounterRead: Expressions._counter_read,
}
