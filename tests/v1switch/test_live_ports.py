"""Ports that simple_switch_CLI's port_add and port_remove change while frames pass."""

from contextlib import closing

import pytest

from tests.switch.harness import Sandbox, SandboxError, poll
from tests.switch.harness_targets import THRIFT_PORT
from tests.v1switch.test_live import MACS, engine, pytestmark, wire  # noqa: F401  # fixtures
from tests.v1switch.thrift_client import Client, Failed

FRAME = MACS + b"\x08\x00" + bytes(50)


def connected(sandbox: Sandbox) -> Client | None:
    try:
        return Client(sandbox.connect(THRIFT_PORT))
    except SandboxError:
        return None


def shown(client: Client) -> dict[int, tuple[str, bool]]:
    ports = client.standard.bm_dev_mgr_show_ports()
    return {port.port_num: (port.iface_name, port.is_up) for port in ports}


def test_a_port_comes_and_goes(engine: str) -> None:  # noqa: F811  # the fixture
    with wire("--engine", engine, "--thrift-port", str(THRIFT_PORT)) as (sandbox, _):
        client = poll(lambda: connected(sandbox), "the switch answers Thrift")
        with closing(client):
            calls, ifname = client.standard, sandbox.ifname(2)
            sandbox.drain()
            for _ in range(2):
                sandbox.port(1).send(*[FRAME] * 3)
                assert [sandbox.port(2).receive() for _ in range(3)] == [FRAME] * 3
                calls.bm_dev_mgr_remove_port(2)
                assert shown(client).keys() == {1, 3}
                sandbox.port(1).send(FRAME)
                with pytest.raises(Failed):
                    calls.bm_dev_mgr_remove_port(2)
                calls.bm_dev_mgr_add_port(ifname, 2, "")
                assert shown(client)[2] == (ifname, True)
                sandbox.drain()
            sandbox.port(2).send(FRAME)
            assert sandbox.port(1).receive() == FRAME
            for name, number in ((ifname, 2), ("nothing", 4), (ifname, 511), (ifname, -1)):
                with pytest.raises(Failed):
                    calls.bm_dev_mgr_add_port(name, number, "")
