"""A network namespace with the two interfaces and the cluster that pages speak of."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence

SETUP = """
ip link set lo up
ip address add 10.1.0.1/24 dev lo
for one in veth1 veth2; do
    ip link add "$one" type veth peer name "$one-far"
    ip link set "$one" up && ip link set "$one-far" up
done
echo ready
exec sleep infinity
"""


@contextlib.contextmanager
def entered() -> Iterator[Sequence[str]]:
    """The words that run a command in it."""
    is_root = os.geteuid() == 0
    make = ["unshare", "--net"] if is_root else ["unshare", "--user", "--map-root-user", "--net"]
    process = subprocess.Popen([*make, "sh", "-c", SETUP], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        users = [] if is_root else ["--user", "--preserve-credentials"]
        yield ["nsenter", "--target", str(process.pid), *users, "--net", "--"]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
