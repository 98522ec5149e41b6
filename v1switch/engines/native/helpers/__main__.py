"""`python -m v1switch.engines.native.helpers`: compile the helpers, and print their code.

A process of its own does this once for a machine: a switch that runs does not load Numba. The
process has a low priority and ends with the one that started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from v1switch.engines.native.helpers.build import build
from v1switch.engines.native.helpers.signatures import SIZE

_PR_SET_PDEATHSIG = 1  # uapi linux/prctl.h
_NICE = 5


def main() -> None:
    """Write the size of the bitcode, the bitcode and the object file to standard output."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICE)
    bitcode, loop = build()
    sys.stdout.buffer.write(SIZE.pack(len(bitcode)) + bitcode + loop)


main()
