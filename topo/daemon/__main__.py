"""``python -m topo.daemon``, started by `topo.client.launch` only."""

from topo.daemon.process import main

main()
