"""Reads the switches' entries without mastership, and names the system they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial

from falcon_ctl.background import in_parallel
from falcon_ctl.errors import UsageError
from falcon_ctl.live.controller import Controller
from falcon_ctl.p4rt.client import Client
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.switch_drops import reading
from falcon_ctl.systems.catalogue import LIVE
from falcon_ctl.systems.system import System
from rxpath.errors import ConfigError
from topo.client.network import Network
from topo.protocol.status import SwitchInfo

AWAY = "updates away from what was asked for"


def describe(network: Network, asked: Choice | None) -> dict[str, str]:
    """Describe what each switch holds: whose entries, or how far they are from a system's.

    Of systems that have the same entries one is named: the one that was asked for, or the one that
    the other switches run, too.
    """
    with ExitStack() as stack:
        controller = stack.enter_context(closing(Controller(network.spec, network.switches)))
        opened = in_parallel(
            {name: partial(_open, stack, info) for name, info in network.switches.items()}
        )
        found: dict[str, str] = {}
        for name, client in opened.items():
            if isinstance(client, Exception):
                found[name] = f"nothing that can be read ({client})"
            elif not controller.examine(client):
                found[name] = "no program of ours"
        wanted = _resolved(asked)
        away = {system.name: _away(controller, system) for system in _wanted(wanted)}
        likely = sorted(away, key=lambda system: sum(away[system].values()))
        for name in controller.switches:
            nearest = min(likely, key=lambda system: away[system][name])
            found[name] = _text(nearest, away[nearest][name])
            if wanted is not None and away[wanted.name][name]:
                found[name] += f"; {away[wanted.name][name]} {AWAY}"
    return {name: found[name] for name in network.switches}


def _open(stack: ExitStack, info: SwitchInfo) -> Client:
    client = reading(info)
    stack.callback(client.close)
    return client


def _resolved(asked: Choice | None) -> System | None:
    """The system that was asked for; None when its file is another one by now."""
    if asked is not None:
        with suppress(UsageError, ConfigError):
            return asked.resolve()
    return None


def _wanted(asked: System | None) -> Iterator[System]:
    """One system for each set of entries, the asked one first."""
    known = set()
    for system in (*([asked] if asked else ()), *LIVE):
        entries = system.tunnel, system.vxlan_port, system.connection_level
        if entries not in known:
            known.add(entries)
            yield system


def _away(controller: Controller, system: System) -> dict[str, int]:
    """How many updates each switch is away from the system's entries."""
    wanted = controller.wanted(system)
    return {name: switch.lacking(wanted[name]) for name, switch in controller.switches.items()}


def _text(system: str, updates: int) -> str:
    away = f"{updates} updates away from " if updates else ""
    return f"{away}the entries of {system}"
