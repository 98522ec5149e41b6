"""Limits on what one request and one client may use of the P4Runtime server.

All are far above what controllers need. They bound how long a request keeps others waiting, and
how much an untrusted client can use: beyond its quota a call is refused with RESOURCE_EXHAUSTED,
and the calls of a silent client time out.
"""

from __future__ import annotations

MIB = 1 << 20

# Bytes of a message
MAX_MESSAGE = 16 * MIB  # of any; gRPC itself refuses longer ones
MAX_PROGRAM = 4 * MIB  # BMv2 JSON; the VXLAN switch of the testbed has 0.4
MAX_P4INFO = 4 * MIB
MAX_WRITE = 4 * MIB  # the least that the specification allows
MAX_READ = 1 * MIB
MAX_STREAM_MESSAGE = 1 * MIB
LARGE = 64 << 10  # longer messages are parsed one after the other: it takes 3 s for each MiB

# Parts of a message
MAX_UPDATES = 10_000  # in a Write
MAX_ATOMIC_UPDATES = 100  # in one that is all or nothing: no frame passes meanwhile
MAX_READS = 1_000  # entities asked for in a Read
MAX_ENTITIES = 200_000  # in the answer to a Read

# Calls at the same time, of one client (see `peers`) and of all
STREAMS = (32, 64)
CALLS = (16, 32)
READS = (8, 16)
LARGE_MESSAGES = (1, 2)
SPARE = 32  # threads for calls that are being refused
WORKERS = STREAMS[1] + CALLS[1] + READS[1] + SPARE

# Seconds
ARBITRATION_S = 10.0  # until a stream's first arbitration
RECONNECT_S = 1.0  # that an election id in use is waited for: its stream may be about to end
STALLED_S = 10.0  # that the client of a Read may leave an answer unread
SENDING_S = 30.0  # until a request has arrived
TURN_S = 10.0  # that a large message waits for its turn
