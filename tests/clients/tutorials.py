"""p4lang/tutorials: each exercise with its solution, by the commands of its README."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from tests.clients.cases import Case, Client
from tests.clients.place import Place, require, until
from tests.clients.terminal import Terminal

VARIABLE = "TUTORIALS_DIR"
PROMPT = r"mininet> $"
PACKAGES = (
    *("mininet==2.3.0.dev6", "psutil", "scapy>=2.5", "protobuf==3.20.3", "grpcio"),
    *("googleapis-common-protos", "p4runtime-shell==0.0.6", "ptf"),
)
ICMP = r"\d+ packets transmitted, \d+ received"


class Exercise:
    """An exercise that runs: `make run` in its directory, and Mininet's prompt."""

    def __init__(self, place: Place, name: str, *make: str) -> None:
        self.place = place
        self.directory = place.checkouts[VARIABLE] / "exercises" / name
        for solution in (self.directory / "solution").glob("*.*"):
            found = [p for p in self.directory.glob(f"*/{solution.name}") if p != solution]
            shutil.copy(solution, found[0] if found else self.directory)
        self.terminal: Terminal = place.terminal("make", "run", *make, cwd=self.directory)
        self.terminal.expect(PROMPT, 90)

    def do(self, command: str, patience_s: float = 60.0) -> str:
        """What Mininet answers to a command."""
        self.terminal.type(command)
        return self.terminal.expect(PROMPT, patience_s)

    def start(self, host: str, command: str, log: str) -> Path:
        """Start a program of a host in the background, as in an xterm; the file of its output."""
        self.do(f"{host} {command} > {log} 2>&1 &")
        until((self.directory / log).exists, f"{host}'s {log}")
        return self.directory / log

    def listen(self, host: str) -> Path:
        """Start `receive.py` on a host; its output once it listens."""
        log = self.start(host, "./receive.py", f"{host}.log")
        until(lambda: "sniffing on" in log.read_text(), f"{host}'s receive.py")
        time.sleep(1)  # Scapy says so before it opens its socket, and tells nothing after
        return log


def _pingall(place: Place, name: str) -> None:
    answer = Exercise(place, name).do("pingall", 120)
    require("*** Results: 0% dropped" in answer, f"pingall: {answer.strip()[-200:]}")


def basic(place: Place) -> None:
    _pingall(place, "basic")


def multicast(place: Place) -> None:
    _pingall(place, "multicast")


def basic_tunnel(place: Place) -> None:
    exercise = Exercise(place, "basic_tunnel")
    second, third = exercise.listen("h2"), exercise.listen("h3")
    exercise.do('h1 ./send.py 10.0.2.2 "P4 is cool"')
    until(lambda: "P4 is cool" in second.read_text(), "the message for h2")
    require("MyTunnel" not in second.read_text(), "a tunnel header without --dst_id")
    exercise.do('h1 ./send.py 10.0.3.3 "P4 is cool"')
    until(lambda: "P4 is cool" in third.read_text(), "the message for h3")
    before = third.read_text()
    exercise.do('h1 ./send.py 10.0.3.3 "P4 is cool" --dst_id 2')
    until(lambda: "MyTunnel" in second.read_text(), "the tunnelled message at h2")
    require(third.read_text() == before, "h3 received what was tunnelled to h2")


def calc(place: Place) -> None:
    exercise = Exercise(place, "calc")
    exercise.terminal.type("h1 python3 calc.py")
    exercise.terminal.expect(r"> $", 20)
    for sum_, result in (("1+1", 2), ("7-3", 4), ("12&10", 8), ("12|3", 15), ("6^5", 3)):
        exercise.terminal.type_slowly(sum_)
        answer = exercise.terminal.expect(r"\n> $", 20)
        require(re.search(rf"^{result}$", answer, re.M), f"{sum_}: {answer.strip()!r}")
    exercise.terminal.type_slowly("quit")
    exercise.terminal.expect(PROMPT, 20)


def source_routing(place: Place) -> None:
    exercise = Exercise(place, "source_routing")
    log = exercise.listen("h2")
    exercise.terminal.type("h1 ./send.py 10.0.2.2")
    exercise.terminal.expect("to quit: $", 30)
    exercise.terminal.type_slowly("2 3 2 2 1")
    exercise.terminal.expect("to quit: $", 30)
    exercise.terminal.type_slowly("q")
    exercise.terminal.expect(PROMPT, 20)
    until(lambda: "got a packet" in log.read_text(), "the packet at h2")
    require(re.search(r"ttl\s+= 59\b", log.read_text()), f"h2: {log.read_text()[-400:]}")


def load_balance(place: Place) -> None:
    exercise = Exercise(place, "load_balance")
    logs = [exercise.listen(host) for host in ("h2", "h3")]
    for number in range(12):  # each ends at one of two hosts by a hash of a random port
        exercise.do(f'h1 ./send.py 10.0.0.1 "message {number}"')
    time.sleep(2)
    got = [log.read_text().count("got a packet") for log in logs]
    require(sum(got) == 12 and all(got), f"12 messages sent, h2 got {got[0]}, h3 {got[1]}")


def _iperf(exercise: Exercise, client: str, server: str) -> float | None:
    """Mbit/s of TCP between two hosts, or None when it does not get through."""
    address = f"10.0.{server[1]}.{server[1]}"
    exercise.start(server, "iperf -s", f"iperf-{server}.log")
    answer = exercise.do(f"{client} timeout -s KILL 15 iperf -t 5 -f m -c {address}", 60)
    exercise.do(f"{server} kill %iperf")
    rate = re.search(r"([\d.]+) Mbits/sec", answer)
    return float(rate[1]) if rate else None


def firewall(place: Place) -> None:
    exercise = Exercise(place, "firewall")
    for client, server in (("h1", "h2"), ("h1", "h3")):
        require(_iperf(exercise, client, server), f"iperf {client} {server} does not get through")
    require(_iperf(exercise, "h3", "h1") is None, "iperf h3 h1 gets through")


def link_monitor(place: Place) -> None:
    exercise = Exercise(place, "link_monitor")
    log = exercise.start("h1", "python3 -u receive.py", "probes.log")
    until(lambda: "sniffing on" in log.read_text(), "receive.py")
    exercise.start("h1", "./send.py", "send.log")
    sent = _iperf(exercise, "h1", "h4")
    require(sent, "iperf h1 h4 does not get through")
    found = re.findall(r"Switch (\d+) - Port (\d+): ([\d.]+) Mbps", log.read_text())
    highest: dict[str, float] = {}
    for switch, port, rate in found:
        highest[f"{switch}/{port}"] = max(highest.get(f"{switch}/{port}", 0.0), float(rate))
    shown = ", ".join(f"{where}: {rate:.2f}" for where, rate in sorted(highest.items()))
    require(len(highest) >= 8, f"probes tell of {len(highest)} ports: {shown}")
    near = [rate for rate in highest.values() if 0.5 * sent < rate < 2 * sent]
    require(len(near) >= 2, f"iperf says {sent:.2f} Mbit/s, probes {shown}")


def _queue(place: Place, name: str, commands: str = "") -> str:
    """What h2 receives while h11 overloads the link of 512 kbit/s, as ecn and mri tell.

    `commands` are typed to the first switch's simple_switch_CLI before.
    """
    exercise = Exercise(place, name)
    if commands:
        cli = ("simple_switch_CLI", "--thrift-port", "9090")
        answer = place.run(*cli, cwd=exercise.directory, typed=commands)
        require("Invalid" not in answer, f"simple_switch_CLI: {answer[-200:].strip()}")
    log = exercise.listen("h2")
    exercise.start("h22", "iperf -s -u", "iperf-server.log")
    exercise.start("h1", './send.py 10.0.2.2 "P4 is cool" 30', "send.log")
    time.sleep(5)
    exercise.start("h11", "iperf -c 10.0.2.22 -t 15 -u", "iperf.log")
    time.sleep(30)
    return log.read_text()


def ecn(place: Place) -> None:
    log = _queue(place, "ecn")
    marks = re.findall(r"tos\s+= 0x(\d)", log)
    shown = "".join(marks)
    require(re.match(r"1+3+", shown), f"tos at h2: {shown or 'nothing'}, expected 1s, then 3s")


def mri(place: Place) -> None:
    log = _queue(place, "mri")
    packets = log.split("got a packet")[1:]
    require(packets, "h2 got no packet")
    for packet in packets:
        ids = re.findall(r"swid\s+= (\d+)", packet)
        require(ids == ["2", "1"], f"switches {ids}, expected 2 and 1")
    depths = _depths(log)
    require(depths[0] == 0 and max(depths) > 5, f"queue depths of s1: {depths}")


def _depths(log: str) -> list[int]:
    """The depth of the first switch's queue that each message tells."""
    return [int(d) for d in re.findall(r"swid\s+= 1\s.*?qdepth\s+= (\d+)", log, re.S)]


def mri_queue(place: Place) -> None:
    depths = _depths(_queue(place, "mri", "set_queue_rate 50\nset_queue_depth 100\n"))
    require(depths and max(depths) > 64, f"queue depths of s1: {depths}")  # 64 without


def qos(place: Place) -> None:
    exercise = Exercise(place, "qos")
    log = exercise.listen("h2")
    for protocol, tos in (("UDP", "0xb9"), ("TCP", "0xb1")):
        exercise.do(f'h1 ./send.py --p={protocol} --des=10.0.2.2 --m="P4 is cool" --dur=3')
        until(lambda tos=tos: f"= {tos}" in log.read_text(), f"tos {tos} for {protocol}")  # type: ignore[misc]


def p4runtime(place: Place) -> None:
    exercise = Exercise(place, "p4runtime")
    controller = place.terminal("./mycontroller.py", cwd=exercise.directory)
    controller.expect("Reading tunnel counters", 40)
    answer = exercise.do("h1 ping -c 4 h2")
    require(re.search(r"[34] received", answer), f"ping: {answer.strip()[-200:]}")
    for where in ("s1 MyIngress.ingress", "s2 MyIngress.egress"):
        controller.expect(rf"{where}TunnelCounter 100: [1-9]\d* packets \([1-9]\d* bytes\)", 20)
    require("MyIngress.ipv4_lpm" in controller.output, "the rules that were read back")


def flowcache(place: Place) -> None:
    exercise = Exercise(place, "flowcache")
    controller = place.terminal("./mycontroller.py", cwd=exercise.directory)
    controller.expect("SetForwardingPipelineConfig on s3", 40)
    time.sleep(2)
    answer = exercise.do("h1 ping -c 6 h2")
    received = re.search(r"(\d+) received", answer)
    require(received and int(received[1]) >= 4, f"ping: {answer.strip()[-200:]}")
    controller.expect("Deleted flow_cache entry", 40)  # it was told that the entry is idle
    for fault in ("gRPC error", "Traceback"):
        require(fault not in controller.output, f"controller: {controller.output[-300:]}")


def _ptf(place: Place, name: str, tests: int) -> None:
    directory = place.checkouts[VARIABLE] / "exercises" / name
    output = place.run("make", "test", cwd=directory, patience_s=150, check=False)
    require(re.search(rf"Ran {tests} tests? in .*\n\nOK", output), output[-500:])


def ptf_basic(place: Place) -> None:
    _ptf(place, "basic", 6)


def ptf_basic_tunnel(place: Place) -> None:
    _ptf(place, "basic_tunnel", 7)


CLIENT = Client(
    name="tutorials",
    title="p4lang/tutorials: exercises",
    variable=VARIABLE,
    packages=PACKAGES,
    tools=("p4c-bm2-ss", "make", "ethtool", "arp", "route", "mnexec", "telnet", "iperf"),
    pi=True,
    around="`make run` with the solution; what READMEs type in xterms is started by Mininet's "
    "prompt in the background; `sudo` is a script where it is missing; `iperf` is started in the "
    "hosts (Mininet's own command waits for a line that iperf 2.1.8 does not write).",
    cases=(
        Case("basic", "`pingall`: 0% dropped", basic),
        Case("basic_tunnel", "h2 gets messages with and without tunnel", basic_tunnel),
        Case("calc", "1+1 is 2; the other four operators", calc),
        Case("ecn", "`tos` goes from 1 to 3 while iperf runs", ecn),
        Case("firewall", "iperf h1→h2, h1→h3 works, h3→h1 is blocked", firewall),
        Case("flowcache", "h1 pings h2; idle entries are told", flowcache),
        Case("link_monitor", "utilization of the probes agrees with iperf", link_monitor),
        Case("load_balance", "both hosts get messages", load_balance),
        Case("mri", "switches 2 and 1, queue depth at s1 while iperf runs", mri),
        Case(
            "mri-queue",
            "deeper queues with `set_queue_depth 100`, `set_queue_rate 50`",
            mri_queue,
            tools=("simple_switch_CLI",),
        ),
        Case("multicast", "`pingall`: 0% dropped", multicast),
        Case("p4runtime", "h1 pings h2; tunnel counters grow", p4runtime),
        Case("qos", "`tos` is 0xb9 for UDP, 0xb1 for TCP", qos),
        Case("source_routing", "ports 2 3 2 2 1: ttl 59 at h2", source_routing),
    ),
)

PTF = Client(
    name="tutorials-ptf",
    title="p4lang/tutorials: PTF",
    variable=VARIABLE,
    packages=PACKAGES,
    tools=("p4c", "make"),
    pi=True,
    around="`make test`, with `sudo` as above.",
    cases=(
        Case("basic", "all tests OK", ptf_basic),
        Case("basic_tunnel", "all tests OK", ptf_basic_tunnel),
    ),
)
