"""Applications: what is read of their output, of the kernels and of the records, and the checks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from falcon_ctl.apps import checks, comparison, dilation, kernel_tcp, passages, programs, registry
from falcon_ctl.apps.application import Place, Program, Reading, Unreadable
from falcon_ctl.apps.applications.memcached import Memcached
from falcon_ctl.apps.clients import memcached_load
from falcon_ctl.apps.dilation import Dilation, Need
from falcon_ctl.apps.kernel_tcp import TcpCounts
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.apps.passages import Passages
from falcon_ctl.apps.prediction import Prediction
from falcon_ctl.apps.process import how_it_ended, last_lines
from falcon_ctl.apps.report import Report
from falcon_ctl.errors import UsageError
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.report.schema import MODELS
from falcon_ctl.traffic.flows import Endpoint, Flow, tcp_segments
from falcon_ctl.traffic.tcp import Transfer
from rxpath.live.records import RECORD, Recording
from topo.protocol.status import Status

PRINTED = Path(__file__).with_name("apps_printed")  # by the programs, over the testbed
PLACE = Place("10.0.0.21", 4.0, 1000, 500.0, 1)
READ = {
    "memcached": ("memcached.json", 1545, 4.115, 79.055e-3, (78.588e-3, 159.212e-3, 175.202e-3)),
    "nginx": ("wrk.txt", 541, 4.028, 141.797e-3, (143.719e-3, 238.635e-3, 256.374e-3)),
    "redis": ("redis-benchmark.txt", 651, 0.55, 37.880e-3, (36.447e-3, 73.791e-3, 81.727e-3)),
    "iperf3": ("iperf3.json", 8_355_888, 2.092, None, ()),
    "sockperf": ("sockperf.txt", 1987, 3.545, 59.059e-3, (53.051e-3, 157.541e-3, 157.556e-3)),
}


@pytest.mark.parametrize("name", READ)
def test_what_a_client_printed_is_read(name: str) -> None:
    file, operations, seconds, mean, quantiles = READ[name]
    found = registry.BY_NAME[name].read((PRINTED / file).read_text(), PLACE)
    assert found.operations == operations
    assert found.seconds == pytest.approx(seconds, abs=1e-3)
    assert found.mean == (None if mean is None else pytest.approx(mean, abs=1e-6))
    assert tuple(found.quantiles.values()) == pytest.approx(quantiles, abs=1e-6)
    assert list(found.quantiles) == [0.5, 0.99, 0.999][: len(quantiles)]
    assert list(found.errors) == []


@pytest.mark.parametrize("name", READ)
def test_output_that_ends_early_is_not_read(name: str) -> None:
    text = (PRINTED / READ[name][0]).read_text()
    for part in ("", text[: len(text) // 3]):
        with pytest.raises(Unreadable):
            registry.BY_NAME[name].read(part, PLACE)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("memcached", '"altered": 0', '"altered": 2', "2 values were not those that were set"),
        ("memcached", '"errors": []', '"errors": ["TimeoutError: x"]', "TimeoutError: x"),
        ("nginx", "altered 0", "altered 3", "wrk counts 3 altered answers errors"),
        ("nginx", "timeout 0", "timeout 1", "wrk counts 1 timeout errors"),
        ("redis", "Summary:", "Error from server: OOM\nSummary:", "Error from server: OOM"),
        ("iperf3", "{", '{"error": "unable to connect", ', "unable to connect"),
        ("sockperf", "duplicated messages = 0", "duplicated messages = 1", "1 duplicated"),
        ("sockperf", "out-of-order messages = 0", "out-of-order messages = 4", "4 out-of-order"),
    ],
)
def test_what_a_client_counts_as_an_error_is_one(name: str, old: str, new: str, said: str) -> None:
    text = (PRINTED / READ[name][0]).read_text()
    assert old in text
    (error,) = registry.BY_NAME[name].read(text.replace(old, new, 1), PLACE).errors
    assert said in error


def test_answers_on_their_way_at_sockperfs_end_are_no_losses() -> None:
    # The longest round trip took 157.6 ms, in which 79 of 500 messages/s are sent.
    text = (PRINTED / "sockperf.txt").read_text()
    late = text.replace("dropped messages = 0", "dropped messages = 79", 1)
    assert registry.BY_NAME["sockperf"].read(late, PLACE).lost == 0
    lost = registry.BY_NAME["sockperf"].read(late.replace("= 79", "= 90", 1), PLACE)
    assert lost.lost == 11
    found = replace(outcome("overlay"), reading=lost)
    assert found.troubles == ["11 messages are missing that no host dropped"]
    dropped = Passages(frames=20, delivered=9, drops={"cpu_backlog": 11})
    assert replace(found, there=dropped).troubles == []


def test_every_application_says_how_it_is_started() -> None:
    for app in registry.ALL:
        for command in (app.serve(PLACE), app.drive(PLACE)):
            assert all(isinstance(word, str) for word in command.argv)
        assert PLACE.address in " ".join(app.drive(PLACE).argv)
        assert app.exchanges(PLACE) or app.proofs(PLACE) or app.own_seconds, app.name
    assert Memcached().drive(replace(PLACE, seed=2)) != Memcached().drive(PLACE)


def test_a_memcached_load_has_its_quantiles() -> None:
    found = memcached_load.result([0.001 * n for n in range(1, 1001)], 2.0, 10, 0, ["b", "a", "b"])
    assert (found.operations, found.mean, found.errors) == (1000, pytest.approx(0.5005), ["a", "b"])
    assert found.quantiles == {"0.5": 0.5, "0.99": 0.99, "0.999": 0.999}
    assert memcached_load.result([], 0.0, 0, 0, ()).quantiles == {}


def test_unknown_and_missing_applications_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.select([]) == list(registry.ALL)
    with pytest.raises(
        UsageError, match=r"apps: mysql; expected FILE\.py:NAME, or some of memcached"
    ):
        registry.select(["mysql"])
    app = Memcached()
    monkeypatch.setattr(Memcached, "server", Program("no-such-memcached", "memcached"))
    monkeypatch.setattr(Memcached, "python", ("no_such_module",))
    with pytest.raises(UsageError) as error:
        programs.verify([app])
    assert "not installed: no-such-memcached, no_such_module" in str(error.value)
    assert "apt install memcached and pip install 'falcon-testbed[apps]'" in str(error.value)


OWN = """
from falcon_ctl.apps.application import Application, Command, Program
class Mine(Application):
    name, load, port, client = "mine", "x", 7, None
    server = Program("sh", "dash")
    def serve(self, place): return Command(("sh",))
    def drive(self, place): return Command(("sh",))
    def read(self, output, place): ...
class Half(Application):
    name = "half"
Taken = type("Taken", (Mine,), {"name": "redis"})
"""


def test_an_own_application_is_a_class_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    names = [app.name for app in registry.select(["redis", f"{file}:Mine"])]
    assert names == ["redis", "mine"]
    for spec, said in (
        (f"{file}:Half", "Half lacks drive, read, serve, load, server, client, port"),
        (f"{file}:Other", "no class Other of Application"),
        (f"{file}:Taken", "redis again"),
        (f"{tmp_path}/none.py:X", "no file"),
    ):
        with pytest.raises(UsageError, match=said):
            registry.select([spec])
    file.write_text("1 / 0")
    with pytest.raises(UsageError, match="ZeroDivisionError: division by zero; expected a file"):
        registry.select([f"{file}:Mine"])


SNMP = (
    "Ip: Forwarding InReceives\nIp: 2 900\n"
    "Tcp: ActiveOpens EstabResets OutSegs RetransSegs\nTcp: 5 {} 700 {}\n"
    "TcpExt: TCPTimeouts TCPLossProbes TCPDSACKRecv TCPOFOQueue\nTcpExt: 1 2 3 {}\n"
)


def test_the_kernels_counters_are_read_and_compared() -> None:
    before, after = (kernel_tcp.parse(SNMP.format(*n)) for n in ((0, 7, 1), (1, 9, 4)))
    assert before == TcpCounts(700, 7, 1, 2, 3, 1, 0)
    assert after.since(before) == TcpCounts(retransmitted=2, out_of_order=3, resets=1)
    assert (before + after).retransmitted == 16
    with pytest.raises(KeyError):
        kernel_tcp.parse("Tcp: ActiveOpens\nTcp: 5\n")


def test_a_waiting_port_is_seen() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue\n"
        "   0: 1500000A:2BCB 00000000:0000 0A 00000000:00000000\n"
        "   1: 1500000A:1F90 0B00000A:C350 01 00000000:00000000\n"
    )
    assert kernel_tcp.listens(table, 11211)
    assert not kernel_tcp.listens(table, 8080)  # a connection, nobody listens
    assert not kernel_tcp.listens(table, 80)


def recording(rows: list[tuple[int, int, int, int]], empty: set[int] = frozenset()) -> Recording:
    """Frames as (flow, arrival, delivered, reason), for the second container."""
    ends = Endpoint("a", "02:00:00:00:00:01", "10.0.0.11"), Endpoint("b", "02:00:00:00:00:02",
                                                                      "10.0.0.21")  # fmt: skip
    records = np.zeros(len(rows), RECORD)
    frames = np.zeros((len(rows), 256), np.uint8)
    for i, (flow, arrival, delivered, reason) in enumerate(rows):
        flow_of_frame = Flow(0, *ends, 40_000 + flow, 80, "tcp")
        (inner,) = tcp_segments(flow_of_frame, 1, 100)
        if i in empty:  # of headers only
            inner = inner[:16] + (40).to_bytes(2, "big") + inner[18:54]
        outer = bytes(36) + (4789).to_bytes(2, "big") + bytes(12)
        data = (outer + inner)[:256]
        frames[i, : len(data)] = np.frombuffer(data, np.uint8)
        records[i] = np.zeros((), RECORD)
        for name, value in (("arrival", arrival), ("delivered", delivered), ("rss_hash", flow)):
            records[i][name] = value
        records[i]["proto"], records[i]["container"], records[i]["drop_reason"] = 6, 1, reason
    meta = {"containers": [{"name": "a"}, {"name": "b"}], "drop_reasons": {"3": "cpu_backlog"}}
    return Recording(records, frames, meta)


def test_passages_are_of_one_container_in_order_of_each_flow() -> None:
    rows = [(1, 0, 50, 0), (2, 10, 40, 0), (1, 20, 45, 0), (1, 30, 60, 0), (2, 40, -1, 3)]
    found = passages.of(recording(rows, empty={3}), "b")
    assert (found.frames, found.flows, found.delivered, found.reordered) == (5, 2, 4, 1)
    assert found.latencies.tolist() == [50, 30, 25]  # an acknowledgement is no request
    assert found.drops == {"cpu_backlog": 1}
    assert sorted(found.hashes) == [1, 2]
    assert passages.of(recording(rows), "a").frames == 0


@pytest.mark.parametrize(
    ("times", "overtaken"),
    [([1, 2, 2, 3], 0), ([1, 4, 2, 3], 1), ([4, 1, 2, 3], 1), ([3, 2, 1], 2)],
)
def test_a_frame_is_overtaken_by_one_that_came_later(times: list[int], overtaken: int) -> None:
    # As RFC 4737 has it for sequence numbers: the late one counts, not those that passed it.
    delivered = np.array(times, np.int64)
    assert passages.reordered(np.zeros(len(times), np.int64), delivered) == overtaken


def test_the_dilation_follows_from_cpu_time_and_the_rest_of_a_request() -> None:
    need = Need(cpu_s=200e-6, frames_per_s=600e3, rest_s=0, path_s=15e-6, cores=2)
    assert dilation.choose(need).value == dilation.LEAST
    more = need._replace(cpu_s=400e-6)  # 240 s of CPU time a second of the model, on 2 x 50 %
    assert dilation.choose(more).value == 250
    assert dilation.choose(need._replace(rest_s=900e-6)).value == 300  # 20 % of 15 us
    assert (
        "are 20% of the receive path's 15.0 µs" in dilation.choose(need._replace(rest_s=1e-3)).why
    )
    assert dilation.choose(need._replace(cpu_s=0.0)).value == dilation.LEAST
    assert dilation.choose(need._replace(cpu_s=1.0)).value == dilation.MOST


def outcome(system: str, mean: float = 20e-3, p99: float = 40e-3, **more: object) -> Outcome:
    reading = Reading(1000, 2.0, mean, {0.5: mean, 0.99: p99, 0.999: p99})
    there = Passages(frames=9, delivered=9, latencies=np.array([12_000]))
    intact = [Transfer(10, 10, True, 0.1)]
    given = {"reading": reading, "there": there, "transfers": intact} | more
    return Outcome("memcached", system, "requests", 1000, **given)


def test_an_outcome_is_in_model_time() -> None:
    found = outcome("overlay")
    assert (found.rate, found.mean_us, found.quantile_us(0.99)) == (500_000, 20, 40)
    assert (found.path_us, found.rest_us) == (12, 8)
    document = json.loads(json.dumps(found.document()))
    assert document["latency_us"] == {"mean": 20, "p50": 20, "p99": 40, "p99.9": 40, "rest": 8}
    assert replace(found, reading=None).document()["latency_us"]["mean"] is None


def test_the_report_is_as_its_schema_has_it() -> None:
    status = Status.model_construct(topology="pair", target="v1switch", version="1")
    report = Report(status, provenance.begin([1], ""), {"memcached": "10 clients"})
    report.outcomes = [
        outcome("overlay"),
        replace(outcome("falcon"), reading=None, back=Passages()),
    ]
    report.dilations = {"memcached": Dilation(200, "as asked for")}
    report.compared = [comparison.Compared("memcached", "mean", None, -0.5, -0.4, 47.0, 28.0, "")]
    report.checks = [checks.no_errors(report.outcomes)]
    found = json.loads(as_json(report.document()))
    MODELS["Applications"].model_validate(found, strict=True)
    with pytest.raises(ValidationError):
        MODELS["Applications"].model_validate(found | {"more": 1}, strict=True)


def test_each_check_can_fail() -> None:
    good, falcon = outcome("overlay"), outcome("falcon", 10e-3, 20e-3)
    for check in (checks.no_errors, checks.bytes_exact, checks.in_order):
        assert check([good, falcon]).ok
    assert checks.falcon_below_overlay([good, falcon]).ok
    assert "mean 20.0 -> 10.0 µs" in checks.falcon_below_overlay([good, falcon]).evidence

    failed = replace(good, errors=["memcached in red2-1 was killed by SIGKILL"])
    assert "overlay: memcached in red2-1 was killed" in checks.no_errors([failed]).evidence
    assert not checks.no_errors([replace(good, reading=None)]).ok
    altered = replace(good, transfers=[Transfer(10, 9, False, 0.1, "")])
    assert "9 of 10 bytes, altered" in checks.bytes_exact([altered]).evidence
    assert not checks.bytes_exact([replace(good, transfers=())]).ok
    late = replace(falcon, there=Passages(frames=9, delivered=9, reordered=2))
    assert "falcon: 2 reordered" in checks.in_order([good, late]).evidence
    assert checks.in_order([good, replace(late, guarded=False)]).ok
    assert not checks.in_order([replace(good, there=Passages(frames=9, delivered=9, missed=1))]).ok
    for worse in (outcome("falcon", 10e-3, 40e-3), outcome("falcon", 20e-3, 20e-3)):
        assert not checks.falcon_below_overlay([good, worse]).ok
    assert (
        "no valid run of falcon"
        in checks.falcon_below_overlay([good, replace(falcon, invalid="late")]).evidence
    )


def test_memcached_stands_beside_the_talk_and_the_model() -> None:
    predicted = {"overlay": Prediction(47, 75, 4e5), "falcon": Prediction(23.5, 30, 5e5)}
    both = outcome("overlay"), outcome("falcon", 10e-3, 30e-3)
    mean, p99 = comparison.beside(Memcached(), *both, predicted)
    assert (mean.talk, mean.model, mean.here) == pytest.approx((-0.51, -0.5, -0.5))
    assert (p99.talk, p99.model, p99.here) == pytest.approx((-0.53, -0.6, -0.25))


def test_how_a_program_ended_is_told_in_a_line() -> None:
    assert how_it_ended(-9) == "was killed by SIGKILL"
    assert how_it_ended(3) == "ended with status 3"
    assert last_lines("a\n\n b \nc\nd\n") == "b | c | d"
