"""Create containers' namespaces, and leave a process behind in each that keeps them: process 1.

``hold FILES``, a `view.Files` as JSON, reads names, one a line, and answers each with a line:
``[name, pid]``, the number of process 1, or ``[name, reason]``. One process creates all containers
of a network, since starting Python takes longer than creating a container.

Process 1 is ``sleep infinity``: it takes a tenth of a megabyte, and since it ignores SIGCHLD the
kernel reaps the orphans that it inherits (wait(2), NOTES).
"""

import functools
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from topo.container import confine, view
from topo.container.users import Users, of_daemon
from topo.system import linux

HOLDER = ("sleep", "infinity")
READY = b"\n"


def main(files: str) -> None:
    """Create a container for each name on standard input, until its end."""
    seen, users = view.Files(*json.loads(files)), of_daemon(os.environ)
    namespace = functools.cache(lambda: _user_namespace(users))
    for line in sys.stdin.buffer:
        name = line.decode().strip()
        _report(name, functools.partial(_create, name, seen, users, namespace))


def _answer(name: str, result: int | str) -> None:
    os.write(1, json.dumps([name, result]).encode() + b"\n")


def _report(name: str, action: Callable[[], object]) -> None:
    """Act; answer with the reason when that fails."""
    try:
        action()
    except OSError as err:
        _answer(name, f"{err.filename or 'a system call'}: {err.strerror}")


def _user_namespace(users: Users) -> int:
    """A descriptor of a user namespace with these users, by which owners of files are mapped."""
    child, channel = _fork(lambda: None)
    try:
        _map_users(child, users)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        channel.close()
        os.waitpid(child, 0)


def _create(name: str, files: view.Files, users: Users, namespace: Callable[[], int]) -> None:
    """Create a container. The child that becomes it answers."""
    mapping = namespace()

    def arrange() -> None:
        linux.unshare(linux.CLONE_NEWNS)
        view.build(name, files, users, mapping)

    child, channel = _fork(arrange, lambda: _report(name, lambda: _become(name)))
    with channel:
        _map_users(child, users)
        channel.send(b"\n")
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        _answer(name, f"killed by signal {os.WTERMSIG(status)} while it was created")


def _fork(
    before: Callable[[], object], within: Callable[[], object] = lambda: None
) -> tuple[int, socket.socket]:
    """Fork a child that does `before`, and, when it is sent a byte, `within` a user namespace.

    Returns its number and the socket to send on when the child is in its new user namespace. Raises
    the error of the child that kept it from getting there.
    """
    outside, inside = socket.socketpair()
    child = os.fork()
    if child == 0:
        outside.close()
        what = "a mount namespace"
        try:
            before()
            what = "a user namespace (sysctl user.max_user_namespaces)"
            linux.unshare(linux.CLONE_NEWUSER)
        except OSError as err:
            place = what if err.filename == "unshare" else err.filename
            inside.send(json.dumps([err.errno, err.strerror, place]).encode())
            os._exit(1)
        inside.send(READY)
        if inside.recv(1):
            within()
        os._exit(0)
    inside.close()
    if (said := outside.recv(4096)) == READY:
        return child, outside
    os.waitpid(child, 0)
    outside.close()
    raise OSError(*json.loads(said or '[0, "ended while it was created"]'))


def _map_users(child: int, users: Users) -> None:
    """Write a child's maps from outside: they are not in the power of one who is inside."""
    Path(f"/proc/{child}/uid_map").write_text(users.uid_map)
    Path(f"/proc/{child}/gid_map").write_text(users.gid_map)


def _become(name: str) -> None:
    """As the child, inside its user namespace: enter the others, and start process 1 there."""
    confine.become_root()
    linux.unshare(confine.NAMESPACES)
    socket.sethostname(name)
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
    _answer(name, init)


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
