"""`v1switch link DIR`: this switch under BMv2's names, for launchers that know only those.

Each of `simple_switch` and `simple_switch_grpc` is a small Python script. A process started by
one bears its name, as scripts end switches by it: the kernel takes the name of a script for the
process's (comm), and the script puts its own in front of the arguments (ps, pkill -f, killall).
"""

from __future__ import annotations

import sys
from pathlib import Path

from v1switch.commands.parsing import Parser
from v1switch.errors import SwitchError, escaped

NAMES = ("simple_switch", "simple_switch_grpc")
MARK = "# made by `v1switch link`"
LONGEST_SHEBANG = 127  # bytes that every Linux takes (BINPRM_BUF_SIZE before 5.1)
SCRIPT = """{interpreter}
{mark}: v1switch with the command line of {name}
import sys

sys.path[0] = {root!r}
from v1switch.commands.main import run

run({name!r})
"""


def main(argv: list[str]) -> int:
    """Make the commands in a directory; 0, or 2 when it cannot be written to."""
    directory = arguments().parse_args(argv).directory
    try:
        for path in link(directory):
            print(path)
    except OSError as error:
        reason = f"{error.strerror}, expected a directory that can be written to"
        sys.stderr.write(f"v1switch: link {escaped(str(directory))}: {reason}\n")
        return 2
    except SwitchError as error:
        sys.stderr.write(f"v1switch: {escaped(str(error))}\n")
        return 2
    return 0


def arguments() -> Parser:
    """The parser of its arguments."""
    made = Parser(prog="v1switch link", description="Make simple_switch and simple_switch_grpc.")
    made.add_argument("directory", type=Path, metavar="DIR", help="is made if missing")
    return made


def link(directory: Path) -> list[Path]:
    """Make the commands and return their paths; raises OSError, SwitchError."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / name for name in NAMES]
    for path in paths:
        if path.is_symlink() or (path.exists() and MARK.encode() not in _start(path)):
            raise SwitchError(f"link: {path} is another program, expected a place for a new file")
    for path in paths:
        text = SCRIPT.format(
            interpreter=_interpreter(sys.executable),
            mark=MARK,
            name=path.name,
            root=str(Path(__file__).resolve().parents[2]),
        )
        path.write_text(text)
        path.chmod(0o755)
    return paths


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _interpreter(executable: str) -> str:
    """The first lines of a script: a path that is long or has blanks needs the shell's help."""
    line = f"#!{executable}"
    if len(line.encode()) <= LONGEST_SHEBANG and not any(map(str.isspace, executable)):
        return line
    quoted = executable.replace("'", "'\\''")
    return f"#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''"
