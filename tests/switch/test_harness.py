"""The harness itself: what it promises to tests, and that it leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.switch.harness import ROOT, Sandbox, SandboxError, namespaces_allowed, poll
from tests.switch.harness_targets import V1SWITCH, Target

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]

PLAIN = bytes.fromhex("02aa00000001 02aa00000002 9000") + bytes(46)
TAGGED = PLAIN[:12] + bytes.fromhex("8100 a065") + PLAIN[12:]

OWNER = """
import sys
from tests.switch.harness import Sandbox
with Sandbox(ports=1) as sandbox:
    pid = sandbox.start(["sleep", "1000"], sandbox.directory / "log")
    print(sandbox.directory, flush=True)
    sys.stdin.read()
"""


def test_frames_arrive_as_they_were_sent_tags_included() -> None:
    with Sandbox(ports=1) as sandbox:
        near = sandbox.raw_socket(Sandbox.ifname(1))
        with near:
            for frame in (PLAIN, TAGGED):
                near.send(frame)
                assert sandbox.port(1).receive() == frame
        assert sandbox.drain() == {}


def test_a_frame_that_does_not_come_is_an_error_and_not_a_hang() -> None:
    with Sandbox(ports=1) as sandbox, pytest.raises(SandboxError, match="port 1: no frame"):
        sandbox.port(1).receive(patience=0.05)


def test_interfaces_are_not_visible_outside() -> None:
    with Sandbox(ports=1):
        assert Sandbox.ifname(1) not in os.listdir("/sys/class/net")  # noqa: PTH208  # names only


def test_sandboxes_run_side_by_side() -> None:
    with Sandbox(ports=1) as one, Sandbox(ports=1) as other:
        near = one.raw_socket(Sandbox.ifname(1))
        with near:
            near.send(PLAIN)
            assert one.port(1).receive() == PLAIN
        assert other.drain() == {}
        assert one.directory != other.directory


def test_a_target_that_does_not_start_says_why() -> None:
    with Sandbox(ports=1) as sandbox:
        target = Target(V1SWITCH, sandbox, options=["--no-such-option"])
        with pytest.raises(SandboxError, match="no-such-option"):
            target.start()


def test_a_wrong_interface_is_named() -> None:
    with Sandbox(ports=1) as sandbox, pytest.raises(SandboxError, match="socket: OSError"):
        sandbox.raw_socket("nowhere0")


def test_the_end_removes_processes_and_files() -> None:
    with Sandbox(ports=1) as sandbox:
        sandbox.start(["sleep", "1000"], sandbox.directory / "log")
        ours = sleepers(sandbox.directory)
        assert len(ours) == 1
        directory = sandbox.directory
    assert not directory.exists()
    poll(lambda: not sleepers(directory), "the sandbox's processes are gone")


def test_a_killed_test_leaves_no_process() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        directory = Path(owner.stdout.readline().strip())
        assert len(sleepers(directory)) == 1
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        poll(lambda: not sleepers(directory), "the sandbox's processes are gone")
    for leftover in directory.iterdir():  # files have no kernel to remove them
        leftover.unlink()
    directory.rmdir()


def sleepers(directory: Path) -> list[int]:
    """Return the processes whose output goes to the sandbox's directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if str((process / "fd" / "1").readlink()).startswith(str(directory)):
                    found.append(int(process.name))
            except OSError:  # it has ended, or belongs to another user
                continue
    return found
