"""An explanation as JSON: one object for each frame, as docs/explain.md describes it.

Numbers that come from packets or tables are strings in hexadecimal (they may have 128 bits) beside
a readable `text`; ports, lengths, offsets and counts are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from v1switch.explain import events as ev
from v1switch.explain.notation import Notation, match_text, value_text
from v1switch.program.model import Program, Source
from v1switch.state.entries import Exact, Lpm, Match, Ternary

SCHEMA = "v1switch-explain/2"  # counts up when a member is removed or changes its meaning

Object = dict[str, Any]


class Document:
    """Makes JSON objects of explanations of one program's frames."""

    def __init__(self, program: Program) -> None:
        self.notation = Notation(program)

    def frame(self, explanation: ev.Explanation, number: int = 1) -> Object:
        """The object of a frame; `number` counts frames from 1."""
        return {
            "schema": SCHEMA,
            "frame": number,
            "port": explanation.port,
            "length": len(explanation.frame),
            "data": explanation.frame.hex(),
            "passes": [self._pass(each) for each in explanation.passes],
            "omitted": explanation.omitted,
            "out": [{"port": port, "data": frame.hex()} for port, frame in explanation.out],
        }

    def _pass(self, each: ev.Pass) -> Object:
        stages = [self._stage(stage) for stage in each.stages]
        return {"pass": each.number, "kind": each.kind, "from": each.parent, "stages": stages}

    def _stage(self, stage: ev.Stage) -> Object:
        made: Object = {"stage": stage.name}
        if stage.port is not None:
            made |= {"port": stage.port, "instance": stage.instance}
        return made | {"steps": self._steps(stage.steps)}

    def _steps(self, steps: Sequence[ev.Step]) -> list[Object]:
        return [_MAKERS[type(step)](self, step) for step in steps]

    # -- values -----------------------------------------------------------------------------------

    def _field(self, value: ev.FieldValue) -> Object:
        if not value.header:
            return {"name": value.field} | _value(value.value, value.width, value.field)
        shown = self.notation.field(value.header, value.field)
        name = f"{value.header}.{value.field}"
        return {"name": name} | _value(value.value, value.width, shown)

    def _operand(self, operand: ev.Operand, params: Sequence[str] = ()) -> Object:
        name = self.notation.expression(operand.expression, params)
        return {"expression": name} | _value(operand.value, operand.width, name)

    def _effect(self, effect: ev.Effect) -> Object:
        name, shown = effect.name, effect.name
        if effect.field:
            name, shown = f"{name}.{effect.field}", self.notation.field(effect.name, effect.field)
        made: Object = {"kind": effect.what, "name": name}
        if effect.index is not None:
            made["index"] = effect.index
        old, new = _exact(effect.old), _value(effect.new, effect.width, shown)
        return made | {"width": effect.width, "old": old, "new": new["value"], "text": new["text"]}

    # -- steps ------------------------------------------------------------------------------------

    def _state(self, step: ev.State) -> Object:
        return {"step": "state", "state": step.name, "steps": self._steps(step.steps)}

    def _extracted(self, step: ev.Extracted) -> Object:
        return {
            "step": "extract",
            "header": step.header,
            "offset": step.offset,
            "length": step.size,
            "fields": [self._field(value) for value in step.fields],
        }

    def _advanced(self, step: ev.Advanced) -> Object:
        return {"step": "advance", "bits": step.bits}

    def _moved(self, step: ev.Transitioned) -> Object:
        case: Object | None = None
        if step.case is not None:
            case = {"kind": step.case.kind, "next": step.case.next_state}
            if step.case.kind == "value":
                mask = step.case.mask
                case |= {"value": hex(step.case.value), "mask": None if mask is None else hex(mask)}
            elif step.case.kind == "value_set":
                case["value_set"] = step.case.value_set
        key = [self._operand(operand) for operand in step.key]
        return {"step": "transition", "state": step.state, "key": key, "case": case}

    def _parser_error(self, step: ev.ParserError) -> Object:
        return {"step": "parser_error", "error": step.name}

    def _condition(self, step: ev.Condition) -> Object:
        return {
            "step": step.kind,
            "condition": self.notation.condition(step),
            "value": step.value,
            "operands": [self._operand(operand, step.params) for operand in step.operands],
            "source": _source(step.source),
        }

    def _checked(self, step: ev.Checked) -> Object:
        return {
            "step": "verify_checksum",
            "name": step.name,
            "field": self._field(step.target),
            "computed": hex(step.computed),
            "right": step.found == step.computed,
            "source": _source(step.source),
        }

    def _did(self, step: ev.Executed) -> Object:
        return {
            "step": "primitive",
            "op": step.op,
            "statement": self.notation.statement(step),
            "operands": [self._operand(operand, step.params) for operand in step.args],
            "effects": [self._effect(effect) for effect in step.effects],
            "message": self.notation.message(step),
            "source": _source(step.source),
        }

    def _action(self, step: ev.Action) -> Object:
        params = [self._field(param) for param in step.params]
        return {"name": step.name, "params": params, "steps": self._steps(step.steps)}

    def _applied(self, step: ev.Applied) -> Object:
        return {
            "step": "table",
            "table": step.table,
            "key": [
                {"name": k.name, "match": k.kind} | _value(k.value, k.width, k.name)
                for k in step.key
            ],
            "result": "hit" if step.entry else "miss",
            "entries": step.entries,
            "entry": _entry(step),
            "selection": vars(step.selection) if step.selection else None,
            "meter": self._field(step.metered) if step.metered else None,
            "action": self._action(step.action) if step.action else None,
            "source": _source(step.source),
        }

    def _digest(self, step: ev.Digest) -> Object:
        fields = [self._operand(operand) for operand in step.fields]
        return {"step": "digest", "digest": step.name, "fields": fields}

    def _replicated(self, step: ev.Replicated) -> Object:
        copies = [{"port": port, "instance": instance} for port, instance in step.copies]
        return {
            "step": "replicate",
            "kind": step.kind,
            "number": step.number,
            "known": step.known,
            "copies": copies,
        }

    def _again(self, step: ev.Restarted) -> Object:
        return {"step": "again", "kind": step.kind}

    def _queued(self, step: ev.Queued) -> Object:
        where = {"port": step.port, "priority": step.priority}
        return {"step": "enqueue", **where, "waiting": step.waiting}

    def _dequeued(self, step: ev.Dequeued) -> Object:
        where = {"port": step.port, "priority": step.priority}
        return {"step": "dequeue", **where, "waited_ns": step.waited_ns, "depth": step.depth}

    def _dropped(self, step: ev.Dropped) -> Object:
        return {
            "step": "drop",
            "reason": step.reason,
            "by": self._writer(step.by) if step.by else None,
            "condition": self._condition(step.condition) if step.condition else None,
            "writers": [self._writer(writer) for writer in step.writers],
        }

    def _writer(self, writer: ev.Writer) -> Object:
        return {
            "statement": self.notation.statement(writer.step),
            "effects": [self._effect(effect) for effect in writer.step.effects],
            "table": writer.table or None,
            "action": writer.action or None,
            "origin": writer.origin or None,
            "source": _source(writer.step.source),
        }

    def _sent(self, step: ev.Sent) -> Object:
        return {
            "step": "send",
            "port": step.port,
            "to_controller": step.to_controller,
            "length": len(step.frame),
            "data": step.frame.hex(),
            "truncated": step.truncated,
            "parts": [
                {
                    "name": part.name,
                    "status": part.status,
                    "data": part.data.hex(),
                    "was": None if part.was is None else part.was.hex(),
                }
                for part in step.parts
            ],
        }


def _value(value: ev.Value, width: int, name: str) -> Object:
    return {"width": width, "value": _exact(value), "text": value_text(value, width, name)}


def _exact(value: ev.Value) -> str | bool | None:
    """A value in full: hexadecimal, negative numbers with a sign."""
    if value is None or isinstance(value, bool):
        return value
    return f"0x{value.hex()}" if isinstance(value, bytes) else hex(value)


def _source(source: Source | None) -> Object | None:
    return vars(source) if source else None


def _entry(step: ev.Applied) -> Object | None:
    entry = step.entry
    if entry is None:
        return None
    pairs = zip(step.key, entry.matches, strict=True)
    return {
        "match": [
            {"name": k.name, "text": match_text(m, k.width, k.name)} | _match(m) for k, m in pairs
        ],
        "priority": entry.priority,
        "low_priority_wins": entry.low_first,
        "const": entry.const,
        "origin": entry.origin or None,
        "packets": entry.packets,
    }


def _match(match: Match) -> Object:
    if isinstance(match, Exact):
        return {"value": hex(match.value)}
    if isinstance(match, Lpm):
        return {"value": hex(match.value), "prefix_length": match.prefix_len}
    if isinstance(match, Ternary):
        return {"value": hex(match.value), "mask": hex(match.mask)}
    return {"low": hex(match.low), "high": hex(match.high)}


_MAKERS: dict[type, Callable[..., Object]] = {
    ev.State: Document._state,
    ev.Extracted: Document._extracted,
    ev.Advanced: Document._advanced,
    ev.Transitioned: Document._moved,
    ev.ParserError: Document._parser_error,
    ev.Condition: Document._condition,
    ev.Checked: Document._checked,
    ev.Executed: Document._did,
    ev.Applied: Document._applied,
    ev.Digest: Document._digest,
    ev.Replicated: Document._replicated,
    ev.Restarted: Document._again,
    ev.Queued: Document._queued,
    ev.Dequeued: Document._dequeued,
    ev.Dropped: Document._dropped,
    ev.Sent: Document._sent,
}
