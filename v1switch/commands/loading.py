"""Loading a program, and its entries, from files into a data plane."""

from __future__ import annotations

import logging
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Checking
from v1switch.errors import ProgramError, SwitchError
from v1switch.program.loader import load_file

log = logging.getLogger("v1switch")


def load(dataplane: Dataplane, path: Path) -> None:
    """Load a program from a file.

    Raises:
        SwitchError: the program or the trace filter is wrong; with the file's name.
    """
    try:
        program = load_file(path)
        if isinstance(dataplane.engine, Checking):
            dataplane.engine.check(program)
        dataplane.load(program)
    except ProgramError as error:
        raise SwitchError(f"{path}: {error}") from error
    except OSError as error:
        raise SwitchError(f"{path}: {error.strerror}, expected a BMv2 JSON file") from error
    if program.remarks:
        log.warning("%s: %s", path, program.remark)
    log.info("running %s", path)


def write_entries(dataplane: Dataplane, path: Path, p4info: Path | None) -> None:
    """Write the entries of a file.

    Raises:
        SwitchError: the file cannot be read, or one of its entries is wrong.
    """
    from v1switch.entryfile import load_entries

    try:
        load_entries(path, dataplane, p4info)
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror}"
        raise SwitchError(f"{what}, expected a readable file") from error
