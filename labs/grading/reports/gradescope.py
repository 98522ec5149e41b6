"""results.json as Gradescope's autograder reads it.

Source: gradescope-autograders.readthedocs.io, "Autograder Specifications", "Output Format".
"""

from __future__ import annotations

import json
from typing import Any

from labs.grading.grades import CheckGrade, Grade, PartGrade


def text(grade: Grade, times: bool) -> str:
    """The file of one submission: students see the visible parts, and of hidden ones nothing."""
    document: dict[str, Any] = {
        "score": float(grade.earned),
        "output": _output(grade),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "tests": [
            _test(check, part, f"{number}.{place}")
            for number, check in enumerate(grade.checks, 1)
            for place, part in enumerate(check.parts, 1)
        ],
        "extra_data": {"lab": grade.lab, "digest": grade.digest, "tried": list(grade.tried)},
    }
    if times:
        document["execution_time"] = round(grade.seconds)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _output(grade: Grade) -> str:
    lines = [grade.lab, *(f"stopped: your code {what}" for what in grade.tried), *grade.notes]
    if grade.late:
        lines.append(grade.late)
    return "\n".join(lines)


def _test(check: CheckGrade, part: PartGrade, number: str) -> dict[str, Any]:
    return {
        "number": number,
        "name": f"{check.title} ({part.part})",
        "score": float(part.earned),
        "max_score": float(part.points),
        "status": "passed" if part.passed else "failed",
        "output": "" if part.passed else part.why,
        "tags": [check.id, part.part],
        "visibility": "visible" if part.part == "visible" else "hidden",
    }
