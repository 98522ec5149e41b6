"""P4Runtime messages as text: a WriteRequest, or the ReadResponse of a running switch.

`updates { type: INSERT entity { … } }` is a WriteRequest, `entities { … }` a ReadResponse, whose
entities are inserted (or modified, where they cannot be inserted).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile.errors import EntriesError
from v1switch.entryfile.limits import MAX_TEXT
from v1switch.entryfile.tally import Tally
from v1switch.errors import SwitchError, on_one_line
from v1switch.p4runtime import batches
from v1switch.p4runtime.join import join
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.reading import read_bytes

INSERTED = {
    *("table_entry", "action_profile_member", "action_profile_group", "digest_entry"),
    "packet_replication_engine_entry",
}
_DEEP = "too many levels, expected messages with less nesting"
TOKEN = re.compile(r"""#.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}<>]|[\w.]+|\n""")


def write_text(path: Path, dataplane: Dataplane, p4info: Path | None, tally: Tally) -> None:
    """Apply a file's updates in their order; raises EntriesError, OSError."""
    if p4info is None:
        reason = "its ids need a P4Info, expected one beside the program or --p4info"
        raise EntriesError(path, 0, "", reason)
    pipeline = _pipeline(dataplane, p4info)
    text = _read(path)
    starts = list(_starts(text))
    for number, update in enumerate(_updates(path, text)):
        line = starts[number] if number < len(starts) else 0
        with tally.one(dataplane):
            _apply(pipeline, update, path, line, number + 1)


def _apply(pipeline: Pipeline, update: p4rt.Update, path: Path, line: int, number: int) -> None:
    try:
        batches.apply(pipeline, update)
    except SwitchError as error:
        kind = update.entity.WhichOneof("entity") or "entity"
        raise EntriesError(path, line, f"update {number}, {kind}", str(error)) from error


def _pipeline(dataplane: Dataplane, path: Path) -> Pipeline:
    info = p4info_pb2.P4Info()
    try:
        text_format.Parse(_read(path), info)
    except text_format.ParseError as error:
        raise EntriesError(path, error.GetLine() or 0, "P4Info", _reason(error)) from None
    except RecursionError:
        raise EntriesError(path, 0, "P4Info", _DEEP) from None
    program = dataplane.state.program
    try:
        schema = join(info, program)
    except SwitchError as error:
        raise EntriesError(path, 0, "", str(error)) from error
    return Pipeline(p4rt.ForwardingPipelineConfig(), schema, dataplane)


def _read(path: Path) -> str:
    try:
        return read_bytes(path, MAX_TEXT).decode()
    except UnicodeDecodeError as error:
        raise EntriesError(path, 0, "", f"byte {error.start} is not UTF-8 text") from None


def _updates(path: Path, text: str) -> list[p4rt.Update]:
    answer = re.search(r"^\s*entities\b", text, re.MULTILINE) is not None
    message = p4rt.ReadResponse() if answer else p4rt.WriteRequest()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        name = type(message).__name__
        raise EntriesError(path, error.GetLine() or 0, name, _reason(error)) from None
    except RecursionError:
        raise EntriesError(path, 0, type(message).__name__, _DEEP) from None
    if not answer:
        return list(message.updates)
    return [p4rt.Update(type=_type(entity), entity=entity) for entity in message.entities]


def _reason(error: text_format.ParseError) -> str:
    return on_one_line(re.sub(r"^[\d:]+ *:? *", "", str(error)))


def _type(entity: p4rt.Entity) -> int:
    inserted = entity.WhichOneof("entity") in INSERTED and not entity.table_entry.is_default_action
    return int(p4rt.Update.INSERT if inserted else p4rt.Update.MODIFY)


def _starts(text: str) -> Iterator[int]:
    """Lines on which updates (or entities) begin: their names outside of all braces."""
    line, depth = 1, 0
    for token in TOKEN.findall(text):
        if token == "\n":
            line += 1
        elif token in "{<":
            depth += 1
        elif token in "}>":
            depth -= 1
        elif not depth and token in ("updates", "entities"):
            yield line
