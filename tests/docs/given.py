"""Files that a page's reader has, and its commands take: made where a block names them."""

import shutil
from collections.abc import Callable
from pathlib import Path

from labs.pages.parsing import ROOT

FRAME = bytes.fromhex(
    "02aa0000000302aa000000018100006508004500002200010000401166a10a00000b0a00001f0fa01e61000e"
    "815b736563726574"
)


def _program(path: Path) -> None:
    shutil.copy(ROOT / "p4/compiled/falcon_vtep.json", path)


def _entries(path: Path) -> None:
    shutil.copy(ROOT / "labs/explain/vtep.txt", path)


def _capture(path: Path) -> None:
    from falcon_ctl.capture import pcapng

    pcapng.write(path, "in", "frames", [pcapng.Packet(10**9, FRAME, len(FRAME), "CPU 6")])


def _programs(path: Path) -> None:
    path.mkdir()
    for name in ("cells", "digests"):
        shutil.copy(ROOT / f"tests/v1switch/programs/compiled/{name}.json", path)


def _recording(path: Path) -> None:
    from falcon_ctl.dashboard import recording

    begun = recording.header(0, "falcon-testbed")
    path.write_text(f'{begun}\n[0,{{"type":"network","up":true}}]\n')


GIVEN: dict[str, Callable[[Path], None]] = {
    "program.json": _program,
    "entries.txt": _entries,
    "in.pcap": _capture,
    "a_in.pcap": _capture,
    "b_in.pcap": _capture,
    "p4/build": _programs,
    "results/recordings/2026-01-31T09-00-00.jsonl": _recording,
    "results/2026-01-31T12-00-00/2-gro_cell-5.pcapng": _capture,
}
_ALSO = {"--use-files": ("a_in.pcap", "b_in.pcap")}


def give(folder: Path, home: Path, text: str) -> None:
    """Make what a command takes and the folder has not."""
    names = [name for name in GIVEN if name in text]
    names += [name for word, more in _ALSO.items() if word in text for name in more]
    for name in names:
        path = (home if f"~/{name}" in text else folder) / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            GIVEN[name](path)
