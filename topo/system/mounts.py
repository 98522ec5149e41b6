"""The kernel's newer mount calls: detached copies of mounts, and attributes of whole trees.

The C library has functions for them from glibc 2.36 on; their numbers are the same on every
architecture (those of Alpha aside), as of all system calls since Linux 5.1.
"""

import ctypes
import os

from topo.system.linux import syscall

OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
AT_EMPTY_PATH, AT_RECURSIVE = 0x1000, 0x8000  # include/uapi/linux/fcntl.h
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = 0x1, 0x4  # include/uapi/linux/mount.h
READ_ONLY, NO_SUID, NO_DEV, ID_MAPPED = 0x1, 0x2, 0x4, 0x00100000  # MOUNT_ATTR_*


class _MountAttr(ctypes.Structure):
    """``struct mount_attr`` of include/uapi/linux/mount.h."""

    _fields_ = [  # ctypes reads it from the class
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def copy(path: str) -> int:
    """A descriptor of a detached copy of what is mounted at `path` and below (open_tree(2))."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | AT_RECURSIVE
    return syscall(OPEN_TREE, -100, path.encode(), flags, what=f"copy the mount {path}")


def attach(tree: int, path: str) -> None:
    """Mount a detached copy at `path` (move_mount(2)) and close its descriptor."""
    flags = MOVE_MOUNT_F_EMPTY_PATH
    syscall(MOVE_MOUNT, tree, b"", -100, path.encode(), flags, what=f"mount {path}")
    os.close(tree)


def restrict(tree: int, attributes: int, recursive: bool = True, users: int = 0) -> None:
    """Set attributes of a tree of mounts (mount_setattr(2), Linux 5.12).

    Args:
        tree: descriptor of the tree's root.
        attributes: READ_ONLY, NO_SUID, NO_DEV, ID_MAPPED.
        recursive: also those of the mounts below.
        users: descriptor of the user namespace by which ID_MAPPED translates owners.
    """
    attr = _MountAttr(attr_set=attributes, userns_fd=users)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    size = ctypes.sizeof(attr)
    syscall(MOUNT_SETATTR, tree, b"", flags, attr, size, what="set attributes of mounts")


def restrict_path(path: str, attributes: int, recursive: bool = True) -> None:
    """Set attributes of the mounts at `path`, which must be a mount's root."""
    tree = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        restrict(tree, attributes, recursive)
    finally:
        os.close(tree)
