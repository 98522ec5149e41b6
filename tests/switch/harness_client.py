"""A P4Runtime client for tests, by names; it hides nothing and retries nothing.

Unknown names are KeyErrors; a refusal of the switch is `Refused`, with the canonical code of each
update.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any, NamedTuple

import grpc
from google.protobuf import text_format
from google.rpc import code_pb2, status_pb2
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt
from p4.v1 import p4runtime_pb2_grpc
from typing_extensions import Self

from tests.switch.harness import PATIENCE, SandboxError
from tests.switch.harness_p4info import Match, Names, Params, Path, Value, canonical

INSERT, MODIFY, DELETE = rt.Update.INSERT, rt.Update.MODIFY, rt.Update.DELETE
RPC_TIMEOUT = 20.0


class Refused(Exception):
    """The switch refused a request.

    Attributes:
        code: gRPC's status code.
        details: its message.
        updates: for a batch, the (canonical code, message) of every update.
    """

    def __init__(self, error: grpc.RpcError) -> None:
        self.code: grpc.StatusCode = error.code()
        self.details: str = error.details() or ""
        self.updates = list(_update_errors(error))
        names = [code_pb2.Code.Name(code) for code, _ in self.updates]
        super().__init__(f"{self.code.name}: {self.details} {names} {[m for _, m in self.updates]}")

    def update_codes(self) -> list[str]:
        """Return the names of the canonical codes, one per update."""
        return [code_pb2.Code.Name(code) for code, _ in self.updates]


def _update_errors(error: grpc.RpcError) -> Iterator[tuple[int, str]]:
    trailer: Any = error.trailing_metadata()  # its stub does not know that it is pairs
    for key, value in trailer or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                one = rt.Error()
                if detail.Unpack(one):
                    yield one.canonical_code, one.message


class Count(NamedTuple):
    """What a counter holds."""

    packets: int
    bytes: int


class PacketIn(NamedTuple):
    """A packet-in."""

    payload: bytes
    metadata: dict[str, int]


class SwitchClient:
    """A session with one switch. Enter it to become its controller.

    Args:
        address: in gRPC's notation, e.g. "unix:/path".
        election_id: the higher one becomes primary.
        role: a role's name; empty is the full-access role.
    """

    def __init__(
        self, address: str, *, device_id: int = 1, election_id: int = 1, role: str = ""
    ) -> None:
        self.device_id = device_id
        self.election_id = rt.Uint128(low=election_id)
        self.role = role
        self.names = Names(p4info_pb2.P4Info())
        self.arbitration = rt.MasterArbitrationUpdate()
        self._channel = grpc.insecure_channel(address)
        self.stub = p4runtime_pb2_grpc.P4RuntimeStub(self._channel)
        self._requests: queue.Queue[rt.StreamMessageRequest | None] = queue.Queue()
        self._inbox: dict[str, queue.Queue[Any]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._stream: Any = None

    def __enter__(self) -> Self:
        """Open the stream and wait for the switch's answer to our election id."""
        self._stream = self.stub.StreamChannel(iter(self._requests.get, None))
        self._reader.start()
        self.arbitrate()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session."""
        self._requests.put(None)
        self._stream.cancel()
        self._reader.join(PATIENCE)
        self._channel.close()

    # ---- the stream --------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            for message in self._stream:
                kind = message.WhichOneof("update")
                self.inbox(kind).put(getattr(message, kind))
        except grpc.RpcError as error:
            self.inbox("closed").put(error)

    def inbox(self, kind: str) -> "queue.Queue[Any]":
        """Return the queue of one kind of stream message: its name in StreamMessageResponse."""
        return self._inbox.setdefault(kind, queue.Queue())

    def next(self, kind: str, patience: float = PATIENCE) -> Any:
        """Return the next stream message of a kind.

        Raises:
            SandboxError: none came within `patience` seconds.
        """
        try:
            return self.inbox(kind).get(timeout=patience)
        except queue.Empty:
            raise SandboxError(f"no {kind} from the switch within {patience} s") from None

    def send(self, message: rt.StreamMessageRequest) -> None:
        """Put a message on the stream."""
        self._requests.put(message)

    def arbitrate(self, election_id: int | None = None) -> rt.MasterArbitrationUpdate:
        """Announce our election id (or a new one) and return the switch's answer."""
        if election_id is not None:
            self.election_id = rt.Uint128(low=election_id)
        message = rt.StreamMessageRequest()
        message.arbitration.device_id = self.device_id
        message.arbitration.election_id.CopyFrom(self.election_id)
        if self.role:
            message.arbitration.role.name = self.role
        self.send(message)
        self.arbitration = self.next("arbitration")
        return self.arbitration

    @property
    def is_primary(self) -> bool:
        """Whether the last answer made us the primary controller."""
        return bool(self.arbitration.status.code == code_pb2.OK)

    def packet_out(self, payload: bytes, **metadata: Value) -> None:
        """Send a frame through the switch's CPU port."""
        header = self.names.get("controller_packet_metadata", "packet_out")
        message = rt.StreamMessageRequest()
        message.packet.payload = payload
        for field in header.metadata:
            value = canonical(metadata.get(field.name, 0))
            message.packet.metadata.add(metadata_id=field.id, value=value)
        self.send(message)

    def next_packet_in(self, patience: float = PATIENCE) -> PacketIn:
        """Return the next packet-in."""
        packet = self.next("packet", patience)
        header = self.names.get("controller_packet_metadata", "packet_in")
        names = {field.id: field.name for field in header.metadata}
        fields = {names[m.metadata_id]: int.from_bytes(m.value, "big") for m in packet.metadata}
        return PacketIn(packet.payload, fields)

    def enable_digest(
        self, name: str, *, timeout_ns: int = 0, batch: int = 1, ack_timeout_ns: int = 0
    ) -> None:
        """Subscribe to a digest."""
        entity = rt.Entity()
        entity.digest_entry.digest_id = self.names.id("digests", name)
        entity.digest_entry.config.max_timeout_ns = timeout_ns
        entity.digest_entry.config.max_list_size = batch
        entity.digest_entry.config.ack_timeout_ns = ack_timeout_ns
        self.write(INSERT, entity)

    def next_digest(self, patience: float = PATIENCE, *, ack: bool = True) -> list[tuple[int, ...]]:
        """Return the next list of digests, each the values of its struct's members in order."""
        digest = self.next("digest", patience)
        if ack:
            message = rt.StreamMessageRequest()
            message.digest_ack.digest_id = digest.digest_id
            message.digest_ack.list_id = digest.list_id
            self.send(message)
        return [
            tuple(int.from_bytes(member.bitstring, "big") for member in data.struct.members)
            for data in digest.data
        ]

    # ---- pipeline ----------------------------------------------------------------------------

    def load(self, p4info: FilePath, config: FilePath, action: str = "VERIFY_AND_COMMIT") -> None:
        """Push a program; names are those of its P4Info from then on."""
        names = Names(text_format.Parse(p4info.read_text(), p4info_pb2.P4Info()))
        request = rt.SetForwardingPipelineConfigRequest(device_id=self.device_id, role=self.role)
        request.election_id.CopyFrom(self.election_id)
        request.action = rt.SetForwardingPipelineConfigRequest.Action.Value(action)
        request.config.p4info.CopyFrom(names.p4info)
        request.config.p4_device_config = config.read_bytes()
        self._call(self.stub.SetForwardingPipelineConfig, request)
        self.names = names

    # ---- write -------------------------------------------------------------------------------

    def write(self, kind: int, *entities: rt.Entity, atomicity: int = 0) -> None:
        """Write a batch of one kind of update; what the switch refuses is `Refused`."""
        request = rt.WriteRequest(device_id=self.device_id, role=self.role)
        request.election_id.CopyFrom(self.election_id)
        request.atomicity = atomicity
        for entity in entities:
            request.updates.add(type=kind, entity=entity)
        self._call(self.stub.Write, request)

    def insert(
        self,
        table: str,
        match: Match,
        action: str | Sequence[Path] | None = None,
        params: Params | None = None,
        **options: int,
    ) -> None:
        """Insert a table entry; `options` are those of `Names.entry`."""
        entry = self.names.entry(table, match, action, params, **options)
        self.write(INSERT, rt.Entity(table_entry=entry))

    def modify(
        self,
        table: str,
        match: Match,
        action: str | Sequence[Path] | None = None,
        params: Params | None = None,
        **options: int,
    ) -> None:
        """Change a table entry."""
        entry = self.names.entry(table, match, action, params, **options)
        self.write(MODIFY, rt.Entity(table_entry=entry))

    def delete(self, table: str, match: Match, *, priority: int = 0) -> None:
        """Remove a table entry."""
        entry = self.names.entry(table, match, priority=priority)
        self.write(DELETE, rt.Entity(table_entry=entry))

    def set_default(self, table: str, action: str, params: Params | None = None) -> None:
        """Change a table's default action."""
        entry = self.names.entry(table, None, action, params)
        self.write(MODIFY, rt.Entity(table_entry=entry))

    def multicast_group(
        self, number: int, replicas: Sequence[tuple[int, int]], kind: int = INSERT
    ) -> None:
        """Write a multicast group of (egress port, instance)."""
        made = self.names.group(number, replicas)
        self.write(kind, rt.Entity(packet_replication_engine_entry=made))

    def clone_session(
        self, number: int, replicas: Sequence[tuple[int, int]], kind: int = INSERT
    ) -> None:
        """Write a clone session of (egress port, instance)."""
        made = self.names.clone_session(number, replicas)
        self.write(kind, rt.Entity(packet_replication_engine_entry=made))

    def set_direct_meter(self, table: str, match: Match, rates: tuple[int, int, int, int]) -> None:
        """Configure a table entry's meter: (CIR, CBS, PIR, PBS), per second and in units."""
        entity = rt.Entity()
        meter = entity.direct_meter_entry
        meter.table_entry.CopyFrom(self.names.entry(table, match))
        meter.config.cir, meter.config.cburst, meter.config.pir, meter.config.pburst = rates
        self.write(MODIFY, entity)

    def unset_direct_meter(self, table: str, match: Match) -> None:
        """Reset a table entry's meter to its default: all packets are green."""
        entity = rt.Entity()
        entity.direct_meter_entry.table_entry.CopyFrom(self.names.entry(table, match))
        self.write(MODIFY, entity)

    # ---- read --------------------------------------------------------------------------------

    def read(self, *entities: rt.Entity) -> list[rt.Entity]:
        """Read entities; unset fields are wildcards."""
        request = rt.ReadRequest(device_id=self.device_id, role=self.role, entities=entities)
        return list(self._call(_all_entities, self.stub, request))

    def entries(self, table: str) -> list[rt.TableEntry]:
        """Read all entries of a table, without its default."""
        asked = rt.Entity()
        asked.table_entry.table_id = self.names.id("tables", table)
        return [entity.table_entry for entity in self.read(asked)]

    def counter(self, name: str, index: int) -> Count:
        """Read one cell of an indirect counter."""
        asked = rt.Entity()
        asked.counter_entry.counter_id = self.names.id("counters", name)
        asked.counter_entry.index.index = index
        (found,) = self.read(asked)
        data = found.counter_entry.data
        return Count(data.packet_count, data.byte_count)

    def counters(self, name: str) -> dict[int, Count]:
        """Read all cells of an indirect counter that are not zero."""
        asked = rt.Entity()
        asked.counter_entry.counter_id = self.names.id("counters", name)
        cells = (entity.counter_entry for entity in self.read(asked))
        return {
            cell.index.index: Count(cell.data.packet_count, cell.data.byte_count)
            for cell in cells
            if cell.data.packet_count
        }

    def direct_counter(self, table: str, match: Match, *, priority: int = 0) -> Count:
        """Read the counter of one table entry."""
        asked = rt.Entity()
        entry = self.names.entry(table, match, priority=priority)
        asked.direct_counter_entry.table_entry.CopyFrom(entry)
        (found,) = self.read(asked)
        data = found.direct_counter_entry.data
        return Count(data.packet_count, data.byte_count)

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            if function is _all_entities:
                return function(*arguments)
            return function(*arguments, timeout=RPC_TIMEOUT)
        except grpc.RpcError as error:
            raise Refused(error) from None


def _all_entities(
    stub: p4runtime_pb2_grpc.P4RuntimeStub, request: rt.ReadRequest
) -> Iterable[rt.Entity]:
    return [
        entity
        for response in stub.Read(request, timeout=RPC_TIMEOUT)
        for entity in response.entities
    ]
