"""Statements about whole packets: sending, re-entering, copies in egress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native import output as op
from v1switch.engines.native.printer.code import BIT, WORD, Value, word
from v1switch.engines.native.printer.expressions import Expressions
from v1switch.engines.native.printer.octets import Headers
from v1switch.io.ports import MAX_FRAME
from v1switch.lower import ir
from v1switch.lower.limits import MAX_PASSES
from v1switch.state.queues import DEPTH, ENQUEUED
from v1switch.state.replication import LIMIT, REPLICAS
from v1switch.state.words import WORD_BYTES, count

_FIRST = WORD_BYTES * (LIMIT + 1)  # where a group's or session's first replica lies, in bytes
_REPLICA_WORDS = 2  # port, instance


def words_of(variables: Iterable[ir.Var]) -> int:
    """How many words the values of variables take."""
    return sum(_words(variable.type) for variable in variables)


def _words(kind: ir.Type) -> int:
    if isinstance(kind, ir.Int):
        return count(kind.bits)
    return 2 if kind == ir.Bytes(None) else 1


class Packets:
    """Adds what makes packets to a function.

    Attributes:
        head_size: the most bytes of headers that a frame leaves with.
        copy_words, copies: words of an egress copy that waits, and how many may wait.
        kept: variables of a packet that waits in a queue.
    """

    def __init__(self, expressions: Expressions, headers: Headers) -> None:
        self.expressions = expressions
        self.code = code = expressions.code
        self.headers = headers
        self.head_size = WORD_BYTES
        self.copy_words, self.copies = op.COPY_VALUES, 1
        names = ("head", "end", "body", "rest")
        self._head, self._end, self._body, self._rest = (code.allocate(WORD, n) for n in names)
        self._last, self._added = (code.allocate(WORD, n) for n in ("last", "added"))
        self._copied: ir.ForEachCopy | None = None  # whose body is being added
        self._lists = {fields.id: fields.variables for fields in code.switch.field_lists}
        self.list_words = max(map(words_of, self._lists.values()), default=0)
        self._preserved: Value | None = None
        self.kept: tuple[ir.Var, ...] = ()

    def printers(self) -> dict[type, Callable[[Any], None]]:
        """Methods that add each kind of statement."""
        return {
            ir.BeginPacket: lambda _: self._begin(),
            ir.Emit: self._emit,
            ir.AppendPayload: lambda _: self._append_payload(),
            ir.Send: self._send,
            ir.CloneIngress: self._clone_ingress,
            ir.Resubmit: self._resubmit,
            ir.Recirculate: self._recirculate,
            ir.RestoreFields: lambda _: self._restore(),
            ir.AddCopies: self._add_copies,
            ir.Offer: self._offer,
            ir.Resume: self._resume,
        }

    # -- what leaves ------------------------------------------------------------------------------

    def _begin(self) -> None:
        code, builder = self.code, self.code.builder
        number = code.out_word(op.FRAMES)
        with code.when(builder.icmp_signed("==", number, code.out_word(op.MAX_FRAMES))):
            code.punt()
        before = builder.mul(number, code.out_word(op.HEAD_SIZE))
        head = builder.add(code.out_word(op.HEADS_AT), before)
        for place in (self._head, self._end):
            builder.store(head, place)

    def _emit(self, node: ir.Emit) -> None:
        self.head_size += node.header.longest
        self.headers.emit(node.header, self._end)

    def _append_payload(self) -> None:
        for value, place in zip(
            self.expressions.octets(ir.Payload()), (self._body, self._rest), strict=True
        ):
            self.code.builder.store(value, place)

    def _packet(self) -> tuple[Value, Value, Value, Value]:
        """Address and length of the headers put together so far, and of the payload."""
        head, end, body, rest = map(
            self.code.builder.load, (self._head, self._end, self._body, self._rest)
        )
        return head, self.code.builder.sub(end, head), body, rest

    def _send(self, node: ir.Send) -> None:
        code, builder = self.code, self.code.builder
        head, front, body, rest = self._packet()
        if node.limit is not None:
            limit = self.expressions.as_word(node.limit)
            front = self._least(front, limit)
            rest = self._least(rest, builder.sub(limit, front))
        number = code.out_word(op.FRAMES)
        place = code.at(code.out_word(op.FRAMES_AT), number, op.FRAME_WORDS)
        columns = {
            op.PORT: self.expressions.as_word(node.port),
            op.HEAD: head,
            op.HEAD_LENGTH: front,
            op.BODY: body,
            op.BODY_LENGTH: rest,
        }
        for column, value in columns.items():
            code.set_word(place, column, value)
        code.set_out_word(op.FRAMES, builder.add(number, word(1)))

    def _least(self, a: Value, b: Value) -> Value:
        return self.code.builder.select(self.code.builder.icmp_signed("<", a, b), a, b)

    # -- values of variables in memory ------------------------------------------------------------

    def _keep(self, variables: Sequence[ir.Var], place: Value) -> None:
        """Store what variables hold at an address."""
        self._keep_values([(v.type, self._held(v)) for v in variables], place)

    def _held(self, variable: ir.Var) -> tuple[Value, ...]:
        return tuple(map(self.code.builder.load, self.code.memory(variable)))

    def _keep_values(self, values: list[tuple[ir.Type, tuple[Value, ...]]], place: Value) -> None:
        code, at = self.code, 0
        for kind, parts in values:
            if isinstance(kind, ir.Int):
                words = code.to_words(parts[0], kind.bits)
            else:
                words = [code.resize(part, 64) for part in parts]
            for part in words:
                code.set_word(place, at, part)
                at += 1

    def _bring_back(self, variables: Sequence[ir.Var], place: Value) -> None:
        """Set variables to what `_keep` stored at an address."""
        code, at = self.code, 0
        for variable in variables:
            start = code.offset(place, WORD_BYTES * at)
            parts = code.memory(variable)
            if isinstance(variable.type, ir.Int):
                code.builder.store(code.from_words(start, variable.type.bits), parts[0])
            else:
                for n, part in enumerate(parts):
                    value = code.word_at(start, n)
                    code.builder.store(code.resize(value, part.type.pointee.width), part)
            at += _words(variable.type)

    def _by_list(self, number: Value, do: Callable[[Sequence[ir.Var]], None]) -> None:
        """Add code for each field list; at run time, that of the list with this number runs."""
        code, behind = self.code, self.code.block("behind")
        choice = code.builder.switch(number, behind)
        for each, variables in self._lists.items():
            if variables:
                start = code.block("list")
                choice.add_case(word(each), start)
                code.begin(start)
                do(variables)
                code.go(behind)
        code.begin(behind)

    # -- packets that enter again -----------------------------------------------------------------

    def _clone_ingress(self, node: ir.CloneIngress) -> None:
        code = self.code
        if self._preserved is None:
            self._preserved = code.allocate_words(self.list_words)
        number, values = self.expressions.as_word(node.fields), self._preserved
        self._by_list(number, lambda variables: self._keep(variables, values))
        given = code.arguments
        result = code.builder.call(
            code.function,
            [
                *(given[name] for name in ("ctx", "frame", "length", "port", "now", "out")),
                *(word(ir.Kind.INGRESS_CLONE), number, values),
                self.expressions.value(node.session),
            ],
        )
        with code.when(code.builder.icmp_signed("!=", result, word(op.DONE))):
            code.punt()

    def _resubmit(self, node: ir.Resubmit) -> None:
        given = self.code.arguments
        self._enqueue(ir.Kind.RESUBMITTED, given["frame"], given["length"], node.fields)

    def _recirculate(self, node: ir.Recirculate) -> None:
        code, builder = self.code, self.code.builder
        head, front, body, rest = self._packet()
        size = builder.add(front, rest)
        with code.when(builder.icmp_signed(">", size, word(MAX_FRAME))):
            code.punt()
        used = code.out_word(op.BYTES)
        after = builder.add(used, size)
        with code.when(builder.icmp_signed(">", after, code.out_word(op.MAX_BYTES))):
            code.punt()
        code.set_out_word(op.BYTES, after)
        place = builder.add(code.out_word(op.BYTES_AT), used)
        code.copy(place, head, front)
        code.copy(builder.add(place, front), body, rest)
        self._enqueue(ir.Kind.RECIRCULATED, place, size, node.fields)

    def _enqueue(self, kind: ir.Kind, frame: Value, size: Value, fields: ir.Expr) -> None:
        """Append an item to the work list."""
        code, builder = self.code, self.code.builder
        number = code.out_word(op.ITEMS)
        with code.when(builder.icmp_signed(">=", number, word(MAX_PASSES))):
            code.punt()
        code.set_out_word(op.ITEMS, builder.add(number, word(1)))
        item = code.at(code.out_word(op.ITEMS_AT), number, op.ITEM_VALUES + self.list_words)
        which = self.expressions.as_word(fields)
        columns = {
            op.ITEM_KIND: word(kind),
            op.ITEM_FRAME: frame,
            op.ITEM_LENGTH: size,
            op.ITEM_LIST: which,
        }
        for column, value in columns.items():
            code.set_word(item, column, value)
        values = code.offset(item, WORD_BYTES * op.ITEM_VALUES)
        self._by_list(which, lambda variables: self._keep(variables, values))

    def _restore(self) -> None:
        given = self.code.arguments
        values = given["values"]
        self._by_list(given["list"], lambda variables: self._bring_back(variables, values))

    # -- queues -----------------------------------------------------------------------------------

    def _offer(self, node: ir.Offer) -> None:
        code, builder, given = self.code, self.code.builder, self.code.arguments
        port, priority = map(self.expressions.as_word, (node.port, node.priority))
        turn = code.helper("offer", given["out"], port, priority, given["now"], given["port"])
        with code.when(builder.icmp_signed("==", turn, word(op.NO_ROOM))):
            code.punt()
        target = code.memory(node.target)[0]
        builder.store(code.resize(turn, target.type.pointee.width), target)
        self.kept = node.kept
        with code.when(builder.icmp_signed("==", turn, word(ir.Turn.WAITS))):
            last = builder.sub(code.out_word(op.HELD), word(1))
            place = code.at(code.out_word(op.HELD_AT), last, op.HELD_VALUES + words_of(node.kept))
            code.set_word(place, op.HELD_FRAME, given["frame"])
            code.set_word(place, op.HELD_LENGTH, given["length"])
            self._keep(node.kept, code.offset(place, WORD_BYTES * op.HELD_VALUES))

    def _resume(self, node: ir.Resume) -> None:
        code, place = self.code, self.code.arguments["values"]
        self._bring_back(node.targets, code.offset(place, WORD_BYTES * op.NODE_VALUES))
        own = {node.enqueued: ENQUEUED, node.depth: DEPTH, node.left: op.NODE_LEFT}
        for variable, index in own.items():
            memory = code.memory(variable)[0]
            value = code.resize(code.word_at(place, index), memory.type.pointee.width)
            code.builder.store(value, memory)

    # -- copies -----------------------------------------------------------------------------------

    def for_each_copy(self, node: ir.ForEachCopy, block: Callable[[ir.Block], None]) -> None:
        """Add a loop over copies of the packet; pending copies are queued at SAVED_AT."""
        code, builder = self.code, self.code.builder
        self._copied = node
        self.copy_words = op.COPY_VALUES + words_of(node.saved)
        following = code.allocate(WORD, "following")  # number of the copy that is served
        for place in (following, self._last, self._added):
            builder.store(word(0), place)
        body, after, done = (code.block(name) for name in ("copy", "next_copy", "copied"))
        replicas = self.expressions.value(node.replicas)
        some, single = code.block("replicas"), code.block("single")
        builder.cbranch(builder.icmp_signed("!=", replicas, word(0)), some, single)
        code.begin(some)
        self._wait(replicas, [(v.type, self._held(v)) for v in node.saved])
        code.go(after)
        code.begin(single)
        code.go(body)
        code.begin(body)
        block(node.body)
        code.go(after)
        code.begin(after)
        self._next_copy(node, following, body, done)
        self._copied = None
        code.begin(done)

    def _wait(self, replicas: Value, values: list[tuple[ir.Type, tuple[Value, ...]]]) -> None:
        """Queue one copy for each replica, with these values of the saved variables."""
        code, last = self.code, self.code.builder.load(self._last)
        place = code.at(code.out_word(op.SAVED_AT), last, self.copy_words)
        code.set_word(place, op.COPY_REPLICAS, code.offset(replicas, _FIRST))
        code.set_word(place, op.COPY_LEFT, code.word_at(replicas, REPLICAS))
        self._keep_values(values, code.offset(place, WORD_BYTES * op.COPY_VALUES))
        code.builder.store(code.builder.add(last, word(1)), self._last)

    def _next_copy(self, node: ir.ForEachCopy, following: Value, body: Value, done: Value) -> None:
        code, builder = self.code, self.code.builder
        loop = builder.block
        number = builder.load(following)
        some = code.block("waiting")
        builder.cbranch(builder.icmp_signed("<", number, builder.load(self._last)), some, done)
        code.begin(some)
        place = code.at(code.out_word(op.SAVED_AT), number, self.copy_words)
        left = code.word_at(place, op.COPY_LEFT)
        served, more = code.block("served"), code.block("replica")
        builder.cbranch(builder.icmp_signed("==", left, word(0)), served, more)
        code.begin(served)
        builder.store(builder.add(number, word(1)), following)
        code.go(loop)
        code.begin(more)
        code.set_word(place, op.COPY_LEFT, builder.sub(left, word(1)))
        replica = code.word_at(place, op.COPY_REPLICAS)
        code.set_word(place, op.COPY_REPLICAS, code.offset(replica, WORD_BYTES * _REPLICA_WORDS))
        for n, variable in enumerate((node.port, node.instance)):
            part = code.memory(variable)[0]
            builder.store(code.resize(code.word_at(replica, n), part.type.pointee.width), part)
        self._bring_back(node.saved, code.offset(place, WORD_BYTES * op.COPY_VALUES))
        code.go(body)

    def _add_copies(self, node: ir.AddCopies) -> None:
        assert self._copied is not None
        code, builder = self.code, self.code.builder
        self.copies = max(self.copies, node.limit + 1)
        session, added = self.expressions.value(node.session), builder.load(self._added)
        size = code.word_at(session, REPLICAS)
        room = builder.icmp_signed("<", added, word(node.limit))
        with code.when(builder.and_(room, builder.icmp_signed(">", size, word(0)))):
            builder.store(builder.add(added, size), self._added)
            which = self.expressions.as_word(node.fields)
            self._wait(
                session, [(v.type, self._copy_value(node, which, v)) for v in self._copied.saved]
            )

    def _copy_value(self, node: ir.AddCopies, which: Value, variable: ir.Var) -> tuple[Value, ...]:
        """The value that a variable has in an egress clone."""
        always, reset = dict(node.always), dict(node.reset)
        if variable in always:
            return self._worked_out(variable, always[variable])
        now = self._held(variable)
        if variable not in reset:
            return now
        kept: Value = ll.Constant(BIT, 0)
        builder = self.code.builder
        for number, variables in self._lists.items():
            if variable in variables:
                kept = builder.or_(kept, builder.icmp_unsigned("==", which, word(number)))
        pairs = zip(now, self._worked_out(variable, reset[variable]), strict=True)
        return tuple(builder.select(kept, a, b) for a, b in pairs)

    def _worked_out(self, variable: ir.Var, value: ir.Expr) -> tuple[Value, ...]:
        if variable.type == ir.Bytes(None):
            return self.expressions.octets(value)
        return (self.expressions.as_type(value, variable.type),)
