"""`python -m v1switch.native PROGRAM.json …`: compile programs ahead of time, once for a machine.

The switch starts the same with a file of generated source.
"""

from __future__ import annotations

import sys
from pathlib import Path

from v1switch.errors import SwitchError
from v1switch.native.build import build, compile_alone
from v1switch.native.errors import NotNative
from v1switch.program.loader import load_file


def main() -> int:
    """Compile all files; 2 when one of them is no program."""
    for path in map(Path, sys.argv[1:]):
        if path.suffix == ".py":
            compile_alone(path)
            continue
        try:
            plan = build(load_file(path))
        except (SwitchError, NotNative, OSError) as error:
            sys.stderr.write(f"v1switch: {path}: {error}\n")
            return 2
        sys.stdout.write(f"{path}: machine code after {plan.seconds:.1f} s\n")
    return 0


sys.exit(main())
