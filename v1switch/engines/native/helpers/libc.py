"""The C library's calls that the compiled loop makes itself.

Each is an external symbol that LLVM links by name, so that the loop can be kept on disk. Addresses
are plain words. Signatures: the Linux man-pages, section 2.
"""

from __future__ import annotations

from numba import types

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import half, set_word, word

CLOCK_MONOTONIC = 1  # uapi linux/time.h; the clock of time.monotonic_ns
EINTR, EAGAIN = 4, 11  # uapi asm-generic/errno-base.h
MSG_DONTWAIT = 0x40  # linux/socket.h

_int, _word = types.int32, types.int64
recvmmsg = types.ExternalFunction("recvmmsg", _int(_int, _word, types.uint32, _int, _word))
sendmmsg = types.ExternalFunction("sendmmsg", _int(_int, _word, types.uint32, _int))
send = types.ExternalFunction("send", _word(_int, _word, types.uint64, _int))
ppoll = types.ExternalFunction("ppoll", _int(_word, types.uint64, _word, _word))
clock_gettime = types.ExternalFunction("clock_gettime", _int(_int, _word))
malloc = types.ExternalFunction("malloc", _word(types.uint64))
free = types.ExternalFunction("free", types.void(_word))
_errno_location = types.ExternalFunction("__errno_location", _word())


@kernel
def errno() -> int:
    """Give the error of the calling thread's last call."""
    number: int = half(_errno_location())
    return number


@kernel
def clock_ns(scratch: int) -> int:
    """Give the monotonic clock in ns, by way of two words at an address."""
    clock_gettime(CLOCK_MONOTONIC, scratch)
    return word(scratch) * 1_000_000_000 + word(scratch + 8)


@kernel
def poll(polls: int, count: int, patience_ns: int, scratch: int) -> int:
    """Wait until some of `count` descriptors are ready; give how many, -1 after a signal."""
    set_word(scratch, patience_ns // 1_000_000_000)
    set_word(scratch + 8, patience_ns % 1_000_000_000)
    ready: int = ppoll(polls, count, scratch, 0)
    return ready


@kernel
def pause(ns: int, scratch: int) -> None:
    """Wait for less than a second."""
    set_word(scratch, 0)
    set_word(scratch + 8, ns)
    ppoll(0, 0, scratch, 0)
