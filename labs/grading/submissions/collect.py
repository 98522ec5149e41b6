"""Submissions, of whatever lies in a folder or archive of a class; and the one that counts."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from labs.errors import CallError
from labs.grading.submissions import archives, names
from labs.grading.submissions.archives import Files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUBMISSION = "submission.toml"  # what `labs submit` adds


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes:
        id: whose it is, and by which the seed is drawn.
        source: the name under which it was handed in.
        files: path → content of all that was found.
        lab: of which lab it says to be, "" when it does not say.
        time: when it was handed in, as far as that is known, and
        time_of: where that time stands.
        marked_late: by the learning platform.
        checks: with which version of the lab's checks it was made, as `labs submit` notes it.
        notes: what was wrong with it, in one line each.
    """

    id: str
    source: str
    files: Mapping[str, bytes]
    lab: str = ""
    time: datetime | None = None
    time_of: str = ""
    marked_late: bool = False
    checks: str = ""
    notes: tuple[str, ...] = ()


def of_paths(paths: Sequence[Path]) -> list[Submission]:
    """A submission a path: an archive, a folder, or a file alone. Raises CallError."""
    found = []
    for path in paths:
        if not path.exists():
            raise CallError(str(path), "no such file", "a submission: an archive, folder or file")
        files = archives.read_folder(path) if path.is_dir() else archives.read_file(path)
        found.append(submission(path.name, files))
    return found


def of_class(path: Path) -> list[Submission]:
    """The submissions of a folder, or of the archive that a learning platform made. CallError."""
    if not path.exists():
        raise CallError("--all", f"{path}: no such folder", "a folder or archive of submissions")
    if path.is_dir():
        entries = [
            (
                entry.name,
                archives.read_folder(entry) if entry.is_dir() else archives.read_file(entry),
            )
            for entry in sorted(path.iterdir())
            if not entry.name.startswith(".") and not entry.is_symlink()
        ]
        skipped = [entry.name for entry in path.iterdir() if entry.is_symlink()]
        entries += [(name, Files(problems=["a symbolic link, left out"])) for name in skipped]
    else:
        entries = _of_archive(path)
    found = [submission(name, files) for name, files in _joined(entries)]
    if not found:
        raise CallError("--all", f"{path}: nothing in it", "a folder or archive of submissions")
    return found


def _of_archive(path: Path) -> list[tuple[str, Files]]:
    """The entries of a class's archive; what is nested in them is unpacked for each alone."""
    whole = archives.members(path, archives.CLASS)
    if not whole.files:
        raise CallError(
            "--all", "; ".join(whole.problems) or f"{path}: no file in it", "an archive"
        )
    entries = list(archives.top_level(whole.files))
    while len(entries) == 1 and len(entries[0][1]) > 1 and _holds_a_class(entries[0][1]):
        entries = list(archives.top_level(entries[0][1]))
    return [(name, archives.unpacked(name, files)) for name, files in entries]


def _holds_a_class(files: Mapping[str, bytes]) -> bool:
    """Whether a folder holds several submissions: archives, or folders with something in them."""
    return SUBMISSION not in files and any(
        "/" in name or archives.is_archive(name) for name in files
    )


def _joined(entries: Iterable[tuple[str, Files]]) -> list[tuple[str, Files]]:
    """Files that a platform has put beside one another for one student, as one submission."""
    loose: dict[str, tuple[str, Files]] = {}
    found = []
    for name, files in entries:
        named = names.read(name)
        if not named.file or archives.is_archive(name):
            found.append((name, files))
            continue
        renamed = {named.file if path == name else path: data for path, data in files.files.items()}
        _, before = loose.setdefault(named.who, (name, Files(latest=files.latest)))
        before.files.update(renamed)
        before.problems.extend(files.problems)
    return sorted([*found, *loose.values()], key=lambda entry: entry[0])


def submission(source: str, files: Files) -> Submission:
    """The submission under a name: whose it is, when it was made, what its files are."""
    named = names.read(source)
    root = _root(files.files)
    inside = {
        str(PurePosixPath(path).relative_to(root)): data
        for path, data in files.files.items()
        if PurePosixPath(path).is_relative_to(root)
    }
    notes = list(files.problems)
    said = _said(inside.pop(SUBMISSION, b""), notes)
    who = names.clean(str(said["id"])) if said.get("id") else named.who
    time, time_of = _time(said.get("made"), named, files.latest)
    if not inside and not notes:
        notes.append("no file in it")
    notes += _changed(said.get("files"), inside)
    lab, checks = (str(said.get(key, "")) for key in ("lab", "checks"))
    return Submission(who, source, inside, lab, time, time_of, named.late, checks, tuple(notes))


def _changed(hashes: object, files: Mapping[str, bytes]) -> list[str]:
    """Files that are not what `labs submit` has packed."""
    if not isinstance(hashes, dict):
        return []
    return [
        f"{name} was changed after `labs submit`"
        for name, data in files.items()
        if name in hashes and hashes[name] != hashlib.sha256(data).hexdigest()
    ]


def _root(files: Mapping[str, bytes]) -> PurePosixPath:
    """The folder that the submission's own files are in: where submission.toml is, or the first."""
    marked = [path for path in files if PurePosixPath(path).name == SUBMISSION]
    if marked:
        return PurePosixPath(min(marked, key=lambda path: (path.count("/"), path))).parent
    root = PurePosixPath()
    while files:
        firsts = {PurePosixPath(path).relative_to(root).parts[0] for path in files}
        alone = len(firsts) == 1 and all(
            len(PurePosixPath(p).relative_to(root).parts) > 1 for p in files
        )
        if not alone:
            break
        root /= firsts.pop()
    return root


def _said(data: bytes, notes: list[str]) -> Mapping[str, object]:
    if not data:
        return {}
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        notes.append(f"{SUBMISSION}: {error}")
        return {}


def _time(made: object, named: names.Named, latest: datetime | None) -> tuple[datetime | None, str]:
    """When it was handed in: what the platform says counts before what the student's files say."""
    if named.time is not None:
        return named.time, "the platform's name"
    if isinstance(made, datetime):
        return made.astimezone(), SUBMISSION
    if latest is not None:
        return latest, "its file"
    return None, ""


def latest_of_each(found: Sequence[Submission], lab: str) -> list[Submission]:
    """One a student, in the order of ids: the latest, with a note about the others.

    One that says to be of another lab counts only where there is none of this one.
    """
    by_id: dict[str, list[Submission]] = {}
    for one in found:
        by_id.setdefault(one.id.lower(), []).append(one)
    return [_latest(many, lab) for _, many in sorted(by_id.items())]


def _latest(many: Sequence[Submission], lab: str) -> Submission:
    if len(many) == 1:
        return many[0]
    first = datetime.min.replace(tzinfo=datetime.now().astimezone().tzinfo)

    def rank(one: Submission) -> tuple[bool, bool, datetime, str]:
        return bool(one.files), one.lab in ("", lab), one.time or first, one.source

    ordered = sorted(many, key=rank)
    last = ordered[-1]
    others = ", ".join(one.source for one in ordered[:-1])
    return replace(last, notes=(*last.notes, f"handed in {len(many)} times; not graded: {others}"))


def roster(path: Path) -> list[str]:
    """The ids of a class: one a line, or the first column of a CSV file. Raises CallError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise CallError(
            "--roster", f"{path}: {error.strerror}", "a file with an id a line"
        ) from error
    except UnicodeDecodeError as error:
        raise CallError("--roster", f"{path}: not UTF-8", "a file with an id a line") from error
    cells = [re.split(r"[,;\t]", line)[0].strip().strip('"') for line in text.splitlines()]
    ids = [names.clean(cell) for cell in cells if cell and not cell.startswith("#")]
    return list(
        dict.fromkeys(one for one in ids if one.lower() not in ("id", "student", "student id"))
    )
