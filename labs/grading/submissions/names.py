"""Who handed in, from the names that learning platforms give to files.

Canvas names a download ``smithjohn_late_12345_67890_choose.py``, Moodle a folder
``John Smith_12345_assignsubmission_file_``, Blackboard a file
``Lab 5_jsmith_attempt_2027-01-15-23-10-12_choose.py``.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from labs.grading.submissions.archives import ARCHIVES

LONGEST = 80
_CANVAS = re.compile(r"(?P<who>[^_]+)_(?:(?P<late>late)_)?\d+(?:_\d+)?(?:_(?P<file>.*))?", re.I)
_MOODLE = re.compile(r"(?P<who>.+?)_\d+_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.I)
_BLACKBOARD = re.compile(
    r".*?_(?P<who>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.*))?", re.I
)


class Named(NamedTuple):
    """Who, whether the platform marked it late, when, and the file's own name where it is kept."""

    who: str
    late: bool = False
    time: datetime | None = None
    file: str = ""


def read(name: str) -> Named:
    """What the name of a file or folder says."""
    stem = without_suffix(name)
    found = _BLACKBOARD.fullmatch(stem)
    if found:
        time = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").astimezone()
        return Named(clean(found["who"]), time=time, file=_own(name, stem, found["file"]))
    found = _MOODLE.fullmatch(stem)
    if found:
        return Named(clean(found["who"]), file=_own(name, stem, found["file"]))
    found = _CANVAS.fullmatch(stem)
    if found:
        return Named(clean(found["who"]), bool(found["late"]), file=_own(name, stem, found["file"]))
    return Named(clean(stem))


def _own(name: str, stem: str, file: str | None) -> str:
    return (file or "") + name[len(stem) :] if file else ""


def without_suffix(name: str) -> str:
    """A file's name without the suffixes of archives and Python files."""
    for suffix in sorted((*ARCHIVES, ".py", ".p4", ".toml"), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def clean(text: str) -> str:
    """An id as one line of visible characters, at most `LONGEST`; never empty."""
    normal = unicodedata.normalize("NFC", text)
    visible = "".join(one if one.isprintable() else "�" for one in normal).strip()
    return visible[:LONGEST] or "(no id)"
