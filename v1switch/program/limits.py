"""Upper limits on the parts of a program.

BMv2 has none and allocates until memory runs out. These are far above what p4c generates, and keep
a broken file from exhausting memory or time.
"""

from __future__ import annotations

MAX_FILE = 32 << 20  # bytes of BMv2 JSON; the VXLAN switch of the testbed has 0.4 MiB
MAX_TEXT = 8 << 20  # the same without white space: p4c indents nested expressions by megabytes
MAX_PARTS = 400_000  # objects and arrays of a JSON file, which take a hundred MB
MAX_BITS = 4096  # of a field, parameter, register cell or constant; p4c stops at 2048
MAX_INTEGER = (1 << 31) - 1  # ids and sizes are C ints in BMv2
MAX_NAME = 1000  # characters
MAX_CELLS = 1 << 24  # of all counters and registers of a program together
MAX_STACK = 128  # elements of a header stack
MAX_DEPTH = 40  # nested operators; p4c's own tests have fewer than ten
MAX_HEADER_BYTES = 1 << 16  # of one header; no frame is longer
