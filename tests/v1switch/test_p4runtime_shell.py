"""p4runtime-shell 0.0.6 against the server: its client, its entity classes, its prompt."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness import poll
from tests.v1switch.p4runtime_own import DEVICE_ID
from tests.v1switch.p4runtime_zoo import CONFIG, P4INFO


@pytest.fixture
def shell(address: str) -> Iterator[ModuleType]:
    """The shell's module, set up on the switch: it keeps its session in globals."""
    from p4runtime_sh import shell as module

    config = module.FwdPipeConfig(str(P4INFO), str(CONFIG))
    module.setup(DEVICE_ID, address, (0, 1), config=config, verbose=False)
    module.global_options["canonical_bytestrings"] = True  # so that it sends what it will read
    yield module
    module.teardown()


def test_its_client_sees_the_version_and_the_p4info(shell):
    assert shell.APIVersion() == "1.4.1"
    assert len(shell.client.get_p4info().tables) == 10


def test_table_entries(shell):
    entry = shell.TableEntry("exact_table")(action="metered_send")
    entry.match["dst"] = "00:00:00:00:00:01"
    entry.match["odd"] = "0x00a"
    entry.action["port"] = "4"
    entry.metadata = b"mine"
    entry.insert()
    (found,) = list(shell.TableEntry("exact_table").read())
    assert str(found) == str(entry)
    entry.action["port"] = "5"
    entry.modify()
    (found,) = list(entry.read())
    assert found.msg().action.action.params[0].value == b"\5"
    shell.TableEntry("exact_table").read(lambda each: each.delete())
    assert list(shell.TableEntry("exact_table").read()) == []


def test_entries_with_priorities(shell):
    entry = shell.TableEntry("ternary_table")(action="send")
    entry.match["src"] = "00:00:00:00:00:00&&&00:00:00:00:ff:00"
    entry.match["number"] = "3..9"
    entry.match["small"] = "4"
    entry.match["address"] = "10.0.0.0/8"
    entry.match["nibble"] = "1"
    entry.action["port"] = "4"
    entry.priority = 10
    entry.insert()
    (found,) = list(shell.TableEntry("ternary_table").read())
    assert str(found) == str(entry)


def test_default_entries(shell):
    entry = shell.TableEntry("lpm_table")(action="send", is_default=True)
    entry.action["port"] = "3"
    entry.modify()
    (found,) = list(shell.TableEntry("lpm_table")(is_default=True).read())
    assert found.msg().action.action.params[0].value == b"\3"


def test_a_refused_entry_says_why(shell):
    from p4runtime_sh.p4runtime import P4RuntimeWriteException

    entry = shell.TableEntry("exact_table")(action="entry_only")
    entry.match["dst"] = "1"
    entry.match["odd"] = "1"
    entry.action["port"] = "4"
    entry.insert()
    with pytest.raises(P4RuntimeWriteException) as caught:
        entry.insert()
    assert "ALREADY_EXISTS" in str(caught.value)
    assert "exact_table" in str(caught.value)


def test_direct_resources(shell):
    entry = shell.TableEntry("exact_table")(action="metered_send")
    entry.match["dst"] = "1"
    entry.match["odd"] = "1"
    entry.action["port"] = "4"
    entry.counter_data.packet_count = 7
    entry.meter_config.cir, entry.meter_config.pir = 1, 2
    entry.insert()
    wanted = shell.TableEntry("exact_table")
    assert wanted.counter_data is not None  # looking at them is the shell's way to ask for them
    assert wanted.meter_config is not None
    (found,) = list(wanted.read())
    assert (found.counter_data.packet_count, found.meter_config.pir) == (7, 2)
    counter = shell.DirectCounterEntry("exact_counter")
    counter.table_entry.match["dst"] = "1"
    counter.table_entry.match["odd"] = "1"
    counter.packet_count = 9
    counter.modify()
    (found,) = list(shell.DirectCounterEntry("exact_counter").read())
    assert found.packet_count == 9
    meter = shell.DirectMeterEntry("exact_meter")
    meter.table_entry.match["dst"] = "1"
    meter.table_entry.match["odd"] = "1"
    meter.cir, meter.pir = 3, 4
    meter.modify()
    (found,) = list(meter.read())
    assert (found.cir, found.pir) == (3, 4)


def test_indexed_resources(shell):
    counter = shell.CounterEntry("cells")
    counter.index = 3
    counter.packet_count, counter.byte_count = 4, 5
    counter.modify()
    (found,) = list(counter.read())
    assert (found.packet_count, found.byte_count) == (4, 5)
    assert len(list(shell.CounterEntry("cells").read())) == 16
    meter = shell.MeterEntry("cell_meter")
    meter.index = 2
    meter.cir, meter.pir = 1, 2
    meter.modify()
    (found,) = list(meter.read())
    assert (found.cir, found.pir) == (1, 2)


def test_members_and_groups(shell):
    for number in (1, 2):
        member = shell.ActionProfileMember("choice")(member_id=number, action="send")
        member.action["port"] = str(number)
        member.insert()
    group = shell.ActionProfileGroup("choice")(group_id=7, max_size=4)
    group.add(1, 1)
    group.add(2, 3)
    group.insert()
    (found,) = list(shell.ActionProfileGroup("choice").read())
    assert str(found) == str(group)
    assert len(list(shell.ActionProfileMember("choice").read())) == 2
    entry = shell.TableEntry("selected_table")(group_id=7)
    entry.match["number"] = "1"
    entry.insert()
    (found,) = list(entry.read())
    assert found.group_id == 7


def test_action_sets(shell):
    entry = shell.TableEntry("shot_table")
    entry.match["number"] = "1"
    action = shell.Action("send")
    action["port"] = "1"
    entry.oneshot.add(action, weight=2)
    entry.insert()
    (found,) = list(shell.TableEntry("shot_table").read())
    assert str(found) == str(entry)


@pytest.mark.parametrize(
    ("kind", "number"), [("MulticastGroupEntry", "group_id"), ("CloneSessionEntry", "session_id")]
)
def test_replication(shell, kind, number):
    entry = getattr(shell, kind)(5)
    entry.add(1, 1).add(2, 2)
    entry.insert()
    (found,) = list(getattr(shell, kind)(5).read())
    assert str(found) == str(entry)
    (found,) = list(getattr(shell, kind)(0).read())
    assert getattr(found, number) == 5
    entry.delete()


def ethernet(src):
    return bytes(6) + src.to_bytes(6, "big") + b"\xff\xff"


def test_digests(shell, plane):
    digest = shell.DigestEntry("learn_t")
    digest.max_list_size = 2
    digest.insert()
    (found,) = list(digest.read())
    assert found.max_list_size == 2
    plane.process(1, ethernet(0xA))
    message = shell.client.get_stream_packet("digest", timeout=60)
    assert message.digest.data[0].struct.members[0].bitstring == b"\x0a"


def test_packets(shell, plane):
    packet = shell.PacketOut(payload=b"x" * 60, egress_port="6")
    packet.send()
    assert poll(lambda: plane.process_burst([], 0), "the packet-out") == [(6, b"x" * 60)]
    entry = shell.TableEntry("ternary_table")(action="to_cpu", priority=1)
    entry.match["nibble"] = "0"
    entry.insert()
    plane.process(3, bytes(12) + b"\x12\x34" + bytes(9))
    message = shell.client.get_stream_packet("packet", timeout=60)
    assert message.packet.metadata[0].value == b"\3"


def test_a_file_of_updates(shell, tmp_path):
    entry = shell.TableEntry("lpm_table")(action="drop")
    entry.match["address"] = "10.0.0.0/8"
    request = rt.WriteRequest()
    request.updates.add(type=rt.Update.INSERT).entity.table_entry.CopyFrom(entry.msg())
    path = tmp_path / "updates.txtpb"
    path.write_text(str(request))
    shell.Write(str(path))
    assert len(list(shell.TableEntry("lpm_table").read())) == 1


def test_its_prompt_runs_a_session(address):
    """The interactive shell itself, on a pipe."""
    lines = [
        'te = table_entry["lpm_table"](action="send")',
        'te.match["address"] = "10.0.0.0/8"',
        'te.action["port"] = "3"',
        "te.insert()",
        'print("entries", len(list(table_entry["lpm_table"].read())))',
        "exit",
    ]
    session = subprocess.run(
        [sys.executable, "-m", "p4runtime_sh", "--grpc-addr", address, "--device-id",
         str(DEVICE_ID), "--election-id", "0,1", "--config", f"{P4INFO},{CONFIG}"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip  # the shell's words on as few lines as they need
    assert "entries 1" in session.stdout, session.stdout + session.stderr


def test_a_second_session_after_the_first_becomes_primary(address):
    from p4runtime_sh.p4runtime import P4RuntimeClient

    for _ in range(3):
        with contextlib.closing(_Closing(P4RuntimeClient(DEVICE_ID, address, (0, 1)))) as session:
            session.client.set_fwd_pipe_config(str(P4INFO), str(CONFIG))


class _Closing:
    """Gives a P4RuntimeClient the method that `closing` calls."""

    def __init__(self, client):
        self.client = client

    def close(self):
        self.client.tear_down()
