"""Read what Linux says about its receive path, and steer it by RPS masks.

python3 kernel_rps.py report FOLDER    # a recorded run, by your functions
python3 kernel_rps.py masks            # the masks for this computer, by your functions
"""

import os
import re
import sys
from itertools import pairwise
from pathlib import Path

STAGES = ("l9nic", "l9vxlan", "l9eth")  # the devices of the three softirqs, in a packet's order
RECEIVED = re.compile(r"\[(\d+)\].* netif_receive_skb: dev=(\S+) ")


def mask_of(cpus):
    """The CPUs as sysfs takes them: hexadecimal, a comma after each 32 bits from the right.

    mask_of([0, 2]) is "5", mask_of([32]) is "1,00000000", mask_of([]) is "0" (RPS is off).
    """
    bits = sum(1 << cpu for cpu in set(cpus))
    words = []
    while bits >> 32:
        words.append(f"{bits & 0xFFFFFFFF:08x}")
        bits >>= 32
    return ",".join([f"{bits:x}", *reversed(words)])


def cpus_of(mask):
    """The CPUs of a mask as sysfs shows it, in ascending order. Takes any number of words."""
    bits = int(mask.strip().replace(",", ""), 16)
    return [cpu for cpu in range(bits.bit_length()) if bits >> cpu & 1]


def softnet(text):
    """/proc/net/softnet_stat as {cpu: {"processed", "dropped", "time_squeeze", "received_rps"}}.

    All columns are hexadecimal. Column 0 counts the packets processed, 1 those that found a full
    backlog, 2 the polls that ended with work left, 9 how often another CPU woke this one for RPS.
    Column 12 is the CPU, since Linux 5.10; older kernels have 10 or 11 columns, and there the
    line's number is all that there is.
    """
    counters = {}
    for number, line in enumerate(text.splitlines()):
        columns = [int(word, 16) for word in line.split()]
        cpu = columns[12] if len(columns) > 12 else number
        counters[cpu] = {
            "processed": columns[0],
            "dropped": columns[1],
            "time_squeeze": columns[2],
            "received_rps": columns[9],
        }
    return counters


def increase(before, after):
    """How much each counter of each CPU went up between two readings of softnet().

    The counters have 32 bits and start again at 0. A CPU that came online in between started at 0.
    """
    return {
        cpu: {
            name: (value - before.get(cpu, {}).get(name, 0)) % 2**32
            for name, value in counters.items()
        }
        for cpu, counters in after.items()
    }


def stages(trace):
    """Where each stage ran: {device: {cpu: packets}} of the devices in STAGES that the trace shows.

    netif_receive_skb comes in front of the protocols' work, behind RPS's choice of the CPU.
    netif_rx is where a packet is queued, on the CPU of the stage before.
    """
    ran = {}
    for line in trace.splitlines():
        words = line.split()
        if len(words) > 5 and words[4] == "netif_receive_skb:" and words[5][4:] in STAGES:
            cpus = ran.setdefault(words[5][4:], {})
            cpus[int(words[1][1:-1])] = cpus.get(int(words[1][1:-1]), 0) + 1
    return ran


def pipelined(ran):
    """Whether neighbouring stages ran on different CPUs; a stage's CPU is that of most packets."""
    most = [max(ran[device], key=ran[device].get) for device in STAGES if device in ran]
    return all(one != next_one for one, next_one in pairwise(most))


def choose_masks(cpus, irq_cpu):
    """An RPS mask for each device of STAGES, so that one flow's stages run on different CPUs.

    `cpus` are the CPUs that are online, `irq_cpu` is the one that takes the NIC's interrupts. With
    more than three CPUs no two stages share one, none has the interrupts', and all others are used:
    dealt out in turn, so that many flows have room, too. With fewer, neighbours differ.
    Returns {device: mask}.
    """
    others = [cpu for cpu in cpus if cpu != irq_cpu]
    if len(others) >= len(STAGES):
        dealt = [others[place :: len(STAGES)] for place in range(len(STAGES))]
    else:
        turn = [*others, irq_cpu]
        dealt = [[turn[place % len(turn)]] for place in range(len(STAGES))]
    return {device: mask_of(part) for device, part in zip(STAGES, dealt, strict=True)}


def report(folder):
    """Print what the functions above say of one recorded run."""
    ran = stages((folder / "trace.txt").read_text())
    before = softnet((folder / "softnet-before.txt").read_text())
    after = softnet((folder / "softnet-after.txt").read_text())
    print((folder / "rps.txt").read_text().strip())
    for device, cpus in ran.items():
        print(f"{device:8} ran on", ", ".join(f"CPU {cpu}: {n}" for cpu, n in sorted(cpus.items())))
    for cpu, counters in increase(before, after).items():
        print(f"CPU {cpu:<4}", counters)
    print("pipelined:", pipelined(ran))


def main():
    """The command line."""
    if sys.argv[1:2] == ["report"] and len(sys.argv) == 3:
        report(Path(sys.argv[2]))
    elif sys.argv[1:] == ["masks"]:
        cpus = sorted(os.sched_getaffinity(0))
        for device, mask in choose_masks(cpus, cpus[0]).items():
            print("python overlay.py rps", device, mask)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
