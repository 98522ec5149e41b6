"""The address of the P4Runtime server: it is listened on before the service is there.

Importing the service and loading a program take a multiple of the time that gRPC needs to listen.
Launchers and controllers come early (scripts wait a fixed time, some clients try once): from here
on their connections are taken by the kernel, and are served as soon as the server starts.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import grpc

from v1switch.errors import SwitchError
from v1switch.p4runtime import limits

UNIX = "unix:"  # gRPC's notation, a URI: % in the path is %25
UNAVAILABLE = "in use or not of this machine, expected a free unix:PATH or HOST:PORT"
OPTIONS = (  # grpc/impl/channel_arg_names.h
    ("grpc.max_receive_message_length", limits.MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", limits.WORKERS),  # of one connection
    ("grpc.server_handshake_timeout_ms", 5_000),  # until the client's HTTP/2 settings
    ("grpc.keepalive_time_ms", 30_000),  # a client that does not answer pings is gone
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # clients' own pings
)


class BindFailed(SwitchError):
    """The server cannot listen on its address.

    Attributes:
        address: as it was given.
        reason: why not, and what is expected.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address!r}: {reason}")
        self.address = address
        self.reason = reason


@dataclass(frozen=True)
class Tls:
    """What a server needs for TLS, in PEM.

    Attributes:
        key, certificate: the server's.
        authority: certificates that clients' are verified against, or None.
        client_auth: whether clients need one.
    """

    key: bytes = field(repr=False)
    certificate: bytes
    authority: bytes | None
    client_auth: bool


@dataclass(frozen=True)
class Listener:
    """A server that listens, and serves nothing yet.

    Attributes:
        server: gRPC's, to be given its handlers and started.
        address: as it was asked for.
        target: the address in full: `unix:PATH`, or host and port, as they are bound.
        tls: what it needs for TLS; None for plain text.
    """

    server: grpc.Server
    address: str
    target: str
    tls: Tls | None


def listen(address: str, tls: Tls | None = None) -> Listener:
    """Listen on an address.

    Args:
        address: `unix:PATH`, `host:port` or `:port`; without a host only this machine can connect.
        tls: for TLS; None for plain text.

    Raises:
        BindFailed: the address is in use or invalid.
    """
    target = _local(address)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=limits.WORKERS, thread_name_prefix="p4rt"),
        options=OPTIONS,
        maximum_concurrent_rpcs=limits.WORKERS,
    )
    bound = _bind(server, address, target, tls)
    whole = target if target.startswith(UNIX) else _with(target, bound)
    return Listener(server, address, whole, tls)


def reach(address: str, tls: Tls | None = None) -> str:
    """Say who can use a server that listens on `address`, on one line."""
    if tls is not None and tls.client_auth:
        return "who has a certificate and reaches it can control this switch"
    if address.startswith(UNIX):
        return "only this user and root can control this switch"
    host = _local(address).rpartition(":")[0]
    if _is_loopback(host):
        who = "every user of this machine"
    else:
        who = "everybody who reaches this machine"
    return f"{who} can control this switch; --grpc-server-addr unix:PATH restricts it to you"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _bind(server: grpc.Server, address: str, target: str, tls: Tls | None) -> int:
    """Listen; a Unix socket is its user's only from the first moment. Raises BindFailed."""
    before = os.umask(0o177)
    try:
        if tls is None:
            bound = server.add_insecure_port(target)
        else:
            pairs = [(tls.key, tls.certificate)]
            secrets = grpc.ssl_server_credentials(pairs, tls.authority, tls.client_auth)
            bound = server.add_secure_port(target, secrets)
    except RuntimeError as error:
        raise BindFailed(address, UNAVAILABLE) from error
    finally:
        os.umask(before)
    if not bound:
        raise BindFailed(address, UNAVAILABLE)
    return bound


def _local(address: str) -> str:
    """Return the address with a host; the loopback address when none is given.

    A Unix socket that an earlier switch left behind is not in use; gRPC removes it.
    """
    if address.startswith(UNIX):
        _check_folder(address, Path(unquote(address.removeprefix(UNIX))).parent)
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise BindFailed(address, "expected unix:PATH or HOST:PORT")
    return f"{host or '127.0.0.1'}:{port}"


def _check_folder(address: str, folder: Path) -> None:
    """Refuse a folder that does not exist, or where others could put a socket in our place."""
    try:
        found = folder.stat()
    except OSError as error:
        note = " (%XX in it is an escape: % itself is %25)" if "%" in address else ""
        why = f"directory {str(folder)!r}: {error.strerror}{note}"
        raise BindFailed(address, f"{why}, expected an existing one") from error
    if not stat.S_ISDIR(found.st_mode):
        raise BindFailed(address, f"{str(folder)!r} is no directory, expected one")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
        why = f"others can replace files in directory {str(folder)!r}"
        raise BindFailed(address, f"{why} (mode {found.st_mode & 0o7777:o}), expected mode 700")


def _with(target: str, port: int) -> str:
    return f"{target.rpartition(':')[0]}:{port}"
