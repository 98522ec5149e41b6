"""One emulated host on real interfaces: the model, its datapath, the sockets, the knobs."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numba import types

from rxpath.compile.jit import compile_for
from rxpath.config import knobs
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.live import clock as ck
from rxpath.live import datapath, fdb, flows, loop, receive, recorder, seen
from rxpath.live.config import Container, MachineConfig
from rxpath.model.state.host import STATE
from rxpath.wire import afpacket
from rxpath.wire.frames import identity

HEADROOM = 32  # Ethernet header, a second tag, and to the next multiple of 64
PR_SET_TIMERSLACK = 29  # uapi linux/prctl.h


class Host:
    """The model and its datapath, and the compiled loop over both.

    Args:
        config: the machine.
        epoch: wall ns at which model time is 0.
        slot_size: bytes of the longest frame.
        ifindexes: of the containers' interfaces in order, then of the uplink; zeros for a replay.
        seed: of the hash by which flows are found; what happens does not depend on it.
    """

    def __init__(
        self,
        config: MachineConfig,
        *,
        epoch: int,
        slot_size: int,
        ifindexes: list[int],
        seed: int = 0,
    ) -> None:
        self.config = config
        self.model = Model(
            knobs.Knobs.parse(config.system),
            slots=config.slots,
            sockets=max(len(config.containers), 1),
            flows=flows.count_for(config.slots),
            records=True,
        )
        vlans = [*(one.vlan for one in config.containers), 0]
        self._buffers = np.empty((config.slots, slot_size), np.uint8)
        wiring = datapath.Wiring(
            identity(config.mac_int, config.vtep_int, self.model.vxlan_port),
            fdb.build(config.containers),
            ck.make(epoch, config.dilation, config.late_budget_ns),
            afpacket.make_rx(slot_size),
            afpacket.make_tx(ifindexes, vlans),
            flows.make(flows.count_for(config.slots), seed),
        )
        tables = recorder.make(1, on=False), seen.make(1, on=False)
        self.datapath = datapath.make(wiring, *tables, self._buffers)
        self.polls = np.zeros(loop.PORTS + len(config.containers), loop.POLLFD)
        self._follow_profile()
        self._warm()

    def _warm(self) -> None:
        """Compile the loop, or load it from the disk cache."""
        integer = types.int64
        first = (numba.typeof(self.datapath), STATE)
        compile_for(receive.process_batch, (*first, integer, integer))
        compile_for(loop.run, (*first, numba.typeof(self.polls), integer))

    def _follow_profile(self) -> None:
        """Use the chains and the VXLAN port of the model's profile."""
        attachment = self.datapath.attachment
        attachment.plain_chain = self.model.chain("plain")
        attachment.tunnel_chain = self.model.chain("tunnel")
        self.datapath.me.vxlan_port = self.model.vxlan_port

    def process_batch(self, count: int, wall: int) -> None:
        """Process the `count` frames of the receive batch, read at wall ns `wall`."""
        receive.process_batch(self.datapath, self.model.state, count, wall)

    def queued(self) -> int:
        """Frames inside the host now."""
        return len(self.datapath.slots) - self.datapath.pool.free

    def model_ns(self) -> int:
        """Model time now."""
        return int(ck.model_ns(self.datapath.clock, time.time_ns()))

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change any knobs, `dilation` and `late_budget_ns` among them, between two batches.

        Raises `ConfigError`, with nothing changed, when they are wrong as a whole.
        """
        clock = {key: changes[key] for key in ("dilation", "late_budget_ns") if key in changes}
        slowest = ck.largest_dilation(self.datapath.clock, time.time_ns())
        for key, low, high in (("dilation", 1, slowest), ("late_budget_ns", 0, 10**12)):
            value = clock.get(key, low)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(key, value, f"an integer from {low} to {high}")
        rest = {key: value for key, value in changes.items() if key not in clock}
        if rest:
            self.model.reconfigure(rest)
            self._follow_profile()
        if "dilation" in clock:
            ck.rebase(self.datapath.clock, time.time_ns(), clock["dilation"])
        if "late_budget_ns" in clock:
            self.datapath.clock.budget = clock["late_budget_ns"]

    def knobs(self) -> dict[str, Any]:
        """All knobs with their present values."""
        clock = self.datapath.clock
        return {
            **self.model.knobs.to_dict(),
            "dilation": int(clock.dilation),
            "late_budget_ns": int(clock.budget),
        }

    def record(self, limit: int) -> None:
        """Start recording: the next `limit` frames, their stages and how they end."""
        self.datapath = self.datapath._replace(recorder=recorder.make(limit, on=True))
        self.model.set_records(True)

    def stop_record(self) -> recorder.Recorder:
        """Stop recording and return what was recorded."""
        finished = self.datapath.recorder
        self.datapath = self.datapath._replace(recorder=recorder.make(1, on=False))
        self.datapath.slots.array["record"] = recorder.NO_RECORD
        self.model.set_records(False)
        return finished

    def observe(self, on: bool) -> None:
        """Begin or end to note what CPUs do and which flows there are, from nothing."""
        count = flows.count_for(self.config.slots)
        self.datapath = self.datapath._replace(seen=seen.make(count, on=on))
        self.model.set_observed(on)


def example(containers: int = 1) -> MachineConfig:
    """A configuration without real interfaces: for `warm`, replays and tests."""
    return MachineConfig(
        machine="m1",
        uplink="up",
        mac="02:00:00:00:01:01",
        vtep="172.16.0.1",
        control="rx.sock",
        records_dir="records",
        containers=[
            Container(
                name=f"red1-{i + 1}",
                ifname=f"red{i}",
                mac=f"02:00:00:00:00:{i + 1:02x}",
                ip=f"10.0.0.{i + 11}",
                vlan=101,
                vni=5001,
            )
            for i in range(containers)
        ],
        slots=1024,
    )


def replay(config: MachineConfig, slot_size: int = 2048) -> Host:
    """A host without interfaces, whose model time is 0 at wall time 0."""
    count = len(config.containers) + 1
    return Host(config, epoch=0, slot_size=slot_size, ifindexes=[0] * count)


def _keys(config: MachineConfig) -> list[tuple[str, str]]:
    """The configuration's keys of interfaces with their names; the uplink's is last."""
    ones = enumerate(config.containers)
    return [*((f"containers.{i}.ifname", one.ifname) for i, one in ones), ("uplink", config.uplink)]


def _mtu(key: str, ifname: str) -> int:
    """MTU in bytes of the interface that `key` names. Raises `DeviceError` that names both."""
    try:
        return afpacket.mtu(ifname)
    except afpacket.DeviceError as error:
        expected = f"{error.reason}, expected an interface of this network namespace"
        raise afpacket.DeviceError(f"{key}: {ifname}", expected) from error


class LiveHost(Host):
    """A host on its interfaces; a context manager that closes its sockets.

    Raises `DeviceError` when an interface is missing or packet sockets are not allowed.
    """

    def __init__(self, config: MachineConfig) -> None:
        names = [*(one.ifname for one in config.containers), config.uplink]
        longest = max(_mtu(key, name) for key, name in _keys(config))
        super().__init__(
            config,
            epoch=time.time_ns(),
            slot_size=-(-(longest + HEADROOM) // 64) * 64,
            ifindexes=[socket.if_nametoindex(name) for name in names],
            seed=secrets.randbits(64),
        )
        self.sockets: list[socket.socket] = []
        self.kernel_drops = dict.fromkeys(names, 0)
        try:
            for name in (config.uplink, *names[:-1]):
                self.sockets.append(afpacket.open_port(name))
            self.sockets.append(afpacket.open_sender())
        except afpacket.DeviceError:
            self.close()
            raise
        self.datapath.attachment.sender = self.sockets[-1].fileno()
        self.polls["fd"] = [-1, *(sock.fileno() for sock in self.sockets[:-1])]
        self.polls["events"] = loop.POLLIN

    def __enter__(self) -> LiveHost:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()

    def watch(self, fd: int) -> None:
        """Let `run` return when `fd` becomes readable."""
        self.polls["fd"][loop.CONTROL] = fd

    def run(self, wall: int) -> bool:
        """Carry frames for `wall` ns, or until the watched descriptor is readable: then True.

        Raises `PolicyError` when a custom policy fails; the model's state is undefined then.
        """
        until = time.time_ns() + wall
        try:
            return bool(loop.run(self.datapath, self.model.state, self.polls, until))
        except Exception as error:
            raise self.model.policy.explain(error) from error

    def count_kernel_drops(self) -> dict[str, int]:
        """Return by interface how many frames the kernel dropped at the sockets since `reset`."""
        names = (self.config.uplink, *(one.ifname for one in self.config.containers))
        for name, sock in zip(names, self.sockets, strict=False):
            self.kernel_drops[name] += afpacket.kernel_drops(sock)
        return dict(self.kernel_drops)


def sleep_precisely() -> None:
    """Let this thread's timed sleeps end on time, not up to 50 µs later [prctl(2)]."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
