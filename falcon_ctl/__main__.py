"""`python -m falcon_ctl`: from the system's Python it re-executes itself in the project's .venv."""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

# Only the standard library here: this file has to run where nothing is installed.
NEEDED = (
    "grpc",
    "matplotlib",
    "networkx",
    "numba",
    "p4runtime_sh",
    "pydantic",
    "scapy",
    "scipy",
    "typer",
)
ROOT = Path(__file__).resolve().parent.parent
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
GUARD = "FALCON_CTL_IN_VENV"


def missing() -> list[str]:
    """Packages that this Python lacks."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def _leave(number: int, _frame: object) -> NoReturn:
    """End at once: an exception would be lost, or become another one, in the midst of an import."""
    os.write(2, f"falcon_ctl: ended by {signal.Signals(number).name}\n".encode())
    os._exit(128 + number)


def own_home() -> None:
    """Have root use root's home: sudo may keep HOME, and libraries make their caches there."""
    if os.geteuid() != 0:
        return
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        folder = Path(os.environ.get(name, "/"))
        if folder.exists() and folder.stat().st_uid not in (0, Path("/").stat().st_uid):
            del os.environ[name]  # without HOME it is that of /etc/passwd


def start() -> None:
    """Run here, or in .venv when packages are missing here."""
    own_home()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)  # before the command runs, and after it
    lacking = missing()
    if not lacking:
        from falcon_ctl.cli import main

        main(sys.argv[1:])
    if os.access(VENV_PYTHON, os.X_OK) and GUARD not in os.environ:
        os.environ[GUARD] = "1"
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "falcon_ctl", *sys.argv[1:]])
    print(
        f"falcon_ctl: {sys.executable} lacks {', '.join(lacking)}; "
        f"run `make topo` in {ROOT}, which installs them into .venv",
        file=sys.stderr,
    )
    sys.exit(2)


if __name__ == "__main__":
    start()
