"""What the services work on: the running program, or one that has been loaded and waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from v1switch.bmthrift.codes import Refused, SwapCode, TableCode
from v1switch.control.dataplane import Dataplane, Staged
from v1switch.errors import UnknownObject
from v1switch.io.port_changes import PortAccess
from v1switch.program.loader import load_program
from v1switch.program.model import Program, Table


@dataclass
class Target:
    """The switch, as the services see it.

    Attributes:
        running: the data plane that frames go through.
        ports: its ports.
        device_id, port: what `bm_mgmt_get_info` tells.
        can_swap: whether programs may be replaced (--enable-swap, --disable-swap).
    """

    running: Dataplane
    ports: PortAccess
    device_id: int
    port: int
    can_swap: bool
    _staged: Staged | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def plane(self) -> Dataplane:
        """What calls change: a program that waits for `swap`, as in BMv2, or the running one."""
        staged = self._staged
        return self.running if staged is None else staged.plane

    @property
    def program(self) -> Program:
        """The program that calls refer to; raises NoProgram."""
        return self.plane.state.program

    def table(self, name: str) -> Table:
        """A table of the program; raises UnknownObject, NoProgram."""
        found = self.program.tables.get(name)
        if found is None:
            raise UnknownObject("table", name)
        return found

    def simple(self, name: str) -> Table:
        """A table without action profile; raises UnknownObject, NoProgram, Refused."""
        table = self.table(name)
        if table.action_profile is not None:
            raise Refused(TableCode.WRONG_TABLE_TYPE)
        return table

    def indirect(self, name: str, *, selector: bool = False) -> Table:
        """A table with action profile; raises UnknownObject, NoProgram, Refused."""
        table = self.table(name)
        if table.action_profile is None or (selector and table.implementation != "indirect_ws"):
            raise Refused(TableCode.WRONG_TABLE_TYPE)
        return table

    # -- programs ---------------------------------------------------------------------------------

    def stage(self, text: str) -> None:
        """Load a program that waits for `swap`; raises Refused, SwitchError (it is invalid)."""
        with self._lock:
            self._check_swap()
            if self._staged is not None:
                raise Refused(SwapCode.ONGOING_SWAP)
            self._staged = self.running.stage(load_program(text))

    def swap(self) -> None:
        """Run the program that waits; raises Refused."""
        with self._lock:
            self._check_swap()
            if self._staged is None:
                raise Refused(SwapCode.NO_ONGOING_SWAP)
            self.running.adopt_staged(self._staged)
            self._staged = None

    def _check_swap(self) -> None:
        if not self.can_swap:
            raise Refused(SwapCode.CONFIG_SWAP_DISABLED)
