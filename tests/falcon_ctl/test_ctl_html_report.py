"""The page of a results folder: what it holds, that nothing in it is active, how large it is."""

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import ctl_report_folder
import pytest
from ctl_traces import Frames, trace
from pydantic import ValidationError

from falcon_ctl import cli
from falcon_ctl.errors import UsageError
from falcon_ctl.html_report import compare, excerpt, folder, hops, page, render, write
from falcon_ctl.html_report.topology import layers
from falcon_ctl.report import command
from falcon_ctl.report.schema import MODELS
from topo.spec import yaml_file
from topo.spec.builders import BUILDERS, leafspine

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>&'


class Elements(HTMLParser):
    """Tags with attributes, the text of script elements, all other text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.styles, self.text = [], [], [], ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        for found, name in ((self.scripts, "script"), (self.styles, "style")):
            if tag == name:
                found.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in in ("script", "style"):
            (self.scripts if self._in == "script" else self.styles)[-1] += data
        else:
            self.text += data


def html_of(where):
    write.write(where)
    return (where / write.NAME).read_text()


def the_data(elements):
    return json.loads(elements.scripts[0])


def edit(where, name, **changes):
    path = where / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# -- one run ---------------------------------------------------------------------------------------


def test_a_page_has_all_that_its_folder_knows(tmp_path):
    elements = Elements(html_of(ctl_report_folder.write(tmp_path)))
    text = " ".join(elements.text.split())
    for part in (
        "all reach", "12 pairs", "0 of 90", "late: sender: p99 30 ms, budget 20 ms",
        "make topo TOPO=pair SWITCH=v1switch", "python -m falcon_ctl run --seed 7", "numpy",
        "backlog", "container overlay", "red1-1", "VNI 5001", "s1:1",
    ):  # fmt: skip
        assert part in text, part
    (rates, latencies) = the_data(elements)["charts"]
    assert [one["label"] for one in rates["series"]] == ["container overlay", "FALCON"]
    assert [one["y"] for one in rates["series"]] == [[1.0], [2.0]]
    assert rates["series"][0]["expected"] == [1.01]
    middle = latencies["x"].index(50)
    assert latencies["series"][0]["y"][middle] == pytest.approx(2.0, abs=0.01)
    (run,) = the_data(elements)["frames"][0]["runs"]
    assert run["title"] == "FALCON, UDP saturating"


def test_a_network_with_a_builtin_name_but_other_parts_is_made_again_from_its_file(tmp_path):
    where = ctl_report_folder.write(tmp_path, topology=leafspine(spines=3))
    assert "make topo TOPO=DIR/topology.yaml SWITCH=v1switch" in html_of(where)


def test_what_comes_from_a_run_is_text_and_nothing_else(tmp_path):
    spec = ctl_report_folder.pair()
    where = ctl_report_folder.write(tmp_path, topology=spec, evidence=HOSTILE)
    frames = json.loads((where / "frames.json").read_text())
    frames["runs"][0]["frames"][0]["flow"] = HOSTILE
    (where / "frames.json").write_text(json.dumps(frames))
    report = json.loads((where / "report.json").read_text())
    report["live"][0]["system"] = report["topology"] = report["provenance"]["command"] = HOSTILE
    (where / "report.json").write_text(json.dumps(report))
    elements = Elements(html_of(where))
    assert [tag for tag, _ in elements.tags if tag in ("script", "img")] == ["script", "script"]
    assert not any(name.startswith("on") for _, attrs in elements.tags for name in attrs)
    assert elements.text.count(HOSTILE) >= 4
    assert the_data(elements)["frames"][0]["runs"][0]["frames"][0]["flow"] == HOSTILE


def test_the_policy_allows_the_pages_own_program_and_no_request(tmp_path):
    elements = Elements(html_of(ctl_report_folder.write(tmp_path)))
    (policy,) = [a["content"] for _, a in elements.tags if a.get("http-equiv")]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert "unsafe" not in policy
    for name, text in (("script-src", elements.scripts[1]), ("style-src", elements.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert parts[name] == f"'sha256-{digest}'"
    links = [a[name] for _, a in elements.tags for name in ("src", "href") if name in a]
    assert links
    assert all(link.startswith(("#", "data:,")) for link in links)
    ids = [a["id"] for _, a in elements.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_page_is_never_too_large_and_says_what_it_leaves_out(tmp_path):
    where = ctl_report_folder.write(tmp_path)
    report = json.loads((where / "report.json").read_text())
    report["live"] = [
        {**report["live"][2], "system": "s" * 800, "load": f"{n}", "invalid": "late: " + "x" * 1900}
        for n in range(6000)
    ]
    (where / "report.json").write_text(json.dumps(report))
    text = html_of(where)
    assert len(text.encode()) <= render.MOST_BYTES
    assert "5500 more rows are left out" in text


@pytest.mark.parametrize("missing", ["topology.yaml", "frames.json", "another version"])
def test_a_folder_of_an_older_version_names_what_it_lacks(tmp_path, capsys, missing):
    where = ctl_report_folder.write(tmp_path)
    if missing == "another version":
        missing = "frames.json"
        edit(where, missing, schema="falcon-frames/0")
    else:
        (where / missing).unlink()
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(where)])
    assert ended.value.code == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert missing in line
    assert (where / "report.html").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda where: (where / "report.json").unlink(), "no results of a run"),
        (lambda where: (where / "report.json").write_text('{"topology"'), "cut off or changed"),
        (lambda where: (where / "report.json").write_text("[]"), "no topology, switch"),
        (lambda where: (where / "topology.yaml").write_text("name: [x"), "cut off or changed"),
        (lambda where: edit(where, "report.json", live=[{}]), "was changed (KeyError"),
        (lambda where: edit(where, "frames.json", runs=[{"label": 3}]), "was changed ("),
        (lambda where: [path.unlink() for path in where.iterdir()] + [where.rmdir()], "no such"),
    ],
)
def test_a_wrong_folder_is_one_line(tmp_path, capsys, spoil, said):
    where = ctl_report_folder.write(tmp_path)
    spoil(where)
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(where)])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert str(where) in line
    assert not (where / "report.html").exists()


# -- the other commands' folders -------------------------------------------------------------------

ORIGIN = {"id": "x", "seeds": [1, 2, 3], "versions": {"numpy": "2"}, "invalid": [], "command": "c"}
FIGURE = {
    "figure": 1, "system": "falcon-rps", "proto": "udp", "metric": "message rate / rps's",
    "claim": 2.0, "measured": 1.9, "within": True, "provenance": ORIGIN,
}  # fmt: skip
VALUE = FIGURE | {"metric": "message rate (messages/s), 16 B", "claim": None, "within": None}
POINT = {"system": "overlay", "proto": "udp", "rate": 1000, "seed": 1, "pps": 900.0, "p99_us": 4.5}
BAR = {
    "paper": "eurosys21", "figure": "10", "panel": "c", "metric": "rate", "x": "16B",
    "system": "Con", "unit": "kpps", "measured": 560.0, "modelled": 600.0, "low": 590.0,
    "high": 610.0,
}  # fmt: skip
RATIO = BAR | {"over": "Host", "error": 0.07, "not_modelled": ""}
SCORE = {"kind": "rate", "count": 3, "near": 0.5, "wide": 1.0, "median": 0.1}
TIMES = {"mean": 47.0, "p50": 45.0, "p99": 75.0, "p99.9": 80.0}
RUN = {
    "application": "memcached", "system": "overlay", "unit": "requests", "rate": 4e5,
    "latency_us": TIMES | {"rest": 2.0}, "receive_path_us": TIMES, "reordered": 0, "errors": [],
    "invalid": "", "tcp": {"retransmitted": 0},
}  # fmt: skip
APPS = {
    "topology": "pair", "switch": {"target": "v1switch", "version": "1"}, "provenance": ORIGIN,
    "loads": {"memcached": "10 clients"}, "dilations": {"memcached": {"value": 200, "why": "x"}},
    "runs": [RUN, RUN | {"system": "falcon"}],
    "compared": [{"application": "memcached", "metric": "mean", "talk": -0.51, "model": -0.5,
                  "here": -0.4, "overlay_us": 47.0, "falcon_us": 28.0, "invalid": ""}],
    "checks": [{"name": "c", "ok": True, "evidence": "e"}],
}  # fmt: skip
FOLDERS = {
    "figures": (
        {"figures.json": json.dumps([FIGURE, VALUE])},
        ["FALCON beside RPS", "2.00", "1.9"],
        ["UDP: message rate"],
    ),
    "sweep": (
        {
            "sweep.json": json.dumps({"spec_sha256": "a", "points": 2, "provenance": ORIGIN}),
            "results.jsonl": "\n".join(json.dumps(POINT | {"rate": r}) for r in (1000, 2000)),
            "spec.yaml": "systems: [overlay]",
        },
        ["varied: rate", "systems: [overlay]", "1 to 3"],
        ["pps over rate", "p99_us over rate"],
    ),
    "sensitivity": (
        {
            "sensitivity.csv": "figure,system,proto,metric,cost,measured,lowered,raised\n"
            "1,falcon,udp,rate,hardirq,2.0,1.9,2.2\n1,falcon,udp,rate,ip_rcv,2.0,1.2,2.9\n",
            "provenance.json": json.dumps(ORIGIN),
        },
        ["The strongest: ip_rcv, hardirq"],
        ["FALCON, UDP: rate"],
    ),
    "papers": (
        {"papers.json": json.dumps(
            {"scores": {"predicted": [SCORE]}, "ratios": [RATIO], "bars": [BAR],
             "provenance": ORIGIN}
        )},
        ["EuroSys '21", "50 %", "+7 %"],
        ["Figure 10c: rate"],
    ),
    "apps": (
        {"apps.json": json.dumps(APPS)},
        ["memcached on pair", "1 of 1 checks hold", "400.0", "-51%"],
        ["Latency, memcached"],
    ),
    "order": (
        {"price-of-order.csv": "figure,system,proto,load,pps,kept,reordered,p99_us\n"
         "3,falcon,udp,20 flows,1e6,0.98,0,20\n3,falcon-published,udp,20 flows,1.1e6,1,0.05,nan\n"},
        ["FALCON as published", "1,100"],
        ["rate over the one without order", "reordered frames, %", "p99 latency, µs (UDP)"],
    ),
}  # fmt: skip


@pytest.fixture(params=FOLDERS)
def other(request, tmp_path):
    files, *expected = FOLDERS[request.param]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path, *expected


def test_each_command_has_its_page(other):
    where, texts, titles = other
    elements = Elements(html_of(where))
    text = " ".join(elements.text.split())
    for part in texts:
        assert part in text, part
    shown = [b.title for s in page.page(folder.read(where)).sections for b in s.blocks
             if b.kind == "chart"]  # fmt: skip
    assert shown == titles
    assert len(the_data(elements)["charts"]) == len(titles)


def test_two_folders_of_each_command_compare(other):
    where, *_ = other
    found = folder.read(where)
    text = Elements(render.html(compare.page([found, replace(found, name="later")]))).text
    assert "Comparison of 2 runs" in text
    assert "How B (later) was made" in text
    assert "same" in text


# -- several runs ----------------------------------------------------------------------------------


def test_a_comparison_shows_what_differs(tmp_path, capsys):
    before = ctl_report_folder.write(tmp_path / "a", 1000.0)
    after = ctl_report_folder.write(tmp_path / "b", 1250.0, evidence="9 of 12 pairs", ok=False)
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(before), str(after), "--results", str(tmp_path / "r")])
    assert ended.value.code == 0
    path = capsys.readouterr().out.strip()
    found = " ".join(Elements(open(path).read()).text.split())  # noqa: PTH123, SIM115
    row = "container overlay udp saturating 1 1.25 +25.0 %"
    for part in ("1 of 2 verdicts differ", "9 of 12 pairs", row, "late", "seeds 7 7 same"):
        assert part in found, part
    assert len(list((tmp_path / "r").iterdir())) == 1


def test_what_cannot_be_compared_is_one_line(tmp_path):
    run = folder.read(ctl_report_folder.write(tmp_path))
    with pytest.raises(UsageError, match=r"is of figures.*expected folders that one command wrote"):
        compare.page([run, replace(run, kind="figures")])
    with pytest.raises(UsageError, match="9 folders; expected at most 8"):
        compare.page([run] * 9)


# -- the network -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*BUILDERS, "ring"])
def test_every_topology_is_drawn_in_layers_without_overlaps(name, request):
    ring = request.path.with_name("ring.yaml")
    spec = yaml_file.from_file(ring) if name == "ring" else BUILDERS[name]()
    drawing = layers.draw(spec)
    assert sorted(node.name for node in drawing.nodes) == sorted(spec.node_names)
    assert len(drawing.edges) == len(spec.links)
    for one in drawing.nodes:
        assert one.width / 2 <= one.x <= drawing.width - one.width / 2
        assert 0 <= one.y - one.height / 2 < one.y + one.height / 2 <= drawing.height
        for other in drawing.nodes:
            apart = abs(one.x - other.x) >= one.width or abs(one.y - other.y) >= one.height
            assert one is other or apart, (one, other)
    levels = layers.layers_of(spec.graph())
    sizes = {"pair": [2, 1], "leafspine": [2, 2, 2], "fattree": [16, 8, 8, 4], "ring": [3, 3]}
    assert [len(level) for level in levels] == sizes[name]


def test_a_fat_trees_pods_stay_together():
    spec = BUILDERS["fattree"]()
    graph = spec.graph()
    order = layers.ordered(graph, layers.layers_of(graph))
    for level in order[1:3]:  # edge and aggregation switches: e<pod>-<i>, a<pod>-<j>
        pods = [name[1:].split("-")[0] for name in level]
        assert sum(a != b for a, b in pairwise(pods)) == 3, level


# -- packets ---------------------------------------------------------------------------------------


def test_an_excerpt_is_around_what_moved_and_counts_merged_work_once():
    run = ctl_report_folder.frames()["runs"][0]
    numbers = [frame["number"] for frame in run["frames"]]
    assert numbers == list(range(22, 46))
    assert "24 consecutive packets of 60, around the first stage that moved" in run["chosen"]
    assert run["frames"][8]["stages"][2][3] == 2
    assert run["frames"][0]["flow"] == "UDP 10.0.0.11:40000 → 10.0.0.21:9000"
    assert run["frames"][0]["vni"] == 5001
    passage = Frames().passage(1)
    merged = [passage, passage._replace(number=2)]  # GRO's frames share their skb's stages
    cores = excerpt.of_trace("x", trace(*merged))["cores"]
    one = excerpt.of_trace("x", trace(passage))["cores"]
    assert cores == one
    assert all(share <= 100 for kinds in cores.values() for share in kinds.values())


def test_the_file_of_packets_is_as_its_schema_says():
    written = json.dumps(ctl_report_folder.frames())
    MODELS["Packets"].model_validate_json(written, strict=True)
    with pytest.raises(ValidationError):
        MODELS["Packets"].model_validate_json(written.replace('"vni"', '"vnid"'), strict=True)


def test_a_hop_has_tables_with_lines_and_what_statements_changed():
    found = hops.hop("s1", 1, ctl_report_folder.EXPLANATION)
    assert found["headers"] == "ethernet"
    assert found["tables"] == [
        [
            "Ingress.acl",
            "hit",
            "vni 5001",
            "vni 5001, priority 10",
            "set_vni(vni = 5001)",
            "a.p4:17",
        ]
    ]
    assert found["statements"] == [["meta.vni = vni", "meta.vni = 5001", "a.p4:9"]]
    assert found["ends"] == "114 bytes leave out of port 2"


# -- the command -----------------------------------------------------------------------------------


def test_the_command_that_makes_a_run_again_names_no_places(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    given = ["run", "--json", "/x/y.json", "--seed", "7", "--results=/tmp/r", "--shared"]
    given += ["--policy", "/home/someone/my policy.py:f"]
    found = command.text(given)
    assert found == "python -m falcon_ctl run --seed 7 --policy ~/'my policy.py:f'"
