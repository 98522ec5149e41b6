"""A packet's path through one switch: tables and statements, with their lines of P4. Pure.

Made of v1switch's explanation (docs/explain.md, "JSON"), which has every step and is a hundred
times as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Steps = Sequence[Mapping[str, Any]]
_OWN = ("scalars.tmp", "standard_metadata.")  # the compiler's and the switch's, not the program's


def hop(switch: str, port: int, explanation: Mapping[str, Any]) -> dict[str, Any]:
    """A packet in one switch.

    ``tables``: name, result, key, entry, action, source each; ``statements``, those that changed
    something: statement, effect, source each. ``ends``: where the packet went.
    """
    stages = [stage for one in explanation["passes"] for stage in one["stages"]]
    steps = [step for stage in stages for step in _walk(stage["steps"])]
    headers = [step["header"] for step in steps if step["step"] == "extract"]
    return {
        "switch": switch,
        "port": port,
        "headers": ", ".join(headers),
        "tables": [_table(step) for step in steps if step["step"] == "table" and step["source"]],
        "statements": [row for step in steps if step["step"] == "primitive" for row in _did(step)],
        "ends": "; ".join(_ends(steps)),
    }


def _walk(steps: Steps) -> Iterator[Mapping[str, Any]]:
    """All steps, those inside of states and actions, too."""
    for step in steps:
        yield step
        yield from _walk(step.get("steps", ()))
        action = step.get("action")
        if isinstance(action, Mapping):
            yield from _walk(action["steps"])


def _table(step: Mapping[str, Any]) -> list[str]:
    key = ", ".join(f"{part['name']} {part['text']}" for part in step["key"])
    entry, action = step["entry"], step["action"]
    text = "none" if entry is None else _entry(entry)
    done = "none"
    if action is not None:
        params = ", ".join(f"{param['name']} = {param['text']}" for param in action["params"])
        done = f"{action['name'].rsplit('.', 1)[-1]}({params})"
    return [step["table"], step["result"], key, text, done, source(step["source"])]


def _entry(entry: Mapping[str, Any]) -> str:
    text = ", ".join(f"{part['name']} {part['text']}" for part in entry["match"])
    priority = entry["priority"]
    return (text or "matches all") + (f", priority {priority}" if priority else "")


def _did(step: Mapping[str, Any]) -> Iterator[list[str]]:
    """A row for each field, header or register that a statement changed.

    Counters are left out: v1switch begins at 0, the network's switch has counted other packets.
    """
    if step["source"] is None:
        return
    for effect in step["effects"]:
        own = effect["kind"] == "counter" or effect["name"].startswith(_OWN)
        if effect["old"] != effect["new"] and not own:
            index = "" if "index" not in effect else f"[{effect['index']}]"
            changed = f"{_name(effect['name'])}{index} = {effect['text']}"
            yield [step["statement"], changed, source(step["source"])]


def _name(name: str) -> str:
    """As the program calls its metadata: BMv2's JSON has it as `scalars.metadata_t._vni3`."""
    head, dot, field = name.rpartition("._")
    if dot and head.startswith("scalars."):
        return f"meta.{field.rstrip('0123456789')}"
    return name.removeprefix("scalars.")


def _ends(steps: Steps) -> Iterator[str]:
    for step in steps:
        if step["step"] == "send":
            where = "to the controller" if step["to_controller"] else f"out of port {step['port']}"
            yield f"{step['length']} bytes leave {where}"
        elif step["step"] == "drop":
            yield f"dropped: {step['reason']}"


def source(place: Mapping[str, Any] | None) -> str:
    """File and line, as editors take it."""
    return "" if place is None else f"{place['file']}:{place['line']}"
