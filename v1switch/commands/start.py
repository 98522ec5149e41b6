"""`python -m v1switch`: listens for P4Runtime first, then loads the switch."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from v1switch.commands.logs import start_logging
from v1switch.commands.options import Options, parse
from v1switch.commands.parsing import WRONG_CALL
from v1switch.errors import SwitchError, escaped

if TYPE_CHECKING:
    from v1switch.p4runtime.listener import Listener


def main(argv: Sequence[str], name: str = "v1switch") -> int:
    """Run the switch until SIGTERM or SIGINT.

    Args:
        argv: the arguments.
        name: what it was called as.

    Returns:
        0 after an orderly end, 2 when the call was wrong (program, interface, address).
    """
    options = parse(argv, name)
    try:
        start_logging(options.general)
        listener = _listen(options)
        gc.disable()  # nothing that is loaded is garbage: looking for it takes a tenth of the time
        from v1switch.commands import switch

        gc.enable()
        switch.run(options, listener)
    except (SwitchError, OSError) as error:
        sys.stderr.write(f"v1switch: {escaped(str(error))}\n")
        return WRONG_CALL
    return 0


def _listen(options: Options) -> Listener | None:
    """Listen on the P4Runtime address, if there is one; raises SwitchError."""
    if options.address is None:
        return None
    from v1switch.p4runtime.listener import listen

    return listen(options.address, None if options.tls is None else options.tls.read())
