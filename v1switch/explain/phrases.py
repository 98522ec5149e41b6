"""How a trace log calls the objects of a program: each phrase is made once and then filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from v1switch.explain import events as ev
from v1switch.explain.effects import Reader, Values
from v1switch.explain.formats import Format, format_of, listed, match_format
from v1switch.explain.notation import Notation, location
from v1switch.lower.observation import Step
from v1switch.program import expressions as ex
from v1switch.program.model import Action, Checksum, Primitive, Program, SetField, Source
from v1switch.program.symbols import VALID
from v1switch.state.entries import Origin
from v1switch.state.lookup import Cell
from v1switch.state.tables import RuntimeTable

StepPhrase = Callable[[Values, Values, Values], str]
ConditionPhrase = Callable[[bool, Values], str]
TablePhrase = Callable[[Sequence[int], Cell | None], str]


class Phrases:
    """Makes phrases for the objects of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.reader = Reader(program)
        self.notation = Notation(program)

    # -- parser -----------------------------------------------------------------------------------

    def header(self, name: str) -> Callable[[bytes], str]:
        """The fields of a header, from its bytes."""
        fields = self.program.headers[name].header_type.fields
        if any(field.width is None or field.signed for field in fields):
            return lambda data: self._read(name, data)
        left, parts = sum(field.width or 0 for field in fields), []
        for field in fields:
            width = field.width or 0
            left -= width
            text = format_of(width, field.name, numbers=True)
            parts.append((field.name, left, (1 << width) - 1, text))

        def phrase(data: bytes) -> str:
            number = int.from_bytes(data, "big")
            return ", ".join(
                [f"{name} {text(number >> shift & mask)}" for name, shift, mask, text in parts]
            )

        return phrase

    def _read(self, name: str, data: bytes) -> str:
        fields = self.reader.fields(name, data)
        return ", ".join(f"{f.field} {format_of(f.width, f.field)(f.value)}" for f in fields)

    def operands(self, nodes: Sequence[ex.Expr], params: Sequence[str] = ()) -> Callable[..., str]:
        """Expressions with their values."""
        shown = [
            (at, name, text)
            for at, (node, name, text) in enumerate(self._named(nodes, params))
            if not isinstance(node, ex.Const)
        ]
        places = [at for at, _, _ in shown]
        names, formats = [name for _, name, _ in shown], [text for _, _, text in shown]
        return lambda values: listed(names, formats, [values[at] for at in places])

    def _named(
        self, nodes: Sequence[ex.Expr], params: Sequence[str]
    ) -> list[tuple[ex.Expr, str, Format]]:
        zeros = [0] * len(nodes)
        found = []
        for operand in self.reader.operands(nodes, zeros):
            node = operand.expression
            name = self.notation.expression(node, params)
            truth = isinstance(node, ex.FieldRef) and node.field == VALID
            text = format_of(operand.width, name, numbers=operand.width > 0)
            found.append((node, name, _truth if truth else text))
        return found

    # -- controls ---------------------------------------------------------------------------------

    def condition(
        self,
        kind: str,
        expression: ex.Expr,
        source: Source | None,
        nodes: Sequence[ex.Expr],
        params: Sequence[str] = (),
    ) -> ConditionPhrase:
        """An `if` or `verify`, its result, and the values of its operands."""
        step = ev.Condition(kind, expression, (), True, source, tuple(params))
        head = f"{_at(source)}{kind} ({self.notation.condition(step)}): "
        alone = len(nodes) == 1 and isinstance(nodes[0], ex.FieldRef) and nodes[0].field == VALID
        operands = self.operands(() if alone else nodes, params)

        def phrase(value: bool, values: Values) -> str:
            known = operands(values)
            return f"{head}{_truth(value)}{f' ({known})' if known else ''}"

        return phrase

    def table(self, table: RuntimeTable) -> TablePhrase:
        """A table's look-up: hit or miss, the key, the entry."""
        fields = table.spec.key
        names = [field.name for field in fields]
        formats = [format_of(field.width, field.name, numbers=True) for field in fields]
        matches = [match_format(field) for field in fields]
        exact = all(field.match_kind in ("exact", "valid") for field in fields)
        head = f"Table '{table.name}': "

        def phrase(values: Sequence[int], cell: Cell | None) -> str:
            if not fields:
                return f"{head}miss, it has no key"
            key = listed(names, formats, values)
            if cell is None:
                count = len(table.cells)
                some = f"none of its {count} entries matches" if count else "it has no entries"
                return f"{head}miss, {some}, key {key}"
            entry = cell.public_entry
            hit = f"{head}hit with handle {cell.handle}, key {key}"
            if exact:
                return f"{hit}{_origin(entry.opaque)}"
            written = ", ".join([text(m) for text, m in zip(matches, entry.key, strict=True)])
            order = rank(entry.priority, entry.opaque) if table.prioritized else ""
            return f"{hit}, entry {written}{order}{_origin(entry.opaque)}"

        return phrase

    @staticmethod
    def call(action: Action) -> Callable[[Sequence[int]], str]:
        """A call of an action."""
        parts = [(p.name, format_of(p.width, p.name, numbers=True)) for p in action.params]
        head = f"{action.name}("

        def phrase(values: Sequence[int]) -> str:
            given = [f"{n} = {t(value)}" for (n, t), value in zip(parts, values, strict=True)]
            return f"{head}{', '.join(given)})"

        return phrase

    # -- steps ------------------------------------------------------------------------------------

    def statement(self, step: Step, params: tuple[str, ...]) -> str:
        """A step's location and text."""
        made = self._executed(step, params)
        return f"{_at(made.source)}{self.notation.statement(made)}"

    @staticmethod
    def _executed(step: Step, params: tuple[str, ...]) -> ev.Executed:
        """A step without its values."""
        call = step.call
        if isinstance(call, SetField):
            return ev.Executed("set", None, call.target, call.value, (), (), None)
        if isinstance(call, Checksum):
            op = "update_checksum"
            return ev.Executed(op, None, call.target, None, (), (), call.source)
        return ev.Executed(call.op, call, None, None, (), (), call.source, params)

    def step(self, step: Step, params: tuple[str, ...]) -> StepPhrase:
        """A step with what it changed, or with its operands; empty for a log message."""
        head = self.statement(step, params)
        if len(step.targets) == 1 and step.targets[0].index < 0:
            ref = step.targets[0].ref
            if isinstance(ref, ex.FieldRef) and ref.field != VALID:
                width = self.reader.width(ref)
                return _changing(head, format_of(width, ref.field, numbers=width > 0))
        if step.targets:
            return lambda args, before, after: self._effects(head, step, args, before, after)
        if isinstance(step.call, Primitive) and step.call.op == "log_msg":
            return lambda _args, _before, _after: ""  # the message itself is in the log
        operands = self.operands(step.args, params)

        def phrase(args: Values, _before: Values, _after: Values) -> str:
            known = operands(args)
            return f"{head}{f' ({known})' if known else ''}"

        return phrase

    def _effects(self, head: str, step: Step, args: Values, before: Values, after: Values) -> str:
        done = self.reader.did(step, args, before, after, ())
        effects = ", ".join([self.notation.effect(effect) for effect in done.effects])
        return f"{head}: {effects.replace('→', '->')}"


def _truth(value: ev.Value) -> str:
    return "true" if value else "false"


def _at(source: Source | None) -> str:
    """A place in the P4 source, without the folders of an absolute path: they fill the lines."""
    text = location(source)
    return f"{text.rpartition('/')[2] if text.startswith('/') else text} " if text else ""


def _changing(head: str, text: Format) -> StepPhrase:
    def phrase(_args: Values, before: Values, after: Values) -> str:
        old, new = before[0], after[0]
        if old == new:
            return f"{head}: stays {text(new)}"
        return f"{head}: {text(old)} -> {text(new)}"

    return phrase


def rank(priority: int, opaque: object) -> str:
    """An entry's priority, as it was written."""
    if isinstance(opaque, Origin) and opaque.priority is not None:
        return f", priority {opaque.priority} (low wins)"
    return f", priority {priority}"


def _origin(opaque: object) -> str:
    return f" ({opaque.where})" if isinstance(opaque, Origin) and opaque.where else ""
