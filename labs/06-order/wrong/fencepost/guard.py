"""Lab 6, tasks 3 and 4: two guards that keep a flow in order while it moves between cores."""


def rfs(table, flow, wanted, heads, tails):
    """The core where a packet of `flow` is queued: the old one until that is done with the flow."""
    core, tail = table.get(flow, (wanted, 0))
    if heads[core] >= tail:
        core = wanted
    table[flow] = core, tails[core]
    return core


def handover(table, flow, wanted, heads, tails):
    """(core, held): the new core at once, where it is held until the old one is done."""
    entry = table.setdefault(flow, {"core": wanted, "tail": 0, "old": None, "held": 0})
    core = entry["core"]
    if entry["old"] is not None:  # it moves no further until the hand-over is done
        entry["held"] += 1
        return core, True
    if wanted != core and heads[core] < entry["tail"]:
        entry.update(core=wanted, old=core, held=1)
        return wanted, True
    entry.update(core=wanted, tail=tails[wanted] + 1)
    return wanted, False


def release(table, core, heads, tails):
    """A flow whose old core is `core` and has finished the flow's packets."""
    for flow, entry in table.items():
        if entry["old"] == core and heads[core] >= entry["tail"]:
            entry.update(old=None, tail=tails[entry["core"]] + entry["held"])
            return flow
    return None
