"""The plain twin's objects: frames, skbs, NAPI instances, CPUs, threads, sockets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rxpath.model.state import codes


@dataclass
class Frame:
    slot: int
    flow: int
    socket: int
    arrival: int
    number: int
    record: list = field(default_factory=list)  # as `StageRecord`


@dataclass
class Skb:
    frames: list
    hash: int
    flow: int
    socket: int
    tcp: bool
    protocol: int
    stages: tuple
    length: int
    truesize: int
    payload: int
    seq: int
    flags: int
    key: int
    enqueued: int
    next_seq: int = 0
    at: int = 0  # index into stages
    split: str = ""  # what of the first stage it waits for: gro, stack
    target: object = None
    came_from: int = 0
    choice: int = 0
    held: int = 0  # by the order guard, in the queue that it waits in
    batch: int = -1  # its micro-flow; -1: no place in the flow's order
    priority: bool = False
    fragments: int = 0  # how many its datagram has; more than 1: it is one of them


class Napi:
    def __init__(self, kind: str, number: int, cpu: int) -> None:
        self.kind, self.number, self.cpu = kind, number, cpu
        self.queue: deque = deque()
        self.process: deque = deque()
        self.urgent: deque = deque()  # packets with priority, and those that are being processed
        self.urgent_process: deque = deque()
        self.held: list = [[] for _ in range(8)]
        self.scheduled = False
        self.thread = None  # that polls it; None: softirqs do
        self.pending = 0
        self.events = self.bytes = 0  # of a NIC's queue: interrupts, bytes taken off the ring
        self.tail = self.done = self.head = 0

    def holds(self) -> bool:
        return any(self.held)


class Task:
    def __init__(self, number: int, cpu: int) -> None:
        self.number, self.cpu = number, cpu
        self.state = "asleep"
        self.runtime = 0
        self.skb = None
        self.remaining = 0
        self.ready: deque = deque()
        self.napi = None  # that it polls


class Socket:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.queue: deque = deque()
        self.memory = 0


class Cpu:
    def __init__(self, number: int) -> None:
        self.number = number
        self.work = None  # (kind, skb)
        self.start = self.stolen = self.extra = 0
        self.context = None  # None, "inline", "thread", "poll"
        self.entered = self.rounds = self.action = self.budget = 0
        self.squeezed = False
        self.raised = False  # the softirq, for an IPI that is to be sent
        self.runs = 0  # of net_rx_action
        self.napi = None
        self.polled = 0
        self.flushes = False  # the poll function has ended
        self.urgent = False  # it is a poll of packets with priority
        self.round: list = []
        self.poll: list = []
        self.repoll: list = []
        self.ipis: list = []
        self.ready: deque = deque()
        self.task = None
        self.last_task = None
        self.runnable: list = []
        self.min_runtime = 0
        self.busy = dict.fromkeys(codes.BUSY_NAMES, 0)
        self.mark = self.mark_time = 0
        self.load = 0
