"""The switch itself, on interfaces, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from v1switch.commands.engines import engine
from v1switch.commands.interpreter import short_turns
from v1switch.commands.loading import load, restore, write_valid_entries
from v1switch.commands.logs import TRACE, Stamp, write_trace
from v1switch.commands.options import Options
from v1switch.commands.parsing import PYTHON
from v1switch.commands.thrift_port import serving
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Engine
from v1switch.engines.native.packet_loop import NativeLoop
from v1switch.entryfile import find_p4info
from v1switch.errors import SwitchError
from v1switch.io.dumps import Dump, both
from v1switch.io.links import LinkWatch
from v1switch.io.loop import PacketLoop, Tap
from v1switch.io.port_changes import FixedPorts, LivePorts, PortAccess
from v1switch.io.ports import Port, open_ports

if TYPE_CHECKING:
    from v1switch.io.captures import Capture
    from v1switch.p4runtime.listener import Listener

log = logging.getLogger("v1switch")


@contextlib.contextmanager
def _engine(options: argparse.Namespace) -> Iterator[Engine]:
    """The engine that the options ask for; tracing, captures and dumps take plain Python."""
    if options.trace or options.trace_filter is not None:
        from v1switch.explain.live import logging_engine

        yield logging_engine(options.trace_filter)
        return
    if options.log_level == TRACE:
        from v1switch.explain.trace import TraceEngine

        tracing = TraceEngine(write_trace, Stamp())
        log.addFilter(tracing.before)
        try:
            yield tracing
        finally:
            log.removeFilter(tracing.before)
        return
    tapped = options.pcap is not None or options.dump_packet_data
    with engine(PYTHON if tapped else options.engine) as chosen:
        yield chosen


def _dataplane(options: Options, engine: Engine) -> Dataplane:
    """The data plane; at level trace one that logs what controllers change."""
    if options.general.log_level != TRACE:
        return Dataplane(
            engine,
            cpu_port=options.cpu_port,
            drop_port=options.drop_port,
            priority_queues=options.priority_queues,
        )
    from v1switch.explain.changes import ToldDataplane

    stamp = Stamp()
    return ToldDataplane(
        engine,
        lambda text: write_trace([stamp() + text]),
        cpu_port=options.cpu_port,
        drop_port=options.drop_port,
        priority_queues=options.priority_queues,
    )


def open_captures(directory: Path, ports: Sequence[Port]) -> Capture:
    """Create the capture files of all ports; raises SwitchError."""
    from v1switch.io.captures import Capture

    try:
        return Capture(directory, {port.number: port.ifname for port in ports})
    except OSError as error:
        what = f"--pcap {directory}: {error.strerror}"
        raise SwitchError(f"{what}, expected a directory that can be written to") from error


def _tap(options: argparse.Namespace, capture: Capture | None) -> Tap | None:
    """What is called with every frame, if anything is."""
    if not options.dump_packet_data:
        return capture
    dump = Dump(options.dump_packet_data)
    return dump if capture is None else both(capture, dump)


def _loop(
    options: argparse.Namespace, dataplane: Dataplane, ports: Sequence[Port], tap: Tap | None
) -> PacketLoop:
    if options.use_files is not None:
        from v1switch.io.files import FileLoop

        return FileLoop(dataplane, dict(options.interface), options.use_files, tap)
    if dataplane.engine.mirrored:
        return NativeLoop(dataplane, ports, tap)
    return PacketLoop(dataplane, ports, tap)


def _serve(options: Options, dataplane: Dataplane, listener: Listener | None) -> None:
    """Run the switch until a signal ends it."""
    general = options.general
    for remark in options.remarks:
        log.info("%s", remark)
    if listener is not None:  # before a program loads and another thread compiles it
        import v1switch.p4runtime.server  # noqa: F401  # a third of all loading
    if general.program is not None:
        load(dataplane, general.program)
        if general.restore_state is not None:
            restore(dataplane, general.restore_state)
        if general.entries is not None:
            p4info = general.p4info or find_p4info(general.program)
            write_valid_entries(dataplane, general.entries, p4info)
    with contextlib.ExitStack() as stack:
        ports = open_ports(general.interface if general.use_files is None else ())
        cpu = () if options.cpu_port is None else (options.cpu_port,)
        dataplane.ports.known = frozenset((*(number for number, _ in general.interface), *cpu))
        capture = None
        if general.pcap is not None:
            capture = stack.enter_context(contextlib.closing(open_captures(general.pcap, ports)))
        tap = _tap(general, capture)
        loop = stack.enter_context(contextlib.closing(_loop(general, dataplane, ports, tap)))
        stack.callback(_report_drops, loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        if listener is None:
            log.info("no P4Runtime: simple_switch serves it with -- --grpc-server-addr ADDR only")
        else:
            from v1switch.p4runtime.listener import reach
            from v1switch.p4runtime.server import serve

            server = serve(
                dataplane, listener.address, general.device_id, loop.counters, listener=listener
            )
            stack.callback(server.stop)
            where = f"P4Runtime on {listener.address}, device {general.device_id}"
            log.info("%s: %s", where, reach(listener.address, listener.tls))
        links = stack.enter_context(LinkWatch(ports, dataplane.set_port_status))
        access: PortAccess = LivePorts(dataplane, loop, links)
        if general.use_files is not None:
            access = FixedPorts(loop.counters)
        stack.enter_context(serving(options.thrift, dataplane, general.device_id, access))
        loop.run()


def _report_drops(loop: PacketLoop) -> None:
    if lost := loop.counters().lost():
        log.warning("lost frames: %s", lost)


def run(options: Options, listener: Listener | None) -> None:
    """Run the switch until SIGTERM or SIGINT; raises SwitchError, OSError when it cannot start.

    Args:
        options: of the command line.
        listener: where P4Runtime is listened on already; None serves none.
    """
    with short_turns(), _engine(options.general) as chosen:
        _serve(options, _dataplane(options, chosen), listener)
