"""nsg-ethz/p4-utils with p4-learning: the solutions of exercises, and examples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from tests.clients.cases import Case, Client
from tests.clients.place import Place, require

UTILS, LEARNING = "P4UTILS_DIR", "P4LEARNING_DIR"
PROMPT = r"mininet> $"
START_S = 5.0  # that a controller is given which says nothing when it is ready
ALL = "*** Results: 0% dropped"


@dataclass(frozen=True)
class Network:
    """A network of p4-learning: what is started, typed and expected.

    Attributes:
        directory: below the checkout.
        network: the script that starts it.
        controllers: scripts with arguments that run before something is typed, one after the
            other; the last goes on while that happens, if `stays`.
        typed: commands at Mininet's prompt, each with a pattern of its answer.
        after: a script with arguments that runs at the end, and writes `decoded`.
    """

    directory: str
    network: str = "network.py"
    controllers: tuple[tuple[str, ...], ...] = ()
    stays: bool = False
    typed: tuple[tuple[str, str], ...] = (("pingall", re.escape(ALL)),)
    after: tuple[str, ...] = ()
    decoded: str = ""


def play(network: Network, place: Place) -> None:
    place.env["PYTHONPATH"] += f":{place.checkouts[UTILS]}"
    directory = place.checkouts[LEARNING] / network.directory
    mininet = place.terminal("python", network.network, cwd=directory)
    mininet.expect(PROMPT, 120)
    for number, script in enumerate(network.controllers):
        controller = place.terminal("python", *script, cwd=directory)
        if network.stays and script is network.controllers[-1]:
            controller.read_for(START_S)
            require("Traceback" not in controller.output, controller.output[-300:].strip())
        else:
            status = controller.wait(90)
            require(status == 0, f"{script[0]}: {controller.output[-300:].strip()}")
        (place.directory / f"controller-{number}.txt").write_text(controller.output)
    for command, answer in network.typed:
        mininet.type(command)
        shown = mininet.expect(PROMPT, 150)
        require(re.search(answer, shown), f"{command}: {shown[-300:].strip()}")
    if network.after:
        shown = place.run("python", *network.after, cwd=directory)
        require(network.decoded in shown, f"{network.after[0]}: {shown[-300:].strip()}")


EXERCISES = "exercises"
PING = ("h1 ping -c 3 h2", "[123] received")
NETWORKS = {
    "02-Repeater/thrift": Network(
        f"{EXERCISES}/02-Repeater/thrift/solution", typed=(PING, ("iperf h1 h2", "Results"))
    ),
    "02-Repeater/p4runtime": Network(
        f"{EXERCISES}/02-Repeater/p4runtime/solution",
        controllers=(("controller.py",),),
        typed=(PING, ("iperf h1 h2", "Results")),
    ),
    "03-L2_Basic_forwarding/thrift": Network(f"{EXERCISES}/03-L2_Basic_forwarding/thrift/solution"),
    "03-L2_Basic_forwarding/p4runtime": Network(
        f"{EXERCISES}/03-L2_Basic_forwarding/p4runtime/solution",
        controllers=(("controller.py",),),
    ),
    "03-L2_Flooding/p4runtime": Network(
        f"{EXERCISES}/03-L2_Flooding/p4runtime/solution",
        "network-all-ports.py",
        (("controller-all-ports.py",),),
    ),
    "04-L2_Learning/thrift-cpu": Network(
        f"{EXERCISES}/04-L2_Learning/thrift/solution",
        "network_cpu.py",
        (("l2_learning_controller.py", "s1", "cpu"),),
        stays=True,
    ),
    "04-L2_Learning/thrift-digest": Network(
        f"{EXERCISES}/04-L2_Learning/thrift/solution",
        "network_digest.py",
        (("l2_learning_controller.py", "s1", "digest"),),
        stays=True,
    ),
    "04-L2_Learning/p4runtime-digest": Network(
        f"{EXERCISES}/04-L2_Learning/p4runtime/solution",
        "network_digest.py",
        (("l2_learning_controller.py", "s1", "digest"),),
        stays=True,
    ),
    "04-L2_Learning/p4runtime-cpu": Network(
        f"{EXERCISES}/04-L2_Learning/p4runtime/solution",
        "network_cpu.py",
        (("l2_learning_controller.py", "s1", "cpu"),),
        stays=True,
    ),
    "04-MPLS/thrift": Network(f"{EXERCISES}/04-MPLS/thrift/mpls_basics/solution", typed=(PING,)),
    "05-ECMP": Network(f"{EXERCISES}/05-ECMP/solution"),
    "05-Flowlet_Switching": Network(f"{EXERCISES}/05-Flowlet_Switching/solution"),
    "06-Heavy_Hitter_Detector": Network(f"{EXERCISES}/06-Heavy_Hitter_Detector/solution"),
    "07-Count-Min-Sketch": Network(
        f"{EXERCISES}/07-Count-Min-Sketch/solution",
        controllers=(("cm-sketch-controller.py", "--option", "set_hashes"),),
        typed=(("h1 python send.py --n-pkt 1000 --n-hh 2 --n-sfw 0 --p-hh 1", ""),),
        after=(
            *("cm-sketch-controller.py", "--eps", "0.1", "--n", "1000", "--mod", "28"),
            *("--option", "decode"),
        ),
        decoded="Not hold for 0.0%",
    ),
    "08-Simple_Routing/thrift": Network(
        f"{EXERCISES}/08-Simple_Routing/thrift/solution", controllers=(("routing-controller.py",),)
    ),
    "08-Simple_Routing/p4runtime": Network(
        f"{EXERCISES}/08-Simple_Routing/p4runtime/solution",
        controllers=(("routing-controller.py",),),
    ),
    "09-Traceroutable": Network(
        f"{EXERCISES}/09-Traceroutable/solution", controllers=(("routing-controller.py",),)
    ),
    "12-Fast-Reroute": Network(
        f"{EXERCISES}/12-Fast-Reroute/solution", controllers=(("controller.py",),), stays=True
    ),
    "ip_forwarding": Network("examples/ip_forwarding"),
    "ternary_match": Network("examples/ternary_match"),
}
RESULTS = {
    "02-Repeater/thrift": "ping and iperf",
    "02-Repeater/p4runtime": "ping and iperf",
    "04-MPLS/thrift": "ping",
    "07-Count-Min-Sketch": "counts decoded with the polynomials that the controller sets",
}
NOTES = {
    "03-L2_Basic_forwarding/p4runtime": "BMv2 refuses a client that comes back at once with its "
    "election id (`Election id already exists`)",
}

CLIENT = Client(
    name="p4-learning",
    title="nsg-ethz/p4-utils and p4-learning",
    variable=UTILS,
    checkouts=(LEARNING,),
    packages=(
        *("grpcio", "protobuf==3.20.3", "googleapis-common-protos"),
        *("networkx", "psutil", "scapy>=2.5", "thrift", "ipaddr", "setuptools<81", "nnpy"),
    ),
    tools=("p4c", "simple_switch_CLI", "mnexec", "ethtool", "ping", "iperf", "tcpdump"),
    pi=True,
    system=("mininet",),
    around="`python network.py` in the directory of the solution, controllers beside it; Mininet "
    "is Debian's, `iperf` the script from above.",
    cases=tuple(
        Case(
            name,
            RESULTS.get(name, "pingall: 0% dropped"),
            partial(play, network),
            limit_s=400,
            note=NOTES.get(name, ""),
        )
        for name, network in NETWORKS.items()
    ),
)
