"""Memcached with four threads, and ten clients: the talk's experiment."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from falcon_ctl.apps.application import (
    ASKED_HOST,
    LONGEST_THINK_S,
    Application,
    Command,
    Exchange,
    Place,
    Program,
    Reading,
    Unreadable,
)
from falcon_ctl.apps.clients.memcached_load import Load
from falcon_ctl.apps.loads import CLIENTS, LOADS, OBJECT

SIZE = OBJECT
_CLIENTS, _EACH = CLIENTS, 4
_KEYS, _EVERY = 256, 10  # a tenth of the requests are sets
_OWN = 65_536  # bytes of the value that is compared once more
_CLIENT = (sys.executable, "-m", "falcon_ctl.apps.clients.memcached")


class Memcached(Application):
    """Gets and sets of ten clients with four connections each, which think in between.

    They think so long that the overlay's core is just full: the talk's clients wait 47 µs for the
    container, and those here wait as long by the model. Its loads have more connections that think
    longer (`falcon_ctl.papers.loads.caching`), longer than `LONGEST_THINK_S` in a dilated network.
    """

    name = "memcached"
    load = LOADS["memcached"]
    server = Program("memcached", "memcached")
    client = None
    port = 11211
    connections = _CLIENTS * _EACH
    asks = True
    think_us = 60.0
    compared = True
    python = ("pymemcache",)
    knobs = ASKED_HOST

    def serve(self, place: Place) -> Command:
        """With four threads; `-u root`: the container's."""
        options = ("-u", "root", "-t", "4", "-l", place.address, "-p", str(self.port))
        return Command(("memcached", *options, "-U", "0"))

    def fill(self, place: Place) -> Sequence[Command]:
        """All keys, from the server's own container."""
        return (self._client("fill", place),)

    def drive(self, place: Place) -> Command:
        """Our own clients, on pymemcache."""
        return self._client("run", place)

    def _client(self, what: str, place: Place) -> Command:
        load = Load(
            connections=self.connections,
            seconds=place.seconds,
            think_s=self.think_us * place.dilation / 1e6,
            longest_s=LONGEST_THINK_S,
            keys=_KEYS,
            size=SIZE,
            every=_EVERY,
            seed=place.seed,
        )
        return Command((*_CLIENT, what, place.address, str(self.port), json.dumps(asdict(load))))

    def read(self, output: str, place: Place) -> Reading:  # noqa: ARG002
        """Its line of JSON."""
        try:
            found = json.loads(output)
            altered = found["altered"]
            return Reading(
                operations=found["operations"],
                seconds=found["seconds"],
                mean=found["mean"],
                quantiles={float(q): s for q, s in found["quantiles"].items()},
                errors=[
                    *found["errors"],
                    *([f"{altered} values were not those that were set"] if altered else []),
                ],
            )
        except (ValueError, LookupError, TypeError) as error:
            raise Unreadable("result") from error

    def exchanges(self, place: Place) -> Sequence[Exchange]:
        """A large value there and back [memcached, doc/protocol.txt]."""
        data = place.contents(_OWN)
        return (
            Exchange(b"set own 0 0 %d\r\n%s\r\n" % (len(data), data), b"STORED\r\n"),
            Exchange(b"get own\r\n", b"VALUE own 0 %d\r\n%s\r\nEND\r\n" % (len(data), data)),
        )
