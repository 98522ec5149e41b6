"""System calls that Python's standard library lacks before 3.12."""

import ctypes
import os
import resource
import select
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 0x2, 0x4, 0x8, 0x1000  # include/uapi/linux/mount.h
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MAX_FILES = 16_384
CAPABILITY_VERSION_3 = 0x20080522  # include/uapi/linux/capability.h

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)); OSError when the kernel refuses."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Move this thread into the namespace behind `fd` (setns(2)).

    With a pidfd, into every namespace in `kind` of that process at once (Linux 5.8).
    """
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
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def syscall(number: int, *arguments: int | bytes | ctypes.Structure | None, what: str) -> int:
    """Make a system call that the C library has no function for (syscall(2))."""
    passed = [
        ctypes.c_long(value) if isinstance(value, int)
        else ctypes.byref(value) if isinstance(value, ctypes.Structure)
        else value
        for value in arguments
    ]  # fmt: skip
    return _check(_libc.syscall(ctypes.c_long(number), *passed), what)


def prctl(option: int, argument: int = 0) -> None:
    """Change an attribute of this process (prctl(2)) with one argument."""
    rest = [ctypes.c_ulong(value) for value in (argument, 0, 0, 0)]
    _check(_libc.prctl(option, *rest), f"prctl {option}")


def set_capabilities(mask: int) -> None:
    """Set the permitted and effective capabilities, bit by number; none is inheritable (capset(2)).

    The structures are ``__user_cap_header_struct`` and two ``__user_cap_data_struct``.
    """
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")


def wait_readable(fds: Sequence[int], timeout: float | None = None) -> list[int]:
    """Which descriptors become readable within `timeout` seconds (poll(2): any number may be)."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return [fd for fd, _ in poller.poll(None if timeout is None else 1000 * timeout)]


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
