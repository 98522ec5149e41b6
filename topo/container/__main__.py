"""``python -I -S topo/container hold|enter ARGUMENTS``: see the modules of these names.

Without the user's environment and site-packages (-I -S) Python starts in a third of the time; the
package itself then has to be found by its place.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from topo.container import enter, hold  # needs the path

command, *arguments = sys.argv[1:]
if command == "hold":
    hold.main(*arguments)
else:
    pidfd, report, confined, cwd, *argv = arguments
    enter.main(int(pidfd), int(report), confined == "confined", cwd, argv)
