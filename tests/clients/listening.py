"""Which TCP ports of this network namespace are listened on."""

from pathlib import Path

LISTEN = "0A"  # TCP_LISTEN of include/net/tcp_states.h


def listens(port: int) -> bool:
    """Whether a program listens on a port."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(f":{port:04X}") and words[3] == LISTEN:
                return True
    return False
