"""SIGINT and SIGTERM end a process whatever its main thread is doing, and leave nothing behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rxpath.texts import escaped, shown

ROOT = Path(__file__).parents[2]
# A lock that its holder takes again: the C library waits for ever, whatever signals come.
PRELUDE = """
import ctypes, threading, time
from rxpath import signals
libc, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
def hang():
    libc.pthread_mutex_lock(lock)
    threading.Timer(0.1, print, ["ready"], {"flush": True}).start()  # when it does hang
    libc.pthread_mutex_lock(lock)
"""
HANGING = "with signals.ending('it'): hang()"
WAITING = """
with signals.ending("it") as ending:
    try:
        print("ready", flush=True)
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        print("undone")
    ending.leave()
"""
STUCK = """
signals.LIMIT = 0.1
with signals.ending("it"):
    try:
        print("ready", flush=True)
        while True:
            time.sleep(1)
    finally:
        hang()
"""
NOTING = """
woken = []
with signals.ending("it", raises=False, relay=lambda: woken.append(1)) as ending:
    print("ready", flush=True)
    while not woken:
        time.sleep(0.01)
    print(ending.number)
    ending.leave()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (HANGING, "it: ended by {}\n"),
        (WAITING, "undone\n"),
        (STUCK, "it: ended by {}\n"),
        (NOTING, "{:d}\n"),
    ],
    ids=["hanging", "waiting", "stuck in cleaning up", "noting"],
)
def test_it_ends_with_one_line(number: signal.Signals, code: str, said: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(60) == 128 + number
        rest = process.stdout.read().removeprefix("ready\n")
    expected = said.format(number if ":d" in said else number.name)
    assert rest == expected


HANG = """
def hang(packet, host):
    n = 0
    while n >= 0:
        n = (n + 1) % 1000
    return packet.here
"""
SPEC = "systems: [hang.py:hang, overlay]\nflows: [1, 2]\n"


def busy_threads(pid: int) -> int:
    """How many threads but the main one have computed for a tenth of a second."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found += task.name != str(pid) and int(fields[11]) > 10  # utime in ticks, proc_pid_stat(5)
    return found


@pytest.mark.slow
def test_a_policy_that_never_returns_ends_with_the_sweep(tmp_path: Path) -> None:
    (tmp_path / "hang.py").write_text(HANG)
    (tmp_path / "spec.yaml").write_text(SPEC)
    sweep = ["sweep", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "falcon_ctl", *sweep],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
    )
    while not busy_threads(process.pid):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "of 4 points are kept in" in said.splitlines()[-1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["journal"]


def test_text_of_others_is_one_line_that_a_terminal_only_shows() -> None:
    assert escaped("a\x1b[2Jb\n\tc\u202ed\ud800") == "a\\x1b[2Jb\\n\\tc\\u202ed\\ud800"
    assert escaped("x" * 9, longest=3) == "xxx…"
    assert shown("\x1b") == "'\\x1b'"
    assert len(shown(list(range(10**5)))) < 400
    assert shown(1 << 20_000) == "a value (int)"
    deep: list[object] = []
    for _ in range(10**5):
        deep = [deep]
    assert shown(deep) == "a value (list)"
    while deep:  # from the outside: else it would be freed in one deep recursion
        deep = deep.pop()  # type: ignore[assignment]
