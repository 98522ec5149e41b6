"""`python -m v1switch`: the switch itself, on interfaces, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from v1switch.commands.loading import load
from v1switch.commands.options import LEVELS, Options, parse
from v1switch.commands.parsing import WRONG_CALL
from v1switch.control.dataplane import PYTHON, Dataplane
from v1switch.errors import SwitchError
from v1switch.io.links import LinkWatch
from v1switch.io.loop import PacketLoop
from v1switch.io.ports import Port, open_ports
from v1switch.native.packets import NativeLoop

if TYPE_CHECKING:
    from v1switch.explain.tracer import Tracer
    from v1switch.io.captures import Capture

log = logging.getLogger("v1switch")


def _start_logging(options: argparse.Namespace) -> None:
    handlers: list[logging.Handler] = []
    if options.log_file is not None:
        try:
            handlers.append(logging.FileHandler(options.log_file, mode="w", encoding="utf-8"))
        except OSError as error:
            what = f"--log-file {options.log_file}: {error.strerror}"
            raise SwitchError(f"{what}, expected a file that can be written") from error
    if options.log_console or options.log_file is None:
        handlers.append(logging.StreamHandler(sys.stdout))
    form = logging.Formatter("[%(asctime)s.%(msecs)03d] [%(levelname).1s] %(message)s", "%H:%M:%S")
    for handler in handlers:
        handler.setFormatter(form)
        log.addHandler(handler)
    log.setLevel(LEVELS[options.log_level])
    log.propagate = False


def _tracer(options: argparse.Namespace) -> Tracer | None:
    if not options.trace and options.trace_filter is None:
        return None
    from v1switch.explain.live import log_tracer

    return log_tracer(options.trace_filter)


def _capture(directory: Path, ports: Sequence[Port]) -> Capture:
    from v1switch.io.captures import Capture

    try:
        return Capture(directory, {port.number: port.ifname for port in ports})
    except OSError as error:
        what = f"--pcap {directory}: {error.strerror}"
        raise SwitchError(f"{what}, expected a directory that can be written to") from error


def _loop(dataplane: Dataplane, ports: Sequence[Port], capture: Capture | None) -> PacketLoop:
    if dataplane.engine == PYTHON:
        return PacketLoop(dataplane, ports, capture)
    return NativeLoop(dataplane, ports, capture)


def _serve(options: Options, dataplane: Dataplane) -> None:
    general = options.general
    if general.thrift_port is not None:
        log.info("--thrift-port is ignored: there is no Thrift server")
    if general.program is not None:
        load(dataplane, general.program)
    ports = open_ports(general.interface)
    cpu = () if options.cpu_port is None else (options.cpu_port,)
    dataplane.ports.known = frozenset((*(port.number for port in ports), *cpu))
    capture = None if general.pcap is None else _capture(general.pcap, ports)
    loop = _loop(dataplane, ports, capture)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())

    from v1switch.p4runtime.server import serve

    handle = serve(dataplane, options.address, general.device_id, options.cpu_port)
    log.info("P4Runtime on %s, device %d", options.address, general.device_id)
    links = LinkWatch(ports, dataplane.set_port_status)
    links.start()
    try:
        loop.run()
    finally:
        links.stop()
        handle.stop()
        if losses := loop.losses():
            log.warning("lost frames: %s", losses)
        loop.close()
        if capture is not None:
            capture.close()


def main(argv: Sequence[str]) -> int:
    """Run the switch until SIGTERM or SIGINT.

    Returns:
        0 after an orderly end, 2 when the call was wrong (program, interface, address).
    """
    options = parse(argv)
    try:
        _start_logging(options.general)
        tracer = _tracer(options.general)
        dataplane = Dataplane(
            cpu_port=options.cpu_port,
            drop_port=options.drop_port,
            tracer=tracer,
            engine=PYTHON if options.general.pcap is not None else options.general.engine,
        )
        _serve(options, dataplane)
    except (SwitchError, OSError) as error:
        sys.stderr.write(f"v1switch: {error}\n")
        return WRONG_CALL
    return 0
