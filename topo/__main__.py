"""``python -m topo``."""

from topo.cli import main

main()
