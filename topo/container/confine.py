"""A container's confinement: namespaces, capabilities, keys, number of processes."""

import contextlib
import os
import resource

from topo.system import linux

# Kept, of include/uapi/linux/capability.h; all of them count in the container's own namespaces
# only. Missing are, for example, SYS_ADMIN (mount, namespaces), SYS_PTRACE, SYS_MODULE, MKNOD.
KEPT = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "FSETID": 4,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "SETPCAP": 8,
    "NET_BIND_SERVICE": 10,
    "NET_BROADCAST": 11,
    "NET_ADMIN": 12,
    "NET_RAW": 13,
    "SYS_CHROOT": 18,
}
NAMESPACES = (  # beside the user namespace, which comes first
    linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWCGROUP
)
PROCESSES = 1024  # processes and threads in a container
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 24, 38  # include/uapi/linux/prctl.h
KEYCTL = {"x86_64": 250}
KEYCTL_GENERIC = 219  # include/uapi/asm-generic/unistd.h: arm64, riscv64 …
KEYCTL_JOIN_SESSION_KEYRING = 1


def become_root() -> None:
    """Become user 0 of this user namespace, without further groups where they can be dropped."""
    with contextlib.suppress(PermissionError):  # an ordinary user's network: setgroups is denied
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def hide_from_tracers() -> None:
    """Keep the container's processes out of this one until it starts a program (prctl(2))."""
    linux.prctl(PR_SET_DUMPABLE, 0)


def give_up_privileges() -> None:
    """Keep only the capabilities in KEPT, for good, and limit the number of processes.

    A program that is started next has those as user 0 and none as another user; no file gives it
    more (no_new_privs). It gets a session keyring of its own: keys have no namespace.
    """
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    _leave_keyring()
    linux.prctl(PR_SET_NO_NEW_PRIVS, 1)
    with open("/proc/sys/kernel/cap_last_cap") as file:  # noqa: PTH123  # pathlib starts slowly
        last = int(file.read())
    for number in set(range(last + 1)) - set(KEPT.values()):
        linux.prctl(PR_CAPBSET_DROP, number)
    linux.set_capabilities(sum(1 << number for number in KEPT.values()))


def _leave_keyring() -> None:
    number = KEYCTL.get(os.uname().machine, KEYCTL_GENERIC)
    with contextlib.suppress(OSError):  # a kernel without keys, or a filter that denies the call
        linux.syscall(number, KEYCTL_JOIN_SESSION_KEYRING, None, what="keyctl")
