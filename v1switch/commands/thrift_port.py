"""The Thrift server of simple_switch: --thrift-port, and where it listens."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v1switch.commands.parsing import Parser, tcp_port
from v1switch.errors import SwitchError

if TYPE_CHECKING:  # the command line is read before the switch is loaded
    from v1switch.bmthrift.learning import Learning
    from v1switch.control.dataplane import Dataplane
    from v1switch.io.port_changes import PortAccess

LOOPBACK = "127.0.0.1"  # BMv2 listens on every address; this does not unless it is told to
DEFAULT_PORT = 9090  # BMv2's, which simple_switch_CLI asks; here under the name simple_switch only
NOTIFICATIONS = "ipc:///tmp/bmv2-{}-notifications.ipc"  # BMv2's
MISSING = "no library Apache Thrift, expected the extra: pip install 'v1switch[thrift]'"
log = logging.getLogger("v1switch")


@dataclass(frozen=True)
class ThriftOptions:
    """Whether and where to serve Thrift.

    Attributes:
        host: address to listen on.
        port: its port.
        asked: whether the command line has it; the default port may be in use.
        can_swap: whether clients may replace the program.
        notifications: where digests are published; None: nowhere.
    """

    host: str
    port: int
    asked: bool
    can_swap: bool
    notifications: str | None = None


def add_to(parser: Parser) -> None:
    """Let a parser take the options."""
    add = parser.add_argument
    add("--thrift-port", type=tcp_port, metavar="PORT", help="serve simple_switch_CLI here")
    add(
        "--thrift-address",
        default=LOOPBACK,
        metavar="HOST",
        help=f"where --thrift-port listens ({LOOPBACK}); 0.0.0.0 lets others control the switch",
    )
    add(
        "--notifications-addr",
        metavar="ipc://PATH",
        help="publish digests here over nanomsg, beside --thrift-port (as simple_switch: "
        "ipc:///tmp/bmv2-<device-id>-notifications.ipc)",
    )


def from_options(
    general: argparse.Namespace, target: argparse.Namespace, *, plain: bool
) -> ThriftOptions | None:
    """Options of the Thrift server; None for no server. `plain`: called as simple_switch."""
    port = general.thrift_port
    can_swap = target.enable_swap if plain else not target.disable_swap
    if port is None and not plain:
        return None
    address = general.notifications_addr
    if address is None and plain:  # those of simple_switch_grpc are for P4Runtime clients only
        address = NOTIFICATIONS.format(general.device_id)
    return ThriftOptions(
        general.thrift_address,
        DEFAULT_PORT if port is None else port,
        asked=port is not None,
        can_swap=can_swap,
        notifications=address,
    )


@contextmanager
def serving(
    options: ThriftOptions | None,
    plane: Dataplane,
    device_id: int,
    ports: PortAccess,
) -> Iterator[None]:
    """Serve Thrift inside, if it is asked for and the library is there; raises SwitchError."""
    if options is None:
        yield
        return
    try:
        from v1switch.bmthrift.serving import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "thrift":
            raise
        (log.warning if options.asked else log.info)(
            "no Thrift on port %d: %s", options.port, MISSING
        )
        yield
        return
    with ExitStack() as stack:
        learning = _learning(options, plane, device_id, stack)
        try:
            server = serve(
                plane,
                options.host,
                options.port,
                device_id=device_id,
                ports=ports,
                can_swap=options.can_swap,
                learning=learning,
            )
        except SwitchError as error:
            if options.asked:
                raise
            log.warning("%s", error)
            yield
            return
        stack.callback(server.stop)
        log.info("Thrift on %s:%d", options.host, server.port)
        yield


def _learning(
    options: ThriftOptions, plane: Dataplane, device_id: int, stack: ExitStack
) -> Learning | None:
    """What publishes digests; None, and a line in the log, where it cannot."""
    if options.notifications is None:
        return None
    from v1switch.bmthrift.learning import Learning
    from v1switch.bmthrift.nanomsg import Publisher

    try:
        made = Learning(plane, device_id, Publisher(options.notifications))
        return stack.enter_context(made)
    except SwitchError as error:
        log.warning("%s", error)
        return None
