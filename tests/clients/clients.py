"""All clients, in the order of the page."""

from tests.clients import cli, finsy, p4c, p4guide, p4learning, shell, tutorials
from tests.clients.cases import Case, Client

CLIENTS: tuple[Client, ...] = (
    tutorials.CLIENT,
    tutorials.PTF,
    p4guide.CLIENT,
    p4learning.CLIENT,
    p4c.CLIENT,
    finsy.CLIENT,
    shell.CLIENT,
    cli.CLIENT,
)


def find(client: str, case: str) -> tuple[Client, Case]:
    """A client and one of its cases, by their names."""
    found = next(one for one in CLIENTS if one.name == client)
    return found, next(one for one in found.cases if one.name == case)
