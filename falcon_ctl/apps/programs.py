"""Checks that the applications' programs are installed; names the line that installs them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterable, Sequence

from falcon_ctl.apps.application import Application
from falcon_ctl.errors import UsageError

_ADMIN_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # servers are there; not in users' PATH
EXTRA = "pip install 'falcon-testbed[apps]'"


def verify(applications: Sequence[Application]) -> None:
    """Check that everything is installed.

    Raises:
        UsageError: something is missing; `expected` has the lines that install it.
    """
    programs, modules = _programs(applications), _modules(applications)
    lines = [f"apt install {' '.join(dict.fromkeys(programs.values()))}"] if programs else []
    lines += [EXTRA] if modules else []
    if lines:
        names = ", ".join((*programs, *modules))
        raise UsageError("apps", f"not installed: {names}", f"{' and '.join(lines)}, first")


def _programs(applications: Iterable[Application]) -> dict[str, str]:
    """Programs that are missing, and their packages."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ADMIN_PATH])
    wanted = dict(one for app in applications for one in app.programs)
    return {name: package for name, package in wanted.items() if not shutil.which(name, path=path)}


def _modules(applications: Iterable[Application]) -> list[str]:
    wanted = dict.fromkeys(name for app in applications for name in app.python)
    return [name for name in wanted if importlib.util.find_spec(name) is None]
