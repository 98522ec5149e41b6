"""`python -m v1switch`: the switch itself, on interfaces, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from v1switch.commands.engines import PYTHON, engine
from v1switch.commands.interpreter import short_turns
from v1switch.commands.loading import load
from v1switch.commands.options import LEVELS, Options, parse
from v1switch.commands.parsing import WRONG_CALL
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Engine
from v1switch.engines.native.packet_loop import NativeLoop
from v1switch.errors import SwitchError, escaped
from v1switch.io.links import LinkWatch
from v1switch.io.loop import PacketLoop
from v1switch.io.outputs import create
from v1switch.io.ports import Port, open_ports
from v1switch.p4runtime.server import reach, serve

if TYPE_CHECKING:
    from v1switch.io.captures import Capture

log = logging.getLogger("v1switch")


class _Formatter(logging.Formatter):
    """Escapes control characters: a program's messages and names may hold any."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(escaped, super().format(record).split("\n")))


def _start_logging(options: argparse.Namespace) -> None:
    handlers: list[logging.Handler] = []
    if options.log_file is not None:
        try:
            file = os.fdopen(create(Path(options.log_file)), "w", encoding="utf-8")
            handlers.append(logging.StreamHandler(file))
        except OSError as error:
            what = f"--log-file {options.log_file}: {error.strerror}"
            raise SwitchError(f"{what}, expected a file that can be written") from error
    if options.log_console or options.log_file is None:
        handlers.append(logging.StreamHandler(sys.stdout))
    form = _Formatter("[%(asctime)s.%(msecs)03d] [%(levelname).1s] %(message)s", "%H:%M:%S")
    for handler in handlers:
        handler.setFormatter(form)
        log.addHandler(handler)
    logging.raiseExceptions = False  # a full disk must not end up in a traceback for each message
    log.setLevel(LEVELS[options.log_level])
    log.propagate = False


@contextlib.contextmanager
def _engine(options: argparse.Namespace) -> Iterator[Engine]:
    """The engine that the options ask for; tracing and captures take plain Python."""
    if options.trace or options.trace_filter is not None:
        from v1switch.explain.live import logging_engine

        yield logging_engine(options.trace_filter)
        return
    with engine(options.engine if options.pcap is None else PYTHON) as chosen:
        yield chosen


def open_captures(directory: Path, ports: Sequence[Port]) -> Capture:
    """Create the capture files of all ports; raises SwitchError."""
    from v1switch.io.captures import Capture

    try:
        return Capture(directory, {port.number: port.ifname for port in ports})
    except OSError as error:
        what = f"--pcap {directory}: {error.strerror}"
        raise SwitchError(f"{what}, expected a directory that can be written to") from error


def _loop(dataplane: Dataplane, ports: Sequence[Port], capture: Capture | None) -> PacketLoop:
    if dataplane.engine.mirrored:
        return NativeLoop(dataplane, ports, capture)
    return PacketLoop(dataplane, ports, capture)


def _serve(options: Options, dataplane: Dataplane) -> None:
    """Run the switch until a signal ends it."""
    general = options.general
    if general.thrift_port is not None:
        log.info("--thrift-port is ignored: there is no Thrift server")
    if general.program is not None:
        load(dataplane, general.program)
    with contextlib.ExitStack() as stack:
        ports = open_ports(general.interface)
        cpu = () if options.cpu_port is None else (options.cpu_port,)
        dataplane.ports.known = frozenset((*(port.number for port in ports), *cpu))
        capture = None
        if general.pcap is not None:
            capture = stack.enter_context(contextlib.closing(open_captures(general.pcap, ports)))
        loop = stack.enter_context(contextlib.closing(_loop(dataplane, ports, capture)))
        stack.callback(_report_drops, loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        server = serve(dataplane, options.address, general.device_id, loop.counters)
        stack.callback(server.stop)
        where = f"P4Runtime on {options.address}, device {general.device_id}"
        log.info("%s: %s", where, reach(options.address))
        stack.enter_context(LinkWatch(ports, dataplane.set_port_status))
        loop.run()


def _report_drops(loop: PacketLoop) -> None:
    if lost := loop.counters().lost():
        log.warning("lost frames: %s", lost)


def main(argv: Sequence[str]) -> int:
    """Run the switch until SIGTERM or SIGINT.

    Returns:
        0 after an orderly end, 2 when the call was wrong (program, interface, address).
    """
    options = parse(argv)
    try:
        _start_logging(options.general)
        with short_turns(), _engine(options.general) as chosen:
            _serve(
                options,
                Dataplane(chosen, cpu_port=options.cpu_port, drop_port=options.drop_port),
            )
    except (SwitchError, OSError) as error:
        sys.stderr.write(f"v1switch: {escaped(str(error))}\n")
        return WRONG_CALL
    return 0
