"""`python -m v1switch`."""

from v1switch.commands.main import run

run()
