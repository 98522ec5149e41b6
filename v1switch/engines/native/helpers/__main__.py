"""`python -m v1switch.engines.native.helpers BITCODE OBJECT`: compile the helpers into two files.

A process of its own does this once for a machine: a switch that runs does not load Numba.
"""

from __future__ import annotations

import sys
from pathlib import Path

from v1switch.engines.native.helpers.build import build


def main(arguments: list[str]) -> None:
    """Write both files; each appears complete or not at all."""
    for path, content in zip(map(Path, arguments), build(), strict=True):
        draft = path.with_suffix(".draft")
        draft.write_bytes(content)
        draft.rename(path)


main(sys.argv[1:])
