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
    for source in SOURCES.glob("*.p4"):
        assert (COMPILED / f"{source.stem}.json").is_file()
        assert (COMPILED / f"{source.stem}.p4info.txtpb").is_file()


def test_no_path_of_a_machine() -> None:
    for path in COMPILED.iterdir():
        assert not re.search(r'"/\w', path.read_text()), f"{path.name} names an absolute path"
