"""The committed test programs are those of the committed sources, and name no machine."""

import hashlib
import re

from tests.v1switch.twin import COMPILED

SOURCES = COMPILED.parent


def test_sources_and_hashes_belong_together() -> None:
    recorded = dict(
        reversed(line.split(None, 1)) for line in (COMPILED / "SHA256SUMS").read_text().splitlines()
    )
    sources = [*SOURCES.glob("*.p4"), SOURCES / "mend.py"]
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sources}
    assert recorded == found, "run tests/v1switch/programs/build.sh"


def test_everything_was_compiled() -> None:
    sources = {source.stem for source in SOURCES.glob("*.p4")}
    assert "wire" in sources
    assert {path.stem for path in COMPILED.glob("*.json")} >= sources
    assert {path.name.partition(".")[0] for path in COMPILED.glob("*.p4info.txtpb")} >= sources


def test_no_path_of_a_machine() -> None:
    paths = list(COMPILED.glob("*.json"))
    assert paths
    for path in [*paths, *COMPILED.glob("*.txtpb")]:
        assert not re.search(r'"/\w', path.read_text()), f"{path.name} names an absolute path"
