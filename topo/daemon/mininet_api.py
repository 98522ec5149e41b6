"""Mininet's classes, importable on every supported Python.

Mininet 2.3.0.dev6 imports `StrictVersion` from distutils, which Python 3.12 removed. It
compares versions of Open vSwitch with it, which no network here contains.
"""

import importlib.util
import sys
import types


def _stand_in_for_distutils() -> None:
    package, version = types.ModuleType("distutils"), types.ModuleType("distutils.version")
    version.StrictVersion = str  # type: ignore[attr-defined]  # never compared, see above
    package.version = version  # type: ignore[attr-defined]  # as an import would set it
    sys.modules.update({"distutils": package, "distutils.version": version})


if sys.version_info >= (3, 12) and importlib.util.find_spec("distutils") is None:
    _stand_in_for_distutils()

from mininet.link import Intf, Link  # noqa: E402  # needs the stand-in
from mininet.node import Host, Switch  # noqa: E402

__all__ = ["Host", "Intf", "Link", "Switch"]
