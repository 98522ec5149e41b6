"""Loading a program, and its entries, from files into a data plane."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
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

    with _readable(path):
        load_entries(path, dataplane, p4info)


def write_valid_entries(dataplane: Dataplane, path: Path, p4info: Path | None) -> None:
    """Write the entries of a file, and log what is wrong with those that cannot be written.

    Raises:
        SwitchError: the file cannot be read.
    """
    from v1switch.entryfile import load_entries

    with _readable(path):
        tally = load_entries(
            path, dataplane, p4info, lambda error: log.error("%s; passed over", error)
        )
    refused = f", {tally.refused:,} passed over" if tally.refused else ""
    log.log(
        logging.ERROR if refused else logging.INFO,
        "%s: %s written%s",
        path,
        _many(tally.written),
        refused,
    )


def restore(dataplane: Dataplane, path: Path) -> None:
    """Bring back a state that simple_switch_CLI's serialize_state got of a v1switch.

    Raises:
        SwitchError: the file cannot be read, or is not such a state of the program.
    """
    from v1switch.bmthrift.state_text import HEADER
    from v1switch.entryfile import load_commands

    with _readable(path):
        with path.open("rb") as file:
            head = file.read(len(HEADER))
        if head != HEADER.encode():
            wanted = "expected what serialize_state gets of v1switch (BMv2's own is no text)"
            raise SwitchError(f"--restore-state {path}: another kind of file, {wanted}")
        load_commands(path, dataplane)


def _many(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read what was expected."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror}"
        raise SwitchError(f"{what}, expected a readable file") from error
