"""How helpers are declared and compiled."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numba

F = TypeVar("F")

# No Python object is ever touched: no reference counts, no exceptions, no GIL
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: F) -> F:
    """Declare a function that Numba compiles when a kernel calls it or the build requests it."""
    return cast("F", numba.njit(**OPTIONS)(function))
