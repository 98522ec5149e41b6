"""Puts your switches into a live network and pings across: python live.py [bmv2|v1switch]

    red1-1 -- m1 == s1 ~~ VXLAN ~~ s2 == m2 -- red2-1

Both switches run your program. This file is their controller: it writes ports and groups, but no
MAC address; those it learns from your digests.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

from p4.v1 import p4runtime_pb2

import labs
from falcon_ctl.errors import CtlError
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.entities import Call, Digest, Entry, Multicast
from falcon_ctl.p4rt.schema import Schema
from topo.client.launch import up
from topo.client.network import Network
from topo.client.ping import ping
from topo.errors import TopoError
from topo.rundir import RunDir
from topo.spec.sources import load

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

HERE = Path(__file__).parent
GIVEN = Path(labs.__file__).parent / "02-vtep-in-p4" / "given"
SPEC = """\
name: vtep-lab
tenants:
  red: {vni: 5001, vlan: 101, subnet: 10.0.0.0/24}
switches: {s1: {}, s2: {}}
machines: {m1: {}, m2: {}}
containers:
  red1-1: {machine: m1, tenant: red, ip: 10.0.0.11}
  red2-1: {machine: m2, tenant: red, ip: 10.0.0.21}
links:
  - [s1, m1]
  - [s2, m2]
  - [s1, s2]
"""
VNI, VLAN, ACCESS, UNDERLAY = 5001, 101, 1, 2
GROUP = 77  # one that falcon_ctl does not use: groups stay when a switch gets another program
VTEPS = {"s1": "172.16.0.1", "s2": "172.16.0.2"}
OTHER = {"s1": "s2", "s2": "s1"}
TRIES, TRY_SECONDS, INTERVAL = 5, 3.0, 0.5


def program(folder: Path, tables: bool) -> tuple[Path, Path]:
    """The program and its P4Info."""
    if tables:
        return GIVEN / "tables.json", GIVEN / "tables.p4info.txtpb"
    made, info = folder / "vtep.json", folder / "vtep.p4info.txtpb"
    options = ["--arch", "v1model", "--p4runtime-files", str(info), "vtep.p4", "-o"]
    if shutil.which("p4c-bm2-ss"):
        words = ["p4c-bm2-ss", *options, str(made)]
    elif shutil.which("p4c"):  # the driver names a folder
        words = ["p4c", "--target", "bmv2", *options, str(folder)]
    else:
        sys.exit('p4c is not on the PATH: see the handout, or set way = "tables" in way.toml')
    if subprocess.run(words, cwd=HERE, check=False).returncode:
        sys.exit("vtep.p4 does not compile")
    return made, info


def chosen(schema: Schema) -> list[Entry]:
    """The lines of choices.txt as P4Runtime has them; there the larger priority wins."""
    found = []
    for line in (HERE / "choices.txt").read_text().splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["table_set_default"]:
            found.append(Entry.default_of(words[1], called(schema, words[2], words[3:])))
        elif words[:1] == ["table_add"]:
            at = words.index("=>")
            table, call = schema.table(words[1]), words[at + 1 :]
            priority = 1000 - int(call.pop()) if table.needs_priority else 0
            match = {
                name: tuple(int(part, 0) for part in text.split("&&&"))
                if "&&&" in text
                else int(text, 0)
                for name, text in zip(table.fields, words[3:at], strict=True)
            }
            made = called(schema, words[2], call)
            found.append(Entry.of(words[1], made, priority=priority, **wanted(match)))
    return found


def wanted(match: dict) -> dict:
    """The keys that are looked at: in P4Runtime a ternary key with mask 0 is left out."""
    return {
        name: key for name, key in match.items() if not (isinstance(key, tuple) and key[1] == 0)
    }


def called(schema: Schema, action: str, values: list[str]) -> Call:
    """An action with its parameters in their order."""
    names = schema.action(action).params
    return Call.of(action, **{n: int(v, 0) for n, v in zip(names, values, strict=True)})


def entries(switch: str) -> list[Entry | Multicast | Digest]:
    """What the controller writes before the first frame."""
    far = VTEPS[OTHER[switch]]
    return [
        Entry.of(
            "access_vni", Call.of("set_vni", vni=VNI, own_vtep=VTEPS[switch]), port=ACCESS, vid=VLAN
        ),
        Entry.of("local_vtep", Call.of("terminate"), vtep=VTEPS[switch]),
        Entry.of("port_vlan", Call.of("set_vid", vid=VLAN), port=ACCESS, vni=VNI),
        Entry.of(
            "link",
            Call.of("set_macs", src_addr="02:5a:00:00:00:01", dst_addr="02:5a:00:00:00:02"),
            port=UNDERLAY,
        ),
        Entry.of("flood_group", Call.of("flood", group=GROUP), vni=VNI),
        Entry.of("replica", Call.of("copy_to_port"), rid=1),
        Entry.of("replica", Call.of("copy_to_vtep", vtep=far), rid=2),
        Multicast(GROUP, ((ACCESS, 1), (UNDERLAY, 2))),
        Digest("mac_learn"),
    ]


class Controller:
    """The controller of one switch: loads the program, and turns digests into entries."""

    def __init__(self, client: Client, schema: Schema) -> None:
        self.client, self.schema = client, schema
        self.known: dict[tuple[int, bytes], tuple[int, bytes]] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.learn, daemon=True)

    def write(self, *entities: Entry | Multicast | Digest) -> None:
        """Write new entities; a default action is modified."""
        for entity in entities:
            is_default = isinstance(entity, Entry) and entity.default
            kind = p4runtime_pb2.Update.MODIFY if is_default else p4runtime_pb2.Update.INSERT
            update = p4runtime_pb2.Update(type=kind, entity=entity.message(self.schema))
            self.client.write([update])

    def learn(self) -> None:
        """Write an entry into smac and dmac for each address that is reported."""
        try:
            self.listen()
        except CtlError as error:
            print(f"  {error}")

    def listen(self) -> None:
        """Take digests until the end."""
        while not self.ended.is_set():
            digests = self.client.next_digest(0.1)
            for data in digests.data if digests is not None else ():
                vni, mac, port, vtep = (member.bitstring for member in data.struct.members)
                self.met(int.from_bytes(vni, "big"), mac.rjust(6, b"\0"), port, vtep)
            if digests is not None:
                self.client.ack(digests)

    def met(self, vni: int, mac: bytes, port: bytes, vtep: bytes) -> None:
        """An address was seen at a place."""
        place = int.from_bytes(port, "big"), vtep
        if (vni, mac) in self.known:  # what moves is not part of this
            return
        self.known[vni, mac] = place
        address = socket.inet_ntoa(vtep.rjust(4, b"\0"))
        to = (
            Call.of("to_port", port=place[0])
            if place[0]
            else Call.of("to_vtep", vtep=address, port=UNDERLAY)
        )
        where = f"port {place[0]}" if place[0] else f"VTEP {address}"
        print(f"  {self.client.switch} learns {mac.hex(':')}: {where}")
        self.write(
            Entry.of("smac", Call.of("known"), vni=vni, mac=mac, port=place[0], vtep=vtep),
            Entry.of("dmac", to, vni=vni, mac=mac),
        )


def crossed(link: socket.socket) -> list[str]:
    """What was seen on the link between the switches, a line for each frame."""
    lines = []
    while True:
        try:
            frame = link.recv(65535)
        except BlockingIOError:
            return lines
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == b"\x12\xb5":
            ends = f"{socket.inet_ntoa(frame[26:30])} to {socket.inet_ntoa(frame[30:34])}"
            vni, kind = int.from_bytes(frame[46:49], "big"), frame[62:64].hex()
            lines.append(
                f"  {ends}, VNI {vni}: {frame[56:62].hex(':')} to {frame[50:56].hex(':')}, 0x{kind}"
            )


def main() -> int:
    """Bring the network up, ping, take it down."""
    try:
        tables = tomllib.loads((HERE / "way.toml").read_text()).get("way") == "tables"
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"way.toml: {error}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vtep-")))
        made, info = program(folder, tables)
        spec = folder / "spec.yaml"
        spec.write_text(SPEC)
        run_dir = RunDir(folder / "run")
        up(load(str(spec)), sys.argv[1] if len(sys.argv) > 1 else "auto", run_dir)
        net = stack.enter_context(Network.connect(run_dir.path))
        stack.callback(net.down)
        print("the network is up; your program goes into s1 and s2")
        words = [sys.executable, "-m", "falcon_ctl", "use", "offload", "--dilation", "50"]
        environ = {**os.environ, "FALCON_RUN_DIR": str(run_dir.path)}
        subprocess.run(words, env=environ, check=True, stdout=subprocess.DEVNULL)
        schema = Schema.load(info)
        for name, switch in net.switches.items():
            election = time.time_ns()  # higher than that of falcon_ctl, which was before
            client = Client(name, switch.grpc_address, switch.device_id, election)
            stack.enter_context(closing(client))
            client.push_pipeline(info, made)
            controller = Controller(client, schema)
            controller.write(*(chosen(schema) if tables else ()), *entries(name))
            controller.thread.start()
            stack.callback(controller.thread.join)
            stack.callback(controller.ended.set)
        every = socket.htons(3)  # ETH_P_ALL
        link = stack.enter_context(net.socket("s1", socket.AF_PACKET, socket.SOCK_RAW, every))
        link.bind(("s1-eth2", 3))
        link.setblocking(False)
        print("ping 10.0.0.21 from red1-1")
        replies = 0
        for _ in range(TRIES):
            time.sleep(INTERVAL)  # as ping does
            seconds = ping(net, "red1-1", "10.0.0.21", TRY_SECONDS)
            replies += seconds is not None
            print("  no reply" if seconds is None else f"  reply after {1000 * seconds:.1f} ms")
        frames = crossed(link)
        print(f"on the link between s1 and s2: {len(frames)} VXLAN frames")
        print("\n".join(frames))
    return 0 if replies else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CtlError, TopoError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"live.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
