"""The environment in which programs of this project are started with ``python -m``."""

import os
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[2]  # the checkout, or site-packages


def environment() -> dict[str, str]:
    """Our environment with a PYTHONPATH on which the packages beside `topo` are found.

    A checkout need not be installed, and the programs are started in another directory.
    """
    path = [os.environ.get("PYTHONPATH", ""), str(PACKAGES)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
