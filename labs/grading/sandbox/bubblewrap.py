"""The command that runs a worker in bubblewrap: namespaces of its own, a root of what it needs.

A worker sees Python, the packages, its own student's files and a small tmpfs, all but that one
read-only; no check, no reference solution, no other submission, no home and no environment of the
grader's. It has a network namespace without any link.

As root, bubblewrap runs twice: first as root, which alone can show Python where it lies in a folder
of root's, then as ``nobody``, because the kernel does not limit the processes of root.
docs/decisions/labs-sandbox.md
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from labs.errors import LabsError
from labs.grading.sandbox import paths

FILES, TRIAL, CACHE, SCRATCH = "/lab/files", "/lab/trial.py", "/lab/cache", "/tmp"
GIVEN = "/lab/given"
SCRATCH_BYTES = 48 * 2**20
NOBODY = 65534
CACHES = ("falcon-testbed", "v1switch")  # folders of compiled code
INSTALL = "apt-get install bubblewrap"
# The first process of the sandbox is bubblewrap's, and shows what it was started with in /proc.
_CLEAN = 'exec env -i PYTHONHASHSEED="${PYTHONHASHSEED:-0}" "$@"'
_SAID = "in the sandbox"
_PROOF = f"import rxpath, labs.worker.__main__; print({_SAID!r})"
_SYSCTLS = (  # that forbid user namespaces, and the value that does
    ("kernel.unprivileged_userns_clone", "0"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
    ("user.max_user_namespaces", "0"),
)


class NoSandbox(LabsError):
    """Submissions cannot be run in a sandbox here: `reason`, and `remedy`."""

    exit_status = 2

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(
            f"no sandbox: {reason}; {remedy}, or `--unsafe` to run what students wrote as yourself"
        )


def verify(root: Path) -> None:
    """Import the worker in a sandbox once. Raises NoSandbox, with what the system said."""
    if shutil.which("bwrap") is None:
        raise NoSandbox("bubblewrap is not installed", f"`{INSTALL}` brings it")
    words = [*_outer(root, [], {}), *_command(["-c", _PROOF])]
    try:
        done = subprocess.run(words, capture_output=True, timeout=60, check=False, text=True)
    except subprocess.TimeoutExpired:
        raise NoSandbox("bubblewrap did not answer within 60 s", "try it by hand") from None
    if done.stdout.strip() != _SAID:
        lines = (done.stderr or done.stdout or f"exit status {done.returncode}").strip()
        raise NoSandbox(lines.splitlines()[-1], _remedy())


def _remedy() -> str:
    """What an administrator can do, by the name of the setting that forbids it."""
    for name, forbids in _SYSCTLS:
        path = Path("/proc/sys", *name.split("."))
        try:
            value = path.read_text().strip()
        except OSError:
            continue
        if value == forbids:
            return f"{name} = {value} forbids it to ordinary users (`sysctl {name}`)"
    return f"the kernel has to allow user namespaces ({', '.join(name for name, _ in _SYSCTLS)})"


@contextmanager
def caches(folder: Path, used_since: float) -> Iterator[dict[str, Path]]:
    """Folders of compiled code that a worker can read: the user's own, or copies of root's.

    The worker's user is not root, and what root compiled is root's alone to read. Copies are made
    of what was used since a time, as the store of compiled code notes it.
    """
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    there = {name: base.expanduser() / name for name in CACHES}
    there = {name: path for name, path in there.items() if path.is_dir()}
    if os.geteuid() != 0:
        yield there
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="cache-") as copy:
        for name, path in there.items():
            _copy(path, Path(copy, name), used_since)
        yield {name: Path(copy, name) for name in there}


def _copy(source: Path, target: Path, since: float) -> None:
    target.mkdir(mode=0o755)
    target.parent.chmod(0o755)
    for path in source.iterdir():
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since:
            shutil.copyfile(path, target / path.name)
            (target / path.name).chmod(0o644)


def wrap(root: Path, folder: Path, cached: dict[str, Path]) -> Callable[[Sequence[str]], list[str]]:
    """What makes of a worker's command the one that runs it in a sandbox.

    Args:
        root: the checkout.
        folder: the student's files.
        cached: the folders of compiled code, by name.
    """

    def wrapped(words: Sequence[str]) -> list[str]:
        """`words` as `labs.process.command` gives them."""
        shown = [(path, f"{FILES}/{path.name}") for path in sorted(folder.iterdir())]
        inside, rest = [], list(words)[1:]  # without the interpreter
        while rest:
            word = rest.pop(0)
            if word == "--trial":
                trial = Path(rest.pop(0))
                given = trial.parent / "given"  # public data, which it finds beside itself
                shown += [(trial, TRIAL), *([(given, GIVEN)] if given.is_dir() else [])]
                inside += [word, TRIAL]
            else:
                inside.append(FILES if word == str(folder.resolve()) else word)
        return [*_outer(root, shown, cached), *_command([*inside, "--guarded"])]

    return wrapped


def _command(words: Sequence[str]) -> list[str]:
    import sys

    return [sys.executable, *words]


def _outer(root: Path, files: Sequence[tuple[Path, str]], cached: dict[str, Path]) -> list[str]:
    """Everything before the worker's command."""
    as_root = os.geteuid() == 0
    words = [
        "/bin/sh",
        "-c",
        _CLEAN,
        "sh",
        _bwrap(),
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-net",
    ]
    words += ["--unshare-cgroup-try", "--hostname", "lab", "--die-with-parent", "--new-session"]
    words += [*_user(), "--cap-drop", "ALL"] if not as_root else []
    words += (
        ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        if as_root
        else []
    )
    for name, value in _environment(root).items():
        words += ["--setenv", name, value]
    words += _root(root, files, cached)
    if not as_root:
        return [*words, "--"]
    nobody = str(NOBODY)
    become = [_found("setpriv"), "--reuid", nobody, "--regid", nobody, "--clear-groups"]
    inner = [_bwrap(), *_user(), "--die-with-parent", "--dev-bind", "/", "/"]
    return [*words, "--", *become, *inner, "--"]


def _user() -> list[str]:
    return ["--unshare-user", *(["--disable-userns"] if _has("--disable-userns") else [])]


def _root(root: Path, files: Sequence[tuple[Path, str]], cached: dict[str, Path]) -> list[str]:
    """The root of the file system."""
    shown = [*paths.visible(root), *paths.system_folders()]
    pairs = [(path, str(path)) for path in shown]
    pairs += [(path, f"{CACHE}/{name}") for name, path in cached.items()] + list(files)
    words = []
    if _has("--size"):
        words += ["--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH]
    else:  # a tmpfs of any size would be a way to the computer's whole memory
        words += ["--dir", SCRATCH]
    for parent in paths.parents([*(Path(target) for _, target in pairs), Path(FILES, "any")]):
        if str(parent) == SCRATCH:
            continue
        words += ["--perms", "0755", "--dir", str(parent)]
    if _has("--size"):  # where new files may stand beside the student's
        words += ["--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", FILES]
    for source, target in pairs:
        words += ["--ro-bind", str(source), target]
    for target, link in paths.links():
        words += ["--symlink", target, link]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--remount-ro", "/dev/shm"]
    return [*words, "--remount-ro", "/", "--chdir", "/"]


def _environment(root: Path) -> dict[str, str]:
    from labs.process import environment

    kept = ("PYTHON", "OMP_", "OPENBLAS_", "NUMBA_NUM", "MPLBACKEND")
    fixed = {key: value for key, value in environment().items() if key.startswith(kept)}
    fixed.pop("PYTHONHASHSEED")  # differs between workers
    return fixed | {
        "PATH": os.pathsep.join(filter(None, ("/usr/local/bin:/usr/bin:/bin", _p4c_folder()))),
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "XDG_CACHE_HOME": CACHE,
        "PYTHONPATH": str(root),
        "PYTHONSAFEPATH": "1",  # the working directory is no place for modules
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def _p4c_folder() -> str:
    found = shutil.which("p4c")
    return str(Path(found).parent) if found else ""


def _bwrap() -> str:
    return _found("bwrap")


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoSandbox(f"{program} is not installed", "install it")
    return found


@cache
def _has(option: str) -> bool:
    """Whether this bubblewrap has an option; Ubuntu 22.04's 0.6 lacks some."""
    done = subprocess.run([_bwrap(), "--help"], capture_output=True, check=False, text=True)
    return f"{option} " in done.stdout + done.stderr or f"{option}\n" in done.stdout + done.stderr
