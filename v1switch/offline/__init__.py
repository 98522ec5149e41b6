"""Work on files: no interface is opened and no server started, so it needs no rights.

`python -m v1switch explain PROGRAM …` tells a packet's way through a program,
`python -m v1switch run PROGRAM …` runs a program from capture file to capture file.
"""

from __future__ import annotations

from collections.abc import Callable

from v1switch.offline import explain, run

COMMANDS: dict[str, Callable[[list[str]], int]] = {"explain": explain.main, "run": run.main}
