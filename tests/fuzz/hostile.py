"""Reads files that are made to exhaust time or memory, or to write to a terminal; one process.

    python -m tests.fuzz.hostile      prints a line of JSON for each document

Time is the processor's, so that other load does not count; memory is limited, so that a document
that needs more fails here and not on the computer.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from falcon_ctl.errors import CtlError
from falcon_ctl.sweeps import points, spec
from falcon_ctl.sweeps.journal import opened
from falcon_ctl.systems.catalogue import BY_NAME
from rxpath.config import costs, profiles
from rxpath.errors import RxPathError
from rxpath.live import config
from rxpath.policies import custom
from topo.errors import TopoError
from topo.spec.yaml_file import from_file
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import load_entries
from v1switch.errors import SwitchError
from v1switch.io.captures import read_frames
from v1switch.program.loader import load_file

MORE_MB = 200  # that a document may take
PROGRAM = Path(__file__).parents[1] / "v1switch" / "programs" / "compiled" / "tables.json"
ESCAPE = "\x1b[2J\u202e"
QUOTES = '"""'

Document = tuple[str, str | bytes]


def bomb(form: str) -> str:
    """Nested aliases, nine of each in the next: 4 * 10^8 values."""
    body = {"list": "[{}]", "map": "{{{}}}", "merge": "{{<<: [{}]}}"}[form]
    lines = ["a: &a " + ("[x]" if form == "list" else "{x: 1}")]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        keys = [f"k{i}: " if form == "map" else "" for i in range(9)]
        lines.append(f"{name}: &{name} " + body.format(", ".join(f"{k}*{before}" for k in keys)))
    return "\n".join(lines)


def network(containers: int) -> str:
    """A topology of so many containers."""
    lines = ["tenants: {red: {vni: 1, vlan: 1, subnet: 10.0.0.0/8}}", "switches: {s1: {}}"]
    lines += ["machines: {m1: {}}", "links: [[s1, m1]]", "containers:"]
    names = range(containers)
    lines += [f"  c{i}: {{machine: m1, tenant: red, ip: 10.0.{i // 250}.{i % 250}}}" for i in names]
    return "\n".join(lines)


YAML: dict[str, str | bytes] = {
    **{f"bomb of a {form}": bomb(form) for form in ("list", "map", "merge")},
    "deep": "[" * 100_000,
    "deep mapping": "{a: " * 50_000,
    "deep block": "- " * 50_000,
    "many values": "[" + "a," * 400_000 + "]",
    "many containers": network(100_000),
    "too many containers": network(2_000),
    "many anchors": "".join(f"- &a{i} x\n" for i in range(30_000)),
    "many documents": "---\n" * 200_000,
    "a long key": "a" * 900_000 + ": 1",
    "an escape": f"tenants: {{'{ESCAPE}': {{zz: 1}}}}",
    "an escape in a scalar": 'name: "\\e[2J"',
    "bytes": b"\xff\xfe\x00\x01",
    "too long": " " * (1 << 21),
}
TOML: dict[str, str | bytes] = {
    "deep": "a=" + "[" * 100_000,
    "deep tables": "a=" + "{a=" * 50_000,
    "a deep key": "a" + ".a" * 100_000 + "=1",
    "a deep header": "['a'" + ".'b'" * 40_000 + "]",
    "quotes": "a=" + QUOTES + '\\"""' * 50_000,
    "a huge number": "a=0x" + "f" * 200_000,
    "many digits": "a=" + "1" * 200_000,
    "many tables": "".join(f"[a{i}]\nns=1\n" for i in range(15_000)),
    "an escape": f'["{ESCAPE}"]\nzz=1'.replace("\x1b", "\\u001b"),
    "a huge cost": "[x]\nper='frame'\nns=1000000000000\nsource='x'",
    "bytes": b"\xff\xfe\x00\x01",
    "too long": "#" * (1 << 20),
}
JSON: dict[str, str | bytes] = {
    "deep": "[" * 300_000,
    "deep objects": '{"a":' * 100_000,
    "many lists": "[" + "[]," * 1_200_000 + "1]",
    "many objects": "[" + '{"a":1},' * 400_000 + "1]",
    "many numbers": "[" + "1," * 1_500_000 + "1]",
    "many digits": "1" * 100_000,
    "an escape": json.dumps({ESCAPE: 1}, ensure_ascii=False).replace("\x1b", "\\u001b"),
    "bytes": b"\xff\xfe\x00\x01",
    "too long": " " * (17 << 20),
}
TEXT: dict[str, str | bytes] = {
    "deep": "updates { entity { register_entry { data { " + "tuple { members { " * 20_000,
    "many values": "updates { type: " + '"a" ' * 200_000,
    "an escape": f'updates {{ type: "{ESCAPE}" }}',
    "bytes": b"\xff\xfe\x00\x01",
    "too long": "\n" * (2 << 20),
}
COMMANDS: dict[str, str | bytes] = {
    "a long word": "table_add " + "x" * (4 << 20),
    "many words": "table_add " + "a " * 1_000_000,
    "an escape": f"table_add {ESCAPE} x",
    "bytes": b"\xff\xfe\x00\x01",
    "too long": "\n" * (5 << 20),
}
NANO = bytes.fromhex("4d3cb2a1020004000000000000000000ffffffff01000000")
CAPTURES: dict[str, str | bytes] = {
    "a huge frame": NANO + bytes(8) + b"\xff" * 8,
    "a huge block": bytes.fromhex("0a0d0d0afffffff04d3c2b1a") + b"\xff" * 100,
    "nothing": b"",
}
JOURNALS: dict[str, str | bytes] = {
    title: b"%08x %s\n" % (zlib.crc32(body), body)
    for title, body in {
        "deep": b"[" * 200_000,
        "a key of another type": b"[[], 1]",
        "no pair": b"1",
        "many digits": b"1" * 100_000,
    }.items()
}
POLICIES: dict[str, str | bytes] = {
    "deep": "x = " + "(" * 100_000,
    "an escape": f"raise ValueError({ESCAPE!r})",
    "a null": "x = '\x00'",
    "bytes": b"\xff\xfe\x00\x01",
    "too long": "#" * (2 << 20),
}


def _sweep(path: Path) -> None:
    points.expand(spec.read(path), BY_NAME)


def _entries(path: Path) -> None:
    plane = Dataplane(PythonEngine())
    plane.load(load_file(PROGRAM))
    load_entries(path, plane, PROGRAM.with_suffix(".p4info.txtpb"))


def _journal(path: Path) -> None:
    with opened(path.parent) as journal:
        if journal.dropped and not journal.rows:
            raise OSError(f"{journal.dropped} lines dropped")


READERS: dict[str, tuple[str, Callable[[Path], object], dict[str, str | bytes]]] = {
    "topology": ("t.yaml", from_file, YAML),
    "sweep": ("s.yaml", _sweep, YAML),
    "costs": ("c.toml", lambda path: costs.load(str(path)), TOML),
    "chain": ("c.toml", lambda path: profiles.chains(f"{path}:x"), TOML),
    "machine": ("m.json", config.load, JSON),
    "program": ("p.json", load_file, JSON),
    "entries, json": ("e.json", _entries, JSON),
    "entries, commands": ("e.txt", _entries, COMMANDS),
    "entries, messages": ("e.txtpb", _entries, TEXT),
    "capture": ("p.pcap", lambda path: list(read_frames(path)), CAPTURES),
    "journal": ("journal", _journal, JOURNALS),
    "policy": ("p.py", lambda path: custom.load(f"{path}:f"), POLICIES),
}
REFUSALS = (TopoError, CtlError, RxPathError, SwitchError, OSError)


def refusals() -> Iterator[dict[str, object]]:
    """Read every document; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        for reader, (name, read, documents) in READERS.items():
            for title, content in documents.items():
                path = Path(folder, name)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
                started, said = time.process_time(), "accepted"
                try:
                    read(path)
                except REFUSALS as error:
                    said = str(error)
                except BaseException as error:  # noqa: BLE001  # the finding
                    said = f"CRASHED: {type(error).__name__}: {error}"[:200]
                took = time.process_time() - started
                yield {"reader": reader, "document": title, "seconds": took, "said": said}


def main() -> None:
    """Print a line for each document."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        pages = int(file.read().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + (MORE_MB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for found in refusals():
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    sys.exit(main())
