"""Runs what the student wrote, beside it."""

from types import SimpleNamespace


def total(values):
    """The sum of the values by the student's add()."""
    from adder import add

    result = 0
    for value in values:
        result = add(result, value)
    return result


def cpus(count):
    """The CPUs of the first packets."""
    from choose import choose

    host = SimpleNamespace(falcon_cpus=[0, 1, 2, 3])
    return [choose(SimpleNamespace(number=number), host) for number in range(count)]
