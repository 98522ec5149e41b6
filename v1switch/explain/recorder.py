"""Records what the traced program does, as events.

The traced program calls one method for each thing that happens, in their order; see
`v1switch.lower` for where (`observe`). The packet loop is a recorder's only caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec

from v1switch.control.engine import SwitchContext
from v1switch.explain import events as ev
from v1switch.explain.building import Open, Pass, Stage, Table
from v1switch.explain.causes import Causes
from v1switch.explain.effects import Reader
from v1switch.explain.parts import parts_of
from v1switch.lower.ir import Turn
from v1switch.lower.observation import Step
from v1switch.program import expressions as ex
from v1switch.program import model
from v1switch.program.symbols import CORE_ERRORS
from v1switch.state.entries import CloneSession, MulticastGroup, Origin
from v1switch.state.lookup import PACKETS, Cell
from v1switch.state.profiles import GroupCell, MemberCell
from v1switch.state.tables import RuntimeTable

KINDS = {0: "frame", 1: "ingress clone", 4: "recirculated", 6: "resubmitted"}
COPIES = {1: "ingress clone", 2: "egress clone", 5: "multicast copy"}
MAX_EVENTS = 10_000  # of one frame: loops and copies could fill the memory
P = ParamSpec("P")
Recording = Callable[Concatenate["Recorder", P], None]


def recorded(method: Recording[P]) -> Recording[P]:
    """Mark a method that the traced program calls; after MAX_EVENTS calls they only count."""

    @wraps(method)
    def tell(self: Recorder, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._calls += 1
        if self._calls <= MAX_EVENTS:
            method(self, *args, **kwargs)

    return tell


class Recorder:
    """Records one frame at a time: `begin`, then the traced program's calls, then `finish`."""

    def __init__(self, program: model.Program, switch: SwitchContext) -> None:
        """Record frames of one program on one switch."""
        self._reader = Reader(program)
        self._causes = Causes(program)
        errors = {code: name for name, code in program.errors.items()}
        self._errors = errors or dict(enumerate(CORE_ERRORS))
        self._switch = switch
        self._passes: list[Pass] = []
        self._stack: list[Pass] = []  # passes that are suspended while their clone runs
        self._now = self._root = Pass(0, "", 0, b"")
        self._origins: list[int] = []  # passes whose frames enter the parser again
        self._calls = 0
        self._waiting: list[tuple[bytes, dict[str, tuple[int, int]]]] = []  # frames, their headers
        self.process: Callable[..., list[tuple[int, bytes]]] = lambda *_: []

    def begin(self) -> None:
        """Start with another frame."""
        self._passes, self._stack, self._origins, self._calls = [], [], [], 0
        self._now = self._root = Pass(0, "", 0, b"")

    def finish(self, port: int, frame: bytes, out: Sequence[tuple[int, bytes]]) -> ev.Explanation:
        """The explanation of the frame, of all calls since `begin`."""
        passes = tuple(each.close() for each in self._passes)
        omitted = max(0, self._calls - MAX_EVENTS)
        self.begin()  # or thousands of events would be kept until the next frame
        return ev.Explanation(port, frame, passes, tuple(out), omitted)

    def _pass(self, kind: str, parent: int, frame: bytes) -> Pass:
        made = Pass(len(self._passes) + 1, kind, parent, frame)
        self._passes.append(made)
        return made

    def _add(self, step: ev.Step) -> None:
        self._now.into.append(step)

    def _add_top(self, step: ev.Step) -> None:
        self._now.top()
        self._now.into.append(step)

    # -- passes and stages ------------------------------------------------------------------------

    @recorded
    def packet(self, _port: int, frame: bytes, kind: int) -> None:
        """A frame enters the parser; `kind` is its instance type."""
        parent = 0
        if kind == 1:
            parent = self._root.number
            self._stack += [self._now, self._root]
        elif kind:
            parent = self._origins.pop(0)
        self._now = self._root = self._pass(KINDS[kind], parent, frame)

    @recorded
    def back(self) -> None:
        """A clone is done; its original continues."""
        self._root = self._stack.pop()
        self._now = self._stack.pop()

    @recorded
    def stage(self, name: str) -> None:
        """The parser, ingress or the deparser begins."""
        self._now.open(Stage(name))
        self._now.emitted, self._now.payload, self._now.truncated = [], 0, False

    @recorded
    def egress(self, port: int, instance: int, kind: int) -> None:
        """Egress begins, for a frame of this instance type."""
        root = self._root
        first = kind == 1 or root.kind == ev.DEQUEUED
        first = first and all(stage.name != "egress" for stage in root.stages)
        self._now = root
        if kind in COPIES and not first:
            self._now = self._pass(COPIES[kind], root.number, root.frame)
            self._now.headers, self._now.writers = root.headers, dict(root.writers)
        self._now.open(Stage("egress", port, instance))

    # -- parser -----------------------------------------------------------------------------------

    @recorded
    def state(self, state: model.ParserState) -> None:
        """The parser enters a state."""
        self._now.top()
        opened = Open(lambda steps: ev.State(state.name, steps))
        self._now.into.append(opened)
        self._now.into = opened.steps

    @recorded
    def extracted(self, header: str, offset: int, size: int) -> None:
        """A header was extracted from the frame."""
        self._now.headers[header] = (offset, size)
        data = self._now.frame[offset : offset + size]
        self._add(ev.Extracted(header, offset, size, self._reader.fields(header, data)))

    @recorded
    def advanced(self, bits: int) -> None:
        """The parser skipped bits."""
        self._add(ev.Advanced(bits))

    @recorded
    def verified(
        self, op: model.Verify, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """The parser checked a condition."""
        operands = self._reader.operands(nodes, values)
        self._add(ev.Condition("verify", op.condition, operands, value, None))

    @recorded
    def transition(
        self, state: model.ParserState, values: Sequence[int], case: model.Transition | None
    ) -> None:
        """The parser leaves a state."""
        self._add(ev.Transitioned(state.name, self._reader.operands(state.key, values), case))

    @recorded
    def parser_error(self, code: int) -> None:
        """The parser stopped with an error."""
        self._add(ev.ParserError(self._errors.get(code, str(code))))

    # -- controls ---------------------------------------------------------------------------------

    @recorded
    def checksum(self, checksum: model.Checksum, computed: int, found: int) -> None:
        """A checksum was verified."""
        target = self._reader.field(checksum.target, found)
        self._add_top(ev.Checked(checksum.name, target, found, computed, checksum.source))

    @recorded
    def condition(
        self, node: model.Conditional, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """A control's `if`."""
        operands = self._reader.operands(nodes, values)
        step = ev.Condition("if", node.expression, operands, value, node.source)
        self._now.conditions.append((node, step))
        self._add_top(step)

    @recorded
    def branch(
        self, call: model.Primitive, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """An action's `if`."""
        operands = self._reader.operands(nodes, values)
        params = self._now.params
        self._add(ev.Condition("if", call.args[0], operands, value, call.source, params))

    @recorded
    def table(self, table: RuntimeTable, values: Sequence[int], cell: Cell | None) -> None:
        """A table was looked up; no cell is a miss."""
        key = tuple(
            ev.KeyValue(field.name, field.match_kind, field.width, value)
            for field, value in zip(table.spec.key, values, strict=True)
        )
        entry = _entry(table, cell) if cell else None
        size, source = len(table.cells), table.spec.source
        applied = ev.Applied(table.name, key, entry, size, None, None, None, source)
        self._now.top(table.name)
        self._now.table = Table(applied)
        self._now.into.append(self._now.table)

    @recorded
    def metered(self, target: ex.FieldRef, colour: int) -> None:
        """The table's direct meter wrote a colour."""
        table = self._table()
        table.applied = replace(table.applied, metered=self._reader.field(target, colour))

    @recorded
    def chosen(self, target: object) -> None:
        """The entry refers to a member or group."""
        if isinstance(target, MemberCell):
            self._select(ev.Selection(target.member_id))

    @recorded
    def picked(self, group: GroupCell, hashed: int) -> None:
        """The selector is about to pick a member of a group."""
        picks = group.pick or ()
        size = len(picks)
        place = hashed % size if size else 0
        cell = picks[place] if size else None
        member = cell.member_id if isinstance(cell, MemberCell) else None
        self._select(ev.Selection(member, hashed, place, size))

    def _select(self, selection: ev.Selection) -> None:
        table = self._table()
        table.applied = replace(table.applied, selection=selection)

    def _table(self) -> Table:
        """The table that is being applied."""
        table = self._now.table
        assert table is not None
        return table

    @recorded
    def action(self, action: model.Action, values: Sequence[int]) -> None:
        """The table's action runs."""
        params = tuple(
            ev.FieldValue("", param.name, param.width, value)
            for param, value in zip(action.params, values, strict=True)
        )
        opened = Open(lambda steps: ev.Action(action.name, params, steps))
        now = self._now
        assert now.table is not None
        now.table.action = opened
        now.into, now.action = opened.steps, action.name
        now.params = tuple(param.name for param in action.params)

    @recorded
    def statement(self, node: str) -> None:
        """Statements of a control follow, outside of any table; p4c calls them `node`."""
        self._now.top(node)

    @recorded
    def did(
        self, step: Step, args: Sequence[int], before: Sequence[int], after: Sequence[int]
    ) -> None:
        """A primitive, the parser's assignment or a checksum's update is done."""
        if isinstance(step.call, model.Checksum):
            self._now.top()
        did = self._reader.did(step, args, before, after, self._now.params)
        self._add(did)
        written = self._now.written(did)
        if step.writes_egress_spec:
            self._now.addresser = (written, self._now.node)

    # -- between and after the controls ----------------------------------------------------------

    @recorded
    def cloned(self, number: int, session: CloneSession | None) -> None:
        """A clone was requested."""
        kind = "ingress clone" if self._now.stages[-1].name == "ingress" else "egress clone"
        self._replicated(kind, number, session)

    @recorded
    def mirrored(self, session: CloneSession) -> None:
        """A clone has gone through the parser again."""
        if not session.replicas:
            self._add_top(ev.Dropped(f"clone session {session.session_id} has no replicas"))

    @recorded
    def multicast(self, number: int, group: MulticastGroup | None) -> None:
        """The traffic manager replicates the frame."""
        self._replicated("multicast", number, group)
        if group is None:
            self._add_top(ev.Dropped(f"there is no multicast group {number}"))
        elif not group.replicas:
            self._add_top(ev.Dropped(f"multicast group {number} has no replicas"))

    def _replicated(
        self, kind: str, number: int, found: CloneSession | MulticastGroup | None
    ) -> None:
        copies = tuple((r.port, r.instance) for r in found.replicas) if found else ()
        self._add_top(ev.Replicated(kind, number, found is not None, copies))

    @recorded
    def digest(self, learn: model.LearnList, values: Sequence[int]) -> None:
        """A digest was made."""
        self._add_top(ev.Digest(learn.name, self._reader.operands(learn.fields, values)))

    @recorded
    def dropped(self, where: str) -> None:
        """The frame is dropped because egress_spec is the drop port."""
        reason = f"egress_spec is {self._switch.drop_port}, the drop port, at the end of {where}"
        self._add_top(self._causes.dropped(reason, self._now))

    @recorded
    def offered(self, port: int, priority: int, turn: int) -> None:
        """The frame was offered to a queue."""
        queues = self._switch.queues
        if turn == Turn.NO_QUEUE:
            there = f"queues have 0..{queues.priorities - 1} (--priority-queues)"
            self._add_top(ev.Dropped(f"priority is {priority}, and {there}"))
        elif turn == Turn.FULL:
            depth = queues.info(port, priority).depth
            where = f"port {port}, priority {priority}"
            self._add_top(ev.Dropped(f"the queue of {where} is full ({depth} packets)"))
        elif turn == Turn.WAITS:
            waiting = queues.info(port, priority).waiting - 1
            self._add_top(ev.Queued(port, priority, waiting))
            self._waiting.append((self._now.frame, self._now.headers))

    @recorded
    def dequeued(
        self, frame: bytes, port: int, priority: int, times: tuple[int, int], depth: int
    ) -> None:
        """A frame leaves a queue; `times` are when it came there and now."""
        self._now = self._root = self._pass(ev.DEQUEUED, 0, frame)
        found = next((n for n, each in enumerate(self._waiting) if each[0] is frame), None)
        if found is not None:  # or there were too many events
            self._now.headers = self._waiting.pop(found)[1]
        self._now.open(Stage("queue"))
        self._add(ev.Dequeued(port, priority, times[1] - times[0], depth))

    @recorded
    def emitted(self, header: str, data: bytes) -> None:
        """The deparser wrote a header."""
        self._now.emitted.append((header, data))

    @recorded
    def payload(self, size: int) -> None:
        """The deparser wrote the payload."""
        self._now.payload = size

    @recorded
    def again(self, kind: str, data: bytes | None = None) -> None:
        """The frame enters the parser again; `data` is its bytes, None for those that came in."""
        if data is not None:
            self._sent(None, data)
        self._add_top(ev.Restarted(kind))
        self._origins.append(self._now.number)

    @recorded
    def sent(self, port: int, data: bytes, limit: int | None) -> None:
        """A frame leaves, truncated to a number of bytes."""
        self._now.truncated = limit is not None and limit < len(data)
        self._sent(port, data[:limit])

    def _sent(self, port: int | None, data: bytes) -> None:
        now = self._now
        parts = parts_of(now.frame, now.headers, now.emitted, now.payload)
        to_controller = port is not None and port == self._switch.cpu_port
        self._add_top(ev.Sent(port, to_controller, data, parts, now.truncated))


def _entry(table: RuntimeTable, cell: Cell) -> ev.Entry:
    entry = cell.public_entry
    origin = entry.opaque if isinstance(entry.opaque, Origin) else Origin("")
    priority = entry.priority if origin.priority is None else origin.priority
    counted = table.spec.with_counters
    return ev.Entry(
        entry.key,
        priority if table.prioritized else None,
        origin.priority is not None,
        origin.where,
        entry.is_const,
        cell.words[PACKETS] + 1 if counted else None,
    )
