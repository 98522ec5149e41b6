"""Reads a results folder: which command wrote it, and the documents that it left there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from falcon_ctl.errors import UsageError
from topo.errors import SpecError
from topo.spec import yaml_file
from topo.spec.model import Topology

Kind = Literal["main job", "figures", "sweep", "sensitivity", "papers", "order", "apps"]
# The file that identifies which command wrote a folder, and the further files that its report uses,
# each with what is missing without it. Folders of older versions lack some.
FILES: Mapping[str, tuple[Kind, Mapping[str, str]]] = {
    "report.json": (
        "main job",
        {"topology.yaml": "the drawing of the network", "frames.json": "single packets"},
    ),
    "figures.json": (
        "figures",
        {"figures.csv": "spreads", "latencies.json": "latencies", "frames.json": "single packets"},
    ),
    "sweep.json": (
        "sweep",
        {"results.jsonl": "the points", "spec.yaml": "the spec", "frames.json": "single packets"},
    ),
    "sensitivity.csv": (
        "sensitivity",
        {"provenance.json": "seeds, versions and machine", "frames.json": "single packets"},
    ),
    "papers.json": ("papers", {}),
    "apps.json": ("apps", {}),
    "price-of-order.csv": ("order", {"provenance.json": "seeds, versions and machine"}),
}
FRAMES_SCHEMA = "falcon-frames/1"  # of frames.json; counts up when a member changes its meaning
_LARGEST = 512 * 1024 * 1024  # bytes of a file


@dataclass(frozen=True)
class Documents:
    """What a results folder holds.

    Attributes:
        name: of the folder: the time of the run, unless it was renamed.
        kind: which command wrote it.
        files: name → JSON values (rows, of CSV and JSON lines; text, of YAML).
        topology: of the main job.
        missing: what the report lacks since the folder has no file for it.
    """

    name: str
    kind: Kind
    files: Mapping[str, Any]
    topology: Topology | None = None
    missing: Sequence[str] = field(default=())

    @property
    def main(self) -> Any:
        """The document that every folder of this kind has."""
        return next(self.files[name] for name in FILES if name in self.files)


def read(folder: Path) -> Documents:
    """All documents of a folder.

    Raises:
        UsageError: it is no results folder, or a file of it is not what was written there.
    """
    where = str(folder)
    if not folder.is_dir():
        raise UsageError(where, "no such folder", "a folder with results, such as results/<time>")
    main = next((name for name in FILES if (folder / name).is_file()), None)
    if main is None:
        raise UsageError(where, "no results of a run", f"a folder with one of {', '.join(FILES)}")
    kind, wanted = FILES[main]
    files = {main: _load(folder / main)}
    files |= {name: _load(folder / name) for name in wanted if (folder / name).is_file()}
    _verify(folder / main, files[main], kind)
    others = files.get("frames.json")
    if others is not None and not _is_known(others):
        del files["frames.json"]  # of another version
    missing = [f"{name} ({what})" for name, what in wanted.items() if name not in files]
    text = files.get("topology.yaml")
    topology = None if text is None else _topology(folder / "topology.yaml", text)
    return Documents(folder.resolve().name, kind, files, topology, missing)


def _is_known(frames: Any) -> bool:
    """Whether `frames.json` has the form that this version reads."""
    return isinstance(frames, dict) and frames.get("schema") == FRAMES_SCHEMA


def _load(path: Path) -> Any:
    """The values of a file by the end of its name."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(str(path), "too large", f"at most {_LARGEST >> 20} MiB")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text)
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines()]
        if path.suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text)))
    except OSError as error:
        raise UsageError(str(path), error.strerror or "unreadable", "a file of yours") from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise UsageError(str(path), f"cut off or changed: {error}", "what a run wrote") from error
    return text


def _topology(path: Path, text: str) -> Topology:
    try:
        return yaml_file.from_yaml(text, str(path))
    except SpecError as error:
        raise UsageError(str(path), f"cut off or changed: {error}", "what a run wrote") from error


_KEYS: Mapping[Kind, Sequence[str]] = {
    "main job": ("topology", "switch", "live", "checks"),
    "sweep": ("spec_sha256", "points"),
    "papers": ("scores", "ratios", "bars"),
    "apps": ("loads", "dilations", "runs", "compared", "checks"),
}
_COLUMNS: Mapping[Kind, Sequence[str]] = {
    "figures": ("figure", "system", "metric", "measured"),
    "sensitivity": ("figure", "cost", "measured", "lowered", "raised"),
    "order": ("figure", "system", "load", "pps", "kept"),
}


def _verify(path: Path, document: Any, kind: Kind) -> None:
    """Check that the document is of its kind, before anything is made of it."""
    if kind in _KEYS:
        found = document if isinstance(document, dict) else {}
        lacking = [key for key in _KEYS[kind] if key not in found]
    else:
        rows = document if isinstance(document, list) and document else [{}]
        first = rows[0] if isinstance(rows[0], dict) else {}
        lacking = [key for key in _COLUMNS[kind] if key not in first]
    if lacking:
        what = f"no {', '.join(lacking)} in it"
        raise UsageError(str(path), what, "the file as falcon_ctl wrote it")
