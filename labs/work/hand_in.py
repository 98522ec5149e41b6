"""The file for the teacher: a zip whose bytes follow from what is in it.

Entries are stored, not compressed, with one date and mode, so that the same files give the same
bytes on every machine.  `submission.toml` says what it is.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs.catalogue import Lab
from labs.checking import TRUTH
from labs.errors import CallError
from labs.work.folder import Work, write_bytes
from labs.work.toml_file import dumps

ABOUT = "submission.toml"
MOST_BYTES = 256 * 1024  # of a file
DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can have
MODE = 0o100644 << 16


@dataclass(frozen=True)
class HandedIn:
    """A submission that was written: its `path`, and name → content of its `files`."""

    path: Path
    files: dict[str, bytes]


def file_name(work: Work) -> str:
    """What a submission is called, such as 05-stage-hashing-ada.zip."""
    return f"{work.lab.name}-{work.id}.zip"


def handed_in(work: Work, folder: Path) -> HandedIn:
    """Write a submission into a folder. Raises `CallError` for a file that is missing or large."""
    files = {name: _content(work.folder / name) for name in sorted(work.lab.settings.files)}
    path = folder / file_name(work)
    write_bytes(path, packed(about(work, files), files))
    return HandedIn(path, files)


def about(work: Work, files: dict[str, bytes]) -> dict[str, Any]:
    """What submission.toml says."""
    return {
        "lab": work.lab.name,
        "id": work.id,
        "checks": version(work.lab),  # as the student had it
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def version(lab: Lab) -> str:
    """A hash of the lab's checks: submissions for other ones are told apart."""
    parts = [lab.folder / "checks.py", *sorted((lab.folder / TRUTH).glob("*.py"))]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]


def packed(settings: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """The zip with these files."""
    whole = {ABOUT: dumps(settings).encode(), **files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in whole.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = MODE
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, content)
    return buffer.getvalue()


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        what = "it is no file" if path.exists() or path.is_symlink() else "it is missing"
        raise CallError(str(path), what, "the file that the lab asks for")
    if path.stat().st_size > MOST_BYTES:
        raise CallError(str(path), f"{path.stat().st_size} bytes", f"at most {MOST_BYTES}")
    return path.read_bytes()
