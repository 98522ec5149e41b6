"""What copies of a packet find as it was: what is read before it is written, and written."""

import pytest

from v1switch.lower import ir
from v1switch.lower.liveness import Liveness

A, B, C = (ir.Var(name, ir.Int(8)) for name in "abc")
FLAG, CURSOR = ir.Var("flag", ir.BOOL), ir.Var("cursor", ir.Int(31))
VALID, DIRTY = ir.Var("valid", ir.BOOL), ir.Var("dirty", ir.BOOL)
HEADER = ir.Header(
    "h", VALID, (ir.Chunk((ir.Segment(8, C),)),), None, (), ir.Var("o", ir.Int(31)), DIRTY, 1
)
ONE = ir.Const(1)
READ_A, SET_A = ir.Assign(B, A), ir.Assign(A, ONE)
STEP = ir.Assign(A, ir.Binary("+", A, ONE, ir.Int(9)))


@pytest.mark.parametrize(
    ("body", "saved"),
    [
        ((READ_A, SET_A), {A}),
        ((SET_A, READ_A), set()),
        ((READ_A,), set()),
        ((STEP,), {A}),
        ((ir.If(FLAG, (SET_A,)), READ_A), {A}),
        ((ir.If(FLAG, (SET_A,), (SET_A,)), READ_A), set()),
        ((ir.If(FLAG, (SET_A,), (ir.Finish(),)), READ_A), set()),
        ((ir.If(FLAG, (READ_A,), (SET_A,)),), {A}),
        ((ir.Match(A, (((1,), (SET_A,)),), (SET_A,)),), {A}),
        ((ir.Match(B, (((1,), (SET_A,)),)), READ_A), {A, B}),
        ((ir.Region((ir.If(FLAG, (ir.Leave(),)), SET_A)), READ_A), {A}),
        ((ir.Machine(((SET_A, ir.Leave()),), 9, ()), READ_A), {A}),
        ((SET_A, ir.Machine(((READ_A, ir.Leave()),), 9, ())), set()),
        ((ir.Move((A, B), (B, A)),), {A, B}),
        ((ir.Hash(A, "crc16", (ir.Piece(A, 8),)),), {A}),
        ((ir.Random(A, ONE, A),), {A}),
        ((ir.TakeParams((A, B), ir.Var("e", ir.ENTRY)), STEP), set()),
        ((ir.Skip(ONE),), {CURSOR}),
        ((ir.AppendPayload(), ir.Extract(HEADER)), {CURSOR}),
        ((ir.Emit(HEADER), ir.Assign(C, ONE), ir.Assign(DIRTY, FLAG)), {C, DIRTY}),
        ((ir.Extract(HEADER), ir.Emit(HEADER)), {CURSOR}),
        ((ir.Peek(HEADER), ir.Emit(HEADER)), {C, HEADER.origin, DIRTY}),
        ((ir.Hash(B, "crc16", (ir.Piece(ir.HeaderBytes(HEADER), None),)), ir.Assign(C, ONE)), {C}),
        ((ir.Assign(B, ir.Lookahead(0, 8)), ir.Assign(CURSOR, ONE)), {CURSOR}),
        ((ir.Assign(FLAG, ir.Short(ONE)), ir.Assign(CURSOR, ONE)), {CURSOR}),
        ((ir.If(ir.Short(ONE), ()), ir.Assign(CURSOR, ONE)), {CURSOR}),
        ((READ_A, ir.AddCopies(ONE, ONE, ((A, ONE),), (), 9)), {A}),
        ((READ_A, ir.AddCopies(ONE, ONE, (), ((A, ONE),), 9)), {A}),
        ((ir.Recirculate(ONE), STEP), {A}),
    ],
)
def test_what_is_saved(body: ir.Block, saved: set[ir.Var]) -> None:
    assert set(Liveness(CURSOR, ()).saved(body)) == saved


def test_packets_that_enter_again_read_what_their_field_lists_name() -> None:
    lists = (ir.FieldList(1, (A,)),)
    body = (ir.Recirculate(ONE), SET_A)
    assert Liveness(CURSOR, lists).saved(body) == (A,)
    assert Liveness(CURSOR, ()).saved(body) == ()
    assert Liveness(CURSOR, lists).saved((READ_A, ir.RestoreFields())) == (A,)
