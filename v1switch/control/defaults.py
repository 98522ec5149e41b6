"""What the command line needs to know of the data plane, without loading it."""

DROP_PORT = 511
