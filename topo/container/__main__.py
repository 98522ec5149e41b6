"""``python -I -S topo/container hold|enter ARGUMENTS``: see the modules of these names.

Without the user's environment and site-packages (-I -S) Python starts in a third of the time; the
package itself then has to be found by its place. Each command imports what it needs only.
"""

import sys

sys.path.append(__file__.rsplit("/", 3)[0])
command, *arguments = sys.argv[1:]
if command == "hold":
    from topo.container import hold

    hold.main(*arguments)
else:
    from topo.container import enter

    pidfd, report, confined, cwd, *argv = arguments
    enter.main(int(pidfd), int(report), confined == "confined", cwd, argv)
