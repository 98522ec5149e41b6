"""The language of --trace-filter: what it means, and what is refused."""

from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.p4.world import JSON, MAC, from_m1
from tests.v1switch.explained import DECAPSULATED, DROPPED, ENCAPSULATED, FLOODED, vtep
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.compiler import compile_filter
from v1switch.engines.python.engine import PythonEngine
from v1switch.explain.filters import FilterError, parse
from v1switch.program import load_file

SAMPLES = {
    "encapsulated": ENCAPSULATED,
    "decapsulated": DECAPSULATED,
    "flooded": FLOODED,
    "dropped": DROPPED,
}
PROGRAM = load_file(JSON)
PLANE = Dataplane(PythonEngine())
PLANE.load(PROGRAM)


def matcher(text: str) -> Callable[[int, bytes], bool]:
    return compile_filter(PROGRAM, parse(text).expression(PROGRAM))(PLANE, PLANE.state)


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("port = 1", "encapsulated flooded dropped"),
        ("port == 3", "decapsulated"),
        ("port != 3", "encapsulated flooded dropped"),
        ("len > 100", "decapsulated"),
        ("vxlan", "decapsulated"),
        ("not vxlan", "encapsulated flooded dropped"),
        ("!vxlan && port=1", "encapsulated flooded dropped"),
        ("hdr.udp.dst_port = 7777", "dropped"),
        ("udp.dst_port >= 0x1388 and udp.dst_port < 6000", "encapsulated decapsulated flooded"),
        ("ipv4.src_addr = 10.0.0.31", "decapsulated"),
        ("ipv4.src_addr = 10.0.0.9/29", "encapsulated flooded dropped"),
        ("ipv4.src_addr != 10.0.0.8/29", "decapsulated"),
        ("ethernet.dst_addr=02:aa:00:00:00:03", "encapsulated dropped"),
        ("port=1 and (vlan.vid=7 or udp.dst_port=7777)", "dropped"),
        ("port=1 or vxlan and udp.dst_port=1", "encapsulated flooded dropped"),
        ("vxlan.vni = 5001", "decapsulated"),
        ("vxlan.vni != 5001", ""),
        ("not vxlan.vni = 5001", "encapsulated flooded dropped"),
    ],
)
def test_what_a_filter_matches(text: str, matching: str) -> None:
    matches = matcher(text)
    assert [name for name, sample in SAMPLES.items() if matches(*sample)] == matching.split()


def test_the_programs_parser_decides_what_is_there() -> None:
    short = from_m1(Ether(src=MAC[1], dst=MAC[2]) / IP() / UDP(dport=53))[:40]
    assert matcher("ipv4")(1, short)
    assert not matcher("udp")(1, short), "the parser did not get that far"
    assert not matcher("udp.dst_port = 53")(1, short)
    assert not matcher("ipv4")(1, b"")


class Untouchable:
    """A frame whose content must not be read."""

    def __len__(self) -> int:
        return 60


def test_a_port_is_tested_without_parsing_the_frame() -> None:
    matches = matcher("port = 7 and ipv4.ttl = 1")
    assert not matches(1, Untouchable())  # type: ignore[arg-type]  # that is the point
    with pytest.raises(TypeError):
        matches(7, Untouchable())  # type: ignore[arg-type]  # that is the point


def test_only_frames_that_match_are_explained_and_all_pass_alike() -> None:
    filtered, all_ = vtep("udp.dst_port = 7777"), vtep()
    for sample in SAMPLES.values():
        assert filtered.plane.process(*sample, 0) == all_.plane.process(*sample, 0)
    assert [explanation.frame for explanation in filtered.explanations] == [DROPPED[1]]
    assert len(all_.explanations) == len(SAMPLES)
    for index in range(4):
        name = "FalconIngress.port_rx"
        assert filtered.plane.counter(name, index) == all_.plane.counter(name, index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'the end': expected a field, a header or 'port'"),
        ("port =", "'the end': expected a number (10, 0x0a) or a MAC, IPv4 or IPv6 address"),
        ("port = one", "'one': expected a number"),
        ("port = 1 vxlan", "'vxlan': expected 'and' or 'or'"),
        ("(port = 1", "expected ')' for every '('"),
        ("= 1", "'=': expected a field, a header or 'port'"),
        ("port & 1", "expected comparisons with and, or, not and parentheses"),
        (
            "ipv4.src_addr > 10.0.0.0/8",
            "'10.0.0.0/8': a prefix length is only allowed with = and !=",
        ),
        ("(" * 2000 + "arp" + ")" * 2000, "'(': expected at most 20 of them nested"),
        ("not " * 2000 + "arp", "'not': expected at most 20 of them nested"),
    ],
)
def test_a_filter_that_is_not_well_formed_is_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"filter {text[:80]!r}"[:-1])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp6", "'tcp6': expected one of the program's headers: "),
        ("ip.src = 1", "'ip.src': expected 'port', 'len', or a field of one of the program's"),
        ("ipv4.source = 1", "'ipv4.source': header 'ipv4' has the fields version, ihl, "),
        ("ipv4.ttl = 256", "'256': ipv4.ttl has 8 bits, expected a value of that size"),
        ("ethernet.src_addr = 10.0.0.1", "ethernet.src_addr has 48 bits"),
        ("standard_metadata.egress_port = 1", "'standard_metadata.egress_port': expected 'port'"),
        ("vlan.vid = 1/13", "vlan.vid has 12 bits"),
        ("ipv4_options.options = 1", "fixed width"),
    ],
)
def test_a_filter_that_does_not_fit_the_program_is_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text).expression(PROGRAM)
    assert message in str(caught.value)


def test_a_long_filter_is_not_a_deep_one() -> None:
    matches = matcher(" or ".join(f"port = {number}" for number in range(500)))
    assert matches(499, DROPPED[1])
    assert not matches(500, DROPPED[1])


def test_a_filter_works_with_value_sets_and_stacks() -> None:
    for name in ("parser", "stacks", "tables"):
        program = load_file(COMPILED / f"{name}.json")
        plane = Dataplane(PythonEngine())
        plane.load(program)
        header = next(h.name for h in program.headers.values() if not h.metadata)
        matches = compile_filter(program, parse(header).expression(program))(plane, plane.state)
        assert isinstance(matches(1, bytes(64)), bool)
