"""class.html: a class's grades as one page, in the look of the reports of falcon_ctl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from falcon_ctl.html_report.blocks import (
    Block,
    Chart,
    Column,
    Facts,
    Mark,
    Page,
    Section,
    Series,
    Table,
    Text,
)  # fmt: skip
from falcon_ctl.html_report.render import html
from labs.grading.grades import CheckGrade, Grade, PartGrade, plain
from labs.grading.similarity.compare import LIKE, RUN, Pair, Similar

_NUMBER = True
BINS = 10


def text(lab: str, grades: Sequence[Grade], similar: Similar, times: bool) -> str:
    """The page; `times` adds a section with what grading took, the only one that may differ."""
    graded = [grade for grade in grades if grade.status == "graded"]
    sections = [
        Section("summary", "Class", _summary(grades)),
        Section("points", "Points", _distribution(graded)),
        Section("checks", "Checks", _checks(graded)),
        Section("similar", "Similar submissions", _similar(similar)),
        *[Section(_anchor(grade), grade.id, _student(grade)) for grade in grades],
    ]
    if times:
        sections.append(Section("times", "Times", [_times(grades)]))
    subtitle = f"{len(graded)} of {len(grades)} submissions graded"
    return html(Page(f"Grades of {lab}", subtitle, "", sections))


def _summary(grades: Sequence[Grade]) -> list[Block]:
    columns = [
        Column("student"), Column("points", _NUMBER), Column("of", _NUMBER),
        Column("visible", _NUMBER), Column("hidden", _NUMBER), Column("first failing check"),
        Column("message"), Column("remarks"),
    ]  # fmt: skip
    rows = [
        [
            grade.id,
            _points(grade),
            plain(grade.points),
            plain(grade.earned_in("visible")),
            plain(grade.earned_in("hidden")),
            grade.failing.title if grade.failing and grade.status == "graded" else "",
            grade.message,
            _remarks(grade),
        ]
        for grade in grades
    ]
    return [Table("Students", columns, rows, where="grades.csv")]


def _points(grade: Grade) -> Mark:
    tone = "good" if grade.points and grade.earned == grade.points else "quiet"
    return Mark(plain(grade.earned), "bad" if not grade.earned else tone)


def _remarks(grade: Grade) -> str | Mark:
    words = [f"stopped: {what}" for what in grade.tried]
    words += [word for word in (grade.late,) if word]
    words += ["handed in nothing"] if grade.status == "missing" else []
    words += list(grade.notes)
    return Mark("; ".join(words), "bad" if grade.tried else "warning") if words else ""


def _distribution(graded: Sequence[Grade]) -> list[Block]:
    if not graded:
        return [Text("Nothing was graded.")]
    counts = Counter(_bin(grade) for grade in graded)
    names = [f"{at * 100 // BINS} to {(at + 1) * 100 // BINS} %" for at in range(BINS)]
    values = [counts[at] for at in range(BINS)]
    shares = sorted(float(grade.earned / grade.points) for grade in graded if grade.points)
    middle = shares[len(shares) // 2] if shares else 0.0
    full = sum(grade.earned == grade.points for grade in graded)
    says = (
        f"{full} of {len(graded)} students have all points; half of them have {middle:.0%} or more."
    )
    series = [Series("students", values)]
    return [Chart("Distribution of points", says, "bars", names, "share of the points", "students",
                  series, where="grades.csv")]  # fmt: skip


def _bin(grade: Grade) -> int:
    return min(BINS - 1, int(BINS * grade.earned / grade.points)) if grade.points else 0


def _checks(graded: Sequence[Grade]) -> list[Block]:
    """How often each part of each check fails, and with which message most often."""
    rows = []
    checks = {check.id: check for grade in graded for check in grade.checks}
    for name, check in checks.items():
        for kind in [part.part for part in check.parts]:
            parts = [_part(grade, name, kind) for grade in graded]
            failed = [part for part in parts if part is not None and not part.passed]
            messages = Counter(part.message for part in failed)
            most = min(messages, key=lambda text: (-messages[text], text), default="")
            often = f"{most} ({messages[most]} times)" if messages[most] > 1 else most
            rows.append(
                [check.title, kind, f"{len(failed)}", _percent(len(failed), len(graded)), often]
            )
    names = "check", "part", "failed", "of all", "most frequent message"
    columns = [Column(name, name in ("failed", "of all")) for name in names]
    return [Table("How often each check fails", columns, rows, headers=2)]


def _part(grade: Grade, check: str, kind: str) -> PartGrade | None:
    found = (part for one in grade.checks if one.id == check for part in one.parts)
    return next((part for part in found if part.part == kind), None)


def _percent(count: int, total: int) -> str:
    return f"{count / total:.0%}" if total else "-"


def _similar(similar: Similar) -> list[Block]:
    says = (
        f"Two submissions are listed when {LIKE:.0%} of the smaller one's runs of {RUN} tokens "
        "are in the other. Names, numbers, texts, comments and the order of functions do not "
        "count, nor what is in the files that everybody was given. “Without the reference” is the "
        "same for what the reference solution does not have: a short task has few solutions. It "
        "is a hint where to look, not a proof."
    )
    pairs = [
        [
            pair.first,
            pair.second,
            f"{pair.shared:.0%}",
            "-" if pair.own is None else f"{pair.own:.0%}",
        ]
        for pair in similar.pairs
    ]
    columns = [Column("student"), Column("student"), Column("shared", _NUMBER),
               Column("without the reference", _NUMBER)]  # fmt: skip
    reference = [[name, f"{share:.0%}"] for name, share in similar.reference.items()]
    blocks: list[Block] = [Text(says)]
    if pairs:
        blocks.append(Table("Similar pairs", columns, pairs, headers=2))
    else:
        blocks.append(Text("No two submissions are that similar."))
    if reference:
        columns = [Column("student"), Column("shared with the reference", _NUMBER)]
        blocks.append(
            Table("Similarity to the reference solution", columns, reference, folded=True)
        )
    return blocks


def _own(pair: Pair) -> str:
    return "-" if pair.own is None else f"{pair.own:.0%}"


def _student(grade: Grade) -> list[Block]:
    facts = [
        ("points", f"{plain(grade.earned)} of {plain(grade.points)}"),
        ("status", grade.status),
    ]
    facts += [("submission", grade.source)] if grade.source else []
    facts += [("handed in", grade.handed_in)] if grade.handed_in else []
    facts += [("late", grade.late)] if grade.late else []
    facts += [("digest", grade.digest)]
    blocks: list[Block] = [Facts(facts)]
    blocks += [Text(f"Stopped: the code {what}.", "bad") for what in grade.tried]
    blocks += [Text(note, "warning") for note in grade.notes]
    if grade.checks:
        names = "check", "part", "points", "of", "what was wrong"
        columns = [Column(name, name in ("points", "of")) for name in names]
        rows = [_row(check, part) for check in grade.checks for part in check.parts]
        blocks.append(Table(f"Checks of {grade.id}", columns, rows, headers=2))
    return blocks


def _row(check: CheckGrade, part: PartGrade) -> list[str | Mark]:
    points = Mark(plain(part.earned), "good" if part.passed else "bad")
    return [check.title, part.part, points, plain(part.points), "" if part.passed else part.why]


def _times(grades: Sequence[Grade]) -> Table:
    rows = [[grade.id, f"{grade.seconds:.1f}"] for grade in grades]
    return Table("Seconds that grading took", [Column("student"), Column("seconds", _NUMBER)], rows)


def _anchor(grade: Grade) -> str:
    """A name of a section that any id can have."""
    return f"student-{sha256(grade.id.encode()).hexdigest()[:12]}"
