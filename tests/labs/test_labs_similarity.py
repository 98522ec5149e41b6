"""Near-identical submissions are found in spite of what people change, others are not."""

import re

import pytest

from labs.grading.similarity.compare import compare, runs

TEMPLATE = '''"""Read numbers."""

LIMIT = 100


def numbers(text):
    """All numbers of a text, in its order, at most LIMIT."""
    found = []
    for word in text.split():
        if word.isdigit() and len(found) < LIMIT:
            found.append(int(word))
    return found
'''
ADA = (
    TEMPLATE
    + '''

def mean(values):
    """The mean."""
    total = 0
    for value in values:
        total = total + value
    return total / len(values) if values else 0


def spread(values):
    middle = mean(values)
    squares = [(value - middle) ** 2 for value in values]
    squares.sort()
    while squares and squares[-1] > 1000:
        squares.pop()
    return (sum(squares) / max(1, len(squares))) ** 0.5
'''
)
BOB = (
    TEMPLATE
    + """

import statistics


def mean(values):
    return statistics.fmean(values or [0])


def spread(values):
    kept = filter(lambda one: abs(one - mean(values)) < 32, values)
    return statistics.pstdev(list(kept) or [0])
"""
)


def renamed(text):
    for old, new in (("total", "acc"), ("value", "x"), ("middle", "m"), ("squares", "sq")):
        text = re.sub(rf"\b{old}\b", new, text)
    return text.replace('"""The mean."""', "# my own idea").replace("1000", "2500")


def moved(text):
    head, mean, spread = text.partition("\n\ndef mean")[0], *text.split("\n\ndef ")[-2:]
    return f"{head}\n\n\ndef {spread}\n\ndef {mean}"


CHANGES = {"names, numbers and comments": renamed, "order": moved,
           "both": lambda text: moved(renamed(text)),
           "added code": lambda text: text + "\n\n" + "\n".join(f"X{n} = [{n}]" for n in range(50)),
           }  # fmt: skip


def pairs(reference="", **submissions):
    files = {name: {"a.py": text.encode()} for name, text in submissions.items()}
    return compare(files, {"a.py": TEMPLATE.encode()}, {"a.py": reference.encode()})


@pytest.mark.parametrize("change", CHANGES)
def test_copy_is_found_whatever_is_changed(change):
    (found,) = pairs(ada=ADA, eve=CHANGES[change](ADA), bob=BOB).pairs
    assert (found.first, found.second) == ("ada", "eve")
    assert found.shared > 0.8


def test_own_work_from_the_same_template_is_not_listed():
    assert not pairs(ada=ADA, bob=BOB).pairs
    assert not pairs(ada=TEMPLATE, bob=TEMPLATE).pairs


def test_what_the_reference_has_is_told_apart():
    found = pairs(reference=ADA, ada=ADA, eve=renamed(ADA), bob=BOB)
    assert found.reference["ada"] == found.reference["eve"] == 1
    assert found.reference["bob"] < 0.5
    assert found.pairs[0].own is None  # both are the reference: nothing of their own is left


P4 = """
control Ingress(inout headers hdr, inout metadata meta) {
    action drop() { mark_to_drop(meta); }
    action forward(bit<9> port) { meta.egress_spec = port; hdr.ipv4.ttl = hdr.ipv4.ttl - 1; }
    table routes {
        key = { hdr.ipv4.dstAddr : lpm; }
        actions = { forward; drop; }
        size = 1024;
        default_action = drop();
    }
    apply { if (hdr.ipv4.isValid()) { routes.apply(); } }
}
"""


def test_p4_programs_are_compared_too():
    other = re.sub(r"\broutes\b", "t1", re.sub(r"\bforward\b", "fwd", P4)).replace("1024", "64")
    other = other.replace("control", "// mine\ncontrol")
    assert runs({"a.p4": P4.encode()}) == runs({"a.p4": other.encode()})
    different = P4.replace("if (hdr.ipv4.isValid()) { routes.apply(); }", "routes.apply();")
    assert runs({"a.p4": P4.encode()}) != runs({"a.p4": different.encode()})


def test_file_that_is_no_program_is_read_all_the_same():
    runs({"a.py": b"\xff\xfe def (((", "b.p4": b'"unclosed'})
