"""What the sandbox itself holds back, where no audit hook looks."""

import json
import os
import shutil
import subprocess

import pytest

from labs import process
from labs.grading.sandbox import bubblewrap
from tests.labs.lab import ADDER

# Runs in the sandbox in place of the worker, with C functions where Python has audit events.
PROBE = """
import ctypes, errno, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
found = {}

def reads(path):
    return libc.open(path.encode(), os.O_RDONLY) != -1

def writes(path):
    return libc.open(path.encode(), os.O_WRONLY | os.O_CREAT, 0o600) != -1

checks, reference, other, root = sys.argv[1:]
found["reads"] = [p for p in (checks, reference, other, "/etc/passwd", "/etc/shadow") if reads(p)]
found["public"] = reads("/lab/files/adder.py") and reads("/lab/trial.py")
places = "/lab/files/adder.py", "/lab/new", "/usr/new", root + "/labs/worker/guard.py", "/dev/shm/x"
found["writes"] = [path for path in places if writes(path)]
found["scratch"] = writes("/tmp/mine") and writes("/lab/files/plot.png")
address = (2).to_bytes(2, "little") + (53).to_bytes(2, "big") + bytes([8, 8, 8, 8]) + bytes(8)
libc.connect(libc.socket(2, 1, 0), address, 16)
found["network"] = errno.errorcode[ctypes.get_errno()]
found["links"] = sorted(os.listdir("/proc/sys/net/ipv4/conf"))
found["environment"] = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try: found["environment"] += open(f"/proc/{pid}/environ").read().split("\\0")
    except OSError: pass
found["processes"] = sum(map(str.isdigit, os.listdir("/proc")))
found["new user namespace"] = libc.unshare(0x10000000) == 0
found["mounts"] = libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0
found["privileges"] = [line for line in open("/proc/self/status") if line.startswith("CapEff")]
from labs.worker import guard
guard.limit()
children = 0
while True:
    pid = libc.fork()
    if pid == 0:
        libc.pause()
    if pid == -1:
        break
    children += 1
found["children"] = children
try: kept = [bytes(10**8) for _ in range(100)]
except MemoryError: found["memory"] = "bounded"
try:
    with open("/tmp/large", "wb") as file:
        for _ in range(200): file.write(bytes(10**6))
except OSError as error: found["disk"] = errno.errorcode[error.errno]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    try:
        bubblewrap.verify(process.ROOT)
    except bubblewrap.NoSandbox as error:
        pytest.skip(str(error))
    where = tmp_path_factory.mktemp("sandbox")
    files = where / "files"
    shutil.copytree(ADDER.folder / "reference", files)
    (where / "other.py").write_text("another student's")
    for path in (files, *files.iterdir()):
        path.chmod(0o755)
    words = bubblewrap.wrap(process.ROOT, files, {})(process.command(files, ADDER.trial))
    words = words[: words.index("labs.worker") - 1]
    reference, checks = ADDER.folder / "reference/adder.py", ADDER.folder / "checks.py"
    words += ["-c", PROBE, str(checks), str(reference), str(where / "other.py"), str(process.ROOT)]
    env = {**os.environ, "LABS_TEST": "GRADERS"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_what_a_worker_needs_can_be_read(found):
    assert found["reads"] == []
    assert found["public"]


def test_nothing_can_be_written_but_a_small_tmpfs(found):
    assert found["writes"] == []
    assert found["scratch"]
    assert found["disk"] == "ENOSPC"


def test_no_address_can_be_reached(found):
    assert found["network"] == "ENETUNREACH"
    assert set(found["links"]) <= {"all", "default", "lo"}


def test_nothing_of_the_grader_is_seen(found):
    assert not [line for line in found["environment"] if "GRADERS" in line]
    assert found["processes"] <= 3


def test_no_privileges_and_no_way_to_some(found):
    assert found["privileges"] == ["CapEff:\t0000000000000000\n"]
    assert not found["new user namespace"]
    assert not found["mounts"]


def test_processes_and_memory_are_bounded(found):
    assert found["children"] < 16
    assert found["memory"] == "bounded"
