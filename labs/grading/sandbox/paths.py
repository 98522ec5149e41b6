"""What a worker has to see of this machine: Python, its packages, the project's packages, p4c."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("rxpath", "v1switch", "topo", "falcon_ctl")
WORKER = ("labs/__init__.py", "labs/worker")  # of labs: no lab, no check, no grading
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/protocols", "/etc/services")


def visible(root: Path) -> list[Path]:
    """Folders and files that are shown under their own names, outer ones first.

    Args:
        root: the checkout, of which only the packages and the worker are shown.
    """
    found = {Path("/usr"), *map(Path, _FILES), *_python(root), *_p4c()}
    found |= {root / name for name in (*PACKAGES, *WORKER)}
    found |= {root / "p4"}
    there = sorted(path for path in found if path.exists())
    return [path for path in there if not any(other in path.parents for other in there)]


def links() -> Iterator[tuple[str, str]]:
    """(target, link) of the system's folders that are links, as /bin is to /usr/bin."""
    for name in _SYSTEM:
        if Path(name).is_symlink():
            yield str(Path(name).readlink()), name


def system_folders() -> list[Path]:
    """The system's folders that are no links."""
    return [Path(name) for name in _SYSTEM if Path(name).is_dir() and not Path(name).is_symlink()]


def parents(paths: list[Path]) -> list[Path]:
    """The folders above the paths, outer ones first; they are made empty."""
    found = {parent for path in paths for parent in path.parents if parent != Path("/")}
    return sorted(found - set(paths))


def _python(root: Path) -> Iterator[Path]:
    yield Path(sys.prefix)
    yield Path(sys.base_prefix)
    for entry in sys.path:
        path = Path(entry).resolve()
        if entry and path.is_dir() and not _holds_labs(path, root):
            yield path
    link = Path(sys.executable)
    while link.is_symlink():  # a virtual environment's python is a link, maybe to a link
        link = link.parent / link.readlink()
        yield link.resolve().parent.parent


def _holds_labs(path: Path, root: Path) -> bool:
    """Whether a folder of modules is a checkout, around one or in one: it may hold checks."""
    around = path == root or path in root.parents or (path / WORKER[1]).exists()
    return around or (root in path.parents and Path(sys.prefix) not in path.parents)


def _p4c() -> Iterator[Path]:
    """The folder that p4c was installed into, where it is none of the system's."""
    found = shutil.which("p4c")
    if found:
        yield Path(found).resolve().parent.parent
