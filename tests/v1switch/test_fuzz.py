"""No frame stops the switch or makes it raise, whatever its bytes and wherever it is cut."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.p4.world import JSON, M1, M2, MAC, RED, from_m1, inner, vxlan
from tests.v1switch.both import Both, both
from tests.v1switch.engines import CPU_PORT, write
from tests.v1switch.golden import names, read
from v1switch.state.entries import ActionCall, Exact, MulticastGroup, Replica, TableEntry

SOME = 40  # frames of each program


def vtep() -> Both:
    """The VXLAN switch with enough entries to reach most of its code."""
    dataplane = both(JSON, cpu_port=CPU_PORT)
    program = dataplane.state.program
    tables = {name.rsplit(".", 1)[-1]: name for name in program.tables}
    actions = {a.name.rsplit(".", 1)[-1]: a.name for a in program.actions.values()}

    def insert(table: str, key: tuple[int, ...], action: str, *params: int) -> None:
        entry = TableEntry(tuple(map(Exact, key)), ActionCall(actions[action], params))
        dataplane.insert_entry(tables[table], entry)

    mac = int(MAC[2].replace(":", ""), 16)
    insert("port_kind", (M1,), "access")
    insert("port_kind", (M2,), "access")
    insert("port_kind", (3,), "underlay", 0x025A00000003)
    insert("access_vni", (M1, 101), "set_tenant", RED, 0xAC100001, 4789)
    insert("tenant", (RED,), "admit")
    insert("l2_forward", (RED, mac), "to_port", M2)
    insert("deliver_vlan", (M2, RED), "set_vlan", 201)
    insert("vni_flood", (RED,), "set_group", 1)
    insert("replica", (1,), "replica_to_port")
    insert("local_vtep", (0xAC100002,), "attached")
    insert("vxlan_port", (4789,), "enabled")
    insert("vtep_mode", (0xAC100002,), "decapsulate")
    dataplane.insert_multicast_group(MulticastGroup(1, (Replica(M2, 1),)))
    return dataplane


VTEP = vtep()
SAMPLES = [
    (M1, from_m1(inner(1, MAC[2]), RED)),
    (M1, from_m1(inner(1, "ff:ff:ff:ff:ff:ff"), RED)),
    (3, vxlan(inner(3, MAC[2]), 3, 2, port=3, inbound=True)),
]


def test_samples_do_something() -> None:
    assert [bool(VTEP.process(port, frame)) for port, frame in SAMPLES[:2]] == [True, True]


def test_truncated_at_every_byte() -> None:
    for port, frame in SAMPLES:
        for length in range(len(frame)):
            VTEP.process(port, frame[:length])


def test_every_byte_flipped() -> None:
    for port, frame in SAMPLES:
        for at in range(len(frame)):
            for value in (0, 0xFF, frame[at] ^ 1):
                VTEP.process(port, frame[:at] + bytes([value]) + frame[at + 1 :])


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 511), st.binary(max_size=200))
def test_arbitrary_bytes_through_the_vxlan_switch(port: int, frame: bytes) -> None:
    for out_port, out in VTEP.process(port, frame):
        assert 0 <= out_port < 512
        assert isinstance(out, bytes)


CASES = {name: read(name)[0] for name in names()}


@cache
def running(name: str) -> Both:
    """A data plane with a case's program and entries."""
    dataplane = both(CASES[name].program, cpu_port=CPU_PORT)
    write(dataplane, CASES[name].entries)
    return dataplane


@settings(max_examples=examples(400), deadline=None)
@given(st.data())
def test_changed_frames_through_every_program(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CASES)))
    port, frame = data.draw(st.sampled_from(CASES[name].frames))
    changed = bytearray(frame)
    for _ in range(data.draw(st.integers(0, 4))):
        if changed:
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    running(name).process(port, bytes(changed[:cut]))


@pytest.mark.parametrize("name", names())
def test_frames_of_every_program_truncated(name: str) -> None:
    for port, frame in CASES[name].frames[:SOME]:
        for length in range(len(frame)):
            running(name).process(port, frame[:length])
