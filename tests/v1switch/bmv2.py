"""The engine BMv2: simple_switch_grpc in a sandbox, with capture files for its ports."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness import PATIENCE, Sandbox, SandboxError, poll
from tests.switch.harness_captures import GAP_US, CaptureTarget, record
from tests.switch.harness_client import INSERT, MODIFY, Count, SwitchClient
from tests.switch.harness_p4info import OPTIONAL
from tests.switch.harness_p4info import Match as Key
from tests.switch.harness_p4info import Path as Choice
from tests.switch.harness_targets import BMV2, CPU_PORT, THRIFT_PORT
from tests.v1switch.bmv2_thrift import Thrift, ThriftError
from tests.v1switch.cases import Answer, Entries, Frame
from tests.v1switch.engines import WIDEST_REGISTER
from v1switch.program import Program, load_file
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    Exact,
    GroupRef,
    Lpm,
    Match,
    MemberRef,
    MeterConfig,
    Range,
    TableEntry,
)

QUEUE = 1 << 16  # frames
QUIET_S = 0.5  # without another frame for so long, the output is complete
POLL_S = 0.02
SOME_PORTS = range(16)  # exist in any case, so that unexpected frames are seen as well


class Writer:
    """Writes entries through P4Runtime (value sets: Thrift)."""

    def __init__(self, program: Program, client: SwitchClient, entries: Entries) -> None:
        self.program = program
        self.client = client
        self.entries = entries

    def _params(self, call: ActionCall) -> dict[str, int]:
        found = (a for a in self.program.actions.values() if a.name == call.name)
        return dict(zip((p.name for p in next(found).params), call.params, strict=True))

    def key(self, table: str, entry: TableEntry) -> Key:
        """An entry's key by the names of the fields; a match of any value is omitted."""
        declared = self.client.names.get("tables", table).match_fields
        optional = {f.name for f in declared if f.match_type == OPTIONAL}
        fields = zip(self.program.tables[table].key, entry.key, strict=True)
        found = {f.name: _value(f.name in optional, f.width, m) for f, m in fields}
        return {name: value for name, value in found.items() if value is not None}

    def _insert(self, table: str, entry: TableEntry) -> None:
        action, key = entry.action, self.key(table, entry)
        if isinstance(action, ActionCall):
            params = self._params(action)
            self.client.insert(table, key, action.name, params, priority=entry.priority)
        elif isinstance(action, MemberRef):
            self.client.insert(table, key, member=action.member_id, priority=entry.priority)
        elif isinstance(action, GroupRef):
            self.client.insert(table, key, group=action.group_id, priority=entry.priority)
        elif isinstance(action, ActionSet):
            paths = [
                Choice(item.action.name, self._params(item.action), item.weight)
                for item in action.actions
            ]
            self.client.insert(table, key, paths, priority=entry.priority)

    def _profiles(self) -> Iterator[rt.Entity]:
        names = self.client.names
        for profile, member in self.entries.members:
            entity = rt.Entity()
            made = entity.action_profile_member
            made.action_profile_id = names.id("action_profiles", profile)
            made.member_id = member.member_id
            made.action.CopyFrom(names.action(member.action.name, self._params(member.action)))
            yield entity
        for profile, group in self.entries.groups:
            entity = rt.Entity()
            entity.action_profile_group.action_profile_id = names.id("action_profiles", profile)
            entity.action_profile_group.group_id = group.group_id
            for item in group.members:
                entity.action_profile_group.members.add(
                    member_id=item.member_id, weight=item.weight
                )
            yield entity

    def _meters(self) -> Iterator[rt.Entity]:
        for meter, index, config in self.entries.meters:
            entity = rt.Entity()
            entity.meter_entry.meter_id = self.client.names.id("meters", meter)
            entity.meter_entry.index.index = index
            _configure(entity.meter_entry.config, config)
            yield entity
        for number, config in self.entries.direct_meters:
            table, entry = self.entries.tables[number]
            entity = rt.Entity()
            key = self.client.names.entry(table, self.key(table, entry), priority=entry.priority)
            entity.direct_meter_entry.table_entry.CopyFrom(key)
            _configure(entity.direct_meter_entry.config, config)
            yield entity

    def write(self, thrift: Thrift) -> None:
        """Write everything."""
        for entity in self._profiles():
            self.client.write(INSERT, entity)
        for table, entry in self.entries.tables:
            self._insert(table, entry)
        for table, call in self.entries.defaults:
            self.client.set_default(table, call.name, self._params(call))
        for group in self.entries.multicast:
            pairs = [(r.port, r.instance) for r in group.replicas]
            self.client.multicast_group(group.group_id, pairs)
        for session in self.entries.clones:
            pairs = [(r.port, r.instance) for r in session.replicas]
            self.client.clone_session(session.session_id, pairs)
        for entity in self._meters():
            self.client.write(MODIFY, entity)
        for digest in self.client.names.p4info.digests:
            self.client.enable_digest(digest.preamble.name)
        for name, value in self.entries.value_sets:
            width = self.program.value_sets[name].width
            thrift.add_to_value_set(name, value.to_bytes((width + 7) // 8, "big"))


def _configure(message: rt.MeterConfig, config: MeterConfig) -> None:
    message.cir, message.cburst = config.cir, config.cburst
    message.pir, message.pburst = config.pir, config.pburst


def _value(optional: bool, width: int, match: Match) -> int | tuple[int, int] | None:
    if isinstance(match, Exact):
        return match.value
    if isinstance(match, Lpm):
        return (match.value, match.prefix_len) if match.prefix_len else None
    if isinstance(match, Range):
        whole = (match.low, match.high) == (0, (1 << width) - 1)
        return None if whole else (match.low, match.high)
    if not match.mask:
        return None
    return match.value if optional else (match.value, match.mask)


def engine(sandbox: Sandbox) -> Callable[[Path, Entries, Sequence[Frame]], Answer]:
    """BMv2 in a sandbox, as an engine."""

    def run(program: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
        return _run(sandbox, program, entries, frames)

    return run


def _run(sandbox: Sandbox, path: Path, entries: Entries, frames: Sequence[Frame]) -> Answer:
    target = CaptureTarget(BMV2, sandbox)
    target.ports = sorted({*SOME_PORTS, *(port for port, _ in frames)})
    program = load_file(path)
    with ExitStack() as stack:
        pipes = target.pipes(stack)
        stack.callback(target.stop)
        target.start()
        thrift = poll(lambda: _thrift(sandbox, stack), "BMv2 answers Thrift")
        client = stack.enter_context(SwitchClient(target.address))
        client.load(path.with_suffix(".p4info.txtpb"), path)
        writer = Writer(program, client, entries)
        writer.write(thrift)
        for number, (port, frame) in enumerate(frames):
            pipes[port].write(record(number, frame))
        for pipe in pipes.values():
            pipe.close()
        answer = Answer()
        _settle(target, client, answer, len(frames))
        assert target.alive(), f"BMv2 ended with {sandbox.exit_status(target.pid)}\n{target.tail()}"
        _state(program, writer, thrift, answer)
    return answer


def _thrift(sandbox: Sandbox, stack: ExitStack) -> Thrift | None:
    """BMv2's Thrift server with all its services, or None while it still starts."""
    with ExitStack() as tried:
        try:
            thrift = Thrift(tried.enter_context(closing(sandbox.connect(THRIFT_PORT))))
            thrift.deep_queues(QUEUE)
        except (SandboxError, ThriftError):
            return None
        stack.push(tried.pop_all())
        return thrift


def _settle(target: CaptureTarget, client: SwitchClient, answer: Answer, frames: int) -> None:
    """Collect frames, packet-ins and digests until none arrives for a while."""
    out: dict[int, list[bytes]] = {}
    controller: list[bytes] = []
    now = time.monotonic()
    fed = changed = now + frames * GAP_US / 1e6  # the last frame has come in
    while now < changed + QUIET_S:
        time.sleep(POLL_S)
        now = time.monotonic()
        before, out = out, target.captured()
        arrived, learned = _packet_ins(client), _digests(client, answer)
        controller += arrived
        if before != out or arrived or learned:
            changed = max(now, fed)
        assert now < fed + PATIENCE, "there is no end of frames"
    answer.frames = {port: found for port, found in out.items() if found}
    if controller:
        answer.frames[CPU_PORT] = controller


def _packet_ins(client: SwitchClient) -> list[bytes]:
    """Packet-ins that have arrived, with the header in front as the deparser emitted it."""
    found = []
    inbox = client.inbox("packet")
    while not inbox.empty():
        packet = inbox.get()
        header = client.names.get("controller_packet_metadata", "packet_in")
        values = {m.metadata_id: int.from_bytes(m.value, "big") for m in packet.metadata}
        number = bits = 0
        for item in header.metadata:
            number, bits = number << item.bitwidth | values.get(item.id, 0), bits + item.bitwidth
        found.append(number.to_bytes(bits // 8, "big") + packet.payload)
    return found


def _digests(client: SwitchClient, answer: Answer) -> bool:
    """Take the digests that have arrived; returns whether there were any."""
    names = {d.preamble.id: d.preamble.name for d in client.names.p4info.digests}
    found = False
    while True:
        try:
            digest = client.inbox("digest").get_nowait()
        except queue.Empty:
            return found
        found = True
        message = rt.StreamMessageRequest()
        message.digest_ack.digest_id, message.digest_ack.list_id = digest.digest_id, digest.list_id
        client.send(message)
        known = answer.digests.setdefault(names[digest.digest_id], [])
        for data in digest.data:
            members = data.struct.members or [data]
            values = tuple(int.from_bytes(m.bitstring, "big") for m in members)
            if values not in known:
                known.append(values)


def _state(program: Program, writer: Writer, thrift: Thrift, answer: Answer) -> None:
    """Read counters and registers."""
    client = writer.client
    for name, counter in program.counters.items():
        if counter.binding is None:
            cells: dict[int, Count] = client.counters(name)
            answer.counters[name] = {i: tuple(c) for i, c in cells.items()}
    answer.direct = _direct_counters(program, writer)
    for name, register in program.registers.items():
        if register.width <= WIDEST_REGISTER:
            answer.registers[name] = thrift.registers(name)


def _direct_counters(program: Program, writer: Writer) -> dict[int, tuple[int, int]]:
    """Read tables' direct counters whole: an entry that matches anything cannot be read alone."""
    found: dict[bytes, tuple[int, int]] = {}
    for table in program.tables.values():
        if table.with_counters:
            request = rt.Entity()
            wanted = request.direct_counter_entry.table_entry
            wanted.table_id = writer.client.names.id("tables", table.name)
            for entity in writer.client.read(request):
                cell = entity.direct_counter_entry
                count = (cell.data.packet_count, cell.data.byte_count)
                found[_identity(cell.table_entry)] = count
    answer = {}
    for number, (name, entry) in enumerate(writer.entries.tables):
        if program.tables[name].with_counters:
            key = writer.key(name, entry)
            message = writer.client.names.entry(name, key, priority=entry.priority)
            answer[number] = found[_identity(message)]
    return answer


def _identity(entry: rt.TableEntry) -> bytes:
    """What identifies an entry."""
    stripped = rt.TableEntry(table_id=entry.table_id, priority=entry.priority)
    stripped.match.extend(sorted(entry.match, key=lambda field: int(field.field_id)))
    return bytes(stripped.SerializeToString())
