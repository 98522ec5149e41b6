"""No wait of the controller is without a deadline."""

import ast
from pathlib import Path

import pytest

import falcon_ctl

ROOT = Path(falcon_ctl.__file__).parent
WAITS = {"join", "wait", "result", "acquire", "get", "select", "communicate"}
RPCS = {
    "Write",
    "Read",
    "SetForwardingPipelineConfig",
    "GetForwardingPipelineConfig",
    "Capabilities",
}
KNOWN = {
    "p4rt/stream.py: iter",  # gRPC's thread waits for what is to be sent, None ends it
    "live/hosts.py: get",  # our own methods, on a socket with a timeout
    "live/hosts.py: result",
    "steering/session.py: result",
    "dashboard/cli.py: wait",  # our own method: until a signal ends the server
    "dashboard/board.py: wait",  # a viewer's next message; its connection's end cancels it
    "apps/clients/memcached.py: join",  # of clients whose sockets have timeouts
    "report/command.py: get",  # of a context variable
}


def without_deadline(source: str) -> list[str]:
    """Calls that may wait for ever."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given = bool(node.args or node.keywords)
        named = {keyword.arg for keyword in node.keywords}
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if (name in WAITS and not given) or (name in RPCS and "timeout" not in named):
                found.append(name)
        elif isinstance(node.func, ast.Name) and node.func.id == "iter" and len(node.args) == 2:
            found.append("iter")
    return found


def test_no_wait_is_without_a_deadline():
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in ROOT.rglob("*.py")
        for name in without_deadline(path.read_text())
    }
    assert found == KNOWN


@pytest.mark.parametrize(
    "text", ["thread.join()", "q.get()", "e.wait()", "stub.Write(r)", "future.result()"]
)
def test_a_wait_without_a_deadline_is_found(text):
    assert without_deadline(text)


@pytest.mark.parametrize(
    "text", ["thread.join(1)", "q.get(timeout=1)", "', '.join(x)", "stub.Write(r, timeout=3)"]
)
def test_a_wait_with_a_deadline_is_left_alone(text):
    assert not without_deadline(text)
