"""`python -m v1switch.engines.native.helpers BITCODE OBJECT`: compile the helpers into two files.

A process of its own does this once for a machine: a switch that runs does not load Numba. The
process has a low priority and ends with the one that started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from v1switch.engines.native.helpers.build import build

_PR_SET_PDEATHSIG = 1  # uapi linux/prctl.h
_NICE = 5


def main(arguments: list[str]) -> None:
    """Write both files; each appears complete or not at all."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICE)
    for path, content in zip(map(Path, arguments), build(), strict=True):
        draft = path.with_suffix(".draft")
        draft.write_bytes(content)
        draft.rename(path)


main(sys.argv[1:])
