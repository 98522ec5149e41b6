"""UID and GID maps of a container's user namespace.

A container's root is, on the machine, an ordinary user: the one who brought the network up, also
with sudo(8), or one that owns nothing when root did.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Systemd's table of user numbers has the range from here on as unused; neither login.defs(5) nor
# subuid(5) hands them out.
FOREIGN = 0x70000000
COUNT = 0x10000
WHOLE = ["0", "0", "4294967295"]  # uid_map of the machine's own user namespace


class Users(NamedTuple):
    """The maps of a container's user namespace, and whom its root is outside of it.

    `uid_map` and `gid_map` are written to /proc/<pid>/; `uid` and `gid` are root's, as the daemon
    sees them. `is_foreign` says that they are not the daemon's own: permissions differ then.
    """

    uid_map: str
    gid_map: str
    uid: int
    gid: int
    is_foreign: bool


def of_daemon(environment: Mapping[str, str]) -> Users:
    """The users of the containers of a daemon, which is this process; it is root here."""
    uids, gids = (Path(f"/proc/self/{kind}_map").read_text() for kind in ("uid", "gid"))
    if uids.split() != WHOLE:  # our root is an ordinary user outside of this user namespace
        return Users(_same(uids), _same(gids), 0, 0, False)
    uid, gid = (int(environment.get(f"SUDO_{kind}", 0)) or FOREIGN for kind in ("UID", "GID"))
    return Users(_map_from(uid), _map_from(gid), uid, gid, True)


def _same(own: str) -> str:
    """A map that changes nothing, of all that our own namespace has."""
    rows = [line.split() for line in own.splitlines()]
    return "".join(f"{inside} {inside} {count}\n" for inside, _, count in rows)


def _map_from(root: int) -> str:
    return f"0 {root} 1\n1 {FOREIGN + 1} {COUNT - 1}\n"


def closed_part(path: Path, users: Users) -> Path | None:
    """The outermost directory on the way to `path`, itself included, that they cannot read.

    Goes by the mode and the owner alone: a container's root is in no group. None, too, where he has
    the rights of whoever brought the network up.
    """
    if not users.is_foreign:
        return None
    for part in (*reversed(path.parents), path):
        found = part.stat()
        bits = found.st_mode >> 6 if found.st_uid == users.uid else found.st_mode
        needed = os.R_OK | os.X_OK if part.is_dir() else os.R_OK
        if bits & needed != needed:
            return part
    return None
