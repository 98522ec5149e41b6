"""What the tests of explanations share: data planes that explain, and the VXLAN switch's frames."""

from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.p4.world import IPV4, JSON, MAC, UNKNOWN_MAC, from_m1, inner, vxlan
from tests.switch.harness import ROOT
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import load_entries
from v1switch.explain.document import Document
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.filters import parse
from v1switch.explain.text import TextView
from v1switch.program import load_file
from v1switch.state.entries import CloneSession, MulticastGroup, Replica

ENTRIES = ROOT / "labs" / "explain" / "vtep.txt"
DENIED = Ether(src=MAC[1], dst=MAC[3]) / IP(src=IPV4[1], dst=IPV4[3]) / UDP(sport=9, dport=7777)
ENCAPSULATED = (1, from_m1(inner(dst=MAC[3])))
DECAPSULATED = (3, vxlan(inner(src=3, dst=MAC[1]), 3, 1, port=3, inbound=True))
FLOODED = (1, from_m1(inner(dst=UNKNOWN_MAC)))
DROPPED = (1, from_m1(DENIED / Raw(b"secret")))


class Explained:
    """A data plane that explains frames, with its explanations.

    Args:
        program: BMv2 JSON.
        wanted: a filter, or None for all frames.
        options: of the data plane.
    """

    def __init__(self, program: Path, wanted: str | None = None, **options: int) -> None:
        self.explanations: list[Explanation] = []
        tracing = TracingEngine(
            lambda _, explanation: self.explanations.append(explanation),
            None if wanted is None else parse(wanted),
        )
        self.plane = Dataplane(tracing, clock=lambda: 0, **options)
        self.program = load_file(program)
        self.plane.load(self.program)

    def explain(self, port: int, frame: bytes) -> Explanation:
        """One frame's explanation."""
        self.plane.process(port, frame, 0)
        return self.explanations[-1]

    def text(self, port: int, frame: bytes) -> str:
        """The same as text."""
        return "\n".join(TextView(self.program).lines(self.explain(port, frame)))

    def document(self, port: int, frame: bytes) -> dict:
        """The same as JSON."""
        return Document(self.program).frame(self.explain(port, frame))


def small(name: str) -> Explained:
    """One of the test programs."""
    return Explained(COMPILED / f"{name}.json")


def replicate(plane: Dataplane) -> None:
    """The groups and sessions that the program `replication` uses."""
    plane.insert_multicast_group(MulticastGroup(5, (Replica(2, 1), Replica(3, 2))))
    plane.insert_multicast_group(MulticastGroup(7))
    plane.insert_clone_session(CloneSession(1, (Replica(3, 1),)))
    plane.insert_clone_session(CloneSession(2, (Replica(3, 1), Replica(4, 5))))
    plane.insert_clone_session(CloneSession(20, (Replica(3),), packet_length_bytes=5))


def vtep(wanted: str | None = None) -> Explained:
    """The VXLAN switch with the entries of labs/explain."""
    made = Explained(JSON, wanted, cpu_port=510)
    load_entries(ENTRIES, made.plane, None)
    return made


def plain_vtep() -> Dataplane:
    """The same without explanations."""
    plane = Dataplane(PythonEngine(), cpu_port=510, clock=lambda: 0)
    plane.load(load_file(JSON))
    load_entries(ENTRIES, plane, None)
    return plane
