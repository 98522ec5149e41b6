"""`up`: a lab on a topology, under one of the clocks."""

from __future__ import annotations

import os

from falcon_ctl.errors import UsageError
from falcon_ctl.lab.errors import one_line
from falcon_ctl.lab.lab import Lab
from falcon_ctl.lab.virtual import VirtualLab
from topo.spec.sources import load

CLOCKS = ("virtual", "live")


def up(
    topology: str = "pair",
    clock: str = "virtual",
    *,
    switch: str = "auto",
    dilation: int = 1000,
    run_dir: str | os.PathLike[str] | None = None,
    seed: int = 1,
) -> Lab:
    """A lab on a network: use it in a `with` block, or `close` it.

    Args:
        topology: as for `make topo`: pair, leafspine, fattree with their parameters, or FILE.yaml.
        clock: "virtual": the model of a receiving host, no privileges and no network needed;
            "live": real frames in network namespaces, which are brought up unless they are up.
        switch: live, the switches: "auto", "bmv2" or "v1switch".
        dilation: live, wall time over model time.
        run_dir: live, the network's run directory (default: $FALCON_RUN_DIR, else the user's own).
        seed: decides arrivals and ports, unless `send` says otherwise.

    Raises:
        CtlError: no such topology or clock, or the network does not come up.
    """
    if clock not in CLOCKS:
        raise UsageError("clock", repr(clock), " or ".join(CLOCKS))
    with one_line():
        spec = load(topology)
        if clock == "virtual":
            return VirtualLab(spec, seed)
        from falcon_ctl.lab.live import LiveLab

        return LiveLab.bring_up(spec, seed, switch, dilation, run_dir)


def why_not_live(switch: str = "auto") -> str:
    """What this computer lacks for the live clock, in one line; "" when nothing."""
    from topo.errors import TopoError
    from topo.system import requirements, targets

    try:
        return "; ".join(requirements.missing(targets.resolve(switch)))
    except TopoError as error:
        return "; ".join(str(error).splitlines())
