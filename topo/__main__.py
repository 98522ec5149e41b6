"""``python -m topo``."""

from topo.cli.app import main

main()
