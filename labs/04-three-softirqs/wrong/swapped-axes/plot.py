"""Lab 4: the curve of received against offered load. `python plot.py` writes curve.png."""

import pandas as pd
from matplotlib.figure import Figure

import host
import predict


def curve(rates: list[float], cores: list[int], given: dict) -> pd.DataFrame:
    """Measure each of the rates with host.measure(); one row a rate.

    Columns: offered_kpps, received_kpps (thousands of packets/s), latency_us, busiest_percent (of
    the core that is busiest).
    """
    rows = []
    for rate in rates:
        found = host.measure(rate, cores, given)
        rows.append(
            {
                "offered_kpps": found["offered_pps"] / 1000,
                "received_kpps": found["received_pps"] / 1000,
                "latency_us": found["latency_us"],
                "busiest_percent": max(found["busy"].values()),
            }
        )
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, predicted_kpps: float) -> Figure:
    """Draw received_kpps over offered_kpps, and the predicted saturation as a horizontal line.

    Both axes have a label with the unit.
    """
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(table["received_kpps"], table["offered_kpps"], marker="o", label="measured")
    axes.axhline(predicted_kpps, linestyle="--", color="0.5", label="predicted saturation")
    axes.set(xlabel="offered load (kpps)", ylabel="received (kpps)")
    axes.legend()
    return figure


if __name__ == "__main__":
    given, cores = host.load_given(), [1, 1, 1]
    stage_ns = predict.stage_costs(given["stages"], given["costs"])
    core_ns = predict.core_costs(stage_ns, cores, given["send_ns"], given["receive_ns"])
    limit = predict.saturation(core_ns)
    table = curve([limit * part / 8 for part in range(1, 15)], cores, given)
    print(table.round(1).to_string(index=False))
    draw(table, limit / 1000).savefig("curve.png")
    print("curve.png is your picture")
