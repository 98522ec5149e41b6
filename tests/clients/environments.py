"""Python environments for the clients, outside of the repository, made when first needed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.clients.cases import Client

VARIABLE = "CLIENTS_ENV"  # names the directory of the environments


def environment(client: Client) -> Path:
    """The directory of a client's virtual environment, with its packages installed."""
    name = hashlib.sha256("\n".join(client.packages).encode()).hexdigest()[:12]
    made = Path(os.environ[VARIABLE]).resolve() / f"{client.name}-{name}"
    if not (made / "complete").exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(made)], check=True)
        install = [str(made / "bin" / "python"), "-m", "pip", "install", "-qq"]
        if client.packages:
            subprocess.run([*install, *client.packages], check=True)
        (made / "complete").touch()
    return made
