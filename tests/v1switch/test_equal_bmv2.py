"""v1switch against the real BMv2, frame by frame, where BMv2 is installed."""

import random

import pytest

from tests.switch.harness import namespaces_allowed
from tests.switch.harness_client import Path as Choice
from tests.switch.harness_targets import BMV2, THRIFT_PORT, installed
from tests.v1switch.corpus import vectors
from tests.v1switch.scenarios import case
from tests.v1switch.test_hashes import RSS
from tests.v1switch.test_older_json import TAKEN, writes_of_bit_0
from tests.v1switch.thrift_client import Client, Failed
from tests.v1switch.twin import COMPILED, Twin, twins
from v1switch.bmthrift.codes import CalculationCode
from v1switch.program import load_file
from v1switch.state.entries import ActionCall, ActionSet, Exact, TableEntry, WeightedAction

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not installed(BMV2), reason="simple_switch_grpc is not on the PATH"),
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]


def compare(twin: Twin, name: str) -> None:
    for port, frame in vectors(name):
        ours, theirs = twin.exchange(port, frame)
        assert ours == theirs, f"frame {frame.hex()} into port {port}"


@pytest.mark.parametrize(
    "name", ["wire", "parser", "arithmetic", "matching", "stacks", "headers", "loops"]
)
def test_stateless_programs_give_equal_frames(name: str) -> None:
    with twins(name) as twin:
        compare(twin, name)


def test_externs_give_equal_frames_and_counters() -> None:
    with twins("externs") as twin:
        compare(twin, "externs")
        for index in range(16):
            ours = twin.ours.counter("ExternIngress.seen", index)
            theirs = twin.client.counter("ExternIngress.seen", index)
            assert (ours.packets, ours.bytes) == tuple(theirs)


def test_replication_gives_equal_copies() -> None:
    with twins("replication") as twin:
        twin.multicast_group(5, [(2, 1), (3, 2), (4, 2)])
        twin.multicast_group(7, [(1, 9)])
        twin.clone_session(1, [(3, 1)])
        twin.clone_session(2, [(3, 1), (4, 5)])
        compare(twin, "replication")


def test_selectors_pick_equal_members() -> None:
    with twins("selector") as twin:
        table = "SelectorIngress.balanced"
        for a, ports in ((1, (1, 2, 4)), (2, (2,)), (3, (4, 1))):
            twin.ours.insert_entry(
                table,
                TableEntry(
                    (Exact(a),),
                    ActionSet(
                        tuple(
                            WeightedAction(ActionCall("SelectorIngress.send", (p,))) for p in ports
                        )
                    ),
                ),
            )
            paths = [Choice("SelectorIngress.send", {"port": p}) for p in ports]
            twin.client.insert(table, {"hdr.key.a": a}, paths)
        compare(twin, "selector")


def test_toeplitz_hashes_with_a_key_are_equal() -> None:
    (hashed,) = (
        c for c in load_file(COMPILED / "hashes.json").calculations.values() if c.algo == "toeplitz"
    )
    with twins("hashes") as twin:
        calls = Client(twin.sandbox.connect(THRIFT_PORT)).standard
        for key in (RSS, RSS[:8]):  # the short one starts again
            calls.bm_set_toeplitz_hash_key(0, hashed.name, key)
            twin.ours.set_toeplitz(hashed.name, key)
            for port, frame in case("hashes").frames[:101:9]:
                ours, theirs = twin.exchange(port, frame)
                assert ours == theirs, f"frame {frame.hex()}"
        for key in (b"", RSS[:6]):
            with pytest.raises(Failed) as refused:
                calls.bm_set_toeplitz_hash_key(0, hashed.name, key)
            assert refused.value.code == CalculationCode.INVALID_CONFIG


def test_the_same_values_of_no_bits_are_taken() -> None:
    with twins("older") as twin:
        assert writes_of_bit_0(twin.client) == TAKEN


@pytest.mark.parametrize("name", ["parser", "matching", "stacks"])
def test_random_frames_give_equal_frames(name: str) -> None:
    rng = random.Random(7)
    seeds = [frame for _, frame in vectors(name)]
    with twins(name) as twin:
        for _ in range(150):
            frame = bytearray(rng.choice(seeds))
            for _ in range(rng.randrange(1, 4)):
                frame[rng.randrange(len(frame))] = rng.getrandbits(8)
            # long enough that what leaves is still a frame, with no look at invalid headers
            cut = bytes(frame[: rng.randrange(14, len(frame) + 1)]) + bytes(16)
            if name == "stacks" and cut[0] == 8:
                continue
            ours, theirs = twin.exchange(1, cut)
            assert ours == theirs, f"frame {cut.hex()}"
