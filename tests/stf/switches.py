"""The two switches that a test is run on: program and test in, frames by port out."""

import os
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tests.stf.names import entry
from tests.stf.stf import Add, Case
from tests.switch.harness import PATIENCE, Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2, Target
from tests.v1switch.both import Both
from v1switch.entries import CloneSession, Exact, Lpm, MulticastGroup, Range, Replica, TableEntry
from v1switch.pcap import HEADER, RECORD
from v1switch.program import load_file
from v1switch.program.model import Action, Table

Out = dict[int, list[bytes]]

GAP_US = 2_000  # between frames that come in: they stay in order, even those that go round twice
QUIET_S = 0.15  # nothing more has come out for so long: that was all
SOME_PORTS = range(16)  # are there in any case: what nobody expects is seen as well


def on_v1switch(program: Path, test: Case) -> Out:
    """Run a test in this process, on both engines, which have to agree on each frame."""
    loaded = load_file(program)
    dataplane = Both()
    dataplane.load(loaded)
    for group, replicas in test.groups.items():
        made = tuple(Replica(*replica) for replica in replicas)
        dataplane.insert_multicast_group(MulticastGroup(group, made))
    for session, replicas in test.sessions.items():
        made = tuple(Replica(*replica) for replica in replicas)
        dataplane.insert_clone_session(CloneSession(session, made))
    out: Out = {}
    for step in test.steps:
        if isinstance(step, Add):
            table, _, found = entry(loaded, step)
            dataplane.insert_entry(table.name, found)
            continue
        for port, frame in dataplane.process(step.port, step.data):
            out.setdefault(port, []).append(frame)
    return out


class Bmv2(Target):
    """simple_switch_grpc with capture files as its ports: frames may be as short as they like.

    What comes in is a named pipe, so that nothing comes in before the switch is ready for it.
    """

    ports: Sequence[int] = ()

    def command(self) -> list[str]:
        """Return the command line, with pipes and files in place of interfaces."""
        files = [w for n in self.ports for w in ("-i", f"{n}@{self.sandbox.directory}/port{n}")]
        words = super().command()
        own = words.index("--")
        return [*words[:own], *files, "--use-files", "0", *words[own:]]


def on_bmv2(program: Path, test: Case, sandbox: Sandbox) -> Out:
    """Run a test on BMv2. All entries are there before the first frame."""
    ports = sorted({*SOME_PORTS, *test.expected, *(packet.port for packet in test.packets)})
    target = Bmv2(BMV2, sandbox)
    target.ports = ports
    with ExitStack() as stack:
        pipes = {port: _pipe(sandbox.directory / f"port{port}_in.pcap", stack) for port in ports}
        stack.callback(target.stop)
        target.start()
        with SwitchClient(target.address) as client:
            client.load(program.with_suffix(".p4info.txtpb"), program)
            _control(client, program, test)
        for number, packet in enumerate(test.packets):
            stamp = RECORD.pack(1, number * GAP_US * 1000, *[len(packet.data)] * 2)
            pipes[packet.port].write(stamp + packet.data)
        for pipe in pipes.values():
            pipe.close()
        files = {port: sandbox.directory / f"port{port}_out.pcap" for port in ports}
        out = _settled(files, sum(map(len, test.expected.values())))
        assert target.alive(), f"BMv2 ended\n{target.tail()}"
    return out


def _pipe(path: Path, stack: ExitStack) -> BinaryIO:
    """Make a named pipe that holds the head of a capture file; returns its writing end."""
    os.mkfifo(path)
    stack.callback(path.unlink)
    end = stack.enter_context(path.open("r+b", buffering=0))  # "r+": does not wait for a reader
    end.write(HEADER)
    return end


def _control(client: SwitchClient, program: Path, test: Case) -> None:
    for group, replicas in test.groups.items():
        client.multicast_group(group, replicas)
    for session, replicas in test.sessions.items():
        client.clone_session(session, replicas)
    if test.entries:
        loaded = load_file(program)
        for add in test.entries:
            _insert(client, *entry(loaded, add))


def _insert(client: SwitchClient, table: Table, action: Action, found: TableEntry) -> None:
    key: dict[str, int | tuple[int, int]] = {}
    for field, match in zip(table.key, found.key, strict=True):
        if isinstance(match, Exact):
            key[field.name] = match.value
        elif isinstance(match, Lpm):
            key[field.name] = (match.value, match.prefix_len)
        elif isinstance(match, Range):
            key[field.name] = (match.low, match.high)
        elif match.mask:  # a ternary field that may be anything is left out
            key[field.name] = (match.value, match.mask)
    names = [param.name for param in action.params]
    params = dict(zip(names, found.action.params, strict=True))
    client.insert(table.name, key, action.name, params, priority=found.priority)


def _settled(files: dict[int, Path], frames: int) -> Out:
    """What came out, once it was all that is expected and nothing more came for a while."""
    start = changed = time.monotonic()
    out: Out = {}
    while True:
        now = time.monotonic()
        before, out = out, {port: _captured(file) for port, file in files.items()}
        changed = changed if before == out else now
        enough = sum(map(len, out.values())) >= frames
        if now - changed > QUIET_S and (enough or now - start > PATIENCE):
            return {port: found for port, found in out.items() if found}
        time.sleep(0.01)


def _captured(path: Path) -> list[bytes]:
    """The whole frames of a capture file that is still being written."""
    data = path.read_bytes()
    frames, at = [], len(HEADER)
    while at + RECORD.size <= len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        at += RECORD.size
        if at + length > len(data):
            break
        frames.append(data[at : at + length])
        at += length
    return frames
