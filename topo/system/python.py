"""The environment in which programs of this project are started with ``python -m``."""

import os
import sysconfig
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[2]  # the checkout, or site-packages


def environment() -> dict[str, str]:
    """Our environment, with the checkout on PYTHONPATH when that is what we run from.

    A checkout need not be installed, and the programs are started in another directory. An
    installation needs no help, and site-packages on PYTHONPATH could hide standard modules.
    """
    if PACKAGES in {Path(sysconfig.get_path(key)).resolve() for key in ("purelib", "platlib")}:
        return dict(os.environ)
    path = [os.environ.get("PYTHONPATH", ""), str(PACKAGES)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
