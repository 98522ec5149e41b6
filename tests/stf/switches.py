"""The two switches that a test is run on: program and test in, frames by port out."""

import json
import time
from contextlib import ExitStack
from pathlib import Path

from tests.stf.names import entry
from tests.stf.stf import Add, Case
from tests.switch.harness import Sandbox
from tests.switch.harness_captures import CaptureTarget, record
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2
from tests.v1switch.both import Both
from v1switch.control.dataplane import Dataplane
from v1switch.explain.document import Document
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.text import TextView
from v1switch.program import load_file
from v1switch.program.model import Action, Program, Table
from v1switch.state.entries import (
    CloneSession,
    Exact,
    Lpm,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
)

Out = dict[int, list[bytes]]

PATIENCE = 10.0  # s that frames are waited for which may never come
QUIET_S = 0.15  # without another frame for so long, the output is complete
SOME_PORTS = range(16)  # exist in any case, so that unexpected frames are seen as well


def on_v1switch(program: Path, test: Case) -> Out:
    """Run a test in this process on both engines, and once more with explanations: all agree."""
    loaded = load_file(program)
    out = _run(loaded, test, Both())
    traced = _run(loaded, test, Dataplane(TracingEngine(_shown)))
    assert traced == out, "the traced program gives other frames"
    return out


def _shown(program: Program, explanation: Explanation) -> None:
    assert list(TextView(program).lines(explanation))
    assert json.dumps(Document(program).frame(explanation))


def _run(loaded: Program, test: Case, dataplane: Dataplane) -> Out:
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


def on_bmv2(program: Path, test: Case, sandbox: Sandbox) -> Out:
    """Run a test on BMv2. All entries are there before the first frame."""
    ports = sorted({*SOME_PORTS, *test.expected, *(packet.port for packet in test.packets)})
    target = CaptureTarget(BMV2, sandbox)
    target.ports = ports
    with ExitStack() as stack:
        pipes = target.pipes(stack)
        stack.callback(target.stop)
        target.start()
        with SwitchClient(target.address) as client:
            client.load(program.with_suffix(".p4info.txtpb"), program)
            _control(client, program, test)
        for number, packet in enumerate(test.packets):
            pipes[packet.port].write(record(number, packet.data))
        for pipe in pipes.values():
            pipe.close()
        out = _settled(target, sum(map(len, test.expected.values())))
        assert target.alive(), f"BMv2 ended\n{target.tail()}"
    return out


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
        elif match.mask:  # a ternary field that matches anything is omitted
            key[field.name] = (match.value, match.mask)
    names = [param.name for param in action.params]
    params = dict(zip(names, found.action.params, strict=True))
    client.insert(table.name, key, action.name, params, priority=found.priority)


def _settled(target: CaptureTarget, frames: int) -> Out:
    """The output, once it is as long as expected and complete."""
    start = changed = time.monotonic()
    out: Out = {}
    while True:
        now = time.monotonic()
        before, out = out, target.captured()
        changed = changed if before == out else now
        enough = sum(map(len, out.values())) >= frames
        if now - changed > QUIET_S and (enough or now - start > PATIENCE):
            return {port: found for port, found in out.items() if found}
        time.sleep(0.01)
