"""Detects when a part of the network dies or a switch hangs, and names it."""

from __future__ import annotations

import errno
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from falcon_ctl.errors import NoNetwork, PartFailed, SwitchError
from falcon_ctl.live import liveness
from falcon_ctl.p4rt.client import Client
from rxpath.errors import ControlError
from topo.client.network import Network
from topo.errors import NotRunning, RequestError, TopoError
from topo.protocol.status import Status

_PERIOD = 0.25
_LOOKS = 6
_INTERFACE_FAILS = (errno.ENODEV, errno.ENXIO, errno.ENETDOWN)  # of sockets in the network's nodes


class Watch:
    """Context manager: a thread that asks the daemon for dead parts, on a separate connection.

    To the daemon a program that hangs is alive, so another thread asks the switches for an answer.
    `stop` is set as soon as a part is dead, which stops senders. `check` raises what happened.
    """

    def __init__(self, run_dir: str) -> None:
        self.stop = threading.Event()
        self._run_dir = run_dir
        self._failure: PartFailed | None = None
        self._found = threading.Event()
        self._done = threading.Event()
        self._switches: tuple[Client, ...] = ()
        self._troubles: set[str] = set()
        self._aborts: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._thread = threading.Thread(target=self._loop, name="watch", daemon=True)
        self._probe = liveness.LivenessProbe(lambda: self._switches, self._hangs)

    def __enter__(self) -> Watch:  # noqa: PYI034  # Self needs Python 3.11
        """Start to watch."""
        self._thread.start()
        self._probe.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop watching."""
        self.finish()
        self._thread.join(timeout=5)
        self._probe.__exit__(None, None, None)

    def finish(self) -> None:
        """From now on parts may end."""
        self._done.set()

    def ask(self, switches: Iterable[Client]) -> None:
        """From now on these switches must answer; requests to one that does not are aborted."""
        self._switches = tuple(switches)
        self.abort_with({f"switch {one.switch}": one.abort for one in self._switches})

    def abort_with(self, aborts: Mapping[str, Callable[[], None]]) -> None:
        """How requests to a part (as `PartFailed.part`) are aborted once it is known to fail."""
        for part, abort in aborts.items():
            self._aborts[part].append(abort)

    def switch_closed(self, name: str) -> None:
        """The stream to a switch ended; the reason is looked up."""
        if self._done.is_set():
            return
        self.stop.set()
        self._fail(self._look() or PartFailed(f"switch {name}", "closed its stream"))

    def check(self) -> None:
        """Raise what happened, if anything did."""
        if self.stop.is_set():
            raise self._known()

    def pause(self, seconds: float) -> None:
        """Wait, and raise when a part dies meanwhile."""
        self.stop.wait(seconds)
        self.check()

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Blame a dead part when an operation fails because of it."""
        try:
            yield
        except SwitchError as error:
            raise self._cause(error) from error
        except ControlError as error:
            raise self._cause(PartFailed(f"rxpath ({error.where})", error.message)) from error
        except NotRunning as error:
            raise self._cause(PartFailed("topo daemon", "the network went down")) from error
        except TopoError as error:
            failure = PartFailed("network", str(error))
            silent = isinstance(error, RequestError) and error.is_timeout
            # A daemon that does not answer this would not say why either.
            raise failure if silent else self._cause(failure) from error
        except OSError as error:
            if error.errno not in _INTERFACE_FAILS:
                raise
            failure = PartFailed("network", f"an interface: {error.strerror}")
            raise self._cause(failure) from error

    def _cause(self, error: PartFailed) -> PartFailed:
        if self.stop.is_set():
            return self._known()
        return self._look() or error

    def _look(self) -> PartFailed | None:
        """The dead part; the daemon may notice its end a moment later than the controller."""
        for _ in range(_LOOKS):
            failure = self._dead_part()
            if failure is not None or self._done.wait(_PERIOD):
                return failure
        return None

    def _known(self) -> PartFailed:
        """The failure behind `stop`, which is set while the reason is still being looked up."""
        self._found.wait(_LOOKS * _PERIOD + 1)
        return self._failure or PartFailed("network", "a part ended")

    def _loop(self) -> None:
        while not self._done.wait(_PERIOD):
            failure = self._dead_part() or self._ousted()
            if failure is not None:
                self._fail(failure)
                return

    def _hangs(self, client: Client) -> None:
        if not self._done.is_set():
            what = f"hangs: no answer within {liveness.HANGS_AFTER:g} s"
            self._fail(PartFailed(f"switch {client.switch}", what))

    def _ousted(self) -> PartFailed | None:
        """Another controller may change the entries of a switch that is being measured."""
        lost = next((one for one in self._switches if not one.is_primary), None)
        if lost is None:
            return None
        return PartFailed(f"switch {lost.switch}", f"another controller took over ({lost.holder})")

    def _fail(self, failure: PartFailed) -> None:
        self._failure = self._failure or failure
        self._found.set()
        self.stop.set()
        for abort in tuple(self._aborts[failure.part]):
            abort()

    def _dead_part(self) -> PartFailed | None:
        try:
            with Network.connect(self._run_dir) as network:
                status = network.status()
        except NotRunning:
            return PartFailed("topo daemon", "the network went down")
        except TopoError as error:
            return PartFailed("topo daemon", str(error))
        if not status.dead:
            return self._lasting(status)
        part = status.dead[0]
        tail = f"; its log ends: {part.tail[-1]}" if part.tail else ""
        return PartFailed(f"{part.kind} {part.name}", f"{part.state}{tail} (log {part.log})")

    def _lasting(self, status: Status) -> PartFailed | None:
        """What the last look saw as well: a part that is stopped, a link down. Links may flap."""
        parts = [part for part in status.parts if part.state != "running"]
        found = [PartFailed(f"{part.kind} {part.name}", part.state) for part in parts]
        found += [PartFailed("network", str(fault)) for fault in status.faults]
        before, self._troubles = self._troubles, {str(one) for one in found}
        return next((one for one in found if str(one) in before), None)


def connect(run_dir: Path | None = None) -> Network:
    """The running network.

    Raises:
        NoNetwork: there is none, with the command that brings one up.
    """
    try:
        return Network.connect(run_dir)
    except TopoError as error:
        raise NoNetwork(str(error)) from error
