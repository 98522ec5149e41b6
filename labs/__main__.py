"""`python -m labs`: from the system's Python it re-executes itself in the project's .venv."""

import importlib.util
import os
import sys
from pathlib import Path

# Only the standard library here: this file has to run where nothing is installed.
NEEDED = ("numba", "pydantic", "scapy", "typer")
ROOT = Path(__file__).resolve().parents[1]
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
GUARD = "FALCON_LABS_IN_VENV"


def start() -> None:
    """Run here, or in .venv when packages are missing here."""
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not lacking:
        from labs.cli.app import main

        sys.exit(main(sys.argv[1:]))
    if os.access(VENV_PYTHON, os.X_OK) and GUARD not in os.environ:
        os.environ[GUARD] = "1"
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "labs", *sys.argv[1:]])
    print(
        f"labs: {sys.executable} lacks {', '.join(lacking)}; "
        f"run `make lab` in {ROOT}, which installs them into .venv",
        file=sys.stderr,
    )
    sys.exit(2)


if __name__ == "__main__":
    start()
