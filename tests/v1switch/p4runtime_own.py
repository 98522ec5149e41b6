"""A server of v1switch in this process, over a data plane that a test can reach: fixtures.

No tests here; conftest.py exports the fixtures.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.switch.harness_client import SwitchClient
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

DEVICE_ID = 3
CPU_PORT = 510

Connect = Callable[..., SwitchClient]


@pytest.fixture
def plane() -> Dataplane:
    return Dataplane(PythonEngine(), cpu_port=CPU_PORT)


@pytest.fixture
def address(plane: Dataplane, tmp_path: Path) -> Iterator[str]:
    handle = serve(plane, f"unix:{tmp_path}/p4rt.sock", DEVICE_ID)
    yield handle.address
    handle.stop()


@pytest.fixture
def connect(address: str) -> Iterator[Connect]:
    """Open further sessions: connect(election_id=2, role="acl")."""
    with contextlib.ExitStack() as stack:
        yield lambda **fields: stack.enter_context(
            SwitchClient(address, **{"device_id": DEVICE_ID, **fields})
        )


@pytest.fixture
def client(connect: Connect) -> SwitchClient:
    return connect()


def frame(dst=1, src=2, kind=0x1234, address=0, number=0, small=0, odd=1, nibble=0):
    """Build a frame of the zoo: Ethernet and, for the kinds that have one, a body."""
    ethernet = dst.to_bytes(6, "big") + src.to_bytes(6, "big") + kind.to_bytes(2, "big")
    bits = address << 40 | number << 24 | small << 16 | odd << 4 | nibble
    return ethernet + bits.to_bytes(9, "big") + b"payload"


def out_ports(plane, data, port=1):
    return [port for port, _ in plane.process(port, data)]
