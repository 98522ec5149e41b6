"""The papers' measurements as data: what the files hold, and what a wrong file is told."""

from importlib.resources import files

import pytest

from falcon_ctl.errors import UsageError
from falcon_ctl.papers import data

HEADER = ",".join(data.COLUMNS)
ROW = "10,c,5.4,100G,udp,16,1,Con,rate,Kpps,16B,550,0.87"


def values(paper, *, figure, panel):
    return {
        (value.system, value.x): value.value
        for value in data.load(paper)
        if (value.figure, value.panel) == (figure, panel)
    }


def test_values_that_the_papers_state_in_words():
    """From the text of both papers, not from their figures."""
    stress = values("eurosys21", figure="10", panel="c")
    assert stress["Falcon", "4KB"] / stress["Host", "4KB"] == pytest.approx(0.87, abs=0.01)
    many = values("eurosys21", figure="13", panel="d")
    assert many["Host+", "5"] / many["Host", "5"] == pytest.approx(1.56, abs=0.01)
    cache = values("eurosys21", figure="18", panel="10 clients")
    assert cache["Falcon", "mean"] / cache["Con", "mean"] == pytest.approx(0.49, abs=0.01)
    mflow = values("ipdps23", figure="8", panel="a TCP")
    assert mflow["mFlow", "64KB"] == pytest.approx(29.8, abs=0.05)
    assert mflow["mFlow", "64KB"] / mflow["Con (vanilla)", "64KB"] == pytest.approx(1.81, abs=0.01)
    mflow = values("ipdps23", figure="8", panel="a UDP")
    assert mflow["mFlow", "64KB"] / mflow["Con (vanilla)", "64KB"] == pytest.approx(2.39, abs=0.01)


@pytest.mark.parametrize("paper", data.PAPERS)
def test_every_value_has_its_unit_and_reading_error(paper):
    found = data.load(paper)
    assert len(found) > 450
    assert all(value.error < 0.1 * max(value.value, 1) for value in found if value.unit != "count")
    assert {value.unit for value in found} <= set(data.UNITS)
    assert files("falcon_ctl.papers").joinpath(f"{paper}.csv").is_file()  # in the wheel, too


def test_shares_of_a_core_add_up():
    for paper in data.PAPERS:
        cores = {}
        for value in data.load(paper):
            if value.metric in ("cpu user", "cpu system", "cpu softirq", "cpu idle"):
                core = (value.figure, value.panel, value.system, value.x)
                cores[core] = cores.get(core, 0.0) + value.value
        assert cores
        assert all(total == pytest.approx(100, abs=0.05) for total in cores.values())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], r"x.csv, line 1: missing column 'bytes'; expected figure, panel, "),
        ([HEADER + ",colour"], "x.csv, line 1: unknown column 'colour'; expected figure"),
        ([HEADER.replace("unit,", "")], "x.csv, line 1: missing column 'unit'; expected figure"),
        (
            [HEADER, ROW, ROW.replace("Kpps", "kpps").replace("Con", "Host")],
            "x.csv, line 3: unit 'kpps'; expected one of Gbps, Kpps, Mpps",
        ),
        ([HEADER, ROW, ROW], "x.csv, line 3: the same measurement as line 2; expected each of"),
        ([HEADER, ROW[:-5]], "x.csv, line 2: 12 cells; expected 13, one for each column"),
        ([HEADER, ROW.replace("550", "many")], "line 2: value 'many'; expected a number, 0 or"),
        ([HEADER, ROW.replace("550", "nan")], "line 2: value 'nan'; expected a number, 0 or more"),
        ([HEADER, ROW.replace("0.87", "-1")], "line 2: error '-1'; expected a number, 0 or more"),
        (
            [HEADER, ROW.replace("udp", "sctp")],
            "line 2: proto 'sctp'; expected one of udp, tcp, or",
        ),
        ([HEADER, ROW.replace("5.4", "6.1")], "line 2: kernel '6.1'; expected one of 4.19, 5.4, 5"),
        ([HEADER, ROW.replace("100G", "40G")], "line 2: nic '40G'; expected one of 10G, 100G, or"),
        ([HEADER, ROW.replace(",16,", ",0,")], "line 2: bytes '0'; expected a whole number above"),
        ([HEADER, ROW.replace("Con", "")], "line 2: no system; expected its name"),
    ],
)
def test_a_wrong_file_is_one_line(lines, said):
    with pytest.raises(UsageError, match=said) as error:
        list(data.parse("x.csv", lines))
    assert "\n" not in str(error.value)


def test_a_right_file():
    (value,) = data.parse("x.csv", [HEADER, ROW])
    assert (value.system, value.value, value.bytes, value.unit) == ("Con", 550.0, 16, "Kpps")
    (value,) = data.parse("x.csv", [HEADER, ROW.replace(",16,1,", ",,,")])
    assert (value.bytes, value.flows) == (None, None)
