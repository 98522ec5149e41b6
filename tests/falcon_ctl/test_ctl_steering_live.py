"""A running network is steered by hand: systems, flows, what is seen of them, real programs."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from falcon_ctl.errors import PartFailed
from falcon_ctl.steering import flow_trace
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow import send
from falcon_ctl.steering.flow_report import FlowProgress, FlowReport
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import Observation
from falcon_ctl.steering.session import Session
from tests.topo.driver import network_up, until
from topo.client.network import Network

pytestmark = pytest.mark.network
UDP = FlowRequest("red1-1", "red2-1", rate=300.0, seconds=2.0)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with network_up("pair", "--switch", "v1switch") as topo, topo.network() as network:
        yield network


def sent(
    network: Network,
    request: FlowRequest,
    stop: threading.Event | None = None,
    told: list[FlowProgress] | None = None,
) -> FlowReport:
    said: list[FlowProgress] = [] if told is None else told
    with Network.connect(network.run_dir) as own, Session.open(own) as session:
        return send(session, request, said.append, stop)


def test_before_a_system_is_chosen_a_flow_is_lost_and_the_report_says_why(network):
    report = sent(network, FlowRequest("red1-1", "red2-1", rate=100.0, seconds=0.2))
    assert report.lost == {"before m2": report.sent}
    assert "falcon_ctl use overlay" in report.hint


def test_what_is_chosen_runs_on_all_hosts_until_something_else_is(network):
    with Session.open(network) as session:
        session.use(Choice("falcon", threshold=60, falcon_cpus=(0, 4), dilation=300))
    with Session.open(network) as session:
        seen = session.observe()
        knobs = session.call("m2", "get")
    assert {str(host.choice) for host in seen.hosts.values()} == {
        "falcon --threshold 60 --falcon-cpus 0,4 --dilation 300"
    }
    assert (knobs["policy"], knobs["falcon"]["cpus"], knobs["dilation"]) == ("falcon", [0, 4], 300)


def test_flows_go_on_and_are_seen_while_the_system_changes_under_them(network):
    other = FlowRequest("blue1-1", "blue2-1", rate=200.0, seconds=2.0, poisson=True)
    with Session.open(network) as session, ThreadPoolExecutor(2) as pool:
        session.use(Choice("overlay", dilation=1000))
        told: list[list[FlowProgress]] = [[], []]
        running = [
            pool.submit(sent, network, request, told=said)
            for request, said in zip((UDP, other), told, strict=True)
        ]
        both = until(lambda: flows_of(session.observe(slices=500)))
        until(lambda: all(said and said[-1].stages for said in told))
        session.use(Choice("falcon"))
        reports = [one.result() for one in running]
        seen = session.observe(slices=500)
    for request, report in zip((UDP, other), reports, strict=True):
        assert report.sent == report.received + sum(report.lost.values())
        assert report.sent == report.arrived > 0.9 * request.rate * request.seconds
        assert report.latency is not None
        assert report.model_pps == pytest.approx(1000 * report.wall_pps)
        cell = next(one for one in report.stages if one.work.kind == "gro_cell")
        assert len(cell.cpus) == 2  # the NIC's, then FALCON's
    assert both.keys() == {"red1-1", "blue1-1"}
    host = seen.hosts["m2"]
    assert host.choice == Choice("falcon", dilation=1000)
    assert sum(flow.delivered for flow in host.flows) == sum(r.delivered for r in reports)
    assert {piece.work.device for piece in host.slices} >= {"eth0", "vxlan0", "veth0"}
    assert any(event.kind == "move" for event in seen.events)
    assert Observation.from_json(seen.to_json()) == seen


def test_a_flow_is_traced_from_the_switchs_tables_to_the_socket(network, tmp_path):
    with Session.open(network) as session:
        session.use(Choice("falcon", dilation=1000))
        request = FlowRequest("red1-1", "red2-1", rate=200.0, seconds=0.5)
        with flow_trace.recorded(network, request, tmp_path / "flow.json") as runs:
            report = send(session, request)
        with (
            flow_trace.recorded(network, request, tmp_path / "flow.json"),
            pytest.raises(PartFailed, match="already recording"),
            flow_trace.recorded(network, request, tmp_path / "other.json"),
        ):
            pass
    flow_trace.write(Console(quiet=True), tmp_path / "flow.json", report, runs, network)
    found = json.loads((tmp_path / "flow.json").read_text())
    kinds = Counter(found["slices"]["kind"])
    stages = ("arrival", "napi", "gro_cell", "backlog", "socket")
    assert {kind: kinds[kind] for kind in stages} == dict.fromkeys(stages, report.arrived)
    details = found["slices"]["detail"]
    explained = [one["what leaves the last switch"] for one in details if "ingress port" in one]
    assert set(explained) == {"byte for byte what the NIC received"}
    assert len(explained) == 16
    assert kinds["hit"] > 5 * len(explained)
    assert found["runs"][0]["label"] == "falcon --dilation 1000: UDP from red1-1 to red2-1"


def flows_of(seen: Observation) -> dict[str, int]:
    host = seen.hosts["m2"]
    found = {flow.source: flow.delivered for flow in host.flows if flow.pps > 0}
    return found if len(found) == 2 and any(cpu.load for cpu in host.cpus) else {}


def test_a_tcp_flow_arrives_byte_for_byte(network):
    with Session.open(network) as session:
        session.use(Choice("falcon", dilation=100))
    report = sent(network, FlowRequest("red1-1", "red2-1", proto="tcp", rate=0.0, seconds=0.5))
    assert report.intact
    assert report.received == report.sent > 10_000
    assert any(one.work.kind == "split" for one in report.stages)


def test_a_flow_ends_when_it_is_stopped(network):
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool, Session.open(network) as session:
        before = session.observe().hosts["m2"].counts["delivered"]
        running = pool.submit(sent, network, FlowRequest("red1-1", "red2-1", seconds=3600.0), stop)
        until(lambda: session.observe().hosts["m2"].counts["delivered"] > before)
        stop.set()
        report = running.result()
    assert report.stopped
    assert report.received == report.sent - sum(report.lost.values())


@pytest.mark.skipif(shutil.which("ping") is None, reason="apt-get install iputils-ping")
def test_real_programs_take_the_same_path(network):
    with Session.open(network) as session:
        before = session.observe().hosts["m2"].counts["delivered"]
        network.exec("red1-1", ["ping", "-c", "2", "-i", "0.2", "10.0.0.21"], check=True)
        host = session.observe().hosts["m2"]
    assert host.counts["delivered"] - before >= 2
    assert "icmp" in {flow.proto for flow in host.flows}
