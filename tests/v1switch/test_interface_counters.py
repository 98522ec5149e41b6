"""Reading a switch's interface counters: the service, and the command."""

import json

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2

from v1switch.commands.main import main
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.io.counters import Counters, InterfaceCounters
from v1switch.p4runtime import interfaces
from v1switch.p4runtime.server import serve

FIRST = InterfaceCounters(
    1, "eth1", True, received=10, unread=2, failed=1, sent=5, refused=3, dropped=6
)
SECOND = InterfaceCounters(7, "eth7", False, received=2**52, unread=0, failed=0, sent=0, refused=0)
COUNTERS = Counters((FIRST, SECOND), no_port=4, no_queue=9)


@pytest.fixture
def address(tmp_path):
    plane = Dataplane(PythonEngine())
    handle = serve(plane, f"unix:{tmp_path}/p4rt.sock", 1, lambda: COUNTERS)
    yield handle.address
    handle.stop()


def test_what_a_client_without_this_package_sees(address):
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            "/v1switch.Interfaces/Get",
            request_serializer=empty_pb2.Empty.SerializeToString,
            response_deserializer=struct_pb2.Struct.FromString,
        )
        answer = json_format.MessageToDict(call(empty_pb2.Empty(), timeout=60))
    first, second = answer["interfaces"]["interface"]
    counters = {"in-pkts": 10, "in-discards": 2, "in-errors": 1, "out-pkts": 5, "out-discards": 3}
    counters["out-queue-dropped-pkts"] = 6
    state = {"name": "eth1", "id": 1, "oper-status": "UP", "counters": counters}
    assert first == {"name": "eth1", "state": state}
    assert second["state"]["oper-status"] == "DOWN"
    assert second["state"]["counters"]["in-pkts"] == 2**52
    assert answer["switch"] == {"counters": {"out-no-port": 4, "out-no-queue": 9}}


def test_what_is_sent_is_what_is_read(address):
    with grpc.insecure_channel(address) as channel:
        assert interfaces.get(channel, 5.0) == COUNTERS


def test_the_command_prints_a_row_for_each_interface(address, capsys):
    assert main(["interfaces", address]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "eth1", "up", "10", "2", "1", "5", "3", "6"]
    assert lines[2].split()[:3] == ["7", "eth7", "down"]
    assert lines[3] == "frames for ports that do not exist: 4"
    assert lines[4] == "frames of a priority that no queue has: 9"
    assert main(["interfaces", "--json", address]) == 0
    assert json.loads(capsys.readouterr().out) == interfaces.to_document(COUNTERS)


def test_the_command_names_an_address_where_no_switch_is(tmp_path, capsys):
    assert main(["interfaces", f"unix:{tmp_path}/none.sock"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"v1switch: unix:{tmp_path}/none.sock: UNAVAILABLE")


@pytest.mark.parametrize(
    ("counters", "line"),
    [
        (Counters((), 0), ""),
        (
            COUNTERS,
            (
                "2 not read in time (port 1: 2), 6 dropped as a queue was full (port 1: 6), "
                "9 of a priority that no queue has, 3 not taken by an interface, "
                "4 for ports that do not exist, 1 lost to errors of the switch"
            ),
        ),
    ],
)
def test_losses_on_one_line(counters, line):
    assert counters.lost() == line
