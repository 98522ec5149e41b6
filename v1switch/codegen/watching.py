"""What the traced variant tells of a primitive: what goes in, old and new of what it writes.

The values are taken before and behind the primitive's own code, which stays as it is in the
untraced variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v1switch.codegen.access import CHANGES_HEADER, DROPS, STANDARD, WRITES_FIRST, walk
from v1switch.errors import ProgramError
from v1switch.program import expressions as ex
from v1switch.program.model import Checksum, Primitive, SetField
from v1switch.program.primitives import DATA, INDEX, PRIMITIVES
from v1switch.program.symbols import VALID

if TYPE_CHECKING:
    from v1switch.codegen.stores import Stores

Call = Primitive | SetField | Checksum
OPERANDS = (
    ex.FieldRef,
    ex.LastField,
    ex.LastUnionField,
    ex.MemberField,
    ex.ParamRef,
    ex.RegisterRef,
)
WRITES_FIELD = {*WRITES_FIRST, "add_to_field", "subtract_from_field"}
EGRESS_SPEC = ex.FieldRef(STANDARD, "egress_spec")
CELL = {"count": 1, "register_write": 1, "register_read": 2, "execute_meter": 1}  # its argument
CHANGES_STACK = {"push", "pop", "assign_header_stack", "assign_union_stack"}


@dataclass(frozen=True)
class Target:
    """Something that a primitive may write.

    Attributes:
        ref: a field (`$valid$` is a header's validity), a register array's cell or a counter.
        index: which of the told values is the cell of an array; -1 for fields.
    """

    ref: ex.FieldRef | ex.RegisterRef | ex.Named
    index: int = -1


@dataclass(frozen=True)
class Watched:
    """A call with what is told of it.

    Attributes:
        call: the primitive, the parser's assignment or the checksum.
        args: the expressions whose values are told, the cell of an array first; of a log
            message those that it prints.
        targets: what it may write.
    """

    call: Call
    args: tuple[ex.Expr, ...]
    targets: tuple[Target, ...]

    @property
    def writes_egress_spec(self) -> bool:
        """Whether the first target is the field that a drop is told by."""
        return bool(self.targets) and self.targets[0].ref == EGRESS_SPEC


class Watcher:
    """Writes the calls of the recorder around primitives."""

    def __init__(self, stores: Stores) -> None:
        """Remember the translator whose primitives are watched."""
        self.stores = stores
        self.expressions = stores.expressions
        self.access = stores.access
        self.program = stores.program

    @contextmanager
    def told(self, call: Call) -> Iterator[None]:
        """Tell of the code that is written inside (in the traced variant)."""
        if not self.stores.traced:
            yield
            return
        args, targets = self._args(call), self._targets(call)
        watched = Watched(call, tuple(args), tuple(targets))
        writer = self.stores.writer
        held, before = writer.fresh("w"), writer.fresh("w")
        writer.add(f"{held} = {self.values(args)}")
        writer.add(f"{before} = {self._state(watched, held)}")
        yield
        self.stores.tell("did", watched, held, before, self._state(watched, held))

    @staticmethod
    def operands(node: ex.Expr) -> tuple[ex.Expr, ...]:
        """The parts of an expression that have a value of their own, each once."""
        return tuple(dict.fromkeys(n for n in walk(node) if isinstance(n, OPERANDS)))

    def values(self, nodes: Iterable[ex.Expr]) -> str:
        """Source of the tuple of the values of expressions."""
        return f"({''.join(f'{self.expressions.value(n)}, ' for n in nodes)})"

    # -- what goes in ---------------------------------------------------------------------------

    def _args(self, call: Call) -> list[ex.Expr]:
        """The cell of an array, where there is one, then the operands of all values."""
        if isinstance(call, SetField):
            return list(self.operands(call.value))
        if isinstance(call, Checksum):
            return []
        if call.op == "log_msg" and isinstance(call.args[1], ex.Vector):
            return list(call.args[1].items)
        kinds = PRIMITIVES[call.op]
        values = [a for a, kind in zip(call.args, kinds, strict=True) if kind in (DATA, INDEX)]
        cells = [call.args[CELL[call.op]]] if call.op in CELL else []
        cells += [a.index for a in call.args[:1] if isinstance(a, ex.RegisterRef)]
        operands = (operand for value in values for operand in self.operands(value))
        return list(dict.fromkeys([*cells, *operands]))

    # -- what is written ------------------------------------------------------------------------

    def _targets(self, call: Call) -> list[Target]:
        if isinstance(call, (SetField, Checksum)):
            return [Target(call.target)]
        if call.op in WRITES_FIELD:
            return self._field(call.args[0])
        if call.op == "execute_meter":
            return self._field(call.args[2])
        if call.op == "register_write" and isinstance(call.args[0], ex.Named):
            return [Target(ex.RegisterRef(call.args[0].name, call.args[1]), 0)]
        if call.op == "count" and isinstance(call.args[0], ex.Named):
            return [Target(call.args[0], 0)]
        if call.op in DROPS:
            names = [n for n in ("egress_spec", "mcast_grp") if self.access.accessed(STANDARD, n)]
            return [Target(ex.FieldRef(STANDARD, name)) for name in names]
        if call.op in CHANGES_STACK or call.op in CHANGES_HEADER or call.op == "remove_header":
            return self._whole(self._headers(call.args[0]))
        return []

    def _field(self, target: ex.Expr) -> list[Target]:
        if isinstance(target, ex.FieldRef):
            return [Target(target)]
        if isinstance(target, ex.RegisterRef):
            return [Target(target, 0)]
        if isinstance(target, ex.LastField):
            headers = self.program.stacks[target.stack].headers
            return [Target(ex.FieldRef(h, target.field)) for h in headers]
        found = []
        if isinstance(target, ex.MemberField):
            for header in self.access.candidates(target.header):
                fields = self.program.headers[header].header_type.fields
                if target.offset < len(fields):
                    found.append(Target(ex.FieldRef(header, fields[target.offset].name)))
        return found

    def _headers(self, node: ex.Expr) -> list[str]:
        program = self.program
        unions: tuple[str, ...] = self.access.unions(node)
        if isinstance(node, ex.StackRef):
            return list(program.stacks[node.name].headers)
        if isinstance(node, ex.UnionStackRef):
            unions = program.union_stacks[node.name].unions
        if unions:
            return [h for union in unions for h in program.unions[union].headers]
        headers = self.access.candidates(node)
        siblings = (u.headers for u in program.unions.values() if set(u.headers) & set(headers))
        return list(dict.fromkeys([*headers, *(h for group in siblings for h in group)]))

    def _whole(self, headers: Iterable[str]) -> list[Target]:
        """A header's validity, then its fields."""
        found = []
        for header in headers:
            fields = self.program.headers[header].header_type.fields
            names = [f.name for f in fields]
            if not self.program.headers[header].metadata:
                names.insert(0, VALID)
            found += [Target(ex.FieldRef(header, name)) for name in names]
        return found

    def _state(self, watched: Watched, held: str) -> str:
        """Source of the tuple of what the targets hold."""
        texts = (self._held(target, held) for target in watched.targets)
        return f"({''.join(f'{text}, ' for text in texts)})"

    def _held(self, target: Target, held: str) -> str:
        ref, at = target.ref, f"{held}[{target.index}]"
        if isinstance(ref, ex.FieldRef):
            return self.expressions.value(ref)
        if isinstance(ref, ex.RegisterRef):
            cells, size = (
                self.expressions.register(ref.array),
                self.program.registers[ref.array].size,
            )
            return f"({cells}[{at}] if 0 <= {at} < {size} else None)"
        if ref.kind == "counter_array":
            bank, size = self.stores.bank("counter", ref.name), self.program.counters[ref.name].size
            return f"({bank}_packets[{at}] if 0 <= {at} < {size} else None)"
        raise ProgramError("$.actions", "something that can be written", ref.kind)
