"""The configuration of one machine: a JSON file, validated before anything is opened."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rxpath.config.knobs import Knobs
from rxpath.errors import ConfigError
from rxpath.live.clock import MAX_DILATION
from rxpath.reading import read_text

MOST_BYTES = 1024 * 1024  # a thousand containers take a quarter of it
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)


def _unicast_mac(text: str) -> str:
    if not MAC.fullmatch(text) or int(text[:2], 16) & 1:
        raise ValueError("expected a unicast MAC such as 02:00:00:00:00:01")
    return text.lower()


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


MacAddress = Annotated[str, AfterValidator(_unicast_mac)]
Ipv4 = Annotated[str, AfterValidator(_ipv4)]
Ifname = Annotated[str, Field(min_length=1, max_length=15)]  # linux/if.h: IFNAMSIZ


class UnknownKey(ConfigError):
    """A key (not its value) is wrong: ``allowed`` names the keys that exist."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(key, value, allowed)
        self.args = (f"{key}: an unknown key; expected {allowed}",)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Container(_Strict):
    """One container: name, the machine's end of its veth, addresses and segment."""

    name: Annotated[str, Field(min_length=1)]
    ifname: Ifname
    mac: MacAddress
    ip: Ipv4
    vlan: Annotated[int, Field(ge=1, le=4094)]
    vni: Annotated[int, Field(ge=1, le=2**24 - 1)]

    @property
    def mac_int(self) -> int:
        """The MAC as an integer."""
        return int(self.mac.replace(":", ""), 16)


class MachineConfig(_Strict):
    """What `python -m rxpath --config FILE` reads."""

    machine: Annotated[str, Field(min_length=1)]
    uplink: Ifname
    mac: MacAddress
    vtep: Ipv4
    control: Annotated[str, Field(min_length=1, max_length=107)]  # linux/un.h: 108 with its NUL
    records_dir: Annotated[str, Field(min_length=1)]
    containers: list[Container] = []
    system: dict[str, Any] = {}
    dilation: Annotated[int, Field(ge=1, le=MAX_DILATION)] = 1000
    late_budget_ns: Annotated[int, Field(ge=0, le=10**12)] = 20_000
    seed: int = 0
    slots: Annotated[int, Field(ge=64, le=2**20)] = 32_768

    @property
    def mac_int(self) -> int:
        """The uplink's MAC as an integer."""
        return int(self.mac.replace(":", ""), 16)

    @property
    def vtep_int(self) -> int:
        """The VTEP's address as an integer."""
        return int(ipaddress.IPv4Address(self.vtep))


def _unique(config: MachineConfig) -> None:
    """Check that every frame has one owner. Raises `ConfigError`."""
    ones = config.containers
    for key, values in (
        ("name", [one.name for one in ones]),
        ("ifname", [config.uplink, *(one.ifname for one in ones)]),
        ("mac", [(one.vni, one.mac) for one in ones]),
    ):
        for value, times in Counter(values).items():
            if times > 1:
                raise ConfigError(f"containers.{key}", value, "each one once")
    pairs = {(one.vni, one.vlan) for one in ones}
    for key, index in (("vni", 0), ("vlan", 1)):
        segments = Counter(pair[index] for pair in pairs)
        if segments and max(segments.values()) > 1:
            segment = segments.most_common(1)[0][0]
            raise ConfigError(f"containers.{key}", segment, "a tenant has one VNI and one VLAN")


def parse(raw: object) -> MachineConfig:
    """Validate a decoded configuration and its knobs. Raises `ConfigError`."""
    try:
        config = MachineConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "configuration"
        if first["type"] == "extra_forbidden":
            model = Container if first["loc"][0] == "containers" else MachineConfig
            allowed = "one of " + ", ".join(model.model_fields)
            raise UnknownKey(where, first["input"], allowed) from error
        raise ConfigError(where, first["input"], first["msg"]) from error
    _unique(config)
    Knobs.parse(config.system)
    return config


def load(path: Path) -> MachineConfig:
    """Read a configuration file. Raises `ConfigError` naming the file, the line or the key."""
    try:
        raw = json.loads(read_text(path, MOST_BYTES))
    except OSError as error:
        raise ConfigError(str(path), error.strerror, "a readable file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), error.reason, "JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}", error.msg, "JSON") from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        raise ConfigError(str(path), type(error).__name__, "JSON of a machine") from error
    try:
        return parse(raw)
    except ConfigError as error:
        raise type(error)(f"{path}: {error.key}", error.value, error.allowed) from error
