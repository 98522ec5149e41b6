"""The command line ``python -m topo`` and its interactive prompt."""
