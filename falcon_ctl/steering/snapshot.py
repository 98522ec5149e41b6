"""One observation of the network, with rates over half a second, for `falcon_ctl show`."""

from __future__ import annotations

import time
from pathlib import Path

from falcon_ctl.live import watch
from falcon_ctl.steering import entries
from falcon_ctl.steering.observation import Observation
from falcon_ctl.steering.session import Session

_SECONDS = 0.5  # between the two observations that rates are computed from


def take(run_dir: Path | None) -> tuple[Observation, dict[str, str]]:
    """The observation, its rates over half a second of wall time, and what each switch holds.

    Raises:
        UsageError: there is no network.
        PartFailed: a part of the network does not answer.
    """
    with watch.connect(run_dir) as network, Session.open(network) as session:
        session.observe()
        time.sleep(_SECONDS)
        seen = session.observe()
        return seen, entries.describe(network, seen.choice)
