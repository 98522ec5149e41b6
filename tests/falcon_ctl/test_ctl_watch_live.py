"""`falcon_ctl watch` on a real network: in a terminal, for scripts, when the network goes down."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading

import pytest

from falcon_ctl.errors import NoNetwork
from falcon_ctl.steering.observation import Observation
from falcon_ctl.steering.session import Session
from falcon_ctl.watch_screen.cli import watch
from tests.topo.driver import network_up, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]
COMMAND = [sys.executable, "-m", "falcon_ctl", "watch"]


class Terminal:
    """A command in a terminal of 80 by 24; `text` is all that it wrote."""

    def __init__(self, *options, env):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave  # kept open: settings are read from it
        self.text = ""
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = subprocess.Popen(
            [*COMMAND, *options], env={**env, "TERM": "xterm-256color"}, process_group=0, **streams
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):  # nobody has the other end open
            while True:
                self.text += os.read(self._master, 65536).decode(errors="replace")

    def press(self, keys):
        os.write(self._master, keys.encode())

    def shows(self, text):
        until(lambda: text in self.text, 30.0)

    def ends(self):
        status = self.process.wait(60)
        assert termios.tcgetattr(self._slave) == self.before
        until(lambda: "\x1b[?1049l" in self.text and "\x1b[?25h" in self.text)  # screen, cursor
        return status


def test_watch_in_a_terminal_and_for_scripts(capsys, tmp_path):
    with network_up("pair", "--switch", "v1switch") as topo:
        env = {**os.environ, "FALCON_RUN_DIR": str(topo.run_dir)}
        screen, other = Terminal(env=env), Terminal("--interval", "0.5", env=env)
        screen.shows("container overlay · policy same_cpu")
        screen.press("s")
        screen.shows("Enter runs it")
        screen.press("falcon-pip")
        screen.shows("falcon_ctl use falcon-pipelining")
        screen.press("\r")
        screen.shows("done,")
        with topo.network() as network, Session.open(network) as session:
            systems = {host.choice.system for host in session.observe().hosts.values()}
        assert systems == {"falcon-pipelining"}
        other.shows("FALCON pipelining · policy falcon")

        watch(once=True, interval=0.1, run_dir=topo.run_dir)
        printed = capsys.readouterr().out
        assert "FALCON pipelining" in printed.splitlines()[0]
        assert "\x1b" not in printed
        file = tmp_path / "observations.jsonl"
        watch(json=file, interval=0.1, duration=0.5, run_dir=topo.run_dir)
        seen = [Observation.from_json(json.loads(line)) for line in file.read_text().splitlines()]
        assert len(seen) >= 2
        assert all(one.hosts["m1"].span_ns for one in seen)
        assert {one.hosts["m1"].choice.system for one in seen} == {"falcon-pipelining"}
        watch(interval=0.1, duration=0.3, run_dir=topo.run_dir)
        assert "falcon-pipelining  no packets" in capsys.readouterr().out

        other.press("\x03")
        assert other.ends() == 130
        topo("down")
        screen.shows("network down; waiting for it")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ends() == 143

        with pytest.raises(NoNetwork, match="make topo"):
            watch(run_dir=topo.run_dir)
