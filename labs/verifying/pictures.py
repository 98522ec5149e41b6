"""The pictures that a handout shows are those that the lab's pictures.py draws."""

from __future__ import annotations

import tempfile
from pathlib import Path

from labs import judging
from labs.catalogue import Lab
from labs.errors import BrokenLab
from labs.verifying.part import Part

PICTURES = "pictures"


def drawn(lab: Lab, folder: Path) -> list[str]:
    """Draw a lab's pictures into a folder; their names. Raises `BrokenLab`."""
    path = lab.folder / "pictures.py"
    module = judging.load_module(path, f"labs_pictures_{lab.number}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        module.draw(folder)
    except Exception as error:
        raise BrokenLab(path, judging.line_and_error(path, error)) from error
    return sorted(found.name for found in folder.iterdir() if found.is_file())


def verified(lab: Lab) -> Part:
    """Drawn again they have the same names, and each is an SVG.

    Their bytes are not compared: they follow from the versions of fonts and of matplotlib.
    """
    kept = sorted(path.name for path in (lab.folder / PICTURES).glob("*") if path.is_file())
    part = Part(f"{len(kept)} pictures are drawn")
    if not (lab.folder / "pictures.py").exists():
        part.problems += [f"pictures/{name}: no pictures.py draws it" for name in kept]
        return part
    with tempfile.TemporaryDirectory(prefix="labs-") as path:
        folder = Path(path)
        names = drawn(lab, folder)
        part.problems += [f"pictures/{name}: not kept, and pictures.py draws it: "
                          f"python -m labs pictures {lab.number}"
                          for name in names if name not in kept]  # fmt: skip
        part.problems += [f"pictures/{name}: pictures.py does not draw it" for name in kept
                          if name not in names]  # fmt: skip
        part.problems += [f"pictures/{name}: no SVG" for name in names
                          if b"<svg" not in (folder / name).read_bytes()[:4000]]  # fmt: skip
    return part
