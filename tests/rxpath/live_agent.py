"""A process in a network namespace that does there what `live_lab` asks on its socket.

Started as ``unshare --net python live_agent.py FD``; ends, and kills what it started, when the
other end of the socket is closed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any


def make_socket(args: dict[str, Any]) -> tuple[Any, list[int]]:
    sock = socket.socket(*args["kind"])
    return None, [sock.detach()]


def run(args: dict[str, Any]) -> tuple[Any, list[int]]:
    done = subprocess.run(args["argv"], capture_output=True, text=True, check=False)
    return {"status": done.returncode, "out": done.stdout + done.stderr}, []


def write(args: dict[str, Any]) -> tuple[Any, list[int]]:
    Path(args["path"]).write_text(args["text"])
    return None, []


class Children:
    """What was started here: agents of other namespaces, and programs."""

    def __init__(self) -> None:
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def spawn(self, args: dict[str, Any]) -> tuple[Any, list[int]]:
        with Path(args["log"]).open("ab") as log:
            process = subprocess.Popen(
                args["argv"], stdin=subprocess.DEVNULL, stderr=log, stdout=log
            )
        self.processes[process.pid] = process
        return process.pid, []

    def wait(self, args: dict[str, Any]) -> tuple[Any, list[int]]:
        try:
            return self.processes[args["pid"]].wait(args["timeout"]), []
        except subprocess.TimeoutExpired:
            return None, []

    def kill(self, args: dict[str, Any]) -> tuple[Any, list[int]]:
        self.processes[args["pid"]].send_signal(args["signal"])
        return None, []

    def agent(self, _: dict[str, Any]) -> tuple[Any, list[int]]:
        ours, theirs = socket.socketpair()
        argv = ["unshare", "--net", sys.executable, __file__, str(theirs.fileno())]
        process = subprocess.Popen(argv, pass_fds=[theirs.fileno()])
        self.processes[process.pid] = process
        theirs.close()
        return process.pid, [ours.detach()]

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


def main(channel: socket.socket) -> None:
    children = Children()
    operations = {"socket": make_socket, "run": run, "write": write}
    operations |= {"spawn": children.spawn, "wait": children.wait}
    operations |= {"kill": children.kill, "agent": children.agent}
    try:
        while request := channel.recv(1 << 16):
            args = json.loads(request)
            try:
                result, fds = operations[args["op"]](args)
                reply = {"result": result}
            except OSError as error:
                reply, fds = {"error": str(error)}, []
            socket.send_fds(channel, [json.dumps(reply).encode()], fds)
            for fd in fds:
                os.close(fd)
    finally:
        children.end()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
