"""Translates errors of rxpath and topo to the controller's errors, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from falcon_ctl.errors import CtlError, PartFailed, UsageError
from rxpath.errors import ConfigError, RxPathError
from topo.errors import CallError, TopoError


class Refused(CtlError):
    """A user's file or this computer does not meet a requirement, which the text names."""

    exit_status = 2


@contextmanager
def one_line() -> Iterator[None]:
    """Raise `CtlError`, whose text is one line, in place of errors of rxpath, topo and the OS."""
    try:
        yield
    except ConfigError as error:
        raise Refused(str(error)) from error
    except RxPathError as error:
        raise PartFailed("rxpath", str(error)) from error
    except CallError as error:
        raise Refused("; ".join(str(error).splitlines())) from error
    except TopoError as error:
        raise PartFailed("network", "; ".join(str(error).splitlines())) from error
    except OSError as error:
        raise UsageError(
            str(error.filename or "file"), str(error.strerror), "one of yours"
        ) from error
