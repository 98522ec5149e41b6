"""Writes that fail in part: which updates failed, and that the controller goes on."""

from types import SimpleNamespace

import grpc
import pytest
from google.protobuf import text_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, status_pb2
from p4.config.v1.p4info_pb2 import P4Info
from p4.v1 import p4runtime_pb2

from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.write_errors import DETAILS, FailedUpdate, failed_updates, text
from tests.switch.harness_p4info import Names
from tests.v1switch.p4runtime_zoo import CONFIG, P4INFO, Zoo
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

OK, EXISTS, NOT_FOUND = code_pb2.OK, code_pb2.ALREADY_EXISTS, code_pb2.NOT_FOUND


class Failure(grpc.RpcError):
    """A failed call with these trailing metadata."""

    def __init__(self, *trailing):
        self.trailing = trailing

    def initial_metadata(self):
        return None

    def trailing_metadata(self):
        return self.trailing


def failure(*codes):
    status = status_pb2.Status(code=code_pb2.UNKNOWN)
    for code in codes:
        one = p4runtime_pb2.Error(canonical_code=code, message=f"code {code}")
        status.details.add().Pack(one)
    return Failure((DETAILS, status.SerializeToString()))


def test_updates_that_were_carried_out_are_passed_over():
    assert failed_updates(failure(OK, EXISTS, OK, OK, NOT_FOUND, OK)) == [
        FailedUpdate(1, grpc.StatusCode.ALREADY_EXISTS, f"code {EXISTS}"),
        FailedUpdate(4, grpc.StatusCode.NOT_FOUND, f"code {NOT_FOUND}"),
    ]


@pytest.mark.parametrize(
    "error", [Failure(), Failure(("other", b"x")), Failure((DETAILS, b"\xff\xff")), failure(OK)]
)
def test_without_readable_details_no_update_is_named(error):
    assert failed_updates(error) == []


def test_a_detail_that_is_no_error_is_a_failure():
    status = status_pb2.Status()
    status.details.append(AnyMessage(type_url="type.googleapis.com/x.Y"))
    (found,) = failed_updates(Failure((DETAILS, status.SerializeToString())))
    assert (found.place, found.code) == (0, grpc.StatusCode.UNKNOWN)


def test_a_message_names_a_few_updates_and_counts_the_others():
    failed = failed_updates(failure(*[NOT_FOUND] * 9))
    assert text(failed[:2]) == "update 0: code 5; update 1: code 5"
    assert text(failed).endswith("update 4: code 5; and 4 more")


@pytest.fixture
def client(tmp_path):
    handle = serve(Dataplane(PythonEngine()), f"unix:{tmp_path}/p4rt.sock", 1)
    client = Client("s1", handle.address, 1, 1)
    client.push_pipeline(P4INFO, CONFIG)
    yield client
    client.close()
    handle.stop()


def test_a_batch_that_fails_in_part_is_an_error_and_the_session_goes_on(client):
    info = text_format.Parse(P4INFO.read_text(), P4Info())
    zoo = Zoo(SimpleNamespace(names=Names(info)), "v1switch")
    entries = [zoo.exact(number) for number in range(4)]

    def inserts(*numbers):
        kind = p4runtime_pb2.Update.INSERT
        return [p4runtime_pb2.Update(type=kind, entity=entries[number]) for number in numbers]

    client.write(inserts(1))
    with pytest.raises(SwitchError) as caught:
        client.write(inserts(0, 1, 2))
    assert caught.value.code is grpc.StatusCode.ALREADY_EXISTS
    assert "update 1: " in str(caught.value)
    client.write(inserts(3))
    every = p4runtime_pb2.Entity()
    every.table_entry.table_id = entries[0].table_entry.table_id
    assert len(list(client.read([every]))) == 4
