"""A student who divides the whole cost by three cores."""


def answers(given):
    sums = [sum(given["costs"][name] for name in s["functions"]) for s in given["stages"]]
    return {
        "overlay_kpps": round(1e6 / sum(sums), 2),
        "pipeline_kpps": round(3e6 / sum(sums), 2),
        "pipeline_slowest": "vxlan0",
        "two_cores_cut_before": "vxlan0",
        "two_cores_kpps": round(2e6 / sum(sums), 2),
    }
