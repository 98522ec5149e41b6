"""The Unix socket on which a running `falcon_ctl control` takes requests of `falcon_ctl use`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from falcon_ctl.errors import CtlError
from falcon_ctl.live.failover import Failover
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.switches import SOCKET
from rxpath.errors import ControlError
from rxpath.live.control import Caller, Server


@contextmanager
def control_socket(
    run_dir: Path, failover: Failover, tell: Callable[[Choice], object] = lambda _: None
) -> Iterator[None]:
    """Serve requests while the block runs: `failover` switches to each choice, `tell` is called.

    Raises:
        ControlError: the run directory takes no socket.
    """

    def use(params: Mapping[str, Any], _: Caller) -> dict[str, int]:
        try:
            choice = Choice.from_json(params.get("choice"))
            system = choice.resolve()
            tell(choice)
            return failover.follow(system)
        except CtlError as error:
            raise ControlError("failed", "use", str(error)) from error

    with Server(run_dir / SOCKET, {"use": use}) as server:
        failover.attend(server.fileno(), server.serve)
        try:
            yield
        finally:
            failover.leave(server.fileno())
