"""What a hostile program tries, run inside a container; prints {attempt: outcome} as JSON.

    python attacks.py '{"run_dir": "/tmp/…", "pids": [1234], "port": 5000, "name": "…"}'

An outcome is the name of an errno when the kernel refused, else what was reached. Standard library
only. `tests.topo.test_topo_hostile_container` says what must come of each attempt.
"""

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
ATTEMPTS: dict[str, Callable[[dict[str, Any]], object]] = {}
# Numbers on x86-64, and on architectures with the generic table (arm64, riscv64).
NUMBERS = {
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "add_key": (248, 217),
}
NAMESPACES = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000}


def attempt(function: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    ATTEMPTS[function.__name__] = function
    return function


def call(name: str, *arguments: Any) -> int:
    """A function of the C library, or a system call that has none; raises OSError."""
    if name in NUMBERS:
        number = NUMBERS[name][platform.machine() != "x86_64"]
        result = libc.syscall(ctypes.c_long(number), *arguments)
    else:
        result = getattr(libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def can_write(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def regular_files(top: str) -> Iterator[str]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118  # tens of thousands
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield path


# -- the network's sockets and processes --------------------------------------------------------


@attempt
def sockets_of_the_network(given: dict[str, Any]) -> object:
    reached = []
    for name in ("topo.sock", "s1.p4rt.sock", "rx-m1.sock", "rx-m2.sock"):
        with socket.socket(socket.AF_UNIX) as sock:
            if sock.connect_ex(f"{given['run_dir']}/{name}") == 0:
                reached.append(name)
    return reached


@attempt
def files_of_the_network(given: dict[str, Any]) -> object:
    return os.listdir(given["run_dir"])  # noqa: PTH208


@attempt
def processes_in_proc(given: dict[str, Any]) -> object:
    seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return sorted(set(seen) - {1, os.getpid(), os.getppid()})


@attempt
def signals_to_processes(given: dict[str, Any]) -> object:
    reached = []
    for pid in {*range(2, 5000), *given["pids"]} - {os.getpid()}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        reached.append(pid)
    return reached


@attempt
def killing_process_1(given: dict[str, Any]) -> object:
    os.kill(1, signal.SIGKILL)
    os.kill(1, signal.SIGTERM)
    time.sleep(0)
    return Path("/proc/1/stat").read_text().rpartition(")")[2].split()[0]


@attempt
def namespaces_of_processes(given: dict[str, Any]) -> object:
    return [pid for pid in given["pids"] if os.path.exists(f"/proc/{pid}/ns")]  # noqa: PTH110


# -- rights outside of the container --------------------------------------------------------------


@attempt
def mounting(given: dict[str, Any]) -> object:
    return call("mount", b"none", b"/mnt", b"tmpfs", 0, b"")


@attempt
def mounting_proc(given: dict[str, Any]) -> object:
    return call("mount", b"proc", b"/mnt", b"proc", 0, b"")


@attempt
def making_files_writable(given: dict[str, Any]) -> object:
    return call("mount", b"none", b"/", b"", 0x20 | 0x1000, b"")  # MS_REMOUNT | MS_BIND


@attempt
def uncovering_tmp(given: dict[str, Any]) -> object:
    return call("umount2", b"/tmp", 2)  # MNT_DETACH


@attempt
def uncovering_proc(given: dict[str, Any]) -> object:
    return call("umount2", b"/proc", 2)


@attempt
def new_user_namespace(given: dict[str, Any]) -> object:
    return call("unshare", NAMESPACES["user"])


@attempt
def new_mount_namespace(given: dict[str, Any]) -> object:
    return call("unshare", NAMESPACES["mount"])


@attempt
def new_network_namespace(given: dict[str, Any]) -> object:
    return call("unshare", NAMESPACES["net"])


@attempt
def leaving_by_chroot(given: dict[str, Any]) -> object:
    """The old way out of a chroot: keep a directory open, chroot below, go up from it."""
    child = os.fork()
    if child == 0:
        out = os.open("/", os.O_RDONLY)
        Path("/tmp/jail").mkdir(exist_ok=True)
        os.chroot("/tmp/jail")
        os.fchdir(out)
        for _ in range(64):
            os.chdir("..")
        os.chroot(".")
        goals = f"{given['run_dir']}/topo.sock", f"/dev/shm/{given['name']}"
        os._exit(any(os.path.exists(path) for path in goals))  # noqa: PTH110
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@attempt
def device_nodes(given: dict[str, Any]) -> object:
    for kind, number in ((stat.S_IFCHR, os.makedev(1, 1)), (stat.S_IFBLK, os.makedev(8, 0))):
        os.mknod("/tmp/device", kind | 0o666, number)
    return "made"


@attempt
def devices(given: dict[str, Any]) -> object:
    found = (Path(folder, name) for folder, _, names in os.walk("/dev") for name in names)
    return sorted(str(path) for path in found if not path.is_symlink() and not path.is_file())


@attempt
def loading_a_module(given: dict[str, Any]) -> object:
    return call("init_module", b"\x7fELF", 4, b"")


@attempt
def unloading_a_module(given: dict[str, Any]) -> object:
    return call("delete_module", b"veth", os.O_NONBLOCK)


@attempt
def another_kernel(given: dict[str, Any]) -> object:
    return call("kexec_load", 0, 0, None, 0)


@attempt
def setting_the_clock(given: dict[str, Any]) -> object:
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "set"


@attempt
def rebooting(given: dict[str, Any]) -> object:
    return call("reboot", 0)  # LINUX_REBOOT_CMD_CAD_OFF: harmless where it works


@attempt
def files_by_handle(given: dict[str, Any]) -> object:
    """Docker's escape of 2014: any inode of a file system by its number."""
    handle = (ctypes.c_uint32 * 4)(8, 1, 2, 0)
    mount = os.open("/usr", os.O_RDONLY)
    return call("open_by_handle_at", mount, handle, os.O_RDONLY)


@attempt
def kernel_settings(given: dict[str, Any]) -> object:
    mine = "/proc/sys/net/"
    return [
        path for path in regular_files("/proc/sys") if path[: len(mine)] != mine and can_write(path)
    ]


@attempt
def kernel_files(given: dict[str, Any]) -> object:
    names = [f"/proc/{name}" for name in os.listdir("/proc") if not name.isdigit()]  # noqa: PTH208
    return [path for path in names if not Path(path).is_symlink() and can_write(path)]


@attempt
def kernel_memory(given: dict[str, Any]) -> object:
    return os.open("/proc/kcore", os.O_RDONLY)


@attempt
def files_in_sys(given: dict[str, Any]) -> object:
    return [path for path in regular_files("/sys") if "/net/" not in path and can_write(path)]


# -- files ----------------------------------------------------------------------------------------


@attempt
def writing_files(given: dict[str, Any]) -> object:
    """Create a file in each directory down to the third level, in the home and in the checkout."""
    folders = ["/", given["home"], given["checkout"], given["tmp"]]
    for top in ("/etc", "/usr", "/var", "/home", "/opt", "/boot", "/srv", "/mnt", "/root"):
        folders.append(top)
        folders += [f"{top}/{name}" for name in _names(top)]
    written = []
    for folder in folders:
        path = f"{folder}/.falcon-attack-{os.getpid()}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError:
            continue
        os.unlink(path)  # noqa: PTH108
        written.append(os.path.realpath(folder))
    return sorted(set(written))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


@attempt
def changing_the_checkout(given: dict[str, Any]) -> object:
    os.chmod(f"{given['checkout']}/README.md", 0o666)  # noqa: PTH101
    return "changed"


@attempt
def passwords_of_the_computer(given: dict[str, Any]) -> object:
    return os.open("/etc/shadow", os.O_RDONLY)


@attempt
def set_user_id_programs(given: dict[str, Any]) -> object:
    """Mounts on which they would work."""
    paths = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
    reachable = [path for path in paths if os.path.exists(path)]  # noqa: PTH110
    return [path for path in reachable if not os.statvfs(path).f_flag & os.ST_NOSUID]


# -- shared memory, keys, sockets -----------------------------------------------------------------


@attempt
def abstract_socket(given: dict[str, Any]) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"\0{given['name']}")
    return "connected"


@attempt
def tcp_port(given: dict[str, Any]) -> object:
    with socket.socket() as sock:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", given["port"]))
    return "connected"


@attempt
def shared_memory(given: dict[str, Any]) -> object:
    return call("shmget", given["key"], 0, 0)


@attempt
def shared_memory_file(given: dict[str, Any]) -> object:
    return os.open(f"/dev/shm/{given['name']}", os.O_RDONLY)


@attempt
def message_queue(given: dict[str, Any]) -> object:
    return call("mq_open", f"/{given['name']}".encode(), os.O_RDONLY)


@attempt
def key_of_the_session(given: dict[str, Any]) -> object:
    search, session = 10, ctypes.c_long(-3)
    return call("keyctl", search, session, b"user", given["name"].encode(), 0)


def main() -> None:
    given = json.loads(sys.argv[1])
    outcomes: dict[str, object] = {}
    for name, function in ATTEMPTS.items():
        try:
            outcomes[name] = function(given)
        except OSError as err:  # noqa: PERF203  # each attempt may fail
            outcomes[name] = errno.errorcode.get(err.errno or 0, str(err))
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
