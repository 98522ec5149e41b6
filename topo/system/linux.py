"""System calls that Python's standard library lacks before 3.12."""

import ctypes
import os
import resource
import threading
from collections.abc import Callable
from typing import TypeVar

CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 0x2, 0x4, 0x8, 0x1000  # include/uapi/linux/mount.h
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MAX_FILES = 16_384

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)); OSError when the kernel refuses."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Move this thread into the namespace behind `fd` (setns(2))."""
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """Attach a file system at `target` (mount(2))."""
    args = [text.encode() for text in (source, target, fstype)]
    _check(_libc.mount(*args, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def allow_files() -> int:
    """Raise this process's limit of open files as far as is useful; return the limit.

    A network of 64 machines with 4 containers each needs 1,500 (getrlimit(2), RLIMIT_NOFILE).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def within_netns(fd: int, action: Callable[[], T]) -> T:
    """Run `action` in a thread of its own inside the network namespace behind `fd`.

    Each thread has its own network namespace (network_namespaces(7)), so the caller's does not
    change; sockets that `action` opens stay in the namespace. Returns its result, raises its error.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def enter_and_act() -> None:
        try:
            setns(fd, CLONE_NEWNET)
            results.append(action())
        except BaseException as err:  # noqa: BLE001  # raised again in the caller's thread
            errors.append(err)

    thread = threading.Thread(target=enter_and_act, name="netns")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
