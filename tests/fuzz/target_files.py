"""Entry files in their three formats, and filters: users write them, with any mistake."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from p4.v1 import p4runtime_pb2 as rt

from tests.fuzz import worlds
from tests.fuzz.choices import Choices
from tests.fuzz.json_mutations import at, places
from tests.fuzz.oracles import check_line
from tests.fuzz.target_p4runtime import entity
from tests.v1switch.test_p4runtime_fuzz import ZOO_ENTITIES
from v1switch.control.dataplane import Dataplane, Prepared
from v1switch.engines.python.compiler import compile_filter
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import EntriesError, load_entries
from v1switch.entryfile.commands import forms
from v1switch.explain.filters import FilterError, parse
from v1switch.program.model import Action, Table

PATTERNS = {"lpm": "{}/{}", "ternary": "{}&&&{}", "optional": "{}&&&{}", "range": "{}->{}"}
WORDS = (
    *("", "\0", "9" * 5000, "0x" + "f" * 400, "x" * 300, "__HIT__", "standard_metadata"),
    *("=>", "|", "#", "/", "0x", "-1", "1_0", "0b1", "é", "²", "\u0661", "a'b", "(", ")"),
    *("1e999:1", "nan:1", "0.5:10", "-1:1", "1:-1", "1&&&1", "2->1", "::1"),
    *("10.0.0.1/33", "10.0.0.0/8", "02:aa:00:00:00:01"),
)
OTHERS = (None, [], {}, True, 1.5, -1, 10**30, [1, 2], [1, 99], {"x": 1})
VALUES: tuple[Any, ...] = (*OTHERS, *WORDS)
TERMS = ("and", "or", "not", "!", "(", ")", "( (", ") )", "=", "port", "len", "1", "0xffff")
OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=")
ZOO = "p4runtime_zoo"


@cache
def _prepared(name: str) -> Prepared:
    return Dataplane(PythonEngine(), cpu_port=worlds.CPU_PORT).prepare(worlds.program(name))


def _plane(name: str) -> Dataplane:
    """A fresh switch with a program that was compiled before."""
    plane = Dataplane(PythonEngine(), cpu_port=worlds.CPU_PORT)
    plane.commit(_prepared(name))
    return plane


@cache
def _forms(name: str) -> dict[str, str]:
    return forms(_plane(name))


# -- commands --------------------------------------------------------------------------------------


class _Commands:
    """Writes lines that fit a program, mostly."""

    def __init__(self, name: str, choose: Choices) -> None:
        self.program = program = worlds.program(name)
        self.forms = _forms(name)
        self.choose = choose
        self.names: dict[str, list[str]] = {
            "PROFILE": list(program.action_profiles),
            "REGISTER": list(program.registers),
            "COUNTER": [c.name for c in program.counters.values() if not c.binding],
            "METER": [m.name for m in program.meters.values() if not m.binding],
            "VALUE_SET": list(program.value_sets),
            "CALCULATION": list(program.calculations),
        }

    def line(self) -> str:
        """One command, as it should be or with a word changed."""
        command = self.choose.pick(self._commands())
        table = self.choose.pick(self._tables(command))
        action = self.program.actions[self.choose.pick(table.actions)]
        words = [command]
        for kind in self.forms[command].split():
            words += self._words(kind, table, action)
        if self.choose.chance(8):
            place, change = self.choose.below(len(words)), self.choose.below(3)
            words[place : place + 1] = [[], words[place : place + 1] * 2, [self._wrong()]][change]
        return " ".join(words)

    def _commands(self) -> list[str]:
        """The commands that apply to the program."""
        missing = {kind for kind, names in self.names.items() if not names}
        if "PROFILE" in missing:
            missing |= {"MEMBER", "GROUP"}
        return [c for c, form in self.forms.items() if not missing & set(form.split())]

    def _tables(self, command: str) -> list[Table]:
        """The tables that a command applies to; all if there are none."""
        tables = list(self.program.tables.values())
        indirect = "indirect" in command
        return [table for table in tables if bool(table.action_profile) == indirect] or tables

    def _wrong(self) -> str:
        return self.choose.pick(WORDS) if self.choose.byte() % 2 else str(self.choose.integer())

    def _small(self) -> str:
        return str(self.choose.integer() if self.choose.chance(12) else self.choose.below(4))

    def _words(self, kind: str, table: Table, action: Action) -> list[str]:
        several = {
            "TABLE": [table.name],
            "ACTION": [action.name],
            "MATCH...": [self._match(field.match_kind) for field in table.key],
            "PARAMETER...": [self._small() for _ in action.params],
            "[PRIORITY]": [self._small()] * (table.match_type in ("ternary", "range")),
            "PORT...": [self._small() for _ in range(self.choose.below(3))],
            "=>": [kind],
            "RATE:BURST": [f"{self._small()}:{self._small()}"],
        }
        if kind in several:
            return several[kind]
        return [self.choose.pick(self.names[kind]) if kind in self.names else self._small()]

    def _match(self, kind: str) -> str:
        return PATTERNS.get(kind, "{}").format(self._small(), self._small())


def _commands(name: str, choose: Choices) -> bytes:
    writer = _Commands(name, choose)
    lines = ["mc_mgrp_create 1", "mc_node_create 0 1"]
    lines += [writer.line() for _ in range(1 + choose.below(5))]
    return "\n".join(lines).encode(errors="surrogatepass")


# -- the tutorials' JSON, and P4Runtime's messages -------------------------------------------------


def _row(name: str, choose: Choices) -> dict[str, Any]:
    """A table's entry that fits it."""
    program = worlds.program(name)
    table = choose.pick(list(program.tables.values()))
    action = program.actions[choose.pick(table.actions)]
    pairs = ("lpm", "ternary", "range")
    match: dict[str, Any] = {
        f.name: [0, 0] if f.match_kind in pairs else choose.below(2) for f in table.key
    }
    params = {param.name: choose.below(2) for param in action.params}
    return {
        "table": table.name,
        "match": match,
        "action_name": action.name,
        "action_params": params,
        "priority": choose.below(9),
        "default_action": choose.chance(6),
    }


def _runtime(name: str, choose: Choices) -> bytes:
    replicas = [{"egress_port": choose.below(4), "instance": choose.below(4)}]
    document = {
        "table_entries": [_row(name, choose) for _ in range(choose.below(4))],
        "multicast_group_entries": [{"multicast_group_id": 1, "replicas": replicas}],
        "clone_session_entries": [{"clone_session_id": 1, "replicas": replicas}],
    }
    for _ in range(choose.below(3)):
        path = choose.pick(places(document))
        at(document, path[:-1])[path[-1]] = choose.pick(VALUES)
    return json.dumps(document).encode(errors="surrogatepass")


def _entity(choose: Choices) -> rt.Entity:
    return entity(ZOO, choose) if choose.chance(4) else choose.pick(ZOO_ENTITIES)


def _text(_name: str, choose: Choices) -> bytes:
    request = rt.WriteRequest()
    for _ in range(1 + choose.below(3)):
        kind = choose.pick((1, 1, 1, 2, 1, 1, 3, 0))
        request.updates.add(type=kind, entity=_entity(choose))
    return text_format.MessageToString(request, as_utf8=True).encode()


FORMS = {"txt": _commands, "json": _runtime, "txtpb": _text}


def _spoilt(text: bytes, choose: Choices) -> bytes:
    """Now and then a piece cut out, or some bytes of any kind put in."""
    if not choose.chance(6):
        return text
    start = choose.number(2) % (len(text) or 1)
    return text[:start] + choose.take(choose.below(4)) + text[start + choose.below(20) :]


def decode(data: bytes) -> tuple[str, str, bytes]:
    """Program, the file's suffix ("filter" for a filter), and its content."""
    choose = Choices(data)
    kind = choose.pick((*FORMS, "filter"))
    name = ZOO if kind == "txtpb" else choose.pick(worlds.SMALL)
    if kind == "filter":
        return name, kind, _filter(name, choose).encode(errors="surrogatepass")
    return name, kind, _spoilt(FORMS[kind](name, choose), choose)


# -- filters ---------------------------------------------------------------------------------------


def _filter(name: str, choose: Choices) -> str:
    """Comparisons of the program's fields, as they should be or with some words changed."""
    headers = [header for header in worlds.program(name).headers.values() if not header.metadata]
    fields = [f"{header.name}.{f.name}" for header in headers for f in header.header_type.fields]
    names = ["port", "len", *fields]
    words = []
    for number in range(1 + choose.below(5)):
        words += [choose.pick(("and", "or", "and not"))] if number else []
        header_alone = headers and choose.chance(4)
        words += [choose.pick(headers).name] if header_alone else _compared(names, choose)
    for _ in range(choose.pick((0, 0, 1, 3))):
        words[choose.below(len(words))] = choose.pick((*TERMS, *WORDS))
    return " ".join(words)


def _compared(names: list[str], choose: Choices) -> list[str]:
    return [choose.pick(names), choose.pick(OPERATORS), str(choose.below(2))]


def _match(name: str, text: str) -> str:
    plane = _plane(name)
    try:
        program = worlds.program(name)
        matches = compile_filter(program, parse(text).expression(program))
    except FilterError as error:
        check_line(str(error))
        return "refused"
    for port, frame in worlds.frames(name)[:3]:
        matches(plane, plane.state)(port, frame)
    return "matched"


# -- the target ------------------------------------------------------------------------------------


def _refusal(plane: Dataplane, name: str, kind: str, text: bytes) -> EntriesError | None:
    """Read a file into a switch; returns the refusal, if any."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, f"entries.{kind}")
        file.write_bytes(text)
        try:
            load_entries(file, plane, worlds.FILES[name].with_suffix(".p4info.txtpb"))
        except EntriesError as error:
            return error
    return None


def run(data: bytes) -> str:
    """Read one file or filter into a fresh switch, then process two frames."""
    name, kind, text = decode(data)
    if kind == "filter":
        return _match(name, text.decode(errors="surrogatepass"))
    plane = _plane(name)
    error = _refusal(plane, name, kind, text)
    if error is not None:
        check_line(str(error))
        assert str(error).startswith(str(error.path)), "no place"
        assert error.reason, "no reason"
    for port, frame in worlds.frames(name)[:2]:
        plane.process(port, frame, 0)
    return "refused" if error else "written"


def show(data: bytes) -> dict[str, bytes]:
    """The program's name, and the file."""
    name, kind, text = decode(data)
    return {"program": name.encode(), kind: text}


def seeds() -> list[bytes]:
    """Each form for a few programs."""
    return [bytes([kind, number]) + bytes(20) for kind in range(4) for number in range(6)]


def warm_up() -> None:
    """Import what is imported when it is needed, and compile all programs."""
    for name in (*worlds.SMALL, ZOO):
        plane = _plane(name)
        for port, frame in worlds.frames(name)[:2]:
            plane.process(port, frame, 0)
    for data in seeds():
        run(data)
