"""The page of a run in headless Chromium: by keyboard, for screen readers, without a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctl_report_folder
import pytest
from test_ctl_html_report import HOSTILE

from falcon_ctl.html_report import write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 40_000.0  # ms; a computer under load
REFUSED = """() => new Promise((resolve) => {
    addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
    fetch("http://127.0.0.1:9/").catch(() => {});
})"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose texts would run scripts if they were taken for markup."""
    folder = ctl_report_folder.write(tmp_path_factory.mktemp("page"), evidence=HOSTILE)
    frames = json.loads((folder / "frames.json").read_text())
    for frame in frames["runs"][0]["frames"]:
        frame["flow"] += HOSTILE
    (folder / "frames.json").write_text(json.dumps(frames))
    write.write(folder)
    return folder / write.NAME


def opened(chromium: Browser, path: Path, wrong: list[str], **options: Any) -> Page:
    """The page; whatever it asks for, says or runs that it must not is added to `wrong`."""
    page = chromium.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda asked: wrong.append(asked.url))
    page.goto(path.as_uri())
    assert wrong == [path.as_uri()]  # the file itself
    wrong.clear()
    return page


def reach(page: Page, role: str) -> None:
    """Press Tab until the focus is on an element with this role."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.getAttribute('role')") == role:
            return
    raise AssertionError(f"Tab does not come to a {role}")


def test_a_packet_is_followed_by_keyboard(chromium: Browser, where: Path) -> None:
    wrong: list[str] = []
    page = opened(chromium, where, wrong, viewport={"width": 1600, "height": 1000})
    page.locator(".canvas").first.focus()
    page.keyboard.press("ArrowRight")
    assert "FALCON 2" in page.locator(".values").first.inner_text()
    reach(page, "listbox")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    details = page.get_by_role("region", name="The chosen packet")
    text = details.inner_text()
    for part in ("Packet 30: delivered after 0.4 µs", "second choice", "CPU 20", "a.p4:17", "80"):
        assert part in text, part
    assert HOSTILE in text
    chosen = page.locator(".packets [aria-selected=true]")
    assert "30 at" in chosen.inner_text()
    page.keyboard.press("Home")
    assert "Packet 22" in details.inner_text()
    page.locator(".slice").last.click()
    assert "Packet 45" in details.inner_text()
    assert wrong == []
    assert page.evaluate(REFUSED) == "connect-src"
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 390)])
def test_axe_finds_no_violation(chromium: Browser, where: Path, scheme: Any, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    wrong: list[str] = []
    page = opened(
        chromium, where, wrong, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page.evaluate("() => document.querySelectorAll('details').forEach((fold) => fold.open = true)")
    found = Axe().run(page).response
    assert found["violations"] == [], [
        (one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]
    ]
    assert len(found["passes"]) > 20
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert wrong == []
    page.context.close()


PAPER = 688  # px: A4 without the page's margins
CUT_OFF = """() => [...document.body.querySelectorAll("*")].filter((one) => {
    if (one.closest(".hidden") || !one.getClientRects().length) return false;
    const scrolls = getComputedStyle(one).overflowX !== "visible";
    const beyond = one.getBoundingClientRect().right > innerWidth + 1;
    return beyond || (scrolls && one.scrollWidth > one.clientWidth + 1);
}).map((one) => one.outerHTML.slice(0, 160))"""
# What is ink and what is paper of each key of a legend: no colour, no shade of grey.
IN_BLACK_AND_WHITE = """() => [...document.querySelectorAll("[data-chart]")].map((chart) =>
    [...chart.querySelectorAll("canvas.swatch")].map((key) => {
        const { data } = key.getContext("2d").getImageData(0, 0, key.width, key.height);
        const shares = [0.2126, 0.7152, 0.0722];
        const grey = (at) => shares.reduce((sum, share, i) => sum + share * data[at + i], 0);
        const ink = (_, at) => data[4 * at + 3] > 127 && grey(4 * at) < 190 ? "#" : ".";
        return Array.from({ length: data.length / 4 }, ink).join("");
    }))"""


def test_it_is_printed_whole_and_in_black_and_white(chromium: Browser, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    wrong: list[str] = []
    folder = ctl_report_folder.write(tmp_path, more=[f"system-{n}" for n in range(14)])
    write.write(folder)
    page = opened(chromium, folder / write.NAME, wrong, viewport={"width": 1600, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("details > :not(summary)").last.is_visible()
    assert page.evaluate(CUT_OFF) == []
    legends = [keys for keys in page.evaluate(IN_BLACK_AND_WHITE) if keys]
    assert max(map(len, legends)) == 16
    for keys in legends:
        assert all("#" in key for key in keys)
        assert len(set(keys)) == len(keys)
    found = Axe().run(page).response  # contrast is one of luminances: the same in greyscale
    assert [one["id"] for one in found["violations"]] == []
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator("details:not([open])").count() > 2
    assert wrong == []
    page.context.close()


def test_without_a_program_all_numbers_are_there(chromium: Browser, where: Path) -> None:
    wrong: list[str] = []
    page = opened(chromium, where, wrong, java_script_enabled=False)
    assert page.locator("details.fold:not([open])").count() == 0
    assert page.get_by_role("table", name="Packet rate: 1000 packets/s").is_visible()
    assert page.get_by_text("Following packets needs JavaScript").is_visible()
    page.context.close()
