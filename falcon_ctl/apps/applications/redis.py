"""Redis: redis-server, driven by redis-benchmark."""

from __future__ import annotations

import re
from collections.abc import Sequence

from falcon_ctl.apps.application import (
    ASKED_HOST,
    QUANTILES,
    Application,
    Command,
    Exchange,
    Place,
    Program,
    Reading,
    Unreadable,
)
from falcon_ctl.apps.loads import LOADS, OBJECT

VALUE = OBJECT
_OWN = 65_536  # bytes of the value that is compared
_DONE = re.compile(r"(\d+) requests completed in ([\d.]+) seconds")
_SUMMARY = re.compile(r"avg\s+min\s+p50\s+p95\s+p99\s+max\s+([\d.]+)")
_ROW = re.compile(
    r"^\s*([\d.]+)% <= ([\d.]+) milliseconds \(cumulative count (\d+)\)", re.MULTILINE
)


class Redis(Application):
    """GET of one key, over a connection of each client."""

    name = "redis"
    load = LOADS["redis"]
    server = Program("redis-server", "redis-server")
    client = Program("redis-benchmark", "redis-tools")
    port = 6379
    connections = 50  # redis-benchmark's default
    asks = True
    by_count = True
    knobs = ASKED_HOST

    def serve(self, place: Place) -> Command:
        """In memory only, without the protection of a server that strangers reach."""
        options = {
            "--bind": place.address,
            "--port": str(self.port),
            "--protected-mode": "no",
            "--save": "",
            "--appendonly": "no",
            "--dir": "/tmp",
        }
        return Command(("redis-server", *(word for pair in options.items() for word in pair)))

    def fill(self, place: Place) -> Sequence[Command]:
        """The key that redis-benchmark asks for."""
        set_key = ("redis-cli", "-h", place.address, "-x", "set", "key:__rand_int__")
        return (Command(set_key, place.contents(VALUE).hex().encode()[:VALUE]),)

    def drive(self, place: Place) -> Command:
        """As many requests as fill the time at the expected rate: it knows no time limit."""
        requests = max(100, round(place.rate * place.seconds))
        options = ("-c", str(self.connections), "-n", str(requests), "-t", "get")
        return Command(
            (
                "redis-benchmark",
                "-h",
                place.address,
                "-p",
                str(self.port),
                "--precision",
                "3",
                *options,
            )
        )

    def read(self, output: str, place: Place) -> Reading:  # noqa: ARG002
        """Its percentiles are those of an HDR histogram, as far as there are requests for them."""
        text = output.replace("\r", "\n")
        done, summary, rows = _DONE.search(text), _SUMMARY.search(text), _ROW.findall(text)
        if not (done and summary and rows):
            raise Unreadable("summary of requests, latencies and percentiles")
        shares = [(float(share) / 100, float(ms) / 1000) for share, ms, _ in rows]
        return Reading(
            operations=int(done[1]),
            seconds=float(done[2]),
            mean=float(summary[1]) / 1000,
            quantiles={q: next(s for share, s in shares if share >= q) for q in QUANTILES},
            errors=[line for line in text.splitlines() if "rror" in line],
        )

    def exchanges(self, place: Place) -> Sequence[Exchange]:
        """A large value there and back (RESP: redis.io, Serialization Protocol)."""
        data = place.contents(_OWN)
        sent = b"*3\r\n$3\r\nSET\r\n$3\r\nown\r\n$%d\r\n%s\r\n" % (len(data), data)
        asked = b"*2\r\n$3\r\nGET\r\n$3\r\nown\r\n"
        return (
            Exchange(sent, b"+OK\r\n"),
            Exchange(asked, b"$%d\r\n%s\r\n" % (len(data), data)),
        )
