"""Statements about state: look-ups, counting, registers, hashes, digests and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native.printer.code import BIT, Value, word
from v1switch.engines.native.printer.expressions import Expressions
from v1switch.engines.native.printer.hashes import Hashes
from v1switch.engines.native.printer.numbers import Number
from v1switch.engines.native.printer.octets import Headers
from v1switch.lower import ir
from v1switch.state.arrays import WORD_BITS, cell_words
from v1switch.state.lookup import ARGS, BYTES, LAST_HIT, METER, PACKETS
from v1switch.state.mirror import GROUPS
from v1switch.state.random import DRAW_BITS
from v1switch.state.words import WORD_BYTES, count

_FIND = {
    "exact": "find_first",
    "lpm": "find_first",
    "ternary": "find_best",
    "range": "find_listed",
}


class Effects:
    """Adds accesses to state to a function."""

    def __init__(self, expressions: Expressions, headers: Headers) -> None:
        self.expressions = expressions
        self.code = expressions.code
        self.hashes = Hashes(expressions, headers)

    def printers(self) -> dict[type, Callable[[Any], None]]:
        """Methods that add each kind of statement."""
        return {
            ir.LookUp: self._look_up,
            ir.TakeParams: self._take_params,
            ir.CountEntry: self._count_entry,
            ir.TouchEntry: self._touch_entry,
            ir.ExecuteDirectMeter: self._direct_meter,
            ir.ExecuteMeter: self._meter,
            ir.Count: self._count,
            ir.RegisterWrite: self._register_write,
            ir.Hash: self._hash,
            ir.Random: self._random,
            ir.SendDigest: self._send_digest,
            ir.LogMessage: lambda node: self._message(node.text, node.values),
            ir.FailAssertion: lambda _: self._message(None, ()),
        }

    def _store(self, target: ir.Var, value: Value) -> None:
        """Set a variable to the low bits of a word."""
        assert isinstance(target.type, ir.Int)
        place = self.code.memory(target)[0]
        self.code.builder.store(self.code.resize(value, target.type.bits), place)

    # -- tables -----------------------------------------------------------------------------------

    def _look_up(self, node: ir.LookUp) -> None:
        code, place = self.code, self.code.memory(node.target)[0]
        table = code.context(f"table {node.table.index}")
        code.builder.store(word(0), place)
        filled = code.builder.icmp_signed("!=", code.word_at(table, GROUPS), word(0))
        with code.when(filled):
            widths = [field.width or 1 for field in node.table.spec.key]  # bit<0> is a word as well
            parts = [
                (self.expressions.low_bits(part, width), width)
                for part, width in zip(node.key, widths, strict=True)
            ]
            words = word(sum(map(count, widths)))
            key = self.expressions.key(parts)
            find = _FIND[node.table.spec.match_type]
            code.builder.store(code.helper(find, table, key, words), place)

    def _take_params(self, node: ir.TakeParams) -> None:
        code = self.code
        at = code.word_at(self.expressions.value(node.entry), ARGS)
        for target in node.targets:
            assert isinstance(target.type, ir.Int)
            value = code.from_words(at, target.type.bits)
            code.builder.store(value, code.memory(target)[0])
            at = code.offset(at, WORD_BYTES * count(target.type.bits))

    def _count_entry(self, node: ir.CountEntry) -> None:
        entry = self.expressions.value(node.entry)
        self._tally(*(self.code.offset(entry, WORD_BYTES * n) for n in (PACKETS, BYTES)))

    def _tally(self, packets: Value, octets: Value) -> None:
        arguments = self.code.arguments
        self.code.helper("tally", arguments["out"], packets, octets, arguments["length"])

    def _touch_entry(self, node: ir.TouchEntry) -> None:
        place = self.code.offset(self.expressions.value(node.entry), WORD_BYTES * LAST_HIT)
        self.code.change(place, self.code.arguments["now"])

    # -- meters, counters, registers --------------------------------------------------------------

    def _direct_meter(self, node: ir.ExecuteDirectMeter) -> None:
        meter = self.code.word_at(self.expressions.value(node.entry), METER)
        self._store(node.target, self._colour(meter))

    def _meter(self, node: ir.ExecuteMeter) -> None:
        index = self.expressions.as_word(node.index)
        meters = self.code.context(f"meter {node.meter.index}")
        self._store(node.target, self._colour(self.code.load(self.code.at(meters, index))))

    def _colour(self, meter: Value) -> Value:
        given = self.code.arguments
        return self.code.helper("colour", given["out"], meter, given["length"], given["now"])

    def _inside(self, index: ir.Expr, size: int, *, sure: bool) -> Value:
        if sure:
            return ll.Constant(BIT, 1)
        return self.expressions.within(self.expressions.number(index), size)

    def _count(self, node: ir.Count) -> None:
        inside = self._inside(node.index, node.counter.spec.size, sure=node.inside)
        with self.code.when(inside):
            index = self.expressions.as_word(node.index)
            banks = (f"{part} {node.counter.index}" for part in ("packets", "bytes"))
            self._tally(*(self.code.at(self.code.context(bank), index) for bank in banks))

    def _register_write(self, node: ir.RegisterWrite) -> None:
        spec = node.register.spec
        inside = self._inside(node.index, spec.size, sure=node.inside)
        with self.code.when(inside):
            index = self.expressions.as_word(node.index)
            cell = self.expressions.register_cell(node.register, index)
            words = cell_words(spec.width)
            narrow = self.expressions.low_bits(node.value, spec.width)
            value = self.code.resize(narrow, WORD_BITS * words)
            for n in range(words):
                part = self.code.builder.lshr(value, ll.Constant(value.type, WORD_BITS * n))
                place = self.code.offset(cell, WORD_BYTES * n)
                self.code.change(place, self.code.resize(part, WORD_BITS))

    # -- hashes and random numbers ----------------------------------------------------------------

    def _hash(self, node: ir.Hash) -> None:
        if node.algorithm == "random":
            state = self.code.context("random")
            value = self.code.helper("draw", self.code.arguments["out"], state)
            self._store(node.target, value)  # of which it takes 16 bits
            return
        self._store(node.target, self.hashes.value(node))

    def _random(self, node: ir.Random) -> None:
        """As `state.random.Generator.between` has it."""
        assert isinstance(node.target.type, ir.Int)
        code, numbers = self.code, self.expressions.numbers
        draws = -(-node.target.type.bits // DRAW_BITS)
        kind = ir.Int(DRAW_BITS * draws + 1)
        drawn = numbers.constant(0, kind.bits)
        shift = numbers.constant(DRAW_BITS, kind.bits)
        for _ in range(draws):
            part = code.helper("draw", code.arguments["out"], code.context("random"))
            drawn = code.builder.shl(drawn, shift)
            drawn = code.builder.or_(drawn, code.resize(part, kind.bits))
        low, high = (self.expressions.low_bits(end, kind.bits) for end in (node.low, node.high))
        span = code.builder.add(code.builder.sub(high, low), numbers.constant(1, kind.bits))
        rest = numbers.binary("%", Number(drawn, kind), Number(span, kind), kind)
        value = code.resize(code.builder.add(low, rest), node.target.type.bits)
        code.builder.store(value, code.memory(node.target)[0])

    # -- digests and messages ---------------------------------------------------------------------

    def _send_digest(self, node: ir.SendDigest) -> None:
        code = self.code
        listened = code.builder.icmp_signed("!=", code.context("digests"), word(0))
        with code.when(listened):
            values = []
            for value, width in zip(node.values, node.digest.widths, strict=True):
                bits = width or value.type.bits  # type: ignore[union-attr]  # an integer
                values += code.to_words(self.expressions.low_bits(value, bits), bits)
            code.event(self._number(node), values)

    def _number(self, node: ir.SendDigest) -> int:
        lists = self.code.switch.program.learn_lists
        return next(number for number, each in lists.items() if each is node.digest)

    def _message(self, text: str | None, values: tuple[ir.Expr, ...]) -> None:
        words: list[Value] = []
        kinds: list[ir.Int] = []
        for number in map(self.expressions.number, values):
            kinds.append(number.type)
            words += self.code.to_words(number.value, number.type.bits)
        self.code.messages.append((text, tuple(kinds)))
        self.code.event(-len(self.code.messages), words)
