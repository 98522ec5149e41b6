"""An explanation as text: steps on the left, their effects beside them, P4 source on the right."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

from v1switch.explain import events as ev
from v1switch.explain.notation import Notation, location, match_text, restricts, value_text
from v1switch.program.model import Program

EFFECTS, SOURCES = 52, 92  # columns where effects and source locations begin
WIDTH = 100
METER_COLOURS = ("green", "yellow", "red")
HEX_BYTES = 32  # bytes of a frame on one line
NS_PER_MS = 1_000_000
COLOURS = {
    "bold": "1",
    "dim": "2",
    "good": "32",
    "bad": "31",
    "changed": "33",
    "name": "36",
}

ESCAPE = re.compile(r"\x1b\[\d+m")

Lines = Iterator[str]


class Paint:
    """Adds colours to text, or not."""

    def __init__(self, colour: bool) -> None:
        """Use colours (on a terminal) or return text unchanged."""
        self.colour = colour

    def __call__(self, style: str, text: str) -> str:
        """Text in a style."""
        return f"\x1b[{COLOURS[style]}m{text}\x1b[0m" if self.colour and text else text


class TextView:
    """Writes explanations of frames of one program."""

    def __init__(self, program: Program, colour: bool = False) -> None:
        """Make a view of a program's frames; `colour` for a terminal."""
        self.notation = Notation(program)
        self.program = program
        self.paint = Paint(colour)

    def lines(self, explanation: ev.Explanation, title: str = "frame") -> Lines:
        """All lines about one frame."""
        self.notation.reset()
        head = f"{title}: {len(explanation.frame)} bytes into port {explanation.port}"
        yield self.paint("bold", head)
        yield from self._hex(explanation.frame)
        for each in explanation.passes:
            yield from self._pass(each)
        if explanation.omitted:
            yield self.paint(
                "bad", f"{title}: too many events; {explanation.omitted:,} more are left out"
            )
        yield self._end(explanation, title)

    def _end(self, explanation: ev.Explanation, title: str) -> str:
        if explanation.waits:
            title += " waits"
        if not explanation.out:
            yet = " yet" if explanation.waits else ""
            return self.paint("bold", f"{title}: nothing leaves{yet}")
        frames = ", ".join(f"port {port} ({len(frame)} bytes)" for port, frame in explanation.out)
        return self.paint("bold", f"{title}: leaves by {frames}")

    def _hex(self, data: bytes) -> Lines:
        text = data.hex()
        for at in range(0, len(text), 2 * HEX_BYTES):
            yield "  " + self.paint("dim", text[at : at + 2 * HEX_BYTES])

    # -- lines ------------------------------------------------------------------------------------

    def _line(self, depth: int, left: str, middle: str = "", right: str = "") -> Lines:
        """Three columns; the middle one moves to the next line when the left one is too long."""
        text = "  " * depth + left
        below = middle and _visible(text) > EFFECTS - 2
        if middle and not below:
            text = _padded(text, EFFECTS) + middle
        yield f"{_padded(text, SOURCES)}{self.paint('dim', right)}" if right else text
        if below:
            yield "  " * (depth + 1) + middle

    def _wrapped(self, depth: int, head: str, items: Sequence[str]) -> Lines:
        """A list after a heading, wrapped and indented."""
        indent = "  " * depth
        hanging = indent + " " * len(head) + " "
        yield from textwrap.wrap(
            ", ".join(items),
            WIDTH,
            initial_indent=f"{indent}{head} ",
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [f"{indent}{head}"]

    # -- passes and stages ------------------------------------------------------------------------

    def _pass(self, each: ev.Pass) -> Lines:
        if each.parent:
            yield self.paint("bold", f"pass {each.number}: {each.kind}, from pass {each.parent}")
        for stage in each.stages:
            where = "" if stage.port is None else f" to port {stage.port}"
            if stage.instance:
                where += f", instance {stage.instance}"
            yield self.paint("bold", f"{stage.name}{where}")
            yield from self._steps(1, stage.steps)

    def _steps(self, depth: int, steps: Sequence[ev.Step]) -> Lines:
        for step in steps:
            writer: Callable[[TextView, int, ev.Step], Lines] = _WRITERS[type(step)]
            yield from writer(self, depth, step)

    # -- parser -----------------------------------------------------------------------------------

    def _state(self, depth: int, step: ev.State) -> Lines:
        yield from self._line(depth, "state " + self.paint("name", step.name))
        yield from self._steps(depth + 1, step.steps)

    def _extracted(self, depth: int, step: ev.Extracted) -> Lines:
        head = f"extract {step.header} (bytes {step.offset} to {step.offset + step.size - 1}):"
        fields = [f"{f.field} {value_text(f.value, f.width, f.field)}" for f in step.fields]
        yield from self._wrapped(depth, head, fields)

    def _advanced(self, depth: int, step: ev.Advanced) -> Lines:
        yield from self._line(depth, f"skip {step.bits} bits")

    def _moved(self, depth: int, step: ev.Transitioned) -> Lines:
        case = step.case
        if case is None:
            target = "no case matches: parsing ends"
        else:
            target = f"→ {case.next_state or 'parsing ends'}"
        if not step.key:
            yield from self._line(depth, target)
            return
        key = ", ".join(self.notation.operand(operand) for operand in step.key)
        chosen = f"{self.notation.case(case, step.key)}{target}"
        yield from self._line(depth, f"select {key}", chosen)

    def _parser_error(self, depth: int, step: ev.ParserError) -> Lines:
        yield from self._line(depth, self.paint("bad", f"error {step.name}: parsing ends"))

    # -- controls ---------------------------------------------------------------------------------

    def _condition(self, depth: int, step: ev.Condition) -> Lines:
        answer = self.paint("good" if step.value else "changed", str(step.value).lower())
        values = self.notation.operands(step.operands, step.params)
        asked = self.notation.condition(step)
        if values in ([f"{asked} = true"], [f"{asked} = false"]):
            values = []
        known = f"  ({', '.join(values)})" if values else ""
        yield from self._line(
            depth, f"{step.kind} ({asked})", answer + known, location(step.source)
        )

    def _checked(self, depth: int, step: ev.Checked) -> Lines:
        name = self.notation.field(step.target.header, step.target.field)
        found, computed = f"{step.found:#06x}", f"{step.computed:#06x}"
        verdict = self.paint("good", f"{found} is right")
        if step.found != step.computed:
            verdict = self.paint(
                "bad", f"{found} is wrong, computed {computed}: checksum_error = 1"
            )
        yield from self._line(depth, f"verify checksum {name}", verdict, location(step.source))

    def _did(self, depth: int, step: ev.Executed) -> Lines:
        if self.notation.absorb(step):
            return
        statement, right = self.notation.statement(step), location(step.source)
        effects = [self.notation.effect(effect) for effect in step.effects]
        message = self.notation.message(step)
        if message is not None:
            effects = [f"prints: {message}"]
        if len(effects) <= 1 or sum(map(len, effects)) + 2 * len(effects) <= SOURCES - EFFECTS:
            yield from self._line(depth, statement, ", ".join(effects) or self._args(step), right)
            return
        yield from self._line(depth, statement, "", right)
        yield from self._wrapped(depth + 1, "·", effects)

    def _args(self, step: ev.Executed) -> str:
        """The operands of a step that changes no field: a clone session, a register index."""
        return ", ".join(self.notation.operands(step.args, step.params))

    def _applied(self, depth: int, step: ev.Applied) -> Lines:
        found = self.paint("good", "hit") if step.entry else self.paint("changed", "miss")
        left = "table " + self.paint("name", step.table)
        yield from self._line(depth, left, found if step.key else "", location(step.source))
        depth += 1
        if step.key:
            key = [f"{k.name} {value_text(k.value, k.width, k.name)}" for k in step.key]
            yield from self._wrapped(depth, "key", key)
            yield from self._found(depth, step)
        if step.selection:
            yield from self._line(depth, self._selection(step.selection))
        if step.metered:
            name = self.notation.field(step.metered.header, step.metered.field)
            colour = int(step.metered.value or 0)
            meaning = f"{colour} ({METER_COLOURS[colour]})"
            yield from self._line(depth, f"direct meter: {name} = {meaning}")
        if step.action is None:
            yield from self._line(depth, "no action")
            return
        yield from self._action(depth, step.action, "action" if step.entry else "default action")

    def _found(self, depth: int, step: ev.Applied) -> Lines:
        entry = step.entry
        if entry is None:
            some = f"none of its entries ({step.entries}) matches"
            yield from self._line(depth, some if step.entries else "it has no entries")
            return
        pairs = zip(step.key, entry.matches, strict=True)
        matches = [
            f"{k.name} {match_text(m, k.width, k.name)}" for k, m in pairs if restricts(m, k.width)
        ] or ["anything"]
        if entry.priority is not None:
            matches.append(f"priority {entry.priority}" + " (low wins)" * entry.low_first)
        if entry.packets is not None:
            matches.append(f"packet {entry.packets} of its counter")
        origin = f" ({entry.origin})" if entry.origin else ""
        matches[-1] += origin or (" (const)" if entry.const else "")
        yield from self._wrapped(depth, "entry", matches)

    @staticmethod
    def _selection(selection: ev.Selection) -> str:
        member = "" if selection.member is None else f"member {selection.member}"
        if selection.hash is None:
            return member
        if not selection.size:
            return "the group is empty: nothing runs"
        picked = f"hash {selection.hash:#x} picks number {selection.place} of {selection.size}"
        return f"{picked}: {member}" if member else picked

    def _action(self, depth: int, step: ev.Action, head: str = "action") -> Lines:
        params = ", ".join(
            f"{p.field} = {value_text(p.value, p.width, p.field)}" for p in step.params
        )
        yield from self._line(depth, f"{head} {step.name}({params})")
        yield from self._steps(depth + 1, step.steps)

    # -- ends and copies --------------------------------------------------------------------------

    def _digest(self, depth: int, step: ev.Digest) -> Lines:
        fields = [self.notation.operand(operand) for operand in step.fields]
        yield from self._wrapped(depth, f"digest {step.name}:", fields)

    def _replicated(self, depth: int, step: ev.Replicated) -> Lines:
        what = "group" if step.kind == "multicast" else "session"
        head = f"{step.kind}, {what} {step.number}:"
        if not step.known:
            yield from self._line(depth, f"{head} there is no such {what}, nothing is copied")
            return
        copies = [f"port {p}" + (f" (instance {i})" if i else "") for p, i in step.copies]
        yield from self._wrapped(depth, head, copies or ["no replicas"])

    def _again(self, depth: int, step: ev.Restarted) -> Lines:
        yield from self._line(depth, f"{step.kind}: it enters the parser again")

    def _queued(self, depth: int, step: ev.Queued) -> Lines:
        where = f"the queue of port {step.port}, priority {step.priority}"
        yield from self._line(depth, f"it waits in {where}, behind {step.waiting}")

    def _dequeued(self, depth: int, step: ev.Dequeued) -> Lines:
        where = f"the queue of port {step.port}, priority {step.priority}"
        waited = f"{step.waited_ns / NS_PER_MS:.3f} ms"
        yield from self._line(depth, f"it leaves {where} after {waited}, behind {step.depth}")

    def _dropped(self, depth: int, step: ev.Dropped) -> Lines:
        yield from self._line(depth, self.paint("bad", f"dropped: {step.reason}"))
        if step.by is not None:
            by = f"by {self.notation.statement(step.by.step)}"
            yield from self._line(
                depth + 1, by + _where(step.by), "", location(step.by.step.source)
            )
        if step.condition is not None:
            answer = "" if step.condition.value else "not "
            because = f"because {answer}{self.notation.condition(step.condition)}"
            yield from self._line(depth + 1, because, "", location(step.condition.source))
        for writer in step.writers:
            effects = ", ".join(self.notation.effect(effect) for effect in writer.step.effects)
            source = location(writer.step.source)
            yield from self._line(depth + 1, f"where {effects}{_where(writer)}", "", source)

    def _sent(self, depth: int, step: ev.Sent) -> Lines:
        width = max((len(part.name) for part in step.parts), default=0)
        for part in step.parts:
            head = f"{part.name:<{width}}  {part.status:<7}  "
            yield from self._part("  " * depth + head, part)
        if step.port is None:
            return
        cut = ", cut off" if step.truncated else ""
        who = ", to the controller" if step.to_controller else ""
        head = f"out of port {step.port}{who}: {len(step.frame)} bytes{cut}"
        yield from self._line(depth, self.paint("good", head))
        yield from self._hex(step.frame)

    def _part(self, head: str, part: ev.Part) -> Lines:
        """A header's bytes; changed ones in brackets as old→new."""
        if part.status != "changed" or part.was is None or len(part.was) != len(part.data):
            style = {"new": "good", "removed": "bad", "changed": "changed"}.get(part.status)
            text = part.data.hex()
            rows = [text[at : at + 64] for at in range(0, len(text), 64)] or [""]
            if part.name == "payload" and len(rows) > 1:
                rows = [f"{len(part.data)} bytes"]
            for number, row in enumerate(rows):
                lead = head if not number else " " * len(head)
                yield lead + (self.paint(style, row) if style else row)
            return
        pieces = []
        for changed, was, now in _runs(part.was, part.data):
            text = f"[{was.hex()}→{now.hex()}]" if changed else now.hex()
            pieces.append(self.paint("changed", text) if changed else text)
        yield head + "".join(pieces)


def _where(writer: ev.Writer) -> str:
    """The action and the table entry that a step ran in."""
    action = f" in action {writer.action}" if writer.action else ""
    table = f" of table {writer.table}" if writer.table else ""
    return f"{action}{table}" + (f" ({writer.origin})" if writer.origin else "")


def _visible(text: str) -> int:
    """The width of a text in columns, without its colours."""
    return len(ESCAPE.sub("", text))


def _padded(text: str, column: int) -> str:
    """A text padded to a column, with at least two blanks."""
    return text + " " * max(2, column - _visible(text))


def _runs(was: bytes, now: bytes) -> Iterator[tuple[bool, bytes, bytes]]:
    """Split bytes into runs that changed and runs that did not: (changed, old, new)."""
    start = 0
    for at in range(1, len(now) + 1):
        if at == len(now) or (was[at] != now[at]) != (was[start] != now[start]):
            yield was[start] != now[start], was[start:at], now[start:at]
            start = at


_WRITERS: dict[type, Callable[..., Lines]] = {
    ev.State: TextView._state,
    ev.Extracted: TextView._extracted,
    ev.Advanced: TextView._advanced,
    ev.Transitioned: TextView._moved,
    ev.ParserError: TextView._parser_error,
    ev.Condition: TextView._condition,
    ev.Checked: TextView._checked,
    ev.Executed: TextView._did,
    ev.Action: TextView._action,
    ev.Applied: TextView._applied,
    ev.Digest: TextView._digest,
    ev.Replicated: TextView._replicated,
    ev.Restarted: TextView._again,
    ev.Queued: TextView._queued,
    ev.Dequeued: TextView._dequeued,
    ev.Dropped: TextView._dropped,
    ev.Sent: TextView._sent,
}
