"""Who may write: the state machine of client arbitration.

P4Runtime specification 1.4, "Client Arbitration and Controller Replication". One `Arbitration`
serves one device. It holds no stream and no lock: the device passes in what clients send, sends
the returned notices in their order, and serialises the calls.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from v1switch.p4runtime.errors import Code, Refused, invalid, not_found

MAX_STREAMS = 16  # per role, as BMv2's server has it
MAX_ROLES = 1024  # ever used: the highest election id of each is kept

Client = Hashable


@dataclass(frozen=True)
class Bid:
    """A client's MasterArbitrationUpdate.

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
    """The primaries of one device, one for each role."""

    def __init__(self, device_id: int, max_streams: int = MAX_STREAMS) -> None:
        self.device_id = device_id
        self._max_streams = max_streams
        self._roles: dict[str, _Role] = {"": _Role()}
        self._role_of: dict[Client, str] = {}

    def bid(self, client: Client, bid: Bid) -> list[Notice]:
        """Handle a MasterArbitrationUpdate; returns notices to send, that of a new primary last.

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
        """Remove a client whose stream has ended; returns notices to send."""
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
        """Return if the role's primary has this election id.

        Raises:
            Refused: NOT_FOUND for a role that no client ever used, else PERMISSION_DENIED.
        """
        state = self._roles.get(role)
        if state is None:
            raise not_found(f"no client has ever used role {role!r}")
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
            raise Refused(code, f"unknown device {bid.device_id}, this is {self.device_id}")
        if known_role is not None and known_role != bid.role:
            raise Refused(
                Code.FAILED_PRECONDITION,
                f"the stream's role is {known_role!r}: open another stream for {bid.role!r}",
            )
        if bid.role_config:
            raise invalid(f"role {bid.role!r}: role.config is not supported, leave it unset")
        if bid.role not in self._roles and len(self._roles) >= MAX_ROLES:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"the limit of {MAX_ROLES} roles is reached")
        clients = self._roles.get(bid.role, _Role()).clients
        if bid.election_id is not None and any(
            other != client and taken == bid.election_id for other, taken in clients.items()
        ):
            raise invalid(f"election id {bid.election_id} is in use by another client")
        if known_role is None and len(clients) >= self._max_streams:
            raise Refused(
                Code.RESOURCE_EXHAUSTED, f"the limit of {self._max_streams} streams is reached"
            )

    def _notices(self, name: str) -> Iterator[Notice]:
        """Notices to all clients of a role; the primary's comes last, after writes in flight."""
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
