"""Create a container's namespaces, and leave a process behind that keeps them: its process 1.

``hold NAME FILES``, the second as JSON, writes ^A and the number of process 1, or one line that
says what failed. Process 1 is ``sleep infinity``: it takes less than a megabyte, and since it
ignores SIGCHLD the kernel reaps the orphans that it inherits (wait(2), NOTES).
"""

import json
import os
import signal
import socket
from pathlib import Path
from typing import NoReturn

from topo.container import confine, view
from topo.container.users import Users, of_daemon
from topo.system import linux

NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWCGROUP
)
HOLDER = ("sleep", "infinity")


def main(name: str, files: str) -> None:
    """Create the container `name`, see `view.Files` for `files`; report on standard output."""
    try:
        pid = create(name, view.Files(*json.loads(files)))
    except OSError as err:
        os.write(1, f"{err.filename or 'a system call'}: {err.strerror}\n".encode())
        os._exit(1)
    os.write(1, b"\x01%d\n" % pid)
    os._exit(0)


def create(name: str, files: view.Files) -> int:
    """Create a container; return, in a child of the caller, the number of its process 1.

    The child enters the new user namespace, and the caller, who stays outside, writes its maps and
    arranges the files for it: neither is in the power of one who is inside.
    """
    users = of_daemon(os.environ)
    linux.unshare(linux.CLONE_NEWNS)
    outside, inside = socket.socketpair()
    child = os.fork()
    if child:
        inside.close()
        _prepare(child, users, files, outside)
    outside.close()
    linux.unshare(linux.CLONE_NEWUSER)
    inside.send(b"\n")
    if not inside.recv(1):
        os._exit(1)  # the caller reports what failed
    confine.become_root()
    linux.unshare(NAMESPACES)
    socket.sethostname(name)
    return _start_init()


def _prepare(child: int, users: Users, files: view.Files, channel: socket.socket) -> NoReturn:
    """Give `child` its users and files when it is in its user namespace; exit as it does."""
    if channel.recv(1):
        Path(f"/proc/{child}/uid_map").write_text(users.uid_map)
        Path(f"/proc/{child}/gid_map").write_text(users.gid_map)
        namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        view.build(files, users, namespace)
        channel.send(b"\n")
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _start_init() -> int:
    """Start process 1 of the new PID namespace; return its number outside when it is ready."""
    reader, writer = os.pipe()
    init = os.fork()
    if init == 0:
        try:
            _be_init()
        except OSError as err:
            os.write(writer, json.dumps([err.errno, err.strerror, err.filename]).encode())
        os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as failure:
        if text := failure.read():  # end of file: it runs the holder
            raise OSError(*json.loads(text))
    return init


def _be_init() -> NoReturn:
    view.mount_own()
    view.limit_namespaces()
    view.protect_settings()
    os.setsid()
    confine.give_up_privileges()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.execvp(HOLDER[0], HOLDER)
