"""The first process of a case's namespaces: `python -m tests.clients.inside CLIENT CASE …`."""

import sys
from pathlib import Path

from tests.clients.clients import find
from tests.clients.runner import within

if __name__ == "__main__":
    name, case, switch, scratch = sys.argv[1:]
    within(*find(name, case), switch, Path(scratch))
