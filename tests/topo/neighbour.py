"""What another user of the computer tries against a network; prints {attempt: what was reached}.

    python neighbour.py '{"run_dir": "/tmp/…", "uid": 65534, "pids": [1234, …]}'

Standard library only. Each attempt returns a list of what it reached, which must be empty;
`tests.topo.test_topo_two_users` runs it as a second user, as root of a user namespace of that
user's, and, to see that it can reach something, as the owner.
"""

import ctypes
import json
import os
import platform
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
ATTEMPTS: dict[str, Callable[[dict[str, Any]], list[str]]] = {}
FILES = ("topo.json", "topo.log", "rx-m1.json", "rx-m1.log", "s1.log", "s1.log.txt", "records")
SOCKETS = ("topo.sock", "s1.p4rt.sock", "rx-m1.sock")
SECRET = "root cwd exe fd ns/net ns/user environ maps mem stack syscall".split()  # noqa: SIM905
KINDS = 0x10000000 | 0x20000 | 0x40000000  # CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
UID_COLUMN = 7  # of each table in /proc/net but unix
LISTENING = " 00010000 "  # __SO_ACCEPTCON, include/linux/net.h
VM_READV = 310 if platform.machine() == "x86_64" else 270


def attempt(function: Callable[[dict[str, Any]], list[str]]) -> Callable[..., list[str]]:
    ATTEMPTS[function.__name__] = function
    return function


def reached(names: Iterable[object], action: Callable[[Any], object]) -> list[str]:
    """Those for which `action` raises nothing."""
    return [str(name) for name in names if _works(action, name)]


def _works(action: Callable[[Any], object], name: object) -> bool:
    try:
        action(name)
    except OSError:
        return False
    return True


def checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")


def open_and_close(path: str, flags: int = os.O_RDONLY) -> None:
    os.close(os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC))


@attempt
def reading_the_run_directory(given: dict[str, Any]) -> list[str]:
    found = reached([given["run_dir"]], os.listdir)
    return found + reached((f"{given['run_dir']}/{name}" for name in FILES + SOCKETS), os.stat)


@attempt
def opening_files(given: dict[str, Any]) -> list[str]:
    return reached((f"{given['run_dir']}/{name}" for name in FILES), open_and_close)


@attempt
def connecting_to_sockets(given: dict[str, Any]) -> list[str]:
    def connect(name: str) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(f"{given['run_dir']}/{name}")

    return reached(SOCKETS, connect)


@attempt
def changing_the_run_directory(given: dict[str, Any]) -> list[str]:
    def make(name: str) -> None:
        path = f"{given['run_dir']}/{name}"
        open_and_close(path, os.O_CREAT | os.O_WRONLY)
        os.unlink(path)  # noqa: PTH108

    return reached(["planted", "x.sock"], make)


@attempt
def taking_its_place(given: dict[str, Any]) -> list[str]:
    """Rename it away, or onto itself; put a lock on it, which would keep `up` and `down` out."""
    done = reached([given["run_dir"]], lambda path: os.rename(path, f"{path}.gone"))  # noqa: PTH104
    if done:
        os.rename(f"{given['run_dir']}.gone", given["run_dir"])  # noqa: PTH104
    done += reached([given["run_dir"]], os.rmdir)
    return done + reached([given["run_dir"]], open_and_close)


@attempt
def looking_into_processes(given: dict[str, Any]) -> list[str]:
    paths = [f"/proc/{pid}/{name}" for pid in given["pids"] for name in SECRET]

    def look(path: str) -> None:
        if path.endswith("/fd"):
            os.listdir(path)  # noqa: PTH208
        elif path.endswith(("/root", "/cwd", "/exe")):
            os.readlink(path)  # noqa: PTH115
        else:
            open_and_close(path)

    return reached(paths, look)


@attempt
def entering_namespaces(given: dict[str, Any]) -> list[str]:
    def enter(pid: int) -> None:
        fd = os.pidfd_open(pid)
        try:
            for kinds in (KINDS, 0x40000000, 0x10000000):
                if libc.setns(fd, kinds) == 0:
                    return
            raise PermissionError(pid)
        finally:
            os.close(fd)

    def enter_in_a_child(pid: int) -> None:
        child = os.fork()
        if child == 0:
            os._exit(0 if _works(enter, pid) else 1)
        if os.waitpid(child, 0)[1]:
            raise PermissionError(pid)

    return reached(given["pids"], enter_in_a_child)


@attempt
def tracing(given: dict[str, Any]) -> list[str]:
    def trace(pid: int) -> None:
        checked(libc.ptrace(PTRACE_SEIZE, pid, None, None))
        libc.ptrace(PTRACE_DETACH, pid, None, None)

    return reached(given["pids"], trace)


@attempt
def reading_memory(given: dict[str, Any]) -> list[str]:
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_void_p * 2)(0x400000, 8)

    def read(pid: int) -> None:
        arguments = [ctypes.c_long(value) for value in (VM_READV, pid)]
        one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
        if libc.syscall(*arguments, local, one, remote, one, none) < 0:
            number = ctypes.get_errno()
            if number != 14:  # EFAULT: it may read there, but nothing is there
                raise OSError(number, "process_vm_readv")

    return reached(given["pids"], read)


@attempt
def signalling(given: dict[str, Any]) -> list[str]:
    return reached(given["pids"], lambda pid: os.kill(pid, 0)) + reached(
        given["pids"], lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT)
    )


@attempt
def slowing_down(given: dict[str, Any]) -> list[str]:
    return reached(given["pids"], lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19)) + reached(
        given["pids"], lambda pid: os.sched_setaffinity(pid, os.sched_getaffinity(0))
    )


@attempt
def sockets_of_the_computer(given: dict[str, Any]) -> list[str]:
    """Those of the network that are in the computer's own network namespace."""
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "packet", "icmp"):
        lines = Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
        found += [line for line in lines if line.split()[UID_COLUMN] == str(given["uid"])]
    # A connected socket is in its client's namespace, with the path; one that listens is not.
    names = Path("/proc/net/unix").read_text().splitlines()
    return found + [line for line in names if given["run_dir"] in line and LISTENING in line]


@attempt
def shared_memory(given: dict[str, Any]) -> list[str]:
    found = [str(path) for path in Path("/dev/shm").iterdir() if _owner(path) == given["uid"]]
    for kind in ("shm", "sem", "msg"):
        lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
        column = lines[0].split().index("uid")
        found += [line for line in lines[1:] if line.split()[column] == str(given["uid"])]
    return found


@attempt
def temporary_files(given: dict[str, Any]) -> list[str]:
    """What lies in the shared directories and is open to others."""
    paths = [path for top in ("/tmp", "/var/tmp") for path in Path(top).iterdir()]
    return [str(path) for path in paths if _owner(path) == given["uid"] and _is_open(path)]


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def _is_open(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISLNK(mode) or bool(mode & 0o077)


def main() -> None:
    given = json.loads(sys.argv[1])
    print(json.dumps({name: function(given) for name, function in ATTEMPTS.items()}))


if __name__ == "__main__":
    main()
