"""The screen of `falcon_ctl watch`, from observations that are made: rows, keys, plain output."""

import asyncio
import contextlib
import json
import re
import sys
from dataclasses import replace
from datetime import timezone

import ctl_observations as src
import pytest
from ctl_observations import FALCON, NIC, OVERLAY

from falcon_ctl.errors import AlreadyRunning, CtlError, NoNetwork, UsageError
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import Event, Observation, Queue, Socket
from falcon_ctl.watch_screen import choices, numbers, run, styles
from falcon_ctl.watch_screen import source as feeding
from falcon_ctl.watch_screen.bar import bar
from falcon_ctl.watch_screen.help import help_rows
from falcon_ctl.watch_screen.lines import Report, snapshot
from falcon_ctl.watch_screen.recorded import Recorded
from falcon_ctl.watch_screen.screen import Frame, screen
from falcon_ctl.watch_screen.spans import text, width_of
from falcon_ctl.watch_screen.stages import STAGES
from falcon_ctl.watch_screen.state import EVENTS, ScreenState

UTC = timezone.utc


def remembered(observations):
    memory = ScreenState()
    for one in observations:
        memory.add(one)
    return memory


def drawn(memory, width=80, height=24, **frame):
    return [text(one) for one in screen(memory, Frame("pair", zone=UTC, **frame), width, height)]


def found(rows, word):
    return next(one for one in rows if word in one)


# -- bars ------------------------------------------------------------------------------------------


def test_a_bar_shows_each_stage_by_its_share_and_the_threshold_in_what_is_idle():
    one = bar({"napi": 0.4, "gro_cell": 0.3, "backlog": 0.1}, 10, threshold=0.9)
    assert text(one) == "NNNNXXXV·|"
    assert [span.style for span in one] == ["napi", "gro_cell", "backlog", "idle", "mark"]
    assert text(bar({"napi": 0.9}, 10, threshold=0.8)) == "NNNNNNNNN·"  # the load covers it


@pytest.mark.parametrize("width", [1, 7, 40])
def test_a_bar_is_as_wide_as_asked_and_as_long_as_its_sum(width):
    for parts in range(1, 12):
        shares = dict.fromkeys(list(STAGES)[:parts], 1 / parts)
        assert text(bar(shares, width)).strip("·|") == text(bar(shares, width))  # full
        assert width_of(bar(dict.fromkeys(shares, 2.0), width)) == width  # too much
        half = {kind: share / 2 for kind, share in shares.items()}
        assert abs(len(text(bar(half, width)).rstrip("·")) - width / 2) <= 0.5


def test_no_two_stages_look_alike_without_colour():
    letters = [one.letter for one in STAGES.values()]
    assert len(set(letters)) == len(letters)
    for depth in (styles.TRUE, styles.SIXTEEN, styles.MONO):
        assert all(isinstance(styles.look(name, depth), str) for name in styles.NAMES)


# -- the whole screen ------------------------------------------------------------------------------


def test_the_screen_shows_what_piles_up_on_one_core_and_then_spreads():
    observations = list(src.story())
    rows = drawn(remembered(observations[:1]))
    assert "container overlay · policy same_cpu" in rows[0]
    core = found(rows, "  3 N")
    assert all(letter in core for letter in "NXV")
    assert "99% softirq" in core
    rows = drawn(remembered(observations))
    assert "FALCON · policy falcon · threshold 80 % · order handover" in rows[0]
    assert [one[:5] for one in rows if one[:5] in ("  0 X", "  3 N", "  6 V", " 20 S")]
    assert "1,185 kpps" in found(rows, "[m2]")
    assert "lost 12 (rx_missed 12)" in found(rows, "delivered")
    assert "N3  X0  V6  S20" in found(rows, "udp red1-1:40000 > red2-1:5001")
    assert "m1 m2 use overlay → falcon" in found(rows, "use")
    assert "gro_cell CPU 0 → 4" in found(rows, "rehash")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (120, 10), (40, 8), (9, 3)])
def test_every_size_is_filled_exactly(width, height):
    memory = remembered(src.story())
    for frame in ({}, {"notice": "x" * 300, "style": "bad"}, {"paused": True}):
        rows = drawn(memory, width, height, **frame)
        assert {len(one) for one in rows} == {width}
        assert len(rows) == height
    assert len(drawn(ScreenState(), width, height)) == height


def test_the_load_that_falcon_measures_is_told_with_its_interval():
    knobs = {"load_interval_ns": 40_000_000}
    one = src.host(choice=FALCON, knobs=knobs, model_ns=39_000_000)
    rows = drawn(remembered([src.observation(one)]))
    assert "FALCON on (its CPUs: not measured yet, every 40 s)" in rows[2]
    one = replace(one, model_ns=40_000_000, average_load=48, falcon_off=True)
    rows = drawn(remembered([src.observation(one)]))
    assert "FALCON off (its CPUs: 48 %, every 40 s)" in rows[2]


def test_without_utf8_signs_are_ascii():
    palette = pytest.importorskip("falcon_ctl.watch_screen.board").Palette(styles.MONO, plain=True)
    rows = [*screen(remembered(src.story()), Frame("pair"), 80, 24), *help_rows()]
    assert all(palette.strip(one, 80).text.isascii() for one in rows)


def test_observations_are_as_far_apart_as_their_cost_demands(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(feeding.time, "process_time", lambda: 0.009 * next(clock))
    waits, source = [], src.Made()
    feed = feeding.Feed(source, 0.1, 0.045, lambda _: None, print, print, print)
    monkeypatch.setattr(feed._stop, "wait", lambda seconds: waits.append(seconds))
    monkeypatch.setattr(feed._stop, "is_set", lambda: len(waits) > 60)
    monkeypatch.setattr(feeding.time, "monotonic", lambda: sum(waits))
    feed._run()
    assert waits[0] == pytest.approx(0.1)
    assert waits[-1] == pytest.approx(0.2, rel=0.05)  # 9 ms each are 4.5 % of a core then
    assert source.closed


def test_a_missing_textual_is_one_line_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "falcon_ctl.watch_screen.app", None)
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.delitem(sys.modules, "falcon_ctl.watch_screen.app")
    with pytest.raises(UsageError, match=r"falcon-testbed\[watch\]"):
        run._screen(src.Made(), None, None)


def test_a_wide_screen_has_flows_beside_the_cores():
    rows = drawn(remembered(src.story()), 160, 30)
    assert "Flows" in found(rows, "N NIC")
    assert "udp red1-1:40000 > red2-1:5001" in "\n".join(rows)


def test_a_low_screen_keeps_the_cores():
    rows = drawn(remembered(src.story()), 80, 10)
    assert sum("CPU" in one or one[3:5] in (" N", " X", " V", " S") for one in rows) >= 4
    assert not [one for one in rows if one.startswith("Events")]


def test_more_busy_cpus_than_rows_are_the_busiest_and_the_rest_is_counted():
    loads = {number: {NIC: 0.1 + number / 100} for number in range(40)}
    rows = drawn(remembered([src.observation(src.host(loads=loads))]), 80, 24)
    shown = [int(one[:3]) for one in rows if one[4:5] == "N" and one[:3].strip().isdigit()]
    assert shown == sorted(shown)
    assert shown[-1] == 39
    assert f"(+{40 - len(shown)} less busy)" in "\n".join(rows)


def test_flows_without_ports_are_named_without_them():
    ping = src.flow(1.0, src.PILED, proto="icmp", source_port=0, target_port=0)
    assert str(ping) == "icmp red1-1 > red2-1"
    assert str(replace(ping, proto="ip-0", source="", target="")) == "frames other than IP"


def test_queues_that_hold_something_are_shown_and_full_ones_marked():
    rings = (Queue(0, 12, 1024, 1), Queue(1, 1000, 1024, 3), Queue(2, 0, 1024, 5))
    sockets = (Socket("red2-1", 7, 212_000, 212_992), Socket("red2-2", 0, 0, 212_992))
    cpus = (src.cpu(3, {NIC: 0.9}, backlog=999, cell=17),)
    memory = remembered([src.observation(src.host(queues=rings, sockets=sockets, cpus=cpus))])
    rows = screen(memory, Frame("pair"), 80, 24)
    queue = next(one for one in rows if text(one).startswith("Queues"))
    assert "rx-0 → CPU 1 12 (1%)  rx-1 → CPU 3 1000 (98%)  red2-1 7 (100%)" in text(queue)
    assert [span.text for span in queue if span.style == "bad"] == ["1000 (98%)", "7 (100%)"]
    assert "rx-2" not in "\n".join(map(text, rows))
    assert found(map(text, rows), "  3 N").split()[-2:] == ["999", "17"]


# -- what is kept ----------------------------------------------------------------------------------


def test_the_machine_that_receives_most_is_shown_unless_the_user_picks_another():
    swapped = src.host("m1"), src.quiet("m2")
    memory = remembered([src.observation(step=0), *(src.observation(step=n) for n in (1, 12))])
    assert memory.machine == "m2"
    memory.add(src.observation(*swapped, step=13))
    assert memory.machine == "m2"  # for a moment
    for step in range(14, 40):
        memory.add(src.observation(*swapped, step=step))
    assert memory.machine == "m1"
    memory.pick(1)
    for step in range(40, 90):
        memory.add(src.observation(*swapped, step=step))
    assert memory.machine == "m2"
    for step in range(90, 200):
        memory.add(src.observation(*swapped, step=step))
    assert memory.machine == "m1"  # nothing came to the other for long
    memory.pick(1)
    both = src.host("m1"), src.host("m2", pps=10.0)
    for step in range(200, 600, 9):
        memory.add(src.observation(*both, step=step))
    assert memory.machine == "m2"


def test_an_idle_cpu_fades_from_the_screen_after_a_while():
    memory = remembered([src.observation()])
    idle = src.quiet(), src.host(loads={}, pps=0.0)
    memory.add(src.observation(*idle, step=30))
    assert found(drawn(memory), "  3 ···")
    memory.add(src.observation(*idle, step=300))
    assert "all CPUs are idle" in "\n".join(drawn(memory))


def test_events_alike_are_one_line_and_many_moves_are_counted():
    lost = [Event(1, "m2", "drop", "10 frames lost: rx_missed")]
    memory = remembered(src.observation(step=step, events=lost) for step in range(5))
    assert [one.text for one in memory.events] == ["50 frames lost: rx_missed"]
    memory.add(src.observation(step=50, events=lost))
    assert len(memory.events) == 2
    moves = [Event(1, "m2", "rehash", f"flow {number}: …") for number in range(20)]
    memory.add(src.observation(step=51, events=moves))
    assert memory.events[-1].text == "20 flows' stages rehashed"
    for step in range(100, 100 + 2 * EVENTS):
        memory.add(src.observation(step=step, events=[Event(1, "m2", "switch-on", f"… {step}")]))
    assert len(memory.events) == EVENTS


def test_an_outage_is_said_and_what_was_seen_stays():
    memory = remembered([src.observation()])
    memory.lose("down; waiting for it", src.BEGIN)
    rows = drawn(memory)
    assert "network down" in rows[1]
    assert found(rows, "  3 N")
    memory.add(src.observation(step=9))
    assert memory.outage == ""
    assert "network is up again" in found(drawn(memory), "up again")


def test_a_machine_that_failed_is_told_and_the_others_go_on():
    memory = remembered([src.observation()])
    failed = replace(src.observation(src.host(), step=1), failed={"m1": "killed by SIGKILL"})
    memory.add(failed)
    rows = drawn(memory)
    assert found(rows, "m1: killed by SIGKILL; m2 goes on (make topo repairs it)")
    assert found(rows, "  3 N")
    assert Observation.from_json(failed.to_json()) == failed
    memory.add(src.observation(step=2))
    rows = drawn(memory)
    assert found(rows, "m1 failed works again")
    assert not any("goes on" in row for row in rows)


def test_machines_that_run_different_things_are_named():
    mixed = src.quiet(), src.host(choice=replace(FALCON, dilation=1))
    rows = "\n".join(drawn(remembered([src.observation(*mixed)])))
    assert "m1 run overlay; m2 run falcon" in rows
    undilated = src.quiet(), src.host(choice=replace(OVERLAY, dilation=1))
    assert "; m2 run" not in "\n".join(drawn(remembered([src.observation(*undilated)])))


# -- numbers, plain output -------------------------------------------------------------------------


def test_a_network_that_nobody_told_anything_says_so():
    fresh = src.observation(src.quiet(), src.quiet("m2"))
    assert "no system was chosen" in drawn(remembered([fresh]))[3]
    assert "no system" not in "".join(drawn(remembered([replace(fresh, choice=OVERLAY)])))
    assert "no system" not in "".join(drawn(remembered([src.observation()])))


def test_rates_have_three_digits():
    assert numbers.rate(588_123, "pps") == "588 kpps"
    assert numbers.rate(1.185e6, "pps") == "1,185 kpps"
    assert numbers.rate(950, "pps") == "950 pps"
    assert numbers.rate(12.34e9, "bit/s") == "12.3 Gbit/s"


def test_lines_say_what_is_new_since_the_line_before():
    report = Report(UTC)
    lines = [line for one in src.story() for line in report.add(one)]
    assert lines[0].split()[:3] == ["22:13:20.1", "m2", "overlay"]
    assert "3:99% N40 X35 V24" in lines[0]
    assert "m1 m2: use" in lines[1]
    counts = [line.split()[5:7] for line in lines if line.split()[1] == "m2"]
    assert counts == [["0", "0"], ["0", "0"], ["0", "0"], ["0", "12"]]
    calm = src.observation(src.quiet(), src.quiet("m2"), step=9)
    assert [*report.add(calm)][-1].endswith("no packets")


def test_loads_and_rates_are_those_of_the_last_second_of_the_model():
    def seen(step, pps, load, span):
        loads = {3: {NIC: load}} if load else {}
        one = src.host(pps=pps, loads=loads, span_ns=span, flows=(src.flow(pps, loads),))
        return src.observation(one, step=step)

    memory = remembered([seen(0, 9e9, 1.0, 1000), seen(10, 900e3, 0.9, 100), seen(11, 0, 0.3, 300)])
    assert memory.host.pps == pytest.approx(225e3)
    assert memory.host.bps == pytest.approx(225e3 * 8 * 128)
    assert memory.host.flows[0].pps == pytest.approx(225e3)
    assert [(cpu.number, cpu.load) for cpu in memory.host.cpus] == [(3, pytest.approx(0.45))]
    memory.add(seen(12, 0, 0.0, 400))
    assert [(cpu.load, cpu.state) for cpu in memory.host.cpus] == [(pytest.approx(0.225), "idle")]


def test_latencies_are_those_of_the_last_second():
    def seen(latencies, step):
        return src.observation(src.host(latencies=latencies), step=step)

    memory = remembered([seen([(100_000, 99)], 1), seen([(100_000, 1), (2_500_000, 900)], 2)])
    assert "p50 2.50 ms  p99 2.50 ms" in drawn(memory)[1]
    memory.add(seen([(700, 9)], 50))
    assert "p50 0.70 µs  p99 0.70 µs" in drawn(memory)[1]


def test_what_was_written_is_played_again(tmp_path):
    file = tmp_path / "session.jsonl"
    story = list(src.story())
    lines = [f"{json.dumps(one.to_json())}\n" for one in story]
    file.write_text("".join(lines) + lines[0][:50])  # its writer was killed
    source = Recorded(file)
    assert list(iter(lambda: source.observe(9), None)) == story
    with pytest.raises(CtlError, match=r"session.jsonl is a recording: `falcon_ctl use falcon"):
        source.use(FALCON)
    wrong = {
        "": "no complete line", "[]\n": "line 1: no JSON object", "{\n": "line 1: '{'",
        '{"format": 0}\n': "line 1: format 0", "x" * 99 + "\n": "line 1: 'xxx",
        '{"falcon_dashboard": 1}\n': "`falcon_ctl dashboard --replay FILE` plays this one",
    }  # fmt: skip
    for text_, why in wrong.items():
        file.write_text(text_)
        with pytest.raises(UsageError, match=re.escape(why)):
            Recorded(file)


def test_a_picture_is_as_long_as_it_has_to_be():
    rows = [text(one) for one in snapshot(remembered(src.story()), "pair", 100, UTC)]
    assert "drop" in rows[-1]
    assert not found(rows, "Events").strip().endswith("quit")


def test_the_help_fits_80_columns_and_names_every_letter():
    rows = [text(one) for one in help_rows()]
    assert max(map(len, rows)) <= 74
    for kind, stage in STAGES.items():
        assert not kind or any(f"{stage.letter} {stage.title}" in one for one in rows)


# -- choices ---------------------------------------------------------------------------------------


def test_questions_make_choices_and_find_what_is_typed():
    now = Choice("falcon", policy="rps", threshold=60, dilation=200)
    assert choices.systems(now).choose("overlay") == Choice("overlay", threshold=60)
    assert choices.policies(now).choose("falcon") == Choice("falcon", threshold=60)  # its own
    assert choices.thresholds(now).choose("75") == Choice("falcon", policy="rps", threshold=75)
    assert choices.systems(now).candidates("falcon")[0] == "falcon"
    assert choices.systems(now).candidates("price of")[:1] == []
    assert choices.thresholds(now).candidates("8") == ["8", "80", "85", "90"]
    assert "no effect" in choices.remark(choices.thresholds(now).choose("75"))


# -- the application, without a terminal -----------------------------------------------------------


@contextlib.asynccontextmanager
async def running(source, size=(80, 24)):
    """The app with a source that has observed something; its rows by `shown`."""
    app = pytest.importorskip("falcon_ctl.watch_screen.app").WatchApp(source, 0.1)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "m2" in "".join(shown(app)))
        yield app, pilot


async def until(pilot, holds):
    for _ in range(1000):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came")


def shown(app):
    board = app.screen_stack[0].query_one("Board")
    return [board.render_line(y).text for y in range(board.size.height)]


def preview(app):
    return str(app.screen.query_one("#preview").content)


def test_a_key_shows_the_choice_before_it_acts_and_then_its_effect():
    source = src.Made()

    async def play():
        async with running(source) as (app, pilot):
            await pilot.press("s", *"falcon")
            assert preview(app) == "falcon_ctl use falcon"
            assert source.used == []
            await pilot.press("escape")
            await pilot.press("s", *"falcon", "enter")
            await until(pilot, lambda: "FALCON" in shown(app)[0])
            await until(pilot, lambda: "falcon_ctl use falcon: done" in shown(app)[-1])
            await pilot.press("p", "down", "enter")
            await until(pilot, lambda: len(source.used) == 2)
            await pilot.press("q")
        return app.return_value

    assert asyncio.run(play()) == 0
    assert source.used == [Choice("falcon"), Choice("falcon", policy="falcon+rps")]
    assert source.closed


def test_what_is_wrong_or_refused_is_a_line_and_the_screen_goes_on():
    source = src.Made()

    async def play():
        async with running(source) as (app, pilot):
            await pilot.press("t", *"175", "enter")
            assert preview(app) == "--threshold: 175; expected 0 to 100 percent"
            await pilot.press("backspace", "enter")
            await until(pilot, lambda: source.used)
            source.refusal = AlreadyRunning(4711, "/run/lock")
            await until(pilot, lambda: not app._acting)
            await pilot.press("t", *"60", "enter")
            await until(pilot, lambda: "pid 4711" in shown(app)[-1])
            assert "refused" in "".join(shown(app)[:-1])  # and it stays in the log
            step = source.step
            await until(pilot, lambda: source.step > step + 3)
            await pilot.press("ctrl+c")
        return app.return_value

    assert asyncio.run(play()) == 130
    assert [one.threshold for one in source.used] == [17, 60]


def test_a_recording_is_watched_to_its_end_and_changes_nothing(tmp_path):
    file = tmp_path / "session.jsonl"
    file.write_text("".join(f"{json.dumps(one.to_json())}\n" for one in src.story()))

    async def play():
        async with running(Recorded(file)) as (app, pilot):
            await until(pilot, lambda: "the recording has ended" in shown(app)[-1])
            assert "session.jsonl · FALCON" in shown(app)[0]
            await pilot.press("s")
            assert "nothing can be changed" in shown(app)[-1]
            assert len(app.screen_stack) == 1

    asyncio.run(play())


def test_the_screen_survives_an_outage_and_other_sizes():
    source = src.Made()

    async def play():
        async with running(source) as (app, pilot):
            source.failure = NoNetwork("no network is up")
            await until(pilot, lambda: "network down" in shown(app)[1])
            await pilot.press("s")
            assert "network down" in shown(app)[-1]
            source.failure = None
            await until(pilot, lambda: "is up again" in "".join(shown(app)))
            for size in ((160, 40), (30, 6), (80, 24)):
                await pilot.resize_terminal(*size)
                await until(pilot, lambda: "[m2]" in shown(app)[1])
                assert (len(shown(app)[0]), len(shown(app))) == size
            await pilot.press("question_mark")
            assert type(app.screen).__name__ == "Pages"
            await pilot.press("q")
            assert len(app.screen_stack) == 1
            await pilot.press("e")
            assert "is up again" in app.screen._board.render_line(2).text
            await pilot.press("escape")
            await pilot.press("m", "space")
            await until(pilot, lambda: "paused" in shown(app)[-1])
            assert "[m1]" in shown(app)[1]

    asyncio.run(play())
