"""Put the daemon into namespaces of its own, so that the network ends whenever the daemon does.

Network, PID and mount namespaces and, for an ordinary user, a user namespace that maps him to root.
Process 1 inside is a small init: it starts the daemon, reaps orphans, and ends when the daemon
ends. The kernel then kills every process inside (pid_namespaces(7)) and removes the interfaces.
"""

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from topo.system import linux
from topo.system.python import PACKAGES

SYSCTLS = Path("/proc/sys")
_PROBE = """
import sys
sys.path.append(sys.argv[1])
from topo.system import namespaces
namespaces.try_and_exit()
"""  # of the standard library only, and without site-packages: it starts in milliseconds
# (sysctl, the value that forbids, what to set): how distributions deny user namespaces to ordinary
# users.
RESTRICTIONS = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "=0 (Ubuntu 23.10 and later)"),
    ("kernel/unprivileged_userns_clone", "0", "=1 (Debian)"),
    ("user/max_user_namespaces", "0", "=15000"),
)


class Refused(Exception):
    """The kernel refuses namespaces; the text says why and what to do about it."""


def enter(keep: Path) -> int:
    """Become process 1 of new namespaces; in the caller, return that process's number.

    Returns 0 in process 1, as os.fork does. `keep` is a directory that must stay reachable under
    its path. Raises Refused, in process 1 for errors after the fork, otherwise in the caller.
    """
    uid, gid = os.geteuid(), os.getegid()
    kinds = linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID
    try:
        linux.unshare(kinds if uid == 0 else kinds | linux.CLONE_NEWUSER)
        if uid != 0:
            _become_root(uid, gid)
    except OSError as err:
        raise Refused(refusal(err, uid)) from err
    child = os.fork()
    if child == 0:
        try:
            _mount(keep)
        except OSError as err:
            raise Refused(refusal(err, uid)) from err
    return child


def _become_root(uid: int, gid: int) -> None:
    """Map root inside to the user outside, user_namespaces(7)."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _mount(keep: Path) -> None:
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("proc", "/proc", "proc", flags)
    held = os.open(keep, os.O_PATH | os.O_DIRECTORY)
    try:
        linux.mount("tmpfs", "/run", "tmpfs", flags, "mode=755")
        if not keep.exists():  # it was below /run
            keep.mkdir(parents=True, mode=0o700)
            linux.mount(f"/proc/self/fd/{held}", os.fspath(keep), "", linux.MS_BIND)
    finally:
        os.close(held)


def refusal(err: OSError, uid: int) -> str:
    """Why user `uid` was refused namespaces, and what to do about it."""
    if uid != 0 and (reason := _restriction()):
        return reason
    if err.filename and str(err.filename).startswith("mount"):
        return (
            f"cannot {err.filename}: {err.strerror}; a container that hides parts of /proc does "
            "not allow it (docker run --privileged, or --security-opt systempaths=unconfined)"
        )
    if err.errno == errno.ENOSPC:
        return "no more namespaces: raise the sysctls user.max_*_namespaces"
    if uid == 0:
        return (
            f"root may not create namespaces here ({err.strerror}): CAP_SYS_ADMIN is missing, "
            "as in a container without --privileged"
        )
    return (
        f"user namespaces are not allowed for you ({err.strerror}): expected a kernel with "
        "CONFIG_USER_NS and no seccomp filter or container that forbids unshare(2)"
    )


def _restriction() -> str | None:
    """Which sysctl denies user namespaces to ordinary users, if one does."""
    for name, forbids, remedy in RESTRICTIONS:
        with contextlib.suppress(OSError):
            if (SYSCTLS / name).read_text().strip() == forbids:
                key = name.replace("/", ".")
                return f"user namespaces are not allowed for you: sudo sysctl -w {key}{remedy}"
    return None


def run_as_init(daemon: Callable[[], int]) -> NoReturn:
    """As process 1: run `daemon` in a child, reap orphans until it ends, exit with its status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = daemon()
        finally:
            os._exit(status)
    os.closerange(0, 1 << 16)  # the starter must see end of file when the daemon ends
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def probe() -> str | None:
    """Try namespaces in another program; return why they are refused, or None.

    A fork of this process would not do: where gRPC runs it starts its threads again after each
    fork, which a process may not do whose children enter another PID namespace, and aborts.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROBE, str(PACKAGES)],
        stdout=subprocess.PIPE, check=False, text=True, cwd="/",
    )  # fmt: skip
    return done.stdout or None


def try_and_exit() -> NoReturn:
    """Enter namespaces and leave again; print why they are refused, if they are."""
    status = 1
    try:
        init = enter(Path("/"))
        if init:
            os.waitpid(init, 0)
        status = 0
    except Refused as err:
        os.write(1, str(err).encode())
    finally:
        os._exit(status)
