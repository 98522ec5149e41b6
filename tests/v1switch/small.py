"""Small programs made part by part, for what p4c of today does not write or no test program has.

A program here has one header `eth` of 14 bytes, extracted in state `start`, and sends frames to
port 2; a test changes what it is about. No tests here.
"""

import copy
import json
from typing import Any

from tests.v1switch.both import Both, ComparingEngine
from v1switch.program import load_program

Json = dict[str, Any]
STANDARD = {
    "ingress_port": 9,
    "egress_spec": 9,
    "egress_port": 9,
    "instance_type": 32,
    "packet_length": 32,
    "mcast_grp": 16,
    "egress_rid": 16,
    "parser_error": 32,
    "_padding": 5,
}
FORWARD = 2  # the port that frames leave by when a test changes nothing


def field(header: str, name: str) -> Json:
    return {"type": "field", "value": [header, name]}


def number(value: int) -> Json:
    return {"type": "hexstr", "value": hex(value)}


def operation(op: str, left: Json | None, right: Json) -> Json:
    return {"type": "expression", "value": {"op": op, "left": left, "right": right}}


def assign(header: str, name: str, value: Json) -> Json:
    return {"op": "assign", "parameters": [field(header, name), value]}


def egress(value: Json) -> Json:
    return assign("standard_metadata", "egress_spec", value)


def action(number_: int, name: str, *calls: Json, **params: int) -> Json:
    data = [{"name": param, "bitwidth": bits} for param, bits in params.items()]
    return {"name": name, "id": number_, "runtime_data": data, "primitives": list(calls)}


def table(
    name: str, key: list[Json], actions: dict[str, int], default: int, then: str | None = None
) -> Json:
    """A table: `actions` are ids by name, `default` the id of the default action."""
    return {
        "name": name,
        "id": 0,
        "key": key,
        "match_type": "exact",
        "type": "simple",
        "max_size": 64,
        "with_counters": False,
        "support_timeout": False,
        "direct_meters": None,
        "action_ids": list(actions.values()),
        "actions": list(actions),
        "base_default_next": then,
        "next_tables": dict.fromkeys(actions, then),
        "default_entry": {
            "action_id": default,
            "action_const": False,
            "action_data": [],
            "action_entry_const": False,
        },
    }


def exact(header: str, name: str) -> Json:
    return {"match_type": "exact", "name": name, "target": [header, name], "mask": None}


def header_type(number_: int, name: str, **fields: int) -> Json:
    return {"name": name, "id": number_, "fields": [[f, bits, False] for f, bits in fields.items()]}


def header(number_: int, name: str, kind: str, *, metadata: bool = False) -> Json:
    return {"name": name, "id": number_, "header_type": kind, "metadata": metadata}


def program() -> Json:
    """The program as parsed JSON, to be changed by the test."""
    return copy.deepcopy(PROGRAM)


def running(json_: Json, **options: object) -> Both:
    """A data plane that runs the program on both engines."""
    plane = Both(**options)
    plane.commit(ComparingEngine().prepare(load_program(json.dumps(json_))))
    return plane


def pipeline(name: str, *tables: Json) -> Json:
    first = tables[0]["name"] if tables else None
    return {
        "name": name,
        "id": 0,
        "init_table": first,
        "tables": list(tables),
        "action_profiles": [],
        "conditionals": [],
    }


PROGRAM: Json = {
    "__meta__": {"version": [2, 23], "compiler": "test"},
    "header_types": [
        header_type(0, "scalars_0", x=8),
        header_type(1, "standard_metadata", **STANDARD),
        header_type(2, "eth_t", dst=48, src=48, type=16),
    ],
    "headers": [
        header(0, "scalars", "scalars_0", metadata=True),
        header(1, "standard_metadata", "standard_metadata", metadata=True),
        header(2, "eth", "eth_t"),
    ],
    "header_stacks": [],
    "field_lists": [],
    "errors": [],
    "learn_lists": [],
    "meter_arrays": [],
    "counter_arrays": [],
    "register_arrays": [],
    "calculations": [],
    "parsers": [
        {
            "name": "parser",
            "init_state": "start",
            "parse_states": [
                {
                    "name": "start",
                    "parser_ops": [
                        {"op": "extract", "parameters": [{"type": "regular", "value": "eth"}]}
                    ],
                    "transitions": [{"type": "default", "next_state": None}],
                    "transition_key": [],
                }
            ],
        }
    ],
    "deparsers": [{"name": "deparser", "order": ["eth"], "primitives": []}],
    "actions": [action(0, "forward", egress(number(FORWARD)))],
    "pipelines": [
        pipeline("ingress", table("forwarding", [], {"forward": 0}, 0)),
        pipeline("egress"),
    ],
    "checksums": [],
}
