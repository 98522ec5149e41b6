"""The data plane: what a controller may do to a running switch, and how packets run through it."""
