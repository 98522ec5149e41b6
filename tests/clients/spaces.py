"""Namespaces of a case's own: network, processes, mounts, IPC, host name.

Clients end processes by name (pkill, killall, mn -c), write to fixed files in /tmp and give
interfaces fixed names. In here that reaches nothing of the machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

KINDS = ("--net", "--mount", "--pid", "--ipc", "--uts")


def command(argv: Sequence[str]) -> list[str]:
    """A command that runs another as the first process of its own namespaces."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, *KINDS, "--fork", "--kill-child", "--mount-proc", *argv]


def furnish(tmp: Path) -> None:
    """Give the namespaces a /tmp, /run and /sys of their own, and loopback."""
    for mount in (
        ["--bind", str(tmp), "/tmp"],
        ["-t", "tmpfs", "run", "/run"],
        ["-t", "sysfs", "sysfs", "/sys"],
    ):
        subprocess.run(["mount", *mount], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for which in ("all", "default"):  # the kernel's own frames on new interfaces
        Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")


def reap(job: Callable[[], None]) -> int:
    """Run a job in a child while this process waits for orphans, as the first process has to."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            job()
            status = 0
        finally:
            os._exit(status)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def overlay(directory: Path, scratch: Path) -> None:
    """Let a directory of the machine be written to in here only; `scratch` takes what is."""
    upper, work = (scratch / f"{directory.name}-{part}" for part in ("upper", "work"))
    upper.mkdir()
    work.mkdir()
    options = f"lowerdir={directory},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, directory], check=True)
