"""Records of frames on disk: one row per frame and delivery, and each frame's first bytes.

A file is what `np.load` opens: ``records`` of dtype `RECORD` [n], ``frames`` uint8 [n, 256] as
received on the uplink (802.1Q tag included), and ``meta``, a JSON text.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rxpath.live.recorder import OPEN, Recorder
from rxpath.model.state import codes

STAGE = np.dtype(
    [
        *(("kind", "u1"), ("ifindex", "i4"), ("cpu", "i2"), ("choice", "u1")),
        *(("enqueue", "i8"), ("start", "i8"), ("end", "i8"), ("held", "i8")),
    ]
)
"""One stage of a frame: `codes.STAGE_NAMES`, device, CPU, `codes.CHOICE_*`, model ns.

``held`` is how long the order guard held the frame, in front of the work or behind it.
"""

RECORD = np.dtype(
    [
        *(("id", "i8"), ("arrival", "i8"), ("stamp", "i8"), ("wire_len", "i4"), ("rss_hash", "u4")),
        *(("rx_queue", "i2"), ("proto", "u1"), ("flow", "i4"), ("container", "i4")),
        *(("n_stages", "u1"), ("stages", STAGE, codes.MAX_STAGES)),
        *(("delivered", "i8"), ("drop_reason", "u1"), ("dropped", "i8"), ("drop_cpu", "i2")),
    ]
)
"""One frame; copies of a broadcast share an id.

``stamp`` is the kernel's receive timestamp in wall ns, ``arrival`` its model time.
``delivered`` is model ns, -1 when it was not delivered; then ``drop_reason`` says why it was
dropped (``meta["drop_reasons"]``), and 0 that it was still in the host when recording stopped.
``dropped`` is model ns, -1 when it was not dropped; ``drop_cpu`` where that was: the CPU of the
queue that was full, -1 when no CPU had it.
``container`` is an index into ``meta["containers"]``, -1 when the frame was for none.
"""


class Recording(NamedTuple):
    """A file's content."""

    records: np.ndarray  # [n] RECORD
    frames: np.ndarray  # [n, SNAPLEN] uint8
    meta: dict[str, Any]


def convert(recorder: Recorder, indirection: np.ndarray) -> np.ndarray:
    """Turn the recorder's rows into `RECORD`s.

    `indirection` is the RSS table [entries]; a frame's queue is the entry that the low bits of
    its hash select (Microsoft, "Introduction to receive side scaling").
    """
    found = recorder.records.array[: recorder.progress.used]
    out = np.zeros(len(found), RECORD)
    for name in ("id", "arrival", "stamp", "wire_len", "rss_hash", "flow", "container"):
        out[name] = found[name]
    out["proto"], out["n_stages"] = found["protocol"], found["n_stages"]
    out["delivered"], out["drop_reason"] = found["delivered"], found["reason"]
    lost = out["drop_reason"] != 0
    at_driver = np.maximum(found["arrival"], found["delivered"])  # before the model, or behind it
    out["dropped"] = np.where(lost & (found["dropped"] == OPEN), at_driver, found["dropped"])
    out["drop_cpu"] = found["drop_cpu"]
    out["delivered"][lost] = OPEN
    out["rx_queue"] = indirection[found["rss_hash"] % len(indirection)]
    used = np.arange(codes.MAX_STAGES) < out["n_stages"][:, np.newaxis]
    for name in STAGE.names or ():
        out["stages"][name] = np.where(used, found["stages"][name], 0)
    return out


def write(path: Path, records: np.ndarray, frames: np.ndarray, meta: Mapping[str, Any]) -> None:
    """Write a file; it gets its name when it is complete. Raises OSError."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # exclusive, mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, records=records, frames=frames, meta=np.array(json.dumps(meta)))
        os.replace(draft, path)  # noqa: PTH105  # Path.replace returns a path
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read(path: Path) -> Recording:
    """Read a file. Raises OSError, or ValueError when it is no recording."""
    with np.load(path, allow_pickle=False) as file:
        try:
            return Recording(file["records"], file["frames"], json.loads(str(file["meta"])))
        except KeyError as error:
            raise ValueError(f"{path}: {error.args[0]}; expected a recording") from error
