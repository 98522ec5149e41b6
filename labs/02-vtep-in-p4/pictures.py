"""The pictures of the handout: the network, and how the reference solution changes frames."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from labs.draw import Draw
from labs.drawing import COLOURS, GREY, Drawing
from labs.vtep import controller, examples, network
from v1switch.control.dataplane import Dataplane
from v1switch.entryfile import load_commands
from v1switch.explain.document import Document
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.program.loader import load_program

LAB = Path(__file__).parent
COLOUR = {"same": "#ffffff", "changed": COLOURS[1], "new": COLOURS[2], "removed": COLOURS[3]}
SHOWN = 20  # bytes of a header


def explained(name: str, folder: Path) -> dict[str, Any]:
    """The explanation of an example by the reference solution."""
    given, found = network(Draw("pictures")), list[Explanation]()
    digest = hashlib.sha256((LAB / "reference" / "vtep.p4").read_bytes()).hexdigest()
    text = (LAB / "compiled" / f"{digest[:16]}.json").read_text()
    plane = Dataplane(TracingEngine(lambda _, each: found.append(each)), clock=lambda: 0)
    plane.load(load_program(text))
    entries = folder / "controller.txt"
    entries.write_text(controller(given))
    load_commands(entries, plane)
    entries.unlink()
    plane.process(*examples(given)[name], 0)
    assert plane.program is not None
    return Document(plane.program).frame(found[-1])


def headers(name: str, title: str, path: Path) -> None:
    """The headers of a frame that leaves, with what happened to each."""
    document = explained(name, path.parent)
    send = next(
        step
        for each in document["passes"]
        for stage in each["stages"]
        for step in stage["steps"]
        if step["step"] == "send"
    )
    parts = [part for part in send["parts"] if part["data"] or part["was"]]
    picture = Drawing(860, 60 + 34 * len(parts), title)
    picture.text(20, 28, title, 15, bold=True)
    for row, part in enumerate(parts):
        y = 44 + 34 * row
        picture.box(20, y, 150, 28, COLOUR[part["status"]])
        picture.text(30, y + 19, part["name"], 13, bold=True)
        picture.text(182, y + 19, part["status"], 12)
        data = bytes.fromhex(part["data"] or part["was"])
        more = " …" if len(data) > SHOWN else ""
        picture.text(252, y + 19, data[:SHOWN].hex(" ") + more, 12, mono=True)
    picture.save(path)


def plan(path: Path) -> None:
    """The network of the lab."""
    picture = Drawing(860, 250, "The network of the lab")
    picture.box(310, 60, 220, 130, COLOURS[0])
    picture.text(420, 120, "your switch", 15, "middle", bold=True)
    picture.text(420, 142, "a VTEP: own_vtep", 12, "middle")
    left = (("machine 1", "red_a, blue_a", 70), ("machine 2", "red_b", 150))
    right = (("remote VTEP 1", "red_c", 70), ("remote VTEP 2", "red_d, blue_c", 150))
    for name, hosts, y in left:
        picture.box(20, y - 5, 150, 46, COLOURS[2])
        picture.text(95, y + 14, name, 13, "middle", bold=True)
        picture.text(95, y + 32, hosts, 12, "middle")
        picture.line(170, y + 18, 310, y + 18, 2)
        picture.text(240, y + 10, "tagged frames", 11, "middle")
    for name, hosts, y in right:
        picture.box(690, y - 5, 150, 46, COLOURS[1])
        picture.text(765, y + 14, name, 13, "middle", bold=True)
        picture.text(765, y + 32, hosts, 12, "middle")
        picture.line(530, y + 18, 690, y + 18, 2)
        picture.text(610, y + 10, "VXLAN over IP", 11, "middle")
    picture.box(310, 205, 220, 32, GREY)
    picture.text(420, 226, "controller: tables, groups", 12, "middle")
    picture.line(380, 205, 380, 190, 1, arrow=True)
    picture.line(460, 190, 460, 205, 1, arrow=True)
    picture.text(470, 202, "digests", 11)
    picture.text(240, 40, "access ports", 13, "middle", bold=True)
    picture.text(610, 40, "underlay ports", 13, "middle", bold=True)
    picture.save(path)


def draw(folder: Path) -> None:
    """Write all pictures into a folder."""
    plan(folder / "network.svg")
    headers("encapsulate", "Into the tunnel: what the deparser emits", folder / "encapsulate.svg")
    headers("decapsulate", "Out of the tunnel", folder / "decapsulate.svg")
