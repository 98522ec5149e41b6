"""The dashboard's pure parts: who may, what a viewer is owed, recordings and how they play."""

import json
from dataclasses import replace

import pytest

from falcon_ctl.dashboard import recording
from falcon_ctl.dashboard.access import Access, Verdict
from falcon_ctl.dashboard.frames import Framer, running, title
from falcon_ctl.dashboard.history import DETAILED, FLOWS, FRAMES, History
from falcon_ctl.dashboard.links import Port, ports, rates
from falcon_ctl.dashboard.mailbox import Mailbox
from falcon_ctl.dashboard.messages import VERSION, encoded, event
from falcon_ctl.dashboard.player import Player
from falcon_ctl.errors import UsageError
from falcon_ctl.live.interfaces import Link
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import Event
from tests.falcon_ctl.dashboard_world import Sent, World
from topo.spec.builders import leafspine, pair

ACCESS = Access("secret", 8321)
HOST = {"host": "127.0.0.1:8321"}
COOKIE = {"cookie": f"a=b; {ACCESS.cookie}=secret"}
OURS = {"origin": "http://127.0.0.1:8321"}
FOREIGN = {"origin": "http://evil.example"}


@pytest.mark.parametrize(
    ("method", "headers", "token", "verdict"),
    [
        ("GET", HOST, None, Verdict.WRONG_TOKEN),
        ("GET", HOST, "", Verdict.WRONG_TOKEN),
        ("GET", HOST, "secreT", Verdict.WRONG_TOKEN),
        ("GET", HOST, "sécret", Verdict.WRONG_TOKEN),
        ("GET", HOST, "secret", Verdict.ENTER),
        ("GET", HOST | COOKIE, None, Verdict.PASS),
        ("GET", HOST | {"cookie": "falcon-dashboard-8322=secret"}, None, Verdict.WRONG_TOKEN),
        ("GET", HOST | {"cookie": 'a="\x00'}, None, Verdict.WRONG_TOKEN),
        ("GET", HOST | COOKIE, "wrong", Verdict.WRONG_TOKEN),
        ("GET", {"host": "localhost:8321"} | COOKIE, None, Verdict.PASS),
        ("GET", {"host": "evil.example:8321"} | COOKIE, None, Verdict.WRONG_HOST),
        ("GET", {"host": "127.0.0.1"} | COOKIE, None, Verdict.WRONG_HOST),
        ("GET", COOKIE, None, Verdict.WRONG_HOST),
        ("GET", {"host": "evil.example"}, "secret", Verdict.WRONG_HOST),
        ("GET", HOST | COOKIE | FOREIGN, None, Verdict.WRONG_ORIGIN),
        ("POST", HOST | COOKIE, None, Verdict.WRONG_ORIGIN),
        ("POST", HOST | COOKIE | FOREIGN, None, Verdict.WRONG_ORIGIN),
        ("POST", HOST | COOKIE | {"origin": "null"}, None, Verdict.WRONG_ORIGIN),
        ("POST", HOST | COOKIE | {"origin": "http://localhost:8321"}, None, Verdict.WRONG_ORIGIN),
        ("POST", HOST | COOKIE | OURS, None, Verdict.PASS),
        ("POST", HOST | {"authorization": "Bearer secret"}, None, Verdict.PASS),
        ("POST", HOST | {"authorization": "Bearer wrong"}, None, Verdict.WRONG_TOKEN),
        ("socket", HOST | COOKIE, None, Verdict.WRONG_ORIGIN),
        ("socket", HOST | COOKIE | FOREIGN, None, Verdict.WRONG_ORIGIN),
        ("socket", HOST | COOKIE | OURS, None, Verdict.PASS),
        ("socket", HOST | OURS, None, Verdict.WRONG_TOKEN),
    ],
)
def test_who_may(method, headers, token, verdict) -> None:
    is_socket = method == "socket"
    found = ACCESS.check("GET" if is_socket else method, headers, token, websocket=is_socket)
    assert found is verdict


def test_a_viewer_that_reads_gets_every_message_in_order() -> None:
    box = Mailbox(lambda: "all", limit=3)
    box.put("before it read anything")
    assert [box.take(), box.take()] == ["all", None]
    for message in "abc":
        box.put(message)
    assert [box.take() for _ in range(4)] == ["a", "b", "c", None]


def test_a_viewer_that_stops_reading_costs_a_snapshot_and_the_newest_wins() -> None:
    states = []
    box = Mailbox(lambda: f"state {len(states)}", limit=3)
    box.take()
    for number in range(1000):
        states.append(number)
        box.put(str(number))
    assert [box.take(), box.take()] == ["state 1000", None]
    assert box.dropped >= 3
    box.put("next")
    assert box.take() == "next"


def frames(count: int, world: World | None = None) -> list:
    """Messages of a world in which a flow runs; FALCON after half of them."""
    world = world or World()
    world.flows[0] = Sent(0, FlowRequest("red1-1", "red2-1", rate=900.0))
    framer = Framer({"m1": 40, "m2": 40})
    found = []
    for number in range(count):
        if number == count // 2:
            world.choice = Choice("falcon", dilation=1000)
        found += framer.messages(world.observe(), world.links())
    return found


def test_what_an_observation_becomes() -> None:
    world = World()
    first, *_, last = frames(20, world)
    assert first == {
        "type": "choice",
        "choice": {
            "system": "overlay", "dilation": 1000, "title": "container overlay",
            "command": "falcon_ctl use overlay --dilation 1000", "cores": [0, 2, 4, 6, 8, 10],
            "asked": True,
        },
    }  # fmt: skip
    host = last["hosts"]["m2"]
    assert set(host["cpus"]) == {"0", "3", "4", "20"}
    assert host["cpus"]["3"]["stages"] == {"napi": pytest.approx(0.576)}
    assert host["delivered"] == 180
    assert host["lost"] == 0
    assert host["cores"] == 40
    assert host["slices"][-1][1:3] == ["socket", "red2-1"]
    (flow,) = last["flows"]
    assert flow["cpus"] == {"napi": [3], "gro_cell": [0], "backlog": [4], "socket": [20]}
    assert flow["name"].startswith("udp red1-1:")
    assert json.loads(encoded(last)) == json.loads(json.dumps(last))


def test_counts_are_of_the_time_since_the_frame_before() -> None:
    saturated = [m for m in frames(40) if m["type"] == "frame" and m["title"] != "FALCON"][-1]
    host, (flow,) = saturated["hosts"]["m2"], saturated["flows"]
    assert host["delivered"] + host["lost"] == 180
    assert flow["lost"] == host["lost"] == host["drops"]["rx_missed"] > 0


def test_the_event_log_stays_readable() -> None:
    world = World(shown=1)
    world.flows[0] = Sent(0, FlowRequest("red1-1", "red2-1", rate=2000.0))
    framer, found = Framer({}), []
    for _ in range(100):  # 20 s: losses all the time, and a hundred moves in one second of them
        if 40 <= len(found) < 45:
            world.events += [Event(1, "m2", "move", f"move {i}") for i in range(20)]
        messages = list(framer.messages(world.observe(), []))
        found.append([one for one in messages if one["type"] == "event"])
    entries = [one for events in found for one in events]
    drops = [one for one in entries if one["kind"] == "drop"]
    assert len(drops) == 4
    assert all(one["text"].endswith(" frames lost: rx_missed") for one in drops)
    moves = [one["text"] for one in entries if one["kind"] == "move"]
    assert moves == ["move 0", "move 1", "move 2", "move 3", "96 more in 5 s"]


def test_what_runs_where_hosts_differ_is_what_was_asked_for() -> None:
    seen = World().observe()
    assert running(seen) == Choice("overlay", dilation=1000)
    first, *rest = Framer({}).messages(replace(seen, choice=None), [])
    assert (first["choice"]["system"], first["choice"]["asked"]) == ("overlay", False)
    assert "use" not in {one.get("kind") for one in rest}
    other = seen.hosts["m1"].__class__(**{**vars(seen.hosts["m1"]), "choice": Choice("host")})
    mixed = seen.__class__(seen.wall_ns, Choice("falcon"), {**seen.hosts, "m1": other})
    assert running(mixed) == Choice("falcon")
    assert title(Choice("overlay", policy="/x/in_turn.py:in_turn")) == "container overlay, in_turn"


def test_every_link_is_counted_once() -> None:
    for topology in (pair(), leafspine()):
        found = list(ports(topology))
        assert len(found) == len(topology.links) + len(topology.containers)
        assert len({frozenset((port.near, port.far)) for port in found}) == len(found)


def test_rates_of_links() -> None:
    port = Port("s1", "m1", "s1-eth1")
    before = {("s1", "s1-eth1"): Link(0, 0, rx_bytes=100, tx_packets=5, tx_bytes=0)}
    now = {("s1", "s1-eth1"): Link(10, 0, rx_bytes=350, tx_packets=25, tx_bytes=1000)}
    (rate,) = rates([port], before, now, 2.0)
    assert (rate.ab, rate.ba, rate.ab_pps, rate.ba_pps, rate.up) == (4000, 1000, 10, 5, True)
    (gone,) = rates([port], now, {}, 2.0)
    assert not gone.up
    (again,) = rates([port], now, before, 2.0)  # it was made anew: its counters fell
    assert again.ab == again.ba == 0


def test_history_is_bounded_and_holds_what_a_page_needs() -> None:
    history = History()
    history.apply({"type": "network", "up": True, "text": "", "topology": {"name": "pair"}})
    history.apply({"type": "network", "up": False, "text": "gone"})
    history.apply({"type": "of a later version"})
    for message in frames(FRAMES + 50, World(shown=1)):
        history.apply(message)
    for number in range(FLOWS + 20):
        state = "running" if number == 0 else "done"
        history.apply({"type": "flow", "flow": {"id": str(number), "state": state}})
    found = history.snapshot()
    assert found["network"] == {
        "type": "network", "up": False, "text": "gone", "topology": {"name": "pair"}
    }  # fmt: skip
    assert found["choice"]["choice"]["system"] == "falcon"
    assert len(found["frames"]) == FRAMES
    detailed = ["slices" in frame["hosts"]["m2"] for frame in found["frames"]]
    assert detailed == [False] * (FRAMES - DETAILED) + [True] * DETAILED
    states = [one["flow"]["id"] for one in found["flows"]]
    assert states[0] == "0"
    assert len(states) == FLOWS + 1


def recorded(count: int = 30) -> bytes:
    lines = [recording.header(1000, "falcon-testbed x")]
    messages = [{"type": "network", "up": True, "text": ""}, *frames(count)]
    lines += [recording.line(0.2 * i, message) for i, message in enumerate(messages)]
    return "".join(f"{line}\n" for line in lines).encode()


def test_a_recording_is_read_back_and_an_incomplete_last_line_is_left_out() -> None:
    data = recorded()
    whole = recording.parse("a.jsonl", data)
    assert whole.began == 1000
    assert [line.type for line in whole.lines[:3]] == ["network", "choice", "event"]
    assert whole.lines[0].message == {"type": "network", "up": True, "text": ""}
    assert len(recording.parse("a.jsonl", data[:-5]).lines) == len(whole.lines) - 1


GOOD = recording.header(1, "x")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a.jsonl: no complete line; expected a recording"),
        ("hello\n", "a.jsonl: no JSON"),
        ("[1]\n", "a.jsonl: something else; expected a recording"),
        (
            f'{{"falcon_dashboard":{VERSION + 1},"made_by":"falcon-testbed 9"}}\n',
            f"version {VERSION + 1}, of falcon-testbed 9; expected a recording of `falcon_ctl dash",
        ),
        (f'{{"falcon_dashboard":{VERSION},"began":"x"}}\n', "began 'x'; expected wall time"),
        (f"{GOOD}\n[0,{{}}]\n", "a.jsonl, line 2: "),
        (f'{GOOD}\n[0,{{"type":"frame","at":1}}]\n', "a.jsonl, line 2: "),
        (f'{GOOD}\n[-1,{{"type":"network","up":true}}]\n', "a.jsonl, line 2: "),
        (f'{GOOD}\n[NaN,{{"type":"network","up":true}}]\n', "a.jsonl, line 2: no JSON (NaN"),
        (
            f'{GOOD}\n[2,{{"type":"network","up":true}}]\n[1,{{"type":"network","up":true}}]\n',
            "a.jsonl, line 3: 1 s; expected rising times",
        ),
        (f"{GOOD}\n{'[' * 100000}\n", "a.jsonl, line 2: no JSON"),
    ],
)
def test_what_is_no_recording_is_one_clear_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        recording.parse("a.jsonl", text.encode())
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_playing_pausing_seeking_and_speed() -> None:
    player = Player(recording.parse("a.jsonl", recorded()), now=100.0)
    total = len(player.recording.lines)
    assert [m["type"] for m in player.advance(100.0)] == ["network"]
    assert len(player.advance(101.0)) == 5
    player.pause(101.0)
    assert player.advance(200.0) == []
    player.set_speed(4.0, 200.0)
    player.play(200.0)
    assert len(player.advance(200.5)) == 10  # two seconds of it
    assert player.status(200.5)["position"] == pytest.approx(3.0)
    player.advance(1000.0)
    assert not player.playing
    assert player.position(2000.0) == player.recording.duration
    player.play(2000.0)  # from the start again
    assert player.position(2000.0) == 0.0
    player.seek(player.recording.duration, 2000.0)
    assert len(player.history.snapshot()["frames"]) == sum(
        line.type == "frame" for line in player.recording.lines
    )
    assert total > 30


def test_the_state_after_seeking_is_that_after_playing() -> None:
    played = Player(recording.parse("a.jsonl", recorded()), now=0.0)
    played.advance(4.1)
    sought = Player(played.recording, now=0.0)
    sought.advance(2.0)
    sought.seek(4.1, 0.0)
    assert sought.history.snapshot() == played.history.snapshot()
    assert sought.advance(0.15) == played.advance(4.25)


@pytest.mark.parametrize("position", [-1.0, 1e9, float("nan")])
def test_positions_and_speeds_that_are_none(position: float) -> None:
    player = Player(recording.parse("a.jsonl", recorded(3)), now=0.0)
    with pytest.raises(UsageError, match="position"):
        player.seek(position, 0.0)
    with pytest.raises(UsageError, match="speed"):
        player.set_speed(position, 0.0)


def test_an_event_says_when_what_and_where() -> None:
    assert event(5, "drop", "3 frames lost", "m2") == {
        "type": "event", "at": 5, "kind": "drop", "host": "m2", "text": "3 frames lost"
    }  # fmt: skip
