"""Lab 8: stages that move away from loaded cores."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT

HIGH = 60  # percent: a stage may leave a core with this load ...
MARGIN = 30  # ... for one that has so much less
STEP = 30  # what a stage that moves is taken for until loads are measured again
ON = 70  # percent: below this average load steering is on again

MARK = 0  # places in host.memory: what loads were seen last,
OFF = 1  # whether steering is off,
EXTRA = 2  # by CPU: load that moves have brought since the last measurement
COUNT = 66  # by CPU: stages that are there
CORE = 130  # by flow and device: its CPU + 1, or 0
PLACES = 3900


def balance(packet, host):
    """The CPU that the flow has at this device; another one when that is loaded."""
    if packet.stage == SPLIT:
        return packet.here
    look(host)
    if host.memory[OFF]:
        return packet.here
    mixed = hash_32(packet.hash + packet.ifindex, 32)
    place = CORE + hash_32(mixed ^ mixed >> 15, 16) % PLACES
    if host.memory[place] == 0:
        cpu = fewest(host)
        host.memory[COUNT + cpu] += 1
        host.memory[place] = cpu + 1
    now = host.memory[place] - 1
    if load(host, now) < HIGH:
        return now
    best = lightest(host, now)
    if load(host, best) + MARGIN > load(host, now):
        return now
    host.memory[EXTRA + now] -= STEP
    host.memory[EXTRA + best] += STEP
    host.memory[COUNT + now] -= 1
    host.memory[COUNT + best] += 1
    host.memory[place] = best + 1
    return best


def look(host):
    """Has the load been measured again? Then forget the estimates, and switch off or on."""
    mark = 1
    for cpu in host.falcon_cpus:
        mark = (mark * 101 + host.load[cpu]) & 0xFFFFFFFFFFFF
    if mark != host.memory[MARK]:
        host.memory[MARK] = mark
        for cpu in host.falcon_cpus:
            host.memory[EXTRA + cpu] = 0
    if host.knobs.average_load >= host.knobs.threshold:
        host.memory[OFF] = 1


def load(host, cpu):
    """Percent: measured, and moved since."""
    return host.load[cpu] + host.memory[EXTRA + cpu]


def fewest(host):
    """The CPU with the fewest stages."""
    found = host.falcon_cpus[0]
    for cpu in host.falcon_cpus:
        if host.memory[COUNT + cpu] < host.memory[COUNT + found]:
            found = cpu
    return found


def lightest(host, now):
    """The CPU with the least load."""
    found = now
    for cpu in host.falcon_cpus:
        if load(host, cpu) < load(host, found):
            found = cpu
    return found
