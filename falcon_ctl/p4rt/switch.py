"""A switch and the entities that it should hold: only differences are written."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
from p4.v1 import p4runtime_pb2

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt import readback
from falcon_ctl.p4rt.client import BATCH, REQUEST_SECONDS, Client
from falcon_ctl.p4rt.entities import ORDER, Entity, Entry
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.stream import LISTS

_Update = p4runtime_pb2.Update
_BUSY = 2 * REQUEST_SECONDS  # s until a request that waits for others gives up
_LISTEN = 0.2  # s that the learning thread waits for a digest before it looks whether to end


class Learner(Protocol):
    """Turns the digests of one switch into entries; it bounds how many wait and how many exist."""

    def report(self, name: str, structs: Sequence[Sequence[bytes]]) -> None:
        """Take a digest list: the digest's name, and the members of each message."""

    def changes(self, limit: int) -> tuple[list[Entity], list[Entity]]:
        """Up to `limit` entries to be written, and entries that must go to make room."""


Entities = dict[tuple[Any, ...], Entity]


@dataclass(frozen=True)
class SavedState:
    """The state in which a session left a switch: entities by key, and the session's election id.

    Only the primary writes, and a switch remembers the highest election id: while it still takes
    this one for a primary's, no controller has written since, and nothing has to be read back.
    """

    election_id: int
    desired: Entities
    learned: Entities


def difference(old: Entities, new: Entities) -> list[list[tuple[int, Entity]]]:
    """Batches of updates `(type, entity)` that turn `old` into `new` without dangling.

    A switch may apply one batch in any order (P4Runtime specification, section 12), so an entity
    is inserted in an earlier batch, and removed in a later one, than those that refer to it.
    """
    changed = [entity for key, entity in new.items() if old.get(key) != entity]
    gone = [e for key, e in old.items() if key not in new and not _is_default(e)]
    batches = [
        [(_Update.MODIFY if e.key in old or _is_default(e) else _Update.INSERT, e) for e in of_kind]
        for kind in ORDER
        if (of_kind := [e for e in changed if isinstance(e, kind)])
    ]
    return batches + [
        [(_Update.DELETE, e) for e in of_kind]
        for kind in reversed(ORDER)
        if (of_kind := [e for e in gone if isinstance(e, kind)])
    ]


def _is_default(entity: Entity) -> bool:
    """Default actions always exist: they are modified, never inserted or deleted."""
    return isinstance(entity, Entry) and entity.default


class Switch:
    """A session with one switch, and the entities that were written to it."""

    def __init__(self, client: Client, schema: Schema) -> None:
        self.name = client.switch
        self.client = client
        self.schema = schema
        self._desired: Entities = {}
        self._learned: Entities = {}
        self._lock = threading.Lock()
        self._learner: threading.Thread | None = None
        self._stop = threading.Event()
        self.learning_error: SwitchError | None = None
        self._is_known = False  # that it holds what `_desired` and `_learned` say

    def push_pipeline(self, p4info: Path, program: Path) -> None:
        """Load the program; the switch is empty afterwards."""
        with self._alone():
            self.client.push_pipeline(p4info, program)
            self._desired, self._learned = {}, {}
            self._is_known = True

    def adopt(self, learned: str) -> list[Entry]:
        """Take over what the switch holds, as if we had written it.

        Returns:
            The entries of the table `learned`, which are those that were learned.
        """
        with self._alone():
            read = self.client.read(readback.requests(self.schema))
            found = [readback.entity_of(message, self.schema) for message in read]
            held = {entity.key: entity for entity in found if entity is not None}
            entries = [e for e in held.values() if isinstance(e, Entry) and e.table == learned]
            self._learned = {entry.key: entry for entry in entries}
            self._desired = {key: e for key, e in held.items() if key not in self._learned}
            self._is_known = True
        return entries

    def resume(self, left: SavedState) -> list[Entry]:
        """As `adopt`, of what an earlier session left, without reading it back."""
        with self._alone():
            self._desired, self._learned = dict(left.desired), dict(left.learned)
            self._is_known = True
        return [entity for entity in left.learned.values() if isinstance(entity, Entry)]

    @property
    def left(self) -> SavedState | None:
        """What the session, which is closed, left the switch with; None when that is not known."""
        if not self._is_known or self.learning_error is not None:
            return None
        return SavedState(self.client.election_id, self._desired, self._learned)

    def held(self) -> list[Any]:
        """All that the switch holds of what controllers write, as p4.v1.Entity messages."""
        with self._alone():
            return list(self.client.read(readback.requests(self.schema)))

    def apply(self, entities: Iterable[Entity]) -> int:
        """Make the switch hold exactly `entities`, in addition to learned ones.

        Returns:
            Number of updates that were needed.
        """
        new = {entity.key: entity for entity in map(readback.plain, entities)}
        with self._alone():
            taken = {key: e for key, e in self._learned.items() if key in new}
            batches = difference(self._desired | taken, new)
            self._write(batches)
            self._desired = new
            self._learned = {k: e for k, e in self._learned.items() if k not in new}
        return sum(len(batch) for batch in batches)

    def lacking(self, entities: Iterable[Entity]) -> int:
        """How many updates `apply` would need; nothing is written."""
        new = {entity.key: entity for entity in map(readback.plain, entities)}
        with self._alone():
            taken = {key: e for key, e in self._learned.items() if key in new}
            return sum(len(batch) for batch in difference(self._desired | taken, new))

    def forget(self, entities: Iterable[Entity]) -> None:
        """Remove learned entries."""
        self._write_learned((), list(entities))

    def learn(self, learner: Learner) -> None:
        """Start to feed each digest to `learner`, and to write what it wants."""
        self._learner = threading.Thread(
            target=self._learn, args=(learner,), name=f"learn-{self.name}", daemon=True
        )
        self._learner.start()

    @property
    def learned(self) -> list[Entity]:
        """Entities that the switch holds because they were learned."""
        with self._alone():
            return list(self._learned.values())

    def packets(self, cells: Mapping[str, Iterable[int]]) -> dict[str, dict[int, int]]:
        """Packet counts of these cells of indirect counters: counter's name → index → packets."""
        names = {self.schema.counter(name): name for name in cells}
        wanted = []
        for counter_id, name in names.items():
            for index in cells[name]:
                entity = p4runtime_pb2.Entity()
                entity.counter_entry.counter_id = counter_id
                entity.counter_entry.index.index = index
                wanted.append(entity)
        found: dict[str, dict[int, int]] = {name: {} for name in cells}
        for entity in self.client.read(wanted):
            entry = entity.counter_entry
            found[names[entry.counter_id]][entry.index.index] = entry.data.packet_count
        return found

    def close(self) -> None:
        """End learning and the session; the switch keeps its entries."""
        self._stop.set()
        self.client.close()
        if self._learner is not None:
            self._learner.join(timeout=5)

    def _learn(self, learner: Learner) -> None:
        try:
            while not self._stop.is_set():
                self._listen(learner)
                while self._write_learned(*learner.changes(BATCH)) and not self._stop.is_set():
                    self._listen(learner, wait=False)
        except SwitchError as error:
            self.learning_error = error

    def _listen(self, learner: Learner, wait: bool = True) -> None:
        """Pass on the digests that have arrived, at most as many as the stream keeps."""
        digests = self.client.next_digest(_LISTEN if wait else 0)
        for _ in range(LISTS):
            if digests is None:
                return
            structs = [[member.bitstring for member in d.struct.members] for d in digests.data]
            learner.report(self.schema.digest_name(digests.digest_id), structs)
            self.client.ack(digests)
            digests = self.client.next_digest(0)

    def _write_learned(self, new: Sequence[Entity], gone: Sequence[Entity]) -> bool:
        """Replace learned entries; whether there was anything to do."""
        with self._alone():
            out = {e.key: e for e in gone if e.key in self._learned}
            wanted = {e.key: e for e in map(readback.plain, new) if e.key not in self._desired}
            old = {key: self._learned[key] for key in wanted if key in self._learned}
            removed = [(_Update.DELETE, entity) for entity in out.values()]
            self._write([removed + [u for batch in difference(old, wanted) for u in batch]])
            self._learned = {k: e for k, e in self._learned.items() if k not in out} | wanted
        return bool(new)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads' requests apart from this one's."""
        if not self._lock.acquire(timeout=_BUSY):
            message = f"another request has not ended within {_BUSY:g} s"
            raise SwitchError(self.name, grpc.StatusCode.DEADLINE_EXCEEDED, message)
        try:
            yield
        finally:
            self._lock.release()

    def _write(self, batches: list[list[tuple[int, Entity]]]) -> None:
        known, self._is_known = self._is_known, False
        for batch in batches:
            self.client.write(
                _Update(type=kind, entity=entity.message(self.schema)) for kind, entity in batch
            )
        self._is_known = known
