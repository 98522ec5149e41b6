"""A policy runs in the model's process, and can change nothing there but its own memory."""

import pytest

from labs.worker import policy_file
from rxpath.errors import PolicyError
from rxpath.policies import custom

REFUSED = {
    "another module": "import rxpath.host",
    "a module's engine": "from rxpath.model import hosts",
    "a private name": "from rxpath.model.state.codes import _x",
    "a call": "X = open('/etc/passwd')",
    "a class": "class Packet: pass",
    "a decorator": "@print\ndef choose(packet, host): return 0",
    "a default with a call": "def choose(packet, host=open('x')): return 0",
    "an annotation with a call": "def choose(packet, *host: open('x')): return 0",
    "a with": "def choose(packet, host):\n    with host: return 0",
    "a dunder": "def choose(packet, host): return packet.__class__.__mro__[1]",
    "a method": "def choose(packet, host):\n    host.load.fill(0)\n    return 0",
    "eval": "def choose(packet, host): return eval('1')",
    "getattr": "def choose(packet, host): return getattr(packet, 'hash')",
    "an import inside": "def choose(packet, host):\n    import os\n    return 0",
    "a field that is set": "from rxpath.model.policy import Packet\n"
    "def choose(packet, host):\n    Packet.hash = 3\n    return 0",
    "a lambda": "def choose(packet, host): return (lambda: 0)()",
    "a try": "def choose(packet, host):\n    try: return 0\n    finally: pass",
    "a global": "def choose(packet, host):\n    global X\n    X = 1\n    return 0",
    "a walrus at the file's level": "[X := 1]",
    "an if at the file's level": "if 1: import os",
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_more_than_a_pure_policy_is_refused_before_it_runs(source):
    assert policy_file.wrong(source) is not None


WRITES = {
    "the load": "host.load[3] = 0",
    "by another name": "loads = host.load; loads[0] = 0",
    "in place": "loads = host.load; loads += 1",
    "a part": "host.split_cpus[1:][0] = 1",
    "the CPUs": "host.falcon_cpus[0] = 9",
    "in a helper": "helper(host.rps_cpus)",
}


@pytest.mark.parametrize("line", WRITES.values(), ids=WRITES)
def test_what_the_model_counts_by_cannot_be_written(line):
    source = (
        f"def helper(x):\n    x[0] = 1\n\ndef choose(packet, host):\n    {line}\n    return 1\n"
    )
    with pytest.raises(PolicyError, match="changes what it may only read"):
        custom.from_source("/lab/files/choose.py", "choose", source)


def test_own_memory_can_be_written_within_its_bounds():
    source = "def choose(packet, host):\n    host.memory[5] += 1\n    return 1\n"
    assert policy_file.wrong(source) is None
    custom.from_source("/lab/files/choose.py", "choose", source)
