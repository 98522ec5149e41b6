"""The talk's table of systems under the virtual clock: each tick and cross is a check."""
