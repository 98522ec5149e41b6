"""The command line: `v1switch [options]`, or `v1switch COMMAND …` (`explain`, `run`, …).

Without a first word the command line is that of simple_switch_grpc, so that either can be started
in the other's place.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

_COMPILER = "v1switch.engines.native.compile"


def main(argv: Sequence[str] | None = None, name: str = "v1switch") -> int:
    """Run the command that the first word names, or else the switch; returns its exit status.

    Under another name (see `link`) it is the switch whatever the first word is.
    """
    os.umask(os.umask(0o077) | 0o022)  # nobody else may write our logs and captures
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # errors are reported here, not by gRPC
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _command(words, name)
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else signal.SIGINT
        sys.stderr.write("v1switch: interrupted\n")
        return int(128 + number)


def _interrupt(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


def _command(words: list[str], name: str) -> int:
    if name != "v1switch":
        from v1switch.commands import process_name

        process_name.set_name(name)
        return _switch(words, name)
    # each command loads what it needs only: the switch has to listen within a second
    if "_ARGCOMPLETE" in os.environ:
        from v1switch.commands import completion

        completion.answer()
    if words[:1] == ["completion"]:
        from v1switch.commands import completion

        return completion.main(words[1:])
    if words[:1] == ["explain"]:
        from v1switch.commands import explain

        return explain.main(words[1:])
    if words[:1] == ["run"]:
        from v1switch.commands import run

        return run.main(words[1:])
    if words[:1] == ["interfaces"]:
        from v1switch.commands import interfaces

        return interfaces.main(words[1:])
    if words[:1] == ["survey"]:
        from v1switch.commands import survey

        return survey.main(words[1:])
    if words[:1] == ["link"]:
        from v1switch.commands import link

        return link.main(words[1:])
    return _switch(words, name)


def _switch(words: list[str], name: str) -> int:
    from v1switch.commands import start

    return start.main(words, name)


def run(name: str = "v1switch") -> NoReturn:
    """Run the command and end the process with its exit status.

    `name` is what the process was started as.

    A thread that is in LLVM cannot be interrupted, and Python's own end would wait for it: with a
    large program, for minutes.
    """
    status = main(name=name)
    if _COMPILER in sys.modules:
        from v1switch.engines.native.compile import is_at_work

        if is_at_work():
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    sys.exit(status)
