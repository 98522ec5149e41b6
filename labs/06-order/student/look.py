"""What your guards do: in the small model of cores.py, and to the policy of moving.py.

python look.py            # the small model: none, rfs, handover
python look.py moving     # moving.py in the model of the receiving host, with its own guards
"""

import sys

import cores


def small(share=85, moves=24):
    """The three ways in the small model: flow 0, which moves."""
    import guard
    import metric

    ways = {
        "none": lambda table: (lambda f, w, h, t: (w, False), lambda c, h, t: None),
        "rfs": lambda table: (
            lambda f, w, h, t: (guard.rfs(table, f, w, h, t), False),
            lambda c, h, t: None,
        ),
        "handover": lambda table: (
            lambda f, w, h, t: guard.handover(table, f, w, h, t),
            lambda c, h, t: guard.release(table, c, h, t),
        ),
    }
    print("way       reordered  longest extent  p99 latency  held  mean hold  where wanted  stuck")
    for name, way in ways.items():
        packets, costs = cores.load(1, share, moves)
        try:
            outcome = cores.run(packets, costs, *way({}))
            numbers = outcome.numbers(0)
            reordered, extent = metric.ratio(numbers), max(metric.extents(numbers), default=0)
        except NotImplementedError as error:
            print(f"{name:<10}{error}")
            continue
        except cores.Wrong as error:
            print(f"{name:<10}the answer makes no sense: {error}")
            continue
        mine = [packet for packet in packets if packet.flow == 0]
        done = sorted(packet.done - packet.time for packet in mine if packet.done >= 0)
        held = [packet.held for packet in mine if packet.held]
        there = sum(packet.core == packet.wanted for packet in mine) / len(mine)
        mean = sum(held) / max(1, len(held)) / 1000
        print(
            f"{name:<10}{reordered:9.1%}{extent:16}{done[len(done) * 99 // 100] / 1000:10.0f} us"
            f"{len(held):6}{mean:8.1f} us{there:13.0%}{outcome.stuck:7}"
        )


def model():
    """The policy of moving.py, with the three guards that the model has."""
    from falcon_ctl import lab
    from falcon_ctl.errors import CtlError

    try:
        with lab.up("pair", clock="virtual") as net:
            for order in ("none", "rfs", "handover"):
                net.use(policy="moving.py:moving", order=order).send(rate=800e3, ms=5)
            columns = ["order", "pps", "p50_us", "p99_us", "lost", "delivered", "reordered"]
            print(net.table()[columns].to_string(index=False))
            print(f"wrote {net.trace('timeline.png')}")
    except CtlError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["moving"]):
        sys.exit("usage: python look.py, or python look.py moving")
    model() if sys.argv[1:] else small()
