"""`python -m v1switch`."""

import sys

from v1switch.commands.main import main

sys.exit(main())
