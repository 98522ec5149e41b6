"""Expressions of the intermediate representation as LLVM values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.printer.code import BIT, Code, Value, word
from v1switch.engines.native.printer.numbers import MODULAR, Arithmetic, Number
from v1switch.engines.native.printer.octets import load_bits
from v1switch.lower import ir
from v1switch.state.arrays import WORD_BITS, cell_words
from v1switch.state.lookup import CODE, PICK, PICKS, TARGET
from v1switch.state.mirror import DEFAULT
from v1switch.state.replication import LIMIT, MAX_CLONE_SESSION, MAX_MULTICAST_GROUP, REPLICAS
from v1switch.state.words import count

_INPUTS = {"port": "port", "kind": "kind", "length": "length", "now": "now", "session": "session"}


class Expressions:
    """Adds the values of expressions to a function."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.numbers = Arithmetic(code)
        self._cursor = code.switch.cursor
        self._unsure = 0  # depth of operands that are worked out even where they are not needed
        self._print: dict[type, Callable[[Any], Value]] = {
            ir.Var: self._var,
            ir.Const: lambda node: self.numbers.constant(node.value, node.type.bits),
            ir.BoolConst: lambda node: ll.Constant(BIT, int(node.value)),
            ir.ZeroBytes: lambda _: word(0),
            ir.Nothing: lambda _: word(0),
            ir.Input: self._input,
            ir.Binary: self._binary,
            ir.Invert: self._invert,
            ir.Truncate: lambda node: self.low_bits(node.value, node.type.bits),
            ir.Saturate: lambda node: self.numbers.saturate(self.number(node.value), node.type),
            ir.Fits: lambda node: self.low_bits(node.value, node.type.bits),
            ir.ToInt: lambda node: self.value(node.value),
            ir.Compare: self._compare,
            ir.Logic: self._logic,
            ir.Not: lambda node: self.builder.not_(self.value(node.value)),
            ir.Select: self._select,
            ir.Choose: self._choose,
            ir.Short: self._short,
            ir.Lookahead: self._lookahead,
            ir.InValueSet: self._in_value_set,
            ir.SizeOf: self._size_of,
            ir.Found: lambda node: self._differs(self.value(node.handle), 0),
            ir.DefaultEntry: self._default_entry,
            ir.ActionCode: lambda node: self.code.resize(self._part(node.entry, CODE), 32),
            ir.Target: lambda node: self._part(node.entry, TARGET),
            ir.IsGroup: self._is_group,
            ir.Pick: self._pick,
            ir.FindSession: lambda node: self._find(node, "sessions", MAX_CLONE_SESSION),
            ir.FindGroup: lambda node: self._find(node, "groups", MAX_MULTICAST_GROUP),
            ir.ReplicaCount: lambda node: self.code.resize(self._part(node.handle, REPLICAS), 31),
            ir.SessionLimit: lambda node: self.code.resize(self._part(node.session, LIMIT), 31),
            ir.RegisterRead: self._register_read,
        }

    @property
    def builder(self) -> Any:
        """The function's builder."""
        return self.code.builder

    # -- values -----------------------------------------------------------------------------------

    def value(self, node: ir.Expr) -> Value:
        """The value of an expression in the LLVM type of its own type."""
        printer = self._print.get(type(node))
        if printer is None:
            raise NotNative(f"{type(node).__name__} as a value")
        return printer(node)

    def number(self, node: ir.Expr) -> Number:
        """An integer with its type."""
        assert isinstance(node.type, ir.Int)
        return Number(self.value(node), node.type)

    def as_type(self, node: ir.Expr, kind: ir.Type) -> Value:
        """The value of an expression in the LLVM type of a given type."""
        if isinstance(kind, ir.Int):
            return self.low_bits(node, kind.bits)
        return self.value(node)

    def as_word(self, node: ir.Expr) -> Value:
        """An integer as a word, modulo 2**64."""
        return self.low_bits(node, 64)

    def low_bits(self, node: ir.Expr, bits: int) -> Value:
        """An integer modulo 2**bits, computed in that many bits where possible."""
        if isinstance(node.type, ir.Int) and node.type.bits > bits:
            if isinstance(node, ir.Binary) and node.op in MODULAR:
                left, right = self.low_bits(node.left, bits), self.low_bits(node.right, bits)
                return self.numbers.modular(node.op, left, right)
            if isinstance(node, ir.Binary) and node.op == "<<":
                left = self.low_bits(node.left, bits)
                return self.numbers.shift_left(left, self.number(node.right))
            if isinstance(node, ir.Invert):
                return self.builder.not_(self.low_bits(node.value, bits))
            if isinstance(node, (ir.Truncate, ir.Fits)):
                return self.low_bits(node.value, bits)
        return self.numbers.as_type(self.number(node), bits)

    def octets(self, node: ir.Expr) -> tuple[Value, Value]:
        """The address (0 for zeros) and the length of a run of bytes."""
        assert isinstance(node.type, ir.Bytes)
        if node.type.size is not None:
            return self.value(node), word(node.type.size)
        if isinstance(node, ir.Var):
            place, size = (self.builder.load(part) for part in self.code.memory(node))
            return place, size
        if isinstance(node, ir.ZeroBytes):
            return word(0), word(node.size)
        if isinstance(node, ir.Payload):
            cursor = self.cursor()
            rest = self.builder.sub(self.code.arguments["length"], cursor)
            return self.builder.add(self.code.arguments["frame"], cursor), rest
        if isinstance(node, ir.Select):
            chosen = self.value(node.condition)
            pairs = zip(self.octets(node.then), self.octets(node.otherwise), strict=True)
            place, size = (self.builder.select(chosen, a, b) for a, b in pairs)
            return place, size
        if isinstance(node, ir.Choose):
            ends = [self.octets(option) for option in node.options]
            parts = zip(*ends, strict=True)
            pairs = zip(parts, self.octets(node.otherwise), strict=True)
            place, size = (self._chosen(node.index, each, other) for each, other in pairs)
            return place, size
        raise NotNative(f"{type(node).__name__} as bytes")

    def cursor(self) -> Value:
        """How far the parser has come, as a word."""
        return self.as_word(self._cursor)

    # -- leaves -----------------------------------------------------------------------------------

    def _var(self, node: ir.Var) -> Value:
        return self.builder.load(self.code.memory(node)[0])

    def _input(self, node: ir.Input) -> Value:
        argument = _INPUTS.get(node.name)
        given = self.code.arguments[argument] if argument else self.code.context(node.name)
        bits = node.type.bits if isinstance(node.type, ir.Int) else 64
        return self.code.resize(given, bits)

    def _short(self, node: ir.Short) -> Value:
        rest = self.builder.sub(self.code.arguments["length"], self.cursor())
        return self.numbers.compare("<", Number(rest, ir.Int(64, True)), self.number(node.size))

    def _lookahead(self, node: ir.Lookahead) -> Value:
        start = self.builder.add(self.code.arguments["frame"], self.cursor())
        return load_bits(self.code, start, node.offset, node.width)

    def _size_of(self, node: ir.SizeOf) -> Value:
        return self.code.resize(self.octets(node.value)[1], node.type.bits)

    # -- operations -------------------------------------------------------------------------------

    def _binary(self, node: ir.Binary) -> Value:
        if node.op in MODULAR:
            bits = node.type.bits
            left, right = self.low_bits(node.left, bits), self.low_bits(node.right, bits)
            return self.numbers.modular(node.op, left, right)
        return self.numbers.binary(
            node.op, self.number(node.left), self.number(node.right), node.type
        )

    def _invert(self, node: ir.Invert) -> Value:
        return self.builder.not_(self.low_bits(node.value, node.type.bits))

    def _compare(self, node: ir.Compare) -> Value:
        if isinstance(node.left.type, ir.Int):
            return self.numbers.compare(node.op, self.number(node.left), self.number(node.right))
        if isinstance(node.left.type, ir.Bytes):
            same = self._same_octets(node.left, node.right)
            return same if node.op == "==" else self.builder.not_(same)
        return self.builder.icmp_unsigned(node.op, self.value(node.left), self.value(node.right))

    def _same_octets(self, left: ir.Expr, right: ir.Expr) -> Value:
        (a, size), (b, other) = self.octets(left), self.octets(right)
        equal = self.builder.icmp_signed("==", size, other)
        compared = self.builder.select(equal, size, word(0))
        same = self.code.helper("same_raw", a, b, compared)
        return self.builder.and_(equal, self.code.resize(same, 1))

    def _differs(self, value: Value, number: int) -> Value:
        return self.builder.icmp_unsigned("!=", value, ll.Constant(value.type, number))

    def _logic(self, node: ir.Logic) -> Value:
        join = self.builder.and_ if node.op == "and" else self.builder.or_
        value = self.value(node.operands[0])
        with self._perhaps():
            for operand in node.operands[1:]:
                value = join(value, self.value(operand))
        return value

    def _select(self, node: ir.Select) -> Value:
        condition = self.value(node.condition)
        with self._perhaps():
            then, otherwise = (self.as_type(n, node.type) for n in (node.then, node.otherwise))
        return self.builder.select(condition, then, otherwise)

    def _choose(self, node: ir.Choose) -> Value:
        with self._perhaps():
            options = [self.as_type(option, node.type) for option in node.options]
            otherwise = self.as_type(node.otherwise, node.type)
        return self._chosen(node.index, options, otherwise)

    @contextmanager
    def _perhaps(self) -> Iterator[None]:
        """Operands that may not be needed: handles of no object must not be followed."""
        self._unsure += 1
        yield
        self._unsure -= 1

    def _chosen(self, index: ir.Expr, options: Sequence[Value], otherwise: Value) -> Value:
        number, value = self.number(index), otherwise
        for at, option in enumerate(options):
            constant = ir.Const(at)
            wanted = Number(self.value(constant), constant.type)
            hit = self.numbers.compare("==", number, wanted)
            value = self.builder.select(hit, option, value)
        return value

    # -- state ------------------------------------------------------------------------------------

    def key(self, parts: Sequence[tuple[Value, int]], extra: int = 0) -> Value:
        """Store numbers, given with their widths, as words; return the address."""
        words = [w for value, bits in parts for w in self.code.to_words(value, bits)]
        place = self.code.allocate_words(len(words) + extra)
        for n, part in enumerate(words):
            self.code.set_word(place, n, part)
        return place

    def _in_value_set(self, node: ir.InValueSet) -> Value:
        bits = node.value_set.spec.width
        ones = (1 << bits) - 1
        mask = self.numbers.constant(ones if node.mask is None else node.mask, bits)
        place = self.key([(self.low_bits(node.key, bits), bits), (mask, bits)])
        value_set = self.code.context(f"value_set {node.value_set.index}")
        return self.code.resize(
            self.code.helper("find_member", value_set, place, word(count(bits))), 1
        )

    def _part(self, node: ir.Expr, index: int) -> Value:
        """Load a word of a handle's object; 0 of no object, where that can happen."""
        handle = self.value(node)
        if self._unsure:
            found = self._differs(handle, 0)
            handle = self.builder.select(found, handle, self.code.context("nothing"))
        return self.code.word_at(handle, index)

    def _default_entry(self, node: ir.DefaultEntry) -> Value:
        return self.code.word_at(self.code.context(f"table {node.table.index}"), DEFAULT)

    def _is_group(self, node: ir.IsGroup) -> Value:
        return self.builder.icmp_signed(">=", self._part(node.entry, PICKS), word(0))

    def _pick(self, node: ir.Pick) -> Value:
        group = self.value(node.group)
        number = self.code.word_at(group, PICKS)
        some = self.builder.icmp_signed(">", number, word(0))
        modulus = self.builder.select(some, number, word(1))
        chosen = self.builder.urem(self.as_word(node.hash), modulus)
        nothing = self.code.allocate_words(1)
        self.code.set_word(nothing, 0, self.code.context("nothing"))
        picks = self.builder.select(some, self.code.word_at(group, PICK), nothing)
        return self.code.load(self.code.at(picks, chosen))

    def _find(self, node: ir.FindSession | ir.FindGroup, name: str, last: int) -> Value:
        number = self.number(node.number)
        inside = self.within(number, last + 1)
        index = self.numbers.as_type(number, 64)
        place = self.code.at(self.code.context(name), self.builder.select(inside, index, word(0)))
        return self.builder.select(inside, self.code.load(place), word(0))

    def within(self, number: Number, size: int) -> Value:
        """Whether a number is in 0..size - 1, as a bit."""
        if number.type.low >= 0 and number.type.high < size:
            return ll.Constant(BIT, 1)
        limit = ir.Const(size)
        below = self.numbers.compare("<", number, Number(self.value(limit), limit.type))
        if number.type.low >= 0:
            return below
        zero = ir.Const(0)
        above = self.numbers.compare(">=", number, Number(self.value(zero), zero.type))
        return self.builder.and_(above, below)

    def register_cell(self, register: ir.RegisterRef, index: Value) -> Value:
        """The address of a cell's words."""
        words = cell_words(register.spec.width)
        return self.code.at(self.code.context(f"register {register.index}"), index, words)

    def _register_read(self, node: ir.RegisterRead) -> Value:
        spec = node.register.spec
        if not spec.size:
            return self.numbers.constant(0, spec.width)
        number = self.number(node.index)
        inside = ll.Constant(BIT, 1) if node.inside else self.within(number, spec.size)
        index = self.builder.select(inside, self.numbers.as_type(number, 64), word(0))
        kind = ll.IntType(WORD_BITS * cell_words(spec.width))
        cell = self.code.load(self.register_cell(node.register, index), kind)
        value = self.code.resize(cell, spec.width)
        return self.builder.select(inside, value, self.numbers.constant(0, spec.width))
