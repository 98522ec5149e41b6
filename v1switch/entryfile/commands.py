"""simple_switch_CLI's commands that change state, read from a file.

Names, words and their order are those of BMv2 1.15's runtime_CLI and sswitch_CLI; handles count
from 0 as they do there. As there, a name may be shortened to an unambiguous suffix (`ipv4_lpm` for
`MyIngress.ipv4_lpm`), and the lower number has the higher priority. `#` begins a comment, and so
does `//` at the start of a line. Commands that have no meaning in a file, and unknown ones, are
noted in the log and passed over, as the CLI goes on after them.
"""

from __future__ import annotations

import difflib
import logging
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile.array_commands import Arrays
from v1switch.entryfile.context import Commands, Context
from v1switch.entryfile.errors import EntriesError, InvalidLine
from v1switch.entryfile.limits import MAX_FILE
from v1switch.entryfile.profile_commands import Profiles
from v1switch.entryfile.queue_commands import Queues
from v1switch.entryfile.replication_commands import Replications
from v1switch.entryfile.table_commands import Tables
from v1switch.entryfile.tally import Tally, stop
from v1switch.errors import SwitchError, quoted
from v1switch.reading import read_bytes

COMMENT = "//"
CLOSE = 0.7  # how alike a name has to be to be meant, of 1
SHOWS = "it only shows something"
WITHOUT_EFFECT = {
    **dict.fromkeys(("load_new_config_file", "swap_configs"), "the program is already running"),
    **dict.fromkeys(("port_add", "port_remove"), "ports are those of the command line"),
    **dict.fromkeys(("write_config_to_file", "serialize_state"), "it writes a file"),
    **dict.fromkeys(("shell", "!"), "nothing is run"),
    **dict.fromkeys(
        (
            *("help", "?", "greet", "EOF", "show_tables", "show_actions", "show_pvs", "show_ports"),
            *("table_show_actions", "table_info", "table_num_entries", "table_dump"),
            *("table_dump_entry", "table_dump_entry_from_key", "table_dump_member"),
            *("table_dump_group", "act_prof_dump", "act_prof_dump_member", "act_prof_dump_group"),
            *("mc_dump", "meter_get_rates", "counter_read", "register_read", "pvs_get"),
            *("switch_info", "mirroring_get", "get_time_elapsed", "get_time_since_epoch"),
        ),
        SHOWS,
    ),
}
log = logging.getLogger("v1switch")


def run_commands(path: Path, dataplane: Dataplane, tally: Tally) -> None:
    """Run a file's commands; raises EntriesError, OSError."""
    try:
        text = read_bytes(path, MAX_FILE).decode()
    except UnicodeDecodeError as error:
        raise EntriesError(path, 0, "", f"byte {error.start} is not UTF-8 text") from None
    runner = _Runner(path, dataplane, tally)
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.partition("#")[0].split()
        if parts and not parts[0].startswith(COMMENT):
            runner.run(number, parts)


def forms(dataplane: Dataplane) -> dict[str, str]:
    """The commands that change a data plane's state, each with the form of its arguments."""
    return {
        name: form for name, (form, _) in _Runner(Path(), dataplane, Tally(stop)).commands.items()
    }


class _Runner:
    """The run of one file."""

    def __init__(self, path: Path, dataplane: Dataplane, tally: Tally) -> None:
        self.path = path
        self.tally = tally
        self.context = context = Context(path, dataplane)
        tables = Tables(context)
        self.commands: Commands = {
            **tables.commands,
            **Profiles(context).commands,
            **Replications(context).commands,
            **Arrays(context, tables).commands,
            **Queues(context).commands,
            "reset_state": ("", self._reset),
        }
        self._noted: set[str] = set()

    def run(self, line: int, parts: list[str]) -> None:
        """Run one command; raises what the tally does with an EntriesError."""
        name, args = parts[0], parts[1:]
        if name not in self.commands:
            self._pass_over(line, name)
            return
        with self.tally.one(self.context.plane):
            self._run(line, name, args)

    def _run(self, line: int, name: str, args: list[str]) -> None:
        context = self.context
        form, command = self.commands[name]
        context.line, context.form = line, f"{name} {form}".strip()
        try:
            _check_count(context.form, form, args)
            command(args)
        except InvalidLine as wrong:
            raise EntriesError(self.path, line, wrong.what, wrong.reason) from None
        except SwitchError as error:
            raise EntriesError(self.path, line, name, str(error)) from error

    def _pass_over(self, line: int, name: str) -> None:
        """Note a command that is not run, the first time that it comes."""
        if name in self._noted:
            return
        self._noted.add(name)
        reason = WITHOUT_EFFECT.get(name)
        if reason is None:
            close = difflib.get_close_matches(name, self.commands, n=3, cutoff=CLOSE)
            reason = f"unknown{', did you mean ' + ' or '.join(close) + '?' if close else ''}"
        log.warning("%s:%d: %s is passed over: %s", self.path, line, quoted(name), reason)

    def _reset(self, _args: list[str]) -> None:
        """All state as it was when the program started, without groups and sessions."""
        self.context.plane.reset()


def _check_count(whole: str, form: str, args: list[str]) -> None:
    """Raise InvalidLine unless the number of arguments fits the form."""
    words_ = form.split()
    optional = (at for at, word in enumerate(words_) if word.endswith("...") or word[0] == "[")
    least, open_ended = next(optional, len(words_)), "..." in form
    if len(args) < least or (len(args) > len(words_) and not open_ended):
        raise InvalidLine(f"{len(args)} arguments", f"expected {whole}")
