"""A program's function: its body, and the loop over frames that enter again.

    run(ctx, frame, length, port, now, out, node) -> DONE or PUNT

All arguments are words: `ctx` is the address of the words that lead to the program's state (see
`Printed.slots`), `frame` that of the frame's first byte, `length` its bytes, `out` see `output`;
`node` is that of a packet that has waited in a queue, whose frame this is, and 0 for other frames.
After PUNT the caller takes all changes back, and plain Python carries the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native import output as op
from v1switch.engines.native.printer.code import ARGUMENTS, WORD, Code, Value, word
from v1switch.engines.native.printer.statements import Statements
from v1switch.lower import ir
from v1switch.state.words import WORD_BYTES

RUN = "run"
RUN_ARGUMENTS = (*ARGUMENTS[:6], "node")


@dataclass(frozen=True)
class Printed:
    """A program as an LLVM module, and what its function expects.

    Attributes:
        text: LLVM assembly.
        slots: names of what the words at `ctx` lead to.
        head_size: the most bytes of headers that a frame leaves with.
        item_words: words of an item of the work list.
        copy_words, copies: words of an egress copy that waits, and how many may wait.
        event_words, hashed: words of the longest event, bytes of the longest input of a hash.
        kept: variables of a packet that waits in a queue.
        messages: log messages, each with its values' types; a text of None is a failed assertion.
        reasons: what in the program is left to plain Python; empty for nearly all programs.
    """

    text: str
    slots: tuple[str, ...]
    head_size: int
    item_words: int
    copy_words: int
    copies: int
    event_words: int
    hashed: int
    kept: tuple[ir.Var, ...]
    messages: tuple[tuple[str | None, tuple[ir.Int, ...]], ...]
    reasons: tuple[str, ...]


def print_switch(switch: ir.Switch) -> Printed:
    """Print a program."""
    module = ll.Module(RUN)
    code = Code(module, switch)
    statements = Statements(code)
    statements.block(switch.body)
    code.end()
    packets = statements.packets
    item_words = op.ITEM_VALUES + packets.list_words
    _run(module, code, item_words)
    return Printed(
        str(module),
        tuple(code.slots),
        packets.head_size,
        item_words,
        packets.copy_words,
        packets.copies + 1,
        code.event_words,
        code.hashed,
        packets.kept,
        tuple(code.messages),
        tuple(code.reasons),
    )


def _run(module: ll.Module, code: Code, item_words: int) -> None:
    """Add `run`: the body for the frame itself, then for each item of the work list."""
    function = ll.Function(module, ll.FunctionType(WORD, [WORD] * len(RUN_ARGUMENTS)), RUN)
    given = dict(zip(RUN_ARGUMENTS, function.args, strict=True))
    builder = ll.IRBuilder(function.append_basic_block("entry"))
    loop, item, again, done = map(function.append_basic_block, ("loop", "item", "again", "done"))

    def body(kind: Value, which: Value, values: Value, frame: Value, length: Value) -> Any:
        arguments: dict[str, Value] = {
            **given,
            "kind": kind,
            "list": which,
            "values": values,
            "session": word(0),
        }
        arguments.update(frame=frame, length=length)
        return builder.call(code.function, [arguments[name] for name in ARGUMENTS])

    def at(address: Value, index: int) -> Value:
        place = builder.add(address, word(WORD_BYTES * index))
        return builder.inttoptr(place, WORD.as_pointer())

    node = given["node"]
    waited = builder.icmp_unsigned("!=", node, word(0))
    kind = builder.select(waited, word(ir.Kind.DEQUEUED), word(ir.Kind.NORMAL))
    first = body(kind, word(0), node, given["frame"], given["length"])
    entry = builder.block
    builder.branch(loop)
    builder.position_at_end(loop)
    number, status = builder.phi(WORD), builder.phi(WORD)
    number.add_incoming(word(0), entry)
    status.add_incoming(first, entry)
    builder.cbranch(builder.icmp_signed("==", status, word(op.DONE)), again, done)
    builder.position_at_end(again)
    items = builder.load(at(given["out"], op.ITEMS))
    builder.cbranch(builder.icmp_signed("<", number, items), item, done)
    builder.position_at_end(item)
    offset = builder.mul(number, word(WORD_BYTES * item_words))
    place = builder.add(builder.load(at(given["out"], op.ITEMS_AT)), offset)
    columns = (op.ITEM_KIND, op.ITEM_LIST, op.ITEM_FRAME, op.ITEM_LENGTH)
    kind, which, frame, length = (builder.load(at(place, column)) for column in columns)
    values = builder.add(place, word(WORD_BYTES * op.ITEM_VALUES))
    result = body(kind, which, values, frame, length)
    number.add_incoming(builder.add(number, word(1)), builder.block)
    status.add_incoming(result, builder.block)
    builder.branch(loop)
    builder.position_at_end(done)
    builder.ret(status)
