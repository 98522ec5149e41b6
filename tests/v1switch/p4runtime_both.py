"""One request to v1switch and to BMv2: the fixtures, and what their tests share.

No tests here; conftest.py exports the fixtures. The specification (P4Runtime 1.4) is expected;
`zoo.spec(..., bmv2=...)` marks where BMv2 differs. BMv2 is skipped where it is not installed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness import Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2, CPU_PORT, Target, installed
from tests.v1switch.p4runtime_zoo import Zoo, wanted
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

OK = ["OK"]
INVALID = ["INVALID_ARGUMENT"]
NOT_FOUND = ["NOT_FOUND"]
EXISTS = ["ALREADY_EXISTS"]
DENIED = ["PERMISSION_DENIED"]
UNIMPLEMENTED = ["UNIMPLEMENTED"]
OUT_OF_RANGE = ["OUT_OF_RANGE"]
EXHAUSTED = ["RESOURCE_EXHAUSTED"]
PRECONDITION = ["FAILED_PRECONDITION"]
UNKNOWN = ["UNKNOWN"]

METER = {"cir": 10, "cburst": 20, "pir": 30, "pburst": 40}
COUNT = {"packet_count": 3, "byte_count": 300}

DEVICE_ID = 1


@contextmanager
def v1switch_server() -> Iterator[str]:
    """Serve a data plane of this process; yields the address."""
    with TemporaryDirectory() as directory:
        plane = Dataplane(PythonEngine(), cpu_port=CPU_PORT)
        handle = serve(plane, f"unix:{directory}/p4rt.sock", DEVICE_ID)
        try:
            yield handle.address
        finally:
            handle.stop()


@contextmanager
def bmv2_server() -> Iterator[str]:
    """Start BMv2 in separate namespaces; yields the address."""
    with Sandbox(ports=2) as sandbox, Target(BMV2, sandbox, device_id=DEVICE_ID) as target:
        yield target.address


@pytest.fixture(
    scope="module",
    params=["v1switch", pytest.param(BMV2, marks=pytest.mark.network)],
)
def switch(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The target's name and its address."""
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    with bmv2_server() if request.param == BMV2 else v1switch_server() as address:
        yield request.param, address


@pytest.fixture(scope="module")
def session(switch: tuple[str, str]) -> Iterator[Zoo]:
    name, address = switch
    with SwitchClient(address, device_id=DEVICE_ID) as client:
        yield Zoo(client, name)


@pytest.fixture
def zoo(session: Zoo) -> Zoo:
    """A session with a switch whose pipeline is fresh."""
    session.load()
    return session


def mutated(entity, **changes):
    """Return a copy with `path__to__field` set."""
    copy = rt.Entity()
    copy.CopyFrom(entity)
    for path, value in changes.items():
        *parents, last = path.split("__")
        message = copy
        for name in parents:
            message = message[int(name)] if name.isdigit() else getattr(message, name)
        setattr(message, last, value)
    return copy


def direct(zoo, kind, entity, **fields):
    key = rt.TableEntry()
    key.CopyFrom(entity.table_entry)
    key.ClearField("action")
    return wanted(**{f"direct_{kind}_entry": {"table_entry": key, **fields}})


def default(zoo, table):
    return wanted(
        table_entry={"table_id": zoo.names.id("tables", table), "is_default_action": True}
    )
