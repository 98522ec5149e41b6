"""The dashboard over HTTP and WebSocket, on a made-up network: who may, many viewers, replay."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from falcon_ctl.dashboard import cli
from falcon_ctl.dashboard.board import VIEWERS
from falcon_ctl.dashboard.recordings import Folder
from falcon_ctl.dashboard.server import Dashboard, serving
from falcon_ctl.errors import UsageError
from tests.falcon_ctl.dashboard_world import World, WorldSource

PATIENCE = 30.0


class Served:
    """A dashboard of a made-up network, and a client that knows its token."""

    def __init__(self, dashboard: Dashboard, world: World, sources: list[WorldSource]) -> None:
        self.dashboard, self.world, self.sources = dashboard, world, sources
        self.access = dashboard.access
        self.host = f"127.0.0.1:{self.access.port}"
        self.cookie = {"Cookie": f"{self.access.cookie}={self.access.token}"}
        self.bearer = {"Authorization": f"Bearer {self.access.token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> SimpleNamespace:
        client = http.client.HTTPConnection("127.0.0.1", self.access.port, timeout=PATIENCE)
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, raw, given)
        answer = client.getresponse()
        text = answer.read().decode()
        client.close()
        return SimpleNamespace(status=answer.status, text=text, headers=answer.headers)

    def post(self, path: str, body: Any) -> Any:
        answer = self.ask("POST", path, body, **self.bearer)
        return SimpleNamespace(status=answer.status, **json.loads(answer.text))

    def state(self) -> Any:
        return json.loads(self.ask("GET", "/api/state", **self.bearer).text)

    def feed(self, **headers: str) -> ClientConnection:
        given = headers or {**self.cookie, "Origin": f"http://{self.host}"}
        url = f"ws://{self.host}/api/feed"
        return connect(url, additional_headers=given, proxy=None, max_size=None, max_queue=None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    world, sources = World(wall_ns=time.time_ns()), []

    def open_source() -> WorldSource:
        sources.append(WorldSource(world))
        return sources[-1]

    with serving(open_source, Folder(tmp_path / "r", "test"), period=0.02, retry=0.05) as one:
        found = Served(one, world, sources)
        until(lambda: found.state()["frames"])
        yield found


def until(condition: Callable[[], Any]) -> Any:
    """What `condition` returns once that is true."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.02)
    return found


def receive(feed: ClientConnection, kind: str) -> Any:
    """The next message of a kind."""
    while True:
        message = json.loads(feed.recv(timeout=PATIENCE))
        if message["type"] == kind:
            return message


def test_a_wrong_token_gets_401_and_nothing_else(served: Served) -> None:
    for path in ("/", "/?token=wrong", "/api/state", "/assets/dashboard.js", "/nothing"):
        answer = served.ask("GET", path)
        assert answer.status == 401
        assert answer.text == "wrong token; open the address that falcon_ctl dashboard printed\n"
        assert "set-cookie" not in answer.headers
    assert served.ask("POST", "/api/use", {"system": "host"}).status == 401
    with pytest.raises(InvalidStatus) as refused:
        served.feed(Origin=f"http://{served.host}")
    assert refused.value.response.status_code == 401
    assert served.sources[0].used == []


def test_the_printed_address_lets_in_and_leaves_no_token_in_the_address_bar(served: Served) -> None:
    answer = served.ask("GET", served.access.address.removeprefix(f"http://{served.host}"))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    page = served.ask("GET", "/", Cookie=cookie.partition(";")[0])
    assert page.status == 200
    assert "<title>FALCON testbed</title>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


def test_other_sites_may_neither_look_nor_act(served: Served) -> None:
    evil = "http://evil.example"
    assert served.ask("GET", "/", Host="evil.example", **served.cookie).status == 421
    assert served.ask("GET", "/api/state", Origin=evil, **served.cookie).status == 403
    for origin in ({"Origin": evil}, {}):
        answer = served.ask("POST", "/api/use", {"system": "host"}, **served.cookie, **origin)
        assert answer.status == 403
        with pytest.raises(InvalidStatus) as refused:
            served.feed(**served.cookie, **origin)
        assert refused.value.response.status_code == 403
    assert served.sources[0].used == []


def test_it_listens_on_this_computer_only(served: Served) -> None:
    tables = Path("/proc/net").glob("tcp*")  # tcp6 only where there is IPv6
    table = "".join(one.read_text() for one in tables)
    port = f":{served.access.port:04X}"
    rows = [line.split() for line in table.splitlines()]
    listening = [row[1] for row in rows if row[1].endswith(port) and row[3] == "0A"]
    assert listening == [f"0100007F{port}"]


WRONG = [
    ("/api/use", b"{", "request: no JSON; expected a JSON object"),
    ("/api/use", [1], "request: list; expected a JSON object"),
    ("/api/use", b"[" * 60_000, "request: no JSON; expected a JSON object"),
    ("/api/use", b"x" * 70_000, "request: over 64 KiB; expected less"),
    ("/api/use", {"system": "nothing"}, "system: nothing; expected some of"),
    ("/api/use", {"system": "falcon", "threshold": 101}, "--threshold: 101; expected 0 to 100"),
    ("/api/use", {"system": "falcon", "order": "x"}, "--order: x; expected one of"),
    ("/api/use", {"system": "falcon", "cpu": 1}, "choice: cpu; expected keys of"),
    ("/api/flows", {"source": "red1-1", "target": "blue2-1"}, "two containers of one tenant"),
    ("/api/flows", {"source": "red1-1", "target": "red2-1", "rate": 1e9}, "--rate: 1e+09"),
    ("/api/flows/stop", {"id": "flow-7"}, "flow: flow-7; expected one that is being sent"),
    ("/api/recording", {}, "recording: neither; expected record: true or false"),
    ("/api/recording", {"record": False}, "recording: none is being made"),
    ("/api/replay", {"open": "../secret"}, "recording: ../secret; expected a file NAME.jsonl"),
    ("/api/replay", {"play": True}, "replay: no recording is open"),
]


def test_what_is_wrong_is_one_clear_line_and_changes_nothing(served: Served) -> None:
    for path, body, line in WRONG:
        answer = served.ask("POST", path, body, **served.bearer)
        assert answer.status == 400
        error = json.loads(answer.text)["error"]
        assert line in error
        assert "\n" not in error
    assert served.sources[0].used == []
    assert served.state()["flows"] == []


def test_ten_viewers_and_a_reload_see_all_that_happened(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        feeds = [stack.enter_context(served.feed()) for _ in range(10)]
        assert [receive(feed, "snapshot")["version"] for feed in feeds] == [1] * 10
        assert served.post("/api/use", {"system": "falcon", "threshold": 60}).status == 200
        for feed in feeds:
            assert receive(feed, "choice")["choice"]["threshold"] == 60
            assert receive(feed, "frame")["hosts"].keys() == {"m1", "m2"}
        until(lambda: served.state()["mode"]["viewers"] == 10)
    with served.feed() as again:
        found = receive(again, "snapshot")
        assert found["choice"]["choice"]["system"] == "falcon"
        titles = [frame["title"] for frame in found["frames"]]
        assert titles[0] == "container overlay"
        assert titles[-1] == "FALCON"
        assert [one["kind"] for one in found["events"]][:3] == ["network", "use", "use"]


def test_more_viewers_than_may_be_are_told_so(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(VIEWERS):
            receive(stack.enter_context(served.feed()), "snapshot")
        late = stack.enter_context(served.feed())
        with pytest.raises(ConnectionClosed):
            late.recv(timeout=PATIENCE)
        assert late.close_reason == f"{VIEWERS} viewers are connected, which is the most"


def test_a_viewer_that_stops_reading_holds_nobody_up(served: Served) -> None:
    with stuck_viewer(served), served.feed() as other:
        receive(other, "snapshot")
        # More than the sockets' buffers of the one that does not read can take.
        event = {"type": "event", "at": 1, "kind": "flow", "host": "", "text": "x" * 100_000}
        for number in range(200):
            served.dashboard.board.tell_from_thread({**event, "at": number})
        last = {"type": "event", "at": 0, "kind": "flow", "host": "", "text": "the last"}
        served.dashboard.board.tell_from_thread(last)
        seen: list[Any] = []
        while last not in seen:  # one by one, or in the snapshot that stands for those dropped
            message = json.loads(other.recv(timeout=PATIENCE))
            seen += message.get("events", [message])
        assert served.post("/api/use", {"system": "host"}).status == 200
        until(lambda: max(one.mailbox.dropped for one in served.dashboard.board._viewers) > 0)


@contextlib.contextmanager
def stuck_viewer(served: Served) -> Iterator[None]:
    """A viewer that reads no byte behind the handshake."""
    with socket.create_connection(("127.0.0.1", served.access.port)) as sock:
        lines = [
            "GET /api/feed HTTP/1.1", f"Host: {served.host}", "Upgrade: websocket",
            "Connection: Upgrade", f"Origin: http://{served.host}", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *(f"{key}: {value}" for key, value in served.cookie.items()), "", "",
        ]  # fmt: skip
        sock.sendall("\r\n".join(lines).encode())
        assert sock.recv(12) == b"HTTP/1.1 101"
        until(lambda: served.state()["mode"]["viewers"] == 1)
        yield


def test_a_flow_is_sent_and_stopped(served: Served) -> None:
    wanted = {"source": "red1-1", "target": "red2-1", "rate": 500, "seconds": 60, "poisson": True}
    flow = served.post("/api/flows", wanted).result
    assert flow["request"]["poisson"]
    until(lambda: served.state()["flows"][0]["flow"].get("sent", 0) > 0)
    assert served.post("/api/flows/stop", {"id": flow["id"]}).status == 200
    until(lambda: served.state()["flows"][0]["flow"]["state"] == "stopped")
    assert served.state()["flows"][0]["flow"]["report"]["runs"] == "container overlay"
    assert served.post("/api/flows/stop", {"id": flow["id"]}).status == 400


def test_the_network_goes_down_and_comes_back(served: Served) -> None:
    wanted = {"source": "red1-1", "target": "red2-1", "seconds": 60}
    assert served.post("/api/flows", wanted).status == 200
    served.world.up = False
    until(lambda: not served.state()["network"]["up"])
    found = served.state()
    assert found["network"]["topology"]["name"] == "pair"
    answer = served.post("/api/use", {"system": "host"})
    assert answer.status in (409, 502)
    assert "network" in answer.error
    until(lambda: served.state()["flows"][0]["flow"]["state"] == "failed")
    served.world.up = True
    until(lambda: served.state()["network"]["up"])
    assert served.post("/api/use", {"system": "host"}).status == 200
    texts = [one["text"] for one in served.state()["events"] if one["kind"] == "network"]
    assert [text.partition(":")[0] for text in texts] == [
        "the network is up", "the network is down", "the network is up"
    ]  # fmt: skip


def test_a_session_is_recorded_and_played_without_a_network(served: Served, tmp_path: Path) -> None:
    assert served.post("/api/recording", {"record": True}).status == 200
    assert served.post("/api/recording", {"record": True}).status == 400
    served.post("/api/use", {"system": "falcon"})
    until(lambda: [one["title"] for one in served.state()["frames"]][-9:] == ["FALCON"] * 9)
    served.post("/api/recording", {"record": False})
    (listed,) = served.state()["mode"]["recordings"]
    file = tmp_path / "r" / listed["name"]
    start = [json.loads(line) for line in file.read_text().splitlines()[1:3]]
    assert [(at, message["type"]) for at, message in start] == [(0, "network"), (0, "choice")]
    download = served.ask("GET", f"/recordings/{listed['name']}", **served.bearer)
    assert download.text == file.read_text()
    assert served.ask("GET", "/recordings/x.jsonl", **served.bearer).status == 404

    def no_network() -> WorldSource:
        return WorldSource(World(up=False))

    with serving(no_network, Folder(tmp_path / "r", "test")) as one, played(one) as other:
        assert not until(lambda: other.state()["network"])["up"]
        assert "make topo" in other.state()["network"]["text"]
        assert other.post("/api/recording", {"record": True}).status == 400
        assert other.post("/api/replay", {"open": listed["name"]}).status == 200
        with other.feed() as feed:
            found = receive(feed, "snapshot")
            assert found["mode"]["replay"]["name"] == listed["name"]
            assert found["network"]["topology"]["name"] == "pair"
            end = found["mode"]["replay"]["duration"]
            assert other.post("/api/replay", {"speed": 32}).status == 200
            assert other.post("/api/replay", {"seek": end}).status == 200
            assert receive(feed, "snapshot")["frames"][-1]["title"] == "FALCON"
            until(lambda: not other.state()["mode"]["replay"]["playing"])
            assert other.post("/api/replay", {"speed": 0.1}).status == 200
            assert other.post("/api/replay", {"play": True}).result["replay"]["position"] < end
            assert other.post("/api/replay", {"play": False}).status == 200
            assert other.post("/api/replay", {"seek": -1}).status == 400
            assert other.post("/api/replay", {"close": True}).status == 200
            until(lambda: not receive(feed, "snapshot")["network"]["up"])


@contextlib.contextmanager
def played(dashboard: Dashboard) -> Iterator[Served]:
    yield Served(dashboard, World(), [])


def test_a_port_in_use_is_one_clear_line(served: Served, tmp_path: Path) -> None:
    port = served.access.port
    line = f"--port {port}: Address already in use; expected a free port, or --port 0 for any"
    with pytest.raises(UsageError) as caught, serving(lambda: None, Folder(tmp_path, "x"), port):  # type: ignore[arg-type,return-value]
        pass
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"falcon_dashboard": 99}\n', "old.jsonl: version 99, of another version; expected a rec"),
        ("hello\n", "old.jsonl: no JSON"),
    ],
)
def test_a_recording_of_another_version_is_one_clear_line(
    tmp_path: Path, content: str, line: str
) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text(content)
    with pytest.raises(UsageError, match=line):
        cli.dashboard(port=0, replay=old, results_dir=tmp_path)


def test_without_the_extra_the_command_says_which_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "_NEEDED", ("starlette", "no_such_package"))
    with pytest.raises(UsageError) as caught:
        cli.dashboard()
    assert str(caught.value) == (
        "dashboard: no_such_package not installed; expected the extra: "
        "pip install 'falcon-testbed[dashboard]'"
    )


def test_nothing_is_left_when_it_ends(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    world = World()
    with contextlib.ExitStack() as stack:
        with serving(lambda: WorldSource(world), Folder(tmp_path, "x"), period=0.02) as one:
            served = Served(one, world, [])
            until(lambda: served.state()["frames"])
            feed = stack.enter_context(served.feed())
            receive(feed, "snapshot")
        with pytest.raises(ConnectionClosed):
            receive(feed, "nothing of that type")
    until(lambda: {t for t in threading.enumerate() if t.name.startswith("dashboard")} <= before)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", one.access.port))
