"""The plain twin's sockets, and the threads that read them."""

from __future__ import annotations

from host_twin_objects import Cpu, Skb, Task

from rxpath.model.state import codes


class Threads:
    """The part of `Twin` that knows who runs on a CPU."""

    def to_socket(self, cpu: Cpu, skb: Skb) -> None:
        if skb.stages[skb.at].kind == "defrag":
            self.defragment(cpu, skb)
            return
        socket = self.sockets[skb.socket]
        limit = self.k.tcp_rcvbuf if skb.protocol == 6 else self.k.rcvbuf
        if socket.memory > limit:
            self.leave(skb, "drop", "socket_rcvbuff", cpu)
            return
        self.learn(skb)
        socket.memory += skb.truesize
        skb.enqueued = self.now
        socket.queue.append(skb)
        task = socket.task
        if socket not in task.ready:
            task.ready.append(socket)
        cpu.extra += self.call(task, self.now)

    def call(self, task: Task, begin: int) -> int:
        """Wake a thread if it sleeps; what that costs the caller."""
        if task.state != "asleep":
            return 0
        task.state = "waking"
        delay = self.cost("wake_latency")
        if self.cpus[task.cpu].work is None:
            delay += self.k.idle_exit_ns
        self.schedule(("wake", task), begin + delay, 3)
        return self.cost("wake_up")

    def wake(self, task: Task) -> None:
        cpu = self.cpus[task.cpu]
        credit = self.cost("sched_sleeper_credit")
        task.runtime = max(task.runtime, cpu.min_runtime - credit)
        task.state = "runnable"
        cpu.runnable.append(task)

    def on_wake(self, task: Task) -> None:
        del self.due["wake", task]
        self.wake(task)
        cpu = self.cpus[task.cpu]
        self.stop_spinning(cpu)
        if cpu.work and cpu.work[0] == "task" and self.must_yield(cpu):
            self.suspend(cpu)
        if cpu.work is None:
            self.next_work(cpu)

    def best(self, cpu: Cpu) -> Task | None:
        return min(cpu.runnable, key=lambda task: (task.runtime, task.number), default=None)

    def must_yield(self, cpu: Cpu) -> bool:
        best = self.best(cpu)
        if best is None or cpu.task is None:
            return best is not None
        return cpu.task.runtime - best.runtime > self.cost("sched_granularity")

    def pick(self, cpu: Cpu) -> Task | None:
        if self.must_yield(cpu):
            best = self.best(cpu)
            cpu.runnable.remove(best)
            if cpu.task:
                cpu.task.state = "runnable"
                cpu.runnable.append(cpu.task)
            cpu.task, best.state = best, "running"
            cpu.min_runtime = max(cpu.min_runtime, best.runtime)
            if cpu.last_task is None:
                cpu.extra += self.cost("idle_switch")
            elif cpu.last_task is not best:
                cpu.extra += self.cost("context_switch")
            cpu.last_task = best
        return cpu.task

    def run(self, cpu: Cpu, task: Task) -> bool:
        if task.skb:
            skb, task.skb = task.skb, None
            self.start(cpu, "task", skb, task.remaining)
            return True
        if not task.ready:
            task.state, cpu.task = "asleep", None
            return False
        socket = task.ready.popleft()
        skb = socket.queue.popleft()
        if socket.queue:
            task.ready.append(socket)
        self.begin(cpu, skb, codes.SOCKET, 0)
        moved = self.cost("cache_penalty") if skb.came_from != cpu.number else 0
        self.start(cpu, "task", skb, self.stack_cost(skb) + self.k.service_ns + moved)
        return True
