"""JUnit's XML: a test suite for each student, a test case for each part of a check.

The elements and attributes are those that Jenkins, GitLab and GitHub's actions read: the schema of
Ant's JUnit task, with `testsuites` around.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from labs.grading.grades import CheckGrade, Grade, PartGrade

# What XML 1.0 has no way to write [XML 1.0, section 2.2].
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(grades: Sequence[Grade], times: bool) -> str:
    """The document."""
    suites = ET.Element("testsuites", name="labs")
    total = failed = errors = 0
    for grade in grades:
        suite = _suite(grade, times)
        suites.append(suite)
        total += int(suite.attrib["tests"])
        failed += int(suite.attrib["failures"])
        errors += int(suite.attrib["errors"])
    suites.attrib |= {"tests": str(total), "failures": str(failed), "errors": str(errors)}
    if times:
        suites.attrib["time"] = f"{sum(grade.seconds for grade in grades):.3f}"
    ET.indent(suites)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"
    )


def _suite(grade: Grade, times: bool) -> ET.Element:
    cases = [_case(grade, check, part) for check in grade.checks for part in check.parts]
    if not cases:
        cases = [_no_grade(grade)]
    failures = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    suite = ET.Element("testsuite", name=_legal(grade.id), tests=str(len(cases)),
                       failures=str(failures), errors=str(errors), skipped="0")  # fmt: skip
    if times:
        suite.attrib["time"] = f"{grade.seconds:.3f}"
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(grade):
        ET.SubElement(properties, "property", name=name, value=_legal(value))
    suite.extend(cases)
    return suite


def _properties(grade: Grade) -> Sequence[tuple[str, str]]:
    tried = [("tried", what) for what in grade.tried]
    notes = [("note", note) for note in grade.notes]
    late = [("late", grade.late)] if grade.late else []
    return [("lab", grade.lab), ("status", grade.status), ("digest", grade.digest), *late, *tried,
            *notes]  # fmt: skip


def _case(grade: Grade, check: CheckGrade, part: PartGrade) -> ET.Element:
    name = f"{check.title} ({part.part})"
    case = ET.Element("testcase", classname=f"{grade.lab}.{check.id}", name=_legal(name))
    if not part.passed:
        failure = ET.SubElement(case, "failure", message=_legal(part.message), type=part.part)
        failure.text = _legal(part.why)
    return case


def _no_grade(grade: Grade) -> ET.Element:
    case = ET.Element("testcase", classname=grade.lab, name="submission")
    ET.SubElement(case, "error", message=_legal(grade.message), type=grade.status)
    return case


def _legal(text: str) -> str:
    return _NO_XML.sub("�", text)
