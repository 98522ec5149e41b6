"""The page in headless Chromium, on a made-up network: what it shows, and what its controls ask."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from falcon_ctl.dashboard.messages import network_down
from falcon_ctl.dashboard.recordings import Folder
from falcon_ctl.dashboard.server import Dashboard, serving
from falcon_ctl.steering.choice import Choice
from tests.falcon_ctl.dashboard_world import World, WorldSource

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 40_000.0  # ms; a computer under load
WIDE, NARROW = {"width": 1600, "height": 1000}, {"width": 390, "height": 844}


class Shown:
    """A page in a browser, the network that it shows, and what went wrong in it."""

    def __init__(self, page: Page, dashboard: Dashboard, world: World, used: list[Choice]) -> None:
        self.page, self.dashboard, self.world, self.used = page, dashboard, world, used
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._said)
        page.on("request", self._requested)

    def _said(self, message: Any) -> None:
        refused = "the server responded with a status of 400"  # the page tells why
        if message.type == "error" and refused not in message.text:
            self.errors.append(message.text)

    def _requested(self, request: Any) -> None:
        if not re.match(rf"(http://127\.0\.0\.1:{self.dashboard.access.port}/|data:)", request.url):
            self.errors.append(f"asked for {request.url}")

    def open(self) -> None:
        self.page.goto(self.dashboard.access.address)
        self.wait("document.documentElement.dataset.ready === 'true'")

    def wait(self, condition: str) -> None:
        self.page.wait_for_function(f"() => {condition}", timeout=PATIENCE)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def until_text(self, selector: str, pattern: str) -> None:
        js = "([s, p]) => new RegExp(p).test(document.querySelector(s)?.innerText ?? '')"
        self.page.wait_for_function(js, arg=[selector, pattern], timeout=PATIENCE)


@pytest.fixture
def shown(chromium: Browser, tmp_path: Path) -> Iterator[Shown]:
    world, used = World(wall_ns=time.time_ns(), shown=60), list[Choice]()

    def open_source() -> WorldSource:
        source = WorldSource(world)
        source.used = used
        return source

    folder = Folder(tmp_path / "recordings", "test")
    context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
    with serving(open_source, folder, period=0.1, retry=0.1) as dashboard:
        context.set_default_timeout(PATIENCE)
        found = Shown(context.new_page(), dashboard, world, used)
        found.open()
        yield found
        context.close()
    assert found.errors == []


def start_flow(shown: Shown, rate: str = "900") -> None:
    shown.page.fill("[name=rate]", rate)
    shown.page.click("#start-flow")
    shown.until_text("#sent-flows", "received")


def lanes(page: Page) -> dict[str, str]:
    """CPU → load, of the cores that are shown."""
    rows = page.eval_on_selector_all(
        "#lanes .lane",
        "l => l.map(e => [e.querySelector('.cpu').innerText, e.querySelector('.load').innerText])",
    )
    return dict(rows)


def cell(page: Page, stage: str, cpu: int) -> str:
    """A cell of the heat map."""
    return page.get_attribute(f"#heat td[title^='{stage} on CPU {cpu}:']", "title") or ""


def test_three_softirqs_pile_up_on_one_core_and_spread_out(shown: Shown) -> None:
    page = shown.page
    start_flow(shown)
    shown.until_text("#figures", r"Busiest core\s+100 %\s+CPU 3")
    loads = lanes(page)
    assert loads["CPU 3"] == "100 %"
    assert loads["CPU 0"] == "0 %"
    assert [cell(page, stage, 3).split(": ")[1] for stage in ("NIC", "VXLAN", "veth")] == [
        "36 %", "31 %", "33 %"
    ]  # fmt: skip
    colours = colours_of_lane(page, 3)
    assert {"napi", "gro_cell", "backlog"} <= colours
    page.click("[data-system=falcon]")
    shown.until_text("#figures", r"Busiest core\s+58 %\s+CPU 3\s+Cores in use\s+4\s+of 40")
    assert [lanes(page)[f"CPU {cpu}"] for cpu in (3, 0, 4)] == ["58 %", "49 %", "52 %"]
    assert colours_of_lane(page, 3) == {"napi"}
    assert colours_of_lane(page, 0) == {"gro_cell"}
    assert colours_of_lane(page, 4) == {"backlog"}
    label = page.get_attribute("#slices", "aria-label") or ""
    assert "CPU 0 runs VXLAN; CPU 3 runs NIC; CPU 4 runs veth; CPU 20 runs app" in label
    assert re.search(r"NIC 3\s+VXLAN 0\s+veth 4\s+app 20", shown.text("#flows"))
    shown.until_text("#flows", "900 kpps")
    assert re.search(r"p50 .*, p99 .*, p99.9 ", shown.text("#latency-text"))


def colours_of_lane(page: Page, cpu: int) -> set[str]:
    """The stages whose colours the canvas has in a CPU's lane."""
    return set(
        page.evaluate(
            """(cpu) => {
              const canvas = document.getElementById("slices");
              const names = [...document.querySelectorAll("#lanes .cpu")].map((e) => e.innerText);
              const lane = canvas.clientHeight > 22 ? (canvas.height - 22) / names.length : 0;
              const y = Math.round((names.indexOf(`CPU ${cpu}`) + 0.25) * lane);
              const row = canvas.getContext("2d").getImageData(0, y, canvas.width, 1).data;
              const known = {
                "47,111,222": "napi", "44,160,44": "gro_cell", "242,200,15": "backlog",
                "176,176,176": "socket",
              };
              const found = new Set();
              for (let i = 0; i < row.length; i += 4) {
                const name = known[`${row[i]},${row[i + 1]},${row[i + 2]}`];
                if (name) found.add(name);
              }
              return [...found];
            }""",
            cpu,
        )
    )


def test_every_setting_reaches_the_network_and_what_is_wrong_is_told(shown: Shown) -> None:
    page = shown.page
    page.select_option("[name=system]", "falcon-published")
    page.fill("[name=policy]", "rps")
    page.fill("[name=threshold]", "65")
    page.fill("[name=falcon_cpus]", "0, 2,4")
    page.select_option("[name=order]", "rfs")
    page.fill("[name=dilation]", "500")
    page.click("#apply")
    shown.until_text("#running", "threshold 65 %")
    assert shown.used == [Choice("falcon-published", "rps", 65, (0, 2, 4), "rfs", 500)]
    assert shown.text("#use-command") == (
        "falcon_ctl use falcon-published --policy rps --threshold 65 --falcon-cpus 0,2,4 "
        "--order rfs --dilation 500"
    )
    page.fill("[name=policy]", "nothing")
    page.click("#apply")
    shown.until_text("#use-error", "--policy: nothing; expected same_cpu")
    page.click("[data-system=host]")  # which keeps the dilation alone
    shown.until_text("#running", "^Running: host network · 500 times slower than real$")
    assert shown.text("#use-error") == ""
    assert page.input_value("[name=policy]") == ""
    shown.world.wait = threading.Event()
    page.click("[data-system=falcon]")  # what is typed while it is being done stays
    page.fill("[name=threshold]", "33")
    shown.world.wait.set()
    shown.until_text("#running", "Running: FALCON")
    shown.wait("!document.body.dataset.using")
    assert page.input_value("[name=threshold]") == "33"
    shown.world.wait = threading.Event()
    page.click("#apply")  # what runs until it is done does not replace what was asked for
    before = shown.world.wall_ns
    shown.wait("document.body.dataset.using")
    page.evaluate("new Promise(done => setTimeout(done, 500))")
    assert shown.world.wall_ns > before
    assert page.input_value("[name=threshold]") == "33"
    shown.world.wait.set()
    shown.until_text("#running", "Running: FALCON · threshold 33 %")
    page.click("[data-system=host]")
    shown.until_text("#running", "Running: host network")
    assert page.input_value("[name=threshold]") == ""
    shown.world.choice = Choice("overlay", dilation=200)  # another command steers, too
    shown.until_text("#running", "container overlay · 200 times")
    assert page.get_attribute("[data-system=overlay]", "aria-pressed") == "true"
    assert page.input_value("[name=dilation]") == "200"


def test_flows_are_started_with_all_options_and_stopped(shown: Shown) -> None:
    page = shown.page
    page.select_option("[name=source]", "blue1-2")
    options = page.eval_on_selector_all("[name=target] option", "l => l.map(o => o.value)")
    assert options == ["blue2-1", "blue2-2", "blue1-1"]
    page.select_option("[name=target]", "blue2-2")
    wanted = {"rate": "500", "size": "100", "seconds": "30", "source_port": "31000", "port": "9150"}
    page.click("summary:has-text('Ports')")
    for name, value in {**wanted, "seed": "5", "peak": "900"}.items():
        page.fill(f"[name={name}]", value)
    page.check("[name=poisson]")
    page.check("[name=surge]")
    page.click("#start-flow")
    shown.until_text("#sent-flows", r"500 messages/s, Poisson, surge · [\d,]+ sent")
    (sent,) = shown.world.flows.values()
    asked = sent.request
    assert (asked.source, asked.target, asked.proto) == ("blue1-2", "blue2-2", "udp")
    assert (asked.rate, asked.size, asked.seconds, asked.peak) == (500, 100, 30, 900)
    assert (asked.source_port, asked.port, asked.seed) == (31000, 9150, 5)
    assert asked.poisson
    assert asked.surge
    page.click("#sent-flows button:has-text('Stop')")
    shown.until_text("#sent-flows", "stopped")
    assert shown.world.flows == {}
    page.select_option("[name=proto]", "tcp")
    page.uncheck("[name=surge]")
    page.click("#start-flow")
    shown.until_text("#sent-flows", "tcp blue1-2 → blue2-2")
    (sent,) = shown.world.flows.values()
    assert (sent.request.proto, sent.request.rate, sent.request.size) == ("tcp", 0, 4096)
    page.select_option("[name=target]", "blue1-1")
    page.click("#start-flow")
    shown.until_text("#flow-error", "are both on m1")


def test_a_packet_is_followed_by_keyboard_and_pointer(shown: Shown) -> None:
    page = shown.page
    page.click("[data-system=falcon]")
    start_flow(shown)
    shown.until_text("#figures", r"Cores in use\s+4")
    page.focus("#slices")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#freeze", "aria-pressed") == "true"
    pattern = (
        r"Packet (\d+) of udp red1-1:\d+ > red2-1:9100: NIC \(eth0\) on CPU 3, 640 ns → "
        r"VXLAN \(vxlan0\) on CPU 0, 540 ns → veth \(veth0\) on CPU 4, 580 ns → "
        r"app \(red2-1\) on CPU 20, 300 ns; 2.06 µs in all."
    )
    first = re.fullmatch(pattern, shown.text("#packet"))
    assert first
    page.keyboard.press("ArrowRight")
    second = re.fullmatch(pattern, shown.text("#packet"))
    assert second
    assert int(second[1]) == int(first[1]) + 1
    before = shown.text("#span")
    page.keyboard.press("-")
    assert shown.text("#span") != before
    page.keyboard.press("Escape")
    assert "Point at a packet" in shown.text("#packet")
    page.keyboard.press(" ")
    assert page.get_attribute("#freeze", "aria-pressed") == "false"


def test_a_reload_and_a_network_that_goes_and_comes_lose_nothing(shown: Shown) -> None:
    page = shown.page
    page.click("[data-system=falcon]")
    start_flow(shown)
    page.reload()
    shown.wait("document.documentElement.dataset.ready === 'true'")
    assert "token" not in page.url
    shown.until_text("#running", "Running: FALCON")
    shown.until_text("#sent-flows", "received")
    shown.until_text("#events", r"use\s+FALCON")
    trouble = {"type": "network", "up": True, "text": "m1: killed by SIGKILL", "failed": ["m1"]}
    shown.dashboard.board.tell_from_thread(trouble)
    shown.until_text("#trouble", "^m1: killed by SIGKILL$")
    shown.until_text("#state", "^Live, a part in trouble$")
    shown.wait("document.querySelector('#topology .failed')?.textContent === '✕ m1'")
    shown.dashboard.board.tell_from_thread({**trouble, "text": "", "failed": []})
    shown.wait("document.getElementById('trouble').hidden")
    shown.world.up = False
    shown.until_text("#state", "Network down")
    assert page.is_visible("#absent")
    assert "make topo" in shown.text("#absent")
    assert page.is_disabled("[data-system=host]")
    assert page.is_disabled("#start-flow")
    shown.until_text("#sent-flows", "the network went down")
    assert shown.text("#absent-title") == "No network is up"
    failed = network_down("rxpath (m2): Connection refused")
    shown.dashboard.board.tell_from_thread(failed)
    # Both at once: the source soon says again that the network is down.
    shown.wait(
        "document.getElementById('state').textContent.includes('Network in trouble') && "
        "document.getElementById('absent-title').textContent === 'The network does not answer'"
    )
    shown.world.up = True
    shown.until_text("#state", "Live")
    assert page.is_hidden("#absent")
    assert page.is_enabled("[data-system=host]")
    shown.until_text("#events", "the network is up\n(.|\n)*the network is down")


def test_recording_and_replay(shown: Shown) -> None:
    page = shown.page
    start_flow(shown)
    page.click("#record")
    shown.until_text("#state", "Live, recording")
    page.click("[data-system=falcon]")
    shown.until_text("#figures", r"Cores in use\s+4")
    page.click("#record")
    shown.until_text("#record", "^Record$")
    shown.world.up = False  # a lecture without a network
    shown.until_text("#state", "Network down")
    page.click("#absent-recordings button:has-text('Play')")
    shown.until_text("#state", "Replay")
    assert page.is_hidden("#absent")
    assert page.is_disabled("[data-system=host]")
    page.click("#play")
    shown.until_text("#play", "^Play$")
    page.focus("#seek")
    page.keyboard.press("End")
    shown.until_text("#running", "Running: FALCON")
    shown.until_text("#figures", r"Cores in use\s+4")
    page.keyboard.press("Home")
    shown.until_text("#running", "Running: container overlay")
    page.select_option("#speed", "8")
    page.click("#play")
    shown.until_text("#running", "Running: FALCON")
    shown.until_text("#play", "^Play$")  # it stands still at the end
    page.click("#live")
    shown.until_text("#state", "Network down")
    page.click("#open-recordings")
    with page.expect_download() as download:
        page.click("#recording-list a")
    assert download.value.suggested_filename.endswith(".jsonl")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keyboard_screen_reader_and_width(shown: Shown, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = shown.page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    start_flow(shown)
    assert page.get_attribute("html", "data-theme") == scheme
    assert complaints(Axe().run(page)) == []
    page.set_viewport_size(NARROW)
    shown.wait("document.documentElement.scrollWidth <= innerWidth")
    assert complaints(Axe().run(page)) == []
    page.click("#open-recordings")
    assert complaints(Axe().run(page)) == []
    page.keyboard.press("Escape")
    shown.world.up = False
    shown.until_text("#state", "Network down")
    assert complaints(Axe().run(page)) == []
    if scheme == "light":
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == "dark"
        page.reload()
        assert page.get_attribute("html", "data-theme") == "dark"


def complaints(found: Any) -> list[str]:
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


def test_every_control_is_reached_by_the_tab_key(shown: Shown) -> None:
    page = shown.page
    page.keyboard.press("Tab")
    reached = set()
    which = "(e => e.id || e.name || e.dataset.system || '')(document.activeElement)"
    for _ in range(70):
        reached.add(page.evaluate(which))
        page.keyboard.press("Tab")
    assert {
        "record",
        "open-recordings",
        "theme",
        "slices",
        "freeze",
        "zoom-in",
        "start-flow",
        "apply",
        "source",
        "rate",
        "system",
        "threshold",
        "overlay",
        "falcon",
        "events",
    } <= reached
