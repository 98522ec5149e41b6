"""Audit hook of a sandboxed worker: reports to the grader what the student's code tries.

The sandbox is what stops a program; this names what it tried, by Python's audit events (PEP 578).
Code that goes around the hook, by C functions for example, is stopped all the same, and the use of
C functions is named.

An event counts when the innermost frame that is not of the standard library is of a student's
file: a library that looks for its own files is not the student's doing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

MOST_DATA = 2**30  # bytes of private memory of a process
MOST_PROCESSES = 16  # with threads; p4c starts a preprocessor and a compiler
MOST_OPEN = 256
MOST_TRIED = 20  # that are reported
CPU_SECONDS = 600  # of a worker's whole life
SCRATCH = ("/tmp", "/dev/null", "/dev/tty")  # the tmpfs of the sandbox
HANDED_OUT = ("/lab/",)
SECRET = ("reference", "wrong", "truth", "checks.py", "teacher.md")
PROTECTED = ("rxpath", "v1switch", "topo", "falcon_ctl", "labs", "trial")
SHARED = ("builtins", "json", "hashlib", "hmac", "struct", "zlib", "os", "sys")
_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120
_PACKAGES = ("site-packages", "dist-packages")

Args = tuple[Any, ...]
Note = Callable[[str], None]


def limit() -> None:
    """Bound the process's memory, descriptors, processes and processor time."""
    import resource

    limits = [
        (resource.RLIMIT_DATA, MOST_DATA),
        (resource.RLIMIT_NPROC, MOST_PROCESSES),
        (resource.RLIMIT_NOFILE, MOST_OPEN),
        (resource.RLIMIT_CPU, CPU_SECONDS),
    ]
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


class Guard:
    """Reports what the code of the files in `folder` tries, each thing once, by `tell`."""

    def __init__(self, folder: str, tell: Note) -> None:
        self._inside = folder + os.sep
        self._given = {str(path) for path in Path(folder).rglob("*")}
        self._tell = tell
        self._told: set[str] = set()
        self._busy = False
        self._before: dict[int, object] = {}

    def install(self) -> None:
        """Begin; there is no way back."""
        readers = _readers(self._may_change)
        inside = self

        def hook(event: str, args: Args) -> None:
            reader = readers.get(event)
            if reader is None or inside._busy:
                return
            inside._busy = True
            try:
                what = reader(args)
                if what and inside._is_students(event):
                    inside.note(what)
            finally:
                inside._busy = False

        sys.addaudithook(hook)

    def _may_change(self, path: str) -> bool:
        """Whether a program may write there: it may have files of its own beside those given."""
        beside = path.startswith(self._inside) and path not in self._given
        return beside or path.startswith(SCRATCH)

    def note(self, what: str) -> None:
        """Tell it, once."""
        clean = "".join(one if one.isprintable() else "?" for one in what)[:200]
        if clean not in self._told and len(self._told) < MOST_TRIED:
            self._told.add(clean)
            with contextlib.suppress(OSError, ValueError):
                self._tell(clean)

    def verify(self) -> None:
        """Tell of functions of the testbed or of Python that are the student's now."""
        for name, module in list(sys.modules.items()):
            if name in SHARED or name.partition(".")[0] in PROTECTED:
                values = vars(module) if module is not None else {}
                for key, value in list(values.items()):
                    if self._is_patch(value):
                        self.note(f"replaced {name}.{key} in memory")
                    if isinstance(value, type) and value.__module__ == name:
                        for inner, method in list(vars(value).items()):
                            if self._is_patch(method):
                                self.note(f"replaced {name}.{key}.{inner} in memory")

    def _is_patch(self, value: object) -> bool:
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if isinstance(value, property):
            value = value.fget
        code = value.__code__ if isinstance(value, FunctionType) else None
        return code is not None and code.co_filename.startswith(self._inside)

    def _is_students(self, event: str) -> bool:
        """Whether the student's code caused the event, and no library on its way."""
        frame: FrameType | None = sys._getframe(2)
        if event in _DIRECT:  # the standard library does it for others all the time
            return frame is not None and self._is_inside(frame)
        while frame is not None and _is_stdlib(frame.f_code.co_filename):
            frame = frame.f_back
        if event in _ANYWHERE:
            while frame is not None and not self._is_inside(frame):
                frame = frame.f_back
        return frame is not None and self._is_inside(frame)

    def _is_inside(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self._inside)


def _is_stdlib(path: str) -> bool:
    if path.startswith("<frozen"):
        return True
    return path.startswith(_STDLIB) and not any(name in path for name in _PACKAGES)


_ANYWHERE = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
     "socket.gethostbyname"}
)  # fmt: skip
_DIRECT = frozenset({"sys._getframe"})


def _readers(may_change: Callable[[str], bool]) -> dict[str, Callable[[Args], str]]:
    """Of each event that matters: its arguments → what was tried, "" when that is nothing."""

    def changed(what: str, path: object) -> str:
        text = _path(path)
        return "" if not text or may_change(text) else f"tried to {what} {text}"

    def opened(args: Args) -> str:
        path, mode, flags = args
        if isinstance(path, int):
            return ""
        writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        for_writing = isinstance(flags, int) and flags & writing
        if for_writing or (isinstance(mode, str) and set(mode) & set("wax+")):
            return changed("write", path)
        return _read(path)

    return {
        "open": opened,
        "os.listdir": lambda args: _read(args[0]),
        "os.scandir": lambda args: _read(args[0]),
        "os.chdir": lambda args: _read(args[0]),
        "os.remove": lambda args: changed("remove", args[0]),
        "os.rmdir": lambda args: changed("remove", args[0]),
        "shutil.rmtree": lambda args: changed("remove", args[0]),
        "os.rename": lambda args: changed("rename", args[0]) or changed("write", args[1]),
        "os.truncate": lambda args: changed("write", args[0]),
        "os.chmod": lambda args: changed("change the permissions of", args[0]),
        "os.chown": lambda args: changed("change the owner of", args[0]),
        "os.mkdir": lambda args: changed("make the folder", args[0]),
        "os.link": lambda args: changed("write", args[1]) or _read(args[0]),
        "os.symlink": lambda args: changed("write", args[1]),
        "os.fork": lambda _: "started another process",
        "os.forkpty": lambda _: "started another process",
        "os.posix_spawn": lambda args: f"started the program {_text(args[0])}",
        "os.spawn": lambda args: f"started the program {_text(args[1])}",
        "os.exec": lambda args: f"replaced itself by the program {_text(args[0])}",
        "os.system": lambda args: f"ran the command {_text(args[0])}",
        "subprocess.Popen": lambda args: f"started the program {_text(_command(args))}",
        "os.kill": lambda args: f"sent the signal {_signal(args[1])}",
        "os.killpg": lambda args: f"sent the signal {_signal(args[1])}",
        "socket.connect": lambda args: _network("opened a network connection to", args[1]),
        "socket.bind": lambda args: _network("opened a network port,", args[1]),
        "socket.sendto": lambda args: _network("sent packets to", args[1]),
        "socket.sendmsg": lambda args: _network("sent packets to", args[1]),
        "socket.getaddrinfo": lambda args: _looked_up(args[0]),
        "socket.gethostbyname": lambda args: _looked_up(args[0]),
        "ctypes.dlopen": lambda _: "called C functions (ctypes)",
        "ctypes.dlsym": lambda _: "called C functions (ctypes)",
        "gc.get_objects": lambda _: "searched the process's memory (gc.get_objects)",
        "gc.get_referrers": lambda _: "searched the process's memory (gc.get_referrers)",
        "sys._getframe": lambda _: "read its callers' variables (sys._getframe)",
        "sys.settrace": lambda _: "traced other code (sys.settrace)",
        "sys.setprofile": lambda _: "traced other code (sys.setprofile)",
        "object.__setattr__": _attribute,
    }


def _read(path: object) -> str:
    text = _path(path)
    if any(part in SECRET for part in Path(text).parts):
        return f"tried to read {text}"
    return "" if _is_public(text) else f"tried to read {text}"


def _is_public(path: str) -> bool:
    roots = (*SCRATCH, *HANDED_OUT, "/usr/", "/proc/self/", "/dev/", "/lib", "/etc/", sys.prefix,
             sys.base_prefix, *(entry for entry in sys.path if len(entry) > 1))  # fmt: skip
    return path + "/" in HANDED_OUT or path.startswith(roots)


def _path(path: object) -> str:
    if isinstance(path, int) or path is None:
        return ""
    try:
        return os.path.abspath(os.fsdecode(path))  # type: ignore[arg-type]  # noqa: PTH100
    except (TypeError, ValueError):
        return ""


def _network(what: str, address: object) -> str:
    """Of the internet's families only: others reach nothing outside of the process."""
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
        return f"{what} {address[0]}" + (
            f", port {address[1]}" if isinstance(address[1], int) else ""
        )
    return ""


def _looked_up(host: object) -> str:
    """Names only: an address is named when it is connected to."""
    name = _text(host)
    is_address = ":" in name or name.replace(".", "").isdigit()
    return "" if host is None or is_address else f"looked up the network name {name}"


def _command(args: Args) -> object:
    return args[1] if args[1] else args[0]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return str(value)


def _signal(number: object) -> str:
    try:
        return signal.Signals(number).name  # type: ignore[arg-type]
    except ValueError:
        return str(number)


def _attribute(args: Args) -> str:
    """Of a function's code, which no lab's task needs to change."""
    owner, name = args[0], args[1]
    return (
        f"replaced the code of {owner.__qualname__} in memory"
        if (name == "__code__" and isinstance(owner, FunctionType))
        else ""
    )
