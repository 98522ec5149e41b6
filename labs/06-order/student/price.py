"""What order costs: FALCON without a guard, with RFS's rule and with hand-over, under your load.

python price.py           # the load of given.toml: ten flows on six cores, one of them surges
"""

from pathlib import Path

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

from falcon_ctl.papers.layout import BUSY
from falcon_ctl.papers.loads import TESTBED
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import measure

WAYS = {"falcon-published": "none", "falcon-rfs": "rfs", "falcon": "handover"}


def found(given):
    """The model's counters of the three systems."""
    knobs = merge_knobs(TESTBED, BUSY.knobs)
    rates = (float(given["price_rate"]),) * 10
    load = Stream(rates, 10, warm_ms=5, surge=4.0, surging=1, paced=True, message=16, knobs=knobs)
    return {name: measure(BY_NAME[name], load, given["price_seed"]) for name in WAYS}


def main():
    """Print them."""
    given = tomllib.loads((Path(__file__).parent / "given.toml").read_text())
    print("guard         packets/s  delivered  reordered    held   sum of holds     p99")
    for name, metrics in found(given).items():
        latency = metrics.latency_us(0.99)
        print(
            f"{WAYS[name]:<10}{metrics.pps:13,.0f}{metrics.delivered:11,}{metrics.reordered:11,}"
            f"{metrics.held:8,}{metrics.held_ns / 1000:12,.0f} us{latency:6,.0f} us"
        )


if __name__ == "__main__":
    main()
