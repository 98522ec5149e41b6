"""byllyfish/finsy: the tests of its examples, each with a Mininet network, and its own tests."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

from tests.clients import spaces
from tests.clients.cases import Case, Client
from tests.clients.listening import listens
from tests.clients.place import Place, on_path, require, until

VARIABLE = "FINSY_DIR"
PORT = 9559


def _like_the_image(place: Place) -> None:
    """Put there what finsy's container image has: its switch classes, Stratum's directory."""
    for directory in (Path("/usr/local"), Path("/etc")):
        spaces.overlay(directory, place.directory)
    custom = Path("/usr/local/mininet/custom")
    custom.mkdir(parents=True)
    shutil.copy(place.checkouts[VARIABLE] / "ci" / "demonet" / "p4switch.py", custom)
    Path("/etc/stratum").mkdir()
    Path("/etc/stratum/dummy.json").touch()
    if place.switch == "bmv2":
        _without_thrift(place)
    place.run("ip", "route", "add", "default", "dev", "lo", cwd=place.directory)  # it asks for one


def _without_thrift(place: Place) -> None:
    """Give each BMv2 a Thrift port of its own: that of the image is built without Thrift."""
    real = shutil.which("simple_switch_grpc", path=place.env["PATH"])
    wrapper = place.directory / "bmv2" / "simple_switch_grpc"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {real} --thrift-port $((10000 + $$)) "$@"\n')
    wrapper.chmod(0o755)
    place.env["PATH"] = on_path([wrapper.parent], place.env["PATH"])


def _pytest(place: Place, *argv: str, cwd: Path, patience_s: float) -> None:
    """Run pytest; its first failure is the reason."""
    output = place.run(
        *("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfE", *argv),
        cwd=cwd, patience_s=patience_s, check=False,
    )  # fmt: skip
    (place.directory / "pytest.txt").write_text(output)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)(?: - (.*))?", output, re.M)
    require(not failed, "; ".join(f"{test.partition('::')[2]}: {why}" for test, why in failed))
    require(re.search(r"\b\d+ passed", output), output[-400:])


def example(name: str, place: Place, *argv: str) -> None:
    _like_the_image(place)
    directory = place.checkouts[VARIABLE] / "examples"
    place.env["PYTHONPATH"] = str(place.checkouts[VARIABLE])
    _pytest(place, f"tests/test_{name}.py", *argv, cwd=directory, patience_s=150)


def hello(place: Place) -> None:
    example("hello", place, "-k", "demo0 or demo1")


def own_tests(place: Place) -> None:
    """Each module with a switch that no controller has met.

    test_p4client is left out: it expects the very answers of finsy's own server.
    """
    directory = place.checkouts[VARIABLE]
    for number, module in enumerate(("controller", "switch")):
        port = PORT + number
        place.background(
            *("simple_switch_grpc", "--no-p4", "--device-id", "1", "--log-console"),
            *("--thrift-port", str(port + 10), "--", "--grpc-server-addr", f"127.0.0.1:{port}"),
            cwd=directory, output=place.directory / f"switch-{module}.txt",
        )  # fmt: skip
        until(lambda port=port: listens(port), "the switch's port")  # type: ignore[misc]
        place.env["FINSY_TEST_P4RUNTIME_TARGET"] = f"127.0.0.1:{port}"
        _pytest(place, f"tests/test_{module}.py", cwd=directory, patience_s=150)


RESULTS = {
    "basic": "pingall, then the entries that the README lists",
    "flowcache": "packet-in, packet-out and entries by flow",
    "int": "INT's tables as expected after traffic",
    "l2_switch": "learning by digests, pingall",
    "mtls": "certificates: valid, expired, mismatched, missing",
    "simple": "router: entries, ping",
    "tls_demo": "pingall with a controller over TLS",
    "tunnel": "pingall and counters over tunnels",
}
NOTES = {
    "basic": "a race: it pings 0.5 s after it has started its controller, when that has just begun "
    "while four switches start; 11 of 12 pings come through",
    "int": "it inserts entries into tables without a key, which Stratum takes",
}
MODULES = {"l2_switch": "l2switch"}

CLIENT = Client(
    name="finsy",
    title="byllyfish/finsy",
    variable=VARIABLE,
    packages=(
        *("grpcio>=1.81.1,<2", "parsy>=2.2.0,<3", "protobuf>=6.33.6,<7", "pyee>=13.0.1,<14"),
        *("shellous>=0.40.0,<0.41", "pytest>=9.1.1,<10", "pytest-asyncio>=1.4.0,<2"),
        *("prometheus-client", "mininet==2.3.0.dev6"),
    ),
    tools=("mnexec", "ethtool", "socat", "ifconfig", "ping", "brctl"),
    tries=3,
    around="Its demo networks run in a container: here in the namespaces, with finsy's own "
    "`p4switch.py`; `stratum_bmv2`, the switch of some, is a script that starts "
    "`simple_switch_grpc`; `apt-get` does nothing; `iperf` is a script "
    "that writes a line which Mininet waits for, in Mbit/s. Left out: `gnmi`, `ngsdn`, demo2 and "
    "demo3 of `hello`, which ask Stratum for its ports by gNMI; BMv2 has none. The tests wait for "
    "fixed times, hence up to three tries; `basic` pings 0.5 s after it has started its "
    "controller, which is too soon on v1switch when a machine of two cores has other work.",
    cases=(
        *(
            Case(name, result, partial(example, MODULES.get(name, name)), note=NOTES.get(name, ""))
            for name, result in RESULTS.items()
        ),
        Case("hello", "demo0 and demo1: pingall", hello),
        Case("tests", "test_controller and test_switch on a switch", own_tests),
    ),
)
