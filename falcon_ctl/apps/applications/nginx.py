"""Nginx, driven by wrk, which compares every answer with the file."""

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
from falcon_ctl.apps.loads import FILE, LOADS

SIZE = FILE
_FOLDER = "/tmp/nginx"
_SCRIPT = "/tmp/wrk.lua"
_CONFIG = """
daemon off;
user root;
worker_processes 4;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen {address}:{port} reuseport; root {folder}/www; }}
}}
"""
# wrk's documentation (SCRIPTING): each thread has a Lua state of its own; `done` has the sums.
_LUA = """
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init(args)
  local file = io.open("{file}", "rb")
  expected = file:read("*a")
  file:close()
  altered = 0
end
function response(status, headers, body)
  if status ~= 200 or body ~= expected then altered = altered + 1 end
end
function done(summary, latency, requests)
  local altered = 0
  for _, thread in ipairs(threads) do altered = altered + thread:get("altered") end
  io.write(string.format("requests %d us %d bytes %d altered %d\\n",
    summary.requests, summary.duration, summary.bytes, altered))
  io.write(string.format("connect %d read %d write %d status %d timeout %d\\n",
    summary.errors.connect, summary.errors.read, summary.errors.write,
    summary.errors.status, summary.errors.timeout))
  io.write(string.format("mean %.3f\\n", latency.mean))
  for _, p in ipairs({{{percentiles}}}) do
    io.write(string.format("percentile %g %d\\n", p, latency:percentile(p)))
  end
end
"""
_DONE = re.compile(r"^requests (\d+) us (\d+) bytes (\d+) altered (\d+)$", re.MULTILINE)
_ERRORS = re.compile(
    r"^connect (\d+) read (\d+) write (\d+) status (\d+) timeout (\d+)$", re.MULTILINE
)
_MEAN = re.compile(r"^mean ([\d.]+)$", re.MULTILINE)
_PERCENTILE = re.compile(r"^percentile [\d.]+ (\d+)$", re.MULTILINE)


class Nginx(Application):
    """A file over connections that stay open."""

    name = "nginx"
    load = LOADS["nginx"]
    server = Program("nginx", "nginx")
    client = Program("wrk", "wrk")
    port = 8080
    connections = 20
    knobs = ASKED_HOST
    answers_are_bulk = True

    def before(self, place: Place) -> Sequence[Command]:
        """Folder, file and configuration."""
        config = _CONFIG.format(folder=_FOLDER, address=place.address, port=self.port)
        return (
            Command(("mkdir", "-p", f"{_FOLDER}/www")),
            Command(("sh", "-c", f"cat > {_FOLDER}/www/file"), place.contents(SIZE)),
            Command(("sh", "-c", f"cat > {_FOLDER}/conf"), config.encode()),
        )

    def serve(self, place: Place) -> Command:  # noqa: ARG002
        """In the foreground."""
        return Command(("nginx", "-p", _FOLDER, "-c", f"{_FOLDER}/conf", "-e", "stderr"))

    def at_client(self, place: Place) -> Sequence[Command]:
        """The script for wrk, and the file that its answers must be."""
        file = "/tmp/expected"
        percentiles = ", ".join(f"{100 * q:g}" for q in QUANTILES)
        script = _LUA.format(file=file, percentiles=percentiles)
        return (
            Command(("sh", "-c", f"cat > {file}"), place.contents(SIZE)),
            Command(("sh", "-c", f"cat > {_SCRIPT}"), script.encode()),
        )

    def drive(self, place: Place) -> Command:
        """One thread of wrk for all connections."""
        options = ("-t", "1", "-c", str(self.connections), "-d", f"{round(place.seconds)}s")
        more = ("--timeout", "20s", "-s", _SCRIPT)
        return Command(("wrk", *options, *more, f"http://{place.address}:{self.port}/file"))

    def read(self, output: str, place: Place) -> Reading:  # noqa: ARG002
        """What the script printed."""
        done, errors, mean = _DONE.search(output), _ERRORS.search(output), _MEAN.search(output)
        found = [int(us) / 1e6 for us in _PERCENTILE.findall(output)]
        if not (done and errors and mean) or len(found) != len(QUANTILES):
            raise Unreadable("summary of requests, errors and percentiles")
        names = ("connect", "read", "write", "status", "timeout")
        counted = dict(zip(names, map(int, errors.groups()), strict=True))
        counted["altered answers"] = int(done[4])
        return Reading(
            operations=int(done[1]),
            seconds=int(done[2]) / 1e6,
            mean=float(mean[1]) / 1e6,
            quantiles=dict(zip(QUANTILES, found, strict=True)),
            errors=[f"wrk counts {n} {name} errors" for name, n in counted.items() if n],
        )

    def exchanges(self, place: Place) -> Sequence[Exchange]:
        """The file once more, on a connection that nginx closes."""
        asked = f"GET /file HTTP/1.1\r\nHost: {place.address}\r\nConnection: close\r\n\r\n"
        return (Exchange(asked.encode(), place.contents(SIZE), closes=True),)
