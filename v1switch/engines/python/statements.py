"""Statements as Python source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from v1switch.control.engine import SwitchContext
from v1switch.engines.endless import Endless
from v1switch.engines.messages import failed_assertion, log_message
from v1switch.engines.python import machines
from v1switch.engines.python.copies import Copies
from v1switch.engines.python.expressions import Expressions
from v1switch.engines.python.hashes import Hashes
from v1switch.engines.python.headers import Headers
from v1switch.engines.python.lookups import LookUps
from v1switch.engines.python.source import Source
from v1switch.lower import ir
from v1switch.state.entries import DigestSample
from v1switch.state.lookup import BYTES, LAST_HIT, PACKETS
from v1switch.state.program_state import State
from v1switch.state.random import DRAW_BITS

EXPRESSIONS = get_args(ir.Expr)
ENDS = (ir.Goto, ir.Leave, ir.Finish, ir.Abandon)
CHAIN = 16  # variables of one chained assignment


class Statements:
    """Prints blocks.

    Args:
        source: where to.
        cursor: the variable of the parser's cursor.
        flags: truth values that are 0 or 1 and never False or True.
        field_lists: what packets that enter again bring along.
    """

    def __init__(
        self,
        source: Source,
        cursor: ir.Var,
        flags: Sequence[ir.Var],
        field_lists: Sequence[ir.FieldList] = (),
    ) -> None:
        self.source = source
        self.headers = Headers(source, cursor.name)
        self.expressions = Expressions(source, self.headers, flags)
        self.look_ups = LookUps(self.expressions)
        self.hashes = Hashes(self.expressions)
        self.copies = Copies(source, self.expressions, field_lists, self.block)
        self._machine: _Machine | None = None

    def block(self, block: ir.Block) -> None:
        """Print statements in a row."""
        for statement in block:
            PRINTERS[type(statement)](self, statement)

    def _text(self, node: ir.Expr) -> str:
        return self.expressions.text(node)

    def _tuple(self, nodes: Sequence[ir.Expr]) -> str:
        return self.expressions.tuple_text(nodes)

    # -- variables --------------------------------------------------------------------------------

    def _assign(self, statement: ir.Assign) -> None:
        text = self._text(statement.value)
        self.source.add(f"{statement.target.name} = {_bare(text)}")

    def _move(self, statement: ir.Move) -> None:
        constant = (ir.Const, ir.BoolConst, ir.ZeroBytes)
        if not all(isinstance(value, constant) for value in statement.values):
            targets = "".join(f"{target.name}, " for target in statement.targets)
            self.source.add(f"{targets}= {self._tuple(statement.values)[1:-1]}")
            return
        groups: dict[str, list[str]] = {}
        for target, value in zip(statement.targets, statement.values, strict=True):
            groups.setdefault(self._text(value), []).append(target.name)
        for text, names in groups.items():
            for at in range(0, len(names), CHAIN):
                self.source.add(f"{' = '.join(names[at : at + CHAIN])} = {text}")

    # -- control flow -----------------------------------------------------------------------------

    def _if(self, statement: ir.If, head: str = "if") -> None:
        with self.source.block(f"{head} {self.expressions.condition(statement.condition)}:"):
            self.block(statement.then)
        self._otherwise(statement.otherwise)

    def _otherwise(self, block: ir.Block) -> None:
        if len(block) == 1 and isinstance(block[0], ir.If):
            self._if(block[0], "elif")
        elif block:
            with self.source.block("else:"):
                self.block(block)

    def _match(self, statement: ir.Match) -> None:
        if not statement.cases:
            self.block(statement.default)
            return
        value = self._text(statement.value)
        if len(statement.cases) > 1 and not value.isidentifier():
            held = self.source.fresh("m")
            self.source.add(f"{held} = {value}")
            value = held
        for number, (values, block) in enumerate(statement.cases):
            test = f"== {values[0]}" if len(values) == 1 else f"in {values}"
            with self.source.block(f"{'elif' if number else 'if'} {value} {test}:"):
                self.block(block)
        self._otherwise(statement.default)

    def _region(self, statement: ir.Region) -> None:
        if not machines.leaves(statement.body):
            self.block(statement.body)
            return
        with self.source.block("while True:"):
            self.block(statement.body)
            self.source.add("break")

    def _machine_(self, statement: ir.Machine) -> None:
        before, self._machine = self._machine, _Machine(statement, self.source.fresh("state"))
        machine = self._machine
        self.source.add(f"{machine.variable} = 0")
        looped = machines.is_looped(statement)
        head = f"for {self.source.fresh('n')} in range({statement.limit + 1}):"
        with self.source.block(head if looped else "while True:"):
            for number, state in enumerate(machine.separate):
                machine.at = number
                if len(machine.separate) == 1:
                    self._state(state)
                else:
                    with self.source.block(f"if {machine.variable} == {number}:"):
                        self._state(state)
        if looped:
            with self.source.block("else:"):
                self.block(statement.exceeded)
        self._machine = before

    def _state(self, state: int) -> None:
        assert self._machine is not None
        block = self._machine.states[state]
        self.block(block)
        if not _ends(block):
            self.source.add("break")

    def _goto(self, statement: ir.Goto) -> None:
        machine = self._machine
        assert machine is not None
        if statement.state not in machine.separate:
            self._state(statement.state)
            return
        target = machine.separate.index(statement.state)
        self.source.add(f"{machine.variable} = {target}")
        if target <= machine.at:
            self.source.add("continue")

    def _leave(self, _statement: ir.Leave) -> None:
        self.source.add("break")

    def _finish(self, _statement: ir.Finish) -> None:
        self.source.add("return")

    def _abandon(self, statement: ir.Abandon) -> None:
        endless = self.source.constant("Endless", Endless)
        self.source.add(f"raise {endless}({statement.reason!r})")

    # -- the packet -------------------------------------------------------------------------------

    def _peek(self, statement: ir.Peek) -> None:
        self.headers.peek(statement.header)

    def _extract(self, statement: ir.Extract) -> None:
        varbit = "0" if statement.varbit is None else self._text(statement.varbit)
        self.headers.extract(statement.header, varbit)

    def _skip(self, statement: ir.Skip) -> None:
        self.source.add(f"{self.headers.cursor} += {self._text(statement.size)}")

    def _begin_packet(self, _statement: ir.BeginPacket) -> None:
        self.source.add("data = b''")

    def _emit(self, statement: ir.Emit) -> None:
        self.source.add(f"data += {self.headers.emitted(statement.header)}")

    def _append_payload(self, _statement: ir.AppendPayload) -> None:
        self.source.add(f"data += frame[{self.headers.cursor}:]")

    def _send(self, statement: ir.Send) -> None:
        if statement.limit is not None:
            limit = self._text(statement.limit)
            self.source.add(f"if {limit} < len(data): data = data[:{limit}]")
        self.source.add(f"out.append(({self._text(statement.port)}, data))")

    # -- tables -----------------------------------------------------------------------------------

    def _look_up(self, statement: ir.LookUp) -> None:
        self.look_ups.look_up(statement)

    def _take_params(self, statement: ir.TakeParams) -> None:
        names = "".join(f"{target.name}, " for target in statement.targets)
        self.source.add(f"{names}= {self._text(statement.entry)}.params")

    def _count_entry(self, statement: ir.CountEntry) -> None:
        words = f"w = {self._text(statement.entry)}.words"
        self.source.add(f"{words}; w[{PACKETS}] += 1; w[{BYTES}] += frame_length")

    def _touch_entry(self, statement: ir.TouchEntry) -> None:
        self.source.add(f"{self._text(statement.entry)}.words[{LAST_HIT}] = now")

    def _execute_direct_meter(self, statement: ir.ExecuteDirectMeter) -> None:
        meter = f"{self._text(statement.entry)}.meter"
        self.source.add(f"{statement.target.name} = {meter}.execute(frame_length, now)")

    # -- arrays -----------------------------------------------------------------------------------

    def _execute_meter(self, statement: ir.ExecuteMeter) -> None:
        ref = statement.meter
        cells = self.source.state(
            f"meter_{ref.index}", lambda _, state: state.meters[ref.spec.name].cells
        )
        meter = self.source.fresh("m")
        self.source.add(f"{meter} = {cells}.get({self._text(statement.index)})")
        colour = f"{meter}.execute(frame_length, now) if {meter} else 0"
        self.source.add(f"{statement.target.name} = {colour}")

    def _inside(self, index: ir.Expr, size: int, inside: bool, lines: Sequence[str]) -> None:
        """Print lines that run where an index is one of an array."""
        if isinstance(index, ir.Const) and not 0 <= index.value < size:
            return
        if inside:
            for line in lines:
                self.source.add(line)
            return
        with self.source.block(f"if {self.expressions.below(index, size)}:"):
            for line in lines:
                self.source.add(line)

    def _count(self, statement: ir.Count) -> None:
        ref, index = statement.counter, self._text(statement.index)
        packets = self.expressions.packets(ref)
        octets = self.source.state(
            f"counter_{ref.index}_bytes", lambda _, state: state.counters[ref.spec.name].bytes
        )
        line = f"{packets}[{index}] += 1; {octets}[{index}] += frame_length"
        self._inside(statement.index, ref.spec.size, statement.inside, [line])

    def _register_write(self, statement: ir.RegisterWrite) -> None:
        ref = statement.register
        cell = f"{self.expressions.cells(ref)}[{self._text(statement.index)}]"
        line = f"{cell} = {self._text(statement.value)}"
        self._inside(statement.index, ref.spec.size, statement.inside, [line])

    # -- hashes, random numbers, messages ---------------------------------------------------------

    def _hash(self, statement: ir.Hash) -> None:
        self.hashes.hash(statement)

    def _random(self, statement: ir.Random) -> None:
        kind, draw = statement.target.type, self.expressions.draw()
        assert isinstance(kind, ir.Int)
        low, high = self._text(statement.low), self._text(statement.high)
        draws = -(-kind.bits // DRAW_BITS)
        self.source.add(f"{statement.target.name} = {draw}({low}, {high}, {draws})")

    def _send_digest(self, statement: ir.SendDigest) -> None:
        switch = self.source.state("switch", _the_switch)
        sample = self.source.constant("DigestSample", DigestSample)
        with self.source.block(f"if {switch}.on_digest is not None:"):
            values = self._tuple(statement.values)
            self.source.add(f"{switch}.on_digest({sample}({statement.digest.name!r}, {values}))")

    def _log_message(self, statement: ir.LogMessage) -> None:
        log = self.source.constant("log_message", log_message)
        self.source.add(f"{log}({statement.text!r}, {self._tuple(statement.values)})")

    def _fail_assertion(self, _statement: ir.FailAssertion) -> None:
        self.source.add(f"{self.source.constant('failed_assertion', failed_assertion)}()")

    # -- copies, packets that enter again, queues -------------------------------------------------

    def _clone_ingress(self, statement: ir.CloneIngress) -> None:
        self.copies.clone_ingress(statement)

    def _resubmit(self, statement: ir.Resubmit) -> None:
        self.copies.resubmit(statement)

    def _recirculate(self, statement: ir.Recirculate) -> None:
        self.copies.recirculate(statement)

    def _restore_fields(self, statement: ir.RestoreFields) -> None:
        self.copies.restore_fields(statement)

    def _for_each_copy(self, statement: ir.ForEachCopy) -> None:
        self.copies.for_each_copy(statement)

    def _add_copies(self, statement: ir.AddCopies) -> None:
        self.copies.add_copies(statement)

    def _offer(self, statement: ir.Offer) -> None:
        self.copies.offer(statement)

    def _resume(self, statement: ir.Resume) -> None:
        self.copies.resume(statement)

    # -- tracing ----------------------------------------------------------------------------------

    def _observe(self, statement: ir.Observe) -> None:
        args = ", ".join(map(self._argument, statement.args))
        self.source.add(f"recorder.{statement.event}({args})")

    def _argument(self, arg: object) -> str:
        if isinstance(arg, EXPRESSIONS):
            text = self._text(arg)
            return f"bool({text})" if isinstance(arg.type, ir.Bool) else text
        if isinstance(arg, tuple) and all(isinstance(item, EXPRESSIONS) for item in arg):
            return self._tuple(arg)
        if isinstance(arg, ir.TableRef):
            return self.expressions.table(arg)
        if arg is None or isinstance(arg, str):
            return repr(arg)
        return self.source.constant("object", arg)


class _Machine:
    """A machine that is being printed.

    Attributes:
        variable: holds the place in `separate` of the state that runs next.
        separate: states that stand on their own.
        at: the place of the one that is being printed.
    """

    def __init__(self, machine: ir.Machine, variable: str) -> None:
        self.states = machine.states
        self.variable = variable
        self.separate = machines.separate(machine)
        self.at = 0


def _bare(text: str) -> str:
    """Source without the parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth and at < len(text) - 1:
            return text
    return text[1:-1]


def _ends(block: ir.Block) -> bool:
    """Whether nothing runs after a block."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ir.If):
        return _ends(last.then) and _ends(last.otherwise)
    if isinstance(last, ir.Match):
        return all(_ends(case) for _, case in last.cases) and _ends(last.default)
    return isinstance(last, ENDS)


def _the_switch(switch: SwitchContext, _: State) -> object:
    return switch


PRINTERS: dict[type, Callable[..., None]] = {
    ir.Assign: Statements._assign,
    ir.Move: Statements._move,
    ir.If: Statements._if,
    ir.Match: Statements._match,
    ir.Region: Statements._region,
    ir.Machine: Statements._machine_,
    ir.Goto: Statements._goto,
    ir.Leave: Statements._leave,
    ir.Finish: Statements._finish,
    ir.Abandon: Statements._abandon,
    ir.Peek: Statements._peek,
    ir.Extract: Statements._extract,
    ir.Skip: Statements._skip,
    ir.BeginPacket: Statements._begin_packet,
    ir.Emit: Statements._emit,
    ir.AppendPayload: Statements._append_payload,
    ir.Send: Statements._send,
    ir.LookUp: Statements._look_up,
    ir.TakeParams: Statements._take_params,
    ir.CountEntry: Statements._count_entry,
    ir.TouchEntry: Statements._touch_entry,
    ir.ExecuteDirectMeter: Statements._execute_direct_meter,
    ir.ExecuteMeter: Statements._execute_meter,
    ir.Count: Statements._count,
    ir.RegisterWrite: Statements._register_write,
    ir.Hash: Statements._hash,
    ir.Random: Statements._random,
    ir.SendDigest: Statements._send_digest,
    ir.LogMessage: Statements._log_message,
    ir.FailAssertion: Statements._fail_assertion,
    ir.CloneIngress: Statements._clone_ingress,
    ir.Resubmit: Statements._resubmit,
    ir.Recirculate: Statements._recirculate,
    ir.RestoreFields: Statements._restore_fields,
    ir.ForEachCopy: Statements._for_each_copy,
    ir.AddCopies: Statements._add_copies,
    ir.Offer: Statements._offer,
    ir.Resume: Statements._resume,
    ir.Observe: Statements._observe,
}
