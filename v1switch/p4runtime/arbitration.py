"""Who may write: the state machine of client arbitration.

P4Runtime specification 1.4, "Client Arbitration and Controller Replication". One `Arbitration`
serves one device. It holds no stream and no lock: the service passes in what clients say, sends
out the notices that come back, in their order, and serialises the calls.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from v1switch.p4runtime.errors import Code, Refused, invalid, not_found

MAX_STREAMS = 16  # per role, as BMv2's server has it
MAX_ROLES = 1024  # ever named: the highest election id of each is kept for good

Client = Hashable


@dataclass(frozen=True)
class Bid:
    """What a client's MasterArbitrationUpdate says.

    `election_id` is the 128-bit number, or None when unset: such a client never becomes primary.
    `role` is the role's name, "" for the default role; `role_config` whether a config was set.
    """

    device_id: int
    election_id: int | None
    role: str = ""
    role_config: bool = False


@dataclass(frozen=True)
class Notice:
    """A MasterArbitrationUpdate for one client."""

    client: Client
    role: str
    election_id: int | None  # the highest ever seen for the role
    code: Code
    message: str


@dataclass
class _Role:
    """One (device, role): its live clients, its primary and the highest election id ever seen."""

    clients: dict[Client, int | None] = field(default_factory=dict)
    primary: Client | None = None
    highest: int | None = None


class Arbitration:
    """The primaries of one device, a role each."""

    def __init__(self, device_id: int, max_streams: int = MAX_STREAMS) -> None:
        self.device_id = device_id
        self._max_streams = max_streams
        self._roles: dict[str, _Role] = {"": _Role()}
        self._role_of: dict[Client, str] = {}

    def bid(self, client: Client, bid: Bid) -> list[Notice]:
        """Take a client's MasterArbitrationUpdate and return whom to tell, the new primary last.

        Raises:
            Refused: the client's stream must be ended with this code (the client is then closed
                as for any other broken stream).
        """
        self._check(client, bid)
        role = self._roles.setdefault(bid.role, _Role())
        was_primary = role.primary == client
        role.clients[client] = bid.election_id
        self._role_of[client] = bid.role
        if bid.election_id is not None and bid.election_id >= _or_lowest(role.highest):
            role.highest = bid.election_id
            role.primary = client
            return list(self._notices(bid.role))
        if was_primary:
            role.primary = None
            return list(self._notices(bid.role))
        return [self._notice(bid.role, client)]

    def close(self, client: Client) -> list[Notice]:
        """Forget a client whose stream is broken and return whom to tell."""
        name = self._role_of.pop(client, None)
        if name is None:
            return []
        role = self._roles[name]
        del role.clients[client]
        if role.primary != client:
            return []
        role.primary = None
        return list(self._notices(name))

    def check_primary(self, role: str, election_id: int | None) -> None:
        """Pass when the triple (device, role, election id) is a primary's.

        Raises:
            Refused: NOT_FOUND for a role nobody ever bid for, PERMISSION_DENIED otherwise.
        """
        state = self._roles.get(role)
        if state is None:
            raise not_found(f"no client ever bid for role {role!r}")
        if state.primary is None or election_id != state.highest:
            raise Refused(Code.PERMISSION_DENIED, "Not primary")

    def is_primary(self, client: Client) -> bool:
        """Whether the client is the primary of its role."""
        name = self._role_of.get(client)
        return name is not None and self._roles[name].primary == client

    def primaries(self) -> list[Client]:
        """Return every role's primary, for notifications and packet-in."""
        return [role.primary for role in self._roles.values() if role.primary is not None]

    def _check(self, client: Client, bid: Bid) -> None:
        known_role = self._role_of.get(client)
        if bid.device_id != self.device_id:
            code = Code.NOT_FOUND if known_role is None else Code.FAILED_PRECONDITION
            raise Refused(code, f"device {bid.device_id} is not here, this is {self.device_id}")
        if known_role is not None and known_role != bid.role:
            raise Refused(
                Code.FAILED_PRECONDITION,
                f"the stream's role is {known_role!r}: open another stream for {bid.role!r}",
            )
        if bid.role_config:
            raise invalid(f"role {bid.role!r}: no scheme of role.config is agreed, leave it unset")
        if bid.role not in self._roles and len(self._roles) >= MAX_ROLES:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"{MAX_ROLES} roles were named already")
        clients = self._roles.get(bid.role, _Role()).clients
        if bid.election_id is not None and any(
            other != client and taken == bid.election_id for other, taken in clients.items()
        ):
            raise invalid(f"election id {bid.election_id} is another live client's")
        if known_role is None and len(clients) >= self._max_streams:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"{self._max_streams} streams are open already")

    def _notices(self, name: str) -> Iterator[Notice]:
        """Tell everyone of the role; the primary comes last, once writes in flight are done."""
        role = self._roles[name]
        for client in role.clients:
            if client != role.primary:
                yield self._notice(name, client)
        if role.primary is not None:
            yield self._notice(name, role.primary)

    def _notice(self, name: str, client: Client) -> Notice:
        role = self._roles[name]
        if role.primary == client:
            return Notice(client, name, role.highest, Code.OK, "Is primary")
        code = Code.NOT_FOUND if role.primary is None else Code.ALREADY_EXISTS
        return Notice(client, name, role.highest, code, "Is backup")


def _or_lowest(election_id: int | None) -> int:
    return -1 if election_id is None else election_id
