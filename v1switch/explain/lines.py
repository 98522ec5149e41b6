"""Records what the traced program does as lines of a log, one for each event.

The traced program calls one method for each thing that happens, as it calls a `Recorder`'s. Here
nothing is kept but text, so that a switch can trace thousands of frames in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from v1switch.control.engine import SwitchContext
from v1switch.errors import escaped
from v1switch.explain.phrases import ConditionPhrase, Phrases, StepPhrase
from v1switch.lower.ir import Turn
from v1switch.lower.observation import Step
from v1switch.program import expressions as ex
from v1switch.program import model
from v1switch.program.symbols import CORE_ERRORS
from v1switch.state.entries import CloneSession, MulticastGroup
from v1switch.state.lookup import Cell
from v1switch.state.profiles import GroupCell, MemberCell
from v1switch.state.tables import RuntimeTable

MAX_EVENTS = 1_000  # of one frame, of each of the two sorts: a loop must not fill the log
COPIES = {1: "ingress clone", 2: "egress clone", 5: "multicast copy"}
INGRESS_CLONE = 1
MAX_WAITING = 1 << 16  # frames in queues, whose numbers are kept
AGAIN = {4: "recirculated", 6: "resubmitted"}
P = ParamSpec("P")
T = TypeVar("T")


def step(method: Callable[Concatenate[Lines, P], None]) -> Callable[Concatenate[Lines, P], None]:
    """Mark an event within a packet; of a frame, those after MAX_EVENTS are only counted."""

    @wraps(method)
    def tell(self: Lines, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._steps += 1
        if self._steps <= MAX_EVENTS:
            method(self, *args, **kwargs)

    return tell


def whole(method: Callable[Concatenate[Lines, P], None]) -> Callable[Concatenate[Lines, P], None]:
    """Mark an event about a whole packet; so its end is logged, however many steps it took."""

    @wraps(method)
    def tell(self: Lines, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._wholes += 1
        if self._wholes <= MAX_EVENTS:
            method(self, *args, **kwargs)

    return tell


@dataclass
class _Packet:
    """A packet under way.

    Attributes:
        name: the number of the frame and of this copy.
        prefix: of its lines.
        origin: the name of the packet that it is a copy of; its own for others.
        cloned: whether it is an ingress clone that has not come to its first egress yet.
        dropper: the last step that wrote egress_spec, with the parameters' names of its action.
    """

    name: str
    prefix: str
    origin: str = ""
    cloned: bool = False
    dropper: tuple[Step, tuple[str, ...]] | None = None


Waiting = tuple[bytes, _Packet, int, list[int]]
"""A packet in a queue: its frame, how it is called, the frame's number and that of its copies."""

Place = tuple[int, int, int]
"""The frame's id, the port and the priority of a queue."""


class Lines:
    """Records one frame at a time: `begin`, then the traced program's calls, then `finish`.

    A line begins with the frame's number and, after a dot, that of its copy: `[7.0]` is the frame
    itself, `[7.1]` its first clone, copy, or pass through the parser again.
    """

    def __init__(self, program: model.Program, switch: SwitchContext) -> None:
        """Record frames of one program on one switch."""
        self._phrases = Phrases(program)
        errors = {code: name for name, code in program.errors.items()}
        self._errors = errors or dict(enumerate(CORE_ERRORS))
        self._switch = switch
        self._made: dict[int, tuple[object, object]] = {}  # phrases by the object's id
        self._did: dict[int, tuple[Step, StepPhrase, bool]] = {}  # by id: most events are steps
        self._headers: dict[str, Callable[[bytes], str]] = {}
        self._lines: list[str] = []
        self._steps = self._wholes = 0
        self._stamp = ""
        self._number = 0
        self._waiting: dict[Place, list[Waiting]] = {}  # in queues, in their order
        self.process: Callable[..., list[tuple[int, bytes]]] = lambda *_: []
        self._reset()

    def _reset(self) -> None:
        self._copies = [-1]  # the number of the frame's latest
        self._now = _Packet("", "")
        self._suspended: list[_Packet] = []  # packets whose clone runs
        self._again: list[str] = []  # names of the packets that enter the parser again
        self._frame = b""
        self._params: tuple[str, ...] = ()
        self._missed = False
        self._emitted: list[str] = []

    def begin(self, stamp: str, number: int) -> None:
        """Start with another frame, whose lines begin with a time stamp and its number."""
        self._stamp, self._number = stamp, number
        self._steps = self._wholes = 0
        self._lines.clear()
        self._reset()

    def take(self) -> list[str]:
        """The lines since `begin`, or since the last call."""
        lines = [line if line.isprintable() else escaped(line) for line in self._lines]
        self._lines.clear()
        return lines

    def finish(self) -> list[str]:
        """The last lines of the frame."""
        lines = self.take()
        if more := max(0, self._steps - MAX_EVENTS) + max(0, self._wholes - MAX_EVENTS):
            lines.append(f"{self._now.prefix}too many events: {more:,} are left out")
        return lines

    def _say(self, text: str) -> None:
        self._lines.append(self._now.prefix + text)

    def _next(self, *, cloned: bool = False) -> None:
        """Begin another packet."""
        self._copies[0] += 1
        name = f"{self._number}.{self._copies[0]}"
        self._now = self._packet(name, cloned=cloned)

    def _packet(self, name: str, *, cloned: bool = False) -> _Packet:
        return _Packet(name, f"{self._stamp}[{name}] ", name, cloned)

    def _phrase(self, about: object, make: Callable[[], T]) -> T:
        """The phrase of an object, made when it is first needed."""
        found = self._made.get(id(about))
        if found is None:
            found = self._made[id(about)] = (about, make())
        return found[1]  # type: ignore[return-value]  # one object has one kind of phrase

    # -- passes and stages ------------------------------------------------------------------------

    @whole
    def packet(self, port: int, frame: bytes, kind: int) -> None:
        """A frame enters the parser; `kind` is its instance type."""
        size, self._frame = len(frame), frame
        if kind == 0:
            self._next()
            who = ", from the controller" if port == self._switch.cpu_port else ""
            self._say(f"Packet received on port {port}{who}: {size} bytes")
        elif kind == INGRESS_CLONE:
            of = self._now
            self._suspended.append(of)
            self._next(cloned=True)
            self._say(f"Ingress clone of packet {of.name}: {size} bytes")
        else:
            name = self._again.pop(0)
            self._next()
            self._say(f"Packet {name}, {AGAIN[kind]}: {size} bytes")

    @whole
    def back(self) -> None:
        """A clone is done; its original continues."""
        self._now = self._suspended.pop()

    @whole
    def stage(self, name: str) -> None:
        """The parser, ingress or the deparser begins."""
        if name == "ingress":
            self._say("Ingress")
        self._emitted.clear()

    @whole
    def egress(self, port: int, instance: int, kind: int) -> None:
        """Egress begins, for a frame of this instance type."""
        where = f"Egress to port {port}{f', instance {instance}' if instance else ''}"
        if kind in COPIES and not self._now.cloned:
            of = self._now.origin
            self._next()
            self._now.origin = of
            self._say(f"{where}: {COPIES[kind]} of packet {of}")
        else:
            self._now.cloned, self._now.dropper = False, None
            self._say(where)

    # -- parser -----------------------------------------------------------------------------------

    @step
    def state(self, state: model.ParserState) -> None:
        """The parser enters a state."""
        self._say(f"Parser state '{state.name}'")

    @step
    def extracted(self, header: str, offset: int, size: int) -> None:
        """A header was extracted from the frame."""
        phrase = self._headers.get(header)
        if phrase is None:
            phrase = self._headers[header] = self._phrases.header(header)
        fields = phrase(self._frame[offset : offset + size])
        self._say(f"Extract '{header}' (bytes {offset} to {offset + size - 1}): {fields}")

    @step
    def advanced(self, bits: int) -> None:
        """The parser skipped bits."""
        self._say(f"Skip {bits} bits")

    @step
    def verified(
        self, op: model.Verify, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """The parser checked a condition."""
        phrase: ConditionPhrase = self._phrase(
            op, lambda: self._phrases.condition("verify", op.condition, None, nodes)
        )
        self._say(phrase(value, values))

    @step
    def transition(
        self, state: model.ParserState, values: Sequence[int], case: model.Transition | None
    ) -> None:
        """The parser leaves a state."""
        target = f"-> '{case.next_state}'" if case and case.next_state else "-> end of parsing"
        if not state.key:
            if not case or not case.next_state:
                self._say("Parser ends")
            return
        phrase: Callable[[Sequence[int]], str] = self._phrase(
            state, lambda: self._phrases.operands(state.key)
        )
        self._say(f"Select {phrase(values)} {target}")

    @step
    def parser_error(self, code: int) -> None:
        """The parser stopped with an error."""
        self._say(f"Parser error {self._errors.get(code, code)}: parsing ends")

    # -- controls ---------------------------------------------------------------------------------

    @step
    def checksum(self, checksum: model.Checksum, computed: int, found: int) -> None:
        """A checksum was verified."""
        right = "right" if computed == found else f"wrong, computed {computed:#06x}"
        target = checksum.target
        self._say(f"Verify checksum {target.header}.{target.field}: {found:#06x} is {right}")

    @step
    def condition(
        self, node: model.Conditional, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """A control's `if`."""
        phrase: ConditionPhrase = self._phrase(
            node, lambda: self._phrases.condition("if", node.expression, node.source, nodes)
        )
        self._say(phrase(value, values))

    @step
    def branch(
        self, call: model.Primitive, value: bool, values: Sequence[int], nodes: Sequence[ex.Expr]
    ) -> None:
        """An action's `if`."""
        params = self._params
        phrase: ConditionPhrase = self._phrase(
            call, lambda: self._phrases.condition("if", call.args[0], call.source, nodes, params)
        )
        self._say(phrase(value, values))

    @step
    def table(self, table: RuntimeTable, values: Sequence[int], cell: Cell | None) -> None:
        """A table was looked up; no cell is a miss."""
        self._missed = cell is None
        phrase = self._phrase(table, lambda: self._phrases.table(table))
        self._say(phrase(values, cell))

    @step
    def metered(self, target: ex.FieldRef, colour: int) -> None:
        """The table's direct meter wrote a colour."""
        self._say(f"Direct meter: {target.header}.{target.field} = {colour}")

    @step
    def chosen(self, target: object) -> None:
        """The entry refers to a member or group."""
        if isinstance(target, MemberCell):
            self._say(f"Member {target.member_id}")

    @step
    def picked(self, group: GroupCell, hashed: int) -> None:
        """The selector is about to pick a member of a group."""
        picks = group.pick or ()
        if not picks:
            self._say("The group is empty: nothing runs")
            return
        place = hashed % len(picks)
        cell = picks[place]
        which = f", member {cell.member_id}" if isinstance(cell, MemberCell) else ""
        self._say(f"Hash {hashed:#x} picks number {place} of {len(picks)} in the group{which}")

    @step
    def action(self, action: model.Action, values: Sequence[int]) -> None:
        """The table's action runs."""
        self._params = tuple([param.name for param in action.params])
        phrase = self._phrase(action, lambda: self._phrases.call(action))
        self._say(f"Action {phrase(values)}{' by default' if self._missed else ''}")

    @step
    def statement(self, _node: str) -> None:
        """Statements of a control follow, outside of any table."""
        self._params, self._missed = (), False

    @step
    def did(
        self, step: Step, args: Sequence[int], before: Sequence[int], after: Sequence[int]
    ) -> None:
        """A primitive, the parser's assignment or a checksum's update is done."""
        found = self._did.get(id(step))
        if found is None:
            phrase = self._phrases.step(step, self._params)
            found = self._did[id(step)] = (step, phrase, step.writes_egress_spec)
        _, phrase, drops = found
        if text := phrase(args, before, after):
            self._lines.append(self._now.prefix + text)
        if drops:
            self._now.dropper = step, self._params

    # -- between and after the controls ----------------------------------------------------------

    @whole
    def cloned(self, number: int, session: CloneSession | None) -> None:
        """A clone was requested."""
        self._replicated(f"Clone to session {number}", session, "")

    @whole
    def mirrored(self, session: CloneSession) -> None:
        """A clone has gone through the parser again."""
        if not session.replicas:
            self._say(f"Dropped: clone session {session.session_id} has no replicas")

    @whole
    def multicast(self, number: int, group: MulticastGroup | None) -> None:
        """The traffic manager replicates the frame."""
        self._replicated(f"Multicast to group {number}", group, ", dropped")

    def _replicated(self, what: str, found: CloneSession | MulticastGroup | None, end: str) -> None:
        if found is None:
            self._say(f"{what}: there is none{end}")
            return
        copies = [f"port {r.port} (instance {r.instance})" for r in found.replicas]
        self._say(f"{what}: {', '.join(copies) or f'no replicas{end}'}")

    @step
    def digest(self, learn: model.LearnList, values: Sequence[int]) -> None:
        """A digest was made."""
        phrase: Callable[[Sequence[int]], str] = self._phrase(
            learn, lambda: self._phrases.operands(learn.fields)
        )
        self._say(f"Digest '{learn.name}': {phrase(values)}")

    @whole
    def dropped(self, where: str) -> None:
        """The frame is dropped because egress_spec is the drop port."""
        dropper = self._now.dropper
        by = f", set by {self._phrases.statement(*dropper)}" if dropper else ""
        drop = f"egress_spec is {self._switch.drop_port}, the drop port"
        self._say(f"Dropped at the end of {where}: {drop}{by}")

    @whole
    def offered(self, port: int, priority: int, turn: int) -> None:
        """The frame, or a copy that has no number before its egress, was offered to a queue."""
        if (name := self._now.origin) != self._now.name:
            self._now = self._packet(name)
        queues = self._switch.queues
        where = f"the queue of port {port}, priority {priority}"
        if turn == Turn.NO_QUEUE:
            count = f"queues have 0..{queues.priorities - 1} (--priority-queues)"
            self._say(f"Dropped: priority is {priority}, and {count}")
        elif turn == Turn.FULL:
            self._say(f"Dropped: {where} is full ({queues.info(port, priority).depth} packets)")
        elif turn == Turn.WAITS:
            self._say(f"Waits in {where}, behind {queues.info(port, priority).waiting - 1}")
            waiting = self._frame, self._now, self._number, self._copies
            self._waiting.setdefault((id(self._frame), port, priority), []).append(waiting)
            if len(self._waiting) > MAX_WAITING:  # those of a port that is gone never come back
                del self._waiting[next(iter(self._waiting))]

    @whole
    def dequeued(
        self, frame: bytes, port: int, priority: int, times: tuple[int, int], depth: int
    ) -> None:
        """A frame leaves a queue; `times` are when it came there and now."""
        place = id(frame), port, priority
        waiting = self._waiting.get(place)
        if waiting:
            self._frame, packet, self._number, self._copies = waiting.pop(0)
            if not waiting:
                del self._waiting[place]
        else:  # more events than are logged came before it
            self._frame, packet = frame, self._packet("?")
        self._now = self._packet(packet.name, cloned=packet.cloned)
        waited_us = (times[1] - times[0]) // 1000
        where = f"the queue of port {port}, priority {priority}"
        self._say(f"Leaves {where} after {waited_us} us, behind {depth}")

    @step
    def emitted(self, header: str, _data: bytes) -> None:
        """The deparser wrote a header."""
        self._emitted.append(f"'{header}'")

    @step
    def payload(self, size: int) -> None:
        """The deparser wrote the payload."""
        self._emitted.append(f"{size} bytes of payload")
        self._say(f"Deparse {', '.join(self._emitted)}")

    @whole
    def again(self, kind: str, data: bytes | None = None) -> None:
        """The frame enters the parser again; `data` is its bytes, None for those that came in."""
        size = "" if data is None else f": {len(data)} bytes"
        self._say(f"{kind.capitalize()}, enters the parser again{size}")
        self._again.append(self._now.name)

    @whole
    def sent(self, port: int, data: bytes, limit: int | None) -> None:
        """A frame leaves, truncated to a number of bytes."""
        size = len(data[:limit])
        cut = f", truncated from {len(data)}" if size < len(data) else ""
        who = ", to the controller" if port == self._switch.cpu_port else ""
        self._say(f"Packet sent out of port {port}{who}: {size} bytes{cut}")
