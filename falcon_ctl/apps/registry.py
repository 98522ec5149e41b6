"""The applications, by name."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from falcon_ctl.apps import custom
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
    """Applications of these names, each once, in the order of `ALL`, then the user's own.

    All built-in ones without any name.

    Raises:
        UsageError: a name is unknown, or an own application (FILE.py:NAME) is none.
    """
    wanted = dict.fromkeys(names)
    unknown = [name for name in wanted if name not in BY_NAME and not custom.is_own(name)]
    if unknown:
        expected = f"FILE.py:NAME, or some of {', '.join(BY_NAME)}"
        raise UsageError("apps", ", ".join(unknown), expected)
    mine = [custom.load(name) for name in wanted if custom.is_own(name)]
    taken = [app.name for app in mine if app.name in BY_NAME]
    if taken:
        raise UsageError("apps", f"{taken[0]} again", "an own application with a name of its own")
    return [*(app for app in ALL if not wanted or app.name in wanted), *mine]
