"""`falcon_ctl dashboard` on a running network, in headless Chromium: each control is used, and its
effect is read back from the receiving hosts."""

from __future__ import annotations

import bisect
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from falcon_ctl.capture.headers import Ends, ends
from falcon_ctl.live.hosts import Host
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.systems.catalogue import FALCON, MAIN_JOB, OVERLAY
from rxpath.live.control import Client
from tests.topo.driver import ROOT, Topo, network_up, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.network, pytest.mark.slow]
MORE = "summary:has-text('Ports')"  # opens and closes the fields that few need
PATIENCE = 40_000.0  # ms; a computer under load


@pytest.fixture(scope="module")
def topo() -> Iterator[Topo]:
    with network_up("pair", "--switch", "v1switch") as topo:
        yield topo


@pytest.fixture
def dashboard(topo: Topo, tmp_path: Any) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "falcon_ctl", "dashboard", "--port", "0"]
    with subprocess.Popen(
        [*argv, "--results", str(tmp_path)],
        env=topo.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process
        if process.poll() is None:
            process.kill()


@pytest.fixture
def page(chromium: Browser, dashboard: subprocess.Popen[str]) -> Iterator[Page]:
    assert dashboard.stdout is not None
    line = dashboard.stdout.readline()
    assert re.match(r"dashboard: http://127\.0\.0\.1:\d+/\?token=[\w-]{43}$", line)
    context = chromium.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(line.split()[1])
    page.wait_for_selector("[data-system=falcon]:enabled")
    yield page
    context.close()


def shows(page: Page, selector: str, pattern: str) -> None:
    js = "([s, p]) => new RegExp(p).test(document.querySelector(s)?.innerText ?? '')"
    page.wait_for_function(js, arg=[selector, pattern], timeout=PATIENCE)


def knobs(topo: Topo, machine: str = "m2") -> dict[str, Any]:
    with topo.network() as network, Client(network.machines[machine].control_socket) as client:
        found: dict[str, Any] = client.call("get")
        return found


def test_each_control_acts_on_the_receive_path(
    page: Page, topo: Topo, dashboard: subprocess.Popen[str]
) -> None:
    shows(page, "#running", "Nobody has asked for a system yet")
    page.fill("[name=seconds]", "1")
    page.fill("[name=rate]", "100")
    page.click("#start-flow")  # which makes the network run one
    shows(page, "#sent-flows", r"done · 100 messages/s · 100 sent · [1-9]\d* received.* p50 ")
    shows(page, "#running", "Running: container overlay · 1,000 times slower")
    page.fill("[name=seconds]", "60")
    for system in (one for one in MAIN_JOB if one is not OVERLAY):
        run(page, topo, system.name, lambda k, wanted=system.knobs: has(k, wanted))  # type: ignore[misc]
    run(page, topo, "falcon", lambda k: has(k, FALCON.knobs))

    page.fill("[name=threshold]", "65")
    page.fill("[name=falcon_cpus]", "0,2,4,6")
    page.select_option("[name=order]", "none")
    page.fill("[name=dilation]", "700")
    page.click("#apply")
    found = until(lambda: (k := knobs(topo))["dilation"] == 700 and k)
    falcon = found["falcon"]
    assert (falcon["threshold"], falcon["cpus"], falcon["order"]) == (65, [0, 2, 4, 6], "none")
    assert knobs(topo, "m1")["falcon"] == falcon
    page.fill("[name=policy]", "labs/policies/in_turn.py:in_turn")
    page.click("#apply")
    until(lambda: knobs(topo)["policy"].endswith("labs/policies/in_turn.py:in_turn"))
    shows(page, "#running", "in_turn.*threshold 65 %")

    page.fill("[name=chain]", "labs/chains/double_bridge.toml:nested")
    page.fill("[name=policy]", "")
    page.click("#apply")
    until(lambda: knobs(topo)["profile"].endswith("labs/chains/double_bridge.toml:nested"))
    run(page, topo, "falcon", lambda k: k["policy"] == "falcon" and k["dilation"] == 700)
    arrives_from_the_seeds_port(page)
    surges_between_ports(page, topo)

    page.select_option("[name=proto]", "tcp")
    page.click("#start-flow")
    shows(page, "#sent-flows", r"tcp red1-1 → red2-1\s+[\d,]+ sent · [1-9]")
    page.click("#sent-flows button:has-text('Stop')")
    shows(page, "#sent-flows", r"tcp red1-1 → red2-1\s+stopped")

    # Another command steers the network meanwhile.
    argv = [sys.executable, "-m", "falcon_ctl", "use", "overlay"]
    subprocess.run(argv, env=topo.env, cwd=ROOT, check=True, capture_output=True)
    shows(page, "#running", "Running: container overlay · 700 times")
    assert page.get_attribute("[data-system=overlay]", "aria-pressed") == "true"

    a_dead_host_leaves_the_other(page, topo)
    topo("down")
    shows(page, "#state", "Network down")
    shows(page, "#absent-why", "no network is up in .*make topo")
    assert page.is_disabled("[data-system=host]")
    dashboard.send_signal(signal.SIGINT)
    assert dashboard.wait(PATIENCE) == 130
    assert dashboard.stderr is not None
    line = "falcon_ctl: interrupted; the network goes on as it is\n"
    assert dashboard.stderr.read() == line


def arrives_from_the_seeds_port(page: Page) -> None:
    """A flow of Poisson arrivals, as the receiving host sees it: ports, cores of its stages."""
    page.fill("[name=rate]", "300")
    page.check("[name=poisson]")
    page.click(MORE)
    page.fill("[name=seed]", "5")
    page.click("#start-flow")
    shows(page, "#sent-flows", r"300 messages/s, Poisson · [\d,]+ sent · [1-9]")
    port = FlowRequest("red1-1", "red2-1", seed=5).from_port  # as the receiving host saw it
    stages = r"NIC \d+\s+VXLAN \d+\s+veth \d+\s+app 20"
    shows(page, "#flows", rf"udp red1-1:{port} → red2-1:9100\s+{stages}")
    page.fill("[name=seed]", "")
    page.click(MORE)
    shows(page, "#figures", r"Cores in use\s+4")
    shows(page, "#topology", r"bit/s")
    shows(page, "#latency-text", r"p50 .* µs")
    page.click("#sent-flows button:has-text('Stop')")
    shows(page, "#sent-flows", "stopped")


def surges_between_ports(page: Page, topo: Topo) -> None:
    """The frames of a flow that surges are the receiving NIC's, as the host recorded them."""
    page.click(MORE)
    page.uncheck("[name=poisson]")
    page.check("[name=surge]")
    wanted = {"rate": 50, "seconds": 3, "peak": 400, "source_port": 31000, "port": 9150}
    for name, value in wanted.items():
        page.fill(f"[name={name}]", str(value))
    with topo.network() as network:
        host = Host(network.machines["m2"])
        with contextlib.closing(host), host.recording(5000) as recorded:
            page.click("#start-flow")
            shows(page, "#flows", r"udp red1-1:31000 → red2-1:9150")
            shows(page, "#sent-flows", r"done · 50 messages/s, surge · 500 sent")
    flow = Ends("10.0.0.11", "10.0.0.21", 31000, 9150)
    found = [one for one in recorded[0].passages if ends(one.frame) == flow]
    assert len(found) == 500
    times = [one.arrival * host.found["dilation"] for one in found]
    in_a_second = max(bisect.bisect(times, at + 10**9) - i for i, at in enumerate(times))
    assert in_a_second > 250  # without a surge it would be 167
    for name in ("source_port", "port", "peak"):
        page.fill(f"[name={name}]", "")
    page.uncheck("[name=surge]")
    page.fill("[name=seconds]", "60")


def a_dead_host_leaves_the_other(page: Page, topo: Topo) -> None:
    """The page, `show` and `watch` name the host, go on with the other, and tell the remedy."""
    (pid,) = (part["pid"] for part in topo.status()["parts"] if part["node"] == "m2")
    os.kill(pid, signal.SIGKILL)
    line = r"m2: killed by SIGKILL; m1 goes on \(make topo repairs it\)"
    shows(page, "#trouble", f"^rx-{line}$")
    shows(page, "#state", "^Live, a part in trouble$")
    assert page.is_enabled("[data-system=host]")
    page.click("[data-system=host]")
    shows(page, "#use-error", r"m2.*make topo repairs it")
    for command in ("show", "watch --once"):
        argv = [sys.executable, "-m", "falcon_ctl", *command.split()]
        said = subprocess.run(
            argv, env=topo.env, cwd=ROOT, check=True, capture_output=True, text=True
        )
        assert re.search(line, said.stdout), said.stdout
        assert "m1" in said.stdout
    topo("up", "pair", "--switch", "v1switch")  # as `make topo`: repairs it
    shows(page, "#state", "^Live$")
    assert not page.is_visible("#trouble")
    run(page, topo, "falcon", lambda k: has(k, FALCON.knobs))


def has(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a host has all knobs of a system."""
    falcon = {**found["falcon"], **wanted["falcon"]}
    return {**found, **wanted, "falcon": falcon} == found


def run(page: Page, topo: Topo, system: str, runs: Callable[[dict[str, Any]], bool]) -> None:
    page.click(f"[data-system={system}]")
    until(lambda: runs(knobs(topo)))
    page.wait_for_selector(f"[data-system={system}][aria-pressed=true]")
