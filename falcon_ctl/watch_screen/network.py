"""The running network as a source of observations: it may go down and come back."""

from __future__ import annotations

from pathlib import Path

from falcon_ctl.errors import CtlError, NoNetwork
from falcon_ctl.live import watch
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import Observation
from falcon_ctl.steering.session import Session
from topo.errors import TopoError


class Live:
    """The network of a run directory.

    Raises:
        NoNetwork: there is none now.
    """

    is_live = True

    def __init__(self, run_dir: Path | None) -> None:
        self._run_dir = run_dir
        self.name = ""
        self._session: Session | None = self._open()
        self._acting: Session | None = None  # kept, as it knows what switches were left with

    def observe(self, flows: int) -> Observation:
        """What all hosts do now; a network that was down is looked for again."""
        try:
            self._session = self._session or self._open()
            return self._session.observe(flows=flows)
        except CtlError:
            self.close()
            raise

    def use(self, choice: Choice) -> None:
        """Make the network run `choice`, by connections of its own."""
        self._acting = self._acting or self._open()
        self._acting.use(choice)

    def close(self) -> None:
        """Close the session; `observe` opens another one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> Session:
        try:
            with watch.connect(self._run_dir) as network:
                self._run_dir = network.run_dir
                self.name = network.spec.name
                return Session.open(network)
        except TopoError as error:  # it went down in this moment
            raise NoNetwork(str(error)) from error
