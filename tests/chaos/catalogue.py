"""The faults: how each is brought about, and what is promised to happen.

A fault takes the world and a random generator, and returns what undoes or ends it, if anything
does. Its promise says how a job that was running may end, and what its message must name.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.world import Job, World
from tests.topo.driver import ROOT

Undo = Callable[[], None]
Inject = Callable[[World, random.Random, Job | None], tuple[str, Undo | None]]

ENDS, ENDS_LATER, GOES_ON, KILLED = "ends", "ends later", "goes on", "killed"
IDLE, JOB = "idle", "job"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: for tables and the command line.
        inject: brings it about; returns what was hit, and what ends it (called after the job).
        promise: of a job that is running. `ends`: exit status 1 within 10 s, one line that names
            the part; `ends later`: when it needs what is broken. `goes on`: it completes, with the
            checks' verdict, or ends as above. `killed`: by the fault.
        named: words of which one must be in the line of a job that ends.
        phases: when it is injected: into an idle network, into a running job.
        needs_disk: only where the run directory has a disk of its own.
    """

    name: str
    inject: Inject
    promise: str
    named: tuple[str, ...] = ()
    phases: tuple[str, ...] = (IDLE, JOB)
    needs_disk: bool = False


# -- processes -------------------------------------------------------------------------------------


def _signal(pid: int, number: int) -> None:
    if pid > 1:
        os.kill(pid, number)


def daemon(number: int) -> Inject:
    """SIGKILL or SIGSTOP of the daemon."""

    def inject(world: World, _rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
        with world.network() as network:
            _signal(network.daemon_pid, number)
        return "topo daemon", None

    return inject


def part(kind: str, number: int) -> Inject:
    """SIGKILL or SIGSTOP of a switch or a receive path."""

    def inject(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
        with world.network() as network:
            hit = rng.choice([one for one in network.status().parts if one.kind == kind])
        _signal(hit.pid, number)
        return hit.name, None

    return inject


def init(world: World, _rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """SIGKILL of process 1 of the namespaces: the kernel ends everything at once."""
    _signal(world.family()[0], signal.SIGKILL)
    return "process 1", None


def container(number: int) -> Inject:
    """SIGKILL or SIGSTOP of the process that holds a sending container."""

    def inject(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
        with world.network() as network:
            first = network.spec.machines[0].name
            name = rng.choice([c.name for c in network.spec.containers_of(first)])
            inside = network.exec(name, ["readlink", "/proc/self/ns/net"], timeout=5).stdout.strip()
        held = [pid for pid in world.family()[1:] if _netns(pid) == inside]
        for pid in held:
            with contextlib.suppress(ProcessLookupError):
                _signal(pid, number)
        return f"{name}, {len(held)} processes", None

    return inject


def _netns(pid: int) -> str:
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    return ""


def sending_program(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """SIGKILL of a program that sends inside a container: nobody else is concerned."""
    with world.network() as network:
        name = rng.choice([c.name for c in network.spec.containers])
        target = rng.choice([str(c.ip) for c in network.spec.containers if c.name != name])
    argv = [sys.executable, "-m", "topo", "exec", name, "--", "ping", "-q", "-i", "0.05", target]
    process = subprocess.Popen(
        argv, env=world.env, cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    time.sleep(rng.uniform(0.5, 1.5))
    process.kill()
    process.wait()
    return f"ping in {name}", None


def controller(number: int) -> Inject:
    """A signal to the running job itself."""

    def inject(_world: World, _rng: random.Random, job: Job | None) -> tuple[str, Undo | None]:
        assert job is not None
        job.process.send_signal(number)
        return "falcon_ctl", None

    return inject


def paused_controller(
    _world: World, rng: random.Random, job: Job | None
) -> tuple[str, Undo | None]:
    """SIGSTOP of the running job for a second or two."""
    assert job is not None
    job.process.send_signal(signal.SIGSTOP)
    seconds = rng.uniform(0.5, 2.5)
    time.sleep(seconds)
    job.process.send_signal(signal.SIGCONT)
    return f"falcon_ctl for {seconds:.1f} s", None


# -- links -----------------------------------------------------------------------------------------


def _interface(world: World, rng: random.Random) -> tuple[int, str, str]:
    """A random veth end: a process whose namespace has it, node, name."""
    with world.network() as network:
        spec, status = network.spec, network.status()
    ends = [
        (part.pid, part.node, name)
        for part in status.parts
        for name in _names(spec, part.node, part.kind)
    ]
    return rng.choice(sorted(ends, key=lambda end: end[1:]))


def _names(spec, node: str, kind: str) -> list[str]:
    if kind == "switch":
        return sorted(spec.interfaces(node).values())
    uplink = next(m.uplink for m in spec.machines if m.name == node)
    return [uplink, *sorted(c.ifname for c in spec.containers_of(node))]


def _ip(pid: int, *arguments: str) -> None:
    """``ip link …`` in the namespaces of a process of the network."""
    enter = ["nsenter", "--target", str(pid), "--net"]
    enter += [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    subprocess.run([*enter, "ip", "link", *arguments], check=True, timeout=10, capture_output=True)


def veth_deleted(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """One veth pair is deleted."""
    pid, node, name = _interface(world, rng)
    _ip(pid, "delete", name)
    return f"{node} {name}", None


def link_down(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """One end of a veth pair is set down, for good."""
    pid, node, name = _interface(world, rng)
    _ip(pid, "set", name, "down")
    return f"{node} {name}", None


def link_flaps(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """One end of a veth pair goes down and comes back, up to three times."""
    pid, node, name = _interface(world, rng)
    for _ in range(rng.randint(1, 3)):
        _ip(pid, "set", name, "down")
        time.sleep(rng.uniform(0.05, 0.5))
        _ip(pid, "set", name, "up")
        time.sleep(rng.uniform(0.05, 0.3))
    return f"{node} {name}", None


# -- files -----------------------------------------------------------------------------------------


def unlinked(pattern: str) -> Inject:
    """A file of the run directory is removed, as a cleaner of /tmp does."""

    def inject(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
        paths = sorted(world.run_dir.glob(pattern))
        if not paths:  # nobody writes topo.json again when an earlier fault has removed it
            return f"{pattern}, which was gone before", None
        path = rng.choice(paths)
        path.unlink()
        return path.name, None

    return inject


def emptied(world: World, _rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """The run directory is removed with all that is in it; a mount point stays, empty."""
    for path in world.run_dir.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with contextlib.suppress(OSError):
        world.run_dir.rmdir()
    return "run directory", None


def disk_full(world: World, _rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """The disk that holds the run directory and the results is full."""
    filler = world.run_dir / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    return "disk of the run directory", lambda: _remove(filler)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


# -- other users -----------------------------------------------------------------------------------


def rival(world: World, rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """A second controller becomes primary of a switch, and stays until the job has ended."""
    with world.network() as network:
        hit = rng.choice(list(network.switches.values()))
    argv = [sys.executable, "-m", "tests.chaos.rival", hit.grpc_address, str(hit.device_id)]
    process = subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()

    def leave() -> None:
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    return f"switch {hit.name}", leave


def taken_down(world: World, _rng: random.Random, _job: Job | None) -> tuple[str, Undo | None]:
    """Somebody types `make down`."""
    world.topo("down", seconds=30)
    return "make down", None


KILL, STOP = signal.SIGKILL, signal.SIGSTOP
_DAEMON, _SWITCH, _RX = ("daemon", "network"), ("switch s", "network: s"), ("rxpath", "rx-m")
_LINK = ("s1", "m1", "m2", "red", "blue", "eth")

FAULTS = (
    Fault("kill daemon", daemon(KILL), ENDS, _DAEMON),
    Fault("stop daemon", daemon(STOP), ENDS, _DAEMON),
    Fault("kill switch", part("switch", KILL), ENDS, _SWITCH),
    Fault("stop switch", part("switch", STOP), ENDS, _SWITCH),
    Fault("kill receive path", part("rxpath", KILL), ENDS, _RX),
    Fault("stop receive path", part("rxpath", STOP), ENDS, _RX),
    Fault("kill process 1", init, ENDS, (*_DAEMON, "switch")),
    Fault("kill container", container(KILL), GOES_ON, (*_LINK, "network")),
    Fault("stop container", container(STOP), GOES_ON, _LINK),
    Fault("kill sending program", sending_program, GOES_ON),
    Fault("kill controller", controller(KILL), KILLED, phases=(JOB,)),
    Fault("terminate controller", controller(signal.SIGTERM), KILLED, phases=(JOB,)),
    Fault("interrupt controller", controller(signal.SIGINT), KILLED, phases=(JOB,)),
    Fault("pause controller", paused_controller, GOES_ON, phases=(JOB,)),
    Fault("delete veth", veth_deleted, GOES_ON, _LINK),
    Fault("link down", link_down, GOES_ON, _LINK),
    Fault("link flaps", link_flaps, GOES_ON, _LINK),
    Fault("unlink daemon's socket", unlinked("topo.sock"), GOES_ON, _DAEMON),
    Fault("unlink switch's socket", unlinked("s*.p4rt.sock"), GOES_ON, _SWITCH),
    Fault("unlink receive path's socket", unlinked("rx-*.sock"), GOES_ON, _RX),
    Fault("unlink state", unlinked("topo.json"), GOES_ON),
    Fault("run directory gone", emptied, GOES_ON, (*_DAEMON, *_RX, "record")),
    Fault("disk full", disk_full, ENDS_LATER, ("space", "rxpath", "record"), needs_disk=True),
    Fault("second controller", rival, ENDS, ("switch s",)),
    Fault("make down", taken_down, ENDS, (*_DAEMON, *_SWITCH, *_RX)),
)
SETUPS = {
    f"{fault.name}:{phase}": replace(fault, phases=(phase,))
    for fault in FAULTS
    for phase in fault.phases
}
"""Each fault in each phase, by a name for the command line."""
