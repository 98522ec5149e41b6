"""iperf3: one TCP stream."""

from __future__ import annotations

import json
from typing import Any

from falcon_ctl.apps.application import (
    Application,
    Command,
    Place,
    Program,
    Reading,
    Unreadable,
)
from falcon_ctl.apps.loads import LOADS

WINDOW = "256K"  # of the sockets' buffers: more would fill the host's backlogs


class Iperf3(Application):
    """One stream, and behind it one of ours whose bytes are compared.

    iperf3 compares none. It can send a file (`-F`) and write what it receives to another; but it
    overwrites what a full socket did not take of a block (iperf_api.c, diskfile_send of 3.12), so
    that the files differ without any fault of the network.
    """

    name = "iperf3"
    load = LOADS["iperf3"]
    unit = "bytes"
    server = Program("iperf3", "iperf3")
    client = Program("iperf3", "iperf3")
    port = 5201
    serves_once = True
    own_seconds = 1.0

    def serve(self, place: Place) -> Command:
        """For one client."""
        return Command(("iperf3", "-s", "-1", "-B", place.address, "-p", str(self.port)))

    def drive(self, place: Place) -> Command:
        """With the congestion control of the main job's connections (`falcon_ctl.traffic.tcp`)."""
        options = ("-t", str(round(place.seconds)), "-w", WINDOW, "-C", "reno", "-J")
        return Command(("iperf3", "-c", place.address, "-p", str(self.port), *options))

    def read(self, output: str, place: Place) -> Reading:  # noqa: ARG002
        """Its JSON."""
        try:
            found: dict[str, Any] = json.loads(output)
            if "error" in found:
                return Reading(0, 0.0, errors=[str(found["error"])])
            received = found["end"]["sum_received"]
            return Reading(int(received["bytes"]), float(received["seconds"]))
        except (ValueError, LookupError, TypeError) as error:
            raise Unreadable("sum of received bytes") from error
