"""Runs the container overlay without steering, and with your choose.py, and draws both.

    python look.py            # writes timeline.png, prints a table
    python look.py 6          # with six flows

A lane of the picture is a core. The same packet has the same arrows through the lanes.
"""

import sys
from pathlib import Path

from falcon_ctl import lab
from falcon_ctl.errors import CtlError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

cpus = tomllib.loads(Path("given.toml").read_text())["falcon_cpus"]
flows = int(sys.argv[1]) if len(sys.argv) > 1 else 1
try:
    with lab.up("pair", clock="virtual") as net:
        net.use("overlay").send(flows, rate=900e3 / flows, ms=5)
        net.use(policy="choose.py:choose", falcon_cpus=cpus, order="none").send(
            flows, rate=900e3 / flows, ms=5
        )
        table = net.table()[["system", "pps", "p50_us", "p99_us", "lost", "reordered", "cores"]]
        print(table.to_string(index=False))
        print(f"wrote {net.trace('timeline.png')}")
except CtlError as error:
    sys.exit(str(error))
