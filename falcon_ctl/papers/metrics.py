"""What a panel shows of a run, in the plain units of `papers.data`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from falcon_ctl.papers.panel import ALL_CORES, Panel
from falcon_ctl.virtual.measure import Metrics

Metric = Callable[[Metrics, Panel, str], float]  # run, panel, place on the axis


def rate(run: Metrics, _panel: Panel, _x: str) -> float:
    """Messages/s that the applications read."""
    return run.messages_per_s


def goodput(run: Metrics, _panel: Panel, _x: str) -> float:
    """Bits/s that the applications read."""
    return run.gbit_per_s * 1e9


def latency(run: Metrics, _panel: Panel, x: str) -> float:
    """As `Metrics.latencies`, ns: `x` is mean, or p and a percentile."""
    return 1000 * (run.mean_us if x == "mean" else run.latency_us(float(x[1:]) / 100))


def half_rtt(run: Metrics, _panel: Panel, x: str) -> float:
    """What sockperf calls latency, ns: half a round trip; `x` is p and a percentile."""
    return 1000 * run.half_rtt_us(float(x[1:]) / 100)


def softirq(run: Metrics, _panel: Panel, x: str) -> float:
    """Interrupts and softirqs of a core, percent."""
    return _of_core(run.softirq, x)


def application(run: Metrics, _panel: Panel, x: str) -> float:
    """What is no softirq on a core, percent: the paper's user and system time."""
    total = _of_core(run.loads, x)
    return total - _of_core(run.softirq, x)


def _of_core(percents: Mapping[int, float], x: str) -> float:
    if x == ALL_CORES:
        return sum(percents.values())
    return percents.get(int(x.removeprefix("core ")), 0.0)


def core_share(run: Metrics, _panel: Panel, x: str) -> float:
    """What a core did, percent of what all cores did."""
    return 100 * _of_core(run.loads, x) / sum(run.loads.values())


def cpu(run: Metrics, panel: Panel, _x: str) -> float:
    """All that all cores did, percent of one core, or of each of the panel's cores."""
    return sum(run.loads.values()) / panel.cores


def softirqs(run: Metrics, _panel: Panel, _x: str) -> float:
    """Runs of net_rx_action a second on all cores, NET_RX of /proc/softirqs."""
    return run.net_rx


METRICS: Mapping[str, Metric] = {
    "rate": rate,
    "goodput": goodput,
    "latency": latency,
    "half rtt": half_rtt,
    "softirq": softirq,
    "application": application,
    "cpu": cpu,
    "core share": core_share,
    "softirqs": softirqs,
}


def cpu_per_message(run: Metrics) -> float:
    """CPU time of all cores for each message that was received, ns."""
    return sum(run.loads.values()) * 1e7 / run.messages_per_s if run.messages_per_s else math.inf
