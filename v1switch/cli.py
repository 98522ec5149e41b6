"""The command line, that of simple_switch_grpc, so that either can be started in its place.

`v1switch [options] [program.json] [-- target options]`. argparse rather than anything larger:
options stand on both sides of `--`, and the switch has to listen within a second.
`v1switch explain …` and `v1switch run …` work on files instead (`offline`).
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from v1switch.dataplane import AUTO, DROP_PORT, NATIVE, PYTHON, Dataplane
from v1switch.errors import ProgramError, SwitchError
from v1switch.links import LinkWatch
from v1switch.loop import PacketLoop
from v1switch.native.packets import NativeLoop
from v1switch.ports import Port, open_ports

if TYPE_CHECKING:
    from v1switch.explain.tracer import Tracer
    from v1switch.pcap import Capture

DEFAULT_ADDRESS = "127.0.0.1:9559"  # BMv2 listens on every address; nothing here leaves the machine
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
OFFLINE = ("explain", "run")  # first words that ask for work on files
ENGINES = (AUTO, NATIVE, PYTHON)
PORT_MAX = (1 << 9) - 1  # v1model's ports are bit<9>
WRONG_CALL = 2
log = logging.getLogger("v1switch")


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]  # it does not return either
        """Say what is wrong and leave with status 2."""
        self.exit(WRONG_CALL, f"v1switch: {message}\n")


def _interface(text: str) -> tuple[int, str]:
    number, at, ifname = text.partition("@")
    if not at or not number or not ifname:
        raise argparse.ArgumentTypeError(f"{text!r}: expected PORT@INTERFACE, such as 1@eth1")
    try:
        return port_number(number), ifname
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: PORT@INTERFACE: {error}") from error


def port_number(text: str) -> int:
    """A port as v1model has it, `bit<9>`; BMv2 manages as many (--max-port-count, 512)."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port in 0..{PORT_MAX}")
    return int(text)


def _general() -> Parser:
    parser = Parser(prog="v1switch", description="P4 switch for BMv2 JSON (v1model).")
    add = parser.add_argument
    add("program", nargs="?", type=Path, help="BMv2 JSON")
    add("-i", "--interface", action="append", default=[], type=_interface, metavar="PORT@IFACE")
    add("--no-p4", action="store_true", help="start without a program and wait for one")
    add("--device-id", type=int, default=0)
    add("--pcap", nargs="?", const=Path(), type=Path, metavar="DIR", help="capture all ports")
    add("--log-file", type=Path)
    add("-L", "--log-level", choices=LEVELS, default="info")
    add("--log-console", action="store_true", help="log to standard output")
    add("--log-flush", action="store_true", help="accepted: logs are always flushed")
    add("--cpu-port", type=port_number)
    add("--drop-port", type=port_number)
    add("--thrift-port", type=int, help="accepted and ignored: there is no Thrift server")
    add(
        "--engine",
        choices=ENGINES,
        default=AUTO,
        help="use machine code as soon as it is compiled (auto), before a pipeline is in force "
        "(native), or never (python); tracing and captures take python",
    )
    add("--trace", action="store_true", help="explain every frame in the log")
    add("--trace-filter", metavar="EXPR", help="explain the frames that match, such as 'port=1'")
    return parser


def _target() -> Parser:
    parser = Parser(prog="v1switch --")
    add = parser.add_argument
    add("--grpc-server-addr", default=DEFAULT_ADDRESS, metavar="ADDR", help="or unix:PATH")
    add("--cpu-port", type=port_number)
    add("--drop-port", type=port_number)
    return parser


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        general: options before `--`.
        address: where P4Runtime listens.
        cpu_port, drop_port: from either side of `--`, the target's side wins.
    """

    general: argparse.Namespace
    address: str
    cpu_port: int | None
    drop_port: int


def parse(argv: Sequence[str]) -> Options:
    """Read the command line; leaves with status 2 and one line when it is wrong."""
    args = list(argv)
    cut = args.index("--") if "--" in args else len(args)
    parser = _general()
    general, target = parser.parse_args(args[:cut]), _target().parse_args(args[cut + 1 :])
    if general.program is None and not general.no_p4:
        parser.error("a program is needed: expected program.json or --no-p4")
    if general.program is not None and general.no_p4:
        parser.error("program.json and --no-p4 exclude each other")
    cpu = target.cpu_port if target.cpu_port is not None else general.cpu_port
    drop = target.drop_port if target.drop_port is not None else general.drop_port
    drop = DROP_PORT if drop is None else drop
    if cpu is not None and cpu in (0, drop):
        parser.error(f"--cpu-port {cpu}: port 0 and the drop port {drop} cannot be it")
    _check_interfaces(parser, general.interface, cpu, drop)
    return Options(general, target.grpc_server_addr, cpu, drop)


def _check_interfaces(
    parser: Parser, interfaces: Sequence[tuple[int, str]], cpu: int | None, drop: int
) -> None:
    """Refuse a port that no frame could pass, and a port or an interface that is given twice."""
    numbers: set[int] = set()
    names: set[str] = set()
    for number, ifname in interfaces:
        where = f"-i {number}@{ifname}"
        if number == drop:
            parser.error(f"{where}: {number} is the drop port, expected another port")
        if number == cpu:
            parser.error(f"{where}: {number} is the CPU port, expected another port")
        if number in numbers:
            parser.error(f"{where}: port {number} again, expected every port once")
        if ifname in names:
            parser.error(f"{where}: interface {ifname} again, expected every interface once")
        numbers.add(number)
        names.add(ifname)


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


def load(dataplane: Dataplane, path: Path) -> None:
    """Load a program from a file; raises SwitchError with the file's name."""
    from v1switch.program.loader import load_file

    try:
        program = load_file(path)
        if dataplane.tracer is not None:
            dataplane.tracer.check(program)
        dataplane.load(program)
    except ProgramError as error:
        raise SwitchError(f"{path}: {error}") from error
    except OSError as error:
        raise SwitchError(f"{path}: {error.strerror}") from error
    log.info("running %s", path)


def _tracer(options: argparse.Namespace) -> Tracer | None:
    if not options.trace and options.trace_filter is None:
        return None
    from v1switch.explain.live import log_tracer

    return log_tracer(options.trace_filter)


def _capture(directory: Path, ports: Sequence[Port]) -> Capture:
    from v1switch.pcap import Capture

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the switch until SIGTERM or SIGINT.

    Returns:
        0 after an orderly end, 2 when the call was wrong (program, interface, address).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in OFFLINE:
        from v1switch.offline import COMMANDS

        return COMMANDS[words[0]](words[1:])
    options = parse(words)
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
