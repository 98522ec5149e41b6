"""BMv2's own simple_switch_CLI prints the same of v1switch as of BMv2's simple_switch.

What differs on purpose is in ALIKE; a command that BMv2 answers wrongly, or ends at, is left out
of the scripts; docs/thrift.md lists the differences.
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.v1switch.test_entryfile_commands import CLI
from tests.v1switch.twin import COMPILED, loaded
from v1switch.bmthrift.serving import serve

COMMANDS = Path(__file__).with_name("cli")
SWITCH, TOOL = shutil.which("simple_switch"), shutil.which("simple_switch_CLI")
PATIENCE = 20
# numbers of the run, which nothing compares
ALIKE = (
    (r"(thrift_port +: )\d+", r"\1PORT"),
    (r"(notifications_socket +: ).*", r"\1SOCKET"),  # v1switch has no nanomsg
    (r"RuntimeCmd: \d{6,}$", "RuntimeCmd: MICROSECONDS"),
    (r"Life: \d+ms since hit", "Life: SOMEms since hit"),
)
NOT_RUN = {  # each with its reason
    "serialize_state": "BMv2's answer is bytes that its CLI cannot decode",
    "pvs_add": "the CLI sends as many bytes as its float division makes: too many",
    "pvs_remove": "the same",
    "EOF": "ends each script",
    "help": "is the CLI's own",
    "shell": "is the CLI's own",
    "set_toeplitz_hash_key": "the CLI does not catch its error",
    "port_add": "BMv2 would open an interface",
}
pytestmark = pytest.mark.skipif(not (SWITCH and TOOL), reason="needs BMv2's simple_switch")


def cli(port: int, commands: str) -> str:
    """What the CLI prints."""
    done = subprocess.run(
        [str(TOOL), "--thrift-port", str(port)],
        input=commands,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(port: int, commands: str) -> list[str]:
    """What the CLI prints, without what is a number of the run."""
    text = cli(port, commands)
    for pattern, replacement in ALIKE:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.splitlines()


@pytest.fixture(scope="module")
def bmv2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a simple_switch without interfaces."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    events = f"ipc://{tmp_path_factory.mktemp('bmv2')}/events"
    argv = [str(SWITCH), "--thrift-port", str(port), "--notifications-addr", events]
    program = str(COMPILED / "tables.json")
    with subprocess.Popen([*argv, program, "--", "--enable-swap"], stdout=subprocess.DEVNULL) as bm:
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers(port):
                assert bm.poll() is None, "simple_switch has ended"
                assert time.monotonic() < deadline, "simple_switch does not answer"
                time.sleep(0.02)
            yield port
        finally:
            bm.kill()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def ours() -> Iterator[int]:
    server = serve(loaded("tables"), "127.0.0.1", 0)
    yield server.port
    server.stop()


def script(name: str) -> str:
    """A script's commands, after those that load the program of the same name."""
    program = COMPILED / f"{name}.json"
    text = (COMMANDS / f"{name}.txt").read_text()
    return f"load_new_config_file {program}\nswap_configs\nreset_state\n{text}"


SCRIPTS = sorted(path.stem for path in COMMANDS.glob("*.txt"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_cli_prints_the_same(name: str, bmv2: int, ours: int) -> None:
    text = script(name)
    expected = run(bmv2, text)
    assert len(expected) > len(text.splitlines()) / 2, "the scripts make it print something"
    assert run(ours, text) == expected


def test_every_command_of_the_cli_is_run() -> None:
    lines = "".join(script(name) for name in SCRIPTS).splitlines()
    known = {line.split()[0] for line in lines if line}
    assert sorted(set(CLI.split()) - known - NOT_RUN.keys()) == []
