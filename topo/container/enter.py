"""Run a program in a container: enter its namespaces, start the program, end as it ended.

``enter PIDFD REPORT confined|privileged CWD PROGRAM...``: PIDFD is a descriptor of the container's
process 1, REPORT one to write to: ``[pid]``, the program's number as the daemon counts, or
``[what, reason]`` when it did not start. This process stays outside of the PID namespace, to which
only its children can belong (pid_namespaces(7)); the program is a session leader.
"""

import json
import os
import resource
import signal
from typing import NoReturn

from topo.container import confine
from topo.system import linux

ALL = confine.NAMESPACES | linux.CLONE_NEWUSER
NETWORK_ONLY = linux.CLONE_NEWNET | linux.CLONE_NEWUTS
PR_SET_PDEATHSIG = 1
FILE_MODE_MASK = 0o022


def main(pidfd: int, report: int, confined: bool, cwd: str, argv: list[str]) -> NoReturn:
    """Run `argv` in the directory `cwd`, without a container's confinement if it is not wanted."""
    for fd in (pidfd, report):
        os.set_inheritable(fd, False)
    reader, writer = os.pipe()
    try:
        _enter(pidfd, confined)
        child = os.fork()
    except OSError as err:
        _report(report, "namespaces", str(err.strerror))
        os._exit(1)
    if child == 0:
        _be_program(writer, confined, cwd, argv)
    os.close(writer)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # only the program shall keep its streams open
        os.dup2(null, stream)
    with os.fdopen(reader) as failure:
        if text := failure.read():
            os.write(report, text.encode())
            os._exit(1)
    _report(report, child)  # end of file: the program runs
    os.close(report)
    _, status = os.waitpid(child, 0)
    _end_like(status)


def _enter(pidfd: int, confined: bool) -> None:
    if confined:
        linux.setns(pidfd, ALL)
        return
    linux.setns(pidfd, NETWORK_ONLY)
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("sysfs", "/sys", "sysfs")  # shows the interfaces of the network namespace


def _be_program(report: int, confined: bool, cwd: str, argv: list[str]) -> NoReturn:
    """As the child: become the program; report what made it impossible."""
    doing = "privileges"
    try:
        linux.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        if confined:
            confine.hide_from_tracers()
            confine.become_root()
            confine.give_up_privileges()
        os.umask(FILE_MODE_MASK)
        doing = "cwd"
        os.chdir(cwd)
        doing = argv[0]
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):  # Python changed them
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as err:
        _report(report, doing, f"{err.filename or 'a system call'}: {err.strerror}")
    os._exit(1)


def _report(fd: int, *what: int | str) -> None:
    os.write(fd, json.dumps(what).encode())


def _end_like(status: int) -> NoReturn:
    """Exit with the status of waitpid, or be killed by the same signal, without a core file."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)
