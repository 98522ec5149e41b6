"""The applications, by name."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from falcon_ctl.apps.application import Application
from falcon_ctl.apps.applications.iperf3 import Iperf3
from falcon_ctl.apps.applications.memcached import Memcached
from falcon_ctl.apps.applications.nginx import Nginx
from falcon_ctl.apps.applications.redis import Redis
from falcon_ctl.apps.applications.sockperf import Sockperf
from falcon_ctl.errors import UsageError

ALL: tuple[Application, ...] = (Memcached(), Nginx(), Redis(), Iperf3(), Sockperf())
BY_NAME = MappingProxyType({app.name: app for app in ALL})


def select(names: Iterable[str]) -> list[Application]:
    """Applications of these names, each once, in the order of `ALL`; all of them without any.

    Raises:
        UsageError: a name is unknown.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(BY_NAME))
    if unknown:
        raise UsageError("apps", ", ".join(unknown), f"some of {', '.join(BY_NAME)}")
    return [app for app in ALL if not wanted or app.name in wanted]
