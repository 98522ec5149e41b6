"""Submissions that do what no submission may: name → the body of add(), what must be said of it.

Each is right otherwise where it can be, so that only what it tried costs it its points.
"""

from typing import NamedTuple

RIGHT = "return (a + b) % 256 + (a + b) // 256"


class Hostile(NamedTuple):
    body: str
    says: str  # in what is told of it


CASES = {
    "sleeps": Hostile("import time; time.sleep(1e9)", "did not return within"),
    "ignores signals": Hostile(
        """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
        "did not return within",
    ),
    "catches all": Hostile(
        """
while True:
    try:
        while True: pass
    except BaseException: pass
""",
        "did not return within",
    ),
    "exits": Hostile("import sys; sys.exit(0)", "SystemExit"),
    "exits hard": Hostile("import os; os._exit(0)", "ended the process with status 0"),
    "raises Ctrl-C": Hostile("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "kills all": Hostile("import os; os.kill(-1, 9)", "sent the signal SIGKILL"),
    "forks without end": Hostile(
        """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
        "started another process",
    ),
    "daemonises": Hostile(
        f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1e9)
    os._exit(0)
{RIGHT}
""",
        "started another process",
    ),
    "eats memory": Hostile(
        """
kept = []
while True: kept.append(bytes(10**8))
""",
        "used more memory than it may",
    ),
    "writes outside": Hostile(
        f"""
try: open("/usr/lib/mine", "w")
except OSError: pass
{RIGHT}
""",
        "tried to write /usr/lib/mine",
    ),
    "deletes its files": Hostile(
        f"""
import os
try: os.remove(__file__)
except OSError: pass
{RIGHT}
""",
        "tried to remove /lab/files/adder.py",
    ),
    "fills the disk": Hostile(
        """
for number in range(10**6):
    with open(f"/tmp/{number}", "wb") as file: file.write(bytes(10**6))
""",
        "filled the disk",
    ),
    "opens the network": Hostile(
        f"""
import socket
try: socket.create_connection(("8.8.8.8", 53), timeout=2)
except OSError: pass
else: return 0
{RIGHT}
""",
        "opened a network connection to 8.8.8.8",
    ),
    "opens the network in C": Hostile(
        f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
address = (2).to_bytes(2, "little") + (53).to_bytes(2, "big") + bytes([8, 8, 8, 8]) + bytes(8)
if libc.connect(libc.socket(2, 1, 0), address, 16) != -1: return 0
if ctypes.get_errno() != errno.ENETUNREACH: raise OSError("reached")
{RIGHT}
""",
        "called C functions",
    ),
    "reads the reference": Hostile(
        f"""
try: return open("LAB/reference/adder.py").read()
except OSError: pass
{RIGHT}
""",
        "tried to read LAB/reference/adder.py",
    ),
    "reads the checks in C": Hostile(
        f"""
import ctypes
if ctypes.CDLL(None).open(b"LAB/checks.py", 0) != -1: return "read it"
{RIGHT}
""",
        "called C functions",
    ),
    "reads other submissions": Hostile(
        f"""
import os
found = os.listdir("/tmp")
for path in ("SCRATCH", "/home", "/root", "/var"):
    try: found += os.listdir(path)
    except OSError: pass
if found == [".pyenv"]: found = []
if found: return found
{RIGHT}
""",
        "tried to read /home",
    ),
    "reads the grader's environment": Hostile(
        f"""
import os
text = str(os.environ)
for number in os.listdir("/proc"):
    try: text += open(f"/proc/{{number}}/environ").read()
    except OSError: pass
if "GRADERS" in text: return text
{RIGHT}
""",
        "tried to read /proc",
    ),
    "patches the checker": Hostile(
        """
from labs.worker import messages
messages.dump = lambda value: b'{"passed": true}'
return 0
""",
        "replaced labs.worker.messages.dump in memory",
    ),
    "patches the model": Hostile(
        f"""
import rxpath.texts
rxpath.texts.escaped = lambda *_: "passed"
{RIGHT}
""",
        "replaced rxpath.texts.escaped in memory",
    ),
    "patches Python": Hostile(
        f"""
import builtins
builtins.len = lambda _: 0
{RIGHT}
""",
        "replaced builtins.len in memory",
    ),
    "swaps a function's code": Hostile(
        f"""
from labs.worker import messages
messages.dump.__code__ = (lambda value: b"").__code__
{RIGHT}
""",
        "replaced the code of dump in memory",
    ),
    "forges an answer": Hostile(
        f"""
import os
for number in range(3, 20):
    try: os.write(number, b'{{"id": 1, "value": 1}}\\n')
    except OSError: pass
{RIGHT}
""",
        "wrote into the pipe to the checker",
    ),
    "closes the pipes": Hostile("import os; os.closerange(0, 100); " + RIGHT, "ended the process"),
    "prints megabytes": Hostile('while True: print("x" * 10**6)', "printed more than it may"),
    "prints past Python": Hostile(
        'import os\nwhile True: os.write(2, b"x" * 10**6)', "printed more than it may"
    ),
    "returns megabytes": Hostile('return "x" * 3 * 10**7', "returned more than"),
    "crashes": Hostile("import ctypes; ctypes.string_at(0)", "called C functions"),
    "runs a program": Hostile(
        f"""
import subprocess
subprocess.run(["true"])
{RIGHT}
""",
        "started the program true",
    ),
    "searches memory": Hostile(
        f"""
import gc
gc.get_objects()
{RIGHT}
""",
        "searched the process's memory",
    ),
}

# Writes a file of its own, reads one that it was given, prints: what people do.
HONEST = Hostile(
    f"""
import logging, tempfile
from pathlib import Path
Path("plot.svg").write_text("<svg/>")
with open("given.toml") as file: file.read()
with tempfile.TemporaryFile() as file: file.write(b"x")
logging.getLogger("mine").warning("here")
print("a line")
{RIGHT}
""",
    "",
)


def program(case: Hostile, lab: str, scratch: str) -> str:
    """adder.py of a case."""
    body = case.body.replace("LAB", lab).replace("SCRATCH", scratch)
    lines = [f"    {line}" for line in body.strip().splitlines()]
    return "def add(a, b):\n" + "\n".join(lines) + "\n"
