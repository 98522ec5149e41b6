"""Guards in the small model of cores.py: what answers come to, and how long one has to hold."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from labs.checking import fail


@cache
def cores() -> ModuleType:
    """The lab's own copy of cores.py."""
    path = Path(__file__).parents[1] / "student" / "cores.py"
    spec = importlib.util.spec_from_file_location("labs_06_cores", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(load: dict[str, int], arrive: Any, release: Any) -> Any:
    """What a guard's answers come to. Fails the check where they make no sense."""
    model = cores()
    packets, costs = model.load(**load)
    try:
        return model.run(packets, costs, arrive, release)
    except model.Wrong as error:
        fail("a guard's answer makes no sense", seen=str(error))


def best(load: dict[str, int]) -> Any:
    """Hand-over done right: the flow's own last packet is waited for."""
    table: dict[int, dict[str, Any]] = {}

    def arrive(flow: int, wanted: int, heads: list[int], tails: list[int]) -> tuple[int, bool]:
        entry = table.setdefault(flow, {"core": wanted, "tail": 0, "old": None, "held": 0})
        if entry["old"] is not None:
            entry["held"] += 1
            return entry["core"], True
        core = entry["core"]
        if wanted != core and heads[core] < entry["tail"]:
            entry.update(core=wanted, old=core, held=1)
            return wanted, True
        entry.update(core=wanted, tail=tails[wanted] + 1)
        return wanted, False

    def release(core: int, heads: list[int], tails: list[int]) -> int | None:
        for flow, entry in table.items():
            if entry["old"] == core and heads[core] >= entry["tail"]:
                entry.update(old=None, tail=tails[entry["core"]] + entry["held"])
                return flow
        return None

    return run(load, arrive, release)


def moving(outcome: Any) -> list[Any]:
    """The packets of the flows that move."""
    return [packet for packet in outcome.packets if packet.flow in (0, 1)]


def there(outcome: Any) -> float:
    """The share of them that ran where they were wanted."""
    packets = moving(outcome)
    return sum(packet.core == packet.wanted for packet in packets) / len(packets)


def hold(outcome: Any) -> float:
    """ns that each of them was held, on the average."""
    packets = moving(outcome)
    return float(sum(packet.held for packet in packets) / len(packets))
