"""A switch and the entities that it should hold: only differences are written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from p4.v1 import p4runtime_pb2

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.entities import ORDER, Entity, Entry
from falcon_ctl.p4rt.schema import Schema

_Update = p4runtime_pb2.Update
LearnCallback = Callable[[str, Sequence[Sequence[bytes]]], Iterable[Entity]]


Held = dict[tuple[Any, ...], Entity]


def difference(old: Held, new: Held) -> list[list[tuple[int, Entity]]]:
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
        self._desired: dict[tuple[Any, ...], Entity] = {}
        self._learned: dict[tuple[Any, ...], Entity] = {}
        self._lock = threading.Lock()
        self._learner: threading.Thread | None = None
        self._stop = threading.Event()
        self.learning_error: SwitchError | None = None

    def push_pipeline(self, p4info: Path, program: Path) -> None:
        """Load the program; the switch is empty afterwards."""
        self.client.push_pipeline(p4info, program)
        with self._lock:
            self._desired, self._learned = {}, {}

    def apply(self, entities: Iterable[Entity]) -> int:
        """Make the switch hold exactly `entities`, in addition to learned ones.

        Returns:
            Number of updates that were needed.
        """
        new = {entity.key: entity for entity in entities}
        with self._lock:
            taken = {key: e for key, e in self._learned.items() if key in new}
            batches = difference(self._desired | taken, new)
            self._write(batches)
            self._desired = new
            self._learned = {k: e for k, e in self._learned.items() if k not in new}
        return sum(len(batch) for batch in batches)

    def learn(self, callback: LearnCallback) -> None:
        """Start to turn each digest into entities: `callback(name, members of each)`."""
        self._learner = threading.Thread(
            target=self._learn, args=(callback,), name=f"learn-{self.name}", daemon=True
        )
        self._learner.start()

    @property
    def learned(self) -> list[Entity]:
        """Entities that the switch holds because they were learned."""
        with self._lock:
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
        if self._learner is not None:
            self._learner.join(timeout=5)
        self.client.close()

    def _learn(self, callback: LearnCallback) -> None:
        while not self._stop.is_set():
            digests = self.client.next_digest(timeout=0.2)
            if digests is None:
                continue
            try:
                self._absorb(callback, digests)
            except SwitchError as error:
                self.learning_error = error
                return

    def _absorb(self, callback: LearnCallback, digests: Any) -> None:
        name = self.schema.digest_name(digests.digest_id)
        structs = [[member.bitstring for member in d.struct.members] for d in digests.data]
        new = list(callback(name, structs))
        with self._lock:
            wanted = {e.key: e for e in new if e.key not in self._desired}
            old = {key: self._learned[key] for key in wanted if key in self._learned}
            self._write(difference(old, wanted))
            self._learned.update(wanted)
        self.client.ack(digests)

    def _write(self, batches: list[list[tuple[int, Entity]]]) -> None:
        for batch in batches:
            self.client.write(
                _Update(type=kind, entity=entity.message(self.schema)) for kind, entity in batch
            )
