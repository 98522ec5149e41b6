"""One timeline of a run, from the switch's tables to the socket: built, written, drawn."""
