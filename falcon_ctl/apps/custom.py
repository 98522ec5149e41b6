"""Loads a user's application: a class in a Python file, FILE.py:NAME."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path

from falcon_ctl.apps.application import Application
from falcon_ctl.errors import UsageError

SUFFIX = ".py"
_NEEDED = ("name", "load", "server", "client", "port")


def is_own(spec: str) -> bool:
    """Whether it names an own application, FILE.py:NAME."""
    return spec.rpartition(":")[0].endswith(SUFFIX)


def load(spec: str) -> Application:
    """The application of `spec`; its file is run.

    Raises:
        UsageError: there is no such file or class, or the class is no application.
    """
    file, _, name = spec.rpartition(":")
    if not Path(file).is_file():
        raise UsageError(spec, f"no file {file}", "FILE.py:NAME")
    try:
        found = runpy.run_path(file).get(name)
    except Exception as error:
        raise UsageError(spec, f"{type(error).__name__}: {error}", "a file that runs") from error
    if not (inspect.isclass(found) and issubclass(found, Application)):
        raise UsageError(spec, f"no class {name} of Application", "falcon_ctl.apps.application's")
    lacking = sorted(found.__abstractmethods__)
    lacking += [name for name in _NEEDED if not hasattr(found, name)]
    if lacking:
        raise UsageError(spec, f"{name} lacks {', '.join(lacking)}", "a whole Application")
    made: Application = found()
    return made
