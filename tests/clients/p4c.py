"""p4lang/p4c: its PTF test of BMv2, by its own runner."""

from __future__ import annotations

import re

from tests.clients.cases import Case, Client
from tests.clients.place import Place, require

VARIABLE = "P4C_DIR"


def ptf(place: Place) -> None:
    p4c = place.checkouts[VARIABLE]
    program = p4c / "testdata" / "p4_16_samples" / "ternary2-bmv2.p4"
    runner = p4c / "backends" / "bmv2" / "run-bmv2-ptf-test.py"
    require((p4c / "build" / "p4c-bm2-ss").exists(), "the checkout has no build/p4c-bm2-ss")
    made = place.directory / "ptf"
    made.mkdir()
    output = place.run(
        *("python", str(runner), str(p4c), str(program), "--use-veth", "-ll", "INFO"),
        *("--testdir", str(made)),
        cwd=place.directory, patience_s=150, check=False,
    )  # fmt: skip
    (place.directory / "runner.txt").write_text(output)
    require(re.search(r"^WARNING: OK$", output, re.M), output.strip()[-500:])


CLIENT = Client(
    name="p4c",
    title="p4lang/p4c: run-bmv2-ptf-test.py",
    variable=VARIABLE,
    packages=(
        *("ptf", "scapy>=2.5", "protobuf==3.20.3", "grpcio", "googleapis-common-protos"),
        *("p4runtime==1.4.1", "pyroute2", "psutil"),
    ),
    tools=("ip",),
    copied=False,
    around="With `--use-veth`, as p4c's own build calls it, and the compiler of the checkout's "
    "`build`.",
    cases=(Case("ternary2-bmv2", "all tests OK", ptf),),
)
