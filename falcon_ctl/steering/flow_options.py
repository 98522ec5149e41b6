"""The options of `flow`."""

from __future__ import annotations

from typing import Annotated

import typer

from falcon_ctl.steering.complete import containers

Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="Container that sends.", autocompletion=containers),
]
Target = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="Container that receives.", autocompletion=containers),
]
Proto = Annotated[str, typer.Option(metavar="udp|tcp", help="Protocol.")]
Tcp = Annotated[bool, typer.Option("--tcp", help="As --proto tcp.")]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="Messages a second of wall time: with a dilation of 1000, 2000 are 2,000,000 "
        "packets/s of the model (default: 1000; TCP: as many as the connection takes).",
    ),
]
Size = Annotated[int, typer.Option(metavar="BYTES", help="Data of a message.")]
Duration = Annotated[
    float,
    typer.Option("--duration", "--seconds", metavar="SECONDS", help="For how long, of wall time."),
]
Poisson = Annotated[bool, typer.Option("--poisson", help="Exponential gaps instead of equal ones.")]
Surge = Annotated[
    bool, typer.Option("--surge", help="Four times the rate for the middle third of the time.")
]
Peak = Annotated[
    float | None, typer.Option(metavar="N", help="Messages a second of the surge instead.")
]
SourcePort = Annotated[
    int, typer.Option(metavar="PORT", help="Source port (default: by the seed).")
]
Port = Annotated[
    int, typer.Option(metavar="PORT", help="Port to send to (default: 9100, or the next free).")
]
