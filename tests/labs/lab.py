"""The lab that these tests have, and files for it."""

import shutil
from pathlib import Path

from labs import catalogue, judging
from labs.judging import Verdict

LABS = Path(__file__).parent / "data/labs"
ADDER = catalogue.find("1", LABS)
CHECKS = judging.load(ADDER)
GIVEN = judging.parameters(CHECKS, "ada")


def files(folder: Path, **texts: str) -> Path:
    """The reference, with some files replaced: adder="…" is the text of adder.py."""
    shutil.copytree(ADDER.folder / "reference", folder, dirs_exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def verdicts(folder: Path, *ids: str, hidden: bool = False) -> dict[str, Verdict]:
    """What comes of the checks."""
    found = judging.judged(CHECKS, folder, GIVEN, ids=ids or None, hidden=hidden)
    return {verdict.id: verdict for verdict in found}
