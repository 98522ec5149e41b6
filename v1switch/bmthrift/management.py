"""The calls about the switch itself: programs, ports, learning, its state as a whole."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from v1switch.bmthrift import structs
from v1switch.bmthrift.codes import LearnCode, LookupCode, PortCode, Refused
from v1switch.bmthrift.learning import Learning
from v1switch.bmthrift.state_text import commands
from v1switch.bmthrift.target import Target
from v1switch.errors import NoProgram, PortError

NO_CONFIG = "{}"  # BMv2's before there is a program
TABLE, PROFILE, COUNTER, METER, REGISTER, LEARN_LIST = range(6)  # BmResourceType
log = logging.getLogger("v1switch")
_SECTIONS = {
    COUNTER: "counter_arrays",
    METER: "meter_arrays",
    REGISTER: "register_arrays",
    LEARN_LIST: "learn_lists",
}
_IN_PIPELINES = {TABLE: "tables", PROFILE: "action_profiles"}


class Management:
    """The calls about the switch itself."""

    def __init__(self, target: Target, learning: Learning | None = None) -> None:
        """Work on a switch; `learning` sends notifications, if anything does."""
        self.target = target
        self.learning = learning

    # -- programs ---------------------------------------------------------------------------------

    def bm_load_new_config(self, text: str) -> None:
        """Load a program that waits for `bm_swap_configs`; calls refer to it from now on."""
        self.target.stage(text)

    def bm_swap_configs(self) -> None:
        """Run the program that waits."""
        self.target.swap()

    def bm_get_config(self) -> str:
        """The program's JSON, as it was loaded."""
        try:
            return self.target.program.text
        except NoProgram:
            return NO_CONFIG

    def bm_get_config_md5(self) -> bytes:
        """The MD5 digest of the JSON, by which clients see whether they have the same program."""
        text = self.bm_get_config().encode()
        return hashlib.md5(text, usedforsecurity=False).digest()

    def bm_get_id_from_name(self, kind: int, name: str) -> int:
        """The number that the JSON gives an object of the program."""
        if kind not in _SECTIONS and kind not in _IN_PIPELINES:
            raise Refused(LookupCode.INVALID_RESOURCE_TYPE)
        found = _ids(self.bm_get_config(), kind).get(name)
        if found is None:
            raise Refused(LookupCode.INVALID_RESOURCE_NAME)
        return found

    # -- the switch -------------------------------------------------------------------------------

    def bm_mgmt_get_info(self) -> structs.Config:
        """The switch's number and port, and where notifications are; empty where there are none."""
        address = "" if self.learning is None else self.learning.address
        return structs.Config(self.target.device_id, self.target.port, address)

    def bm_reset_state(self) -> None:
        """Start all state afresh, without entries, groups and sessions."""
        self.target.plane.reset()

    def bm_serialize_state(self) -> str:
        """All state as commands of simple_switch_CLI."""
        plane, running = self.target.plane, self.target.running
        with plane.exclusive(), running.exclusive():
            return "".join(f"{line}\n" for line in commands(plane, running))

    # -- ports ------------------------------------------------------------------------------------

    def bm_dev_mgr_show_ports(self) -> list[structs.PortInfo]:
        """All ports."""
        found = sorted(self.target.ports.counters().interfaces, key=lambda each: each.port)
        return [structs.PortInfo(each.port, each.ifname, each.up) for each in found]

    def bm_dev_mgr_add_port(self, ifname: str, number: int, _pcap: str) -> None:
        """Open an interface as a port; captures are those of --pcap."""
        with _told():
            self.target.ports.add(number, ifname)

    def bm_dev_mgr_remove_port(self, number: int) -> None:
        """Close a port."""
        with _told():
            self.target.ports.remove(number)

    # -- learning ---------------------------------------------------------------------------------

    def bm_learning_ack(self, list_id: int, buffer: int, samples: Sequence[int]) -> None:
        """Let samples of a buffer be sent again."""
        self._check_list(list_id)
        if self.learning is not None:
            self.learning.acknowledge(list_id, buffer, tuple(samples))

    def bm_learning_ack_buffer(self, list_id: int, buffer: int) -> None:
        """Let all samples of a buffer be sent again."""
        self._check_list(list_id)
        if self.learning is not None:
            self.learning.acknowledge(list_id, buffer, None)

    def bm_learning_set_timeout(self, list_id: int, timeout_ms: int) -> None:
        """Set how long samples wait; without notifications, P4Runtime clients say that."""
        self._check_list(list_id)
        self._notifying().set_timeout(list_id, timeout_ms)

    def bm_learning_set_buffer_size(self, list_id: int, samples: int) -> None:
        """Set how many samples make a buffer; without notifications, P4Runtime clients say that."""
        self._check_list(list_id)
        self._notifying().set_size(list_id, samples)

    def _notifying(self) -> Learning:
        if self.learning is None:
            raise Refused(LearnCode.ERROR)
        return self.learning

    def _check_list(self, list_id: int) -> None:
        if list_id not in self.target.program.learn_lists:
            raise Refused(LearnCode.INVALID_LIST_ID)


@contextmanager
def _told() -> Iterator[None]:
    """Answer an error of a port by its code, and log the reason, as BMv2 does."""
    try:
        yield
    except PortError as error:
        log.error("Thrift: %s", error)
        raise Refused(PortCode.ERROR) from error


def _ids(text: str, kind: int) -> Mapping[str, int]:
    """The numbers of all objects of a kind in a program's JSON, by name."""
    document: Any = json.loads(text)
    if kind in _IN_PIPELINES:
        pipelines = document.get("pipelines", [])
        found = [o for pipeline in pipelines for o in pipeline.get(_IN_PIPELINES[kind], [])]
    else:
        found = document.get(_SECTIONS[kind], [])
    return {each["name"]: each["id"] for each in found if "id" in each}
