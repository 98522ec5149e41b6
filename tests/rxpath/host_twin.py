"""The receive path once more, in plain Python with objects: what the kernels must equal.

Written from the rules (net/core/dev.c, kernel/softirq.c, the docstrings of rxpath) and not from the
kernels: lists, dicts and a linear search for the next event.  Only data are shared: knobs, costs,
profiles and the names of codes.
"""

from __future__ import annotations

from collections import deque

from host_twin_bypass import Bypass
from host_twin_fragments import Fragments
from host_twin_moderation import Moderation
from host_twin_napi import APPS, NapiThreads
from host_twin_objects import Cpu, Frame, Napi, Skb, Socket, Task
from host_twin_order import Order
from host_twin_rebalance import Rebalance
from host_twin_rules import Rules
from host_twin_stages import Stages
from host_twin_threads import Threads

from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs
from rxpath.model.state import codes


class Twin(Stages, Fragments, Threads, NapiThreads, Bypass, Moderation, Order, Rebalance, Rules):
    def __init__(self, knobs: Knobs, sockets: int, flows: int) -> None:
        self.k, self.f = knobs, knobs.falcon
        self.amount = costs.load(knobs.costs, knobs.cost_overrides)
        self.now = self.sequence = 0
        self.due: dict = {}
        self.events: list = []
        self.cpus = [Cpu(c) for c in range(codes.MAX_CPUS)]
        self.nics = [
            Napi("nic", q, knobs.irq_cpus[q % len(knobs.irq_cpus)]) for q in range(knobs.queues)
        ]
        self.cells = [Napi("cell", c, c) for c in range(codes.MAX_CPUS)]
        self.backlogs = [Napi("backlog", c, c) for c in range(codes.MAX_CPUS)]
        self.rings = [Napi("poll", c, c) for c in range(codes.MAX_CPUS)]
        self.ksoftirqd = [Task(c, c) for c in range(codes.MAX_CPUS)]
        count = knobs.threads or sockets
        apps = [Task(APPS + t, knobs.app_cpus[t % len(knobs.app_cpus)]) for t in range(count)]
        self.sockets = [Socket(apps[s % count]) for s in range(sockets)]
        self.sent = [0] * flows
        self.expected = [0] * flows
        self.reordered = [0] * flows
        self.begin_order(flows)
        self.average = 0
        self.off = False
        self.received = self.delivered = self.switched_off = self.switched_on = 0
        self.drops = dict.fromkeys(codes.DROP_REASONS, 0)
        names = ("squeezed", "ksoftirqd", "ipis", "interrupts", "merged")
        self.softirqs = dict.fromkeys(names, 0)
        self.schedule(("tick",), self.f.load_interval_ns, 0)
        self.begin_napi_threads()
        self.begin_moderation()
        self.begin_polling()
        self.begin_balancing()
        self.begin_rules()
        self.begin_fragments()

    def cost(self, name: str) -> int:
        return self.amount[name].udp

    # -- time
    def schedule(self, source: tuple, time: int, priority: int) -> None:
        self.sequence += 1
        self.due[source] = (time, priority, self.sequence)

    def advance(self, until: int) -> list:
        self.events = []
        while True:
            source = min(self.due, key=self.due.get)
            if self.due[source][0] > until:
                self.now = max(self.now, until)
                return self.events
            self.now = self.due[source][0]
            getattr(self, "on_" + source[0])(*source[1:])

    def next_deadline(self) -> int:
        return min(self.due.values())[0]

    # -- NIC
    def receive(self, slot: int, now: int, **f: int) -> int:
        self.now = max(now, self.now)
        self.received += 1
        frame = Frame(slot, f["flow"], f["socket"], self.now, self.sent[f["flow"]])
        self.sent[f["flow"]] += 1
        stages, length = self.way_of(f)
        skb = Skb(
            frames=[frame],
            hash=f["rss_hash"],
            flow=f["flow"],
            socket=f["socket"],
            tcp=f["protocol"] == 6,
            protocol=f["protocol"],
            stages=stages,
            length=length,
            truesize=length + self.cost("skb_overhead"),
            payload=f.get("payload", 0),
            seq=f.get("seq", 0) % 2**32,
            flags=f.get("tcp_flags", 0),
            key=f.get("gro_key", 0),
            fragments=f.get("fragments", 0),
            priority=self.has_priority(f),
            enqueued=self.now,
        )
        nic = self.nics[self.table[skb.hash % 128]]
        if skb.stages[0].kind == "poll":
            return self.arrive_at_poller(self.cpus[nic.cpu], skb)
        nic = self.rebalanced(nic, skb.hash % 128)
        if len(nic.queue) >= self.k.ring:
            self.drops["rx_missed"] += 1
            return codes.RX_MISSED
        nic.queue.append(skb)
        self.completion(nic)
        if not nic.scheduled:
            nic.pending += 1
            self.moderate(nic)
        return 0

    def on_interrupt(self, number: int) -> None:
        del self.due["interrupt", number]
        self.softirqs["interrupts"] += 1
        nic = self.nics[number]
        self.event(nic)
        nic.pending, nic.scheduled = 0, True
        cpu = self.cpus[nic.cpu]
        if nic.thread:
            self.interrupt_wakes(cpu, nic.thread)
            return
        cpu.poll.append(nic)
        self.interrupt(cpu, self.cost("hardirq"))

    def on_ipi(self, kind: str, number: int) -> None:
        del self.due["ipi", kind, number]
        napi = (self.cells if kind == "cell" else self.backlogs)[number]
        cpu = self.cpus[number]
        cpu.poll.append(napi)
        self.interrupt(cpu, self.cost("ipi_handle"))

    # -- CPUs
    def start(self, cpu: Cpu, kind: str, skb: Skb | None, cost: int) -> None:
        cpu.work, cpu.start, cpu.stolen = (kind, skb), self.now, 0
        self.schedule(("cpu", cpu.number), self.now + cost + cpu.extra, 4)
        cpu.extra = 0

    def account(self, cpu: Cpu) -> None:
        elapsed = self.now - cpu.start - cpu.stolen
        kinds = {"irq": "hardirq", "task": "task", "poll": "polling", "spin": "polling"}
        kind = kinds.get(cpu.work[0])
        if kind is None:
            kind = {"thread": "ksoftirqd", "poll": "napi_thread"}.get(cpu.context, "softirq")
        cpu.busy[kind] += elapsed
        if kind in ("task", "ksoftirqd", "napi_thread"):
            cpu.task.runtime += elapsed

    def interrupt(self, cpu: Cpu, cost: int) -> None:
        asleep = self.k.idle_exit_ns if cpu.work is None else 0
        if cpu.work and cpu.work[0] == "task":
            self.suspend(cpu)
        self.stop_spinning(cpu)
        if cpu.work is None:
            self.start(cpu, "irq", None, cost)
            cpu.stolen = asleep
            self.schedule(("cpu", cpu.number), self.due["cpu", cpu.number][0] + asleep, 4)
            return
        cpu.stolen += cost
        cpu.busy["hardirq"] += cost
        self.schedule(("cpu", cpu.number), self.due["cpu", cpu.number][0] + cost, 4)

    def suspend(self, cpu: Cpu) -> None:
        self.account(cpu)
        cpu.task.remaining = self.due["cpu", cpu.number][0] - self.now
        cpu.task.skb = cpu.work[1]
        cpu.work = None

    def on_cpu(self, number: int) -> None:
        cpu = self.cpus[number]
        self.account(cpu)
        kind, skb = cpu.work
        if kind == "task":
            self.end(skb)
            self.sockets[skb.socket].memory -= skb.truesize
            self.leave(skb, "deliver", "none", cpu)
        elif kind == "poll":
            self.end(skb)
            self.leave(skb, "deliver", "none", cpu)
        elif kind != "irq":
            self.finish_softirq(cpu, kind, skb)
        self.next_work(cpu)

    def next_work(self, cpu: Cpu) -> None:
        while True:
            daemon = self.ksoftirqd[cpu.number]
            if cpu.context is None and (cpu.poll or cpu.raised) and daemon.state == "asleep":
                self.enter(cpu, "inline")
            if cpu.context is not None:
                if self.step(cpu):
                    return
                continue
            if self.poll_ring(cpu):
                return
            task = self.pick(cpu)
            if task is None:
                cpu.last_task = None
                self.due.pop(("cpu", cpu.number), None)
                self.rest(cpu)
                return
            if task is daemon:
                self.enter(cpu, "thread")
            elif task.napi:
                self.poll_in_thread(cpu, task)
            elif self.run(cpu, task):
                return

    # -- softirqs
    def enter(self, cpu: Cpu, context: str) -> None:
        cpu.context, cpu.entered, cpu.rounds = context, self.now, 1
        self.begin_round(cpu)

    def begin_round(self, cpu: Cpu) -> None:
        cpu.budget, cpu.action, cpu.squeezed = self.k.budget, self.now, False
        cpu.extra += self.cost("softirq_entry")
        if not self.prism:
            cpu.round, cpu.poll = cpu.poll, []
        cpu.raised = False
        cpu.runs += 1

    def step(self, cpu: Cpu) -> bool:
        while True:
            if cpu.ready:
                skb = cpu.ready.popleft()
                if isinstance(skb, list):
                    self.start_datagram(cpu, skb)
                else:
                    self.start(cpu, "post", skb, self.leaving_gro_cost(skb))
                return True
            if cpu.napi:
                if self.poll_one(cpu, cpu.napi):
                    return True
                self.end_poll(cpu)
            elif cpu.context == "poll":
                if cpu.extra:
                    self.start(cpu, "overhead", None, 0)
                    return True
                cpu.context = None
                return False
            elif napi := self.next_napi(cpu):
                cpu.napi, cpu.polled, cpu.flushes, cpu.urgent = napi, 0, False, False
                cpu.extra += self.cost("napi_poll")
            elif cpu.ipis:
                self.start(cpu, "ipi", None, self.cost("ipi_send"))
                return True
            elif cpu.extra:
                self.start(cpu, "overhead", None, 0)
                return True
            elif not self.end_round(cpu):
                return False

    @property
    def prism(self) -> bool:
        return bool(profiles.load()[self.k.profile].low_path)

    def next_napi(self, cpu: Cpu) -> Napi | None:
        if cpu.squeezed:
            return None
        if not self.prism:
            return cpu.round.pop(0) if cpu.round else None
        cpu.poll, cpu.repoll = cpu.poll + cpu.repoll, []
        return cpu.poll.pop(0) if cpu.poll else None

    def poll_one(self, cpu: Cpu, napi: Napi) -> bool:
        if napi.kind == "backlog" and cpu.polled == 0 and cpu.ipis:
            self.start(cpu, "ipi", None, self.cost("ipi_send"))
            return True
        skb = None
        if self.prism and napi.kind == "backlog" and not cpu.flushes:
            if cpu.urgent or cpu.polled == 0:
                skb = self.dequeue_urgent(napi)
            if skb:
                cpu.urgent = True
                cpu.polled += 1
                self.start_skb(cpu, napi, skb)
                return True
            cpu.flushes = cpu.urgent
        if not cpu.flushes and cpu.polled < self.k.napi_weight:
            skb = self.dequeue(napi)
        cpu.flushes = skb is None
        if skb:
            cpu.polled += 1
            (self.start_frame if napi.kind == "nic" else self.start_skb)(cpu, napi, skb)
            return True
        for bucket in napi.held:
            if bucket:
                skb = bucket.pop(0)
                self.start(cpu, "post", skb, self.leaving_gro_cost(skb))
                return True
        return False

    def dequeue(self, napi: Napi) -> Skb | None:
        if napi.kind == "backlog":
            if not napi.process:
                napi.process, napi.queue = napi.queue, deque()
            return napi.process.popleft() if napi.process else None
        if not napi.queue:
            return None
        skb = napi.queue.popleft()
        if napi.kind == "nic":
            napi.tail += 1
            napi.bytes += skb.length
        return skb

    def dequeue_urgent(self, napi: Napi) -> Skb | None:
        if not napi.urgent_process:
            napi.urgent_process, napi.urgent = napi.urgent, deque()
        return napi.urgent_process.popleft() if napi.urgent_process else None

    def end_poll(self, cpu: Cpu) -> None:
        napi, cpu.napi = cpu.napi, None
        more = cpu.urgent or bool(napi.urgent) or cpu.polled >= self.k.napi_weight
        more = more or (napi.kind != "nic" and bool(napi.queue))
        if napi in cpu.poll:
            pass  # it was put there at the head
        elif more:
            if cpu.context != "poll":  # the thread just goes on
                cpu.repoll.append(napi)
        else:
            napi.scheduled = False
            if napi.kind == "nic":
                self.look(napi)
                napi.pending = len(napi.queue)
                if napi.pending:
                    self.moderate(napi)
        if cpu.context == "poll":
            return
        cpu.budget -= cpu.polled
        if cpu.budget <= 0 or self.now - cpu.action >= self.k.budget_usecs * 1000:
            cpu.squeezed = True
            self.softirqs["squeezed"] += 1

    def end_round(self, cpu: Cpu) -> bool:
        cpu.poll = cpu.round + cpu.poll + cpu.repoll
        cpu.round, cpu.repoll = [], []
        again = bool(cpu.poll) or cpu.raised
        if cpu.context == "thread":
            if not again:
                cpu.task.state, cpu.task = "asleep", None
            elif self.must_yield(cpu):
                again = False
        elif again:
            long = self.now - cpu.entered >= self.cost("softirq_time_limit")
            if long or cpu.rounds >= self.cost("softirq_restarts") or cpu.runnable:
                self.softirqs["ksoftirqd"] += 1
                self.wake(self.ksoftirqd[cpu.number])
                again = False
        if again:
            cpu.rounds += 1
            self.begin_round(cpu)
        else:
            cpu.context = None
        return again

    def finish_softirq(self, cpu: Cpu, kind: str, skb: Skb | None) -> None:
        napi = cpu.napi
        if kind == "ipi":
            target = cpu.ipis.pop(0)
            self.softirqs["ipis"] += 1
            source = ("ipi", target.kind, target.number)
            self.schedule(source, self.now + self.cost("ipi_latency"), 2)
        elif kind == "frame":
            self.finish_frame(cpu, napi, skb)
            napi.done += 1
        elif kind == "skb":
            split, skb.split = skb.split, ""
            if split == "gro":
                self.up(cpu, napi, skb)
            else:
                position = codes.NIC_POSITION if split == "stack" else skb.at
                self.leave_stage(cpu, napi, skb, position)
            napi.done += 1
        elif kind == "post":
            self.leave_gro(cpu, napi, skb)
        elif kind == "datagram":
            self.end(skb)
            skb.came_from = cpu.number
            self.move_on(cpu, skb)
        if napi and not cpu.ready and not napi.holds():
            napi.head = napi.done
            self.head_moved(cpu, napi)

    # -- out, and load
    def leave(self, skb: Skb, kind: str, reason: str, cpu: Cpu) -> None:
        for frame in skb.frames:
            row = (
                {"deliver": codes.DELIVER, "drop": codes.DROP}[kind],
                frame.slot,
                frame.flow,
                frame.socket,
                self.now,
                cpu.number,
                codes.DROP_REASONS.index(reason),
                self.now - frame.arrival,
            )
            self.events.append((row, frame.record))
            if kind == "drop":
                self.drops[reason] += 1
                continue
            self.delivered += 1
            if frame.number < self.expected[frame.flow]:
                self.reordered[frame.flow] += 1
            else:
                self.expected[frame.flow] = frame.number + 1

    def on_tick(self) -> None:
        for cpu in self.cpus[: self.k.cpus]:
            busy = sum(cpu.busy.values())
            if cpu.work:
                busy += self.now - cpu.start - cpu.stolen
            elapsed = self.now - cpu.mark_time
            idle = (elapsed - (busy - cpu.mark)) * 100 // elapsed
            cpu.mark, cpu.mark_time = busy, self.now
            cpu.load = (4 * cpu.load + 100 - max(0, min(100, idle))) // 5
        self.average = sum(self.cpus[c].load for c in self.f.cpus) // len(self.f.cpus)
        off = self.f.switch_off and self.average >= self.f.threshold
        self.switched_off += off and not self.off
        self.switched_on += self.off and not off
        self.off = off
        self.rebalance()
        self.expire()
        self.schedule(("tick",), self.now + self.f.load_interval_ns, 0)
