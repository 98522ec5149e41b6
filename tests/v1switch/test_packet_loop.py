"""The packet loop by itself, without interfaces."""

import contextlib
import signal
import threading

from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.io.loop import PacketLoop


def test_a_signal_ends_a_loop_that_it_does_not_interrupt() -> None:
    """As when it comes between Python's look at signals and epoll_wait(2)."""
    late: list[bool] = []
    with contextlib.closing(PacketLoop(Dataplane(PythonEngine()), [])) as loop:

        def give_up() -> None:
            late.append(True)
            loop.stop()

        patience = threading.Timer(30, give_up)
        # a thread's own signal: Python handles it in the main thread, which goes on waiting
        other = threading.Timer(
            0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        )
        before = signal.signal(signal.SIGUSR1, lambda *_: loop.stop())
        try:
            patience.start()
            other.start()
            loop.run()
        finally:
            patience.cancel()
            other.join()
            signal.signal(signal.SIGUSR1, before)
    assert late == []
