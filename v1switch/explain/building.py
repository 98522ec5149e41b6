"""Passes, stages and steps under construction, to which the recorder adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from v1switch.explain import events as ev
from v1switch.program.model import Conditional


class Open:
    """A step that contains others."""

    def __init__(self, make: Callable[[tuple[ev.Step, ...]], ev.Step]) -> None:
        """Make the step by `make` once the steps that it contains are known."""
        self.make = make
        self.steps: list[ev.Step | Open | Table] = []

    def close(self) -> ev.Step:
        """The finished step."""
        return self.make(closed(self.steps))


class Table:
    """A table's application, whose action is recorded after the look-up."""

    def __init__(self, applied: ev.Applied) -> None:
        self.applied = applied
        self.action: Open | None = None

    def close(self) -> ev.Step:
        """The finished step."""
        action = self.action.close() if self.action else None
        assert action is None or isinstance(action, ev.Action)
        return replace(self.applied, action=action)


Steps = list["ev.Step | Open | Table"]


def closed(steps: Sequence[ev.Step | Open | Table]) -> tuple[ev.Step, ...]:
    """The finished steps."""
    return tuple(s.close() if isinstance(s, (Open, Table)) else s for s in steps)


class Stage:
    """A stage under construction."""

    def __init__(self, name: str, port: int | None = None, instance: int | None = None) -> None:
        """Make an empty stage; port and instance are those of egress."""
        self.name, self.port, self.instance = name, port, instance
        self.steps: Steps = []

    def close(self) -> ev.Stage:
        """The finished stage."""
        return ev.Stage(self.name, closed(self.steps), self.port, self.instance)


class Pass:
    """A pass under construction.

    Attributes:
        frame: what the parser saw.
        headers: (offset, size) of every header that the parser extracted.
        into: the list that the next step is added to.
        node: the current table or statement of a control.
        conditions: the control's conditions so far.
        writers: the last writer of each field, by header and field.
        addresser: the last writer of egress_spec, and the node that it belongs to.
    """

    def __init__(self, number: int, kind: str, parent: int, frame: bytes) -> None:
        """Make an empty pass of a frame."""
        self.number, self.kind, self.parent, self.frame = number, kind, parent, frame
        self.headers: dict[str, tuple[int, int]] = {}
        self.stages: list[Stage] = []
        self.into: Steps = []
        self.table: Table | None = None
        self.action = ""
        self.params: tuple[str, ...] = ()
        self.node = ""
        self.conditions: list[tuple[Conditional, ev.Condition]] = []
        self.writers: dict[tuple[str, str], ev.Writer] = {}
        self.addresser: tuple[ev.Writer, str] | None = None
        self.emitted: list[tuple[str, bytes]] = []
        self.payload = 0
        self.truncated = False

    def open(self, stage: Stage) -> None:
        """Begin a stage."""
        self.stages.append(stage)
        self.conditions = []
        self.top()

    def top(self, node: str = "") -> None:
        """Add next steps to the stage itself, outside of tables and states."""
        self.into, self.table, self.action, self.params = self.stages[-1].steps, None, "", ()
        self.node = node

    def written(self, did: ev.Executed) -> ev.Writer:
        """Record a step as the last writer of its fields."""
        applied = self.table.applied if self.table else None
        entry = applied.entry if applied else None
        table, origin = applied.table if applied else "", entry.origin if entry else ""
        writer = ev.Writer(did, table, self.action, origin)
        for effect in did.effects:
            if effect.what == "field":
                self.writers[effect.name, effect.field] = writer
        return writer

    def close(self) -> ev.Pass:
        """The finished pass."""
        stages = tuple(stage.close() for stage in self.stages if stage.steps)
        return ev.Pass(self.number, self.kind, self.parent, stages)
