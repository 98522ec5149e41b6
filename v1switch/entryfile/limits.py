"""How long a file of entries may be, in bytes."""

MAX_FILE = 4 << 20
MAX_TEXT = 1 << 20  # of P4Runtime's text, of which protobuf reads half a MiB in a second
