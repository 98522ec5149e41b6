"""Unsolicited messages to clients: packet-in, digests, idle timeouts.

Packets and digests come from the packet loop, which must not block: it only takes a short lock and
appends to queues. The notifier's own thread handles the timeouts of digest lists and looks for idle
entries.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from functools import partial

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.p4runtime.entities.table_entries import encode_idle
from v1switch.p4runtime.idle import IdleWatch
from v1switch.p4runtime.packetio import from_frame
from v1switch.p4runtime.schema import ControllerHeader, Digest, Schema
from v1switch.p4runtime.session import Session
from v1switch.state.digests import DigestConfig, DigestList, DigestLists
from v1switch.state.entries import DigestSample

IDLE_SCAN_NS = 100_000_000  # interval between scans for idle entries

log = logging.getLogger(__name__)


class Notifier:
    """Sends notifications to the primary clients."""

    def __init__(self, plane: Dataplane) -> None:
        """Subscribe to a data plane's packets and digests."""
        self._plane = plane
        self._receivers: tuple[Session, ...] = ()
        self._schema = Schema()
        self._idle_tables = False
        self._idle = IdleWatch(plane)
        self._changed = threading.Condition()  # guards the digest lists
        self._lists: dict[int, DigestLists] = {}
        self._digests: dict[str, Digest] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="p4rt-notifier", daemon=True)
        plane.on_packet_in = self._packet_in
        plane.on_digest = self._learn

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Unsubscribe and end the thread."""
        self._plane.on_packet_in = self._plane.on_digest = None
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def set_receivers(self, receivers: tuple[Session, ...]) -> None:
        """Set the receivers: the primary of each role."""
        with self._changed:
            if receivers != self._receivers:
                for lists in self._lists.values():
                    lists.forget()
            self._receivers = receivers

    def use(self, schema: Schema) -> None:
        """Switch to the schema of a pipeline that has just been committed."""
        with self._changed:
            self._lists = {}
            self._digests = {}
            self._idle = IdleWatch(self._plane)
            self._schema = schema
            self._idle_tables = any(table.idle_timeout for table in schema.tables.values())
            self._changed.notify()

    def configure(self, configs: Mapping[int, DigestConfig]) -> None:
        """Set the digests that are reported, with their configurations by id."""
        with self._changed:
            for digest_id in set(self._lists) - set(configs):
                del self._lists[digest_id]
            for digest_id, config in configs.items():
                self._lists.setdefault(digest_id, DigestLists(config)).config = config
            digests = self._schema.digests
            self._digests = {digests[each].name: digests[each] for each in self._lists}
            self._changed.notify()

    def acknowledge(self, digest_id: int, list_id: int) -> bool:
        """Handle a DigestListAck; False when the pipeline has no such digest."""
        with self._changed:
            if digest_id in self._lists:
                self._lists[digest_id].acknowledge(list_id)
            return digest_id in self._schema.digests

    def _packet_in(self, frame: bytes) -> None:
        maker = partial(_packet_message, frame, self._schema.packet_in)
        for session in self._receivers:
            session.offer(maker)

    def _learn(self, sample: DigestSample) -> None:
        digest = self._digests.get(sample.name)
        if digest is None or not self._receivers:
            return
        with self._changed:
            lists = self._lists.get(digest.id)
            if lists is None:
                return
            waiting = lists.next_deadline()
            finished = lists.learn(sample.values, self._plane.clock())
            if finished is not None:
                self._send(digest, finished)
            if waiting is None:
                self._changed.notify()

    def _send(self, digest: Digest, finished: DigestList) -> None:
        maker = partial(_digest_message, digest, finished, time.time_ns())
        for session in self._receivers:
            session.offer(maker)

    def _run(self) -> None:
        next_scan = self._plane.clock()
        while True:
            now = self._plane.clock()
            if self._idle_tables and now >= next_scan:
                next_scan = now + IDLE_SCAN_NS
                try:
                    self._report_idle(now)
                except Exception:
                    log.exception("idle entries: internal error")
            with self._changed:
                deadline = self._advance(now)
                if self._idle_tables:
                    deadline = min(deadline or next_scan, next_scan)
                if self._stopped:
                    return
                wait = None if deadline is None else max(0, deadline - self._plane.clock()) / 1e9
                self._changed.wait(wait)

    def _advance(self, now: int) -> int | None:
        """Send lists whose timeout has expired; returns the next deadline. Called with the lock."""
        deadlines = []
        for digest in self._digests.values():
            lists = self._lists[digest.id]
            finished = lists.advance(now)
            if finished is not None:
                self._send(digest, finished)
            deadline = lists.next_deadline()
            if deadline is not None:
                deadlines.append(deadline)
        return min(deadlines, default=None)

    def _report_idle(self, now: int) -> None:
        tables = {table.name: table for table in self._schema.tables.values()}
        message = p4rt.StreamMessageResponse()
        notification = message.idle_timeout_notification
        notification.timestamp = time.time_ns()
        for name, entry in self._idle.expired(now):
            if name in tables:
                encode_idle(tables[name], entry, notification.table_entry.add())
        if notification.table_entry:
            for session in self._receivers:
                session.offer(lambda: message)


def _packet_message(
    frame: bytes, header: ControllerHeader | None
) -> p4rt.StreamMessageResponse | None:
    packet = from_frame(frame, header)
    return None if packet is None else p4rt.StreamMessageResponse(packet=packet)


def _digest_message(
    digest: Digest, finished: DigestList, timestamp: int
) -> p4rt.StreamMessageResponse:
    message = p4rt.StreamMessageResponse()
    message.digest.digest_id = digest.id
    message.digest.list_id = finished.list_id
    message.digest.timestamp = timestamp
    for values in finished.messages:
        digest.type.encode(iter(values), message.digest.data.add())
    return message
