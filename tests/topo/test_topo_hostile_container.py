"""The container as attacker: root inside tries to reach what is outside; each attempt fails.

`test_topo_ordinary_user.py` runs all of this as an ordinary user as well.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import socket
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.topo.attacks import ATTEMPTS, call
from tests.topo.driver import ROOT, Topo
from topo.client.execution import Streams
from topo.container.confine import PROCESSES

pytestmark = pytest.mark.network
PROGRAM = Path(__file__).with_name("attacks.py")
NAME = f"falcon-attack-{os.getpid()}"
NOWHERE: list[str] = []
DENIED = "EPERM", "EACCES", "EROFS"
ABSENT = *DENIED, "ENOSYS", "ENOENT"  # a kernel may lack it
DEVICES = ["full", "net/tun", "null", "pts/ptmx", "random", "tty", "urandom", "zero"]
# What must come of each attempt: one of these errnos, or exactly this.
EXPECTED: dict[str, object] = {
    "sockets_of_the_network": NOWHERE,
    "files_of_the_network": ("ENOENT",),
    "processes_in_proc": NOWHERE,
    "signals_to_processes": NOWHERE,
    "killing_process_1": "S",
    "namespaces_of_processes": NOWHERE,
    "new_user_namespace": ("ENOSPC", "EPERM"),
    "leaving_by_chroot": 0,
    "devices": sorted(f"/dev/{name}" for name in DEVICES if Path("/dev", name).exists()),
    "loading_a_module": ABSENT,
    "unloading_a_module": ABSENT,
    "another_kernel": ABSENT,
    "kernel_memory": ABSENT,
    "kernel_settings": NOWHERE,
    "kernel_files": NOWHERE,
    "files_in_sys": NOWHERE,
    "writing_files": ["/run", "/var/tmp"],
    "set_user_id_programs": NOWHERE,
    "abstract_socket": ("ECONNREFUSED",),
    "tcp_port": ("ECONNREFUSED", "ENETUNREACH"),
    "shared_memory": ("ENOENT",),
    "shared_memory_file": ("ENOENT",),
    "message_queue": ("ENOENT",),
    "key_of_the_session": ("ENOKEY", "EACCES", "ENOSYS"),
}


@pytest.fixture(scope="module")
def bait() -> Iterator[dict[str, Any]]:
    """What there is to find on the machine, outside of the network."""
    libc = ctypes.CDLL(None, use_errno=True)
    key = os.getpid() | 0x46000000
    segment = libc.shmget(key, 4096, 0o1666)  # IPC_CREAT, open to everyone
    with contextlib.suppress(OSError):  # a key in this session's keyring, which the daemon inherits
        call("add_key", b"user", NAME.encode(), b"x", ctypes.c_size_t(1), ctypes.c_long(-3))
    queue = f"/{NAME}".encode()
    assert call("mq_open", queue, os.O_CREAT | os.O_RDWR, 0o666, None) >= 0
    memory = Path("/dev/shm") / NAME
    memory.write_text("secret")
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket() as tcp:
        abstract.bind(f"\0{NAME}")
        abstract.listen()
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        port = tcp.getsockname()[1]
        yield {"name": NAME, "key": key, "port": port, "checkout": str(ROOT)}
    memory.unlink()
    libc.shmctl(segment, 0, None)  # IPC_RMID
    call("mq_unlink", queue)


@pytest.fixture(scope="module")
def outcomes(bait: dict[str, Any], pair: Topo) -> dict[str, object]:
    assert Path("/dev/shm", NAME).read_text() == "secret"
    inside = str(pair.run_dir.parent)
    with pair.network() as network:
        pids = [part.pid for part in network.status().parts] + [network.daemon_pid]
        given = bait | {"run_dir": str(pair.run_dir), "pids": pids, "tmp": "/var/tmp"}
        given |= {"home": os.environ["HOME"], "inside": inside}
        argv = [sys.executable, "-I", "-S", str(PROGRAM), json.dumps(given)]
        done = network.exec("red1-1", argv, check=True, timeout=60)
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_reaches_nothing_outside(outcomes: dict[str, object], name: str) -> None:
    expected = EXPECTED.get(name, DENIED)
    if isinstance(expected, tuple):
        assert outcomes[name] in expected
    else:
        assert outcomes[name] == expected


def test_the_network_is_unharmed(outcomes: dict[str, object], pair: Topo) -> None:
    with pair.network() as network:
        assert network.status().dead == ()
        assert network.exec("red1-1", ["hostname"]).stdout == "red1-1\n"


def test_a_fork_bomb_ends_at_the_limit_and_hurts_no_other_container(pair: Topo) -> None:
    bomb = """
import os, signal, sys
n = 0
try:
    while n < 5000:
        if os.fork() == 0:
            signal.pause()
        n += 1
except OSError as err:
    os.write(1, b"%d %d" % (n, err.errno))
sys.stdin.read()
"""
    with pair.network() as network:
        reader, writer = os.pipe()
        stdin, hold = os.pipe()
        run = network.start(
            "blue1-1", [sys.executable, "-c", bomb], streams=Streams(stdin, writer, 2)
        )
        os.close(writer)
        os.close(stdin)
        count, number = map(int, os.read(reader, 64).split())
        assert (count < PROCESSES, number) == (True, errno.EAGAIN)
        assert count > PROCESSES / 2
        for node in ("red1-1", "blue2-1", "m1"):
            assert network.exec(node, ["echo", "fine"], timeout=20).stdout == "fine\n"
        os.close(hold)
        os.close(reader)
        assert run.wait(60) == 0
        run.close()
        # The children have lost their parent; the end of the container's programs is ours to say.
        network.exec("blue1-1", ["sh", "-c", "kill -9 -1"], timeout=20)
        assert network.exec("blue1-1", ["echo", "again"], timeout=20).stdout == "again\n"


def test_a_program_cannot_type_into_the_terminal_of_its_caller(pair: Topo) -> None:
    """TIOCSTI puts bytes into a terminal's input, as if its owner had typed them (ioctl_tty(2))."""
    program = """
import errno, fcntl, os, sys, termios
for request, argument in ((termios.TIOCSCTTY, 1), (termios.TIOCSTI, b"x")):
    try:
        fcntl.ioctl(0, request, argument)
        print("done")
    except OSError as err:
        print(errno.errorcode[err.errno])
"""
    # The terminal must be somebody's, as the caller's is: of a child in a session of its own.
    master, slave = os.openpty()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        os.write(writer, b"taken")
        os.read(slave, 1)
        os._exit(0)
    assert os.read(reader, 64) == b"taken"
    try:
        with pair.network() as network:
            argv = [sys.executable, "-c", program]
            run = network.start("red1-1", argv, streams=Streams(slave, writer, 2))
            os.close(writer)
            assert run.wait(60) == 0
            run.close()
        assert os.read(reader, 64).split() == [b"EPERM", b"EPERM"]
    finally:
        os.write(master, b"\n")
        os.waitpid(child, 0)
        for fd in (slave, master, reader):
            os.close(fd)
