"""The C library's calls that compiled code makes itself, without a Python object in between.

Each is an external symbol of the process: LLVM links it by name, so that the compiled loop can be
cached on disk (an address taken through ctypes would change with every process and forbid that).
Pointers are plain integers, as `array.ctypes.data` gives them.  With `NUMBA_DISABLE_JIT=1` the
same names are ctypes functions.  Signatures: POSIX and the Linux man-pages, section 2.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import types
from numba.core import config

from rxpath.compile.jit import entry, inner

CLOCK_REALTIME = 0  # uapi linux/time.h; the clock of SO_TIMESTAMPNS
EINTR, EAGAIN = 4, 11  # uapi asm-generic/errno-base.h

_NUMBA_OF = {
    ctypes.c_int: types.int32,
    ctypes.c_uint: types.uint32,
    ctypes.c_size_t: types.uintp,
    ctypes.c_ssize_t: types.intp,
    ctypes.c_void_p: types.intp,
}


def _external(name: str, result: Any, *arguments: Any) -> Any:
    if not config.DISABLE_JIT:
        signature = _NUMBA_OF[result](*(_NUMBA_OF[argument] for argument in arguments))
        return types.ExternalFunction(name, signature)
    function = getattr(ctypes.CDLL(None, use_errno=False), name)
    function.restype, function.argtypes = result, arguments
    return lambda *given: function(*map(int, given))  # ctypes takes no NumPy integers


_int, _uint, _size, _pointer = ctypes.c_int, ctypes.c_uint, ctypes.c_size_t, ctypes.c_void_p

recvmmsg = _external("recvmmsg", _int, _int, _pointer, _uint, _int, _pointer)
sendmmsg = _external("sendmmsg", _int, _int, _pointer, _uint, _int)
nanosleep = _external("nanosleep", _int, _pointer, _pointer)
ppoll = _external("ppoll", _int, _pointer, _size, _pointer, _pointer)
clock_gettime = _external("clock_gettime", _int, _int, _pointer)
memcpy = _external("memcpy", _pointer, _pointer, _pointer, _size)
_errno_location = _external("__errno_location", _pointer)


@inner
def errno(scratch: np.ndarray) -> int:
    """Return the calling thread's errno, by way of `scratch`, an int64 array of one or more."""
    scratch[0] = 0
    memcpy(scratch.ctypes.data, _errno_location(), 4)
    number: int = scratch[0]
    return number


@entry
def wall_ns(scratch: np.ndarray) -> int:
    """Return CLOCK_REALTIME in nanoseconds, by way of `scratch`, an int64 array of two or more."""
    clock_gettime(CLOCK_REALTIME, scratch.ctypes.data)
    time: int = scratch[0] * 1_000_000_000 + scratch[1]
    return time
