"""jafingerhut/p4-guide: its PTF tests, each by its own `runptf.sh`."""

from __future__ import annotations

import re
from functools import partial

from tests.clients.cases import Case, Client
from tests.clients.place import Place, require

VARIABLE = "P4GUIDE_DIR"
TESTS = {  # by directory: how many, and what they are about
    "demo1": (3, "exact and LPM tables"),
    "demo1-bitselect-key": (3, "a slice as a key"),
    "demo2": (2, "counters"),
    "demo7": (1, "multicast groups"),
    "lpmtester": (3, "LPM entries of every length"),
    "lpmtester/lpmwidth20bits": (3, "LPM over 20 bits"),
    "ptf-tests/duplicatekeys": (1, "entries with equal keys"),
    "ptf-tests/idletimeout": (2, "idle timeouts"),
    "ptf-tests/matchkinds": (2, "ternary, range, optional"),
    "ptf-tests/packetinout": (3, "packet-in and packet-out"),
    "ptf-tests/registeraccess": (2, "registers over packet-out"),
}


PATIENCE_S = 900  # lpmtester sends some thousand frames, one after the other


def ptf(place: Place, directory: str) -> None:
    guide = place.checkouts[VARIABLE]
    place.run(str(guide / "bin" / "veth_setup.sh"), cwd=guide)
    output = place.run("./runptf.sh", cwd=guide / directory, patience_s=PATIENCE_S, check=False)
    (place.directory / "ptf.txt").write_text(output)
    wrong = re.findall(r"^(?:FAIL|ERROR): (\S+)", output, re.M)
    require(not wrong, f"failed: {', '.join(dict.fromkeys(wrong))}")
    ran = rf"^Ran {TESTS[directory][0]} tests? in .*\s+OK$"
    require(re.search(ran, output, re.M), output[-400:].strip())


NOTES = {
    "lpmtester/lpmwidth20bits": "the test ends with an IndexError of its own",
    "ptf-tests/duplicatekeys": "of equal keys BMv2 takes another entry than the test expects",
}

CLIENT = Client(
    name="p4-guide",
    title="jafingerhut/p4-guide: PTF",
    variable=VARIABLE,
    packages=(
        *("p4runtime-shell==0.0.6", "ptf", "scapy>=2.5", "protobuf==3.20.3", "grpcio"),
        "googleapis-common-protos",
    ),
    tools=("p4c",),
    around="`bin/veth_setup.sh` and `runptf.sh`.",
    cases=tuple(
        Case(
            directory.replace("/", "-"),
            f"{about}: all OK",
            partial(ptf, directory=directory),
            PATIENCE_S + 60,
            note=NOTES.get(directory, ""),
        )
        for directory, (_, about) in TESTS.items()
    ),
)
