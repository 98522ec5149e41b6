"""The whole intent: for each switch, all entities that it should hold."""

from __future__ import annotations

from collections.abc import Iterable

from falcon_ctl.intent import overlay, routes, underlay
from falcon_ctl.intent.overlay import Station
from falcon_ctl.intent.routes import NO_OUTAGE, Outage
from falcon_ctl.p4rt.entities import Digest, Entity
from falcon_ctl.systems.system import System
from topo.spec.model import Topology

LEARN = "mac_learn"


def intent(
    topology: Topology,
    system: System,
    learned: Iterable[Station] = (),
    outage: Outage = NO_OUTAGE,
) -> dict[str, list[Entity]]:
    """Entities per switch that make `topology` carry the tenants' frames under `system`.

    No path leads through the `outage`. Where a `learned` station contradicts the topology's
    inventory, the inventory wins.
    """
    paths = routes.compute(topology, outage)
    inventory = overlay.stations(topology)
    sure = {(s.vni, s.mac) for s in inventory}
    known = inventory + [s for s in learned if (s.vni, s.mac) not in sure]
    return {
        switch.name: [
            *underlay.entries(topology, paths, switch, system.vxlan_port),
            *overlay.entries(topology, paths, switch, system, known),
            Digest(LEARN),
        ]
        for switch in topology.switches
    }
