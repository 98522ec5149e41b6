"""Messages to the page: JSON objects with a ``type`` each. Recordings keep the same objects.

``network``: ``up``; ``gone``, when there is none; ``text``, why not, or what is in trouble
    and what goes on, of a network that is up; ``failed``, the nodes in trouble;
    ``topology`` {name, target, nodes [{name, kind, machine?, tenant?}], links [{a, b}]};
    ``catalogue`` of what the controls may choose. The last two are absent while none was seen.
``choice``: ``choice``, what the network runs: the keys of `falcon_ctl.steering.choice.Choice` that
    are chosen, ``title``, ``command``, ``cores``, FALCON's CPUs, and ``asked``: false when the
    hosts have these knobs and nobody has asked for it yet; null when it is not known.
``frame``: an observation; counts are of the time since the frame before.
    ``at`` wall ms; ``title`` of the system; ``hosts`` by machine: ``model_ns``, ``span_ns``;
    ``cores``, how many CPUs it has; ``cpus`` by number, of those that did or held something:
    ``load`` 0 to 1, ``stages`` {kind: share of the CPU}, ``backlog`` packets; ``nic``, frames in
    each RX queue; ``backlog`` and ``sockets``, packets in all of them; ``pps``, ``bps``,
    ``lost_pps`` in model time; ``delivered``, ``lost``, ``reordered``; ``drops`` {reason: frames};
    ``falcon_off``; ``latency`` [[upper bound in ns, frames]]; ``slices``, the last work of the
    CPUs: [cpu, kind, device, flow, packet, start, end], model ns; ``missed``, how much before it
    is not told.
    ``flows``: ``id``, ``number``, ``name``, ``host``, ``cpus`` {kind: [cpu]}, ``pps``, ``lost``,
    ``reordered``. ``links``: ``a``, ``b``, ``ab``, ``ba`` bits/s, ``ab_pps``, ``ba_pps`` of wall
    time, ``up``.
``event``: ``at``, ``kind``, ``host`` or "", ``text``.
``flow``: ``flow`` {id, request, state, sent, received, lost, reordered, report, error} that a
    control started; a later one with the same id replaces it.
``snapshot``: everything at once, see `falcon_ctl.dashboard.history`; a page starts over with it.
``mode``: what is shown and recorded, see `falcon_ctl.dashboard.board`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

VERSION = 1  # of messages and recordings

Message = Mapping[str, Any]

RECORDED = ("network", "choice", "frame", "event", "flow")  # what a recording consists of


def event(at_ms: int, kind: str, text: str, host: str = "") -> dict[str, Any]:
    """An entry of the event log."""
    return {"type": "event", "at": at_ms, "kind": kind, "host": host, "text": text}


def network_down(text: str, gone: bool = False) -> dict[str, Any]:
    """The network does not answer, or is `gone`; `text` says why."""
    return {"type": "network", "up": False, "text": text, "gone": gone}


def encoded(message: Message) -> str:
    """A message as one line of JSON. Raises ValueError for what JSON has not: NaN, infinity."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
