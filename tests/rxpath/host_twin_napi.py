"""The plain twin's NAPI threads: who polls an instance when its device's `threaded` is set."""

from __future__ import annotations

from host_twin_objects import Cpu, Task

from rxpath.model.state import codes

APPS = 1000  # number of the first of the applications' threads: they come last among equals


class NapiThreads:
    """The part of `Twin` that polls in threads."""

    def begin_napi_threads(self) -> None:
        number = codes.MAX_CPUS  # behind every ksoftirqd
        of_device = {"eth0": self.nics, "vxlan0": self.cells}  # of the profiles that tests have
        for device in sorted(self.k.napi_threads):
            cpus = self.k.napi_threads[device]
            for place, napi in enumerate(of_device[device]):
                napi.thread = Task(number, cpus[place % len(cpus)])
                napi.thread.napi = napi
                number += 1
                if device == "vxlan0":
                    napi.cpu = napi.thread.cpu  # whose lines the queue is in

    def interrupt_wakes(self, cpu: Cpu, thread: Task) -> None:
        begin = self.now + (self.k.idle_exit_ns if cpu.work is None else 0)
        asleep = thread.state == "asleep"
        self.interrupt(cpu, self.cost("hardirq") + (self.cost("wake_up") if asleep else 0))
        self.call(thread, begin)

    def poll_in_thread(self, cpu: Cpu, thread: Task) -> None:
        if not thread.napi.scheduled:
            thread.state, cpu.task = "asleep", None
            return
        cpu.context, cpu.napi = "poll", thread.napi
        cpu.polled, cpu.flushes, cpu.urgent = 0, False, False
        cpu.extra += self.cost("napi_poll")
