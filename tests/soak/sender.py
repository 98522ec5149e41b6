"""Sends the flows' frames at a rate, as told on standard input; a process of its own.

    python -m tests.soak.sender RUN_DIR FLOWS SIZE
    {"rate": 2000, "seconds": 10}   ->  {"sent": 20000, "refused": 0, "behind": 0}

`behind`: frames that could not be sent in the time. The flows take turns.
"""

import json
import socket
import sys
import time
from typing import Any

from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import udp_template
from tests.soak.flows import flows
from topo.client.network import Network

_TICK = 0.002  # s; what is due by then is sent at once


def main(run_dir: str, count: int, size: int) -> None:
    """Open a packet socket for each sending container and obey."""
    with Network.connect(run_dir) as network:
        found = flows(network.spec, count)
        sockets = {name: _socket(network, name) for name in {f.source.name for f in found}}
    templates = [udp_template(flow, size) for flow in found]
    ready = [(sockets[t.flow.source.name], bytearray(t.frame), t.payload_offset) for t in templates]
    sequences = [0] * count
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(_send(ready, sequences, order["rate"], order["seconds"])), flush=True)


def _socket(network: Network, container: str) -> socket.socket:
    sock = network.socket(container, socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind(("eth0", 0))
    return sock


def _send(ready: list[Any], sequences: list[int], rate: float, seconds: float) -> dict[str, int]:
    total, done, refused = round(rate * seconds), 0, 0
    flow = sum(sequences) % len(sequences)
    begin = time.monotonic()
    while done < total and (past := time.monotonic() - begin) < seconds + _TICK:
        due = min(total, int(past * rate) + 1)
        while done < due:
            sock, frame, offset = ready[flow]
            stamp = payload.Stamp(flow, sequences[flow], time.time_ns())
            payload.write(frame, offset, stamp)
            try:
                sock.send(frame)
            except OSError:
                refused += 1
            sequences[flow] += 1
            flow = (flow + 1) % len(ready)
            done += 1
        time.sleep(_TICK)
    return {"sent": done - refused, "refused": refused, "behind": total - done}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
