"""Run-time state of a loaded program: what packets and controllers read and change."""
