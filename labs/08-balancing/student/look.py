"""Your balance.py under four loads, beside no steering and FALCON's two choices.

    python look.py               # all four, a few seconds
    python look.py surge 7       # one of them, with another seed, and timeline.png of the end

`held`: packets that were held for a hand-over, per packet delivered: the price of moving flows.
"""

import sys
from pathlib import Path

from falcon_ctl.papers.layout import BUSY
from falcon_ctl.papers.loads import TESTBED
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import FALCON, OVERLAY
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import measure
from rxpath.errors import RxPathError
from rxpath.policies import custom as policies

KNOBS = merge_knobs(TESTBED, BUSY.knobs)
LOADS = {
    "steady": Stream((150e3,) * 6, 8, warm_ms=8, paced=True, message=16, knobs=KNOBS),
    "surge": Stream(
        (120e3,) * 6, 15, warm_ms=5, surge=6.0, surging=1, paced=True, message=16, knobs=KNOBS
    ),
    "overload": Stream((100e3,) * 40, 5, warm_ms=10, paced=True, message=16, knobs=KNOBS),
    "many": Stream((14e3,) * 70, 6, warm_ms=5, paced=True, message=16, knobs=KNOBS),
}


def main():
    """Print the table."""
    chosen = [sys.argv[1]] if len(sys.argv) > 1 else list(LOADS)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not set(chosen) <= set(LOADS):
        sys.exit(f"{chosen[0]}: expected one of {', '.join(LOADS)}")
    own = custom.of_policy(policies.load("balance.py:balance"))
    print("load      system         packets/s    lost      p99    held")
    for name in chosen:
        for system in (OVERLAY, FALCON, own):
            found = measure(system, LOADS[name], seed)
            print(
                f"{name:<10}{system.name:<10}{found.pps:14,.0f}{found.lost / found.sent:8.1%}"
                f"{found.latency_us(0.99):6,.0f} us{found.held / found.delivered:8.2f}"
            )
    if len(chosen) == 1:
        draw(own, chosen[0], seed)


def draw(own, load, seed):
    """Write timeline.png: some packets of FALCON and of your policy."""
    from falcon_ctl.timeline import drawing, from_virtual  # Matplotlib: the table does without
    from falcon_ctl.timeline.build import Assembly

    assembly = Assembly(f"{load}, seed {seed}")
    for system in (FALCON, own):
        assembly.add(from_virtual.recorded(system, LOADS[load], seed, system.name), 10_000)
    Path("timeline.png").write_bytes(drawing.picture(assembly.timeline, "png"))
    print("wrote timeline.png")


if __name__ == "__main__":
    try:
        main()
    except RxPathError as error:
        sys.exit(str(error))
