"""`python -m v1switch`."""

import sys

from v1switch.cli import main

sys.exit(main())
