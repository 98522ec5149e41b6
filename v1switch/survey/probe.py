"""`python -m v1switch.survey.probe PROGRAM SECONDS`: compile a program, with the cache off.

Prints one JSON object, a `Finding`. The process has to itself what it measures, and ends after so
many seconds of processor time whatever it does.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from pathlib import Path

from v1switch.engines.native.compile import load, object_code
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.printer.function import print_switch
from v1switch.errors import ProgramError
from v1switch.lower import lower
from v1switch.program.loader import load_file
from v1switch.program.model import Program
from v1switch.survey.finding import NATIVE, PARTLY, PYTHON, REFUSED, Finding


def probe(path: Path) -> Finding:
    """Load and compile a program."""
    try:
        program = load_file(path)
        started = time.process_time()
        found = _compile(program, str(path))
    except ProgramError as error:
        return Finding(str(path), REFUSED, error.subject, error.reason)
    except OSError as error:
        return Finding(str(path), REFUSED, reason=str(error.strerror))
    seconds = round(time.process_time() - started, 3)
    return Finding(str(path), *found, len(program.tables), seconds, peak_mib())


def _compile(program: Program, path: str) -> tuple[str, str, str]:
    """Result, object and reason of a program that loads; raises ProgramError."""
    switch = lower(program)
    try:
        printed = print_switch(switch)
        load(object_code(printed.text))
    except NotNative as reason:
        return PYTHON, program.name or path, str(reason)
    if printed.reasons:
        return PARTLY, "", "; ".join(printed.reasons)
    return NATIVE, "", ""


def peak_mib() -> int:
    """The most memory (MiB) that this process has had.

    Not `getrusage`: that counts what the process was before it became this program, too.
    """
    with Path("/proc/self/status").open() as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return kib >> 10


def main(arguments: list[str]) -> int:
    """Print what is found out about a program."""
    path, seconds = Path(arguments[0]), int(arguments[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(probe(path).as_dict()))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started it is interrupted, too
    sys.exit(main(sys.argv[1:]))
