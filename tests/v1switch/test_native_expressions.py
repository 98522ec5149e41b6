"""Pieces of the intermediate representation in machine code, by themselves."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from v1switch.engines.native import output as op
from v1switch.engines.native.compile import compile_switch
from v1switch.engines.native.working_memory import WorkingMemory
from v1switch.lower import ir
from v1switch.program import load_file
from v1switch.state.words import address, zeros

WIDTHS = (1, 3, 8, 16, 31, 32, 48, 63, 64, 65, 96, 128, 200)
ARITHMETIC = ("+", "-", "*", "&", "|", "^", "//", "%", "<<", ">>", "min", "max")
FIELDS = 4
PROGRAM = Path(__file__).parents[2] / "p4/compiled/falcon_vtep.json"


def span(low: int, high: int) -> ir.Int:
    """The narrowest type of low..high."""
    if low >= 0:
        return ir.Int(max(high.bit_length(), 1))
    return ir.Int(max((~low).bit_length(), high.bit_length() if high > 0 else 0) + 1, signed=True)


def apply(op_: str, a: int, b: int) -> int:
    """An operation on exact integers."""
    if op_ in ("//", "%"):
        return 0 if b == 0 else (a // b if op_ == "//" else a % b)
    if op_ in ("<<", ">>"):
        return a << min(b, 1000) if op_ == "<<" else a >> min(b, 1000)
    plain = {
        "+": a + b,
        "-": a - b,
        "*": a * b,
        "&": a & b,
        "|": a | b,
        "^": a ^ b,
        "min": min(a, b),
        "max": max(a, b),
    }
    return plain[op_]


def bounds(op_: str, a: ir.Int, b: ir.Int) -> ir.Int:
    """A type that holds every result."""
    if op_ == "<<":
        most = min(b.high, 40)
        return span(min(a.low << most, 0), a.high << most)
    if op_ == ">>":
        return span(min(a.low, 0), max(a.high, 0))
    if op_ in ("//", "%"):
        most = max(a.high, -a.low, b.high, -b.low)
        return span(-most - 1 if a.signed or b.signed else 0, most)
    if op_ in ("&", "|", "^"):
        bits = max(a.bits + (not a.signed), b.bits + (not b.signed))
        return ir.Int(bits, signed=True) if a.signed or b.signed else ir.Int(max(a.bits, b.bits))
    ends = [apply(op_, x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return span(min(ends), max(ends))


class Trees:
    """Makes random expressions over variables."""

    def __init__(self, rng: random.Random, fields: list[ir.Var]) -> None:
        self.rng = rng
        self.fields = fields

    def number(self, depth: int) -> ir.Expr:
        rng = self.rng
        if depth == 0:
            if rng.random() < 0.3:
                return ir.Const(rng.choice((0, 1, -1, rng.getrandbits(70), -rng.getrandbits(20))))
            return rng.choice(self.fields)
        kind = rng.choice(
            ("binary",) * 6 + ("invert", "truncate", "saturate", "select", "bool", "choose")
        )
        value = self.number(depth - 1)
        assert isinstance(value.type, ir.Int)
        if kind == "binary":
            return self.binary(value, depth)
        if kind == "invert":
            return ir.Invert(value, span(~value.type.high, ~value.type.low))
        if kind in ("truncate", "saturate"):
            wanted = ir.Int(rng.choice(WIDTHS), rng.random() < 0.4)
            return (ir.Truncate if kind == "truncate" else ir.Saturate)(value, wanted)
        if kind == "bool":
            return ir.ToInt(self.truth(depth - 1))
        other = self.number(depth - 1)
        both = span(min(value.type.low, other.type.low), max(value.type.high, other.type.high))
        if kind == "choose":
            index = ir.Truncate(self.number(0), ir.Int(2))
            return ir.Choose(index, (value, other), value, both)
        return ir.Select(self.truth(depth - 1), value, other, both)

    def binary(self, left: ir.Expr, depth: int) -> ir.Expr:
        op_ = self.rng.choice(ARITHMETIC)
        right = self.number(depth - 1)
        if op_ in ("<<", ">>"):
            right = ir.Truncate(right, ir.Int(self.rng.choice((3, 5) if op_ == "<<" else (3, 9))))
        result = bounds(op_, left.type, right.type)
        made = ir.Binary(op_, left, right, result)
        return made if result.bits < 500 else ir.Truncate(made, ir.Int(60))

    def truth(self, depth: int) -> ir.Expr:
        op_ = self.rng.choice(("==", "!=", "<", "<=", ">", ">="))
        made: ir.Expr = ir.Compare(op_, self.number(depth), self.number(depth))
        if self.rng.random() < 0.3:
            made = ir.Not(made)
        if self.rng.random() < 0.3:
            made = ir.Logic(self.rng.choice(("and", "or")), (made, ir.BoolConst(True), made))
        return made


def evaluate(node: ir.Expr, values: dict[ir.Var, int]) -> int:
    """The exact value of an expression."""

    def of(inner: ir.Expr) -> int:
        return evaluate(inner, values)

    if isinstance(node, ir.Var):
        return values[node]
    if isinstance(node, (ir.Const, ir.BoolConst)):
        return int(node.value)
    if isinstance(node, ir.Binary):
        return apply(node.op, of(node.left), of(node.right))
    if isinstance(node, ir.Invert):
        return ~of(node.value)
    if isinstance(node, ir.Truncate):
        low = of(node.value) & (1 << node.type.bits) - 1
        return low - (1 << node.type.bits) if low > node.type.high else low
    if isinstance(node, ir.Saturate):
        return min(max(of(node.value), node.type.low), node.type.high)
    if isinstance(node, ir.ToInt):
        return of(node.value)
    if isinstance(node, ir.Not):
        return int(not of(node.value))
    if isinstance(node, ir.Logic):
        return int((all if node.op == "and" else any)(map(of, node.operands)))
    if isinstance(node, ir.Compare):
        a, b = of(node.left), of(node.right)
        results = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
        return int(results[node.op])
    if isinstance(node, ir.Select):
        return of(node.then if of(node.condition) else node.otherwise)
    assert isinstance(node, ir.Choose)
    index = of(node.index)
    return of(node.options[index] if index < len(node.options) else node.otherwise)


def switch(fields: list[ir.Var], result: ir.Expr) -> ir.Switch:
    """A program that reads fields, each in whole bytes, and sends an expression's low 256 bits."""
    cursor, answer = ir.Var("o", ir.Int(31)), ir.Var("answer", ir.Int(256))
    chunks = []
    for field in fields:
        padding = ir.Segment(
            -field.type.bits % 8, ir.Var(f"pad_{field.name}", ir.Int(-field.type.bits % 8 or 8))
        )
        parts = (ir.Segment(field.type.bits, field),)
        chunks.append(ir.Chunk((padding, *parts) if field.type.bits % 8 else parts))
    incoming = ir.Header("in", None, tuple(chunks), None, (), None, None, 0)
    leaving = ir.Header(
        "out", None, (ir.Chunk((ir.Segment(256, answer),)),), None, (), None, None, 32
    )
    body = (
        ir.Extract(incoming),
        ir.Assign(answer, ir.Truncate(result, ir.Int(256))),
        ir.BeginPacket(),
        ir.Emit(leaving),
        ir.Send(ir.Const(1), None),
    )
    program = load_file(PROGRAM)
    return ir.Switch(program, {}, (cursor,), cursor, (), body)


@pytest.mark.parametrize("seed", range(60))
def test_expressions_are_exact(seed: int) -> None:
    rng = random.Random(seed)
    kinds = [ir.Int(rng.choice(WIDTHS[1:]), rng.random() < 0.4) for _ in range(FIELDS)]
    fields = [ir.Var(f"f{n}", kind) for n, kind in enumerate(kinds)]
    tree = Trees(rng, fields).number(3)
    compiled = compile_switch(switch(fields, tree))
    memory = WorkingMemory(compiled.printed)
    for _ in range(20):
        values = {
            f: rng.choice((f.type.low, f.type.high, 0, 1, rng.randint(f.type.low, f.type.high)))
            for f in fields
        }
        frame = b"".join(
            (values[f] & (1 << f.type.bits) - 1).to_bytes((f.type.bits + 7) // 8, "big")
            for f in fields
        )
        memory.clear()
        start = memory.put_frame(frame)
        given = address(zeros(1)), start, len(frame), 0, 0, address(memory.words), 0
        assert compiled.run(*given) == op.DONE
        ((_, sent),) = memory.take_frames()
        wanted = evaluate(tree, values) & (1 << 256) - 1
        assert int.from_bytes(sent[:32], "big") == wanted, (tree, values)


def test_a_statement_without_room_leaves_its_frames_to_plain_python() -> None:
    what = ir.Var("what", ir.Int(8))
    made = switch([what], ir.Const(5))
    extract, *rest = made.body
    traced = ir.Observe("of tracing only", ())
    asked = ir.If(ir.Compare("==", what, ir.Const(1)), (traced,))
    compiled = compile_switch(replace(made, body=(extract, asked, *rest)))
    assert compiled.printed.reasons == ("Observe as a statement",)
    memory = WorkingMemory(compiled.printed)
    results = []
    for frame in (b"\0", b"\1"):
        memory.clear()
        start = memory.put_frame(frame)
        given = address(zeros(1)), start, len(frame), 0, 0, address(memory.words), 0
        results.append(compiled.run(*given))
    assert results == [op.DONE, op.PUNT]
