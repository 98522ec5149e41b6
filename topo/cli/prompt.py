"""The interactive prompt, with commands familiar from Mininet."""

import cmd
import contextlib
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from topo.cli.foreground import run_in
from topo.cli.view import dump_lines, links_lines, net_lines, status_table
from topo.client.network import Network
from topo.client.ping import ping
from topo.errors import TopoError
from topo.spec.model import Container

PINGS_AT_ONCE, PING_SECONDS = 8, 1.0

with contextlib.suppress(ImportError):
    import readline  # noqa: F401  # history and line editing


class Prompt(cmd.Cmd):
    """``NODE command …`` runs a command in a node; the methods are the other commands."""

    intro = "NODE COMMAND… runs a command in a node; help lists the rest, exit leaves."
    prompt = "topo> "
    doc_header = "Commands (and NODE COMMAND… for any node):"

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def default(self, line: str) -> None:
        """Run ``NODE command …``."""
        try:
            node, *command = shlex.split(line)
        except ValueError as err:
            self._print(f"cannot parse this line: {err}")
            return
        if node not in self._network.spec.node_names:
            self._print(f"there is no node and no command {node} (try: nodes, help)")
        elif not command:
            self._print(f"expected a command to run in {node}")
        else:
            self._run(node, command)

    def _run(self, node: str, command: list[str]) -> None:
        try:
            status = run_in(self._network, node, command)
        except TopoError as err:
            self._print(str(err))
        else:
            if status:
                self._print(f"exit status {status}")

    def do_nodes(self, _: str) -> None:
        """List the nodes."""
        self._print(" ".join(self._network.spec.node_names))

    def do_links(self, _: str) -> None:
        """List the links."""
        self._print("\n".join(links_lines(self._network.spec)))

    def do_net(self, _: str) -> None:
        """List the interfaces of each node and their peers."""
        self._print("\n".join(net_lines(self._network.spec)))

    def do_dump(self, _: str) -> None:
        """List the addresses of each node."""
        self._print("\n".join(dump_lines(self._network.spec)))

    def do_status(self, _: str) -> None:
        """Show every program with its state."""
        status_table(self._network.status())

    def do_pingall(self, _: str) -> None:
        """Ping every other container of the same tenant from each container."""
        pairs = list(self._pairs())
        with ThreadPoolExecutor(PINGS_AT_ONCE) as pool:
            results = list(pool.map(self._ping, pairs))
        lost = results.count(False)
        for source in self._network.spec.containers:
            cells = [
                target.name if ok else "X"
                for (a, target), ok in zip(pairs, results, strict=True)
                if a == source
            ]
            self._print(f"{source.name} -> {' '.join(cells)}")
        self._print(f"{len(results) - lost} of {len(results)} answered")

    def _pairs(self) -> Iterator[tuple[Container, Container]]:
        containers = self._network.spec.containers
        for a in containers:
            yield from ((a, b) for b in containers if a != b and a.tenant == b.tenant)

    def _ping(self, pair: tuple[Container, Container]) -> bool:
        source, target = pair
        with Network.connect(self._network.run_dir) as network:  # one connection per thread
            return ping(network, source.name, str(target.ip), PING_SECONDS) is not None

    def do_exit(self, _: str) -> bool:
        """Leave the prompt; the network stays up."""
        return True

    do_quit = do_exit

    def do_EOF(self, _: str) -> bool:  # noqa: N802  # what cmd calls at the end of input
        """Leave the prompt."""
        self._print("")
        return True

    def emptyline(self) -> bool:
        """Do nothing (cmd would repeat the last command)."""
        return False

    def _print(self, text: str) -> None:
        print(text, file=self.stdout)
