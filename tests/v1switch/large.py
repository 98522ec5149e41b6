"""Programs and requests as large as a switch takes them, for tests of what goes on meanwhile.

No tests here. A large program forwards like `wire`: its further tables come after the first one
and change nothing that matters to frames.
"""

import copy
import json
from collections.abc import Iterator

from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.v1switch.twin import COMPILED

TABLE_ID, ACTION_ID = 0x02F00000, 0x01F00000
STATEMENTS = 8  # of one action


def program(tables: int) -> bytes:
    """BMv2 JSON with that many tables more than `wire`, each with an action of its own."""
    made = json.loads((COMPILED / "wire.json").read_text())
    ingress = made["pipelines"][0]
    first = ingress["tables"][0]
    names = [f"WireIngress.more{n}" for n in range(tables)]
    ids = range(1000, 1000 + tables)
    for n, (name, id_) in enumerate(zip(names, ids, strict=True)):
        made["actions"].append(_action(f"{name}_act", id_))
        table = copy.deepcopy(first)
        del table["entries"]
        following = names[n + 1] if n + 1 < tables else None
        table.update(name=name, id=id_, max_size=1024, action_ids=[id_], actions=[f"{name}_act"])
        table.update(next_tables={f"{name}_act": following})
        table["default_entry"] = {"action_id": id_, "action_const": False, "action_data": ["0x0"]}
        ingress["tables"].append(table)
    if names:
        first["next_tables"] = dict.fromkeys(first["next_tables"], names[0])
    return json.dumps(made).encode()


def _action(name: str, id_: int) -> dict[str, object]:
    field = {"type": "field", "value": ["standard_metadata", "egress_rid"]}
    data = {"type": "runtime_data", "value": 0}
    call = {"op": "assign", "parameters": [field, data]}
    runtime = [{"name": "level", "bitwidth": 16}]
    return {"name": name, "id": id_, "runtime_data": runtime, "primitives": [call] * STATEMENTS}


def info(tables: int) -> p4info_pb2.P4Info:
    """The P4Info of `program(tables)`."""
    made = text_format.Parse((COMPILED / "wire.p4info.txtpb").read_text(), p4info_pb2.P4Info())
    for n in range(tables):
        name = f"WireIngress.more{n}"
        table, action = made.tables.add(), made.actions.add()
        table.preamble.id, table.preamble.name = TABLE_ID + n, name
        table.match_fields.add(
            id=1, name="standard.ingress_port", bitwidth=9, match_type=p4info_pb2.MatchField.EXACT
        )
        table.action_refs.add(id=ACTION_ID + n)
        table.size = 1024
        action.preamble.id, action.preamble.name = ACTION_ID + n, f"{name}_act"
        action.params.add(id=1, name="level", bitwidth=16)
    return made


def pipeline(tables: int, action: str) -> rt.SetForwardingPipelineConfigRequest:
    """The request that sets `program(tables)` on device 1, by the client with election id 1."""
    request = rt.SetForwardingPipelineConfigRequest(device_id=1, action=action)
    request.election_id.low = 1
    request.config.p4info.CopyFrom(info(tables))
    request.config.p4_device_config = program(tables)
    return request


def updates(tables: int, each: int) -> Iterator[rt.Update]:
    """Entries for each of the further tables."""
    for n in range(tables):
        for port in range(each):
            update = rt.Update(type=rt.Update.INSERT)
            entry = update.entity.table_entry
            entry.table_id = TABLE_ID + n
            entry.match.add(field_id=1).exact.value = port.to_bytes(2, "big").lstrip(b"\0") or b"\0"
            action = entry.action.action
            action.action_id = ACTION_ID + n
            action.params.add(param_id=1, value=b"\x01")
            yield update
