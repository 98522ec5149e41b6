"""The switch's command line, that of simple_switch_grpc, or of simple_switch under that name.

`[options] [program.json] [-- target options]`. argparse rather than anything larger: options stand
on both sides of `--`, and the switch has to listen within a second. Every option of BMv2 1.15 is
taken; those without effect are in `ignored`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v1switch.commands import ignored, thrift_port, tls
from v1switch.commands.logs import LEVELS, TRACE
from v1switch.commands.parsing import (
    AUTO,
    ENGINES,
    Parser,
    check_cpu_port,
    check_not_dropped,
    count,
    device_id,
    port_number,
    queue_count,
)
from v1switch.control.defaults import DROP_PORT

DEFAULT_ADDRESS = "127.0.0.1:9559"  # BMv2's default listens on every address; this one does not
PLAIN = "simple_switch"  # BMv2's switch without P4Runtime
VERSION = "1.15.5"  # of BMv2, whose options and answers these are
JSON_VERSION = "2.24"  # the newest that p4c writes for BMv2 1.15


class _Version(argparse.Action):
    """Prints the versions and exits; v1switch's is only looked up then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            own = version("v1switch")
        except PackageNotFoundError:
            own = "from a checkout"
        print(f"{VERSION} (v1switch {own})")
        parser.exit()


def _interface(text: str) -> tuple[int, str]:
    number, at, ifname = text.partition("@")
    if not at or not number or not ifname:
        raise argparse.ArgumentTypeError(f"{text!r}: expected PORT@INTERFACE, such as 1@eth1")
    try:
        return port_number(number), ifname
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: PORT@INTERFACE: {error}") from error


def general() -> Parser:
    """The parser of the options before `--`."""
    parser = Parser(
        prog="v1switch",
        description="P4 switch for BMv2 JSON (v1model).",
        epilog="Other commands: v1switch explain, run, survey, interfaces, link, completion; each "
        "has --help.",
    )
    add = parser.add_argument
    add("program", nargs="?", type=Path, help="BMv2 JSON")
    add("-i", "--interface", action="append", default=[], type=_interface, metavar="PORT@IFACE")
    add("--entries", type=Path, metavar="FILE", help="entries to begin with, as for `explain`")
    add(
        "--restore-state",
        type=Path,
        metavar="FILE",
        help="state to begin with, as simple_switch_CLI's serialize_state got it",
    )
    add("--p4info", type=Path, metavar="FILE", help="P4Info for --entries *.txtpb")
    add("--no-p4", action="store_true", help="start without a program and wait for one")
    add("--device-id", type=device_id, default=0)
    add("--pcap", nargs="?", const=Path(), type=Path, metavar="DIR", help="capture all ports")
    add(
        "--use-files",
        type=count,
        metavar="SECONDS",
        help="ports are files: frames come from IFACE_in.pcap after so many seconds, and leave to "
        "IFACE_out.pcap",
    )
    _add_log_options(parser)
    add("-v", "--version", action=_Version, nargs=0, help="show the version and exit")
    add("--json-version", action="version", version=JSON_VERSION)
    add("--cpu-port", type=port_number)
    add("--drop-port", type=port_number)
    add(
        "--engine",
        choices=ENGINES,
        default=AUTO,
        help="run machine code as soon as it is compiled (auto), from a program's first frame on "
        "(native), or never (python); -L trace, --trace, --pcap and --dump-packet-data always use "
        "python",
    )
    add("--trace", action="store_true", help="log an explanation of every frame")
    add(
        "--trace-filter",
        metavar="EXPR",
        help="log an explanation of the frames that match, such as 'port=1'",
    )
    thrift_port.add_to(parser)
    ignored.add_to(parser, ignored.GENERAL)
    return parser


def _add_log_options(parser: Parser) -> None:
    add = parser.add_argument
    add("--log-file", type=Path, metavar="PREFIX", help="log to PREFIX.txt")
    add(
        *("-L", "--log-level"),
        choices=LEVELS,
        help="as in BMv2, trace (every step of every packet) with --log-console or --log-file; "
        "else info",
    )
    add("--log-console", action="store_true", help="log to standard output")
    add("--log-flush", action="store_true", help="logs are always flushed")
    add(
        "--log-file-max-size",
        type=_size,
        metavar="BYTES",
        help="begin a new log file at this (5 MiB)",
    )
    add("--log-file-max-files", type=count, metavar="N", help="older log files to keep (3)")
    add("--dump-packet-data", type=count, default=0, metavar="N", help="log N bytes of each frame")


def _size(text: str) -> int:
    size = count(text)
    if not size:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of bytes, 1 or more")
    return size


def target() -> Parser:
    """The parser of the options behind `--`."""
    parser = Parser(prog="v1switch --")
    add = parser.add_argument
    add("--grpc-server-addr", metavar="ADDR", help="HOST:PORT or unix:PATH")
    add("--cpu-port", type=port_number)
    add("--drop-port", type=port_number)
    add("--enable-swap", action="store_true", help="let Thrift clients of simple_switch swap")
    add("--disable-swap", action="store_true", help="let Thrift clients not replace the program")
    add("--priority-queues", type=queue_count, default=1, metavar="N", help="queues of each port")
    tls.add_to(parser)
    ignored.add_to(parser, ignored.TARGET)
    return parser


@dataclass(frozen=True)
class Options:
    """The switch's command line, checked.

    Attributes:
        general: options before `--`.
        address: where the P4Runtime server listens; None: there is none.
        tls: its certificates, or None.
        thrift: where the Thrift server listens; None: there is none.
        remarks: what to say in the log about the options.
        priority_queues: of each port.
        cpu_port, drop_port: may stand on either side of `--`; the target's side wins.
    """

    general: argparse.Namespace
    address: str | None
    tls: tls.TlsFiles | None
    thrift: thrift_port.ThriftOptions | None
    remarks: tuple[str, ...]
    priority_queues: int
    cpu_port: int | None
    drop_port: int


def parse(argv: Sequence[str], name: str = "v1switch") -> Options:
    """Parse the command line; exits with status 2 and one line when it is wrong.

    Args:
        argv: the arguments.
        name: what the switch was called as; without an address `simple_switch` serves no P4Runtime.
    """
    args = list(argv)
    cut = args.index("--") if "--" in args else len(args)
    parser = general()
    before, behind = parser.parse_args(args[:cut]), target().parse_args(args[cut + 1 :])
    if before.program is None and not before.no_p4:
        parser.error("a program is needed: expected program.json or --no-p4")
    remarks = [
        *ignored.log_lines(before, ignored.GENERAL),
        *ignored.log_lines(behind, ignored.TARGET),
    ]
    if before.log_level is None:
        before.log_level = TRACE if before.log_console or before.log_file else "info"
    if before.log_level == TRACE and not _explains(before):
        remarks.append("every step of every packet is logged; -L info forwards much faster")
    if before.program is not None and before.no_p4:
        remarks.append(f"{before.program} is not loaded: --no-p4 was given")
        before.program = None
    if before.program is None and before.entries is not None:
        parser.error(f"--entries {before.entries}: expected program.json, to which they belong")
    if before.program is None and before.restore_state is not None:
        what = f"--restore-state {before.restore_state}"
        parser.error(f"{what}: expected program.json, to which it belongs")
    if (without := tls.without_effect(behind)) is not None:
        remarks.append(without)
    address = behind.grpc_server_addr
    if address is None and name != PLAIN:
        address = DEFAULT_ADDRESS
    cpu = behind.cpu_port if behind.cpu_port is not None else before.cpu_port
    drop = behind.drop_port if behind.drop_port is not None else before.drop_port
    drop = DROP_PORT if drop is None else drop
    check_cpu_port(parser, cpu, drop)
    _check_interfaces(parser, before.interface, cpu, drop)
    files = tls.from_options(parser, behind)
    thrift = thrift_port.from_options(before, behind, plain=name == PLAIN)
    return Options(
        before, address, files, thrift, tuple(remarks), behind.priority_queues, cpu, drop
    )


def _explains(general: argparse.Namespace) -> bool:
    """Whether packets are explained, which takes the place of their trace."""
    return general.trace or general.trace_filter is not None


def _check_interfaces(
    parser: Parser, interfaces: Sequence[tuple[int, str]], cpu: int | None, drop: int
) -> None:
    """Refuse the CPU port and the drop port, and a port or interface that is given twice."""
    numbers: set[int] = set()
    names: set[str] = set()
    for number, ifname in interfaces:
        where = f"-i {number}@{ifname}"
        check_not_dropped(parser, where, number, drop)
        if number == cpu:
            parser.error(f"{where}: {number} is the CPU port, expected another port")
        if number in numbers:
            parser.error(f"{where}: port {number} is given twice, expected each once")
        if ifname in names:
            parser.error(f"{where}: interface {ifname} is given twice, expected each once")
        numbers.add(number)
        names.add(ifname)
