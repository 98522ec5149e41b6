"""Statements of the intermediate representation: control flow, variables, the packet's headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.printer.code import Code, Value
from v1switch.engines.native.printer.effects import Effects
from v1switch.engines.native.printer.expressions import Expressions
from v1switch.engines.native.printer.octets import Headers
from v1switch.engines.native.printer.packets import Packets
from v1switch.lower import ir


class _Machine:
    """A machine whose states are being added."""

    def __init__(self, code: Code, node: ir.Machine) -> None:
        self.blocks = [code.block("state") for _ in node.states]
        self.node = node
        self.state = 0  # whose code is being added
        self.jumps = code.allocate(ll.IntType(32), "jumps")


class Statements:
    """Adds blocks of statements to a function."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.expressions = Expressions(code)
        self.headers = Headers(code)
        self.effects = Effects(self.expressions, self.headers)
        self.packets = Packets(self.expressions, self.headers)
        self._exits: list[Value] = []  # of the regions and machines around, innermost last
        self._machines: list[_Machine] = []
        self._print: dict[type, Callable[[Any], None]] = {
            ir.Assign: lambda node: self.assign(node.target, node.value),
            ir.Move: self._move,
            ir.If: self._if,
            ir.Match: self._match,
            ir.Region: self._region,
            ir.Machine: self._machine,
            ir.Goto: self._goto,
            ir.Leave: lambda _: self.code.go(self._exits[-1]),
            ir.Finish: lambda _: self.code.go(self.code.finish),
            ir.Abandon: lambda _: self.code.punt(),  # plain Python logs why
            ir.Peek: self._peek,
            ir.Extract: self._extract,
            ir.Skip: self._skip,
            ir.ForEachCopy: lambda node: self.packets.for_each_copy(node, self.block),
            **self.effects.printers(),
            **self.packets.printers(),
        }

    def block(self, statements: ir.Block) -> None:
        """Add statements, up to the first that ends the block."""
        for statement in statements:
            if self.code.ended:
                return
            self._statement(statement)

    def _statement(self, statement: ir.Stmt) -> None:
        printer = self._print.get(type(statement))
        try:
            if printer is None:
                raise NotNative(f"{type(statement).__name__} as a statement")
            printer(statement)
        except NotNative as reason:
            # blocks that were begun stay behind: whatever leads to them hands the frame over, too
            self.code.reasons[str(reason)] = None
            self.code.punt()

    # -- variables --------------------------------------------------------------------------------

    def assign(self, target: ir.Var, value: ir.Expr) -> None:
        """Set a variable."""
        self._store(target, self._taken(target, value))

    def _taken(self, target: ir.Var, value: ir.Expr) -> tuple[Value, ...]:
        if target.type == ir.Bytes(None):
            return self.expressions.octets(value)
        return (self.expressions.as_type(value, target.type),)

    def _store(self, target: ir.Var, values: tuple[Value, ...]) -> None:
        for place, value in zip(self.code.memory(target), values, strict=True):
            self.code.builder.store(value, place)

    def _move(self, node: ir.Move) -> None:
        pairs = zip(node.targets, node.values, strict=True)
        taken = [self._taken(target, value) for target, value in pairs]
        for target, values in zip(node.targets, taken, strict=True):
            self._store(target, values)

    # -- control flow -----------------------------------------------------------------------------

    def _if(self, node: ir.If) -> None:
        code = self.code
        condition = self.expressions.value(node.condition)
        behind = code.block("behind")
        then = code.block("then") if node.then else behind
        otherwise = code.block("else") if node.otherwise else behind
        code.builder.cbranch(condition, then, otherwise)
        for start, statements in ((then, node.then), (otherwise, node.otherwise)):
            if statements:
                self._from(start, statements, behind)
        code.begin(behind)

    def _from(self, start: Value, statements: ir.Block, behind: Value) -> None:
        """Add statements to a block, then branch to another."""
        self.code.begin(start)
        self.block(statements)
        self.code.go(behind)

    def _match(self, node: ir.Match) -> None:
        code = self.code
        value = self.expressions.value(node.value)
        behind = code.block("behind")
        default = code.block("default") if node.default else behind
        choice = code.builder.switch(value, default)
        for values, statements in node.cases:
            start = code.block("case")
            for each in values:
                choice.add_case(ll.Constant(value.type, each), start)
            self._from(start, statements, behind)
        if node.default:
            self._from(default, node.default, behind)
        code.begin(behind)

    def _region(self, node: ir.Region) -> None:
        behind = self.code.block("behind")
        self._exits.append(behind)
        self.block(node.body)
        self._exits.pop()
        self.code.go(behind)
        self.code.begin(behind)

    def _machine(self, node: ir.Machine) -> None:
        code, behind = self.code, self.code.block("behind")
        if not node.states:
            return
        machine = _Machine(code, node)
        code.builder.store(ll.Constant(ll.IntType(32), 0), machine.jumps)
        self._exits.append(behind)
        self._machines.append(machine)
        code.go(machine.blocks[0])
        for number, statements in enumerate(node.states):
            machine.state = number
            self._from(machine.blocks[number], statements, behind)
        self._machines.pop()
        self._exits.pop()
        code.begin(behind)

    def _goto(self, node: ir.Goto) -> None:
        code, machine = self.code, self._machines[-1]
        if node.state <= machine.state:
            jumps = code.builder.load(machine.jumps)
            one = ll.Constant(jumps.type, 1)
            limit = ll.Constant(jumps.type, machine.node.limit)
            with code.when(code.builder.icmp_unsigned(">=", jumps, limit)):
                self.block(machine.node.exceeded)
                code.go(self._exits[-1])
            code.builder.store(code.builder.add(jumps, one), machine.jumps)
        code.go(machine.blocks[node.state])

    # -- the parser's cursor ----------------------------------------------------------------------

    def _advance(self, to: Value) -> None:
        place = self.code.memory(self.code.switch.cursor)[0]
        self.code.builder.store(self.code.resize(to, place.type.pointee.width), place)

    def _peek(self, node: ir.Peek) -> None:
        code = self.code
        start = code.builder.add(code.arguments["frame"], self.expressions.cursor())
        self.headers.unpack(node.header.head, start)

    def _extract(self, node: ir.Extract) -> None:
        size = None if node.varbit is None else self.expressions.as_word(node.varbit)
        self._advance(self.headers.extract(node.header, self.expressions.cursor(), size))

    def _skip(self, node: ir.Skip) -> None:
        size = self.expressions.as_word(node.size)
        self._advance(self.code.builder.add(self.expressions.cursor(), size))
