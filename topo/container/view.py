"""The files that a container sees: the machine's, read-only, with private directories over some.

`build` runs with the daemon's rights, before the container's user namespace exists: what it
mounts is locked afterwards (mount_namespaces(7)), so that no right inside takes it away.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from topo.container.users import Users, closed_part
from topo.system import linux, mounts

PRIVATE = ("/tmp", "/var/tmp", "/run", "/dev/shm")  # each container has its own
PRIVATE_SIZE = "256m"
DEVICES = ("full", "null", "random", "tty", "urandom", "zero", "net/tun")
DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
SAFE = mounts.NO_SUID | mounts.NO_DEV
PROC_FLAGS = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC


class Files(NamedTuple):
    """What of the machine's files a container sees and may do, apart from reading the public ones.

    `shown` stay visible where a private or closed directory would hide them; `writable` may be
    written; `hidden` (the run directory) are empty. All are absolute and free of symbolic links.
    `names` is a directory that has the /etc/hosts of each container, as a file of its name.
    """

    shown: list[str]
    writable: list[str]
    hidden: list[str]
    names: str


def build(name: str, files: Files, users: Users, namespace: int) -> None:
    """Arrange the mount namespace of this process, which becomes the container `name`.

    `namespace` is a user namespace of these users.
    """
    os.umask(0o022)  # of the directories made here
    covers = _covers(files, users)
    trees = {path: mounts.copy(path) for path in ("/proc", "/sys")}
    for path in files.shown:
        if closed_part(Path(path), users) or _is_below(path, covers):
            trees |= _show(path, users, namespace)
    for path in files.writable:
        trees[path] = mounts.copy(path)
        mounts.restrict(trees[path], SAFE)
    trees |= _own_hosts(Path(files.names, name))
    devices = {one: mounts.copy(f"/dev/{one}") for one in DEVICES if Path("/dev", one).exists()}
    mounts.restrict_path("/", mounts.READ_ONLY | SAFE)
    _make_dev(devices)
    for path in sorted({*covers, *trees}, key=lambda path: (path.count("/"), path)):
        if path in covers and Path(path).exists():  # unless it is below another one
            linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, covers[path])
        if path in trees:
            _make_mount_point(path, trees[path])
            mounts.attach(trees[path], path)
    for path in covers.keys() - set(PRIVATE) - trees.keys():
        if Path(path).is_mount():
            mounts.restrict_path(path, mounts.READ_ONLY, recursive=False)


def _show(path: str, users: Users, namespace: int) -> dict[str, int]:
    """A read-only copy of the mounts at `path`; none when a container could not read them.

    What is closed to the container's root is shown as if root's files were his.
    """
    tree = mounts.copy(path)
    mounts.restrict(tree, mounts.READ_ONLY | SAFE)
    closed = closed_part(Path(path), users)
    if closed is None:
        return {path: tree}
    try:
        mounts.restrict(tree, mounts.ID_MAPPED, users=namespace)
    except OSError:  # a file system without it: permissions decide
        if closed == Path(path):
            os.close(tree)
            return {}
    return {path: tree}


def _own_hosts(path: Path) -> dict[str, int]:
    """The container's own /etc/hosts in place of the machine's, where there is one."""
    place = Path("/etc/hosts").resolve()
    if not (place.is_file() and path.is_file()):
        return {}
    tree = mounts.copy(str(path))
    mounts.restrict(tree, mounts.READ_ONLY | SAFE)
    return {str(place): tree}


def _is_below(path: str, covers: Mapping[str, str]) -> bool:
    return any(Path(path).is_relative_to(cover) for cover in covers)


def _covers(files: Files, users: Users) -> dict[str, str]:
    """Directories to put a file system of memory over, with its options."""
    covers = dict.fromkeys(files.hidden, "mode=755")
    closed = [closed_part(Path(path), users) for path in files.shown]
    covers |= {str(part): "mode=755" for part in closed if part}
    own = f"uid={users.uid},gid={users.gid},size={PRIVATE_SIZE}"
    for path in PRIVATE:
        if Path(path).is_dir() and not Path(path).is_symlink():
            covers[path] = f"mode=755,{own}" if path == "/run" else f"mode=1777,{own}"
    return covers


def _make_mount_point(path: str, tree: int) -> None:
    point = Path(path)
    if point.exists():
        return
    point.parent.mkdir(parents=True, exist_ok=True)
    if Path(f"/proc/self/fd/{tree}").is_dir():
        point.mkdir()
    else:
        point.touch()


def _make_dev(devices: dict[str, int]) -> None:
    """A /dev with the devices that any program may use, and no other."""
    linux.mount("tmpfs", "/dev", "tmpfs", linux.MS_NOSUID, "mode=755,size=64k")
    for name in ("pts", "shm", "net"):
        Path("/dev", name).mkdir()
    for name, tree in devices.items():
        mounts.restrict(tree, mounts.NO_SUID)
        Path("/dev", name).touch()
        mounts.attach(tree, f"/dev/{name}")
    for name, target in DEV_LINKS.items():
        Path("/dev", name).symlink_to(target)
    mounts.restrict_path("/dev", mounts.READ_ONLY, recursive=False)


def mount_own() -> None:
    """Mount what shows the container's own namespaces; called by its process 1."""
    linux.mount("proc", "/proc", "proc", PROC_FLAGS)
    linux.mount("sysfs", "/sys", "sysfs", PROC_FLAGS)
    options = "newinstance,ptmxmode=0666,mode=0620"
    linux.mount("devpts", "/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)


def protect_settings() -> None:
    """Make the kernel's settings read-only, except those of the container's own network."""
    for path in ("/proc/sys", "/proc/sys/net"):
        linux.mount(path, path, "", linux.MS_BIND)
    mounts.restrict_path("/proc/sys", mounts.READ_ONLY, recursive=False)


def limit_namespaces() -> None:
    """Allow no further user namespaces inside: there, every capability would be back."""
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
