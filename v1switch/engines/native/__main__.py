"""`python -m v1switch.engines.native [PROGRAM.json ...]`: compile ahead of time.

The helpers are compiled once for a machine; programs that are named are compiled as well.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from v1switch.engines.native import cache
from v1switch.engines.native.compile import compile_switch
from v1switch.engines.native.errors import NotNative
from v1switch.errors import SwitchError
from v1switch.lower import lower
from v1switch.program.loader import load_file


def main(arguments: list[str]) -> int:
    """Compile the helpers and all files; 2 when one of them is no program."""
    started = time.perf_counter()
    cache.helpers()
    sys.stdout.write(f"helpers: compiled after {time.perf_counter() - started:.1f} s\n")
    for path in map(Path, arguments):
        try:
            compiled = compile_switch(lower(load_file(path)))
        except (SwitchError, NotNative, OSError) as error:
            sys.stderr.write(f"v1switch: {path}: {error}\n")
            return 2
        sys.stdout.write(f"{path}: machine code after {compiled.seconds:.2f} s\n")
    return 0


signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to undo: the cache's files are written whole
sys.exit(main(sys.argv[1:]))
