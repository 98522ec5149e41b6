"""The calls of simple_switch: clone sessions, and the switch's clock."""

from __future__ import annotations

import logging
import time

from v1switch.bmthrift.codes import MirroringCode, Refused
from v1switch.bmthrift.structs import MirroringConfig
from v1switch.bmthrift.target import Target
from v1switch.bmthrift.values import unsigned
from v1switch.errors import BadValue, EntryNotFound
from v1switch.state.queues import MAX_DEPTH, MAX_RATE
from v1switch.state.replication import Mirror

NS_PER_US = 1_000
NO_PORT = -1
DONE = 0
log = logging.getLogger("v1switch")


class SimpleSwitch:
    """The calls of simple_switch."""

    def __init__(self, target: Target) -> None:
        """Work on a switch's sessions."""
        self.plane = target.running

    # -- clone sessions ---------------------------------------------------------------------------

    def mirroring_session_add(self, session: int, config: MirroringConfig) -> None:
        """Make or replace a session; a number out of bounds is only logged, as in BMv2."""
        self._add(session, Mirror(config.port, config.mgid))

    def mirroring_session_delete(self, session: int) -> None:
        """Remove a session."""
        if not self._delete(session):
            raise Refused(MirroringCode.SESSION_NOT_FOUND)

    def mirroring_session_get(self, session: int) -> MirroringConfig:
        """Where a session copies to."""
        try:
            mirror = self.plane.mirror_of(session)
        except EntryNotFound as error:
            raise Refused(MirroringCode.SESSION_NOT_FOUND) from error
        return MirroringConfig(mirror.port, mirror.group)

    def mirroring_mapping_add(self, session: int, port: int) -> int:
        """Make a session (the older call); returns whether it was made."""
        return int(self._add(session, Mirror(port)))

    def mirroring_mapping_delete(self, session: int) -> int:
        """Remove a session (the older call); returns whether there was one."""
        return int(self._delete(session))

    def mirroring_mapping_get_egress_port(self, session: int) -> int:
        """The port that a session copies to (the older call), or -1."""
        try:
            port = self.plane.mirror_of(session).port
        except EntryNotFound:
            return NO_PORT
        return NO_PORT if port is None else port

    def _add(self, session: int, mirror: Mirror) -> bool:
        try:
            self.plane.mirror(session, mirror)
        except BadValue as error:
            log.error("Thrift: no session was added: %s", error)
            return False
        return True

    def _delete(self, session: int) -> bool:
        try:
            self.plane.delete_clone_session(session)
        except EntryNotFound:
            return False
        return True

    # -- egress queues ----------------------------------------------------------------------------

    def set_egress_priority_queue_depth(self, port: int, priority: int, packets: int) -> int:
        """Set how many packets may wait in one queue; raises BadValue."""
        self.plane.set_queue_depth(_depth(packets), port, priority)
        return DONE

    def set_egress_queue_depth(self, port: int, packets: int) -> int:
        """Set how many packets may wait in each queue of a port; raises BadValue."""
        self.plane.set_queue_depth(_depth(packets), port)
        return DONE

    def set_all_egress_queue_depths(self, packets: int) -> int:
        """Set how many packets may wait in each queue of all ports."""
        self.plane.set_queue_depth(_depth(packets))
        return DONE

    def set_egress_priority_queue_rate(self, port: int, priority: int, rate: int) -> int:
        """Set how many packets a second leave one queue, 0 for no limit; raises BadValue."""
        self.plane.set_queue_rate(_rate(rate), port, priority)
        return DONE

    def set_egress_queue_rate(self, port: int, rate: int) -> int:
        """Set how many packets a second leave each queue of a port; raises BadValue."""
        self.plane.set_queue_rate(_rate(rate), port)
        return DONE

    def set_all_egress_queue_rates(self, rate: int) -> int:
        """Set how many packets a second leave each queue of all ports."""
        self.plane.set_queue_rate(_rate(rate))
        return DONE

    # -- time -------------------------------------------------------------------------------------

    def get_time_elapsed_us(self) -> int:
        """Microseconds since the switch started, its programs' time stamps."""
        return (self.plane.clock() - self.plane.started) // NS_PER_US

    def get_time_since_epoch_us(self) -> int:
        """Microseconds since the epoch of the system's clock."""
        return time.time_ns() // NS_PER_US


def _depth(packets: int) -> int:
    """A depth as BMv2 takes it, without a sign: -1 is as good as no limit."""
    return min(unsigned(packets, 32), MAX_DEPTH)


def _rate(packets_per_s: int) -> int:
    """A rate as BMv2 takes it, without a sign."""
    return min(unsigned(packets_per_s, 64), MAX_RATE)
