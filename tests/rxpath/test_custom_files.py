"""Chains of devices and cost profiles from a user's files."""

from __future__ import annotations

import pytest
from model_hosts import accounted, run

from rxpath.config import apply as tables
from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.state import codes

CHAIN = """
[mine]
vxlan_port = 4789
[[mine.stage]]
kind = "napi"
device = "eth0"
ifindex = 2
costs = ["driver_poll"]
[[mine.stage]]
kind = "backlog"
device = "tap0"
ifindex = 31
costs = ["process_backlog"]
[[mine.stage]]
kind = "socket"
device = "tap0"
ifindex = 31
costs = ["recvmsg"]
"""


@pytest.fixture
def chain(tmp_path):
    path = tmp_path / "chains.toml"
    path.write_text(CHAIN)
    return f"{path}:mine"


def test_a_chain_of_ones_own_is_what_frames_pass(chain):
    host = Model(Knobs.parse({"profile": chain}), slots=64, sockets=1, flows=1, records=True)
    trace = virtual.make_trace([0, 10_000], chain=host.chain("tunnel"), wire_len=114)
    events = run(host, trace)
    assert len(events) == 2
    assert accounted(host)
    slot = events[0]["slot"]
    stages = host.state.records.array["stages"][slot, : host.state.hops[slot].count]
    assert stages["kind"].tolist() == [codes.NAPI, codes.BACKLOG, codes.SOCKET]
    assert stages["ifindex"].tolist() == [2, 31, 31]


def test_a_chain_of_ones_own_stands_beside_the_built_in_ones(chain):
    host = Model(Knobs.parse({"profile": chain}), slots=64, sockets=1, flows=1)
    numbers = [host.chain(name) for name in (*profiles.load(), chain)]
    assert numbers == list(range(len(profiles.load()) + 1))
    usual = Model(Knobs.parse({}), slots=64, sockets=1, flows=1)
    with pytest.raises(ConfigError, match=r"chain: got .*mine', expected one of host, docker"):
        usual.chain(chain)


def test_frames_in_flight_keep_a_chain_that_the_host_is_given_another_for(chain):
    host = Model(Knobs.parse({"profile": chain}), slots=64, sockets=1, flows=1)
    host.receive(0, 0, Frame(1, 0, 0, host.chain(chain), 17, 64))
    host.reconfigure({"profile": "docker"})
    assert len(run(host, virtual.make_trace([]), 1_000_000)) == 1


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (CHAIN, "yours", "profile: got '.*:yours', expected one of mine in the file"),
        ("[mine\n", "mine", "profile: got '.*', expected TOML: Expected"),
        ("mine = 3\n", "mine", "profile: got '.*:mine', expected one of mine"),
        (CHAIN.replace('"socket"', '"backlog"'), "mine", "mine.stage: .* only that, is socket"),
        (CHAIN.replace("31", "0"), "mine", r"mine.stage\[1\].ifindex: got 0"),
        (CHAIN + 'slow_path = "x"\n', "mine", r"mine.stage\[2\].slow_path: got 'x'"),
        ('[mine]\nslow_path = "x"\n' + CHAIN[7:], "mine", "mine.slow_path: got 'x', .* host"),
        ('[mine]\nfirst_path = "x"\n' + CHAIN[7:], "mine", "mine.first_path: got 'x', .* host"),
        ('[mine]\nfirst_path = "econ"\n' + CHAIN[7:], "mine", "mine.first_path: got 'econ', .* a"),
    ],
)
def test_wrong_chains_are_named(tmp_path, text, name, message):
    path = tmp_path / "chains.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        Knobs.parse({"profile": f"{path}:{name}"})


def test_a_cost_that_a_chain_of_ones_own_names_must_exist(tmp_path):
    path = tmp_path / "chains.toml"
    path.write_text(CHAIN.replace("driver_poll", "warp"))
    knobs = Knobs.parse({"profile": f"{path}:mine"})
    with pytest.raises(ConfigError, match=r"mine.stage\[0\].costs: got 'warp', expected a cost"):
        Model(knobs, slots=64, sockets=1, flows=1)


@pytest.mark.parametrize(("name", "per"), [("gro_receive", "gro"), ("gro_complete", "complete")])
def test_what_gro_costs_is_the_first_stages(tmp_path, name, per):
    path = tmp_path / "chains.toml"
    path.write_text(CHAIN.replace("process_backlog", name))
    knobs = Knobs.parse({"profile": f"{path}:mine"})
    said = rf"mine.stage\[1\].costs: got '{name}', expected a cost that is not per {per}"
    with pytest.raises(ConfigError, match=said):
        Model(knobs, slots=64, sockets=1, flows=1)


def test_a_cost_profile_of_ones_own_is_what_work_costs(tmp_path):
    path = tmp_path / "slow.toml"
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text("utf-8")
    entry = '[vxlan_rcv]\nper = "skb"\nns = '
    ns = costs.load("xeon-silver-4114")["vxlan_rcv"].udp
    assert f"{entry}{ns}\n" in text
    path.write_text(text.replace(f"{entry}{ns}\n", f"{entry}{ns + 11_000}\n"))
    usual, slow = (_latency(name) for name in ("xeon-silver-4114", str(path)))
    assert slow - usual == 11_000


def _latency(name):
    host = Model(Knobs.parse({"costs": name}), slots=64, sockets=1, flows=1)
    (event,) = run(host, virtual.make_trace([0], chain=host.chain("tunnel")))
    return int(event["latency"])


def test_wrong_cost_profiles_are_named(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[driver_poll]\nper = "frame"\nns = -1\nsource = "mine"\n')
    with pytest.raises(ConfigError, match=r"driver_poll\.ns: got -1, expected an integer of ns"):
        Knobs.parse({"costs": str(path)})
    with pytest.raises(ConfigError, match="expected a TOML file: No such file"):
        Knobs.parse({"costs": str(tmp_path / "none.toml")})
    with pytest.raises(ConfigError, match=rf"one of {', '.join(costs.names())}, or a FILE.toml"):
        Knobs.parse({"costs": "none"})


def test_the_number_of_a_chain_needs_the_host_that_has_it(chain):
    assert tables.chain_number(chain, chain) == len(profiles.load())
    with pytest.raises(ConfigError):
        tables.chain_number(chain)
