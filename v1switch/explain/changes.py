"""What controllers change, as lines of a trace: entries, default actions, members, groups.

Who looks for a packet's missing entry finds there whether it was ever written, and by what key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Engine
from v1switch.errors import escaped
from v1switch.explain.formats import match_format
from v1switch.explain.phrases import Phrases, rank
from v1switch.program.model import Action, Program, Table
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    EntryAction,
    Group,
    GroupRef,
    Key,
    Member,
    MemberRef,
    Replica,
    TableEntry,
)
from v1switch.state.replication import Replication

RANKED = ("ternary", "range")  # match types of tables with priorities
Tell = Callable[[str], None]
"""Writes one line."""


class ToldDataplane(Dataplane):
    """A data plane that logs each change of its tables, profiles, groups and sessions."""

    def __init__(
        self,
        engine: Engine,
        tell: Tell,
        *,
        cpu_port: int | None,
        drop_port: int,
        priority_queues: int = 1,
    ) -> None:
        """Make a switch without a program; `tell` gets a line for each change."""
        super().__init__(
            engine, cpu_port=cpu_port, drop_port=drop_port, priority_queues=priority_queues
        )
        self._tell = tell
        self._changes = 0
        self._texts: _Texts | None = None

    def _told(self, text: str) -> None:
        self._changes += 1
        self._tell(escaped(text))

    @property
    def _text(self) -> _Texts:
        """Texts about the program that runs."""
        program = self.state.program
        if self._texts is None or self._texts.program is not program:
            self._texts = _Texts(program)
        return self._texts

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Like a Dataplane's; logs how many changes an exception undoes."""
        outermost, before = self._undo is None, self._changes
        try:
            with super().transaction():
                yield
        except BaseException:
            if outermost and (count := self._changes - before):
                what = "change is" if count == 1 else f"{count:,} changes are"
                self._told(f"The last {what} taken back, as the next one failed")
            raise

    # -- tables -----------------------------------------------------------------------------------

    def insert_entry(self, table: str, entry: TableEntry) -> int:
        """As in Dataplane."""
        handle = super().insert_entry(table, entry)
        self._told(self._text.entry(table, entry, f"added with handle {handle}"))
        return handle

    def modify_entry(self, table: str, entry: TableEntry) -> None:
        """As in Dataplane."""
        super().modify_entry(table, entry)
        self._told(self._text.entry(table, entry, "changed"))

    def delete_entry(self, table: str, key: Key, priority: int = 0) -> None:
        """As in Dataplane."""
        super().delete_entry(table, key, priority)
        self._told(f"Table '{table}': entry {self._text.key(table, key)} deleted")

    def clear_entries(self, table: str) -> None:
        """As in Dataplane."""
        super().clear_entries(table)
        self._told(f"Table '{table}': all entries deleted")

    def set_default(self, table: str, action: EntryAction | None) -> None:
        """As in Dataplane."""
        super().set_default(table, action)
        self._told(f"Table '{table}': default action {self._text.action(table, action)}")

    # -- action profiles --------------------------------------------------------------------------

    def insert_member(self, profile: str, member: Member) -> None:
        """As in Dataplane."""
        super().insert_member(profile, member)
        self._told(self._text.member(profile, member, "added"))

    def modify_member(self, profile: str, member: Member) -> None:
        """As in Dataplane."""
        super().modify_member(profile, member)
        self._told(self._text.member(profile, member, "changed"))

    def delete_member(self, profile: str, member_id: int) -> None:
        """As in Dataplane."""
        super().delete_member(profile, member_id)
        self._told(f"Action profile '{profile}': member {member_id} deleted")

    def insert_group(self, profile: str, group: Group) -> None:
        """As in Dataplane."""
        super().insert_group(profile, group)
        self._told(_group(profile, group, "added"))

    def modify_group(self, profile: str, group: Group) -> None:
        """As in Dataplane."""
        super().modify_group(profile, group)
        self._told(_group(profile, group, "changed"))

    def delete_group(self, profile: str, group_id: int) -> None:
        """As in Dataplane."""
        super().delete_group(profile, group_id)
        self._told(f"Action profile '{profile}': group {group_id} deleted")

    # -- multicast groups and clone sessions ------------------------------------------------------

    @contextmanager
    def _replicating(self) -> Iterator[Replication]:
        """As in Dataplane; logs which groups and sessions changed."""
        with super()._replicating() as replication:
            groups, sessions = dict(replication.groups), dict(replication.sessions)
            yield replication
            for number, done, replicas in _differences(groups, replication.groups):
                self._told(f"Multicast group {number} {done}{replicas}")
            for number, done, replicas in _differences(sessions, replication.sessions):
                self._told(f"Clone session {number} {done}{replicas}")


class _Replicated(Protocol):
    @property
    def replicas(self) -> tuple[Replica, ...]: ...


def _differences(
    before: Mapping[int, _Replicated], after: Mapping[int, _Replicated]
) -> Iterator[tuple[int, str, str]]:
    """The number of each that is another one, what was done, and its replicas."""
    for number, found in after.items():
        if (old := before.get(number)) is not found and old != found:
            done = "added" if old is None else "changed"
            yield number, done, f": {_replicas(found.replicas)}"
    for number in before.keys() - after.keys():
        yield number, "deleted", ""


class _Texts:
    """Texts about the entries of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._phrases = Phrases(program)

    def _table(self, name: str) -> Table:
        return self.program.tables[name]

    def key(self, table: str, key: Key) -> str:
        """The matches of a key, as a hit shows them."""
        pairs = zip(self._table(table).key, key, strict=True)
        return ", ".join(f"{field.name} {match_format(field)(match)}" for field, match in pairs)

    def entry(self, table: str, entry: TableEntry, done: str) -> str:
        """An entry, and what was done with it."""
        spec = self._table(table)
        order = rank(entry.priority, entry.opaque) if spec.match_type in RANKED else ""
        what = f"entry {self.key(table, entry.key)}{order} {done}"
        return f"Table '{table}': {what}: {self.action(table, entry.action)}"

    def action(self, table: str, action: EntryAction | None) -> str:
        """What an entry or default entry does."""
        if action is None:
            return "as the program has it"
        if isinstance(action, MemberRef):
            return f"member {action.member_id}"
        if isinstance(action, GroupRef):
            return f"group {action.group_id}"
        if isinstance(action, ActionSet):
            calls = [f"{self.action(table, each.action)}" for each in action.actions]
            return f"one of {', '.join(calls) or 'no actions'}"
        return self._call(action, self._table(table).actions)

    def member(self, profile: str, member: Member, done: str) -> str:
        """A member, and what was done with it."""
        tables = [t for t in self.program.tables.values() if t.action_profile == profile]
        ids = [number for table in tables for number in table.actions]
        call = self._call(member.action, ids)
        return f"Action profile '{profile}': member {member.member_id} {done}: {call}"

    def _call(self, call: ActionCall, ids: Sequence[int]) -> str:
        offered: list[Action] = [self.program.actions[number] for number in ids]
        action = next((each for each in offered if each.name == call.name), None)
        if action is None or len(action.params) != len(call.params):
            return f"{call.name}({', '.join(map(str, call.params))})"
        return self._phrases.call(action)(call.params)


def _group(profile: str, group: Group, done: str) -> str:
    members = ", ".join(f"member {each.member_id}" for each in group.members) or "no members"
    return f"Action profile '{profile}': group {group.group_id} {done}: {members}"


def _replicas(replicas: Sequence[Replica]) -> str:
    return ", ".join(f"port {r.port} (instance {r.instance})" for r in replicas) or "no replicas"
