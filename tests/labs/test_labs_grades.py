"""Points, lateness and the files with grades; all of it without running anything."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from labs.grading import grades
from labs.grading.grades import Grade
from labs.grading.reports import gradescope, junit, page, table
from labs.grading.similarity.compare import Pair, Similar
from labs.judging import Verdict

PASSED = Verdict("sum", "Sums <&>", "passed", 3)
FAILED = replace(PASSED, state="failed", message="the carry is lost", seen="1", expected="2")
OTHER = Verdict("policy", "Policy", "passed", 1)
EXTRA = Verdict("p4c", "Compiled", "left out", 0)


def of(visible, *hidden, stopped=()):
    return {
        one.id: (one.earned, one.points)
        for one in grades.of_verdicts(visible, hidden, dict(stopped))
    }


def test_half_of_the_points_for_each_part():
    assert of([PASSED], [PASSED], [PASSED]) == {"sum": (3, 3)}
    assert of([PASSED], [PASSED], [FAILED]) == {"sum": (Fraction(3, 2), 3)}
    assert of([FAILED], [PASSED], [PASSED]) == {"sum": (Fraction(3, 2), 3)}


def test_check_with_one_part_has_all_points_there():
    assert of([PASSED], [OTHER], [OTHER]) == {"sum": (3, 3), "policy": (1, 1)}


def test_what_the_machine_lacks_counts_for_nobody():
    assert of([PASSED, EXTRA], [PASSED]) == {"sum": (3, 3)}


def test_stopped_check_has_no_points_and_the_others_keep_theirs():
    found = of([PASSED, OTHER], [PASSED, OTHER], stopped={"sum": "stopped: it forked"})
    assert found == {"sum": (0, 3), "policy": (1, 1)}


@pytest.mark.parametrize(
    ("late_by", "marked", "says"),
    [
        (timedelta(minutes=-1), False, ""),
        (timedelta(seconds=20), False, "1 min late"),
        (timedelta(hours=5, minutes=3), False, "5 h 3 min late"),
        (timedelta(days=2, hours=1), True, "2 d 1 h late"),
        (timedelta(minutes=-1), True, "marked as late"),
    ],
)
def test_lateness_in_words(late_by, marked, says):
    due = datetime(2027, 1, 15, 23, 59, tzinfo=timezone.utc)
    assert grades.lateness(due + late_by, due, marked) == says


HIDDEN = "the hidden reason"
CHECKS = grades.of_verdicts(
    [FAILED, OTHER], [[replace(FAILED, message=HIDDEN), OTHER], [PASSED, OTHER]], {}
)
ADA = Grade(
    "ada", "01-adder", "ada.zip", "graded", CHECKS, ("opened a network connection to 8.8.8.8",),
    ("choose.py is missing",), "3 min late", "2027-01-16T00:02", 1.25,
)  # fmt: skip
ODD = Grade('=cmd|"<b>\x00\x1b', "01-adder", "x\n.zip", "unreadable", (), (), ("a broken archive",))
NOBODY = grades.missing("01-adder", ["ada", "bob"], [ADA])
ALL = [ADA, ODD, *NOBODY]
SIMILAR = Similar([Pair("ada", "bob", 0.93, None)], {"ada": 0.5, "bob": 0.4})


def test_missing_student_has_no_point_of_the_same_checks():
    (bob,) = NOBODY
    assert (bob.id, bob.status, bob.earned, bob.points) == ("bob", "missing", 0, 4)


def test_table_has_the_first_failing_check_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(table.text(ALL, times=True))))
    assert rows[0]["points"] == "1"
    assert (rows[0]["of"], rows[0]["visible"], rows[0]["hidden"]) == ("4", "0.5", "0.5")
    assert rows[0]["first_failing"] == "sum"
    assert rows[0]["message"] == "the carry is lost; seen: 1; expected: 2"
    assert rows[0]["tried"] == "opened a network connection to 8.8.8.8"
    assert rows[1]["id"].startswith("'=")
    assert [row["status"] for row in rows] == ["graded", "unreadable", "missing"]


def test_only_the_times_differ_between_two_runs():
    again = [replace(grade, seconds=grade.seconds + 1) for grade in ALL]
    for text in (table.text, junit.text):
        assert text(ALL, times=False) == text(again, times=False)
        assert text(ALL, times=True) != text(again, times=True)
    assert gradescope.text(ADA, times=False) == gradescope.text(again[0], times=False)
    assert page.text("L", ALL, SIMILAR, False) == page.text("L", again, SIMILAR, False)
    assert [one.digest for one in ALL] == [one.digest for one in again]
    assert replace(ADA, late="").digest != ADA.digest


# Gradescope's autograder documentation, "Output Format": keys, and the values of some.
OF_FILE = {"score", "execution_time", "output", "output_format", "test_output_format",
           "test_name_format", "visibility", "stdout_visibility", "extra_data", "tests",
           "leaderboard"}  # fmt: skip
OF_TEST = {"score", "max_score", "status", "name", "name_format", "number", "output",
           "output_format", "tags", "visibility", "extra_data"}  # fmt: skip
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def test_gradescope_reads_results_and_students_see_nothing_hidden():
    found = json.loads(gradescope.text(ADA, times=True))
    assert set(found) <= OF_FILE
    assert found["score"] == 1.0 == sum(test["score"] for test in found["tests"])
    assert isinstance(found["execution_time"], int)
    assert {found["output_format"], found["test_output_format"]} <= FORMATS
    for test in found["tests"]:
        assert set(test) <= OF_TEST
        assert test["status"] in ("passed", "failed")
        assert test["visibility"] in VISIBILITIES
        assert 0 <= test["score"] <= test["max_score"]
    seen = [test for test in found["tests"] if test["visibility"] == "visible"]
    assert HIDDEN not in json.dumps([seen, found["output"]])
    assert len(seen) == 2


# The schema of Ant's JUnit task (JUnit.xsd), with testsuites as Jenkins has it: what each element
# may have, in this order.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname",
                  "id", "package", "disabled"},
    "properties": set(), "property": {"name", "value"},
    "testcase": {"name", "classname", "time", "assertions", "status"},
    "failure": {"message", "type"}, "error": {"message", "type"},
}  # fmt: skip
CHILDREN = {
    "testsuites": ["testsuite"], "testsuite": ["properties", "testcase", "system-out"],
    "properties": ["property"], "testcase": ["skipped", "error", "failure"],
}  # fmt: skip


@pytest.mark.parametrize("times", [True, False])
def test_junit_follows_its_schema(times):
    root = ET.fromstring(junit.text(ALL, times=times))
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        places = [CHILDREN.get(element.tag, []).index(child.tag) for child in element]
        assert places == sorted(places)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
        assert all(case.attrib["name"] and case.attrib["classname"] for case in cases)
    assert root.attrib["tests"] == "9"
    assert root.find("testsuite[@name='ada']//failure").attrib["message"] == "the carry is lost"


def test_page_escapes_what_students_chose_and_fetches_nothing():
    text = page.text("01-adder", ALL, SIMILAR, times=True)
    assert "<b>" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "Sums &lt;&amp;&gt;" in text
