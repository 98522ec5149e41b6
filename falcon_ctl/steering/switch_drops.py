"""Drop counters of the switches' program, by switch and reason, read without mastership."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

from falcon_ctl.errors import SwitchError
from falcon_ctl.live.accounting import DROP_COUNTERS, NO_LOSS, REASONS
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.program import P4INFO
from topo.protocol.status import SwitchInfo

_LEAST_OF_CONTROLLERS = 1 << 30  # election ids of controllers are times in ns


class SwitchDrops:
    """Counters of all switches; `without` names those that do not run our program."""

    def __init__(self, switches: Mapping[str, Switch]) -> None:
        self._switches = dict(switches)
        self.without: list[str] = []

    def read(self) -> dict[str, int]:
        """Frames dropped so far, of anybody, by "switch REASON"."""
        found: Counter[str] = Counter()
        codes = range(len(REASONS))
        for name, switch in list(self._switches.items()):
            try:
                cells = switch.packets(dict.fromkeys(DROP_COUNTERS, codes))
            except SwitchError:
                self.without.append(name)
                del self._switches[name]
                continue
            for counter in DROP_COUNTERS:
                found.update({f"{name} {REASONS[c]}": n for c, n in cells[counter].items()})
        return {place: n for place, n in found.items() if place.split()[-1] not in NO_LOSS}


@contextmanager
def watched(infos: Mapping[str, SwitchInfo]) -> Iterator[SwitchDrops]:
    """Sessions that only read.

    Raises:
        SwitchError: a switch does not answer.
    """
    schema = Schema.load(P4INFO)
    with ExitStack() as stack:
        switches = {}
        for name, info in infos.items():
            client = stack.enter_context(closing(reading(info)))
            switches[name] = Switch(client, schema)
        yield SwitchDrops(switches)


def reading(info: SwitchInfo) -> Client:
    """A session that only reads, beside a controller's and any number of others like it.

    A switch takes each election id once.

    Raises:
        SwitchError: it does not answer.
    """
    election = 2 + secrets.randbelow(_LEAST_OF_CONTROLLERS)
    return Client(info.name, info.grpc_address, info.device_id, election)
