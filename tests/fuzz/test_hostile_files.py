"""Any file is read or refused within 2 s and 200 MB, in one line that a terminal only shows."""

import json
import subprocess
import sys

import pytest

from tests.fuzz import hostile

SECONDS = 2  # of the processor
LONGEST = 3_000  # characters of a message


@pytest.mark.slow
def test_hostile_files_are_refused_in_one_line_soon_and_cheaply() -> None:
    command = [sys.executable, "-m", "tests.fuzz.hostile"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == sum(len(documents) for *_, documents in hostile.READERS.values())
    wrong = [
        one
        for one in found
        if one["seconds"] > SECONDS
        or one["said"] == "accepted"
        or one["said"].startswith("CRASHED")
        or not one["said"].isprintable()
        or len(one["said"]) > LONGEST
    ]
    assert wrong == []
