"""Observations that are made and not measured: a machine that receives one flow, step by step."""

from dataclasses import replace

from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import (
    Cpu,
    Event,
    Flow,
    Host,
    Observation,
    Place,
    Queue,
    Share,
    Socket,
    Work,
)

STEP = 100_000_000  # wall ns between two observations
BEGIN = 1_700_000_000_000_000_000

NIC, VXLAN, VETH = Work("napi", "eth0"), Work("gro_cell", "vxlan0"), Work("backlog", "veth0")
SOCKET = Work("socket")
OVERLAY, FALCON = Choice("overlay", dilation=1000), Choice("falcon", dilation=1000)
# CPU → share of each stage: all softirqs on one core, and each on its own.
PILED = {3: {NIC: 0.4, VXLAN: 0.35, VETH: 0.24}, 20: {SOCKET: 0.29}}
SPREAD = {0: {VXLAN: 0.5}, 3: {NIC: 0.9}, 6: {VETH: 0.45}, 20: {SOCKET: 0.6}}


def cpu(number, shares, backlog=0, cell=0):
    load = sum(shares.values())
    parts = tuple(Share(work, share) for work, share in shares.items())
    state = "task" if SOCKET in shares else "softirq"
    return Cpu(number, load, state, round(100 * load), backlog, cell, parts)


def flow(pps, loads, number=0, **more):
    places = tuple(Place(work, at) for at, shares in loads.items() for work in shares)
    found = Flow(number, "udp", "red1-1", 40000, "red2-1", 5001, 0, 0, 0, 0, 0, 0, pps, places)
    return replace(found, **more)


def host(name="m2", choice=OVERLAY, pps=588e3, loads=PILED, **more):
    found = Host(
        name=name,
        model_ns=0,
        span_ns=100_000,
        choice=choice,
        falcon_off=False,
        average_load=0,
        pps=pps,
        bps=pps * 8 * 128,
        counts={"delivered": 0, "reordered": 0},
        drops={},
        cpus=tuple(cpu(number, shares) for number, shares in loads.items()),
        queues=tuple(Queue(number, 0, 1024, 1 + 2 * number) for number in range(4)),
        sockets=(Socket("red2-1", 0, 0, 212_992),),
        flows=(flow(pps, loads),) if pps else (),
    )
    return replace(found, **more)


def quiet(name="m1", choice=OVERLAY):
    return host(name, choice, pps=0.0, loads={})


def observation(*hosts, step=0, events=(), choice=None):
    found = hosts or (quiet(), host())
    return Observation(BEGIN + step * STEP, choice, {one.name: one for one in found}, tuple(events))


def story():
    """An overlay with a full core, a switch to FALCON, a rehash, drops."""
    yield observation()
    yield observation(step=1)
    falcon = quiet(choice=FALCON), host(choice=FALCON, pps=1.185e6, loads=SPREAD, average_load=48)
    yield observation(*falcon, step=2, choice=FALCON)
    rehash = Event(1_200_000, "m2", "rehash", "udp red1-1:40000 > red2-1:5001: gro_cell CPU 0 → 4")
    yield observation(*falcon, step=3, events=[rehash], choice=FALCON)
    lossy = (falcon[0], replace(falcon[1], drops={"rx_missed": 12}))
    lost = Event(1_300_000, "m2", "drop", "12 frames lost: rx_missed")
    yield observation(*lossy, step=4, events=[lost], choice=FALCON)


class Made:
    """A source of such observations without end, which runs what it is told to."""

    name = "pair"
    is_live = True

    def __init__(self):
        self.step = 0
        self.choice = OVERLAY
        self.used = []
        self.failure = self.refusal = None  # of observing, and of using
        self.closed = False

    def observe(self, flows):
        if self.failure:
            raise self.failure
        self.step += 1
        spread = self.choice.system.startswith("falcon")
        loads = SPREAD if spread else PILED
        wave = 0.8 + 0.02 * (self.step * 7 % 10)
        shown = {at: {w: s * wave for w, s in shares.items()} for at, shares in loads.items()}
        pps = (1.185e6 if spread else 588e3) * wave
        counts = {"delivered": 60_000 * self.step, "reordered": 0}
        busy = host(choice=self.choice, pps=pps, loads=shown, counts=counts)
        return observation(quiet(choice=self.choice), busy, step=self.step, choice=self.choice)

    def use(self, choice):
        self.used.append(choice)
        if self.refusal:
            raise self.refusal
        self.choice = choice

    def close(self):
        self.closed = True
