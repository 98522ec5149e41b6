"""Run a command as an ordinary user: no root, no capabilities, nothing set up for it by hand.

    python tests/topo/unprivileged.py [--home DIR] [--uid N] -- COMMAND...
    subprocess.run(unprivileged.command([...], home))

Called as root it becomes uid 65534 for good (as setpriv(1) would); called by an ordinary user it
just runs the command. A checkout or a Python that lies where only root may look (below /root, in a
directory of mode 0700) would be out of reach: a mount namespace of this process's own then shows
them under the same paths through a view with open directories. A capability to read anything
would not do instead: it ends at the user namespace that the network makes for itself.
"""

import argparse
import ctypes
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rxpath.compile.store import CodeStore

NOBODY = 65534
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
ROOT = Path(__file__).resolve().parents[2]
OPEN = stat.S_IROTH | stat.S_IXOTH
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def command(argv: Sequence[str], home: Path, uid: int = NOBODY) -> list[str]:
    """The argument list that runs `argv` as an ordinary user with `home` as home directory."""
    options = ["--home", str(home), "--uid", str(uid)]
    return [sys.executable, str(Path(__file__)), *options, "--", *argv]


def make_home(uid: int = NOBODY) -> Path:
    """Make a home directory of that user's own, with this user's compiled code in its cache.

    The caller removes it. Compiling everything anew would take longer than all the rest.
    """
    home = Path(tempfile.mkdtemp(prefix="falcon-home-", dir="/tmp"))
    for name in ("falcon-testbed", "v1switch"):
        for folder in CodeStore(name).folders[-1:]:
            shutil.copytree(folder, home / ".cache" / name, copy_function=_copy)
    give_away(home, uid)
    return home


def _copy(source: str, target: str) -> None:
    """Copy a file, unless another process has just replaced it in the cache."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def give_away(folder: Path, uid: int = NOBODY) -> None:
    """Make a folder and everything in it that user's own, when we are root."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)


def closed_ancestor(path: Path) -> Path | None:
    """The outermost directory on the way to `path`, itself included, that others cannot enter."""
    for directory in (*reversed(path.parents), path):
        if directory.is_dir() and directory.stat().st_mode & OPEN != OPEN:
            return directory
    return None


def expose(paths: Iterable[Path]) -> None:
    """In a mount namespace of our own, make directories reachable by their path for everyone."""
    views: dict[Path, list[Path]] = {}
    for path in sorted({p.resolve() for p in paths}):
        if closed := closed_ancestor(path):
            below = [path] if closed != path else sorted(path.iterdir())
            views.setdefault(closed, []).extend(below)
    if not views:
        return
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _mount("none", Path("/"), "", MS_REC | MS_PRIVATE)
    for closed, below in views.items():
        held = [(path, os.open(path, os.O_PATH)) for path in below]
        _mount("tmpfs", closed, "tmpfs", 0, "mode=755")
        for path, fd in held:
            _show(path, fd)


def _show(path: Path, fd: int) -> None:
    if path.exists():  # an outer path has brought it already
        return
    if stat.S_ISLNK(os.fstat(fd).st_mode):
        path.symlink_to(Path(f"/proc/self/fd/{fd}").readlink())
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        path.mkdir()
    else:
        path.touch()
    _mount(f"/proc/self/fd/{fd}", path, "", MS_BIND | MS_REC)


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    args = [source.encode(), os.fsencode(target), kind.encode()]
    _check(_libc.mount(*args, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def needed() -> list[Path]:
    """What a run needs to read: the checkout, the environment and the Python behind it."""
    prefixes = [sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)]
    return [ROOT, *map(Path, prefixes)]


def become(uid: int) -> None:
    """Give up root and every capability, for good: also set-user-ID programs give none back."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def run(argv: Sequence[str], home: Path, uid: int) -> NoReturn:
    """Become the user and the command."""
    if os.geteuid() == 0:
        expose(needed())
        become(uid)
        os.environ.update(HOME=str(home), USER=f"user{uid}", LOGNAME=f"user{uid}")
        os.environ.pop("XDG_CACHE_HOME", None)
    try:
        Path.cwd().stat()
    except OSError:
        os.chdir(home)
    os.execvp(argv[0], argv)


def main() -> NoReturn:
    """Parse the command line above."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--home", type=Path, default=Path("/"))
    parser.add_argument("--uid", type=int, default=NOBODY)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    run(options.command, options.home, options.uid)


if __name__ == "__main__":
    main()
