"""A policy."""


def choose(packet, host):
    """The CPU of a packet."""
    return host.falcon_cpus[packet.number % len(host.falcon_cpus)]
