"""nsg-ethz/p4-utils with p4-learning: the solutions of exercises, and examples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from tests.clients.cases import Case, Client
from tests.clients.place import Place, require

UTILS, LEARNING = "P4UTILS_DIR", "P4LEARNING_DIR"
PROMPT = r"mininet> $"
ALL = "*** Results: 0% dropped"


@dataclass(frozen=True)
class Network:
    """A network of p4-learning: what is started, typed and expected.

    Attributes:
        directory: below the checkout.
        network: the script that starts it.
        controller: a script with arguments that runs beside it, and what it writes when ready.
        typed: a command at Mininet's prompt, and a pattern of its answer.
        wait_s: that the controller is given, when it says nothing.
    """

    directory: str
    network: str = "network.py"
    controller: tuple[str, ...] = ()
    typed: tuple[tuple[str, str], ...] = (("pingall", re.escape(ALL)),)
    wait_s: int = 5
    ends: bool = False  # the controller ends when it is done


def play(network: Network, place: Place) -> None:
    place.env["PYTHONPATH"] += f":{place.checkouts[UTILS]}"
    directory = place.checkouts[LEARNING] / network.directory
    mininet = place.terminal("python", network.network, cwd=directory)
    mininet.expect(PROMPT, 120)
    if network.controller:
        controller = place.terminal("python", *network.controller, cwd=directory)
        if network.ends:
            status = controller.wait(60)
            (place.directory / "controller.txt").write_text(controller.output)
            require(status == 0, f"controller: {controller.output[-300:].strip()}")
        else:
            controller.read_for(network.wait_s)
            (place.directory / "controller.txt").write_text(controller.output)
            require("Traceback" not in controller.output, controller.output[-300:].strip())
    for command, answer in network.typed:
        mininet.type(command)
        shown = mininet.expect(PROMPT, 150)
        require(re.search(answer, shown), f"{command}: {shown[-300:].strip()}")


def _case(name: str, result: str, network: Network) -> Case:
    return Case(name, result, partial(play, network), limit_s=400)


EXERCISES = "exercises"
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
    around="`python network.py` in the directory of the solution, controllers beside it.",
    cases=(
        _case(
            "03-L2_Basic_forwarding/thrift",
            "pingall",
            Network(f"{EXERCISES}/03-L2_Basic_forwarding/thrift/solution"),
        ),
        _case(
            "03-L2_Basic_forwarding/p4runtime",
            "pingall",
            Network(
                f"{EXERCISES}/03-L2_Basic_forwarding/p4runtime/solution",
                controller=("controller.py",),
                ends=True,
            ),
        ),
        _case(
            "04-L2_Learning/thrift-cpu",
            "pingall",
            Network(
                f"{EXERCISES}/04-L2_Learning/thrift/solution",
                "network_cpu.py",
                ("l2_learning_controller.py", "s1", "cpu"),
            ),
        ),
        _case(
            "04-L2_Learning/thrift-digest",
            "pingall",
            Network(
                f"{EXERCISES}/04-L2_Learning/thrift/solution",
                "network_digest.py",
                ("l2_learning_controller.py", "s1", "digest"),
            ),
        ),
        _case(
            "04-L2_Learning/p4runtime-digest",
            "pingall",
            Network(
                f"{EXERCISES}/04-L2_Learning/p4runtime/solution",
                "network_digest.py",
                ("l2_learning_controller.py", "s1", "digest"),
            ),
        ),
        _case(
            "04-L2_Learning/p4runtime-cpu",
            "pingall",
            Network(
                f"{EXERCISES}/04-L2_Learning/p4runtime/solution",
                "network_cpu.py",
                ("l2_learning_controller.py", "s1", "cpu"),
            ),
        ),
        _case("05-ECMP", "pingall", Network(f"{EXERCISES}/05-ECMP/solution")),
        _case(
            "08-Simple_Routing/thrift",
            "pingall",
            Network(
                f"{EXERCISES}/08-Simple_Routing/thrift/solution",
                controller=("routing-controller.py",),
                ends=True,
            ),
        ),
        _case(
            "08-Simple_Routing/p4runtime",
            "pingall",
            Network(
                f"{EXERCISES}/08-Simple_Routing/p4runtime/solution",
                controller=("routing-controller.py",),
                ends=True,
            ),
        ),
        _case("ip_forwarding", "pingall", Network("examples/ip_forwarding")),
    ),
)
