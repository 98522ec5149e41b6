"""A memcached load: clients that ask, wait for the answer, compare it, and think.

    python -m falcon_ctl.apps.clients.memcached fill|run ADDRESS PORT LOAD

LOAD is a `Load` as JSON. Prints one line of JSON, a `Result`. The protocol is pymemcache's; what is
ours is when to ask.
Debian's memcaslap, the only load generator that it keeps, tells latencies as powers of two.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from falcon_ctl.apps.clients.memcached_load import Load, Result, key_of, result, value_of

_PATIENCE = 20.0  # s for an answer
_BEGIN = 0.1  # s for all threads to be there


@dataclass
class _Client:
    """One connection, in a thread of its own."""

    load: Load
    number: int
    address: tuple[str, int]
    latencies: list[float] = field(default_factory=list)
    altered: int = 0
    sets: int = 0
    error: str = ""
    span: tuple[float, float] = (0.0, 0.0)

    def run(self, barrier: threading.Barrier) -> None:
        """Connect, wait for the others, and ask until the time is over."""
        from pymemcache.client.base import Client

        try:
            client = Client(
                self.address, connect_timeout=_PATIENCE, timeout=_PATIENCE, no_delay=True
            )
            client.version()
            barrier.wait(_PATIENCE)
            self._ask(client)
            client.close()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the result
            self.error = f"{type(error).__name__}: {error}"
            barrier.abort()

    def _ask(self, client: Any) -> None:
        load, draws = self.load, random.Random(f"{self.load.seed} {self.number}")
        begin = time.perf_counter()
        end = begin + load.seconds
        count = self.number
        while time.perf_counter() < end:
            time.sleep(min(draws.expovariate(1.0) * load.think_s, load.longest_s))
            number = draws.randrange(load.keys)
            key, value = key_of(number), value_of(load, number)
            count += 1
            is_set = count % load.every == 0
            asked = time.perf_counter()
            if is_set:
                client.set(key, value, noreply=False)
            else:
                found = client.get(key)
            self.latencies.append(time.perf_counter() - asked)
            self.sets += is_set
            self.altered += not is_set and found != value
        self.span = begin, time.perf_counter()


def fill(load: Load, address: tuple[str, int]) -> None:
    """Set all keys."""
    from pymemcache.client.base import Client

    client = Client(address, connect_timeout=_PATIENCE, timeout=_PATIENCE)
    for number in range(load.keys):
        client.set(key_of(number), value_of(load, number), noreply=False)
    client.close()


def run(load: Load, address: tuple[str, int]) -> Result:
    """All clients until they have ended."""
    barrier = threading.Barrier(load.connections)
    clients = [_Client(load, number, address) for number in range(load.connections)]
    threads = [threading.Thread(target=one.run, args=(barrier,), daemon=True) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begin = min(one.span[0] for one in clients)
    end = max(one.span[1] for one in clients)
    return result(
        [latency for one in clients for latency in one.latencies],
        end - begin,
        sets=sum(one.sets for one in clients),
        altered=sum(one.altered for one in clients),
        errors=[one.error for one in clients if one.error],
    )


def main(argv: list[str]) -> None:
    """`fill` or `run` a load."""
    what, address, port, text = argv
    load = Load(**json.loads(text))
    if what == "fill":
        fill(load, (address, int(port)))
    else:
        print(json.dumps(asdict(run(load, (address, int(port))))))


if __name__ == "__main__":
    main(sys.argv[1:])
