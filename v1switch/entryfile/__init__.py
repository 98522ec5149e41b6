"""Entry files: simple_switch_CLI's commands, the P4 tutorials' runtime JSON, P4Runtime messages.

The file's suffix decides which of the three formats it has.
"""

from __future__ import annotations

from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile.errors import EntriesError
from v1switch.entryfile.tally import Refused, Tally, stop

TEXT_PROTO = {".txtpb", ".textproto", ".textpb", ".prototxt", ".pbtxt"}
P4INFO_SUFFIXES = (".p4info.txtpb", ".p4info.txt", ".p4info.pbtxt", ".p4info.textproto")


def load_entries(
    path: Path, dataplane: Dataplane, p4info: Path | None, refused: Refused = stop
) -> Tally:
    """Write all entries of a file; returns how many were written, and how many not.

    Args:
        path: the file; commands unless the suffix is that of JSON or text protobuf.
        dataplane: runs the program.
        p4info: the program's P4Info; needed for text protobuf only.
        refused: called with the error of each invalid entry or line, of which nothing is left;
            unless it raises, the next one follows. By default the first one ends it all.

    Raises:
        EntriesError: with file, line, object and reason; of the file as a whole in any case.
        OSError: a file cannot be read.
    """
    tally = Tally(refused)
    if path.suffix in TEXT_PROTO:
        from v1switch.entryfile.textproto import write_text

        write_text(path, dataplane, p4info, tally)
        return tally
    if path.suffix == ".json":
        from v1switch.entryfile.runtime import load_runtime

        load_runtime(path, dataplane, tally)
        return tally
    return load_commands(path, dataplane, refused)


def load_commands(path: Path, dataplane: Dataplane, refused: Refused = stop) -> Tally:
    """Run a file of commands whatever its suffix is, as `load_entries`."""
    from v1switch.entryfile.commands import run_commands

    tally = Tally(refused)
    run_commands(path, dataplane, tally)
    return tally


def find_p4info(program: Path) -> Path | None:
    """The P4Info file beside a program, by the usual names, or None."""
    stem = program.with_suffix("")
    found = (stem.with_name(stem.name + suffix) for suffix in P4INFO_SUFFIXES)
    return next((path for path in found if path.is_file()), None)


__all__ = ["EntriesError", "find_p4info", "load_commands", "load_entries"]
