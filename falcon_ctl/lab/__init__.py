"""The testbed in a notebook: bring a network up, use a system, send flows, get tables and figures.

    from falcon_ctl import lab

    with lab.up("pair", clock="virtual") as net:  # clock="live": real frames, real sockets
        for system in ("overlay", "falcon-pipelining", "falcon"):
            net.use(system)
            net.send(rate=900e3, ms=5)  # packets/s and milliseconds, both of model time
        table = net.table()  # pandas.DataFrame, one row a run
        figure = net.figure()  # matplotlib.figure.Figure

Times and rates are those of the model under either clock, so that the same lines mean the same
experiment.  Whatever goes wrong is one `falcon_ctl.errors.CtlError`, whose text is the line that
the command line would print.
"""

from falcon_ctl.lab.flows import Flows
from falcon_ctl.lab.lab import Lab
from falcon_ctl.lab.picture import figure
from falcon_ctl.lab.run import Run
from falcon_ctl.lab.start import CLOCKS, up, why_not_live
from falcon_ctl.lab.tables import cores, table

__all__ = ["CLOCKS", "Flows", "Lab", "Run", "cores", "figure", "table", "up", "why_not_live"]
