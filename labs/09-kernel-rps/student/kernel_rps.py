"""Read what Linux says about its receive path, and steer it by RPS masks.

python3 kernel_rps.py report FOLDER    # a recorded run, by your functions
python3 kernel_rps.py masks            # the masks for this computer, by your functions
"""

import os
import sys
from pathlib import Path

STAGES = ("l9nic", "l9vxlan", "l9eth")  # the devices of the three softirqs, in a packet's order


def mask_of(cpus):
    """The CPUs as sysfs takes them: hexadecimal, a comma after each 32 bits from the right.

    mask_of([0, 2]) is "5", mask_of([32]) is "1,00000000", mask_of([]) is "0" (RPS is off).
    """
    raise NotImplementedError("mask_of: collect one bit for each CPU, print it in words of 32 bits")


def cpus_of(mask):
    """The CPUs of a mask as sysfs shows it, in ascending order. Takes any number of words."""
    raise NotImplementedError("cpus_of: the opposite of mask_of")


def softnet(text):
    """/proc/net/softnet_stat as {cpu: {"processed", "dropped", "time_squeeze", "received_rps"}}.

    One CPU a line; the handout has the columns, and what older kernels lack.
    """
    raise NotImplementedError("softnet: split each line, read its columns")


def increase(before, after):
    """How much each counter of each CPU went up between two readings of softnet().

    An "after" may be smaller than its "before"; a CPU may be in `after` only.
    """
    raise NotImplementedError("increase: subtract, as the kernel counts")


def stages(trace):
    """Where each stage ran: {device: {cpu: packets}} of the devices in STAGES that the trace shows.

    One event a line; the handout has a few, and what they mean.
    """
    raise NotImplementedError("stages: find the lines that show where a stage ran, and count")


def pipelined(ran):
    """Whether neighbouring stages ran on different CPUs; a stage's CPU is that of most packets."""
    raise NotImplementedError("pipelined: compare the CPU of each stage with that of the next")


def choose_masks(cpus, irq_cpu):
    """An RPS mask for each device of STAGES, so that one flow's stages run on different CPUs.

    `cpus` are the CPUs that are online, `irq_cpu` is the one that takes the NIC's interrupts. With
    more than three CPUs no two stages share one, none has the interrupts', and all others are used:
    dealt out in turn, so that many flows have room, too. With fewer, neighbours differ.
    Returns {device: mask}.
    """
    raise NotImplementedError("choose_masks: give each device CPUs of its own")


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
