"""What the commands on files share: their options and the data plane that they make.

They open no interface and start no server, so they need no privileges.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from v1switch.commands.loading import load, write_entries
from v1switch.commands.parsing import WRONG_CALL, Parser, port_number, queue_count
from v1switch.control.dataplane import Dataplane
from v1switch.control.defaults import DROP_PORT
from v1switch.control.engine import Engine
from v1switch.entryfile import find_p4info
from v1switch.errors import SwitchError, escaped


def parser(command: str, description: str) -> Parser:
    """An argument parser with the options that `explain` and `run` share."""
    made = Parser(prog=f"v1switch {command}", description=description)
    add = made.add_argument
    add("program", type=Path, help="BMv2 JSON")
    add(
        "--entries",
        type=Path,
        metavar="FILE",
        help="simple_switch_CLI's commands, *.json or *.txtpb",
    )
    add(
        "--p4info",
        type=Path,
        metavar="FILE",
        help="P4Info for --entries *.txtpb; by default the file beside the program",
    )
    add("--cpu-port", type=port_number, metavar="PORT", help="the controller's port")
    add("--drop-port", type=port_number, metavar="PORT", default=DROP_PORT)
    queues = (
        "queues of each port (1); rates and depths: set_queue_rate, set_queue_depth in --entries"
    )
    add("--priority-queues", type=queue_count, metavar="N", default=1, help=queues)
    return made


def dataplane(options: argparse.Namespace, engine: Engine) -> Dataplane:
    """A data plane with the program and its entries, whose clock always shows 0.

    Raises:
        SwitchError: the program, the entries or the filter are wrong.
        OSError: a file cannot be read.
    """
    made = Dataplane(
        engine,
        cpu_port=options.cpu_port,
        drop_port=options.drop_port,
        priority_queues=options.priority_queues,
        clock=lambda: 0,
    )
    load(made, options.program)
    if options.entries is not None:
        write_entries(made, options.entries, options.p4info or find_p4info(options.program))
    return made


def guarded(work: Callable[[], None]) -> int:
    """Do a command's work; prints an error as one line.

    Returns:
        0, or 2 when the call was wrong.
    """
    try:
        work()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has read enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"v1switch: {escaped(name)}{error.strerror}\n")
        return WRONG_CALL
    except SwitchError as error:
        sys.stderr.write(f"v1switch: {escaped(str(error))}\n")
        return WRONG_CALL
    return 0
